//! `elks-mcp audit show` and `audit head`: a journal for people and programs. They show nothing that the journal does
//! not have: recipients are names of the operator's contacts, or masked.

use super::chain::Checked;
use super::event::{By, Event, Outcome};
use super::keys::{Hash, hex};
use super::state::Entry;
use super::store::Location;
use super::time::in_json;
use super::unavailable::Unavailable;
use super::verify::{Exit, NOTHING, read};
use super::walk::{Stop, Walked, walk};
use crate::money::money;
use crate::sanitise::visible;
use chrono::{DateTime, TimeDelta, Utc};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Write};
use std::path::Path;

/// How long a row waits for the outcome of its send. What is known later has a row of its own.
const WAITS: TimeDelta = TimeDelta::hours(24);

/// How many rows wait at most.
const MAX_WAITING: usize = 10_000;

/// The first row.
const TITLES: [&str; 8] = ["time (UTC)", "event", "to", "from", "parts", "cost", "outcome", "id"];

/// Writes all events: a table, or with `json` the lines of the journal as they are, but for raw control characters.
///
/// # Errors
/// If they cannot be written to `out`.
pub fn show(location: &Location, json: bool, out: &mut dyn Write) -> io::Result<Exit> {
    if json {
        let walked = read(location, |_, line| {
            out.write_all(&printable(line))?;
            out.write_all(b"\n")
        })?;
        return end(walked, false, out);
    }
    let mut table = Table::default();
    let walked = read(location, |checked, _| table.take(checked, out))?;
    table.finish(out)?;
    end(walked, true, out)
}

/// Writes the number, the head and the time of the newest event. Kept elsewhere, they show later whether the end was
/// cut off.
///
/// # Errors
/// If they cannot be written to `out`.
pub fn head(location: &Location, out: &mut dyn Write) -> io::Result<Exit> {
    let walked = read(location, |_, _| Ok(()))?;
    if let Ok(Walked { tip, broken: None, .. }) = &walked
        && let Some(at) = &tip.at
    {
        writeln!(out, "{} {} {}", tip.seq, hex(&tip.head), in_json::text(at))?;
    }
    end(walked, true, out)
}

/// The sends of a journal as far as it is kept, for a comparison with 46elks's history.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Sends {
    /// The messages that 46elks accepted, and whose intents are kept.
    pub accepted: Vec<Sent>,
    /// The ids of all messages that 46elks accepted. The month of an intent may be removed before that of its outcome.
    pub ids: BTreeSet<String>,
    /// The sends without a known outcome, oldest first. Their messages may be at 46elks.
    pub open: Vec<Open>,
}

/// A message that 46elks accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The number of its intent.
    pub seq: u64,
    /// When it was about to be sent.
    pub at: DateTime<Utc>,
    /// 46elks's id.
    pub id: String,
    /// How many parts 46elks sent.
    pub parts: u64,
    /// What it cost, in ten-thousandths of the account's currency.
    pub cost: Option<u64>,
}

/// A send without a known outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Open {
    /// The number of its intent.
    pub seq: u64,
    /// When it was about to be sent.
    pub at: DateTime<Utc>,
    /// Its recipient, sender, flash and text, as a keyed hash.
    pub content: Hash,
}

/// The sends of a journal.
///
/// # Errors
/// If the journal is broken or cannot be read.
pub fn sends(location: &Location) -> Result<Sends, Unavailable> {
    let mut sends = Sends::default();
    // Whether it is certain that an intent was not sent, by its number. Accepted ones are not here.
    let mut begun: BTreeMap<u64, (Open, bool)> = BTreeMap::new();
    let walked = walk(location, |checked, _| {
        let seq = checked.tip.seq;
        match &checked.event {
            Event::Intent(intent) => {
                begun.insert(seq, (Open { seq, at: checked.at, content: intent.content }, false));
            }
            Event::Outcome { of, outcome: Outcome::Accepted(accepted), .. } => {
                sends.ids.insert(accepted.id.clone());
                if let Some((Open { seq, at, .. }, _)) = begun.remove(of) {
                    let (id, parts, cost) = (accepted.id.clone(), accepted.parts, accepted.cost);
                    sends.accepted.push(Sent { seq, at, id, parts, cost });
                }
            }
            Event::Outcome { of, outcome, by } => {
                if let Some((_, is_unsent)) = begun.get_mut(of) {
                    // As for limits and duplicates, only the operator makes it uncertain again.
                    *is_unsent = *outcome != Outcome::Unknown || (*is_unsent && *by != By::Operator);
                }
            }
            _ => {}
        }
        Ok(())
    });
    sends.open = begun.into_values().filter(|(_, is_unsent)| !is_unsent).map(|(open, _)| open).collect();
    match walked {
        Ok(Walked { broken: None, .. }) => Ok(sends),
        Ok(Walked { broken: Some(broken), .. }) | Err(Stop::Broken(broken)) => Err(broken.into()),
        Err(Stop::Unreadable(unavailable)) => Err(unavailable),
        Err(Stop::Output(error)) => Err(Unavailable::Disk { doing: "reading the send journal", error }),
    }
}

