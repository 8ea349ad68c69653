//! How many instructions fixed sessions with the release program take, as valgrind's callgrind counts them. Times
//! differ from run to run. These counts hardly do, so CI sees a change that makes a start or a call more expensive.
//!
//! The simulator answers, and each request is written after the answer to the one before. What is measured is the whole
//! program, with no network. It must never need a build: the program comes as a file.

use crate::channels::session::Session;
use crate::process::{empty, exists, target};
use anyhow::{Context, Result, anyhow, ensure};
use serde_json::{Map, Value, json};
use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;

/// How far a count may be from the recorded one, in parts of a hundred. It holds in both directions: a gain that is not
/// recorded could be lost again, and nobody would see it. Counts of the same program differ by less than 1 %.
pub(crate) const TOLERANCE_PERCENT: u64 = 3;

/// How often a session is played, at the same time. The mean counts. Where the allocator puts things depends on the
/// turns of threads at the start, and moves all calls of a session up or down by 1 %; so the sessions must be several,
/// and a longer one would not help.
const SESSIONS: usize = 2;

/// Limits that no session reaches.
const SETTINGS: [(&str, &str); 5] = [
    ("RATE_LIMIT_SMS_PER_MINUTE", "1000000"),
    ("RATE_LIMIT_QUERIES_PER_MINUTE", "1000000"),
    ("ELKS_MAX_SMS_PER_DAY", "*"),
    ("ELKS_MAX_SMS_PER_RECIPIENT_PER_DAY", "*"),
    ("ELKS_DUPLICATE_MINUTES", "0"),
];

/// A number of the range that Sweden reserves for books and films.
const RECIPIENT: &str = "+46701740605";

/// One part. A letter is outside of ASCII.
const MESSAGE: &str = "Hej! Kom ihåg din tid i morgon kl 10.";

/// The oldest message of the simulator.
const MESSAGE_ID: &str = "s9e3779b97f4a7c15f39cc0605cedc835";

/// As many messages as a history can have.
const HISTORY: usize = 100;

/// After so many sends, the simulator has [`HISTORY`] messages: it begins with four, and every third send has a reply.
const SENDS_FOR_HISTORY: usize = 75;

/// The figure of a start. Its session has the handshake, the list of the tools and one call: only a call waits until
/// the component is loaded, which happens beside the handshake.
const START: &str = "start";

/// What one more call takes, when the program has made some already.
struct OneMore {
    /// The name of the figure.
    name: &'static str,
    call: Call,
    /// How many sends come first.
    sends: usize,
    /// How many calls come first. They are in both sessions, so what only the first ones do is not counted.
    first: usize,
    /// How many calls only the longer of the two sessions has.
    more: usize,
}

/// A call of a tool.
#[derive(Clone)]
struct Call {
    tool: &'static str,
    arguments: Value,
}

/// The figures of one more call.
fn one_more() -> [OneMore; 5] {
    let one_more =
        |tool, arguments| OneMore { name: tool, call: Call { tool, arguments }, sends: 0, first: 6, more: 20 };
    let history = one_more("get_sms_messages", json!({"limit": HISTORY}));
    [
        one_more("estimate_sms_cost", json!({"to": RECIPIENT, "message": MESSAGE})),
        one_more("check_sms_status", json!({"message_id": MESSAGE_ID})),
        one_more("send_sms", json!({"to": RECIPIENT, "message": MESSAGE})),
        OneMore { name: "history_of_100", sends: SENDS_FOR_HISTORY, first: 1, more: 4, ..history },
        one_more("check_account_balance", json!({})),
    ]
}

impl OneMore {
    /// The shorter session, or the longer one.
    fn session(&self, send: &Call, longer: bool) -> Vec<Call> {
        let calls = self.first + if longer { self.more } else { 0 };
        let sends = std::iter::repeat_n(send, self.sends);
        sends.chain(std::iter::repeat_n(&self.call, calls)).cloned().collect()
    }

    /// The instructions of one call.
    fn of_one(&self, shorter: u64, longer: u64) -> Result<u64> {
        let more = longer.checked_sub(shorter).with_context(|| format!("{}: more calls took less", self.name))?;
        Ok(more / self.more as u64)
    }
}

/// Prints the counts of a program.
pub(crate) fn print(program: &Path) -> Result<()> {
    println!("{}", serde_json::to_string_pretty(&counted(program)?)?);
    Ok(())
}

