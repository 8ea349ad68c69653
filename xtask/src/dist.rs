//! `cargo xtask dist`: every package of a release, in target/dist, made of one set of programs.
//!
//! A package format is a module here. It gets the same [`Release`] as the others and gives files, and compiles and
//! downloads nothing. The same programs make the same bytes.

mod about;
mod archive;
mod archives;
mod bundle;
mod image;
mod licences;
mod npm;
mod oci;
mod pages;
mod program;
mod sbom;
mod server_json;
mod settings;
mod target;
#[cfg(test)]
mod tests;
mod wheel;

pub(crate) use program::{Given, reference_program};
pub(crate) use target::Target;

use crate::component::{self, COMPONENTS, Kind};
use crate::process::{empty, output, root, target as target_folder};
use about::About;
use anyhow::{Context, Result, ensure};
use archive::File;
use oci::sha256;
use program::Program;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use target::TARGETS;

/// The version of everything in a release: that of all crates of this workspace.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What the MCP Registry calls the server. README.md has it, too, which is how the registry knows that the packages on
/// PyPI and crates.io are ours.
pub(crate) const REGISTRY_NAME: &str = "io.github.elks-mcp/elks-mcp";

/// Where the sources are.
const REPOSITORY: &str = env!("CARGO_PKG_REPOSITORY");

/// What all package formats are made of.
struct Release {
    about: About,
    about_component: About,
    programs: Vec<Program>,
    components: Vec<(&'static Kind, Vec<u8>)>,
    /// What the components import and export, as `elks-mcp capabilities --json` says it.
    capabilities: serde_json::Value,
    /// The list of the tools, as `elks-mcp tools` prints it.
    tools: serde_json::Value,
    /// README.md, with links that work outside of the repository.
    readme: String,
    /// Our licences, and those of the crates in the program.
    licences: Vec<File>,
    /// Completions for shells, and the manual page.
    pages: Vec<File>,
    /// The lists of the crates in the programs and in the components.
    crates: Vec<Package>,
}

/// A file of a release.
#[derive(Clone)]
struct Package {
    name: String,
    bytes: Vec<u8>,
}

/// Where the packages are.
pub(crate) fn folder() -> PathBuf {
    target_folder().join("dist")
}

/// The systems with these names; without names, all that can be built here and all with a given program.
pub(crate) fn chosen(names: &[String], given: &[Given]) -> Result<Vec<&'static Target>> {
    if names.is_empty() {
        let is_given = |target: &Target| given.iter().any(|given| given.target.triple == target.triple);
        return Ok(TARGETS.iter().filter(|target| target.can_be_built() || is_given(target)).collect());
    }
    let known = || TARGETS.map(|target| target.triple).join(", ");
    let target = |name: &String| Target::of(name).with_context(|| format!("{name}: choose among {}", known()));
    names.iter().map(target).collect()
}

