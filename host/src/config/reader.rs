//! Reads variables and collects their problems, so that all are reported at once.

use super::state::absolute;
use super::{DRY_RUN, QUERIES_PER_MINUTE, Variables};
use crate::policy::settings::{self, Given, PLACEHOLDER, is_placeholder};
use crate::policy::{InForce, Stated, file, print::Sources};
use std::path::PathBuf;

/// The file with more settings of the policy.
pub const POLICY_FILE: &str = "ELKS_POLICY_FILE";

/// Settings of the policy for which an empty variable means the default: bundles write an empty value for each field
/// that their user leaves blank. For the others the default is no restriction, so that an empty value could loosen the
/// policy, and is an error. `CONFIRM_SENDS` is older than that rule, and its users keep their settings.
const MAY_BE_EMPTY: [&str; 6] = [
    settings::CONTACTS,
    settings::SMS_PER_MINUTE,
    settings::SMS_PER_DAY,
    settings::SMS_PER_RECIPIENT_PER_DAY,
    settings::DUPLICATE_MINUTES,
    settings::CONFIRM_SENDS,
];

/// Variables that begin like a setting and are for the build of the program; cargo passes some on to what it runs.
const OF_THE_BUILD: [&str; 3] = ["ELKS_COMPONENT", "ELKS_COMPONENT_SHA256", "ELKS_COMPONENT_SOURCE"];

/// What the names of settings begin with, except some that the Node server has, too.
const PREFIX: &str = "ELKS_";

/// The settings whose names do not begin so. Each guards a send.
const WITHOUT_PREFIX: [&str; 4] = [DRY_RUN, QUERIES_PER_MINUTE, settings::SMS_PER_MINUTE, settings::CONFIRM_SENDS];

/// How many letters a misspelt name differs by, at most, beside case, blanks and hyphens.
const MAX_MISSPELT: usize = 2;

/// Whether a name is meant for a setting without prefix: another case, blanks at its ends, hyphens, one or two letters
/// that differ, or only its beginning. A guard under such a name would be off without a word.
fn is_misspelt(name: &str, known: &str) -> bool {
    let name = name.trim().to_uppercase().replace(['-', ' '], "_");
    // A single word, such as CONFIRM, may be a variable of another program.
    let is_beginning = name.contains('_') && name.len() * 2 > known.len() && known.starts_with(&name);
    is_beginning || file::differs_by(&name, known) <= MAX_MISSPELT
}

/// The longest name that is repeated in a problem, in bytes.
const MAX_NAME: usize = 64;

