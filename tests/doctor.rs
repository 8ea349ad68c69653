//! `elks-mcp doctor`: each of its findings is provoked here, and its output has no secret, no whole number and no
//! control character. It sends nothing.
//!
//! Not here: the component, entries of MCP clients, clocks and certificates as values, which have tests beside their
//! code.

use crate::support::fake_account::FakeAccount;
use crate::support::fake_elks::{FakeElks, Reaction, listener};
use crate::support::own_file::OwnFile;
use crate::support::program::{Finished, Launch};
use crate::support::state_dir::StateDir;
use crate::support::{NOWHERE, PASSWORD, SENDER, USERNAME, answers, journal, merged};
use chrono::TimeDelta;
use elks_mcp::component::{CONFIGURED_SHA256, SHA256};
use elks_mcp::origin::{COMMIT, TARGET, VERSION};
use serde_json::{Value, json};
use std::fs;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// A number that the program's own sentences do not have as an example.
const NUMBER: &str = "+46701740617";

/// What a run found, and its exit code.
struct Found {
    code: i32,
    output: Value,
}

impl Found {
    /// Runs a doctor that was asked for JSON.
    fn of(launch: Launch) -> Self {
        let finished = launch.run();
        let (code, text) = (finished.code(), finished.stdout.join("\n"));
        assert_has_no_secret(&finished);
        let output: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert_eq!(output["ok"], json!(code == 0), "{text}");
        Self { code, output }
    }

    fn findings(&self) -> &[Value] {
        self.output["findings"].as_array().unwrap()
    }

    /// The one finding of this check.
    fn check(&self, group: &str, check: &str) -> &Value {
        let is_it = |finding: &&Value| finding["group"] == group && finding["check"] == check;
        let found: Vec<&Value> = self.findings().iter().filter(is_it).collect();
        assert_eq!(found.len(), 1, "{group} {check}: {:#}", self.output);
        found[0]
    }

    /// Asserts how it is with a check, with these words in what was found or in what to do.
    #[track_caller]
    fn assert(&self, group: &str, check: &str, status: &str, words: &str) {
        let finding = self.check(group, check);
        assert_eq!(finding["status"], status, "{finding:#}");
        let said = format!("{} {}", finding["text"].as_str().unwrap(), finding["next"].as_str().unwrap_or_default());
        assert!(said.contains(words), "{words:?} is not in {said:?}");
        assert!(status != "problem" || finding["next"].is_string(), "a problem says what to do: {finding}");
    }
}

/// Variables that say where files of clients are, and that of the settings file.
const HOMES: [&str; 4] = ["HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA"];
const OTHER_HOMES: [&str; 5] =
    ["XDG_CONFIG_HOME", "CLAUDE_CONFIG_DIR", "CODEX_HOME", "COPILOT_HOME", "GEMINI_CLI_HOME"];

/// For somebody whose home this is. By default it is a folder that does not exist.
fn at_home(launch: Launch, home: &StateDir) -> Launch {
    let launch = HOMES.into_iter().fold(launch, |launch, name| launch.env(name, home.path().to_str().unwrap()));
    OTHER_HOMES.into_iter().fold(launch, Launch::without)
}

/// The doctor of the usual account.
fn doctor(elks: &FakeElks) -> Launch {
    account_with(elks, &["doctor", "--json"])
}

/// The usual account with these arguments, and without the files of whoever runs the tests.
fn account_with(elks: &FakeElks, arguments: &[&str]) -> Launch {
    at_home(Launch::account_with(elks, arguments), &StateDir::new())
}

/// An account in good order, whose 46elks has these fields.
fn account(more: Value) -> FakeElks {
    FakeElks::answering_everything(move |_| Reaction::json(&merged(answers::account(), &more)))
}

