//! Joiners that are part of a word. The zero-width non-joiner (U+200C), the zero-width joiner (U+200D) and the
//! Mongolian vowel separator (U+180E) show nothing themselves, but in some scripts they decide how the letters beside
//! them look: Persian می‌خواهم and Sinhala ශ්‍රී are misspelt without them.
//!
//! A joiner is part of a word in these places only. In each of them it changes how the word looks:
//! - the non-joiner between two letters that would connect. Source: RFC 5892, appendix A.1, and UAX #31, rule A1.
//! - both after a virama, the mark that joins consonants. Source: RFC 5892, appendices A.1 and A.2; UAX #31, A2 and B.
//! - the joiner between a consonant and a virama in Bengali, Kannada and Sinhala. Source: The Unicode Standard,
//!   chapters 12 and 13: the ya-phalaa after ra (র‍্যাব), ra without reph, and touching letters.
//! - the vowel separator between a Mongolian letter and a final a or e. Source: The Unicode Standard, chapter 13.
//!
//! Anywhere else a word looks the same without the joiner, so it can only hide something. Of two joiners in a row, one
//! at most is part of a word.

/// The zero-width non-joiner: it keeps two letters apart that would connect.
const NON_JOINER: char = '\u{200C}';

/// The zero-width joiner.
const JOINER: char = '\u{200D}';

/// The Mongolian vowel separator.
const VOWEL_SEPARATOR: char = '\u{180E}';

/// Whether a character between two pieces of a text is a joiner that is part of the word around it.
pub(crate) fn is_part_of_word(before: &str, c: char, after: &str) -> bool {
    match c {
        NON_JOINER => is_between_connecting(before, after) || is_after_virama(before),
        JOINER => is_after_virama(before) || is_before_virama(before, after),
        VOWEL_SEPARATOR => {
            before.ends_with(|c| matches!(c, '\u{1820}'..='\u{1878}')) && after.starts_with(['\u{1820}', '\u{1821}'])
        }
        _ => false,
    }
}

/// Whether the letters on both sides would connect. Marks on the letters do not change that.
fn is_between_connecting(before: &str, after: &str) -> bool {
    before.trim_end_matches(is_transparent).ends_with(connects_to_next)
        && after.trim_start_matches(is_transparent).starts_with(connects_to_previous)
}

/// Whether the text ends in a letter with a virama.
fn is_after_virama(before: &str) -> bool {
    let mut back = before.chars().rev();
    match (back.next(), back.next()) {
        (Some(virama), Some(letter)) => is_virama(virama) && !is_virama(letter) && are_of_one_script(letter, virama),
        _ => false,
    }
}

/// Whether the joiner stands between a consonant and a virama, in a script whose spelling knows that.
fn is_before_virama(before: &str, after: &str) -> bool {
    matches!(
        (before.chars().next_back(), after.chars().next()),
        (Some('\u{9B0}' | '\u{9F0}'), Some('\u{9CD}'))
            | (Some('\u{CB0}'), Some('\u{CCD}'))
            | (Some('\u{D9A}'..='\u{DC6}'), Some('\u{DCA}'))
    )
}

/// Whether a letter or a mark can carry a virama. Unicode keeps the letters of a script close to its virama, within 256
/// code points.
fn are_of_one_script(letter: char, virama: char) -> bool {
    !letter.is_ascii() && u32::from(letter) >> 8 == u32::from(virama) >> 8
}

/// Whether a letter connects to the next one: Joining_Type is Dual_Joining or Left_Joining.
fn connects_to_next(c: char) -> bool {
    is_dual_joining(c)
        || matches!(c, '\u{A872}' | '\u{10ACD}' | '\u{10AD7}' | '\u{10D00}' | '\u{10ED9}'..='\u{10EEE}' | '\u{10FCB}')
}

