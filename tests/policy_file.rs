//! `ELKS_POLICY_FILE` while the program runs, settings at its start, and `elks-mcp policy`.

use crate::support::fake_elks::FakeElks;
use crate::support::own_file::OwnFile;
use crate::support::program::{Launch, Program};
use crate::support::state_dir::StateDir;
use crate::support::{RECIPIENT, answers, fake_elks::Reaction};
use serde_json::{Value, json};
use std::fs;

/// A policy file of a test's own.
struct PolicyFile(OwnFile);

impl PolicyFile {
    fn new(text: &str) -> Self {
        Self(OwnFile::new("policy", text))
    }

    fn write(&self, text: &str) {
        self.0.write(text);
    }

    /// A launch with this file.
    fn of(&self, launch: Launch) -> Launch {
        launch.env("ELKS_POLICY_FILE", self.0.path())
    }
}

/// A server that accepts messages and has an empty history.
fn elks() -> FakeElks {
    FakeElks::answering(|request| match request.method.as_str() {
        "GET" => Reaction::json(&answers::page(&[])),
        _ => answers::accepting(request),
    })
}

/// Sends a message with a text of its own.
fn send(program: &mut Program, text: &str) -> crate::support::program::Called {
    program.send(json!({"message": text}))
}

#[test]
fn a_file_that_is_made_stricter_holds_at_once_and_one_that_is_made_looser_from_the_next_start() {
    let (elks, file) = (elks(), PolicyFile::new("ELKS_MAX_PARTS=3\n"));
    let mut program = file.of(Launch::account(&elks)).serve();
    send(&mut program, "ett").facts();
    file.write("# Stop\nELKS_MAX_PARTS=3\nELKS_BLOCKED_RECIPIENTS=+46701740605\n");
    let error = send(&mut program, "två").failed("NOT_ALLOWED");
    assert!(error.contains("(ELKS_BLOCKED_RECIPIENTS)") && !error.contains(RECIPIENT), "{error}");
    program.send(json!({"dry_run": true})).failed("NOT_ALLOWED");
    file.write("ELKS_MAX_PARTS=3\n");
    send(&mut program, "två").failed("NOT_ALLOWED");
    file.write("ELKS_MAX_PARTS=1\nELKS_MAX_SMS_PER_DAY=*\n");
    let limits = program.call("get_sending_limits", json!({}));
    assert_eq!(limits.facts()["max_parts"], 1, "what holds now");
    let day = limits.facts()["limits"].as_array().unwrap().iter().find(|row| row["rule"] == "sms_per_day").cloned();
    assert_eq!(day.unwrap()["limit"], 100, "and no limit goes away");
    file.write("ELKS_MAX_PARTS=9\n");
    let mut next = file.of(Launch::account(&elks)).serve();
    assert_eq!(next.send(json!({"message": "a".repeat(1377)})).facts()["sent"], true, "of nine parts");
    assert_eq!(elks.sends(), 2);
}

#[test]
fn a_contact_whose_number_the_file_changes_is_not_sent_to_by_name_until_the_next_start() {
    let (elks, file) = (elks(), PolicyFile::new("ELKS_CONTACTS=anna=+46701740605\n"));
    let mut program = file.of(Launch::account(&elks)).serve();
    program.send(json!({"to": "anna", "message": "ett"})).facts();
    file.write("ELKS_CONTACTS=anna=+46701740606\n");
    let error = program.send(json!({"to": "anna", "message": "två"})).failed("NOT_ALLOWED");
    assert!(error.contains("another number") && error.contains("Nothing was sent"), "{error}");
    program.send(json!({"to": RECIPIENT, "message": "till ett nummer"})).facts();
    let mut next = file.of(Launch::account(&elks)).serve();
    assert_eq!(next.send(json!({"to": "anna", "message": "två"})).facts()["to"], "+46701740606");
    assert_eq!(elks.sends(), 3);
}

