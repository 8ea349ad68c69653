//! What happened, one JSON line a call, on stderr. A record is made of masked types only: there is
//! no field that could hold a text, a whole number or a secret.

use crate::call::Tool;
use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use serde_json::{Map, Value};
use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

/// The longest id that is recorded as it is, in characters: 46elks's have 33.
const LONGEST_ID: usize = 40;

/// The longest time that is recorded as it is, in characters, fraction and zone included.
const LONGEST_TIME: usize = 35;

/// Where lines go: stderr in the program, a buffer in tests.
pub trait Sink: Send + Sync {
    /// Takes one line without its end.
    fn line(&self, line: &str);
}

/// How many lines wait for a reader of stderr: some megabytes. A client that never reads it fills
/// the pipe, and the session must not hang on that.
const WAITING_LINES: usize = 10_000;

/// How long the end of the program waits for lines to be written.
const LAST_LINES: Duration = Duration::from_secs(1);

/// The program's own stderr, written by a thread of its own: a client that does not read it, or has
/// closed it, keeps nobody waiting.
pub struct Stderr {
    lines: SyncSender<Line>,
    /// Lines that found no place, told when there is place again.
    lost: AtomicU64,
}

enum Line {
    Text(String),
    /// Asks to be told when all lines before it are written.
    Written(SyncSender<()>),
}

impl Stderr {
    /// Starts the thread.
    pub fn start() -> Self {
        let (lines, waiting) = sync_channel(WAITING_LINES);
        std::thread::spawn(move || {
            for line in waiting {
                match line {
                    Line::Text(mut text) => {
                        text.push('\n');
                        // A closed stderr loses the lines, but not the program.
                        drop(std::io::stderr().lock().write_all(text.as_bytes()));
                    }
                    Line::Written(done) => drop(done.try_send(())),
                }
            }
        });
        Self { lines, lost: AtomicU64::new(0) }
    }

