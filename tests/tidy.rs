//! The repository itself: what the documents say is what the code does.

use crate::support::{read, root};
use elks_mcp::config;
use std::fs;

/// All Rust sources below a folder, with their text.
pub fn sources(folder: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root().join(folder)).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(root()).unwrap().to_str().unwrap().to_string();
        if path.is_dir() {
            found.extend(sources(&name));
        } else if name.ends_with(".rs") {
            let text = read(&name);
            found.push((name, text));
        }
    }
    found
}

#[test]
fn the_settings_table_of_the_readme_is_the_one_of_the_code() {
    let readme = read("README.md");
    for (name, default) in [
        (config::USERNAME, "required".to_string()),
        (config::PASSWORD, "required".to_string()),
        (config::SENDER, "required".to_string()),
        (config::DRY_RUN, "`true`".to_string()),
        (config::CONFIRM_SENDS, "`false`".to_string()),
        (config::SMS_PER_MINUTE, format!("`{}`", config::DEFAULT_SMS_PER_MINUTE)),
        (config::QUERIES_PER_MINUTE, format!("`{}`", config::DEFAULT_QUERIES_PER_MINUTE)),
    ] {
        let row = readme.lines().find(|line| line.starts_with(&format!("| `{name}` |")));
        let row = row.unwrap_or_else(|| panic!("README.md has no row for {name}"));
        assert!(row.contains(&format!("| {default} |")), "{row}");
    }
    assert!(readme.contains(&format!("1 to {}", config::MAX_RATE)));
}

#[test]
fn the_fault_table_of_the_readme_is_the_one_of_the_simulator() {
    let readme = read("README.md");
    for (number, _, words) in elks_mcp::simulator::FAULTS {
        assert!(readme.contains(&format!("| `{number}` | {words} |")), "README.md has no row for {number}: {words}");
    }
}

#[test]
fn every_test_and_file_that_security_md_names_exists() {
    let security = read("SECURITY.md");
    let tests: Vec<(String, String)> = ["tests", "host/src", "guest/src"].into_iter().flat_map(sources).collect();
    let quoted = |text: &str| text.split('`').skip(1).step_by(2).map(str::to_string).collect::<Vec<_>>();
    let mut named = 0;
    for word in quoted(&security) {
        if word.len() > 12
            && word.contains('_')
            && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        {
            let is_test = tests.iter().any(|(_, text)| text.contains(&format!("fn {word}(")));
            let is_tool = elks_mcp::tools::Tool::named(&word).is_some();
            assert!(is_test || is_tool, "SECURITY.md names {word}, which is neither a test nor a tool");
            named += usize::from(is_test);
        }
        if word.ends_with(".rs") || word.ends_with(".wit") || word.ends_with(".toml") {
            assert!(root().join(&word).exists(), "SECURITY.md names {word}, which is not there");
        }
    }
    assert!(named >= 20, "SECURITY.md names only {named} tests");
}

#[test]
fn every_source_file_says_what_it_is_for() {
    for (name, text) in ["guest/src", "host/src", "host/build", "tests"].into_iter().flat_map(sources) {
        assert!(text.starts_with("//! "), "{name}");
    }
}

#[test]
fn the_changelog_has_this_version() {
    assert!(read("CHANGELOG.md").contains(&format!("## {}", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn no_test_sleeps_or_is_ignored() {
    let (sleep, ignore) = (["thread::", "sleep"].concat(), ["#[", "ignore"].concat());
    for (name, text) in ["tests", "guest/src"].into_iter().flat_map(sources) {
        assert!(!text.contains(&sleep) && !text.contains(&ignore), "{name}");
    }
}

/// The files that must be trusted: what decides about requests, adds the credentials, and runs the component.
const TRUSTED: [&str; 5] =
    ["host/src/door.rs", "host/src/permit.rs", "host/src/outside.rs", "host/src/sandbox.rs", "host/src/engine.rs"];

/// How many lines of code they may have: what a reviewer reads in an afternoon.
const MAX_TRUSTED_LINES: usize = 850;

#[test]
fn the_trusted_part_stays_small() {
    // Without comments, blank lines and tests.
    let count = |file: &str| {
        let text = read(file);
        let code = text.split("#[cfg(test)]").next().unwrap();
        code.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//")).count()
    };
    let lines: usize = TRUSTED.into_iter().map(count).sum();
    assert!(lines < MAX_TRUSTED_LINES, "{lines} lines of code");
}
