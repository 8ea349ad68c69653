//! Makes invisible and screen-controlling characters visible: those of the component's output, although the component
//! does so itself, and those of texts that commands print.

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

/// A text with its invisible characters escaped, line ends and tabs included.
pub(crate) fn visible(text: &str) -> String {
    let escaped = escape(text);
    escaped.chars().fold(String::with_capacity(escaped.len()), |mut visible, c| {
        match c.is_control() {
            true => visible.extend(c.escape_unicode()),
            false => visible.push(c),
        }
        visible
    })
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
