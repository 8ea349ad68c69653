//! Phone numbers: E.164, what is known of national numbering plans, premium-rate ranges, and placeholders that
//! assistants invent. Whether a number is assigned to somebody is not checked here: 46elks knows.
//!
//! ```
//! use sms_rules::phone;
//!
//! assert_eq!(phone::recipient("+46-(70)-174.06.05")?, "+46701740605");
//! let error = phone::recipient("070-174 06 05").unwrap_err();
//! assert_eq!(error.to_string(), "it must begin with + and the country code, like +46 70 174 06 05");
//! let error = phone::recipient("+46 (0)70-174 06 05").unwrap_err();
//! assert!(error.to_string().contains("leave out the (0)"));
//! # Ok::<(), sms_rules::RuleError>(())
//! ```
//!
//! A phone-number library is not used, because it carries the plans of all countries: the crate `phonenumber` is a
//! module of 1.9 MB, six times the size of the whole component (measured). 46elks refuses an SMS to a number that does
//! not exist, free of charge, so only numbers that cost money or reach somebody else must be caught here.

mod placeholder;
mod plan;

use crate::{RuleError, unusual};

/// The characters that people write between digits. They are removed.
pub const SEPARATORS: [char; 5] = [' ', '-', '.', '(', ')'];

/// 46elks's own test number, which accepts a message and sends nothing. Source: 46elks.com/docs.
pub const TEST_NUMBER: &str = "+46700000000";

/// The test number in both forms that 46elks's documentation uses. It looks like a placeholder, so it is an exception.
const TEST_NUMBERS: [&str; 2] = [TEST_NUMBER, "+4670000000"];

/// The number of digits, at most, country code included. Source: ITU-T E.164.
pub const MAX_DIGITS: usize = 15;

/// The number of digits, at least, country code included. The shortest numbers in use (Niue, Saint Helena) have seven.
pub const MIN_DIGITS: usize = 7;

/// The number of a recipient, in E.164 form: the message is sent to exactly the number returned.
///
/// # Errors
/// The number is not in E.164 form, a placeholder, in a refused range, or outside the numbering plan. The sentence does
/// not repeat the number.
pub fn recipient(input: &str) -> Result<String, RuleError> {
    let number = form(input)?;
    if is_test_number(&number) {
        return Ok(number);
    }
    if placeholder::is_listed(&number) {
        return Err("it is a placeholder, not a real phone number: ask the user for the number to use \
                    (46elks's own test number is +46700000000)"
            .into());
    }
    plan::refused(&number)?;
    plan::check(&number[1..]).map(|()| number)
}

/// The number of a sender, in E.164 form. 46elks knows which numbers an account owns, so neither placeholders nor
/// ranges are looked up.
///
/// # Errors
/// The number is not in E.164 form, or outside the numbering plan. The sentence does not repeat the number.
pub fn sender(input: &str) -> Result<String, RuleError> {
    let number = form(input)?;
    if is_test_number(&number) {
        return Ok(number);
    }
    plan::check(&number[1..]).map(|()| number)
}

/// A number in E.164 form, without its separators. For filters this is the only check: a history may hold any number.
///
/// # Errors
/// The number is not in E.164 form, or has a digit that is dialled only within its country. The sentence does not
/// repeat the number.
pub fn e164(input: &str) -> Result<String, RuleError> {
    let number = form(input)?;
    plan::first_digit(&number[1..]).map(|()| number)
}

/// The beginning of numbers, such as `+46 70`, without its separators: `+` and at least one digit.
///
/// # Errors
/// No number begins so, or the text is no beginning. The sentence does not repeat it.
pub fn beginning(input: &str) -> Result<String, RuleError> {
    let beginning = plain(input)?;
    let digits = &beginning[1..];
    if !(1..=MAX_DIGITS).contains(&digits.len()) {
        return Err(format!("it has {} digits; write 1 to {MAX_DIGITS} after the +", digits.len()).into());
    }
    plan::first_digit(digits).map(|()| beginning)
}

