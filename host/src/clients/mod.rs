//! `print-config`, `install` and `uninstall`: this program's entry in the files of MCP clients.
//!
//! An entry holds the path of the program and of its settings file, and no secret, unless the operator asks for it. A
//! file is changed with a few bytes in one place; comments, order and layout stay. The settings themselves, and what a
//! client does with its file, are not here.

mod diff;
mod entries;
mod file;
mod format;
mod install;
mod json;
mod launch;
mod node;
mod own_command;
mod places;
mod print;
mod quote;
mod shape;
mod table;
mod template;
#[cfg(test)]
mod tests;
mod text;
mod toml;
mod uninstall;
mod yaml;

pub use entries::{Entry, entries};
pub use places::Places;
pub(crate) use quote::{command_line, quoted};

use crate::config::{System, Variables};
use anyhow::{Context as _, Result, ensure};
use std::io::Write;
use std::path::{Path, PathBuf};

/// How `install` and `uninstall` go about it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Show the change and make none.
    pub dry_run: bool,
    /// Copy the settings of the environment into the client's file.
    pub env: bool,
    /// Change the file, also if the client has a command for that.
    pub edit: bool,
    /// Write the entry even if the client does not seem to be installed, or another entry has its name.
    pub force: bool,
}

/// This computer: where things are on it.
struct Computer {
    places: Places,
    /// The path of this program.
    program: String,
    /// The path of the settings file: the one that the command line names, or the usual one.
    settings: String,
    /// Whether the command line names it. Otherwise an entry keeps the file that it has.
    is_named: bool,
}

impl Computer {
    /// The one that this runs on. `settings` is the file that the command line names.
    fn this(settings: Option<&Path>) -> Result<Self> {
        let places = Places::of_process();
        let program = launch::program(&places)?;
        let is_named = settings.is_some();
        let settings = match settings {
            Some(named) => std::path::absolute(named).context("the settings file has no absolute path")?,
            None => places
                .settings_file()
                .context("the environment names no home folder: name a settings file with --settings FILE")?,
        };
        Ok(Self { places, program, settings: launch::text(&settings)?, is_named })
    }
}

/// The settings file that `install` writes, when it is there and no setting of the account stands in the environment.
/// Only the doctor reads it so: a client's entry names the file.
pub fn usual_settings(environment: &Variables) -> Option<PathBuf> {
    let has_settings = environment.environment().any(|name| name.starts_with("ELKS_"));
    Places::new(System::THIS, environment.clone()).settings_file().filter(|file| !has_settings && file.exists())
}

/// Prints what belongs in a client's file, and to `notes` where the file is. Without a client, lists them.
///
/// # Errors
/// There is no such client, or the output cannot be written.
pub fn print_config(
    client: Option<&str>,
    settings: Option<&Path>,
    out: &mut impl Write,
    notes: &mut impl Write,
) -> Result<()> {
    let Some(client) = client else { return print::list(&Places::of_process(), out) };
    print::print(table::find(client)?, &Computer::this(settings)?, out, notes)
}

/// Adds the entry to a client, and writes a settings file without a secret when there is none.
///
/// # Errors
/// There is no such client, its file cannot be changed, its command failed, or the options contradict each other. A
/// file that cannot be changed is as it was.
pub fn install(client: &str, settings: Option<&Path>, options: Options, out: &mut impl Write) -> Result<()> {
    ensure!(
        !options.env || settings.is_none(),
        "--env copies the environment into the client's file; leave --settings out, or leave --env out and keep the \
         settings in that file"
    );
    install::install(table::find(client)?, &Computer::this(settings)?, options, out)
}

/// Takes the entry out of a client.
///
/// # Errors
/// As for [`install`].
pub fn uninstall(client: &str, settings: Option<&Path>, options: Options, out: &mut impl Write) -> Result<()> {
    uninstall::uninstall(table::find(client)?, &Computer::this(settings)?, options, out)
}
