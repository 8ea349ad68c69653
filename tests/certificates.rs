//! The certificates that 46elks's is verified with: what cannot be used, and what was not accepted, is said in the
//! result and on stderr.

use crate::support::answers;
use crate::support::fake_elks::{FakeElks, Reaction};
use crate::support::program::Launch;
use crate::support::state_dir::StateDir;
use serde_json::json;
use std::fs;
use std::path::Path;

/// The account without certificates of its own.
fn without_certificates(elks: &FakeElks) -> Launch {
    Launch::account(elks).without("SSL_CERT_FILE")
}

/// Asserts that nothing was sent, for this cause.
fn assert_cause(launch: Launch, cause: &str) {
    let mut program = launch.serve();
    let line = program.stderr_line("46elks could not be reached to verify the credentials");
    assert!(line.contains(cause), "{cause}: {line}");
    let error = program.send(json!({})).failed("UNREACHABLE");
    assert!(error.contains(cause) && error.contains("Nothing was sent"), "{cause}: {error}");
    assert!(!error.contains("elks-cert"), "no path: {error}");
}

#[test]
fn what_the_variables_name_and_cannot_be_used_is_the_cause() {
    let elks = FakeElks::answering(answers::accepting);
    let scratch = StateDir::new();
    let folder = scratch.path().join("elks-cert");
    fs::create_dir_all(folder.join("empty")).unwrap();
    let file = |name: &str, content: &str| {
        fs::write(folder.join(name), content).unwrap();
        folder.join(name)
    };
    let broken = elks.pem.replace("MII", "%%%");
    let missing = folder.join("missing");
    let named = |name: &str, path: &Path| without_certificates(&elks).env(name, path.to_str().unwrap());
    assert_cause(named("SSL_CERT_FILE", &missing), "the file that SSL_CERT_FILE names does not exist");
    assert_cause(named("SSL_CERT_FILE", &folder), "what SSL_CERT_FILE names is a folder");
    for content in ["", "no certificate", &broken] {
        let path = file("text.pem", content);
        assert_cause(named("SSL_CERT_FILE", &path), "the file that SSL_CERT_FILE names holds no valid certificate");
    }
    assert_cause(named("SSL_CERT_DIR", &missing), "a folder that SSL_CERT_DIR names does not exist");
    assert_cause(named("SSL_CERT_DIR", &folder.join("text.pem")), "what SSL_CERT_DIR names is no folder");
    assert_cause(named("SSL_CERT_DIR", &folder.join("empty")), "the folder that SSL_CERT_DIR names holds no valid");
    let both = std::env::join_paths([&missing, &folder]).unwrap();
    // A good certificate among broken ones is enough, and so is one of two sources.
    let mixed = file("mixed.pem", &format!("{broken}{}{broken}", elks.pem));
    for launch in [
        named("SSL_CERT_FILE", &mixed),
        named("SSL_CERT_DIR", &folder),
        named("SSL_CERT_DIR", &folder).env("SSL_CERT_FILE", missing.to_str().unwrap()),
        without_certificates(&elks).env("SSL_CERT_FILE", &format!(" {} ", mixed.display())).env("SSL_CERT_DIR", ""),
        without_certificates(&elks).env("SSL_CERT_DIR", both.to_str().unwrap()),
    ] {
        launch.serve().call("check_account_balance", json!({})).facts();
    }
}

#[cfg(unix)]
#[test]
fn a_file_or_folder_that_may_not_be_read_is_the_cause() {
    use std::os::unix::fs::PermissionsExt;
    let elks = FakeElks::answering(answers::accepting);
    let scratch = StateDir::new();
    fs::create_dir_all(scratch.path()).unwrap();
    let file = scratch.path().join("elks-cert.pem");
    fs::write(&file, &elks.pem).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o000)).unwrap();
    // The administrator can read everything.
    if fs::read(&file).is_err() {
        let launch = without_certificates(&elks).env("SSL_CERT_FILE", file.to_str().unwrap());
        assert_cause(launch, "the file that SSL_CERT_FILE names may not be read by this user");
        let launch = without_certificates(&elks).env("SSL_CERT_DIR", scratch.path().to_str().unwrap());
        assert_cause(launch, "a folder that SSL_CERT_DIR names may not be read by this user");
    }
}

#[test]
fn an_empty_variable_is_as_good_as_none() {
    let elks = FakeElks::answering(answers::accepting);
    for variables in [&[] as &[_], &[("SSL_CERT_FILE", "")], &[("SSL_CERT_FILE", " "), ("SSL_CERT_DIR", " ")]] {
        let launch =
            variables.iter().fold(without_certificates(&elks), |launch, (name, value)| launch.env(name, value));
        let error = launch.serve().send(json!({})).failed("UNREACHABLE");
        // Whether the system has certificates or not: no variable is blamed.
        let is_system = error.contains("its issuer is not known") || error.contains("this system has no certificates");
        assert!(is_system && !error.contains("SSL_CERT_FILE names"), "{error}");
    }
}

#[test]
fn a_file_that_is_mended_is_read_without_a_restart() {
    let elks = FakeElks::answering(answers::accepting);
    let scratch = StateDir::new();
    fs::create_dir_all(scratch.path()).unwrap();
    let path = scratch.path().join("ca.pem");
    let mut program = without_certificates(&elks).env("SSL_CERT_FILE", path.to_str().unwrap()).serve();
    program.send(json!({})).failed("UNREACHABLE");
    fs::write(&path, &elks.pem).unwrap();
    assert_eq!(program.send(json!({})).facts()["sent"], true);
}

#[test]
fn the_reason_why_a_certificate_was_not_accepted_is_the_cause() {
    let elks = FakeElks::answering(|_| -> Reaction { panic!("no request may arrive") });
    let other = FakeElks::answering(|_| Reaction::HangUp);
    let launch = Launch::account_at(&elks.proxy(), &other.pem, &[]);
    assert_cause(launch, "its certificate was not accepted: its issuer is not known");
    let elks = FakeElks::certified("api.example.com", |_| -> Reaction { panic!("no request may arrive") });
    assert_cause(Launch::account(&elks), "its certificate was not accepted: it is for another name");
    for (elks, cause) in [
        (FakeElks::valid(2020, 2021), "its certificate was not accepted: it has expired"),
        (FakeElks::valid(4000, 4001), "its certificate was not accepted: it is not valid yet"),
    ] {
        assert_cause(Launch::account(&elks), cause);
    }
}