/// Why the number of a recipient looks invented, as the end of a sentence that begins with "the number". A person may
/// have it all the same. `None` for a number that looks like any other.
pub fn doubt(number: &str) -> Option<&'static str> {
    if is_test_number(number) { None } else { placeholder::doubt(number) }
}

/// A number without the [`SEPARATORS`] that people write. Its form is not checked.
pub fn without_separators(number: &str) -> String {
    number.chars().filter(|c| !SEPARATORS.contains(c)).collect()
}

/// Whether a text is one number: `+` and [`MIN_DIGITS`] to [`MAX_DIGITS`] digits, without separators. Weaker than
/// [`e164`], which also refuses a 0 that is dialled only within a country.
pub fn is_e164(number: &str) -> bool {
    let digits = number.strip_prefix('+').unwrap_or_default();
    (MIN_DIGITS..=MAX_DIGITS).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
}

/// Whether a text is meant as a number and not as a name: its first character that is no space, no parenthesis and not
/// invisible is a plus, or looks like one, or the text begins with `tel:`.
pub(crate) fn is_meant(text: &str) -> bool {
    let hides = |c: char| c.is_whitespace() || c == '(' || crate::invisible::name(c).is_some();
    let first = text.trim_start_matches(hides);
    first.starts_with(|c| c == '+' || unusual::is_plus(c)) || has_scheme(first)
}

fn is_test_number(number: &str) -> bool {
    TEST_NUMBERS.contains(&number)
}

/// Whether a text begins like the link of a phone number (RFC 3966).
fn has_scheme(text: &str) -> bool {
    text.get(..4).is_some_and(|scheme| scheme.eq_ignore_ascii_case("tel:"))
}

/// A number in E.164 form by its characters and their number.
fn form(input: &str) -> Result<String, RuleError> {
    let number = plain(input)?;
    let digits = number.len() - 1;
    if !(MIN_DIGITS..=MAX_DIGITS).contains(&digits) {
        return Err(format!(
            "it has {digits} digits; a phone number has {MIN_DIGITS} to {MAX_DIGITS} with its country code"
        )
        .into());
    }
    Ok(number)
}

/// `+` and digits, of a text that holds nothing else but separators and no national prefix in parentheses.
fn plain(input: &str) -> Result<String, RuleError> {
    if let Some(unusual) = unusual::find(input) {
        return Err(unusual.to_string().into());
    }
    if has_scheme(input.trim_start_matches(' ')) {
        return Err("leave out the tel: before the number".into());
    }
    let number = without_separators(input);
    let Some(digits) = number.strip_prefix('+') else {
        return Err(if number.starts_with("00") {
            "write + instead of the leading 00".into()
        } else {
            "it must begin with + and the country code, like +46 70 174 06 05".into()
        });
    };
    if let Some((place, c)) = (1..).zip(input.chars()).find(|(place, c)| !is_part(*place, *c, input)) {
        return Err(format!(
            "its character {place} is {}: after the + it may hold only the digits 0 to 9 (and spaces, hyphens, dots, \
             parentheses)",
            kind(c)
        )
        .into());
    }
    parentheses(input)?;
    if digits.starts_with('0') {
        return Err("no country code begins with 0: write + and the country code, then the number".into());
    }
    Ok(number)
}

/// Whether a character may stand at its place, from 1: a digit, a separator, or the first plus.
fn is_part(place: usize, c: char, input: &str) -> bool {
    let is_first_plus = c == '+' && input.chars().take(place - 1).all(|before| before != '+');
    c.is_ascii_digit() || SEPARATORS.contains(&c) || is_first_plus
}

/// What a character is that a number cannot have. A number that is not shown must not be shown piece by piece, so the
/// character itself is not repeated.
fn kind(c: char) -> &'static str {
    match c {
        '+' => "a second +",
        ',' | ';' => "a comma or a semicolon",
        '/' | '\\' | '|' => "a slash",
        '[' | ']' | '{' | '}' | '<' | '>' => "a bracket",
        '"' | '\'' | '`' | '´' | '‘' | '’' | '“' | '”' | '„' | '«' | '»' => "a quotation mark",
        _ if c.is_alphabetic() => "a letter",
        _ => "another sign",
    }
}

