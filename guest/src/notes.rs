//! The notes about a text: removed characters, many parts, links, characters outside the GSM alphabet. They are advice;
//! nothing here decides anything.

use sms_rules::{gsm, links, text};

/// The number of parts from which on a note says what is billed.
const MANY_PARTS: u32 = 3;

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
        let suspicious: String = link.suspicions.iter().map(|suspicion| format!(", which {suspicion}")).collect();
        notes.push(format!(
            "The text contains a link to {}{suspicious}: make sure that the user wants to send it.",
            link.host
        ));
    }
    let non_gsm = gsm::non_gsm(&clean.text);
    if !non_gsm.is_empty() {
        let named: Vec<String> = non_gsm
            .iter()
            .map(|&c| match gsm::replacement(c) {
                Some(" ") => format!("{} (or a space)", gsm::shown(c)),
                Some(plain) => format!("{} (or {plain})", gsm::shown(c)),
                None => gsm::shown(c),
            })
            .collect();
        notes.push(format!(
            "These characters make the message UTF-16, so that only 70 instead of 160 fit into a part: {}.",
            named.join(", ")
        ));
    }
    notes
}

/// The note that 46elks counts other parts than the published rule.
pub(crate) fn parts_differ(ours: u32, theirs: u32) -> Option<String> {
    (ours != theirs).then(|| format!("By the published rule the message has {ours} parts; 46elks bills {theirs}."))
}