/// Whether a letter connects to the one before it: Joining_Type is Dual_Joining or Right_Joining.
fn connects_to_previous(c: char) -> bool {
    is_dual_joining(c)
        || matches!(c,
            '\u{622}'..='\u{625}' | '\u{627}' | '\u{629}' | '\u{62F}'..='\u{632}' | '\u{648}' | '\u{671}'..='\u{673}'
            | '\u{675}'..='\u{677}' | '\u{688}'..='\u{699}' | '\u{6C0}' | '\u{6C3}'..='\u{6CB}' | '\u{6CD}'
            | '\u{6CF}' | '\u{6D2}' | '\u{6D3}' | '\u{6D5}' | '\u{6EE}' | '\u{6EF}' | '\u{710}'
            | '\u{715}'..='\u{719}' | '\u{71E}' | '\u{728}' | '\u{72A}' | '\u{72C}' | '\u{72F}' | '\u{74D}'
            | '\u{759}'..='\u{75B}' | '\u{76B}' | '\u{76C}' | '\u{771}' | '\u{773}' | '\u{774}' | '\u{778}'
            | '\u{779}' | '\u{840}' | '\u{846}' | '\u{847}' | '\u{849}' | '\u{854}' | '\u{856}'..='\u{858}'
            | '\u{867}' | '\u{869}' | '\u{86A}' | '\u{870}'..='\u{882}' | '\u{88E}' | '\u{8AA}'..='\u{8AC}'
            | '\u{8AE}' | '\u{8B1}' | '\u{8B2}' | '\u{8B9}' | '\u{10AC5}' | '\u{10AC7}' | '\u{10AC9}' | '\u{10ACA}'
            | '\u{10ACE}'..='\u{10AD2}' | '\u{10ADD}' | '\u{10AE1}' | '\u{10AE4}' | '\u{10AEF}' | '\u{10B81}'
            | '\u{10B83}'..='\u{10B85}' | '\u{10B89}' | '\u{10B8C}' | '\u{10B8E}' | '\u{10B8F}' | '\u{10B91}'
            | '\u{10BA9}'..='\u{10BAC}' | '\u{10D22}' | '\u{10EC2}' | '\u{10F33}' | '\u{10F54}' | '\u{10F74}'
            | '\u{10F75}' | '\u{10FB4}'..='\u{10FB6}' | '\u{10FB9}' | '\u{10FBA}' | '\u{10FBD}' | '\u{10FC2}'
            | '\u{10FC3}' | '\u{10FC9}'
        )
}

/// Whether Joining_Type is Dual_Joining. Source, for this and the other types: DerivedJoiningType.txt of Unicode 17.
fn is_dual_joining(c: char) -> bool {
    matches!(c,
        '\u{620}' | '\u{626}' | '\u{628}' | '\u{62A}'..='\u{62E}' | '\u{633}'..='\u{63F}' | '\u{641}'..='\u{647}'
        | '\u{649}' | '\u{64A}' | '\u{66E}' | '\u{66F}' | '\u{678}'..='\u{687}' | '\u{69A}'..='\u{6BF}'
        | '\u{6C1}' | '\u{6C2}' | '\u{6CC}' | '\u{6CE}' | '\u{6D0}' | '\u{6D1}' | '\u{6FA}'..='\u{6FC}'
        | '\u{6FF}' | '\u{712}'..='\u{714}' | '\u{71A}'..='\u{71D}' | '\u{71F}'..='\u{727}' | '\u{729}'
        | '\u{72B}' | '\u{72D}' | '\u{72E}' | '\u{74E}'..='\u{758}' | '\u{75C}'..='\u{76A}'
        | '\u{76D}'..='\u{770}' | '\u{772}' | '\u{775}'..='\u{777}' | '\u{77A}'..='\u{77F}'
        | '\u{7CA}'..='\u{7EA}' | '\u{841}'..='\u{845}' | '\u{848}' | '\u{84A}'..='\u{853}' | '\u{855}'
        | '\u{860}' | '\u{862}'..='\u{865}' | '\u{868}' | '\u{886}' | '\u{889}'..='\u{88D}' | '\u{88F}'
        | '\u{8A0}'..='\u{8A9}' | '\u{8AF}' | '\u{8B0}' | '\u{8B3}'..='\u{8B8}' | '\u{8BA}'..='\u{8C8}'
        | '\u{1807}' | '\u{1820}'..='\u{1878}' | '\u{1887}'..='\u{18A8}' | '\u{18AA}' | '\u{A840}'..='\u{A871}'
        | '\u{10AC0}'..='\u{10AC4}' | '\u{10AD3}'..='\u{10AD6}' | '\u{10AD8}'..='\u{10ADC}'
        | '\u{10ADE}'..='\u{10AE0}' | '\u{10AEB}'..='\u{10AEE}' | '\u{10B80}' | '\u{10B82}'
        | '\u{10B86}'..='\u{10B88}' | '\u{10B8A}' | '\u{10B8B}' | '\u{10B8D}' | '\u{10B90}' | '\u{10BAD}'
        | '\u{10BAE}' | '\u{10D01}'..='\u{10D21}' | '\u{10D23}' | '\u{10EC3}' | '\u{10EC4}' | '\u{10EC6}'
        | '\u{10EC7}' | '\u{10F30}'..='\u{10F32}' | '\u{10F34}'..='\u{10F44}' | '\u{10F51}'..='\u{10F53}'
        | '\u{10F70}'..='\u{10F73}' | '\u{10F76}'..='\u{10F81}' | '\u{10FB0}' | '\u{10FB2}' | '\u{10FB3}'
        | '\u{10FB8}' | '\u{10FBB}' | '\u{10FBC}' | '\u{10FBE}' | '\u{10FBF}' | '\u{10FC1}' | '\u{10FC4}'
        | '\u{10FCA}' | '\u{1E900}'..='\u{1E943}'
    )
}

