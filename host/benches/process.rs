//! The whole program over pipes, as a client meets it: how soon it answers, how long a call takes, how many it serves
//! at a time, what it holds, and what a model has to read. `cargo bench --bench process`
//!
//! Measured beside it, the same way: a server of rmcp that does nothing (the floor of a start); with `-- --reference
//! CHECKOUT`, a built checkout of the Node server that this program replaces; with `-- --before PROGRAM`, an older
//! build of this program; and with `-- --program PROGRAM`, that program in place of the one that cargo has built, such
//! as the one in a package. They take turns within one run, because other work on the machine makes every figure of a
//! moment worse. All of them ask the same stand-in for 46elks over TLS on loopback. What the stand-in takes by itself
//! is measured in the same turns. The figures are printed and written to `target/process.json`.
//!
//! Not here: the client (`elks_mcp::mcp_client`) and the server of the stand-in (`tests/support/fake_elks.rs`), which
//! the tests use as well.

use anyhow::{Context, Result, bail, ensure};
use direct::Direct;
use driver::{Server, command, milliseconds, starts};
use fake_elks::{FakeElks, Protocol};
use prepared::{Asked, History, PERSON, TEXT};
use rmcp::{ServerHandler, ServiceExt};
use serde_json::{Map, Value, json};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

#[path = "process/direct.rs"]
mod direct;
mod driver;
#[expect(dead_code, reason = "the tests look at requests, too")]
#[path = "../../tests/support/fake_elks.rs"]
mod fake_elks;
#[path = "process/prepared.rs"]
mod prepared;
#[path = "process/tokens.rs"]
mod tokens;

/// How many starts are measured.
const STARTS: usize = 41;
/// How many calls come before those that are measured: connections are made, pages touched.
const WARM_UP: usize = 200;
/// The same for calls that take long.
const WARM_UP_OF_LONG: usize = 20;
/// How many turns each server has.
const ROUNDS: usize = 20;
/// How many calls a turn has.
const CALLS_A_ROUND: usize = 50;
/// The same for calls that take long.
const LONG_CALLS_A_ROUND: usize = 10;
/// How many calls are in flight, for the calls that are made at the same time.
const IN_FLIGHT: [usize; 3] = [1, 4, 16];
/// How many of these calls a turn has. With [`ROUNDS`] they make 2,000.
const CALLS_IN_FLIGHT: usize = 100;
/// After how many calls the memory is looked at.
const MANY_CALLS: [usize; 2] = [8_200, 10_000];

struct Nothing;

impl ServerHandler for Nothing {}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let mut programs = Programs { program: env!("CARGO_BIN_EXE_elks-mcp").into(), reference: None, before: None };
    let mut left = &arguments[..];
    while let [option, value, rest @ ..] = left {
        match option.as_str() {
            "--reference" => programs.reference = Some(value.into()),
            "--before" => programs.before = Some(value.into()),
            "--program" => programs.program = value.into(),
            _ => break,
        }
        left = rest;
    }
    match left {
        [] => measure(&programs),
        [only] if only == "nothing" => do_nothing(),
        _ => bail!(
            "usage: cargo bench --bench process [-- [--reference CHECKOUT] [--before PROGRAM] [--program PROGRAM]]"
        ),
    }
}

/// The floor: what any server of rmcp does before it does anything.
fn do_nothing() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        Nothing.serve(rmcp::transport::stdio()).await?.waiting().await?;
        anyhow::Ok(())
    })
}

/// What is measured.
struct Programs {
    /// This program.
    program: PathBuf,
    /// A checkout of the Node server.
    reference: Option<PathBuf>,
    /// An older build of this program.
    before: Option<PathBuf>,
}

/// A stand-in for 46elks.
struct StandIn {
    elks: FakeElks,
    asked: Asked,
    certificate: PathBuf,
}

impl StandIn {
    fn start(history: History) -> Result<Self> {
        let (account, asked) = prepared::account(history);
        let elks = FakeElks::start(Protocol::Https, account)?;
        let certificate = Path::new(env!("CARGO_TARGET_TMPDIR")).join("process-bench.pem");
        fs::write(&certificate, &elks.pem)?;
        Ok(Self { elks, asked, certificate })
    }
}