/// What no output may have, whatever was found.
fn assert_has_no_secret(finished: &Finished) {
    let output = format!("{}\n{}", finished.stdout.join("\n"), finished.errors());
    for secret in [PASSWORD, USERNAME, &SENDER[1..], &NUMBER[1..], "sesame", "hunter2"] {
        assert!(!output.contains(secret), "{secret}: {output}");
    }
    assert!(!output.contains(|c: char| c.is_control() && c != '\n'), "{output:?}");
}

#[test]
fn an_account_in_good_order_is_well_and_only_its_account_is_asked_for() {
    let asked = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&asked);
    let elks = FakeElks::answering_everything(move |request| {
        assert_eq!((request.method.as_str(), request.path.as_str()), ("GET", "/a1/me"));
        counted.fetch_add(1, Ordering::SeqCst);
        Reaction::json(&answers::account())
    });
    let state = StateDir::new();
    let found = Found::of(doctor(&elks).state(&state).env("ELKS_SPEND_PER_DAY", "50"));
    assert_eq!(found.code, 0, "{:#}", found.output);
    assert!(found.findings().iter().all(|finding| finding["status"] == "ok"), "{:#}", found.output);
    assert_eq!((asked.load(Ordering::SeqCst), elks.requests().len()), (1, 0), "nothing else is asked, nothing is sent");
    found.assert("clients", "entry", "ok", "none in the files of the clients");
    for (name, value) in [("version", VERSION), ("commit", COMMIT), ("target", TARGET)] {
        assert_eq!(found.output[name], value);
    }
    for (check, sha256) in [("component", SHA256), ("configured", CONFIGURED_SHA256)] {
        assert_eq!(found.output[format!("{check}_sha256")], sha256);
        found.assert("program", check, "ok", sha256);
    }
    found.assert("connection", "certificates", "ok", "1 certificate to verify 46elks with, from SSL_CERT_FILE");
    found.assert("connection", "proxy", "ok", &format!("{} (HTTPS_PROXY)", elks.proxy()));
    found.assert("connection", "dns", "ok", "the proxy itself looks up api.46elks.com");
    found.assert("connection", "tcp", "ok", &elks.address.to_string());
    found.assert("connection", "proxy_connect", "ok", "connected to api.46elks.com");
    found.assert("connection", "tls", "ok", "TLS 1.3, HTTP/1.1; the certificate was issued by rcgen self signed cert");
    found.assert("account", "credentials", "ok", "46elks accepts username and password");
    found.assert("account", "kind", "ok", "the main account");
    found.assert("account", "funds", "ok", "the balance is 100.00 SEK");
    found.assert("account", "sender", "ok", "the account's own mobile number");
    for check in ["certificates", "dns", "tcp", "proxy_connect", "tls"] {
        assert!(found.check("connection", check)["ms"].is_u64(), "{check} has a time");
    }
    found.assert("journal", "folder", "ok", "is made at the next start");
    assert!(!state.path().exists(), "nothing is made");
}

#[test]
fn the_output_for_people_has_words_and_no_secret() {
    let elks = account(json!({}));
    let proxy = format!("http://Aladdin:open%20sesame@{}", elks.address);
    let launch = account_with(&elks, &["doctor"]).env("HTTPS_PROXY", &proxy);
    let finished = launch.env("TERM", "xterm-256color").env("ELKS_SPEND_PER_DAY", "50").run();
    assert_has_no_secret(&finished);
    assert_eq!((finished.code(), finished.errors()), (0, String::new()), "{:?}", finished.stdout);
    for line in [
        "Program",
        "  ok       ELKS_API_PASSWORD = 32 characters (environment)",
        "  ok       ELKS_PHONE_NUMBER = +467****004 (environment)",
        "  ok       DRY_RUN = false (environment)",
        "  ok       ELKS_MAX_SMS_PER_DAY = 100 messages (default)",
        &format!("  ok       HTTPS_PROXY = http://{}, with a username and password (environment)", elks.address),
        "  ok       sending: DRY_RUN is off: messages are sent",
        "  ok       kind: the main account: a subaccount with a usagelimit bounds what can be spent through this program",
        "Nothing needs to be fixed. Nothing was sent.",
    ] {
        assert!(finished.stdout.iter().any(|printed| printed == line), "{line:?}:\n{}", finished.stdout.join("\n"));
    }
}