/// Whether a character is a mark that connecting letters ignore: Joining_Type is Transparent, in the blocks of the
/// scripts whose letters connect. Invisible characters of that type are left out.
fn is_transparent(c: char) -> bool {
    matches!(c,
        '\u{610}'..='\u{61A}' | '\u{64B}'..='\u{65F}' | '\u{670}' | '\u{6D6}'..='\u{6DC}' | '\u{6DF}'..='\u{6E4}'
        | '\u{6E7}' | '\u{6E8}' | '\u{6EA}'..='\u{6ED}' | '\u{711}' | '\u{730}'..='\u{74A}'
        | '\u{7EB}'..='\u{7F3}' | '\u{7FD}' | '\u{859}'..='\u{85B}' | '\u{897}'..='\u{89F}'
        | '\u{8CA}'..='\u{8E1}' | '\u{8E3}'..='\u{8FF}' | '\u{1885}' | '\u{1886}' | '\u{18A9}' | '\u{10AE5}'
        | '\u{10AE6}' | '\u{10D24}'..='\u{10D27}' | '\u{10ECB}'..='\u{10ECF}' | '\u{10EF0}'..='\u{10EFF}'
        | '\u{10F46}'..='\u{10F50}' | '\u{10F82}'..='\u{10F85}' | '\u{1E944}'..='\u{1E94B}'
    )
}

