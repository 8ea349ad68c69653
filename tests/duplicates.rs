//! The same message again: its earlier result, a wait, a look into 46elks's history, or a new send. Counted by the fake
//! 46elks.

use crate::support::fake_account::Sends;
use crate::support::program::Launch;
use crate::support::scene::{Scene, assert_duplicate, assert_sent, message, ready, send, send_with};
use crate::support::{RECIPIENT, SENDER, journal};
use chrono::TimeDelta;
use serde_json::{Value, json};

/// What became of the sends, as the journal has it.
fn outcomes(scene: &Scene) -> Vec<Value> {
    scene.state.events().into_iter().filter(|event| event["outcome"].is_object()).collect()
}

#[test]
fn the_same_message_is_sent_once_in_its_window_over_processes_and_restarts() {
    let scene = Scene::new();
    let (mut first, mut second) = (scene.program(), scene.program());
    let sent = send(&mut first, "Hej");
    assert_sent(&sent);
    // Spaces at the ends of a text make no other message.
    for text in ["Hej", " Hej\r\n"] {
        for repeated in [send(&mut first, text), send(&mut second, text), send(&mut scene.program(), text)] {
            assert_duplicate(&repeated);
            for fact in ["id", "to", "from", "parts", "cost", "status", "sent"] {
                assert_eq!(repeated.facts()[fact], sent.facts()[fact], "{fact}: {}", repeated.text());
            }
        }
    }
    assert_eq!(scene.sends(), 1);
    // Another text, recipient, sender or kind is another message.
    assert_sent(&send(&mut first, "Hej!"));
    for more in [json!({"to": "+46701740606"}), json!({"from": "Elks"}), json!({"flashsms": true})] {
        assert_sent(&send_with(&mut first, "Hej", &more));
    }
    assert_eq!(scene.sends(), 5);
    drop((first, second));
    scene.pass(TimeDelta::minutes(14));
    assert_duplicate(&send(&mut scene.program(), "Hej"));
    scene.pass(TimeDelta::minutes(13));
    assert_sent(&send(&mut scene.program(), "Hej"));
    assert_eq!(scene.sends(), 6);
}

#[test]
fn a_duplicate_is_marked_in_the_audit_log() {
    let scene = Scene::new();
    let mut program = scene.program();
    send(&mut program, "Hej");
    assert!(program.audit()["duplicate"].is_null());
    send(&mut program, "Hej");
    let audit = program.audit();
    assert_eq!((&audit["duplicate"], &audit["success"]), (&json!(true), &json!(true)), "{audit}");
}

#[test]
fn without_a_window_the_same_message_is_sent_again() {
    let scene = Scene::new();
    let mut program = ready(scene.launch().env("ELKS_DUPLICATE_MINUTES", "0"));
    for _ in 0..3 {
        assert_sent(&send(&mut program, "Hej"));
    }
    assert_eq!(scene.sends(), 3);
}

#[test]
fn a_message_in_flight_in_another_process_is_waited_for() {
    let scene = Scene::new();
    let (mut first, mut second) = (scene.program(), scene.program());
    scene.account.answers_to_sends.hold();
    first.post_call("send_sms", &message("Hej"));
    scene.account.answers_to_sends.await_waiting(1);
    let error = send(&mut second, "Hej").failed("IN_PROGRESS");
    assert!(error.contains("Nothing was sent by this call") && error.contains("make the same call again"), "{error}");
    // And in the same process.
    first.post_call("send_sms", &message("Hej"));
    let same = crate::support::program::Called(first.message()["result"].take());
    same.failed("IN_PROGRESS");
    scene.account.answers_to_sends.release();
    assert_sent(&crate::support::program::Called(first.message()["result"].take()));
    assert_duplicate(&send(&mut second, "Hej"));
    assert_eq!(scene.sends(), 1);
}

