//! The program: `elks-mcp` serves MCP on stdio. Its other commands are for people.

use clap::Parser;
use elks_mcp::call::CallHandler;
use elks_mcp::cli::{Arguments, AuditCommand, Command};
use elks_mcp::config::{Settings, State};
use elks_mcp::mcp::{self, Ended};
use elks_mcp::operator::{self, Audit};
use elks_mcp::simulator::Simulator;
use elks_mcp::stderr::{Sink, Stderr};
use elks_mcp::{capabilities, demo, signals};
use elks_sandbox::{ElksApi, Upstream};
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;

/// The exit code of `audit` when it cannot read a journal. Its codes 1 and 2 say what is wrong with one.
const CANNOT_READ: u8 = 3;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            // `audit` has a meaning of its own for clap's exit code.
            let is_audit = error.use_stderr() && std::env::args_os().nth(1).is_some_and(|first| first == "audit");
            return if is_audit { ExitCode::from(CANNOT_READ) } else { ExitCode::from(error.exit_code() as u8) };
        }
    };
    let done = match arguments.command {
        None => return serve(arguments.simulate),
        Some(Command::Demo) => demo::play(&mut io::stdout().lock()),
        Some(Command::Tools) => capabilities::write_tools(&mut io::stdout().lock()),
        Some(Command::Capabilities { json: false }) => capabilities::write(&mut io::stdout().lock()),
        Some(Command::Capabilities { json: true }) => capabilities::write_json(&mut io::stdout().lock()),
        Some(Command::Component { output }) => capabilities::write_component(&output),
        Some(Command::Policy { show_contacts }) => operator::policy(show_contacts, &mut io::stdout().lock()),
        Some(Command::Pause { account }) => operator::pause(account.as_deref(), true, &mut io::stdout().lock()),
        Some(Command::Resume { account }) => operator::pause(account.as_deref(), false, &mut io::stdout().lock()),
        Some(Command::Audit { command, account }) => {
            return ended(audit(&command, account.as_deref()), ExitCode::from(CANNOT_READ));
        }
    };
    ended(done.map(|()| ExitCode::SUCCESS), ExitCode::FAILURE)
}

/// Reads the journals. The exit code says how they are.
fn audit(command: &AuditCommand, account: Option<&str>) -> anyhow::Result<ExitCode> {
    let command = match command {
        AuditCommand::Verify { against, provider } => {
            Audit::Verify { against: against.as_deref(), provider: *provider }
        }
        AuditCommand::Head => Audit::Head,
        AuditCommand::Show { json } => Audit::Show { json: *json },
    };
    operator::audit(account, &command, &mut io::stdout().lock()).map(|exit| ExitCode::from(exit.code()))
}

/// The exit code of a command for people; `failed` is that of one that cannot do its work.
fn ended(done: anyhow::Result<ExitCode>, failed: ExitCode) -> ExitCode {
    match done {
        Ok(code) => code,
        // A reader that stops early (`elks-mcp tools | head`) is no failure.
        Err(error) if error.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe) => {
            ExitCode::SUCCESS
        }
        Err(error) => {
            let _ = writeln!(io::stderr(), "✗ {error:#}");
            failed
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
    if settings.state == State::Memory && !settings.dry_run && !simulate {
        stderr.line(
            "⚠ ELKS_STATE=memory: no journal is kept. Limits, duplicates and the record of sends are those of this \
             process alone, and end with it.",
        );
    }
    // One thread: each request of the component is a task, and waking another thread costs more than running the task.
    // A component that computes yields every 10 ms (see the sandbox), and tokio looks at input, signals and timers
    // every eighth task.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().event_interval(8).build()?;
    let ended = runtime.block_on(async {
        let signalled = signals::signals();
        let upstream: Arc<dyn Upstream> = if simulate {
            Arc::new(Simulator::new(&settings.credentials, &settings.sender))
        } else {
            Arc::new(ElksApi::new(settings.connection.clone()))
        };
        let calls = Arc::new(CallHandler::new(settings, upstream, Arc::clone(stderr) as Arc<dyn Sink>));
        // The handshake does not wait for 46elks; each call waits for the verified account by itself.
        let (checking, log) = (Arc::clone(&calls), Arc::clone(stderr));
        tokio::spawn(async move {
            let verified = checking.verified().await.map(|_| ());
            if !verified.is_err_and(|unverified| unverified.is_fatal()) {
                log.line("✓ MCP SMS Server running on stdio");
            }
            checking.open_ledger().await;
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
