//! The 46elks API as values: the request for each purpose, and the meaning of each response. Nothing is sent or retried
//! here.
//!
//! Source: 46elks.com/docs, and observed responses of the API.

use crate::bindings::types::{Direction, Error, Message, Rejection, Status};
use crate::fetch::{FetchError, Request, Response};
use crate::json::Object;
use form_urlencoded::Serializer;
use sms_rules::invisible::escape;
use sms_rules::limits::{MAX_PAGE, MAX_QUOTE_CHARS};
use sms_rules::{forms, quote, times};
use std::borrow::Cow;

/// A message to price or to send.
#[derive(Clone, Copy)]
pub(crate) struct Outgoing<'a> {
    /// Recipient in E.164 form.
    pub(crate) to: &'a str,
    /// Sender: a number in E.164 form, or a name.
    pub(crate) from: &'a str,
    /// The text.
    pub(crate) text: &'a str,
    /// Whether the phone shows it at once without storing it.
    pub(crate) flash: bool,
    /// Whether 46elks only checks and prices it.
    pub(crate) dry_run: bool,
}

/// `POST /a1/sms`.
pub(crate) fn send(message: Outgoing<'_>) -> Request {
    let mut form = Serializer::new(String::new());
    form.append_pair("from", message.from);
    form.append_pair("to", message.to);
    form.append_pair("message", message.text);
    if message.flash {
        form.append_pair("flashsms", "yes");
    }
    if message.dry_run {
        form.append_pair("dryrun", "yes");
    }
    Request { path: "/a1/sms".into(), form: Some(form.finish()) }
}

/// `GET /a1/sms`: one page of the history, newest first.
///
/// Times are in the form of the API (UTC without zone). `before` is its parameter `start`, `after` its `end`.
pub(crate) fn history(before: Option<&str>, after: Option<&str>, to: Option<&str>, limit: u32) -> Request {
    let mut query = Serializer::new(String::new());
    query.append_pair("limit", &limit.min(MAX_PAGE).to_string());
    for (name, value) in [("start", before), ("end", after), ("to", to)] {
        if let Some(value) = value {
            query.append_pair(name, value);
        }
    }
    Request { path: format!("/a1/sms?{}", query.finish()), form: None }
}

/// `GET /a1/sms/{id}`. The caller has checked the id: letters and digits only.
pub(crate) fn message(id: &str) -> Request {
    Request { path: format!("/a1/sms/{id}"), form: None }
}

/// `GET /a1/me`.
pub(crate) fn account() -> Request {
    Request { path: "/a1/me".into(), form: None }
}

/// A message in a response. Every field is optional: old messages lack status and cost, inbound messages lack status,
/// dry runs lack an id.
pub(crate) struct SmsJson(pub(crate) Object);

impl SmsJson {
    /// The number of parts that 46elks reports.
    pub(crate) fn parts(&self) -> Option<u32> {
        self.0.parts.integer().and_then(|parts| u32::try_from(parts).ok()).filter(|parts| *parts > 0)
    }

    /// The id, when it has the form of an id.
    pub(crate) fn id(&self) -> Option<&str> {
        self.0.id.text().filter(|id| forms::is_message_id(id))
    }

    /// Whether there is an id, of whatever form.
    pub(crate) fn has_id(&self) -> bool {
        self.0.id.is_present()
    }

    /// The delivery status.
    pub(crate) fn status(&self) -> Option<Status> {
        self.0.status.text().map(|status| match status {
            "created" => Status::Created,
            "sent" => Status::Sent,
            "delivered" => Status::Delivered,
            "failed" => Status::Failed,
            _ => Status::Unknown,
        })
    }

    /// When 46elks accepted it, UTC.
    pub(crate) fn created(&self) -> Option<String> {
        self.0.created.text().and_then(times::from_api)
    }

    /// The cost of all parts together, in ten-thousandths of the account's currency.
    pub(crate) fn cost(&self) -> Option<u64> {
        self.0.cost.amount()
    }

    /// The price of all parts together. Only the response to a dry run has it.
    pub(crate) fn estimated_cost(&self) -> Option<u64> {
        self.0.estimated_cost.amount().or(self.cost())
    }

