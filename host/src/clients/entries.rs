//! The entries on this computer that start this program, in the files of all known clients.

use super::file;
use super::launch::{is_container, is_unfilled, settings_file, starts_this};
use super::node::Node;
use super::places::Places;
use super::shape::Shape;
use super::table::{CLIENTS, Client};
use std::path::{Path, PathBuf};

/// An entry that starts this program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The client's name on the command line.
    pub client: &'static str,
    /// The file that the entry stands in.
    pub file: PathBuf,
    /// The name of the entry.
    pub name: String,
    /// The program that it starts.
    pub command: String,
    /// The program's arguments. They may hold what the user has written there.
    pub args: Vec<String>,
    /// Whether that program is on this computer.
    pub exists: bool,
}

impl Entry {
    /// The settings file that the arguments name, as it stands there.
    pub fn settings_file(&self) -> Option<&str> {
        settings_file(&self.args)
    }

    /// Whether the path of the settings file is none of this computer: the client fills in a part of it, or it is one
    /// in a container.
    pub fn has_foreign_settings(&self) -> bool {
        self.settings_file().is_some_and(is_unfilled) || is_container(&self.command, &self.args)
    }

    /// Whether the client fills in a part of the program's path.
    pub fn has_unfilled_command(&self) -> bool {
        is_unfilled(&self.command)
    }
}

/// All entries that start this program: by its path, by a call of `npx`, `uvx` or `docker`. A file that cannot be read
/// has none.
pub fn entries(places: &Places) -> Vec<Entry> {
    CLIENTS.iter().flat_map(|client| of_client(places, client)).collect()
}

/// The entries of one client that start this program.
pub(super) fn of_client(places: &Places, client: &'static Client) -> Vec<Entry> {
    let mut found = Vec::new();
    for place in places.of(client.files.locations(places)) {
        let Ok(Some(text)) = file::read(&place.file) else { continue };
        let Ok(document) = client.shape.format().read(&text) else { continue };
        for (name, command, args) in launched(client.shape, &document) {
            if starts_this(&command, &args) {
                let exists = exists(places, &command);
                found.push(Entry { client: client.name, file: place.file.clone(), name, command, args, exists });
            }
        }
    }
    found
}

/// The name, command and arguments of each entry. Claude Code has more of them below `projects`.
fn launched(shape: Shape, document: &Node) -> Vec<(String, String, Vec<String>)> {
    let projects =
        document.get("projects").filter(|_| shape == Shape::ClaudeCode).map(Node::members).unwrap_or_default();
    let documents = std::iter::once(document).chain(projects.iter().map(|(_, project)| project));
    let sections = documents.filter_map(|document| document.get(shape.section()));
    let entries = sections.flat_map(Node::members);
    entries
        .filter_map(|(name, entry)| shape.launched(entry).map(|(command, args)| (name.clone(), command, args)))
        .collect()
}

/// Whether a command can be started.
fn exists(places: &Places, command: &str) -> bool {
    let path = Path::new(command);
    if path.is_absolute() { path.exists() } else { places.on_path(command).is_some() }
}
