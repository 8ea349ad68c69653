//! Limits that time cures, over all processes and restarts: messages a day and per recipient, spending by 46elks's own
//! prices, and quiet hours. What is left is shown as it is.
//!
//! Not here: the limits of a minute, which are in `limits.rs`.

use crate::attacks::{Lines, hostile};
use crate::support::answers::PRICE;
use crate::support::fake_account::FakeAccount;
use crate::support::fake_elks::FakeElks;
use crate::support::program::{Launch, Program};
use crate::support::state_dir::StateDir;
use crate::support::{RECIPIENT, answers};
use chrono::{DateTime, Timelike, Utc};
use elks_mcp::call::CallHandler;
use elks_mcp::clock::{Clock, SystemClock};
use elks_mcp::config::{Settings, Variables};
use elks_mcp::failure::Code;
use elks_mcp::policy::Rule;
use elks_mcp::simulator::Simulator;
use elks_mcp::tools::Tool;
use serde_json::{Value, json};
use std::sync::Arc;

/// Another recipient.
const OTHER: &str = "+46701740606";

/// The row of a rule in `get_sending_limits`.
fn row(program: &mut Program, rule: &str, arguments: Value) -> Value {
    let called = program.call("get_sending_limits", arguments);
    let limits = called.facts()["limits"].as_array().unwrap();
    limits.iter().find(|row| row["rule"] == rule).cloned().unwrap_or_default()
}

/// What a row says: used, left and limit.
fn numbers(row: &Value) -> [u64; 3] {
    ["used", "left", "limit"].map(|name| row[name].as_u64().unwrap_or_else(|| panic!("no {name} in {row}")))
}

/// How the refusal of a rule begins.
fn words(rule: Rule) -> String {
    format!("{} ({})", rule.sentence(), rule.setting())
}

/// The wait that a refusal states: its seconds, and until when.
fn wait(error: &str) -> (u64, DateTime<Utc>) {
    let (_, rest) = error.split_once("Please wait ").unwrap_or_else(|| panic!("{error}"));
    let (seconds, rest) = rest.split_once(" seconds, until ").unwrap_or_else(|| panic!("{error}"));
    let until = rest.strip_suffix(", before trying again.").unwrap_or_else(|| panic!("{error}"));
    (seconds.parse().unwrap(), until.parse().unwrap())
}

#[test]
fn the_messages_of_a_day_end_with_the_true_wait_and_a_restart_gives_none_back() {
    let (elks, state) = (FakeElks::answering(answers::accepting), StateDir::new());
    let launch = || Launch::account(&elks).state(&state).env("ELKS_MAX_SMS_PER_DAY", "2");
    let mut program = launch().serve();
    assert_eq!(numbers(&row(&mut program, "sms_per_day", json!({}))), [0, 2, 2]);
    program.send(json!({"message": "ett"})).facts();
    program.send(json!({"message": "två", "to": OTHER})).facts();
    drop(program);
    let mut program = launch().serve();
    for more in [json!({"message": "fyra"}), json!({"message": "ett", "to": OTHER})] {
        let error = program.send(more).failed("RATE_LIMIT_EXCEEDED");
        assert!(error.starts_with(&format!("{}. Nothing was sent, and nothing is queued. ", words(Rule::SmsPerDay))));
        let (seconds, until) = wait(&error);
        assert!((86_000..=86_400).contains(&seconds), "{error}");
        let shown = row(&mut program, "sms_per_day", json!({}));
        assert_eq!((numbers(&shown), &shown["setting"]), ([2, 0, 2], &json!("ELKS_MAX_SMS_PER_DAY")));
        let returns: DateTime<Utc> = shown["returns"].as_str().unwrap().parse().unwrap();
        assert_eq!(returns.timestamp(), until.timestamp(), "the same moment: {shown}, {error}");
    }
    program.send(json!({"message": "fyra", "dry_run": true})).facts();
    program.call("estimate_sms_cost", json!({"to": OTHER, "message": "fyra"})).facts();
    assert_eq!(elks.sends(), 2);
}

