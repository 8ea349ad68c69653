//! The notes about a message: a number that looks invented, removed characters, many parts, links, slips, characters
//! outside the GSM alphabet. They are advice; nothing here decides anything.

use sms_rules::links::{self, Link, Target};
use sms_rules::{gsm, phone, slips, text};

/// The number of parts from which on a note says what is billed.
const MANY_PARTS: u32 = 3;

/// The number of reasons to distrust a link that a note names, at most.
const MAX_SUSPICIONS: usize = 2;

/// The number of characters of a host that a note shows, at most. A note has at most 300 characters.
const MAX_NAME_CHARS: usize = 80;

/// The note about a recipient whose number looks invented, although a person may have it.
pub(crate) fn recipient(to: &str) -> Option<String> {
    let doubt = phone::doubt(to)?;
    Some(format!("The recipient's number {doubt}: check with the user that it is the right number."))
}

/// The notes about a text that is billed as so many parts.
pub(crate) fn about(clean: &text::Clean, parts: u32) -> Vec<String> {
    let mut notes = Vec::new();
    if clean.removed > 0 {
        let characters = if clean.removed == 1 { "control character" } else { "control characters" };
        notes.push(format!("{} {characters} removed from the text.", clean.removed));
    }
    if parts >= MANY_PARTS {
        notes.push(format!("The message is billed as {parts} parts."));
    }
    for link in links::links(&clean.text) {
        notes.push(about_link(&link));
    }
    notes.extend(slips::slips(&clean.text));
    let non_gsm = gsm::non_gsm(&clean.text);
    if !non_gsm.is_empty() {
        let named: Vec<String> = non_gsm
            .iter()
            .map(|&character| match gsm::replacement(character) {
                Some(" ") => format!("{} (or a space)", gsm::named(character)),
                Some(plain) => format!("{} (or {plain})", gsm::named(character)),
                None => gsm::named(character),
            })
            .collect();
        notes.push(format!(
            "These characters make the message UTF-16, so that only 70 instead of 160 fit into a part: {}.",
            named.join(", ")
        ));
    }
    notes
}

/// The note about a link. At most two reasons to distrust it fit into a note.
fn about_link(link: &Link) -> String {
    let target = match &link.target {
        Target::Host(host) => format!("a link to {}", end_of(host)),
        Target::App(scheme) => format!("an app link ({}:), which opens an app instead of a page", end_of(scheme)),
    };
    let suspicious: String =
        link.suspicions.iter().take(MAX_SUSPICIONS).map(|suspicion| format!(", which {suspicion}")).collect();
    format!("The text contains {target}{suspicious}: make sure that the user wants to send it.")
}

/// The end of a long name: it decides where a link leads.
fn end_of(name: &str) -> String {
    let skipped = name.chars().count().saturating_sub(MAX_NAME_CHARS);
    let end: String = name.chars().skip(skipped).collect();
    if skipped == 0 { end } else { format!("…{end}") }
}

/// The note that 46elks counts other parts than the published rule.
pub(crate) fn parts_differ(ours: u32, theirs: u32) -> Option<String> {
    (ours != theirs).then(|| format!("By the published rule the message has {ours} parts; 46elks bills {theirs}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notes(message: &str) -> Vec<String> {
        about(&text::clean(message).expect("is sendable"), 1)
    }

    #[test]
    fn a_note_about_a_link_says_where_it_leads_and_fits() {
        for (message, note) in [
            ("bit.ly/abc", "a link to bit.ly, which hides where it leads (a link shortener): make sure"),
            ("bankid:///?x=1", "an app link (bankid:), which opens an app instead of a page: make sure"),
        ] {
            assert!(notes(message)[0].contains(note), "{:?}", notes(message));
        }
        let long = format!("https://polisen@xn--{}.p\u{430}ypal.bit.ly/x", "a".repeat(400));
        let note = &notes(&long)[0];
        assert!(note.chars().count() <= 300 && note.contains("ypal.bit.ly, which"), "{note}");
    }

    #[test]
    fn a_character_that_looks_like_its_replacement_is_named_by_its_code_points() {
        let note = notes("ba\u{30A}t \u{212B}").pop().expect("is there");
        assert!(note.ends_with("U+0061 U+030A (or å), U+212B (or Å)."), "{note}");
    }
}
