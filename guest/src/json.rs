//! JSON of 46elks, read field by field: a field that is null or of an unexpected type counts as absent, so that it does
//! not make the others unreadable. The names of fields are in `api`.
//!
//! The library is miniserde. With serde_json, unused error texts and float parsing would be a quarter of the component.

use miniserde::json::{self, Number, Value};
use sms_rules::surrogates::replace_lone;

/// The depth of nested lists and objects, at most. 46elks's own responses have three levels. The library accepts any
/// depth and takes memory for each level.
const MAX_DEPTH: usize = 32;

/// The absolute value of an integer, at most. All amounts are smaller, the sum of a page of them does not overflow, and
/// a float of this size is exact.
const MAX_INTEGER: i64 = 8_999_999_999_999_999;

/// A JSON object.
#[derive(Default)]
pub(crate) struct Object(json::Object);

impl Object {
    /// Parses the body of a response; `None` when it is not an object.
    pub(crate) fn parse(body: &[u8]) -> Option<Self> {
        let json = replace_lone(body);
        let json = std::str::from_utf8(&json).ok().filter(|json| !is_too_deep(json))?;
        Self::of(json::from_str(json).ok()?)
    }

    fn of(value: Value) -> Option<Self> {
        match value {
            Value::Object(object) => Some(Self(object)),
            _ => None,
        }
    }

    /// Whether a field is there and not null.
    pub(crate) fn has(&self, name: &str) -> bool {
        !matches!(self.0.get(name), None | Some(Value::Null))
    }

    /// A field that is a text.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        match self.0.get(name)? {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// A field that is an integer. Some JSON writers give every number a fraction, so `5.0` is one, too.
    pub(crate) fn integer(&self, name: &str) -> Option<i64> {
        let Value::Number(number) = self.0.get(name)? else { return None };
        let integer = match *number {
            Number::U64(number) => i64::try_from(number).ok()?,
            Number::I64(number) => number,
            // A float up to MAX_INTEGER is exact; a larger one is refused below.
            Number::F64(number) if number.fract() == 0.0 => number as i64,
            Number::F64(_) => return None,
        };
        (-MAX_INTEGER..=MAX_INTEGER).contains(&integer).then_some(integer)
    }

    /// A field that is a list. An item that is not an object is `None`.
    pub(crate) fn list(&mut self, name: &str) -> Option<Vec<Option<Self>>> {
        match self.0.remove(name)? {
            Value::Array(items) => Some(items.into_iter().map(Self::of).collect()),
            _ => None,
        }
    }
}

/// Whether JSON nests deeper than [`MAX_DEPTH`].
fn is_too_deep(json: &str) -> bool {
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    json.bytes().any(|byte| {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = in_text,
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => depth += 1,
            b']' | b'}' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth > MAX_DEPTH
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unexpected_field_does_not_hide_the_others() {
        let mut object = Object::parse(
            br#"{"a": "x\ud83d", "b": 7, "c": 5200.0, "d": 0.5, "e": null, "f": -3, "g": 1e300,
                 "h": [{"a": "y"}, 5, null, {"a": 1}], "i": 9000000000000000, "j": {"[{": "\"[[["}}"#,
        )
        .expect("is an object");
        assert_eq!(object.text("a"), Some("x\u{FFFD}"));
        assert_eq!([object.text("b"), object.text("e"), object.text("nothing")], [None; 3]);
        assert_eq!(["b", "c", "f"].map(|name| object.integer(name)), [Some(7), Some(5200), Some(-3)]);
        assert_eq!(["a", "d", "e", "g", "i"].map(|name| object.integer(name)), [None; 5]);
        assert!(object.has("b") && !object.has("e") && !object.has("nothing"));
        let list = object.list("h").expect("is a list");
        assert_eq!(
            list.iter().map(|item| item.as_ref().map(|it| it.text("a"))).collect::<Vec<_>>(),
            [Some(Some("y")), None, None, Some(None)]
        );
        assert!(object.list("b").is_none());
    }

    #[test]
    fn anything_but_an_object_is_refused() {
        let deep = format!("{}1{}", r#"{"a":"#.repeat(40), "}".repeat(40));
        let endless = "[".repeat(1_000_000);
        for text in ["", "5", "[]", "null", "<html>", r#"{"a":"#, r#"{"a":1}}"#, "{'a':1}", &deep, &endless] {
            assert!(Object::parse(text.as_bytes()).is_none(), "{:.20}", text);
        }
        assert!(Object::parse(b"{\"a\":\"\xff\"}").is_none());
    }
}
