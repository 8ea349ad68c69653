//! The documents themselves: links lead somewhere, samples can be read, and no sample has a secret. What the documents
//! say about the code is tested in `tidy.rs`.

use crate::support::{read, root};
use crate::tidy::files;
use serde_json::Value;
use std::path::{Component, Path, PathBuf};

/// All documents with their text.
fn documents() -> Vec<(String, String)> {
    let at_the_root = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"];
    let mut documents: Vec<_> = at_the_root.map(|name| (name.to_string(), read(name))).into();
    documents.extend(files("docs", &["md"]));
    documents
}

/// The targets of all links of a document.
fn links(text: &str) -> Vec<&str> {
    let ends = text.match_indices("](").map(|(at, begin)| &text[at + begin.len()..]);
    ends.filter_map(|rest| rest.split_once(')').map(|(target, _)| target)).collect()
}

/// The anchors of a document, as GitHub makes them of its headings.
fn anchors(text: &str) -> Vec<String> {
    let headings = text.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
    headings.map(|heading| heading.to_lowercase().chars().filter(kept).collect::<String>().replace(' ', "-")).collect()
}

/// A path without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut plain, part| {
        match part {
            Component::CurDir => {}
            Component::ParentDir => assert!(plain.pop(), "{} leaves the repository", path.display()),
            part => plain.push(part),
        }
        plain
    })
}

#[test]
fn every_link_leads_to_a_file_and_a_heading() {
    let mut followed = 0;
    for (name, text) in documents() {
        for link in links(&text).into_iter().filter(|link| !link.contains("://")) {
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let folder = Path::new(&name).parent().unwrap();
            let target = if path.is_empty() { name.clone().into() } else { plain(&folder.join(path)) };
            assert!(root().join(&target).exists(), "{name} links to {link}, which is not there");
            if !anchor.is_empty() {
                let headings = anchors(&read(target.to_str().unwrap()));
                assert!(headings.iter().any(|heading| heading == anchor), "{name} links to {link}: no such heading");
            }
            followed += 1;
        }
    }
    assert!(followed >= 100, "the documents have only {followed} links");
}

#[test]
fn every_page_of_installing_is_in_its_table_of_contents() {
    let contents = read("docs/install/README.md");
    for (name, _) in files("docs/install", &["md"]) {
        let page = name.trim_start_matches("docs/install/");
        assert!(page == "README.md" || contents.contains(&format!("]({page})")), "{page} is linked nowhere");
    }
}

#[test]
fn every_json_sample_of_installing_can_be_read_and_starts_the_program() {
    let mut samples = 0;
    for (name, text) in files("docs/install", &["md"]) {
        for block in text.split("```json\n").skip(1) {
            let sample: Value = serde_json::from_str(block.split("```").next().unwrap())
                .unwrap_or_else(|error| panic!("{name} has a sample that is no JSON: {error}"));
            let sections = ["mcpServers", "servers", "context_servers", "mcp"];
            let entry = sections.iter().find_map(|section| sample[section].get("elks")).expect(&name);
            let words = match &entry["command"] {
                Value::Array(words) => words.clone(),
                command => [vec![command.clone()], entry["args"].as_array().cloned().unwrap_or_default()].concat(),
            };
            let starts = |word: &Value| word.as_str().is_some_and(|word| word.ends_with("elks-mcp") || word == "IMAGE");
            assert!(words.iter().any(starts), "{name}: {words:?} does not start the program");
            samples += 1;
        }
    }
    assert!(samples >= 10, "there are only {samples} samples");
}

#[test]
fn no_sample_has_a_password() {
    // Behind the name and its `=` or `:` stands nothing, a placeholder, or a variable.
    let placeholders = ["", "…", "${input:elks-password}", "simulator-password"];
    for (name, text) in documents() {
        for line in text.lines() {
            for (at, variable) in line.match_indices("ELKS_API_PASSWORD") {
                let rest = line[at + variable.len()..].trim_start_matches(['"', '`']);
                let Some(value) = rest.strip_prefix('=').or_else(|| rest.strip_prefix(": ")) else { continue };
                let value = value.trim_start_matches('"').split(['"', ' ', '`', ',']).next().unwrap_or_default();
                assert!(placeholders.contains(&value), "{name} has a value for {variable}: {line}");
            }
        }
    }
}

#[test]
fn the_picture_of_the_demo_shows_what_the_demo_prints_and_needs_nothing_else() {
    let (picture, demo) = (read("docs/demo.svg"), read("tests/snapshots/demo.snap"));
    let rows: Vec<String> = picture.lines().filter_map(shown).collect();
    // The command and the heading are the picture's own. A wrapped row is a part of a line.
    for row in rows.iter().filter(|row| !["$ elks-mcp demo", "elks-mcp demo, shortened"].contains(&row.as_str())) {
        assert!(demo.contains(row.trim()), "docs/demo.svg shows {row:?}, which the demo does not print");
    }
    assert!(rows.len() > 30 && picture.len() <= 60_000, "{} rows in {} bytes", rows.len(), picture.len());
    for foreign in ["<script", "<image", "<foreignObject", "href", "url(", "@import", "@font-face", "onload"] {
        assert!(!picture.contains(foreign), "docs/demo.svg has {foreign}");
    }
    for needed in ["<title", "<desc", "prefers-color-scheme:dark", "prefers-reduced-motion"] {
        assert!(picture.contains(needed), "docs/demo.svg has no {needed}");
    }
}

/// The text of a row of the picture.
fn shown(line: &str) -> Option<String> {
    let text = line.strip_prefix("<text ")?.strip_suffix("</text>")?.split_once('>')?.1;
    Some(text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
}
