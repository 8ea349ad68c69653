//! A page of the history as the host itself reads it: each row as it stands, not escaped and not searched.

use super::elks_json::Object;
use super::history::{self, Head};
use super::problem::json;
use crate::contract::{Direction, Status};
use chrono::{DateTime, Utc};
use elks_sandbox::Exchange;
use sms_rules::forms::is_api_time;

/// A message of the history. It has no Debug form, because it holds numbers and a text.
pub(crate) struct Row<'a> {
    /// The id at 46elks.
    pub(crate) id: &'a str,
    /// Whether the account sent it.
    pub(crate) is_outbound: bool,
    /// When 46elks accepted or received it.
    pub(crate) at: DateTime<Utc>,
    /// The recipient, as it was sent.
    pub(crate) to: Option<&'a str>,
    /// The sender, as it was sent.
    pub(crate) from: Option<&'a str>,
    /// The text, as it was sent.
    pub(crate) message: Option<&'a str>,
    /// The delivery status.
    pub(crate) status: Option<Status>,
    /// How many parts it was billed as.
    pub(crate) parts: Option<u32>,
    /// Its cost, in ten-thousandths of the account's currency.
    pub(crate) cost: Option<u64>,
}

/// How a page ends.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct End {
    /// Where older messages begin; `None` at the end of the history.
    pub(crate) next: Option<String>,
    /// How many rows could not be read.
    pub(crate) unreadable: u32,
}

/// Shows each row of a page, newest first. `None` when the page cannot be read, or does not say where the history goes
/// on.
pub(crate) fn each_row(page: &Exchange, show: &mut dyn FnMut(&Row<'_>)) -> Option<End> {
    let json = json(page).ok()?;
    let object = Object::parse(&json)?;
    let mut end = End { next: None, unreadable: 0 };
    for row in object.data.as_deref()? {
        let read = row.as_ref().and_then(|row| {
            let head = Head::of(row)?;
            let at = DateTime::parse_from_rfc3339(&head.created).ok()?.with_timezone(&Utc);
            Some((row, head, at))
        });
        let Some((row, head, at)) = read else {
            end.unreadable = end.unreadable.saturating_add(1);
            continue;
        };
        show(&Row {
            id: head.id,
            is_outbound: head.direction == Direction::Outbound,
            at,
            to: row.to.text(),
            from: row.from.text(),
            message: row.message.text(),
            status: history::status(row),
            parts: history::parts(row),
            cost: row.cost.amount(),
        });
    }
    end.next = object.next.text().filter(|next| is_api_time(next)).map(Into::into);
    if object.next.is_present() && end.next.is_none() { None } else { Some(end) }
}
