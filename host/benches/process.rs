//! The whole program over pipes, as a client meets it: how soon it answers, how long a call takes, how
//! many it serves at a time, and what it holds. `cargo bench --bench process`
//!
//! Measured beside it, the same way: a server of rmcp that does nothing (the floor of a start), and,
//! with `-- --reference CHECKOUT`, a built checkout of the Node server that this program replaces.
//! All of them ask the same pretend 46elks over TLS on loopback. The figures are printed and written to
//! `target/process.json`.

use anyhow::{Context, Result, bail, ensure};
use elks_mcp::config::Settings;
use rmcp::{ServerHandler, ServiceExt};
use serde_json::{Value, json};
use simulated::Simulated;
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

#[path = "../../tests/loopback/server.rs"]
mod server;
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
    let elks = Elks::start()?;
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
        command.env("HTTPS_PROXY", &elks.proxy).env("SSL_CERT_FILE", &elks.certificate);
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
            command.env("NODE_EXTRA_CA_CERTS", &elks.certificate).env("ELKS_LOOPBACK", &elks.url);
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
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    command
        .env("ELKS_API_USERNAME", settings.credentials.username.expose())
        .env("ELKS_API_PASSWORD", settings.credentials.password.expose())
        .env("ELKS_PHONE_NUMBER", &settings.sender)
        .env("DRY_RUN", "true")
        .env("RATE_LIMIT_SMS_PER_MINUTE", NO_LIMIT)
        .env("RATE_LIMIT_QUERIES_PER_MINUTE", NO_LIMIT);
    Ok(command)
}

/// The pretend 46elks, in a thread of its own.
struct Elks {
    proxy: String,
    url: String,
    certificate: PathBuf,
}

impl Elks {
    fn start() -> Result<Self> {
        let (pem, tls) = server::tls()?;
        let certificate = Path::new(env!("CARGO_TARGET_TMPDIR")).join("process-bench.pem");
        std::fs::write(&certificate, pem)?;
        let simulated = Simulated::new()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = runtime.block_on(server::listen())?;
        let port = listener.local_addr()?.port();
        let answer = move |request| simulated.clone().answer(request);
        std::thread::spawn(move || runtime.block_on(server::serve(listener, Some(tls), answer)));
        let (proxy, url) = (format!("http://127.0.0.1:{port}"), format!("https://localhost:{port}"));
        Ok(Self { proxy, url, certificate })
    }
}

/// A server and its pipes. It ends with them.
struct Server {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    id: usize,
}

impl Server {
    /// Launches it and shakes hands. How long that took comes with it.
    fn launch(mut command: Command) -> Result<(Self, Duration)> {
        let begun = Instant::now();
        let mut child = command.spawn().with_context(|| format!("cannot start {:?}", command.get_program()))?;
        let stdin = child.stdin.take().context("is piped")?;
        let stdout = BufReader::new(child.stdout.take().context("is piped")?);
        let mut server = Self { child, stdin, stdout, id: 0 };
        let hello = json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}});
        server.post("initialize", &hello)?;
        server.answer()?;
        let took = begun.elapsed();
        server.line(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}))?;
        Ok((server, took))
    }

    fn line(&mut self, value: &Value) -> Result<()> {
        let mut line = value.to_string();
        line.push('\n');
        Ok(self.stdin.write_all(line.as_bytes())?)
    }

    fn post(&mut self, method: &str, params: &Value) -> Result<usize> {
        self.id += 1;
        let id = self.id;
        self.line(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}))?;
        Ok(id)
    }

    fn answer(&mut self) -> Result<usize> {
        let mut line = String::new();
        ensure!(self.stdout.read_line(&mut line)? > 0, "the server ended");
        let answer: Value = serde_json::from_str(&line)?;
        let text = answer["result"]["content"][0]["text"].as_str().unwrap_or_default();
        ensure!(answer["error"].is_null() && !text.starts_with("Error"), "a call failed: {line}");
        Ok(usize::try_from(answer["id"].as_u64().context("has an id")?)?)
    }

    /// Makes calls, so many at a time, and gives how long each took, and how long all of them.
    fn calls(&mut self, count: usize, in_flight: usize) -> Result<(Vec<Duration>, Duration)> {
        let params = json!({"name": "estimate_sms_cost", "arguments": {"to": "+46701740605", "message": "Hej! Kom ihåg din tid."}});
        let (mut begun, mut took) = (HashMap::new(), Vec::with_capacity(count));
        let start = Instant::now();
        while took.len() < count {
            while begun.len() < in_flight && took.len() + begun.len() < count {
                let now = Instant::now();
                begun.insert(self.post("tools/call", &params)?, now);
            }
            let id = self.answer()?;
            took.push(begun.remove(&id).context("was asked")?.elapsed());
        }
        took.sort_unstable();
        Ok((took, start.elapsed()))
    }

    /// What it holds, in megabytes.
    fn resident(&self) -> Result<f64> {
        let told = Command::new("ps").args(["-o", "rss=", "-p", &self.child.id().to_string()]).output()?;
        Ok(String::from_utf8(told.stdout)?.trim().parse::<f64>()? * 1024.0 / 1e6)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
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
