//! All knowledge of the 46elks API: which request asks for what, and what its answers mean.
//! Pure: nothing is sent here, and nothing is tried twice.
//!
//! Source: 46elks.com/docs, and what the API was seen to answer.

use crate::bindings::exports::elks::sms::types::{Direction, Error, Message, Rejection, Status};
use crate::http::{Answer, NoAnswer, Request};
use crate::json::Object;
use crate::times;
use form_urlencoded::Serializer;
use sms_rules::forms;
use sms_rules::invisible::escape;
use sms_rules::limits::MAX_PAGE;

/// How much of an unknown error text is passed on, in characters: the known ones are one line.
const LONGEST_QUOTE: usize = 160;

/// A message to price or to send.
#[derive(Clone, Copy)]
pub(crate) struct Outgoing<'a> {
    /// Recipient in E.164 form.
    pub(crate) to: &'a str,
    /// A number in E.164 form or a text sender.
    pub(crate) from: &'a str,
    /// The text.
    pub(crate) text: &'a str,
    /// Whether to show it at once without storing it.
    pub(crate) flash: bool,
    /// Whether to check and price it only.
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
/// Times are in 46elks's own form (UTC without zone). `before` is its `start`, `after` its `end`.
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

/// `GET /a1/sms/{id}`. The id has been checked: letters and digits only.
pub(crate) fn message(id: &str) -> Request {
    Request { path: format!("/a1/sms/{id}"), form: None }
}

/// `GET /a1/me`.
pub(crate) fn account() -> Request {
    Request { path: "/a1/me".into(), form: None }
}

/// What 46elks tells of a message. Everything is optional, because everything has been missing
/// somewhere: old recordings lack status and cost, inbound messages lack status, dry runs lack id.
pub(crate) struct SmsJson(pub(crate) Object);

impl SmsJson {
    /// How many parts 46elks says that it has.
    pub(crate) fn parts(&self) -> Option<u32> {
        self.0.whole("parts").and_then(|parts| u32::try_from(parts).ok()).filter(|parts| *parts > 0)
    }

    /// The id, when there is a well-formed one.
    pub(crate) fn id(&self) -> Option<&str> {
        self.0.text("id").filter(|id| forms::is_message_id(id))
    }

    /// How far the message has come.
    pub(crate) fn status(&self) -> Option<Status> {
        self.0.text("status").map(|status| match status {
            "created" => Status::Created,
            "sent" => Status::Sent,
            "delivered" => Status::Delivered,
            "failed" => Status::Failed,
            _ => Status::Unknown,
        })
    }

    /// When 46elks took it, UTC.
    pub(crate) fn created(&self) -> Option<String> {
        self.0.text("created").and_then(times::shown)
    }

    /// What it cost, in ten-thousandths of the account's currency, all parts together.
    pub(crate) fn cost(&self) -> Option<u64> {
        self.0.whole("cost").and_then(|cost| u64::try_from(cost).ok())
    }

    /// What it would cost: only an answer to a dry run tells so.
    pub(crate) fn estimated_cost(&self) -> Option<u64> {
        self.0.whole("estimated_cost").and_then(|cost| u64::try_from(cost).ok()).or(self.cost())
    }

    /// The message in the words of the contract.
    ///
    /// # Errors
    /// When what makes a message a message is missing: id, parties, direction or time.
    pub(crate) fn message(&self, currency: Option<&str>) -> Result<Message, Error> {
        let direction = match self.0.text("direction") {
            // An automatic reply is sent from here, so it is outbound.
            Some("outgoing" | "outgoing-reply") => Some(Direction::Outbound),
            Some("incoming") => Some(Direction::Inbound),
            _ => None,
        };
        let (Some(id), Some(direction), Some(created)) = (self.id(), direction, self.created()) else {
            return Err(Error::Unexpected("46elks told of a message without a valid id, direction or time".into()));
        };
        Ok(Message {
            id: id.into(),
            direction,
            created,
            status: self.status(),
            delivered: self.0.text("delivered").and_then(times::shown),
            from: shown(self.0.text("from").unwrap_or("unknown")),
            to: shown(self.0.text("to").unwrap_or("unknown")),
            message: self.0.text("message").map(shown),
            untrusted: direction == Direction::Inbound,
            parts: self.parts(),
            cost: self.cost(),
            currency: currency.map(Into::into),
        })
    }
}

/// One page of the history.
pub(crate) struct PageJson(pub(crate) Object);

impl PageJson {
    /// What to ask for as `before` to read on: `Some(None)` when there is more, but what 46elks says
    /// is no time of its own form.
    pub(crate) fn next(&self) -> Option<Option<String>> {
        if !self.0.has("next") {
            return None;
        }
        let Some(next) = self.0.text("next") else { return Some(None) };
        Some((forms::is_api_time(next) && times::shown(next).is_some()).then(|| next.to_string()))
    }