/// Whether a character is a virama: Canonical_Combining_Class is 9. Source: UnicodeData.txt of Unicode 17.
pub(crate) fn is_virama(c: char) -> bool {
    matches!(c,
        '\u{94D}' | '\u{9CD}' | '\u{A4D}' | '\u{ACD}' | '\u{B4D}' | '\u{BCD}' | '\u{C4D}' | '\u{CCD}'
        | '\u{D3B}'..='\u{D3C}' | '\u{D4D}' | '\u{DCA}' | '\u{E3A}' | '\u{EBA}' | '\u{F84}'
        | '\u{1039}'..='\u{103A}' | '\u{1714}'..='\u{1715}' | '\u{1734}' | '\u{17D2}' | '\u{1A60}' | '\u{1B44}'
        | '\u{1BAA}'..='\u{1BAB}' | '\u{1BF2}'..='\u{1BF3}' | '\u{2D7F}' | '\u{A806}' | '\u{A82C}' | '\u{A8C4}'
        | '\u{A953}' | '\u{A9C0}' | '\u{AAF6}' | '\u{ABED}' | '\u{10A3F}' | '\u{11046}' | '\u{11070}' | '\u{1107F}'
        | '\u{110B9}' | '\u{11133}'..='\u{11134}' | '\u{111C0}' | '\u{11235}' | '\u{112EA}' | '\u{1134D}'
        | '\u{113CE}'..='\u{113D0}' | '\u{11442}' | '\u{114C2}' | '\u{115BF}' | '\u{1163F}' | '\u{116B6}'
        | '\u{1172B}' | '\u{11839}' | '\u{1193D}'..='\u{1193E}' | '\u{119E0}' | '\u{11A34}' | '\u{11A47}'
        | '\u{11A99}' | '\u{11C3F}' | '\u{11D44}'..='\u{11D45}' | '\u{11D97}' | '\u{11F41}'..='\u{11F42}'
        | '\u{1612F}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use icu_properties::CodePointMapData;
    use icu_properties::props::{CanonicalCombiningClass, JoiningType};

    /// The joiners of a text, each with whether it is part of a word.
    fn joiners(text: &str) -> Vec<bool> {
        let found = text.char_indices().filter(|(_, c)| matches!(*c, NON_JOINER | JOINER | VOWEL_SEPARATOR));
        found.map(|(at, c)| is_part_of_word(&text[..at], c, &text[at + c.len_utf8()..])).collect()
    }

    #[test]
    fn the_joiners_that_spelling_needs_are_part_of_a_word() {
        for (language, word) in [
            ("Persian", "می‌خواهم"),
            ("Persian", "نمی‌دانم"),
            ("Persian", "خانه‌های"),
            ("Persian", "کتاب‌هایشان"),
            ("Persian, with marks", "مِی\u{64E}\u{200C}\u{650}خواهم"),
            ("Urdu", "خوب‌صورت"),
            ("Kurdish", "ده‌کرێت"),
            ("Uyghur", "قىلىش‌نى"),
            ("Syriac", "ܒ\u{200C}ܒ"),
            ("N'Ko", "ߒ\u{200C}ߒ"),
            ("Mongolian", "ᠠ\u{200C}ᠠ"),
            ("Mongolian", "ᠪᠠᠢᠨ\u{180E}ᠠ"),
            ("Adlam", "𞤀\u{200C}𞤀"),
            ("Hindi", "क्‍ष"),
            ("Hindi", "क्‌ष"),
            ("Marathi", "दर्‍या"),
            ("Nepali", "गर्‍यो"),
            ("Bengali", "র‍্যাব"),
            ("Bengali", "উদ্‌যাপন"),
            ("Gujarati", "ક્‍ષ"),
            ("Tamil", "க்‌ஷ"),
            ("Telugu", "క్‌ష"),
            ("Kannada", "ರ‍್ಕ"),
            ("Kannada", "ಫ್‌ಲೈ"),
            ("Malayalam, with a chillu", "അവന്‍"),
            ("Sinhala", "ශ්‍රී ලංකා"),
            ("Sinhala", "ක්‍ය"),
        ] {
            assert!(joiners(word).iter().all(|&part| part), "{language}: {word:?}");
        }
    }

    #[test]
    fn any_other_joiner_is_no_part_of_a_word() {
        for (place, text) in [
            ("in a Latin word", "pay\u{200C}pal"),
            ("in a Latin word", "pay\u{200D}pal"),
            ("in a Cyrillic word", "пе\u{200C}ре"),
            ("in a Hebrew word", "של\u{200C}ום"),
            ("in a Chinese word", "中\u{200C}文"),
            ("alone", "\u{200C}"),
            ("at the beginning", "\u{200C}می"),
            ("at the end", "می\u{200C}"),
            ("before a space", "می\u{200C} خواهم"),
            ("before a Latin letter", "می\u{200C}x"),
            ("before a digit", "می\u{200C}5"),
            ("after a letter that does not connect", "د\u{200C}ر"),
            ("the joiner between connecting letters", "می\u{200D}خواهم"),
            ("after a virama on a Latin letter", "a्\u{200D}b"),
            ("after a virama alone", "्\u{200D}क"),
            ("without a virama", "क\u{200D}ष"),
            ("before a virama in Hindi", "क\u{200D}्ष"),
            ("in Latin", "a\u{180E}b"),
            ("before another Mongolian letter", "ᠪ\u{180E}ᠪ"),
        ] {
            assert!(joiners(text).iter().all(|&part| !part), "{place}: {text:?}");
        }
    }

    #[test]
    fn of_two_joiners_in_a_row_one_at_most_is_part_of_a_word() {
        for joiners_in_a_row in ["\u{200C}\u{200C}", "\u{200D}\u{200D}", "\u{200C}\u{200D}", "\u{200D}\u{200C}"] {
            for (before, after) in [("ی", "خ"), ("क्", "ष"), ("র", "্য"), ("ක", "්ය")] {
                let text = format!("{before}{joiners_in_a_row}{after}");
                assert!(joiners(&text).contains(&false), "{text:?}");
            }
        }
    }

    #[test]
    fn the_tables_are_those_of_unicode() {
        let joining = CodePointMapData::<JoiningType>::new();
        let classes = CodePointMapData::<CanonicalCombiningClass>::new();
        for c in '\0'..=char::MAX {
            let (at, kind) = (u32::from(c), joining.get(c));
            assert_eq!(is_dual_joining(c), kind == JoiningType::DualJoining, "U+{at:04X}");
            let next = matches!(kind, JoiningType::DualJoining | JoiningType::LeftJoining);
            assert_eq!(connects_to_next(c), next, "U+{at:04X}");
            let previous = matches!(kind, JoiningType::DualJoining | JoiningType::RightJoining);
            assert_eq!(connects_to_previous(c), previous, "U+{at:04X}");
            assert!(!is_transparent(c) || kind == JoiningType::Transparent, "U+{at:04X}");
            assert_eq!(is_virama(c), classes.get(c) == CanonicalCombiningClass::Virama, "U+{at:04X}");
        }
    }
}
