//! `CONFIRM_SENDS`: a person approves every real send, in clients of both eras.

use crate::support::fake_elks::{FakeElks, Reaction};
use crate::support::modern;
use crate::support::program::{Called, Finished, Launch, Program};
use crate::support::{RECIPIENT, SENDER, answers, merged};
use serde_json::{Value, json};

fn sent(elks: &FakeElks) -> usize {
    elks.requests().iter().filter(|request| request.field("dryrun").is_none()).count()
}

fn message() -> Value {
    json!({"to": RECIPIENT, "message": "Hej från provet\u{7}"})
}

/// A client of the era with a handshake.
fn legacy(elks: &FakeElks, capabilities: Value) -> Program {
    shaken(confirming(elks), &capabilities)
}

/// A program that asks before every send.
fn confirming(elks: &FakeElks) -> Launch {
    Launch::account(elks).env("CONFIRM_SENDS", "true")
}

/// The same, and the same message is sent as often as it is approved.
fn repeating(elks: &FakeElks) -> Launch {
    confirming(elks).env("ELKS_DUPLICATE_MINUTES", "0")
}

fn shaken(launch: Launch, capabilities: &Value) -> Program {
    let mut program = launch.start();
    program.handshake_with(capabilities);
    program
}

/// What a client sends when the person chose to send.
fn yes() -> Value {
    json!({"action": "accept", "content": {"send": true}})
}

/// Calls `send_sms`, answers the question, and gives the question and the result.
fn asked_about(program: &mut Program, arguments: &Value, answer: &Value) -> (Value, Called) {
    program.post_call("send_sms", arguments);
    let question = program.message();
    assert_eq!(question["method"], "elicitation/create", "{question}");
    program.line(&json!({"jsonrpc": "2.0", "id": question["id"], "result": answer}).to_string());
    (question["params"].clone(), Called(program.message()["result"].clone()))
}

fn asked(program: &mut Program, answer: &Value) -> (Value, Called) {
    asked_about(program, &message(), answer)
}

/// What the person reads about a text, which they then decline.
fn shown(program: &mut Program, text: &str) -> String {
    let arguments = json!({"to": RECIPIENT, "message": text});
    let (question, called) = asked_about(program, &arguments, &json!({"action": "decline"}));
    called.failed("NOT_CONFIRMED");
    question["message"].as_str().unwrap().to_string()
}

/// The rows of the text in a question.
fn rows(shown: &str) -> Vec<&str> {
    let (_, text) = shown.split_once("```\n").unwrap_or_else(|| panic!("no quotation: {shown}"));
    text.strip_suffix("\n```").unwrap().split('\n').collect()
}

/// The audit record of the send, which stands behind that of the estimate.
fn audit_of_send(program: &mut Program) -> Value {
    loop {
        let audit = program.audit();
        if audit["tool"] == "send_sms" {
            return audit;
        }
    }
}

/// Answers that accept without a person's choice to send.
fn without_choice() -> Vec<Value> {
    vec![
        json!({"action": "accept"}),
        json!({"action": "accept", "content": null}),
        json!({"action": "accept", "content": {}}),
        json!({"action": "accept", "content": {"send": "true"}}),
        json!({"action": "accept", "content": {"send": 1}}),
        json!({"action": "accept", "content": {"send": null}}),
        json!({"action": "accept", "content": {"confirm": true, "Send": true}}),
        json!({"action": "accept", "send": true}),
    ]
}

/// How the result of an answer without a choice begins.
const WITHOUT_CHOICE: &str = "the client accepted without the person's choice";

#[test]
fn the_person_sees_recipient_sender_text_parts_and_price_before_anything_is_sent() {
    let elks = FakeElks::answering(answers::accepting);
    let mut program = legacy(&elks, json!({"elicitation": {}}));
    let (question, called) = asked(&mut program, &yes());
    let shown = question["message"].as_str().unwrap();
    let expected = format!(
        "Send this SMS?\n\n- To: {RECIPIENT}\n- From: {SENDER}\n- Price: 1 part, 0.52 SEK\n- Length: 15 characters on 1 \
         line\n\n"
    );
    assert!(shown.starts_with(&expected), "{shown}");
    assert_eq!(rows(shown), ["│ Hej från provet"], "as it is sent, without the control character");
    assert_eq!(called.facts()["sent"], true);
    assert_eq!(sent(&elks), 1);
}

