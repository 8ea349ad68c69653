//! Who a message is from: one of the account's numbers, or a name.

use super::numbers;

/// 46elks: a text sender has 3 to 11 characters, `A-Z a-z 0-9`, and begins with a letter.
const LENGTH: std::ops::RangeInclusive<usize> = 3..=11;

/// Words that a name may not consist of, with their sources.
const IMPERSONATED: &str = include_str!("impersonated.txt");

/// Words that change nothing about who a name claims to be.
const FILLERS: [&str; 7] = ["THE", "INFO", "SMS", "SE", "AB", "NU", "APP"];

/// Checks the form of a sender and gives it as it is sent.
///
/// # Errors
/// A sentence that says what is wrong with it.
pub fn form(input: &str) -> Result<String, String> {
    if input.starts_with('+') {
        return numbers::e164(input);
    }
    let name = input.trim_matches(' ');
    if !LENGTH.contains(&name.chars().count()) {
        return Err(format!(
            "a sender name has {} to {} letters and digits, this one has {}",
            LENGTH.start(),
            LENGTH.end(),
            name.chars().count()
        ));
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

/// Checks a sender that the request names: its form, and that it does not pose as somebody whom
/// people obey. (The configured sender is the operator's own choice.)
///
/// # Errors
/// A sentence that says what is wrong with it.
pub fn requested(input: &str) -> Result<String, String> {
    let sender = form(input)?;
    if !sender.starts_with('+') && impersonates(&sender) {
        return Err(
            "this name impersonates an authority, a bank or an alarm: use the name of your own business or service"
                .into(),
        );
    }
    Ok(sender)
}

/// Whether a name consists of nothing but impersonated words (and fillers), read the way a hurried
/// person reads: `B4NK` is BANK. A name that merely contains such letters is honest.
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
    let behind = |part: &String| rest.strip_prefix(part.as_str());
    words.iter().filter_map(behind).any(|rest| consists_of(rest, words, fillers, true))
        || (fillers.iter().filter_map(behind).any(|rest| consists_of(rest, words, fillers, found)))
}

/// What a name looks like at a glance: capitals, with the digits and letters that resemble each
/// other folded into one.
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
    fn names_and_numbers_are_taken_by_their_form() {
        for (input, sender) in
            [("Elks", "Elks"), ("ABC", "ABC"), ("Abcdefghij1", "Abcdefghij1"), ("+46 70 174 06 05", "+46701740605")]
        {
            assert_eq!(requested(input).as_deref(), Ok(sender));
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
            assert!(requested(input).is_err_and(|told| told.contains(reason)), "{input}");
        }
    }

    #[test]
    fn impersonation_is_refused_however_it_is_spelled() {
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
            assert!(requested(name).is_err_and(|told| told.contains("impersonates")), "{name}");
        }
    }

    #[test]
    fn honest_names_are_not_refused_for_their_letters() {
        for name in ["Swedbank", "MyAlert", "Banksy", "Alerta", "Policemuze", "Confirmia", "Frisor1", "Tandlakarna"] {
            assert_eq!(requested(name).as_deref(), Ok(name));
        }
    }
}
