//! docs/figures.json: the exact figures that README.md and SECURITY.md only bound. They are measured, never typed.

use crate::component::{self, Component};
use crate::process::{cargo, debug_program, output, root};
use crate::size;
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

/// The parts of the code that must be trusted: the name of the figure, and how the row of SECURITY.md begins that lists
/// the part's files.
const TRUSTED: [(&str, &str); 3] =
    [("lets_out", "| what lets out: "), ("remembers", "| what remembers: "), ("tells", "| what tells: ")];

/// How far the program's size may be from the recorded one, in parts of a hundred: paths of the building machine are in
/// the program, so that it differs by some bytes from folder to folder.
const PROGRAM_TOLERANCE_PERCENT: u64 = 1;

/// Measures, and writes docs/figures.json.
pub(crate) fn update() -> Result<()> {
    let mut text = serde_json::to_string_pretty(&measured()?)?;
    text.push('\n');
    fs::write(file(), &text).with_context(|| format!("cannot write {}", file().display()))?;
    print!("{text}");
    Ok(())
}

/// Compares docs/figures.json with what is measured now.
pub(crate) fn check() -> Result<()> {
    let recorded = fs::read_to_string(file()).with_context(|| format!("cannot read {}", file().display()))?;
    let recorded: Value = serde_json::from_str(&recorded).context("docs/figures.json is not JSON")?;
    let mut problems = Vec::new();
    for (name, now) in measured()?.as_object().context("the figures are an object")? {
        let stated = &recorded[name];
        let as_recorded = match (name.as_str(), stated.as_u64(), now.as_u64()) {
            ("program_bytes", Some(stated), Some(now)) => {
                stated.abs_diff(now) * 100 <= stated * PROGRAM_TOLERANCE_PERCENT
            }
            // More tests need no new figure, or any two changes would conflict. Fewer tests do.
            ("tests", Some(stated), Some(now)) => now >= stated,
            _ => stated == now,
        };
        println!("{name}: {now}");
        if !as_recorded {
            problems.push(format!("{name} is {now}, recorded is {stated}"));
        }
    }
    if !problems.is_empty() {
        bail!("docs/figures.json is out of date; run `cargo xtask update`:\n{}", problems.join("\n"));
    }
    Ok(())
}

fn file() -> PathBuf {
    root().join("docs/figures.json")
}

/// What is true now.
fn measured() -> Result<Value> {
    component::build()?;
    let component = Component::of(&debug_program())?;
    Ok(json!({
        "component_bytes": component.bytes,
        "component_sha256": component.sha256,
        "program_bytes": fs::metadata(size::release_program()?)?.len(),
        "tests": tests()?,
        "trusted_lines": trusted_lines()?,
    }))
}

/// How many tests `cargo test` runs.
fn tests() -> Result<usize> {
    let listed = output(&mut cargo("test --locked --quiet -- --list"))?;
    Ok(listed.lines().filter(|line| line.ends_with(": test")).count())
}

/// Lines of code that must be trusted, by part.
fn trusted_lines() -> Result<Value> {
    let security = fs::read_to_string(root().join("SECURITY.md"))?;
    let mut parts = serde_json::Map::new();
    for (name, row) in TRUSTED {
        let row = security.lines().find(|line| line.starts_with(row)).context("SECURITY.md lists the part")?;
        let mut lines = 0;
        for path in row.split('`').skip(1).step_by(2) {
            if path.ends_with('/') {
                for file in fs::read_dir(root().join(path))? {
                    lines += lines_of_code(&file?.path())?;
                }
            } else {
                lines += lines_of_code(&root().join(path))?;
            }
        }
        parts.insert(name.into(), lines.into());
    }
    Ok(parts.into())
}

/// Lines of code of a file: without comments, blank lines and tests.
fn lines_of_code(file: &Path) -> Result<usize> {
    if file.ends_with("tests.rs") {
        return Ok(0);
    }
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let code = text.split("#[cfg(test)]").next().unwrap_or_default().lines().map(str::trim);
    Ok(code.filter(|line| !line.is_empty() && !line.starts_with("//")).count())
}
