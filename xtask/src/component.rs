//! The component that the program embeds. Its digest comes from the program, which must state it truly in any case.

use crate::process::{cargo, debug_program, output, run, target};
use anyhow::{Context, Result};
use serde_json::Value;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Which component a program embeds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Component {
    /// The SHA-256, as hexadecimal digits.
    pub(crate) sha256: String,
    /// The size in bytes.
    pub(crate) bytes: u64,
}

impl Component {
    /// What a program says about the component in it.
    pub(crate) fn of(program: &Path) -> Result<Self> {
        Self::stated(Command::new(program).args(["capabilities", "--json"]))
    }

    /// What a command says that shows the capabilities as JSON.
    pub(crate) fn stated(capabilities: &mut Command) -> Result<Self> {
        let capabilities = json_of(capabilities)?;
        let component = &capabilities["component"];
        Ok(Self {
            sha256: component["sha256"].as_str().context("capabilities state no digest")?.to_string(),
            bytes: component["bytes"].as_u64().context("capabilities state no size")?,
        })
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

/// Builds the program as README.md has it, and the component with it.
pub(crate) fn build() -> Result<()> {
    run(&mut cargo("build --locked --quiet"))
}

/// Writes the component of a program to a file.
pub(crate) fn write(program: &Path, file: &Path) -> Result<()> {
    output(Command::new(program).args([OsStr::new("component"), OsStr::new("--output"), file.as_os_str()])).map(drop)
}

/// Builds the component and writes it where other tasks and people find it.
pub(crate) fn built() -> Result<PathBuf> {
    build()?;
    let file = target().join("elks-sms.wasm");
    write(&debug_program(), &file)?;
    Ok(file)
}

/// Builds the component and prints where it is, its size and its SHA-256.
pub(crate) fn print() -> Result<()> {
    let file = built()?;
    let component = Component::of(&debug_program())?;
    println!("{}: {} bytes, SHA-256 {}", file.display(), component.bytes, component.sha256);
    Ok(())
}
