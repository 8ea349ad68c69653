//! The part of the history that a call may show, read from the pages that 46elks returned. The component searches and
//! this module counts again: it shares no code with the component's search but the rules of `sms-rules`.

use super::MAX_RESULT_BYTES;
use super::elks_json::{Field, Object};
use super::problem::{Lack, Problem, json, unreadable};
use crate::contract::{Direction, DirectionFilter, GetSmsMessagesRequest, Message, Status};
use chrono::DateTime;
use elks_sandbox::Exchange;
use sms_rules::cursor::{After, Cursor};
use sms_rules::invisible::escape;
use sms_rules::limits::{DEFAULT_HISTORY_LIMIT, DEFAULT_STATISTICS_LIMIT, MAX_PAGE, MAX_PAGES};
use sms_rules::{forms, phone, times};

/// What is shown for a party that 46elks does not name.
const NO_PARTY: &str = "unknown";

/// Which part of the history a call asks for.
pub(crate) struct Search {
    /// Only messages before this time, in the form of the API.
    pub(crate) start: Option<String>,
    /// Only messages after this time, in the form of the API.
    pub(crate) end: Option<String>,
    /// Only messages to this number, in E.164 form.
    pub(crate) to: Option<String>,
    direction: DirectionFilter,
    limit: usize,
    /// Only messages that stand after this one.
    after: Option<After>,
}

impl Search {
    /// The search that a request asks for; `None` when an argument is not valid, so that nothing may leave.
    pub(crate) fn of_request(request: &GetSmsMessagesRequest) -> Option<Self> {
        let time = |text: &Option<String>| text.as_deref().map(times::to_api).transpose();
        let (start, after) = match (&request.cursor, &request.start) {
            (Some(_), Some(_)) => return None,
            (Some(cursor), None) => Cursor::parse(cursor).map(|cursor| (Some(cursor.start), cursor.after))?,
            (None, start) => (time(start).ok()?, None),
        };
        let end = time(&request.end).ok()?;
        if let (Some(start), Some(end), None) = (&start, &end, &request.cursor) {
            times::window(start, end).ok()?;
        }
        Some(Self {
            start,
            end,
            to: request.to.as_deref().map(phone::e164).transpose().ok()?,
            direction: request.direction.unwrap_or(DirectionFilter::Both),
            limit: request.limit.unwrap_or(DEFAULT_HISTORY_LIMIT).clamp(1, MAX_PAGE) as usize,
            after,
        })
    }

    /// How many messages a page has at most. Without a filter by direction every message counts, so that a page need
    /// not be larger than the limit.
    pub(crate) fn page_size(&self) -> usize {
        if self.direction == DirectionFilter::Both { self.limit } else { MAX_PAGE as usize }
    }

    /// Whether only messages from after the present time are asked for. The time is that of the responses: the clock of
    /// this machine may be wrong.
    pub(super) fn lies_ahead(&self, pages: &[Exchange]) -> bool {
        let now = pages.iter().filter_map(|page| page.date.as_deref()).find_map(api_time_of_date);
        self.end.as_ref().zip(now).is_some_and(|(end, now)| *end > now)
    }

    /// The search for the newest outbound messages.
    pub(crate) fn newest_outbound(limit: Option<u32>) -> Self {
        let limit = limit.unwrap_or(DEFAULT_STATISTICS_LIMIT).clamp(1, MAX_PAGE) as usize;
        Self { start: None, end: None, to: None, direction: DirectionFilter::Outbound, limit, after: None }
    }
}

/// The end of the second that a response was made in, in the form of the API.
fn api_time_of_date(date: &str) -> Option<String> {
    let date = DateTime::parse_from_rfc2822(date).ok()?;
    Some(date.to_utc().format("%Y-%m-%dT%H:%M:%S.999").to_string())
}

/// The messages that a call must show.
pub(super) struct Part {
    /// The messages, newest first.
    pub(super) messages: Vec<Message>,
    /// Where to read on, when there is more.
    pub(super) next_cursor: Option<String>,
    /// Whether the search stopped before it had found enough messages and before the end of the history, or 46elks did
    /// not say where the history goes on.
    pub(super) stopped_early: bool,
    /// How many rows could not be read.
    pub(super) unreadable: u32,
    /// How many rows the pages have.
    pub(super) searched: u32,
}

