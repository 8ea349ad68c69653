//! The published crates, as people get them. They are packed, unpacked into an empty workspace and built there, so
//! that nothing of the checkout can help.
//!
//! `cargo package` could build them as well, but it keeps unpacked sources of its temporary registry by name and
//! version: a second run would build the code of the first. So it only packs, and the build is ours.

use crate::channels::session;
use crate::component::{self, Component};
use crate::dist::VERSION;
use crate::process::{cargo, command, debug_program, empty, output, root, run, target};
use anyhow::{Result, ensure};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What is published, in the order in which one needs the other.
const CRATES: [&str; 4] = ["sms-rules", "elks-sandbox", "elks-component-build", "elks-mcp"];

/// Packs, unpacks, builds, and compares the components with those of the checkout.
pub(crate) fn check(keep: bool) -> Result<()> {
    component::build()?;
    let here = Component::all_of(&debug_program())?;
    let enclosed = Enclosed::lay(&here, keep)?;
    let mut pack = cargo("package --locked --quiet --no-verify --allow-dirty");
    run(pack.args(CRATES.iter().flat_map(|name| ["--package", name])))?;
    drop(enclosed);

    let work = target().join("package-check");
    unpack(&work)?;
    let program = install(&work)?;
    print!("{}", output(Command::new(&program).arg("--version"))?);
    let there = Component::all_of(&program)?;
    ensure!(there == here, "the packed program embeds {there:?}, the program of the checkout {here:?}");
    println!("the packed program embeds the components of the checkout");
    session::play(Command::new(&program).arg("--simulate"))?;
    println!("a whole session with it works");
    Ok(())
}

/// host/component/: what the package of the program carries in place of guest/ and wit/.
struct Enclosed {
    folder: PathBuf,
    keep: bool,
}

impl Enclosed {
    fn lay(components: &[Component], keep: bool) -> Result<Self> {
        let folder = root().join("host/component");
        empty(&folder)?;
        // From here on it is removed again, whatever happens.
        let enclosed = Self { folder, keep };
        let folder = &enclosed.folder;
        for Component { kind, sha256, .. } in components {
            let file = format!("{}.wasm", kind.name);
            component::write(&debug_program(), kind, &folder.join(&file))?;
            fs::write(folder.join(format!("{file}.sha256")), format!("{sha256}  {file}\n"))?;
        }
        copy(&root().join("wit"), &folder.join("wit"))?;
        Ok(enclosed)
    }
}

impl Drop for Enclosed {
    fn drop(&mut self) {
        if !self.keep {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// Unpacks the crates side by side, in a workspace of their own.
fn unpack(work: &Path) -> Result<()> {
    empty(work)?;
    let mut manifest = String::from("[workspace]\nresolver = \"3\"\nmembers = [");
    for name in CRATES {
        let packed = target().join(format!("package/{name}-{VERSION}.crate"));
        run(Command::new("tar").arg("-xzf").arg(&packed).arg("-C").arg(work))?;
        write!(manifest, "\"{name}-{VERSION}\", ")?;
    }
    // Debug information as in the checkout, so that dependencies are compiled once for both.
    manifest.push_str("]\n\n[profile.dev]\ndebug = \"line-tables-only\"\n\n[patch.crates-io]\n");
    for name in CRATES {
        writeln!(manifest, "{name} = {{ path = \"{name}-{VERSION}\" }}")?;
    }
    fs::write(work.join("Cargo.toml"), manifest)?;
    fs::copy(root().join("Cargo.lock"), work.join("Cargo.lock"))?;
    // Takes out of the lock file what only the checkout has.
    run(Command::new("cargo").args(["update", "--workspace", "--offline", "--quiet"]).current_dir(work))
}

/// Installs the program, which builds the other crates as its dependencies.
fn install(work: &Path) -> Result<PathBuf> {
    let cargo = |line: &str| {
        let mut cargo = command("cargo", line);
        cargo.args(["--locked", "--offline", "--quiet"]).current_dir(work).env("CARGO_TARGET_DIR", target());
        cargo
    };
    // The program turns its default features off, so they are built here.
    run(&mut cargo("build --package sms-rules"))?;
    let installed = work.join("installed");
    let folder = format!("elks-mcp-{VERSION}");
    run(cargo("install --debug --no-track").args(["--path", &folder, "--root"]).arg(&installed))?;
    Ok(installed.join("bin/elks-mcp"))
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to)?;
        } else {
            fs::copy(entry.path(), &to)?;
        }
    }
    Ok(())
}