#[test]
fn a_file_that_cannot_be_used_stops_sending_and_nothing_else_until_it_is_mended() {
    let (elks, file) = (elks(), PolicyFile::new("ELKS_MAX_PARTS=3\n"));
    let mut program = file.of(Launch::account(&elks)).serve();
    send(&mut program, "ett").facts();
    for (text, problem) in [
        (Some("ELKS_MAX_PARTS=5\nELKS_MAX_PRICE=hemligt\n"), "line 2: ELKS_MAX_PRICE holds something else"),
        (Some("ELKS_BLOCKED_RECIPENTS=+46701740605\n"), "the nearest is ELKS_BLOCKED_RECIPIENTS"),
        (
            Some("ELKS_API_PASSWORD=hemligt\n"),
            "ELKS_API_PASSWORD may be set in the environment or the settings file only",
        ),
        (Some("ELKS_CONTACTS_ONLY=true\n"), "ELKS_CONTACTS is not set"),
        (None, "the policy file cannot be read"),
    ] {
        match text {
            Some(text) => file.write(text),
            None => fs::remove_file(file.0.path()).unwrap(),
        }
        for more in [json!({"message": "två"}), json!({"message": "två", "dry_run": true})] {
            let error = program.send(more).failed("CONFIGURATION_ERROR");
            assert!(error.contains(problem) && error.contains("Nothing was sent"), "{error}");
            assert!(!error.contains("hemligt") && !error.contains("1740605"), "{error}");
        }
        assert!(program.call("get_sending_limits", json!({})).failed("CONFIGURATION_ERROR").contains(problem));
        program.call("get_sms_messages", json!({})).facts();
        program.call("estimate_sms_cost", json!({"to": RECIPIENT, "message": "Hej"})).facts();
    }
    assert_eq!(elks.sends(), 1);
    file.write("ELKS_MAX_PARTS=9\n");
    let error = program.send(json!({"message": "a".repeat(500)})).failed("NOT_ALLOWED");
    assert!(error.contains("(ELKS_MAX_PARTS)"), "what was in force is in force again: {error}");
    send(&mut program, "två").facts();
    let stderr = program.finish().errors();
    assert!(!stderr.contains("hemligt") && !stderr.contains("1740605"), "{stderr}");
}

#[test]
fn a_broken_file_ends_the_start_with_all_problems_of_file_and_environment_at_once() {
    let (elks, file) = (elks(), PolicyFile::new("ELKS_MAX_PARTS=11\nnonsense hemligt\nELKS_SPEND=5\n"));
    let launch = file.of(Launch::account(&elks)).env("ELKS_MAX_PRICE", "-1").env("ELKS_QUIET_HOUR", "hemligt");
    let finished = launch.without("ELKS_API_USERNAME").run();
    assert_eq!((finished.code(), finished.stdout.len()), (1, 0));
    let errors = finished.errors();
    for problem in [
        "ELKS_API_USERNAME is not set",
        "ELKS_MAX_PRICE holds something else (not shown here)",
        "ELKS_QUIET_HOUR is no setting; the nearest is ELKS_QUIET_HOURS",
        "line 1: ELKS_MAX_PARTS holds something else (not shown here)",
        "line 2: ",
        "line 3: ",
    ] {
        assert!(errors.contains(problem), "{problem}: {errors}");
    }
    assert!(!errors.contains("hemligt") && !errors.contains("running on stdio"), "{errors}");
}

/// What `get_sending_limits` says under a setting.
#[cfg(unix)]
#[test]
fn a_file_that_everybody_can_change_is_refused_at_the_start_and_before_each_send() {
    let (elks, file) = (elks(), PolicyFile::new("ELKS_MAX_PARTS=3\n"));
    let mut program = file.of(Launch::account(&elks)).serve();
    for mode in [0o644, 0o664] {
        file.0.mode(mode);
        send(&mut program, &format!("{mode}")).facts();
    }
    file.0.mode(0o646);
    let refused = send(&mut program, "nej").failed("CONFIGURATION_ERROR");
    assert!(refused.contains("can be changed by every user of this computer (mode 0646)"), "{refused}");
    let finished = file.of(Launch::account(&elks)).run();
    let expected = "ELKS_POLICY_FILE cannot be used: the policy file can be changed by every user";
    assert!(finished.code() == 1 && finished.errors().contains(expected), "{}", finished.errors());
}

fn limits_with(name: &str, value: Option<&str>) -> Value {
    let launch = value.into_iter().fold(Launch::simulator(), |launch, value| launch.env(name, value));
    launch.serve().call("get_sending_limits", json!({"to": RECIPIENT})).facts().clone()
}

/// The limit of a rule in such an answer.
fn limit(facts: &Value, rule: &str) -> Value {
    let rows = facts["limits"].as_array().unwrap();
    rows.iter().find(|row| row["rule"] == rule).map_or(Value::Null, |row| row["limit"].clone())
}