/// Checks that parentheses come in pairs, not one in another, and that none holds a national prefix such as (0). What
/// is in parentheses is dialled in one case and not in the other, so the number that is meant cannot be known.
fn parentheses(input: &str) -> Result<(), RuleError> {
    let mut before = String::new();
    let mut rest = input;
    while let Some(at) = rest.find(['(', ')']) {
        before.extend(rest[..at].chars().filter(char::is_ascii_digit));
        let inside = rest[at..].strip_prefix('(').and_then(|rest| rest.split_once([')', '(']).filter(|_| closes(rest)));
        let Some((inside, after)) = inside else {
            return Err("its parentheses do not match: write it without parentheses".into());
        };
        let digits: String = inside.chars().filter(char::is_ascii_digit).collect();
        let prefix = if is_code_with_zero(inside, &digits) { "0" } else { &digits };
        if plan::is_national_prefix(&before, prefix) {
            return Err(format!(
                "({prefix}) is dialled only within a country: leave out the ({prefix}), with its parentheses; only a \
                 number that keeps its 0 in calls from abroad, as in Italy, has the 0 without parentheses"
            )
            .into());
        }
        before.push_str(&digits);
        rest = after;
    }
    Ok(())
}

/// Whether the next parenthesis of a text closes.
fn closes(text: &str) -> bool {
    text.find(['(', ')']).is_some_and(|at| text[at..].starts_with(')'))
}