/// A kind of server.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// This program in front of its own simulator: no network, and no TLS.
    Simulated,
    /// This program.
    Ours,
    /// An older build of this program.
    Before,
    /// The Node server.
    Node,
}

/// A server that is measured, and its figures.
struct Measured {
    kind: Kind,
    program: PathBuf,
    figures: Map<String, Value>,
}

impl Measured {
    fn new(kind: Kind, program: impl Into<PathBuf>) -> Self {
        let who = match kind {
            Kind::Simulated => "elks-mcp --simulate",
            Kind::Ours => "elks-mcp, 46elks over TLS",
            Kind::Before => "elks-mcp before, 46elks over TLS",
            Kind::Node => "the Node server, 46elks over TLS",
        };
        Self { kind, program: program.into(), figures: Map::from_iter([("who".into(), who.into())]) }
    }

    /// How to launch it.
    fn command(&self, stand_in: &StandIn) -> Result<Command> {
        let state = Path::new(env!("CARGO_TARGET_TMPDIR")).join("process-bench-state");
        let StandIn { elks, certificate, .. } = stand_in;
        if self.kind == Kind::Simulated {
            return command(&self.program, &["--simulate"], &state);
        }
        if self.kind == Kind::Node {
            let index = self.program.join("dist/index.js");
            ensure!(index.exists(), "{} is not there: run npm install and npm run build", index.display());
            let preload = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/reference.mjs");
            let arguments = ["--import", preload.to_str().context("is text")?, index.to_str().context("is text")?];
            let mut command = command(Path::new("node"), &arguments, &state)?;
            let url = format!("https://localhost:{}", elks.address.port());
            command.env("NODE_EXTRA_CA_CERTS", certificate).env("ELKS_LOOPBACK", url);
            return Ok(command);
        }
        let mut command = command(&self.program, &[], &state)?;
        command.env("HTTPS_PROXY", elks.proxy()).env("SSL_CERT_FILE", certificate);
        Ok(command)
    }
}

fn measure(programs: &Programs) -> Result<()> {
    let Programs { program, before, reference } = programs;
    let mut servers = vec![Measured::new(Kind::Simulated, program), Measured::new(Kind::Ours, program)];
    servers.extend(before.iter().map(|before| Measured::new(Kind::Before, before)));
    servers.extend(reference.iter().map(|checkout| Measured::new(Kind::Node, checkout)));
    let floor = measure_starts(&mut servers)?;
    measure_first_answers(&mut servers)?;
    measure_in_flight(&mut servers)?;
    for case in &cases() {
        measure_case(&mut servers, case)?;
    }
    for server in servers.iter_mut().filter(|server| server.kind != Kind::Simulated) {
        let stand_in = StandIn::start(History::Short)?;
        let tokens = tokens::bytes(server.command(&stand_in)?)?;
        print(&json!({"who": server.figures["who"], "bytes": tokens}))?;
        server.figures.insert("bytes".into(), tokens);
    }
    let mut figures = vec![json!({"who": "an rmcp server that does nothing", "start_ms": floor})];
    figures.extend(servers.into_iter().map(|server| server.figures.into()));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/process.json");
    fs::write(&path, serde_json::to_string_pretty(&figures)?)?;
    Ok(())
}

/// What is done again and again in turns with others, and how long it took.
struct Turn<'a> {
    /// Does it so many times, and gives how long each took.
    calls: Box<dyn FnMut(usize) -> Result<Vec<Duration>> + 'a>,
    took: Vec<Duration>,
}

impl<'a> Turn<'a> {
    fn new(calls: impl FnMut(usize) -> Result<Vec<Duration>> + 'a) -> Self {
        Self { calls: Box::new(calls), took: Vec::new() }
    }

    /// Lets all take turns.
    fn take(turns: &mut [Self], calls: usize) -> Result<()> {
        for _ in 0..ROUNDS {
            for turn in &mut *turns {
                turn.took.extend((turn.calls)(calls)?);
            }
        }
        turns.iter_mut().for_each(|turn| turn.took.sort_unstable());
        Ok(())
    }

    /// So many parts of a hundred took no longer than this, in milliseconds.
    fn percentile(&self, percent: usize) -> f64 {
        milliseconds(self.took[self.took.len() * percent / 100])
    }
}

