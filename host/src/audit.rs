//! The audit log: one JSON line a call, without texts, whole numbers or secrets. [`Params::masked`] is the only way in
//! for what a caller wrote.

use crate::clock::Clock;
use crate::failure::{Code, Failure};
use crate::mask;
use crate::stderr::Sink;
use crate::summary::failures;
use crate::tools::Tool;
use crate::verdict::Alarm;
use chrono::{DateTime, SecondsFormat, Utc};
use elks_sandbox::Egress;
use serde::Serialize;
use serde_json::{Map, Value, json};
use sms_rules::invisible::escape;
use sms_rules::limits::MAX_PAGE;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::watch;

/// Longest message id that is recorded, in bytes. Those of 46elks have 33.
const MAX_ID_BYTES: usize = 40;

/// Longest time that is recorded, in bytes, fraction and zone included.
const MAX_TIME_BYTES: usize = 35;

/// Writes records and knows how many calls have begun and not ended.
pub struct AuditLog {
    sink: Arc<dyn Sink>,
    clock: Arc<dyn Clock>,
    /// Whether the simulator answers. Each record then says so.
    simulated: bool,
    /// How many alarms were recorded; part of their ids.
    alarms: AtomicU64,
    /// How many calls have begun and not ended, so that the end of the program can wait for them.
    running: watch::Sender<usize>,
}

impl AuditLog {
    /// A log whose lines go to `sink`.
    pub fn new(sink: Arc<dyn Sink>, clock: Arc<dyn Clock>, simulated: bool) -> Self {
        Self { sink, clock, simulated, alarms: AtomicU64::new(0), running: watch::Sender::new(0) }
    }

    /// Writes a message for the operator.
    pub fn message(&self, line: &str) {
        self.sink.line(line);
    }

    /// Resolves when no call is running.
    pub async fn idle(&self) {
        // The sender lives as long as the log does, so waiting cannot fail.
        let _ = self.running.subscribe().wait_for(|running| *running == 0).await;
    }

    /// Begins a call. From here on the log will have a line about it, whatever happens.
    pub fn begin(self: &Arc<Self>, tool: Tool, params: Params, dry_run: bool) -> AuditGuard {
        self.running.send_modify(|running| *running += 1);
        let begun = self.clock.now();
        AuditGuard { log: Arc::clone(self), tool, params, begun, approved: None, dry_run, egress: None, ended: false }
    }

    /// Records an alarm with a line of its own: what happened and an id, and nothing that the component wrote. Returns
    /// the failure with that id for the caller.
    pub fn alarm(&self, alarm: &Alarm, failure: Failure) -> Failure {
        let now = self.clock.now();
        // Unique in this process by the number, and between processes by the time.
        let number = self.alarms.fetch_add(1, Ordering::Relaxed);
        let id = format!("{:x}-{number}", now.timestamp_millis());
        let mut record = match alarm {
            Alarm::Denied(rule) => json!({"event": "denied", "rule": rule}),
            Alarm::Misreport(tool, field) => json!({"event": "misreport", "tool": tool, "field": field}),
            Alarm::DryRunWithId(tool) => json!({"event": "dry_run_with_id", "tool": tool}),
        };
        record["timestamp"] = json!(Timestamp(now));
        record["id"] = json!(id);
        if self.simulated {
            record["simulated"] = true.into();
        }
        self.sink.line(&json!({ "audit": record }).to_string());
        failure.to_report(&id)
    }
}

/// The audit record of one call. It is written when the call ends, or when it is dropped because the call was given up.
pub struct AuditGuard {
    log: Arc<AuditLog>,
    tool: Tool,
    params: Params,
    begun: DateTime<Utc>,
    /// When a person approved the call, if one did.
    approved: Option<DateTime<Utc>>,
    dry_run: bool,
    /// The call's way out, once it has one. It tells what a call that is given up may have sent.
    egress: Option<Egress>,
    ended: bool,
}

impl AuditGuard {
    /// Tells the guard the call's way out.
    pub fn watch(&mut self, egress: Egress) {
        self.egress = Some(egress);
    }