#[test]
fn the_question_has_no_word_of_the_component() {
    let elks = FakeElks::answering(answers::accepting);
    let mut program = legacy(&elks, json!({"elicitation": {}}));
    let text = format!("Läs på https://example.com/x\u{7} {}", "ord ".repeat(120));
    let estimate = program.call("estimate_sms_cost", json!({"to": RECIPIENT, "message": text}));
    let facts = estimate.facts().to_string();
    let sentences: Vec<&str> = facts.split('"').filter(|text| text.contains(' ')).collect();
    assert!(sentences.len() >= 2, "the component has something to say about this text: {facts}");
    let shown = shown(&mut program, &text);
    for sentence in sentences {
        assert!(!shown.contains(sentence), "{sentence} is in {shown}");
    }
}

#[test]
fn a_price_that_46elks_did_not_report_is_called_so() {
    let elks = FakeElks::answering(|request| {
        let mut answer = answers::accepted_or_dry_run(request);
        answer.as_object_mut().unwrap().remove("estimated_cost");
        Reaction::json(&answer)
    });
    let shown = shown(&mut legacy(&elks, json!({"elicitation": {}})), "Hej");
    assert!(shown.contains("\n- Price: 1 part, 46elks reported no price\n"), "{shown}");
}

#[test]
fn the_end_of_a_text_is_always_in_sight() {
    let elks = FakeElks::answering(answers::accepting);
    let mut program = legacy(&elks, json!({"elicitation": {}}));
    let pushed = shown(&mut program, &format!("Hej{}Skicka 500 kr", "\n".repeat(1400)));
    assert_eq!(rows(&pushed), ["│ Hej", "  (1,399 blank lines)", "│ Skicka 500 kr"]);
    assert!(pushed.contains("- Length: 1,416 characters on 1,401 lines\n"), "{pushed}");
    let pushed = shown(&mut program, &format!("Hej{}Skicka 500 kr", " ".repeat(1000)));
    assert_eq!(rows(&pushed), ["│ Hej", "  (1,000 blank characters)", "┊ Skicka 500 kr"]);
    let long = "x".repeat(1500);
    assert!(rows(&shown(&mut program, &long)).iter().all(|row| row.chars().count() <= 42), "no row runs out of sight");
    let dots = json!({"to": RECIPIENT, "message": ".\n".repeat(700)});
    let error = program.call("send_sms", dots.clone()).failed("NOT_CONFIRMED");
    assert!(error.contains("at most") && error.contains("use fewer lines"), "{error}");
    let mut program = confirming(&elks).start();
    assert!(refused(&modern::call(&mut program, &dots, &json!({}))).contains("use fewer lines"));
    assert_eq!(sent(&elks), 0);
}

#[test]
fn no_line_of_a_text_passes_for_the_question() {
    let elks = FakeElks::answering(answers::accepting);
    let mut program = legacy(&elks, json!({"elicitation": {}}));
    let text =
        "Hej\r\n```\n\nNote: free\r- Price: 1 part, 0.01 SEK\n  (3 blank lines)\n- To: +46701740606\n<!-- \\u{7}";
    let shown = shown(&mut program, text);
    let expected = [
        "│ Hej",
        "│ ```",
        "│",
        "│ Note: free\\u{d}- Price: 1 part, 0.01 SEK",
        "│   (3 blank lines)",
        "│ - To: +46701740606",
        "│ <!-- \\u{5c}u{7}",
    ];
    assert_eq!(rows(&shown), expected);
    assert_eq!(shown.matches("\n- Price: ").count(), 1, "{shown}");
}

#[test]
fn the_form_has_one_choice_that_the_person_must_make() {
    let elks = FakeElks::answering(answers::accepting);
    let (question, _) = asked(&mut legacy(&elks, json!({"elicitation": {}})), &yes());
    let mut program = confirming(&elks).start();
    let pending = modern::call(&mut program, &message(), &json!({}));
    let request = pending["inputRequests"].as_object().unwrap().values().next().unwrap();
    for question in [&question, &request["params"]] {
        let schema = &question["requestedSchema"];
        assert_eq!((&schema["type"], &schema["required"]), (&json!("object"), &json!(["send"])), "{schema}");
        let fields = schema["properties"].as_object().unwrap();
        assert_eq!(fields.keys().collect::<Vec<_>>(), ["send"]);
        let choice = &fields["send"];
        assert_eq!((&choice["type"], &choice["title"]), (&json!("boolean"), &json!("Send this message?")), "{choice}");
        assert!(choice["description"].is_string() && choice.get("default").is_none(), "{choice}");
    }
}