#[test]
fn each_setting_has_its_source() {
    let elks = account(json!({}));
    let password = OwnFile::new("password", PASSWORD);
    let policy = OwnFile::new("policy", "ELKS_MAX_PARTS=2\nELKS_ALLOWED_COUNTRIES=SE,DK\n");
    let text = format!(
        "# settings\nELKS_API_PASSWORD_FILE={}\nELKS_POLICY_FILE={}\nELKS_MAX_PARTS=4\nELKS_KEEP_DAYS=100\n",
        password.path(),
        policy.path()
    );
    let file = OwnFile::new("env", &text);
    let launch = account_with(&elks, &["doctor", "--json", "--settings", file.path()]);
    let found = Found::of(launch.without("ELKS_API_PASSWORD").env("ELKS_QUIET_HOURS", "21:00-08:00 UTC"));
    assert_eq!(found.code, 0, "{:#}", found.output);
    for (name, value, source) in [
        ("ELKS_API_USERNAME", "33 characters", "environment"),
        ("ELKS_API_PASSWORD", "not set", "default"),
        ("ELKS_PHONE_NUMBER", "+467****004", "environment"),
        ("DRY_RUN", "false", "environment"),
        ("RATE_LIMIT_QUERIES_PER_MINUTE", "60", "default"),
        ("ELKS_KEEP_DAYS", "100", "settings file, line 5"),
        ("ELKS_STATE", "disk", "default"),
        ("ELKS_MAX_PARTS", "2 parts", "the stricter of settings file, line 4 and policy file"),
        ("ELKS_ALLOWED_COUNTRIES", "2 countries", "policy file"),
        ("ELKS_QUIET_HOURS", "21:00-08:00 UTC", "environment"),
        ("ELKS_CONTACTS", "none", "default"),
        ("ALL_PROXY", "not set", "default"),
    ] {
        let facts = &found.check("settings", name)["facts"];
        assert_eq!((&facts["value"], &facts["source"]), (&json!(value), &json!(source)), "{name}");
    }
    found.assert("settings", "ELKS_API_PASSWORD_FILE", "ok", "32 characters (settings file, line 2)");
    found.assert("settings", "settings_file", "ok", file.path());
    if cfg!(unix) {
        found.assert("settings", "ELKS_API_PASSWORD_FILE", "ok", "(mode 0600)");
        found.assert("settings", "ELKS_POLICY_FILE", "ok", "(mode 0600)");
        found.assert("settings", "settings_file", "ok", "(mode 0600)");
    }
    found.assert("account", "credentials", "ok", "46elks accepts");
}

#[test]
fn all_problems_of_the_settings_are_named_and_the_other_steps_are_taken() {
    let elks = account(json!({}));
    let launch = doctor(&elks).without("ELKS_PHONE_NUMBER").env("DRY_RUN", "hunter2");
    let found = Found::of(launch.env("ELKS_ALOWED_RECIPIENTS", NUMBER).env("ELKS_MAX_PARTS", "hunter2"));
    assert_eq!(found.code, 1);
    found.assert("settings", "ELKS_PHONE_NUMBER", "problem", "ELKS_PHONE_NUMBER is not set");
    found.assert("settings", "DRY_RUN", "problem", "allowed is true, 1, yes, on or false");
    found.assert("settings", "ELKS_MAX_PARTS", "problem", "allowed is a whole number");
    found.assert("settings", "other", "problem", "the nearest is ELKS_ALLOWED_RECIPIENTS");
    found.assert("policy", "policy", "skipped", "its settings have problems");
    found.assert("connection", "tls", "ok", "TLS 1.3");
    found.assert("account", "credentials", "ok", "46elks accepts");

    let found = Found::of(at_home(Launch::with(&["doctor", "--json", "--offline"]), &StateDir::new()));
    assert_eq!(found.code, 1);
    for name in ["ELKS_API_USERNAME", "ELKS_API_PASSWORD", "ELKS_PHONE_NUMBER"] {
        found.assert("settings", name, "problem", "is not set");
    }
    found.assert("journal", "folder", "skipped", "username or password cannot be used");
    found.assert("policy", "sending", "ok", "DRY_RUN is on");
}