/// Measures the start of each server, and gives that of one that does nothing.
fn measure_starts(servers: &mut [Measured]) -> Result<f64> {
    let stand_in = StandIn::start(History::Short)?;
    let nothing = || command(&std::env::current_exe()?, &["nothing"], Path::new(env!("CARGO_TARGET_TMPDIR")));
    let commands: Vec<_> = servers.iter().map(|server| || server.command(&stand_in)).collect();
    let mut all: Vec<&dyn Fn() -> Result<Command>> = vec![&nothing];
    all.extend(commands.iter().map(|command| command as &dyn Fn() -> Result<Command>));
    let took = starts(STARTS, &all)?;
    drop(commands);
    for (server, took) in servers.iter_mut().zip(&took[1..]) {
        print(&json!({"who": server.figures["who"], "start_ms": took}))?;
        server.figures.insert("start_ms".into(), (*took).into());
    }
    Ok(took[0])
}

/// Measures how long after its launch each server has answered its first call, which asks the stand-in over a new
/// connection.
fn measure_first_answers(servers: &mut [Measured]) -> Result<()> {
    let stand_in = StandIn::start(History::Short)?;
    let estimate = estimate();
    let mut took = vec![Vec::new(); servers.len()];
    for _ in 0..STARTS {
        for (server, took) in servers.iter().zip(&mut took) {
            let command = server.command(&stand_in)?;
            let begun = Instant::now();
            Server::launch(command)?.0.calls(1, 1, &|_| estimate.clone())?;
            took.push(begun.elapsed());
        }
    }
    for (server, mut took) in servers.iter_mut().zip(took) {
        took.sort_unstable();
        server.figures.insert("first_answer_ms".into(), milliseconds(took[STARTS / 2]).into());
    }
    Ok(())
}

/// Measures estimates that are made at the same time, and then what each server holds.
fn measure_in_flight(servers: &mut [Measured]) -> Result<()> {
    let stand_in = StandIn::start(History::Short)?;
    let estimate = estimate();
    let params = |_| estimate.clone();
    let mut running = Vec::new();
    for server in &*servers {
        let (mut running_server, _) = Server::launch(server.command(&stand_in)?)?;
        running_server.calls(WARM_UP, 1, &params)?;
        running.push(running_server);
    }
    for in_flight in IN_FLIGHT {
        let mut took = vec![Duration::ZERO; servers.len()];
        for _ in 0..ROUNDS {
            for (server, took) in running.iter_mut().zip(&mut took) {
                *took += server.calls(CALLS_IN_FLIGHT, in_flight, &params)?.1;
            }
        }
        for (server, took) in servers.iter_mut().zip(took) {
            let calls = u32::try_from(ROUNDS * CALLS_IN_FLIGHT)?;
            let figures = server.figures.entry("ms_a_call_in_flight").or_insert_with(|| json!({}));
            figures[in_flight.to_string()] = milliseconds(took / calls).into();
        }
    }
    let so_far = WARM_UP + IN_FLIGHT.len() * ROUNDS * CALLS_IN_FLIGHT;
    for (server, running) in servers.iter_mut().zip(&mut running) {
        let (mut calls, mut resident) = (so_far, Map::new());
        for many in MANY_CALLS {
            running.calls(many - calls, IN_FLIGHT[2], &params)?;
            calls = many;
            resident.insert(format!("{many} calls"), running.resident()?.into());
        }
        server.figures.insert("resident_mb".into(), resident.into());
        print(&Value::from(server.figures.clone()))?;
    }
    Ok(())
}

/// A call that is measured.
struct Case {
    name: &'static str,
    params: Value,
    history: History,
    /// How many messages it is about, if it reads a history.
    messages: Option<usize>,
    is_long: bool,
    /// The Node server has no such call.
    is_only_ours: bool,
}

/// The parameters of an estimate.
fn estimate() -> Value {
    json!({"name": "estimate_sms_cost", "arguments": {"to": PERSON, "message": TEXT}})
}

