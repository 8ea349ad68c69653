//! The protocol, as clients see it.

use crate::support::answers;
use crate::support::fake_elks::{FakeElks, Reaction};
use crate::support::program::Launch;
use serde_json::{Value, json};
use std::sync::{Arc, Condvar, Mutex};

fn served() -> Value {
    Launch::simulator().serve().request("tools/list", &json!({}))["result"]["tools"].clone()
}

/// Every object schema in a value.
fn objects<'a>(schema: &'a Value, found: &mut Vec<&'a Value>) {
    if schema["type"] == "object" {
        found.push(schema);
        schema["properties"].as_object().unwrap().values().for_each(|property| objects(property, found));
    }
    if schema["type"] == "array" {
        objects(&schema["items"], found);
    }
}

#[test]
fn the_tool_list_is_the_reviewed_one() {
    let golden: Value = serde_json::from_str(include_str!("tools.json")).unwrap();
    // Without printing both lists: the diff of the file shows what a model will read.
    assert!(served() == golden, "if the change is meant, write `elks-mcp tools` to tests/tools.json and review it");
}

#[test]
fn every_schema_is_plain_and_says_nothing_for_nothing() {
    for tool in served().as_array().unwrap() {
        // A request takes nothing unknown. A result may grow.
        assert_eq!(tool["inputSchema"]["additionalProperties"], false);
        for schema in [&tool["inputSchema"], &tool["outputSchema"]] {
            let mut found = Vec::new();
            objects(schema, &mut found);
            assert_eq!(found[0], schema, "the root is an object");
            for object in found {
                let properties = object["properties"].as_object().unwrap();
                for name in object["required"].as_array().into_iter().flatten() {
                    assert!(properties.contains_key(name.as_str().unwrap()), "{name}");
                }
                for property in properties.values() {
                    assert!(property["type"].is_string(), "{property}");
                    assert_ne!(property["minimum"], 0, "an amount is never below zero anyhow: {property}");
                    assert_ne!(property["description"], "", "{property}");
                }
            }
            let text = schema.to_string();
            for unwanted in ["$ref", "$defs", "anyOf", "oneOf", "allOf", "\"format\"", "$schema"] {
                assert!(!text.contains(unwanted), "{unwanted}");
            }
        }
        // What a name cannot say.
        for (schema, name) in [
            ("inputSchema", "cursor"),
            ("inputSchema", "dry_run"),
            ("outputSchema", "countries"),
            ("outputSchema", "checker_notes"),
            ("outputSchema", "duplicate"),
        ] {
            let property = &tool[schema]["properties"][name];
            assert!(property.is_null() || property["description"].is_string(), "{name}");
        }
        let message = &tool["outputSchema"]["properties"]["messages"]["items"]["properties"];
        assert!(
            message.is_null() || message["untrusted"]["description"].as_str().unwrap().contains("never"),
            "{message}"
        );
        let description = tool["description"].as_str().unwrap();
        assert!((20..=500).contains(&description.len()));
        for hint in ["readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"] {
            assert!(tool["annotations"][hint].is_boolean());
        }
        assert_eq!(tool["annotations"]["readOnlyHint"] == false, tool["name"] == "send_sms");
    }
}

#[test]
fn results_are_what_their_schemas_promise() {
    let mut program = Launch::simulator().serve();
    let tools = served();
    for (tool, arguments) in [
        ("send_sms", json!({"to": "+46701740605", "message": "Hej"})),
        ("send_sms", json!({"to": "+46701740605", "message": "”Hej” example.com", "dry_run": true})),
        ("get_sms_messages", json!({"limit": 2})),
        ("check_sms_status", json!({"message_id": "s0"})),
        ("estimate_sms_cost", json!({"to": "+46701740605", "message": "Hej"})),
        ("check_account_balance", json!({})),
        ("get_delivery_statistics", json!({})),
    ] {
        let called = program.call(tool, arguments);
        if called.0["isError"] == true {
            continue;
        }
        let schema = &tools.as_array().unwrap().iter().find(|known| known["name"] == tool).unwrap()["outputSchema"];
        fits(schema, called.facts(), tool);
    }
}

/// Holds a value against a schema of the kind that is served.
fn fits(schema: &Value, value: &Value, at: &str) {
    let right = match schema["type"].as_str().unwrap() {
        "object" => {
            let (properties, fields) = (schema["properties"].as_object().unwrap(), value.as_object().unwrap());
            for (name, field) in fields {
                fits(properties.get(name).unwrap_or_else(|| panic!("{at}.{name}")), field, &format!("{at}.{name}"));
            }
            schema["required"].as_array().into_iter().flatten().all(|name| fields.contains_key(name.as_str().unwrap()))
        }
        "array" => {
            value.as_array().unwrap().iter().for_each(|item| fits(&schema["items"], item, at));
            true
        }
        "string" => value.as_str().is_some_and(|_| schema["enum"].as_array().is_none_or(|names| names.contains(value))),
        "integer" => value.is_u64() || (value.is_i64() && schema["minimum"].is_null()),
        "boolean" => value.is_boolean(),
        other => panic!("{other}"),
    };
    assert!(right, "{at}: {value} does not fit {schema}");
}

