//! The audit log: one JSON line for each answered call, without texts, whole numbers or secrets. [`Params::of`] is the
//! only way in for what a caller wrote, and it takes parsed values alone.

use crate::clock::Clock;
use crate::contract::{
    CheckAccountBalanceRequest, CheckSmsStatusRequest, EstimateSmsCostRequest, GetDeliveryStatisticsRequest,
    GetSendingLimitsRequest, GetSmsMessagesRequest, SendSmsRequest,
};
use crate::failure::{Code, Failure};
use crate::ledger::Ledger;
use crate::mask;
use crate::stderr::Sink;
use crate::summary::failures;
use crate::tools::{Call, Tool};
use crate::verdict::{Alarm, alarms};
use chrono::{DateTime, SecondsFormat, Utc};
use elks_sandbox::{Class, Egress, Trace};
use serde::Serialize;
use serde_json::{Map, Value, json};
use sms_rules::phone::{is_e164, without_separators};
use sms_rules::sender::is_name;
use sms_rules::times;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::watch;

/// What is recorded in the place of a value without the form of its argument.
const INVALID: &str = "(invalid)";

/// What is recorded in the place of a value that contains a secret.
const SECRET: &str = "(secret)";

/// What is recorded in the place of a tool that this server does not have.
const UNKNOWN_TOOL: &str = "(unknown)";

/// The years of times that are recorded. Other years hold no message, and their digits could be those of a number.
const YEARS: RangeInclusive<&str> = "1970"..="2099";

/// The number of hexadecimal digits in an id of 46elks, after its `s`.
const ID_DIGITS: usize = 32;

/// Writes records and knows how many calls have begun and not ended.
pub struct AuditLog {
    sink: Arc<dyn Sink>,
    clock: Arc<dyn Clock>,
    /// Whether the simulator answers. Each record then says so.
    simulated: bool,
    /// The newest event of its journal is in each record, so that the client's log shows later if the journal lost it.
    ledger: Arc<Ledger>,
    /// How many alarms were recorded; part of their ids.
    alarm_count: AtomicU64,
    /// How many calls have begun and not ended, so that the end of the program can wait for them.
    running: watch::Sender<usize>,
}

impl AuditLog {
    /// A log whose lines go to `sink`.
    pub fn new(sink: Arc<dyn Sink>, clock: Arc<dyn Clock>, simulated: bool, ledger: Arc<Ledger>) -> Self {
        Self { sink, clock, simulated, ledger, alarm_count: AtomicU64::new(0), running: watch::Sender::new(0) }
    }

    /// Writes a message for the operator.
    pub fn message(&self, line: &str) {
        self.sink.line(line);
    }

    /// Writes a message about a send, which outlives other lines when stderr is not read.
    pub fn about_a_send(&self, line: &str) {
        self.sink.send_record(line);
    }

    /// Resolves when no call is running.
    pub async fn idle(&self) {
        // The sender lives as long as the log does, so waiting cannot fail.
        let _ = self.running.subscribe().wait_for(|running| *running == 0).await;
    }

    /// Begins a call. From here on the log will have a line about it, whatever happens.
    pub fn begin(self: &Arc<Self>, tool: Tool, params: Params, dry_run: bool) -> AuditGuard {
        let begun = self.clock.now();
        AuditGuard {
            log: Arc::clone(self),
            running: Some(Arc::new(Running::new(self))),
            tool,
            params,
            begun,
            approved: None,
            dry_run,
            egress: None,
            may_have_sent: None,
            given_up: None,
            is_duplicate: false,
            ended: false,
        }
    }

    /// Records a request for a call that is refused before its arguments are parsed. The tool is `None` if the request
    /// names none of this server's.
    pub fn refused(&self, tool: Option<Tool>, dry_run: bool, code: Code) {
        let record = Record {
            timestamp: Timestamp(self.clock.now()),
            tool: ToolName(tool),
            params: &Params::default(),
            success: false,
            dry_run,
            approved_at: None,
            duration_ms: 0,
            duplicate: false,
            error: Some(Failure::new(code, "").recorded()),
            simulated: self.simulated,
            journal: self.journal(),
        };
        self.sink.line(&record.line());
    }