/// A secret in the form of 46elks's passwords that is not this account's.
const OTHER_SECRET: &str = "0F1E2D3C4B5A69788796A5B4C3D2E1F0";

#[test]
fn a_secret_in_the_wrong_place_is_shown_nowhere() {
    let elks = account(json!({}));
    for name in [
        "ELKS_API_USERNAME",
        "ELKS_API_PASSWORD_FILE",
        "ELKS_PHONE_NUMBER",
        "DRY_RUN",
        "RATE_LIMIT_QUERIES_PER_MINUTE",
        "ELKS_POLICY_FILE",
        "ELKS_STATE_DIR",
        "ELKS_STATE",
        "ELKS_KEEP_DAYS",
        "ELKS_ALLOWED_RECIPIENTS",
        "ELKS_CONTACTS",
        "CONFIRM_SENDS",
        "HTTPS_PROXY",
        "NO_PROXY",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
    ] {
        for value in ["hunter2/hunter2", PASSWORD, NUMBER, OTHER_SECRET] {
            let finished = account_with(&elks, &["doctor", "--offline"]).env(name, value).run();
            assert_has_no_secret(&finished);
            assert!(!finished.stdout.join("\n").to_uppercase().contains(OTHER_SECRET), "{name}");
            assert!(finished.stdout.iter().any(|line| line.contains(name)), "{name}");
        }
    }
}

#[test]
fn the_policy_is_not_called_the_default_while_it_cannot_be_read() {
    let elks = account(json!({}));
    let file = OwnFile::new("policy", "ELKS_MAX_PARTS=2\nELKS_QUIET_HOURS=always\n");
    let launch = account_with(&elks, &["doctor", "--offline", "--json"]).env("ELKS_POLICY_FILE", file.path());
    let found = Found::of(launch);
    found.assert("settings", "ELKS_MAX_PARTS", "skipped", "not known while the policy has problems");
    let quiet = found.check("settings", "ELKS_QUIET_HOURS");
    assert!(quiet["status"] == "problem" && quiet["next"] == "Correct it in the policy file.", "{quiet}");
    let nowhere = account_with(&elks, &["doctor", "--offline", "--json"]).env("ELKS_POLICY_FILE", NOWHERE);
    Found::of(nowhere).assert("settings", "ELKS_POLICY_FILE", "problem", "the policy file cannot be read");
}

#[test]
fn what_a_client_left_behind_is_named() {
    let elks = account(json!({}));
    let found = Found::of(doctor(&elks).env("DRY_RUN", "${user_config.dry_run}"));
    assert_eq!(found.code, 0, "{:#}", found.output);
    found.assert("settings", "DRY_RUN", "warning", "holds a literal ${…}: your MCP client did not fill in");
    let found = Found::of(doctor(&elks).env("ELKS_API_PASSWORD", "op://Private/46elks/password"));
    found.assert("settings", "ELKS_API_PASSWORD", "problem", "a reference of a password manager");
    found.assert("account", "credentials", "skipped", "username or password cannot be used");
}

#[cfg(unix)]
#[test]
fn a_settings_file_that_others_can_read_is_a_problem() {
    let elks = account(json!({}));
    let file = OwnFile::new("env", "DRY_RUN=true\n");
    file.mode(0o644);
    let found = Found::of(account_with(&elks, &["doctor", "--json", "--settings", file.path()]));
    assert_eq!(found.code, 1);
    let words = format!("settings file {} can be read or changed by others (mode 0644): `chmod 600`", file.path());
    found.assert("settings", "settings_file", "problem", &words);
    assert!(found.findings().iter().all(|finding| finding["check"] != "other"), "{:#}", found.output);
}

