//! One JSON line for each answered call on stderr, with nothing in it that should not be there.

use crate::support::fake_elks::{FakeElks, Reaction};
use crate::support::program::{Finished, Launch, Program};
use crate::support::snapshot::assert_snapshot;
use crate::support::{PASSWORD, RECIPIENT, answers};
use serde_json::{Value, json};

/// The audit line of a call.
fn line(tool: &str, arguments: Value) -> String {
    let mut program = Launch::simulator().serve();
    program.call(tool, arguments);
    let line = program.stderr_line("{\"audit\"");
    let audit: Value = serde_json::from_str::<Value>(&line).expect("is JSON")["audit"].take();
    assert!(audit["durationMs"].as_u64().unwrap() < 60_000, "{line}");
    line
}

#[test]
fn a_record_has_the_form_that_users_know() {
    let to = "+46 70 174 06 05";
    let lines = [
        line("send_sms", json!({"to": to, "message": "Hej på dig 😀", "dry_run": false})),
        line("send_sms", json!({"to": to, "message": "Hej", "from": "Tandlakarna", "dry_run": true, "flashsms": true})),
        line("get_sms_messages", json!({"limit": 5, "direction": "inbound", "start": "2026-01-31T12:00:00Z"})),
        line("check_sms_status", json!({"message_id": "s0231d6d7d6bc14a7e7734e466785c4ce"})),
        line("estimate_sms_cost", json!({"to": to, "message": "Hej"})),
        line("check_account_balance", json!({})),
        line("get_delivery_statistics", json!({"limit": 5})),
    ];
    assert_snapshot("audit_records", &lines.join("\n"));
}

#[test]
fn nothing_a_caller_writes_can_add_a_line_or_an_escape() {
    let hostile = "x\n{\"audit\":{\"tool\":\"forged\"}}\r\u{1b}[31m\u{202e}\u{2028}\u{9b}";
    let mut program = Launch::simulator().serve();
    program.call(
        "send_sms",
        json!({"to": hostile, "message": hostile, "from": hostile, "dry_run": hostile, hostile: hostile}),
    );
    program
        .call("get_sms_messages", json!({"direction": hostile, "start": hostile, "limit": hostile, "cursor": hostile}));
    program.call("check_sms_status", json!({"message_id": hostile}));
    let finished = program.finish();
    let audits: Vec<&String> = finished.stderr.iter().filter(|line| line.contains("audit")).collect();
    assert_eq!(audits.len(), 3, "{}", finished.errors());
    for line in audits {
        assert!(!line.contains(|c: char| c.is_control() || c == '\u{202e}' || c == '\u{2028}'), "{line}");
        assert!(!line.contains("forged"), "{line}");
        serde_json::from_str::<Value>(line).expect("is JSON");
    }
}

#[test]
fn the_log_never_contains_a_message_a_number_or_an_unknown_argument() {
    let elks = FakeElks::answering(|request| {
        Reaction::text(403, &format!("no {} to {}", request.field("message").unwrap(), request.field("to").unwrap()))
    });
    let mut program = Launch::account(&elks).serve();
    program.send(json!({"message": "ett hemligt meddelande"}));
    program.send(json!({"hemligt": "hemligt"}));
    program.send(json!({"message": ["hemligt"]}));
    let stderr = program.finish().errors();
    assert!(!stderr.contains("hemligt") && !stderr.contains("1740605"), "{stderr}");
    assert_eq!(stderr.matches("\"audit\"").count(), 3);
}

#[test]
fn a_refused_dry_run_or_estimate_is_recorded_as_dry() {
    let mut program = Launch::simulator().serve();
    program.send(json!({"dry_run": true, "surprise": 1})).failed("VALIDATION_ERROR");
    assert_eq!(program.audit()["dryRun"], true);
    program.call("estimate_sms_cost", json!({"to": "+46701740605", "note": "x"})).failed("VALIDATION_ERROR");
    assert_eq!(program.audit()["dryRun"], true);
    program.send(json!({"surprise": 1})).failed("VALIDATION_ERROR");
    assert_eq!(program.audit()["dryRun"], false);
}