#[test]
fn a_message_that_46elks_refused_may_be_sent_again() {
    let scene = Scene::new();
    let mut program = scene.program();
    scene.account.set(|behaviour| behaviour.sends = Sends::Refused);
    send(&mut program, "Hej").failed("ELKS_API_ERROR");
    assert_eq!(outcomes(&scene)[0]["outcome"]["outcome"], json!({"rejected": {"status": 403}}));
    scene.account.set(|behaviour| behaviour.sends = Sends::Accepted);
    assert_sent(&send(&mut program, "Hej"));
    assert_eq!(scene.account.messages().len(), 1);
}

#[test]
fn a_message_that_did_not_leave_may_be_sent_again() {
    let scene = Scene::new();
    scene.account.set(|behaviour| behaviour.closing = true);
    let elks = scene.account.server();
    let mut program = ready(Launch::account(&elks).state(&scene.state));
    // Nobody listens there any more.
    drop(elks);
    send(&mut program, "Hej").failed("UNREACHABLE");
    assert_eq!(outcomes(&scene)[0]["outcome"]["outcome"], "not_left");
    assert_sent(&send(&mut scene.program(), "Hej"));
    assert_eq!(scene.account.messages().len(), 1);
}

/// A message whose answer was lost, 13 minutes ago.
fn with_a_lost_answer(scene: &Scene, sends: Sends) {
    let mut program = scene.program();
    scene.account.set(|behaviour| behaviour.sends = sends);
    send(&mut program, "Hej").failed("OUTCOME_UNKNOWN");
    scene.account.set(|behaviour| behaviour.sends = Sends::Accepted);
    // The history need not show it yet.
    send(&mut program, "Hej").failed("IN_PROGRESS");
    send(&mut scene.program(), "Hej").failed("IN_PROGRESS");
    assert_eq!(outcomes(scene).pop().unwrap()["outcome"]["outcome"], "unknown");
    drop(program);
    scene.pass(TimeDelta::minutes(13));
}

#[test]
fn a_message_with_a_lost_answer_is_found_in_the_history() {
    let scene = Scene::new();
    with_a_lost_answer(&scene, Sends::Unanswered);
    let mut program = scene.program();
    let found = send(&mut program, "Hej");
    assert_duplicate(&found);
    assert_eq!(found.facts()["id"], scene.account.messages()[0]["id"]);
    assert_eq!(outcomes(&scene).pop().unwrap()["outcome"]["by"], "history");
    let queries = scene.elks.requests().len();
    assert_duplicate(&send(&mut program, "Hej"));
    assert_eq!((scene.sends(), scene.elks.requests().len()), (1, queries), "it is asked once");
}

#[test]
fn a_message_that_the_history_does_not_have_beside_a_known_one_is_sent() {
    let scene = Scene::new();
    assert_sent(&send(&mut scene.program(), "Den andra"));
    with_a_lost_answer(&scene, Sends::Lost);
    assert_sent(&send(&mut scene.program(), "Hej"));
    assert_eq!((scene.sends(), scene.account.messages().len()), (3, 2));
    assert_duplicate(&send(&mut scene.program(), "Hej"));
}

#[test]
fn without_a_known_message_in_the_history_nothing_is_sent_again() {
    for keeps_history in [true, false] {
        let scene = Scene::new();
        if keeps_history {
            // One that no program of this account sent shows nothing: it may be another account's.
            scene
                .account
                .add(TimeDelta::minutes(1), &json!({"direction": "outgoing", "from": SENDER, "to": RECIPIENT}));
        } else {
            assert_sent(&send(&mut scene.program(), "Den andra"));
        }
        with_a_lost_answer(&scene, Sends::Lost);
        scene.account.set(|behaviour| behaviour.keeps_history = keeps_history);
        let sends = scene.sends();
        let mut program = scene.program();
        let error = send(&mut program, "Hej").failed("OUTCOME_UNKNOWN");
        assert!(error.contains("After 24 hours") && error.contains("Nothing was sent by this call"), "{error}");
        assert_eq!(scene.sends(), sends, "keeps a history: {keeps_history}");
        drop(program);
        scene.pass(TimeDelta::hours(24));
        assert_sent(&send(&mut scene.program(), "Hej"));
    }
}