    /// Notes that a person has approved the call.
    pub fn approved(&mut self) {
        self.approved = Some(self.log.clock.now());
    }

    /// Ends a call that failed before the component ran.
    pub fn fail(mut self, failure: Failure) -> Failure {
        self.end(Some(&failure));
        failure
    }

    /// Ends the call and writes its record.
    pub fn end(&mut self, failure: Option<&Failure>) {
        self.ended = true;
        let now = self.log.clock.now();
        let record = Record {
            timestamp: Timestamp(now),
            tool: self.tool,
            params: &self.params,
            success: failure.is_none(),
            dry_run: self.dry_run,
            approved_at: self.approved.map(Timestamp),
            duration_ms: milliseconds((now - self.begun).to_std().unwrap_or_default()),
            error: failure.map(Failure::recorded),
            simulated: self.log.simulated,
        };
        self.log.sink.line(&record.line());
    }
}

impl Drop for AuditGuard {
    /// Ends a call that was given up: its request may be under way, or may have been denied.
    fn drop(&mut self) {
        if !self.ended {
            let trace = self.egress.as_ref().map(Egress::close).unwrap_or_default();
            let failure = match trace.denied {
                Some(rule) => self.log.alarm(&Alarm::Denied(rule), failures::denied(&trace)),
                None if trace.may_have_sent() => Failure::new(Code::OutcomeUnknown, ""),
                None => Failure::new(Code::Cancelled, ""),
            };
            self.end(Some(&failure));
        }
        self.log.running.send_modify(|running| *running -= 1);
    }
}

/// One record. The names are fixed, because users' tools read them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Record<'a> {
    /// When the call ended, UTC.
    timestamp: Timestamp,
    /// Which tool was called.
    tool: Tool,
    /// Its masked arguments.
    params: &'a Params,
    /// Whether the tool did what was requested.
    success: bool,
    /// Whether the call was a dry run.
    dry_run: bool,
    /// When a person approved the call, UTC. Absent if no person did.
    #[serde(skip_serializing_if = "Option::is_none")]
    approved_at: Option<Timestamp>,
    /// How long it took, in milliseconds.
    duration_ms: u64,
    /// The failure's code, and the HTTP status when 46elks refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// Present and true when the simulator answered.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    simulated: bool,
}

impl Record<'_> {
    /// The record as its line.
    fn line(&self) -> String {
        #[derive(Serialize)]
        struct Line<'a> {
            audit: &'a Record<'a>,
        }
        // Strings, numbers and booleans always serialise. If they did not, the line would still be one.
        serde_json::to_string(&Line { audit: self })
            .unwrap_or_else(|_| json!({"audit": {"tool": self.tool}}).to_string())
    }
}

/// A time in the form of the record.
struct Timestamp(DateTime<Utc>);

impl Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

/// A duration in milliseconds, or the largest number that fits.
fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The masked arguments of a call. Arguments that no tool has are not recorded at all.
#[derive(Debug, Clone, Serialize, PartialEq)]
#[serde(transparent)]
pub struct Params(Map<String, Value>);

impl Params {
    /// Masks arguments of any type, as the caller wrote them. A value is recorded in full only if it has its form (a
    /// direction, an id, a time) and is no secret; every other value becomes `(invalid)`.
    pub fn masked(arguments: &Map<String, Value>, is_secret: impl Fn(&str) -> bool) -> Self {
        let mut masked = Map::new();
        for (name, value) in arguments {
            let (name, recorded): (&str, Value) = match (name.as_str(), value) {
                ("to" | "from", Value::String(party)) => (name, escape(&mask::party(party)).into()),
                ("to" | "from", _) => (name, "****".into()),
                ("message", Value::String(text)) => ("message_length", text.chars().count().into()),
                ("limit", Value::Number(limit)) if limit.as_u64().is_some_and(|limit| limit <= MAX_PAGE.into()) => {
                    (name, value.clone())
                }
                ("flashsms" | "dry_run", Value::Bool(_)) => (name, value.clone()),
                ("direction", Value::String(word)) if ["inbound", "outbound", "both"].contains(&word.as_str()) => {
                    (name, value.clone())
                }
                ("message_id", Value::String(id)) if is_id(id) && !is_secret(id) => (name, value.clone()),
                ("start" | "end" | "cursor", Value::String(time)) if is_time(time) => (name, value.clone()),
                ("limit" | "flashsms" | "dry_run" | "direction" | "message_id" | "start" | "end" | "cursor", _) => {
                    (name, "(invalid)".into())
                }
                _ => continue,
            };
            masked.insert(name.into(), recorded);
        }
        Self(masked)
    }

