//! Each setting with its state and source. Values are shown where they are harmless: switches, numbers and paths. Of
//! secrets only the length is shown, of numbers a mask, of lists the size.

use super::connection::in_words;
use super::finding::{Finding, Group};
use crate::assignments::Place;
use crate::clients::command_line;
use crate::config::parts::{Parts, secret_length};
use crate::config::{
    self, CERTIFICATE_FILE, CERTIFICATE_FOLDERS, NO_PROXIES, PROXIES, Problems, Settings, State, System, Variables,
    settings_file,
};
use crate::count::count;
use crate::mask;
use crate::policy::file::line_of;
use crate::policy::settings::NAMES;
use crate::unfilled::Unfilled;
use elks_sandbox::Proxy;
use sms_rules::settings::switch;
use std::ffi::OsStr;
use std::path::Path;

/// What to do about a setting that cannot be used.
const MEND: &str = "Correct it in the env section of your MCP client's configuration, or in the file that --settings \
                    names.";

/// The word for programs of the settings file.
const FILE: &str = "settings_file";

/// What to do about a line of the policy file.
const MEND_POLICY: &str = "Correct it in the policy file.";

/// What to do about a problem.
fn mend(problem: &str) -> &'static str {
    if line_of(problem).is_some() { MEND_POLICY } else { MEND }
}

/// The word for programs of what belongs to no single setting.
const OTHER: &str = "other";

/// How a problem of the settings file as a whole begins.
const OF_FILE: &str = "--settings";

/// The settings file.
#[derive(Clone, Copy)]
pub struct SettingsFile<'a> {
    /// Where it is.
    pub path: &'a Path,
    /// Whether it is the usual one, which the command line does not name.
    pub is_usual: bool,
}

/// Everything about the settings.
pub(super) fn findings(
    variables: &Variables,
    file: Option<SettingsFile<'_>>,
    settings: &Result<Settings, Problems>,
    parts: &Parts,
) -> Vec<Finding> {
    let (problems, warnings) = match settings {
        Ok(settings) => (&[] as &[String], settings.warnings.as_slice()),
        Err(problems) => (problems.lines(), problems.warnings()),
    };
    let names: Vec<&str> = settings_file::names().collect();
    let mut found: Vec<Finding> = file.map(|file| of_file(file, problems)).into_iter().collect();
    found.extend(names.iter().map(|name| Row { variables, parts, name }.finding(problems)));
    let is_other = |line: &&String| !line.starts_with(OF_FILE) && !names.iter().any(|name| is_about(line, name));
    found.extend(
        problems.iter().filter(is_other).map(|line| Finding::problem(Group::Settings, OTHER, line).next(mend(line))),
    );
    found.extend(warnings.iter().filter(is_other).map(|line| Finding::warning(Group::Settings, OTHER, line)));
    found
}

/// The settings file as a whole. A problem of one of its lines is a finding of its own.
fn of_file(file: SettingsFile<'_>, problems: &[String]) -> Finding {
    let SettingsFile { path, is_usual } = file;
    let shown = path.display().to_string();
    let found = match problems.iter().find(|line| line.starts_with(OF_FILE)) {
        None => {
            let usual = if is_usual { ", the usual one: clients name it with --settings" } else { "" };
            Finding::ok(Group::Settings, FILE, format!("settings file {shown}{}{usual}", mode(path)))
        }
        Some(problem) => {
            let problem = match problem.strip_prefix("--settings: the settings file") {
                Some(rest) => format!("settings file {shown}{rest}"),
                None => format!("settings file {shown}: {problem}"),
            };
            Finding::problem(Group::Settings, FILE, format!("{problem}; nothing of it counts")).next(mend_file(path))
        }
    };
    found.fact("path", shown).fact("is_usual", is_usual)
}

/// What to do about a settings file that cannot be used.
fn mend_file(path: &Path) -> String {
    let shown = path.display().to_string();
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_file() && cfg!(unix) => {
            let chmod = command_line(["chmod", "600", &shown], System::THIS);
            format!("The file must be text that you own and that nobody else can read: `{chmod}`.")
        }
        _ => "Write the file, or name another one with --settings: `elks-mcp install CLIENT` writes the usual one."
            .into(),
    }
}

