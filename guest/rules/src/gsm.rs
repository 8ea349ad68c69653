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
//! assert_eq!(gsm::non_gsm("”Vi ses kl 10!”"), ["”"]);
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
/// the whole message UTF-16. A letter and the mark on it are one character where Unicode has one for both.
pub fn non_gsm(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let marked = chars.next_if(|&(_, mark)| composed(c, mark).is_some()).map(|(_, mark)| mark);
        let character = &text[at..at + c.len_utf8() + marked.map_or(0, char::len_utf8)];
        if (marked.is_some() || !is_basic(c)) && !found.contains(&character) {
            found.push(character);
        }
    }
    found
}

/// The letters that Unicode has for a letter and a mark after it, as far as a replacement for them is known here: the
/// mark, the letters that carry it, and the letters with it. Source: the canonical decompositions in UnicodeData.txt.
const COMPOSED: [(char, &str, &str); 7] = [
    ('\u{300}', "aeiou", "àèìòù"),
    ('\u{301}', "aeiouE", "áéíóúÉ"),
    ('\u{302}', "aeiou", "âêîôû"),
    ('\u{303}', "anoN", "ãñõÑ"),
    ('\u{308}', "aouAOUei", "äöüÄÖÜëï"),
    ('\u{30A}', "aA", "åÅ"),
    ('\u{327}', "cC", "çÇ"),
];

/// The character for a letter and the mark after it.
fn composed(letter: char, mark: char) -> Option<char> {
    let (_, letters, composed) = COMPOSED.iter().find(|(known, ..)| *known == mark)?;
    letters.chars().zip(composed.chars()).find(|(known, _)| *known == letter).map(|(_, composed)| composed)
}

/// A character as [`non_gsm`] finds it: itself, or its code points (`U+00A0`, `U+0061 U+030A`) where it is invisible, a
/// space, or looks like its replacement.
pub fn named(character: &str) -> String {
    let looks_the_same = replacement(character).is_some_and(|plain| {
        let mut chars = character.chars();
        let single = chars.next().filter(|_| chars.next().is_none());
        single.is_none_or(|c| matches!(c, '\u{212A}' | '\u{212B}' | '\u{2126}' | '\u{37E}')) && !plain.is_empty()
    });
    let code = |c: char| format!("U+{:04X}", u32::from(c));
    match looks_the_same {
        true => character.chars().map(code).collect::<Vec<_>>().join(" "),
        false => shown(character),
    }
}

/// A character in a list: itself, or its code point (`U+00A0`) where it is invisible or a space.
pub fn shown(character: &str) -> String {
    let is_hidden = |c: char| c.is_whitespace() || crate::invisible::name(c).is_some();
    character.chars().map(|c| if is_hidden(c) { format!("U+{:04X}", u32::from(c)) } else { c.to_string() }).collect()
}

/// What to write instead of a character, or of a letter and its mark, so that a text stays in the basic alphabet.
/// `None` where no replacement keeps the meaning.
pub fn replacement(character: &str) -> Option<&'static str> {
    let mut chars = character.chars();
    let first = chars.next()?;
    match chars.next() {
        Some(mark) => composed(first, mark).and_then(|c| basic(c).or_else(|| replacement_of(c))),
        None => replacement_of(first),
    }
}

/// A character of the basic alphabet as a text.
fn basic(c: char) -> Option<&'static str> {
    let at = BASIC.find(c)?;
    BASIC.get(at..at + c.len_utf8())
}

