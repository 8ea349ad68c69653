//! The program: `elks-mcp` serves MCP on stdio. Its other commands are for people.

use clap::Parser;
use elks_mcp::call::CallHandler;
use elks_mcp::cli::{Arguments, Command};
use elks_mcp::config::Settings;
use elks_mcp::mcp::{self, Ended};
use elks_mcp::simulator::Simulator;
use elks_mcp::stderr::{Sink, Stderr};
use elks_mcp::{capabilities, demo, signals};
use elks_sandbox::{ElksApi, Upstream};
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.command {
        None => return serve(arguments.simulate),
        Some(Command::Demo) => demo::play(&mut io::stdout().lock()),
        Some(Command::Tools) => capabilities::write_tools(&mut io::stdout().lock()),
        Some(Command::Capabilities { json: false }) => capabilities::write(&mut io::stdout().lock()),
        Some(Command::Capabilities { json: true }) => capabilities::write_json(&mut io::stdout().lock()),
        Some(Command::Component { output }) => capabilities::write_component(&output),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        // A reader that stops early (`elks-mcp tools | head`) is no failure.
        Err(error) if error.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe) => {
            ExitCode::SUCCESS
        }
        Err(error) => {
            let _ = writeln!(io::stderr(), "✗ {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Serves MCP until the client goes away.
fn serve(simulate: bool) -> ExitCode {
    let stderr = Arc::new(Stderr::start());
    let code = serve_with(simulate, &stderr).unwrap_or_else(|error| {
        stderr.line(&format!("✗ {error:#}"));
        ExitCode::FAILURE
    });
    stderr.finish();
    code
}

fn serve_with(simulate: bool, stderr: &Arc<Stderr>) -> anyhow::Result<ExitCode> {
    let settings = Settings::from_env(simulate)?;
    if simulate {
        stderr.line(
            "⚠ SIMULATOR: a simulated 46elks answers. No message is sent, nothing is charged, every reply is made up.",
        );
    }
    stderr.line("✓ Configuration validated");
    stderr.line(match (settings.dry_run, simulate) {
        (true, _) => "⚠ DRY RUN mode enabled - SMS messages will NOT be sent (set DRY_RUN=false to send)",
        (false, false) => "⚠ DRY RUN mode disabled - SMS messages WILL be sent",
        (false, true) => "⚠ DRY RUN mode disabled - the simulator pretends to send SMS messages",
    });
    // One thread: each request of the component is a task, and waking another thread costs more than running the task.
    // A component that computes yields every 10 ms (see the sandbox), and tokio looks at input, signals and timers
    // every eighth task.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().event_interval(8).build()?;
    let ended = runtime.block_on(async {
        let signalled = signals::signals();
        let upstream: Arc<dyn Upstream> = if simulate {
            Arc::new(Simulator::new(&settings.credentials, &settings.sender))
        } else {
            Arc::new(ElksApi::new())
        };
        let calls = Arc::new(CallHandler::new(settings, upstream, Arc::clone(stderr) as Arc<dyn Sink>));
        // The handshake does not wait for 46elks; each call waits for the verified account by itself.
        let (checking, log) = (Arc::clone(&calls), Arc::clone(stderr));
        tokio::spawn(async move {
            let verified = checking.verified().await.map(|_| ());
            if !verified.is_err_and(|unverified| unverified.is_fatal()) {
                log.line("✓ MCP SMS Server running on stdio");
            }
        });
        mcp::serve(calls, signalled).await
    });
    // Nobody waits for tasks that still run, and a blocked read of stdin must not keep the process alive.
    runtime.shutdown_background();
    match ended? {
        Ended::ByClient | Ended::BySignal => Ok(ExitCode::SUCCESS),
        Ended::Fatal => Ok(ExitCode::FAILURE),
        Ended::Failed => anyhow::bail!("the MCP session ended unexpectedly"),
    }
}
