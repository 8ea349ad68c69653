//! The licences of the crates in the programs and in the component, as the archives and packages carry them.
//!
//! Most licences demand that their text goes with the program.

use super::target::TARGETS;
use crate::process::{cargo, cargo_packages, output};
use anyhow::{Context, Result, ensure};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// What the component is compiled for.
const COMPONENT_TARGET: &str = "wasm32-unknown-unknown";

/// How the names of files with licences begin, in capital letters.
const BEGINNINGS: [&str; 5] = ["LICENSE", "LICENCE", "COPYING", "NOTICE", "UNLICENSE"];

/// What stands before the list.
const HEAD: &str = "\
elks-mcp is licensed under MIT or Apache-2.0. The programs and the component in them contain the crates below and the
standard library of Rust (MIT or Apache-2.0, https://www.rust-lang.org). Programs for Linux also contain the C library
musl (MIT, https://musl.libc.org). The container image also contains the certificates of webpki-root-certs. Each text
stands once, below the crates that it belongs to.
";

/// A crate that a program or the component contains.
struct Crate {
    /// Its name and version.
    name: String,
    /// The SPDX expression.
    licence: String,
    repository: String,
    folder: PathBuf,
}

/// One text with the licences of all crates of other people.
pub(super) fn text() -> Result<String> {
    let crates = crates()?;
    let mut texts: BTreeMap<String, Vec<&Crate>> = BTreeMap::new();
    for its in &crates {
        let mut found = files_of(&its.folder)?;
        if found.is_empty() {
            // Crates of wasmtime are published without its licence, but for the first of them.
            let is_wasmtime = |other: &&Crate| other.name.starts_with("wasmtime ") && other.licence == its.licence;
            let sibling = crates.iter().find(is_wasmtime);
            found = files_of(&sibling.with_context(|| format!("{} carries no licence", its.name))?.folder)?;
        }
        for file in found {
            let text = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
            texts.entry(text.replace("\r\n", "\n").trim().to_string()).or_default().push(its);
        }
    }
    let mut all = HEAD.to_string();
    for (text, crates) in texts {
        writeln!(all, "\n{}", "=".repeat(80))?;
        for its in crates {
            writeln!(all, "{} ({}) {}", its.name, its.licence, its.repository)?;
        }
        writeln!(all, "{}\n\n{text}", "-".repeat(80))?;
    }
    Ok(all)
}

/// The crates of other people in the programs.
fn crates() -> Result<Vec<Crate>> {
    let programs: Vec<&str> = TARGETS.iter().flat_map(|target| target.rust).copied().collect();
    let mut names = Vec::new();
    for (package, targets) in
        [("elks-mcp", programs.as_slice()), ("elks-sms", &[COMPONENT_TARGET]), ("webpki-root-certs", &programs)]
    {
        let mut tree = cargo("tree --locked --edges normal,no-proc-macro --prefix none --format {p} --package");
        tree.arg(package).args(targets.iter().flat_map(|target| ["--target", target]));
        let lines = output(&mut tree)?;
        names.extend(lines.lines().map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" ")));
    }
    let mut crates = Vec::new();
    // What has no source is of this workspace.
    for package in cargo_packages("")?.iter().filter(|package| !package["source"].is_null()) {
        let text = |field: &str| package[field].as_str().unwrap_or_default().to_string();
        if names.contains(&format!("{} v{}", text("name"), text("version"))) {
            let folder = Path::new(&text("manifest_path")).parent().context("a manifest has a folder")?.to_path_buf();
            let name = format!("{} {}", text("name"), text("version"));
            ensure!(!text("license").is_empty(), "{name} states no licence");
            crates.push(Crate { name, licence: text("license"), repository: text("repository"), folder });
        }
    }
    Ok(crates)
}

/// The files with licences of a crate, in the order of their names.
fn files_of(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().to_uppercase();
        if entry.file_type()?.is_file() && BEGINNINGS.iter().any(|beginning| name.starts_with(beginning)) {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}
