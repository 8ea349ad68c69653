//! Files of `NAME=value` lines, comments and blank lines: the form of the policy file and of the settings file. Quotes,
//! `export` and variables are of shells. Problems never repeat a value or an unknown name: each may be a secret.

use std::fmt;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;

/// The size of a file, at most, in bytes.
pub(crate) const MAX_BYTES: u64 = 256 << 10;

/// Where a value was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the environment of the process.
    Environment,
    /// In this line of the settings file, from 1.
    SettingsFile(usize),
    /// In this line of the policy file, from 1.
    PolicyFile(usize),
}

impl Place {
    /// The line of a file, from 1.
    pub(crate) fn line(self) -> Option<usize> {
        match self {
            Self::Environment => None,
            Self::SettingsFile(line) | Self::PolicyFile(line) => Some(line),
        }
    }
}

impl fmt::Display for Place {
    /// How a problem begins: nothing for the environment.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment => Ok(()),
            Self::SettingsFile(line) => write!(f, "settings file, line {line}: "),
            Self::PolicyFile(line) => write!(f, "policy file, line {line}: "),
        }
    }
}

/// The bytes of a file, which `what` names in problems.
///
/// # Errors
/// It cannot be read, is no regular file, or is too large. The sentence has no path.
pub(crate) fn bytes(path: &Path, what: &str) -> Result<Vec<u8>, String> {
    let unreadable = |error: std::io::Error| format!("{what} cannot be read: {}", error.kind());
    // A pipe must not be opened: that would wait for a writer.
    if !fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(format!("{what} is no regular file"));
    }
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes)).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(format!("{what} is larger than {} KiB", MAX_BYTES >> 10));
    }
    Ok(bytes)
}

/// A line: its number from 1, and its name and value, or what is wrong with it.
pub(crate) type Line<'a> = (usize, Result<(&'a str, &'a str), String>);

/// The lines that state something.
///
/// # Errors
/// The file, which `what` names, is not UTF-8 text.
pub(crate) fn lines<'a>(bytes: &'a [u8], what: &str) -> Result<impl Iterator<Item = Line<'a>>, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| format!("{what} is not UTF-8 text"))?;
    let lines = text.strip_prefix('\u{feff}').unwrap_or(text).lines().map(str::trim);
    let meant = lines.enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    Ok(meant.map(|(at, line)| (at + 1, assignment(line))))
}

/// The name and value of a line.
fn assignment(line: &str) -> Result<(&str, &str), String> {
    let (name, value) = line.split_once('=').ok_or("it has no =: write NAME=value, or # before a comment")?;
    let (name, value) = (name.trim(), value.trim());
    if let Some(word) = SHELL_WORDS.into_iter().find(|word| name.split_whitespace().next() == Some(word)) {
        return Err(format!("it begins with {word}: leave that word out"));
    }
    if name.starts_with("$env:") {
        return Err("it begins with $env: leave that out".into());
    }
    if value.contains(char::is_control) {
        return Err("its value has a control character: write the line again".into());
    }
    Ok((name, value))
}

/// With what lines begin that were written for a shell.
const SHELL_WORDS: [&str; 4] = ["export", "set", "setx", "declare"];

/// What is wrong with a value that [`sms_rules::settings::is_quoted`], behind the name of the setting.
pub(crate) const QUOTED: &str = "is written in quotes: leave them out";