#[test]
fn a_settings_file_that_cannot_be_used_is_one_problem_with_what_to_do() {
    let elks = account(json!({}));
    let missing = std::env::temp_dir().join("no such folder/elks.env");
    let (missing, folder) = (missing.to_str().unwrap(), std::env::temp_dir());
    for (path, words) in [
        (missing, format!("settings file {missing} cannot be read: entity not found; nothing of it counts")),
        (missing, "`elks-mcp install CLIENT` writes the usual one".into()),
        (folder.to_str().unwrap(), "is no regular file".into()),
        ("${HOME}/elks.env", "settings file ${HOME}/elks.env: --settings holds a literal ${…}".into()),
    ] {
        let found = Found::of(account_with(&elks, &["doctor", "--json", "--offline", "--settings", path]));
        assert_eq!(found.code, 1);
        found.assert("settings", "settings_file", "problem", &words);
        assert!(found.findings().iter().all(|finding| finding["check"] != "other"), "{:#}", found.output);
    }
    // A faulty line is a problem of its own.
    let file = OwnFile::new("env", "ELKS_ALOWED_RECIPIENTS=hunter2\n");
    let found = Found::of(account_with(&elks, &["doctor", "--json", "--offline", "--settings", file.path()]));
    found.assert("settings", "settings_file", "ok", file.path());
    found.assert("settings", "other", "problem", "settings file, line 1: its name is no setting");
}

#[test]
fn the_file_that_install_writes_is_read_when_nothing_else_is_given() {
    let home = StateDir::new();
    fs::create_dir_all(home.path().join(".cursor")).unwrap();
    let run = |arguments: &[&str]| at_home(Launch::with(arguments), &home);
    let installed = run(&["install", "cursor"]).run();
    assert_eq!(installed.code(), 0, "{}", installed.errors());
    let printed = run(&["print-config", "cursor"]).run().errors();
    let path = printed.lines().find_map(|line| line.strip_prefix("Settings file: ")).unwrap().to_string();
    fs::write(&path, format!("ELKS_API_USERNAME={USERNAME}\nELKS_API_PASSWORD={PASSWORD}\n")).unwrap();

    let doctor = &["doctor", "--json", "--offline"];
    let found = Found::of(run(doctor));
    found.assert("settings", "settings_file", "ok", &path);
    found.assert("settings", "settings_file", "ok", ", the usual one: clients name it with --settings");
    found.assert("settings", "ELKS_API_PASSWORD", "ok", "32 characters (settings file, line 2)");
    found.assert("settings", "ELKS_PHONE_NUMBER", "problem", "is not set");
    found.assert("clients", "entry", "ok", "Its settings are checked by `elks-mcp doctor --settings ");

    let is_file = |finding: &Value| finding["check"] == "settings_file";
    let with_variable = Found::of(run(doctor).env("ELKS_PHONE_NUMBER", SENDER));
    assert!(!with_variable.findings().iter().any(is_file), "{:#}", with_variable.output);
    with_variable.assert("settings", "ELKS_API_USERNAME", "problem", "is not set");
    let other = OwnFile::new("env", "DRY_RUN=true\n");
    let named = Found::of(run(&["doctor", "--json", "--offline", "--settings", other.path()]));
    assert_eq!(named.check("settings", "settings_file")["facts"], json!({"path": other.path(), "is_usual": false}));
    named.assert("settings", "ELKS_API_USERNAME", "problem", "is not set");
    fs::remove_file(&path).unwrap();
    assert!(!Found::of(run(doctor)).findings().iter().any(is_file));
}

