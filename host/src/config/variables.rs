//! The settings of a process, as data: its environment variables, and the lines of the settings file.

use super::settings_file;
use crate::assignments::Place;
use crate::unfilled::Unfilled;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::Path;

/// Values with their names. There is no Debug form, because it would show secrets.
#[derive(Clone, Default)]
pub struct Variables {
    values: BTreeMap<String, (OsString, Place)>,
    /// What is wrong with the settings file.
    problems: Vec<String>,
    /// Whether the settings file could not be read at all, so that nobody knows what it states.
    is_incomplete: bool,
}

impl Variables {
    /// The environment of this process, and what the settings file adds. A variable whose name is no text is left out.
    /// Problems of the file come with those of the settings.
    pub fn of_process(settings: Option<&Path>) -> Self {
        let environment: Self =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value))).collect();
        match settings {
            Some(path) => environment.with_file(path),
            None => environment,
        }
    }

    /// With what a settings file adds. A variable of the environment hides the line of the same name, unless the
    /// variable is blank or the client left it unfilled because the person wrote nothing.
    pub fn with_file(mut self, path: &Path) -> Self {
        match settings_file::read(path) {
            Ok(lines) => {
                self.problems.extend(lines.problems);
                for (name, value, line) in lines.values {
                    if !self.values.get(name).is_some_and(|(stated, _)| is_stated(stated)) {
                        self.values.insert(name.into(), (value.into(), Place::SettingsFile(line)));
                    }
                }
            }
            Err(problem) => {
                self.problems.push(problem);
                self.is_incomplete = true;
            }
        }
        self
    }

    /// With a problem of the command line, which kept a settings file from being read.
    pub fn with_problem(mut self, problem: &str) -> Self {
        self.problems.push(problem.into());
        self.is_incomplete = true;
        self
    }

    /// The value of a variable.
    pub(crate) fn get(&self, name: &str) -> Option<&OsStr> {
        self.values.get(name).map(|(value, _)| value.as_os_str())
    }

    /// Where the value of a variable was given.
    pub(crate) fn place(&self, name: &str) -> Place {
        self.values.get(name).map_or(Place::Environment, |(_, place)| *place)
    }

    /// Whether the value of a variable is the settings file's.
    pub(super) fn is_of_file(&self, name: &str) -> bool {
        matches!(self.place(name), Place::SettingsFile(_))
    }

    /// Whether a variable, or the line of its name, says anything.
    pub(super) fn is_stated(&self, name: &str) -> bool {
        self.get(name).is_some_and(is_stated)
    }

    /// Which of these settings count, when one can stand in for the other: those of the environment, which wins. If it
    /// states none of them, those of the settings file.
    pub(super) fn winners(&self, names: &[&'static str]) -> Vec<&'static str> {
        let stated = |of_file| {
            let of_place = |name: &&&str| self.is_stated(name) && self.is_of_file(name) == of_file;
            names.iter().filter(of_place).copied().collect::<Vec<_>>()
        };
        let of_environment = stated(false);
        if of_environment.is_empty() { stated(true) } else { of_environment }
    }

    /// Whether a problem of the settings file names a setting, so that its line may be the faulty one.
    pub(super) fn is_faulty(&self, name: &str) -> bool {
        let mut words = self.problems.iter().flat_map(|it| it.split(|c: char| !c.is_ascii_alphanumeric() && c != '_'));
        words.any(|word| word == name)
    }

    /// Whether faulty lines of the settings file make no difference to these settings: one of them is stated, and no
    /// faulty line names one.
    pub(super) fn is_certain(&self, names: &[&str]) -> bool {
        self.problems.is_empty()
            || names.iter().any(|name| self.is_stated(name)) && !names.iter().any(|name| self.is_faulty(name))
    }

    /// The names of all variables of the environment, sorted. Those of the settings file are known to be settings.
    pub(crate) fn environment(&self) -> impl Iterator<Item = &str> {
        self.values.iter().filter(|(_, (_, place))| *place == Place::Environment).map(|(name, _)| name.as_str())
    }

    /// What is wrong with the settings file.
    pub fn problems(&self) -> &[String] {
        &self.problems
    }

    /// Whether a setting that is missing may stand in a settings file that could not be read.
    pub(super) fn is_incomplete(&self) -> bool {
        self.is_incomplete
    }
}

/// Whether a value says anything.
fn is_stated(value: &OsStr) -> bool {
    value.to_str().is_none_or(|text| !text.trim().is_empty() && Unfilled::of(text) != Some(Unfilled::Blank))
}

impl FromIterator<(String, OsString)> for Variables {
    fn from_iter<I: IntoIterator<Item = (String, OsString)>>(variables: I) -> Self {
        // On Windows, case makes no difference in a name.
        let name = |name: String| if cfg!(windows) { name.to_ascii_uppercase() } else { name };
        let values = variables.into_iter().map(|(known, value)| (name(known), (value, Place::Environment))).collect();
        Self { values, ..Self::default() }
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Variables {
    fn from(variables: [(&str, &str); N]) -> Self {
        Self::from(variables.as_slice())
    }
}

impl From<&[(&str, &str)]> for Variables {
    fn from(variables: &[(&str, &str)]) -> Self {
        variables.iter().map(|(name, value)| (name.to_string(), OsString::from(value))).collect()
    }
}