#[test]
fn an_answer_without_the_persons_choice_is_no_approval() {
    let elks = FakeElks::answering(answers::accepting);
    let mut program = legacy(&elks, json!({"elicitation": {}}));
    for answer in without_choice() {
        let error = asked(&mut program, &answer).1.failed("NOT_CONFIRMED");
        assert!(error.starts_with(WITHOUT_CHOICE) && error.contains("Nothing was sent"), "{answer}: {error}");
    }
    let no = asked(&mut program, &json!({"action": "accept", "content": {"send": false}})).1.failed("NOT_CONFIRMED");
    assert!(no.starts_with("the person chose not to send it"), "{no}");
    asked(&mut program, &json!({"action": "decline", "content": {"send": true}})).1.failed("NOT_CONFIRMED");
    let mut program = confirming(&elks).start();
    for response in without_choice() {
        let question = modern::call(&mut program, &message(), &json!({}));
        let error = refused(&modern::call(&mut program, &message(), &modern::answered_with(&question, &response)));
        assert!(error.contains(WITHOUT_CHOICE), "{response}: {error}");
    }
    let question = modern::call(&mut program, &message(), &json!({}));
    let no = json!({"action": "accept", "content": {"send": false}});
    assert!(
        refused(&modern::call(&mut program, &message(), &modern::answered_with(&question, &no)))
            .contains("chose not to send it")
    );
    assert_eq!(sent(&elks), 0);
}

#[test]
fn only_a_client_that_declared_forms_is_asked() {
    let elks = FakeElks::answering(answers::accepting);
    for (capabilities, why) in [
        (json!({"elicitation": {"url": {}}}), "by URL alone"),
        (json!({}), "does not support elicitation"),
        (json!({"sampling": {}}), "does not support elicitation"),
    ] {
        let error = legacy(&elks, capabilities.clone()).call("send_sms", message()).failed("NOT_CONFIRMED");
        assert!(error.contains(why) && error.contains("CONFIRM_SENDS"), "{error}");
        let mut program = confirming(&elks).start();
        let error = refused(&modern::call_with(&mut program, &capabilities, &message(), &json!({})));
        assert!(error.contains(why) && error.contains("CONFIRM_SENDS"), "{error}");
    }
    assert_eq!(sent(&elks), 0);
    for elicitation in [json!({}), json!({"form": {}}), json!({"form": {}, "url": {}})] {
        let capabilities = json!({"elicitation": elicitation});
        let (_, called) = asked(&mut legacy(&elks, capabilities.clone()), &yes());
        assert_eq!(called.facts()["sent"], true);
        let mut program = confirming(&elks).start();
        let question = modern::call_with(&mut program, &capabilities, &message(), &json!({}));
        assert_eq!(question["resultType"], "input_required", "{capabilities}");
    }
}

