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
use elks_mcp::config::{self, Settings};
use elks_mcp::mcp_client::{McpClient, Output};
use fake_elks::{FakeElks, Protocol};
use rmcp::{ServerHandler, ServiceExt};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

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

/// Far more than the benchmark needs, so that no limit is measured.
const NO_LIMIT: &str = "1000000";

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
    let mut figures = Vec::new();

    let nothing = || command(&std::env::current_exe()?, &["nothing"]);
    let floor = starts(nothing)?;
    writeln!(std::io::stdout(), "an rmcp server that does nothing starts in {floor} ms")?;
    figures.push(json!({"who": "an rmcp server that does nothing", "start_ms": floor}));

    let simulate = || command(&program, &["--simulate"]);
    figures.push(calls("elks-mcp --simulate", &simulate)?);

    let real = || {
        let mut command = command(&program, &[])?;
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
            let mut command = command(Path::new("node"), &arguments)?;
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

/// A server to launch, with a complete account and nothing else of ours.
fn command(program: &Path, arguments: &[&str]) -> Result<Command> {
    let settings = Settings::read(|_| None, true)?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env("ELKS_API_USERNAME", config::SIMULATED_USERNAME)
        .env("ELKS_API_PASSWORD", config::SIMULATED_PASSWORD)
        .env("ELKS_PHONE_NUMBER", &settings.sender)
        .env("DRY_RUN", "true")
        .env("RATE_LIMIT_SMS_PER_MINUTE", NO_LIMIT)
        .env("RATE_LIMIT_QUERIES_PER_MINUTE", NO_LIMIT);
    Ok(command)
}

/// A server under measurement.
struct Server(McpClient);

impl Server {
    /// Launches it and shakes hands. How long it took to the answer comes with it.
    fn launch(command: Command) -> Result<(Self, Duration)> {
        let begun = Instant::now();
        let mut client = McpClient::launch_with(command, Output::Read, Output::Discarded)?;
        let hello = json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}});
        client.post("initialize", &hello)?;
        let took = client.message()?.read_at - begun;
        client.write_line(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}).to_string())?;
        Ok((Self(client), took))
    }

    /// Makes calls, so many at a time, and gives how long each took, and how long all of them.
    fn calls(&mut self, count: usize, in_flight: usize) -> Result<(Vec<Duration>, Duration)> {
        let params = json!({"name": "estimate_sms_cost", "arguments": {"to": "+46701740605", "message": "Hej! Kom ihåg din tid."}});
        let (mut begun, mut took) = (HashMap::new(), Vec::with_capacity(count));
        let start = Instant::now();
        while took.len() < count {
            while begun.len() < in_flight && took.len() + begun.len() < count {
                let now = Instant::now();
                begun.insert(self.0.post("tools/call", &params)?, now);
            }
            let answer = self.0.message()?;
            let text = answer.value["result"]["content"][0]["text"].as_str().unwrap_or_default();
            ensure!(answer.value["error"].is_null() && !text.starts_with("Error"), "a call failed: {}", answer.value);
            let id = answer.value["id"].as_u64().context("has an id")?;
            took.push(answer.read_at - begun.remove(&id).context("was asked")?);
        }
        took.sort_unstable();
        Ok((took, start.elapsed()))
    }

    /// What it holds, in megabytes.
    fn resident(&self) -> Result<f64> {
        let printed = Command::new("ps").args(["-o", "rss=", "-p", &self.0.process_id().to_string()]).output()?;
        Ok(String::from_utf8(printed.stdout)?.trim().parse::<f64>()? * 1024.0 / 1e6)
    }
}

/// The median of many starts, in milliseconds.
fn starts(command: impl Fn() -> Result<Command>) -> Result<f64> {
    let mut took = Vec::new();
    for _ in 0..STARTS {
        took.push(Server::launch(command()?)?.1);
    }
    took.sort_unstable();
    Ok(milliseconds(took[STARTS / 2]))
}

fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

/// All figures of a server.
fn calls(who: &str, command: &dyn Fn() -> Result<Command>) -> Result<Value> {
    let start = starts(command)?;
    let (mut server, _) = Server::launch(command()?)?;
    server.calls(WARM_UP, 1)?;
    let (one, _) = server.calls(CALLS, 1)?;
    let mut throughput = Vec::new();
    for in_flight in [1, 4, 16] {
        let (_, all) = server.calls(CALLS, in_flight)?;
        throughput.push((CALLS as f64 / all.as_secs_f64()).round());
    }
    let before = server.resident()?;
    server.calls(MANY_CALLS - 4 * CALLS - WARM_UP, 16)?;
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
