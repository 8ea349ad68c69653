//! The comparison of a journal with 46elks's history: a message that 46elks has and the journal has not was sent
//! without this program, or the journal lost it, unless it can be that of a send whose outcome is not known.

use crate::config::Settings;
use crate::count::count;
use crate::ledger::{self, Exit, Hash, Location, Open, Sends};
use crate::sending::reconcile::{BEFORE, api_time, can_be_of, contents};
use crate::summary::connection::{because, next};
use crate::verdict::rows::each_row;
use anyhow::{Result, anyhow};
use chrono::{DateTime, SecondsFormat, Utc};
use elks_sandbox::{Allowed, Egress, ElksApi, Outcome, Parameter, Permit, RequestPattern, Trace, Upstream};
use sms_rules::limits::MAX_PAGE;
use std::collections::BTreeSet;
use std::io::Write;
use std::sync::Arc;

/// How many pages of the history are read, at most: with [`MAX_PAGE`], 50,000 messages.
const MAX_PAGES: u32 = 500;

/// How many messages are listed, at most.
const LISTED: usize = 20;

/// An outbound message of the history.
struct Outbound {
    id: String,
    at: DateTime<Utc>,
    /// What the journal has of it, as no flash and as a flash: the history does not say which it was.
    contents: Option<[Hash; 2]>,
}

/// What was read of the history.
struct History {
    messages: Vec<Outbound>,
    /// How many rows could not be read.
    unreadable: u64,
    /// How many pages were read.
    pages: u32,
    /// Whether these are all.
    is_whole: bool,
}

/// Compares a journal with the history of its account.
///
/// # Errors
/// The output cannot be written, or the system gives no runtime.
pub(super) fn compare(location: &Location, settings: &Settings, out: &mut dyn Write) -> Result<Exit> {
    let sends = match ledger::sends(location) {
        Ok(sends) => sends,
        Err(unavailable) => {
            writeln!(out, "UNREADABLE: {unavailable}")?;
            return Ok(Exit::Unreadable);
        }
    };
    let Some(first) = sends.accepted.iter().map(|sent| sent.at).min() else {
        writeln!(out, "\n46elks's history was not read: the journal has no accepted message to begin with.")?;
        return Ok(Exit::Whole);
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match runtime.block_on(history(settings, first - BEFORE)) {
        Ok(history) => report(&sends, first, &history, out),
        Err(error) => {
            writeln!(out, "\nUNREADABLE: {error}")?;
            Ok(Exit::Unreadable)
        }
    }
}

/// Says how the history differs from the journal, whose first accepted message is of this time. What 46elks has from
/// before it is left out, but for the messages that are known from their ids.
fn report(sends: &Sends, first: DateTime<Utc>, history: &History, out: &mut dyn Write) -> Result<Exit> {
    let is_ours = |message: &&Outbound| sends.ids.contains(&message.id);
    let ours = history.messages.iter().filter(is_ours).count();
    let (mut unknown, mut extra) = explained(sends, history.messages.iter().filter(|message| !is_ours(message)));
    unknown.retain(|message| message.at >= first);
    extra.retain(|message| message.at >= first);
    let compared = ours + unknown.len() + extra.len();
    writeln!(out, "\n46elks    {} since {}", count(compared as u64, "outbound message"), time(first))?;
    if !history.is_whole {
        let pages = count(u64::from(history.pages), "page");
        writeln!(out, "          The history goes on after {pages}; what is older was not compared.")?;
    }
    let theirs: BTreeSet<&str> = history.messages.iter().map(|message| message.id.as_str()).collect();
    let missing = sends.accepted.iter().filter(|sent| !theirs.contains(sent.id.as_str())).count() as u64;
    // What is not in the part that was read may be in the rest.
    if missing > 0 && history.is_whole && history.unreadable == 0 {
        writeln!(
            out,
            "          {} of the journal not there any more: 46elks, or the account's owner, may have deleted them.",
            count(missing, "message")
        )?;
    }
    match unknown.len() {
        0 => {}
        1 => writeln!(out, "          1 of them is a send whose outcome the journal does not know.")?,
        more => writeln!(out, "          {more} of them are sends whose outcome the journal does not know.")?,
    }
    let mut exit = Exit::Whole;
    if !extra.is_empty() {
        write_extra(&extra, out)?;
        exit = Exit::Shorter;
    } else if ours > 0 || unknown.is_empty() {
        let which = if unknown.is_empty() { "Each of them" } else { "Each other one" };
        writeln!(out, "          {which} is in the journal.")?;
    }
    if history.unreadable > 0 {
        let rows = count(history.unreadable, "row");
        writeln!(out, "UNREADABLE: {rows} of 46elks's history could not be read or compared.")?;
        exit = super::worse(exit, Exit::Unreadable);
    }
    Ok(exit)
}

/// Which messages can be those of sends without a known outcome, and which cannot; each oldest first. A send has one
/// message, so a second one with the same content is not explained.
fn explained<'a>(
    sends: &Sends,
    messages: impl Iterator<Item = &'a Outbound>,
) -> (Vec<&'a Outbound>, Vec<&'a Outbound>) {
    let mut messages: Vec<&Outbound> = messages.collect();
    messages.sort_by_key(|message| message.at);
    let mut open: Vec<&Open> = sends.open.iter().collect();
    open.sort_by_key(|open| open.at);
    messages.into_iter().partition(|message| {
        let is_it = |open: &&Open| {
            can_be_of(open.at, message.at) && message.contents.is_some_and(|contents| contents.contains(&open.content))
        };
        open.iter().position(is_it).map(|found| open.remove(found)).is_some()
    })
}

