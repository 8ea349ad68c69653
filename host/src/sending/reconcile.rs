//! A look into 46elks's history for a message whose outcome is unknown. The host reads it by itself: a component that
//! lied about the history would cause a second message.
//!
//! The message is absent only if the history shows all of this: its pages cover the attempt and the day before, a
//! message that the ledger knows to be sent is in them, and no message that may be this one. The reasons: an account
//! may keep no history, 46elks may store a text or a sender in another spelling, and the clock may have been wrong at
//! the attempt.

use super::Sending;
use super::admission::status_name;
use super::draft::Draft;
use crate::ledger::{Accepted, Book, By, Content, Entry, Hash, Keys, Outcome, State, Unavailable};
use crate::verdict::rows::{Row, each_row};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use elks_sandbox::{Allowed, Egress, Exchange, Parameter, Permit, RequestPattern};
use sms_rules::limits::{MAX_PAGE, MAX_PAGES};
use sms_rules::phone::is_e164;
use std::sync::Arc;

/// How long before the attempt a message of this attempt can be dated, at most: the clocks may differ by five minutes,
/// and the ledger's time may be five minutes ahead of the clock.
pub(crate) const BEFORE: TimeDelta = TimeDelta::minutes(11);

/// How long after the attempt a message of this attempt can be dated, at most. A call lasts 30 s; the rest is for
/// clocks that differ.
const AFTER: TimeDelta = TimeDelta::minutes(6);

/// How far before the attempt the history must be read: a wrong clock may have dated the attempt too late.
const COVERED: TimeDelta = TimeDelta::hours(24);

/// A message to the same recipient that was sent at most so long before or after the attempt, and belongs to no other
/// send of the ledger, leaves the outcome open.
const AROUND: TimeDelta = TimeDelta::minutes(30);

/// How long after an attempt its message may be missing from the history without being absent: the ledger's time may
/// jump by ten minutes within what is tolerated, and the history may lag.
const FRESH: TimeDelta = TimeDelta::minutes(12);

/// What the history says about an attempt.
#[derive(Debug)]
pub(crate) enum Finding {
    /// The message is there.
    Found {
        /// What 46elks says about it.
        accepted: Accepted,
        /// Whether the ledger could record it.
        recorded: Result<(), Unavailable>,
    },
    /// The history covers the time of the attempt and the day before, shows another message that was sent, and not this
    /// one.
    Absent,
    /// The history may not show the message yet. It can be asked again after so many seconds.
    TooEarly(u64),
    /// The history does not say.
    Open,
}

/// The requests that a look may cause.
pub(crate) fn permit() -> Permit {
    let required = vec![("limit", Parameter::Exactly(MAX_PAGE.to_string())), ("start", Parameter::Time)];
    let request = RequestPattern::Get { path: "/a1/sms".into(), required, optional: vec![] };
    Permit::new(vec![Allowed { times: MAX_PAGES, request }])
}

/// Looks for the message of an entry, and records what it finds.
///
/// # Errors
/// The ledger cannot be used.
pub(crate) async fn reconcile(
    sending: &Arc<Sending>,
    entry: &Entry,
    draft: &Draft,
    egress: &Egress,
) -> Result<Finding, Unavailable> {
    let (of, at, redated) = (entry.seq, entry.at, entry.redated);
    let mut start = Some(api_time(at + AROUND));
    let (mut pages, mut seen) = (0, Seen::default());
    while let Some(from) = start.take().filter(|_| pages < MAX_PAGES) {
        pages += 1;
        let target = format!("/a1/sms?limit={MAX_PAGE}&start={}", form_encoded(&from));
        if egress.get(&target).await.is_err() {
            break;
        }
        let Some(page) = egress.newest() else { break };
        // Before anything is concluded from times, it must be known whether the clock is wrong.
        sending.note_time(page.date.as_deref());
        // Who sends in this process still may: a clock that was set says nothing about that.
        let is_held = sending.holds(of);
        let (keys, to, content) = (Arc::clone(&sending.settings.keys), draft.to.clone(), draft.content);
        let judge_it = move |book: &mut Book<'_>| {
            let fresh_for = if is_held { FRESH } else { at + FRESH - book.now() };
            let attempt = Attempt { of, at, to: &to, content, fresh_for, redated };
            (judge(book.state(), &attempt, &keys, &mut seen, &page), seen)
        };
        let judged;
        (judged, seen) = sending.with_state(judge_it).await?;
        match judged {
            Judged::Found(accepted) => {
                let recorded = sending.record(of, Outcome::Accepted(accepted.clone()), By::History).await;
                return Ok(Finding::Found { accepted, recorded });
            }
            Judged::Absent => {
                sending.record(of, Outcome::NotLeft, By::History).await?;
                return Ok(Finding::Absent);
            }
            Judged::TooEarly(seconds) => return Ok(Finding::TooEarly(seconds)),
            Judged::Open => return Ok(Finding::Open),
            Judged::ReadOn(next) => start = Some(next).filter(|next| *next != from),
        }
    }
    Ok(Finding::Open)
}

