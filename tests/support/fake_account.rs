//! An account behind the fake 46elks that remembers the messages it accepted and shows them in its history, with ids
//! and times of their own. What 46elks is known to do and what is a choice of ours: see `page`.
//!
//! Not here: the server (`fake_elks.rs`), and the form of answers (`answers.rs`).

use super::answers::{self, PRICE};
use super::fake_elks::{FakeElks, Hold, Reaction, Received};
use super::merged;
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use elks_mcp::clock::{Clock, SystemClock};
use http::header::{CONNECTION, DATE};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

/// The most messages on a page of the history.
const MAX_PAGE: usize = 100;

/// The account. A test reads and changes it while programs use it.
pub struct FakeAccount {
    /// Where the answers to messages wait while a test holds them. The messages are then sent, and nobody knows it.
    pub answers_to_sends: Hold,
    behaviour: Mutex<Behaviour>,
    /// What was accepted, oldest first, with the time as 46elks stores it.
    messages: Mutex<Vec<(NaiveDateTime, Value)>>,
}

/// How the account answers.
pub struct Behaviour {
    /// How far 46elks's clock is ahead of this machine's.
    pub clock: TimeDelta,
    /// Whether answers have a `Date`.
    pub dated: bool,
    /// Whether each answer closes its connection, so that each request needs a new one.
    pub closing: bool,
    /// `estimated_cost` of dry runs, in ten-thousandths of the currency, or none.
    pub estimated_cost: Option<i64>,
    /// `cost` of messages, likewise.
    pub cost: Option<i64>,
    /// Whether the history shows messages. An account may be set to keep none.
    pub keeps_history: bool,
    /// What becomes of messages.
    pub sends: Sends,
}

/// What becomes of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sends {
    /// They are accepted and answered.
    Accepted,
    /// They are refused with status 403.
    Refused,
    /// They are accepted, and the connection ends without the answer.
    Unanswered,
    /// They are lost, and the connection ends without an answer.
    Lost,
}

impl FakeAccount {
    pub fn new() -> Arc<Self> {
        let behaviour = Behaviour {
            clock: TimeDelta::zero(),
            dated: true,
            closing: false,
            estimated_cost: Some(PRICE),
            cost: Some(PRICE),
            keeps_history: true,
            sends: Sends::Accepted,
        };
        let (behaviour, messages) = (Mutex::new(behaviour), Mutex::default());
        Arc::new(Self { answers_to_sends: Hold::default(), behaviour, messages })
    }

    /// A server for it.
    pub fn server(self: &Arc<Self>) -> FakeElks {
        let account = Arc::clone(self);
        FakeElks::answering_everything(move |request| account.react(request))
    }