/// Lists messages that the journal does not have, newest first.
fn write_extra(extra: &[&Outbound], out: &mut dyn Write) -> Result<()> {
    writeln!(
        out,
        "SHORTER: the journal does not have {} that 46elks has. Something else sent with this account, or the journal \
         lost them:",
        count(extra.len() as u64, "message")
    )?;
    for message in extra.iter().rev().take(LISTED) {
        writeln!(out, "          {}  {}", time(message.at), message.id)?;
    }
    if extra.len() > LISTED {
        writeln!(out, "          and {} more", extra.len() - LISTED)?;
    }
    Ok(())
}

/// The error of a page that did not come.
fn unread(trace: &Trace) -> anyhow::Error {
    match trace.exchanges.last().map(|last| &last.outcome) {
        Some(Outcome::NotSent(cause) | Outcome::Unanswered(Some(cause))) => {
            anyhow!("46elks's history could not be read: {}. {}", because(*cause), next(*cause))
        }
        _ => anyhow!("46elks's history could not be read; try again later"),
    }
}

/// The outbound messages after a time, newest first.
async fn history(settings: &Settings, after: DateTime<Utc>) -> Result<History> {
    let end = api_time(after);
    let mut history = History { messages: Vec::new(), unreadable: 0, pages: 0, is_whole: false };
    let mut start: Option<String> = None;
    let api: Arc<dyn Upstream> = Arc::new(ElksApi::new(settings.connection.clone()));
    while history.pages < MAX_PAGES {
        history.pages += 1;
        let mut parameters = vec![("limit", MAX_PAGE.to_string()), ("end", end.clone())];
        parameters.extend(start.clone().map(|start| ("start", start)));
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(&parameters).finish();
        let required = parameters.into_iter().map(|(name, value)| (name, Parameter::Exactly(value))).collect();
        let request = RequestPattern::Get { path: "/a1/sms".into(), required, optional: vec![] };
        // Each page has an egress of its own, because the trace of one call has a bound.
        let permit = Permit::new(vec![Allowed { times: 1, request }]);
        let egress = Egress::new(permit, None, Arc::clone(&settings.credentials), Arc::clone(&api));
        let target = format!("/a1/sms?{query}");
        let answered = egress.get(&target).await;
        let trace = egress.close();
        answered.map_err(|_| unread(&trace))?;
        let Some(page) = trace.exchanges.first() else { return Err(anyhow!("46elks's history could not be read")) };
        let read = each_row(page, &mut |row| {
            if row.is_outbound {
                let contents = contents(&settings.keys, row);
                history.messages.push(Outbound { id: row.id.into(), at: row.at, contents });
            }
        });
        let Some(read) = read else { return Err(anyhow!("46elks gave no list of messages; check the credentials")) };
        history.unreadable += u64::from(read.unreadable);
        history.is_whole = read.next.is_none();
        if history.is_whole || read.next == start {
            break;
        }
        start = read.next;
    }
    Ok(history)
}

