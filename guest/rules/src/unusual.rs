//! Unusual characters in a phone number or a sender name: those that nobody sees, and those that look like a plain
//! space, hyphen, plus or digit. Numbers get them when they are copied from a contact list, a web page or a document.
//! Such a number is refused, because a person cannot see what is wrong with it. The refusal says which character it is.
//!
//! ```
//! use sms_rules::unusual;
//!
//! let found = unusual::find("+46\u{A0}70 174 06 05").expect("has an unusual space");
//! assert_eq!(found.to_string(), "its character 4 is an unusual space (U+00A0): write an ordinary space or nothing");
//! assert_eq!(unusual::find("+46 70-174 06 05"), None);
//! ```

use crate::invisible;
use std::fmt;

/// An unusual character of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unusual {
    /// The character.
    character: char,
    /// Its place in the text, from 1.
    place: usize,
    /// What it is, in words.
    kind: &'static str,
    /// What to write instead.
    instead: &'static str,
}

/// The first unusual character of a text. Ordinary letters of any language are not unusual.
pub fn find(text: &str) -> Option<Unusual> {
    text.chars().zip(1..).find_map(|(character, place)| {
        let (kind, instead) = kind(character)?;
        Some(Unusual { character, place, kind, instead })
    })
}

/// Whether a character looks like a plus and is none.
pub fn is_plus(c: char) -> bool {
    matches!(c, '\u{207A}' | '\u{208A}' | '\u{2795}' | '\u{FB29}' | '\u{FE62}' | '\u{FF0B}')
}

/// What an unusual character is, and what to write instead. Sources: Unicode's White_Space, Dash, and numbers; the
/// lists of compatibility forms for plus, parentheses and dot.
fn kind(c: char) -> Option<(&'static str, &'static str)> {
    if let Some(name) = invisible::name(c) {
        return Some((name, "nobody can see it, so remove it or type the value again"));
    }
    Some(match c {
        ' '..='~' => return None,
        '\n' | '\r' => ("a line break", "remove it"),
        '\t' => ("a tab", "write an ordinary space or nothing"),
        _ if c.is_whitespace() => ("an unusual space", "write an ordinary space or nothing"),
        _ if is_hyphen(c) => ("an unusual hyphen", "write an ordinary hyphen or nothing"),
        _ if is_plus(c) => ("an unusual plus", "write an ordinary +"),
        '\u{207D}'
        | '\u{207E}'
        | '\u{208D}'
        | '\u{208E}'
        | '\u{2768}'..='\u{276B}'
        | '\u{FE59}'
        | '\u{FE5A}'
        | '\u{FF08}'
        | '\u{FF09}' => ("an unusual parenthesis", "leave it out"),
        '\u{B7}' | '\u{2022}' | '\u{2024}' | '\u{2027}' | '\u{2219}' | '\u{22C5}' | '\u{30FB}' | '\u{FE52}'
        | '\u{FF0E}' => ("an unusual dot", "write an ordinary space or nothing"),
        _ if c.is_numeric() => ("an unusual digit", "write only the digits 0 to 9"),
        _ => return None,
    })
}

/// Whether a character looks like a hyphen and is none.
fn is_hyphen(c: char) -> bool {
    matches!(
        c,
        '\u{2010}'
            ..='\u{2015}'
                | '\u{2043}'
                | '\u{207B}'
                | '\u{208B}'
                | '\u{2212}'
                | '\u{2500}'
                | '\u{2E3A}'
                | '\u{2E3B}'
                | '\u{30FC}'
                | '\u{FE31}'
                | '\u{FE32}'
                | '\u{FE58}'
                | '\u{FE63}'
                | '\u{FF0D}'
                | '\u{FF70}'
    )
}

impl fmt::Display for Unusual {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { character, place, kind, instead } = self;
        write!(f, "its character {place} is {kind} (U+{:04X}): {instead}", u32::from(*character))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unusual_character_is_named_with_its_code_point_and_what_to_write() {
        for (text, place, name, instead) in [
            ("\u{202A}+46701740605\u{202C}", 1, "a control of the writing direction (U+202A)", "remove it"),
            ("+46701740605\u{202C}", 13, "a control of the writing direction (U+202C)", "remove it"),
            ("\u{200E}+46701740605", 1, "an invisible mark (U+200E)", "remove it"),
            ("\u{2068}+46701740605\u{2069}", 1, "a control of the writing direction (U+2068)", "remove it"),
            ("+46\u{200B}701740605", 4, "a zero-width character (U+200B)", "remove it"),
            ("\u{FEFF}+46701740605", 1, "a zero-width character (U+FEFF)", "remove it"),
            ("+46\u{AD}701740605", 4, "a soft hyphen (U+00AD)", "remove it"),
            ("+46\u{A0}701740605", 4, "an unusual space (U+00A0)", "an ordinary space"),
            ("+46\u{202F}701740605", 4, "an unusual space (U+202F)", "an ordinary space"),
            ("+46\u{2007}701740605", 4, "an unusual space (U+2007)", "an ordinary space"),
            ("+46\u{2009}701740605", 4, "an unusual space (U+2009)", "an ordinary space"),
            ("+46\u{3000}701740605", 4, "an unusual space (U+3000)", "an ordinary space"),
            ("+46\t701740605", 4, "a tab (U+0009)", "an ordinary space"),
            ("+46701740605\n", 13, "a line break (U+000A)", "remove it"),
            ("+46701740605\0", 13, "a control character (U+0000)", "remove it"),
            ("+46\u{2011}701740605", 4, "an unusual hyphen (U+2011)", "an ordinary hyphen"),
            ("+46\u{2013}701740605", 4, "an unusual hyphen (U+2013)", "an ordinary hyphen"),
            ("+46\u{2012}701740605", 4, "an unusual hyphen (U+2012)", "an ordinary hyphen"),
            ("+46\u{2212}701740605", 4, "an unusual hyphen (U+2212)", "an ordinary hyphen"),
            ("\u{FF0B}46701740605", 1, "an unusual plus (U+FF0B)", "an ordinary +"),
            ("+46\u{FF08}70\u{FF09}1740605", 4, "an unusual parenthesis (U+FF08)", "leave it out"),
            ("+46·701740605", 4, "an unusual dot (U+00B7)", "an ordinary space"),
            ("+46\u{FF17}01740605", 4, "an unusual digit (U+FF17)", "only the digits 0 to 9"),
            ("+46\u{0667}01740605", 4, "an unusual digit (U+0667)", "only the digits 0 to 9"),
            ("+46\u{096D}01740605", 4, "an unusual digit (U+096D)", "only the digits 0 to 9"),
            ("Elks\u{200B}", 5, "a zero-width character (U+200B)", "remove it"),
        ] {
            let found = find(text).expect(name).to_string();
            assert!(found.starts_with(&format!("its character {place} is {name}: ")), "{found}");
            assert!(found.contains(instead), "{found}");
        }
    }

    #[test]
    fn plain_characters_and_letters_are_not_unusual() {
        for text in ["", "+46 (70)-174.06.05", "tel:+46", "Åkeriet", "Ωmega", "\"'/,;*#[]{}~", "电话"] {
            assert_eq!(find(text), None, "{text}");
        }
    }
}
