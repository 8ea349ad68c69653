//! Each component is the same bytes on every Linux x86-64 computer. This task builds them in another folder, with the
//! downloads of cargo under another path. It takes them from the build script of the program, which makes them: the
//! program around them is only checked, because compiling it would take as long again and show nothing.

use crate::component::{self, Component};
use crate::process::{debug_program, output, root, target};
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Builds the components twice and compares the bytes.
pub(crate) fn compare() -> Result<()> {
    component::build()?;
    let work = target().join("reproduce");
    let (checkout, home) = (work.join("another/checkout"), work.join("home/somebody-else"));
    for folder in [&checkout, &home] {
        if folder.exists() {
            fs::remove_dir_all(folder).with_context(|| format!("cannot empty {}", folder.display()))?;
        }
        fs::create_dir_all(folder)?;
    }
    copy_checkout(&checkout)?;
    let cargo_home = home.join(".cargo");
    link_entries(&tool_home("CARGO_HOME", ".cargo")?, &cargo_home)?;

    let built = work.join("target");
    let mut build = Command::new("cargo");
    build.args(["check", "--package", "elks-mcp", "--lib", "--locked", "--quiet", "--message-format", "json"]);
    // The toolchain stays where it is: its path is not what is compared.
    build.current_dir(&checkout).env("RUSTUP_HOME", tool_home("RUSTUP_HOME", ".rustup")?);
    build.env("HOME", &home).env("CARGO_HOME", &cargo_home).env("CARGO_TARGET_DIR", &built);
    let there = written_by_the_script(&output(&mut build)?).context("the build script of elks-mcp has not run")?;

    for component in Component::all_of(&debug_program())? {
        let name = component.kind.name;
        let first = work.join(format!("{name}-first.wasm"));
        component::write(&debug_program(), component.kind, &first)?;
        let second = there.join(name).with_extension("wasm");
        ensure!(
            fs::read(&first)? == fs::read(&second)?,
            "{name} depends on where it is built: compare {} and {}",
            first.display(),
            second.display()
        );
        println!("{name}: the same {} bytes twice, SHA-256 {}", component.bytes, component.sha256);
    }
    Ok(())
}

/// The folder that the build script of elks-mcp has written to, from the messages of cargo.
fn written_by_the_script(messages: &str) -> Option<PathBuf> {
    let mut messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let of_script = |message: &Value| {
        let is_program = message["package_id"].as_str().is_some_and(|id| id.contains("#elks-mcp@"));
        is_program && message["reason"] == "build-script-executed"
    };
    Some(messages.rfind(of_script)?["out_dir"].as_str()?.into())
}

/// Copies what git tracks, with the times, so that a second run compiles only what changed.
fn copy_checkout(to: &Path) -> Result<()> {
    let tracked = output(Command::new("git").args(["ls-files", "-z"]).current_dir(root()))?;
    for name in tracked.split_terminator('\0') {
        let (from, to) = (root().join(name), to.join(name));
        fs::create_dir_all(to.parent().context("a file has a folder")?)?;
        fs::copy(&from, &to).with_context(|| format!("cannot copy {name}"))?;
        File::options().write(true).open(&to)?.set_modified(fs::metadata(&from)?.modified()?)?;
    }
    Ok(())
}

/// Makes a folder with a link to each entry of another.
fn link_entries(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let entry = entry?;
        link(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}

#[cfg(unix)]
fn link(from: &Path, to: &Path) -> Result<()> {
    Ok(std::os::unix::fs::symlink(from, to)?)
}

#[cfg(not(unix))]
fn link(from: &Path, _: &Path) -> Result<()> {
    anyhow::bail!("{} cannot be linked: this task needs Unix", from.display())
}

/// Where cargo or rustup keeps what it downloads: the folder of a variable, or one in the user's home.
fn tool_home(variable: &str, folder: &str) -> Result<PathBuf> {
    match env::var_os(variable) {
        Some(home) => Ok(home.into()),
        None => Ok(env::home_dir().context("there is no home folder")?.join(folder)),
    }
}
