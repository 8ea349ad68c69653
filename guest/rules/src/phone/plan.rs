//! Numbering plans: the country codes in use, the digits that are dialled only within a country, the lengths of
//! numbers, and the ranges that are refused.

use crate::RuleError;

/// Geographic country codes in use. No code is the beginning of another. Source: ITU-T, list of E.164 assigned country
/// codes.
const COUNTRY_CODES: &str = "1 7 20 211 212 213 216 218 220 221 222 223 224 225 226 227 228 229 230 \
    231 232 233 234 235 236 237 238 239 240 241 242 243 244 245 246 247 248 249 250 251 252 253 254 \
    255 256 257 258 260 261 262 263 264 265 266 267 268 269 27 290 291 297 298 299 30 31 32 33 34 350 \
    351 352 353 354 355 356 357 358 359 36 370 371 372 373 374 375 376 377 378 380 381 382 383 385 386 \
    387 389 39 40 41 420 421 423 43 44 45 46 47 48 49 500 501 502 503 504 505 506 507 508 509 51 52 53 \
    54 55 56 57 58 590 591 592 593 594 595 596 597 598 599 60 61 62 63 64 65 66 670 672 673 674 675 \
    676 677 678 679 680 681 682 683 685 686 687 688 689 690 691 692 81 82 84 850 852 853 855 856 86 \
    880 886 90 91 92 93 94 95 960 961 962 963 964 965 966 967 968 970 971 972 973 974 975 976 977 98 \
    992 993 994 995 996 998";

/// The country codes after which a number that takes SMS, or a number of a person, may begin with 0: Italy with the
/// Vatican, Norway (numbers of five digits), Ivory Coast, Burkina Faso, Niger, Benin, Gabon, Congo, Ascension, Rwanda,
/// Botswana, Eswatini, San Marino, Belize, Panama, Tonga, Fiji, New Caledonia, Macao, Qatar and Tajikistan. Source: the
/// national numbering plans that ITU-T publishes, as collected in the metadata of libphonenumber 9.0. The freephone
/// numbers of Bulgaria, India, Indonesia, Japan, Korea, Thailand and Uruguay that begin with 0 are not meant: they take
/// no SMS, and people of these countries write a 0 for calls within the country.
const ZERO_MAY_FOLLOW: &str = "39 47 225 226 227 229 241 242 247 250 267 268 378 501 507 676 679 687 853 974 992";

/// National prefixes other than 0, and the country codes of the countries where people dial them or dialled them until
/// lately. Source: ITU-T, Dialling Procedures (annex to the Operational Bulletin 994); Mexico had 1 before the numbers
/// of mobiles until 2019 (IFT).
const OTHER_PREFIXES: [(&str, &str); 4] =
    [("8", "7 370 373 374 375 380 992 993 994 995 996 998"), ("80", "375"), ("1", "1 52 692"), ("06", "36")];

/// How many digits each number has after a country code. Sources: NANPA (+1), the Russian and the Kazakh plan (+7;
/// their freephone numbers of 14 digits take no SMS), RRT (+370). A national prefix that was left in makes a number
/// longer.
const LENGTHS: [(&str, usize); 3] = [("1", 10), ("7", 10), ("370", 8)];

/// Ranges that are refused, each with the reason. Sources: ITU-T E.164 (codes of the world zones 8 and 9), PTS
/// (Sweden), NANPA (+1), Ofcom (+44), Nkom (+47), SDFI (+45), Traficom (+358), BNetzA (+49).
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

/// The country code of a number's digits, without the +.
pub(super) fn country_code(digits: &str) -> Option<&'static str> {
    COUNTRY_CODES.split_ascii_whitespace().find(|code| digits.starts_with(code))
}

/// Whether the digits in parentheses are a national prefix. `before` has the digits before the parentheses.
pub(super) fn is_national_prefix(before: &str, in_parentheses: &str) -> bool {
    let only_zeros = !in_parentheses.is_empty() && in_parentheses.bytes().all(|b| b == b'0');
    let belongs = |codes: &str| codes.split(' ').any(|code| code == before);
    only_zeros || OTHER_PREFIXES.iter().any(|(prefix, codes)| *prefix == in_parentheses && belongs(codes))
}

