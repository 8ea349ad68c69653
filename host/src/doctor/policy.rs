//! The policy in short, as `elks-mcp policy` has it in full.

use super::finding::{Finding, Group};
use crate::config::parts::Parts;
use crate::policy::print::Sources;
use crate::policy::settings;

/// Which settings make up which line.
const LINES: [(&str, &[(&str, &str)]); 3] = [
    (
        "recipients",
        &[
            ("to", settings::ALLOWED_RECIPIENTS),
            ("never to", settings::BLOCKED_RECIPIENTS),
            ("countries", settings::ALLOWED_COUNTRIES),
            ("contacts", settings::CONTACTS),
            ("contacts only", settings::CONTACTS_ONLY),
        ],
    ),
    (
        "limits",
        &[
            ("a minute", settings::SMS_PER_MINUTE),
            ("a day", settings::SMS_PER_DAY),
            ("a day to one recipient", settings::SMS_PER_RECIPIENT_PER_DAY),
            ("amount a day", settings::SPEND_PER_DAY),
            ("amount a month", settings::SPEND_PER_MONTH),
            ("price of a message", settings::MAX_PRICE),
            ("parts", settings::MAX_PARTS),
            ("quiet hours", settings::QUIET_HOURS),
        ],
    ),
    ("approval", &[("a person approves each send", settings::CONFIRM_SENDS)]),
];

/// Who can be sent to, how much, and who is asked before.
pub(super) fn findings(parts: &Parts) -> Vec<Finding> {
    let Some(sources) = &parts.sources else {
        return vec![Finding::skipped(Group::Policy, "policy", "its settings have problems, which stand above")];
    };
    let mut found: Vec<Finding> = LINES.iter().map(|(check, rules)| line(sources, check, rules)).collect();
    found.push(sending(parts, sources));
    found
}

fn line(sources: &Sources, check: &str, rules: &[(&str, &str)]) -> Finding {
    let words: Vec<String> = rules.iter().map(|(words, name)| format!("{words}: {}", sources.value(name))).collect();
    let found = Finding::ok(Group::Policy, check, words.join("; "));
    rules.iter().fold(found, |found, (_, name)| found.fact(name, sources.value(name)))
}

/// Whether messages are sent at all.
fn sending(parts: &Parts, sources: &Sources) -> Finding {
    let dry_run = parts.dry_run.unwrap_or(true);
    let found = match (dry_run, sources.policy().is_wide_open()) {
        (true, _) => Finding::ok(Group::Policy, "sending", "DRY_RUN is on: no message is sent"),
        (false, false) => Finding::ok(Group::Policy, "sending", "DRY_RUN is off: messages are sent"),
        (false, true) => {
            let text = "DRY_RUN is off, and a model may send to anyone, without an approval or a limit on amounts";
            Finding::warning(Group::Policy, "sending", text).next(
                "Set ELKS_ALLOWED_RECIPIENTS, ELKS_ALLOWED_COUNTRIES or ELKS_CONTACTS_ONLY, or a limit such as \
                 ELKS_SPEND_PER_DAY, or CONFIRM_SENDS=true.",
            )
        }
    };
    found.fact("dry_run", dry_run)
}
