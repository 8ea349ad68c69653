//! Where the journal of sends is kept.

use super::Variables;
use super::reader::Reader;
use super::secret_file::Secret;
#[cfg(feature = "postgres")]
use crate::database::Address;
use crate::ledger::Location;
use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};
#[cfg(feature = "postgres")]
use std::sync::Arc;

/// The folder of the journals.
pub const STATE_DIR: &str = "ELKS_STATE_DIR";
/// Whether the journal is on the disk.
pub const STATE: &str = "ELKS_STATE";
/// How long the journal is kept.
pub const KEEP_DAYS: &str = "ELKS_KEEP_DAYS";

/// The database that holds the journals instead.
pub const LEDGER: &str = "ELKS_LEDGER";
/// The absolute path of a file with [`LEDGER`].
pub const LEDGER_FILE: &str = "ELKS_LEDGER_FILE";

/// The address of the database, in a variable or in a file.
pub(super) const ADDRESS: Secret = Secret { name: LEDGER, file: LEDGER_FILE };

/// What [`KEEP_DAYS`] is when it is not set, in days.
pub const DEFAULT_KEEP_DAYS: u32 = 90;
/// The shortest time that [`KEEP_DAYS`] can be, in days: limits of a month need a month.
pub const MIN_KEEP_DAYS: u32 = 31;
/// The longest time that [`KEEP_DAYS`] can be, in days.
pub const MAX_KEEP_DAYS: u32 = 3650;

/// What stands for this program in the system's folder.
const FOLDER: &str = "elks-mcp";

/// Where the journal is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// In memory: limits and duplicates are those of this process alone.
    Memory,
    /// Below this folder, which may not exist yet.
    Disk(PathBuf),
    /// In this database.
    #[cfg(feature = "postgres")]
    Database(Arc<Address>),
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("memory"),
            Self::Disk(folder) => write!(f, "{}", folder.display()),
            #[cfg(feature = "postgres")]
            Self::Database(address) => write!(f, "{address}"),
        }
    }
}

impl State {
    /// Where the journal of an account is; nothing if none is kept.
    pub fn location(&self, account: &str) -> Option<Location> {
        match self {
            Self::Memory => None,
            Self::Disk(folder) => Some(Location::Folder(folder.join(account))),
            #[cfg(feature = "postgres")]
            Self::Database(address) => Some(Location::Database(Arc::clone(address), account.into())),
        }
    }
}

/// The systems with folders of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum System {
    /// Windows.
    Windows,
    /// macOS.
    Mac,
    /// Linux and others.
    Unix,
}

impl System {
    /// The system that this program is built for.
    pub const THIS: Self = if cfg!(windows) {
        Self::Windows
    } else if cfg!(target_os = "macos") {
        Self::Mac
    } else {
        Self::Unix
    };

    /// The folder in which programs keep their state.
    fn state_folder(self, variables: &Variables) -> Option<PathBuf> {
        // A relative path would depend on where the client starts the program; the XDG specification forbids it, too.
        let folder = |name| variables.get(name).map(Path::new).filter(|path| path.is_absolute());
        match self {
            Self::Windows => folder("LOCALAPPDATA").map(Path::to_path_buf),
            Self::Mac => folder("HOME").map(|home| home.join("Library/Application Support")),
            Self::Unix => folder("XDG_STATE_HOME")
                .map(Path::to_path_buf)
                .or_else(|| folder("HOME").map(|home| home.join(".local/state"))),
        }
    }
}

