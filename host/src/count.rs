//! Counts in words.

/// A count with its word: `1 part`, `2 parts`, `1,400 entries`.
pub(crate) fn count(number: impl Into<u64>, word: &str) -> String {
    let number = number.into();
    match (number, word.strip_suffix('y')) {
        (1, _) => format!("1 {word}"),
        (_, Some(stem)) => format!("{} {stem}ies", grouped(number)),
        (_, None) => format!("{} {word}s", grouped(number)),
    }
}

/// A number with a comma before each group of three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::count;

    #[test]
    fn a_count_has_its_word_and_its_groups() {
        for (number, word, words) in [
            (0, "part", "0 parts"),
            (1, "entry", "1 entry"),
            (2, "entry", "2 entries"),
            (999, "line", "999 lines"),
            (1_400, "blank line", "1,400 blank lines"),
            (1_234_567, "line", "1,234,567 lines"),
        ] {
            assert_eq!(count(number as u64, word), words);
        }
    }
}
