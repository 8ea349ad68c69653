//! A simulated 46elks in memory, for trying the program without an account, for demonstrations and for tests. It uses
//! no socket, no system clock and no randomness.
//!
//! It responds as the real API was observed to respond. Where the API's behaviour is not known, a comment marks the
//! choice. It has a clock of its own: each request moves it forward by two seconds, so that messages are delivered
//! while a person watches.

use crate::config::SIMULATED_SENDER;
use crate::policy::countries::Countries;
use bytes::Bytes;
use chrono::{DateTime, Duration, NaiveDateTime, Utc};
use elks_sandbox::Cause;
use elks_sandbox::Credentials;
use elks_sandbox::upstream::{Pending, REQUEST_TIMEOUT, Upstream};
use http::header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use serde_json::{Map, Value, json};
use sms_rules::gsm;
use sms_rules::limits::MAX_PAGE;
use sms_rules::phone::{MAX_DIGITS, MIN_DIGITS, TEST_NUMBER};
use sms_rules::sender::MAX_NAME_CHARS;
use sms_rules::text::MAX_PARTS;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Where the simulator's clock starts.
const START: &str = "2026-01-01T08:00:00Z";

/// How far a request moves the clock forward.
const STEP: Duration = Duration::seconds(2);

/// Age of a message when it is passed to the carrier.
const SENT_AFTER: Duration = Duration::seconds(2);

/// Age of a message when it is delivered or fails.
const DELIVERED_AFTER: Duration = Duration::seconds(4);

/// Age of a message when its recipient replies.
const REPLY_AFTER: Duration = Duration::seconds(6);

/// One message of three gets a reply, beginning with the first.
const REPLY_EVERY: usize = 3;

/// Balance at the start: 250.00 SEK, in ten-thousandths.
const BALANCE: i64 = 2_500_000;

/// Test numbers of 46elks: messages to them are not delivered and cost nothing.
const TEST_NUMBERS: [&str; 2] = [TEST_NUMBER, "+4670000000"];

/// Faults by recipient, each with its description. The numbers are in the range that Sweden reserves for books and
/// films (070-174 06 05 to 070-174 06 99).
pub const FAULTS: [(&str, Fault, &str); 12] = [
    (
        "+46701740688",
        Fault::Silent,
        "the message is sent, but no answer ever comes; the call gives up after 20 seconds",
    ),
    ("+46701740689", Fault::Text(403, "Invalid to number"), "403 `Invalid to number`"),
    ("+46701740690", Fault::Text(500, ""), "500 with an empty body; nothing is sent"),
    ("+46701740691", Fault::Text(200, "<html>OK</html>"), "200 with HTML instead of JSON; nothing is sent"),
    ("+46701740692", Fault::Text(200, "{\"id\":\"s02"), "200 with JSON that breaks off; nothing is sent"),
    (
        "+46701740693",
        Fault::Text(403, "Not enough credits on your account to send this SMS"),
        "403 `Not enough credits on your account to send this SMS`",
    ),
    ("+46701740694", Fault::Text(429, "Too many requests"), "429 `Too many requests`"),
    ("+46701740695", Fault::Lost, "the message is sent, but the connection ends before the answer"),
    ("+46701740696", Fault::Unreachable, "no connection can be made"),
    ("+46701740697", Fault::Fails, "the message is sent and fails on its way"),
    ("+46701740698", Fault::Waits, "the message is sent and stays `created`"),
    ("+46701740699", Fault::Text(401, UNAUTHORIZED), "401, as when the password was changed while the program runs"),
];

/// The response to wrong credentials.
const UNAUTHORIZED: &str = "API access requires Basic HTTP authentication. Read documentation or examples.";

/// A fault that a recipient selects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The POST gets this status and text. Nothing is sent.
    Text(u16, &'static str),
    /// The message is sent, but the connection ends before the response.
    Lost,
    /// The message is sent, but no response comes.
    Silent,
    /// No connection can be made. Nothing is sent.
    Unreachable,
    /// The message is sent and fails later.
    Fails,
    /// The message is accepted and never passed to a carrier.
    Waits,
}

