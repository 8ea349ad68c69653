//! The program: `elks-mcp` serves MCP on stdio; its other commands are for people.

use clap::{Parser, Subcommand};
use elks_mcp::audit::{Sink, Stderr};
use elks_mcp::config::Settings;
use elks_mcp::outside::Outside;
use elks_mcp::runner::{Runner, Unverified};
use elks_mcp::server::{self, Ended};
use elks_mcp::simulator::Simulator;
use elks_mcp::{capabilities, demo};
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

/// What `--help` says about the settings. README.md has the same table with more words.
const SETTINGS_HELP: &str = "\
Settings (environment):
  ELKS_API_USERNAME              API username of the 46elks account (required)
  ELKS_API_PASSWORD              API password (required)
  ELKS_PHONE_NUMBER              default sender: a number like +46701740605, or a name of
                                 3 to 11 letters and digits (required)
  DRY_RUN                        true (default): nothing is ever sent; false: messages are sent
  CONFIRM_SENDS                  true: your client asks you before every real send
                                 (default false)
  RATE_LIMIT_SMS_PER_MINUTE      send_sms calls in any minute, 1 to 1000000 (default 10)
  RATE_LIMIT_QUERIES_PER_MINUTE  other calls in any minute, 1 to 1000000 (default 60)
  HTTPS_PROXY, NO_PROXY, SSL_CERT_FILE are honoured.

Try it without an account: elks-mcp demo";

/// An MCP server that lets AI assistants send and read SMS through 46elks.
///
/// Without a command it serves MCP on stdin and stdout, for an MCP client that launches it.
#[derive(Parser)]
#[command(name = "elks-mcp", version, after_help = SETTINGS_HELP)]
struct Arguments {
    /// Answer from a built-in simulator instead of 46elks: no account needed, nothing is sent
    #[arg(long)]
    simulate: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Play an MCP session against the simulator and print each step
    Demo,
    /// Print the served tool list as JSON
    Tools,
    /// Print what the component can reach, its SHA-256, and what each tool's permit allows
    Capabilities {
        /// As JSON, for programs
        #[arg(long)]
        json: bool,
    },
    /// Write the component to a file, for other WASI hosts
    Component {
        /// Where to write it
        #[arg(long, value_name = "FILE")]
        output: PathBuf,
    },
}

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
        // A reader that has seen enough (`elks-mcp tools | head`) is no failure.
        Err(error) if error.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe) => {
            ExitCode::SUCCESS
        }
        Err(error) => {
            drop(writeln!(io::stderr(), "✗ {error:#}"));
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
            "⚠ SIMULATOR: a pretend 46elks answers. No message is sent, nothing is charged, every reply is made up.",
        );
    }
    stderr.line("✓ Configuration validated");
    stderr.line(match (settings.dry_run, simulate) {
        (true, _) => "⚠ DRY RUN mode enabled - SMS messages will NOT be sent (set DRY_RUN=false to send)",
        (false, false) => "⚠ DRY RUN mode disabled - SMS messages WILL be sent",
        (false, true) => "⚠ DRY RUN mode disabled - the simulator pretends to send SMS messages",
    });
    // One thread: a request of the component is a task, and waking another thread costs more than running
    // it. A component that computes yields every few milliseconds (`sandbox.rs`), and so often, then,
    // input, signals and timers are looked at.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().event_interval(8).build()?;
    let ended = runtime.block_on(async {
        let signalled = server::signals();
        let outside = if simulate {
            Outside::simulator(&settings.credentials, Simulator::new(&settings.credentials, &settings.sender))
        } else {
            Outside::elks(&settings.credentials)
        };
        let runner = Arc::new(Runner::new(settings, Arc::new(outside), Arc::clone(stderr) as Arc<dyn Sink>));
        // The handshake does not wait for 46elks; calls wait for the verdict by themselves.
        let (verifier, told) = (Arc::clone(&runner), Arc::clone(stderr));
        tokio::spawn(async move {
            let verdict = verifier.verified().await.map(drop);
            if !matches!(verdict, Err(Unverified::Refused(_) | Unverified::NotLoaded)) {
                told.line("✓ MCP SMS Server running on stdio");
            }
        });
        server::serve(runner, signalled).await
    });
    // What still runs has nobody to answer to. A blocked read of stdin must not keep the process.
    runtime.shutdown_background();
    match ended? {
        Ended::ByClient | Ended::BySignal => Ok(ExitCode::SUCCESS),
        Ended::Refused => Ok(ExitCode::FAILURE),
        Ended::Failed => anyhow::bail!("the MCP session ended unexpectedly"),
    }
}
