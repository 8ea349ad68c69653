//! The settings that users of the Node server keep.

use crate::support::fake_elks::{FakeElks, Reaction};
use crate::support::program::Launch;

fn refused(name: &str, value: &str) -> String {
    let elks = FakeElks::answering(|_| Reaction::HangUp);
    let finished = Launch::account(&elks).env(name, value).run();
    assert_eq!(finished.code(), 1, "{name}={value:?}");
    assert!(finished.stdout.is_empty());
    assert!(finished.errors().contains(name), "{}", finished.errors());
    finished.errors()
}

#[test]
fn missing_settings_are_named_all_at_once() {
    let finished = Launch::with(&[]).run();
    assert_eq!(finished.code(), 1);
    for name in ["ELKS_API_USERNAME", "ELKS_API_PASSWORD", "ELKS_PHONE_NUMBER"] {
        assert!(finished.errors().contains(&format!("{name} is not set")), "{}", finished.errors());
    }
    // The Node server asked for variables that it did not read.
    assert!(!finished.errors().contains("ELKS_USERNAME") && !finished.errors().contains("ELKS_PASSWORD"));
    assert!(finished.errors().contains("Configuration error") && finished.errors().contains("MCP client"));
}

#[test]
fn missing_credentials_never_turn_the_simulator_on() {
    let elks = FakeElks::answering(|_| Reaction::HangUp);
    let finished = Launch::account(&elks).without("ELKS_API_PASSWORD").run();
    assert_eq!(finished.code(), 1);
    assert!(!finished.errors().contains("SIMULATOR"));
}

#[test]
fn a_value_that_cannot_be_read_names_the_variable_the_value_and_what_is_allowed() {
    let error = refused("RATE_LIMIT_SMS_PER_MINUTE", "ten");
    assert!(error.contains("\"ten\"") && error.contains("a whole number from 1 to 1000000"), "{error}");
    let error = refused("RATE_LIMIT_QUERIES_PER_MINUTE", "0");
    assert!(error.contains("\"0\""), "{error}");
    let error = refused("DRY_RUN", "perhaps");
    assert!(error.contains("\"perhaps\"") && error.contains("false, 0, no, off"), "{error}");
}

#[test]
fn a_literal_placeholder_is_reported_as_such() {
    for name in ["ELKS_API_USERNAME", "ELKS_API_PASSWORD", "ELKS_PHONE_NUMBER", "DRY_RUN", "RATE_LIMIT_SMS_PER_MINUTE"]
    {
        let error = refused(name, "${user_config.value}");
        assert!(error.contains("literal ${…}"), "{error}");
    }
}

#[test]
fn an_invalid_secret_is_not_repeated() {
    let error = refused("ELKS_API_PASSWORD", "first line\nsecond line");
    assert!(!error.contains("first line") && !error.contains("second line"), "{error}");
    let error = refused("ELKS_PHONE_NUMBER", "0701740605");
    assert!(!error.contains("0701740605"), "{error}");
}

#[cfg(unix)]
#[test]
fn bytes_that_are_no_text_are_an_error_and_not_a_panic() {
    use std::os::unix::ffi::OsStrExt;
    let value = std::ffi::OsStr::from_bytes(b"\xff\xfe");
    let finished = Launch::simulator().env_bytes("DRY_RUN", value).run();
    assert_eq!(finished.code(), 1);
    assert!(finished.errors().contains("DRY_RUN holds bytes that are not UTF-8 text"), "{}", finished.errors());
}
