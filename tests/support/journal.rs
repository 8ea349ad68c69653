//! What a test does to a journal that programs have written: time passes, bytes change, a lock is held. The chain is
//! computed here a second time, as its documentation has it, so the program does not judge itself.
//!
//! Not here: reading the journal, which is `state_dir.rs`.

use super::USERNAME;
use super::state_dir::StateDir;
use chrono::{DateTime, SecondsFormat, TimeDelta};
use elks_mcp::ledger::{self, Exit, Location};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::PathBuf;

/// The folder of the account that tests use, whether it is there or not.
pub fn folder(state: &StateDir) -> PathBuf {
    state.path().join(ledger::folder(USERNAME))
}

/// The newest file of the journal.
pub fn newest_month(state: &StateDir) -> PathBuf {
    state.months().pop().expect("there is a journal")
}

/// Holds the lock of the account, as a process that hangs does, until the file is dropped.
pub fn locked(state: &StateDir) -> File {
    let file = File::options().read(true).write(true).open(folder(state).join("lock")).expect("there is a lock");
    file.lock().expect("it can be locked");
    file
}

/// Time passes: all events of the journal are now so much older, and the journal is as it would then have been written.
/// A negative time puts them into the future. No program may use the journal meanwhile.
pub fn pass(state: &StateDir, time: TimeDelta) {
    let mut head = "0".repeat(64);
    for month in state.months() {
        let text = fs::read_to_string(&month).unwrap();
        let mut moved = String::new();
        for line in text.split_inclusive('\n') {
            if line.ends_with('\n') {
                let body = dated(line, time);
                head = seal(&mut moved, &body, &head);
            } else {
                moved.push_str(line);
            }
        }
        fs::write(&month, moved).unwrap();
    }
}

/// Writes a journal of so many bytes, in which sends were paused and resumed.
#[cfg(target_os = "linux")]
pub fn fill(state: &StateDir, size: usize) {
    use elks_mcp::clock::{Clock, SystemClock};
    const LONGEST: usize = 4000;
    let lines = size.div_ceil(LONGEST).next_multiple_of(2);
    let at = SystemClock.now();
    let (mut text, mut head) = (String::new(), "0".repeat(64));
    for seq in 1..=lines {
        let event = if seq % 2 == 0 { "resumed" } else { "paused" };
        let time = at.to_rfc3339_opts(SecondsFormat::Millis, true);
        let end = size * seq / lines;
        // JSON may have spaces. The end of a line has 150 bytes.
        let body = format!("\"at\":\"{time}\",\"event\":\"{event}\"");
        let start = format!("{{\"v\":1,\"seq\":{seq},");
        let spaces = end - text.len() - start.len() - body.len() - 150;
        head = seal(&mut text, &format!("{start}{}{body}", " ".repeat(spaces)), &head);
    }
    assert_eq!(text.len(), size);
    fs::write(folder(state).join(format!("journal-{}.jsonl", at.format("%Y-%m"))), text).unwrap();
}

/// A line up to its event, with another time.
fn dated(line: &str, time: TimeDelta) -> String {
    let (body, _) = line.rsplit_once(",\"prev\":\"").expect("has a previous head");
    let (before, rest) = body.split_once("\"at\":\"").expect("has a time");
    let (at, after) = rest.split_once('"').expect("the time ends");
    let at = DateTime::parse_from_rfc3339(at).expect("is a time").to_utc() - time;
    format!("{before}\"at\":\"{}\"{after}", at.to_rfc3339_opts(SecondsFormat::Millis, true))
}

/// Appends the line of a body, and gives its head.
fn seal(text: &mut String, body: &str, previous: &str) -> String {
    let body = format!("{body},\"prev\":\"{previous}\"");
    let previous: Vec<u8> =
        (0..32).map(|byte| u8::from_str_radix(&previous[2 * byte..2 * byte + 2], 16).unwrap()).collect();
    let digest =
        Sha256::new().chain_update("elks-mcp journal 1\n").chain_update(previous).chain_update(&body).finalize();
    let head: String = digest.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    });
    writeln!(text, "{body},\"head\":\"{head}\"}}").unwrap();
    head
}

/// Asserts that the journal is whole. Its last line may be unfinished: its writer was killed.
pub fn assert_whole(state: &StateDir) {
    let mut report = Vec::new();
    let exit = ledger::verify(&Location::Folder(folder(state)), None, &mut report).unwrap();
    // Nobody has written yet.
    let is_empty = exit == Exit::Unreadable && state.journal().is_empty();
    assert!(exit == Exit::Whole || is_empty, "{}", String::from_utf8_lossy(&report));
}
