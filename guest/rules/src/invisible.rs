//! Invisible characters: those that a person does not see, and those that control a screen. With them a text can say
//! one thing to a person and another to a machine. What to do with them (refuse or escape) is the caller's decision.
//!
//! Invisible are, by Unicode 17: the control and format characters (Cc, Cf), the line separators (Zl, Zp), every code
//! point with the property Default_Ignorable_Code_Point, private use (Co), the noncharacters, and a few letters,
//! symbols and marks that by their description have no glyph of their own. Not invisible are:
//! - tab, line feed, carriage return and the spaces (Zs): they leave a gap that a person sees
//! - the format characters with Prepended_Concatenation_Mark (U+0600 and others): they are drawn around a number
//! - the stackers of living scripts (U+1039 of Burmese, U+17D2 of Khmer): ordinary words need them
//! - a joiner where the spelling of a script needs it (see `joining`): Persian and Sinhala words look different with it
//! - code points that are not assigned yet: they show as a box, and the next version of Unicode may make them letters
//!
//! ```
//! use sms_rules::invisible;
//!
//! assert_eq!(invisible::escape("a\u{200B}b"), r"a\u{200b}b");
//! assert_eq!(invisible::escape("👩‍👩‍👧 stays"), "👩‍👩‍👧 stays"); // its joiners are part of the picture
//! assert_eq!(invisible::escape("می‌خواهم"), "می‌خواهم"); // its joiner is part of the word
//! ```

use crate::joining;
use std::borrow::Cow;

/// The kind of an invisible character, in words; `None` for any other character. Tab, line feed and carriage return
/// count as visible.
pub fn name(c: char) -> Option<&'static str> {
    Some(match c {
        '\t' | '\n' | '\r' => return None,
        '\0'..='\u{1F}' | '\u{7F}'..='\u{9F}' => "a control character",
        '\u{AD}' => "a soft hyphen",
        '\u{34F}' | '\u{61C}' | '\u{180E}' | '\u{200E}' | '\u{200F}' => "an invisible mark",
        // The joiners of Tifinagh and of Brahmi numbers, and the filler of Khitan: marks without a glyph.
        '\u{2D7F}' | '\u{1107F}' | '\u{16FE4}' => "an invisible mark",
        '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{3164}' | '\u{FFA0}' => "an invisible letter",
        // A Braille cell without dots, a note without a head, and the blanks between hieroglyphs.
        '\u{2800}' | '\u{1D159}' | '\u{13441}' | '\u{13442}' => "a blank symbol",
        '\u{180B}'..='\u{180D}' | '\u{180F}' | '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}' => {
            "a variation selector"
        }
        '\u{200B}' | '\u{200C}' | '\u{2060}' | '\u{FEFF}' => "a zero-width character",
        '\u{200D}' => "a zero-width joiner",
        '\u{2028}' | '\u{2029}' => "a line separator",
        '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => "a control of the writing direction",
        '\u{2061}'..='\u{2065}' | '\u{206A}'..='\u{206F}' | '\u{FFF0}'..='\u{FFFB}' => "a format control",
        '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}' => "a format control",
        // The last one mirrors a hieroglyph. It is a mark by its category, and alone it shows nothing.
        '\u{13430}'..='\u{13440}' => "a format control",
        // It stands for a picture that is not part of the text. Some programs draw nothing for it.
        '\u{FFFC}' => "a placeholder for an object",
        '\u{E0000}'..='\u{E007F}' => "a tag character",
        // A range that Unicode reserves for invisible characters, assigned or not.
        '\u{E0080}'..='\u{E0FFF}' => "a character that shows nothing",
        // These 66 code points are never characters.
        '\u{FDD0}'..='\u{FDEF}' => "a noncharacter",
        _ if u32::from(c) & 0xFFFE == 0xFFFE => "a noncharacter",
        // Each font draws its own picture for them, or none: Apple's logo (U+F8FF) is nothing on other phones.
        '\u{E000}'..='\u{F8FF}' | '\u{F0000}'..='\u{10FFFF}' => "a private-use character",
        _ => return None,
    })
}

/// The flags of regions that emoji fonts show (England, Scotland, Wales), as their tags. Any other row of tags is an
/// invisible text.
const REGIONS: [&str; 3] = [
    "\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F}",
    "\u{E0067}\u{E0062}\u{E0073}\u{E0063}\u{E0074}\u{E007F}",
    "\u{E0067}\u{E0062}\u{E0077}\u{E006C}\u{E0073}\u{E007F}",
];

