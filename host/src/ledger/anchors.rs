//! Finds in a client's log what elks-mcp has said about the journal's head. The log may have any form, its lines any
//! length; it may quote JSON in JSON, and it may have sorted the members.

use super::keys::from_hex;
use std::collections::BTreeMap;
use std::io::{self, Read};

/// How an anchor begins, without spaces and backslashes.
const BEGINNING: &[u8] = br#""journal":{"#;

/// The longest anchor after its beginning, without spaces and backslashes.
const LONGEST: usize = 64;

/// How many different anchors are kept. What is more is counted only.
const MOST: usize = 1_000_000;

/// How much is read at once, in bytes.
const READ_SIZE: usize = 64 * 1024;

/// The first 16 hexadecimal digits of a head.
pub(super) type ShortHead = [u8; 8];

/// What a log says about the journal.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Anchors {
    /// For each event the heads that are said of it, each with the first line of the log that says so.
    pub(super) of: BTreeMap<u64, Vec<(ShortHead, u64)>>,
    /// How many different anchors there are in `of`.
    pub(super) count: usize,
    /// Whether there were more than are kept.
    pub(super) too_many: bool,
}

impl Anchors {
    /// Reads a log. No more than a part of it is in memory.
    pub(super) fn read(mut log: impl Read) -> io::Result<Self> {
        let mut anchors = Self::default();
        let mut text = Text::default();
        let mut chunk = vec![0; READ_SIZE];
        loop {
            match log.read(&mut chunk) {
                Ok(0) => break,
                Ok(length) => {
                    text.push(&chunk[..length]);
                    anchors.take(&mut text, false);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        anchors.take(&mut text, true);
        Ok(anchors)
    }

    /// Takes the anchors of the text, and keeps what may be the beginning of one unless this is the end.
    fn take(&mut self, text: &mut Text, end: bool) {
        let mut from = 0;
        while let Some(found) = find(&text.bytes[from..], BEGINNING) {
            let (place, after) = (from + found, from + found + BEGINNING.len());
            if !end && text.bytes.len() < after + LONGEST {
                text.forget(place);
                return;
            }
            let until = text.bytes.len().min(after + LONGEST);
            if let Some((seq, head)) = anchor(&text.bytes[after..until]) {
                self.add(seq, head, text.line(place));
            }
            from = after;
        }
        let kept = text.bytes.len().saturating_sub(BEGINNING.len() - 1).max(from);
        text.forget(kept);
    }

    fn add(&mut self, seq: u64, head: ShortHead, line: u64) {
        if self.count >= MOST {
            self.too_many = true;
            return;
        }
        let heads = self.of.entry(seq).or_default();
        if heads.iter().all(|(known, _)| *known != head) {
            heads.push((head, line));
            self.count += 1;
        }
    }
}

/// The part of a log that is in memory, without spaces, line ends and backslashes.
struct Text {
    bytes: Vec<u8>,
    /// The line of the first byte.
    line: u64,
    /// Before which bytes a new line began.
    line_ends: Vec<usize>,
}

impl Default for Text {
    fn default() -> Self {
        Self { bytes: Vec::new(), line: 1, line_ends: Vec::new() }
    }
}

impl Text {
    fn push(&mut self, chunk: &[u8]) {
        for byte in chunk {
            match byte {
                b'\n' => self.line_ends.push(self.bytes.len()),
                b' ' | b'\t' | b'\r' | b'\\' => {}
                byte => self.bytes.push(*byte),
            }
        }
    }

    /// The line of a byte.
    fn line(&self, place: usize) -> u64 {
        self.line + self.line_ends.partition_point(|end| *end <= place) as u64
    }

    /// Forgets the bytes before this place.
    fn forget(&mut self, before: usize) {
        let lines = self.line_ends.partition_point(|end| *end <= before);
        self.line += lines as u64;
        self.line_ends.drain(..lines);
        for end in &mut self.line_ends {
            *end -= before;
        }
        self.bytes.drain(..before);
    }
}

/// Where a part stands in a text.
fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    let mut from = 0;
    // The first byte is searched for alone, because that is fast.
    while let Some(found) = text[from..].iter().position(|byte| *byte == part[0]) {
        from += found;
        if text[from..].starts_with(part) {
            return Some(from);
        }
        from += 1;
    }
    None
}

/// The members of an anchor, in either order.
fn anchor(text: &[u8]) -> Option<(u64, ShortHead)> {
    let members = &text[..text.iter().position(|byte| *byte == b'}')?];
    let (one, other) = members.split_at_checked(members.iter().position(|byte| *byte == b',')?)?;
    let other = other.strip_prefix(b",")?;
    let seq = |member: &[u8]| {
        let digits = member.strip_prefix(br#""seq":"#)?;
        let digits = digits.iter().all(u8::is_ascii_digit).then_some(digits)?;
        std::str::from_utf8(digits).ok()?.parse().ok()
    };
    let head = |member: &[u8]| from_hex(member.strip_prefix(br#""head":""#)?.strip_suffix(b"\"")?);
    match (seq(one), head(other)) {
        (Some(seq), Some(head)) => Some((seq, head)),
        _ => Some((seq(other)?, head(one)?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The anchors of a text, with their lines.
    fn anchors(text: &str) -> Vec<(u64, ShortHead, u64)> {
        let anchors = Anchors::read(text.as_bytes()).unwrap();
        anchors
            .of
            .into_iter()
            .flat_map(|(seq, heads)| heads.into_iter().map(move |(head, line)| (seq, head, line)))
            .collect()
    }

    #[test]
    fn anchors_are_found_in_every_form() {
        let head = [0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef];
        for text in [
            r#"{"tool":"send_sms","journal":{"seq":7,"head":"0123456789abcdef"},"success":true}"#,
            r#"2026-01-31 [elks] {"journal": {"seq": 7, "head": "0123456789abcdef"}}"#,
            r#"{"line":"{\"journal\":{\"seq\":7,\"head\":\"0123456789abcdef\"}}"}"#,
            r#"{"line":"{\\\"journal\\\":{\\\"seq\\\":7,\\\"head\\\":\\\"0123456789abcdef\\\"}}"}"#,
            r#""journal":{"head":"0123456789abcdef","seq":7}"#,
            "\"journal\":\t{\r\n  \"seq\": 7,\r\n  \"head\": \"0123456789abcdef\"\r\n}",
            r#""journal":{"journal":{"seq":7,"head":"0123456789abcdef"}"#,
        ] {
            assert_eq!(anchors(text), [(7, head, 1)], "{text}");
            assert_eq!(anchors(&format!("\n{text}\n{text}\n")), [(7, head, 2)], "{text}");
        }
    }

    #[test]
    fn what_only_looks_like_an_anchor_is_none() {
        for text in [
            "",
            r#""journal":{"#,
            r#""journal":{"seq":7,"head":"0123456789abcde"}"#,
            r#""journal":{"seq":7,"head":"0123456789ABCDEF"}"#,
            r#""journal":{"seq":-7,"head":"0123456789abcdef"}"#,
            r#""journal":{"seq":99999999999999999999,"head":"0123456789abcdef"}"#,
            r#""journal":{"seq":7,"head":"0123456789abcdef","more":1}"#,
            r#""journal":{"seq":7}"#,
            r#""journals":{"seq":7,"head":"0123456789abcdef"}"#,
        ] {
            assert_eq!(anchors(text), [], "{text}");
        }
    }

    #[test]
    fn several_heads_of_one_event_are_all_kept() {
        let one = |seq: u64, digit: char| {
            format!("\"journal\":{{\"seq\":{seq},\"head\":\"{}\"}}\n", digit.to_string().repeat(16))
        };
        let text = [one(1, '1'), one(2, '2'), one(1, '3'), one(1, '1')].concat();
        assert_eq!(anchors(&text), [(1, [0x11; 8], 1), (1, [0x33; 8], 3), (2, [0x22; 8], 2)]);
    }

    #[test]
    fn a_line_of_any_length_is_read_in_parts() {
        let anchor = r#""journal":{"seq":7,"head":"0123456789abcdef"}"#;
        let text = format!("{}{anchor}{}\n{anchor}", "x".repeat(300_000), "\"journal\":{".repeat(50_000));
        let read = Anchors::read(text.as_bytes()).unwrap();
        assert_eq!((read.count, read.of.len()), (1, 1));
    }

    /// Gives out a few bytes at a time.
    struct Slow<'a>(&'a [u8], usize);

    impl Read for Slow<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let length = self.1.min(self.0.len()).min(buffer.len());
            buffer[..length].copy_from_slice(&self.0[..length]);
            self.0 = &self.0[length..];
            Ok(length)
        }
    }

    proptest! {
        #[test]
        fn the_parts_in_which_a_log_is_read_make_no_difference(
            pieces in prop::collection::vec(prop_oneof![
                Just("\"journal\":{\"seq\":7,\"head\":\"0123456789abcdef\"}"),
                Just("\"journal\":{\"seq\":8,"), Just("\"head\":\"0123456789abcdef\"}"), Just("\n"), Just(" \\"),
                Just("\"jour"), Just("nal\":{"), Just("x"),
            ], 0..40),
            size in 1usize..80,
        ) {
            let text = pieces.concat();
            prop_assert_eq!(Anchors::read(Slow(text.as_bytes(), size)).unwrap(), Anchors::read(text.as_bytes()).unwrap());
        }
    }
}