/// Reads values and collects their problems.
pub(super) struct Reader<'a> {
    pub(super) variables: &'a Variables,
    pub(super) problems: Vec<String>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(variables: &'a Variables) -> Self {
        Self { variables, problems: Vec::new() }
    }

    /// A required value.
    pub(super) fn required<T>(
        &mut self,
        name: &str,
        simulated: Option<String>,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let Some(value) = self.filled(name)?.or(simulated) else {
            self.problems.push(format!("{name} is not set"));
            return None;
        };
        read(&value).map_err(|allowed| self.not_allowed(name, &allowed)).ok()
    }

    /// A value with a default, which is also that of an empty value.
    pub(super) fn optional<T>(
        &mut self,
        name: &str,
        default: T,
        allowed: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let Some(value) = self.filled(name)? else { return Some(default) };
        let read = read(&value);
        if read.is_none() {
            self.not_allowed(name, allowed);
        }
        read
    }

    /// A value that must not be empty: inner nothing if it is unset, outer nothing if it cannot be read.
    pub(super) fn new_setting<T>(
        &mut self,
        name: &str,
        unset: &str,
        allowed: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Option<Option<T>> {
        let Some(value) = self.value(name)? else { return Some(None) };
        if value.is_empty() {
            self.problems.push(format!("{name} is set but empty: unset it for {unset}"));
            return None;
        }
        let read = read(&value);
        if read.is_none() {
            self.not_allowed(name, allowed);
        }
        read.map(Some)
    }

    /// Adds the problem of a value that cannot be read.
    pub(super) fn not_allowed(&mut self, name: &str, allowed: &str) {
        self.problems.push(format!("{name} holds something else (not shown here); allowed is {allowed}"));
    }

    /// The trimmed value of a variable; inner nothing when it is unset or empty, outer nothing when it cannot be read.
    pub(super) fn filled(&mut self, name: &str) -> Option<Option<String>> {
        Some(self.value(name)?.filter(|value| !value.is_empty()))
    }

    /// The trimmed value of a variable; inner nothing when it is unset, outer nothing when it cannot be read at all.
    fn value(&mut self, name: &str) -> Option<Option<String>> {
        let value = self.text(name)?;
        if value.as_deref().is_some_and(is_placeholder) {
            self.problems.push(format!("{name} {PLACEHOLDER}"));
            return None;
        }
        Some(value)
    }

    fn text(&mut self, name: &str) -> Option<Option<String>> {
        let Some(value) = self.variables.get(name) else { return Some(None) };
        let Some(value) = value.to_str() else {
            self.problems.push(format!("{name} holds bytes that are not UTF-8 text"));
            return None;
        };
        Some(Some(value.trim().to_string()))
    }

    /// Adds a problem for each variable that looks like a setting and is none.
    pub(super) fn unknown_names(&mut self) {
        let known = || file::ENVIRONMENT_ONLY.into_iter().chain(settings::NAMES);
        for name in self.variables.names() {
            let prefixed = name.get(..PREFIX.len()).is_some_and(|prefix| prefix.eq_ignore_ascii_case(PREFIX));
            let ours = prefixed || WITHOUT_PREFIX.into_iter().any(|known| is_misspelt(name, known));
            if !ours || OF_THE_BUILD.contains(&name) || known().any(|known| known == name) {
                continue;
            }
            let plain = name.len() <= MAX_NAME
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
            let shown = if plain { name } else { "a variable with a name like that of a setting" };
            let nearest = file::nearest(name, known());
            self.problems
                .push(format!("{shown} is no setting; the nearest is {nearest}: correct the name, or unset it"));
        }
    }

    /// What the environment states of the policy; nothing if something of it cannot be read.
    fn stated(&mut self) -> Option<Stated> {
        let before = self.problems.len();
        let mut values = Vec::new();
        for name in settings::NAMES {
            if let Some(Some(value)) = self.text(name) {
                values.push((name, value));
            }
        }
        values.retain(|(name, value)| !(value.is_empty() && MAY_BE_EMPTY.contains(name)));
        let given: Vec<Given<'_>> = values.iter().map(|(name, value)| Given { name, value, line: None }).collect();
        let stated = settings::read(&given, &mut self.problems);
        (self.problems.len() == before).then_some(stated)
    }

    /// The path of the policy file: inner nothing if it is unset, outer nothing if it cannot be read.
    fn policy_file(&mut self) -> Option<Option<PathBuf>> {
        self.new_setting(POLICY_FILE, "no policy file", "the absolute path of a file", absolute)
    }

    /// The policy in force.
    pub(super) fn policy(&mut self) -> Option<InForce> {
        let (stated, path) = (self.stated(), self.policy_file());
        let in_force = match (stated, path?) {
            (Some(stated), Some(path)) => InForce::watching(stated, path),
            (Some(stated), None) => stated.policy(&Stated::default()).map(InForce::fixed),
            // The problems of the file are reported together with those of the environment.
            (None, Some(path)) => Err(read_file(&path).err().unwrap_or_default()),
            (None, None) => return None,
        };
        in_force.map_err(|problems| self.problems.extend(problems)).ok()
    }

    /// What each source of the policy states.
    pub(super) fn sources(&mut self) -> Option<Sources> {
        let (stated, path) = (self.stated(), self.policy_file());
        let file = path?.map(|path| read_file(&path)).transpose();
        let sources = file.and_then(|file| stated.map(|stated| Sources::new(stated, file)).transpose());
        sources.map_err(|problems| self.problems.extend(problems)).ok().flatten()
    }
}

fn read_file(path: &std::path::Path) -> Result<Stated, Vec<String>> {
    file::bytes(path).map_err(|problem| vec![problem]).and_then(|bytes| file::read(&bytes))
}
