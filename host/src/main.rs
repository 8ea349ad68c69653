//! The program: `elks-mcp` serves MCP on stdio. Its other commands are for people.

use clap::Parser;
use elks_mcp::call::CallHandler;
use elks_mcp::cli::{self, Arguments, AuditCommand, Command};
use elks_mcp::clients::{self, Options};
use elks_mcp::config::{Problems, Settings, State, Variables};
use elks_mcp::mcp::{self, Ended};
use elks_mcp::operator::{self, Audit};
use elks_mcp::simulator::Simulator;
use elks_mcp::stderr::{Sink, Stderr};
use elks_mcp::{capabilities, demo, doctor, signals};
use elks_sandbox::{ElksApi, Upstream};
use std::ffi::OsString;
use std::io::{self, IsTerminal as _, Write};
use std::process::ExitCode;
use std::sync::Arc;

/// Programs for Linux bring their allocator with them.
#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The exit code of `audit` when it cannot read a journal. Its codes 1 and 2 say what is wrong with one.
const CANNOT_READ: u8 = 3;

/// The exit code of a command line that makes no sense, as clap has it.
const WRONG_COMMAND_LINE: u8 = 2;

fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().skip(1).collect();
    // `audit` has a meaning of its own for clap's exit code.
    let wrong = if words.iter().any(|word| word == "audit") { CANNOT_READ } else { WRONG_COMMAND_LINE };
    if let Some(fault) = cli::settings_fault(&words) {
        if cli::serves(&words) {
            let variables = Variables::of_process(None).with_problem(fault);
            return serve(&variables, words.iter().any(|word| word == "--simulate"));
        }
        let _ = writeln!(io::stderr(), "✗ {fault}");
        return ExitCode::from(wrong);
    }
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(wrong) } else { ExitCode::SUCCESS };
        }
    };
    let settings = arguments.settings.as_deref();
    let variables = Variables::of_process(settings);
    let Some(command) = arguments.command else { return serve(&variables, arguments.simulate) };
    if arguments.simulate && matches!(command, Command::Doctor { .. }) {
        let _ = writeln!(
            io::stderr(),
            "✗ the simulator has no settings, connection or journal to check: leave --simulate out"
        );
        return ExitCode::from(WRONG_COMMAND_LINE);
    }
    let out = &mut io::stdout().lock();
    let done = match command {
        Command::Demo => demo::play(out),
        Command::Tools => capabilities::write_tools(out),
        Command::Capabilities { json: false } => capabilities::write(out),
        Command::Capabilities { json: true } => capabilities::write_json(out),
        Command::Component { configured, output } => capabilities::write_component(&output, configured),
        Command::PrintConfig { client } => {
            clients::print_config(client.as_deref(), settings, out, &mut io::stderr().lock())
        }
        Command::Install { client, dry_run, env, edit, force } => {
            clients::install(&client, settings, Options { dry_run, env, edit, force }, out)
        }
        Command::Uninstall { client, dry_run, edit } => {
            clients::uninstall(&client, settings, Options { dry_run, edit, ..Options::default() }, out)
        }
        Command::Doctor { offline, json } => {
            let usual = settings.is_none().then(|| clients::usual_settings(&variables)).flatten();
            let variables = usual.iter().fold(variables, |variables, file| variables.with_file(file));
            let file = settings.or(usual.as_deref());
            let options = doctor::Options {
                offline,
                json,
                is_terminal: io::stdout().is_terminal(),
                settings_file: file.map(|path| doctor::SettingsFile { path, is_usual: settings.is_none() }),
                clients: &clients::entries(&clients::Places::of_process()),
            };
            let well = doctor::run(&variables, &options, out);
            return ended(well.map(|well| if well { ExitCode::SUCCESS } else { ExitCode::FAILURE }), ExitCode::FAILURE);
        }
        Command::Policy { show_contacts } => operator::policy(&variables, show_contacts, out),
        Command::Pause { account } => {
            operator::pause(&variables, account.as_deref(), true, out).inspect(|()| faulty_lines(&variables))
        }
        Command::Resume { account } => {
            operator::pause(&variables, account.as_deref(), false, out).inspect(|()| faulty_lines(&variables))
        }
        #[cfg(feature = "keyring")]
        Command::Keyring { command } => operator::keyring(&variables, command, out),
        #[cfg(feature = "postgres")]
        Command::Ledger { command: cli::LedgerCommand::Init { grant } } => operator::init(&variables, &grant, out),
        Command::Audit { command, account } => {
            let read = audit(&variables, &command, account.as_deref(), out).inspect(|_| faulty_lines(&variables));
            return ended(read, ExitCode::from(CANNOT_READ));
        }
    };
    ended(done.map(|()| ExitCode::SUCCESS), ExitCode::FAILURE)
}

