//! Checks a call's arguments against the served schema. What the schema refuses is refused here, by name. Pure; knows
//! no tool.

use serde_json::{Map, Value};
use std::fmt;

/// How many characters of an unknown argument's name are repeated, at most.
const MAX_NAME_CHARS: usize = 40;

/// What is wrong with a call's arguments, and what is allowed. It never repeats an argument's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidArguments(String);

impl InvalidArguments {
    /// An error with this text.
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for InvalidArguments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidArguments {}

/// Compares arguments with a closed object schema of the kind that the build script writes.
///
/// # Errors
/// The first argument that does not fit, with what is allowed.
pub fn check(schema: &Map<String, Value>, arguments: &Map<String, Value>) -> Result<(), InvalidArguments> {
    let none = Map::new();
    let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&none);
    let known = || properties.keys().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    for (name, value) in arguments {
        let Some(property) = properties.get(name) else {
            let name: String = name.escape_debug().take(MAX_NAME_CHARS).collect();
            return Err(InvalidArguments::new(format!("unknown argument `{name}`: this tool takes {}", known())));
        };
        if let Some(allowed) = mismatch(property, value) {
            return Err(InvalidArguments::new(format!("`{name}` must be {allowed}")));
        }
    }
    for name in schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
        if !arguments.contains_key(name) {
            return Err(InvalidArguments::new(format!("`{name}` is missing: this tool takes {}", known())));
        }
    }
    Ok(())
}

/// What is allowed, when a value does not fit its schema.
fn mismatch(property: &Value, value: &Value) -> Option<String> {
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
            // The one pattern of the contract. A library for regular expressions would be larger than the component.
            let alphanumeric = || text.bytes().all(|b| b.is_ascii_alphanumeric());
            (property.get("pattern").is_some() && !alphanumeric()).then(|| "letters and digits only".into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_kind_of_property_is_checked_at_its_bounds() {
        let schema = json!({
            "properties": {
                "flag": {"type": "boolean"},
                "count": {"type": "integer", "minimum": 1, "maximum": 3},
                "word": {"type": "string", "enum": ["a", "b"]},
                "text": {"type": "string", "minLength": 2, "maxLength": 3},
                "id": {"type": "string", "pattern": "^[A-Za-z0-9]+$"},
            },
            "required": ["text"],
        });
        let schema = schema.as_object().expect("is an object");
        let check = |arguments: Value| {
            check(schema, arguments.as_object().expect("is an object")).map_err(|error| error.to_string())
        };
        let valid = json!({"flag": false, "count": 3, "word": "b", "text": "åäö", "id": "a1"});
        assert_eq!(check(valid), Ok(()));
        for (name, value, allowed) in [
            ("flag", json!(1), "true or false"),
            ("count", json!(0), "a whole number from 1 to 3"),
            ("count", json!(4), "a whole number from 1 to 3"),
            ("word", json!("c"), "one of a, b"),
            ("text", json!("å"), "2 to 3 characters long; it has 1"),
            ("text", json!("åäöå"), "2 to 3 characters long; it has 4"),
            ("text", json!(["ab"]), "a text"),
            ("id", json!("a/b"), "letters and digits only"),
        ] {
            let mut arguments = json!({"text": "ab"});
            arguments[name] = value;
            let error = check(arguments).expect_err(name);
            assert!(error.starts_with(&format!("`{name}` must be {allowed}")), "{error}");
        }
        assert!(check(json!({})).is_err_and(|error| error.starts_with("`text` is missing")));
        let long = check(json!({"text": "ab", "x\n".repeat(100): 1})).expect_err("is unknown");
        assert!(long.starts_with("unknown argument `x\\nx") && long.len() < 300, "{long}");
    }
}
