//! Phone numbers: E.164, the country codes in use, Sweden's numbering plan, premium-rate ranges, and placeholders that
//! assistants invent. Whether a number is assigned to somebody is not checked here: 46elks knows.
//!
//! ```
//! use sms_rules::phone;
//!
//! assert_eq!(phone::recipient("+46-(70)-174.06.05")?, "+46701740605");
//! let error = phone::recipient("070-174 06 05").unwrap_err();
//! assert_eq!(error.to_string(), "it must begin with + and the country code, like +46 70 174 06 05");
//! # Ok::<(), sms_rules::RuleError>(())
//! ```
//!
//! A phone-number library is not used, because it carries the plans of all countries: the crate `phonenumber` is a
//! module of 1.9 MB, six times the size of the whole component (measured). 46elks refuses an SMS to a number that does
//! not exist, free of charge, so only numbers that cost money or reach somebody else must be caught here.

use crate::RuleError;

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

/// A row of this many equal or consecutive digits is a placeholder: by chance it occurs in one number of a hundred
/// thousand.
const MIN_PLACEHOLDER_ROW: usize = 7;

/// Geographic country codes in use. Source: ITU-T, list of E.164 assigned country codes.
const COUNTRY_CODES: &str = "1 7 20 211 212 213 216 218 220 221 222 223 224 225 226 227 228 229 230 \
    231 232 233 234 235 236 237 238 239 240 241 242 243 244 245 246 247 248 249 250 251 252 253 254 \
    255 256 257 258 260 261 262 263 264 265 266 267 268 269 27 290 291 297 298 299 30 31 32 33 34 350 \
    351 352 353 354 355 356 357 358 359 36 370 371 372 373 374 375 376 377 378 380 381 382 383 385 386 \
    387 389 39 40 41 420 421 423 43 44 45 46 47 48 49 500 501 502 503 504 505 506 507 508 509 51 52 53 \
    54 55 56 57 58 590 591 592 593 594 595 596 597 598 599 60 61 62 63 64 65 66 670 672 673 674 675 \
    676 677 678 679 680 681 682 683 685 686 687 688 689 690 691 692 81 82 84 850 852 853 855 856 86 \
    880 886 90 91 92 93 94 95 960 961 962 963 964 965 966 967 968 970 971 972 973 974 975 976 977 98 \
    992 993 994 995 996 998";

/// Ranges that are refused, each with the reason. Sources: ITU-T E.164 (codes of the world zones 8 and 9), PTS
/// (Sweden), the national plans of the named countries.
const REFUSED: [(&str, &str); 24] = [
    ("+800", "international freephone numbers take no SMS"),
    ("+808", "international shared-cost numbers take no SMS"),
    ("+870", "it is a satellite number (Inmarsat)"),
    ("+878", "it is a universal personal number at a premium rate"),
    ("+881", "it is a satellite number"),
    ("+882", "it belongs to an international network at a premium rate"),
    ("+883", "it belongs to an international network at a premium rate"),
    ("+979", "it is an international premium-rate number"),
    ("+46900", "it is a Swedish premium-rate number"),
    ("+46939", "it is a Swedish mass-calling number"),
    ("+46944", "it is a Swedish premium-rate number"),
    ("+4699", "it is a Swedish premium-rate number"),
    ("+4677", "Swedish shared-cost numbers take no SMS"),
    ("+4620", "Swedish freephone numbers take no SMS"),
    ("+1900", "it is a North American premium-rate number"),
    ("+1976", "it is a North American premium-rate number"),
    ("+4470", "it is a British personal number at a premium rate"),
    ("+449", "it is a British premium-rate number"),
    ("+4782", "it is a Norwegian premium-rate number"),
    ("+4590", "it is a Danish premium-rate number"),
    ("+358600", "it is a Finnish premium-rate number"),
    ("+358700", "it is a Finnish premium-rate number"),
    ("+49900", "it is a German premium-rate number"),
    ("+49137", "it is a German mass-calling number"),
];

/// The number of a recipient, in E.164 form: the message is sent to exactly the number returned.
///
/// # Errors
/// The number is not in E.164 form, a placeholder, in a refused range, or outside the numbering plan. The sentence does
/// not repeat the number.
pub fn recipient(input: &str) -> Result<String, RuleError> {
    let number = e164(input)?;
    if TEST_NUMBERS.contains(&number.as_str()) {
        return Ok(number);
    }
    if is_placeholder(&number) {
        return Err("it is a placeholder, not a real phone number: ask the user for the number to use \
                    (46elks's own test number is +46700000000)"
            .into());
    }
    if let Some((_, reason)) = REFUSED.iter().find(|(range, _)| number.starts_with(range)) {
        return Err(format!("{reason}: use an ordinary mobile number").into());
    }
    if !COUNTRY_CODES.split_ascii_whitespace().any(|code| number[1..].starts_with(code)) {
        return Err("it begins with a country code that does not exist".into());
    }
    match number.strip_prefix("+46") {
        Some(national) => swedish(national).map(|()| number),
        None => Ok(number),
    }
}