#[test]
fn nothing_is_connected_to_offline() {
    let elks = account(json!({}));
    let found = Found::of(account_with(&elks, &["doctor", "--json", "--offline"]));
    assert_eq!((found.code, elks.connections()), (0, 0), "{:#}", found.output);
    found.assert("connection", "certificates", "ok", "1 certificate");
    found.assert("connection", "proxy", "ok", "HTTPS_PROXY");
    for check in ["dns", "tcp", "proxy_connect", "tls"] {
        found.assert("connection", check, "skipped", "because of --offline");
    }
    found.assert("account", "credentials", "skipped", "because of --offline");
}

#[test]
fn the_step_that_fails_is_named_and_those_behind_it_are_skipped() {
    let elks = account(json!({}));
    let missing = doctor(&elks).env("SSL_CERT_FILE", "/no/such/ca.pem");
    let nobody = doctor(&elks).env("HTTPS_PROXY", "http://127.0.0.1:1");
    let unknown = doctor(&elks).env("HTTPS_PROXY", "http://proxy.invalid:3128");
    let other = FakeElks::answering(|_| Reaction::HangUp);
    let untrusted = at_home(Launch::account_at(&elks.proxy(), &other.pem, &["doctor", "--json"]), &StateDir::new());
    let misnamed = FakeElks::certified("api.example.com", |_| -> Reaction { panic!("no request may arrive") });
    let expired = FakeElks::valid(2020, 2021);
    for (launch, check, words, skipped) in [
        (missing, "certificates", "the file that SSL_CERT_FILE names does not exist", &["tls"] as &[_]),
        (nobody, "tcp", "the proxy did not accept the connection", &["proxy_connect", "tls"]),
        (unknown, "dns", "the proxy's name could not be resolved", &["tcp", "proxy_connect", "tls"]),
        (untrusted, "tls", "its issuer is not known", &[]),
        (doctor(&misnamed), "tls", "it is for another name", &[]),
        (doctor(&expired), "tls", "it has expired", &[]),
    ] {
        let found = Found::of(launch);
        assert_eq!(found.code, 1, "{words}");
        found.assert("connection", check, "problem", words);
        for check in skipped {
            found.assert("connection", check, "skipped", "failed");
        }
        found.assert("account", "credentials", "skipped", "there is no connection");
    }
    assert_eq!(elks.requests().len(), 0);
}

/// A proxy that answers each connection with these bytes and ends it.
fn proxy_answering(answer: &'static [u8]) -> String {
    let listener = listener().unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = std::io::Read::read(&mut stream, &mut [0; 1024]);
            let _ = stream.write_all(answer);
        }
    });
    format!("http://{address}")
}

#[test]
fn what_the_proxy_says_is_the_finding() {
    let elks = account(json!({}));
    let connected = b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 302 Found\r\n\r\n" as &[u8];
    for (answer, check, words) in [
        (
            b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n" as &[u8],
            "proxy_connect",
            "another username and password",
        ),
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", "proxy_connect", "the proxy made no connection to it"),
        (b"\x1b[2J", "proxy_connect", "the proxy made no connection to it"),
        (connected, "tls", "does not speak TLS"),
    ] {
        let found = Found::of(doctor(&elks).env("HTTPS_PROXY", &proxy_answering(answer)));
        assert_eq!(found.code, 1);
        found.assert("connection", check, "problem", words);
    }
    let exempt = doctor(&elks).env("NO_PROXY", "46elks.com").env("HTTPS_PROXY", &elks.proxy());
    let found = Found::of(exempt);
    found.assert("connection", "proxy", "ok", "none, because NO_PROXY exempts api.46elks.com");
    assert_eq!(elks.connections(), 0);
}

