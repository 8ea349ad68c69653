//! `--settings FILE` and the files of `ELKS_API_USERNAME_FILE` and `ELKS_API_PASSWORD_FILE`.

use crate::support::fake_elks::{FakeElks, Reaction};
use crate::support::own_file::OwnFile;
use crate::support::program::Launch;
use crate::support::state_dir::StateDir;
use crate::support::{NOWHERE, PASSWORD, SENDER, USERNAME, answers};
use serde_json::json;

fn elks() -> FakeElks {
    FakeElks::answering(|request| match request.method.as_str() {
        "GET" => Reaction::json(&answers::page(&[])),
        _ => answers::accepting(request),
    })
}

/// The lines of an account, which reaches 46elks at the fake one.
fn account(elks: &FakeElks, certificate: &OwnFile) -> String {
    format!(
        "# 46elks\nELKS_API_USERNAME={USERNAME}\nELKS_API_PASSWORD={PASSWORD}\nELKS_PHONE_NUMBER={SENDER}\n\
         HTTPS_PROXY={}\nSSL_CERT_FILE={}\nELKS_STATE=memory\n",
        elks.proxy(),
        certificate.path()
    )
}

#[test]
fn a_settings_file_can_hold_all_settings_and_the_environment_wins() {
    let elks = elks();
    let certificate = OwnFile::new("pem", &elks.pem);
    let lines = account(&elks, &certificate);
    let file = OwnFile::new("env", &format!("\u{feff}{lines}DRY_RUN=false\r\nELKS_MAX_PARTS=1\n"));
    let launch = || Launch::with(&["--settings", file.path()]);
    let mut program = launch().serve();
    program.send(json!({})).facts();
    assert_eq!(elks.sends(), 1);
    let long = program.send(json!({"message": "å".repeat(200)})).failed("NOT_ALLOWED");
    assert!(long.contains("ELKS_MAX_PARTS"), "{long}");
    assert_eq!(program.finish().code(), 0);

    let mut program = launch().env("DRY_RUN", "true").serve();
    program.send(json!({})).facts();
    assert_eq!(elks.sends(), 1, "the environment wins");
    assert_eq!(program.finish().code(), 0);

    // A bundle writes an empty value, or its own literal, for a field that is left blank.
    for blank in ["", " ", "${user_config.password}"] {
        let finished = launch().env("ELKS_API_PASSWORD", blank).run();
        assert_eq!(finished.code(), 0, "{}", finished.errors());
    }
}

#[test]
fn problems_of_a_settings_file_name_its_lines_and_repeat_nothing() {
    let elks = elks();
    let certificate = OwnFile::new("pem", &elks.pem);
    let more = "ELKS_MAX_PARTS=hemligt\nELKS_API_PASWORD=hemligt\nhemligt\nELKS_QUIET_HOURS=${HOURS}\n";
    let file = OwnFile::new("env", &(account(&elks, &certificate) + more));
    let finished = Launch::with(&["--settings", file.path()]).run();
    assert_eq!(finished.code(), 1);
    let errors = finished.errors();
    for expected in [
        "settings file, line 8: ELKS_MAX_PARTS holds something else",
        "settings file, line 9: its name is no setting; the nearest is ELKS_API_PASSWORD",
        "settings file, line 10: it has no =",
        "settings file, line 11: ELKS_QUIET_HOURS holds a literal ${…}: variables are not filled in here",
    ] {
        assert!(errors.contains(expected), "{expected}: {errors}");
    }
    assert!(!errors.contains("hemligt") && errors.matches("\n  - ").count() == 4, "{errors}");
}

#[test]
fn a_settings_file_that_is_not_there_is_the_only_problem() {
    let finished = Launch::with(&["--settings", "/nowhere/elks.env"]).run();
    assert_eq!(finished.code(), 1);
    let errors = finished.errors();
    assert!(errors.contains("--settings: the settings file cannot be read: entity not found"), "{errors}");
    assert_eq!(errors.matches("\n  - ").count(), 1, "{errors}");
}