#[test]
fn the_messages_to_one_recipient_have_a_limit_of_their_own() {
    let elks = FakeElks::answering(answers::accepting);
    let mut program = Launch::account(&elks).env("ELKS_MAX_SMS_PER_RECIPIENT_PER_DAY", "1").serve();
    program.send(json!({"message": "ett"})).facts();
    let error = program.send(json!({"message": "två", "to": "+46 70 174 06 05"})).failed("RATE_LIMIT_EXCEEDED");
    assert!(error.contains("to this recipient") && error.contains("(ELKS_MAX_SMS_PER_RECIPIENT_PER_DAY)"), "{error}");
    assert!(wait(&error).0 > 86_000 && !error.contains(RECIPIENT), "{error}");
    let rule = "sms_per_recipient_per_day";
    assert_eq!(numbers(&row(&mut program, rule, json!({"to": RECIPIENT}))), [1, 0, 1]);
    assert_eq!(numbers(&row(&mut program, rule, json!({"to": OTHER}))), [0, 1, 1]);
    assert_eq!(row(&mut program, rule, json!({})), Value::Null, "without a recipient there is no such row");
    assert_eq!(
        program.call("get_sending_limits", json!({"to": "nobody"})).failed("VALIDATION_ERROR").matches(':').count(),
        1
    );
    program.send(json!({"to": OTHER})).facts();
    assert_eq!(elks.sends(), 2);
}

#[test]
fn two_limits_that_are_reached_at_once_are_both_named() {
    let elks = FakeElks::answering(answers::accepting);
    let launch = Launch::account(&elks).env("ELKS_MAX_SMS_PER_DAY", "1").env("RATE_LIMIT_SMS_PER_MINUTE", "1");
    let mut program = launch.serve();
    program.send(json!({})).facts();
    let error = program.send(json!({"message": "en till"})).failed("RATE_LIMIT_EXCEEDED");
    assert!(error.contains("(RATE_LIMIT_SMS_PER_MINUTE); ") && error.contains("(ELKS_MAX_SMS_PER_DAY)"), "{error}");
    assert!(wait(&error).0 > 86_000, "the later moment of the two: {error}");
}

#[test]
fn dry_runs_count_for_the_minute_in_what_is_left() {
    let elks = FakeElks::answering(answers::accepting);
    let mut program = Launch::account(&elks).env("RATE_LIMIT_SMS_PER_MINUTE", "2").serve();
    program.send(json!({"dry_run": true})).facts();
    assert_eq!(numbers(&row(&mut program, "sms_per_minute", json!({}))), [1, 1, 2]);
    program.send(json!({})).facts();
    let full = row(&mut program, "sms_per_minute", json!({}));
    assert!(numbers(&full) == [2, 0, 2] && full["returns"].is_string(), "{full}");
    program.send(json!({"message": "en till"})).failed("RATE_LIMIT_EXCEEDED");
    assert_eq!(numbers(&row(&mut program, "sms_per_day", json!({}))), [1, 99, 100], "a dry run is no message");
}

#[test]
fn spending_is_reserved_by_the_estimate_and_counted_by_the_cost() {
    let account = FakeAccount::new();
    let elks = account.server();
    let mut program = Launch::account(&elks).env("ELKS_SPEND_PER_DAY", "1.20").env("ELKS_SPEND_PER_MONTH", "9").serve();
    program.send(json!({"message": "ett"})).facts();
    account.set(|behaviour| behaviour.cost = Some(6_000));
    program.send(json!({"message": "två"})).facts();
    let day = row(&mut program, "spend_per_day", json!({}));
    assert_eq!(numbers(&day), [11_200, 800, 12_000], "a price of 0.52, and a cost of 0.60");
    assert_eq!(numbers(&row(&mut program, "spend_per_month", json!({}))), [11_200, 78_800, 90_000]);
    assert!(program.call("get_sending_limits", json!({})).text().contains("0.08 SEK of 1.20 SEK left in 24 hours."));
    let error = program.send(json!({"message": "fyra"})).failed("RATE_LIMIT_EXCEEDED");
    assert!(error.starts_with(&words(Rule::SpendPerDay)) && wait(&error).0 > 86_000, "{error}");
    // One that is cheap enough still fits.
    account.set(|behaviour| (behaviour.estimated_cost, behaviour.cost) = (Some(800), Some(800)));
    program.send(json!({"message": "fyra"})).facts();
    assert_eq!((elks.dry_runs(), elks.sends()), (4, 3), "each message was priced, and one was not sent");
}

#[test]
fn a_message_that_costs_more_than_a_whole_limit_is_never_sent() {
    for setting in ["ELKS_MAX_PRICE", "ELKS_SPEND_PER_DAY", "ELKS_SPEND_PER_MONTH"] {
        let elks = FakeElks::answering(answers::accepting);
        let mut program = Launch::account(&elks).env(setting, "0.5199").serve();
        let error = program.send(json!({})).failed("NOT_ALLOWED");
        assert!(
            error.contains(&format!("({setting})")) && error.contains("Only the operator can change it"),
            "{error}"
        );
        assert_eq!((elks.dry_runs(), elks.sends()), (1, 0), "{setting}");
        let mut program = Launch::account(&elks).env(setting, "0.52").serve();
        assert_eq!(program.send(json!({})).facts()["cost"], PRICE, "{setting}");
    }
}

