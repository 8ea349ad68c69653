//! The form of a line and the chain of heads. The head of a line is the SHA-256 of the head before it and of the line's
//! own bytes, so that no line can be changed, moved or left out unnoticed as long as a later head is known.

use super::event::Event;
use super::keys::{from_hex, hex};
use super::time::in_json;
use super::unavailable::Damage;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The longest line, in bytes, with its end.
pub(super) const MAX_LINE: usize = 4096;

/// The version of the form. Another version has another number.
const VERSION: u32 = 1;

/// A head, and what is before the first line.
pub(super) type Head = [u8; 32];

/// Where a chain ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tip {
    /// The number of the last event; 0 before the first.
    pub(super) seq: u64,
    /// The head of the last line; zeros before the first.
    pub(super) head: Head,
    /// The time of the last event.
    pub(super) at: Option<DateTime<Utc>>,
}

/// A line that was checked.
#[derive(Debug)]
pub(super) struct Checked {
    /// The chain with this line.
    pub(super) tip: Tip,
    /// When it happened.
    pub(super) at: DateTime<Utc>,
    /// What happened.
    pub(super) event: Event,
}

/// What is hashed of a line, as it is written.
#[derive(Serialize)]
struct Unsealed<'a> {
    v: u32,
    seq: u64,
    #[serde(with = "in_json")]
    at: DateTime<Utc>,
    event: &'a Event,
    prev: String,
}

/// A line, as it is read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sealed<'a> {
    v: u32,
    seq: u64,
    #[serde(with = "in_json")]
    at: DateTime<Utc>,
    event: Event,
    #[serde(rename = "prev")]
    _prev: &'a str,
    #[serde(rename = "head")]
    _head: &'a str,
}

impl Tip {
    /// The line of the next event, with its end, and the chain with it.
    pub(super) fn line(&self, at: DateTime<Utc>, event: &Event) -> Result<(Vec<u8>, Self), serde_json::Error> {
        let seq = self.seq + 1;
        let mut line = serde_json::to_vec(&Unsealed { v: VERSION, seq, at, event, prev: hex(&self.head) })?;
        line.pop(); // The brace that closes it.
        let head = head(&self.head, &line);
        line.extend_from_slice(format!(",\"head\":\"{}\"}}\n", hex(&head)).as_bytes());
        Ok((line, Self { seq, head, at: Some(at) }))
    }

    /// Whether this line, without its end, is the one that the chain ends with.
    #[cfg(feature = "postgres")]
    pub(super) fn is_head_of(&self, line: &[u8]) -> bool {
        split(line).is_some_and(|(body, prev, own)| own == self.head && head(&prev, body) == own)
    }

    /// Checks the next line, without its end. Before the first line of the oldest file any beginning is accepted.
    pub(super) fn check(&self, line: &[u8]) -> Result<Checked, Damage> {
        if line.len() >= MAX_LINE {
            return Err(Damage::TooLong);
        }
        let (body, prev, own) = split(line).filter(|_| !line.contains(&b'\n')).ok_or(Damage::NotALine)?;
        if head(&prev, body) != own {
            return Err(Damage::Changed);
        }
        // From here on the bytes are those that some program wrote.
        let sealed: Sealed<'_> = serde_json::from_slice(line).map_err(|_| Damage::Newer)?;
        if sealed.v != VERSION {
            return Err(Damage::Newer);
        }
        let seq = sealed.seq;
        let begins = self.seq == 0 && seq > 1;
        if !begins && seq != self.seq + 1 {
            return Err(Damage::Order { expected: self.seq + 1, found: seq });
        }
        if !begins && prev != self.head {
            return Err(Damage::Follows);
        }
        if self.at.is_some_and(|before| sealed.at < before) && !matches!(sealed.event, Event::Clock { .. }) {
            return Err(Damage::Back);
        }
        if !names_earlier(&sealed.event, seq) {
            return Err(Damage::Names);
        }
        Ok(Checked { tip: Self { seq, head: own, at: Some(sealed.at) }, at: sealed.at, event: sealed.event })
    }
}

/// The head of a line: `body` is the line up to its head.
fn head(prev: &Head, body: &[u8]) -> Head {
    Sha256::new().chain_update(b"elks-mcp journal 1\n").chain_update(prev).chain_update(body).finalize().into()
}

/// What of a line is hashed, the head before it, and its own head: by their places, because this must not depend on how
/// JSON is read.
fn split(line: &[u8]) -> Option<(&[u8], Head, Head)> {
    let line = line.strip_suffix(b"\"}")?;
    let (line, own) = line.split_at_checked(line.len().checked_sub(64)?)?;
    let body = line.strip_suffix(b",\"head\":\"")?;
    let line = body.strip_suffix(b"\"")?;
    let (line, prev) = line.split_at_checked(line.len().checked_sub(64)?)?;
    line.ends_with(b",\"prev\":\"").then_some(())?;
    Some((body, from_hex(prev)?, from_hex(own)?))
}