#[test]
fn whoever_does_not_answer_is_not_waited_for_longer_than_a_connection_may_take() {
    let elks = account(json!({}));
    let listener = listener().unwrap();
    let silent = format!("http://{}", listener.local_addr().unwrap());
    let start = Instant::now();
    let found = Found::of(doctor(&elks).env("HTTPS_PROXY", &silent));
    assert!(start.elapsed() < Duration::from_secs(25), "{:?}", start.elapsed());
    found.assert("connection", "proxy_connect", "problem", "no connection through the proxy was made in time");

    let elks = FakeElks::answering_everything(|_| Reaction::Silence);
    let start = Instant::now();
    let found = Found::of(doctor(&elks));
    assert!(start.elapsed() < Duration::from_secs(25), "{:?}", start.elapsed());
    found.assert("account", "credentials", "problem", "46elks did not answer within 12 seconds");
}

#[test]
fn what_46elks_says_about_the_account_is_shown_with_what_to_do() {
    for (status, text, words) in [
        (401, "API access requires Basic HTTP authentication", "46elks refused username and password (401)"),
        (403, "no", "Correct ELKS_API_USERNAME and ELKS_API_PASSWORD"),
        (403, "<html>Access denied</html>", "HTML page"),
        (500, "broken\u{1b}[2J", "46elks answered 500"),
    ] {
        let elks = FakeElks::answering_everything(move |_| Reaction::text(status, text));
        let found = Found::of(doctor(&elks));
        assert_eq!(found.code, 1);
        found.assert("account", "credentials", "problem", words);
    }
    let elks = FakeElks::answering_everything(|_| Reaction::HangUp);
    Found::of(doctor(&elks)).assert("account", "credentials", "problem", "the connection ended before");

    let empty = Found::of(doctor(&account(json!({"balance": 0}))));
    empty.assert("account", "funds", "warning", "the balance is 0.00 SEK");
    assert_eq!(empty.code, 0, "a warning is no problem");
    let unknown = Found::of(doctor(&account(json!({"balance": null}))));
    unknown.assert("account", "kind", "ok", "46elks does not say whether it is a subaccount");
    assert_eq!(unknown.check("account", "kind")["facts"]["kind"], "unknown");
    unknown.assert("account", "funds", "ok", "46elks names neither a balance nor a usagelimit");
    for (more, status, words) in [
        (
            json!({"usagelimit": 1_000_000, "balanceused": 250_000}),
            "ok",
            "25.00 (in the account's currency) of the usagelimit",
        ),
        (json!({"usagelimit": 1_000_000, "balanceused": 1_000_000}), "warning", "is used up"),
        (json!({}), "warning", "Set a usagelimit"),
    ] {
        let answer = merged(answers::subaccount(), &more);
        let elks = FakeElks::answering_everything(move |_| Reaction::json(&answer));
        let found = Found::of(doctor(&elks));
        found.assert("account", "kind", "ok", "a subaccount");
        found.assert("account", "funds", status, words);
        found.assert("account", "sender", "ok", "does not say whether the sender is a number of the account");
        assert_eq!(found.check("account", "funds")["facts"]["usage_limit"], more["usagelimit"]);
    }
}

#[test]
fn a_clock_that_stops_sending_is_a_problem() {
    let account = FakeAccount::new();
    let elks = account.server();
    Found::of(doctor(&elks)).assert("account", "clock", "ok", "seconds");
    account.set(|behaviour| behaviour.clock = TimeDelta::minutes(10));
    let found = Found::of(doctor(&elks));
    assert_eq!(found.code, 1);
    found.assert("account", "clock", "problem", "seconds behind 46elks's: with more than 5 minutes, nothing is sent");
}