/// The text with each invisible character escaped (`\u{202e}`). A lone carriage return is escaped, too, because it lets
/// a terminal overwrite a line. Invisible characters inside an emoji and joiners inside a word stay: they change what a
/// person sees.
pub fn escape(text: &str) -> Cow<'_, str> {
    // Bytes first: they are compared many at a time.
    if text.bytes().all(is_plain_ascii) || text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let returns = text.match_indices('\r').filter(|(at, _)| !text[at + 1..].starts_with('\n'));
    let mut returns = returns.map(|(at, _)| (at, '\r')).peekable();
    let mut invisible = find(text).peekable();
    let mut escaped = String::new();
    let mut copied = 0;
    // Both run through the text from its beginning, so that nothing is collected in between.
    while let Some((at, c)) = match (returns.peek(), invisible.peek()) {
        (Some(first), Some(second)) if first.0 > second.0 => invisible.next(),
        (None, _) => invisible.next(),
        _ => returns.next(),
    } {
        escaped.push_str(&text[copied..at]);
        escaped.extend(c.escape_unicode());
        copied = at + c.len_utf8();
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    escaped.push_str(&text[copied..]);
    Cow::Owned(escaped)
}

/// [`is_plain`] of a byte, which stands for itself in ASCII. A byte of another character is never plain.
fn is_plain_ascii(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | b' '..=b'~')
}

/// Whether a character is visible and no part of an emoji: nearly all characters of nearly all texts.
fn is_plain(c: char) -> bool {
    matches!(c, '\t' | '\n' | ' '..='~' | '\u{A1}'..='\u{AC}' | '\u{AE}'..='\u{24F}')
}

/// The invisible characters of a text with their byte positions. Those that belong to an emoji are left out: a joiner
/// between two pictures, one selector after a picture, and the tags of a flag. So are the joiners of a word.
pub fn find(text: &str) -> impl Iterator<Item = (usize, char)> + '_ {
    let mut chars = text.char_indices().peekable();
    let mut picture = false; // the previous character belongs to an emoji
    let mut selected = false; // that emoji has its selector
    let mut flag_until = 0; // the byte position where the tags of a flag end
    std::iter::from_fn(move || {
        while let Some((at, c)) = chars.next() {
            let next = chars.peek().map(|&(_, next)| next);
            let selector = matches!(c, '\u{FE0E}' | '\u{FE0F}');
            let belongs = match c {
                '\u{200D}' => picture && next.is_some_and(is_picture),
                _ if selector => (picture && !selected) || (is_keycap(text, at) && next == Some('\u{20E3}')),
                _ => name(c).is_none() || at < flag_until,
            } || joining::is_part_of_word(&text[..at], c, &text[at + c.len_utf8()..]);
            if c == '\u{1F3F4}' {
                let after = at + c.len_utf8();
                let region = REGIONS.iter().find(|region| text[after..].starts_with(**region));
                flag_until = region.map_or(0, |region| after + region.len());
            }
            picture = is_picture(c) || (picture && belongs && (selector || at < flag_until));
            selected = selector && belongs;
            if !belongs {
                return Some((at, c));
            }
        }
        None
    })
}

/// Whether the character before a position can begin a keycap emoji.
fn is_keycap(text: &str, at: usize) -> bool {
    text[..at].ends_with(|c: char| c.is_ascii_digit() || c == '#' || c == '*')
}