    /// The newest event of the journal, if there is a journal.
    fn journal(&self) -> Option<Journal> {
        self.ledger.mark().map(|mark| Journal { seq: mark.seq, head: mark.head })
    }

    /// Records each alarm with a line of its own: what happened and an id, and nothing that the component wrote.
    /// Returns the failure with the id of the first one for the caller.
    pub fn alarms(&self, alarms: &[Alarm], failure: Failure) -> Failure {
        let ids: Vec<String> = alarms.iter().map(|alarm| self.alarm(alarm)).collect();
        match ids.first() {
            Some(id) => failure.with_report_id(id),
            None => failure,
        }
    }

    /// Records an alarm, and returns its id.
    fn alarm(&self, alarm: &Alarm) -> String {
        let now = self.clock.now();
        // Unique in this process by the number, and between processes by the time.
        let number = self.alarm_count.fetch_add(1, Ordering::Relaxed);
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
        if let Some(journal) = self.journal() {
            record["journal"] = json!(journal);
        }
        self.sink.line(&json!({ "audit": record }).to_string());
        id
    }
}

/// A call that has begun and not ended.
struct Running(Arc<AuditLog>);

impl Running {
    fn new(log: &Arc<AuditLog>) -> Self {
        log.running.send_modify(|running| *running += 1);
        Self(Arc::clone(log))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.send_modify(|running| *running -= 1);
    }
}

/// What is to be done with the trace of a call that is given up.
type Settle = Box<dyn FnOnce(&Trace) + Send + Sync>;

/// The audit record of one call. It is written when the call ends, or when it is dropped because the call was given up.
pub struct AuditGuard {
    log: Arc<AuditLog>,
    /// Counts the call as running.
    running: Option<Arc<Running>>,
    tool: Tool,
    params: Params,
    begun: DateTime<Utc>,
    /// When a person approved the call, if one did.
    approved: Option<DateTime<Utc>>,
    dry_run: bool,
    /// The call's way out, once it has one. It tells what a call that is given up may have sent.
    egress: Option<Egress>,
    /// Who wants to know, when the call ends, whether a message may have been sent.
    may_have_sent: Option<Box<dyn FnOnce(bool) + Send + Sync>>,
    /// What is to be done with the trace of a call that is given up.
    given_up: Option<Settle>,
    /// Whether the result is that of an earlier call, and this one has sent nothing.
    is_duplicate: bool,
    ended: bool,
}

impl AuditGuard {
    /// Reports to `listener`, when the call ends, whether a message may have been sent. What is not known counts as
    /// sent.
    pub fn when_ended(&mut self, listener: impl FnOnce(bool) + Send + Sync + 'static) {
        self.may_have_sent = Some(Box::new(listener));
    }

    /// Runs `settle` with the trace of the call if it is given up. It may wait for a disk: it runs on a thread of its
    /// own, and until it returns the call counts as running.
    pub fn when_given_up(&mut self, settle: impl FnOnce(&Trace) + Send + Sync + 'static) {
        self.given_up = Some(Box::new(settle));
    }

    /// While this is held, the call counts as running.
    pub fn running(&self) -> impl Send + 'static {
        self.running.clone()
    }

    /// Notes that the result is that of an earlier call, and that this one has sent nothing.
    pub fn duplicate(&mut self) {
        self.is_duplicate = true;
    }

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
        let sends = self.tool.class() == Class::Sending && !self.dry_run && !self.is_duplicate;
        let may_have_sent = failure.map_or(sends, |failure| failure.may_have_sent);
        if let Some(listener) = self.may_have_sent.take() {
            listener(may_have_sent);
        }
        let now = self.log.clock.now();
        let record = Record {
            timestamp: Timestamp(now),
            tool: ToolName(Some(self.tool)),
            params: &self.params,
            success: failure.is_none(),
            dry_run: self.dry_run,
            approved_at: self.approved.map(Timestamp),
            duration_ms: milliseconds((now - self.begun).to_std().unwrap_or_default()),
            duplicate: self.is_duplicate,
            error: failure.map(Failure::recorded),
            simulated: self.log.simulated,
            journal: self.log.journal(),
        };
        if may_have_sent {
            self.log.sink.send_record(&record.line());
        } else {
            self.log.sink.line(&record.line());
        }
    }
}

