//! Whatever JSON comes as arguments, checking it does not panic, and what passes has only known
//! names, all required ones, and no long refusal.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use std::sync::LazyLock;

#[path = "../../host/src/arguments.rs"]
mod arguments;

static TOOLS: LazyLock<Vec<Value>> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../tests/tools.json")).expect("is JSON"));

fuzz_target!(|input: (u8, &[u8])| {
    let (tool, json) = input;
    let Ok(Value::Object(given)) = serde_json::from_slice(json) else { return };
    let schema = TOOLS[usize::from(tool) % TOOLS.len()]["inputSchema"].as_object().expect("is an object");
    match arguments::check(schema, &given) {
        Ok(()) => {
            let properties = schema["properties"].as_object().expect("is an object");
            assert!(given.keys().all(|name| properties.contains_key(name)));
            let required = schema["required"].as_array().expect("is a list");
            assert!(required.iter().all(|name| given.contains_key(name.as_str().expect("is a name"))));
        }
        Err(told) => assert!(told.len() < 1000 && !told.contains(char::is_control)),
    }
});