#[test]
fn a_history_that_cannot_be_read_says_nothing() {
    let account = crate::support::fake_account::FakeAccount::new();
    let serving = std::sync::Arc::clone(&account);
    let elks = crate::support::fake_elks::FakeElks::answering_everything(move |request| {
        if request.method == "GET" && request.path.starts_with("/a1/sms") {
            crate::support::fake_elks::Reaction::text(500, "Internal error")
        } else {
            serving.react(request)
        }
    });
    let scene = Scene { account, elks, state: crate::support::state_dir::StateDir::new() };
    assert_sent(&send(&mut scene.program(), "Den andra"));
    with_a_lost_answer(&scene, Sends::Lost);
    send(&mut scene.program(), "Hej").failed("OUTCOME_UNKNOWN");
    assert_eq!(scene.sends(), 2);
}

#[test]
fn another_message_with_the_same_text_is_not_taken_for_the_lost_one() {
    let scene = Scene::new();
    // Without a window the same message is sent twice, and the second answer is lost with the message.
    let mut program = ready(scene.launch().env("ELKS_DUPLICATE_MINUTES", "0"));
    assert_sent(&send(&mut program, "Hej"));
    scene.account.set(|behaviour| behaviour.sends = Sends::Lost);
    send(&mut program, "Hej").failed("OUTCOME_UNKNOWN");
    scene.account.set(|behaviour| behaviour.sends = Sends::Accepted);
    drop(program);
    scene.pass(TimeDelta::minutes(13));
    // The history has the first, which belongs to another attempt, so the second is absent; and then the first counts.
    assert_duplicate(&send(&mut scene.program(), "Hej"));
    let last = outcomes(&scene).pop().unwrap();
    assert_eq!((&last["outcome"]["outcome"], &last["outcome"]["by"]), (&json!("not_left"), &json!("history")));
    assert_eq!(scene.sends(), 2);
}

#[test]
fn a_call_that_is_withdrawn_or_given_up_at_the_end_counts_as_unknown() {
    for connected in [true, false] {
        for withdrawn in [true, false] {
            let scene = Scene::new();
            scene.account.set(|behaviour| behaviour.closing = true);
            let mut program = scene.program();
            assert_sent(&send(&mut program, "Den andra"));
            let place = if connected { &scene.account.answers_to_sends } else { &scene.elks.connects };
            place.hold();
            let id = program.post_call("send_sms", &message("Hej"));
            place.await_waiting(1);
            if withdrawn {
                program.cancel(id);
                program.ping();
            }
            program.finish();
            assert_eq!(outcomes(&scene).pop().unwrap()["outcome"]["outcome"], "unknown");
            place.release();
            send(&mut scene.program(), "Hej").failed("IN_PROGRESS");
            scene.pass(TimeDelta::minutes(13));
            let repeated = send(&mut scene.program(), "Hej");
            if connected {
                assert_duplicate(&repeated);
            } else {
                assert_sent(&repeated);
            }
            assert_eq!((scene.sends(), scene.account.messages().len()), (2, 2));
        }
    }
}

