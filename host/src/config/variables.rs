//! The environment variables of a process, as data.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

/// Environment variables. There is no Debug form, because it would show secrets.
#[derive(Clone, Default)]
pub struct Variables(BTreeMap<String, OsString>);

impl Variables {
    /// Those of this process. A variable whose name is no text is left out.
    pub fn of_process() -> Self {
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value))).collect()
    }

    /// The value of a variable.
    pub(super) fn get(&self, name: &str) -> Option<&OsStr> {
        self.0.get(name).map(OsString::as_os_str)
    }

    /// The names of all variables, sorted.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

impl FromIterator<(String, OsString)> for Variables {
    fn from_iter<I: IntoIterator<Item = (String, OsString)>>(variables: I) -> Self {
        // On Windows, case makes no difference in a name.
        let name = |name: String| if cfg!(windows) { name.to_ascii_uppercase() } else { name };
        Self(variables.into_iter().map(|(known, value)| (name(known), value)).collect())
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
