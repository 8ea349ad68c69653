//! The text of a message, on its way out.

use super::invisible;

/// 46elks takes long texts, but nobody writes an SMS of more than ten parts on purpose.
pub const MAX_PARTS: u32 = 10;

/// A text that may be sent.
pub struct Clean {
    /// The text without control characters.
    pub text: String,
    /// How many were removed.
    pub removed: usize,
}

/// Removes control characters (but tab, line feed and carriage return) and refuses a text that is
/// blank or holds characters that the recipient would not see.
///
/// # Errors
/// A sentence that says what is wrong, and where.
pub fn clean(text: &str) -> Result<Clean, String> {
    let kept: String = text.chars().filter(|c| !c.is_control() || matches!(c, '\t' | '\n' | '\r')).collect();
    if kept.trim().is_empty() {
        return Err("message is empty: write the text to send".into());
    }
    if let Some((at, c)) = invisible::unseen(&kept).next() {
        return Err(format!(
            "message contains {} (U+{:04X}) at character {}, which the recipient would not see: remove it",
            invisible::name(c).unwrap_or("an invisible character"),
            u32::from(c),
            kept[..at].chars().count() + 1,
        ));
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
    fn what_the_recipient_would_not_see_is_refused_with_its_place() {
        let told = clean("Hej\u{202E}").err().expect("must be refused");
        assert!(told.contains("writing direction (U+202E) at character 4"), "{told}");
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

        #[test]
        fn what_is_made_visible_stays_as_it_is(text: String) {
            let visible = invisible::visible(&text);
            proptest::prop_assert_eq!(invisible::visible(&visible), visible.clone());
            proptest::prop_assert!(invisible::unseen(&visible).next().is_none());
            proptest::prop_assert!(!visible.replace("\r\n", "").contains('\r'));
        }
    }
}