/// Reads the pages in the order in which they were requested. Each must begin where the one before it ended, and none
/// may be missing: a search ends when it has found enough, at the end of the history, or after [`MAX_PAGES`] pages.
///
/// # Errors
/// A page is missing, is not the next one, has no answer that can be read, or the texts are too long for a result.
pub(super) fn read(search: &Search, pages: &[Exchange]) -> Result<Part, Problem> {
    let mut part = Part { messages: Vec::new(), next_cursor: None, stopped_early: false, unreadable: 0, searched: 0 };
    let (mut start, mut after) = (search.start.clone(), search.after.as_ref());
    let (mut is_complete, mut text_bytes) = (false, 0);
    if pages.is_empty() {
        return Err(Problem::NotAsked);
    }
    for page in pages {
        if is_complete || requested_start(page) != start {
            return Err(Problem::OtherPart);
        }
        let json = json(page)?;
        let object = Object::parse(&json).ok_or_else(|| unreadable(page, None))?;
        let rows = object.data.as_deref().ok_or_else(|| unreadable(page, Some(Lack::MessageList)))?;
        part.searched = part.searched.saturating_add(u32::try_from(rows.len()).unwrap_or(u32::MAX));
        let mut has_more_rows = false;
        for row in rows {
            let Some((row, head)) = row.as_ref().and_then(|row| Some((row, Head::of(row)?))) else {
                part.unreadable = part.unreadable.saturating_add(1);
                continue;
            };
            if part.messages.len() == search.limit {
                has_more_rows = true;
                continue;
            }
            let is_known = |other: &Message| other.id == head.id;
            if is_before(&mut after, &head)
                || !wanted(search.direction, head.direction)
                || part.messages.iter().any(is_known)
            {
                continue;
            }
            text_bytes += texts_fit(row, text_bytes)?;
            part.messages.push(message(row, head));
        }
        let next = object.next.text().filter(|next| forms::is_api_time(next) && times::from_api(next).is_some());
        let goes_on = object.next.is_present();
        if part.messages.len() == search.limit {
            part.next_cursor = match part.messages.last() {
                Some(last) if has_more_rows => Some(Cursor::write(&last.created, &last.id)),
                _ => next.map(Into::into),
            };
            part.stopped_early = goes_on && part.next_cursor.is_none();
            is_complete = true;
        } else if !goes_on || next.is_none() || next == start.as_deref() {
            // The end of the history, or a page that leads nowhere.
            part.next_cursor = None;
            part.stopped_early = goes_on;
            is_complete = true;
        } else {
            start = next.map(Into::into);
            part.next_cursor.clone_from(&start);
            part.stopped_early = true;
        }
    }
    // A component that could stop at will could hide messages.
    if is_complete || pages.len() >= MAX_PAGES as usize { Ok(part) } else { Err(Problem::OtherPart) }
}

/// The parameter `start` of a request as it left.
fn requested_start(page: &Exchange) -> Option<String> {
    let query = page.target.split_once('?').map_or("", |(_, query)| query);
    form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "start").map(|(_, start)| start.into_owned())
}

/// Whether a message stands before the end of the earlier result: it is newer, or of the same time and not after the
/// message where that result stopped.
fn is_before(after: &mut Option<&After>, head: &Head<'_>) -> bool {
    let Some(last) = *after else { return false };
    let is_before = head.created >= last.time;
    if !is_before || (head.created == last.time && head.id == last.id) {
        *after = None;
    }
    is_before
}

fn wanted(filter: DirectionFilter, direction: Direction) -> bool {
    match filter {
        DirectionFilter::Both => true,
        DirectionFilter::Inbound => direction == Direction::Inbound,
        DirectionFilter::Outbound => direction == Direction::Outbound,
    }
}

/// What every message must have.
pub(super) struct Head<'a> {
    pub(super) id: &'a str,
    pub(super) direction: Direction,
    pub(super) created: String,
}

impl<'a> Head<'a> {
    /// `None` when the id, the direction or the time is missing or has not its form.
    pub(super) fn of(row: &'a Object<'_>) -> Option<Self> {
        let direction = match row.direction.text()? {
            "incoming" => Direction::Inbound,
            "outgoing" | "outgoing-reply" => Direction::Outbound,
            _ => return None,
        };
        Some(Self { id: id(row)?, direction, created: row.created.text().and_then(times::from_api)? })
    }
}

/// How many bytes the texts of a row have, which are escaped and so may grow. Those of a result, of which `before` are
/// known, have a bound.
///
/// # Errors
/// They are longer than a result may be.
pub(super) fn texts_fit(row: &Object<'_>, before: usize) -> Result<usize, Problem> {
    let texts = [&row.from, &row.to, &row.message, &row.displayname, &row.name];
    let bytes = texts.into_iter().filter_map(Field::text).map(str::len).sum();
    if before + bytes > MAX_RESULT_BYTES { Err(Problem::TooLarge) } else { Ok(bytes) }
}

/// A message of 46elks as the record of the contract.
pub(super) fn message(row: &Object<'_>, head: Head<'_>) -> Message {
    let escaped = |text: &str| escape(text).into_owned();
    Message {
        id: head.id.into(),
        direction: head.direction,
        from: escaped(row.from.text().unwrap_or(NO_PARTY)),
        to: escaped(row.to.text().unwrap_or(NO_PARTY)),
        message: row.message.text().map(escaped),
        untrusted: head.direction == Direction::Inbound,
        status: status(row),
        created: head.created,
        delivered: row.delivered.text().and_then(times::from_api),
        parts: parts(row),
        cost: row.cost.amount(),
    }
}

/// The id, if it has the form of one.
pub(super) fn id<'a>(row: &'a Object<'_>) -> Option<&'a str> {
    row.id.text().filter(|id| forms::is_message_id(id))
}

/// The delivery status, if there is one.
pub(super) fn status(row: &Object<'_>) -> Option<Status> {
    row.status.text().map(status_named)
}

/// The delivery status with a name, which is the same in the API and in results.
pub(super) fn status_named(name: &str) -> Status {
    match name {
        "created" => Status::Created,
        "sent" => Status::Sent,
        "delivered" => Status::Delivered,
        "failed" => Status::Failed,
        _ => Status::Unknown,
    }
}

/// The number of parts, if 46elks reports one.
pub(super) fn parts(row: &Object<'_>) -> Option<u32> {
    row.parts.amount().and_then(|parts| u32::try_from(parts).ok()).filter(|parts| *parts > 0)
}
