//! Each component is the same bytes on every Linux x86-64 computer. This task builds them in another folder, with the
//! downloads of cargo under another path.

use crate::component::{self, Component};
use crate::process::{debug_program, output, root, run, target};
use anyhow::{Context, Result, ensure};
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
    build.args(["build", "--locked", "--quiet"]).current_dir(&checkout);
    // The toolchain stays where it is: its path is not what is compared.
    build.env("RUSTUP_HOME", tool_home("RUSTUP_HOME", ".rustup")?);
    run(build.env("HOME", &home).env("CARGO_HOME", &cargo_home).env("CARGO_TARGET_DIR", &built))?;

    for component in Component::all_of(&debug_program())? {
        let name = component.kind.name;
        let (first, second) = (work.join(format!("{name}-first.wasm")), work.join(format!("{name}-second.wasm")));
        component::write(&debug_program(), component.kind, &first)?;
        component::write(&built.join("debug/elks-mcp"), component.kind, &second)?;
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