impl Reader<'_> {
    /// Where the journal is; nothing if that cannot be read.
    pub(super) fn state(&mut self, needed: bool) -> Option<State> {
        let memory = self.optional(STATE, false, "disk or memory", |value| match value.to_ascii_lowercase().as_str() {
            "memory" => Some(true),
            "disk" => Some(false),
            _ => None,
        });
        let (folder, database) = (self.folder(), self.database());
        if let Some(state) = database? {
            if memory? {
                self.problem(STATE, &format!("is memory beside {LEDGER}: unset one of the two"));
                return None;
            }
            return Some(state);
        }
        if memory? {
            return folder.map(|_| State::Memory);
        }
        match folder? {
            Some(folder) => Some(State::Disk(folder)),
            None if !needed => Some(State::Memory),
            None => {
                self.no_folder();
                None
            }
        }
    }

    /// The folder of the journals: inner nothing if the system has none, outer nothing if the setting cannot be read.
    pub(super) fn folder(&mut self) -> Option<Option<PathBuf>> {
        let stated =
            self.optional(STATE_DIR, None, "the absolute path of a folder", |value| absolute(value).map(Some))?;
        Some(stated.or_else(|| System::THIS.state_folder(self.variables).map(|folder| folder.join(FOLDER))))
    }

    /// The database that holds the journals: inner nothing if none is named, outer nothing if it cannot be read.
    #[cfg(feature = "postgres")]
    pub(super) fn database(&mut self) -> Option<Option<State>> {
        let Some((value, name)) = self.address()? else { return Some(None) };
        let certificates = self.certificates()?;
        match Address::parse(&value, &certificates) {
            Ok(address) => Some(Some(State::Database(Arc::new(address)))),
            Err(reason) => {
                self.problem(name, &format!("cannot be used (not shown here): {reason}"));
                None
            }
        }
    }

    /// The database that holds the journals, which this program cannot use.
    #[cfg(not(feature = "postgres"))]
    pub(super) fn database(&mut self) -> Option<Option<State>> {
        let Some((_, name)) = self.address()? else { return Some(None) };
        let reason = "is set, but this program was built without PostgreSQL: install with `cargo install --locked \
                      elks-mcp --features postgres`, or unset it";
        self.problem(name, reason);
        None
    }

    /// The address of the database and the variable that gave it: inner nothing if none is named. Set but empty, it
    /// must not mean that each computer counts for itself.
    fn address(&mut self) -> Option<Option<(String, &'static str)>> {
        let is_blank =
            |name: &&str| self.variables.get(name).and_then(OsStr::to_str).is_some_and(|value| value.trim().is_empty());
        if let Some(name) = [LEDGER, LEDGER_FILE].into_iter().find(is_blank) {
            self.problem(name, "is set but empty: unset it for a journal of this computer alone");
            return None;
        }
        self.secret(ADDRESS)
    }

    /// How long the journal is kept, in days.
    pub(super) fn keep_days(&mut self) -> Option<u32> {
        let allowed = format!("a whole number of days from {MIN_KEEP_DAYS} to {MAX_KEEP_DAYS}");
        self.optional(KEEP_DAYS, DEFAULT_KEEP_DAYS, &allowed, |value| {
            value.parse().ok().filter(|days| (MIN_KEEP_DAYS..=MAX_KEEP_DAYS).contains(days))
        })
    }

    pub(super) fn no_folder(&mut self) {
        let variable = if cfg!(windows) { "LOCALAPPDATA" } else { "HOME" };
        self.problems.push(format!(
            "{STATE_DIR} is not set, and {variable} names no folder either: set {STATE_DIR} to an absolute path for \
             the journal of sends, or {STATE} to memory to keep none on the disk"
        ));
    }
}

/// An absolute path. None has a control character: no system's tools could show it.
pub(super) fn absolute(value: &str) -> Option<PathBuf> {
    Some(PathBuf::from(value)).filter(|path| path.is_absolute() && !value.contains(char::is_control))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A path that is absolute on the system of this test.
    fn absolute(path: &str) -> String {
        if cfg!(windows) { format!("C:{path}") } else { path.to_string() }
    }

    #[test]
    fn each_system_has_its_own_folder() {
        let (home, state, local) = (absolute("/home/a"), absolute("/state"), absolute("/local"));
        let all = Variables::from([("HOME", &*home), ("XDG_STATE_HOME", &*state), ("LOCALAPPDATA", &*local)]);
        let only_home = Variables::from([("HOME", &*home), ("XDG_STATE_HOME", "state"), ("LOCALAPPDATA", "")]);
        let (unix, mac) = (format!("{home}/.local/state"), format!("{home}/Library/Application Support"));
        for (system, of_all, of_home) in [
            (System::Unix, Some(&state), Some(&unix)),
            (System::Mac, Some(&mac), Some(&mac)),
            (System::Windows, Some(&local), None),
        ] {
            assert_eq!(system.state_folder(&all), of_all.map(PathBuf::from));
            assert_eq!(system.state_folder(&only_home), of_home.map(PathBuf::from));
            assert_eq!(system.state_folder(&Variables::from([("HOME", "relative")])), None);
        }
    }
}
