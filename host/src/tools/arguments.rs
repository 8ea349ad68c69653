//! Checks a call's arguments against the served schema. What the schema refuses is refused here, by name. Pure; knows
//! no tool.

use serde_json::{Map, Value};
use std::fmt;

/// The largest whole number that is taken with a fraction: 2^53, up to which a float holds each whole number.
const MAX_WHOLE: f64 = 9_007_199_254_740_992.0;

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

/// The arguments that may not be `null`, although they are optional: nobody can tell whether `null` asks for a dry run,
/// and without one a real message is sent.
const NEVER_NULL: [&str; 1] = ["dry_run"];

/// Compares arguments with a closed object schema of the kind that the build script writes, and puts them into one
/// form. An optional argument that is `null` is left out, because frameworks write so those that nobody gave. A whole
/// number is written without a fraction.
///
/// # Errors
/// The first argument that does not fit, with what is allowed.
pub fn check(schema: &Map<String, Value>, arguments: &mut Map<String, Value>) -> Result<(), InvalidArguments> {
    let none = Map::new();
    let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&none);
    let required: Vec<&str> =
        schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let known = || properties.keys().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    arguments.retain(|name, value| {
        let may_be_left_out =
            properties.contains_key(name) && !required.contains(&name.as_str()) && !NEVER_NULL.contains(&name.as_str());
        !(value.is_null() && may_be_left_out)
    });
    for (name, value) in arguments.iter_mut() {
        let Some(property) = properties.get(name) else {
            let name: String = name.escape_debug().take(MAX_NAME_CHARS).collect();
            return Err(InvalidArguments::new(format!("unknown argument `{name}`: this tool takes {}", known())));
        };
        if property["type"] == "integer"
            && let Some(whole) = whole(value)
        {
            *value = whole.into();
        }
        if let Some(allowed) = mismatch(property, value) {
            return Err(InvalidArguments::new(format!("`{name}` must be {allowed}")));
        }
    }
    for name in required {
        if !arguments.contains_key(name) {
            return Err(InvalidArguments::new(format!("`{name}` is missing: this tool takes {}", known())));
        }
    }
    Ok(())
}

/// The whole number that a value is. `10.0` and `1e1` are whole numbers, too (JSON Schema 2020-12, section 6.1.1).
fn whole(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| {
        let number = value.as_f64().filter(|number| number.fract() == 0.0 && (0.0..=MAX_WHOLE).contains(number))?;
        // A float up to MAX_WHOLE is exact.
        Some(number as u64)
    })
}

/// What is allowed, when a value does not fit its schema.
fn mismatch(property: &Value, value: &Value) -> Option<String> {
    let bound = |name: &str| property[name].as_u64();
    match property["type"].as_str() {
        Some("boolean") => (!value.is_boolean()).then(|| "true or false (leave it out for the default)".into()),
        Some("integer") => {
            let (low, high) = (bound("minimum").unwrap_or(0), bound("maximum").unwrap_or(u64::from(u32::MAX)));
            let fits = value.as_u64().is_some_and(|number| (low..=high).contains(&number));
            let written = if value.is_string() { ", written without quotes" } else { "" };
            (!fits).then(|| format!("a whole number from {low} to {high}{written}"))
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
        let check = |mut arguments: Value| {
            check(schema, arguments.as_object_mut().expect("is an object")).map_err(|error| error.to_string())
        };
        let valid = json!({"flag": false, "count": 3, "word": "b", "text": "åäö", "id": "a1"});
        assert_eq!(check(valid), Ok(()));
        for (name, value, allowed) in [
            ("flag", json!(1), "true or false"),
            ("count", json!(0), "a whole number from 1 to 3"),
            ("count", json!(4), "a whole number from 1 to 3"),
            ("count", json!(1.5), "a whole number from 1 to 3"),
            ("count", json!(4.0), "a whole number from 1 to 3"),
            ("count", json!("2"), "a whole number from 1 to 3, written without quotes"),
            ("text", json!(null), "a text"),
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
        assert!(check(json!({"text": "ab", "unknown": null})).is_err_and(|error| error.contains("unknown argument")));
        assert!(check(json!({})).is_err_and(|error| error.starts_with("`text` is missing")));
        let long = check(json!({"text": "ab", "x\n".repeat(100): 1})).expect_err("is unknown");
        assert!(long.starts_with("unknown argument `x\\nx") && long.len() < 300, "{long}");
    }

    #[test]
    fn arguments_are_put_into_one_form() {
        let schema = json!({
            "properties": {
                "count": {"type": "integer", "minimum": 0, "maximum": 100},
                "text": {"type": "string"},
                "dry_run": {"type": "boolean"},
            },
        });
        let schema = schema.as_object().expect("is an object");
        for (written, taken) in [
            (r#"{"count": 10.0}"#, json!({"count": 10})),
            (r#"{"count": 1e1}"#, json!({"count": 10})),
            (r#"{"count": 1.0E+2}"#, json!({"count": 100})),
            (r#"{"count": -0.0}"#, json!({"count": 0})),
            (r#"{"count": null, "text": null}"#, json!({})),
            (r#"{"count": 7, "text": "null"}"#, json!({"count": 7, "text": "null"})),
        ] {
            let mut arguments: Map<String, Value> = serde_json::from_str(written).expect("is JSON");
            assert_eq!(check(schema, &mut arguments), Ok(()), "{written}");
            assert_eq!(Value::Object(arguments), taken, "{written}");
        }
        for refused in
            [r#"{"dry_run": null}"#, r#"{"count": 10.5}"#, r#"{"count": 1e300}"#, r#"{"count": 100.0000001}"#]
        {
            let mut arguments: Map<String, Value> = serde_json::from_str(refused).expect("is JSON");
            assert!(check(schema, &mut arguments).is_err(), "{refused}");
        }
    }
}
