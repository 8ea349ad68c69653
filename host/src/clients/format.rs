//! The three languages of configuration files. An edit changes as few bytes as it can. Afterwards the file is read once
//! more: it must hold the same as before, except for the entry. Otherwise the edit is not made.

use super::node::Node;
use super::{json, toml, yaml};
use std::fmt;

/// Members of an entry.
pub(super) type Members<'a> = [(&'a str, Node)];

/// A language of configuration files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// JSON, with comments and commas at the end of lists, which most clients allow.
    Json,
    /// TOML.
    Toml,
    /// YAML, of which only plain blocks are changed.
    Yaml,
}

/// Why a file is left as it is. It repeats nothing of the file but a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// Line and column, from 1.
    place: Option<(usize, usize)>,
    what: String,
}

impl Fault {
    /// A fault at a line and column.
    pub(super) fn at(place: (usize, usize), what: impl Into<String>) -> Self {
        Self { place: Some(place), what: what.into() }
    }

    /// A fault of the whole file.
    pub(super) fn of_file(what: impl Into<String>) -> Self {
        Self { place: None, what: what.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((line, column)) = self.place {
            write!(f, "line {line}, column {column}: ")?;
        }
        f.write_str(&self.what)
    }
}

impl std::error::Error for Fault {}

/// What some editors put before a text.
const BOM: &str = "\u{feff}";

impl Format {
    /// What a file holds.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) fn read(self, text: &str) -> Result<Node, Fault> {
        let text = text.strip_prefix(BOM).unwrap_or(text);
        match self {
            Self::Json => json::read(text),
            Self::Toml => toml::read(text),
            Self::Yaml => yaml::read(text),
        }
    }

    /// The text with a new entry.
    ///
    /// # Errors
    /// The file cannot be read, has the entry, or is written in a way that this program does not change.
    pub(super) fn with(self, text: &str, section: &str, name: &str, body: &Members<'_>) -> Result<String, Fault> {
        let changed = edited(text, |text| match self {
            Self::Json => json::insert(text, section, name, body),
            Self::Toml => toml::insert(text, section, name, body),
            Self::Yaml => yaml::insert(text, section, name, body),
        })?;
        let (before, after) = (self.read(text)?, self.read(&changed).map_err(|_| unsafe_edit(section))?);
        let new = after.get(section).and_then(|entries| entries.get(name));
        let wanted = body.iter().all(|(key, value)| new.and_then(|entry| entry.get(key)) == Some(value));
        let same = before.without(section, name) == after.without(section, name);
        if wanted && same { Ok(changed) } else { Err(unsafe_edit(section)) }
    }

    /// The text with these members of an entry that is there.
    ///
    /// # Errors
    /// As for [`Self::with`].
    pub(super) fn changed(self, text: &str, section: &str, name: &str, members: &Members<'_>) -> Result<String, Fault> {
        let changed = edited(text, |text| match self {
            Self::Json => json::set(text, section, name, members),
            Self::Toml => toml::set(text, section, name, members),
            Self::Yaml => Err(Fault::of_file(format!(
                "the entry {name} starts the program in another way, and this program does not change entries of YAML: \
                 uninstall it first, or change it by hand"
            ))),
        })?;
        let (before, after) = (self.read(text)?, self.read(&changed).map_err(|_| unsafe_edit(section))?);
        let entry = |node: &Node| node.get(section).and_then(|entries| entries.get(name)).cloned();
        let (old, new) = (entry(&before), entry(&after));
        let others = |entry: Option<Node>| -> Vec<(String, Node)> {
            let ours = |key: &str| members.iter().any(|(known, _)| *known == key);
            entry.iter().flat_map(Node::members).filter(|(key, _)| !ours(key)).cloned().collect()
        };
        let wanted = members.iter().all(|(key, value)| new.as_ref().and_then(|entry| entry.get(key)) == Some(value));
        let same = before.without(section, name) == after.without(section, name) && others(old) == others(new);
        if wanted && same { Ok(changed) } else { Err(unsafe_edit(section)) }
    }

    /// The text without an entry.
    ///
    /// # Errors
    /// As for [`Self::with`].
    pub(super) fn without(self, text: &str, section: &str, name: &str) -> Result<String, Fault> {
        let changed = edited(text, |text| match self {
            Self::Json => json::remove(text, section, name),
            Self::Toml => toml::remove(text, section, name),
            Self::Yaml => yaml::remove(text, section, name),
        })?;
        let (before, after) = (self.read(text)?, self.read(&changed).map_err(|_| unsafe_edit(section))?);
        let left = after.get(section).and_then(|entries| entries.get(name));
        let same = before.without(section, name) == after.without(section, name);
        if left.is_none() && same { Ok(changed) } else { Err(unsafe_edit(section)) }
    }
}

/// The text as an edit leaves it, with the byte order mark that it had.
fn edited(text: &str, edit: impl Fn(&str) -> Result<String, Fault>) -> Result<String, Fault> {
    match text.strip_prefix(BOM) {
        Some(text) => edit(text).map(|changed| format!("{BOM}{changed}")),
        None => edit(text),
    }
}

fn unsafe_edit(section: &str) -> Fault {
    Fault::of_file(format!("{section} is written in a way that this program does not change: edit the file by hand"))
}
