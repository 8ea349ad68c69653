//! Several computers with one account: their programs share a ledger in PostgreSQL. Each test has a database of its
//! own.

use crate::support::fake_account::FakeAccount;
use crate::support::fake_elks::FakeElks;
use crate::support::own_file::OwnFile;
use crate::support::postgres::{CLIENT, Database, OWNER, Postgres};
use crate::support::program::{Called, Finished, Launch, Program};
use crate::support::scene::{assert_duplicate, assert_sent, message, ready, send};
use crate::support::state_dir::StateDir;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// An account with its 46elks, and the database in which its programs remember what they sent.
struct Fleet<'a> {
    account: Arc<FakeAccount>,
    elks: FakeElks,
    database: Database<'a>,
}

impl<'a> Fleet<'a> {
    /// With a ledger that the owner of the database has made by the command.
    fn new(server: &'a Postgres) -> Self {
        let fleet = Self::without_ledger(server);
        let made = fleet.init();
        assert_eq!(made.code(), 0, "{}", made.errors());
        fleet
    }

    fn without_ledger(server: &'a Postgres) -> Self {
        let account = FakeAccount::new();
        Self { elks: account.server(), account, database: server.empty_database() }
    }

    fn init(&self) -> Finished {
        Launch::with(&["ledger", "init", "--grant", CLIENT]).env("ELKS_LEDGER", &self.database.address(OWNER)).run()
    }

    /// A program of one of the computers, whose folder is its own.
    fn launch(&self) -> Launch {
        self.launch_at(&self.database.address(CLIENT))
    }

    fn launch_at(&self, address: &str) -> Launch {
        let launch = Launch::account(&self.elks).state(&StateDir::new()).env("ELKS_LEDGER", address);
        launch.env("RATE_LIMIT_SMS_PER_MINUTE", "100000").env("RATE_LIMIT_QUERIES_PER_MINUTE", "100000")
    }

    fn program(&self) -> Program {
        ready(self.launch())
    }

    /// A command for people, about this ledger.
    fn command(&self, arguments: &[&str]) -> Launch {
        Launch::with(arguments).env("ELKS_LEDGER", &self.database.address(CLIENT))
    }

    /// A command that also asks 46elks.
    fn launch_command(&self, arguments: &[&str]) -> Finished {
        Launch::account_with(&self.elks, arguments).env("ELKS_LEDGER", &self.database.address(CLIENT)).run()
    }

    /// The events of the ledger, oldest first.
    fn events(&self) -> Vec<Value> {
        let lines = self.database.sql("SELECT line FROM elks_mcp.events ORDER BY seq");
        let event = |line: &str| serde_json::from_str::<Value>(line).unwrap()["event"].take();
        lines.lines().map(event).collect()
    }

    /// Asserts that the ledger is whole.
    fn assert_whole(&self) {
        let verified = self.command(&["audit", "verify"]).run();
        assert_eq!(verified.code(), 0, "{:?} {}", verified.stdout, verified.errors());
    }

    /// Asserts that a send is refused for the ledger and nothing else, that nothing left, and that queries go on.
    fn assert_unavailable(&self, program: &mut Program, expected: &str) {
        let sends = self.elks.sends();
        let error = send(program, "Medan det är trasigt").failed("LEDGER_UNAVAILABLE");
        assert!(error.contains("nothing was sent") && error.contains(expected), "{error}");
        for secret in ["password:", "%3A", "localhost", CLIENT, &self.database.name] {
            assert!(!error.contains(secret), "{error}");
        }
        program.call("check_account_balance", json!({})).facts();
        assert_eq!(self.elks.sends(), sends);
    }
}

/// What an account sent, by its texts.
fn texts(account: &FakeAccount) -> Vec<String> {
    account.messages().iter().map(|message| message["message"].as_str().unwrap().to_string()).collect()
}

