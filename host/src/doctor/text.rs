//! The findings for people: a line each, in groups, and what to do below those that need something.

use super::finding::{Finding, Group, Status, is_well};
use crate::count::count;
use crate::sanitise::visible;
use std::fmt::Write as _;

/// How a finding is marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Marks {
    /// By a word.
    Words,
    /// By a sign in a colour, as terminals show it.
    Signs,
}

impl Marks {
    /// Signs and colours are for terminals alone, and for people who have not asked for none (<https://no-color.org>).
    pub(super) fn of(is_terminal: bool, no_color: Option<&str>, term: Option<&str>) -> Self {
        let is_unwanted = no_color.is_some_and(|value| !value.is_empty()) || term == Some("dumb");
        if is_terminal && !is_unwanted { Self::Signs } else { Self::Words }
    }

    fn of_status(self, status: Status) -> String {
        let (colour, sign) = match status {
            Status::Ok => (32, '✓'),
            Status::Warning => (33, '⚠'),
            Status::Problem => (31, '✗'),
            Status::Skipped => (2, '-'),
        };
        match self {
            Self::Words => format!("{:<8}", status.word()),
            Self::Signs => format!("\u{1b}[{colour}m{sign}\u{1b}[0m"),
        }
    }
}

/// The whole text.
pub(super) fn text(findings: &[Finding], marks: Marks) -> String {
    let mut text = String::new();
    let mut group = None;
    for finding in findings {
        if group != Some(finding.group) {
            let gap = if group.is_some() { "\n" } else { "" };
            // Writing to a text cannot fail.
            let _ = writeln!(text, "{gap}{}", finding.group.title());
            group = Some(finding.group);
        }
        line(&mut text, finding, marks);
    }
    let _ = writeln!(text, "\n{}", end(findings));
    text
}

fn line(text: &mut String, finding: &Finding, marks: Marks) {
    // A setting is named by what was found; other checks have a name of their own.
    let name = if finding.group == Group::Settings { String::new() } else { format!("{}: ", finding.check) };
    let took = finding.took.map_or(String::new(), |took| format!(" ({} ms)", took.as_millis()));
    let mark = marks.of_status(finding.status);
    let _ = writeln!(text, "  {mark} {}{took}", visible(&format!("{name}{}", finding.text)));
    if let Some(next) = &finding.next {
        let indent = if marks == Marks::Words { 11 } else { 4 };
        let _ = writeln!(text, "{:indent$}{}", "", visible(next));
    }
}

/// The last line.
fn end(findings: &[Finding]) -> String {
    let number = |status| findings.iter().filter(|finding| finding.status == status).count() as u64;
    let (problems, warnings) = (number(Status::Problem), number(Status::Warning));
    let warned = if warnings > 0 { format!(", {}", count(warnings, "warning")) } else { String::new() };
    match is_well(findings) {
        true => format!("Nothing must be mended{warned}. Nothing was sent."),
        false => format!("{} to mend{warned}. Nothing was sent.", count(problems, "problem")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn findings() -> Vec<Finding> {
        vec![
            Finding::ok(Group::Program, "version", "0.1.0"),
            Finding::problem(Group::Connection, "name", "a\u{1b}[31m\u{202e}b\nc")
                .next("Look\u{7}.")
                .took(Duration::from_millis(7)),
            Finding::warning(Group::Connection, "proxy", "slow"),
            Finding::skipped(Group::Account, "account", "no connection"),
        ]
    }

    #[test]
    fn words_mark_the_findings_where_nobody_looks_at_a_screen() {
        assert_eq!(
            text(&findings(), Marks::Words),
            "Program\n  ok       version: 0.1.0\n\nConnection to 46elks\n  problem  name: \
             a\\u{1b}[31m\\u{202e}b\\u{a}c (7 ms)\n           Look\\u{7}.\n  warning  proxy: slow\n\nAccount\n  \
             skipped  account: no connection\n\n1 problem to mend, 1 warning. Nothing was sent.\n"
        );
    }

    #[test]
    fn a_terminal_gets_signs_and_no_control_character_from_elsewhere() {
        let shown = text(&findings(), Marks::Signs);
        for line in [
            "  \u{1b}[32m✓\u{1b}[0m version: 0.1.0\n",
            "  \u{1b}[31m✗\u{1b}[0m name: a\\u{1b}[31m\\u{202e}b\\u{a}c (7 ms)\n    Look\\u{7}.\n",
            "  \u{1b}[33m⚠\u{1b}[0m proxy: slow\n",
            "  \u{1b}[2m-\u{1b}[0m account: no connection\n",
        ] {
            assert!(shown.contains(line), "{line:?}: {shown:?}");
        }
    }

    #[test]
    fn signs_are_for_terminals_that_want_them() {
        for (is_terminal, no_color, term, marks) in [
            (true, None, Some("xterm"), Marks::Signs),
            (true, None, None, Marks::Signs),
            (true, Some(""), None, Marks::Signs),
            (true, Some("1"), Some("xterm"), Marks::Words),
            (true, None, Some("dumb"), Marks::Words),
            (false, None, Some("xterm"), Marks::Words),
        ] {
            assert_eq!(Marks::of(is_terminal, no_color, term), marks, "{is_terminal} {no_color:?} {term:?}");
        }
    }

    #[test]
    fn the_last_line_counts() {
        assert_eq!(end(&[]), "Nothing must be mended. Nothing was sent.");
        assert_eq!(end(&findings()[2..]), "Nothing must be mended, 1 warning. Nothing was sent.");
        assert_eq!(end(&findings()[1..2]), "1 problem to mend. Nothing was sent.");
    }
}