/// Makes all packages for these systems. A given program is taken as it is; the others are built.
pub(crate) fn make(targets: &[&'static Target], given: &[Given], is_release: bool) -> Result<()> {
    if is_release {
        let missing = TARGETS.iter().find(|of| !targets.iter().any(|target| target.triple == of.triple));
        ensure!(missing.is_none(), "a release needs every system: {} is missing", missing.map_or("", |t| t.triple));
        let changed = output(Command::new("git").args(["status", "--porcelain"]).current_dir(root()))?;
        ensure!(changed.is_empty(), "a release needs a checkout without changes:\n{changed}");
    }
    write(&packages(targets, given)?)
}

/// All packages for these systems.
fn packages(targets: &[&'static Target], given: &[Given]) -> Result<Vec<Package>> {
    let component = |kind| Ok((kind, fs::read(component::built(kind)?)?));
    let components: Vec<_> = COMPONENTS.into_iter().map(component).collect::<Result<_>>()?;
    let programs = program::all(targets, given, &components)?;
    packages_of(&Release {
        about: About::read("elks-mcp")?,
        about_component: About::read("elks-sms")?,
        programs,
        components,
        capabilities: component::capabilities()?,
        tools: component::tools()?,
        readme: readme()?,
        licences: vec![
            File::of("LICENSE-APACHE", &root().join("LICENSE-APACHE"))?,
            File::of("LICENSE-MIT", &root().join("LICENSE-MIT"))?,
            File::text("LICENSES-OF-CRATES.txt", licences::text()?),
        ],
        pages: pages::made()?,
        crates: sbom::packages()?,
    })
}

/// The packages of a release.
fn packages_of(release: &Release) -> Result<Vec<Package>> {
    let mut packages = archives::packages(release)?;
    packages.extend(wheel::packages(release)?);
    packages.extend(npm::packages(release)?);
    packages.extend(bundle::packages(release)?);
    packages.extend(image::packages(release)?);
    packages.extend(release.crates.iter().cloned());
    packages.push(Package { name: "server.json".into(), bytes: server_json::made(&packages)? });
    packages.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(packages)
}

/// Writes the artefacts of the components alone into an empty folder: the same bytes as in a release.
pub(crate) fn write_artefacts(folder: &Path) -> Result<()> {
    empty(folder)?;
    let (about, capabilities) = (About::read("elks-sms")?, component::capabilities()?);
    for kind in COMPONENTS {
        let artefact = image::artefact(&about, &capabilities, kind, &fs::read(component::built(kind)?)?)?;
        fs::write(folder.join(artefact.name), artefact.bytes)?;
    }
    Ok(())
}

/// The sizes of what is downloaded for Linux x86-64, in bytes, from the packages in target/dist.
pub(crate) fn sizes() -> Result<Vec<(&'static str, u64)>> {
    let target = Target::reference();
    [
        ("archive", archives::file_name(target)),
        ("npm", npm::file_name(&npm::package_name(&target.npm))),
        ("wheel", wheel::file_name(target)),
    ]
    .into_iter()
    .map(|(what, name)| {
        let file = folder().join(name);
        let metadata = fs::metadata(&file).with_context(|| format!("cannot read {}", file.display()))?;
        Ok((what, metadata.len()))
    })
    .collect()
}

/// Writes the packages and their checksums into an empty folder.
fn write(packages: &[Package]) -> Result<()> {
    let folder = folder();
    empty(&folder)?;
    let mut sums = String::new();
    for package in packages {
        writeln!(sums, "{}  {}", sha256(&package.bytes), package.name)?;
        fs::write(folder.join(&package.name), &package.bytes)
            .with_context(|| format!("cannot write {}", package.name))?;
        println!("{:>11} bytes  {}", package.bytes.len(), package.name);
    }
    fs::write(folder.join("SHA256SUMS"), &sums)?;
    println!("all of it: SHA-256 {}", sha256(sums.as_bytes()));
    Ok(())
}

/// README.md as the packages carry it. It must name the server as the MCP Registry does, or the registry refuses them.
fn readme() -> Result<String> {
    let readme = fs::read_to_string(root().join("README.md"))?;
    ensure!(readme.contains(&format!("mcp-name: {REGISTRY_NAME}")), "README.md has no mcp-name: {REGISTRY_NAME}");
    Ok(portable(&readme))
}

/// A text in Markdown whose links into the repository work anywhere.
fn portable(markdown: &str) -> String {
    let mut text = String::new();
    let mut rest = markdown;
    while let Some(at) = rest.find("](") {
        let (before, link) = rest.split_at(at + 2);
        text.push_str(before);
        let is_elsewhere = link.starts_with('#') || link.starts_with("https://") || link.starts_with("http://");
        if !is_elsewhere {
            // A picture must be the file itself, not the page about it.
            let view = if link.split(')').next().is_some_and(|path| path.ends_with(".svg")) { "raw" } else { "blob" };
            let _ = write!(text, "{REPOSITORY}/{view}/v{VERSION}/");
        }
        rest = link;
    }
    text + rest
}