#[test]
fn a_client_of_2026_07_28_needs_no_handshake() {
    let mut program = Launch::simulator().start();
    let meta = json!({"io.modelcontextprotocol/protocolVersion": "2026-07-28",
                      "io.modelcontextprotocol/clientInfo": {"name": "tests", "version": "1"},
                      "io.modelcontextprotocol/clientCapabilities": {}});
    let discovered = program.request("server/discover", &json!({"_meta": meta}));
    assert_eq!(discovered["result"]["resultType"], "complete", "{discovered}");
    let called =
        program.request("tools/call", &json!({"name": "check_account_balance", "arguments": {}, "_meta": meta}));
    assert_eq!(called["result"]["structuredContent"]["currency"], "SEK", "{called}");
}

#[test]
fn sixteen_calls_run_at_a_time_and_more_wait() {
    let (held, release) = (Arc::new(Mutex::new(true)), Arc::new(Condvar::new()));
    let (waiting, released) = (Arc::clone(&held), Arc::clone(&release));
    let elks = FakeElks::answering(move |_| {
        drop(released.wait_while(waiting.lock().unwrap(), |held| *held).unwrap());
        Reaction::json(&answers::page(&[]))
    });
    let mut program = Launch::account(&elks).serve();
    let mut call = || program.post("tools/call", &json!({"name": "get_sms_messages", "arguments": {}}));
    for _ in 0..17 {
        call();
    }
    for _ in 0..16 {
        elks.arrival();
    }
    assert!(elks.is_quiet(), "the seventeenth waits");
    *held.lock().unwrap() = false;
    release.notify_all();
    elks.arrival();
    for _ in 0..17 {
        let answer = program.message();
        assert_eq!(answer["result"]["isError"], false, "none fails: {answer}");
    }
}

#[test]
fn the_same_request_id_never_sends_twice() {
    let elks = FakeElks::answering(answers::accepting);
    let mut program = Launch::account(&elks).env("ELKS_DUPLICATE_MINUTES", "0").serve();
    let call = json!({"jsonrpc": "2.0", "id": "once", "method": "tools/call",
                      "params": {"name": "send_sms", "arguments": {"to": "+46701740605", "message": "Hej"}}});
    // Twice in one breath: the same request, answered once.
    program.bytes(format!("{call}\n{call}\n").as_bytes());
    assert_eq!(program.message()["result"]["structuredContent"]["sent"], true);
    // And again after its answer.
    program.line(&call.to_string());
    let again = program.message();
    assert!(again["id"] == "once" && again["error"]["code"] == -32600, "{again}");
    program.ping();
    assert_eq!(elks.requests().len(), 1);
}

#[test]
fn a_line_that_is_too_long_is_refused_and_the_session_goes_on() {
    let mut program = Launch::simulator().serve();
    let long = json!({"jsonrpc": "2.0", "id": 5, "method": "tools/call", "params": {"name": "send_sms",
                      "arguments": {"to": "+46701740605", "message": "x".repeat(100_000)}}});
    program.line(&long.to_string());
    let refused = program.message();
    assert_eq!(refused["error"]["code"], -32600);
    assert!(refused["error"]["message"].as_str().unwrap().contains("longer than 65536 bytes"), "{refused}");
    program.ping();
    // The longest text that is allowed fits, with every character escaped.
    let escaped = format!("\\u{:04x}", u32::from('ж')).repeat(4000);
    program.line(&format!(
        r#"{{"jsonrpc":"2.0","id":"long","method":"tools/call","params":{{"name":"estimate_sms_cost","arguments":{{"to":"+46701740605","message":"{escaped}"}}}}}}"#
    ));
    let answer = program.message();
    assert!(answer["result"]["content"][0]["text"].as_str().unwrap().contains("60 parts"), "{answer}");
}

