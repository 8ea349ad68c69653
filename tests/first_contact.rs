//! Whom a person is asked about: with `CONFIRM_SENDS=first-contact` about new recipients alone, and never about a
//! message that would not be sent anyhow.

use crate::spending::quiet_hours_now;
use crate::support::fake_account::FakeAccount;
use crate::support::fake_elks::{FakeElks, Reaction};
use crate::support::program::{Called, Launch, Program};
use crate::support::state_dir::StateDir;
use crate::support::{RECIPIENT, answers, modern};
use serde_json::{Value, json};

/// A client that can ask a person.
fn asking(launch: Launch, setting: &str) -> Program {
    let mut program = launch.env("CONFIRM_SENDS", setting).start();
    program.handshake_with(&json!({"elicitation": {}}));
    program
}

fn message(to: &str, text: &str) -> Value {
    json!({"to": to, "message": text})
}

/// Calls `send_sms`, and the person who is asked makes this choice. Returns the question and the result.
fn asked(program: &mut Program, arguments: &Value, send: bool) -> (String, Called) {
    program.post_call("send_sms", arguments);
    let question = program.message();
    assert_eq!(question["method"], "elicitation/create", "{question}");
    let answer = json!({"action": "accept", "content": {"send": send}});
    program.line(&json!({"jsonrpc": "2.0", "id": question["id"], "result": answer}).to_string());
    let shown = question["params"]["message"].as_str().unwrap().to_string();
    (shown, Called(program.message()["result"].clone()))
}

#[test]
fn a_new_recipient_is_asked_about_once_and_not_again_after_a_restart() {
    let (account, state) = (FakeAccount::new(), StateDir::new());
    let elks = account.server();
    let launch = || Launch::account(&elks).state(&state);
    let mut program = asking(launch(), "first-contact");
    assert_eq!(asked(&mut program, &message(RECIPIENT, "ett"), true).1.facts()["sent"], true);
    assert_eq!(program.call("send_sms", message(RECIPIENT, "två")).facts()["sent"], true, "nobody is asked");
    asked(&mut program, &message("+46701740606", "ett"), true).1.facts();
    drop(program);
    let mut program = asking(launch(), "first-contact");
    for (to, text) in [(RECIPIENT, "fyra"), ("+46 70 174 06 06", "två")] {
        assert_eq!(program.call("send_sms", message(to, text)).facts()["sent"], true, "{to}");
    }
    asked(&mut program, &message("+46701740607", "ett"), true).1.facts();
    assert_eq!(elks.sends(), 6);
    // In the journal of another folder nobody is known.
    let mut program = asking(Launch::account(&elks), "first-contact");
    asked(&mut program, &message(RECIPIENT, "fyra"), true).1.facts();
}

#[test]
fn a_recipient_who_got_no_message_stays_new() {
    let elks = FakeElks::answering(|request| match request.field("message").as_deref() {
        Some("nekas") if request.is_send() => Reaction::text(403, "Invalid to number"),
        _ => answers::accepting(request),
    });
    let mut program = asking(Launch::account(&elks), "first-contact");
    asked(&mut program, &message(RECIPIENT, "Hej"), false).1.failed("NOT_CONFIRMED");
    asked(&mut program, &message(RECIPIENT, "nekas"), true).1.failed("ELKS_API_ERROR");
    program.send(json!({"dry_run": true})).facts();
    asked(&mut program, &message(RECIPIENT, "Hej"), true).1.facts();
    program.call("send_sms", message(RECIPIENT, "Hej igen")).facts();
    assert_eq!(elks.sends(), 3);
}

#[test]
fn contacts_are_never_new_and_the_question_names_them_where_all_are_asked_about() {
    let elks = FakeElks::answering(answers::accepting);
    let launch = || Launch::account(&elks).env("ELKS_CONTACTS", "Anna=+46701740605");
    let mut program = asking(launch(), "first-contact");
    for (to, text) in [("anna", "ett"), (RECIPIENT, "två")] {
        assert_eq!(program.call("send_sms", message(to, text)).facts()["sent"], true, "{to}");
    }
    let (shown, _) = asked(&mut program, &message("+46701740606", "ett"), false);
    assert!(!shown.contains("Anna"), "{shown}");
    let mut program = asking(launch(), "true");
    for to in ["ANNA", RECIPIENT] {
        let (shown, _) = asked(&mut program, &message(to, "fyra"), false);
        assert!(shown.contains(&format!("\n- To: {RECIPIENT} (Anna)\n")), "{to}: {shown}");
    }
}

#[test]
fn nobody_is_asked_about_a_message_that_policy_refuses() {
    let elks = FakeElks::answering(answers::accepting);
    let (quiet, _) = quiet_hours_now();
    for (name, value, code) in [
        ("ELKS_BLOCKED_RECIPIENTS", "+4670*", "NOT_ALLOWED"),
        ("ELKS_ALLOWED_COUNTRIES", "NO", "NOT_ALLOWED"),
        ("ELKS_QUIET_HOURS", &quiet, "RATE_LIMIT_EXCEEDED"),
    ] {
        for setting in ["true", "first-contact"] {
            let mut program = asking(Launch::account(&elks).env(name, value), setting);
            // A question would come before the result, and `call` takes nothing but the result.
            let error = program.send(json!({})).failed(code);
            assert!(error.contains(name) && error.contains("Nothing was sent"), "{error}");
        }
    }
    assert!(elks.requests().is_empty(), "not even a price was asked");
}