    /// Changes how it answers.
    pub fn set(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut self.behaviour.lock().unwrap());
    }

    /// All messages that it sent or received, oldest first, as the history shows them.
    pub fn messages(&self) -> Vec<Value> {
        self.messages.lock().unwrap().iter().map(|(_, message)| message.clone()).collect()
    }

    /// Puts a message into the history that none of our programs sent, `age` ago. It must be newer than all others.
    pub fn add(&self, age: TimeDelta, message: &Value) -> Value {
        self.store(self.now() - age, message)
    }

    /// All its messages become older: time passes.
    pub fn pass(&self, time: TimeDelta) {
        for (at, message) in self.messages.lock().unwrap().iter_mut() {
            *at -= time;
            message["created"] = json!(at.format("%Y-%m-%dT%H:%M:%S%.6f").to_string());
        }
    }

    /// What it does with a request. An answer to a message may be held, which blocks the thread.
    pub fn react(&self, request: &Received) -> Reaction {
        let sends = self.behaviour.lock().unwrap().sends;
        if request.is_send() && sends != Sends::Accepted {
            if sends == Sends::Unanswered {
                self.message(request);
            }
            return if sends == Sends::Refused { Reaction::text(403, "Refused") } else { Reaction::HangUp };
        }
        let answer = match (request.method.as_str(), request.path.split('?').next().unwrap_or_default()) {
            ("GET", "/a1/me") => Reaction::json(&answers::account()),
            ("GET", "/a1/sms") => self.page(request),
            ("POST", "/a1/sms") => Reaction::json(&self.message(request)),
            ("GET", path) => self.one(path),
            _ => Reaction::text(404, "Not found"),
        };
        if request.is_send() {
            self.answers_to_sends.pass();
        }
        let behaviour = self.behaviour.lock().unwrap();
        let (dated, closing, now) = (behaviour.dated, behaviour.closing, SystemClock.now() + behaviour.clock);
        let answer = if closing { answer.with_header(CONNECTION, "close") } else { answer };
        if dated { answer.with_header(DATE, &http_date(now)) } else { answer }
    }

    fn now(&self) -> DateTime<Utc> {
        SystemClock.now() + self.behaviour.lock().unwrap().clock
    }

    /// Accepts a message, or prices one.
    fn message(&self, request: &Received) -> Value {
        let (estimated_cost, cost) = {
            let behaviour = self.behaviour.lock().unwrap();
            (behaviour.estimated_cost, behaviour.cost)
        };
        if request.is_dry_run() {
            return with_price(answers::dry_run(request), "estimated_cost", estimated_cost);
        }
        self.store(self.now(), &with_price(answers::accepted(request), "cost", cost))
    }

    /// Stores a message, with an id of its own and a time that no other has. The answer to it has microseconds; the
    /// history then has milliseconds.
    fn store(&self, at: DateTime<Utc>, message: &Value) -> Value {
        let mut messages = self.messages.lock().unwrap();
        let after_last = messages.last().map(|(last, _)| *last + TimeDelta::milliseconds(1));
        let at = after_last.map_or(at.naive_utc(), |after_last| after_last.max(at.naive_utc()));
        let stored = at.and_utc().timestamp_millis();
        let stored = DateTime::from_timestamp_millis(stored).unwrap().naive_utc();
        // With a letter, as nearly all have: an id of decimal digits is not recorded.
        let id = format!("s{:031x}a", messages.len() + 1);
        let numbered = |at: NaiveDateTime| {
            let created = at.format("%Y-%m-%dT%H:%M:%S%.6f").to_string();
            merged(message.clone(), &json!({"id": id, "created": created}))
        };
        messages.push((stored, numbered(stored)));
        numbered(at)
    }

    /// A page of the history, newest first. `start` is only before, `end` only after, `next` is the `start` of the next
    /// page. Choices of ours: both bounds are exclusive, and a bound that is no time is refused.
    fn page(&self, request: &Received) -> Reaction {
        let bound = |name: &str| request.parameter(name).map(|text| time(&text)).transpose();
        let (Ok(before), Ok(after)) = (bound("start"), bound("end")) else {
            return Reaction::text(403, "Invalid time");
        };
        let limit = request.parameter("limit").and_then(|limit| limit.parse().ok()).unwrap_or(MAX_PAGE);
        let limit = limit.clamp(1, MAX_PAGE);
        let to = request.parameter("to");
        let keeps_history = self.behaviour.lock().unwrap().keeps_history;
        let messages = self.messages.lock().unwrap();
        let shown = messages.iter().rev().filter(|(at, message)| {
            keeps_history
                && before.is_none_or(|before| *at < before)
                && after.is_none_or(|after| *at > after)
                && to.as_deref().is_none_or(|to| message["to"] == to)
        });
        let found: Vec<&Value> = shown.map(|(_, message)| message).take(limit + 1).collect();
        let rows: Vec<Value> = found.iter().take(limit).map(|row| (*row).clone()).collect();
        let mut page = answers::page(&rows);
        if found.len() > limit {
            page["next"] = found[limit - 1]["created"].clone();
        }
        Reaction::json(&page)
    }

    /// One message, by its id.
    fn one(&self, path: &str) -> Reaction {
        let id = path.strip_prefix("/a1/sms/").unwrap_or_default();
        let messages = self.messages.lock().unwrap();
        let found = messages.iter().find(|(_, message)| message["id"] == id);
        found.map_or_else(|| Reaction::text(404, "Not found"), |(_, message)| Reaction::json(message))
    }
}

/// An answer with another price, or with none.
fn with_price(mut answer: Value, name: &str, price: Option<i64>) -> Value {
    let fields = answer.as_object_mut().unwrap();
    match price {
        Some(price) => fields.insert(name.into(), price.into()),
        None => fields.remove(name),
    };
    answer
}

/// A time as the API has it: UTC, with or without a fraction and `Z`.
fn time(text: &str) -> chrono::ParseResult<NaiveDateTime> {
    NaiveDateTime::parse_from_str(text.trim_end_matches('Z'), "%Y-%m-%dT%H:%M:%S%.f")
}