impl Drop for AuditGuard {
    /// Ends a call that was given up: its request may be under way, or may have been denied.
    fn drop(&mut self) {
        if !self.ended {
            let trace = self.egress.as_ref().map(Egress::close).unwrap_or_default();
            let alarms = alarms(self.tool, &trace);
            let failure = if !alarms.is_empty() {
                self.log.alarms(&alarms, failures::alarm(&trace))
            } else if trace.may_have_sent() {
                Failure { may_have_sent: true, ..Failure::new(Code::OutcomeUnknown, "") }
            } else {
                Failure::new(Code::Cancelled, "")
            };
            self.end(Some(&failure));
            if let Some(settle) = self.given_up.take() {
                let running = self.running.take();
                let settle = move || {
                    settle(&trace);
                    drop(running);
                };
                match tokio::runtime::Handle::try_current() {
                    Ok(runtime) => drop(runtime.spawn_blocking(settle)),
                    Err(_) => settle(),
                }
            }
        }
    }
}

/// One record. The names are fixed, because users' tools read them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Record<'a> {
    /// When the call ended, UTC.
    timestamp: Timestamp,
    /// Which tool was called.
    tool: ToolName,
    /// Its masked arguments. Empty if they could not be parsed.
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
    /// Present and true when the result is that of an earlier call, and this one has sent nothing.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    duplicate: bool,
    /// The failure's code, and the HTTP status when 46elks refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// Present and true when the simulator answered.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    simulated: bool,
    /// The newest event of the journal that this process has seen. Absent without a journal.
    #[serde(skip_serializing_if = "Option::is_none")]
    journal: Option<Journal>,
}

/// An event of the journal: its number, and the beginning of its head.
#[derive(Serialize)]
struct Journal {
    seq: u64,
    head: String,
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
            .unwrap_or_else(|_| json!({"audit": {"tool": self.tool.name()}}).to_string())
    }
}

/// A tool in the form of the record. The name of one that does not exist is not recorded: the caller made it up.
struct ToolName(Option<Tool>);

impl ToolName {
    fn name(&self) -> &'static str {
        self.0.map_or(UNKNOWN_TOOL, Tool::name)
    }
}

impl Serialize for ToolName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
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

/// The masked arguments of a call.
///
/// A caller who means to can hide a number in any value, even in the length of a text. What is recorded holds none as
/// it is written: a number is masked, and a time has no row of more than four digits. Only an id of 46elks's own form
/// is recorded as it is. One that a caller made of a number and some letters cannot be distinguished from a true one.
#[derive(Debug, Clone, Default, Serialize, PartialEq)]
#[serde(transparent)]
pub struct Params(Map<String, Value>);

impl Params {
    /// Masks the arguments of a parsed call. A text is recorded only in the form of its argument, and only if neither
    /// it nor that form contains a secret, in whatever case. `contact` is the recipient's name in the operator's list.
    pub fn of(call: &Call, contact: Option<&str>, contains_secret: impl Fn(&str) -> bool) -> Self {
        let mut params = Recorder { params: Map::new(), contains_secret };
        params.value("contact", contact);
        // Each record is taken apart whole, so that a new argument is not forgotten here.
        match call {
            Call::SendSms(SendSmsRequest { to, message, from, flashsms, dry_run }) => {
                params.message(to, message, from.as_deref());
                params.value("flashsms", *flashsms);
                params.value("dry_run", *dry_run);
            }
            Call::GetSmsMessages(GetSmsMessagesRequest { limit, direction, start, end, to, cursor }) => {
                params.value("limit", *limit);
                let direction = direction.and_then(|direction| serde_json::to_value(direction).ok());
                params.text("direction", direction.as_ref().and_then(Value::as_str), |name| Some(name.into()));
                params.text("start", start.as_deref(), time);
                params.text("end", end.as_deref(), time);
                params.text("to", to.as_deref(), number);
                params.text("cursor", cursor.as_deref(), cursor_form);
            }
            Call::CheckSmsStatus(CheckSmsStatusRequest { message_id }) => {
                params.text("message_id", Some(message_id), id);
            }
            Call::EstimateSmsCost(EstimateSmsCostRequest { to, message, from }) => {
                params.message(to, message, from.as_deref());
            }
            Call::CheckAccountBalance(CheckAccountBalanceRequest { to }) => {
                params.text("to", to.as_deref(), number);
            }
            Call::GetDeliveryStatistics(GetDeliveryStatisticsRequest { limit }) => params.value("limit", *limit),
            Call::GetSendingLimits(GetSendingLimitsRequest { to }) => params.text("to", to.as_deref(), number),
        }
        Self(params.params)
    }
}

