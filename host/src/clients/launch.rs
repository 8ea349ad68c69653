//! How a client starts this program: command, arguments and variables.

use super::places::Places;
use crate::config::{self, System, Variables};
use crate::unfilled::Unfilled;
use anyhow::{Context, Result, ensure};
use std::path::{Path, PathBuf};

/// The name of this program, and of its packages.
pub(super) const PROGRAM: &str = "elks-mcp";

/// The argument that names the settings file.
const SETTINGS: &str = "--settings";

/// Programs that start this one in a container, where paths are others.
const CONTAINERS: [&str; 3] = ["docker", "podman", "nerdctl"];

/// What a client starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Launch {
    /// The program.
    pub(super) command: String,
    /// Its arguments.
    pub(super) args: Vec<String>,
    /// Variables with settings, only when the operator asks for them.
    pub(super) env: Vec<(String, String)>,
}

/// Where the settings come from.
pub(super) enum Source<'a> {
    /// A file.
    File(&'a str),
    /// The file that these words of an entry name, as they stand there.
    Kept(&'a [String]),
    /// These variables, which the client keeps in its own file.
    Env(Vec<(String, String)>),
}

/// What starts the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Runner {
    /// Its own file.
    File,
    /// `npx`, which had put it into a cache.
    Npx,
    /// `uvx`, which had put it into a cache.
    Uvx,
}

impl Runner {
    /// What started the program at this path. Both tools remove what is in their caches at some time.
    pub(super) fn of(program: &str) -> Self {
        let mut parts = program.split(['/', '\\']);
        if parts.clone().any(|part| part == "_npx") {
            Self::Npx
        } else if parts.any(|part| {
            part.strip_prefix("archive-v").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        }) {
            Self::Uvx
        } else {
            Self::File
        }
    }

    /// The words that start the program again.
    pub(super) fn words(self, program: &str, system: System) -> Vec<String> {
        let words: &[&str] = match (self, system) {
            (Self::File, _) => &[program],
            // On Windows, npx is a script, which a program cannot start without cmd.
            (Self::Npx, System::Windows) => &["cmd", "/c", "npx", "-y", PROGRAM],
            (Self::Npx, _) => &["npx", "-y", PROGRAM],
            (Self::Uvx, _) => &["uvx", PROGRAM],
        };
        words.iter().map(ToString::to_string).collect()
    }
}

impl Launch {
    /// How a client starts this program.
    pub(super) fn new(program: &str, system: System, source: Source<'_>) -> Self {
        let mut words = Runner::of(program).words(program, system).into_iter();
        let command = words.next().unwrap_or_default();
        let mut args: Vec<String> = words.collect();
        let env = match source {
            Source::File(settings) => {
                args.extend([SETTINGS.to_string(), settings.to_string()]);
                Vec::new()
            }
            Source::Kept(words) => {
                args.extend_from_slice(words);
                Vec::new()
            }
            Source::Env(env) => env,
        };
        Self { command, args, env }
    }
}

/// The path of this program that lasts longest: a link on `PATH` that leads to it, as package managers make them, stays
/// when they update the program; the file behind it may not.
///
/// # Errors
/// The system does not say where the program is, or the path is no text.
pub(super) fn program(places: &Places) -> Result<String> {
    let running = std::env::current_exe().context("the system does not say where this program is")?;
    let same = |link: &PathBuf| matches!((link.canonicalize(), running.canonicalize()), (Ok(a), Ok(b)) if a == b);
    let path = places.on_path(PROGRAM).filter(same).unwrap_or(running);
    text(&path)
}

/// A path as text.
///
/// # Errors
/// It is no text, so no configuration file can hold it.
pub(super) fn text(path: &Path) -> Result<String> {
    let text = path
        .to_str()
        .with_context(|| format!("{} is no UTF-8 text, so no client's file can hold it", path.display()))?;
    Ok(text.to_string())
}

/// The settings of this environment, for a client that keeps them in its own file.
///
/// # Errors
/// A required one is missing, or one is no text.
pub(super) fn env(variables: &Variables) -> Result<Vec<(String, String)>> {
    let is_set = |name: &&str| variables.get(name).is_some_and(|value| !value.is_empty());
    let required: [&[&str]; 3] = [
        &[config::USERNAME, config::USERNAME_FILE],
        &[config::PASSWORD, config::PASSWORD_FILE, config::KEYRING],
        &[config::SENDER],
    ];
    let missing: Vec<&str> = required
        .into_iter()
        .filter(|names| !names.iter().any(is_set))
        .filter_map(|names| names.first().copied())
        .collect();
    ensure!(
        missing.is_empty(),
        "--env copies the settings of this environment, but {} not set in it: set them, or leave --env out and write \
         them into the settings file",
        if let [one] = missing[..] { format!("{one} is") } else { format!("{} are", missing.join(" and ")) }
    );
    let mut env = Vec::new();
    for name in config::settings_file::names() {
        if let Some(value) = variables.get(name) {
            let value = value.to_str().with_context(|| format!("{name} is no UTF-8 text"))?;
            env.push((name.to_string(), value.to_string()));
        }
    }
    Ok(env)
}

/// The words that name the settings file: `--settings FILE` or `--settings=FILE`.
pub(super) fn settings_words(args: &[String]) -> Option<&[String]> {
    let two = args.windows(2).find(|words| words.first().is_some_and(|word| word == SETTINGS));
    two.or_else(|| args.chunks(1).find(|words| settings_file_of(words).is_some()))
}

/// The settings file that arguments name.
pub(super) fn settings_file(args: &[String]) -> Option<&str> {
    settings_file_of(settings_words(args)?)
}

fn settings_file_of(words: &[String]) -> Option<&str> {
    match words {
        [_, file] => Some(file),
        [word] => word.strip_prefix(SETTINGS)?.strip_prefix('='),
        _ => None,
    }
}

/// Whether a command starts a container.
pub(super) fn is_container(command: &str, args: &[String]) -> bool {
    std::iter::once(command)
        .chain(args.iter().map(String::as_str))
        .any(|word| CONTAINERS.contains(&name(word).as_str()))
}

/// Whether something has to be filled in before a path can be used, such as `${HOME}`: by the client, or by nobody.
pub(super) fn is_unfilled(path: &str) -> bool {
    std::iter::once(path).chain(path.split(['/', '\\'])).any(|part| Unfilled::of(part).is_some())
}

/// The name of the program that a word of a command names, without what Windows adds.
fn name(word: &str) -> String {
    let last = word.rsplit(['/', '\\']).next().unwrap_or_default();
    let name = last.split(['@', ':', '=']).next().unwrap_or_default().to_ascii_lowercase();
    [".exe", ".cmd"].iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(&name).to_string()
}

/// Whether a client's command starts this program: by its file, by its package or by an image of its name.
pub(super) fn starts_this(command: &str, args: &[String]) -> bool {
    std::iter::once(command).chain(args.iter().map(String::as_str)).any(|word| name(word) == PROGRAM)
}