/// Plays all sessions, and gives the instructions of a start and of one more call of each kind.
pub(crate) fn counted(program: &Path) -> Result<Value> {
    ensure!(exists("valgrind"), "there is no valgrind, which counts instructions: run `apt-get install valgrind`");
    let all = one_more();
    let [_, status, send, ..] = &all;
    let mut counts = Map::new();
    counts.insert(START.into(), mean(program, std::slice::from_ref(&status.call))?.into());
    for kind in &all {
        let session = |longer| mean(program, &kind.session(&send.call, longer));
        let count = kind.of_one(session(false)?, session(true)?);
        counts.insert(kind.name.into(), count?.into());
    }
    Ok(counts.into())
}

/// Plays a session several times, and gives the mean of the instructions.
fn mean(program: &Path, calls: &[Call]) -> Result<u64> {
    let folder = target().join("instructions");
    empty(&folder)?;
    let counts = thread::scope(|scope| {
        let play = |number| {
            scope.spawn({
                let counts = folder.join(format!("callgrind.{number}"));
                move || played(program, calls, &counts)
            })
        };
        let playing: Vec<_> = (0..SESSIONS).map(play).collect();
        let ended = playing.into_iter().map(|thread| thread.join().map_err(|_| anyhow!("a session panicked"))?);
        ended.collect::<Result<Vec<_>>>()
    })?;
    Ok(counts.iter().sum::<u64>() / SESSIONS as u64)
}

/// Plays a session, and gives its instructions.
fn played(program: &Path, calls: &[Call], counts: &Path) -> Result<u64> {
    let mut valgrind = Command::new("valgrind");
    valgrind.arg("--tool=callgrind").arg(format!("--callgrind-out-file={}", counts.display()));
    valgrind.arg(program).arg("--simulate");
    // The program reads its whole environment: each variable of the caller's would be some thousand instructions.
    valgrind
        .env_clear()
        .env("PATH", env::var_os("PATH").unwrap_or_default())
        .env("HOME", target().join("instructions"));
    let mut session = Session::launch(&mut valgrind, &SETTINGS).context("cannot start valgrind")?;
    session.begin()?;
    for Call { tool, arguments } in calls {
        let result = session.call(tool, arguments)?;
        let messages = result["structuredContent"]["messages"].as_array();
        ensure!(messages.is_none_or(|messages| messages.len() == HISTORY), "the history has not {HISTORY} messages");
    }
    session.finish()?;
    let counts = fs::read_to_string(counts).with_context(|| format!("cannot read {}", counts.display()))?;
    total(&counts).context("callgrind has counted nothing")
}

/// The sum in callgrind's file.
fn total(counts: &str) -> Option<u64> {
    counts.lines().find_map(|line| line.strip_prefix("totals: "))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::is_near;

    #[test]
    fn the_sum_is_read_from_callgrinds_file() {
        assert_eq!(total("events: Ir\nsummary: 9\n\nfn=(1)\n0 5\ntotals: 11344448\n"), Some(11_344_448));
        assert_eq!(total("events: Ir\nfn=(1)\n0 5\n"), None);
    }

    #[test]
    fn the_longer_session_has_more_of_the_same_call_and_nothing_else() {
        let [.., history, _] = one_more();
        let send = Call { tool: "send_sms", arguments: json!({}) };
        let tools = |longer| history.session(&send, longer).iter().map(|call| call.tool).collect::<Vec<_>>();
        let (shorter, longer) = (tools(false), tools(true));
        assert_eq!(shorter, longer[..shorter.len()]);
        assert_eq!(shorter.iter().filter(|tool| **tool == "send_sms").count(), SENDS_FOR_HISTORY);
        assert_eq!(longer[shorter.len()..], ["get_sms_messages"; 4]);
    }

    #[test]
    fn one_call_is_the_difference_by_the_number_of_calls() {
        let [estimate, ..] = one_more();
        assert_eq!(estimate.of_one(1_000, 21_000).expect("is more"), 1_000);
        assert!(estimate.of_one(21_000, 1_000).is_err());
    }

    #[test]
    fn three_parts_of_a_hundred_are_near_in_both_directions() {
        let is_near = |stated, now| is_near(stated, now, TOLERANCE_PERCENT);
        assert!(is_near(1_000, 1_030) && is_near(1_000, 970));
        assert!(!is_near(1_000, 1_031) && !is_near(1_000, 969));
    }
}
