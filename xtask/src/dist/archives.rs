//! The archives that people download by hand, and the components as files.

use super::archive::{File, tar_gz, zip};
use super::target::Target;
use super::{Package, Release, VERSION};
use anyhow::Result;

/// The name of an archive, and of the folder in it. `[package.metadata.binstall]` in host/Cargo.toml states the same.
fn name(target: &Target) -> String {
    format!("elks-mcp-{VERSION}-{}", target.triple)
}

/// How the name of an archive ends.
fn ending(target: &Target) -> &'static str {
    if target.is_windows() { ".zip" } else { ".tar.gz" }
}

/// The file name of an archive.
pub(super) fn file_name(target: &Target) -> String {
    name(target) + ending(target)
}

/// An archive for each system, and the components.
pub(super) fn packages(release: &Release) -> Result<Vec<Package>> {
    let mut packages = Vec::new();
    for program in &release.programs {
        let name = name(program.target);
        let mut files = vec![
            File::program(program.target.program_name(), program.bytes.clone()),
            File::text("README.md", release.readme.clone()),
        ];
        files.extend_from_slice(&release.licences);
        files.extend_from_slice(&release.pages);
        let files = files.into_iter().map(|file| file.below(&name)).collect();
        let bytes = if program.target.is_windows() { zip(files) } else { tar_gz(files) };
        packages.push(Package { name: file_name(program.target), bytes: bytes? });
    }
    packages.extend(
        release
            .components
            .iter()
            .map(|(kind, bytes)| Package { name: format!("{}-{VERSION}.wasm", kind.name), bytes: bytes.clone() }),
    );
    Ok(packages)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dist::{REPOSITORY, target::TARGETS};
    use crate::process::cargo_packages;

    #[test]
    fn cargo_binstall_finds_the_archive_of_each_system() {
        let packages = cargo_packages("--no-deps").expect("cargo runs");
        let package = packages.iter().find(|package| package["name"] == "elks-mcp").expect("has the program");
        let stated = &package["metadata"]["binstall"];
        for target in &TARGETS {
            let own = &stated["overrides"][target.triple]["pkg-fmt"];
            let format = own.as_str().or(stated["pkg-fmt"].as_str()).expect("has a format");
            // binstall tries both endings of its format tgz.
            let suffix = match format {
                "tgz" => ".tar.gz",
                "zip" => ".zip",
                other => panic!("{other} is no format of ours"),
            };
            let binary = target.program_name().trim_start_matches("elks-mcp");
            let filled = |field: &str| {
                let template = stated[field].as_str().expect("is a template");
                [
                    ("repo", REPOSITORY),
                    ("version", VERSION),
                    ("name", "elks-mcp"),
                    ("target", target.triple),
                    ("archive-suffix", suffix),
                    ("bin", "elks-mcp"),
                    ("binary-ext", binary),
                ]
                .iter()
                .fold(template.to_string(), |text, (key, value)| text.replace(&format!("{{ {key} }}"), value))
            };
            let archive = file_name(target);
            assert_eq!(filled("pkg-url"), format!("{REPOSITORY}/releases/download/v{VERSION}/{archive}"));
            assert_eq!(filled("bin-dir"), format!("{}/{}", name(target), target.program_name()));
        }
    }
}
