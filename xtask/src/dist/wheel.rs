//! Wheels for PyPI: a program and its metadata, no Python. pip and uv install the program as a command.
//!
//! Formats: the wheel 1.0 of PEP 427 and the metadata 2.4 of packaging.python.org.

use super::archive::{File, zip};
use super::program::Program;
use super::target::Target;
use super::{Package, REPOSITORY, Release, VERSION};
use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// A wheel for each system.
pub(super) fn packages(release: &Release) -> Result<Vec<Package>> {
    release.programs.iter().map(|program| package(release, program)).collect()
}

/// The file name of a system's wheel.
pub(super) fn file_name(target: &Target) -> String {
    format!("elks_mcp-{VERSION}-py3-none-{}.whl", target.wheel)
}

fn package(release: &Release, program: &Program) -> Result<Package> {
    let target = program.target;
    let mut tags = String::new();
    for platform in target.wheel.split('.') {
        writeln!(tags, "Tag: py3-none-{platform}")?;
    }
    let mut about = vec![
        File::text("METADATA", metadata(release)),
        File::text(
            "WHEEL",
            format!("Wheel-Version: 1.0\nGenerator: elks-mcp {VERSION}\nRoot-Is-Purelib: false\n{tags}"),
        ),
    ];
    about.extend(release.licences.iter().cloned().map(|file| file.below("licenses")));
    let about_folder = format!("elks_mcp-{VERSION}.dist-info");
    let mut files: Vec<File> = about.into_iter().map(|file| file.below(&about_folder)).collect();
    let program = File::program(target.program_name(), program.bytes.clone());
    files.push(program.below(&format!("elks_mcp-{VERSION}.data/scripts")));

    let record = format!("{about_folder}/RECORD");
    let mut lines = String::new();
    for file in &files {
        let digest = URL_SAFE_NO_PAD.encode(Sha256::digest(&file.bytes));
        writeln!(lines, "{},sha256={digest},{}", file.name, file.bytes.len())?;
    }
    writeln!(lines, "{record},,")?;
    files.push(File::text(record, lines));
    Ok(Package { name: file_name(target), bytes: zip(files)? })
}

/// What PyPI shows.
fn metadata(release: &Release) -> String {
    let (description, licence, keywords) =
        (&release.about.description, &release.about.licence, release.about.keywords.join(","));
    let licences: String = release.licences.iter().map(|file| format!("License-File: {}\n", file.name)).collect();
    format!(
        "Metadata-Version: 2.4\n\
         Name: elks-mcp\n\
         Version: {VERSION}\n\
         Summary: {description}\n\
         Keywords: {keywords}\n\
         License-Expression: {licence}\n\
         {licences}\
         Project-URL: Source, {REPOSITORY}\n\
         Project-URL: Changelog, {REPOSITORY}/blob/v{VERSION}/CHANGELOG.md\n\
         Requires-Python: >=3.8\n\
         Description-Content-Type: text/markdown\n\
         \n\
         {}",
        release.readme
    )
}
