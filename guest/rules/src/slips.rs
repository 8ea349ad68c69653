//! Signs that a text is not what its author meant: an escape that nobody decoded, a placeholder that nobody filled in,
//! markup that a phone does not know. Nothing is refused for them: some texts mean them so.
//!
//! Sources: what users of SMS libraries and of agents report most, such as literal `\n`, `{{name}}`, `&amp;` and `Ã¶`.

/// What a text shows of each kind, as sentences for the sender. Each kind comes at most once.
pub fn slips(text: &str) -> Vec<String> {
    let note = |found: Option<&str>, what: &str| {
        found.map(|found| format!("The text holds {}, which {what}", found.chars().take(MAX_SHOWN).collect::<String>()))
    };
    [
        note(
            escape(text),
            "looks like an escape that was not decoded: write the character itself, such as a line break.",
        ),
        note(placeholder(text), "looks like a place that was not filled in: make sure that it is meant so."),
        note(markup(text), "a phone shows as it stands: an SMS has no HTML and no Markdown."),
        note(misread(text), "looks like a letter that was read in the wrong encoding: write the letter itself."),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// How many characters of a find are shown, at most.
const MAX_SHOWN: usize = 24;

/// An escape of JSON, C or URLs, as it would stand in source: `\n`, `\u00e5`, `%0A`.
fn escape(text: &str) -> Option<&str> {
    let coded = |at: usize, start: &str, digits: usize| {
        let rest = text[at..].strip_prefix(start)?;
        let hex = rest.get(..digits)?.bytes().all(|b| b.is_ascii_hexdigit());
        hex.then(|| &text[at..at + start.len() + digits])
    };
    text.match_indices(['\\', '%']).find_map(|(at, _)| {
        let simple = ["\\n", "\\r", "\\t", "\\\"", "%0A", "%0a", "%0D", "%0d"];
        let simple = simple.into_iter().find(|escape| text[at..].starts_with(escape));
        simple.or_else(|| coded(at, "\\u", 4)).or_else(|| coded(at, "\\x", 2))
    })
}

/// The words with which authors mark a place in brackets.
const TO_FILL_IN: [&str; 21] = [
    "your",
    "ditt",
    "din",
    "insert",
    "ange",
    "name",
    "namn",
    "förnamn",
    "efternamn",
    "firstname",
    "date",
    "datum",
    "time",
    "tid",
    "link",
    "länk",
    "company",
    "företag",
    "amount",
    "belopp",
    "kod",
];

/// A place that a template leaves to be filled in: `{{name}}`, `${name}`, `{name}`, `%s`, `[Namn]`, `<your name>`, or
/// what JavaScript writes for nothing.
fn placeholder(text: &str) -> Option<&str> {
    let of_nothing = ["undefined", "[object Object]", "NaN"].into_iter().find(|word| has_word(text, word));
    let formats = ["%s", "%d", "%@"].into_iter().find(|word| has_word(text, word));
    let braces = || enclosed(text, '{', '}', |inner| is_name(inner.trim_matches(['{', '}', ' ', '$'])));
    let brackets = |open, close| enclosed(text, open, close, |inner: &str| asks_for_something(inner));
    of_nothing.or(formats).or_else(braces).or_else(|| brackets('[', ']')).or_else(|| brackets('<', '>'))
}

/// Whether a text is a name of a program's variable: letters, digits, `_`, `.` and `-`.
fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| is_letter(c) && !c.is_ascii_digit() || c == '_')
        && text.chars().all(|c| is_letter(c) || "_.- ".contains(c))
}

/// Whether a character is a letter or a digit. Beyond ASCII every character counts as one: the tables of all scripts
/// would be a tenth of the component.
fn is_letter(c: char) -> bool {
    c.is_ascii_alphanumeric() || !c.is_ascii()
}

/// Whether the words in brackets ask for something: `your name`, `Namn`.
fn asks_for_something(inner: &str) -> bool {
    let mut words = inner.split([' ', '_', '-']);
    let asks = |word: &str| TO_FILL_IN.iter().any(|known| known.eq_ignore_ascii_case(word));
    words.clone().count() <= 4 && words.any(asks)
}

/// The first part of a text from an opening to the next closing character whose inside has a property.
fn enclosed(text: &str, open: char, close: char, fits: impl Fn(&str) -> bool) -> Option<&str> {
    text.match_indices(open).find_map(|(at, _)| {
        let inside = &text[at + open.len_utf8()..];
        let end = inside.find(close)?;
        fits(&inside[..end]).then(|| &text[at..at + open.len_utf8() + end + close.len_utf8()])
    })
}

