//! What the ledger costs: a send with a journal and without one, four processes on one account, the reading of a long
//! journal, and what the program holds. `cargo bench --bench ledger --features elks-mcp/postgres`
//!
//! The program is driven over pipes, and a fake 46elks answers over TLS on loopback. So does a PostgreSQL server that
//! waits for its disk. The figures are printed and written to `target/ledger.json`.

use anyhow::{Context, Result};
use chrono::{DateTime, TimeDelta, Utc};
use driver::{Server, command, milliseconds, starts};
use elks_mcp::clock::{Clock, SystemClock};
use elks_mcp::config::{self, Settings, Variables};
use elks_mcp::database::{self, Address};
use elks_mcp::ledger::{self, Accepted, By, Content, Event, Intent, Keys, Ledger, Location, Outcome};
use elks_sandbox::Certificates;
use fake_elks::{FakeElks, Protocol, Reaction, Received};
use postgres::{CLIENT, Database, OWNER, Postgres};
use serde_json::{Value, json};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

mod driver;
#[expect(dead_code, reason = "the tests look at requests, too")]
#[path = "../../tests/support/fake_elks.rs"]
mod fake_elks;
#[expect(dead_code, unreachable_pub, clippy::unwrap_used, reason = "a module of the tests, which use more of it")]
#[path = "../../tests/support/postgres.rs"]
mod postgres;

/// How many sends a figure is made of.
const SENDS: usize = 1_000;
/// How many sends come before those that are measured.
const WARM_UP: usize = 100;
/// How many processes share one account.
const PROCESSES: usize = 4;
/// How many starts are measured.
const STARTS: usize = 41;
/// The lengths of the journals that are read, in events. A send has two.
const EVENTS: [usize; 2] = [10_000, 100_000];

fn main() -> Result<()> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ledger-bench");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder)?;
    let elks = FakeElks::start(Protocol::Https, accepting())?;
    let certificate = folder.join("certificate.pem");
    fs::write(&certificate, &elks.pem)?;
    let program = PathBuf::from(env!("CARGO_BIN_EXE_elks-mcp"));
    let launch = |state: &Path, kind: &str| -> Result<Command> {
        let mut command = command(&program, &[], state)?;
        command.env("HTTPS_PROXY", elks.proxy()).env("SSL_CERT_FILE", &certificate);
        command.env("DRY_RUN", "false").env("ELKS_STATE", kind);
        Ok(command)
    };
    let with = one(launch(&folder.join("one"), "disk")?)?;
    let without = one(launch(&folder.join("none"), "memory")?)?;
    let shared = folder.join("shared");
    let contended = together(|| launch(&shared, "disk"))?;
    let server = Postgres::start_with("fsync = on");
    let databases = [(); 4].map(|()| server.empty_database());
    let mut addresses = Vec::new();
    for database in &databases {
        let parsed = |role| Address::parse(&database.address(role), &Certificates::default());
        let role = CLIENT.to_string();
        database::init(&parsed(OWNER).map_err(anyhow::Error::msg)?, &[role])
            .map_err(|fault| anyhow::anyhow!("{fault}"))?;
        addresses.push(Arc::new(parsed(CLIENT).map_err(anyhow::Error::msg)?));
    }
    let launch_in = |database: &Database<'_>| -> Result<Command> {
        let mut command = launch(&folder.join("unused"), "disk")?;
        command.env_remove("ELKS_STATE").env("ELKS_LEDGER", database.address(CLIENT));
        Ok(command)
    };
    let in_database = one(launch_in(&databases[0])?)?.0;
    let contended_in_database = together(|| launch_in(&databases[1]))?;
    let mut read = serde_json::Map::new();
    for events in EVENTS {
        let location = Location::Folder(folder.join(events.to_string()).join(account()));
        write_journal(&location, events)?;
        read.insert(events.to_string(), read_journal(&location)?.into());
    }
    let mut read_rows = serde_json::Map::new();
    for ((events, address), database) in EVENTS.into_iter().zip(&addresses[2..]).zip(&databases[2..]) {
        copy_journal(&folder.join(events.to_string()).join(account()), database)?;
        read_rows.insert(events.to_string(), read_journal(&Location::Database(Arc::clone(address), account()))?.into());
    }
    let month = folder.join(EVENTS[0].to_string());
    let start = starts(STARTS, &[&|| launch(&folder.join("new"), "disk"), &|| launch(&month, "disk")])?;
    let figures = json!({
        "send_ms": {"journal": with.0, "memory": without.0, "postgres": in_database},
        "four_processes": contended,
        "four_processes_postgres": contended_in_database,
        "read_ms": read,
        "read_postgres_ms": read_rows,
        "start_ms": {"no journal yet": start[0], "10,000 events": start[1]},
        "resident_mb": {"after": {"1,100 sends": with.1, "3,100 sends": with.2}},
    });
    writeln!(std::io::stdout(), "{}", serde_json::to_string_pretty(&figures)?)?;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/ledger.json");
    fs::write(path, serde_json::to_string_pretty(&figures)?)?;
    Ok(())
}

/// An account whose balance never ends, and which accepts every message. The simulator's would run out of credits.
fn accepting() -> impl Fn(&Received) -> Reaction + Send + Sync + 'static {
    let sent = AtomicU64::new(0);
    move |request| match (request.method.as_str(), request.path.as_str()) {
        ("GET", "/a1/me") => Reaction::json(&json!({
            "id": config::SIMULATED_USERNAME, "displayname": "Benchmark", "currency": "SEK", "balance": 1_000_000,
        })),
        ("POST", "/a1/sms") => {
            // With a letter, as nearly all have: an id of decimal digits is not recorded.
            let id = format!("s{:031x}a", sent.fetch_add(1, Ordering::Relaxed));
            let created = SystemClock.now().format("%Y-%m-%dT%H:%M:%S%.6f").to_string();
            Reaction::json(&json!({
                "id": id, "status": "created", "created": created, "direction": "outgoing", "parts": 1, "cost": 5200,
                "from": request.field("from"), "to": request.field("to"), "message": request.field("message"),
            }))
        }
        _ => Reaction::text(404, "Not found"),
    }
}