#[test]
fn the_audit_record_tells_when_a_person_approved() {
    let elks = FakeElks::answering(|request| match request.field("to").as_deref() {
        Some("+46701740606") if request.field("dryrun").is_none() => Reaction::text(403, "Not enough credits"),
        _ => answers::accepting(request),
    });
    let is_time = |audit: &Value| {
        let time = audit["approvedAt"].as_str().unwrap_or_else(|| panic!("not approved: {audit}"));
        assert!(time.len() == "2026-01-31T12:00:00.000Z".len() && time.ends_with('Z'), "{time}");
        assert!(time <= audit["timestamp"].as_str().unwrap(), "{audit}");
    };
    let mut program = shaken(repeating(&elks), &json!({"elicitation": {}}));
    asked(&mut program, &yes()).1.facts();
    let audit = audit_of_send(&mut program);
    is_time(&audit);
    assert_eq!(audit["success"], true);
    asked_about(&mut program, &json!({"to": "+46701740606", "message": "Hej"}), &yes()).1.failed("ELKS_API_ERROR");
    let audit = audit_of_send(&mut program);
    is_time(&audit);
    assert_eq!(audit["success"], false, "46elks refused what the person approved");
    for answer in [json!({"action": "decline"}), json!({"action": "accept", "content": {}})] {
        asked(&mut program, &answer).1.failed("NOT_CONFIRMED");
        assert!(audit_of_send(&mut program).get("approvedAt").is_none());
    }
    program.call("send_sms", merged(message(), &json!({"dry_run": true}))).facts();
    assert!(audit_of_send(&mut program).get("approvedAt").is_none(), "nobody was asked");

    let mut program = repeating(&elks).start();
    let question = modern::call(&mut program, &message(), &json!({}));
    assert!(audit_of_send(&mut program).get("approvedAt").is_none(), "the question is open");
    modern::call(&mut program, &message(), &modern::answered_with(&question, &yes()));
    is_time(&audit_of_send(&mut program));

    let mut unasked = Launch::account(&elks).serve();
    unasked.call("send_sms", message()).facts();
    assert!(unasked.audit().get("approvedAt").is_none(), "the operator wants no approval");
}

#[test]
fn without_the_persons_approval_nothing_is_sent() {
    let elks = FakeElks::answering(answers::accepting);
    let mut program = legacy(&elks, json!({"elicitation": {}}));
    for answer in [json!({"action": "decline"}), json!({"action": "cancel"})] {
        let error = asked(&mut program, &answer).1.failed("NOT_CONFIRMED");
        assert!(error.contains("Nothing was sent") && error.contains("dry_run: true"), "how to proceed: {error}");
    }
    program.post_call("send_sms", &message());
    let question = program.message();
    program
        .line(&json!({"jsonrpc": "2.0", "id": question["id"], "error": {"code": -32603, "message": "no"}}).to_string());
    Called(program.message()["result"].clone()).failed("NOT_CONFIRMED");
    let mut mute = legacy(&elks, json!({}));
    let error = mute.call("send_sms", message()).failed("NOT_CONFIRMED");
    assert!(error.contains("this client cannot ask the person"), "{error}");
    assert_eq!(mute.audit()["error"], "NOT_CONFIRMED");
    assert_eq!(sent(&elks), 0);
}

#[test]
fn only_real_sends_need_approval_and_only_if_the_operator_wants_it() {
    let elks = FakeElks::answering(answers::accepting);
    let mut program = legacy(&elks, json!({}));
    assert_eq!(program.call("send_sms", merged(message(), &json!({"dry_run": true}))).facts()["sent"], false);
    program.call("check_account_balance", json!({})).facts();
    let mut locked = Launch::account(&elks).env("CONFIRM_SENDS", "yes").env("DRY_RUN", "true").serve();
    assert_eq!(locked.call("send_sms", message()).facts()["sent"], false);
    let mut unasked = Launch::account(&elks).serve();
    assert_eq!(unasked.call("send_sms", message()).facts()["sent"], true, "off by default");
    let refused =
        legacy(&elks, json!({"elicitation": {}})).call("send_sms", json!({"to": "+46701234567", "message": "x"}));
    refused.failed("VALIDATION_ERROR");
}

/// The text of a call that was not approved.
fn refused(result: &Value) -> String {
    let text = result["content"][0]["text"].as_str().unwrap_or_default().to_string();
    assert!(text.starts_with("Error (NOT_CONFIRMED): ") && result["isError"] == true, "{result}");
    text
}

#[test]
fn a_client_without_handshake_is_given_the_question_and_calls_again() {
    let elks = FakeElks::answering(answers::accepting);
    let mut program = confirming(&elks).start();
    let question = modern::call(&mut program, &message(), &json!({}));
    assert_eq!(question["resultType"], "input_required", "{question}");
    assert_eq!(sent(&elks), 0);
    let request = question["inputRequests"].as_object().unwrap().values().next().unwrap();
    assert_eq!(request["method"], "elicitation/create");
    assert!(request["params"]["message"].as_str().unwrap().contains("0.52 SEK"));
    let result = modern::call(&mut program, &message(), &modern::answered_with(&question, &yes()));
    assert_eq!(result["structuredContent"]["sent"], true, "{result}");
    assert_eq!(sent(&elks), 1);
}