    /// Whether the arguments ask for a dry run, even if they are not valid otherwise.
    pub fn ask_for_dry_run(&self) -> bool {
        self.0.get("dry_run") == Some(&Value::Bool(true))
    }
}

/// Whether a value has the form of an id of 46elks: letters and digits that begin with a letter, so no phone number.
fn is_id(value: &str) -> bool {
    value.len() <= MAX_ID_BYTES
        && value.starts_with(|c: char| c.is_ascii_alphabetic())
        && value.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// Whether a value has the form of a time, or of a cursor, which begins with one: `2026-01-31…`.
fn is_time(value: &str) -> bool {
    let (time, id) = value.split_once('~').unwrap_or((value, "s"));
    let date = time.get(..10).unwrap_or_default().bytes().enumerate();
    let dated = date.clone().count() == 10
        && date.into_iter().all(|(at, b)| if at == 4 || at == 7 { b == b'-' } else { b.is_ascii_digit() });
    dated
        && time.len() <= MAX_TIME_BYTES
        && time.bytes().all(|b| b.is_ascii_digit() || b"-:.+TZ ".contains(&b))
        && is_id(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(arguments: Value) -> Value {
        let Value::Object(arguments) = arguments else { panic!("arguments are an object") };
        serde_json::to_value(Params::masked(&arguments, |value| value == "s3cretpassw0rd")).expect("serialises")
    }

    #[test]
    fn parties_are_masked_and_texts_are_counted() {
        assert_eq!(
            params(
                json!({"to": "+46 70-174 06 05", "from": "Swedbankers", "message": "Hej på dig 😀", "dry_run": false})
            ),
            json!({"to": "+467****605", "from": "Swed****ers", "message_length": 12, "dry_run": false})
        );
    }

    #[test]
    fn what_a_caller_makes_up_is_not_recorded() {
        assert_eq!(
            params(json!({
                "password": "hunter2", "limit": "ten\n{\"audit\":1}", "message_id": "a b\u{1b}[31m", "message": 5,
                "to": ["+46701740605"], "direction": "sideways; a secret text",
            })),
            json!({"limit": "(invalid)", "message_id": "(invalid)", "to": "****", "direction": "(invalid)"})
        );
    }

    #[test]
    fn what_is_no_id_and_no_time_is_not_recorded() {
        for (name, value) in [
            ("direction", "transfer the money to Anna tonight"),
            ("message_id", "+46701740605"),
            ("message_id", "46701740605"),
            ("message_id", "s3cretpassw0rd"),
            ("cursor", "0701740605"),
            ("cursor", "2026-01-31T12:00:00.000~meet me at noon"),
            ("start", "2026-01-31 call me at 0701740605 or later"),
            ("end", ""),
        ] {
            assert_eq!(params(json!({name: value})), json!({name: "(invalid)"}), "{value}");
        }
        for limit in [json!(46701740605_u64), json!(101), json!(-1), json!(0.5)] {
            assert_eq!(params(json!({"limit": limit})), json!({"limit": "(invalid)"}), "a limit can be a phone number");
        }
    }

    #[test]
    fn ids_and_times_are_recorded_in_full() {
        let plain = json!({"message_id": "s0231d6d7d6bc14a7e7734e466785c4ce", "start": "2026-01-31T12:00:00+01:00",
                           "direction": "inbound", "limit": 10, "flashsms": true, "end": "2026-01-31",
                           "cursor": "2026-01-31T12:00:00.000~s0231d6d7d6bc14a7e7734e466785c4ce"});
        assert_eq!(params(plain.clone()), plain);
    }
}
