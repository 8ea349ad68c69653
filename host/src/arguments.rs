//! A call's arguments, held against the schema that clients were served: what it refuses is refused
//! here, by name. Pure, and knows no tool.

use serde_json::{Map, Value};

/// How many characters of an unknown argument's name are repeated.
const LONGEST_NAME: usize = 40;

/// Compares arguments with a closed object schema of the kind that the build script writes.
pub(crate) fn check(schema: &Map<String, Value>, arguments: &Map<String, Value>) -> Result<(), String> {
    let none = Map::new();
    let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&none);
    let known = || properties.keys().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    for (name, value) in arguments {
        let Some(property) = properties.get(name) else {
            let name: String = name.escape_debug().take(LONGEST_NAME).collect();
            return Err(format!("unknown argument `{name}`: this tool takes {}", known()));
        };
        if let Some(wanted) = misfit(property, value) {
            return Err(format!("`{name}` must be {wanted}"));
        }
    }
    for name in schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
        if !arguments.contains_key(name) {
            return Err(format!("`{name}` is missing: this tool takes {}", known()));
        }
    }
    Ok(())
}

/// What a value should have been, when it does not fit its schema.
fn misfit(property: &Value, value: &Value) -> Option<String> {
    let bound = |name: &str| property[name].as_u64();
    match property["type"].as_str() {
        Some("boolean") => (!value.is_boolean()).then(|| "true or false (leave it out for the default)".into()),
        Some("integer") => {
            // 10.0 is the integer 10 in JSON Schema, but no client writes it on purpose.
            let (low, high) = (bound("minimum").unwrap_or(0), bound("maximum").unwrap_or(u64::from(u32::MAX)));
            let fits = value.as_u64().is_some_and(|number| (low..=high).contains(&number));
            (!fits).then(|| format!("a whole number from {low} to {high}"))
        }
        _ => {
            if let Some(allowed) = property["enum"].as_array() {
                let names = || allowed.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ");
                return (!allowed.contains(value)).then(|| format!("one of {}", names()));
            }
            let Some(text) = value.as_str() else { return Some("a text".into()) };
            let length = text.chars().count() as u64;
            let (low, high) = (bound("minLength").unwrap_or(0), bound("maxLength").unwrap_or(u64::MAX));
            if !(low..=high).contains(&length) {
                return Some(format!("{low} to {high} characters long; it has {length}"));
            }
            // The one pattern of the contract. A regular expression library for it would be larger
            // than the component.
            let alphanumeric = || text.bytes().all(|b| b.is_ascii_alphanumeric());
            (property.get("pattern").is_some() && !alphanumeric()).then(|| "letters and digits only".into())
        }
    }
}
