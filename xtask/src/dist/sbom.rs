//! The lists of the crates in the programs and in the component (CycloneDX), without those that only a build script
//! needs.

use super::Package;
use crate::process::{cargo_packages, command, root, run, target, tool};
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The version of cargo-cyclonedx.
const CYCLONEDX_VERSION: &str = "0.5.9";

/// The time in the lists where git knows none: 2026-01-01.
const NO_COMMIT_TIME: &str = "1767225600";

/// How the tool names the files that it writes, one beside each manifest of the workspace.
const WRITTEN: &str = "sbom";

/// What stands in the lists in place of the checkout, so that every checkout gives the same.
const CHECKOUT: &str = "/elks-mcp";

/// The list of each: its name, and the folder of its manifest.
const LISTS: [(&str, &str); 2] = [("elks-mcp", "host"), ("elks-sms", "guest")];

/// The lists, for all systems together.
pub(super) fn packages() -> Result<Vec<Package>> {
    let tool = tool("cargo-cyclonedx", CYCLONEDX_VERSION)?.join("cargo-cyclonedx");
    let commit = Command::new("git").args(["log", "-1", "--format=%ct"]).current_dir(root()).output();
    let time = commit.ok().and_then(|done| String::from_utf8(done.stdout).ok()).unwrap_or_default();
    let time = if time.trim().is_empty() { NO_COMMIT_TIME } else { time.trim() };

    let mut list = command(tool, "cyclonedx --format json --spec-version 1.5 --no-build-deps --target all");
    list.args(["--override-filename", WRITTEN, "--manifest-path"]).arg(root().join("Cargo.toml"));
    let listed = run(list.env("SOURCE_DATE_EPOCH", time).current_dir(target()));
    // Whatever happened, nothing stays in the sources.
    let read = LISTS.map(|(name, folder)| (name, fs::read_to_string(written(&root().join(folder)))));
    for member in members()? {
        let file = written(&member);
        if file.exists() {
            fs::remove_file(&file).with_context(|| format!("cannot remove {}", file.display()))?;
        }
    }
    listed?;
    read.into_iter()
        .map(|(name, text)| {
            let text = text.with_context(|| format!("cargo-cyclonedx wrote no list for {name}"))?;
            let checkout = root().to_str().context("the checkout's path is no text")?.to_string();
            let text = text.replace(&format!("path+file://{checkout}/"), &format!("path+file://{CHECKOUT}/"));
            ensure!(!text.contains(&checkout), "the list of {name} names a path of this computer");
            Ok(Package { name: format!("{name}.cdx.json"), bytes: text.into_bytes() })
        })
        .collect()
}

/// The file that the tool writes beside a manifest.
fn written(folder: &Path) -> PathBuf {
    folder.join(format!("{WRITTEN}.json"))
}

/// The folders of the workspace's members.
fn members() -> Result<Vec<PathBuf>> {
    let packages = cargo_packages("--no-deps")?;
    let manifests = packages.iter().filter_map(|package| package["manifest_path"].as_str());
    Ok(manifests.filter_map(|manifest| Some(PathBuf::from(manifest).parent()?.to_path_buf())).collect())
}