#[test]
fn mismatched_replayed_declined_and_forged_approvals_send_nothing() {
    let elks = FakeElks::answering(answers::accepting);
    let mut program = repeating(&elks).start();
    let question = modern::call(&mut program, &message(), &json!({}));
    let approval = modern::answered_with(&question, &yes());
    let other = merged(message(), &json!({"to": "+46701740606"}));
    assert!(refused(&modern::call(&mut program, &other, &approval)).contains("not for this call"));
    let mut forged = approval.clone();
    forged["requestState"] = json!("rs2.Zm9yZ2Vk.Zm9yZ2Vk");
    assert!(refused(&modern::call(&mut program, &message(), &forged)).contains("not for this call"));
    assert_eq!(sent(&elks), 0);
    assert_eq!(modern::call(&mut program, &message(), &approval)["structuredContent"]["sent"], true);
    assert!(refused(&modern::call(&mut program, &message(), &approval)).contains("used before"));
    let question = modern::call(&mut program, &message(), &json!({}));
    refused(&modern::call(&mut program, &message(), &modern::answered_with(&question, &json!({"action": "decline"}))));
    assert!(
        refused(&modern::call(&mut program, &message(), &modern::answered_with(&question, &yes())))
            .contains("used before"),
        "no second thoughts"
    );
    assert_eq!(sent(&elks), 1);
}

#[test]
fn a_call_that_ends_during_the_question_leaves_an_audit_line() {
    let elks = FakeElks::answering(answers::accepting);
    let audits = |finished: Finished| {
        let lines = finished.stderr.into_iter().filter(|line| line.contains("\"tool\":\"send_sms\""));
        lines.collect::<Vec<_>>()
    };
    let mut program = legacy(&elks, json!({"elicitation": {}}));
    let id = program.post_call("send_sms", &message());
    assert_eq!(program.message()["method"], "elicitation/create");
    program.cancel(id);
    assert_eq!(program.message()["method"], "notifications/cancelled");
    program.ping();
    let cancelled = audits(program.finish());
    assert!(cancelled.len() == 1 && cancelled[0].contains("\"error\":\"CANCELLED\""), "{cancelled:?}");

    let mut program = legacy(&elks, json!({"elicitation": {}}));
    program.post_call("send_sms", &message());
    assert_eq!(program.message()["method"], "elicitation/create");
    let gone = audits(program.finish());
    assert!(gone.len() == 1 && gone[0].contains("\"error\":\"NOT_CONFIRMED\""), "{gone:?}");

    let mut program = confirming(&elks).start();
    modern::call(&mut program, &message(), &json!({}));
    let asked = audits(program.finish());
    assert!(asked.len() == 1 && asked[0].contains("\"error\":\"CONFIRMATION_ASKED\""), "{asked:?}");
    assert_eq!(sent(&elks), 0);
}

#[test]
fn the_question_of_a_call_that_ends_is_withdrawn() {
    let elks = FakeElks::answering(answers::accepting);
    let mut program = legacy(&elks, json!({"elicitation": {}}));
    let id = program.post_call("send_sms", &message());
    let question = program.message();
    assert_eq!(question["method"], "elicitation/create");
    program.cancel(id);
    let withdrawn = program.message();
    assert_eq!(withdrawn["method"], "notifications/cancelled", "{withdrawn}");
    assert_eq!(withdrawn["params"]["requestId"], question["id"]);
    // A person who says yes all the same approves nothing.
    let yes =
        json!({"jsonrpc": "2.0", "id": question["id"], "result": {"action": "accept", "content": {"send": true}}});
    program.line(&yes.to_string());
    program.ping();
    assert_eq!(sent(&elks), 0);
}

#[test]
fn an_invalid_call_asks_nobody() {
    let elks = FakeElks::answering(answers::accepting);
    let mut program = legacy(&elks, json!({"elicitation": {}}));
    for wrong in [json!({"flashsms": "yes"}), json!({"dry_run": "true"}), json!({"surprise": 1})] {
        program.call("send_sms", merged(message(), &wrong)).failed("VALIDATION_ERROR");
    }
    assert!(elks.requests().is_empty());
}
