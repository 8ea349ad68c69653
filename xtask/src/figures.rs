//! docs/figures.json: the exact figures that README.md and SECURITY.md only bound. They are measured, never typed.

use crate::component::{self, Component};
use crate::dist::{self, Target};
use crate::instructions;
use crate::process::{cargo, debug_program, output, root};
use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};
use std::fs;
use std::path::{Path, PathBuf};

/// The parts of the code that must be trusted: the name of the figure, and how the row of SECURITY.md begins that lists
/// the part's files.
const TRUSTED: [(&str, &str); 6] = [
    ("allows", "| what allows: "),
    ("lets_out", "| what lets out: "),
    ("remembers", "| what remembers: "),
    ("reaches_database", "| what reaches a database, "),
    ("diagnoses", "| what diagnoses: "),
    ("tells", "| what tells: "),
];

/// How far the size of the program or a package may be from the recorded one, in parts of a hundred: the digits of the
/// commit are in the program.
const SIZE_TOLERANCE_PERCENT: u64 = 1;

/// Measures, and writes docs/figures.json. It makes the packages of this system anew.
pub(crate) fn update() -> Result<()> {
    dist::make(&[Target::reference()], &[], false)?;
    let mut text = serde_json::to_string_pretty(&measured()?)?;
    text.push('\n');
    fs::write(file(), &text).with_context(|| format!("cannot write {}", file().display()))?;
    print!("{text}");
    Ok(())
}

/// Compares docs/figures.json with what is measured now. The packages in target/dist are taken as they are.
pub(crate) fn check() -> Result<()> {
    let recorded = fs::read_to_string(file()).with_context(|| format!("cannot read {}", file().display()))?;
    let recorded: Value = serde_json::from_str(&recorded).context("docs/figures.json is not JSON")?;
    let mut problems = Vec::new();
    for (name, now) in measured()?.as_object().context("the figures are an object")? {
        let stated = &recorded[name];
        let as_recorded = match (name.as_str(), stated.as_u64(), now.as_u64()) {
            ("program_bytes", Some(stated), Some(now)) => is_near(stated, now, SIZE_TOLERANCE_PERCENT),
            ("package_bytes", None, None) => are_near(stated, now, SIZE_TOLERANCE_PERCENT),
            ("instructions", None, None) => are_near(stated, now, instructions::TOLERANCE_PERCENT),
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

/// Whether each figure of an object is near enough to the recorded one.
fn are_near(stated: &Value, now: &Value, percent: u64) -> bool {
    now.as_object().into_iter().flatten().all(|(name, now)| {
        matches!((stated[name].as_u64(), now.as_u64()), (Some(stated), Some(now)) if is_near(stated, now, percent))
    })
}

/// Whether a figure is so many parts of a hundred or less from the recorded one, in either direction.
pub(crate) fn is_near(stated: u64, now: u64, percent: u64) -> bool {
    stated.abs_diff(now) * 100 <= stated * percent
}

fn file() -> PathBuf {
    root().join("docs/figures.json")
}

/// What is true now.
fn measured() -> Result<Value> {
    component::build()?;
    let components = Component::all_of(&debug_program())?;
    let [component, configured] = components.as_slice() else { bail!("there are two components") };
    let program = dist::reference_program()?;
    Ok(json!({
        "component_bytes": component.bytes,
        "component_sha256": component.sha256,
        "configured_bytes": configured.bytes,
        "configured_sha256": configured.sha256,
        "instructions": instructions::counted(&program)?,
        "package_bytes": package_bytes()?,
        "program_bytes": fs::metadata(&program)?.len(),
        "tests": tests()?,
        "trusted_lines": trusted_lines()?,
    }))
}

/// What is downloaded for Linux x86-64, by package.
fn package_bytes() -> Result<Value> {
    let sizes = dist::sizes()?;
    Ok(sizes.into_iter().map(|(package, bytes)| (package.to_string(), bytes.into())).collect::<Map<_, _>>().into())
}

/// How many tests `cargo test` runs.
fn tests() -> Result<usize> {
    let listed = output(&mut cargo("test --locked --quiet -- --list"))?;
    Ok(listed.lines().filter(|line| line.ends_with(": test")).count())
}

/// Lines of code that must be trusted, by part.
fn trusted_lines() -> Result<Value> {
    let security = fs::read_to_string(root().join("SECURITY.md"))?;
    let mut parts = Map::new();
    for (name, row) in TRUSTED {
        let row = security.lines().find(|line| line.starts_with(row)).context("SECURITY.md lists the part")?;
        let mut lines = 0;
        for path in row.split('`').skip(1).step_by(2) {
            lines += lines_of_code(&root().join(path))?;
        }
        parts.insert(name.into(), lines.into());
    }
    Ok(parts.into())
}

/// Lines of code of a file, or of all files in a folder: without comments, blank lines and tests. Tests are a module at
/// the end of a file, or `tests.rs` and `tests/`.
fn lines_of_code(path: &Path) -> Result<usize> {
    if path.ends_with("tests.rs") || path.ends_with("tests") {
        return Ok(0);
    }
    if path.is_dir() {
        return fs::read_dir(path)?.map(|entry| lines_of_code(&entry?.path())).sum();
    }
    if path.extension().is_none_or(|kind| kind != "rs") {
        return Ok(0);
    }
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let is_end = |(at, _): &(usize, &str)| text[*at..].lines().nth(1).is_some_and(|next| next.ends_with("mod tests {"));
    let end = text.match_indices("#[cfg(test)]\n").find(is_end).map_or(text.len(), |(at, _)| at);
    let code = text[..end].lines().map(str::trim);
    Ok(code.filter(|line| !line.is_empty() && !line.starts_with("//")).count())
}