impl Fault {
    /// The fault of a recipient.
    fn of(to: &str) -> Option<Self> {
        FAULTS.iter().find(|(number, _, _)| *number == to).map(|(_, fault, _)| *fault)
    }
}

/// What a request leads to.
pub enum Outcome {
    /// A response over HTTP.
    Response(Response<Bytes>),
    /// No connection.
    Unreachable,
    /// A connection that ends without a response.
    Lost,
    /// A connection that stays open without a response.
    Silent,
}

/// A simulated 46elks with one account.
pub struct Simulator(Mutex<State>);

impl Simulator {
    /// An account with these credentials that owns a number, and a short history. A username that begins with `a`
    /// belongs to a subaccount.
    pub fn new(credentials: &Credentials, number: &str) -> Self {
        Self(Mutex::new(State::new(credentials, number)))
    }

    /// What a request to the API leads to.
    pub fn answer(&self, request: &Request<Bytes>) -> Outcome {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).answer(request)
    }
}

impl Upstream for Simulator {
    fn send(&self, request: Request<Bytes>) -> Pending<'_> {
        let outcome = self.answer(&request);
        Box::pin(async move {
            match outcome {
                Outcome::Response(response) => Ok(response),
                Outcome::Unreachable => Err(Cause::Connection),
                Outcome::Lost => Err(Cause::Terminated),
                Outcome::Silent => {
                    tokio::time::sleep(REQUEST_TIMEOUT).await;
                    Err(Cause::ResponseTimeout)
                }
            }
        })
    }
}

/// The account, and all that has happened to it.
struct State {
    authorization: HeaderValue,
    subaccount: bool,
    numbers: Vec<String>,
    now: DateTime<Utc>,
    balance: i64,
    messages: Vec<Stored>,
    sent: usize,
}

/// A message that the simulator remembers, oldest first.
struct Stored {
    id: String,
    created: DateTime<Utc>,
    direction: &'static str,
    from: String,
    to: String,
    text: String,
    parts: u32,
    cost: i64,
    flash: bool,
    fault: Option<Fault>,
}

impl State {
    fn new(credentials: &Credentials, number: &str) -> Self {
        let mut state = Self {
            authorization: credentials.authorization().clone(),
            subaccount: credentials.username().starts_with('a'),
            numbers: vec![number.into(), SIMULATED_SENDER.into()],
            now: DateTime::parse_from_rfc3339(START).unwrap_or_default().to_utc(),
            balance: BALANCE,
            messages: Vec::new(),
            sent: 0,
        };
        state.add_history();
        state
    }

    /// Messages of the day before, so that there is a history to read.
    fn add_history(&mut self) {
        let (account, person) = (SIMULATED_SENDER, "+46701740605");
        for (hours, direction, from, to, text, fault) in [
            (20, "outgoing", account, person, "Hej! Kom ihåg din tid i morgon kl 10.", None),
            (19, "incoming", person, account, "Tack, jag kommer!", None),
            (19, "outgoing-reply", account, person, "Välkommen!", None),
            (18, "outgoing", account, "+46701740697", "Ditt paket är klart.", Some(Fault::Fails)),
        ] {
            let age = Duration::hours(hours) - Duration::seconds(self.messages.len() as i64 * 7);
            let message = Stored {
                id: self.next_id(),
                created: self.now - age,
                direction,
                from: from.into(),
                to: to.into(),
                text: text.into(),
                parts: gsm::segment(text).parts,
                cost: if direction == "incoming" { 0 } else { price(to) },
                flash: false,
                fault,
            };
            self.messages.push(message);
        }
    }

