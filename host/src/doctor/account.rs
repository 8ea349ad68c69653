//! The account: one `GET /a1/me` through the egress, as the program asks before its first call. Its answer says whether
//! the credentials are good, which kind of account it is, and what time it is at 46elks.

use super::finding::{Finding, Group};
use crate::account::{self, Unverified};
use crate::clock::{Clock as _, SystemClock};
use crate::config::parts::Parts;
use crate::contract::AccountBalance;
use crate::failure::Failure;
use crate::ledger::TOLERANCE;
use crate::money::money;
use crate::summary::connection::{because, next};
use crate::verdict::facts;
use chrono::{DateTime, TimeDelta, Utc};
use elks_sandbox::{
    Allowed, Connection, Credentials, Egress, ElksApi, Outcome, Permit, RequestPattern, Trace, Upstream,
};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// Where 46elks describes the account.
const PATH: &str = "/a1/me";

/// How long the answer may take. A call waits for 20 seconds; together with a connection that takes as long as it may,
/// and a journal that is locked, a run stays below 30.
const PATIENCE: Duration = Duration::from_secs(12);

/// Clocks that differ by more than this are worth a word; by more than [`TOLERANCE`], nothing is sent.
const NOTABLE: TimeDelta = TimeDelta::seconds(60);

/// The check, as programs know it.
const CREDENTIALS: &str = "credentials";

/// Asks 46elks. `reason` says why it is not asked.
pub(super) async fn findings(parts: &Parts, reason: Option<&str>) -> Vec<Finding> {
    let skipped =
        |reason: &str| vec![Finding::skipped(Group::Account, CREDENTIALS, format!("not asked, because {reason}"))];
    match (reason, &parts.connection, &parts.credentials) {
        (Some(reason), ..) => skipped(reason),
        (None, Some(connection), Some(credentials)) => {
            let start = Instant::now();
            let (trace, is_late) = ask(connection.clone(), Arc::clone(credentials)).await;
            if is_late {
                return vec![late().took(start.elapsed())];
            }
            of_trace(&trace, parts.sender.as_deref(), start.elapsed(), SystemClock.now())
        }
        _ => skipped("username or password cannot be used"),
    }
}

/// What left and what came back; whether it took too long.
async fn ask(connection: Connection, credentials: Arc<Credentials>) -> (Trace, bool) {
    let request = RequestPattern::Get { path: PATH.into(), required: Vec::new(), optional: Vec::new() };
    let permit = Permit::new(vec![Allowed { times: 1, request }]).reading();
    let upstream: Arc<dyn Upstream> = Arc::new(ElksApi::new(connection));
    let egress = Egress::new(permit, None, credentials, upstream);
    // The trace has what came of it.
    let is_late = timeout(PATIENCE, egress.get(PATH)).await.is_err();
    (egress.close(), is_late)
}

fn late() -> Finding {
    let text = format!("46elks did not answer within {} seconds", PATIENCE.as_secs());
    Finding::problem(Group::Account, CREDENTIALS, text).next("Try again in a moment.")
}

/// What the answer says.
fn of_trace(trace: &Trace, sender: Option<&str>, took: Duration, now: DateTime<Utc>) -> Vec<Finding> {
    let mut found = Vec::new();
    match account::verdict(Ok(()), trace) {
        Err(unverified) => found.push(refused(unverified).took(took)),
        Ok(_) => {
            let text = "46elks accepts username and password";
            found.push(Finding::ok(Group::Account, CREDENTIALS, text).took(took));
            if let Ok(account) = facts::account(&trace.exchanges, None) {
                found.extend([kind(&account), funds(&account)]);
            }
            found.extend(sender.map(|sender| of_sender(sender, mobile_number(trace).as_deref())));
        }
    }
    found.extend(clock(trace.date(), now));
    found
}

/// Why the account could not be read.
fn refused(unverified: Unverified) -> Finding {
    let problem = |text: String| Finding::problem(Group::Account, CREDENTIALS, text);
    match unverified {
        Unverified::Refused(status) => problem(format!("46elks refused username and password ({status})"))
            .fact("status", status)
            .next("Correct ELKS_API_USERNAME and ELKS_API_PASSWORD: you find both at 46elks.com under Account."),
        Unverified::Unreachable(cause) => {
            problem(format!("46elks gave no answer: {}", because(cause))).next(format!("{}.", next(cause)))
        }
        other => problem(Failure::from(other).text).next(
            "Check whether something between this computer and 46elks answers in its place; else try again later.",
        ),
    }
}

fn kind(account: &AccountBalance) -> Finding {
    let ok = |text, kind: &str| Finding::ok(Group::Account, "kind", text).fact("kind", kind);
    match (account.subaccount, account.balance) {
        (true, _) => ok("a subaccount", "subaccount"),
        (false, Some(_)) => {
            ok("the main account: a subaccount with a usagelimit bounds what can be spent through this program", "main")
        }
        (false, None) => ok("46elks does not say whether it is a subaccount", "unknown"),
    }
}

