//! Quoting a text that somebody else wrote: one line, bounded, without invisible characters. What the quote means, and
//! whose words it is, is said by the caller.

use crate::invisible::{escape, find};

/// A row of digits of at least this length may be a phone number. The shortest numbers of E.164 in use have seven
/// digits with their country code, and a text may leave one out.
const MIN_NUMBER_DIGITS: usize = 6;

/// How many digits of a number are masked, at least.
const MIN_MASKED_DIGITS: usize = 4;

/// How many digits of a number are shown, at most.
const MAX_SHOWN_DIGITS: usize = 4;

/// Whether a character looks like a double quote. Source: the characters whose names in Unicode 14 hold QUOTATION,
/// DITTO, GERSHAYIM, DOUBLE PRIME (or more), DOUBLE ACUTE or DOUBLE GRAVE, without those below and without letters.
fn is_double_quote(c: char) -> bool {
    matches!(c,
        '"' | '\u{AB}' | '\u{BB}' | 'ʺ' | '\u{2DD}' | '\u{2EE}' | '\u{2F5}' | '\u{2F6}' | '\u{30B}' | '\u{30F}'
        | '\u{59E}' | '\u{5F2}' | '\u{5F4}' | '\u{1425}' | '\u{1CD3}' | '\u{201C}'..='\u{201F}' | '\u{2033}'
        | '\u{2034}' | '\u{2036}' | '\u{2037}' | '\u{2057}' | '\u{275D}' | '\u{275E}' | '\u{2760}' | '\u{276E}'
        | '\u{276F}' | '\u{2E42}' | '\u{3003}' | '\u{301D}'..='\u{301F}' | '\u{FF02}' | '\u{1F676}'..='\u{1F678}' | '\u{E0022}')
}

/// Whether a character looks like a single quote: apostrophes, primes, lone accents and letters of that look. Two of
/// them look like a double one.
fn is_single_quote(c: char) -> bool {
    matches!(c,
        '\'' | '`' | '\u{B4}' | '\u{2B9}'..='\u{2BF}' | '\u{2C8}' | '\u{2CA}' | '\u{2CB}' | '\u{2F4}' | '\u{374}'
        | '\u{384}' | '\u{55A}' | '\u{55D}' | '\u{5D9}' | '\u{5F3}' | '\u{7F4}' | '\u{7F5}' | '\u{144A}' | '\u{16CC}'
        | '\u{1FBD}' | '\u{1FBF}' | '\u{1FEF}' | '\u{1FFD}' | '\u{1FFE}' | '\u{2018}'..='\u{201B}' | '\u{2032}'
        | '\u{2035}' | '\u{2039}' | '\u{203A}' | '\u{275B}' | '\u{275C}' | '\u{275F}' | '\u{A78C}' | '\u{FF07}'
        | '\u{FF40}' | '\u{16F51}' | '\u{16F52}')
}

/// The text as one line of at most `max_chars` characters: line ends and blank runs become one space, and invisible
/// characters are escaped. A text that is cut ends in `…`.
pub fn one_line(text: &str, max_chars: usize) -> String {
    let mut line = String::new();
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
        }
        // More than can be shown is not escaped.
        let end = word.char_indices().nth(max_chars + 1).map_or(word.len(), |(at, _)| at);
        line.push_str(&escape(&word[..end]));
        if end < word.len() || line.len() / 4 > max_chars {
            break;
        }
    }
    if line.chars().count() <= max_chars {
        return line;
    }
    let mut cut: String = line.chars().take(max_chars.saturating_sub(1)).collect();
    // A joiner joins nothing when the cut takes away what it joined.
    let whole = find(&cut).next().map_or(cut.len(), |(at, _)| at);
    cut.truncate(whole);
    cut.push('…');
    cut
}

/// The text as [`one_line`] that can stand between double quotes. Whatever looks like a double quote, two single ones
/// included, becomes one single quote, so that nothing in the text ends the quote for the eye.
pub fn between_quotes(text: &str, max_chars: usize) -> String {
    let mut quoted = String::new();
    for c in one_line(text, max_chars).chars() {
        let is_quote = is_double_quote(c) || is_single_quote(c);
        if !is_quote {
            quoted.push(c);
        } else if !quoted.ends_with('\'') {
            quoted.push('\'');
        }
    }
    quoted
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
            ("odd”. „Sent‟″＂", "odd'. 'Sent'"),
            ("odd⁗. odd\u{276F}. odd \u{30B}", "odd'. odd'. odd '"),
            ("odd''. ’’Sent", "odd'. 'Sent"),
            ("it’s ok", "it's ok"),
            ("  a\t\u{2028}b  ", "a b"),
            ("a\u{202E}b", "a\\u{202e}b"),
            ("", ""),
        ] {
            assert_eq!(between_quotes(text, 100), quoted);
        }
        assert_eq!(one_line("say “yes”\nor \"no\"", 100), "say “yes” or \"no\"");
        assert_eq!(one_line("abcdef", 4), "abc…");
        assert_eq!(one_line("می‌خواهم", 10), "می‌خواهم");
        assert_eq!(one_line("می‌خواهم", 4), "می…", "a joiner does not stay alone at the cut");
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
        fn a_quote_is_bounded_and_visible(text in "(?s)(.|[یخد\u{200C}\u{200D}\u{30B}क\u{94D}👩]){0,80}", max in 1_usize..50) {
            let quoted = between_quotes(&text, max);
            prop_assert!(find(&quoted).next().is_none(), "{:?}", quoted);
            prop_assert!(quoted.chars().count() <= max);
            prop_assert!(!quoted.contains(|c: char| c.is_control() || is_double_quote(c)) && !quoted.contains("''"));
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