/// Whether a character is a picture that others can be joined to. Source: the blocks of the emoji in Unicode's
/// emoji-data.txt, skin tones included.
fn is_picture(c: char) -> bool {
    matches!(c,
        '\u{A9}' | '\u{AE}' | '\u{203C}' | '\u{2049}' | '\u{2122}' | '\u{2139}'
        | '\u{2190}'..='\u{21FF}' | '\u{2300}'..='\u{23FF}' | '\u{24C2}' | '\u{25A0}'..='\u{27BF}'
        | '\u{2900}'..='\u{297F}' | '\u{2B00}'..='\u{2BFF}' | '\u{3030}' | '\u{303D}'
        | '\u{3297}' | '\u{3299}' | '\u{1F000}'..='\u{1FAFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_characters_of_an_emoji_are_not_escaped() {
        for text in ["👩‍👩‍👧", "❤️", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "1️⃣", "🏳️‍🌈", "👍🏽", "🧔🏽‍♂️", "Hej\tdu\r\n"]
        {
            assert_eq!(escape(text), text, "{text}");
        }
    }

    #[test]
    fn the_joiners_of_a_word_are_not_escaped() {
        for text in ["می‌خواهم بیایم", "ශ්‍රී ලංකාව", "র‍্যাব", "क्‍ष", "അവന്‍"]
        {
            assert_eq!(escape(text), text, "{text}");
        }
        assert_eq!(escape("می\u{200C}\u{200C}خواهم"), "می\\u{200c}\\u{200c}خواهم", "a run hides something");
    }

    #[test]
    fn invisible_characters_are_escaped() {
        for (text, escaped) in [
            ("a\u{202E}b", "a\\u{202e}b"),
            ("a\u{200D}b", "a\\u{200d}b"),
            ("a\u{FE0F}", "a\\u{fe0f}"),
            ("\u{1B}[31m", "\\u{1b}[31m"),
            ("x\u{E0041}\u{E007F}", "x\\u{e0041}\\u{e007f}"),
            ("🏴\u{E0041}x", "🏴\\u{e0041}x"),
            ("\u{9B}2J", "\\u{9b}2J"),
            ("pay 1 kr\rpay 9 kr\r\n", "pay 1 kr\\u{d}pay 9 kr\r\n"),
            ("❤\u{FE0F}\u{FE0F}\u{FE0F}", "❤\u{FE0F}\\u{fe0f}\\u{fe0f}"),
            ("🏴\u{E0069}\u{E0067}\u{E007F}", "🏴\\u{e0069}\\u{e0067}\\u{e007f}"),
            ("x\u{E0200}\u{1BCA0}", "x\\u{e0200}\\u{1bca0}"),
            ("\u{2800}\u{1D159}\u{FFFC}", "\\u{2800}\\u{1d159}\\u{fffc}"),
            ("\u{F8FF}\u{FDD0}\u{10FFFF}", "\\u{f8ff}\\u{fdd0}\\u{10ffff}"),
        ] {
            assert_eq!(escape(text), escaped);
            assert_eq!(escape(escaped), escaped, "escaping twice changes nothing");
        }
    }

    /// Default_Ignorable_Code_Point. Source: DerivedCoreProperties.txt of Unicode 17.
    const DEFAULT_IGNORABLE: [(u32, u32); 17] = [
        (0xAD, 0xAD),
        (0x34F, 0x34F),
        (0x61C, 0x61C),
        (0x115F, 0x1160),
        (0x17B4, 0x17B5),
        (0x180B, 0x180F),
        (0x200B, 0x200F),
        (0x202A, 0x202E),
        (0x2060, 0x206F),
        (0x3164, 0x3164),
        (0xFE00, 0xFE0F),
        (0xFEFF, 0xFEFF),
        (0xFFA0, 0xFFA0),
        (0xFFF0, 0xFFF8),
        (0x1BCA0, 0x1BCA3),
        (0x1D173, 0x1D17A),
        (0xE0000, 0xE0FFF),
    ];

    /// Private use (Co). Source: UnicodeData.txt.
    const PRIVATE_USE: [(u32, u32); 3] = [(0xE000, 0xF8FF), (0xF0000, 0xFFFFD), (0x10_0000, 0x10_FFFD)];

    #[test]
    fn what_unicode_calls_ignorable_private_or_no_character_is_invisible() {
        let chars = |ranges: &[(u32, u32)]| {
            ranges.iter().flat_map(|&(first, last)| (first..=last).filter_map(char::from_u32)).collect::<Vec<_>>()
        };
        for c in chars(&DEFAULT_IGNORABLE) {
            assert!(name(c).is_some(), "U+{:04X}", u32::from(c));
        }
        for c in chars(&PRIVATE_USE) {
            assert_eq!(name(c), Some("a private-use character"), "U+{:04X}", u32::from(c));
        }
        let last_two = (0..=16).flat_map(|plane| [plane * 0x1_0000 + 0xFFFE, plane * 0x1_0000 + 0xFFFF]);
        let noncharacters: Vec<char> = (0xFDD0..=0xFDEF).chain(last_two).filter_map(char::from_u32).collect();
        assert_eq!(noncharacters.len(), 66);
        for c in noncharacters {
            assert_eq!(name(c), Some("a noncharacter"), "U+{:04X}", u32::from(c));
        }
    }

    #[test]
    fn what_a_person_sees_is_not_invisible() {
        for c in "\t\n\r \u{A0}\u{3000}AÅ€﷽你한\u{FFFD}\u{600}\u{6DD}\u{1039}\u{17D2}\u{301}".chars() {
            assert_eq!(name(c), None, "U+{:04X}", u32::from(c));
        }
    }

    #[test]
    fn a_plain_character_is_never_invisible() {
        assert!(('\0'..=char::MAX).filter(|&c| is_plain(c)).all(|c| name(c).is_none() && c != '\r'));
        for byte in 0..=u8::MAX {
            assert_eq!(is_plain_ascii(byte), byte.is_ascii() && is_plain(byte.into()), "{byte:#x}");
        }
    }

    proptest::proptest! {
        #[test]
        fn escaped_text_has_no_invisible_character(text: String) {
            let escaped = escape(&text);
            proptest::prop_assert_eq!(escape(&escaped), escaped.clone());
            proptest::prop_assert!(find(&escaped).next().is_none());
            proptest::prop_assert!(!escaped.replace("\r\n", "").contains('\r'));
        }
    }
}
