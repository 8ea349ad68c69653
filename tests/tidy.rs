//! The repository itself: what the documents say is what the code does.

use crate::support::{read, root};
use elks_mcp::config;
use std::fs;

/// All Rust sources below a folder, with their text.
pub fn sources(folder: &str) -> Vec<(String, String)> {
    files(folder, &["rs"])
}

/// All files below a folder with one of these extensions, with their text.
fn files(folder: &str, extensions: &[&str]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root().join(folder)).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(root()).unwrap().to_str().unwrap().to_string();
        if path.is_dir() {
            found.extend(files(&name, extensions));
        } else if path.extension().is_some_and(|known| extensions.iter().any(|extension| known == *extension)) {
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
fn the_documented_faults_are_those_of_the_simulator() {
    let page = read("docs/simulator.md");
    for (number, _, words) in elks_mcp::simulator::FAULTS {
        assert!(page.contains(&format!("| `{number}` | {words} |")), "no row for {number}: {words}");
    }
}

#[test]
fn every_test_and_file_that_security_md_names_exists() {
    let security = read("SECURITY.md");
    let folders = ["tests", "host/src", "host/sandbox/src", "guest/src", "guest/rules/src"];
    let tests: Vec<(String, String)> = folders.into_iter().flat_map(sources).collect();
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
    for (name, text) in
        ["fuzz/fuzz_targets", "fuzz/src", "guest", "host", "tests", "xtask"].into_iter().flat_map(sources)
    {
        assert!(text.starts_with("//! "), "{name}");
    }
}

#[test]
fn comments_fit_on_a_screen() {
    // rustfmt wraps code at 120 characters, but not comments.
    for (name, text) in
        ["fuzz/fuzz_targets", "fuzz/src", "guest", "host", "tests", "xtask"].into_iter().flat_map(sources)
    {
        for (number, line) in text.lines().enumerate().filter(|(_, line)| line.trim().starts_with("//")) {
            assert!(line.chars().count() <= 120, "{name}:{}: {} characters", number + 1, line.chars().count());
        }
    }
}

#[test]
fn the_changelog_has_this_version() {
    assert!(read("CHANGELOG.md").contains(&format!("## {}", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn no_test_sleeps_or_is_ignored() {
    let (sleep, ignore) = (["thread::", "sleep"].concat(), ["#[", "ignore"].concat());
    for (name, text) in ["tests", "guest/src", "guest/rules/src"].into_iter().flat_map(sources) {
        assert!(!text.contains(&sleep) && !text.contains(&ignore), "{name}");
    }
}

/// The parts of the code that must be trusted, as SECURITY.md lists them, each with its largest number of lines.
const TRUSTED: [(&str, usize); 3] = [("what lets out", 1600), ("what remembers", 375), ("what tells", 2000)];

#[test]
fn the_trusted_parts_stay_small() {
    // Without comments, blank lines and tests.
    let count = |(name, text): &(String, String)| {
        let code = text.split("#[cfg(test)]").next().filter(|_| !name.ends_with("/tests.rs")).unwrap_or_default();
        code.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//")).count()
    };
    let security = read("SECURITY.md");
    let mut listed = Vec::new();
    for (part, max) in TRUSTED {
        let row = security.lines().find(|line| line.starts_with(&format!("| {part}: "))).expect(part);
        assert!(row.ends_with(&format!("| under {max} |")), "{part}: SECURITY.md must say: under {max}");
        let paths = row.split('`').skip(1).step_by(2);
        let files: Vec<(String, String)> = paths
            .flat_map(|path| if path.ends_with('/') { sources(path) } else { vec![(path.into(), read(path))] })
            .collect();
        let lines: usize = files.iter().map(count).sum();
        assert!(lines < max, "{part}: {lines} lines of code");
        listed.extend(files.into_iter().map(|(name, _)| name));
    }
    for (name, _) in sources("host/sandbox/src") {
        assert!(listed.contains(&name), "SECURITY.md counts {name} in no part");
    }
}

/// Words that the field does not use for what they meant here; docs/glossary.md has those it uses.
const RETIRED_WORDS: [&str; 19] = [
    "blot", "blots", "blotted", "dear", "door", "doors", "ears", "gate", "gates", "honest", "house", "hygiene",
    "misfit", "misfits", "poses", "rooms", "spoil", "spoilt", "told",
];

/// Where they may not stand: folders, and files of the repository's root.
const WITHOUT_RETIRED_WORDS: [&str; 16] = [
    ".config",
    ".github",
    "docs",
    "fuzz/fuzz_targets",
    "guest",
    "host",
    "tests",
    "wit",
    "xtask",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.toml",
    "README.md",
    "SECURITY.md",
    "clippy.toml",
    "typos.toml",
];

/// What is exempt: texts of others, what strangers might write, build output, and this list.
const EXEMPT: [&str; 5] =
    ["wit/deps/", "tests/corpus/", "host/examples/embedder/target/", "docs/glossary.md", "tests/tidy.rs"];

/// The words of a text in lower case. An identifier is as many words as it has parts.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for c in text.chars() {
        if !c.is_alphabetic() || (c.is_uppercase() && before.is_lowercase()) {
            words.push(String::new());
        }
        if c.is_alphabetic() {
            words.last_mut().unwrap().extend(c.to_lowercase());
        }
        before = c;
    }
    words
}

#[test]
fn an_identifier_is_split_into_its_words() {
    let found = words("DoorGuard::open_gate aggregate gateway");
    let found: Vec<&str> = found.iter().map(String::as_str).filter(|word| !word.is_empty()).collect();
    assert_eq!(found, ["door", "guard", "open", "gate", "aggregate", "gateway"]);
}

#[test]
fn retired_words_do_not_come_back() {
    let extensions = ["json", "md", "mjs", "py", "rs", "snap", "svg", "toml", "txt", "wit", "yaml", "yml"];
    let mut found = Vec::new();
    for place in WITHOUT_RETIRED_WORDS {
        let texts = if root().join(place).is_dir() {
            files(place, &extensions)
        } else {
            vec![(place.to_string(), read(place))]
        };
        for (name, text) in texts.into_iter().filter(|(name, _)| !EXEMPT.iter().any(|exempt| name.starts_with(exempt)))
        {
            for (number, line) in text.lines().enumerate() {
                let retired = words(line).into_iter().filter(|word| RETIRED_WORDS.contains(&word.as_str()));
                found.extend(retired.map(|word| format!("{name}:{}: {word}", number + 1)));
            }
        }
    }
    assert!(found.is_empty(), "{} retired words; docs/glossary.md has others:\n{}", found.len(), found.join("\n"));
}