    /// The message as the record of the contract.
    ///
    /// # Errors
    /// Id, direction or time is missing or invalid.
    pub(crate) fn message(self) -> Result<Message, Error> {
        let direction = match self.0.direction.text() {
            // An automatic reply is sent by the account, so it is outbound.
            Some("outgoing" | "outgoing-reply") => Some(Direction::Outbound),
            Some("incoming") => Some(Direction::Inbound),
            _ => None,
        };
        let (Some(id), Some(direction), Some(created)) = (self.id(), direction, self.created()) else {
            return Err(Error::Unexpected("46elks reported a message without a valid id, direction or time".into()));
        };
        Ok(Message {
            id: id.into(),
            direction,
            created,
            status: self.status(),
            delivered: self.0.delivered.text().and_then(times::from_api),
            untrusted: direction == Direction::Inbound,
            parts: self.parts(),
            cost: self.cost(),
            from: self.0.from.into_text().map_or("unknown".into(), escaped),
            to: self.0.to.into_text().map_or("unknown".into(), escaped),
            message: self.0.message.into_text().map(escaped),
        })
    }
}

/// One page of the history.
pub(crate) struct PageJson(pub(crate) Object);

impl PageJson {
    /// The value of `before` for the next page. `None` at the end of the history; `Some(None)` when there is more, but
    /// 46elks does not give a time to continue at.
    pub(crate) fn next(&self) -> Option<Option<String>> {
        if !self.0.next.is_present() {
            return None;
        }
        let Some(next) = self.0.next.text() else { return Some(None) };
        Some((forms::is_api_time(next) && times::from_api(next).is_some()).then(|| next.to_string()))
    }

    /// The readable messages, newest first, and the number of unreadable rows: one such row must not hide the others.
    ///
    /// # Errors
    /// There is no list of messages.
    pub(crate) fn messages(self) -> Result<(Vec<Message>, u32), Error> {
        let no_list = || Error::Unexpected("46elks answered without a list of messages".into());
        let rows = self.0.data.into_list().ok_or_else(no_list)?;
        let (mut messages, mut unreadable) = (Vec::with_capacity(rows.len()), 0);
        for row in rows {
            match row.and_then(|row| SmsJson(row).message().ok()) {
                Some(message) => messages.push(message),
                None => unreadable += 1,
            }
        }
        Ok((messages, unreadable))
    }
}

/// An account or a subaccount in a response.
pub(crate) struct AccountJson(pub(crate) Object);

impl AccountJson {
    /// The display name, or the name.
    pub(crate) fn name(&self) -> Option<String> {
        self.0.displayname.text().or(self.0.name.text()).map(|name| escape(name).into_owned())
    }

    /// The currency, when it has the form of one.
    pub(crate) fn currency(&self) -> Option<String> {
        self.0.currency.text().filter(|currency| forms::is_currency(currency)).map(Into::into)
    }

    /// The balance, in ten-thousandths of the currency. A subaccount has none.
    pub(crate) fn balance(&self) -> Option<i64> {
        self.0.balance.integer()
    }

    /// How far the balance may go below zero, in ten-thousandths of the currency.
    pub(crate) fn credit_limit(&self) -> Option<i64> {
        self.0.creditlimit.integer()
    }

    /// Whether the account pays by invoice.
    pub(crate) fn is_invoiced(&self) -> bool {
        self.0.invoicing.text() == Some("yes")
    }

    /// What a subaccount has used, in ten-thousandths of the main account's currency.
    pub(crate) fn balance_used(&self) -> Option<i64> {
        self.0.balanceused.integer()
    }

    /// What a subaccount may use, in ten-thousandths of the main account's currency.
    pub(crate) fn usage_limit(&self) -> Option<i64> {
        self.0.usagelimit.integer()
    }

    /// Whether the credentials are those of a subaccount. Its id begins with `a` (a main account's with `u`), and it
    /// has no balance of its own.
    pub(crate) fn is_subaccount(&self) -> bool {
        self.balance().is_none()
            && (self.balance_used().is_some() || self.0.id.text().is_some_and(|id| id.starts_with('a')))
    }
}

/// The purpose of a request. It decides what a lost or invalid response means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To read something: repeating it does no harm.
    Query,
    /// To send a message: repeating it might send it twice.
    Send,
}

/// Reads a response.
///
/// # Errors
/// A refusal of 46elks, or a response that is lost or invalid. After a send, a response that does not say whether the
/// message was accepted is [`Error::OutcomeUnknown`].
pub(crate) fn read(fetched: Result<Response, FetchError>, purpose: Purpose) -> Result<Object, Error> {
    let response = match fetched {
        Ok(response) => response,
        Err(FetchError { may_have_arrived: true, reason }) if purpose == Purpose::Send => {
            return Err(Error::OutcomeUnknown(reason));
        }
        Err(FetchError { reason, .. }) => return Err(Error::Unreachable(reason)),
    };
    let invalid = |what: String| match purpose {
        Purpose::Send => Error::OutcomeUnknown(what),
        Purpose::Query => Error::Unexpected(what),
    };
    match response.status {
        200..=299 => Object::parse(&response.body)
            .ok_or_else(|| invalid(format!("46elks answered {} without the data of an object", response.status))),
        status @ 400..=499 => Err(Error::Rejected(Rejection { status, reason: reason(&response.body) })),
        status => Err(invalid(format!("46elks answered {status}"))),
    }
}

