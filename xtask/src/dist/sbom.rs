//! The list of the crates in the program (CycloneDX), without those that only its build needs.

use super::Target;
use crate::process::{cargo, output, root, run, target, tool};
use anyhow::{Context, Result};
use std::fs;
use std::process::Command;

/// The version of cargo-cyclonedx.
const CYCLONEDX_VERSION: &str = "0.5.9";

/// The time in the list where git knows none: 2026-01-01.
const NO_COMMIT_TIME: &str = "1767225600";

/// The list, as JSON.
pub(super) fn made() -> Result<Vec<u8>> {
    let tool = tool("cargo-cyclonedx", CYCLONEDX_VERSION)?.join("cargo-cyclonedx");
    let commit = Command::new("git").args(["log", "-1", "--format=%ct"]).current_dir(root()).output();
    let time = commit.ok().and_then(|done| String::from_utf8(done.stdout).ok()).unwrap_or_default();
    let time = if time.trim().is_empty() { NO_COMMIT_TIME } else { time.trim() };

    let mut list = Command::new(tool);
    list.arg("cyclonedx").args(["--format", "json", "--spec-version", "1.5", "--no-build-deps"]);
    list.args(["--target", Target::reference().triple, "--override-filename", "sbom", "--manifest-path"]);
    list.arg(root().join("host/Cargo.toml")).env("SOURCE_DATE_EPOCH", time).current_dir(target());
    run(&mut list)?;

    // The tool writes a file beside each manifest of the workspace.
    let metadata = output(&mut cargo("metadata --locked --no-deps --format-version 1"))?;
    let metadata: serde_json::Value = serde_json::from_str(&metadata)?;
    let mut found = None;
    for package in metadata["packages"].as_array().context("cargo metadata lists packages")? {
        let manifest = package["manifest_path"].as_str().context("a package has a manifest")?;
        let file = std::path::Path::new(manifest).with_file_name("sbom.json");
        if package["name"] == "elks-mcp" {
            found = Some(fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?);
        }
        if file.exists() {
            fs::remove_file(&file)?;
        }
    }
    found.context("cargo-cyclonedx wrote no list for elks-mcp")
}
