//! What 46elks answers, as the real API was seen to answer. The one file of such answers: a test that
//! needs another one changes fields of these.
//!
//! Not here: the server that gives them (`fake_elks.rs`).

use super::fake_elks::{Reaction, Received};
use super::{RECIPIENT, SENDER, USERNAME, merged};
use serde_json::{Value, json};

/// What a message costs here, in ten-thousandths of the account's currency.
pub const PRICE: i64 = 5200;

/// The id of the message that [`accepted`] tells of.
pub const ID: &str = "s0231d6d7d6bc14a7e7734e466785c4ce";

/// An account of SEK 100.
pub fn account() -> Value {
    json!({"displayname": "Test account", "id": USERNAME, "currency": "SEK", "balance": 1_000_000, "email": "a@example.com",
           "mobilenumber": SENDER})
}

/// An account in another currency.
pub fn account_in(currency: &str, balance: i64) -> Value {
    merged(account(), &json!({"currency": currency, "balance": balance}))
}

/// A subaccount, which has neither balance nor currency.
pub fn subaccount() -> Value {
    json!({"id": "a1", "name": "Sub", "created": "2026-01-01T00:00:00.000000"})
}

/// The answer to a message that was accepted.
pub fn accepted(request: &Received) -> Value {
    let more = json!({"id": ID, "created": "2026-11-21T20:35:32.429389", "parts": 1, "cost": PRICE});
    merged(of_message(request), &more)
}

/// The answer to a dry run, which has neither id nor time.
pub fn dry_run(request: &Received) -> Value {
    merged(of_message(request), &json!({"parts": 1, "estimated_cost": PRICE}))
}

/// The answer to `POST /a1/sms`: to a dry run or to a message that is accepted.
pub fn accepted_or_dry_run(request: &Received) -> Value {
    if request.field("dryrun").is_some() { dry_run(request) } else { accepted(request) }
}

fn of_message(request: &Received) -> Value {
    json!({"status": "created", "direction": "outgoing", "from": request.field("from"), "to": request.field("to"),
           "message": request.field("message")})
}

/// A server that accepts and prices every message.
pub fn accepting(request: &Received) -> Reaction {
    Reaction::json(&accepted_or_dry_run(request))
}

/// A row of the history, without text and without what only some messages have.
pub fn row(id: &str, direction: &str, created: &str) -> Value {
    let (from, to) = if direction == "incoming" { (RECIPIENT, SENDER) } else { (SENDER, RECIPIENT) };
    json!({"id": id, "direction": direction, "created": created, "from": from, "to": to})
}

/// A page of the history, the last one.
pub fn page(rows: &[Value]) -> Value {
    json!({ "data": rows })
}

/// An account with so many messages, every third of them inbound, served in pages as 46elks does.
pub fn history(count: usize) -> impl Fn(&Received) -> Reaction {
    move |request| {
        let time = |age: usize| {
            format!("2026-01-31T{:02}:{:02}:{:02}.000000", 23 - age / 3600, 59 - age / 60 % 60, 59 - age % 60)
        };
        let limit: usize = request.parameter("limit").map_or(100, |limit| limit.parse().unwrap()).min(100);
        let older = (0..count).filter(|age| request.parameter("start").is_none_or(|start| time(*age) < start));
        let newer: Vec<usize> =
            older.filter(|age| request.parameter("end").is_none_or(|end| time(*age) > end)).collect();
        let message = |age: &usize| {
            let (direction, more) = match age % 3 {
                0 => ("incoming", json!({})),
                1 => ("outgoing-reply", json!({"status": "sent", "cost": PRICE, "parts": 1})),
                _ => {
                    let delivered = json!({"status": "delivered", "delivered": "2026-02-01T00:00:00Z"});
                    ("outgoing", merged(delivered, &json!({"cost": 2 * PRICE, "parts": 2})))
                }
            };
            let text = json!({"message": format!("nummer {age}")});
            merged(merged(row(&format!("s{age:032x}"), direction, &time(*age)), &text), &more)
        };
        let mut page = page(&newer.iter().take(limit).map(message).collect::<Vec<Value>>());
        if newer.len() > limit {
            page["next"] = json!(time(newer[limit - 1]));
        }
        Reaction::json(&page)
    }
}