/// Why a number in E.164 form cannot take an SMS, if its range or its country code says so.
pub(super) fn refused(number: &str) -> Result<(), RuleError> {
    if let Some((_, reason)) = REFUSED.iter().find(|(range, _)| number.starts_with(range)) {
        return Err(format!("{reason}: use an ordinary mobile number").into());
    }
    if country_code(&number[1..]).is_none() {
        return Err("it begins with a country code that does not exist".into());
    }
    Ok(())
}

/// Checks the first digit after the country code. It holds for a whole number and for a beginning of numbers.
pub(super) fn first_digit(digits: &str) -> Result<(), RuleError> {
    match country_code(digits) {
        Some(code)
            if digits[code.len()..].starts_with('0') && !ZERO_MAY_FOLLOW.split(' ').any(|other| other == code) =>
        {
            Err(format!("leave out the 0 after +{code}: it is dialled only within the country").into())
        }
        _ => Ok(()),
    }
}

/// Checks a number in E.164 form against the plan of its country, as far as it is known here.
pub(super) fn check(digits: &str) -> Result<(), RuleError> {
    first_digit(digits)?;
    let Some(code) = country_code(digits) else { return Ok(()) };
    let national = &digits[code.len()..];
    if let Some((_, wanted)) = LENGTHS.iter().find(|(with_length, _)| *with_length == code)
        && national.len() != *wanted
    {
        return Err(format!("a number has {wanted} digits after +{code}, this one has {}", national.len()).into());
    }
    match code {
        "1" => north_american(national),
        "46" => swedish(national),
        _ => Ok(()),
    }
}

/// Checks ten digits against the plan of North America: neither an area code nor the three digits after it begin with 0
/// or 1. Source: NANPA, the form NXX-NXX-XXXX.
fn north_american(national: &str) -> Result<(), RuleError> {
    let begins_well = |at: usize| national[at..].starts_with(|c: char| ('2'..='9').contains(&c));
    if begins_well(0) && begins_well(3) {
        return Ok(());
    }
    Err("after +1 neither the area code nor the three digits after it begin with 0 or 1".into())
}

/// Checks a number against Sweden's numbering plan. Source: PTS, Den svenska telefoninummerplanen: mobile numbers (70,
/// 72, 73, 76, 79) have nine digits after +46, the numbers of machines (710, 719) thirteen, all others seven to nine.
fn swedish(national: &str) -> Result<(), RuleError> {
    let begins = |beginnings: &[&str]| beginnings.iter().any(|beginning| national.starts_with(beginning));
    let (kind, allowed) = if begins(&["710", "719"]) {
        ("a Swedish machine number", 13..=13)
    } else if begins(&["70", "72", "73", "76", "79"]) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_country_code_is_the_beginning_of_another() {
        let codes: Vec<&str> = COUNTRY_CODES.split_ascii_whitespace().collect();
        for code in &codes {
            assert_eq!(codes.iter().filter(|other| other.starts_with(code)).count(), 1, "+{code}");
        }
    }

    #[test]
    fn every_country_that_a_rule_names_exists() {
        let named = ZERO_MAY_FOLLOW
            .split(' ')
            .chain(OTHER_PREFIXES.iter().flat_map(|(_, codes)| codes.split(' ')))
            .chain(LENGTHS.iter().map(|(code, _)| *code));
        for code in named {
            assert_eq!(country_code(code), Some(code), "+{code}");
        }
    }

    #[test]
    fn a_zero_after_the_country_code_is_refused_where_no_number_has_one() {
        for digits in [
            "440770090045",
            "4607017406",
            "490170123456",
            "330612345",
            "310612345",
            "358040123456",
            "3530851234",
            "610412345",
            "8109012345",
            "820101234",
            "91098765432",
            "620812345",
            "66081234",
            "36063012",
            "1041555",
            "70912345",
            "3406123",
            "450201234",
            "48050123",
            "3720512",
            "410791234",
            "4306641234",
            "3590881234",
        ] {
            assert!(first_digit(digits).is_err_and(|error| error.to_string().contains("leave out the 0")), "{digits}");
        }
        for digits in [
            "3906698123",
            "3780549123",
            "2250701234567",
            "24106123456",
            "242061234567",
            "2290190123456",
            "22601234567",
            "992001234567",
            "4420794",
            "46812345",
            "4702000",
        ] {
            assert_eq!(first_digit(digits), Ok(()), "{digits}");
        }
    }
}