    /// The messages that can be read, newest first, and how many cannot: one odd row must not hide
    /// the others.
    ///
    /// # Errors
    /// When there is no list of messages.
    pub(crate) fn messages(mut self, currency: Option<&str>) -> Result<(Vec<Message>, u32), Error> {
        let rows = self.0.list("data").ok_or_else(|| {
            let what = "46elks answered without a list of messages, so it is not known what the history holds";
            Error::Unexpected(format!("{what}. Nothing was sent; try again in a moment"))
        })?;
        let count = rows.len();
        let read = |row: Option<Object>| SmsJson(row?).message(currency).ok();
        let messages: Vec<Message> = rows.into_iter().filter_map(read).collect();
        let unreadable = count - messages.len();
        Ok((messages, u32::try_from(unreadable).unwrap_or(u32::MAX)))
    }
}

/// An account, or a subaccount, whose answer is another.
pub(crate) struct AccountJson(pub(crate) Object);

impl AccountJson {
    /// The name to show.
    pub(crate) fn name(&self) -> Option<String> {
        self.0.text("displayname").or(self.0.text("name")).map(shown)
    }

    /// The currency, when it is a currency's three letters.
    pub(crate) fn currency(&self) -> Option<String> {
        self.0.text("currency").filter(|currency| forms::is_currency(currency)).map(Into::into)
    }

    /// What is left, in ten-thousandths of the currency. A subaccount has none.
    pub(crate) fn balance(&self) -> Option<i64> {
        self.0.whole("balance")
    }

    /// What a subaccount has used.
    pub(crate) fn balance_used(&self) -> Option<i64> {
        self.0.whole("balanceused")
    }

    /// What a subaccount may use.
    pub(crate) fn usage_limit(&self) -> Option<i64> {
        self.0.whole("usagelimit")
    }

    /// Whether these are a subaccount's credentials: its id begins with `a`, a main account's with
    /// `u`, and it has no balance of its own.
    pub(crate) fn is_subaccount(&self) -> bool {
        self.balance().is_none()
            && (self.balance_used().is_some() || self.0.text("id").is_some_and(|id| id.starts_with('a')))
    }
}

/// What a request was for: it decides what a lost or senseless answer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To learn something; asking again does no harm.
    Ask,
    /// To send a message; asking again might send it twice.
    Send,
}

/// Reads an answer.
///
/// # Errors
/// What 46elks refused, or why the answer makes no sense. After a send, an answer that does not
/// say whether the message was taken is [`Error::OutcomeUnknown`].
pub(crate) fn read(answer: Result<Answer, NoAnswer>, purpose: Purpose) -> Result<Object, Error> {
    let answer = match answer {
        Ok(answer) => answer,
        Err(NoAnswer { may_have_arrived: true, reason }) if purpose == Purpose::Send => {
            return Err(outcome_unknown(&reason));
        }
        Err(NoAnswer { reason, .. }) => {
            return Err(Error::Unreachable(format!(
                "46elks could not be reached: {reason}. Nothing was sent; try again in a moment"
            )));
        }
    };
    let senseless = |what: &str| match purpose {
        Purpose::Send => outcome_unknown(what),
        Purpose::Ask => Error::Unexpected(format!("{what}. Nothing was sent; try again in a moment")),
    };
    match answer.status {
        200..=299 => Object::read(&answer.body).ok_or_else(|| {
            senseless(&format!("46elks answered {} with {} where data belongs", answer.status, kind(&answer.body)))
        }),
        status @ 400..=499 => Err(Error::Rejected(Rejection { status, reason: rejection(status, &answer.body) })),
        status => Err(senseless(&format!("46elks answered {status} with {}", kind(&answer.body)))),
    }
}

/// The error of a message that may or may not have been sent.
pub(crate) fn outcome_unknown(what: &str) -> Error {
    Error::OutcomeUnknown(format!(
        "it is not known whether the message was sent: {what}. Do not send it again before get_sms_messages \
         shows that it is not in the history"
    ))
}

/// What a body is, in words.
fn kind(body: &[u8]) -> &'static str {
    let body = body.trim_ascii();
    match body.first() {
        None => "an empty page",
        Some(b'<') => "an HTML page",
        Some(b'{' | b'[') => "incomplete or unfamiliar JSON",
        Some(_) => "something that is not JSON",
    }
}

/// What 46elks said when it refused, and what to do about it.
fn rejection(status: u16, body: &[u8]) -> String {
    let said = String::from_utf8_lossy(body);
    let said = said.trim();
    let has = |words: &str| said.contains(words);
    let advice = if status == 401 {
        "The API username or password is wrong: the operator must correct it"
    } else if has("Not enough credits") {
        "The account needs to be topped up at 46elks.com"
    } else if has("Invalid to number") {
        "Check the recipient's number with the user"
    } else if has("Invalid from number") {
        "Send from a number that the account owns, or from a sender name"
    } else if has("may not start with a digit") {
        "Begin the sender name with a letter"
    } else if has("disallowed by default") {
        "The account may not send to this country: its owner can ask 46elks to open it"
    } else if has("Too long") {
        "Shorten the text"
    } else if status == 404 {
        "Check the message id: this account knows no such message"
    } else if status == 429 {
        "46elks wants fewer requests: wait a minute"
    } else {
        "Correct the request, or ask 46elks's support"
    };
    format!("46elks refused ({status}): {}. {advice}", quoted(said, body))
}