/// What can be spent. Amounts are in ten-thousandths of the currency.
fn funds(account: &AccountBalance) -> Finding {
    let money = |amount: i64| money(amount, account.currency.as_deref());
    let used = account.balance_used.unwrap_or(0);
    let ok = |text| Finding::ok(Group::Account, "funds", text);
    let warning = |text| Finding::warning(Group::Account, "funds", text);
    let found = match (account.balance, account.usage_limit) {
        (Some(balance), _) if balance <= 0 => warning(format!("the balance is {}", money(balance)))
            .next("Fill up the account at 46elks.com; without credit, 46elks refuses messages."),
        (Some(balance), _) => ok(format!("the balance is {}", money(balance))),
        (None, Some(limit)) if used >= limit => {
            warning(format!("the usagelimit of {} is used up ({})", money(limit), money(used)))
                .next("Raise the usagelimit of the subaccount at 46elks.com; until then 46elks refuses messages.")
        }
        (None, Some(limit)) => ok(format!("{} of the usagelimit of {} are used", money(used), money(limit))),
        (None, None) if account.subaccount => warning("no usagelimit".into()).next(
            "Set a usagelimit for the subaccount at 46elks.com: it bounds what can be spent, whatever happens here.",
        ),
        (None, None) => ok("46elks names neither a balance nor a usagelimit".into()),
    };
    let facts = [
        ("balance", account.balance.map(Value::from)),
        ("currency", account.currency.clone().map(Value::from)),
        ("usage_limit", account.usage_limit.map(Value::from)),
        ("balance_used", account.balance_used.map(Value::from)),
    ];
    facts.into_iter().fold(found, |found, (name, value)| found.fact(name, value.unwrap_or_default()))
}

/// The number that 46elks has of the account's owner, if its answer has one.
fn mobile_number(trace: &Trace) -> Option<String> {
    let Outcome::Answered(_, body) = &trace.exchanges.last()?.outcome else { return None };
    let answer: Value = serde_json::from_slice(body).ok()?;
    answer["mobilenumber"].as_str().map(Into::into)
}

/// Whether messages may come from the configured sender, as far as the answer says.
fn of_sender(sender: &str, mobile_number: Option<&str>) -> Finding {
    let (text, is_known) = match mobile_number {
        _ if !sender.starts_with('+') => ("the sender is a name, which needs no number of the account", None),
        Some(number) if number == sender => ("the sender is the account's own mobile number", Some(true)),
        _ => ("46elks's answer does not say whether the sender is a number of the account", None),
    };
    Finding::ok(Group::Account, "sender", text).fact("is_of_account", is_known)
}

/// How far the clocks differ.
fn clock(date: Option<&str>, now: DateTime<Utc>) -> Option<Finding> {
    let there = DateTime::parse_from_rfc2822(date?).ok()?.to_utc();
    let ahead = now - there;
    let seconds = ahead.num_seconds();
    let direction = if seconds < 0 { "behind" } else { "ahead of" };
    let text = format!("this computer's clock is {} seconds {direction} 46elks's", seconds.abs());
    let found = if ahead.abs() > TOLERANCE {
        let limit = TOLERANCE.num_minutes();
        Finding::problem(Group::Account, "clock", format!("{text}: with more than {limit} minutes, nothing is sent"))
            .next("Set this computer's clock, best by NTP.")
    } else if ahead.abs() > NOTABLE {
        Finding::warning(Group::Account, "clock", text).next("Set this computer's clock, best by NTP.")
    } else {
        Finding::ok(Group::Account, "clock", text)
    };
    Some(found.fact("seconds_ahead", seconds))
}

#[cfg(test)]
mod tests {
    use super::super::finding::Status;
    use super::*;

    #[test]
    fn clocks_may_differ_by_five_minutes() {
        let now = DateTime::from_timestamp(784_111_777, 0).expect("is a time");
        let found = |seconds| clock(Some("Sun, 06 Nov 1994 08:49:37 GMT"), now + TimeDelta::seconds(seconds));
        for (seconds, status, words) in [
            (0, Status::Ok, "0 seconds ahead of"),
            (60, Status::Ok, "60 seconds ahead of"),
            (-61, Status::Warning, "61 seconds behind"),
            (300, Status::Warning, "300 seconds ahead of"),
            (-301, Status::Problem, "more than 5 minutes"),
        ] {
            let found = found(seconds).expect("has a date");
            assert_eq!((found.status, found.text.contains(words)), (status, true), "{}", found.text);
        }
        assert_eq!((clock(None, now), clock(Some("today"), now)), (None, None));
    }

    #[test]
    fn a_sender_is_recognised_where_46elks_names_it() {
        for (sender, number, known) in [
            ("+46766861004", Some("+46766861004"), Value::from(true)),
            ("+46766861004", Some("+46701740605"), Value::Null),
            ("+46766861004", None, Value::Null),
            ("Elks", Some("+46701740605"), Value::Null),
        ] {
            let found = of_sender(sender, number);
            assert_eq!(found.facts["is_of_account"], known, "{}", found.text);
            assert!(!found.text.contains("+46"), "{}", found.text);
        }
    }
}