/// Whether the event that this one names, if it names one, is before it.
pub(super) fn names_earlier(event: &Event, seq: u64) -> bool {
    match event {
        Event::Outcome { of: named, .. } | Event::Removed { through: named } => (1..seq).contains(named),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_769_860_800 + seconds, 0).expect("is a time")
    }

    /// The line of an event, without its end, and the chain with it.
    fn line(tip: &Tip, seconds: i64, event: &Event) -> (Vec<u8>, Tip) {
        let (mut line, tip) = tip.line(at(seconds), event).expect("is JSON");
        assert_eq!(line.pop(), Some(b'\n'));
        (line, tip)
    }

    #[test]
    fn a_line_has_this_form() {
        let (first, tip) = line(&Tip::default(), 0, &Event::Paused);
        // printf 'elks-mcp journal 1\n' and 32 zero bytes and the line up to `,"head"`, through sha256sum
        let body =
            format!(r#"{{"v":1,"seq":1,"at":"2026-01-31T12:00:00.000Z","event":"paused","prev":"{}""#, "0".repeat(64));
        assert_eq!(
            String::from_utf8_lossy(&first),
            format!(r#"{body},"head":"f6c15244468f04596b861430f798a85705d67f7b8be0317602acdff73593f5cf"}}"#)
        );
        let (second, _) = line(&tip, 1, &Event::Resumed);
        assert!(String::from_utf8_lossy(&second).contains(r#""seq":2,"#));
        assert!(
            String::from_utf8_lossy(&second)
                .contains(r#""prev":"f6c15244468f04596b861430f798a85705d67f7b8be0317602acdff73593f5cf""#)
        );
    }

    #[test]
    fn what_was_written_is_read() {
        let (first, tip) = line(&Tip::default(), 0, &Event::Paused);
        let checked = Tip::default().check(&first).expect("is whole");
        assert_eq!((checked.tip, checked.at, checked.event), (tip, at(0), Event::Paused));
    }

    #[test]
    fn what_does_not_follow_is_named() {
        let start = Tip::default();
        let (first, one) = line(&start, 0, &Event::Paused);
        let (second, two) = line(&one, 1, &Event::Resumed);
        let (third, _) = line(&two, 2, &Event::Paused);
        let (other, _) = line(&Tip { head: [1; 32], ..one }, 1, &Event::Resumed);
        let (back, _) = line(&one, -1, &Event::Resumed);
        let (named, _) = line(&one, 1, &Event::Removed { through: 2 });
        let (zero, _) = line(&one, 1, &Event::Removed { through: 0 });
        let fault = |tip: &Tip, line: &[u8]| tip.check(line).expect_err("does not follow");
        assert_eq!(fault(&one, &third), Damage::Order { expected: 2, found: 3 });
        assert_eq!(fault(&one, &first), Damage::Order { expected: 2, found: 1 });
        assert_eq!(fault(&two, &second), Damage::Order { expected: 3, found: 2 });
        assert_eq!(fault(&one, &other), Damage::Follows);
        assert_eq!(fault(&one, &back), Damage::Back);
        assert_eq!(fault(&one, &named), Damage::Names);
        assert_eq!(fault(&one, &zero), Damage::Names);
        assert_eq!(fault(&one, &[b'x'; MAX_LINE]), Damage::TooLong);
        assert_eq!(fault(&one, b""), Damage::NotALine);
        assert_eq!(fault(&one, b"{}"), Damage::NotALine);
        let (redated, _) = line(&one, -1, &Event::Clock { was: at(0) });
        assert!(one.check(&redated).is_ok());
        assert!(start.check(&third).is_ok(), "the oldest file may begin anywhere");
        let (not_first, _) = line(&Tip { head: [1; 32], ..start }, 0, &Event::Paused);
        assert_eq!(fault(&start, &not_first), Damage::Follows);
    }

    #[test]
    fn a_whole_line_that_this_version_does_not_know_is_of_a_newer_one() {
        let seal = |body: &str| {
            let body = format!(r#"{body},"prev":"{}""#, "0".repeat(64));
            format!(r#"{body},"head":"{}"}}"#, hex(&head(&[0; 32], body.as_bytes())))
        };
        let known = r#""seq":1,"at":"2026-01-31T12:00:00.000Z","event":"paused""#;
        assert!(Tip::default().check(seal(&format!(r#"{{"v":1,{known}"#)).as_bytes()).is_ok());
        for body in [
            format!(r#"{{"v":2,{known}"#),
            format!(r#"{{"v":1,"more":1,{known}"#),
            r#"{"v":1,"seq":1,"at":"2026-01-31T12:00:00.000Z","event":"moved""#.into(),
            r#"{"v":1,"seq":1,"at":"2026-01-31T13:00:00+01:00","event":"paused""#.into(),
        ] {
            assert_eq!(Tip::default().check(seal(&body).as_bytes()).expect_err("is newer"), Damage::Newer, "{body}");
        }
    }

    #[test]
    fn the_longest_event_fits_a_line() {
        use crate::ledger::{Accepted, By, Hash, Intent, Outcome};
        // The character whose JSON is longest: six bytes for one.
        let long = "\u{1}".repeat(1000);
        let intent = Intent {
            content: Hash([0; 16]),
            recipient: Hash([0; 16]),
            key: Some(Hash([0; 16])),
            to: long.clone(),
            from: long.clone(),
            contact: Some(long.clone()),
            parts: u64::MAX,
            price: Some(u64::MAX),
            approved: false,
            pid: u32::MAX,
        };
        let accepted = Accepted {
            id: long.clone(),
            status: Some(long.clone()),
            created: Some(long),
            parts: u64::MAX,
            cost: Some(u64::MAX),
        };
        let tip = Tip { seq: u64::MAX - 1, ..Tip::default() };
        for event in [
            Event::Intent(intent),
            Event::Outcome { of: u64::MAX, outcome: Outcome::Accepted(accepted), by: By::Operator },
        ] {
            let (line, _) = line(&tip, 0, &event.bounded());
            assert!(line.len() < MAX_LINE / 2, "{} bytes", line.len());
        }
    }
}
