//! Quoting a text that somebody else wrote: one line, bounded, without invisible characters. What the quote means, and
//! whose words it is, is said by the caller.

use crate::invisible::escape;

/// A row of digits of at least this length may be a phone number. Source: the shortest numbers of E.164 in use have
/// seven digits with their country code.
const MIN_NUMBER_DIGITS: usize = 6;

/// How many digits of a number are masked, at least.
const MIN_MASKED_DIGITS: usize = 4;

/// How many digits of a number are shown, at most.
const MAX_SHOWN_DIGITS: usize = 4;

/// The text as one line of at most `max_chars` characters. Line ends and blank runs become one space, double quotes
/// become single ones, so that nothing in the text can end the quote, and invisible characters are escaped. A text that
/// is cut ends in `…`.
pub fn one_line(text: &str, max_chars: usize) -> String {
    let mut line = String::new();
    // No more of a long text is read than can be shown.
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&escape(word).replace('"', "'"));
        if line.len() / 4 > max_chars {
            break;
        }
    }
    if line.chars().count() <= max_chars {
        return line;
    }
    let mut cut: String = line.chars().take(max_chars.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

/// Masks each phone number in a text, also one that is written with spaces, hyphens, dots or parentheses: at least four
/// digits are hidden, and at most the first four are shown.
pub fn mask_numbers(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        masked.push_str(&rest[..start]);
        let number = &rest[start..];
        // A row of digits with at most two separators between them: `) ` stands between two groups.
        let (mut end, mut separators) = (0, 0);
        for (at, c) in number.char_indices() {
            match c {
                '0'..='9' => (end, separators) = (at + 1, 0),
                ' ' | '-' | '.' | '(' | ')' | '/' if separators < 2 => separators += 1,
                _ => break,
            }
        }
        let digits = number[..end].bytes().filter(u8::is_ascii_digit).count();
        let shown = if digits < MIN_NUMBER_DIGITS { digits } else { MAX_SHOWN_DIGITS.min(digits - MIN_MASKED_DIGITS) };
        let mut seen = 0;
        masked.extend(number[..end].chars().map(|c| {
            seen += usize::from(c.is_ascii_digit());
            if c.is_ascii_digit() && seen > shown { '*' } else { c }
        }));
        rest = &number[end..];
    }
    masked.push_str(rest);
    masked
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_quote_is_one_line_that_nothing_can_end() {
        for (text, quoted) in [
            ("a\r\nb\n\nc", "a b c"),
            ("say \"yes\"", "say 'yes'"),
            ("  a\t\u{2028}b  ", "a b"),
            ("a\u{202E}b", "a\\u{202e}b"),
            ("", ""),
        ] {
            assert_eq!(one_line(text, 100), quoted);
        }
        assert_eq!(one_line("abcdef", 4), "abc…");
        assert_eq!(one_line(&"x".repeat(1 << 20), 300).chars().count(), 300);
        assert_eq!(one_line(&"x ".repeat(1 << 20), 300).chars().count(), 300);
    }

    #[test]
    fn a_number_is_masked_however_it_is_written() {
        for (text, masked) in [
            ("to +46701740605 now", "to +4670******* now"),
            ("+46 70-174 06 05", "+46 70-*** ** **"),
            ("(070) 174.06.05", "(070) 1**.**.**"),
            ("+683412", "+68****"),
            ("error 403, 1530 characters", "error 403, 1530 characters"),
            ("12345 and 123456", "12345 and 12****"),
        ] {
            assert_eq!(mask_numbers(text), masked);
        }
    }

    proptest! {
        #[test]
        fn a_quote_is_bounded_and_visible(text: String, max in 1_usize..50) {
            let quoted = one_line(&text, max);
            prop_assert!(quoted.chars().count() <= max);
            prop_assert!(!quoted.contains(|c: char| c.is_control() || c == '"'));
        }

        #[test]
        fn no_number_is_shown_whole(text in "[0-9 +().x-]{0,40}") {
            let masked = mask_numbers(&text);
            prop_assert_eq!(masked.chars().count(), text.chars().count());
            let runs = masked.split(|c: char| !c.is_ascii_digit());
            prop_assert!(runs.into_iter().all(|run| run.len() < MIN_NUMBER_DIGITS), "{}", masked);
        }
    }
}
