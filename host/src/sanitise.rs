//! Makes invisible and screen-controlling characters of the component's output visible. The component does so itself,
//! but the host does not rely on it.

use serde_json::Value;
use sms_rules::invisible::escape;
use std::borrow::Cow;

/// Escapes invisible characters in every text of a result.
pub(crate) fn sanitise(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Cow::Owned(escaped) = escape(text) {
                *text = escaped;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(sanitise),
        Value::Object(fields) => fields.values_mut().for_each(sanitise),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_text_of_a_result_is_escaped_and_nothing_else_changes() {
        let mut value = json!({"a": "x\u{202e}", "b": [{"c": "\u{1b}[2J"}, 5, null, true], "d": "Hej\r\ndu 👩‍👩‍👧"});
        sanitise(&mut value);
        assert_eq!(value, json!({"a": "x\\u{202e}", "b": [{"c": "\\u{1b}[2J"}, 5, null, true], "d": "Hej\r\ndu 👩‍👩‍👧"}));
    }
}