#[test]
fn unset_and_star_and_a_value_are_three_things() {
    for (name, rule, value, of_value, unset) in [
        ("ELKS_MAX_SMS_PER_DAY", "sms_per_day", "40", json!(40), json!(100)),
        ("ELKS_MAX_SMS_PER_RECIPIENT_PER_DAY", "sms_per_recipient_per_day", "3", json!(3), json!(20)),
        ("ELKS_SPEND_PER_DAY", "spend_per_day", "25.50", json!(255_000), Value::Null),
        ("ELKS_SPEND_PER_MONTH", "spend_per_month", "0.0001", json!(1), Value::Null),
    ] {
        assert_eq!(limit(&limits_with(name, None), rule), unset, "{name} is unset");
        assert_eq!(limit(&limits_with(name, Some("*")), rule), Value::Null, "{name} is *");
        assert_eq!(limit(&limits_with(name, Some(value)), rule), of_value, "{name} is {value}");
    }
    for (name, value, field, of_value, of_star) in [
        ("ELKS_MAX_PRICE", "0.52", "max_price", json!(5200), Value::Null),
        ("ELKS_MAX_PARTS", "2", "max_parts", json!(2), json!(10)),
        ("ELKS_ALLOWED_COUNTRIES", "se,+45", "countries", json!(["DK", "SE"]), Value::Null),
        ("ELKS_ALLOWED_RECIPIENTS", "+4670*", "recipients_listed", json!(true), Value::Null),
        ("ELKS_ALLOWED_SENDERS", "Elks", "senders_listed", json!(true), Value::Null),
    ] {
        for (value, expected) in [(Some(value), &of_value), (Some("*"), &of_star), (None, &of_star)] {
            assert_eq!(&limits_with(name, value)[field], expected, "{name} is {value:?}");
        }
    }
    assert_eq!(limits_with("ELKS_DUPLICATE_MINUTES", Some("0"))["duplicate_minutes"], Value::Null);
    assert_eq!(limits_with("ELKS_DUPLICATE_MINUTES", None)["duplicate_minutes"], 15);
    assert_eq!(limits_with("CONFIRM_SENDS", Some("first-contact"))["confirmation"], "first_contact");
    assert_eq!(limits_with("CONFIRM_SENDS", Some(""))["confirmation"], "never", "as it always was");
}

#[test]
fn an_empty_value_and_a_typing_error_end_the_start_and_are_not_repeated() {
    // Their defaults restrict, so that a field of a bundle that is left blank loosens nothing.
    let may_be_blank = [
        "ELKS_CONTACTS",
        "ELKS_MAX_SMS_PER_DAY",
        "ELKS_MAX_SMS_PER_RECIPIENT_PER_DAY",
        "ELKS_DUPLICATE_MINUTES",
        "ELKS_STATE",
        "ELKS_STATE_DIR",
        "ELKS_KEEP_DAYS",
    ];
    for (name, wrong) in [
        ("ELKS_ALLOWED_RECIPIENTS", "0701740605"),
        ("ELKS_BLOCKED_RECIPIENTS", "*"),
        ("ELKS_ALLOWED_COUNTRIES", "Sverige"),
        ("ELKS_CONTACTS", "anna:+46701740605"),
        ("ELKS_CONTACTS_ONLY", "perhaps"),
        ("ELKS_ALLOWED_SENDERS", "Åkeriet"),
        ("ELKS_MAX_SMS_PER_DAY", "1e3"),
        ("ELKS_MAX_SMS_PER_RECIPIENT_PER_DAY", "-17"),
        ("ELKS_SPEND_PER_DAY", "25,50"),
        ("ELKS_SPEND_PER_MONTH", "17 SEK"),
        ("ELKS_MAX_PRICE", "0.00017"),
        ("ELKS_MAX_PARTS", "1117"),
        ("ELKS_QUIET_HOURS", "20:17-08:17"),
        ("ELKS_DUPLICATE_MINUTES", "14417"),
        ("ELKS_POLICY_FILE", "relative.policy"),
        ("ELKS_STATE", "tape"),
        ("ELKS_STATE_DIR", "relative"),
        ("ELKS_KEEP_DAYS", "17"),
    ] {
        let finished = Launch::simulator().env(name, "").run();
        if may_be_blank.contains(&name) {
            assert_eq!(finished.code(), 0, "{name}: {}", finished.errors());
        } else {
            assert_eq!(finished.code(), 1, "{name}");
            let empty = format!("{name} is set but empty: unset it for ");
            assert!(finished.errors().contains(&empty), "{}", finished.errors());
        }
        let finished = Launch::simulator().env(name, wrong).run();
        let errors = finished.errors();
        assert!(finished.code() == 1 && finished.stdout.is_empty() && errors.contains(name), "{name}: {errors}");
        assert!(!errors.contains(wrong) || wrong == "*", "{name}: {errors}");
    }
}

