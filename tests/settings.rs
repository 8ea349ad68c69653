//! The settings that users of the Node server keep.

use crate::harness::{Elks, Launch, Reaction};

fn refused(name: &str, value: &str) -> String {
    let elks = Elks::behaving(|_| Reaction::HangUp);
    let finished = Launch::account(&elks).env(name, value).run();
    assert_eq!(finished.code(), 1, "{name}={value:?}");
    assert!(finished.stdout.is_empty());
    assert!(finished.told().contains(name), "{}", finished.told());
    finished.told()
}

#[test]
fn missing_settings_are_named_all_at_once() {
    let finished = Launch::with(&[]).run();
    assert_eq!(finished.code(), 1);
    for name in ["ELKS_API_USERNAME", "ELKS_API_PASSWORD", "ELKS_PHONE_NUMBER"] {
        assert!(finished.told().contains(&format!("{name} is not set")), "{}", finished.told());
    }
    assert!(finished.told().contains("Configuration error") && finished.told().contains("MCP client"));
}

#[test]
fn missing_credentials_never_turn_the_simulator_on() {
    let elks = Elks::behaving(|_| Reaction::HangUp);
    let finished = Launch::account(&elks).without("ELKS_API_PASSWORD").run();
    assert_eq!(finished.code(), 1);
    assert!(!finished.told().contains("SIMULATOR"));
}

#[test]
fn a_value_that_cannot_be_read_names_the_variable_the_value_and_what_is_allowed() {
    let told = refused("RATE_LIMIT_SMS_PER_MINUTE", "ten");
    assert!(told.contains("\"ten\"") && told.contains("a whole number from 1 to 1000000"), "{told}");
    let told = refused("RATE_LIMIT_QUERIES_PER_MINUTE", "0");
    assert!(told.contains("\"0\""), "{told}");
    let told = refused("DRY_RUN", "perhaps");
    assert!(told.contains("\"perhaps\"") && told.contains("false, 0, no, off"), "{told}");
}

#[test]
fn a_literal_placeholder_is_reported_as_such() {
    for name in ["ELKS_API_USERNAME", "ELKS_API_PASSWORD", "ELKS_PHONE_NUMBER", "DRY_RUN", "RATE_LIMIT_SMS_PER_MINUTE"]
    {
        let told = refused(name, "${user_config.value}");
        assert!(told.contains("literal ${…}"), "{told}");
    }
}

#[test]
fn a_secret_that_cannot_be_used_is_not_repeated() {
    let told = refused("ELKS_API_PASSWORD", "first line\nsecond line");
    assert!(!told.contains("first line") && !told.contains("second line"), "{told}");
    let told = refused("ELKS_PHONE_NUMBER", "0701740605");
    assert!(!told.contains("0701740605"), "{told}");
}

#[cfg(unix)]
#[test]
fn bytes_that_are_no_text_are_an_error_and_not_a_panic() {
    use std::os::unix::ffi::OsStrExt;
    let value = std::ffi::OsStr::from_bytes(b"\xff\xfe");
    let finished = Launch::simulator().env_bytes("DRY_RUN", value).run();
    assert_eq!(finished.code(), 1);
    assert!(finished.told().contains("DRY_RUN holds bytes that are not UTF-8 text"), "{}", finished.told());
}
