//! The npm packages: by `npm install` with scripts off and without a registry.

use super::{Run, SIMULATE, ensure_version, session};
use crate::dist::VERSION;
use crate::process::{exists, run};
use anyhow::Result;
use serde_json::json;
use std::fs;
use std::path::PathBuf;
use std::time::Instant;

/// The launcher, and the package with the program of this system.
pub(super) fn packages(all: &Run) -> Result<[PathBuf; 2]> {
    Ok([all.package(&format!("npm-elks-mcp-{VERSION}"), ".tgz")?, all.package("npm-elks-mcp-linux-x64-", ".tgz")?])
}

/// Tries them.
pub(super) fn try_it(all: &mut Run) -> Result<()> {
    if !exists("npm") {
        all.skip("npm install", "there is no npm");
        return Ok(());
    }
    let packages = packages(all)?;
    let folder = all.folder("npm")?;
    // As in a registry, the launcher alone is asked for; npm must take the other package from the file.
    let [launcher, program] = packages.each_ref().map(|package| format!("file:{}", package.display()));
    let manifest = json!({
        "private": true,
        "dependencies": {"elks-mcp": launcher},
        "overrides": {"elks-mcp-linux-x64": program},
    });
    fs::write(folder.join("package.json"), manifest.to_string())?;
    let begun = Instant::now();
    let mut install = all.command("npm", &folder);
    install.args(["install", "--offline", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]);
    run(&mut install)?;
    let installed = begun.elapsed();
    let started = folder.join("node_modules/.bin/elks-mcp");
    ensure_version(&mut all.command(&started, &folder))?;
    let answered = session::play(all.command(&started, &folder).arg(SIMULATE))?;
    all.works("npm install", &packages, installed + answered)
}