#[test]
fn computers_that_share_an_account_share_limits_duplicates_and_a_pause() {
    let fleet = Fleet::new(Postgres::shared());
    let (mut one, mut other) = (ready(fleet.launch().env("ELKS_MAX_SMS_PER_DAY", "2")), fleet.program());
    assert_sent(&send(&mut one, "Hej"));
    assert_duplicate(&send(&mut other, "Hej"));
    assert_sent(&send(&mut other, "Hej igen"));
    send(&mut one, "En till").failed("RATE_LIMIT_EXCEEDED");
    let paused = fleet.command(&["pause"]).run();
    assert!(paused.code() == 0 && paused.stdout.join("\n").contains("sending is paused"), "{:?}", paused.stdout);
    assert!(send(&mut other, "I pausen").failed("NOT_ALLOWED").contains("paused"));
    assert_eq!(fleet.command(&["resume"]).run().code(), 0);
    assert_sent(&send(&mut other, "Efter pausen"));
    assert_eq!(texts(&fleet.account), ["Hej", "Hej igen", "Efter pausen"]);
    fleet.assert_whole();
}

#[test]
fn the_commands_of_the_audit_read_the_database() {
    let fleet = Fleet::new(Postgres::shared());
    assert_sent(&send(&mut fleet.program(), "Hej"));
    let shown = fleet.command(&["audit", "show"]).run();
    assert!(shown.code() == 0 && shown.stdout.join("\n").contains("accepted"), "{:?}", shown.stdout);
    let verified = fleet.command(&["audit", "verify"]).run().stdout.join("\n");
    assert!(verified.contains(&format!("in database {} at localhost", fleet.database.name)), "{verified}");
    assert!(verified.contains("WHOLE: ") && !verified.contains("password"), "{verified}");
    let head = fleet.command(&["audit", "head"]).run().stdout;
    let state = StateDir::new();
    let exported = fleet.command(&["audit", "export", "--output", state.path().to_str().unwrap()]).run();
    assert!(exported.code() == 0 && exported.stdout.join("\n").contains("2 events in 1 file"), "{:?}", exported.stdout);
    // The files are a journal like any other.
    assert_eq!(Launch::with(&["audit", "head"]).state(&state).run().stdout, head);
    assert_eq!(state.events(), fleet.events());
    let again = fleet.command(&["audit", "export", "--output", state.path().to_str().unwrap()]).run();
    assert!(again.code() == 3 && again.errors().contains("is there already"), "{}", again.errors());
    let provider = fleet.launch_command(&["audit", "verify", "--provider"]);
    assert_eq!(provider.code(), 0, "{:?} {:?}", provider.stdout, provider.stderr);
}

#[test]
fn a_database_that_cannot_be_used_refuses_sends_and_no_query() {
    let server = Postgres::shared();
    let fleet = Fleet::without_ledger(server);
    let (address, database) = (fleet.database.address(CLIENT), &fleet.database);
    fleet.assert_unavailable(&mut fleet.launch().serve(), "Let its owner run `elks-mcp ledger init`");
    assert_eq!(fleet.init().code(), 0);
    let root = format!("?sslrootcert={}", server.root().display());
    for (address, expected) in [
        (database.address_with(CLIENT, "wrong", &root), "refused the role or the password"),
        (address.replace(&format!(":{}", server.port()), ":1"), "it does not accept connections"),
        (address.replace(&database.name, "none"), "does not exist"),
        (database.address_with(CLIENT, "wrong", ""), "no verified TLS connection"),
        (database.address(OWNER), "can change or delete events"),
    ] {
        fleet.assert_unavailable(&mut fleet.launch_at(&address).serve(), expected);
    }
    let mut running = fleet.program();
    assert_sent(&send(&mut running, "Före"));
    database.sql("UPDATE elks_mcp.schema_version SET version = 2");
    fleet.assert_unavailable(&mut fleet.launch().serve(), "newer version 2");
    database.sql("UPDATE elks_mcp.schema_version SET version = 0");
    fleet.assert_unavailable(&mut fleet.launch().serve(), "older version 0");
    database.sql("UPDATE elks_mcp.schema_version SET version = 1");
    database.sql(&format!("REVOKE INSERT (account, seq, line) ON elks_mcp.events FROM {CLIENT}"));
    fleet.assert_unavailable(&mut running, "--grant ROLE");
    assert_eq!(fleet.init().code(), 0, "doing it again gives the rights back");
    database.sql(&format!("ALTER DATABASE {} SET default_transaction_read_only = on", database.name));
    fleet.assert_unavailable(&mut fleet.launch().serve(), "accepts no writes");
    server.sql("postgres", &format!("ALTER DATABASE {} RESET default_transaction_read_only", database.name));
    assert_sent(&send(&mut running, "Efter"));
    assert_eq!(fleet.elks.sends(), 2);
    fleet.assert_whole();
}

