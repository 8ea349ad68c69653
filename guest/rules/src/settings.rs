//! The forms of settings that elks-mcp and the component elks-sms-configured both read. Where a value comes from is not
//! known here.

use crate::invisible;

/// What [`switch`] takes, in words.
pub const SWITCH: &str = "true, 1, yes, on or false, 0, no, off";

/// What a configured sender may be, in words. [`crate::sender::form`] checks it.
pub const SENDER: &str = "a phone number like +46701740605, or a sender name of 3 to 11 letters and digits";

/// What [`is_password`] takes, in words.
pub const PASSWORD: &str = "the API password, without characters that nobody sees";

/// A switch that is on or off, in letters of any case; `None` for any other word.
pub fn switch(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Some(true),
        "false" | "0" | "no" | "off" => Some(false),
        _ => None,
    }
}

/// Whether a text may be a password: it has no control character and no invisible one.
pub fn is_password(value: &str) -> bool {
    !value.contains(char::is_control) && invisible::escape(value) == value
}

/// Whether a value begins or ends with a quote. Quotes are of shells, and would be a part of the value. Word processors
/// make curly ones of them.
pub fn is_quoted(value: &str) -> bool {
    ['"', '\'', '“', '”', '„', '‘', '’'].into_iter().any(|quote| value.starts_with(quote) || value.ends_with(quote))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_switch_is_plainly_on_or_plainly_off() {
        for word in ["true", "1", "yes", "on", "TRUE", "On"] {
            assert_eq!(switch(word), Some(true), "{word}");
        }
        for word in ["false", "0", "no", "off", "False", "OFF"] {
            assert_eq!(switch(word), Some(false), "{word}");
        }
        for word in ["", "flase", "n", "2", "-1", "false ", "disabled"] {
            assert_eq!(switch(word), None, "{word}");
        }
    }

    #[test]
    fn a_password_has_only_characters_that_are_seen() {
        assert!(["p", "å:\"$%", "a b"].into_iter().all(is_password));
        assert!(!["a\nb", "a\tb", "a\u{0}", "a\u{200b}b", "\u{202e}a"].into_iter().any(is_password));
    }

    #[test]
    fn quotes_at_either_end_are_seen() {
        assert!(["\"a\"", "'a", "a’", "„a“"].into_iter().all(is_quoted));
        assert!(!["", "a\"b", "a"].into_iter().any(is_quoted));
    }
}
