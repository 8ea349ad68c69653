//! The settings that users of the Node server keep.

use crate::support::PASSWORD;
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
fn a_value_that_cannot_be_read_names_the_variable_and_what_is_allowed() {
    for (name, value, allowed) in [
        ("RATE_LIMIT_SMS_PER_MINUTE", "ten", "a whole number from 1 to 1000000"),
        ("RATE_LIMIT_QUERIES_PER_MINUTE", "0", "a whole number from 1 to 1000000"),
        ("DRY_RUN", "perhaps", "true, 1, yes, on or false, 0, no, off"),
        ("CONFIRM_SENDS", "perhaps", "true, 1, yes, on or false, 0, no, off"),
        ("ELKS_PHONE_NUMBER", "0701740605", "a phone number like +46701740605, or a sender name"),
    ] {
        let error = refused(name, value);
        assert!(
            error.contains(&format!("{name} holds something else (not shown here); allowed is {allowed}")),
            "{error}"
        );
    }
}

#[test]
fn a_password_that_is_pasted_into_another_variable_is_not_repeated() {
    let parts = |text: &str| text.as_bytes().windows(4).map(|part| part.escape_ascii().to_string()).collect::<Vec<_>>();
    for pasted in [PASSWORD, "Qx7-Zj!Kw_Vb9", "Basic dXNlcjpwYXNzd29yZA=="] {
        for name in [
            "ELKS_PHONE_NUMBER",
            "DRY_RUN",
            "CONFIRM_SENDS",
            "RATE_LIMIT_SMS_PER_MINUTE",
            "RATE_LIMIT_QUERIES_PER_MINUTE",
        ] {
            let error = refused(name, pasted);
            assert!(parts(pasted).iter().all(|part| !error.contains(part)), "{name}: {error}");
        }
    }
}

#[test]
fn a_literal_that_a_client_left_behind_is_named_as_its_fault() {
    for (literal, shown) in [
        ("${ELKS_VALUE}", "${…}"),
        ("${user_config.value}", "${…}"),
        ("$ELKS_VALUE", "$NAME"),
        ("{{ELKS_VALUE}}", "{{…}}"),
        ("%ELKS_VALUE%", "%NAME%"),
        ("__encrypted__:djEwc2VjcmV0", "__encrypted__:…"),
        ("op://Private/46elks/value", "op://…"),
    ] {
        for name in ["ELKS_API_USERNAME", "ELKS_API_PASSWORD", "ELKS_PHONE_NUMBER"] {
            let error = refused(name, literal);
            assert!(error.contains(&format!("{name} holds a")) && error.contains(shown), "{error}");
            assert!(!error.contains("djEw") && !error.contains("Private"), "{error}");
        }
    }
    for name in ["ELKS_MAX_SMS_PER_DAY", "ELKS_ALLOWED_RECIPIENTS", "ELKS_POLICY_FILE", "HTTPS_PROXY"] {
        let error = refused(name, "${ELKS_VALUE}");
        assert!(error.contains(&format!("{name} holds a literal ${{…}}: your MCP client did not fill in")), "{error}");
    }
}

#[test]
fn an_optional_field_that_the_person_left_blank_has_its_default_and_a_warning() {
    let elks = FakeElks::answering(|_| Reaction::HangUp);
    let mut launch = Launch::account(&elks);
    let optional = ["DRY_RUN", "CONFIRM_SENDS", "ELKS_QUIET_HOURS", "ELKS_MAX_PRICE", "ELKS_POLICY_FILE", "ELKS_STATE"];
    for name in optional {
        launch = launch.env(name, "${user_config.value}");
    }
    let finished = launch.run();
    assert_eq!(finished.code(), 0, "{}", finished.errors());
    for name in optional {
        let warning = format!("⚠ {name} holds a literal ${{…}}: your MCP client did not fill in the variable");
        assert_eq!(finished.errors().matches(&warning).count(), 1, "{}", finished.errors());
    }
    assert!(finished.errors().contains("DRY RUN mode enabled"), "{}", finished.errors());
    // Every other literal in DRY_RUN keeps the program from sending, too.
    let finished = Launch::account(&elks).env("DRY_RUN", "$DRY_RUN").run();
    assert!(finished.code() == 0 && finished.errors().contains("DRY RUN mode enabled"), "{}", finished.errors());
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

#[test]
fn a_setting_of_the_policy_that_is_empty_or_unknown_ends_the_program() {
    let error = refused("ELKS_ALLOWED_RECIPIENTS", "");
    assert!(
        error.contains("ELKS_ALLOWED_RECIPIENTS is set but empty: unset it for anyone, or write * for anyone"),
        "{error}"
    );
    let error = refused("ELKS_ALOWED_RECIPIENTS", "+46701740605");
    assert!(
        error.contains("ELKS_ALOWED_RECIPIENTS is no setting; the nearest is ELKS_ALLOWED_RECIPIENTS")
            && !error.contains("+46701740605"),
        "{error}"
    );
    let error = refused("ELKS_POLICY_FILE", "policy");
    assert!(error.contains("ELKS_POLICY_FILE holds something else") && error.contains("absolute path"), "{error}");
}

#[test]
fn a_guard_under_a_misspelt_name_ends_the_program() {
    for (name, nearest) in [
        ("CONFIRM_SEND", "CONFIRM_SENDS"),
        ("confirm_sends", "CONFIRM_SENDS"),
        ("CONFIRM-SENDS", "CONFIRM_SENDS"),
        ("CONFIRM_SENDZ", "CONFIRM_SENDS"),
        ("DRYRUN", "DRY_RUN"),
        ("dry_run", "DRY_RUN"),
        ("RATE_LIMIT_SMS_PER_MIN", "RATE_LIMIT_SMS_PER_MINUTE"),
        ("RATE_LIMIT_SMS", "RATE_LIMIT_SMS_PER_MINUTE"),
        ("ELKS_PHONE", "ELKS_PHONE_NUMBER"),
    ] {
        // On Windows names differ by more than case.
        if cfg!(windows) && name.eq_ignore_ascii_case(nearest) {
            continue;
        }
        let error = refused(name, "true");
        assert!(error.contains(&format!("{name} is no setting; the nearest is {nearest}")), "{error}");
    }
    for foreign in ["RATE_LIMIT", "RATE_LIMIT_REQUESTS", "CONFIRM", "DRY", "RUN", "DRY_RUN_EVERYTHING_ELSE"] {
        assert_eq!(Launch::simulator().env(foreign, "true").run().code(), 0, "{foreign} belongs to another program");
    }
}