#[test]
fn a_server_that_does_not_answer_in_time_refuses_sends() {
    let server = Postgres::start();
    let fleet = Fleet::new(&server);
    let mut running = fleet.program();
    assert_sent(&send(&mut running, "Före"));
    // The program's own connection, and then those that are new.
    let session = fleet.database.sql(&format!("SELECT pid FROM pg_stat_activity WHERE usename = '{CLIENT}'"));
    server.freeze(Some(session.trim()));
    let begun = Instant::now();
    fleet.assert_unavailable(&mut running, "did not answer in time");
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    server.go_on(Some(session.trim()));
    assert_sent(&send(&mut running, "Medan den andra"));
    server.freeze(None);
    fleet.assert_unavailable(&mut fleet.launch().serve(), "it does not answer");
    server.go_on(None);
    assert_sent(&send(&mut running, "Efter"));
    fleet.assert_whole();
}

#[test]
fn a_server_that_is_restarted_loses_and_doubles_nothing() {
    let server = Postgres::start();
    let fleet = Fleet::new(&server);
    let mut program = fleet.program();
    assert_sent(&send(&mut program, "Ett"));
    server.restart();
    assert_sent(&send(&mut program, "Två"));
    // Between the message and the record of its outcome.
    fleet.account.answers_to_sends.hold();
    program.post_call("send_sms", &message("Tre"));
    fleet.account.answers_to_sends.await_waiting(1);
    server.crash();
    fleet.account.answers_to_sends.release();
    let mut answer = program.message();
    assert_sent(&Called(answer["result"].take()));
    fleet.assert_unavailable(&mut program, "cannot be reached");
    server.start_again();
    assert_duplicate(&send(&mut program, "Tre"));
    assert_sent(&send(&mut program, "Fyra"));
    assert_eq!(texts(&fleet.account), ["Ett", "Två", "Tre", "Fyra"]);
    fleet.assert_whole();
}

/// How many programs send at once.
const PROGRAMS: usize = 8;

/// How many messages they try to send in all.
const ATTEMPTS: usize = 1_000;

/// How many the policy admits.
const LIMIT: usize = 100;