/// Whether a problem is one of this setting: its name comes first, behind the line of a file.
fn is_about(problem: &str, name: &str) -> bool {
    let without_place = match problem.split_once(": ") {
        Some((place, rest)) if place.contains(" file, line ") => rest,
        _ => problem,
    };
    without_place.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', ',']))
}

/// One setting.
struct Row<'a> {
    variables: &'a Variables,
    parts: &'a Parts,
    name: &'a str,
}

impl Row<'_> {
    fn finding(&self, problems: &[String]) -> Finding {
        let mine: Vec<&str> = problems.iter().filter(|line| is_about(line, self.name)).map(String::as_str).collect();
        let source = self.source();
        let found = if !mine.is_empty() {
            Finding::problem(Group::Settings, self.name, mine.join("; ")).next(mend(mine[0]))
        } else if NAMES.contains(&self.name) && self.parts.sources.is_none() {
            let text = format!("{}: not known while the policy has problems", self.name);
            return Finding::skipped(Group::Settings, self.name, text);
        } else if let Some(unfilled) = self.text().and_then(Unfilled::of) {
            let warning = unfilled.warning(self.variables.place(self.name));
            Finding::warning(Group::Settings, self.name, format!("{} {warning}", self.name)).next(MEND)
        } else {
            let value = self.value();
            let text = format!("{} = {value} ({source})", self.name);
            Finding::ok(Group::Settings, self.name, text).fact("value", value)
        };
        found.fact("source", source)
    }

    /// The trimmed text of the variable, if it says anything.
    fn text(&self) -> Option<&str> {
        self.variables.get(self.name).and_then(OsStr::to_str).map(str::trim).filter(|text| !text.is_empty())
    }

    fn source(&self) -> String {
        let given = match self.variables.place(self.name) {
            Place::SettingsFile(line) => format!("settings file, line {line}"),
            _ => "environment".into(),
        };
        match self.parts.sources.as_ref().filter(|_| NAMES.contains(&self.name)) {
            Some(sources) => {
                let source = sources.source(self.name);
                source.replace("environment", &given).replace("settings file and", &format!("{given} and"))
            }
            None if self.variables.get(self.name).is_some() => given,
            None => "default".into(),
        }
    }

    /// What can be shown of the value.
    fn value(&self) -> String {
        if let Some(sources) = self.parts.sources.as_ref().filter(|_| NAMES.contains(&self.name)) {
            return sources.value(self.name);
        }
        let Some(text) = self.text() else { return self.default() };
        let hidden = || "set, not shown".to_string();
        match self.name {
            config::USERNAME | config::PASSWORD => self.length().unwrap_or_else(hidden),
            config::USERNAME_FILE | config::PASSWORD_FILE => {
                let length = self.length().map_or(String::new(), |length| format!(", {length}"));
                format!("{}{length}", path(text))
            }
            config::SENDER => self.parts.sender.as_deref().map_or_else(hidden, mask::party),
            config::DRY_RUN => self.parts.dry_run.map_or_else(hidden, |switch| switch.to_string()),
            config::KEYRING => switch(text).map_or_else(hidden, |switch| switch.to_string()),
            config::STATE | config::QUERIES_PER_MINUTE | config::KEEP_DAYS => plain(text).unwrap_or_else(hidden),
            CERTIFICATE_FOLDERS => {
                let folders = std::env::split_paths(text).map(|one| path(&one.to_string_lossy()));
                folders.collect::<Vec<_>>().join(" and ")
            }
            config::STATE_DIR | config::POLICY_FILE | config::LEDGER_FILE | CERTIFICATE_FILE => path(text),
            name if PROXIES.contains(&name) => proxy(text).unwrap_or_else(hidden),
            name if NO_PROXIES.contains(&name) => {
                let entries = text.split([',', ' ']).filter(|entry| !entry.is_empty()).count();
                count(entries as u64, "entry")
            }
            _ => hidden(),
        }
    }

    fn length(&self) -> Option<String> {
        secret_length(self.variables, self.name).map(|length| count(length as u64, "character"))
    }

    fn default(&self) -> String {
        match (self.name, &self.parts.state) {
            (config::DRY_RUN, _) => "true".into(),
            (config::QUERIES_PER_MINUTE, _) => config::DEFAULT_QUERIES_PER_MINUTE.to_string(),
            (config::KEEP_DAYS, _) => config::DEFAULT_KEEP_DAYS.to_string(),
            (config::KEYRING, _) => "false".into(),
            (config::STATE, _) => "disk".into(),
            (config::STATE_DIR, Some(State::Disk(folder))) => folder.display().to_string(),
            _ => "not set".into(),
        }
    }
}