/// The reason of a refusal in the words of 46elks: one line, at most [`MAX_QUOTE_CHARS`] long, without whole numbers.
/// Empty when 46elks gave none, or a page.
fn reason(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let line = text.trim().lines().next().filter(|line| !line.starts_with('<')).unwrap_or_default();
    quote::mask_numbers(&quote::one_line(line, MAX_QUOTE_CHARS))
}

/// A text of the API, with invisible characters escaped.
fn escaped(text: String) -> String {
    match escape(&text) {
        Cow::Owned(escaped) => escaped,
        Cow::Borrowed(_) => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(status: u16, body: &str) -> Result<Response, FetchError> {
        Ok(Response { status, body: body.into() })
    }

    #[test]
    fn a_message_becomes_the_form_that_46elks_reads() {
        let message = Outgoing { to: "+46701740605", from: "Elks", text: "Hej & hå + 1", flash: true, dry_run: true };
        assert_eq!(
            send(message).form.as_deref(),
            Some("from=Elks&to=%2B46701740605&message=Hej+%26+h%C3%A5+%2B+1&flashsms=yes&dryrun=yes")
        );
        let plain = send(Outgoing { flash: false, dry_run: false, ..message });
        assert_eq!(plain.form.as_deref(), Some("from=Elks&to=%2B46701740605&message=Hej+%26+h%C3%A5+%2B+1"));
    }

    #[test]
    fn history_asks_only_for_what_46elks_knows() {
        assert_eq!(history(None, None, None, 500).path, "/a1/sms?limit=100");
        assert_eq!(
            history(Some("2026-01-01T00:00:00.000"), None, Some("+46701740605"), 10).path,
            "/a1/sms?limit=10&start=2026-01-01T00%3A00%3A00.000&to=%2B46701740605"
        );
    }

    #[test]
    fn a_message_is_read_although_46elks_leaves_fields_out() {
        let inbound = read(
            response(200, r#"{"id":"s1","created":"2017-03-14T09:52:07.302000","direction":"incoming","from":"+4670","to":"+4676","new":1}"#),
            Purpose::Query,
        )
        .map(SmsJson)
        .expect("is a message");
        let message = inbound.message().expect("is complete");
        assert_eq!(message.direction, Direction::Inbound);
        assert_eq!((message.status, message.cost, message.message), (None, None, None));

        let reply = read(
            response(200, r#"{"id":"s2","created":"2017-03-14T09:52:07","direction":"outgoing-reply","status":"odd","message":"a\u202eb"}"#),
            Purpose::Query,
        )
        .map(SmsJson)
        .expect("is a message");
        let message = reply.message().expect("is complete");
        assert_eq!((message.direction, message.status), (Direction::Outbound, Some(Status::Unknown)));
        assert_eq!(message.message.as_deref(), Some("a\\u{202e}b"));
    }

    #[test]
    fn after_a_send_a_senseless_answer_is_an_unknown_outcome() {
        for (status, body) in [(500, ""), (200, "<html>"), (200, "{\"id\":"), (302, ""), (200, "")] {
            let failed = read(response(status, body), Purpose::Send);
            assert!(matches!(failed, Err(Error::OutcomeUnknown(_))), "{status} {body}");
            let failed = read(response(status, body), Purpose::Query);
            assert!(matches!(failed, Err(Error::Unexpected(_))), "{status} {body}");
        }
        let lost = || Err(FetchError { may_have_arrived: true, reason: "x".into() });
        assert!(matches!(read(lost(), Purpose::Send), Err(Error::OutcomeUnknown(_))));
        assert!(matches!(read(lost(), Purpose::Query), Err(Error::Unreachable(_))));
        let never = Err(FetchError { may_have_arrived: false, reason: "x".into() });
        assert!(matches!(read(never, Purpose::Send), Err(Error::Unreachable(_))));
    }

    #[test]
    fn the_reason_of_a_refusal_is_one_line_without_whole_numbers() {
        for (body, expected) in [
            ("Invalid to number", "Invalid to number"),
            ("<html>x", ""),
            ("", ""),
            ("Number +46701740605 is odd\nsecond line", "Number +4670******* is odd"),
        ] {
            let failed = read(response(403, body), Purpose::Send).err();
            let Some(Error::Rejected(Rejection { status: 403, reason })) = failed else { panic!("{failed:?}") };
            assert_eq!(reason, expected);
        }
    }
}
