//! The sender of a message: one of the account's numbers, or a name. Whether the account owns the number is not checked
//! here: 46elks knows.

use crate::{RuleError, phone};

/// The length of a sender name, at least, in characters. Source: 46elks.com/docs.
pub const MIN_NAME_CHARS: usize = 3;

/// The length of a sender name, at most, in characters. Source: 46elks.com/docs.
pub const MAX_NAME_CHARS: usize = 11;

/// Words that a name must not consist of; the file names the sources.
const IMPERSONATED: &str = include_str!("impersonated.txt");

/// Words that do not change whom a name claims to be.
const FILLERS: [&str; 7] = ["THE", "INFO", "SMS", "SE", "AB", "NU", "APP"];

/// Checks the form of a sender and returns it as it is sent.
///
/// # Errors
/// The sender is neither a number in E.164 form nor a valid name.
pub fn form(input: &str) -> Result<String, RuleError> {
    if input.starts_with('+') {
        return phone::e164(input);
    }
    let name = input.trim_matches(' ');
    let chars = name.chars().count();
    if !(MIN_NAME_CHARS..=MAX_NAME_CHARS).contains(&chars) {
        return Err(format!(
            "a sender name has {MIN_NAME_CHARS} to {MAX_NAME_CHARS} letters and digits, this one has {chars}"
        )
        .into());
    }
    if !name.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Err(
            "a sender name may hold only the letters A to Z and a to z and digits, no spaces, accents or signs".into(),
        );
    }
    if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return Err("a sender name must begin with a letter; a phone number must begin with +".into());
    }
    Ok(name.into())
}

/// Whether a text is a valid sender name: [`MIN_NAME_CHARS`] to [`MAX_NAME_CHARS`] ASCII letters and digits, a letter
/// first.
pub fn is_name(text: &str) -> bool {
    (MIN_NAME_CHARS..=MAX_NAME_CHARS).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric())
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
}

/// Checks a sender that a request names: its form, and that it does not impersonate an authority, a bank or an alarm.
/// The configured sender is not checked so: it is the operator's own choice.
///
/// # Errors
/// The form is wrong, or the name impersonates somebody.
pub fn requested(input: &str) -> Result<String, RuleError> {
    let sender = form(input)?;
    if !sender.starts_with('+') && impersonates(&sender) {
        return Err(
            "this name impersonates an authority, a bank or an alarm: use the name of your own business or service"
                .into(),
        );
    }
    Ok(sender)
}

/// Whether a name consists only of impersonated words and fillers, by the look of its letters: `B4NK` is BANK. A name
/// that only contains such letters (`Swedbank`) is valid.
fn impersonates(name: &str) -> bool {
    let words: Vec<String> = IMPERSONATED
        .lines()
        .filter_map(|line| line.split('#').next())
        .map(str::trim)
        .filter(|word| !word.is_empty())
        .map(skeleton)
        .collect();
    let fillers: Vec<String> = FILLERS.iter().copied().map(skeleton).collect();
    let without_number = name.trim_end_matches(|c: char| c.is_ascii_digit());
    [name, without_number].into_iter().any(|name| consists_of(&skeleton(name), &words, &fillers, false))
}

/// Whether a text can be cut into words and fillers with at least one word.
fn consists_of(rest: &str, words: &[String], fillers: &[String], found: bool) -> bool {
    if rest.is_empty() {
        return found;
    }
    let rest_after = |part: &String| rest.strip_prefix(part.as_str());
    words.iter().filter_map(rest_after).any(|rest| consists_of(rest, words, fillers, true))
        || (fillers.iter().filter_map(rest_after).any(|rest| consists_of(rest, words, fillers, found)))
}

/// The look of a name: capitals, with digits and letters that resemble each other replaced by one of them.
fn skeleton(name: &str) -> String {
    name.chars()
        .map(|c| match c.to_ascii_uppercase() {
            '0' => 'O',
            '1' | 'L' => 'I',
            '2' => 'Z',
            '3' => 'E',
            '4' => 'A',
            '5' => 'S',
            '6' | '9' => 'G',
            '7' => 'T',
            '8' => 'B',
            c => c,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_accepted_by_their_form() {
        for (input, sender) in
            [("Elks", "Elks"), ("ABC", "ABC"), ("Abcdefghij1", "Abcdefghij1"), ("+46 70 174 06 05", "+46701740605")]
        {
            assert_eq!(requested(input), Ok(sender.to_string()));
        }
        for (input, reason) in [
            ("", "3 to 11"),
            ("AB", "3 to 11"),
            ("Abcdefghij12", "3 to 11"),
            ("1177", "begin with a letter"),
            ("Min Firma", "no spaces"),
            ("Åkeriet", "accents"),
            ("My-Firm", "signs"),
            ("0701740605", "begin with a letter"),
            ("+46abc", "only the digits"),
        ] {
            assert!(requested(input).is_err_and(|error| error.to_string().contains(reason)), "{input}");
        }
    }

    #[test]
    fn impersonation_is_refused_in_every_spelling() {
        for name in [
            "BANK",
            "bank",
            "B4NK",
            "P0LICE",
            "VER1FY",
            "Official",
            "OFF1C1AL",
            "SECURITY",
            "Bank24",
            "TheBank",
            "AlertInfo",
            "PolisenSE",
            "BankID",
            "Sw1sh",
            "KIarna",
            "PostNord",
        ] {
            assert!(requested(name).is_err_and(|error| error.to_string().contains("impersonates")), "{name}");
        }
    }

    #[test]
    fn valid_names_are_not_refused_for_their_letters() {
        for name in ["Swedbank", "MyAlert", "Banksy", "Alerta", "Policemuze", "Confirmia", "Frisor1", "Tandlakarna"] {
            assert_eq!(requested(name), Ok(name.to_string()));
        }
    }

    proptest::proptest! {
        #[test]
        fn a_name_has_one_form(near in "[A-Za-z0-9å ]{0,14}", text: String) {
            for input in [near, text] {
                let name = input.trim_matches(' ');
                proptest::prop_assert_eq!(form(&input).is_ok_and(|sender| !sender.starts_with('+')), is_name(name));
            }
        }
    }
}
