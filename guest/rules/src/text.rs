//! The text of a message that is to be sent: what is removed from it and what is refused. Its encoding is in `gsm`.

use crate::{RuleError, invisible};

/// The number of parts of a message, at most. 46elks accepts longer texts, but an SMS of more than ten parts is a
/// mistake.
pub const MAX_PARTS: u32 = 10;

/// A text that may be sent. It has no `Debug` form: it is a message.
pub struct Clean {
    /// The text without control characters.
    pub text: String,
    /// The number of control characters that were removed.
    pub removed: usize,
}

/// Removes control characters, except tab, line feed and carriage return. Refuses a text that is blank or that holds
/// characters that the recipient would not see.
///
/// # Errors
/// The text is blank, or holds an invisible character; the sentence says which one, and where.
pub fn clean(text: &str) -> Result<Clean, RuleError> {
    let kept: String = text.chars().filter(|c| !c.is_control() || matches!(c, '\t' | '\n' | '\r')).collect();
    if kept.trim().is_empty() {
        return Err("message is empty: write the text to send".into());
    }
    if let Some((at, c)) = invisible::find(&kept).next() {
        return Err(format!(
            "message contains {} (U+{:04X}) at character {}, which the recipient would not see: remove it",
            invisible::name(c).unwrap_or("an invisible character"),
            u32::from(c),
            kept[..at].chars().count() + 1,
        )
        .into());
    }
    let removed = text.chars().count() - kept.chars().count();
    Ok(Clean { text: kept, removed })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_removed_and_counted() {
        let clean = clean("He\u{0}j\u{1B}[0m\tdu\r\nigen\u{85}").expect("is sendable");
        assert_eq!((clean.text.as_str(), clean.removed), ("Hej[0m\tdu\r\nigen", 3));
    }

    #[test]
    fn cleaning_twice_changes_nothing() {
        let once = clean("a\u{7}b\u{9C}c").expect("is sendable").text;
        assert_eq!(clean(&once).expect("is sendable").text, once);
    }

    #[test]
    fn an_invisible_character_is_refused_with_its_position() {
        let error = clean("Hej\u{202E}").err().expect("must be refused").to_string();
        assert!(error.contains("writing direction (U+202E) at character 4"), "{error}");
        assert!(clean("Hej 👩‍👩‍👧 ❤️ 🏴󠁧󠁢󠁥󠁮󠁧󠁿").is_ok());
    }

    #[test]
    fn a_blank_text_is_refused() {
        for blank in ["", " \n\t", "\u{0}\u{1}"] {
            assert!(clean(blank).is_err());
        }
    }

    proptest::proptest! {
        #[test]
        fn cleaning_only_deletes_and_does_so_once(text: String) {
            if let Ok(once) = clean(&text) {
                let mut rest = text.chars();
                proptest::prop_assert!(once.text.chars().all(|c| rest.any(|other| other == c)), "only deletes");
                proptest::prop_assert_eq!(once.removed, text.chars().count() - once.text.chars().count());
                let twice = clean(&once.text);
                proptest::prop_assert!(twice.is_ok_and(|twice| twice.text == once.text && twice.removed == 0));
            }
        }
    }
}