/// What the ledger has of a message with the contents of a row, as no flash and as a flash: the history does not say
/// which it was. Nothing if the row does not have them all.
pub(crate) fn contents(keys: &Keys, row: &Row<'_>) -> Option<[Hash; 2]> {
    let (to, from, text) = (row.to?, row.from?, row.message?);
    Some([false, true].map(|flash| keys.content(&Content { to, from, flash, text })))
}

/// Whether a message that is dated so can be that of an attempt.
pub(crate) fn can_be_of(attempt: DateTime<Utc>, dated: DateTime<Utc>) -> bool {
    (attempt - BEFORE..attempt + AFTER).contains(&dated)
}

/// What the pages have shown so far.
#[derive(Clone, Copy, Default)]
struct Seen {
    /// A message that the ledger knows, as it was sent.
    control: bool,
    /// The time that must be read.
    covered: bool,
    /// A message that may be the one that is looked for.
    alike: bool,
}

/// What the pages say so far.
enum Judged {
    Found(Accepted),
    Absent,
    TooEarly(u64),
    Open,
    /// Nothing yet: older messages must be read, from this time on.
    ReadOn(String),
}

/// An attempt whose outcome is not known.
struct Attempt<'a> {
    /// The number of its intent.
    of: u64,
    /// When it was made.
    at: DateTime<Utc>,
    /// Its recipient.
    to: &'a str,
    /// Its content.
    content: Hash,
    /// For how long the history may not show it yet; negative when it must.
    fresh_for: TimeDelta,
    /// Whether a wrong clock dated it, so that nobody knows how long before `at` it was made.
    redated: bool,
}

/// Reads the next page.
fn judge(state: &State, attempt: &Attempt<'_>, keys: &Keys, seen: &mut Seen, page: &Exchange) -> Judged {
    let Attempt { of, at, to, content, fresh_for, redated } = *attempt;
    let mut found = None;
    let end = each_row(page, &mut |row| {
        let contents = contents(keys, row);
        let has = |content: Hash| contents.is_some_and(|contents| contents.contains(&content));
        let owner = state.owner_of(row.id);
        // A known message shows that this history has messages as they were sent.
        let known = owner.and_then(|owner| state.entry(owner));
        seen.control |= known.is_some_and(|entry| has(entry.intent.content));
        seen.covered |= row.at < at - COVERED;
        if !row.is_outbound || owner.is_some_and(|owner| owner != of) {
            return;
        }
        let is_it = has(content);
        if is_it && can_be_of(at, row.at) {
            found.get_or_insert_with(|| accepted(row));
        }
        // It may be the message, in another spelling or dated by a wrong clock. Something else may have sent it, too.
        let may_be_it = row.to == Some(to) || !row.to.is_some_and(is_e164) || contents.is_none();
        seen.alike |= is_it || (may_be_it && (at - AROUND..at + AROUND).contains(&row.at));
    });
    if let Some(accepted) = found {
        return Judged::Found(accepted);
    }
    // The message may be in a row or on a page that cannot be read.
    let Some(end) = end.filter(|end| end.unreadable == 0) else { return Judged::Open };
    seen.covered |= end.next.is_none();
    match end.next {
        Some(next) if !seen.covered => Judged::ReadOn(next),
        _ if seen.alike || redated => Judged::Open,
        _ if fresh_for > TimeDelta::zero() => {
            Judged::TooEarly(fresh_for.num_milliseconds().unsigned_abs().div_ceil(1000))
        }
        _ if seen.control => Judged::Absent,
        Some(next) => Judged::ReadOn(next),
        None => Judged::Open,
    }
}

