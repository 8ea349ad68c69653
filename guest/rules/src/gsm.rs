//! The encoding of a text (GSM 03.38 or UTF-16) and the number of its parts. Prices are not here: they come from
//! 46elks.
//!
//! ```
//! use sms_rules::gsm;
//!
//! let plain = gsm::segment("Vi ses kl 10!");
//! assert_eq!((plain.gsm7, plain.parts, plain.left), (true, 1, 147));
//! let quoted = gsm::segment("”Vi ses kl 10!”"); // curly quotes are not in the GSM alphabet
//! assert_eq!((quoted.gsm7, quoted.parts, quoted.left), (false, 1, 55));
//! assert_eq!(gsm::non_gsm("”Vi ses kl 10!”"), ['”']);
//! ```
//!
//! Sources: 3GPP TS 23.038 (default alphabet), 46elks's page on splitting and pricing.

/// The basic alphabet of GSM 03.38: 127 characters, one septet each, in the order of the standard
/// (row by row, without the escape at 0x1B).
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?\
                     ¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";

/// Capacity in septets (GSM 03.38). A part of several has fewer, because its header takes 7. Source: 3GPP TS 23.040.
const SEPTETS: Capacity = Capacity { alone: 160, joined: 153 };

/// Capacity in UTF-16 code units. Source: 3GPP TS 23.040.
const UNITS: Capacity = Capacity { alone: 70, joined: 67 };

/// How much fits into a part.
struct Capacity {
    /// Into the only part of a message.
    alone: usize,
    /// Into each part of a message that has several.
    joined: usize,
}

/// Whether a character is in the basic alphabet.
///
/// The extension table (`^ { } \ [ ~ ] | €` and form feed) does not count: 46elks's pages say that a character outside
/// the basic alphabet, € included, makes the whole message UTF-16. Other carriers send those characters as two septets.
/// Where 46elks reports another number of parts, its number is used.
pub fn is_basic(c: char) -> bool {
    // ASCII letters and digits are the common case and need no search.
    c.is_ascii_alphanumeric() || BASIC.contains(c)
}

/// The encoding of a text and the number of its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segmentation {
    /// Whether every character is in the basic alphabet.
    pub gsm7: bool,
    /// The number of parts; an empty text makes one.
    pub parts: u32,
    /// How many characters (GSM 03.38) or code units (UTF-16) still fit into the last part.
    pub left: u32,
}

/// Counts the parts of a text. No part ends inside a surrogate pair.
pub fn segment(text: &str) -> Segmentation {
    let gsm7 = text.chars().all(is_basic);
    let (capacity, width): (_, fn(char) -> usize) = if gsm7 { (SEPTETS, |_| 1) } else { (UNITS, char::len_utf16) };
    let total: usize = text.chars().map(width).sum();
    if total <= capacity.alone {
        return Segmentation { gsm7, parts: 1, left: small(capacity.alone - total) };
    }
    let (mut parts, mut used) = (1, 0);
    for c in text.chars() {
        if used + width(c) > capacity.joined {
            parts += 1;
            used = 0;
        }
        used += width(c);
    }
    Segmentation { gsm7, parts: small(parts), left: small(capacity.joined - used) }
}

