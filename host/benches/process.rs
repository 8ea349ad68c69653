//! The whole program over pipes, as a client meets it: how soon it answers, how long a call takes, how
//! many it serves at a time, and what it holds. `cargo bench --bench process`
//!
//! Measured beside it, the same way: a server of rmcp that does nothing (the floor of a start), and,
//! with `-- --reference CHECKOUT`, a built checkout of the Node server that this program replaces.
//! All of them ask the same fake 46elks over TLS on loopback. The figures are printed and written to
//! `target/process.json`.
//!
//! Not here: the client (`elks_mcp::mcp_client`) and the fake 46elks (`tests/support/fake_elks.rs`), which
//! the tests use as well.

use anyhow::{Context, Result, bail, ensure};
use driver::{Server, command, milliseconds, starts};
use fake_elks::{FakeElks, Protocol};
use rmcp::{ServerHandler, ServiceExt};
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

mod driver;
#[expect(dead_code, reason = "the tests look at requests, too")]
#[path = "../../tests/support/fake_elks.rs"]
mod fake_elks;
#[path = "../../tests/loopback/simulated.rs"]
mod simulated;

/// How many starts are measured.
const STARTS: usize = 41;
/// How many calls come before those that are measured: connections are made, pages touched.
const WARM_UP: usize = 200;
/// How many calls a figure is made of.
const CALLS: usize = 2_000;
/// After how many calls the memory is looked at.
const MANY_CALLS: usize = 10_000;

struct Nothing;

impl ServerHandler for Nothing {}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["nothing"] => do_nothing(),
        [] => measure(None),
        ["--reference", checkout] => measure(Some(Path::new(checkout))),
        _ => bail!("usage: cargo bench --bench process [-- --reference CHECKOUT]"),
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

fn measure(reference: Option<&Path>) -> Result<()> {
    let elks = FakeElks::start(Protocol::Https, simulated::simulated()?)?;
    let certificate = Path::new(env!("CARGO_TARGET_TMPDIR")).join("process-bench.pem");
    std::fs::write(&certificate, &elks.pem)?;
    let program = PathBuf::from(env!("CARGO_BIN_EXE_elks-mcp"));
    let state = Path::new(env!("CARGO_TARGET_TMPDIR")).join("process-bench-state");
    let mut figures = Vec::new();

    let nothing = || command(&std::env::current_exe()?, &["nothing"], &state);
    let floor = starts(STARTS, nothing)?;
    writeln!(std::io::stdout(), "an rmcp server that does nothing starts in {floor} ms")?;
    figures.push(json!({"who": "an rmcp server that does nothing", "start_ms": floor}));

    let simulate = || command(&program, &["--simulate"], &state);
    figures.push(calls("elks-mcp --simulate", &simulate)?);

    let real = || {
        let mut command = command(&program, &[], &state)?;
        command.env("HTTPS_PROXY", elks.proxy()).env("SSL_CERT_FILE", &certificate);
        Ok(command)
    };
    figures.push(calls("elks-mcp, 46elks over TLS", &real)?);

    if let Some(checkout) = reference {
        let index = checkout.join("dist/index.js");
        ensure!(index.exists(), "{} is not there: run npm install and npm run build", index.display());
        let preload = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/reference.mjs");
        let node = || {
            let arguments = ["--import", preload.to_str().context("is text")?, index.to_str().context("is text")?];
            let mut command = command(Path::new("node"), &arguments, &state)?;
            let url = format!("https://localhost:{}", elks.address.port());
            command.env("NODE_EXTRA_CA_CERTS", &certificate).env("ELKS_LOOPBACK", url);
            Ok(command)
        };
        figures.push(calls("the Node server, 46elks over TLS", &node)?);
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/process.json");
    std::fs::write(&path, serde_json::to_string_pretty(&figures)?)?;
    Ok(())
}

/// The parameters of every call.
fn estimate(_: usize) -> Value {
    json!({"name": "estimate_sms_cost", "arguments": {"to": "+46701740605", "message": "Hej! Kom ihåg din tid."}})
}

/// All figures of a server.
fn calls(who: &str, command: &dyn Fn() -> Result<Command>) -> Result<Value> {
    let start = starts(STARTS, command)?;
    let (mut server, _) = Server::launch(command()?)?;
    server.calls(WARM_UP, 1, &estimate)?;
    let (one, _) = server.calls(CALLS, 1, &estimate)?;
    let mut throughput = Vec::new();
    for in_flight in [1, 4, 16] {
        let (_, all) = server.calls(CALLS, in_flight, &estimate)?;
        throughput.push((CALLS as f64 / all.as_secs_f64()).round());
    }
    let before = server.resident()?;
    server.calls(MANY_CALLS - 4 * CALLS - WARM_UP, 16, &estimate)?;
    let resident = server.resident()?;
    let figures = json!({
        "who": who,
        "start_ms": start,
        "call_p50_ms": milliseconds(one[CALLS / 2]),
        "call_p99_ms": milliseconds(one[CALLS * 99 / 100]),
        "calls_a_second": {"1": throughput[0], "4": throughput[1], "16": throughput[2]},
        "resident_mb": {"8200 calls": before, "10000 calls": resident},
    });
    writeln!(std::io::stdout(), "{}", serde_json::to_string_pretty(&figures)?)?;
    Ok(figures)
}