#[test]
fn without_a_price_of_46elks_nothing_is_sent_while_money_has_a_limit() {
    for setting in ["ELKS_MAX_PRICE", "ELKS_SPEND_PER_DAY", "ELKS_SPEND_PER_MONTH"] {
        let account = FakeAccount::new();
        let elks = account.server();
        account.set(|behaviour| behaviour.estimated_cost = None);
        let mut program = Launch::account(&elks).env(setting, "100").serve();
        let error = program.send(json!({})).failed("NOT_ALLOWED");
        let beginning =
            format!("46elks reported no price for this message, and {setting} needs one. Nothing was sent. ");
        assert!(error.starts_with(&beginning), "{error}");
        assert_eq!((elks.dry_runs(), elks.sends()), (1, 0));
        account.set(|behaviour| behaviour.estimated_cost = Some(PRICE));
        program.send(json!({})).facts();
        let mut unlimited = Launch::account(&elks).env(setting, "*").serve();
        account.set(|behaviour| behaviour.estimated_cost = None);
        unlimited.send(json!({})).facts();
        assert_eq!((elks.dry_runs(), elks.sends()), (2, 2), "without a limit no price is asked");
    }
}

#[tokio::test]
async fn a_component_that_lies_about_a_price_spends_nothing() {
    for (attack, code) in [
        ("a lie about the price", Code::Misreport),
        ("a lie about no price", Code::Misreport),
        ("a price without a request", Code::Misreport),
        ("valid", Code::NotAllowed),
    ] {
        let variables = Variables::from([("ELKS_MAX_PRICE", "0.10"), ("ELKS_SPEND_PER_DAY", "100")]);
        let mut settings = Settings::read(&variables, true).unwrap();
        settings.dry_run = false;
        let simulator = Arc::new(Simulator::new(&settings.credentials, &settings.sender));
        let handler = CallHandler::with_sandbox(settings, hostile(), simulator, Arc::new(Lines::default()));
        let arguments = json!({"to": RECIPIENT, "message": attack}).as_object().unwrap().clone();
        let failure = handler.call(Tool::SendSms, arguments).await.err().unwrap_or_else(|| panic!("{attack}: passed"));
        assert_eq!(failure.code, code, "{attack}: {failure}");
        assert!(failure.to_string().contains("othing was sent"), "{attack}: {failure}");
        let balance = handler.call(Tool::CheckAccountBalance, serde_json::Map::new()).await;
        let balance = balance.unwrap_or_else(|failure| panic!("{attack}: {failure}")).facts["balance"].clone();
        assert_eq!(balance, 2_500_000, "{attack}: nothing was charged");
    }
}

/// Quiet hours around this moment, and the hour in which they end. A full hour may pass during a test.
pub fn quiet_hours_now() -> (String, u32) {
    let hour = SystemClock.now().hour();
    let (from, to) = ((hour + 23) % 24, (hour + 2) % 24);
    (format!("{from:02}:00-{to:02}:00 UTC"), to)
}

#[test]
fn in_quiet_hours_nothing_is_sent_and_the_opening_time_is_stated() {
    let elks = FakeElks::answering(answers::accepting);
    let (hours, to) = quiet_hours_now();
    let mut program = Launch::account(&elks).env("ELKS_QUIET_HOURS", &hours).serve();
    let error = program.send(json!({})).failed("RATE_LIMIT_EXCEEDED");
    assert!(error.starts_with(&words(Rule::QuietHours)) && error.contains("nothing is queued"), "{error}");
    assert!(error.contains(&format!(" at {to:02}:00 UTC. Please wait ")), "{error}");
    let (seconds, until) = wait(&error);
    assert!(seconds <= 7200 && until.hour() == to && until.minute() == 0, "{error}");
    let limits = program.call("get_sending_limits", json!({}));
    assert_eq!(limits.facts()["quiet_hours"], hours);
    assert_eq!(limits.facts()["quiet_until"].as_str().unwrap().parse::<DateTime<Utc>>().unwrap(), until);
    assert!(elks.requests().is_empty());
    program.send(json!({"dry_run": true})).facts();
    // Hours that are far from now are no obstacle.
    let hour = SystemClock.now().hour();
    let (from, to) = ((hour + 6) % 24, (hour + 8) % 24);
    let later = Launch::account(&elks).env("ELKS_QUIET_HOURS", &format!("{from:02}:00-{to:02}:00 UTC"));
    assert_eq!(later.serve().send(json!({})).facts()["sent"], true);
}
