//! The part of the history that a call may show, read from the pages that 46elks returned. The component searches and
//! this module counts again: it shares no code with the component's search but the rules of `sms-rules`.

use super::elks_json::Object;
use super::problem::{Lack, Problem, json, unreadable};
use crate::contract::{Direction, DirectionFilter, GetSmsMessagesRequest, Message, Status};
use elks_sandbox::Exchange;
use sms_rules::cursor::{After, Cursor};
use sms_rules::invisible::escape;
use sms_rules::limits::{DEFAULT_HISTORY_LIMIT, DEFAULT_STATISTICS_LIMIT, MAX_PAGE};
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
        Some(Self {
            start,
            end: time(&request.end).ok()?,
            to: request.to.as_deref().map(phone::e164).transpose().ok()?,
            direction: request.direction.unwrap_or(DirectionFilter::Both),
            limit: request.limit.unwrap_or(DEFAULT_HISTORY_LIMIT).clamp(1, MAX_PAGE) as usize,
            after,
        })
    }

    /// The search for the newest outbound messages.
    pub(crate) fn newest_outbound(limit: Option<u32>) -> Self {
        let limit = limit.unwrap_or(DEFAULT_STATISTICS_LIMIT).clamp(1, MAX_PAGE) as usize;
        Self { start: None, end: None, to: None, direction: DirectionFilter::Outbound, limit, after: None }
    }
}

/// The messages that a call must show.
pub(super) struct Part {
    /// The messages, newest first.
    pub(super) messages: Vec<Message>,
    /// Where to read on, when there is more.
    pub(super) next_cursor: Option<String>,
    /// Whether the search stopped before it had found enough messages and before the end of the history.
    pub(super) stopped_early: bool,
    /// How many rows could not be read.
    pub(super) unreadable: u32,
}

/// Reads the pages in the order in which they were requested. Each must begin where the one before it ended.
///
/// # Errors
/// A page is missing, is not the next one, or has no answer that can be read.
pub(super) fn read(search: &Search, pages: &[Exchange], currency: Option<&str>) -> Result<Part, Problem> {
    let mut part = Part { messages: Vec::new(), next_cursor: None, stopped_early: true, unreadable: 0 };
    let mut start = search.start.clone();
    let mut after = search.after.as_ref();
    let mut is_complete = pages.is_empty();
    if is_complete {
        return Err(Problem::NotAsked);
    }
    for page in pages {
        if is_complete || requested_start(page) != start {
            return Err(Problem::OtherPart);
        }
        let json = json(page)?;
        let object = Object::parse(&json).ok_or_else(|| unreadable(page, None))?;
        let rows = object.data.as_deref().ok_or_else(|| unreadable(page, Some(Lack::MessageList)))?;
        let valid: Vec<Message> = rows.iter().filter_map(|row| message(row.as_ref()?, currency)).collect();
        part.unreadable += u32::try_from(rows.len() - valid.len()).unwrap_or(u32::MAX);
        let mut valid = valid.into_iter();
        for message in valid.by_ref() {
            if is_before(&mut after, &message)
                || !wanted(search.direction, message.direction)
                || part.messages.iter().any(|other| other.id == message.id)
            {
                continue;
            }
            part.messages.push(message);
            if part.messages.len() == search.limit {
                break;
            }
        }
        let next = object.next.text().filter(|next| forms::is_api_time(next) && times::from_api(next).is_some());
        let is_last = !object.next.is_present();
        if part.messages.len() == search.limit {
            part.stopped_early = false;
            part.next_cursor = match (valid.next(), part.messages.last()) {
                (Some(_), Some(last)) => Some(Cursor::write(&last.created, &last.id)),
                _ => next.map(Into::into),
            };
            is_complete = true;
        } else if is_last {
            part.stopped_early = false;
            part.next_cursor = None;
            is_complete = true;
        } else if next.is_none() || next == start.as_deref() {
            // The history leads nowhere: there is no next page to ask for.
            part.next_cursor = None;
            is_complete = true;
        } else {
            start = next.map(Into::into);
            part.next_cursor.clone_from(&start);
        }
    }
    Ok(part)
}

/// The parameter `start` of a request as it left.
fn requested_start(page: &Exchange) -> Option<String> {
    let query = page.target.split_once('?').map_or("", |(_, query)| query);
    form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "start").map(|(_, start)| start.into_owned())
}

/// Whether a message stands before the end of the earlier result: it is newer, or of the same time and not after the
/// message where that result stopped.
fn is_before(after: &mut Option<&After>, message: &Message) -> bool {
    let Some(last) = *after else { return false };
    let is_before = message.created >= last.time;
    if !is_before || (message.created == last.time && message.id == last.id) {
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

/// A message of 46elks as the record of the contract; `None` when its id, direction or time is missing or has not its
/// form.
pub(super) fn message(row: &Object<'_>, currency: Option<&str>) -> Option<Message> {
    let escaped = |text: &str| escape(text).into_owned();
    let direction = match row.direction.text()? {
        "incoming" => Direction::Inbound,
        "outgoing" | "outgoing-reply" => Direction::Outbound,
        _ => return None,
    };
    Some(Message {
        id: id(row)?.into(),
        direction,
        from: escaped(row.from.text().unwrap_or(NO_PARTY)),
        to: escaped(row.to.text().unwrap_or(NO_PARTY)),
        message: row.message.text().map(escaped),
        untrusted: direction == Direction::Inbound,
        status: status(row),
        created: row.created.text().and_then(times::from_api)?,
        delivered: row.delivered.text().and_then(times::from_api),
        parts: parts(row),
        cost: row.cost.amount(),
        currency: currency.map(Into::into),
    })
}

/// The id, if it has the form of one.
pub(super) fn id<'a>(row: &'a Object<'_>) -> Option<&'a str> {
    row.id.text().filter(|id| forms::is_message_id(id))
}

/// The delivery status, if there is one.
pub(super) fn status(row: &Object<'_>) -> Option<Status> {
    row.status.text().map(|status| match status {
        "created" => Status::Created,
        "sent" => Status::Sent,
        "delivered" => Status::Delivered,
        "failed" => Status::Failed,
        _ => Status::Unknown,
    })
}

/// The number of parts, if 46elks reports one.
pub(super) fn parts(row: &Object<'_>) -> Option<u32> {
    row.parts.amount().and_then(|parts| u32::try_from(parts).ok()).filter(|parts| *parts > 0)
}
