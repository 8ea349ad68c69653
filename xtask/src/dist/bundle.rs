//! Bundles for Claude Desktop (mcpb): one for each operating system, because a bundle can only choose by that. The one
//! for Linux has the programs of both processors, and a shell script that chooses.
//!
//! Format: the manifest 0.3 of modelcontextprotocol/mcpb.

use super::archive::{File, zip};
use super::program::Program;
use super::{Package, REPOSITORY, Release, VERSION, settings};
use crate::process::root;
use anyhow::{Context, Result};
use serde_json::{Value, json};

/// What the operating systems are called in a manifest, and in the name of a file.
const SYSTEMS: [(&str, &str); 3] = [("linux", "linux"), ("win32", "windows"), ("darwin", "macos")];

/// What Claude Desktop shows about the extension.
const LONG_DESCRIPTION: &str = "\
Lets Claude send and read SMS with your 46elks account. While the dry run is on, nothing is ever sent. The SMS code is a \
WebAssembly component in a sandbox, which can reach api.46elks.com and nothing else. Each approved call sends one message, \
to that number, with those words, within the limits that you set.";

/// A bundle for each operating system.
pub(super) fn packages(release: &Release) -> Result<Vec<Package>> {
    let mut packages = Vec::new();
    for (platform, system) in SYSTEMS {
        let programs: Vec<_> = release.programs.iter().filter(|program| program.target.bundle == platform).collect();
        if let Some(first) = programs.first() {
            let mut files = if platform == "linux" {
                chosen_by_script(&programs)?
            } else {
                vec![File::program(first.target.program_name(), first.bytes.clone())]
            };
            files = files.into_iter().map(|file| file.below("server")).collect();
            let entry_point = format!("server/{}", first.target.program_name());
            let manifest = manifest(release, platform, &entry_point)?;
            files.push(File::text("manifest.json", serde_json::to_vec_pretty(&manifest)?));
            files.push(File::text("README.md", release.readme.clone()));
            files.extend_from_slice(&release.licences);
            packages.push(Package { name: format!("elks-mcp-{VERSION}-{system}.mcpb"), bytes: zip(files)? });
        }
    }
    Ok(packages)
}

/// A script, and the programs under the names that it looks for: those of `uname -m`.
fn chosen_by_script(programs: &[&Program]) -> Result<Vec<File>> {
    let mut script = File::of("elks-mcp", &root().join("dist/bundle.sh"))?;
    script.is_program = true;
    let mut files = vec![script];
    for program in programs {
        let processor = program.target.triple.split('-').next().context("a triple begins with the processor")?;
        files.push(File::program(format!("elks-mcp-{processor}"), program.bytes.clone()));
    }
    Ok(files)
}

fn manifest(release: &Release, platform: &str, entry_point: &str) -> Result<Value> {
    let tools = release.tools.as_array().context("the tool list is a list")?.iter();
    let tools: Vec<Value> =
        tools.map(|tool| json!({"name": tool["name"], "description": tool["description"]})).collect();
    Ok(json!({
        "manifest_version": "0.3",
        "name": "elks-mcp",
        "display_name": "SMS with 46elks",
        "version": VERSION,
        "description": release.about.description,
        "long_description": LONG_DESCRIPTION,
        "author": {"name": "elks-mcp", "url": REPOSITORY},
        "repository": {"type": "git", "url": format!("{REPOSITORY}.git")},
        "homepage": REPOSITORY,
        "documentation": format!("{REPOSITORY}/blob/v{VERSION}/docs/install/claude-desktop.md"),
        "privacy_policies": [format!("{REPOSITORY}/blob/v{VERSION}/docs/privacy.md")],
        "support": format!("{REPOSITORY}/issues"),
        "license": release.about.licence,
        "keywords": release.about.keywords,
        "server": {
            "type": "binary",
            "entry_point": entry_point,
            "mcp_config": {
                "command": format!("${{__dirname}}/{entry_point}"),
                "args": [],
                "env": settings::bundle_environment(),
            },
        },
        "tools": tools,
        "user_config": settings::user_config(),
        "compatibility": {"platforms": [platform]},
    }))
}
