//! Limits and pauses that hold over processes and restarts, counted by the fake 46elks.

use crate::support::program::{Called, Program};
use crate::support::scene::{Scene, assert_sent, message, ready, send};
use crate::support::state_dir::StateDir;
use chrono::TimeDelta;
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;

/// Reads so many results of calls, in any order, and counts them by their code. Successes have none.
fn results(program: &mut Program, count: usize) -> BTreeMap<String, usize> {
    let mut counted = BTreeMap::new();
    for _ in 0..count {
        let called = Called(program.message()["result"].take());
        let text = called.text();
        let code = text.strip_prefix("Error (").map_or("", |text| text.split(')').next().unwrap());
        *counted.entry(code.to_string()).or_default() += 1;
    }
    counted
}

#[test]
fn two_processes_with_a_hundred_sends_and_a_limit_of_ten_send_ten() {
    let scene = Scene::new();
    let launch = || {
        let launch = scene.launch().env("ELKS_MAX_SMS_PER_DAY", "10");
        ready(launch.env("ELKS_MAX_SMS_PER_RECIPIENT_PER_DAY", "*"))
    };
    let mut programs = [launch(), launch()];
    for number in 0..50 {
        for (name, program) in programs.iter_mut().enumerate() {
            program.post_call("send_sms", &message(&format!("Nummer {number} av {name}")));
        }
    }
    let mut all = BTreeMap::new();
    for program in &mut programs {
        for (code, count) in results(program, 50) {
            *all.entry(code).or_insert(0) += count;
        }
    }
    assert_eq!(all, BTreeMap::from([(String::new(), 10), ("RATE_LIMIT_EXCEEDED".into(), 90)]));
    assert_eq!((scene.sends(), scene.account.messages().len()), (10, 10));
    drop(programs);
    let mut next = launch();
    let error = send(&mut next, "Efter omstarten").failed("RATE_LIMIT_EXCEEDED");
    assert!(error.contains("ELKS_MAX_SMS_PER_DAY") && error.contains("Please wait"), "{error}");
    assert_eq!(scene.sends(), 10);
    drop(next);
    scene.pass(TimeDelta::hours(24));
    assert_sent(&send(&mut launch(), "Nästa dag"));
    assert_eq!(scene.sends(), 11);
}

#[test]
fn the_limits_of_a_recipient_and_of_a_minute_hold_over_a_restart() {
    for (setting, wait) in [("ELKS_MAX_SMS_PER_RECIPIENT_PER_DAY", 24 * 3600), ("RATE_LIMIT_SMS_PER_MINUTE", 60)] {
        let scene = Scene::new();
        let launch = || ready(scene.launch().env(setting, "2"));
        assert_sent(&send(&mut launch(), "Ett"));
        assert_sent(&send(&mut launch(), "Två"));
        let mut third = launch();
        send(&mut third, "Fyra").failed("RATE_LIMIT_EXCEEDED");
        let other = third.call("send_sms", json!({"to": "+46701740606", "message": "Fyra"}));
        if setting == "RATE_LIMIT_SMS_PER_MINUTE" {
            other.failed("RATE_LIMIT_EXCEEDED");
        } else {
            assert_sent(&other);
        }
        drop(third);
        let before = scene.sends();
        scene.pass(TimeDelta::seconds(wait));
        assert_sent(&send(&mut launch(), "Fyra"));
        assert_eq!(scene.sends(), before + 1, "{setting}");
    }
}

#[test]
fn spending_is_limited_over_processes_and_by_the_true_cost() {
    let scene = Scene::new();
    // A message costs 0.52.
    let launch = || ready(scene.launch().env("ELKS_SPEND_PER_DAY", "1.60"));
    for text in ["Ett", "Två", "Fyra"] {
        assert_sent(&send(&mut launch(), text));
    }
    let error = send(&mut launch(), "Sju").failed("RATE_LIMIT_EXCEEDED");
    assert!(error.contains("ELKS_SPEND_PER_DAY"), "{error}");
    assert_eq!(scene.sends(), 3);
    scene.pass(TimeDelta::hours(24));
    // It costs more than was estimated.
    scene.account.set(|behaviour| behaviour.cost = Some(15_600));
    assert_sent(&send(&mut launch(), "Fem"));
    send(&mut launch(), "Sex").failed("RATE_LIMIT_EXCEEDED");
    assert_eq!(scene.sends(), 4);
}

#[test]
fn a_message_that_may_have_been_sent_keeps_its_place_in_the_limit() {
    let scene = Scene::new();
    let launch = || ready(scene.launch().env("ELKS_MAX_SMS_PER_DAY", "1"));
    scene.account.answers_to_sends.hold();
    let mut killed = launch();
    killed.post_call("send_sms", &message("Hej"));
    scene.account.answers_to_sends.await_waiting(1);
    killed.kill();
    scene.account.answers_to_sends.release();
    scene.pass(TimeDelta::minutes(2));
    send(&mut launch(), "En annan").failed("RATE_LIMIT_EXCEEDED");
    assert_eq!(scene.sends(), 1);
}

