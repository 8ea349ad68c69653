//! JSON as 46elks writes it, read so that one odd field hides no other: what is absent, null or of
//! another kind than expected is simply not there.
//!
//! The library is miniserde: with serde_json, the text of errors that nobody sees, and floats, would
//! be a quarter of the component.

use miniserde::json::{self, Number, Value};
use sms_rules::surrogates::replace_lone;

/// How deep an answer may nest. 46elks's own are three deep; the library takes any depth, and memory
/// for each level.
const DEEPEST: usize = 32;

/// Whole numbers from here on are odd. All amounts are smaller, a page of them adds up without
/// overflow, and every float below is exact.
const LARGEST: i64 = 9_000_000_000_000_000;

/// A JSON object.
#[derive(Default)]
pub(crate) struct Object(json::Object);

impl Object {
    /// Reads an answer's body; `None` when it is anything but an object.
    pub(crate) fn read(body: &[u8]) -> Option<Self> {
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

    /// Whether there is anything but null.
    pub(crate) fn has(&self, name: &str) -> bool {
        !matches!(self.0.get(name), None | Some(Value::Null))
    }

    /// A text.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        match self.0.get(name)? {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// A whole number. Some JSON writers give every number a fraction.
    pub(crate) fn whole(&self, name: &str) -> Option<i64> {
        let Value::Number(number) = self.0.get(name)? else { return None };
        let whole = match *number {
            Number::U64(number) => i64::try_from(number).ok()?,
            Number::I64(number) => number,
            // A float this small is exact; a larger one becomes a number that is not taken.
            Number::F64(number) if number.fract() == 0.0 => number as i64,
            Number::F64(_) => return None,
        };
        (-LARGEST..LARGEST).contains(&whole).then_some(whole)
    }

    /// A list, each of its items an object or nothing.
    pub(crate) fn list(&mut self, name: &str) -> Option<Vec<Option<Self>>> {
        match self.0.remove(name)? {
            Value::Array(items) => Some(items.into_iter().map(Self::of).collect()),
            _ => None,
        }
    }
}

/// Whether JSON nests deeper than any honest answer.
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
        depth > DEEPEST
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_odd_hides_nothing_else() {
        let mut object = Object::read(
            br#"{"a": "x\ud83d", "b": 7, "c": 5200.0, "d": 0.5, "e": null, "f": -3, "g": 1e300,
                 "h": [{"a": "y"}, 5, null, {"a": 1}], "i": 9000000000000000, "j": {"[{": "\"[[["}}"#,
        )
        .expect("is an object");
        assert_eq!(object.text("a"), Some("x\u{FFFD}"));
        assert_eq!([object.text("b"), object.text("e"), object.text("nothing")], [None; 3]);
        assert_eq!(["b", "c", "f"].map(|name| object.whole(name)), [Some(7), Some(5200), Some(-3)]);
        assert_eq!(["a", "d", "e", "g", "i"].map(|name| object.whole(name)), [None; 5]);
        assert!(object.has("b") && !object.has("e") && !object.has("nothing"));
        let list = object.list("h").expect("is a list");
        assert_eq!(
            list.iter().map(|item| item.as_ref().map(|it| it.text("a"))).collect::<Vec<_>>(),
            [Some(Some("y")), None, None, Some(None)]
        );
        assert!(object.list("b").is_none());
    }

    #[test]
    fn what_is_no_object_is_nothing() {
        let deep = format!("{}1{}", r#"{"a":"#.repeat(40), "}".repeat(40));
        let endless = "[".repeat(1_000_000);
        for text in ["", "5", "[]", "null", "<html>", r#"{"a":"#, r#"{"a":1}}"#, "{'a':1}", &deep, &endless] {
            assert!(Object::read(text.as_bytes()).is_none(), "{:.20}", text);
        }
        assert!(Object::read(b"{\"a\":\"\xff\"}").is_none());
    }
}