#[test]
fn the_journal_is_looked_at_and_left_as_it_is() {
    let account = FakeAccount::new();
    let elks = account.server();
    let state = StateDir::new();
    let mut program = Launch::account(&elks).state(&state).serve();
    program.send(json!({})).facts();
    drop(program.finish());
    let look = |launch: Launch| Found::of(launch.state(&state));
    let before = state.files();
    let found = look(doctor(&elks));
    assert_eq!(found.code, 0, "{:#}", found.output);
    found.assert("journal", "folder", "ok", "can be locked and read");
    found.assert("journal", "content", "ok", "it is whole; the newest event is 2");
    assert_eq!(state.files(), before, "nothing is changed");
    look(doctor(&elks).env("DRY_RUN", "true")).assert("journal", "folder", "ok", "a dry run does not use it");

    let held = journal::locked(&state);
    let found = look(doctor(&elks));
    assert_eq!(found.code, 1);
    found.assert("journal", "folder", "problem", "another process has used the send journal for too long");
    drop(held);

    let paused = account_with(&elks, &["pause"]).state(&state).run();
    assert_eq!(paused.code(), 0);
    let found = look(doctor(&elks));
    assert_eq!(found.code, 0);
    found.assert("journal", "content", "warning", "`elks-mcp resume` ends the pause");

    let month = journal::newest_month(&state);
    fs::write(&month, fs::read_to_string(&month).unwrap().replacen("accepted", "rejected", 1)).unwrap();
    let found = look(doctor(&elks));
    assert_eq!(found.code, 1);
    found.assert("journal", "content", "problem", "line 2: it was changed after it was written");
    let dry = look(doctor(&elks).env("DRY_RUN", "true"));
    dry.assert("journal", "content", "warning", "line 2: it was changed after it was written");

    fs::remove_file(&month).unwrap();
    fs::create_dir(&month).unwrap();
    let unreadable = look(doctor(&elks).env("DRY_RUN", "true"));
    assert_eq!(unreadable.code, 1);
    unreadable.assert("journal", "content", "problem", "it cannot be read");
    assert_eq!(elks.sends(), 1, "the doctor sends nothing");
}

#[test]
fn a_journal_that_cannot_be_or_is_not_kept_is_named() {
    let elks = account(json!({}));
    let file = OwnFile::new("file", "");
    let found = Found::of(doctor(&elks).env("ELKS_STATE_DIR", &format!("{}/state", file.path())));
    assert_eq!(found.code, 1);
    found.assert("journal", "folder", "problem", "Set ELKS_STATE_DIR to a folder that this user can write to");
    let memory = Found::of(doctor(&elks).env("ELKS_STATE", "memory"));
    memory.assert("journal", "folder", "warning", "limits and duplicates are those of one process");
    let dry = Found::of(doctor(&elks).env("DRY_RUN", "true"));
    dry.assert("journal", "folder", "ok", "is made at the first start with DRY_RUN=false");
}

#[test]
fn a_policy_that_leaves_everything_open_is_a_warning() {
    let elks = account(json!({}));
    let offline = || account_with(&elks, &["doctor", "--json", "--offline"]);
    let open = Found::of(offline());
    assert_eq!(open.code, 0);
    open.assert("policy", "sending", "warning", "a model may send to anyone");
    open.assert("policy", "recipients", "ok", "to: anyone; never to: nobody; countries: any");
    open.assert("policy", "limits", "ok", "a minute: 10 messages; a day: 100 messages");
    open.assert("policy", "approval", "ok", "false");
    for (name, value) in [
        ("DRY_RUN", "true"),
        ("ELKS_ALLOWED_RECIPIENTS", NUMBER),
        ("ELKS_ALLOWED_COUNTRIES", "SE"),
        ("ELKS_SPEND_PER_MONTH", "500"),
        ("CONFIRM_SENDS", "true"),
    ] {
        Found::of(offline().env(name, value)).assert("policy", "sending", "ok", "DRY_RUN is o");
    }
}

#[test]
fn a_command_line_that_makes_no_sense_has_its_own_exit_code() {
    for arguments in [&["--simulate", "doctor"] as &[_], &["doctor", "--online"], &["doctor", "now"]] {
        let finished = Launch::with(arguments).run();
        assert_eq!((finished.code(), finished.stdout.len()), (2, 0), "{arguments:?}: {}", finished.errors());
    }
}