#[test]
fn a_cancelled_call_leaves_an_audit_line() {
    let elks = FakeElks::answering(|_| Reaction::Silence);
    let mut program = Launch::account(&elks).serve();
    let id = program.post_call("send_sms", &json!({"to": "+46701740605", "message": "Hej"}));
    elks.arrival();
    program.cancel(id);
    let audit = program.audit();
    assert_eq!(
        (&audit["success"], &audit["error"]),
        (&json!(false), &json!("OUTCOME_UNKNOWN")),
        "it may have been sent"
    );
    program.ping();
    assert_eq!(elks.requests().len(), 1, "and nothing more is sent");
}

/// The audit records of calls in the rest of stderr, without the lines about denials.
fn audits(finished: &Finished) -> Vec<Value> {
    let record = |line: &String| {
        let mut line: Value = serde_json::from_str(line).expect("is JSON");
        line["audit"].take()
    };
    let records = finished.stderr.iter().filter(|line| line.starts_with("{\"audit\"")).map(record);
    records.filter(|record| record["event"].is_null()).collect()
}

#[test]
fn no_argument_carries_a_number_into_the_log() {
    let number = "46701740605";
    let id = |digits: &str| format!("s{digits:0>32}");
    let mut program = Launch::simulator().serve();
    for (tool, arguments) in [
        ("get_sms_messages", json!({"limit": 46_701_740_605_u64})),
        ("get_sms_messages", json!({"start": format!("2026-01-31T12:00:00.{number}")})),
        ("get_sms_messages", json!({"start": format!("2026-01-31+{number}")})),
        ("get_sms_messages", json!({"end": format!("{number}-01-31T12:00:00Z")})),
        ("get_sms_messages", json!({"end": format!("2026-01-31 {number}")})),
        ("get_sms_messages", json!({"cursor": format!("2026-01-31T12:00:00.000~s{number}")})),
        ("get_sms_messages", json!({"cursor": format!("2026-01-31T12:00:00.000~{}", id(number))})),
        ("get_sms_messages", json!({"cursor": format!("{number}~{}", id("abc"))})),
        ("get_sms_messages", json!({"cursor": number})),
        ("get_sms_messages", json!({"to": number})),
        ("get_sms_messages", json!({"direction": number})),
        ("check_sms_status", json!({"message_id": number})),
        ("check_sms_status", json!({"message_id": format!("s{number}")})),
        ("check_sms_status", json!({"message_id": id(number)})),
        ("check_account_balance", json!({"to": format!("0{}", &number[2..])})),
        ("estimate_sms_cost", json!({"to": number, "message": number, "from": format!("+{number}")})),
        ("send_sms", json!({"to": format!("+{number}"), "message": number, "from": "AB701740605", "dry_run": true})),
        ("send_sms", json!({"to": format!("+{number}"), "message": "x", number: number})),
    ] {
        program.call(tool, arguments);
    }
    program.request("tools/call", &json!({"name": number, "arguments": {"to": number}}));
    program.request("tools/call", &json!({"name": "send_sms", "arguments": [number]}));
    let finished = program.finish();
    let records = audits(&finished);
    assert_eq!(records.len(), 20, "{}", finished.errors());
    for record in &records {
        let record = json!({"params": record["params"], "tool": record["tool"], "error": record["error"]}).to_string();
        assert!(!record.contains("01740605") && !record.contains("4670174"), "{record}");
    }
}

#[test]
fn short_numbers_are_masked_as_a_whole() {
    let mut program = Launch::simulator().serve();
    program.call("get_sms_messages", json!({"to": "+683 4123"}));
    assert_eq!(program.audit()["params"], json!({"to": "****"}));
}

#[test]
fn the_password_is_recorded_in_no_argument_and_in_no_case() {
    let elks = FakeElks::answering(|_| Reaction::json(&answers::page(&[])));
    let mut program = Launch::account(&elks).serve();
    let lower = PASSWORD.to_ascii_lowercase();
    for secret in [PASSWORD, &lower] {
        program.call("get_sms_messages", json!({"cursor": format!("2026-01-31T12:00:00.000~s{secret}")}));
        program.call("get_sms_messages", json!({"cursor": secret, "start": secret, "end": secret, "to": secret}));
        program.call("check_sms_status", json!({"message_id": secret}));
        program.call("check_sms_status", json!({"message_id": format!("s{secret}")}));
        program.send(json!({"to": secret, "from": secret, "message": secret, "dry_run": true}));
        program.send(json!({"dry_run": secret, secret: secret}));
    }
    let finished = program.finish();
    assert_eq!(audits(&finished).len(), 12, "{}", finished.errors());
    assert!(finished.errors().contains("\"message_id\":\"(secret)\""), "{}", finished.errors());
    let errors = finished.errors().to_ascii_lowercase();
    assert!(!errors.contains(&lower), "{errors}");
}