    fn answer(&mut self, request: &Request<Bytes>) -> Outcome {
        self.now += STEP;
        let authorization = request.headers().get(AUTHORIZATION);
        if authorization.is_none_or(|value| *value != self.authorization) {
            return Outcome::Response(unauthorized());
        }
        // The official samples write both /SMS and /sms.
        let path = request.uri().path().to_ascii_lowercase();
        let query: BTreeMap<String, String> =
            form_urlencoded::parse(request.uri().query().unwrap_or("").as_bytes()).into_owned().collect();
        match (request.method(), path.as_str()) {
            (&Method::GET, "/a1/me") => ok(&self.account()),
            (&Method::GET, "/a1/sms") => ok(&self.history(&query)),
            (&Method::POST, "/a1/sms") => self.send(&form_urlencoded::parse(request.body()).into_owned().collect()),
            (&Method::GET, path) => {
                let found = path.strip_prefix("/a1/sms/").and_then(|id| self.all().find(|message| message.id == id));
                found.map_or_else(not_found, |message| ok(&self.shown(message)))
            }
            _ => not_found(),
        }
    }

    fn account(&self) -> Value {
        if self.subaccount {
            return json!({
                "id": "a00000000000000000000000000000000", "name": "Simulated subaccount",
                "created": "2026-01-01T07:00:00.000000", "balanceused": BALANCE - self.balance, "usagelimit": BALANCE,
            });
        }
        json!({
            "mobilenumber": SIMULATED_SENDER, "displayname": "Simulated account",
            "id": crate::config::SIMULATED_USERNAME, "currency": "SEK", "balance": self.balance,
            "email": "simulator@example.com",
        })
    }

    /// All messages that exist by now. A reply exists only after its time has come.
    fn all(&self) -> impl DoubleEndedIterator<Item = &Stored> {
        self.messages.iter().filter(|message| message.created <= self.now)
    }

    fn history(&self, query: &BTreeMap<String, String>) -> Value {
        let time = |name: &str| query.get(name).and_then(|value| parse_time(value));
        let (before, after) = (time("start"), time("end"));
        let limit =
            query.get("limit").and_then(|limit| limit.parse().ok()).unwrap_or(MAX_PAGE).clamp(1, MAX_PAGE) as usize;
        // Both bounds are exclusive: a choice.
        let mut newest: Vec<&Stored> = self
            .all()
            .filter(|message| before.is_none_or(|before| message.created < before))
            .filter(|message| after.is_none_or(|after| message.created > after))
            .filter(|message| query.get("to").is_none_or(|to| message.to == *to))
            .collect();
        newest.sort_by_key(|message| std::cmp::Reverse(message.created));
        let page: Vec<Value> = newest.iter().take(limit).map(|message| self.shown(message)).collect();
        let mut history = json!({"data": page});
        if newest.len() > limit {
            history["next"] = json!(api_time(newest[limit - 1].created));
        }
        history
    }

