//! What a model reads of this server, in tokens. No tokenizer is used: a token is counted as four bytes, which is an
//! estimate. Every session pays for the tool list, and every call for its result.

use crate::support::fake_elks::{FakeElks, Reaction};
use crate::support::program::Launch;
use crate::support::{RECIPIENT, answers, merged};
use serde_json::{Value, json};

/// The text of the messages that are counted.
const TEXT: &str = "Hej! Kom ihåg din tid i morgon kl 10.";

/// The text of the shortest messages of a history: the budget is for what surrounds the texts.
const SHORT: &str = "Hej!";

/// How many tokens of bytes/4 a text has, rounded up.
fn tokens(text: &str) -> usize {
    text.len().div_ceil(4)
}

/// Asserts that a text has at most so many tokens.
fn within(what: &str, text: &str, budget: usize) {
    let tokens = tokens(text);
    assert!(tokens <= budget, "{what}: {tokens} tokens, the budget is {budget}: {text}");
}

/// The tools with these of their fields.
fn tool_list(fields: &[&str]) -> String {
    let mut program = Launch::simulator().serve();
    let tools = program.request("tools/list", &json!({}))["result"]["tools"].take();
    let with_fields =
        |tool: &Value| -> Value { fields.iter().map(|field| ((*field).to_string(), tool[field].clone())).collect() };
    tools.as_array().unwrap().iter().map(with_fields).collect::<Value>().to_string()
}

#[test]
fn the_tool_list_has_its_budget() {
    within("as models see it", &tool_list(&["name", "description", "inputSchema"]), 900);
    within("with output schemas", &tool_list(&["name", "description", "inputSchema", "outputSchema"]), 2_400);
}

#[test]
fn each_result_has_its_budget() {
    let elks = FakeElks::answering(answers::accepting);
    let mut program = Launch::account(&elks).serve();
    within("send", &program.send(json!({"message": TEXT})).text(), 90);
    within("dry run", &program.send(json!({"message": TEXT, "dry_run": true})).text(), 90);
    within("estimate", &program.call("estimate_sms_cost", json!({"to": RECIPIENT, "message": TEXT})).text(), 70);

    let elks = FakeElks::answering(|request| match request.path.as_str() {
        "/a1/me" => Reaction::json(&answers::account()),
        "/a1/sms" => Reaction::json(&answers::dry_run(request)),
        path if path.starts_with("/a1/sms?") => {
            Reaction::json(&json!({"data": (0..10).map(|at| row(at, SHORT)).collect::<Vec<_>>()}))
        }
        _ => Reaction::json(&row(1, TEXT)),
    });
    let mut program = Launch::account(&elks).serve();
    within("status", &program.call("check_sms_status", json!({"message_id": answers::ID})).text(), 90);
    let history = program.call("get_sms_messages", json!({}));
    assert_eq!(history.facts()["messages"].as_array().unwrap().len(), 10);
    within("history of ten", &history.text(), 520);
    within("balance", &program.call("check_account_balance", json!({})).text(), 70);
    within("statistics", &program.call("get_delivery_statistics", json!({})).text(), 70);
    // A list of limits, each with its rule and its setting: the more there are, the longer it is.
    within("limits", &program.call("get_sending_limits", json!({})).text(), 110);
}

/// A message of the history. Every third one is inbound, and the others have arrived.
fn row(number: usize, text: &str) -> Value {
    let is_inbound = number.is_multiple_of(3);
    let direction = if is_inbound { "incoming" } else { "outgoing" };
    let row = answers::row(&format!("s{number:032x}"), direction, "2026-01-31T12:00:00.429389");
    let arrived = json!({"status": "delivered", "delivered": "2026-01-31T12:00:04.429389", "parts": 1, "cost": 5200});
    merged(merged(row, &json!({"message": text})), &if is_inbound { json!({}) } else { arrived })
}