/// The names of all accounts with a folder in the state folder, sorted.
///
/// # Errors
/// If the state folder cannot be read. A missing one has no accounts.
pub fn accounts(state_dir: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(state_dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut accounts = Vec::new();
    for entry in entries {
        let entry = entry?;
        let is_hash = |name: &String| super::keys::from_hex::<8>(name.as_bytes()).is_some();
        let name = entry.file_name().into_string().ok().filter(is_hash);
        accounts.extend(name.filter(|_| entry.path().is_dir()));
    }
    accounts.sort();
    Ok(accounts)
}

/// What is said at the end, and the exit code.
pub(super) fn end(walked: Result<Walked, String>, in_words: bool, out: &mut dyn Write) -> io::Result<Exit> {
    let (exit, words) = match walked {
        Err(sentence) => (Exit::Unreadable, format!("UNREADABLE: {sentence}")),
        Ok(Walked { broken: Some(broken), .. }) => (Exit::Broken, format!("BROKEN: {broken}.")),
        Ok(Walked { first: None, .. }) => (Exit::Unreadable, NOTHING.into()),
        Ok(_) => return Ok(Exit::Whole),
    };
    if in_words {
        writeln!(out, "{words}")?;
    }
    Ok(exit)
}

/// The rows that wait: those of sends without an outcome, and all after them.
#[derive(Default)]
struct Table {
    waiting: BTreeMap<u64, Row>,
    has_titles: bool,
}

enum Row {
    Send(Box<Entry>),
    Words(DateTime<Utc>, String),
}

impl Table {
    fn take(&mut self, checked: &Checked, out: &mut dyn Write) -> io::Result<()> {
        let (seq, at) = (checked.tip.seq, checked.at);
        let row = match &checked.event {
            Event::Intent(intent) => Some(Row::Send(Box::new(Entry::new(seq, at, intent.clone())))),
            Event::Outcome { of, outcome, by } => match self.waiting.get_mut(of) {
                Some(Row::Send(entry)) => {
                    entry.settle(at, outcome.clone(), *by);
                    None
                }
                _ => Some(Row::Words(at, format!("event {of}: {}", self::outcome(Some(outcome))))),
            },
            Event::Paused => Some(Row::Words(at, "all sends paused".into())),
            Event::Resumed => Some(Row::Words(at, "sends resumed".into())),
            Event::Clock { was } => {
                Some(Row::Words(at, format!("the clock was set right; events until {} were ahead", in_json::text(was))))
            }
            Event::Removed { through } => {
                Some(Row::Words(at, format!("events until {through} removed (ELKS_KEEP_DAYS)")))
            }
        };
        if let Some(row) = row {
            self.waiting.insert(seq, row);
        }
        while let Some(first) = self.waiting.first_entry() {
            let waits = matches!(first.get(), Row::Send(entry) if entry.is_open() && at - entry.at < WAITS);
            if waits && self.waiting.len() < MAX_WAITING {
                break;
            }
            self.write_first(out)?;
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut dyn Write) -> io::Result<()> {
        while !self.waiting.is_empty() {
            self.write_first(out)?;
        }
        Ok(())
    }

    fn write_first(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let Some((seq, row)) = self.waiting.pop_first() else { return Ok(()) };
        if !self.has_titles {
            self.has_titles = true;
            write_row(TITLES.map(String::from), out)?;
        }
        let time = |at: &DateTime<Utc>| at.format("%Y-%m-%d %H:%M:%S").to_string();
        match row {
            Row::Words(at, words) => writeln!(out, "{}  {seq:<7}  {words}", time(&at)),
            Row::Send(entry) => {
                let outcome = entry.outcome.as_ref().map(|(_, outcome)| outcome);
                let accepted = match outcome {
                    Some(Outcome::Accepted(accepted)) => Some(accepted),
                    _ => None,
                };
                let intent = entry.intent;
                let amount = |amount: u64| money(amount, Some("")).trim_end().to_string();
                let cost = accepted.and_then(|accepted| accepted.cost).map(amount);
                let estimate = intent.price.map(|price| format!("(~{})", amount(price)));
                let row = [
                    time(&entry.at),
                    seq.to_string(),
                    intent.contact.unwrap_or(intent.to),
                    intent.from,
                    accepted.map_or(intent.parts, |accepted| accepted.parts).to_string(),
                    cost.or(estimate).unwrap_or_default(),
                    self::outcome(outcome),
                    accepted.map_or("", |accepted| &accepted.id).to_string(),
                ];
                write_row(row, out)
            }
        }
    }
}

fn outcome(outcome: Option<&Outcome>) -> String {
    match outcome {
        None => "none known".into(),
        Some(Outcome::Accepted(_)) => "accepted".into(),
        Some(Outcome::Rejected { status }) => format!("refused ({status})"),
        Some(Outcome::NotLeft) => "not sent".into(),
        Some(Outcome::Unknown) => "unknown".into(),
    }
}

/// Writes a row. Nothing that came from a server, a setting or a changed journal moves a terminal's cursor, turns the
/// writing direction, or hides.
fn write_row(cells: [String; 8], out: &mut dyn Write) -> io::Result<()> {
    let [time, event, to, from, parts, cost, outcome, id] = cells.map(|cell| visible(&cell));
    let row = format!("{time:<19}  {event:<7}  {to:<16}  {from:<14}  {parts:<5}  {cost:<9}  {outcome:<13}  {id}");
    writeln!(out, "{}", row.trim_end())
}

/// A line of a journal without raw control characters, as JSON that means the same. Within strings they become escapes.
/// Those below U+0020 are no JSON within strings, so in a checked line they stand between its values, as spaces may.
fn printable(line: &[u8]) -> Cow<'_, [u8]> {
    let text = String::from_utf8_lossy(line);
    if !text.contains(char::is_control) {
        return Cow::Borrowed(line);
    }
    let escaped = text.chars().fold(String::with_capacity(text.len()), |mut escaped, c| {
        match c {
            '\0'..='\u{1F}' => escaped.push(' '),
            '\u{7F}'..='\u{9F}' => escaped.push_str(&format!("\\u{:04x}", u32::from(c))),
            _ => escaped.push(c),
        }
        escaped
    });
    Cow::Owned(escaped.into_bytes())
}
