//! One JSON line a call on stderr, with nothing in it that should not be there.

use crate::support::fake_elks::{FakeElks, Reaction};
use crate::support::program::Launch;
use crate::support::snapshot::assert_snapshot;
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
        line("check_sms_status", json!({"message_id": "s1"})),
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
