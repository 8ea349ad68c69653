//! The completions for shells and the manual page.
//!
//! The example `pages` of the program makes them from its command line.

use super::archive::File;
use crate::process::{cargo, empty, run, target};
use anyhow::Result;
use std::fs;

/// All of them.
pub(super) fn made() -> Result<Vec<File>> {
    let folder = target().join("pages");
    empty(&folder)?;
    run(cargo("run --locked --quiet --package elks-mcp --example pages").arg("--").arg(&folder))?;
    let mut files = Vec::new();
    for entry in fs::read_dir(&folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let kind = if name.ends_with(".1") { "man" } else { "completions" };
        files.push(File::of(format!("{kind}/{name}"), &path)?);
    }
    Ok(files)
}
