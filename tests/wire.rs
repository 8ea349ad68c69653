//! The protocol, as clients see it.

use crate::harness::Launch;
use serde_json::{Value, json};

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
    assert_eq!(served(), golden, "if the change is meant, write `elks-mcp tools` to tests/tools.json and review it");
}

#[test]
fn every_schema_is_closed_and_plain() {
    for tool in served().as_array().unwrap() {
        for schema in [&tool["inputSchema"], &tool["outputSchema"]] {
            let mut found = Vec::new();
            objects(schema, &mut found);
            assert_eq!(found[0], schema, "the root is an object");
            for object in found {
                assert_eq!(object["additionalProperties"], false);
                assert!(object["required"].is_array());
                for property in object["properties"].as_object().unwrap().values() {
                    assert!(property["type"].is_string() && property["description"].is_string(), "{property}");
                }
            }
            let text = schema.to_string();
            for unwanted in ["$ref", "$defs", "anyOf", "oneOf", "allOf", "\"format\"", "$schema"] {
                assert!(!text.contains(unwanted), "{unwanted}");
            }
        }
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
            schema["required"].as_array().unwrap().iter().all(|name| fields.contains_key(name.as_str().unwrap()))
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
fn a_client_of_today_needs_no_handshake() {
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
    let mut program = Launch::simulator().env("RATE_LIMIT_QUERIES_PER_MINUTE", "200").serve();
    for _ in 0..100 {
        program.post("tools/call", &json!({"name": "get_sms_messages", "arguments": {}}));
    }
    for _ in 0..100 {
        assert_eq!(program.answer()["result"]["isError"], false);
    }
}