    fn send(&mut self, form: &BTreeMap<String, String>) -> Outcome {
        let field = |name: &str| form.get(name).cloned();
        let dry_run = form.get("dryrun").is_some_and(|value| value == "yes");
        let (Some(from), Some(to), Some(text)) = (field("from"), field("to"), field("message")) else {
            let missing =
                ["from", "to", "message"].into_iter().find(|name| !form.contains_key(*name)).unwrap_or("from");
            return refused(&format!("Missing key {missing}"));
        };
        let parts = gsm::segment(&text).parts;
        if let Some(reason) = self.objection(&from, &to, &text, parts, dry_run) {
            return refused(reason);
        }
        let cost = price(&to) * i64::from(parts);
        let mut answer = Map::from_iter([
            ("status".into(), json!("created")),
            ("direction".into(), json!("outgoing")),
            ("from".into(), json!(from)),
            ("to".into(), json!(to)),
            ("parts".into(), json!(parts)),
            ("message".into(), json!(text)),
        ]);
        let flash = form.get("flashsms").is_some_and(|value| value == "yes");
        if flash {
            answer.insert("flashsms".into(), json!("yes"));
        }
        if dry_run {
            // The response has no id, time or cost, and nothing is stored.
            answer.insert("estimated_cost".into(), json!(cost));
            return ok(&Value::Object(answer));
        }
        let cost = if TEST_NUMBERS.contains(&to.as_str()) { 0 } else { cost };
        if cost > self.balance {
            return refused("Not enough credits on your account to send this SMS");
        }
        let fault = Fault::of(&to);
        match fault {
            Some(Fault::Text(status, body)) => return Outcome::Response(text_answer(status, body)),
            Some(Fault::Unreachable) => return Outcome::Unreachable,
            _ => {}
        }
        self.balance -= cost;
        let id = self.next_id();
        let created = self.now;
        // The API stores milliseconds; the response to a POST has microseconds.
        answer.insert("created".into(), json!(created.format("%Y-%m-%dT%H:%M:%S%.6f").to_string()));
        answer.insert("id".into(), json!(id));
        answer.insert("cost".into(), json!(cost));
        self.messages.push(Stored {
            id,
            created,
            direction: "outgoing",
            from: from.clone(),
            to: to.clone(),
            text,
            parts,
            cost,
            flash,
            fault,
        });
        // Only a number can be replied to, and only by a recipient who got the message.
        if from.starts_with('+') && fault.is_none() && self.sent.is_multiple_of(REPLY_EVERY) {
            let reply = Stored {
                id: self.next_id(),
                created: created + REPLY_AFTER,
                direction: "incoming",
                from: to,
                to: from,
                text: "Tack för ditt meddelande!".into(),
                parts: 1,
                cost: 0,
                flash: false,
                fault: None,
            };
            self.messages.push(reply);
        }
        self.sent += 1;
        match fault {
            Some(Fault::Lost) => Outcome::Lost,
            Some(Fault::Silent) => Outcome::Silent,
            _ => ok(&Value::Object(answer)),
        }
    }

    /// Why 46elks refuses a message, in the order in which it seems to check (a choice).
    fn objection(&self, from: &str, to: &str, text: &str, parts: u32, dry_run: bool) -> Option<&'static str> {
        let digits = |number: &str| number.len() > 1 && number[1..].bytes().all(|b| b.is_ascii_digit());
        if from.starts_with('+') {
            if !self.numbers.iter().any(|number| number == from) {
                return Some("Invalid from number");
            }
        } else if from.starts_with(|c: char| c.is_ascii_digit()) {
            return Some("Alphanumeric numbers may not start with a digit");
        } else if from.is_empty() || from.len() > MAX_NAME_CHARS || !from.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Some("Invalid from");
        }
        // A dry run does not check the length of the number.
        if !to.starts_with('+') || !digits(to) || (!dry_run && !(MIN_DIGITS + 1..=MAX_DIGITS + 1).contains(&to.len())) {
            return Some("Invalid to number");
        }
        if text.is_empty() {
            return Some("Empty message");
        }
        if parts > MAX_PARTS {
            return Some("Too long message");
        }
        if is_closed(to) {
            return Some("Sending SMS to USA is disallowed by default, contact support to open it");
        }
        None
    }

    /// A message as a GET shows it.
    fn shown(&self, message: &Stored) -> Value {
        let mut shown = Map::from_iter([
            ("id".into(), json!(message.id)),
            ("created".into(), json!(api_time(message.created))),
            ("direction".into(), json!(message.direction)),
            ("from".into(), json!(message.from)),
            ("to".into(), json!(message.to)),
            ("message".into(), json!(message.text)),
        ]);
        if message.direction != "incoming" {
            let age = self.now - message.created;
            let status = match message.fault {
                Some(Fault::Waits) => "created",
                _ if age < SENT_AFTER => "created",
                _ if age < DELIVERED_AFTER => "sent",
                Some(Fault::Fails) => "failed",
                _ => "delivered",
            };
            if status == "delivered" {
                shown.insert("delivered".into(), json!(api_time(message.created + DELIVERED_AFTER)));
            }
            if message.flash {
                shown.insert("flashsms".into(), json!("yes"));
            }
            shown.insert("status".into(), json!(status));
            shown.insert("parts".into(), json!(message.parts));
            shown.insert("cost".into(), json!(message.cost));
        }
        Value::Object(shown)
    }

    /// `s` and 32 hexadecimal digits, different for each message and the same in every run.
    fn next_id(&self) -> String {
        let number = self.messages.len() as u128 + 1;
        format!("s{:032x}", number.wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835))
    }
}

