//! `elks-mcp audit verify`: whether a journal is as it was written, in words for people and an exit code for programs.

use super::anchors::Anchors;
use super::chain::Checked;
use super::event::{Event, Outcome};
use super::keys::hex;
use super::store::Location;
use super::unavailable::{Broken, Damage, Time};
use super::walk::{Stop, Walked, walk};
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

/// How many sends without a known outcome are listed.
const LISTED: usize = 10;

/// What this command cannot show.
const LIMITS: &str = "\
What this shows: a line that was changed, moved, or left out between others.
What it cannot show by itself: that the end was cut off, or that somebody with this user's rights wrote the whole
journal anew. For that, compare it with what is kept elsewhere: the client's log (--against FILE), 46elks's history
(--provider), or a head that you wrote down earlier (elks-mcp audit head).
";

/// The result of a command about a journal; as a number, the exit code of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Nothing wrong was found.
    Whole = 0,
    /// A line was changed, or is missing, or is not the one that the client's log names.
    Broken = 1,
    /// The client's log names events after the end of the journal, or 46elks's history has messages that the journal
    /// does not have.
    Shorter = 2,
    /// There is no event, or the journal, the log or the history cannot be read, or the log says nothing about the
    /// journal.
    Unreadable = 3,
}

impl Exit {
    /// The exit code of the program.
    pub fn code(self) -> u8 {
        self as u8
    }
}

/// What is found out while the journal is read.
#[derive(Default)]
struct Found {
    /// How many intents there are.
    sends: u64,
    /// When the sends without a known outcome began.
    open: BTreeMap<u64, DateTime<Utc>>,
    /// How many anchors have the journal's head.
    same: usize,
    /// The first anchor that has another: the event, and the log's line.
    other: Option<(u64, u64)>,
}

impl Found {
    fn take(&mut self, checked: &Checked, anchors: &Anchors) {
        let seq = checked.tip.seq;
        match &checked.event {
            Event::Intent(_) => {
                self.sends += 1;
                self.open.insert(seq, checked.at);
            }
            Event::Outcome { of, outcome, .. } if *outcome != Outcome::Unknown => {
                self.open.remove(of);
            }
            _ => {}
        }
        for (head, line) in anchors.of.get(&seq).into_iter().flatten() {
            if checked.tip.head.starts_with(head) {
                self.same += 1;
            } else {
                self.other = self.other.or(Some((seq, *line)));
            }
        }
    }
}

/// Checks a journal and writes what was found. `against` is a log of the client, in any form.
///
/// # Errors
/// If the report cannot be written. All else is in the report.
pub fn verify(location: &Location, against: Option<&Path>, out: &mut dyn Write) -> io::Result<Exit> {
    writeln!(out, "journal   {location}")?;
    let anchors = match against.map(|log| File::open(log).and_then(Anchors::read)).transpose() {
        Ok(anchors) => anchors,
        Err(error) => {
            writeln!(out, "\nUNREADABLE: the client's log cannot be read: {error}.")?;
            return Ok(Exit::Unreadable);
        }
    };
    let asked = anchors.is_some();
    let anchors = anchors.unwrap_or_default();
    let mut found = Found::default();
    let walked = match read(location, |checked, _| {
        found.take(checked, &anchors);
        Ok(())
    })? {
        Ok(walked) => walked,
        Err(sentence) => {
            writeln!(out, "\nUNREADABLE: {sentence}")?;
            return Ok(Exit::Unreadable);
        }
    };
    describe(&walked, &found, out)?;
    let exit = if asked { compare(&walked, &found, &anchors, out)? } else { alone(&walked, out)? };
    write!(out, "\n{LIMITS}")?;
    Ok(exit)
}

/// Reads a journal; without a folder it is an empty one. The sentence says why it cannot be read.
pub(super) fn read(
    location: &Location,
    each: impl FnMut(&Checked, &[u8]) -> io::Result<()>,
) -> io::Result<Result<Walked, String>> {
    if location.is_missing() {
        return Ok(Ok(Walked::default()));
    }
    match walk(location, each) {
        Ok(walked) => Ok(Ok(walked)),
        Err(Stop::Output(error)) => Err(error),
        Err(Stop::Broken(broken)) => Ok(Err(broken.to_string())),
        Err(Stop::Unreadable(unavailable)) => Ok(Err(unavailable.to_string())),
    }
}