#[cfg(unix)]
#[test]
fn a_file_with_secrets_that_others_can_use_is_refused() {
    let elks = elks();
    let certificate = OwnFile::new("pem", &elks.pem);
    let file = OwnFile::new("env", &account(&elks, &certificate));
    let password = OwnFile::new("password", PASSWORD);
    let by_file = || Launch::with(&["--settings", file.path()]);
    let by_password = || {
        Launch::account(&elks)
            .env("DRY_RUN", "true")
            .without("ELKS_API_PASSWORD")
            .env("ELKS_API_PASSWORD_FILE", password.path())
    };
    for mode in [0o640, 0o604, 0o644, 0o620, 0o602, 0o660, 0o666] {
        file.mode(mode);
        password.mode(mode);
        for (launch, name) in [(by_file(), "--settings: the settings file"), (by_password(), "ELKS_API_PASSWORD_FILE")]
        {
            let finished = launch.run();
            assert_eq!(finished.code(), 1, "{mode:o}");
            let errors = finished.errors();
            assert!(errors.contains(name) && errors.contains("can be read or changed by others"), "{errors}");
            assert!(errors.contains("chmod 600") && !errors.contains(PASSWORD), "{errors}");
        }
    }
    for mode in [0o600, 0o400] {
        file.mode(mode);
        password.mode(mode);
        assert_eq!(by_file().run().code(), 0, "{mode:o}");
        assert_eq!(by_password().run().code(), 0, "{mode:o}");
    }
}

#[test]
fn username_and_password_can_stand_in_files_of_their_own() {
    let elks = elks();
    let (username, password) =
        (OwnFile::new("username", USERNAME), OwnFile::new("password", &format!("{PASSWORD}\r\n")));
    let launch = || {
        Launch::account(&elks)
            .without("ELKS_API_USERNAME")
            .without("ELKS_API_PASSWORD")
            .env("ELKS_API_USERNAME_FILE", username.path())
            .env("ELKS_API_PASSWORD_FILE", password.path())
    };
    let mut program = launch().serve();
    program.send(json!({})).facts();
    assert_eq!(program.finish().code(), 0);

    for (launch, expected) in [
        (launch().env("ELKS_API_PASSWORD", PASSWORD), "ELKS_API_PASSWORD_FILE is set beside ELKS_API_PASSWORD"),
        (launch().env("ELKS_API_PASSWORD_FILE", "password"), "allowed is the absolute path of a file"),
        (launch().env("ELKS_API_PASSWORD_FILE", NOWHERE), "its file cannot be read: entity not found"),
        (launch().env("ELKS_API_PASSWORD_FILE", "${SECRET}"), "ELKS_API_PASSWORD_FILE holds a literal ${…}"),
        (launch().without("ELKS_API_PASSWORD_FILE"), "ELKS_API_PASSWORD is not set"),
    ] {
        let finished = launch.run();
        assert_eq!(finished.code(), 1);
        assert!(finished.errors().contains(expected), "{expected}: {}", finished.errors());
        assert!(!finished.errors().contains(PASSWORD));
    }
    for (text, expected) in [("", "is empty"), ("\n", "is empty"), ("a\nb", "has more than one line")] {
        password.write(text);
        let finished = launch().run();
        assert_eq!(finished.code(), 1);
        assert!(finished.errors().contains(&format!("ELKS_API_PASSWORD_FILE cannot be used: its file {expected}")));
    }
}

#[cfg(not(feature = "keyring"))]
#[test]
fn a_program_without_a_keyring_says_so_and_asks_for_another_place() {
    let elks = elks();
    let launch = || Launch::account(&elks).env("ELKS_KEYRING", "true");
    let beside = launch().run();
    assert!(beside.errors().contains("ELKS_KEYRING is true beside ELKS_API_PASSWORD"), "{}", beside.errors());
    let alone = launch().without("ELKS_API_PASSWORD").run();
    assert_eq!(alone.code(), 1);
    assert!(alone.errors().contains("ELKS_KEYRING is true, but this program was built without a keyring"));
}

#[test]
fn the_operators_commands_read_the_same_settings() {
    let state = StateDir::new();
    let username = OwnFile::new("username", USERNAME);
    let lines = format!(
        "ELKS_STATE_DIR={}\nELKS_API_USERNAME_FILE={}\nELKS_MAX_PARTS=2\n",
        state.path().display(),
        username.path()
    );
    let file = OwnFile::new("env", &lines);
    let policy = Launch::with(&["policy", "--settings", file.path()]).run();
    let row = policy.stdout.iter().find(|line| line.starts_with("ELKS_MAX_PARTS ")).unwrap();
    assert!(row.contains("2 parts") && row.ends_with("settings file"), "{row}");
    let paused = Launch::with(&["--settings", file.path(), "pause"]).run();
    assert_eq!(paused.code(), 0, "{}", paused.errors());
    assert_eq!(state.events().len(), 1, "the journal of the account that the file names");
    // An emergency command must not stop another account because it could not read which one is meant.
    username.write("two\nlines");
    let paused = Launch::with(&["--settings", file.path(), "pause"]).run();
    assert!(
        paused.code() == 1 && paused.errors().contains("ELKS_API_USERNAME_FILE cannot be used"),
        "{}",
        paused.errors()
    );
}
