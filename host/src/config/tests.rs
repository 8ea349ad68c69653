//! The settings of the environment.

use super::*;
use crate::policy::{Confirm, file, settings};
use std::ffi::OsString;

/// The variable with the folder that journals are below when nothing else says so.
const HOME: (&str, &str) =
    if cfg!(windows) { ("LOCALAPPDATA", "C:/home/somebody") } else { ("HOME", "/home/somebody") };

/// The folder of the journals below it.
const JOURNALS: &str = if cfg!(windows) {
    "C:/home/somebody/elks-mcp"
} else if cfg!(target_os = "macos") {
    "/home/somebody/Library/Application Support/elks-mcp"
} else {
    "/home/somebody/.local/state/elks-mcp"
};

/// An absolute path where nothing is.
const NOWHERE: &str = if cfg!(windows) { "C:/does/not/exist" } else { "/does/not/exist" };

const COMPLETE: [(&str, &str); 4] = [(USERNAME, "u0"), (PASSWORD, "hunter2hunter2"), (SENDER, "+46701740605"), HOME];

/// Whether a name is on this system that of another variable: on Windows, case makes no difference.
fn is_another_spelling(name: &str) -> bool {
    cfg!(windows) && name.contains(|c: char| c.is_ascii_lowercase())
}

fn variables(changes: &[(&str, &str)]) -> Variables {
    let mut values = COMPLETE.to_vec();
    for (name, value) in changes {
        values.retain(|(known, _)| known != name);
        values.push((name, value));
    }
    Variables::from(values.as_slice())
}

fn read(changes: &[(&str, &str)]) -> Result<Settings, Problems> {
    Settings::read(&variables(changes), false)
}

fn problem(changes: &[(&str, &str)]) -> String {
    read(changes).err().expect("must not be taken").to_string()
}

#[test]
fn dry_run_is_on_unless_it_is_plainly_turned_off() {
    assert!(read(&[]).expect("is complete").dry_run);
    for on in ["true", "TRUE", "1", "yes", "on", "", " "] {
        assert!(read(&[(DRY_RUN, on)]).expect("is readable").dry_run, "{on:?}");
    }
    for off in ["false", "False", "0", "no", "OFF", " false "] {
        assert!(!read(&[(DRY_RUN, off)]).expect("is readable").dry_run, "{off:?}");
    }
    let text = problem(&[(DRY_RUN, "flase")]);
    assert!(
        text.contains("DRY_RUN holds something else (not shown here); allowed is true, 1, yes, on or false"),
        "{text}"
    );
}

#[test]
fn a_rate_that_cannot_be_read_is_never_no_limit() {
    let per_minute = |changes: &[(&str, &str)]| read(changes).expect("is readable").policy.start().per_minute();
    assert_eq!(per_minute(&[]), Some(DEFAULT_SMS_PER_MINUTE));
    assert_eq!(per_minute(&[(SMS_PER_MINUTE, "")]), Some(DEFAULT_SMS_PER_MINUTE), "empty is unset, as it always was");
    assert_eq!(per_minute(&[(SMS_PER_MINUTE, "3")]), NonZeroU32::new(3));
    for name in [SMS_PER_MINUTE, QUERIES_PER_MINUTE] {
        for bad in ["0", "-1", "ten", "1.5", "1e3", "1000001", "99999999999", "nine", "∞", "*"] {
            let text = problem(&[(name, bad)]);
            assert!(text.contains(name) && text.contains(&format!("from 1 to {MAX_RATE}")), "{text}");
        }
    }
}