#[test]
fn a_pause_stops_every_process_at_once_and_queries_go_on() {
    let scene = Scene::new();
    let mut programs = [scene.program(), scene.program()];
    assert_sent(&send(&mut programs[0], "Före"));
    let paused = scene.command(&["pause"]).run();
    assert_eq!(paused.code(), 0, "{}", paused.errors());
    assert!(paused.stdout.join("\n").contains("sending is paused"), "{:?}", paused.stdout);
    for program in &mut programs {
        let error = send(program, "Under pausen").failed("NOT_ALLOWED");
        assert!(error.contains("elks-mcp resume") && error.contains("Nothing was sent"), "{error}");
        program.call("check_account_balance", json!({})).facts();
        assert_eq!(program.call("get_sending_limits", json!({})).facts()["paused"], true);
    }
    send(&mut scene.program(), "I en ny process").failed("NOT_ALLOWED");
    assert_eq!(scene.sends(), 1);
    assert_eq!(scene.command(&["resume"]).run().code(), 0);
    for (number, program) in programs.iter_mut().enumerate() {
        assert_sent(&send(program, &format!("Efter pausen {number}")));
    }
    assert_eq!(scene.sends(), 3);
}

#[test]
fn a_pause_without_credentials_is_for_all_accounts_and_with_them_for_one() {
    let scene = Scene::new();
    let other =
        |launch: crate::support::program::Launch| launch.env("ELKS_API_USERNAME", "u00000000000000000000000000000002");
    let mut programs = [scene.program(), ready(other(scene.launch()))];
    for program in &mut programs {
        assert_sent(&send(program, "Ett"));
    }
    let all = scene.command(&["pause"]).run();
    assert_eq!((all.code(), all.stdout.len()), (0, 2), "{:?}", all.stdout);
    for program in &mut programs {
        send(program, "Två").failed("NOT_ALLOWED");
    }
    let one = other(scene.command(&["resume"])).run();
    assert_eq!((one.code(), one.stdout.len()), (0, 1), "{:?}", one.stdout);
    send(&mut programs[0], "Två").failed("NOT_ALLOWED");
    assert_sent(&send(&mut programs[1], "Två"));
    // No account has a folder yet, so without a name there is none to pause.
    let nobody = crate::support::program::Launch::with(&["pause"]).state(&StateDir::new()).run();
    assert_eq!(nobody.code(), 1);
    assert!(nobody.errors().contains("no account has a journal"), "{}", nobody.errors());
}

#[test]
fn an_account_can_be_paused_before_it_has_sent_anything() {
    let scene = Scene::new();
    let paused = scene.command(&["pause"]).env("ELKS_API_USERNAME", crate::support::USERNAME).run();
    assert_eq!(paused.code(), 0, "{}", paused.errors());
    send(&mut scene.program(), "Hej").failed("NOT_ALLOWED");
    assert_eq!(scene.sends(), 0);
}

#[test]
fn an_account_that_fails_does_not_keep_the_others_from_a_pause() {
    let scene = Scene::new();
    let mut accounts = [crate::support::USERNAME, "u00000000000000000000000000000002"].map(|user| {
        let mut program = ready(scene.launch().env("ELKS_API_USERNAME", user));
        assert_sent(&send(&mut program, "Ett"));
        (elks_mcp::ledger::folder(user), program)
    });
    accounts.sort_by(|one, other| one.0.cmp(&other.0));
    let [(first, _), (second, program)] = &mut accounts;
    // The first one is the one whose journal is broken.
    for entry in fs::read_dir(scene.state.path().join(&*first)).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some() {
            fs::write(&path, fs::read_to_string(&path).unwrap().replace("\"parts\":1", "\"parts\":2")).unwrap();
        }
    }
    for (command, stays, done) in [
        ("pause", "sending is not paused", "sending is paused"),
        ("resume", "sending is not resumed", "sending is resumed"),
    ] {
        let finished = scene.command(&[command]).run();
        assert_eq!((finished.code(), finished.stdout.len()), (1, 2), "{:?}", finished.stdout);
        assert!(finished.stdout[0].starts_with(&format!("✗ account {first}: {stays}: ")), "{:?}", finished.stdout);
        assert!(finished.stdout[1].starts_with(&format!("✓ account {second}: {done}")), "{:?}", finished.stdout);
        let errors = finished.errors();
        assert!(errors.contains(&format!("{stays} for account {first}")) && !errors.contains(&*second), "{errors}");
        let called = send(program, "Två");
        if command == "pause" {
            called.failed("NOT_ALLOWED");
        } else {
            assert_sent(&called);
        }
    }
}

#[test]
fn a_username_that_cannot_be_one_never_means_all_accounts() {
    let scene = Scene::new();
    let mut program = scene.program();
    assert_sent(&send(&mut program, "Ett"));
    for value in ["u0:secret", "u 0", "", "${ELKS_API_USERNAME}"] {
        for (command, code) in [(&["pause"][..], 1), (&["resume"], 1), (&["audit", "verify"], 3)] {
            let finished = scene.command(command).env("ELKS_API_USERNAME", value).run();
            assert_eq!((finished.code(), finished.stdout.len()), (code, 0), "{value:?}: {:?}", finished.stdout);
            let errors = finished.errors();
            assert!(errors.contains("ELKS_API_USERNAME") && !errors.contains("secret"), "{errors}");
        }
    }
    assert_sent(&send(&mut program, "Två"));
}
