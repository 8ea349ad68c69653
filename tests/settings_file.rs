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
fn the_environment_wins_whichever_of_several_names_it_has() {
    let elks = elks();
    let certificate = OwnFile::new("pem", &elks.pem);
    let password = OwnFile::new("password", PASSWORD);
    let lines = |without: &str, more: &str| {
        let lines = account(&elks, &certificate);
        let kept = lines.lines().filter(|line| without.is_empty() || !line.starts_with(without));
        OwnFile::new("env", &kept.chain([more]).map(|line| format!("{line}\n")).collect::<String>())
    };
    for (without, line, name, value) in [
        ("ELKS_API_PASSWORD=", "ELKS_KEYRING=true", "ELKS_API_PASSWORD", PASSWORD),
        ("ELKS_API_PASSWORD=", "ELKS_API_PASSWORD_FILE=relative", "ELKS_API_PASSWORD", PASSWORD),
        ("ELKS_API_PASSWORD=", "ELKS_API_PASSWORD=<your password>", "ELKS_API_PASSWORD_FILE", password.path()),
        ("HTTPS_PROXY=", "HTTPS_PROXY=http://127.0.0.1:1", "ALL_PROXY", &elks.proxy()),
    ] {
        let file = lines(without, line);
        let mut program = Launch::with(&["--settings", file.path()]).env("DRY_RUN", "false").env(name, value).serve();
        program.send(json!({})).facts();
        assert_eq!(program.finish().code(), 0, "{line}");
    }
}

#[test]
fn a_file_that_is_no_settings_file_does_not_fill_screens() {
    let file = OwnFile::new("env", &"x\n".repeat(100_000));
    let mut program = Launch::with(&["--settings", file.path()]).start();
    program.handshake();
    let text = program.call("check_account_balance", json!({})).failed("CONFIGURATION_ERROR");
    assert!(text.len() < 5_000, "{} bytes", text.len());
    assert!(text.contains("line 20: it has no =") && text.contains("has 99,980 more faulty lines"), "{text}");
    let finished = program.finish();
    assert!(finished.errors().len() < 5_000);
}

#[test]
fn lines_that_were_written_for_a_shell_are_one_problem_each() {
    let lines = format!(
        "ELKS_API_USERNAME=\u{201c}{USERNAME}\u{201d}\nexport\tELKS_API_PASSWORD={PASSWORD}\n$env:DRY_RUN=true\n\
         set ELKS_MAX_PARTS=2\nELKS_PHONE_NUMBER={SENDER} # mine\nELKS_STATE_DIR=/tmp/a\0b\n\
         ELKS_ALLOWED_RECIPIENTS=${{user_config.recipients}}\n"
    );
    let file = OwnFile::new("env", &lines);
    let finished = Launch::with(&["--settings", file.path()]).run();
    let errors = finished.errors();
    for expected in [
        "line 1: ELKS_API_USERNAME is written in quotes",
        "line 2: it begins with export",
        "line 3: it begins with $env:",
        "line 4: it begins with set",
        "line 5: ELKS_PHONE_NUMBER has a # in its value",
        "line 6: its value has a control character",
        "line 7: ELKS_ALLOWED_RECIPIENTS holds a literal ${…}: variables are not filled in here",
        "ELKS_API_PASSWORD is not set",
    ] {
        assert!(errors.contains(expected), "{expected}: {errors}");
    }
    assert!(finished.code() == 1 && errors.matches("\n  - ").count() == 8, "{errors}");
}

#[test]
fn a_command_line_without_a_settings_file_reaches_the_client_too() {
    let file = OwnFile::new("env", "");
    for (arguments, expected) in [
        (&["--settings"] as &[&str], "--settings names no file"),
        (&["--settings", ""], "--settings names no file"),
        (&["--settings=", "--simulate"], "--settings names no file"),
        (&["--settings", "$HOME/elks.env"], "--settings holds a literal $NAME"),
        (&["--settings", file.path(), "--settings", file.path()], "--settings is given twice"),
    ] {
        let mut program = Launch::with(arguments).start();
        program.handshake();
        let text = program.call("check_account_balance", json!({})).failed("CONFIGURATION_ERROR");
        assert!(text.contains(expected), "{text}");
        assert_eq!(program.finish().code(), 1);
    }
    for (arguments, code) in [
        (&["--settings", file.path(), "policy", "--settings", file.path()], 2),
        (&["--settings", file.path(), "audit", "head", "--settings="], 3),
    ] as [(&[&str], i32); 2]
    {
        let finished = Launch::with(arguments).run();
        assert!(finished.code() == code && finished.errors().contains("--settings"), "{}", finished.errors());
    }
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
    // Lines that have nothing to do with the account do not keep anybody from stopping its sends.
    let faulty = OwnFile::new("env", &(lines.clone() + "ELKS_MAX_PART=2\nELKS_CONTACTS=\"anna\"\n"));
    let paused = Launch::with(&["--settings", faulty.path(), "pause"]).run();
    assert_eq!(paused.code(), 0, "{}", paused.errors());
    assert!(paused.errors().contains("⚠ settings file, line 4: its name is no setting"), "{}", paused.errors());
    assert_eq!(state.events().len(), 2);
    let unsure = OwnFile::new("env", &(lines + "ELKS_API_USERNAME=\"u0\"\n"));
    let paused = Launch::with(&["--settings", unsure.path(), "pause"]).run();
    assert!(paused.code() == 1 && state.events().len() == 2, "{}", paused.errors());
    // The account is the one that a server with the same settings has.
    let other = OwnFile::new("env", &format!("ELKS_API_USERNAME=u1\nELKS_STATE_DIR={}\n", state.path().display()));
    let launch = Launch::with(&["--settings", other.path(), "resume"]).env("ELKS_API_USERNAME_FILE", username.path());
    assert_eq!(launch.run().code(), 0);
    assert_eq!(state.events().len(), 3);
    // An emergency command must not stop another account because it could not read which one is meant.
    username.write("two\nlines");
    let paused = Launch::with(&["--settings", file.path(), "pause"]).run();
    assert!(
        paused.code() == 1 && paused.errors().contains("ELKS_API_USERNAME_FILE cannot be used"),
        "{}",
        paused.errors()
    );
}