/// Whether a number belongs to the USA, which a new account cannot send to: this was observed. Of Canada and the
/// Caribbean, which share +1, nothing is known. That they are open like any other country is a choice.
fn is_closed(to: &str) -> bool {
    let mut closed = Countries::default();
    closed.add("US") && closed.has(to)
}

/// Ten-thousandths of SEK for a part, by country.
fn price(to: &str) -> i64 {
    match to {
        _ if to.starts_with("+46") => 5_200,
        _ if to.starts_with("+47") => 7_000,
        _ => 9_000,
    }
}

fn api_time(time: DateTime<Utc>) -> String {
    format!("{}000", time.format("%Y-%m-%dT%H:%M:%S%.3f"))
}

fn parse_time(text: &str) -> Option<DateTime<Utc>> {
    let bare = text.strip_suffix('Z').unwrap_or(text);
    NaiveDateTime::parse_from_str(bare, "%Y-%m-%dT%H:%M:%S%.f").ok().map(|time| time.and_utc())
}

fn ok(value: &Value) -> Outcome {
    let mut response = Response::new(Bytes::from(value.to_string()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    Outcome::Response(response)
}

fn refused(text: &str) -> Outcome {
    Outcome::Response(text_answer(403, text))
}

/// The text for an unknown id or path: a choice, after a response recorded in 2011.
fn not_found() -> Outcome {
    Outcome::Response(text_answer(404, "Not found"))
}

fn unauthorized() -> Response<Bytes> {
    let mut response = text_answer(401, UNAUTHORIZED);
    response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"46elks API\""));
    response
}