/// What to write instead of a single character: what carriers document as smart encoding, and the plain letter of one
/// with a mark. A backslash has none: it usually begins an escape, which [`crate::slips`] names.
fn replacement_of(c: char) -> Option<&'static str> {
    Some(match c {
        // The signs for ångström, ohm and kelvin, and the Greek question mark, are these characters by Unicode's
        // canonical decompositions.
        '\u{212B}' => "Å",
        '\u{2126}' => "Ω",
        '\u{212A}' => "K",
        '\u{37E}' => ";",
        '\u{2018}'..='\u{201B}' | '`' | '´' | 'ʼ' | 'ʻ' | '′' | '‹' | '›' => "'",
        '\u{201C}'..='\u{201F}' | '«' | '»' | '″' | '＂' => "\"",
        '\u{2010}'..='\u{2015}' | '\u{2212}' => "-",
        '…' => "...",
        '\u{A0}' | '\u{2000}'..='\u{200A}' | '\u{202F}' | '\u{205F}' | '\u{3000}' | '\t' => " ",
        '•' | '·' => "*",
        '€' => "EUR",
        '[' | '{' => "(",
        ']' | '}' => ")",
        '|' => "/",
        '~' => "-",
        '×' => "x",
        '÷' => "/",
        '→' => "->",
        '™' => "(TM)",
        '½' => "1/2",
        '¼' => "1/4",
        '¾' => "3/4",
        'ﬁ' => "fi",
        'ﬂ' => "fl",
        'ç' => "Ç",
        'á' | 'â' | 'ã' | 'ā' | 'ă' | 'ą' => "a",
        'Á' | 'À' | 'Â' | 'Ã' | 'Ā' | 'Ă' | 'Ą' => "A",
        'ć' | 'č' => "c",
        'Ć' | 'Č' => "C",
        'ď' | 'đ' => "d",
        'ê' | 'ë' | 'ē' | 'ę' | 'ě' => "e",
        'È' | 'Ê' | 'Ë' | 'Ē' | 'Ę' | 'Ě' => "E",
        'ğ' => "g",
        'Ğ' => "G",
        'í' | 'î' | 'ï' | 'ī' | 'ı' => "i",
        'Í' | 'Ì' | 'Î' | 'Ï' | 'Ī' | 'İ' => "I",
        'ł' => "l",
        'Ł' => "L",
        'ń' | 'ň' => "n",
        'Ń' | 'Ň' => "N",
        'ó' | 'ô' | 'õ' | 'ō' => "o",
        'Ó' | 'Ò' | 'Ô' | 'Õ' | 'Ō' => "O",
        'ő' => "ö",
        'Ő' => "Ö",
        'ř' => "r",
        'Ř' => "R",
        'ś' | 'š' | 'ş' | 'ș' => "s",
        'Ś' | 'Š' | 'Ş' | 'Ș' => "S",
        'ť' | 'ţ' | 'ț' => "t",
        'ú' | 'û' | 'ū' | 'ů' => "u",
        'Ú' | 'Ù' | 'Û' | 'Ū' | 'Ů' => "U",
        'ű' => "ü",
        'Ű' => "Ü",
        'ý' | 'ÿ' => "y",
        'Ý' => "Y",
        'ź' | 'ż' | 'ž' => "z",
        'Ź' | 'Ż' | 'Ž' => "Z",
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
        assert_eq!(non_gsm("”Hej” – å €"), ["”", "–", "€"]);
        assert!(non_gsm("Hej, världen! @£$").is_empty());
    }

    #[test]
    fn a_letter_with_a_mark_of_its_own_is_replaced_by_the_letter_with_the_mark() {
        let text = "a\u{30A}a\u{308}O\u{308}e\u{301}n\u{303}a\u{301}c\u{327}";
        let found: Vec<_> = non_gsm(text).into_iter().map(replacement).collect();
        assert_eq!(found, ["å", "ä", "Ö", "é", "ñ", "a", "Ç"].map(Some));
        assert_eq!(named("a\u{30A}"), "U+0061 U+030A");
        assert_eq!(non_gsm("x\u{30A}"), ["\u{30A}"], "Unicode has no such letter");
    }

    #[test]
    fn the_signs_that_are_letters_by_unicode_are_replaced_by_these() {
        for (sign, letter, name) in [
            ("\u{212B}", "Å", "U+212B"),
            ("\u{2126}", "Ω", "U+2126"),
            ("\u{212A}", "K", "U+212A"),
            ("\u{37E}", ";", "U+037E"),
        ] {
            assert_eq!((replacement(sign), named(sign)), (Some(letter), name.into()));
        }
        assert_eq!((named("”"), named("\u{A0}")), ("”".into(), "U+00A0".into()));
    }

    #[test]
    fn the_letters_with_marks_are_those_of_unicode() {
        for (mark, letters, with_mark) in COMPOSED {
            assert_eq!(letters.chars().count(), with_mark.chars().count());
            let icu = icu_normalizer::ComposingNormalizerBorrowed::new_nfc();
            for (letter, composed) in letters.chars().zip(with_mark.chars()) {
                assert_eq!(icu.normalize(&format!("{letter}{mark}")), composed.to_string());
            }
        }
    }

    #[test]
    fn every_replacement_is_in_the_basic_alphabet() {
        for c in ('\0'..='\u{FFFF}').filter(|c| replacement_of(*c).is_some()) {
            assert!(!is_basic(c), "{c:?} needs no replacement");
            assert!(replacement_of(c).unwrap_or_default().chars().all(is_basic), "{c:?}");
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
