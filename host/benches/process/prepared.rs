//! What 46elks answers in a benchmark: an account with a history of the benchmark's choice. An answer is made when
//! something is asked for the first time. From then on it is prepared bytes, so that making JSON is in no measurement.
//!
//! Not here: the server (`tests/support/fake_elks.rs`), and an account that changes, which is the simulator.

use crate::fake_elks::{Reaction, Received};
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use elks_mcp::clock::{Clock, SystemClock};
use elks_mcp::config;
use serde_json::{Value, json};
use sms_rules::limits::MAX_PAGE;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// A number of the range that Sweden reserves for books and films.
pub(crate) const PERSON: &str = "+46701740605";
/// The text of messages of one part.
pub(crate) const TEXT: &str = "Hej! Kom ihåg din tid i morgon kl 10.";
/// A text of ten parts is made of this. A part of a long message has 153 characters.
const SENTENCE: &str = "Hej! Kom ihåg att din tid hos tandläkaren är i morgon kl 10, och ring om du inte hinner. ";
/// How many characters a text of ten parts has.
const CHARS_OF_TEN_PARTS: usize = 1_500;
/// What a part costs, in ten-thousandths of a krona.
const PRICE: usize = 5_200;

/// What the account has sent and received.
#[derive(Clone, Copy)]
pub(crate) enum History {
    /// A hundred messages of one part. Every fourth is inbound.
    Short,
    /// A hundred messages of ten parts. Every fourth is inbound.
    TenParts,
    /// A thousand messages of one part. None is inbound.
    Outbound,
}

/// What has been asked, while somebody wants to know.
#[derive(Clone, Default)]
pub(crate) struct Asked(Arc<Mutex<Option<Vec<Received>>>>);

impl Asked {
    /// What is asked while `task` runs.
    pub(crate) fn during<T>(&self, task: impl FnOnce() -> T) -> (T, Vec<Received>) {
        *self.0.lock().expect("nobody panics with it") = Some(Vec::new());
        let done = task();
        (done, self.0.lock().expect("nobody panics with it").take().unwrap_or_default())
    }

    fn note(&self, request: &Received) {
        if let Some(requests) = &mut *self.0.lock().expect("nobody panics with it") {
            requests.push(request.clone());
        }
    }
}

/// The account, and what it is asked.
pub(crate) fn account(history: History) -> (impl Fn(&Received) -> Reaction + Send + Sync + 'static, Asked) {
    let (asked, prepared) = (Asked::default(), Mutex::new(HashMap::<(String, String), Bytes>::new()));
    let rows = rows(history);
    let noted = asked.clone();
    let behaviour = move |request: &Received| {
        noted.note(request);
        let key = (request.path.clone(), request.body.clone());
        let mut prepared = prepared.lock().expect("nobody panics with it");
        let body = prepared.entry(key).or_insert_with(|| Bytes::from(answer(request, &rows).to_string()));
        Reaction::answer(200, "application/json; charset=utf-8", body.clone())
    };
    (behaviour, asked)
}

/// The id of the newest message.
pub(crate) fn newest_id() -> String {
    id(0)
}

/// `s` and 32 hexadecimal digits, as 46elks has them.
fn id(age: usize) -> String {
    format!("s{:032x}", (age as u128 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835))
}

/// An answer. The Node server writes `/a1/Me`, and 46elks accepts both.
fn answer(request: &Received, rows: &[Value]) -> Value {
    match (request.method.as_str(), request.path.to_ascii_lowercase().as_str()) {
        ("GET", "/a1/me") => json!({
            "id": config::SIMULATED_USERNAME, "displayname": "Benchmark", "mobilenumber": config::SIMULATED_SENDER,
            "email": "benchmark@example.com", "currency": "SEK", "balance": 2_500_000,
        }),
        ("POST", _) => sent(request),
        (_, path) if path.starts_with("/a1/sms?") => page(request, rows),
        _ => rows[0].clone(),
    }
}

/// The answer to a message, or to the dry run of one.
fn sent(request: &Received) -> Value {
    let mut answer = json!({
        "status": "created", "direction": "outgoing", "from": request.field("from"), "to": request.field("to"),
        "message": request.field("message"), "parts": 1,
    });
    if request.field("dryrun").is_some() {
        answer["estimated_cost"] = PRICE.into();
    } else {
        answer["id"] = newest_id().into();
        answer["created"] = time(SystemClock.now()).into();
        answer["cost"] = PRICE.into();
    }
    answer
}

/// The rows that a request asks for: so many, older than `start`.
fn page(request: &Received, rows: &[Value]) -> Value {
    let limit = request.parameter("limit").and_then(|limit| limit.parse().ok()).unwrap_or(MAX_PAGE as usize);
    let start = request.parameter("start");
    let is_older = |row: &&Value| start.as_deref().is_none_or(|start| row["created"].as_str() < Some(start));
    let older: Vec<&Value> = rows.iter().filter(is_older).collect();
    let mut page = json!({"data": older.iter().take(limit).collect::<Vec<_>>()});
    if older.len() > limit {
        page["next"] = older[limit - 1]["created"].clone();
    }
    page
}

/// The messages of a history, newest first, one a minute.
fn rows(history: History) -> Vec<Value> {
    let (count, text, parts) = match history {
        History::Short => (100, TEXT.to_string(), 1),
        History::TenParts => (100, SENTENCE.chars().cycle().take(CHARS_OF_TEN_PARTS).collect(), 10),
        History::Outbound => (1_000, TEXT.to_string(), 1),
    };
    let newest = DateTime::from_timestamp(1_769_860_800, 0).unwrap_or_default(); // 2026-01-31T12:00:00Z
    let row = |age: usize| {
        let created = newest - TimeDelta::minutes(age as i64);
        let is_inbound = !matches!(history, History::Outbound) && age % 4 == 3;
        let (account, person) = (config::SIMULATED_SENDER, PERSON);
        let (direction, from, to) =
            if is_inbound { ("incoming", person, account) } else { ("outgoing", account, person) };
        let mut row = json!({
            "id": id(age), "created": time(created), "direction": direction, "from": from, "to": to, "message": text,
        });
        if !is_inbound {
            row["status"] = "delivered".into();
            row["delivered"] = time(created + TimeDelta::seconds(4)).into();
            row["parts"] = parts.into();
            row["cost"] = (parts * PRICE).into();
        }
        row
    };
    (0..count).map(row).collect()
}

fn time(time: DateTime<Utc>) -> String {
    format!("{}000", time.format("%Y-%m-%dT%H:%M:%S%.3f"))
}