/// What is there.
fn describe(walked: &Walked, found: &Found, out: &mut dyn Write) -> io::Result<()> {
    if let (Some(first), Some(last)) = (walked.months.first(), walked.months.last()) {
        let (first, last) = (first.file_name(), last.file_name());
        let names = if first == last { first } else { format!("{first} to {last}") };
        writeln!(out, "files     {}: {names}", walked.months.len())?;
    }
    if let (Some((first, begun)), Some(ended)) = (walked.first, walked.tip.at) {
        let last = walked.tip.seq;
        writeln!(out, "events    {}: {first} ({}) to {last} ({})", last - first + 1, Time(&begun), Time(&ended))?;
        if first > 1 && walked.removed_through + 1 >= first {
            writeln!(out, "          events 1 to {} were removed by elks-mcp (ELKS_KEEP_DAYS)", first - 1)?;
        }
        writeln!(out, "head      {}", hex(&walked.tip.head))?;
        writeln!(out, "sends     {}, {} without a known outcome", found.sends, found.open.len())?;
        for (seq, at) in found.open.iter().take(LISTED) {
            writeln!(out, "          event {seq} ({})", Time(at))?;
        }
        if found.open.len() > LISTED {
            writeln!(out, "          and {} more", found.open.len() - LISTED)?;
        }
    }
    if walked.torn {
        writeln!(
            out,
            "end       the last line is unfinished: it is being written, or the program was ended meanwhile"
        )?;
    }
    Ok(())
}

/// The result without a log.
fn alone(walked: &Walked, out: &mut dyn Write) -> io::Result<Exit> {
    if let Some(broken) = &walked.broken {
        return broken_at(broken, out);
    }
    if walked.first.is_none() {
        writeln!(out, "\n{NOTHING}")?;
        return Ok(Exit::Unreadable);
    }
    writeln!(out, "\nWHOLE: every line is as it was written, and none is missing between the first and the last.")?;
    Ok(Exit::Whole)
}

/// What is said where there is no event.
pub(super) const NOTHING: &str = "\
UNREADABLE: there is no event here. This account has sent nothing with a journal yet, or its journal is elsewhere
(ELKS_STATE_DIR), or it was removed.";

/// The result with a log.
fn compare(walked: &Walked, found: &Found, anchors: &Anchors, out: &mut dyn Write) -> io::Result<Exit> {
    let first = walked.first.map_or(1, |(first, _)| first);
    let before: usize = anchors.of.range(..first).map(|(_, heads)| heads.len()).sum();
    let more = if anchors.too_many { "; it names more, which were not compared" } else { "" };
    let (all, same) = (anchors.count, found.same);
    writeln!(out, "log       heads named: {all}; the same here: {same}; before the first event here: {before}{more}")?;
    if let Some((seq, line)) = found.other {
        writeln!(
            out,
            "\nBROKEN: line {line} of the client's log names event {seq} with another head. The journal was written \
             anew since, or the log is about another account."
        )?;
        return Ok(Exit::Broken);
    }
    if let Some(broken) = &walked.broken {
        return broken_at(broken, out);
    }
    if let Some((seq, heads)) = anchors.of.range(walked.tip.seq + 1..).next_back() {
        let line = heads.first().map_or(0, |(_, line)| *line);
        let end = match walked.tip.seq {
            0 => "there is no event here".to_string(),
            last => format!("the journal ends with event {last}"),
        };
        writeln!(
            out,
            "\nSHORTER: line {line} of the client's log names event {seq}, but {end}. The end was cut off, or the log \
             is about another account."
        )?;
        return Ok(Exit::Shorter);
    }
    if found.same == 0 {
        writeln!(out, "\nUNREADABLE: the client's log names no event of this journal, so nothing could be compared.")?;
        return Ok(Exit::Unreadable);
    }
    writeln!(
        out,
        "\nWHOLE: every line is as it was written, none is missing between the first and the last, and the client's \
         log agrees."
    )?;
    Ok(Exit::Whole)
}

fn broken_at(broken: &Broken, out: &mut dyn Write) -> io::Result<Exit> {
    let after = match broken.fault {
        Damage::Beginning => "",
        _ => " All before it is whole; nothing after it was checked.",
    };
    writeln!(out, "\nBROKEN: {broken}.{after}")?;
    Ok(Exit::Broken)
}