/// Whether a text has a word with no letter or digit on either side.
fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let (before, after) = (text[..at].chars().next_back(), text[at + word.len()..].chars().next());
        ![before, after].into_iter().flatten().any(is_letter)
    })
}

/// A character reference or a tag of HTML, or a mark of Markdown.
fn markup(text: &str) -> Option<&str> {
    let references = ["&amp;", "&lt;", "&gt;", "&quot;", "&nbsp;", "&#39;", "&apos;"];
    let tags = ["<br", "<p>", "</p>", "<b>", "</b>", "<a ", "</a>", "<div", "<strong>", "<i>", "```", "]("];
    let lower = text.to_ascii_lowercase();
    let found = references.into_iter().chain(tags).find(|mark| lower.contains(mark));
    found.or_else(|| {
        let inside = &text[text.find("**")? + 2..];
        let end = inside.find("**")?;
        (end > 0 && !inside[..end].contains('\n')).then_some("**")
    })
}

/// A letter of UTF-8 that was read as Latin-1 or Windows-1252, or the character that stands for unreadable bytes.
fn misread(text: &str) -> Option<&str> {
    const MISREAD: [&str; 14] =
        ["Ã¥", "Ã¤", "Ã¶", "Ã…", "Ã„", "Ã–", "Ã©", "Ã¨", "Ã¼", "Ã¸", "Ã¦", "â€™", "â€œ", "\u{FFFD}"];
    MISREAD.into_iter().find(|letter| text.contains(letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_slip_is_named() {
        for (text, shown, kind) in [
            (r"Rad1\nRad2", r"\n", "escape"),
            (r#"Hon sa \"hej\""#, r#"\""#, "escape"),
            (r"p\u00e5 tisdag", r"\u00e5", "escape"),
            ("Rad1%0ARad2", "%0A", "escape"),
            ("Hej {{name}}!", "{{name}", "filled in"),
            ("Hej { first_name }!", "{ first_name }", "filled in"),
            ("Hej ${user.name}", "{user.name}", "filled in"),
            ("Din kod är %s", "%s", "filled in"),
            ("Hej [Namn], välkommen", "[Namn]", "filled in"),
            ("Regards, [Your Name]", "[Your Name]", "filled in"),
            ("Hej <name>", "<name>", "filled in"),
            ("Hej undefined!", "undefined", "filled in"),
            ("Du är skyldig NaN kr", "NaN", "filled in"),
            ("Hej [object Object]", "[object Object]", "filled in"),
            ("Fisk &amp; skaldjur", "&amp;", "HTML"),
            ("Rad1<BR/>Rad2", "<br", "HTML"),
            ("Läs **noga** först", "**", "Markdown"),
            ("Se [sidan](https://example.com)", "](", "Markdown"),
            ("MÃ¶te klockan ett", "Ã¶", "wrong encoding"),
            ("M\u{FFFD}te", "\u{FFFD}", "wrong encoding"),
        ] {
            let slips = slips(text);
            assert_eq!(slips.len(), 1, "{text}: {slips:?}");
            assert!(
                slips[0].contains(&format!("holds {shown}, which")) && slips[0].contains(kind),
                "{text}: {slips:?}"
            );
        }
    }

    #[test]
    fn an_ordinary_text_shows_none() {
        for text in [
            "Hej! Vi ses kl 10, 100 % säkert.",
            "Rabatt 20%! Bara i dag.",
            "AT&T & co: 5 < 6 > 4 {}",
            "OBS [viktigt] läs {1}",
            "Mötet (rum 3) börjar nu \\o/",
            "C:\\Windows",
            "2 ** 3 = 8",
            "Banana undefinedness",
            "Château, smörgås, naïve, Ærø",
            "",
        ] {
            assert_eq!(slips(text), [""; 0], "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn every_slip_is_one_short_sentence(text: String, near in "[\\\\%{}\\[\\]<>&*$;a-zåäöÃ¶ 0-9]{0,40}") {
            for text in [text, near] {
                let slips = slips(&text);
                proptest::prop_assert!(slips.len() <= 4 && slips.iter().all(|slip| slip.chars().count() < 200));
            }
        }
    }
}
