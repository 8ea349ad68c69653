//! The findings for people: a line each, in groups, and what to do below those that need something.

use super::finding::{Finding, Group, Status, is_well};
use crate::config::System;
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
    /// The classic console of Windows shows the codes of colours as they stand; newer terminals set a variable.
    pub(super) fn of<'a>(is_terminal: bool, system: System, variable: impl Fn(&str) -> Option<&'a str>) -> Self {
        let is_set = |name| variable(name).is_some_and(|value| !value.is_empty());
        let is_able = system != System::Windows || is_set("WT_SESSION") || is_set("TERM");
        let is_unwanted = is_set("NO_COLOR") || variable("TERM") == Some("dumb");
        if is_terminal && is_able && !is_unwanted { Self::Signs } else { Self::Words }
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
        true => format!("Nothing needs to be fixed{warned}. Nothing was sent."),
        false => format!("{} to fix{warned}. Nothing was sent.", count(problems, "problem")),
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
             skipped  account: no connection\n\n1 problem to fix, 1 warning. Nothing was sent.\n"
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
        use System::{Mac, Unix, Windows};
        for (is_terminal, system, variables, marks) in [
            (true, Unix, &[("TERM", "xterm")][..], Marks::Signs),
            (true, Mac, &[], Marks::Signs),
            (true, Unix, &[("NO_COLOR", "")], Marks::Signs),
            (true, Unix, &[("NO_COLOR", "1"), ("TERM", "xterm")], Marks::Words),
            (true, Unix, &[("TERM", "dumb")], Marks::Words),
            (false, Unix, &[("TERM", "xterm")], Marks::Words),
            (true, Windows, &[], Marks::Words),
            (true, Windows, &[("WT_SESSION", ""), ("TERM", "")], Marks::Words),
            (true, Windows, &[("WT_SESSION", "0-1")], Marks::Signs),
            (true, Windows, &[("TERM", "xterm-256color")], Marks::Signs),
            (true, Windows, &[("WT_SESSION", "0-1"), ("NO_COLOR", "1")], Marks::Words),
            (true, Windows, &[("WT_SESSION", "0-1"), ("TERM", "dumb")], Marks::Words),
            (false, Windows, &[("WT_SESSION", "0-1")], Marks::Words),
        ] {
            let variable = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
            assert_eq!(Marks::of(is_terminal, system, variable), marks, "{is_terminal} {system:?} {variables:?}");
        }
    }

    #[test]
    fn the_last_line_counts() {
        assert_eq!(end(&[]), "Nothing needs to be fixed. Nothing was sent.");
        assert_eq!(end(&findings()[2..]), "Nothing needs to be fixed, 1 warning. Nothing was sent.");
        assert_eq!(end(&findings()[1..2]), "1 problem to fix. Nothing was sent.");
    }
}
