//! The components that the program has in it. Their digests come from the program, which must state them truly in any
//! case.

use crate::process::{cargo, debug_program, output, run, target};
use anyhow::{Context, Result};
use serde_json::Value;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A component that a program has in it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    /// What it is called, without the ending of its file.
    pub(crate) name: &'static str,
    /// Where `capabilities --json` describes it.
    pub(crate) key: &'static str,
    /// What `elks-mcp component` needs to write it.
    options: &'static [&'static str],
}

/// The component that the program runs.
pub(crate) const ELKS_SMS: Kind = Kind { name: "elks-sms", key: "component", options: &[] };

/// The component for hosts that make a tool of each exported function.
pub(crate) const CONFIGURED: Kind = Kind { name: "elks-sms-configured", key: "configured", options: &["--configured"] };

/// All components, in the order of everything that is made of them.
pub(crate) const COMPONENTS: [&Kind; 2] = [&ELKS_SMS, &CONFIGURED];

/// Which component a program has in it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Component {
    pub(crate) kind: &'static Kind,
    /// The SHA-256, as hexadecimal digits.
    pub(crate) sha256: String,
    /// The size in bytes.
    pub(crate) bytes: u64,
}

impl Component {
    /// What a program says about the components in it, as [`COMPONENTS`] lists them.
    pub(crate) fn all_of(program: &Path) -> Result<Vec<Self>> {
        Self::all_stated(Command::new(program).args(["capabilities", "--json"]))
    }

    /// What a command says that shows the capabilities as JSON.
    pub(crate) fn all_stated(capabilities: &mut Command) -> Result<Vec<Self>> {
        let capabilities = json_of(capabilities)?;
        let stated = |kind: &'static Kind| {
            let component = &capabilities[kind.key];
            Ok(Self {
                kind,
                sha256: component["sha256"].as_str().context("capabilities state no digest")?.to_string(),
                bytes: component["bytes"].as_u64().context("capabilities state no size")?,
            })
        };
        COMPONENTS.into_iter().map(stated).collect()
    }
}

/// What the program of the checkout can reach, as it says so.
pub(crate) fn capabilities() -> Result<Value> {
    json_of(Command::new(debug_program()).args(["capabilities", "--json"]))
}

/// The tool list that the program of the checkout serves.
pub(crate) fn tools() -> Result<Value> {
    json_of(Command::new(debug_program()).arg("tools"))
}

fn json_of(command: &mut Command) -> Result<Value> {
    Ok(serde_json::from_str(&output(command)?)?)
}

/// Builds the program as README.md has it, and the components with it.
pub(crate) fn build() -> Result<()> {
    run(&mut cargo("build --locked --quiet"))
}

/// Writes a component of a program to a file.
pub(crate) fn write(program: &Path, kind: &Kind, file: &Path) -> Result<()> {
    let mut command = Command::new(program);
    command.arg("component").args(kind.options).args([OsStr::new("--output"), file.as_os_str()]);
    output(&mut command).map(drop)
}

/// Builds a component and writes it where other tasks and people find it.
pub(crate) fn built(kind: &Kind) -> Result<PathBuf> {
    build()?;
    let file = target().join(kind.name).with_extension("wasm");
    write(&debug_program(), kind, &file)?;
    Ok(file)
}

/// Builds the components and prints where each is, its size and its SHA-256.
pub(crate) fn print() -> Result<()> {
    let files: Vec<PathBuf> = COMPONENTS.into_iter().map(built).collect::<Result<_>>()?;
    for (file, component) in files.iter().zip(Component::all_of(&debug_program())?) {
        println!("{}: {} bytes, SHA-256 {}", file.display(), component.bytes, component.sha256);
    }
    Ok(())
}
