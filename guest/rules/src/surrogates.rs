//! Lone surrogates in JSON. A phone can send half an emoji, and JSON can express it (`\ud83d`), but no Rust string can
//! hold it. JSON is not parsed here.

use std::borrow::Cow;

/// The JSON with each lone surrogate replaced by `\ufffd`, because one such text must not make a whole page of history
/// unreadable. Everything else stays as it is.
pub fn replace_lone(json: &[u8]) -> Cow<'_, [u8]> {
    let escape = |at: usize| -> Option<u16> {
        let hex = json.get(at..at + 6)?.strip_prefix(b"\\u")?;
        u16::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok()
    };
    let mut replaced = Cow::Borrowed(json);
    // Most responses have no escape at all, and `contains` is faster than the search below.
    let mut at = if json.contains(&b'\\') { 0 } else { json.len() };
    while let Some(offset) = json[at..].iter().position(|byte| *byte == b'\\') {
        at += offset;
        at += match escape(at) {
            Some(0xD800..=0xDBFF) if matches!(escape(at + 6), Some(0xDC00..=0xDFFF)) => 12,
            Some(0xD800..=0xDFFF) => {
                replaced.to_mut()[at..at + 6].copy_from_slice(b"\\ufffd");
                6
            }
            Some(_) => 6,
            // A backslash and the character that it escapes.
            None => 2.min(json.len() - at),
        };
    }
    replaced
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lone_surrogates_are_replaced_and_nothing_else() {
        for (json, expected) in [
            (r#"{"a":"x\ud83dy"}"#, r#"{"a":"x\ufffdy"}"#),
            (r#"{"a":"\ude00\ud83d"}"#, r#"{"a":"\ufffd\ufffd"}"#),
            (r#"{"a":"\ud83d\ude00"}"#, r#"{"a":"\ud83d\ude00"}"#),
            (r#"{"a":"\\ud83d \u00e5 \n"}"#, r#"{"a":"\\ud83d \u00e5 \n"}"#),
            (r#"{"a":"\ud83d\ud83d\ude00"}"#, r#"{"a":"\ufffd\ud83d\ude00"}"#),
            (r#"\"#, r#"\"#),
            (r#"\ud8"#, r#"\ud8"#),
        ] {
            assert_eq!(std::str::from_utf8(&replace_lone(json.as_bytes())), Ok(expected));
        }
    }
}