#[test]
fn an_idempotency_key_repeats_its_result_for_a_day_and_belongs_to_one_message() {
    let scene = Scene::new();
    let with_key = |key: &str| json!({"idempotency_key": key});
    let launch = || ready(scene.launch().env("ELKS_DUPLICATE_MINUTES", "0"));
    let mut program = launch();
    assert_sent(&send_with(&mut program, "Hej", &with_key("beställning 7")));
    assert_duplicate(&send_with(&mut program, "Hej", &with_key("beställning 7")));
    let error = send_with(&mut program, "Hej då", &with_key("beställning 7")).failed("VALIDATION_ERROR");
    assert!(error.contains("idempotency_key") && !error.contains("beställning"), "{error}");
    let empty = send_with(&mut program, "Hej", &with_key("")).failed("VALIDATION_ERROR");
    assert!(empty.contains("idempotency_key"), "{empty}");
    assert_sent(&send_with(&mut program, "Hej", &with_key("beställning 8")));
    assert_eq!(scene.sends(), 2);
    drop(program);
    scene.pass(TimeDelta::hours(23));
    let mut program = launch();
    assert_duplicate(&send_with(&mut program, "Hej", &with_key("beställning 7")));
    send_with(&mut program, "Hej då", &with_key("beställning 7")).failed("VALIDATION_ERROR");
    assert_eq!(scene.sends(), 2);
    drop(program);
    scene.pass(TimeDelta::hours(2));
    assert_sent(&send_with(&mut launch(), "Hej då", &with_key("beställning 7")));
    assert_eq!(scene.sends(), 3);
}

#[test]
fn a_key_of_a_message_in_flight_is_waited_for_and_one_of_a_refused_message_is_free() {
    let scene = Scene::new();
    let key = json!({"idempotency_key": "k"});
    let mut program = ready(scene.launch().env("ELKS_DUPLICATE_MINUTES", "0"));
    scene.account.set(|behaviour| behaviour.sends = Sends::Refused);
    send_with(&mut program, "Hej", &key).failed("ELKS_API_ERROR");
    scene.account.set(|behaviour| behaviour.sends = Sends::Unanswered);
    send_with(&mut program, "Hej", &key).failed("OUTCOME_UNKNOWN");
    send_with(&mut program, "Hej", &key).failed("IN_PROGRESS");
    send_with(&mut program, "En annan", &key).failed("VALIDATION_ERROR");
    assert_eq!((scene.sends(), scene.account.messages().len()), (2, 1));
}

#[test]
fn with_another_password_earlier_messages_are_not_recognised_but_still_counted() {
    let scene = Scene::new();
    assert_sent(&send(&mut scene.program(), "Hej"));
    let other = scene.launch().env("ELKS_API_PASSWORD", "another password").env("ELKS_MAX_SMS_PER_DAY", "2");
    let mut other = ready(other);
    assert_sent(&send(&mut other, "Hej"));
    send(&mut other, "En annan").failed("RATE_LIMIT_EXCEEDED");
    assert_eq!(scene.sends(), 2);
    journal::assert_whole(&scene.state);
}

#[test]
fn a_clock_that_was_wrong_at_the_attempt_makes_no_message_absent() {
    // The ledger knows the attempt at a later time than 46elks: by 9 minutes, by an hour, and in the future.
    for (ahead, later) in [(9, 20), (60, 70), (60, 20)] {
        let scene = Scene::new();
        scene.account.set(|behaviour| behaviour.dated = false);
        let mut program = scene.program();
        scene.account.set(|behaviour| behaviour.sends = Sends::Unanswered);
        send(&mut program, "Hej").failed("OUTCOME_UNKNOWN");
        scene.account.set(|behaviour| behaviour.sends = Sends::Accepted);
        drop(program);
        scene.pass(TimeDelta::minutes(later));
        journal::pass(&scene.state, TimeDelta::minutes(-ahead));
        scene.account.set(|behaviour| behaviour.dated = true);
        let mut program = scene.program();
        // A message that is known to be sent is in the history.
        assert_sent(&send(&mut program, "Den andra"));
        drop(program);
        scene.pass(TimeDelta::minutes(13));
        let repeated = send(&mut scene.program(), "Hej");
        if repeated.0["isError"] == true {
            repeated.failed("OUTCOME_UNKNOWN");
        } else {
            assert_duplicate(&repeated);
        }
        assert_eq!(scene.sends(), 2, "{ahead} minutes ahead, {later} minutes later");
    }
}
