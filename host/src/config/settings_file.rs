//! The settings file: lines of `NAME=value` with any setting, for clients that lose, clear or store the environment. It
//! holds the password, so it is refused when others can read it.

use super::private;
use super::{CERTIFICATE_FILE, CERTIFICATE_FOLDERS, NO_PROXIES, PROXIES};
use crate::assignments::{self, Place};
use crate::count::count;
use crate::nearest::nearest;
use crate::policy::{file::NOT_OF_THE_POLICY, settings::NAMES};
use crate::unfilled::Unfilled;
use sms_rules::settings::is_quoted;
use std::path::Path;

/// What problems call the file.
const WHAT: &str = "the settings file";

/// How many faulty lines are named.
const MAX_PROBLEMS: usize = 20;

/// What a settings file states.
pub(super) struct Lines {
    /// Name, value and line, each name once.
    pub(super) values: Vec<(&'static str, String, usize)>,
    /// What is wrong with other lines.
    pub(super) problems: Vec<String>,
}

/// All names that a settings file may hold.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    let connection = PROXIES.into_iter().chain(NO_PROXIES).chain([CERTIFICATE_FILE, CERTIFICATE_FOLDERS]);
    NOT_OF_THE_POLICY.into_iter().chain(NAMES).chain(connection)
}

/// Reads a settings file.
///
/// # Errors
/// Nothing of it can be used: it cannot be read, others can read it, or it is no text.
pub(super) fn read(path: &Path) -> Result<Lines, String> {
    if let Some(unfilled) = path.to_str().and_then(Unfilled::of) {
        return Err(format!("--settings {}", unfilled.problem(Place::Environment)));
    }
    let named = |problem: String| {
        let tilde = if path.starts_with("~") { " (clients do not replace ~: write the whole path)" } else { "" };
        format!("--settings: {problem}{tilde}")
    };
    private::bytes(path, WHAT).and_then(|bytes| Lines::read(&bytes)).map_err(named)
}

impl Lines {
    /// What the bytes of a settings file state.
    fn read(bytes: &[u8]) -> Result<Self, String> {
        let mut lines = Self { values: Vec::new(), problems: Vec::new() };
        let mut more = 0_u64;
        for (line, assignment) in assignments::lines(bytes, WHAT)? {
            match assignment.and_then(|(name, value)| lines.checked(name, value)) {
                Ok((name, value)) => lines.values.push((name, value.into(), line)),
                Err(_) if lines.problems.len() == MAX_PROBLEMS => more += 1,
                Err(problem) => lines.problems.push(format!("{}{problem}", Place::SettingsFile(line))),
            }
        }
        if more > 0 {
            let more = count(more, "more faulty line");
            lines.problems.push(format!("the settings file has {more}: does --settings name the right file?"));
        }
        Ok(lines)
    }

    /// A line that may be added.
    fn checked<'a>(&self, name: &str, value: &'a str) -> Result<(&'static str, &'a str), String> {
        // The name is not repeated: it may be a part of a secret that has a =.
        let unknown = || format!("its name is no setting; the nearest is {}", nearest(name, names()));
        let known = names().find(|known| *known == name).ok_or_else(unknown)?;
        if let Some((_, _, before)) = self.values.iter().find(|(before, ..)| *before == known) {
            return Err(format!("{known} is set again (before in line {before}): write it once"));
        }
        if is_quoted(value) {
            return Err(format!("{known} {}", assignments::QUOTED));
        }
        if value.starts_with('#') || value.contains(" #") {
            return Err(format!("{known} has a # in its value: a comment needs a line of its own"));
        }
        Ok((known, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_name_the_line_and_repeat_neither_values_nor_unknown_names() {
        let text = "# mine\nELKS_API_USERNAME=u1\nELKS_API_PASWORD=hemligt\nexport DRY_RUN=true\nhemligt\n\
                    ELKS_PHONE_NUMBER=\"+46766861004\"\nELKS_API_USERNAME=u2\n\u{a0}\nHTTPS_PROXY=http://p:1";
        let lines = Lines::read(text.as_bytes()).expect("is text");
        let values: Vec<_> = lines.values.iter().map(|(name, value, line)| (*name, value.as_str(), *line)).collect();
        assert_eq!(values, [("ELKS_API_USERNAME", "u1", 2), ("HTTPS_PROXY", "http://p:1", 9)]);
        assert_eq!(
            lines.problems,
            [
                "settings file, line 3: its name is no setting; the nearest is ELKS_API_PASSWORD",
                "settings file, line 4: it begins with export: leave that word out",
                "settings file, line 5: it has no =: write NAME=value, or # before a comment",
                "settings file, line 6: ELKS_PHONE_NUMBER is written in quotes: leave them out",
                "settings file, line 7: ELKS_API_USERNAME is set again (before in line 2): write it once",
            ]
        );
    }

    #[test]
    fn a_file_that_cannot_be_used_is_named_with_its_reason() {
        let dir = std::env::temp_dir();
        for (path, expected) in [
            ("~/elks.env", "--settings: the settings file cannot be read: entity not found (clients do not replace ~"),
            ("${PLUGIN_DATA}/elks.env", "--settings holds a literal ${…}: your MCP client did not fill in"),
            (dir.to_str().expect("is text"), "--settings: the settings file is no regular file"),
        ] {
            let problem = read(Path::new(path)).err().expect(path);
            assert!(problem.starts_with(expected), "{problem}");
        }
    }
}