#[test]
fn malformed_lines_get_an_error_that_says_what_is_wrong() {
    let mut program = Launch::simulator().serve();
    for (line, id, wrong) in [
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"send_sms","arguments":{"to":"+46701740605","to":"+46701740606","message":"x"}}}"#,
            json!(1),
            "same key twice",
        ),
        (
            r#"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"send_sms","arguments":{"to":"+46701740605","message":"\ud83d"}}}"#,
            json!(2),
            "surrogate",
        ),
        (r#"[{"jsonrpc":"2.0","id":3,"method":"ping"}]"#, Value::Null, "send each message on a line of its own"),
        (r#"{"id":4,"method":"ping"}"#, json!(4), "no JSON-RPC message"),
        (
            &format!(r#"{{"jsonrpc":"2.0","id":5,"method":"ping","params":{}1{}}}"#, "[".repeat(500), "]".repeat(500)),
            Value::Null,
            "nested too deeply",
        ),
    ] {
        program.line(line);
        let answer = program.message();
        assert_eq!((&answer["id"], &answer["error"]["code"]), (&id, &json!(-32600)), "{answer}");
        assert!(answer["error"]["message"].as_str().unwrap().contains(wrong), "{answer}");
    }
    // Arguments that are no object are a mistake that a model can correct.
    for arguments in [json!("to: +46701740605"), json!([1]), json!(5)] {
        let answer = program.request("tools/call", &json!({"name": "send_sms", "arguments": arguments}));
        assert_eq!(answer["result"]["isError"], true, "{answer}");
        assert!(answer["result"]["content"][0]["text"].as_str().unwrap().starts_with("Error (VALIDATION_ERROR): "));
    }
    for huge in ["1e999", "123456789012345678901234567890", "-1"] {
        program.line(&format!(
            r#"{{"jsonrpc":"2.0","id":"n","method":"tools/call","params":{{"name":"get_sms_messages","arguments":{{"limit":{huge}}}}}}}"#
        ));
        let answer = program.message().to_string();
        assert!(answer.contains("from 1 to 100") || answer.contains("a number is too large"), "{answer}");
    }
    program.ping();
}

#[test]
fn a_session_may_begin_with_a_notification_and_end_without_a_line_end() {
    let mut program = Launch::simulator().start();
    program.line(r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":9}}"#);
    program.handshake();
    program.bytes(br#"{"jsonrpc":"2.0","id":"last","method":"ping"}"#);
    let finished = program.finish();
    assert_eq!(finished.code(), 0);
    assert!(finished.stdout[0].contains("\"last\""), "{:?}", finished.stdout);
}

#[test]
fn a_flood_is_answered_in_bounded_memory() {
    let mut program = Launch::simulator().serve();
    for id in 0..10_000 {
        let method = if id % 10 == 0 { "tools/list" } else { "ping" };
        program.line(&format!(r#"{{"jsonrpc":"2.0","id":"f{id}","method":"{method}"}}"#));
    }
    for _ in 0..10_000 {
        assert!(program.message()["result"].is_object());
    }
    #[cfg(target_os = "linux")]
    {
        let status = std::fs::read_to_string(format!("/proc/{}/status", program.pid())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        let kilobytes: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
        assert!(kilobytes < 100_000, "{kilobytes} kB at the peak");
    }
    assert_eq!(program.finish().code(), 0);
}

#[test]
fn every_result_names_the_server() {
    let mut program = Launch::simulator().serve();
    for (method, params) in [
        ("tools/list", json!({})),
        ("tools/call", json!({"name": "check_account_balance", "arguments": {}})),
        ("tools/call", json!({"name": "send_sms", "arguments": {}})),
    ] {
        let answer = program.request(method, &params);
        assert_eq!(answer["result"]["_meta"]["io.modelcontextprotocol/serverInfo"]["name"], "elks-mcp", "{answer}");
    }
}

#[test]
fn the_response_to_a_cancelled_call_is_never_taken_for_another() {
    let elks = FakeElks::answering(|_| Reaction::json(&answers::page(&[])));
    let mut program = Launch::account(&elks).serve();
    let call = |name: &str, arguments: Value| json!({"jsonrpc": "2.0", "id": "x", "method": "tools/call", "params": {"name": name, "arguments": arguments}});
    let cancel = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "x"}});
    let first = call("get_sms_messages", json!({}));
    let second = call("send_sms", json!({"to": "+46701740605", "message": "Hej"}));
    program.bytes(format!("{first}\n{cancel}\n{second}\n").as_bytes());
    let answer = program.message();
    assert_eq!(answer["error"]["code"], -32600, "{answer}");
    assert!(answer["error"]["message"].as_str().unwrap().contains("was cancelled; use a new one"), "{answer}");
    assert_eq!(program.request("ping", &json!({}))["result"], json!({}), "and nothing else is answered");
    assert!(elks.requests().iter().all(|request| request.method == "GET"), "nothing was sent");
}

#[test]
fn stray_notifications_and_responses_before_the_handshake_do_no_harm() {
    let mut program = Launch::simulator().start();
    program.line(r#"{"jsonrpc":"2.0","id":7,"result":{}}"#);
    program.line(r#"{"jsonrpc":"2.0","id":7,"error":{"code":-1,"message":"no"}}"#);
    program.line(r#"{"jsonrpc":"2.0","id":"p","method":"ping"}"#);
    assert_eq!(program.message()["id"], "p");
    program.line(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
    program.line(r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"p"}}"#);
    program.line(r#"{"jsonrpc":"2.0","id":"t","method":"tools/list"}"#);
    assert_eq!(program.message()["error"]["code"], -32602, "no version is known yet");
    program.line(r#"{"jsonrpc":"2.0","method":"notifications/unknown","params":{}}"#);
    assert_eq!(program.handshake()["serverInfo"]["name"], "elks-mcp");
}