#[test]
fn nobody_is_asked_about_a_message_that_a_limit_refuses() {
    let elks = FakeElks::answering(answers::accepting);
    let mut program = asking(Launch::account(&elks).env("ELKS_MAX_SMS_PER_DAY", "1"), "true");
    asked(&mut program, &message(RECIPIENT, "ett"), true).1.facts();
    let error = program.call("send_sms", message(RECIPIENT, "två")).failed("RATE_LIMIT_EXCEEDED");
    assert!(error.contains("ELKS_MAX_SMS_PER_DAY"), "{error}");
    assert_eq!((elks.dry_runs(), elks.sends()), (1, 1));
}

#[test]
fn a_question_counts_for_the_minute_whatever_the_answer_and_its_message_not_once_more() {
    let elks = FakeElks::answering(answers::accepting);
    let mut program = asking(Launch::account(&elks).env("RATE_LIMIT_SMS_PER_MINUTE", "2"), "true");
    asked(&mut program, &message(RECIPIENT, "ett"), false).1.failed("NOT_CONFIRMED");
    asked(&mut program, &message(RECIPIENT, "två"), true).1.facts();
    program.call("send_sms", message(RECIPIENT, "fyra")).failed("RATE_LIMIT_EXCEEDED");
    assert_eq!((elks.dry_runs(), elks.sends()), (2, 1), "a person is asked twice");
}

#[test]
fn a_duplicate_is_answered_without_a_question() {
    let elks = FakeElks::answering(answers::accepting);
    let mut program = asking(Launch::account(&elks), "true");
    let first = asked(&mut program, &message(RECIPIENT, "Hej"), true).1.facts().clone();
    let again = program.call("send_sms", message(RECIPIENT, "Hej"));
    let facts = again.facts();
    assert_eq!((&facts["duplicate"], &facts["id"]), (&json!(true), &first["id"]), "{}", again.text());
    assert!(again.text().contains("nothing was sent now"), "{}", again.text());
    assert_eq!(elks.sends(), 1);
}

#[test]
fn a_client_that_cannot_ask_still_sends_to_those_who_are_known() {
    let elks = FakeElks::answering(answers::accepting);
    let launch = Launch::account(&elks).env("ELKS_CONTACTS", "Anna=+46701740605");
    let mut mute = launch.env("CONFIRM_SENDS", "first-contact").serve();
    mute.send(json!({"to": "Anna"})).facts();
    let error = mute.send(json!({"to": "+46701740606"})).failed("NOT_CONFIRMED");
    assert!(error.contains("this client cannot ask the person"), "{error}");
    assert_eq!(elks.sends(), 1);
}

/// A client without a handshake, and questions to it about a message of each text to a new recipient.
fn with_open_questions<const N: usize>(elks: &FakeElks, texts: [&str; N]) -> (Program, [Value; N]) {
    let launch = Launch::account(elks).env("CONFIRM_SENDS", "first-contact").env("ELKS_DUPLICATE_MINUTES", "0");
    let mut program = launch.start();
    let questions = texts.map(|text| modern::call(&mut program, &message(RECIPIENT, text), &json!({})));
    assert!(questions.iter().all(modern::is_question), "{questions:?}");
    (program, questions)
}

/// Asserts that a call was not approved.
fn not_confirmed(result: Value) -> String {
    Called(result).failed("NOT_CONFIRMED")
}

#[test]
fn a_message_that_a_person_declined_is_not_sent_though_its_recipient_is_known_by_then() {
    let elks = FakeElks::answering(answers::accepting);
    let (mut program, [first, second]) = with_open_questions(&elks, ["ett", "två"]);
    let sent = modern::call(&mut program, &message(RECIPIENT, "ett"), &modern::answered(&first, true));
    assert_eq!(sent["structuredContent"]["sent"], true, "{sent}");
    let two = message(RECIPIENT, "två");
    let error = not_confirmed(modern::call(&mut program, &two, &modern::answered(&second, false)));
    assert!(error.starts_with("the person chose not to send it"), "{error}");
    // The question is closed: the answer cannot be changed.
    let error = not_confirmed(modern::call(&mut program, &two, &modern::answered(&second, true)));
    assert!(error.contains("used before"), "{error}");
    assert_eq!(elks.sends(), 1);
    // A call without an answer is a new one, and the recipient is known.
    let sent = modern::call(&mut program, &message(RECIPIENT, "fyra"), &json!({}));
    assert_eq!((&sent["structuredContent"]["sent"], elks.sends()), (&json!(true), 2), "{sent}");
}

#[test]
fn an_answer_must_belong_to_its_question_though_the_recipient_is_known_by_then() {
    let elks = FakeElks::answering(answers::accepting);
    let (mut program, [first, second]) = with_open_questions(&elks, ["ett", "två"]);
    let approval = modern::answered(&first, true);
    let one = message(RECIPIENT, "ett");
    assert_eq!(modern::call(&mut program, &one, &approval)["structuredContent"]["sent"], true);
    assert!(not_confirmed(modern::call(&mut program, &one, &approval)).contains("used before"));
    let mut forged = modern::answered(&second, true);
    forged["requestState"] = json!("rs2.Zm9yZ2Vk.Zm9yZ2Vk");
    for (text, answer) in [("två", &forged), ("två", &approval), ("fyra", &modern::answered(&second, true))] {
        let error = not_confirmed(modern::call(&mut program, &message(RECIPIENT, text), answer));
        assert!(error.contains("not for this call"), "{text}: {error}");
    }
    assert_eq!(elks.sends(), 1);
    let sent = modern::call(&mut program, &message(RECIPIENT, "två"), &modern::answered(&second, true));
    assert_eq!((&sent["structuredContent"]["sent"], elks.sends()), (&json!(true), 2), "{sent}");
}
