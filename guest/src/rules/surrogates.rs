//! Half surrogates in JSON: a phone can send half an emoji, and JSON can spell it, but no text can
//! hold it.
//!
//! This file stands alone (it is compiled into the host as well), so it uses nothing but `std`.

use std::borrow::Cow;

/// JSON whose half surrogates are replaced: a phone can send half an emoji, and one such text must
/// not hide a whole page of history. Everything else stays as it is.
pub fn mended(json: &[u8]) -> Cow<'_, [u8]> {
    let escape = |at: usize| -> Option<u16> {
        let hex = json.get(at..at + 6)?.strip_prefix(b"\\u")?;
        u16::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok()
    };
    let mut mended = Cow::Borrowed(json);
    let mut at = 0;
    while let Some(offset) = json[at..].iter().position(|byte| *byte == b'\\') {
        at += offset;
        at += match escape(at) {
            Some(0xD800..=0xDBFF) if matches!(escape(at + 6), Some(0xDC00..=0xDFFF)) => 12,
            Some(0xD800..=0xDFFF) => {
                mended.to_mut()[at..at + 6].copy_from_slice(b"\\ufffd");
                6
            }
            Some(_) => 6,
            // A backslash and what it escapes.
            None => 2.min(json.len() - at),
        };
    }
    mended
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_surrogates_are_replaced_and_nothing_else() {
        for (json, expected) in [
            (r#"{"a":"x\ud83dy"}"#, r#"{"a":"x\ufffdy"}"#),
            (r#"{"a":"\ude00\ud83d"}"#, r#"{"a":"\ufffd\ufffd"}"#),
            (r#"{"a":"\ud83d\ude00"}"#, r#"{"a":"\ud83d\ude00"}"#),
            (r#"{"a":"\\ud83d \u00e5 \n"}"#, r#"{"a":"\\ud83d \u00e5 \n"}"#),
            (r#"{"a":"\ud83d\ud83d\ude00"}"#, r#"{"a":"\ufffd\ud83d\ude00"}"#),
            (r#"\"#, r#"\"#),
            (r#"\ud8"#, r#"\ud8"#),
        ] {
            assert_eq!(std::str::from_utf8(&mended(json.as_bytes())), Ok(expected));
        }
    }
}
