//! Reads variables and collects their problems, so that all are reported at once.

use super::secret_file::Secret;
use super::state::absolute;
use super::{DRY_RUN, PASSWORD, Problems, QUERIES_PER_MINUTE, SENDER, USERNAME, Variables};
use crate::assignments::{Place, QUOTED};
use crate::nearest::{differs_by, nearest};
use crate::policy::settings::{self, Given};
use crate::policy::{InForce, Stated, file, print::Sources};
use crate::unfilled::Unfilled;
use sms_rules::settings::is_quoted;
use std::ffi::OsStr;
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
    is_beginning || differs_by(&name, known) <= MAX_MISSPELT
}

/// Settings without a default.
const REQUIRED: [&str; 3] = [USERNAME, PASSWORD, SENDER];

/// Whether a setting has its default when something else than a value was left in its place. A field that the person
/// left blank asks for nothing; only the environment has fields. Any other literal stands for a value that was meant
/// and got lost: only the default of `DRY_RUN` is at least as strict as every such value.
fn may_count_as_unset(name: &str, unfilled: Unfilled, place: Place) -> bool {
    let is_blank_field = unfilled == Unfilled::Blank && place == Place::Environment;
    name == DRY_RUN || (is_blank_field && !REQUIRED.contains(&name))
}

/// The longest name that is repeated in a problem, in bytes.
const MAX_NAME: usize = 64;

