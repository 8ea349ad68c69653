//! Packages for npm: a launcher, and a package with the program for each system, which npm chooses by `os` and `cpu`.
//! None has a script, so they install where scripts are off.

use super::archive::{File, tar_gz};
use super::target::Npm;
use super::{Package, REGISTRY_NAME, REPOSITORY, Release, VERSION};
use crate::process::root;
use anyhow::Result;
use serde_json::{Map, Value, json};

/// The file name of a package.
pub(super) fn file_name(package: &str) -> String {
    format!("npm-{package}-{VERSION}.tgz")
}

/// The package with a system's program.
pub(super) fn package_name(npm: &Npm) -> String {
    format!("elks-mcp-{}", npm.name)
}

/// The launcher, and a package for each system.
pub(super) fn packages(release: &Release) -> Result<Vec<Package>> {
    let mut packages = vec![launcher(release)?];
    for program in &release.programs {
        let npm = &program.target.npm;
        let name = package_name(npm);
        let manifest = described(
            release,
            json!({
                "name": name,
                "description": format!("The program of elks-mcp for {}. Install elks-mcp instead.", npm.name),
                "os": [npm.os],
                "cpu": npm.cpu,
                "preferUnplugged": true,
            }),
        );
        let mut files = vec![
            File::text("package.json", serde_json::to_vec_pretty(&manifest)?),
            File::program(program.target.program_name(), program.bytes.clone()),
        ];
        files.extend_from_slice(&release.licences);
        packages.push(packed(&name, files)?);
    }
    Ok(packages)
}

fn launcher(release: &Release) -> Result<Package> {
    let mut programs = Map::new();
    let mut dependencies = Map::new();
    for program in &release.programs {
        let npm = &program.target.npm;
        for cpu in npm.cpu {
            programs.insert(format!("{}-{cpu}", npm.os), package_name(npm).into());
        }
        dependencies.insert(package_name(npm), VERSION.into());
    }
    let manifest = described(
        release,
        json!({
            "name": "elks-mcp",
            "description": release.about.description,
            "mcpName": REGISTRY_NAME,
            "keywords": release.about.keywords,
            "bin": {"elks-mcp": "launcher.js"},
            "engines": {"node": ">=18"},
            "optionalDependencies": dependencies,
            "programs": programs,
        }),
    );
    let mut launcher = File::of("launcher.js", &root().join("dist/launcher.js"))?;
    launcher.is_program = true;
    let files = vec![
        File::text("package.json", serde_json::to_vec_pretty(&manifest)?),
        launcher,
        File::text("README.md", release.readme.clone()),
        File::of("LICENSE-APACHE", &root().join("LICENSE-APACHE"))?,
        File::of("LICENSE-MIT", &root().join("LICENSE-MIT"))?,
    ];
    packed("elks-mcp", files)
}

/// A manifest with what all packages have in common.
fn described(release: &Release, mut manifest: Value) -> Value {
    manifest["version"] = VERSION.into();
    manifest["license"] = release.about.licence.as_str().into();
    manifest["homepage"] = REPOSITORY.into();
    manifest["repository"] = json!({"type": "git", "url": format!("git+{REPOSITORY}.git")});
    manifest
}

fn packed(name: &str, files: Vec<File>) -> Result<Package> {
    let files = files.into_iter().map(|file| file.below("package")).collect();
    Ok(Package { name: file_name(name), bytes: tar_gz(files)? })
}
