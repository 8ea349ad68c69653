//! The policy file: lines of `NAME=value`, comments and blank lines. Quotes, `export` and variables are of shells, so
//! they are errors here.

use super::settings::{self, Given, NAMES};
use super::stated::Stated;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;

/// The size of a policy file, at most, in bytes.
pub(crate) const MAX_BYTES: u64 = 256 << 10;

/// The bytes of a policy file.
///
/// # Errors
/// It cannot be read, is no file, or is too large. The sentence has no path.
pub(crate) fn bytes(path: &Path) -> Result<Vec<u8>, String> {
    let unreadable = |error: std::io::Error| format!("the policy file cannot be read: {}", error.kind());
    // A pipe must not be opened: that would wait for a writer.
    if !fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err("the policy file is no regular file".into());
    }
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes)).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(format!("the policy file is larger than {} KiB", MAX_BYTES >> 10));
    }
    Ok(bytes)
}

/// What a policy file states.
///
/// # Errors
/// All problems, each with its line.
pub(crate) fn read(bytes: &[u8]) -> Result<Stated, Vec<String>> {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Err(vec!["the policy file is not UTF-8 text".into()]);
    };
    let (mut given, mut problems) = (Vec::new(), Vec::new());
    for (at, line) in text.strip_prefix('\u{feff}').unwrap_or(text).lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match setting(line) {
            Ok((name, value)) => given.push(Given { name, value, line: Some(at + 1) }),
            Err(problem) => problems.push(format!("policy file, line {}: {problem}", at + 1)),
        }
    }
    let stated = settings::read(&given, &mut problems);
    if problems.is_empty() {
        return Ok(stated);
    }
    problems.sort_by_key(|problem| line_of(problem));
    Err(problems)
}

/// The line that a problem names.
fn line_of(problem: &str) -> Option<usize> {
    problem.strip_prefix("policy file, line ")?.split(':').next()?.parse().ok()
}

/// The name and value of a line.
fn setting(line: &str) -> Result<(&'static str, &str), String> {
    if line.starts_with("export ") {
        return Err("it begins with export: leave that word out".into());
    }
    let Some((name, value)) = line.split_once('=') else {
        return Err("it has no =: write NAME=value, or # before a comment".into());
    };
    let (name, value) = (name.trim(), value.trim());
    if let Some(known) = NAMES.iter().find(|known| **known == name) {
        return Ok((known, value));
    }
    if let Some(known) = ENVIRONMENT_ONLY.iter().find(|known| **known == name) {
        return Err(format!("{known} may be set in the environment only"));
    }
    // The name is not repeated: it may be a part of a secret that has a =.
    Err(format!("its name is no setting of the policy; the nearest is {}", nearest(name, NAMES)))
}

/// The settings that a policy file may not hold.
pub(crate) const ENVIRONMENT_ONLY: [&str; 9] = [
    "ELKS_API_USERNAME",
    "ELKS_API_PASSWORD",
    "ELKS_PHONE_NUMBER",
    "DRY_RUN",
    "RATE_LIMIT_QUERIES_PER_MINUTE",
    "ELKS_POLICY_FILE",
    "ELKS_STATE_DIR",
    "ELKS_STATE",
    "ELKS_KEEP_DAYS",
];

/// The known name that begins so, or else the one with the fewest changed, added and removed letters.
pub(crate) fn nearest(name: &str, known: impl IntoIterator<Item = &'static str>) -> &'static str {
    // A longer name than this is no typing error, and the comparison takes the product of the lengths.
    let beginning: String = name.chars().take(64).collect::<String>().to_uppercase();
    let name: Vec<char> = beginning.chars().collect();
    known.into_iter().min_by_key(|known| (!known.starts_with(&beginning), distance(&name, known))).unwrap_or_default()
}

/// How many letters two names differ by.
pub(crate) fn differs_by(name: &str, known: &str) -> usize {
    distance(&name.chars().take(64).collect::<Vec<char>>(), known)
}

/// The edit distance of Levenshtein.
fn distance(one: &[char], two: &str) -> usize {
    let mut row: Vec<usize> = (0..=one.len()).collect();
    for (above, b) in two.chars().enumerate() {
        let mut diagonal = above;
        let mut left = above + 1;
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (a, cell) in one.iter().zip(row.iter_mut().skip(1)) {
            let changed = diagonal + usize::from(*a != b);
            diagonal = *cell;
            left = changed.min(*cell + 1).min(left + 1);
            *cell = left;
        }
    }
    row.last().copied().unwrap_or_default()
}
