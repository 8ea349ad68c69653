//! Phone numbers: E.164, the country codes that exist, what Sweden's plan allows, the ranges that
//! cost a fortune, and the numbers that assistants make up.
//!
//! Written here and not taken from a phone-number library: those carry the plans of all countries
//! (measured: the crate `phonenumber` alone is a module of 1.9 MB, six times this whole component),
//! while an SMS to a number that does not exist is refused by 46elks free of charge. What must be
//! caught before is little.

/// 46elks's own test number, which accepts a message and sends nothing, in both spellings that its
/// documents use. It looks made up, so it is named.
const TEST_NUMBERS: [&str; 2] = ["+46700000000", "+4670000000"];

/// E.164: at most 15 digits, country code included.
const MAX_DIGITS: usize = 15;

/// The shortest numbers in use (Niue, Saint Helena) have seven digits with their country code.
const MIN_DIGITS: usize = 7;

/// A row of this many equal or consecutive digits is made up: by chance it is one number in a
/// hundred thousand.
const MADE_UP_ROW: usize = 7;

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

/// Ranges that no honest SMS goes to, each with the reason. Sources: ITU-T E.164 (codes of the
/// world zones 8 and 9), PTS (Sweden), the national plans of the named countries.
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

/// The number that a message may be sent to, in E.164 form: what comes back is what is sent.
///
/// # Errors
/// A sentence that says what is wrong with it. It does not repeat the number.
pub fn recipient(input: &str) -> Result<String, String> {
    let number = e164(input)?;
    if TEST_NUMBERS.contains(&number.as_str()) {
        return Ok(number);
    }
    if is_made_up(&number) {
        return Err("it is a placeholder, not a real phone number: ask the user for the number to use \
                    (46elks's own test number is +46700000000)"
            .into());
    }
    if let Some((_, reason)) = REFUSED.iter().find(|(range, _)| number.starts_with(range)) {
        return Err(format!("{reason}: use an ordinary mobile number"));
    }
    if !COUNTRY_CODES.split_ascii_whitespace().any(|code| number[1..].starts_with(code)) {
        return Err("it begins with a country code that does not exist".into());
    }
    match number.strip_prefix("+46") {
        Some(national) => swedish(national).map(|()| number),
        None => Ok(number),
    }
}

/// A number in E.164 form without its separators (space, hyphen, dot, parentheses). Used as it is
/// for senders: 46elks knows which numbers an account owns.
///
/// # Errors
/// A sentence that says what is wrong with it.
pub fn e164(input: &str) -> Result<String, String> {
    let number: String = input.chars().filter(|c| !matches!(c, ' ' | '-' | '.' | '(' | ')')).collect();
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
        ));
    }
    Ok(number)
}

/// Sweden's plan (PTS): mobiles (70, 72, 73, 76, 79) have nine digits after +46, machine numbers
/// (719) thirteen, all others seven to nine.
fn swedish(national: &str) -> Result<(), String> {
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
    Err(format!("{kind} has {wanted} digits after +46, this one has {}", national.len()))
}

/// Whether a number is one that assistants invent or documents use as an example: a long row of
/// equal or consecutive digits, or North America's 555-01xx, reserved for fiction.
fn is_made_up(number: &str) -> bool {
    let digits: Vec<u8> = number.bytes().filter(u8::is_ascii_digit).map(|b| b - b'0').collect();
    let row = |step: u8| {
        let mut length = 1;
        digits.windows(2).any(|pair| {
            length = if (pair[0] + step) % 10 == pair[1] { length + 1 } else { 1 };
            length >= MADE_UP_ROW
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
            assert_eq!(recipient(input).as_deref(), Ok(number), "{input}");
        }
    }

    #[test]
    fn made_up_numbers_are_refused() {
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
            assert!(recipient(input).is_err_and(|told| told.contains("placeholder")), "{input}");
        }
    }

    #[test]
    fn what_is_no_number_is_refused_with_the_reason() {
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
            let told = recipient(input).expect_err(input);
            assert!(told.contains(reason), "{input}: {told}");
            assert!(input.is_empty() || !told.contains(input.trim()), "the number is not repeated: {told}");
        }
    }
}