/// All calls that are measured.
fn cases() -> Vec<Case> {
    let case = |name: &'static str, tool: &str, arguments: Value| Case {
        name,
        params: json!({"name": tool, "arguments": arguments}),
        history: History::Short,
        messages: None,
        is_long: false,
        is_only_ours: false,
    };
    let history = |name: &'static str, messages: usize| Case {
        messages: Some(messages),
        ..case(name, "get_sms_messages", json!({"limit": messages}))
    };
    vec![
        case("`check_sms_status`", "check_sms_status", json!({"message_id": prepared::newest_id()})),
        Case { params: estimate(), ..case("`estimate_sms_cost`", "", json!({})) },
        case("`check_account_balance`", "check_account_balance", json!({})),
        case("`send_sms`, dry run", "send_sms", json!({"to": PERSON, "message": TEXT, "dry_run": true})),
        history("`get_sms_messages`, 1 message", 1),
        history("`get_sms_messages`, 10 messages", 10),
        history("`get_sms_messages`, 100 messages", 100),
        Case {
            history: History::TenParts,
            is_long: true,
            ..history("`get_sms_messages`, 100 messages of ten parts", 100)
        },
        Case {
            history: History::Outbound,
            is_long: true,
            is_only_ours: true,
            ..case(
                "`get_sms_messages`, a filter that reads 1,000 messages",
                "get_sms_messages",
                json!({"limit": 10, "direction": "inbound"}),
            )
        },
    ]
}

/// Measures a call of each server. After each server's turn, the stand-in is asked directly what the server asks it.
fn measure_case(servers: &mut [Measured], case: &Case) -> Result<()> {
    let stand_in = StandIn::start(case.history)?;
    let params = |_| case.params.clone();
    let (warm_up, calls) = if case.is_long { (WARM_UP_OF_LONG, LONG_CALLS_A_ROUND) } else { (WARM_UP, CALLS_A_ROUND) };
    let takes_part =
        |server: &&mut Measured| server.kind != Kind::Simulated && !(case.is_only_ours && server.kind == Kind::Node);
    let mut servers: Vec<&mut Measured> = servers.iter_mut().filter(takes_part).collect();
    let (mut turns, mut results) = (Vec::new(), Vec::new());
    for server in &servers {
        let (mut running, _) = Server::launch(server.command(&stand_in)?)?;
        running.calls(warm_up, 1, &params)?;
        let (result, asked) = stand_in.asked.during(|| running.0.request("tools/call", &case.params));
        results.push(result?);
        let mut direct = Direct::connect(&stand_in.elks, asked)?;
        direct.calls(warm_up)?;
        turns.push(Turn::new(move |calls| Ok(running.calls(calls, 1, &params)?.0)));
        turns.push(Turn::new(move |calls| direct.calls(calls)));
    }
    Turn::take(&mut turns, calls)?;
    let ours = turns[0].percentile(50);
    for (at, (server, result)) in servers.iter_mut().zip(&results).enumerate() {
        let (call, direct) = (&turns[2 * at], &turns[2 * at + 1]);
        let p50 = call.percentile(50);
        let mut figures = json!({
            "case": case.name,
            "p50_ms": p50,
            "p10_ms": call.percentile(10),
            "stand_in_p50_ms": direct.percentile(50),
            "stand_in_p10_ms": direct.percentile(10),
        });
        if server.kind != Kind::Ours {
            figures["elks_mcp_times_it"] = ((ours / p50 * 1e3).round() / 1e3).into();
        }
        if let Some(asked_for) = case.messages {
            let messages = messages(result);
            // A long result may be cut: it then says where to read on.
            ensure!(messages == asked_for || case.is_long, "{messages} messages came, not {asked_for}");
            ensure!(messages > 0, "no messages came");
            figures["messages"] = messages.into();
            figures["us_a_message"] = (p50 * 1e3 / messages as f64).round().into();
        }
        print(&json!({"who": server.figures["who"], "figures": figures}))?;
        let all = server.figures.entry("cases").or_insert_with(|| json!([]));
        all.as_array_mut().context("is a list")?.push(figures);
    }
    Ok(())
}

/// How many messages a result has. That of the Node server is words.
fn messages(result: &Value) -> usize {
    match result["structuredContent"]["messages"].as_array() {
        Some(messages) => messages.len(),
        None => result["content"][0]["text"].as_str().unwrap_or_default().matches("\n   ID: ").count(),
    }
}

fn print(figures: &Value) -> Result<()> {
    Ok(writeln!(std::io::stdout(), "{figures}")?)
}
