//! The forms of values in the 46elks API: time, currency, message id. Only the form: whether such a time or message
//! exists is not checked here.

use std::ops::RangeInclusive;

/// The length of a time in the API, in bytes: from `2026-01-31T12:00:00` to `2026-01-31T12:00:00.000000Z`.
const API_TIME_BYTES: RangeInclusive<usize> = 19..=27;

/// The length of a currency code in letters. Source: ISO 4217.
const CURRENCY_LETTERS: usize = 3;

/// The length of a message id, at most, in characters. 46elks's own have 33: `s` and 32 hexadecimal digits.
pub const MAX_MESSAGE_ID_CHARS: usize = 64;

/// Whether a text has the form of a time in the API: digits and the signs between them, `2026-01-31T12:00:00.000`.
pub fn is_api_time(text: &str) -> bool {
    API_TIME_BYTES.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit() || b"-T:.Z".contains(&b))
}

/// Whether a text has the form of a currency code: three capital letters, such as `SEK`.
pub fn is_currency(text: &str) -> bool {
    text.len() == CURRENCY_LETTERS && text.bytes().all(|b| b.is_ascii_uppercase())
}

/// Whether a text has the form of a message id: ASCII letters and digits, at least one and at most
/// [`MAX_MESSAGE_ID_CHARS`]. Such a text can stand in a path as it is.
pub fn is_message_id(text: &str) -> bool {
    (1..=MAX_MESSAGE_ID_CHARS).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_the_api_has_only_digits_and_signs() {
        for time in ["2026-01-31T12:00:00", "2026-01-31T12:00:00Z", "2026-01-31T12:00:00.000000Z"] {
            assert!(is_api_time(time), "{time}");
        }
        for text in
            ["", "2026-01-31", "2026-01-31T12:00:00+01:00", "2026-01-31 12:00:00", "2026-01-31T12:00:00.0000000Z"]
        {
            assert!(!is_api_time(text), "{text}");
        }
    }

    #[test]
    fn a_currency_is_three_capital_letters() {
        assert!(["SEK", "EUR"].into_iter().all(is_currency));
        assert!(!["", "kr", "sek", "SEKK", "SE1", "ÄK"].into_iter().any(is_currency));
    }

    #[test]
    fn a_message_id_is_letters_and_digits() {
        assert!(is_message_id("s0123456789abcdef0123456789abcdef") && is_message_id(&"a".repeat(64)));
        assert!(!["", "../me", "a b", "å", "a?b", "a/b"].into_iter().any(is_message_id));
        assert!(!is_message_id(&"a".repeat(65)));
    }
}
