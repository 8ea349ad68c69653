//! For any JSON as arguments: the check does not panic, what passes has only known names and all required ones, and a
//! refusal is short and printable.
#![no_main]

use elks_mcp::tools::{Call, TOOLS_JSON, Tool, check};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use std::sync::LazyLock;

static TOOLS: LazyLock<Vec<Value>> = LazyLock::new(|| serde_json::from_str(TOOLS_JSON).expect("is JSON"));

fuzz_target!(|input: (u8, &[u8])| {
    let (number, json) = input;
    let Ok(Value::Object(mut arguments)) = serde_json::from_slice(json) else { return };
    let number = usize::from(number) % TOOLS.len();
    let schema = TOOLS[number]["inputSchema"].as_object().expect("is an object");
    match check(schema, &mut arguments) {
        Ok(()) => {
            let properties = schema["properties"].as_object().expect("is an object");
            assert!(arguments.keys().all(|name| properties.contains_key(name)));
            let required = schema["required"].as_array().expect("is a list");
            assert!(required.iter().all(|name| arguments.contains_key(name.as_str().expect("is a name"))));
            assert!(Call::parse(Tool::ALL[number], arguments).is_ok(), "what the schema allows is a call");
        }
        Err(error) => {
            let text = error.to_string();
            assert!(text.len() < 1000 && !text.contains(char::is_control));
        }
    }
});
