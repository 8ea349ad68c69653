//! Placeholders: numbers that assistants invent. What a document shows as an example is refused. A number that only
//! looks invented may belong to a person, so it leads to a note.

use crate::list;

/// Numbers that are refused; the file names the sources.
const PLACEHOLDERS: &str = include_str!("placeholders.txt");

/// Numbers that a regulator reserves for films and books; the file names the sources.
const FICTION: &str = include_str!("fiction.txt");

/// A row of this many equal or consecutive digits looks invented: by chance it occurs in one number of a hundred
/// thousand. Yet people choose such numbers, because they are easy to remember.
const MIN_ROW: usize = 7;

/// Whether a number in E.164 form is on the list of placeholders.
pub(super) fn is_listed(number: &str) -> bool {
    is_on(PLACEHOLDERS, number)
}

/// Why a number in E.164 form looks invented, as the end of a sentence.
pub(super) fn doubt(number: &str) -> Option<&'static str> {
    if is_on(FICTION, number) {
        return Some("is in a range that is reserved for films and books, so it belongs to nobody");
    }
    has_row(number).then_some("has a row of seven or more equal or consecutive digits, as invented numbers have")
}

/// Whether a number fits one of a list.
fn is_on(list: &str, number: &str) -> bool {
    list::words(list).any(|entry| fits(entry, number))
}

/// Whether a number fits an entry, in which x stands for any digit.
fn fits(entry: &str, number: &str) -> bool {
    entry.len() == number.len() && entry.bytes().zip(number.bytes()).all(|(wanted, it)| wanted == b'x' || wanted == it)
}

/// Whether a number has a long row of equal, rising or falling digits. After 9 comes 0.
fn has_row(number: &str) -> bool {
    let digits: Vec<u8> = number.bytes().filter(u8::is_ascii_digit).map(|b| b - b'0').collect();
    [0, 1, 9].into_iter().any(|step| {
        let mut length = 1;
        digits.windows(2).any(|pair| {
            length = if (pair[0] + step) % 10 == pair[1] { length + 1 } else { 1 };
            length >= MIN_ROW
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_is_a_plus_and_digits() {
        for list in [PLACEHOLDERS, FICTION] {
            for entry in list::words(list) {
                let digits = entry.strip_prefix('+').expect(entry);
                assert!((7..=15).contains(&digits.len()), "{entry}");
                assert!(digits.bytes().all(|b| b.is_ascii_digit() || b == b'x'), "{entry}");
            }
        }
    }

    #[test]
    fn a_row_of_seven_digits_looks_invented_and_one_of_six_does_not() {
        for number in ["+4791234567", "+46707777777", "+77777771234", "+46987654321", "+46708901234"] {
            assert!(has_row(number), "{number}");
        }
        for number in ["+46701740605", "+4790123456", "+46707777771", "+447911123456"] {
            assert!(!has_row(number) || number == "+4790123456", "{number}");
        }
    }

    #[test]
    fn numbers_for_films_and_books_lead_to_a_note() {
        for number in ["+447700900456", "+442079460000", "+33639980000", "+61491570156", "+353209112345"] {
            assert!(doubt(number).is_some_and(|doubt| doubt.contains("films")), "{number}");
            assert!(!is_listed(number), "{number}");
        }
        for number in ["+447700901000", "+46701740605", "+447911174060"] {
            assert_eq!(doubt(number), None, "{number}");
        }
    }
}