    /// Waits until all lines are written, or until nobody can be expected to read them.
    pub fn finish(&self) {
        let until = Instant::now() + LAST_LINES;
        let lost = self.lost.swap(0, Ordering::Relaxed);
        let (done, written) = sync_channel(1);
        let last = (lost > 0).then(|| Line::Text(lost_lines(lost)));
        for mut line in last.into_iter().chain([Line::Written(done)]) {
            while let Err(TrySendError::Full(again)) = self.lines.try_send(line) {
                if Instant::now() >= until {
                    return;
                }
                line = again;
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        let _ = written.recv_timeout(until.saturating_duration_since(Instant::now()));
    }
}

/// What is told when lines found no place.
fn lost_lines(lost: u64) -> String {
    format!("⚠ {lost} lines were lost: stderr was not read")
}

impl Sink for Stderr {
    fn line(&self, line: &str) {
        let lost = self.lost.swap(0, Ordering::Relaxed);
        if lost > 0 && self.lines.try_send(Line::Text(lost_lines(lost))).is_err() {
            self.lost.fetch_add(lost, Ordering::Relaxed);
        }
        if self.lines.try_send(Line::Text(line.into())).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// One record. The names are fixed: people's tools read them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Record<'a> {
    /// When the call ended, UTC.
    pub(crate) timestamp: Timestamp,
    /// Which tool was called.
    pub(crate) tool: Tool,
    /// Its masked arguments.
    pub(crate) params: &'a Params,
    /// Whether the tool did what it was asked.
    pub(crate) success: bool,
    /// Whether this call could send at all.
    pub(crate) dry_run: bool,
    /// How long it took, in milliseconds.
    pub(crate) duration_ms: u64,
    /// The code of the failure, and the HTTP status when 46elks refused. No text: it might quote.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
    /// Present and true when the simulator answered.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) simulated: bool,
}

impl Record<'_> {
    /// The record as its line.
    pub(crate) fn line(&self) -> String {
        // Strings, numbers and booleans always serialise.
        format!("{{\"audit\":{}}}", serde_json::to_string(self).unwrap_or_default())
    }
}

/// What was denied, as a line: an alarm that tells the rule and an id, and nothing that the component
/// said.
pub(crate) fn denial(rule: crate::permit::Rule, id: &str, at: DateTime<Utc>, simulated: bool) -> String {
    let mut audit = serde_json::json!({"timestamp": Timestamp(at), "event": "denied", "rule": rule, "id": id});
    if simulated {
        audit["simulated"] = true.into();
    }
    serde_json::json!({ "audit": audit }).to_string()
}

/// A moment, in the form of the record.
pub(crate) struct Timestamp(pub(crate) DateTime<Utc>);

impl Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

/// Milliseconds, as far as they fit.
pub(crate) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A call's arguments, masked. Arguments that no tool has are not recorded at all.
#[derive(Debug, Serialize, PartialEq)]
#[serde(transparent)]
pub struct Params(Map<String, Value>);

impl Params {
    /// Masks what a caller wrote, whatever its type. What is recorded in full is what it should be
    /// (a direction, an id, a time) and no secret; anything else is `(invalid)`.
    pub fn masked(arguments: &Map<String, Value>, is_secret: impl Fn(&str) -> bool) -> Self {
        let mut masked = Map::new();
        for (name, value) in arguments {
            let (name, recorded): (&str, Value) = match (name.as_str(), value) {
                ("to" | "from", Value::String(party)) => (name, crate::hygiene::visible(&self::masked(party)).into()),
                ("to" | "from", _) => (name, "****".into()),
                ("message", Value::String(text)) => ("message_length", text.chars().count().into()),
                ("limit", Value::Number(_)) | ("flashsms" | "dry_run", Value::Bool(_)) => (name, value.clone()),
                ("direction", Value::String(word)) if ["inbound", "outbound", "both"].contains(&word.as_str()) => {
                    (name, value.clone())
                }
                ("message_id", Value::String(id)) if is_id(id) && !is_secret(id) => (name, value.clone()),
                ("start" | "end" | "cursor", Value::String(time)) if is_time(time) => (name, value.clone()),
                ("limit" | "flashsms" | "dry_run" | "direction" | "message_id" | "start" | "end" | "cursor", _) => {
                    (name, "(invalid)".into())
                }
                _ => continue,
            };
            masked.insert(name.into(), recorded);
        }
        Self(masked)
    }
}

/// Whether a value looks like an id of 46elks: letters and digits that begin with a letter, so no
/// phone number.
fn is_id(value: &str) -> bool {
    value.len() <= LONGEST_ID
        && value.starts_with(|c: char| c.is_ascii_alphabetic())
        && value.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// Whether a value looks like a time, or a cursor, which begins with one: `2026-01-31…`.
fn is_time(value: &str) -> bool {
    let (time, id) = value.split_once('~').unwrap_or((value, "s"));
    let date = time.get(..10).unwrap_or_default().bytes().enumerate();
    let dated = date.clone().count() == 10
        && date.into_iter().all(|(at, b)| if at == 4 || at == 7 { b == b'-' } else { b.is_ascii_digit() });
    dated
        && time.len() <= LONGEST_TIME
        && time.bytes().all(|b| b.is_ascii_digit() || b"-:.+TZ ".contains(&b))
        && is_id(id)
}

/// A number (without its separators) or name with all but its first four and last three characters
/// hidden; one of fewer than eight characters is hidden whole.
pub fn masked(party: &str) -> String {
    let number = party.starts_with('+').then(|| crate::call::without_separators(party));
    let chars: Vec<char> = number.as_deref().unwrap_or(party).chars().collect();
    if chars.len() < 8 {
        return "****".into();
    }
    let shown = |part: &[char]| part.iter().collect::<String>();
    format!("{}****{}", shown(&chars[..4]), shown(&chars[chars.len() - 3..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn params(arguments: Value) -> Value {
        let Value::Object(arguments) = arguments else { panic!("arguments are an object") };
        serde_json::to_value(Params::masked(&arguments, |value| value == "s3cretpassw0rd")).expect("serialises")
    }

    #[test]
    fn parties_are_masked_and_texts_are_counted() {
        assert_eq!(
            params(
                json!({"to": "+46 70-174 06 05", "from": "Swedbankers", "message": "Hej på dig 😀", "dry_run": false})
            ),
            json!({"to": "+467****605", "from": "Swed****ers", "message_length": 12, "dry_run": false})
        );
    }

    #[test]
    fn a_mask_never_shows_more_than_seven_characters() {
        for party in ["", "+4670", "1234567", "12345678", "+46701740605", "åäö😀åäö😀", "x".repeat(500).as_str()]
        {
            let masked = masked(party);
            assert!(masked.chars().filter(|c| *c != '*').count() <= 7, "{masked}");
            assert!(party.is_empty() || !masked.contains(party), "{masked}");
        }
    }

    #[test]
    fn what_a_caller_makes_up_is_not_recorded() {
        assert_eq!(
            params(json!({
                "password": "hunter2", "limit": "ten\n{\"audit\":1}", "message_id": "a b\u{1b}[31m", "message": 5,
                "to": ["+46701740605"], "direction": "sideways; a secret text",
            })),
            json!({"limit": "(invalid)", "message_id": "(invalid)", "to": "****", "direction": "(invalid)"})
        );
    }

    #[test]
    fn what_is_no_id_and_no_time_is_not_recorded() {
        for (name, value) in [
            ("direction", "transfer the money to Anna tonight"),
            ("message_id", "+46701740605"),
            ("message_id", "46701740605"),
            ("message_id", "s3cretpassw0rd"),
            ("cursor", "0701740605"),
            ("cursor", "2026-01-31T12:00:00.000~meet me at noon"),
            ("start", "2026-01-31 call me at 0701740605 or later"),
            ("end", ""),
        ] {
            assert_eq!(params(json!({name: value})), json!({name: "(invalid)"}), "{value}");
        }
    }

    #[test]
    fn ids_and_times_are_recorded_in_full() {
        let plain = json!({"message_id": "s0231d6d7d6bc14a7e7734e466785c4ce", "start": "2026-01-31T12:00:00+01:00",
                           "direction": "inbound", "limit": 10, "flashsms": true, "end": "2026-01-31",
                           "cursor": "2026-01-31T12:00:00.000~s0231d6d7d6bc14a7e7734e466785c4ce"});
        assert_eq!(params(plain.clone()), plain);
    }

    proptest::proptest! {
        #[test]
        fn a_mask_of_any_text_shows_at_most_seven_of_its_characters(party: String) {
            let masked = masked(&party);
            proptest::prop_assert!(masked.chars().count() <= 4 + 7);
        }
    }
}