/// A word or number that these settings can have. Anything else may be a secret in the wrong place.
fn plain(text: &str) -> Option<String> {
    let is_word = ["disk", "memory"].iter().any(|word| text.eq_ignore_ascii_case(word));
    let is_number = text.len() <= 7 && text.bytes().all(|byte| byte.is_ascii_digit());
    (is_word || is_number).then(|| text.to_ascii_lowercase())
}

/// The address of a proxy without username and password.
fn proxy(text: &str) -> Option<String> {
    Proxy::parse(text).ok().map(|proxy| in_words(&proxy, text))
}

/// A path with the mode of what is there. What is no absolute path may be a secret in the wrong place.
fn path(text: &str) -> String {
    let path = Path::new(text);
    if !path.is_absolute() {
        return "set, not shown: it is no absolute path".into();
    }
    format!("{}{}", path.display(), mode(path))
}

/// The mode of a file in parentheses, as far as this system tells.
fn mode(path: &Path) -> String {
    match std::fs::metadata(path) {
        #[cfg(unix)]
        Ok(metadata) => {
            use std::os::unix::fs::PermissionsExt;
            format!(" (mode {:04o})", metadata.permissions().mode() & 0o777)
        }
        #[cfg(not(unix))]
        Ok(_) => String::new(),
        Err(error) => format!(" ({})", error.kind()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_belongs_to_the_setting_that_it_names() {
        for (problem, name, expected) in [
            ("DRY_RUN holds something else", "DRY_RUN", true),
            ("settings file, line 3: DRY_RUN holds something else", "DRY_RUN", true),
            ("policy file, line 3: ELKS_MAX_PARTS holds: much", "ELKS_MAX_PARTS", true),
            ("ELKS_API_PASSWORD_FILE cannot be used: its file is empty", "ELKS_API_PASSWORD_FILE", true),
            ("ELKS_API_PASSWORD_FILE cannot be used: its file is empty", "ELKS_API_PASSWORD", false),
            ("settings file, line 3: its name is no setting; the nearest is DRY_RUN", "DRY_RUN", false),
            ("ELKS_CONTACTS, entry 2 is empty", "ELKS_CONTACTS", true),
            ("ELKS_CONTACTS, entry 2 is empty", "ELKS_CONTACTS_ONLY", false),
            ("ELKS_X is no setting; the nearest is ELKS_STATE", "ELKS_STATE", false),
        ] {
            assert_eq!(is_about(problem, name), expected, "{problem}");
        }
    }

    #[test]
    fn what_may_be_a_secret_in_the_wrong_place_is_not_shown() {
        assert_eq!(plain("0F1E2D3C4B5A"), None);
        assert_eq!(plain("12345678"), None);
        assert_eq!(plain("Memory").as_deref(), Some("memory"));
        assert_eq!(path("hunter2"), "set, not shown: it is no absolute path");
        assert_eq!(
            proxy("http://user:hunter2@proxy:1").as_deref(),
            Some("http://proxy:1, with a username and password")
        );
        assert_eq!(proxy("hunter2/x"), None);
        assert_eq!(proxy("proxy:3128").as_deref(), Some("http://proxy:3128"));
        assert!(proxy("0A1B2C3D4E5F").is_some_and(|shown| !shown.to_lowercase().contains("0a1b")));
    }
}
