//! The true records, from what 46elks answered: an attack changes one part of one. The reading of JSON is only as good
//! as the simulator needs it: flat objects without escapes.

use crate::bindings::exports::elks::sms::queries::{AccountBalance, DeliveryStatistics, SmsEstimate, SmsHistory};
use crate::bindings::exports::elks::sms::sending::SentSms;
use crate::bindings::exports::elks::sms::types::{Account, Direction, Encoding, Message, Status};
use std::cell::RefCell;

thread_local! {
    /// The body of the last response.
    static BODY: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Keeps the body of a response for the record.
pub(crate) fn remember(body: Vec<u8>) {
    BODY.set(String::from_utf8_lossy(&body).into_owned());
}

fn body() -> String {
    BODY.with_borrow(String::clone)
}

/// The value of a field: what stands between the quotes of a text, or the digits of a number.
fn field<'a>(json: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = json.split_once(&format!("\"{name}\":"))?;
    match rest.strip_prefix('"') {
        Some(text) => text.split('"').next(),
        None => rest.split([',', '}', ']']).next().filter(|value| *value != "null"),
    }
}

fn owned(json: &str, name: &str) -> Option<String> {
    field(json, name).map(Into::into)
}

fn number<T: std::str::FromStr>(json: &str, name: &str) -> Option<T> {
    field(json, name)?.parse().ok()
}

/// A time with milliseconds and its zone.
fn time(json: &str, name: &str) -> Option<String> {
    field(json, name).map(|time| format!("{}Z", format!("{}.000", time.trim_end_matches('Z')).split_at(23).0))
}

fn status(json: &str) -> Option<Status> {
    field(json, "status").map(|status| match status {
        "created" => Status::Created,
        "sent" => Status::Sent,
        "delivered" => Status::Delivered,
        "failed" => Status::Failed,
        _ => Status::Unknown,
    })
}

pub(crate) fn sent(account: &Account, from: String, to: String, checker_notes: Vec<String>) -> SentSms {
    let json = body();
    let is_real = !account.dry_run;
    SentSms {
        sent: is_real,
        dry_run: account.dry_run,
        id: owned(&json, "id").filter(|_| is_real),
        status: status(&json).filter(|_| is_real),
        from,
        to,
        message: None,
        created: time(&json, "created").filter(|_| is_real),
        parts: number(&json, "parts").unwrap_or(1),
        encoding: Encoding::Gsm7,
        cost: number(&json, "cost").filter(|_| is_real),
        estimated_cost: number(&json, "estimated_cost").filter(|_| account.dry_run),
        currency: account.currency.clone(),
        checker_notes,
    }
}

pub(crate) fn messages(json: &str) -> Vec<Message> {
    let rows = json.split_once('[').map_or("", |(_, rows)| rows.split(']').next().unwrap_or_default());
    let rows = rows.split('{').filter(|row| !row.is_empty());
    rows.filter_map(|row| {
        let inbound = field(row, "direction")? == "incoming";
        Some(Message {
            id: owned(row, "id")?,
            direction: if inbound { Direction::Inbound } else { Direction::Outbound },
            from: owned(row, "from")?,
            to: owned(row, "to")?,
            message: owned(row, "message"),
            untrusted: inbound,
            status: status(row),
            created: time(row, "created")?,
            delivered: time(row, "delivered"),
            parts: number(row, "parts"),
            cost: number(row, "cost"),
        })
    })
    .collect()
}

pub(crate) fn message() -> Option<Message> {
    messages(&format!("[{}]", body())).pop()
}

pub(crate) fn history(limit: usize, currency: Option<&str>) -> SmsHistory {
    let json = body();
    let messages = messages(&json);
    let next = owned(&json, "next");
    let is_full = messages.len() == limit;
    SmsHistory {
        messages,
        currency: currency.map(Into::into),
        stopped_early: !is_full && next.is_some(),
        next_cursor: next,
        unreadable: 0,
    }
}

pub(crate) fn estimate(currency: Option<&str>, checker_notes: Vec<String>) -> SmsEstimate {
    let json = body();
    let parts = number(&json, "parts").unwrap_or(1);
    let room = if parts == 1 { 160 } else { 153 * parts };
    SmsEstimate {
        parts,
        encoding: Encoding::Gsm7,
        characters_left: room - field(&json, "message").map_or(0, |text| text.chars().count() as u32),
        non_gsm_characters: Vec::new(),
        estimated_cost: price(),
        currency: currency.map(Into::into),
        checker_notes,
    }
}

pub(crate) fn price() -> Option<u64> {
    number(&body(), "estimated_cost")
}

pub(crate) fn balance() -> AccountBalance {
    let json = body();
    AccountBalance {
        name: owned(&json, "displayname"),
        balance: number(&json, "balance"),
        currency: owned(&json, "currency"),
        subaccount: false,
        balance_used: None,
        usage_limit: None,
        messages_left: None,
        low_balance: None,
    }
}

pub(crate) fn statistics(currency: Option<&str>) -> DeliveryStatistics {
    let messages = messages(&body());
    let messages: Vec<_> = messages.iter().filter(|message| message.direction == Direction::Outbound).collect();
    let with = |wanted: &[Status]| {
        messages.iter().filter(|message| message.status.is_some_and(|status| wanted.contains(&status))).count() as u32
    };
    let costs: Vec<u64> = messages.iter().filter_map(|message| message.cost).collect();
    let total_cost: u64 = costs.iter().sum();
    DeliveryStatistics {
        total: messages.len() as u32,
        delivered: with(&[Status::Delivered]),
        failed: with(&[Status::Failed]),
        in_transit: with(&[Status::Created, Status::Sent]),
        unknown: 0,
        parts: messages.iter().filter_map(|message| message.parts).sum(),
        total_cost,
        mean_cost: (total_cost + costs.len() as u64 / 2).checked_div(costs.len() as u64),
        currency: currency.map(Into::into),
        period_start: messages.last().map(|message| message.created.clone()),
        period_end: messages.first().map(|message| message.created.clone()),
        stopped_early: false,
        unreadable: 0,
    }
}
