//! Masks for phone numbers and sender names in logs and errors.

use sms_rules::phone::without_separators;

/// Names and numbers shorter than this, in characters, are masked completely.
const MIN_CHARS: usize = 8;

/// A number (without its separators) or a name, masked except for its first four and last three characters.
pub fn party(party: &str) -> String {
    let number = party.starts_with('+').then(|| without_separators(party));
    let chars: Vec<char> = number.as_deref().unwrap_or(party).chars().collect();
    if chars.len() < MIN_CHARS {
        return "****".into();
    }
    let shown = |part: &[char]| part.iter().collect::<String>();
    format!("{}****{}", shown(&chars[..4]), shown(&chars[chars.len() - 3..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_never_shows_more_than_seven_characters() {
        let long = "x".repeat(500);
        for original in ["", "+4670", "1234567", "12345678", "+46701740605", "åäö😀åäö😀", long.as_str()] {
            let masked = party(original);
            assert!(masked.chars().filter(|c| *c != '*').count() <= 7, "{masked}");
            assert!(original.is_empty() || !masked.contains(original), "{masked}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_mask_of_any_text_shows_at_most_seven_of_its_characters(original: String) {
            proptest::prop_assert!(party(&original).chars().count() <= 4 + 7);
        }
    }
}
