//! Where the clients keep their files, for each system. All of it is computed from data, so that a test on one system
//! covers all three. Only for a place with a `*` in it the disk is looked at.

use crate::config::{System, Variables};
use std::fs;
use std::path::{Path, PathBuf};

/// The folder and file of the settings, below the system's folder for configuration.
const SETTINGS_FILE: &str = "elks-mcp/settings.env";

/// A folder that others are counted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Base {
    /// The user's own folder.
    Home,
    /// The folder for configuration: `~/.config` or `XDG_CONFIG_HOME`, macOS `~/Library/Application Support`, Windows
    /// `%APPDATA%`.
    Config,
    /// The folder for data of this computer alone: `%LOCALAPPDATA%`. Only Windows has it.
    Local,
    /// A folder that a variable of the client names. When it is set, the other places do not count.
    Named(&'static str),
}

/// A place of a configuration file. Its parts are separated by `/` on all systems. One part may have a `*`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Location {
    /// What the rest is counted from.
    pub(super) base: Base,
    /// The client's own folder. When it exists, the client seems to be installed.
    pub(super) folder: &'static str,
    /// The file.
    pub(super) file: &'static str,
}

/// A configuration file on this computer, which may not exist yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The client's own folder.
    pub(super) folder: PathBuf,
    /// The file.
    pub(super) file: PathBuf,
}

/// The system and its folders, as data.
pub struct Places {
    system: System,
    variables: Variables,
    /// The names in a folder.
    pub(super) names_in: fn(&Path) -> Vec<String>,
}

impl Places {
    /// Those that the environment of this process names.
    pub fn of_process() -> Self {
        Self::new(System::THIS, Variables::of_process(None))
    }

    /// Those of a system with these variables.
    pub fn new(system: System, variables: Variables) -> Self {
        Self { system, variables, names_in }
    }

    /// The system.
    pub(super) fn system(&self) -> System {
        self.system
    }

    /// The variables of the environment.
    pub(super) fn variables(&self) -> &Variables {
        &self.variables
    }

    /// Where the settings file stands when nobody says otherwise.
    pub(super) fn settings_file(&self) -> Option<PathBuf> {
        self.base(Base::Config).map(|base| self.joined(&base, SETTINGS_FILE))
    }

    /// The files of these locations.
    pub(super) fn of(&self, locations: &[Location]) -> Vec<Place> {
        let named = locations
            .iter()
            .filter(|location| matches!(location.base, Base::Named(_)))
            .find(|location| self.base(location.base).is_some());
        let counted = |location: &&Location| match named {
            Some(named) => named.base == location.base,
            None => !matches!(location.base, Base::Named(_)),
        };
        locations.iter().filter(counted).flat_map(|location| self.places(location)).collect()
    }

    fn places(&self, location: &Location) -> Vec<Place> {
        let Some(base) = self.base(location.base) else { return Vec::new() };
        let place =
            |folder: &str, file: &str| Place { folder: self.joined(&base, folder), file: self.joined(&base, file) };
        let Some((parent, pattern)) = wildcard(location.folder) else {
            return vec![place(location.folder, location.file)];
        };
        let names = (self.names_in)(&self.joined(&base, parent));
        let found =
            names.into_iter().filter(|name| pattern.strip_suffix('*').is_some_and(|start| name.starts_with(start)));
        found
            .map(|name| place(&location.folder.replace(pattern, &name), &location.file.replace(pattern, &name)))
            .collect()
    }

    /// Where a program of this name is, as `PATH` has it.
    pub(super) fn on_path(&self, name: &str) -> Option<PathBuf> {
        let endings: &[&str] = match self.system {
            System::Windows => &[".exe", ".cmd", ".bat"],
            System::Mac | System::Unix => &[""],
        };
        let path = self.variables.get("PATH")?;
        std::env::split_paths(path)
            .filter(|folder| folder.is_absolute())
            .flat_map(|folder| endings.iter().map(move |ending| folder.join(format!("{name}{ending}"))))
            .find(|file| is_program(file))
    }

    /// A folder that a variable names; nothing if it is unset or relative.
    fn folder(&self, variable: &str) -> Option<String> {
        let folder = self.variables.get(variable)?.to_str()?;
        self.is_absolute(folder).then(|| folder.trim_end_matches(['/', '\\']).to_string())
    }

    /// Whether a path is absolute on the system, which need not be the one that this runs on.
    fn is_absolute(&self, path: &str) -> bool {
        match self.system {
            System::Mac | System::Unix => path.starts_with('/'),
            System::Windows => {
                let drive = path.as_bytes();
                path.starts_with(r"\\")
                    || matches!(drive, [letter, b':', b'\\' | b'/', ..] if letter.is_ascii_alphabetic())
            }
        }
    }

    fn base(&self, base: Base) -> Option<String> {
        let home = || self.folder(if self.system == System::Windows { "USERPROFILE" } else { "HOME" });
        match (base, self.system) {
            (Base::Home, _) => home(),
            (Base::Config, System::Windows) => self.folder("APPDATA"),
            (Base::Config, System::Mac) => home().map(|home| format!("{home}/Library/Application Support")),
            (Base::Config, System::Unix) => {
                self.folder("XDG_CONFIG_HOME").or_else(|| home().map(|home| format!("{home}/.config")))
            }
            (Base::Local, System::Windows) => self.folder("LOCALAPPDATA"),
            (Base::Local, System::Mac | System::Unix) => None,
            (Base::Named(variable), _) => self.folder(variable),
        }
    }

    /// A path below another, with the separator of the system.
    fn joined(&self, base: &str, rest: &str) -> PathBuf {
        if rest.is_empty() {
            return base.into();
        }
        match self.system {
            System::Windows => format!("{base}\\{}", rest.replace('/', "\\")).into(),
            System::Mac | System::Unix => format!("{base}/{rest}").into(),
        }
    }
}

/// The part of a path that has a `*` at its end, and what stands before it.
fn wildcard(path: &'static str) -> Option<(&'static str, &'static str)> {
    let pattern = path.split('/').find(|part| part.ends_with('*'))?;
    let (before, _) = path.split_once(pattern)?;
    Some((before.trim_end_matches('/'), pattern))
}

/// The names in a folder, sorted. A folder that cannot be read has none.
fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}

/// Whether a file can be started.
#[cfg(unix)]
fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(file).is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

/// Whether a file can be started.
#[cfg(not(unix))]
fn is_program(file: &Path) -> bool {
    file.is_file()
}