/// A time as HTTP has it.
fn http_date(at: DateTime<Utc>) -> String {
    at.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::support::{RECIPIENT, SENDER};
    use http::Version;

    fn request(method: &str, path: &str, body: &str) -> Received {
        let (method, path, body) = (method.into(), path.into(), body.into());
        Received { method, path, version: Version::HTTP_11, headers: Vec::new(), body }
    }

    fn answer(account: &FakeAccount, method: &str, path: &str, body: &str) -> (u16, Value) {
        match account.react(&request(method, path, body)) {
            Reaction::Answer(response) => {
                (response.status().as_u16(), serde_json::from_slice(response.body()).unwrap_or_default())
            }
            _ => panic!("the account answers"),
        }
    }

    fn get(account: &FakeAccount, path: &str) -> Value {
        answer(account, "GET", path, "").1
    }

    fn send(account: &FakeAccount, to: &str, more: &str) -> Value {
        let body = format!("from=%2B46766861004&to=%2B{to}&message=Hej{more}");
        answer(account, "POST", "/a1/sms", &body).1
    }

    fn ids(page: &Value) -> Vec<&str> {
        page["data"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap()).collect()
    }

    #[test]
    fn what_is_accepted_is_in_the_history_and_dry_runs_are_not() {
        let account = FakeAccount::new();
        let dry = send(&account, "46701740605", "&dryrun=yes");
        assert_eq!((&dry["estimated_cost"], &dry["id"], &dry["cost"]), (&json!(PRICE), &json!(null), &json!(null)));
        assert!(account.messages().is_empty());
        let sent = send(&account, "46701740605", "");
        assert_eq!((&sent["cost"], &sent["to"]), (&json!(PRICE), &json!(RECIPIENT)));
        let id = sent["id"].as_str().unwrap();
        let page = get(&account, "/a1/sms");
        assert_eq!((ids(&page), &page["next"]), (vec![id], &json!(null)));
        assert_eq!(get(&account, &format!("/a1/sms/{id}")), page["data"][0]);
        assert_eq!(answer(&account, "GET", "/a1/sms/s0", "").0, 404);
        account.set(|behaviour| (behaviour.cost, behaviour.estimated_cost) = (Some(7), None));
        assert_eq!(send(&account, "46701740605", "")["cost"], 7);
        assert_eq!(send(&account, "46701740605", "&dryrun=yes")["estimated_cost"], json!(null));
        account.set(|behaviour| behaviour.keeps_history = false);
        assert_eq!((get(&account, "/a1/sms"), account.messages().len()), (json!({"data": []}), 2));
    }

    #[test]
    fn the_history_is_read_in_pages_from_the_newest_one() {
        let account = FakeAccount::new();
        for number in 0..5 {
            send(&account, &format!("4670174060{number}"), "");
        }
        let control = answers::row("", "incoming", "");
        account.add(TimeDelta::zero(), &control);
        let rows = account.messages();
        let newest: Vec<&str> = rows.iter().rev().map(|row| row["id"].as_str().unwrap()).collect();
        let created = |age: usize| rows[rows.len() - 1 - age]["created"].as_str().unwrap();
        let first = get(&account, "/a1/sms?limit=4");
        assert_eq!((ids(&first), &first["next"]), (newest[..4].to_vec(), &json!(created(3))));
        assert_eq!(first["data"][0]["to"], SENDER, "the incoming one");
        let second = get(&account, &format!("/a1/sms?limit=4&start={}", created(3)));
        assert_eq!((ids(&second), &second["next"]), (newest[4..].to_vec(), &json!(null)));
        let between = get(&account, &format!("/a1/sms?start={}&end={}Z", created(1), created(4)));
        assert_eq!(ids(&between), newest[2..4], "after the end and before the start");
        let to = get(&account, "/a1/sms?to=%2B46701740603");
        assert_eq!(ids(&to), [newest[2]]);
        assert_eq!(answer(&account, "GET", "/a1/sms?start=yesterday", "").0, 403);
    }

    #[test]
    fn the_date_is_that_of_its_clock_or_missing() {
        let account = FakeAccount::new();
        let date = |account: &FakeAccount| match account.react(&request("GET", "/a1/me", "")) {
            Reaction::Answer(response) => response.headers().get(DATE).map(|date| date.to_str().unwrap().to_string()),
            _ => panic!("the account answers"),
        };
        account.set(|behaviour| behaviour.clock = TimeDelta::hours(1));
        let date_ahead = DateTime::parse_from_rfc2822(&date(&account).unwrap()).unwrap();
        let ahead = date_ahead.to_utc() - SystemClock.now();
        assert!(ahead > TimeDelta::minutes(58) && ahead <= TimeDelta::hours(1), "{ahead}");
        account.set(|behaviour| behaviour.dated = false);
        assert_eq!(date(&account), None);
        assert_eq!(http_date(DateTime::from_timestamp(784_111_777, 0).unwrap()), "Sun, 06 Nov 1994 08:49:37 GMT");
    }
}