#[test]
fn all_problems_are_reported_at_once() {
    let text = Settings::read(&Variables::default(), false).err().expect("nothing is set").to_string();
    for name in [USERNAME, PASSWORD, SENDER] {
        assert!(text.contains(&format!("{name} is not set")), "{text}");
    }
    let path = std::env::temp_dir().join(format!("elks-mcp-config-{}", std::process::id()));
    std::fs::write(&path, "ELKS_MAX_PARTS=many\nELKS_MAX_PRICES=1\n").expect("is written");
    let text = problem(&[
        (USERNAME, ""),
        (DRY_RUN, "perhaps"),
        (settings::MAX_PRICE, "cheap"),
        (settings::ALLOWED_COUNTRIES, ""),
        (KEEP_DAYS, "30"),
        ("ELKS_STATE_DIRS", "/x"),
        (POLICY_FILE, path.to_str().expect("is text")),
    ]);
    std::fs::remove_file(&path).expect("is there");
    let expected = [
        "ELKS_API_USERNAME is not set",
        "DRY_RUN holds something else",
        "ELKS_ALLOWED_COUNTRIES is set but empty: unset it for any country, or write * for any country",
        "ELKS_MAX_PRICE holds something else",
        "policy file, line 1: ELKS_MAX_PARTS holds something else",
        "policy file, line 2: its name is no setting of the policy; the nearest is ELKS_MAX_PRICE",
        "ELKS_KEEP_DAYS holds something else (not shown here); allowed is a whole number of days from 31 to 3650",
        "ELKS_STATE_DIRS is no setting; the nearest is ELKS_STATE_DIR",
    ];
    for part in expected {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(text.matches("\n  - ").count(), expected.len(), "{text}");
}

#[test]
fn a_value_that_was_meant_and_got_lost_is_a_problem_of_the_client() {
    let lost = [
        (PASSWORD, "${ELKS_API_PASSWORD}"),
        (SENDER, "${user_config.sender}"),
        (settings::CONTACTS, "${CONTACTS}"),
        (settings::CONFIRM_SENDS, "${CONFIRM}"),
        (settings::QUIET_HOURS, "${HOURS}"),
        (POLICY_FILE, "${FILE}"),
        (STATE_DIR, "${HOME}/state"),
        (CERTIFICATE_FILE, "${CERTIFICATES}"),
        (CERTIFICATE_FOLDERS, "/etc/ssl:${CERTIFICATES}"),
    ];
    let text = problem(&lost);
    for (name, _) in lost {
        assert!(text.contains(&format!("{name} holds a literal ${{…}}: your MCP client did not fill in")), "{text}");
    }
}

#[test]
fn a_blank_field_of_a_bundle_has_its_default_and_a_warning_in_each_optional_setting() {
    let required = [USERNAME, PASSWORD, SENDER];
    let optional = settings_file::names().filter(|name| !required.contains(name) && !is_another_spelling(name));
    let blank: Vec<_> = optional.map(|name| (name, "${user_config.field}")).collect();
    let (all, defaults) = (read(&blank).expect("is usable"), read(&[]).expect("is complete"));
    assert_eq!(all.warnings.len(), blank.len(), "{:?}", all.warnings);
    assert!(
        all.dry_run && all.keep_days == defaults.keep_days && all.queries_per_minute == defaults.queries_per_minute
    );
    assert!(*all.policy.start() == *defaults.policy.start());
    for literal in ["${DRY_RUN}", "$DRY_RUN", "{{DRY_RUN}}", "op://a/b/c"] {
        let settings = read(&[(DRY_RUN, literal)]).expect("is usable");
        assert!(settings.dry_run && settings.warnings.len() == 1, "{literal}");
    }
}

#[test]
fn secrets_and_whole_numbers_are_in_no_message_and_no_debug_form() {
    let text = problem(&[(USERNAME, "u:secret"), (PASSWORD, "hunter\n2"), (SENDER, "+46 701 740 605 123 456")]);
    for hidden in ["secret", "hunter", "740 605"] {
        assert!(!text.contains(hidden), "{text}");
    }
    let debug = format!("{:?}", read(&[]).expect("is complete").credentials);
    assert!(!debug.contains("hunter2") && !debug.contains("u0"), "{debug}");
}

#[test]
fn no_problem_repeats_a_value_or_a_part_of_one() {
    let pasted = "Qx7 Zj:Kw\nVb9Qx7ZjKwVb9";
    for name in file::NOT_OF_THE_POLICY.into_iter().chain(settings::NAMES) {
        let text = problem(&[(name, pasted)]);
        // An address of a database has many ways to be wrong, and a program without PostgreSQL takes none.
        let of_ledger = ["cannot be used (not shown here)", "is set, but this program was built without PostgreSQL"];
        let expected = ["holds something else", "entry 1 "].iter().chain(of_ledger.iter().filter(|_| name == LEDGER));
        let is_named =
            |words: &&str| text.contains(&format!("{name} {words}")) || text.contains(&format!("{name}, {words}"));
        assert!(expected.copied().any(|words| is_named(&words)), "{name}: {text}");
        for part in pasted.as_bytes().windows(3) {
            let part = std::str::from_utf8(part).expect("is ASCII");
            assert!(!text.contains(part), "{name}: {part:?} in {text}");
        }
    }
}

#[test]
fn a_name_that_is_no_setting_is_an_error_with_the_nearest() {
    for (name, nearest) in [
        ("ELKS_ALOWED_RECIPIENTS", settings::ALLOWED_RECIPIENTS),
        ("ELKS_USERNAME", USERNAME),
        ("ELKS_PASSWORD", PASSWORD),
        ("elks_max_parts", settings::MAX_PARTS),
        ("ELKS_QUIET_HOUR", settings::QUIET_HOURS),
        ("ELKS_", STATE),
    ] {
        if is_another_spelling(name) {
            continue;
        }
        let text = problem(&[(name, "secret")]);
        assert!(text.contains(&format!("{name} is no setting; the nearest is {nearest}")), "{text}");
        assert!(!text.contains("secret"));
    }
    let text = problem(&[("ELKS_käse=geheim", "1"), (&format!("ELKS_{}", "X".repeat(100)), "1")]);
    assert!(!text.contains("geheim") && !text.contains("XXX"), "{text}");
    // Of others, and of the build of this program.
    let others =
        [("ELK", "1"), ("ELKSTATE", "1"), ("RATE_LIMIT", "1"), ("ELKS_COMPONENT", "a"), ("ELKS_COMPONENT_SHA256", "b")];
    assert!(read(&others).is_ok());
}

#[test]
fn a_sender_is_a_number_or_a_name() {
    assert_eq!(read(&[(SENDER, "+46 70-174 06 05")]).expect("is a number").sender, "+46701740605");
    assert_eq!(read(&[(SENDER, "Elks")]).expect("is a name").sender, "Elks");
    for bad in ["0701740605", "+46", "AB", "Twelve chars", "Åsa AB", "1177"] {
        assert!(problem(&[(SENDER, bad)]).contains("or a sender name"), "{bad}");
    }
}

#[test]
fn the_simulator_needs_no_settings_and_nothing_else_turns_it_on() {
    assert!(Settings::read(&Variables::default(), true).expect("all is made up").simulate);
    assert!(!read(&[]).expect("is complete").simulate);
}

#[test]
fn a_person_is_asked_never_at_first_contact_or_always() {
    for (value, confirm) in [
        ("", Confirm::Never),
        ("off", Confirm::Never),
        ("first-contact", Confirm::FirstContact),
        ("yes", Confirm::Always),
    ] {
        let settings = read(&[(CONFIRM_SENDS, value)]).expect("is readable");
        assert_eq!(settings.policy.start().confirm(), confirm, "{value:?}");
    }
}

#[test]
fn a_journal_is_kept_only_for_real_sends_to_the_disk() {
    let real = [(DRY_RUN, "false")];
    let settings = read(&real).expect("is complete");
    assert_eq!(settings.state, State::Disk(JOURNALS.into()));
    assert_eq!((settings.journal().is_some(), settings.keep_days), (true, DEFAULT_KEEP_DAYS));
    assert!(read(&[]).expect("is complete").journal().is_none(), "a dry run");
    assert!(Settings::read(&variables(&real), true).expect("is complete").journal().is_none(), "the simulator");
    let memory = read(&[real[0], (STATE, "Memory"), (KEEP_DAYS, "3650")]).expect("is complete");
    assert_eq!((memory.state.clone(), memory.keep_days, memory.journal()), (State::Memory, 3650, None));
    let named = read(&[real[0], (STATE_DIR, NOWHERE)]).expect("is complete");
    assert_eq!(named.state, State::Disk(NOWHERE.into()));
    assert!(problem(&[(STATE_DIR, "state")]).contains("allowed is the absolute path of a folder"));
    assert!(problem(&[(STATE, "file")]).contains("allowed is disk or memory"));
    for name in [STATE, STATE_DIR, KEEP_DAYS, POLICY_FILE] {
        assert!(problem(&[(name, "*")]).contains(&format!("{name} holds something else")));
    }
    // Without a home there is an error only if the journal is needed.
    let without = [(HOME.0, ""), ("XDG_STATE_HOME", "relative")];
    assert_eq!(read(&without).expect("a dry run needs none").state, State::Memory);
    let text = problem(&[real[0], without[0], without[1]]);
    assert!(
        text.contains("set ELKS_STATE_DIR to an absolute path") && text.contains("or ELKS_STATE to memory"),
        "{text}"
    );
    assert!(read(&[real[0], without[0], (STATE, "memory")]).is_ok());
}

#[test]
fn commands_need_no_credentials() {
    let none = Variables::from([("XDG_STATE_HOME", "/state"), HOME, (settings::MAX_PARTS, "2")]);
    let sources = policy_sources(&none).expect("needs no account");
    assert_eq!(sources.policy().max_parts(), Some(2));
    let folder = if cfg!(any(windows, target_os = "macos")) { JOURNALS } else { "/state/elks-mcp" };
    assert_eq!(state_of(&none), Ok(State::Disk(folder.into())));
    assert!(state_of(&Variables::default()).is_err_and(|problems| problems.to_string().contains(STATE_DIR)));
    assert_eq!(username_of(&none), Ok(None));
    assert_eq!(username_of(&Variables::from([(USERNAME, " u0 ")])), Ok(Some("u0".into())));
    for (value, problem) in [("u0:x", "without spaces or colons"), ("u 0", "without spaces"), ("", "set but empty")] {
        let text = username_of(&Variables::from([(USERNAME, value)])).expect_err("is no username").to_string();
        assert!(text.contains(USERNAME) && text.contains(problem), "{value:?}: {text}");
    }
    let wrong = Variables::from([(settings::MAX_PARTS, "x"), ("ELKS_X", "1"), (POLICY_FILE, NOWHERE)]);
    let text = policy_sources(&wrong).err().expect("is wrong").to_string();
    assert_eq!(text.matches("\n  - ").count(), 3, "{text}");
    assert!(text.contains("the policy file cannot be read: entity not found"), "{text}");
}

/// A value that is no text on the system of this test.
fn no_text() -> OsString {
    #[cfg(unix)]
    let value = std::os::unix::ffi::OsStringExt::from_vec(b"\xff\xfe".to_vec());
    #[cfg(windows)]
    let value = std::os::windows::ffi::OsStringExt::from_wide(&[0xd800]);
    value
}

#[test]
fn bytes_that_are_no_text_are_an_error_in_each_setting() {
    for name in file::NOT_OF_THE_POLICY.into_iter().chain(settings::NAMES) {
        let variables: Variables = COMPLETE
            .iter()
            .filter(|(known, _)| *known != name)
            .map(|(name, value)| (name.to_string(), OsString::from(value)))
            .chain([(name.to_string(), no_text())])
            .collect();
        let text = Settings::read(&variables, false).err().expect("is no text").to_string();
        assert!(text.contains(&format!("{name} holds bytes that are not UTF-8 text")), "{text}");
    }
}

#[test]
fn the_settings_that_are_none_of_the_policy_are_those_that_a_policy_file_refuses() {
    let names = [
        USERNAME,
        USERNAME_FILE,
        PASSWORD,
        PASSWORD_FILE,
        KEYRING,
        SENDER,
        DRY_RUN,
        QUERIES_PER_MINUTE,
        POLICY_FILE,
        STATE_DIR,
        STATE,
        KEEP_DAYS,
        LEDGER,
        LEDGER_FILE,
    ];
    assert_eq!(names, file::NOT_OF_THE_POLICY);
}

#[test]
fn a_blank_variable_means_the_default_unless_the_default_is_no_restriction() {
    let defaults = read(&[]).expect("is complete");
    for blank in ["", " ", "\t"] {
        for name in [
            DRY_RUN,
            QUERIES_PER_MINUTE,
            STATE,
            STATE_DIR,
            KEEP_DAYS,
            CONFIRM_SENDS,
            SMS_PER_MINUTE,
            settings::SMS_PER_DAY,
            settings::SMS_PER_RECIPIENT_PER_DAY,
            settings::DUPLICATE_MINUTES,
            settings::CONTACTS,
        ] {
            let settings = read(&[(name, blank)]).unwrap_or_else(|problems| panic!("{name}: {problems}"));
            assert_eq!((settings.dry_run, settings.keep_days), (true, DEFAULT_KEEP_DAYS), "{name}");
            assert_eq!((&settings.state, settings.queries_per_minute), (&defaults.state, DEFAULT_QUERIES_PER_MINUTE));
            assert!(*settings.policy.start() == *defaults.policy.start(), "{name}");
        }
        for name in [
            POLICY_FILE,
            settings::ALLOWED_RECIPIENTS,
            settings::BLOCKED_RECIPIENTS,
            settings::ALLOWED_COUNTRIES,
            settings::CONTACTS_ONLY,
            settings::ALLOWED_SENDERS,
            settings::SPEND_PER_DAY,
            settings::SPEND_PER_MONTH,
            settings::MAX_PRICE,
            settings::MAX_PARTS,
            settings::QUIET_HOURS,
        ] {
            assert!(problem(&[(name, blank)]).contains(&format!("{name} is set but empty: unset it for ")), "{name}");
        }
    }
}

#[test]
fn a_proxy_is_read_or_a_problem_and_never_left_out() {
    let has_proxy = |changes: &[(&str, &str)]| read(changes).map(|settings| settings.connection.proxy.is_some());
    let good = "http://user:secret@127.0.0.1:3128";
    for (changes, expected) in [
        (&[] as &[_], false),
        (&[("HTTPS_PROXY", good)], true),
        (&[("https_proxy", good)], true),
        (&[("ALL_PROXY", good)], true),
        (&[("all_proxy", " 127.0.0.1:3128/\t")], true),
        (&[("HTTPS_PROXY", "")], false),
        (&[("HTTPS_PROXY", " "), ("ALL_PROXY", good)], true),
        (&[("HTTPS_PROXY", good), ("ALL_PROXY", "::::")], true),
        (&[("HTTP_PROXY", "::::")], false),
        (&[("HTTP_PROXY", good)], false),
        (&[("HTTPS_PROXY", good), ("REQUEST_METHOD", "GET")], true),
        (&[("HTTPS_PROXY", good), ("NO_PROXY", "localhost")], true),
        (&[("HTTPS_PROXY", good), ("NO_PROXY", " localhost, .46elks.com ")], false),
        (&[("HTTPS_PROXY", good), ("NO_PROXY", ""), ("no_proxy", "*")], false),
        (&[("HTTPS_PROXY", good), ("NO_PROXY", "localhost"), ("no_proxy", "*")], true),
        (&[("ALL_PROXY", "socks5://127.0.0.1:1"), ("NO_PROXY", "api.46elks.com")], false),
    ] {
        let is_said_twice = changes.len() > 1 && changes.iter().any(|(name, _)| is_another_spelling(name));
        if !is_said_twice {
            assert_eq!(has_proxy(changes), Ok(expected), "{changes:?}");
        }
    }
    for (name, value, expected) in [
        ("HTTPS_PROXY", "::::", "allowed is the address of an HTTP proxy"),
        ("https_proxy", "http://u:secret@:1", "allowed is the address of an HTTP proxy"),
        ("ALL_PROXY", "ftp://u:secret@h:1", "allowed is the address of an HTTP proxy"),
        ("all_proxy", "socks5h://u:secret@h:1", "allowed is an HTTP proxy: this program cannot use a SOCKS proxy"),
        ("HTTPS_PROXY", "${secret}", "holds a literal ${…}"),
    ] {
        let text = problem(&[(name, value)]);
        let shown = if cfg!(windows) { name.to_ascii_uppercase() } else { name.into() };
        assert!(text.contains(&format!("- {shown} ")) && text.contains(expected), "{text}");
        assert!(!text.contains("secret") && text.matches("\n  - ").count() == 1, "{text}");
        assert!(Settings::read(&variables(&[(name, value)]), true).is_ok(), "the simulator needs no proxy");
    }
}

#[test]
fn an_empty_variable_for_certificates_means_unset() {
    let certificates = |changes: &[(&str, &str)]| read(changes).expect("is readable").connection.certificates;
    let none = certificates(&[]);
    assert_eq!((none.file, none.folders.len(), none.blank), (None, 0, false));
    for blank in ["", " ", "\t"] {
        let read = certificates(&[(CERTIFICATE_FILE, blank), (CERTIFICATE_FOLDERS, blank)]);
        assert_eq!((read.file, read.folders.len(), read.blank), (None, 0, true), "{blank:?}");
    }
    let read = certificates(&[(CERTIFICATE_FILE, " /etc/ca.pem "), (CERTIFICATE_FOLDERS, "")]);
    assert_eq!((read.file, read.folders.len()), (Some("/etc/ca.pem".into()), 0));
}