#[test]
fn the_policy_is_printed_with_its_sources_and_without_the_contents_of_lists() {
    let file = PolicyFile::new(
        "ELKS_CONTACTS=anna=+46701740605\nELKS_CONTACTS=dr-berg=+46701740606\nELKS_MAX_PARTS=2\nELKS_SPEND_PER_DAY=9\n",
    );
    // No account is set: the policy is the operator's to read.
    let launch = |arguments: &[&str]| {
        let launch = file.of(Launch::with(arguments)).env("ELKS_MAX_PARTS", "4");
        launch.env("ELKS_ALLOWED_RECIPIENTS", "+46701740605,+4673*").env("ELKS_BLOCKED_RECIPIENTS", "+47*")
    };
    let finished = launch(&["policy"]).run();
    assert_eq!((finished.code(), finished.errors().as_str()), (0, ""));
    let output = finished.stdout.join("\n");
    let rows: Vec<Vec<&str>> = finished
        .stdout
        .iter()
        .map(|row| row.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect())
        .collect();
    for row in [
        ["ELKS_ALLOWED_RECIPIENTS", "1 number, 1 beginning", "environment"],
        ["ELKS_BLOCKED_RECIPIENTS", "1 beginning", "environment"],
        ["ELKS_CONTACTS", "2 names", "policy file"],
        ["ELKS_MAX_PARTS", "2 parts", "the stricter of environment and policy file"],
        ["ELKS_MAX_SMS_PER_DAY", "100 messages", "default"],
    ] {
        assert!(rows.iter().any(|found| *found == row), "{row:?} is missing:\n{output}");
    }
    assert!(output.starts_with("Policy file: was read"), "{output}");
    for hidden in ["1740605", "4673", "+47", "anna", "berg"] {
        assert!(!output.contains(hidden), "{hidden}: {output}");
    }
    let shown = launch(&["policy", "--show-contacts"]).run().stdout.join("\n");
    assert!(shown.ends_with("Contacts:\n  anna +46701740605\n  dr-berg +46701740606"), "{shown}");
    assert!(!shown.contains("4673"), "{shown}");
    file.write("ELKS_MAX_PARTS=hemligt\n");
    let broken = launch(&["policy"]).run();
    assert_eq!((broken.code(), broken.stdout.len()), (1, 0));
    assert!(broken.errors().contains("line 1: ELKS_MAX_PARTS") && !broken.errors().contains("hemligt"));
}

#[test]
fn without_a_journal_a_warning_says_what_is_given_up_and_nothing_is_written() {
    let (elks, state) = (elks(), StateDir::new());
    let launch = || Launch::account(&elks).state(&state).env("ELKS_STATE", "memory").env("ELKS_MAX_SMS_PER_DAY", "1");
    for _ in 0..2 {
        let mut program = launch().serve();
        let warning = program.stderr_line("ELKS_STATE=memory");
        assert!(warning.starts_with("⚠ ") && warning.contains("no journal is kept"), "{warning}");
        assert!(warning.contains("this process alone, and end with it"), "{warning}");
        assert_eq!(send(&mut program, "Hej").facts()["duplicate"], Value::Null);
        assert_eq!(send(&mut program, "Hej").facts()["duplicate"], true, "within the process it is remembered");
        send(&mut program, "en till").failed("RATE_LIMIT_EXCEEDED");
    }
    assert_eq!(elks.sends(), 2, "each process has its own limit");
    assert!(!state.path().exists());
    let dry = Launch::account(&elks).state(&state).env("ELKS_STATE", "memory").without("DRY_RUN").serve().finish();
    assert!(!dry.errors().contains("memory"), "nothing is given up where nothing is sent: {}", dry.errors());
}
