//! Rate limits, as a client sees them. `host/sandbox/src/rate_limit.rs` proves with a clock of its own that no minute
//! admits more than the limit.

use crate::support::RECIPIENT;
use crate::support::program::Launch;
use serde_json::{Value, json};

#[test]
fn the_eleventh_message_of_a_minute_is_refused_in_the_words_that_users_know() {
    let mut program = Launch::simulator().serve();
    for number in 0..10 {
        assert_eq!(program.send(json!({"message": format!("Hej {number}")})).facts()["duplicate"], Value::Null);
    }
    let error = program.send(json!({})).failed("RATE_LIMIT_EXCEEDED");
    let seconds = error
        .strip_prefix("Rate limit exceeded for SMS sending. Please wait ")
        .and_then(|rest| rest.strip_suffix(" seconds before trying again."))
        .unwrap_or_else(|| panic!("{error}"));
    assert!((1..=60).contains(&seconds.parse::<u32>().unwrap()), "{error}");
    program.call("check_account_balance", json!({})).facts();
}

#[test]
fn queries_have_their_own_limit() {
    let mut program = Launch::simulator().env("RATE_LIMIT_QUERIES_PER_MINUTE", "3").serve();
    program.call("check_account_balance", json!({})).facts();
    program.call("get_sms_messages", json!({})).facts();
    program.call("estimate_sms_cost", json!({"to": RECIPIENT, "message": "Hej"})).facts();
    let error = program.call("get_delivery_statistics", json!({})).failed("RATE_LIMIT_EXCEEDED");
    assert!(error.starts_with("Rate limit exceeded for queries. Please wait "), "{error}");
    program.send(json!({})).facts();
}

#[test]
fn a_dry_run_counts_as_a_send_and_a_refused_call_does_not_count() {
    let mut program = Launch::with(&["--simulate"]).env("RATE_LIMIT_SMS_PER_MINUTE", "2").serve();
    for _ in 0..20 {
        program.send(json!({"to": "+46701234567"})).failed("VALIDATION_ERROR");
        program.send(json!({"surprise": 1})).failed("VALIDATION_ERROR");
    }
    program.send(json!({})).facts();
    program.send(json!({})).facts();
    program.send(json!({})).failed("RATE_LIMIT_EXCEEDED");
}

#[test]
fn calls_at_the_same_time_share_the_limit() {
    let mut program = Launch::simulator().env("RATE_LIMIT_SMS_PER_MINUTE", "5").serve();
    for number in 0..40 {
        program.post_call("send_sms", &json!({"to": RECIPIENT, "message": format!("Hej {number}")}));
    }
    let results: Vec<bool> = (0..40).map(|_| program.message()["result"]["isError"] == false).collect();
    assert_eq!(results.iter().filter(|sent| **sent).count(), 5);
}
