//! The repository itself: what the documents say is what the code does.

use crate::support::{read, root};
use elks_mcp::config;
use elks_mcp::policy::settings;
use std::fs;

/// All Rust sources below a folder, with their text.
pub fn sources(folder: &str) -> Vec<(String, String)> {
    files(folder, &["rs"])
}

/// All files below a folder with one of these extensions, with their text.
pub fn files(folder: &str, extensions: &[&str]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root().join(folder)).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(root()).unwrap().to_str().unwrap().replace('\\', "/");
        if path.is_dir() {
            found.extend(files(&name, extensions));
        } else if path.extension().is_some_and(|known| extensions.iter().any(|extension| known == *extension)) {
            let text = read(&name);
            found.push((name, text));
        }
    }
    found
}

/// The default of a setting of the policy, as README.md writes it.
fn default_of(name: &str) -> String {
    match name {
        settings::SMS_PER_MINUTE => format!("`{}`", settings::DEFAULT_SMS_PER_MINUTE),
        settings::SMS_PER_DAY => format!("`{}`", settings::DEFAULT_SMS_PER_DAY),
        settings::SMS_PER_RECIPIENT_PER_DAY => format!("`{}`", settings::DEFAULT_SMS_PER_RECIPIENT_PER_DAY),
        settings::DUPLICATE_MINUTES => format!("`{}`", settings::DEFAULT_DUPLICATE_MINUTES),
        settings::CONTACTS_ONLY | settings::CONFIRM_SENDS => "`false`".into(),
        settings::BLOCKED_RECIPIENTS | settings::CONTACTS | settings::QUIET_HOURS => "none".into(),
        _ => "`*`".into(),
    }
}

/// How the policy file in README.md begins.
pub const POLICY_FILE: &str = "# Who may be sent to\n";

#[test]
fn the_policy_file_of_the_readme_is_valid() {
    let readme = read("README.md");
    let block = readme.split("```text\n").find(|block| block.starts_with(POLICY_FILE)).expect("is there");
    let path = std::env::temp_dir().join(format!("elks-mcp-readme-{}", std::process::id()));
    fs::write(&path, block.split("```").next().unwrap()).unwrap();
    let variables = config::Variables::from([(config::POLICY_FILE, path.to_str().unwrap())]);
    let sources = config::policy_sources(&variables);
    fs::remove_file(&path).unwrap();
    assert!(sources.unwrap_or_else(|problems| panic!("{problems}")).policy().contacts_only());
}

#[test]
fn the_settings_table_of_the_readme_is_the_one_of_the_code() {
    let (readme, help) = (read("README.md"), read("host/src/cli.rs"));
    for (name, default) in [
        (config::USERNAME, "required".to_string()),
        (config::PASSWORD, "required".to_string()),
        (config::USERNAME_FILE, "none".to_string()),
        (config::PASSWORD_FILE, "none".to_string()),
        (config::KEYRING, "`false`".to_string()),
        (config::SENDER, "required".to_string()),
        (config::DRY_RUN, "`true`".to_string()),
        (config::QUERIES_PER_MINUTE, format!("`{}`", config::DEFAULT_QUERIES_PER_MINUTE)),
        (config::POLICY_FILE, "none".to_string()),
        (config::STATE_DIR, "the system's".to_string()),
        (config::STATE, "`disk`".to_string()),
        (config::KEEP_DAYS, format!("`{}`", config::DEFAULT_KEEP_DAYS)),
        (config::LEDGER, "none".to_string()),
        (config::LEDGER_FILE, "none".to_string()),
    ]
    .into_iter()
    .chain(settings::NAMES.map(|name| (name, default_of(name))))
    {
        let row = readme.lines().find(|line| line.starts_with(&format!("| `{name}` |")));
        let row = row.unwrap_or_else(|| panic!("README.md has no row for {name}"));
        assert!(row.contains(&format!("| {default} |")), "{row}");
        assert!(help.contains(&format!("\n  {name} ")), "--help has no line for {name}");
    }
    assert!(readme.contains(&format!("1 to {}", config::MAX_RATE)));
    assert!(readme.contains(&format!("{} to {} days", config::MIN_KEEP_DAYS, config::MAX_KEEP_DAYS)));
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
const TRUSTED: [(&str, usize); 6] = [
    ("what allows", 2850),
    ("what lets out", 2400),
    ("what remembers", 3675),
    (
        "what reaches a database, only in a program that is built with the feature postgres, which the downloads are not",
        525,
    ),
    ("what diagnoses", 225),
    ("what tells", 2675),
];

/// The lines of code of a file: without comments, blank lines and tests. A module of tests is the end of its file, or a
/// file of its own.
fn lines_of_code(name: &str, text: &str) -> usize {
    let is_test = name.ends_with("/tests.rs") || name.contains("/tests/");
    let is_end = |(at, _): &(usize, &str)| text[*at..].lines().nth(1).is_some_and(|next| next.ends_with("mod tests {"));
    let end = text.match_indices("#[cfg(test)]\n").find(is_end).map_or(text.len(), |(at, _)| at);
    let code = if is_test { "" } else { &text[..end] };
    code.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//")).count()
}

#[test]
fn the_trusted_parts_stay_small() {
    let security = read("SECURITY.md");
    let mut listed = Vec::new();
    for (part, max) in TRUSTED {
        let row = security.lines().find(|line| line.starts_with(&format!("| {part}: "))).expect(part);
        assert!(row.ends_with(&format!("| under {max} |")), "{part}: SECURITY.md must say: under {max}");
        let paths = row.split('`').skip(1).step_by(2);
        let files: Vec<(String, String)> = paths
            .flat_map(|path| if path.ends_with('/') { sources(path) } else { vec![(path.into(), read(path))] })
            .collect();
        let lines: usize = files.iter().map(|(name, text)| lines_of_code(name, text)).sum();
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

/// What is exempt: texts and lists of others, what strangers might write, build output, and this list.
const EXEMPT: [&str; 6] = [
    "wit/deps/",
    "guest/rules/src/tlds.txt",
    "tests/corpus/",
    "host/examples/embedder/target/",
    "docs/glossary.md",
    "tests/tidy.rs",
];

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