/// Warns of lines of the settings file that a command did not need, and that are faulty.
fn faulty_lines(variables: &Variables) {
    for problem in variables.problems() {
        let _ = writeln!(io::stderr(), "⚠ {problem}");
    }
}

/// Reads the journals. The exit code says how they are.
fn audit(
    variables: &Variables,
    command: &AuditCommand,
    account: Option<&str>,
    out: &mut dyn Write,
) -> anyhow::Result<ExitCode> {
    let command = match command {
        AuditCommand::Verify { against, provider } => {
            Audit::Verify { against: against.as_deref(), provider: *provider }
        }
        AuditCommand::Head => Audit::Head,
        AuditCommand::Show { json } => Audit::Show { json: *json },
        AuditCommand::Export { output } => Audit::Export { folder: output },
    };
    operator::audit(variables, account, &command, out).map(|exit| ExitCode::from(exit.code()))
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
fn serve(variables: &Variables, simulate: bool) -> ExitCode {
    let stderr = Arc::new(Stderr::start());
    let served = match Settings::read(variables, simulate) {
        Ok(settings) => serve_with(settings, &stderr),
        Err(problems) => serve_refusing(problems, Settings::unusable(variables, simulate), &stderr),
    };
    let code = served.unwrap_or_else(|error| {
        stderr.line(&format!("✗ {error:#}"));
        ExitCode::FAILURE
    });
    stderr.finish();
    code
}

fn serve_with(settings: Settings, stderr: &Arc<Stderr>) -> anyhow::Result<ExitCode> {
    let simulate = settings.simulate;
    if simulate {
        stderr.line(
            "⚠ SIMULATOR: a simulated 46elks answers. No message is sent, nothing is charged, every reply is made up.",
        );
    }
    for warning in &settings.warnings {
        stderr.line(&format!("⚠ {warning}"));
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
    run(async {
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
            checking.open_ledger().await;
            if !verified.is_err_and(|unverified| unverified.is_fatal()) {
                log.line("✓ MCP SMS Server running on stdio");
            }
        });
        mcp::serve(calls, signalled).await
    })
}

/// Tells clients what is wrong with the settings: most of them show no more of a program that ends at once than that it
/// ended. A person at a terminal reads it there.
fn serve_refusing(problems: Problems, settings: Settings, stderr: &Arc<Stderr>) -> anyhow::Result<ExitCode> {
    if io::stdin().is_terminal() {
        anyhow::bail!(problems);
    }
    for warning in problems.warnings() {
        stderr.line(&format!("⚠ {warning}"));
    }
    stderr.line(&format!("✗ {problems}"));
    let calls = Arc::new(CallHandler::refusing(problems, settings, Arc::clone(stderr) as Arc<dyn Sink>));
    run(async { mcp::serve(calls, signals::signals()).await })?;
    Ok(ExitCode::FAILURE)
}

/// Runs a session to its end.
fn run(session: impl Future<Output = anyhow::Result<Ended>>) -> anyhow::Result<ExitCode> {
    // One thread: each request of the component is a task, and waking another thread costs more than running the task.
    // A component that computes yields every 10 ms (see the sandbox), and tokio looks at input, signals and timers
    // every eighth task.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().event_interval(8).build()?;
    let ended = runtime.block_on(session);
    // Nobody waits for tasks that still run, and a blocked read of stdin must not keep the process alive.
    runtime.shutdown_background();
    match ended? {
        Ended::ByClient | Ended::BySignal => Ok(ExitCode::SUCCESS),
        Ended::Fatal => Ok(ExitCode::FAILURE),
        Ended::Failed => anyhow::bail!("the MCP session ended unexpectedly"),
    }
}
