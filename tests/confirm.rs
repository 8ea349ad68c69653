//! `CONFIRM_SENDS`: a person approves every real send, in clients of both eras.

use crate::support::fake_elks::FakeElks;
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
    let mut program = Launch::account(elks).env("CONFIRM_SENDS", "true").start();
    program.handshake_with(&capabilities);
    program
}

/// Calls `send_sms`, answers the question, and gives the question and the result.
fn asked(program: &mut Program, answer: Value) -> (Value, Called) {
    program.post_call("send_sms", &message());
    let question = program.message();
    assert_eq!(question["method"], "elicitation/create", "{question}");
    program.line(&json!({"jsonrpc": "2.0", "id": question["id"], "result": answer}).to_string());
    (question["params"].clone(), Called(program.message()["result"].clone()))
}

#[test]
fn the_person_sees_recipient_sender_text_parts_and_price_before_anything_is_sent() {
    let elks = FakeElks::answering(answers::accepting);
    let mut program = legacy(&elks, json!({"elicitation": {}}));
    let (question, called) = asked(&mut program, json!({"action": "accept", "content": {}}));
    let shown = question["message"].as_str().unwrap();
    for part in [RECIPIENT, SENDER, "Hej från provet\\u{7}", "1 part", "0.52 SEK", "control character"] {
        assert!(shown.contains(part), "{part} is not shown: {shown}");
    }
    assert_eq!(question["requestedSchema"]["type"], "object");
    assert_eq!(called.facts()["sent"], true);
    assert_eq!(sent(&elks), 1);
}

#[test]
fn without_the_persons_approval_nothing_is_sent() {
    let elks = FakeElks::answering(answers::accepting);
    let mut program = legacy(&elks, json!({"elicitation": {}}));
    for answer in [json!({"action": "decline"}), json!({"action": "cancel"})] {
        let error = asked(&mut program, answer).1.failed("NOT_CONFIRMED");
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

/// A request of a client without handshake.
fn modern(program: &mut Program, arguments: &Value, more: Value) -> Value {
    let meta = json!({"io.modelcontextprotocol/protocolVersion": "2026-07-28",
                      "io.modelcontextprotocol/clientInfo": {"name": "tests", "version": "1"},
                      "io.modelcontextprotocol/clientCapabilities": {"elicitation": {}}});
    let params = merged(json!({"name": "send_sms", "arguments": arguments, "_meta": meta}), &more);
    program.request("tools/call", &params)["result"].clone()
}

/// The answer of the person, as the client gives it with the question's state.
fn answer(question: &Value, action: &str) -> Value {
    let name = question["inputRequests"].as_object().unwrap().keys().next().unwrap().clone();
    json!({"requestState": question["requestState"], "inputResponses": {name: {"action": action, "content": {}}}})
}

#[test]
fn a_client_without_handshake_is_given_the_question_and_calls_again() {
    let elks = FakeElks::answering(answers::accepting);
    let mut program = Launch::account(&elks).env("CONFIRM_SENDS", "true").start();
    let question = modern(&mut program, &message(), json!({}));
    assert_eq!(question["resultType"], "input_required", "{question}");
    assert_eq!(sent(&elks), 0);
    let request = question["inputRequests"].as_object().unwrap().values().next().unwrap();
    assert_eq!(request["method"], "elicitation/create");
    assert!(request["params"]["message"].as_str().unwrap().contains("0.52 SEK"));
    let result = modern(&mut program, &message(), answer(&question, "accept"));
    assert_eq!(result["structuredContent"]["sent"], true, "{result}");
    assert_eq!(sent(&elks), 1);
}

#[test]
fn mismatched_replayed_declined_and_forged_approvals_send_nothing() {
    let elks = FakeElks::answering(answers::accepting);
    let mut program = Launch::account(&elks).env("CONFIRM_SENDS", "true").start();
    let refused = |result: Value| {
        let text = result["content"][0]["text"].as_str().unwrap_or_default().to_string();
        assert!(text.starts_with("Error (NOT_CONFIRMED): ") && result["isError"] == true, "{result}");
        text
    };
    let question = modern(&mut program, &message(), json!({}));
    let yes = answer(&question, "accept");
    let other = merged(message(), &json!({"to": "+46701740606"}));
    assert!(refused(modern(&mut program, &other, yes.clone())).contains("not for this call"));
    let mut forged = yes.clone();
    forged["requestState"] = json!("rs2.Zm9yZ2Vk.Zm9yZ2Vk");
    assert!(refused(modern(&mut program, &message(), forged)).contains("not for this call"));
    assert_eq!(sent(&elks), 0);
    assert_eq!(modern(&mut program, &message(), yes.clone())["structuredContent"]["sent"], true);
    assert!(refused(modern(&mut program, &message(), yes)).contains("used before"));
    let question = modern(&mut program, &message(), json!({}));
    refused(modern(&mut program, &message(), answer(&question, "decline")));
    assert!(
        refused(modern(&mut program, &message(), answer(&question, "accept"))).contains("used before"),
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
    program.ping();
    let cancelled = audits(program.finish());
    assert!(cancelled.len() == 1 && cancelled[0].contains("\"error\":\"CANCELLED\""), "{cancelled:?}");

    let mut program = legacy(&elks, json!({"elicitation": {}}));
    program.post_call("send_sms", &message());
    assert_eq!(program.message()["method"], "elicitation/create");
    let gone = audits(program.finish());
    assert!(gone.len() == 1 && gone[0].contains("\"error\":\"NOT_CONFIRMED\""), "{gone:?}");

    let mut program = Launch::account(&elks).env("CONFIRM_SENDS", "true").start();
    modern(&mut program, &message(), json!({}));
    let asked = audits(program.finish());
    assert!(asked.len() == 1 && asked[0].contains("\"error\":\"CONFIRMATION_ASKED\""), "{asked:?}");
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
