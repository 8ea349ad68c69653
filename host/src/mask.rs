//! Masks for phone numbers and sender names in logs. A mask shows at most the first four and the last three characters,
//! and hides at least four.

use sms_rules::phone::{MIN_DIGITS, without_separators};

/// How many characters are shown at the beginning.
const FIRST_CHARS: usize = 4;

/// How many characters are shown at the end.
const LAST_CHARS: usize = 3;

/// How many characters are hidden, at least; in a number as many digits. Ten thousand numbers then look the same.
const MIN_HIDDEN: usize = 4;

/// What stands for the hidden characters.
const HIDDEN: &str = "****";

/// A number (without its separators) or a name, with its middle hidden. What is too short for that is hidden as a
/// whole.
pub fn party(party: &str) -> String {
    let number = party.starts_with('+').then(|| without_separators(party));
    let chars: Vec<char> = number.as_deref().unwrap_or(party).chars().collect();
    let hidden = chars.get(FIRST_CHARS..chars.len().saturating_sub(LAST_CHARS)).unwrap_or_default();
    let hidden_digits = digits(hidden);
    if hidden.len() < MIN_HIDDEN || (is_number(&chars) && hidden_digits < MIN_HIDDEN) {
        return HIDDEN.into();
    }
    let shown = |part: &[char]| part.iter().collect::<String>();
    format!("{}{HIDDEN}{}", shown(&chars[..FIRST_CHARS]), shown(&chars[chars.len() - LAST_CHARS..]))
}

/// Whether a text may be a number, whatever signs stand between its digits: it has no letters, or as many digits as the
/// shortest number.
fn is_number(chars: &[char]) -> bool {
    let digits = digits(chars);
    digits >= MIN_DIGITS || (digits > 0 && !chars.iter().any(|c| c.is_alphabetic()))
}

/// How many characters are digits, in any script.
fn digits(chars: &[char]) -> usize {
    chars.iter().filter(|c| c.is_numeric()).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_and_names_keep_their_ends_only_if_enough_is_hidden() {
        for (original, masked) in [
            ("+46 70-174 06 05", "+467****605"),
            ("+46701740605", "+467****605"),
            ("+4681740605", "+468****605"),
            ("+468174060", "****"),
            ("+6834123", "****"),
            ("0701740605", "****"),
            ("46701740605", "4670****605"),
            ("Swedbankers", "Swed****ers"),
            ("Tandlakare", "****"),
            ("Elks", "****"),
            ("AB701740605", "AB70****605"),
            ("0701xxxxxxx605", "****"),
            ("0-7-0-1-7-4-0", "****"),
            ("０７０１ ７ ４ ０ ６０５", "****"),
            ("", "****"),
        ] {
            assert_eq!(party(original), masked, "{original}");
        }
    }

    proptest! {
        #[test]
        fn a_mask_hides_four_characters_and_of_a_number_four_digits(
            text in "\\PC{0,30}",
            number in "[+]?[0-9 ().x٣-]{0,24}",
            name in "[A-Za-z0-9]{0,14}",
        ) {
            // A text's own asterisks would hide where the mask begins.
            for original in [text.replace('*', "x"), number, name] {
                let masked = party(&original);
                if masked == HIDDEN {
                    continue;
                }
                let (first, last) = masked.split_once(HIDDEN).expect("something is hidden");
                let (first, last): (Vec<char>, Vec<char>) = (first.chars().collect(), last.chars().collect());
                prop_assert_eq!((first.len(), last.len()), (FIRST_CHARS, LAST_CHARS));
                let whole: Vec<char> =
                    if original.starts_with('+') { without_separators(&original) } else { original }.chars().collect();
                prop_assert!(whole.len() - first.len() - last.len() >= 4);
                prop_assert!(whole.starts_with(&first) && whole.ends_with(&last));
                let all = whole.iter().filter(|c| c.is_numeric()).count();
                let shown = first.iter().chain(&last).filter(|c| c.is_numeric()).count();
                if all >= 7 || !whole.iter().any(|c| c.is_alphabetic()) {
                    prop_assert!(all == 0 || all - shown >= 4, "{} of {} digits", shown, all);
                }
            }
        }
    }
}