fn text_answer(status: u16, text: &str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::copy_from_slice(text.as_bytes()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn simulator(username: &str) -> (Simulator, HeaderValue) {
        let credentials = Credentials::new(username, "p");
        (Simulator::new(&credentials, SIMULATED_SENDER), credentials.authorization().clone())
    }

    /// Status and text of an answer.
    fn ask(method: Method, path: &str, form: &str) -> (u16, String) {
        let (simulator, authorization) = simulator("u1");
        response(&simulator, &authorization, method, path, form)
    }

    fn response(
        simulator: &Simulator,
        authorization: &HeaderValue,
        method: Method,
        path: &str,
        form: &str,
    ) -> (u16, String) {
        let mut request = Request::new(Bytes::copy_from_slice(form.as_bytes()));
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().expect("is a URI");
        request.headers_mut().insert(AUTHORIZATION, authorization.clone());
        let Outcome::Response(response) = simulator.answer(&request) else { panic!("no answer") };
        (response.status().as_u16(), String::from_utf8(response.body().to_vec()).expect("is text"))
    }

    #[test]
    fn refusals_are_plain_text_in_46elkss_words_and_order() {
        for (form, text) in [
            ("", "Missing key from"),
            ("from=Elks", "Missing key to"),
            ("from=Elks&to=%2B46701740605", "Missing key message"),
            ("from=%2B46701740606&to=monkey&message=x", "Invalid from number"),
            ("from=1Elks&to=monkey&message=x", "Alphanumeric numbers may not start with a digit"),
            ("from=El-ks&to=monkey&message=x", "Invalid from"),
            ("from=Elks&to=monkey&message=", "Invalid to number"),
            ("from=Elks&to=%2B46701740605,%2B46701740606&message=x", "Invalid to number"),
            ("from=Elks&to=%2B4612&message=x", "Invalid to number"),
            ("from=Elks&to=%2B46701740605&message=", "Empty message"),
            (
                "from=Elks&to=%2B14155550123&message=x",
                "Sending SMS to USA is disallowed by default, contact support to open it",
            ),
        ] {
            assert_eq!(ask(Method::POST, "/a1/sms", form), (403, text.to_string()), "{form}");
        }
        // Canada and Jamaica share +1 with the USA.
        for open in ["%2B14165552671", "%2B18765552671"] {
            assert_eq!(ask(Method::POST, "/a1/sms", &format!("from=Elks&to={open}&message=x")).0, 200, "{open}");
        }
        let long = format!("from=Elks&to=%2B46701740605&message={}", "a".repeat(1531));
        assert_eq!(ask(Method::POST, "/a1/sms", &long), (403, "Too long message".into()));
    }

    #[test]
    fn a_dry_run_is_priced_without_id_and_time_and_does_not_look_at_the_number() {
        let (status, body) = ask(Method::POST, "/a1/SMS", "from=Elks&to=%2B4612&message=x&dryrun=yes");
        let body: Value = serde_json::from_str(&body).expect("is JSON");
        assert_eq!((status, &body["estimated_cost"], &body["parts"]), (200, &json!(5200), &json!(1)));
        assert!(body["id"].is_null() && body["created"].is_null() && body["cost"].is_null());
    }

    #[test]
    fn a_send_is_charged_stored_in_milliseconds_and_answered_in_microseconds() {
        let (simulator, authorization) = simulator("u1");
        let form = "from=Elks&to=%2B46701740605&message=x&flashsms=yes";
        let (_, sent) = response(&simulator, &authorization, Method::POST, "/a1/sms", form);
        let sent: Value = serde_json::from_str(&sent).expect("is JSON");
        let id = sent["id"].as_str().expect("has an id").to_string();
        assert!(id.len() == 33 && id.starts_with('s') && id[1..].bytes().all(|b| b.is_ascii_hexdigit()));
        assert_eq!((&sent["flashsms"], &sent["cost"]), (&json!("yes"), &json!(5200)));
        assert_eq!(sent["created"].as_str().expect("has a time").len(), "2021-12-30T20:35:32.429389".len());
        let (_, me) = response(&simulator, &authorization, Method::GET, "/a1/Me", "");
        assert!(me.contains(&format!("\"balance\":{}", BALANCE - 5200)), "{me}");
        let test = "from=Elks&to=%2B46700000000&message=x";
        let (_, free) = response(&simulator, &authorization, Method::POST, "/a1/sms", test);
        assert!(free.contains("\"cost\":0"), "{free}");
        assert_eq!(response(&simulator, &authorization, Method::GET, &format!("/a1/sms/{id}"), "").0, 200);
        assert_eq!(response(&simulator, &authorization, Method::GET, "/a1/sms/s0", ""), (404, "Not found".into()));
    }

    #[test]
    fn history_pages_are_newest_first_and_next_leads_on() {
        let (simulator, authorization) = simulator("u1");
        let page = |query: &str| -> Value {
            let (_, body) = response(&simulator, &authorization, Method::GET, &format!("/a1/sms?{query}"), "");
            serde_json::from_str(&body).expect("is JSON")
        };
        let all = page("direction=inbound");
        assert_eq!(all["data"].as_array().expect("is a list").len(), 4, "an unknown parameter does nothing");
        assert!(all["next"].is_null() && all["data"][2]["status"].is_null(), "inbound messages have no status");
        let first = page("limit=1");
        let next = first["next"].as_str().expect("there is more").to_string();
        let second = page(&format!("limit=100&start={next}"));
        assert_eq!(second["data"].as_array().expect("is a list").len(), 3);
        assert_eq!(second["data"][0], all["data"][1]);
        assert_eq!(page("to=%2B46701740699"), json!({"data": []}));
    }

    #[test]
    fn a_subaccount_and_wrong_credentials_get_other_responses() {
        let (simulator, authorization) = simulator("a1");
        let (_, me) = response(&simulator, &authorization, Method::GET, "/a1/me", "");
        assert!(me.contains("\"balanceused\":0") && !me.contains("currency"), "{me}");
        let wrong = HeaderValue::from_static("Basic eDp5");
        assert_eq!(response(&simulator, &wrong, Method::GET, "/a1/me", ""), (401, UNAUTHORIZED.into()));
    }
}