#[test]
fn eight_programs_keep_to_one_limit() {
    let fleet = Fleet::new(Postgres::shared());
    let limited = || {
        let launch = fleet.launch().env("ELKS_MAX_SMS_PER_DAY", &LIMIT.to_string());
        ready(launch.env("ELKS_MAX_SMS_PER_RECIPIENT_PER_DAY", "*"))
    };
    let programs: Vec<Program> = (0..PROGRAMS).map(|_| limited()).collect();
    let sent: usize = std::thread::scope(|scope| {
        let send_share = |number: usize, program: &mut Program| {
            let texts = (0..ATTEMPTS / PROGRAMS).map(|text| format!("Nummer {number}.{text}"));
            texts.filter(|text| !is_refused(&send(program, text))).count()
        };
        let share = |(number, mut program): (usize, Program)| scope.spawn(move || send_share(number, &mut program));
        let running: Vec<_> = programs.into_iter().enumerate().map(share).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!((sent, fleet.elks.sends()), (LIMIT, LIMIT));
    let intents = fleet.events().iter().filter(|event| event["intent"].is_object()).count();
    assert_eq!(intents, LIMIT, "nobody reserved what was not sent");
    fleet.assert_whole();
}

/// Whether the limit refused a message. Every other failure is one of the test.
fn is_refused(called: &Called) -> bool {
    if called.0["isError"] == true {
        called.failed("RATE_LIMIT_EXCEEDED");
        return true;
    }
    assert_sent(called);
    false
}

/// How many programs are killed.
const KILLS: usize = 50;

/// How often the server crashes meanwhile.
const CRASHES: usize = 5;

#[test]
fn kills_of_programs_and_of_the_server_lose_and_double_nothing() {
    let server = Postgres::start();
    let fleet = Fleet::new(&server);
    let launch = || fleet.launch().env("ELKS_MAX_SMS_PER_DAY", "*").env("ELKS_MAX_SMS_PER_RECIPIENT_PER_DAY", "*");
    let (mut number, mut accepted) = (0, BTreeSet::new());
    for kill in 0..KILLS {
        // Two programs send the same texts and one of their own; one of them is killed in the middle.
        let (mut killed, mut survivor) = (ready(launch()), ready(launch()));
        let shared = format!("Nummer {number}");
        number += 1;
        for program in [&mut killed, &mut survivor] {
            program.post_call("send_sms", &message(&shared));
            program.post_call("send_sms", &message(&format!("Nummer {number}")));
            number += 1;
        }
        if (kill + 1) % (KILLS / CRASHES) == 0 {
            server.restart();
        } else {
            // Another moment each time: from before the first row to after the last.
            let (begun, moment) = (Instant::now(), Duration::from_millis((kill as u64 * 7) % 60));
            while begun.elapsed() < moment {
                std::thread::yield_now();
            }
        }
        killed.kill();
        for _ in 0..2 {
            let called = Called(survivor.message()["result"].take());
            if called.0["isError"] == true {
                let error = called.error();
                let known = ["(LEDGER_UNAVAILABLE)", "(IN_PROGRESS)", "(OUTCOME_UNKNOWN)"];
                assert!(known.iter().any(|code| error.contains(code)), "{error}");
            } else if called.facts()["duplicate"].is_null() {
                accepted.insert(called.facts()["id"].as_str().unwrap().to_string());
            }
        }
        fleet.assert_whole();
    }
    // No program runs any more, so that the counts stand still.
    let sent = texts(&fleet.account);
    assert_eq!(sent.iter().collect::<BTreeSet<_>>().len(), sent.len(), "no message twice");
    let ids: BTreeSet<String> =
        fleet.account.messages().iter().map(|message| message["id"].as_str().unwrap().to_string()).collect();
    let (mut intents, mut recorded, mut unsent) = (0, BTreeSet::new(), 0);
    for event in fleet.events() {
        intents += usize::from(event["intent"].is_object());
        let outcome = &event["outcome"]["outcome"];
        recorded.extend(outcome["accepted"]["id"].as_str().map(str::to_string));
        unsent += usize::from(outcome == "not_left");
    }
    assert!(recorded.is_subset(&ids), "each recorded message was sent");
    assert!(accepted.is_subset(&ids), "each reported message was sent");
    assert!(
        sent.len() <= intents - unsent,
        "each message has an intent: {} of {intents}, {unsent} not sent",
        sent.len()
    );
    assert!(recorded.len() <= sent.len() && sent.len() >= KILLS, "{} sent, {} recorded", sent.len(), recorded.len());
}

#[test]
fn doctor_looks_at_the_database() {
    let fleet = Fleet::without_ledger(Postgres::shared());
    let doctor = |address: &str, arguments: &[&str]| {
        let launch = Launch::account_with(&fleet.elks, &[&["doctor", "--json"], arguments].concat());
        let finished = launch.env("ELKS_LEDGER", address).run();
        let report: Value = serde_json::from_str(&finished.stdout.join("\n")).unwrap();
        let all = report["findings"].as_array().unwrap().clone();
        let journal: Vec<Value> = all.into_iter().filter(|finding| finding["group"] == "journal").collect();
        assert!(!finished.stdout.join("\n").contains("5/8") && !finished.stdout.join("\n").contains("%3A"));
        (finished.code(), journal)
    };
    let address = fleet.database.address(CLIENT);
    let (code, found) = doctor(&address, &[]);
    assert_eq!((code, &found[0]["check"], &found[0]["status"]), (1, &json!("database"), &json!("problem")));
    assert!(found[0]["next"].as_str().unwrap().contains("`elks-mcp ledger init`"), "{found:?}");
    assert_eq!(fleet.init().code(), 0);
    assert_sent(&send(&mut fleet.program(), "Hej"));
    let (code, found) = doctor(&address, &[]);
    assert_eq!(
        (code, &found[0]["status"], &found[0]["facts"]["has_tls"]),
        (0, &json!("ok"), &json!(true)),
        "{found:?}"
    );
    assert_eq!((&found[1]["check"], &found[1]["facts"]["newest"]), (&json!("content"), &json!(2)), "{found:?}");
    // Without a connection it still says what to do.
    let root = format!("?sslrootcert={}", fleet.database.server.root().display());
    for (away, expected) in [
        (fleet.database.address_with(CLIENT, "hunter2", &root), "refused the role or the password"),
        (format!("postgres://{CLIENT}:hunter2@localhost:1/a{root}"), "does not accept connections"),
        (format!("postgres://{CLIENT}:hunter2@name.invalid/a{root}"), "its name may be wrong"),
    ] {
        let (code, found) = doctor(&away, &[]);
        assert_eq!((code, &found[0]["status"]), (1, &json!("problem")), "{found:?}");
        assert!(found[0].to_string().contains(expected) && !found[0].to_string().contains("hunter2"), "{found:?}");
    }
    let (_, found) = doctor(&address, &["--offline"]);
    assert_eq!((found.len(), &found[0]["status"]), (1, &json!("skipped")), "{found:?}");
}

#[test]
fn an_address_that_cannot_be_used_is_a_problem_of_the_settings() {
    let fleet = Fleet::without_ledger(Postgres::shared());
    for (value, expected) in [
        ("mysql://a:hunter2@b/c", "it must begin with postgres://"),
        ("postgres://a:hunter2@b", "it must name a host, a role and a database"),
        ("postgres://hunter2/c", "it must name a host, a role and a database"),
        ("postgres://a:hunter2@b/c?sslmode=require", "does not verify the server"),
        ("postgres://a:hunter2@b/c?sslmode=disable", "only for a server on this machine"),
        ("postgres://a:hunter2@b,localhost/c?sslmode=disable", "only for a server on this machine"),
        ("postgres://a:hunter2@b/c?sslrootcert=root.pem", "must be the absolute path of a file"),
        ("postgres://a:hunter2@b/c?sslcert=/a", "are not supported"),
        ("postgres://a:hunter2@b/c?hunter2=1", "no other options"),
        ("postgres://a:hunter2@b:port/c", "it must have the form"),
        ("postgres://a:x@hunter2@b/c", "with % codes for special characters of the password"),
        ("postgres://a:x@hunter2:1@b/c", "with % codes for special characters of the password"),
        ("postgres://a:x@b/c&password=hunter2", "with % codes for special characters of the password"),
        ("postgres://a:x@b/c/hunter2@d", "with % codes for special characters of the password"),
        ("postgres://a:x@hunter2%40b/c", "with % codes for special characters of the password"),
        ("", "ELKS_LEDGER is set but empty"),
        ("${LEDGER}", "ELKS_LEDGER holds a literal ${…}"),
    ] {
        let launch = fleet.launch_at(value);
        let mut program = launch.serve();
        let error = send(&mut program, "Hej").failed("CONFIGURATION_ERROR");
        assert!(error.contains(expected) && !error.contains("hunter2"), "{value}: {error}");
    }
    let both = fleet.launch().env("ELKS_STATE", "memory");
    let error = send(&mut both.serve(), "Hej").failed("CONFIGURATION_ERROR");
    assert!(error.contains("ELKS_STATE is memory beside ELKS_LEDGER"), "{error}");
}

#[test]
fn a_socket_needs_no_tls_and_a_file_can_hold_the_address() {
    let server = Postgres::shared();
    let fleet = Fleet::new(server);
    let socket = server.socket().to_str().unwrap().replace('/', "%2F");
    let address = format!("postgres://{CLIENT}@{socket}:{}/{}", server.port(), fleet.database.name);
    let file = OwnFile::new("ledger", &format!("{address}\n"));
    let launch = fleet.launch().without("ELKS_LEDGER").env("ELKS_LEDGER_FILE", file.path());
    assert_sent(&send(&mut ready(launch), "Hej"));
    assert_eq!(fleet.events().len(), 2);
}