/// An error text of the API, fit to be passed on: one line, visible, short, without whole numbers.
fn quoted(said: &str, body: &[u8]) -> String {
    if said.is_empty() || said.starts_with('<') {
        return kind(body).into();
    }
    let line = said.lines().next().unwrap_or(said);
    let mut quote: String = escape(line).chars().take(LONGEST_QUOTE).collect();
    if quote.chars().count() < said.chars().count() {
        quote.push('…');
    }
    mask_digits(quote.trim_end_matches('.'))
}

/// Replaces all but the first four of a long row of digits: an error names no whole number.
fn mask_digits(text: &str) -> String {
    let mut row = 0;
    text.chars()
        .map(|c| {
            row = if c.is_ascii_digit() { row + 1 } else { 0 };
            if row > 4 { '*' } else { c }
        })
        .collect()
}

/// A text from the API, fit to be shown.
fn shown(text: &str) -> String {
    escape(text).into_owned()
}

/// What fuzzing throws at the reading of answers: none may panic, and none may give back characters
/// that nobody sees.
#[cfg(fuzzing)]
pub fn fuzz(status: u16, body: Vec<u8>) {
    let answer = || Ok(Answer { status, body: body.clone() });
    let told = |error: Error| match error {
        Error::Rejected(rejection) => rejection.reason,
        Error::Invalid(text) | Error::Unreachable(text) | Error::OutcomeUnknown(text) | Error::Unexpected(text) => text,
    };
    let seen = |text: &str| assert_eq!(escape(text), text);
    match read(answer(), Purpose::Ask).map(PageJson) {
        Ok(page) => {
            for message in page.messages(None).map(|(messages, _)| messages).unwrap_or_default() {
                [message.from, message.to].iter().chain(&message.message).for_each(|text| seen(text));
            }
        }
        Err(error) => seen(&told(error)),
    }
    if let Err(error) = read(answer(), Purpose::Send) {
        seen(&told(error));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Result<Answer, NoAnswer> {
        Ok(Answer { status, body: body.into() })
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
    fn a_message_is_read_whatever_46elks_leaves_out() {
        let inbound = read(
            answer(200, r#"{"id":"s1","created":"2017-03-14T09:52:07.302000","direction":"incoming","from":"+4670","to":"+4676","new":1}"#),
            Purpose::Ask,
        )
        .map(SmsJson)
        .expect("is a message");
        let message = inbound.message(None).expect("is complete");
        assert_eq!(message.direction, Direction::Inbound);
        assert_eq!((message.status, message.cost, message.message), (None, None, None));

        let reply = read(
            answer(200, r#"{"id":"s2","created":"2017-03-14T09:52:07","direction":"outgoing-reply","status":"odd","message":"a\u202eb"}"#),
            Purpose::Ask,
        )
        .map(SmsJson)
        .expect("is a message");
        let message = reply.message(Some("SEK")).expect("is complete");
        assert_eq!((message.direction, message.status), (Direction::Outbound, Some(Status::Unknown)));
        assert_eq!(message.message.as_deref(), Some("a\\u{202e}b"));
    }

    #[test]
    fn after_a_send_a_senseless_answer_is_an_unknown_outcome() {
        for (status, body) in [(500, ""), (200, "<html>"), (200, "{\"id\":"), (302, ""), (200, "")] {
            let told = read(answer(status, body), Purpose::Send);
            assert!(matches!(told, Err(Error::OutcomeUnknown(_))), "{status} {body}");
            let told = read(answer(status, body), Purpose::Ask);
            assert!(matches!(told, Err(Error::Unexpected(_))), "{status} {body}");
        }
        let lost = || Err(NoAnswer { may_have_arrived: true, reason: "x".into() });
        assert!(matches!(read(lost(), Purpose::Send), Err(Error::OutcomeUnknown(_))));
        assert!(matches!(read(lost(), Purpose::Ask), Err(Error::Unreachable(_))));
        let never = Err(NoAnswer { may_have_arrived: false, reason: "x".into() });
        assert!(matches!(read(never, Purpose::Send), Err(Error::Unreachable(_))));
    }

    #[test]
    fn refusals_say_what_to_do_and_no_whole_number() {
        for (status, body, expected) in [
            (401, "API access requires Basic HTTP authentication.", "password is wrong"),
            (403, "Invalid to number", "Check the recipient"),
            (403, "Not enough credits on your account to send this SMS", "topped up"),
            (403, "Sending to USA is disallowed by default.", "open it"),
            (404, "Not found", "no such message"),
            (403, "<html>x", "an HTML page"),
            (403, "", "an empty page"),
            (403, "Number +46701740605 is odd\nsecond line", "+4670*******"),
        ] {
            let told = rejection(status, body.as_bytes());
            assert!(told.contains(expected), "{told}");
            assert!(!told.contains("1740605") && !told.contains("second line"), "{told}");
        }
    }
}