/// A row as the outcome of a send.
fn accepted(row: &Row<'_>) -> Accepted {
    Accepted {
        id: row.id.into(),
        status: row.status.map(status_name),
        created: Some(row.at.to_rfc3339_opts(SecondsFormat::Millis, true)),
        parts: row.parts.unwrap_or(1).into(),
        cost: row.cost,
    }
}

/// A time in the form of the API.
pub(crate) fn api_time(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%S%.6f").to_string()
}

/// A parameter of a query in the form that the permit takes.
fn form_encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Clock, TestClock};
    use crate::ledger::{Event, Ledger};
    use crate::sending::draft::tests::draft;
    use elks_sandbox::Outcome as Answer;
    use serde_json::{Value, json};
    use std::time::Duration;

    const CONTROL: &str = "s00000000000000000000000000000001";
    const FOUND: &str = "s00000000000000000000000000000002";

    /// A row of the history, so many seconds after the attempt.
    fn row(id: &str, seconds: i64, text: &str) -> Value {
        let at = TestClock::new().now() + TimeDelta::seconds(3600 + seconds);
        json!({"id": id, "direction": "outgoing", "created": api_time(at), "to": "+46701740605",
               "from": "+46766861004", "message": text, "parts": 1, "cost": 5200, "status": "delivered"})
    }

    fn page(rows: &[Value], next: Option<&str>) -> Exchange {
        let body = json!({"data": rows, "next": next}).to_string();
        Exchange {
            method: http::Method::GET,
            target: "/a1/sms".into(),
            body: bytes::Bytes::new(),
            sends: false,
            outcome: Answer::Answered(200, body.into()),
            date: None,
        }
    }

    /// What pages say about a message that was tried an hour after another one was accepted.
    fn judged(pages: &[Exchange]) -> String {
        judged_as(TimeDelta::zero(), false, pages)
    }

    fn judged_as(fresh_for: TimeDelta, redated: bool, pages: &[Exchange]) -> String {
        let clock = Arc::new(TestClock::new());
        let ledger = Ledger::in_memory(Arc::clone(&clock) as Arc<dyn Clock>);
        let intend = |text| {
            let intent = Event::Intent(draft("+46701740605", text, None).intent());
            ledger.with(|book| book.append(intent)).expect("can be used").expect("is recorded")
        };
        let first = intend("control");
        let accepted = Accepted { id: CONTROL.into(), status: None, created: None, parts: 1, cost: None };
        ledger.settle(first, Outcome::Accepted(accepted), By::Answer).expect("is recorded");
        clock.advance(Duration::from_secs(3600));
        let (of, at) = (intend("Hej"), clock.now());
        let settings = crate::config::Settings::read(&crate::config::Variables::default(), true).expect("are valid");
        let content = draft("+46701740605", "Hej", None).content;
        let attempt = Attempt { of, at, to: "+46701740605", content, fresh_for, redated };
        let mut seen = Seen::default();
        let mut judge_it = |page| {
            ledger.with(|book| judge(book.state(), &attempt, &settings.keys, &mut seen, page)).expect("can be used")
        };
        let mut judged = None;
        for page in pages {
            // Only a page that leads on is followed by another.
            assert!(judged.is_none() || matches!(judged, Some(Judged::ReadOn(_))));
            judged = Some(judge_it(page));
        }
        match judged.expect("there is a page") {
            Judged::Found(accepted) => format!("found {}", accepted.id),
            Judged::Absent => "absent".into(),
            Judged::TooEarly(seconds) => format!("in {seconds} seconds"),
            Judged::Open => "open".into(),
            Judged::ReadOn(next) => format!("read on from {next}"),
        }
    }

    #[test]
    fn a_message_is_found_by_its_content_and_time() {
        let control = row(CONTROL, -3600, "control");
        let found = format!("found {FOUND}");
        for (rows, expected) in [
            (vec![row(FOUND, 1, "Hej"), control.clone()], found.as_str()),
            (vec![row(FOUND, 1, " Hej\r\n"), control.clone()], &found),
            (vec![row(FOUND, -659, "Hej"), control.clone()], &found),
            (vec![row(FOUND, 359, "Hej"), control.clone()], &found),
            (vec![row(FOUND, -661, "Hej"), control.clone()], "open"),
            (vec![row(FOUND, 361, "Hej"), control.clone()], "open"),
            (vec![row(FOUND, -80_000, "Hej"), control.clone()], "open"),
            (vec![row(FOUND, 1, "Hej!"), control.clone()], "open"),
            (vec![row(FOUND, -1800, "Hej!"), control.clone()], "open"),
            (vec![row(FOUND, -1801, "Hej!"), control.clone()], "absent"),
            (vec![row(CONTROL, 1, "Hej"), control.clone()], "absent"),
        ] {
            assert_eq!(judged(&[page(&rows, None)]), expected, "{rows:?}");
        }
        let mut inbound = row(FOUND, 1, "Hej");
        inbound["direction"] = "incoming".into();
        assert_eq!(judged(&[page(&[inbound, control], None)]), "absent", "somebody else wrote it");
    }

    #[test]
    fn a_message_is_absent_only_if_the_history_shows_what_it_must() {
        let control = row(CONTROL, -3600, "control");
        let mut other = row(FOUND, 1, "Hej");
        other["to"] = "+46701740606".into();
        assert_eq!(judged(&[page(&[], None)]), "open", "an account may keep no history");
        assert_eq!(judged(&[page(std::slice::from_ref(&other), None)]), "open", "no message of the ledger is there");
        let next = api_time(TestClock::new().now());
        let on = format!("read on from {next}");
        assert_eq!(judged(&[page(std::slice::from_ref(&other), Some(&next))]), on);
        assert_eq!(judged(&[page(&[], Some(&next)), page(std::slice::from_ref(&control), None)]), "absent");
        let read = [page(&[other.clone(), control.clone()], None)];
        assert_eq!(judged_as(TimeDelta::milliseconds(6_001), false, &read), "in 7 seconds");
        assert_eq!(judged_as(TimeDelta::zero(), true, &read), "open", "a wrong clock dated the attempt");
        let found = [page(&[row(FOUND, 1, "Hej")], None)];
        assert_eq!(judged_as(TimeDelta::seconds(200), true, &found), format!("found {FOUND}"));
        assert_eq!(judged(&[page(&[other.clone(), control.clone()], None)]), "absent");
        assert_eq!(judged(&[page(&[other.clone(), json!({"id": 5}), control.clone()], None)]), "open");
        for (field, value) in [("to", json!(null)), ("to", json!("46701740606")), ("message", json!(null))] {
            let mut hidden = other.clone();
            hidden[field] = value;
            assert_eq!(judged(&[page(&[hidden, control.clone()], None)]), "open", "{field} cannot be compared");
        }
        let mut unlike = control.clone();
        unlike["message"] = "Control".into();
        assert_eq!(judged(&[page(&[unlike], None)]), "open", "the known message is not shown as it was sent");
        let mut broken = page(&[control], None);
        broken.outcome = Answer::Answered(200, r#"{"data": [], "next": 5}"#.into());
        assert_eq!(judged(&[broken.clone()]), "open");
        broken.outcome = Answer::Answered(503, "{}".into());
        assert_eq!(judged(&[broken]), "open");
    }
}