/// Whether parentheses hold a country code and a 0 after it: `(+44 0)`.
fn is_code_with_zero(inside: &str, digits: &str) -> bool {
    inside.contains('+') && digits.strip_suffix('0').is_some_and(|code| plan::country_code(code) == Some(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_are_removed_and_nothing_else_is_changed() {
        for (input, number) in [
            ("+46 70 174 06 05", "+46701740605"),
            ("+46-(70)-174.06.05", "+46701740605"),
            ("(+46) 70 174 06 05", "+46701740605"),
            ("+46 8 174 06 05", "+4681740605"),
            ("+46 (8) 174 06 05", "+4681740605"),
            ("+46 8 174 060", "+468174060"),
            ("+46 719 174 060 51 23", "+467191740605123"),
            ("+46 710 174 060 51 23", "+467101740605123"),
            ("+46 10 174 06 05", "+46101740605"),
            ("+447911 17 40 60", "+447911174060"),
            ("+44 (20) 7946 0123", "+442079460123"),
            ("+1 (415) 555-2671", "+14155552671"),
            ("+7 (912) 174-06-05", "+79121740605"),
            ("+7 (812) 174-06-05", "+78121740605"),
            ("+36 (1) 174 0605", "+3611740605"),
            ("+61 (8) 7174 0605", "+61871740605"),
            ("+54 (9) 11 1740 6051", "+5491117406051"),
            ("+39 06 698 17406", "+390669817406"),
            ("+39 (06) 698 17406", "+390669817406"),
            ("+378 0549 174060", "+3780549174060"),
            ("+225 07 17 40 60 51", "+2250717406051"),
            ("+225 (07) 17 40 60 51", "+2250717406051"),
            ("+241 06 17 40 60", "+24106174060"),
            ("+242 06 617 4060", "+242066174060"),
            ("+229 01 97 17 40 60", "+2290197174060"),
            ("+370 612 17406", "+37061217406"),
            ("+683 4002", "+6834002"),
            ("+46700000000", "+46700000000"),
            ("+4670000000", "+4670000000"),
        ] {
            assert_eq!(recipient(input), Ok(number.to_string()), "{input}");
            assert_eq!(sender(input), Ok(number.to_string()), "{input}");
            assert_eq!(e164(input), Ok(number.to_string()), "{input}");
            assert_eq!(recipient(number), Ok(number.to_string()), "{input}");
        }
    }

    /// What people write as a national prefix in parentheses. Source: web pages and contact lists of the countries.
    const IN_PARENTHESES: [&str; 30] = [
        "+44 (0)7700 900456",
        "+44(0)20 7946 0123",
        "+44 ( 0 ) 7700 900456",
        "+44-(0)-7700-900456",
        "+44.(0).7700.900456",
        "+44 (0) 7700 900456",
        "(+44) (0)7700 900456",
        "(+44)(0)7700900456",
        "(+44 0) 7700 900456",
        "+44 20 (0) 7946 0123",
        "+46 (0)70 174 06 05",
        "+46(0)8 174 06 05",
        "+46 (0) 766 86 10 04",
        "+49 (0) 170 1740605",
        "+33 (0)6 39 17 40 60",
        "+31 (0)6 1740 6051",
        "+39 (0)6 698 17406",
        "+39 (0)347 1740605",
        "+225 (0)7 17 40 60 51",
        "+47 (0)91 74 06 05",
        "+45 (0)41 74 06 05",
        "+358 (0)40 174 0605",
        "+353 (0)85 174 0605",
        "+41 (00)79 174 06 05",
        "+7 (8) 912 174-06-05",
        "+370 (8) 612 17406",
        "+375 (80) 29 174-06-05",
        "+36 (06) 30 174 0605",
        "+52 (1) 55 1740 6051",
        "+1 (1) 415 555 2671",
    ];

    #[test]
    fn a_national_prefix_in_parentheses_is_refused_for_every_country() {
        for input in IN_PARENTHESES {
            for checked in [recipient(input), sender(input), e164(input)] {
                let error = checked.expect_err(input).to_string();
                assert!(error.contains("leave out the ("), "{input}: {error}");
            }
        }
        for code in (1..1000).map(|code| code.to_string()).filter(|code| plan::country_code(code) == Some(code)) {
            for input in
                [format!("+{code} (0)51740605"), format!("+{code}(0)612174060"), format!("+{code} ( 0 )-9174060")]
            {
                assert!(e164(&input).is_err_and(|error| error.to_string().contains("leave out the (0)")), "{input}");
            }
        }
    }

    #[test]
    fn parentheses_that_do_not_match_are_refused() {
        for input in
            ["+46 (70 174 06 05", "+46 70) 174 06 05", "+46 ((70)) 174 06 05", "+46 )70( 174 06 05", "+46 ((0)70"]
        {
            assert!(recipient(input).is_err_and(|error| error.to_string().contains("parentheses")), "{input}");
        }
    }

    #[test]
    fn placeholder_numbers_are_refused() {
        for input in [
            "+46701234567",
            "+1234567890",
            "+46000000000",
            "+46 70 123 45 67",
            "+46 73 123 45 67",
            "+46111111111",
            "+46123456789",
            "+46987654321",
            "+15551234567",
            "+1 555 867 5310",
            "+1 415 555 0123",
            "+1 (212) 555-0199",
            "+12345678901",
            "+46700000001",
            "+447400123456",
            "+4915123456789",
            "+4512345678",
            "+4712345678",
        ] {
            assert!(recipient(input).is_err_and(|error| error.to_string().contains("placeholder")), "{input}");
        }
    }

    #[test]
    fn a_number_that_only_looks_invented_is_accepted_and_leads_to_a_note() {
        for input in [
            "+4791234567",
            "+4681234567",
            "+358401234567",
            "+46 70 777 77 77",
            "+7 777 777 12 34",
            "+4522222222",
            "+4799999999",
            "+46 76 543 21 09",
            "+491701234567",
            "+447777777712",
            "+447700900456",
        ] {
            let number = recipient(input).expect(input);
            assert!(doubt(&number).is_some(), "{input}");
        }
        for input in ["+46701740605", "+46 70 123 46 57", "+46700000000", "+4670000000", "+14155552671", "+46766861004"]
        {
            assert_eq!(doubt(&recipient(input).expect(input)), None, "{input}");
        }
    }

    #[test]
    fn an_invalid_number_is_refused_with_the_reason() {
        for (input, reason) in [
            ("", "must begin with +"),
            ("anna", "must begin with +"),
            ("0701740605", "must begin with +"),
            ("0046701740605", "instead of the leading 00"),
            ("+46070174060", "leave out the 0 after +46"),
            ("+440770090045", "leave out the 0 after +44"),
            ("+0701740605", "begins with 0"),
            ("tel:+46701740605", "leave out the tel:"),
            ("TEL:+46701740605", "leave out the tel:"),
            ("+46XXXXXXXXX", "its character 4 is a letter: after the + it may hold only the digits"),
            ("+1 800 FLOWERS", "its character 8 is a letter"),
            ("+46/70/1740605", "its character 4 is a slash"),
            ("+46 [0] 70 174 06 05", "its character 5 is a bracket"),
            ("\"+46701740605\"", "must begin with +"),
            ("+46'70'1740605", "a quotation mark"),
            ("+46+701740605", "a second +"),
            ("+46*701740605", "another sign"),
            ("+46７０1740605", "an unusual digit (U+FF17): write only the digits"),
            ("+46701740605,+46701740606", "a comma or a semicolon"),
            ("+46701740605\n", "a line break (U+000A)"),
            ("\u{202A}+46701740605\u{202C}", "its character 1 is a control of the writing direction (U+202A)"),
            ("+46\u{A0}701740605", "an unusual space (U+00A0)"),
            ("+4670174060", "has 9 digits"),
            ("+467017406051", "has 9 digits"),
            ("+46710174060", "a Swedish machine number has 13 digits"),
            ("+46719174060", "a Swedish machine number has 13 digits"),
            ("+46711740605123", "7 to 9"),
            ("+46817406", "7 to 9"),
            ("+1 1 415 555 2671", "10 digits after +1"),
            ("+1 015 555 2671", "leave out the 0 after +1"),
            ("+1 115 555 2671", "neither the area code"),
            ("+1 415 155 2671", "neither the area code"),
            ("+7 8 912 174 06 05", "10 digits after +7"),
            ("+370 8 612 17406", "8 digits after +370"),
            ("+12345", "5 digits"),
            ("+4670174060512345", "16 digits"),
            ("+2101740605", "does not exist"),
            ("+8881740605", "does not exist"),
            ("+881611740605", "satellite"),
            ("+46900174060", "premium"),
            ("+447011740605", "premium"),
        ] {
            let error = recipient(input).expect_err(input).to_string();
            assert!(error.contains(reason), "{input}: {error}");
            assert!(input.is_empty() || !error.contains(input.trim()), "the number is not repeated: {error}");
        }
    }

    #[test]
    fn a_filter_takes_any_number_in_e164_form() {
        for input in ["+467017406050123", "+46701234567", "+46900174060", "+4670174060", "+1 115 555 2671"] {
            assert!(e164(input).is_ok(), "{input}");
        }
        for input in ["+46070174060", "+440770090045", "+0701740605", "0701740605", "+46 70\u{A0}1740605"] {
            assert!(e164(input).is_err(), "{input}");
        }
    }

    #[test]
    fn the_beginning_of_numbers_has_the_same_rules() {
        for (input, beginning_of_it) in [("+46 70", "+4670"), ("+1 (415)", "+1415"), ("+4", "+4"), ("+39 06", "+3906")]
        {
            assert_eq!(beginning(input), Ok(beginning_of_it.to_string()), "{input}");
        }
        for input in
            ["", "+", "46", "+0", "+460", "+440", "+44 (0)", "+46\u{A0}70", "+46x", "+46,", "+1234567890123456"]
        {
            assert!(beginning(input).is_err(), "{input}");
        }
    }

    #[test]
    fn one_number_without_separators_has_e164_form() {
        for number in [TEST_NUMBER, "+4670000000", "+6834002", "+123456789012345"] {
            assert!(is_e164(number), "{number}");
        }
        for text in
            ["", "+", "+683400", "+1234567890123456", "46701740605", "+46 701740605", "+46701740605,+46701740606"]
        {
            assert!(!is_e164(text), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn an_accepted_number_has_e164_form(near in "[+0-9 .()-]{0,22}", text: String) {
            for input in [near, text] {
                if let Ok(number) = sender(&input) {
                    proptest::prop_assert!(is_e164(&number));
                    proptest::prop_assert_eq!(without_separators(&input), number.clone());
                    proptest::prop_assert_eq!(e164(&number), Ok(number));
                }
            }
        }
    }
}