/// Collects what is recorded of arguments.
struct Recorder<F> {
    params: Map<String, Value>,
    contains_secret: F,
}

impl<F: Fn(&str) -> bool> Recorder<F> {
    /// Records recipient and sender of a message, and the length of its text.
    fn message(&mut self, to: &str, message: &str, from: Option<&str>) {
        self.text("to", Some(to), number);
        self.text("from", from, party);
        self.value("message_length", Some(message.chars().count()));
    }

    /// Records a number or a switch, if it is there.
    fn value(&mut self, name: &str, value: Option<impl Into<Value>>) {
        self.params.extend(value.map(|value| (name.to_string(), value.into())));
    }

    /// Records a text in the form of its argument, if it is there.
    fn text(&mut self, name: &str, text: Option<&str>, form: impl Fn(&str) -> Option<String>) {
        let Some(text) = text else { return };
        let recorded = form(text).unwrap_or_else(|| INVALID.into());
        let secret = [text, recorded.as_str(), &without_separators(text)].into_iter().any(|text| self.is_secret(text));
        self.value(name, Some(if secret { SECRET.to_string() } else { recorded }));
    }

    /// Whether a text contains a secret. The passwords of 46elks have hexadecimal digits, which mean the same in either
    /// case.
    fn is_secret(&self, text: &str) -> bool {
        let contains_secret = &self.contains_secret;
        contains_secret(text)
            || contains_secret(&text.to_ascii_uppercase())
            || contains_secret(&text.to_ascii_lowercase())
    }
}

/// A recipient in the form of the record: a masked number.
fn number(text: &str) -> Option<String> {
    Some(without_separators(text)).filter(|number| is_e164(number)).map(|number| mask::party(&number))
}

/// A sender in the form of the record: a masked number or name.
fn party(text: &str) -> Option<String> {
    number(text).or_else(|| Some(text.trim_matches(' ')).filter(|name| is_name(name)).map(mask::party))
}

/// A message id in the form of the record: as it is, if it has 46elks's own form. One whose digits are all decimal is
/// not recorded, because a number can be written so, and 46elks gives one such id in three million.
fn id(text: &str) -> Option<String> {
    let digits = text.strip_prefix('s')?;
    let valid = digits.len() == ID_DIGITS
        && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        && digits.bytes().any(|b| b.is_ascii_alphabetic());
    valid.then(|| text.into())
}

/// A cursor in the form of the record: its time and its id.
fn cursor_form(text: &str) -> Option<String> {
    let Some((at, after)) = text.split_once('~') else { return time(text) };
    Some(format!("{}~{}", time(at)?, id(after)?))
}