/// The parameters of a send whose text has a number.
fn send(number: usize) -> Value {
    json!({"name": "send_sms", "arguments": {"to": "+46701740605", "message": format!("Hej! Din tid är {number}.")}})
}

/// Median and 99th percentile of sends, one at a time, and what the program holds after them and after 2,000 more.
fn one(command: Command) -> Result<(Value, f64, f64)> {
    let (mut server, _) = Server::launch(command)?;
    server.calls(WARM_UP, 1, &send)?;
    let (took, _) = server.calls(SENDS, 1, &send)?;
    let early = server.resident()?;
    server.calls(2 * SENDS, 1, &send)?;
    Ok((percentiles(&took), early, server.resident()?))
}

/// The same for processes that send at once.
fn together(command: impl Fn() -> Result<Command>) -> Result<Value> {
    let mut servers = (0..PROCESSES).map(|_| Ok(Server::launch(command()?)?.0)).collect::<Result<Vec<_>>>()?;
    let took = std::thread::scope(|scope| {
        let share = SENDS / PROCESSES;
        let spawn = |(number, server)| {
            // No two processes send the same message.
            scope.spawn(move || Server::calls(server, share, 1, &|call| send(number * share + call)))
        };
        let running: Vec<_> = servers.iter_mut().enumerate().map(spawn).collect();
        let ended = running.into_iter().map(|thread| anyhow::Ok(thread.join().ok().context("a thread ended")??.0));
        ended.collect::<Result<Vec<_>>>()
    })?;
    let mut took: Vec<Duration> = took.into_iter().flatten().collect();
    took.sort_unstable();
    let mut figures = percentiles(&took);
    figures["longest"] = milliseconds(took.last().copied().unwrap_or_default()).into();
    Ok(figures)
}

fn percentiles(took: &[Duration]) -> Value {
    json!({"p50": milliseconds(took[took.len() / 2]), "p99": milliseconds(took[took.len() * 99 / 100])})
}

/// A clock that a benchmark moves.
struct Moved(Mutex<DateTime<Utc>>);

impl Clock for Moved {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().expect("nobody panics with it")
    }
}

/// The name of the account's journal.
fn account() -> String {
    ledger::folder(config::SIMULATED_USERNAME)
}

/// Copies a journal from its folder into a database, which checks each line.
fn copy_journal(folder: &Path, database: &Database<'_>) -> Result<()> {
    let mut months: Vec<PathBuf> = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    months.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
    months.sort();
    let mut rows = String::new();
    for line in months.iter().map(fs::read_to_string).collect::<Result<Vec<_>, _>>()?.concat().lines() {
        let seq = serde_json::from_str::<Value>(line)?["seq"].take();
        rows += &format!("{}\u{2}{seq}\u{2}{line}\n", account());
    }
    let file = folder.join("rows");
    fs::write(&file, rows)?;
    let form = "(FORMAT csv, DELIMITER E'\\x02', QUOTE E'\\x01')";
    database.sql(&format!("\\copy elks_mcp.events (account, seq, line) FROM '{}' WITH {form}", file.display()));
    // The server does this by itself after a while. Before, it sorts all rows for each page.
    database.sql("ANALYZE elks_mcp.events");
    Ok(())
}

/// Writes a journal of so many events of the last 27 days.
fn write_journal(location: &Location, events: usize) -> Result<()> {
    let sends = events / 2;
    let begin = SystemClock.now() - TimeDelta::days(27);
    let step = TimeDelta::days(26) / i32::try_from(sends)?;
    let clock = Arc::new(Moved(Mutex::new(begin)));
    let ledger = Ledger::at(location.clone(), config::MAX_KEEP_DAYS, Arc::clone(&clock) as Arc<dyn Clock>);
    let keys = Keys::of_password(config::SIMULATED_PASSWORD);
    let settings = Settings::read(&Variables::default(), true)?;
    for number in 0..sends {
        *clock.0.lock().expect("nobody panics with it") += step;
        let to = format!("+4670174{:04}", number % 10_000);
        let content = Content { to: &to, from: &settings.sender, flash: false, text: &number.to_string() };
        let intent = Intent {
            content: keys.content(&content),
            recipient: keys.recipient(&to),
            key: None,
            to: "+467****605".into(),
            from: "+467****004".into(),
            contact: None,
            parts: 1,
            price: None,
            approved: false,
            pid: std::process::id(),
        };
        let of = ledger.with(|book| book.append(Event::Intent(intent)))??;
        let id = format!("s{number:032x}");
        let accepted = Accepted { id, status: Some("created".into()), created: None, parts: 1, cost: Some(5200) };
        ledger.settle(of, Outcome::Accepted(accepted), By::Answer)?;
    }
    Ok(())
}

/// The median of several first readings, in milliseconds.
fn read_journal(location: &Location) -> Result<f64> {
    let mut took = Vec::new();
    for _ in 0..11 {
        let ledger = Ledger::at(location.clone(), config::MAX_KEEP_DAYS, Arc::new(SystemClock));
        let begun = Instant::now();
        ledger.with(|book| book.state().entries().count())?;
        took.push(begun.elapsed());
    }
    took.sort_unstable();
    Ok(milliseconds(took[took.len() / 2]))
}