/// A time, as reports spell it.
fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Sent;
    use chrono::TimeDelta;

    /// When the journal's first accepted message was sent.
    fn first() -> DateTime<Utc> {
        DateTime::from_timestamp(1_769_860_800, 0).expect("is a time")
    }

    /// A message so many seconds after the first one. The number is its content.
    fn outbound(id: &str, seconds: i64, content: u8) -> Outbound {
        let contents = Some([Hash([content; 16]), Hash([content + 100; 16])]);
        Outbound { id: id.into(), at: first() + TimeDelta::seconds(seconds), contents }
    }

    /// A whole history, newest first.
    fn whole(messages: Vec<Outbound>) -> History {
        History { messages, unreadable: 0, pages: 1, is_whole: true }
    }

    /// The accepted message `a`, the outcome `b` without its intent, and a send of this content an hour later.
    fn sends(content: u8) -> Sends {
        Sends {
            accepted: vec![Sent { seq: 2, at: first(), id: "a".into(), parts: 1, cost: None }],
            ids: ["a".into(), "b".into()].into(),
            open: vec![Open { seq: 4, at: first() + TimeDelta::hours(1), content: Hash([content; 16]) }],
        }
    }

    fn reported(sends: &Sends, history: &History) -> (Exit, String) {
        let mut out = Vec::new();
        let exit = report(sends, first(), history, &mut out).expect("can be written");
        (exit, String::from_utf8(out).expect("is text"))
    }

    #[test]
    fn a_send_without_a_known_outcome_explains_one_message_of_its_content_and_time() {
        for (seconds, content, is_explained) in [
            (3600, 7, true),
            (3600, 107, true),
            (3600 - 660, 7, true),
            (3600 - 661, 7, false),
            (3600 + 359, 7, true),
            (3600 + 360, 7, false),
            (3600, 8, false),
        ] {
            let history = whole(vec![outbound("x", seconds, 7), outbound("a", 1, 1)]);
            let (exit, text) = reported(&sends(content), &history);
            assert_eq!(exit == Exit::Whole, is_explained, "{seconds} {content}: {text}");
            assert_eq!(text.contains("1 of them is a send whose outcome"), is_explained, "{text}");
            assert!(text.contains("2 outbound messages since 2026-01-31T12:00:00Z"), "{text}");
        }
        let twice = whole(vec![outbound("y", 3602, 7), outbound("x", 3601, 7), outbound("a", 1, 1)]);
        let (exit, text) = reported(&sends(7), &twice);
        assert!(exit == Exit::Shorter && text.contains("does not have 1 message "), "{text}");
        assert!(text.contains("Z  y\n") && !text.contains("Z  x\n"), "the later one: {text}");
        let mut two = sends(7);
        two.open.push(two.open[0]);
        let (exit, text) = reported(&two, &twice);
        assert!(exit == Exit::Whole && text.contains("2 of them are sends whose outcome"), "{text}");
        assert!(text.contains("Each other one is in the journal."), "{text}");
    }

    #[test]
    fn what_46elks_has_from_before_the_journal_is_left_out() {
        let old = outbound("x", -1, 9);
        let (exit, text) = reported(&sends(7), &whole(vec![outbound("a", 1, 1), old]));
        assert!(exit == Exit::Whole && text.contains("1 outbound message since"), "{text}");
        // Its clock may be behind.
        let (exit, text) = reported(&sends(7), &whole(vec![outbound("a", -300, 1)]));
        assert!(exit == Exit::Whole && !text.contains("not there any more"), "{text}");
        let (exit, text) = reported(&sends(7), &whole(vec![outbound("x", 0, 9), outbound("a", -1, 1)]));
        assert!(exit == Exit::Shorter && text.contains("Z  x\n"), "{text}");
    }

    #[test]
    fn an_accepted_message_whose_intent_was_removed_is_in_the_journal() {
        let (exit, text) = reported(&sends(7), &whole(vec![outbound("b", 2, 9), outbound("a", 1, 1)]));
        assert!(exit == Exit::Whole && text.contains("Each of them is in the journal."), "{text}");
    }

    #[test]
    fn rows_that_cannot_be_read_are_counted_and_no_result_is_better_than_unreadable() {
        let mut history = whole(vec![outbound("a", 1, 1)]);
        history.unreadable = 2;
        let (exit, text) = reported(&sends(7), &history);
        assert!(exit == Exit::Unreadable && text.contains("2 rows of 46elks's history could not be"), "{text}");
        history.messages = vec![outbound("x", 2, 9)];
        let (exit, text) = reported(&sends(7), &history);
        assert!(exit == Exit::Shorter && text.contains("UNREADABLE: 2 rows"), "{text}");
        assert!(!text.contains("not there any more"), "an unreadable row may be the missing one: {text}");
    }

    #[test]
    fn a_message_is_missing_only_from_a_whole_history() {
        let mut history = whole(vec![outbound("b", 2, 9)]);
        let (exit, text) = reported(&sends(7), &history);
        assert!(exit == Exit::Whole && text.contains("1 message of the journal not there any more"), "{text}");
        (history.is_whole, history.pages) = (false, MAX_PAGES);
        let (exit, text) = reported(&sends(7), &history);
        assert!(exit == Exit::Whole && !text.contains("not there any more"), "{text}");
        assert!(text.contains("The history goes on after 500 pages"), "{text}");
    }
}
