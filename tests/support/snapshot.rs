//! Comparison with the reviewed outputs in `tests/snapshots/`, and what is replaced in an output first
//! because it differs from run to run or with each build.
//!
//! Not here: when snapshots are written. `.config/insta.yaml` says that.

use super::root;

/// A character of a pattern that stands for any decimal digit.
const DIGIT: char = '0';

/// A character of a pattern that stands for any hexadecimal digit.
const HEX: char = 'x';

/// What is replaced: a pattern of exact length, and the text that takes its place.
const REPLACED: [(&str, &str); 4] = [
    ("0000-00-00T00:00:00.000Z", "[time]"),
    ("0000-00-00T00:00:00Z", "[time]"),
    ("sxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "[id]"),
    ("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "[sha256]"),
];

/// What is replaced: the digits after a text.
const COUNTED: [(&str, &str); 4] = [
    ("\"durationMs\":", "[ms]"),
    ("Please wait ", "[seconds]"),
    ("elks-sms.wasm, ", "[bytes]"),
    ("elks-sms-configured.wasm, ", "[bytes]"),
];

/// Compares an output with the snapshot of this name.
pub fn assert_snapshot(name: &str, output: &str) {
    let mut settings = insta::Settings::new();
    settings.set_snapshot_path(root().join("tests/snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, normalised(output)));
}

/// An output without times, ids, durations, digests and sizes. The version is that of the release.
pub fn normalised(output: &str) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let mut text = output.replace(&format!("elks-mcp {version}"), "elks-mcp [version]");
    for (pattern, replacement) in REPLACED {
        text = replaced(&text, pattern, replacement);
    }
    for (before, replacement) in COUNTED {
        let mut parts = text.split(before);
        let first = parts.next().unwrap_or_default().to_string();
        text = parts.fold(first, |text, part| {
            let rest = part.trim_start_matches(|c: char| c.is_ascii_digit());
            let replacement = if rest.len() < part.len() { replacement } else { "" };
            format!("{text}{before}{replacement}{rest}")
        });
    }
    text
}

/// The text with each place that fits a pattern replaced.
fn replaced(text: &str, pattern: &str, replacement: &str) -> String {
    let fits = |place: &str| {
        let mut characters = place.chars();
        pattern.chars().all(|wanted| {
            characters.next().is_some_and(|found| match wanted {
                DIGIT => found.is_ascii_digit(),
                HEX => found.is_ascii_digit() || ('a'..='f').contains(&found),
                _ => found == wanted,
            })
        })
    };
    let (mut result, mut rest) = (String::new(), text);
    while let Some(next) = rest.chars().next() {
        // A pattern is ASCII, so what fits it is as long in bytes.
        if fits(rest) {
            result.push_str(replacement);
            rest = &rest[pattern.len()..];
        } else {
            result.push(next);
            rest = &rest[next.len_utf8()..];
        }
    }
    result
}

#[test]
fn what_differs_from_run_to_run_is_not_in_a_snapshot() {
    let run = |time: &str, id: &str, ms: u32| {
        normalised(&format!("at {time} {id} {{\"durationMs\":{ms},\"n\":{{}}}} åäö Please wait for it"))
    };
    let first = run("2026-01-31T12:00:00.000Z", "s0231d6d7d6bc14a7e7734e466785c4ce", 7);
    assert_eq!(first, run("2027-12-01T23:59:59.999Z", "sffffffffffffffffffffffffffffffff", 1234));
    assert_eq!(first, "at [time] [id] {\"durationMs\":[ms],\"n\":{}} åäö Please wait for it");
    assert_eq!(normalised("2026-01-31 and sms 5"), "2026-01-31 and sms 5", "nothing else is replaced");
}