/// A count as `u32`. Texts have a few thousand characters at most, so a count that does not fit never occurs.
fn small(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// The characters of a text that are not in the basic alphabet, each once, in order of appearance. One of them makes
/// the whole message UTF-16.
pub fn non_gsm(text: &str) -> Vec<char> {
    let mut found = Vec::new();
    for c in text.chars() {
        if !is_basic(c) && !found.contains(&c) {
            found.push(c);
        }
    }
    found
}

/// A character in a list: itself, or its code point (`U+00A0`) where it is invisible or a space.
pub fn shown(c: char) -> String {
    if c.is_whitespace() || crate::invisible::name(c).is_some() {
        format!("U+{:04X}", u32::from(c))
    } else {
        c.to_string()
    }
}

/// What to write instead of a character so that a text stays in the basic alphabet. `None` where no replacement keeps
/// the meaning.
pub fn replacement(c: char) -> Option<&'static str> {
    Some(match c {
        '\u{2018}' | '\u{2019}' | '\u{201A}' | '`' | '´' => "'",
        '\u{201C}' | '\u{201D}' | '\u{201E}' | '«' | '»' => "\"",
        '\u{2010}'..='\u{2015}' | '\u{2212}' => "-",
        '…' => "...",
        '\u{A0}' | '\u{202F}' | '\u{2009}' | '\t' => " ",
        '•' | '·' => "*",
        '€' => "EUR",
        '[' | '{' => "(",
        ']' | '}' => ")",
        '|' | '\\' => "/",
        '~' => "-",
        'ç' => "Ç",
        'á' | 'â' | 'ã' => "a",
        'ê' | 'ë' => "e",
        'í' | 'î' | 'ï' => "i",
        'ó' | 'ô' | 'õ' => "o",
        'ú' | 'û' => "u",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_basic_alphabet_has_127_different_characters() {
        let all: std::collections::BTreeSet<char> = BASIC.chars().collect();
        assert_eq!((all.len(), BASIC.chars().count()), (127, 127));
    }

    #[test]
    fn parts_are_counted_at_every_edge() {
        for (unit, count, gsm7, parts, left) in [
            ("a", 0, true, 1, 160),
            ("a", 159, true, 1, 1),
            ("a", 160, true, 1, 0),
            ("a", 161, true, 2, 145),
            ("a", 306, true, 2, 0),
            ("a", 307, true, 3, 152),
            ("ä", 160, true, 1, 0),
            ("€", 70, false, 1, 0),
            ("€", 71, false, 2, 63),
            ("ж", 70, false, 1, 0),
            ("ж", 71, false, 2, 63),
            ("ж", 134, false, 2, 0),
            ("ж", 135, false, 3, 66),
            // 36 emoji are 72 units: measured at 46elks as two parts. 33 pairs fill 66 of 67 units.
            ("😀", 35, false, 1, 0),
            ("😀", 36, false, 2, 61),
            // 80 pairs of braces: measured at 46elks as three parts.
            ("{}", 80, false, 3, 41),
        ] {
            let text = unit.repeat(count);
            assert_eq!(segment(&text), Segmentation { gsm7, parts, left }, "{count} times {unit:?}");
        }
    }

    #[test]
    fn a_surrogate_pair_is_never_cut() {
        // 67 units fill a part; a pair at units 67 and 68 must move to the next part whole.
        let text = format!("{}😀{}", "ж".repeat(66), "ж".repeat(66));
        assert_eq!(segment(&text).parts, 3);
    }

    #[test]
    fn characters_that_make_a_text_utf16_are_listed_once() {
        assert_eq!(non_gsm("”Hej” – å €"), ['”', '–', '€']);
        assert!(non_gsm("Hej, världen! @£$").is_empty());
    }

    #[test]
    fn every_replacement_is_in_the_basic_alphabet() {
        for c in ('\0'..='\u{FFFF}').filter(|c| replacement(*c).is_some()) {
            assert!(!is_basic(c), "{c:?} needs no replacement");
            assert!(replacement(c).unwrap_or_default().chars().all(is_basic), "{c:?}");
        }
    }

    /// The extension table of GSM 03.38, which 46elks does not count as GSM.
    const EXTENSION: &str = "\u{C}^{}\\[~]|€";

    #[test]
    fn every_basic_character_is_one_septet_and_every_extension_character_makes_utf16() {
        for c in BASIC.chars() {
            assert_eq!(segment(&c.to_string().repeat(160)), Segmentation { gsm7: true, parts: 1, left: 0 }, "{c:?}");
        }
        for c in EXTENSION.chars().chain("`\tçáíóú“”–…\u{A0}".chars()) {
            assert_eq!(segment(&c.to_string().repeat(70)), Segmentation { gsm7: false, parts: 1, left: 0 }, "{c:?}");
        }
    }

    /// Cuts a UTF-16 text into parts as a phone does: each part as full as possible, and no cut inside a pair.
    fn cut(text: &str) -> Vec<Vec<u16>> {
        let units: Vec<u16> = text.encode_utf16().collect();
        if units.len() <= 70 {
            return vec![units];
        }
        let mut parts = Vec::new();
        let mut rest = units.as_slice();
        while !rest.is_empty() {
            let mut end = rest.len().min(67);
            if end < rest.len() && (0xDC00..0xE000).contains(&rest[end]) {
                end -= 1;
            }
            parts.push(rest[..end].to_vec());
            rest = &rest[end..];
        }
        parts
    }

    proptest::proptest! {
        #[test]
        fn parts_never_split_a_pair(text in "[aж😀🏴]{0,400}") {
            let segmentation = segment(&text);
            if !segmentation.gsm7 {
                let parts = cut(&text);
                proptest::prop_assert!(parts.iter().all(|part| String::from_utf16(part).is_ok()));
                proptest::prop_assert_eq!(segmentation.parts as usize, parts.len());
            }
        }
    }
}