#[test]
fn arguments_that_do_not_parse_are_not_recorded() {
    let mut program = Launch::simulator().serve();
    for (tool, arguments) in [
        ("send_sms", json!({"to": RECIPIENT, "message": "Hej", "surprise": 1})),
        ("send_sms", json!({"to": RECIPIENT})),
        ("get_sms_messages", json!({"limit": 46_701_740_605_u64, "start": "2026-01-31T12:00:00Z"})),
    ] {
        program.call(tool, arguments).failed("VALIDATION_ERROR");
        let audit = program.audit();
        assert_eq!((&audit["params"], &audit["error"]), (&json!({}), &json!("VALIDATION_ERROR")), "{audit}");
    }
}

/// The record that one answered line leaves, and no other: its tool, code and whether it was dry.
fn one_record(program: &mut Program, line: &str) -> (String, String, bool) {
    program.line(line);
    let answer = program.message();
    assert!(answer["error"].is_object() || answer["result"]["isError"] == true, "{answer}");
    program.ping();
    let audit = program.audit();
    assert_eq!(audit["params"], json!({}), "{audit}");
    let text = |name: &str| audit[name].as_str().unwrap().to_string();
    (text("tool"), text("error"), audit["dryRun"] == true)
}

#[test]
fn each_answered_call_has_one_line_whatever_its_form() {
    let call = |more: &str| format!(r#"{{"jsonrpc":"2.0","id":"x","method":"tools/call"{more}}}"#);
    let long_id = format!(
        r#"{{"jsonrpc":"2.0","id":"{}","method":"tools/call","params":{{"name":"send_sms"}}}}"#,
        "i".repeat(300)
    );
    let long = call(&format!(r#","params":{{"name":"send_sms","arguments":{{"message":"{}"}}}}"#, "x".repeat(70_000)));
    let deep = call(&format!(r#","params":{}{}"#, "[".repeat(500), "]".repeat(500)));
    let lines = [
        (call(r#","params":{"name":"send_fax","arguments":{}}"#), "(unknown)", "UNKNOWN_TOOL", false),
        (call(r#","params":{"name":"send_sms","arguments":[1]}"#), "send_sms", "VALIDATION_ERROR", false),
        (
            call(r#","params":{"name":"estimate_sms_cost","arguments":"x"}"#),
            "estimate_sms_cost",
            "VALIDATION_ERROR",
            true,
        ),
        (call(r#","params":{"arguments":{"dry_run":true}}"#), "(unknown)", "VALIDATION_ERROR", true),
        (call(r#","params":{"name":5,"arguments":{}}"#), "(unknown)", "VALIDATION_ERROR", false),
        (call(r#","params":{"name":"send_sms","_meta":5}"#), "send_sms", "INVALID_REQUEST", false),
        (call(r#","params":{}"#), "(unknown)", "VALIDATION_ERROR", false),
        (call(""), "(unknown)", "VALIDATION_ERROR", false),
        (call(r#","params":5"#), "(unknown)", "INVALID_REQUEST", false),
        (
            call(r#","params":{"name":"send_sms","arguments":{"to":"a","to":"b"}}"#),
            "send_sms",
            "INVALID_REQUEST",
            false,
        ),
        (
            call(r#","params":{"name":"send_sms","arguments":{"message":"\ud83d","dry_run":true}}"#),
            "send_sms",
            "INVALID_REQUEST",
            true,
        ),
        (call(r#","params":{"name":"send_sms","arguments":{"x":1e999}}"#), "(unknown)", "INVALID_REQUEST", false),
        (
            call(r#","params":{"name":"send_sms","_meta":{"io.modelcontextprotocol/protocolVersion":"1999-01-01"}}"#),
            "send_sms",
            "INVALID_REQUEST",
            false,
        ),
        (
            call(r#","params":{"name":"send_sms","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}"#),
            "send_sms",
            "INVALID_REQUEST",
            false,
        ),
        (long_id, "send_sms", "INVALID_REQUEST", false),
        (long, "(unknown)", "INVALID_REQUEST", false),
        (deep, "(unknown)", "INVALID_REQUEST", false),
        (format!("[{}]", call("")), "(unknown)", "INVALID_REQUEST", false),
        (
            r#"{"id":"x","method":"tools/call","params":{"name":"send_sms"}}"#.into(),
            "send_sms",
            "INVALID_REQUEST",
            false,
        ),
    ];
    let mut program = Launch::simulator().serve();
    for (line, tool, code, dry_run) in lines {
        let expected = (tool.to_string(), code.to_string(), dry_run);
        let start: String = line.chars().take(120).collect();
        assert_eq!(one_record(&mut program, &line), expected, "{start}");
    }
    // What is no call leaves none.
    for line in [
        r#"{"jsonrpc":"2.0","id":"x","method":"no/such/method"}"#,
        r#"{"jsonrpc":"2.0","id":"x","method":"ping","params":{"a":1,"a":2}}"#,
        r#"{"id":"x","method":"ping"}"#,
        "5",
    ] {
        program.line(line);
        assert!(program.message()["error"].is_object());
    }
    program.line(r#"{"jsonrpc":"2.0","method":"tools/call","params":{"name":"send_sms"}}"#);
    program.ping();
    let rest = program.finish().errors();
    assert!(!rest.contains("{\"audit\""), "a line too many: {rest}");
}

#[test]
fn a_call_before_the_handshake_has_one_line() {
    let mut program = Launch::simulator().start();
    let answer = program.request("tools/call", &json!({"name": "send_sms", "arguments": {"to": RECIPIENT}}));
    assert_eq!(answer["error"]["code"], -32602, "{answer}");
    program.handshake();
    let records = audits(&program.finish());
    assert_eq!(records.len(), 1, "{records:?}");
    assert_eq!((&records[0]["tool"], &records[0]["error"]), (&json!("send_sms"), &json!("INVALID_REQUEST")));
}

#[test]
fn a_repeated_id_and_the_id_of_a_cancelled_call_have_one_line_each() {
    let elks = FakeElks::answering(|request| match request.method.as_str() {
        "GET" => Reaction::Silence,
        _ => answers::accepting(request),
    });
    let mut program = Launch::account(&elks).env("ELKS_DUPLICATE_MINUTES", "0").serve();
    let call = |id: &str, tool: &str, arguments: Value| {
        json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {"name": tool, "arguments": arguments}})
            .to_string()
    };
    let send = call("once", "send_sms", json!({"to": RECIPIENT, "message": "Hej"}));
    // Twice at once: one call, one response, one line.
    program.bytes(format!("{send}\n{send}\n").as_bytes());
    assert_eq!(program.message()["result"]["structuredContent"]["sent"], true);
    assert_eq!(program.audit()["success"], true);
    program.line(&send);
    assert_eq!(program.message()["error"]["code"], -32600);
    let repeated = program.audit();
    assert_eq!((&repeated["tool"], &repeated["error"]), (&json!("send_sms"), &json!("REPEATED_REQUEST")), "{repeated}");
    assert_eq!(repeated["params"], json!({"to": "+467****605", "message_length": 3}));
    let query = call("withdrawn", "get_sms_messages", json!({}));
    program.line(&query);
    elks.arrival();
    elks.arrival();
    program.line(r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"withdrawn"}}"#);
    assert_eq!(program.audit()["error"], "CANCELLED");
    program.line(&query);
    assert!(program.message()["error"]["message"].as_str().unwrap().contains("was cancelled"));
    let refused = program.audit();
    assert_eq!((&refused["tool"], &refused["error"]), (&json!("get_sms_messages"), &json!("INVALID_REQUEST")));
    let finished = program.finish();
    assert_eq!(audits(&finished).len(), 0, "no other line: {}", finished.errors());
}

#[test]
fn a_call_that_is_cancelled_before_it_begins_has_one_line() {
    let mut program = Launch::simulator().serve();
    let call = r#"{"jsonrpc":"2.0","id":"x","method":"tools/call","params":{"name":"send_fax"}}"#;
    let cancel = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"x"}}"#;
    program.bytes(format!("{call}\n{cancel}\n").as_bytes());
    program.ping();
    let finished = program.finish();
    assert_eq!(audits(&finished).len(), 1, "{}", finished.errors());
}