/// A number in E.164 form, without its separators. For senders this is the only check: 46elks knows which numbers an
/// account owns.
///
/// # Errors
/// The number is not in E.164 form. The sentence does not repeat the number.
pub fn e164(input: &str) -> Result<String, RuleError> {
    let number = without_separators(input);
    let Some(digits) = number.strip_prefix('+') else {
        return Err(if number.starts_with("00") {
            "write + instead of the leading 00".into()
        } else {
            "it must begin with + and the country code, like +46 70 174 06 05".into()
        });
    };
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err("after the + it may hold only the digits 0 to 9 (and spaces, hyphens, dots, parentheses)".into());
    }
    if digits.starts_with('0') {
        return Err("no country code begins with 0: write + and the country code, then the number".into());
    }
    if !(MIN_DIGITS..=MAX_DIGITS).contains(&digits.len()) {
        return Err(format!(
            "it has {} digits; a phone number has {MIN_DIGITS} to {MAX_DIGITS} with its country code",
            digits.len()
        )
        .into());
    }
    Ok(number)
}

/// A number without the [`SEPARATORS`] that people write. Its form is not checked.
pub fn without_separators(number: &str) -> String {
    number.chars().filter(|c| !SEPARATORS.contains(c)).collect()
}

/// Whether a text is one number: `+` and [`MIN_DIGITS`] to [`MAX_DIGITS`] digits, without separators. Weaker than
/// [`e164`], which also refuses a leading 0.
pub fn is_e164(number: &str) -> bool {
    let digits = number.strip_prefix('+').unwrap_or_default();
    (MIN_DIGITS..=MAX_DIGITS).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
}

/// Checks a number against Sweden's numbering plan (source: PTS): mobile numbers (70, 72, 73, 76, 79) have nine digits
/// after +46, machine numbers (719) thirteen, all others seven to nine.
fn swedish(national: &str) -> Result<(), RuleError> {
    if national.starts_with('0') {
        return Err("leave out the 0 after +46".into());
    }
    let mobile = ["70", "72", "73", "76", "79"].iter().any(|prefix| national.starts_with(prefix));
    let (kind, allowed) = if national.starts_with("719") {
        ("a Swedish machine number", 13..=13)
    } else if mobile {
        ("a Swedish mobile number", 9..=9)
    } else {
        ("a Swedish number", 7..=9)
    };
    if allowed.contains(&national.len()) {
        return Ok(());
    }
    let wanted = if allowed.start() == allowed.end() {
        allowed.start().to_string()
    } else {
        format!("{} to {}", allowed.start(), allowed.end())
    };
    Err(format!("{kind} has {wanted} digits after +46, this one has {}", national.len()).into())
}

/// Whether a number is one that assistants invent or that documents use as an example: a long row of equal or
/// consecutive digits, or North America's 555-01xx, which is reserved for fiction.
fn is_placeholder(number: &str) -> bool {
    let digits: Vec<u8> = number.bytes().filter(u8::is_ascii_digit).map(|b| b - b'0').collect();
    let row = |step: u8| {
        let mut length = 1;
        digits.windows(2).any(|pair| {
            length = if (pair[0] + step) % 10 == pair[1] { length + 1 } else { 1 };
            length >= MIN_PLACEHOLDER_ROW
        })
    };
    let fiction = digits.len() == 11 && digits[0] == 1 && digits[4..9] == [5, 5, 5, 0, 1];
    row(0) || row(1) || row(9) || fiction
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_are_removed_and_nothing_else_is_changed() {
        for (input, number) in [
            ("+46 70 174 06 05", "+46701740605"),
            ("+46-(70)-174.06.05", "+46701740605"),
            ("+46 8 174 06 05", "+4681740605"),
            ("+46 8 174 060", "+468174060"),
            ("+46 719 174 060 51 23", "+467191740605123"),
            ("+447911 17 40 60", "+447911174060"),
            ("+683 4002", "+6834002"),
            ("+46700000000", "+46700000000"),
            ("+4670000000", "+4670000000"),
        ] {
            assert_eq!(recipient(input), Ok(number.to_string()), "{input}");
        }
    }

    #[test]
    fn placeholder_numbers_are_refused() {
        for input in [
            "+46701234567",
            "+1234567890",
            "+46000000000",
            "+46 70 123 45 67",
            "+46111111111",
            "+46987654321",
            "+15551234567",
            "+1 415 555 0123",
            "+46700000001",
        ] {
            assert!(recipient(input).is_err_and(|error| error.to_string().contains("placeholder")), "{input}");
        }
    }

    #[test]
    fn an_invalid_number_is_refused_with_the_reason() {
        for (input, reason) in [
            ("", "must begin with +"),
            ("0701740605", "must begin with +"),
            ("0046701740605", "instead of the leading 00"),
            ("+46 (0)70 174 06 05", "leave out the 0"),
            ("+0701740605", "begins with 0"),
            ("+46XXXXXXXXX", "only the digits"),
            ("+46７０1740605", "only the digits"),
            ("+46701740605,+46701740606", "only the digits"),
            ("+46701740605\n", "only the digits"),
            ("+4670174060", "has 9 digits"),
            ("+467017406051", "has 9 digits"),
            ("+46817406", "7 to 9"),
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
                if let Ok(number) = e164(&input) {
                    proptest::prop_assert!(is_e164(&number));
                    proptest::prop_assert_eq!(without_separators(&input), number);
                }
            }
        }
    }
}