/// Reads values and collects their problems.
pub(super) struct Reader<'a> {
    pub(super) variables: &'a Variables,
    pub(super) problems: Vec<String>,
    /// What the operator should know of settings that can be used all the same.
    pub(super) warnings: Vec<String>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(variables: &'a Variables) -> Self {
        Self { variables, problems: variables.problems().to_vec(), warnings: Vec::new() }
    }

    /// For these settings alone: faulty lines of the settings file make no difference, unless one may be about them.
    pub(super) fn of_settings(variables: &'a Variables, names: &[&str]) -> Self {
        let problems = if variables.is_certain(names) { Vec::new() } else { variables.problems().to_vec() };
        Self { variables, problems, warnings: Vec::new() }
    }

    /// All problems, with the warnings.
    pub(super) fn into_problems(self) -> Problems {
        Problems { warnings: self.warnings, ..Problems::new(self.problems) }
    }

    /// A required value.
    pub(super) fn required<T>(
        &mut self,
        name: &str,
        simulated: Option<String>,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let value = match self.filled(name)? {
            Some(value) => Some(self.unquoted(name, value)?),
            None => simulated,
        };
        self.given(name, value.map(|value| (value, name)), read)
    }

    /// A value that is not written in quotes, which would be a part of it.
    pub(super) fn unquoted(&mut self, name: &str, value: String) -> Option<String> {
        if is_quoted(&value) {
            self.problem(name, QUOTED);
            return None;
        }
        Some(value)
    }

    /// A required value that may stand in a file of its own.
    pub(super) fn required_secret<T>(
        &mut self,
        secret: Secret,
        simulated: Option<String>,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let given = self.secret(secret)?.or(simulated.map(|value| (value, secret.name)));
        self.given(secret.name, given, read)
    }

    /// A required value with the variable that gave it.
    fn given<T>(
        &mut self,
        name: &str,
        given: Option<(String, &str)>,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let Some((value, giver)) = given else {
            // It may stand in the settings file, whose own problem is reported.
            if !self.variables.is_incomplete() && !self.variables.is_faulty(name) {
                self.problems.push(format!("{name} is not set"));
            }
            return None;
        };
        read(&value).map_err(|allowed| self.not_allowed(giver, &allowed)).ok()
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
            self.problem(name, &format!("is set but empty: unset it for {unset}"));
            return None;
        }
        let read = read(&value);
        if read.is_none() {
            self.not_allowed(name, allowed);
        }
        read.map(Some)
    }

    /// Warns of each variable of the environment that belongs to a field which was left blank.
    pub(super) fn blank_fields(&mut self, names: &[&str]) -> Option<()> {
        let blank = |name: &&&str| {
            self.variables.get(name).and_then(OsStr::to_str).and_then(Unfilled::of) == Some(Unfilled::Blank)
        };
        let blank: Vec<&str> = names.iter().filter(blank).copied().collect();
        blank.into_iter().try_for_each(|name| self.filled(name).map(drop))
    }

    /// Adds the problem of a value that cannot be read.
    pub(super) fn not_allowed(&mut self, name: &str, allowed: &str) {
        self.problem(name, &format!("holds something else (not shown here); allowed is {allowed}"));
    }

    /// Adds a problem of a setting, with the line where it stands in the settings file.
    pub(super) fn problem(&mut self, name: &str, problem: &str) {
        self.problems.push(format!("{}{name} {problem}", self.variables.place(name)));
    }

    /// The trimmed value of a variable; inner nothing when it is unset or empty, outer nothing when it cannot be read.
    pub(super) fn filled(&mut self, name: &str) -> Option<Option<String>> {
        Some(self.value(name)?.filter(|value| !value.is_empty()))
    }

    /// The trimmed value of a variable; inner nothing when it is unset, outer nothing when it cannot be read at all.
    fn value(&mut self, name: &str) -> Option<Option<String>> {
        let value = self.text(name)?;
        match value.as_deref().and_then(Unfilled::of) {
            Some(unfilled) => self.unfilled(name, unfilled).map(|()| None),
            None => Some(value),
        }
    }

    /// A variable with paths, which need not be text; inner nothing when it is unset, outer nothing when a literal of a
    /// client stands there.
    pub(super) fn paths(&mut self, name: &str) -> Option<Option<&'a OsStr>> {
        let value = self.variables.get(name);
        match value.and_then(OsStr::to_str).and_then(Unfilled::of) {
            Some(unfilled) => self.unfilled(name, unfilled).map(|()| None),
            None => Some(value),
        }
    }

    /// What a literal in the place of a value means: that the setting is not set, or a problem.
    fn unfilled(&mut self, name: &str, unfilled: Unfilled) -> Option<()> {
        if may_count_as_unset(name, unfilled, self.variables.place(name)) {
            self.counts_as_unset(name, unfilled);
            return Some(());
        }
        self.problem(name, &unfilled.problem(self.variables.place(name)));
        None
    }

    /// Warns that a setting counts as not set.
    fn counts_as_unset(&mut self, name: &str, unfilled: Unfilled) {
        let place = self.variables.place(name);
        self.warnings.push(format!("{place}{name} {}", unfilled.warning(place)));
    }

    fn text(&mut self, name: &str) -> Option<Option<String>> {
        let Some(value) = self.variables.get(name) else { return Some(None) };
        let Some(value) = value.to_str() else {
            self.problem(name, "holds bytes that are not UTF-8 text");
            return None;
        };
        Some(Some(value.trim().to_string()))
    }

    /// Adds a problem for each variable that looks like a setting and is none.
    pub(super) fn unknown_names(&mut self) {
        let known = || file::NOT_OF_THE_POLICY.into_iter().chain(settings::NAMES);
        for name in self.variables.environment() {
            let prefixed = name.get(..PREFIX.len()).is_some_and(|prefix| prefix.eq_ignore_ascii_case(PREFIX));
            let ours = prefixed || WITHOUT_PREFIX.into_iter().any(|known| is_misspelt(name, known));
            if !ours || OF_THE_BUILD.contains(&name) || known().any(|known| known == name) {
                continue;
            }
            let plain = name.len() <= MAX_NAME
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
            let shown = if plain { name } else { "a variable with a name like that of a setting" };
            let nearest = nearest(name, known());
            self.problems
                .push(format!("{shown} is no setting; the nearest is {nearest}: correct the name, or unset it"));
        }
    }

    /// What the environment states of the policy; nothing if something of it cannot be read.
    fn stated(&mut self) -> Option<Stated> {
        let before = self.problems.len();
        let mut values = Vec::new();
        for name in settings::NAMES {
            let Some(Some(value)) = self.text(name) else { continue };
            match Unfilled::of(&value) {
                Some(unfilled) if may_count_as_unset(name, unfilled, self.variables.place(name)) => {
                    self.counts_as_unset(name, unfilled)
                }
                _ if value.is_empty() && MAY_BE_EMPTY.contains(&name) => {}
                _ => values.push((name, value, self.variables.place(name))),
            }
        }
        let given: Vec<Given<'_>> =
            values.iter().map(|(name, value, place)| Given { name, value, place: *place }).collect();
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
        in_force.map_err(|problems| self.problems.extend(problems.into_iter().map(of_setting))).ok()
    }

    /// What each source of the policy states.
    pub(super) fn sources(&mut self) -> Option<Sources> {
        let (stated, path) = (self.stated(), self.policy_file());
        let file = path?.map(|path| read_file(&path)).transpose();
        let in_settings_file = settings::NAMES.into_iter().filter(|name| self.variables.is_of_file(name)).collect();
        let sources =
            file.and_then(|file| stated.map(|stated| Sources::new(stated, in_settings_file, file)).transpose());
        sources.map_err(|problems| self.problems.extend(problems.into_iter().map(of_setting))).ok().flatten()
    }
}

fn read_file(path: &std::path::Path) -> Result<Stated, Vec<String>> {
    file::bytes(path).map_err(|problem| vec![problem]).and_then(|bytes| file::read(&bytes))
}

/// A problem of the policy file as one of the settings: what is wrong with the whole file is wrong with the setting
/// that names it.
fn of_setting(problem: String) -> String {
    if problem.starts_with(file::WHAT) { format!("{POLICY_FILE} cannot be used: {problem}") } else { problem }
}