/// A time in the form of the record: UTC, to the millisecond.
fn time(text: &str) -> Option<String> {
    let time = times::to_api(text).ok()? + "Z";
    Some(time).filter(|time| time.get(..4).is_some_and(|year| YEARS.contains(&year)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::TestClock;
    use proptest::prelude::*;
    use std::sync::Mutex;

    fn ledger() -> Arc<Ledger> {
        Arc::new(Ledger::in_memory(Arc::new(TestClock::new())))
    }

    const ID: &str = "s0231d6d7d6bc14a7e7734e466785c4ce";
    const PASSWORD: &str = "0F1E2D3C4B5A69788796A5B4C3D2E1F0";

    fn params(tool: Tool, arguments: Value) -> Value {
        let Value::Object(arguments) = arguments else { panic!("arguments are an object") };
        let call = Call::parse(tool, arguments).expect("is valid");
        serde_json::to_value(Params::of(&call, None, |text: &str| text.contains(PASSWORD))).expect("serialises")
    }

    /// What is recorded of one argument of `get_sms_messages`.
    fn recorded(name: &str, value: &str) -> String {
        params(Tool::GetSmsMessages, json!({name: value}))[name].as_str().expect("is recorded").into()
    }

    #[test]
    fn parties_are_masked_and_texts_are_counted() {
        assert_eq!(
            params(
                Tool::SendSms,
                json!({"to": "+46 70-174 06 05", "from": " Swedbankers ", "message": "Hej på dig 😀", "dry_run": false})
            ),
            json!({"to": "+467****605", "from": "Swed****ers", "message_length": 12, "dry_run": false})
        );
        assert_eq!(
            params(Tool::EstimateSmsCost, json!({"to": "+683 4123", "from": "+46 766 86 10 04", "message": "x"})),
            json!({"to": "****", "from": "+467****004", "message_length": 1})
        );
    }

    #[test]
    fn what_is_no_number_and_no_name_is_not_recorded() {
        for to in ["0701740605", "46701740605", "transfer it to Anna", "+46701740605,+46701740606", "Swedbankers"] {
            assert_eq!(recorded("to", to), INVALID, "{to}");
        }
        for from in ["0701740605", "a b c d e f", "call 0701740605", "Åsa Åkesson", "+46 70 secret"] {
            let arguments = json!({"to": "+46701740605", "message": "x", "from": from});
            assert_eq!(params(Tool::SendSms, arguments)["from"], INVALID, "{from}");
        }
    }

    #[test]
    fn what_is_no_id_and_no_time_is_not_recorded() {
        for (name, value) in [
            ("cursor", "0701740605"),
            ("cursor", "2026-01-31T12:00:00.000~meet me at noon"),
            ("cursor", "2026-01-31T12:00:00.000~s46701740605"),
            ("cursor", "46701740605~s0231d6d7d6bc14a7e7734e466785c4ce"),
            ("start", "2026-01-31 call me at 0701740605 later"),
            ("start", "+46701740605"),
            ("start", "4670-11-24T06:05:00Z"),
            ("end", "2026-01-31+46701740605"),
            ("end", "46701740605-01-31T12:00:00Z"),
        ] {
            assert_eq!(recorded(name, value), INVALID, "{value}");
        }
        for message_id in [
            "46701740605",
            "s46701740605",
            "s00000000000000000000046701740605",
            "S0231D6D7D6BC14A7E7734E466785C4CE",
            "s1",
        ] {
            let recorded = params(Tool::CheckSmsStatus, json!({"message_id": message_id}));
            assert_eq!(recorded, json!({"message_id": INVALID}));
        }
    }

    #[test]
    fn ids_times_and_numbers_are_recorded_in_one_form() {
        let cursor = format!("2026-01-31T12:00:00.000~{ID}");
        assert_eq!(
            params(
                Tool::GetSmsMessages,
                json!({"limit": 10, "direction": "inbound", "end": "2026-01-31", "cursor": cursor, "start":
                       "2026-01-31T12:00:00+01:00"})
            ),
            json!({"limit": 10, "direction": "inbound", "end": "2026-01-31T00:00:00.000Z",
                   "start": "2026-01-31T11:00:00.000Z", "cursor": format!("2026-01-31T12:00:00.000Z~{ID}")})
        );
        assert_eq!(params(Tool::CheckSmsStatus, json!({"message_id": ID})), json!({"message_id": ID}));
        assert_eq!(params(Tool::GetDeliveryStatistics, json!({"limit": 7})), json!({"limit": 7}));
        for time in ["2026-01-31 12:00:00.46701740605", "2026-01-31T12:00:00.467Z", "2026-01-31T12:00:00.467017+00:00"]
        {
            assert_eq!(recorded("start", time), "2026-01-31T12:00:00.467Z", "{time}");
        }
    }

    #[test]
    fn a_secret_is_recorded_in_no_argument_and_in_no_case() {
        let lower = PASSWORD.to_ascii_lowercase();
        for secret in [PASSWORD, &lower] {
            assert_eq!(recorded("cursor", &format!("2026-01-31T12:00:00.000~s{secret}")), SECRET);
            for name in ["to", "start", "end", "cursor"] {
                assert_eq!(recorded(name, secret), SECRET, "{name}");
            }
            assert_eq!(
                params(Tool::CheckSmsStatus, json!({"message_id": format!("s{secret}")})),
                json!({"message_id": SECRET})
            );
        }
        let arguments = json!({"to": "+46701740605", "message": PASSWORD, "from": "S3cretP4ss"});
        let call = Call::parse(Tool::SendSms, arguments.as_object().cloned().expect("is an object")).expect("is valid");
        let Params(params) = Params::of(&call, None, |text: &str| text.contains("s3cretp4ss"));
        assert_eq!(Value::Object(params), json!({"to": "+467****605", "message_length": 32, "from": SECRET}));
    }

    /// The lines of a log; `SEND ` stands before records of sends.
    #[derive(Default)]
    struct Lines(Mutex<Vec<String>>);

    impl Sink for Lines {
        fn line(&self, line: &str) {
            self.0.lock().expect("no test panics").push(line.into());
        }

        fn send_record(&self, line: &str) {
            self.line(&format!("SEND {line}"));
        }
    }

    #[test]
    fn what_was_or_may_have_been_sent_is_a_record_of_a_send() {
        let lines = Arc::new(Lines::default());
        let log =
            Arc::new(AuditLog::new(Arc::clone(&lines) as Arc<dyn Sink>, Arc::new(TestClock::new()), false, ledger()));
        let refused = Failure::new(Code::Cancelled, "");
        let unknown = Failure { may_have_sent: true, ..Failure::new(Code::OutcomeUnknown, "") };
        for (tool, dry_run, failure, is_send_record) in [
            (Tool::SendSms, false, None, true),
            (Tool::SendSms, false, Some(&unknown), true),
            (Tool::SendSms, false, Some(&refused), false),
            (Tool::SendSms, true, None, false),
            (Tool::GetSmsMessages, false, None, false),
        ] {
            log.begin(tool, Params::default(), dry_run).end(failure);
            let line = lines.0.lock().expect("no test panics").pop().expect("has a record");
            assert_eq!(line.starts_with("SEND {"), is_send_record, "{line}");
        }
    }

    #[test]
    fn a_refused_request_has_a_record_without_params() {
        let lines = Arc::new(Lines::default());
        let log = AuditLog::new(Arc::clone(&lines) as Arc<dyn Sink>, Arc::new(TestClock::new()), false, ledger());
        log.refused(None, true, Code::UnknownTool);
        log.refused(Some(Tool::SendSms), false, Code::InvalidRequest);
        let lines = lines.0.lock().expect("no test panics").join("\n");
        for part in [
            r#""tool":"(unknown)","params":{},"success":false,"dryRun":true,"durationMs":0,"error":"UNKNOWN_TOOL"}"#,
            r#""tool":"send_sms","params":{},"success":false,"dryRun":false,"durationMs":0,"error":"INVALID_REQUEST"}"#,
        ] {
            assert!(lines.contains(part), "{lines}");
        }
    }

    proptest! {
        #[test]
        fn a_recorded_text_has_no_row_of_digits_as_long_as_a_number(
            text in "\\PC{10,40}",
            time in "[0-9]{4}[-0][0-9]{2}[-:][0-9]{2}[Tt ][0-9:.]{0,18}[Zz+-]?[0-9:]{0,6}",
            number in "[+]?[0-9 ().-]{10,24}",
            cursor in "2026-01-31T12:00:00[.]?[0-9]{0,9}(~s?[0-9a-z]{0,8})?",
        ) {
            for value in [text, time, number, cursor] {
                for name in ["to", "start", "end", "cursor"] {
                    let recorded = recorded(name, &value);
                    let longest = recorded.split(|c: char| !c.is_numeric()).map(str::len).max();
                    prop_assert!(longest <= Some(4), "{}: {} digits in a row", name, longest.unwrap_or_default());
                }
            }
        }
    }
}
