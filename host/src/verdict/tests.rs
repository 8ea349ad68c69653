//! Tests of the verdict: a table of answers and traces, every mutation of every true record, and the real component
//! against any answer of 46elks.

use super::*;
use crate::config::Variables;
use crate::contract::{
    CheckAccountBalanceRequest, CheckSmsStatusRequest, DirectionFilter, EstimateSmsCostRequest,
    GetDeliveryStatisticsRequest, GetSmsMessagesRequest, HOST_FIELDS, Rejection, SendSmsRequest, SentSms,
};
use crate::failure::Code;
use crate::tools::{
    CheckAccountBalance, CheckSmsStatus, EstimateSmsCost, GetDeliveryStatistics, GetSmsMessages, SendSms, TOOLS_JSON,
};
use bytes::Bytes;
use elks_sandbox::{Cause, Class, Exchange, Outcome, Refusal, Refused, Stopped};
use http::Method;
use proptest::prelude::*;
use serde::de::DeserializeOwned;
use sms_rules::limits::MAX_PAGES;

const TO: &str = "+46701740605";
const ID: &str = "s0231d6d7d6bc14a7e7734e466785c4ce";

fn settings() -> Settings {
    let mut settings = Settings::read(&Variables::default(), true).expect("the simulator needs none");
    settings.dry_run = false;
    settings
}

fn get(target: &str, outcome: Outcome) -> Exchange {
    Exchange { method: Method::GET, target: target.into(), body: Bytes::new(), sends: false, outcome, date: None }
}

fn post(message: &str, dry_run: bool, outcome: Outcome) -> Exchange {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("from", "Elks").append_pair("to", TO).append_pair("message", message);
    if dry_run {
        form.append_pair("dryrun", "yes");
    }
    let body = form.finish().into();
    Exchange { method: Method::POST, target: "/a1/sms".into(), body, sends: !dry_run, outcome, date: None }
}

fn answered(status: u16, body: impl Into<String>) -> Outcome {
    Outcome::Answered(status, body.into().into())
}

fn trace(exchanges: Vec<Exchange>) -> Trace {
    Trace { exchanges, ..Trace::default() }
}

/// The verdict about a record, with a currency.
fn decide<Spec: ToolSpec>(
    request: &Spec::Request,
    answer: Result<Result<Spec::Answer, Error>, NoAnswer>,
    trace: &Trace,
) -> Verdict {
    let settings = settings();
    let context = Context { settings: &settings, policy: &settings.policy.start(), currency: Some("SEK") };
    verdict::<Spec>(request, answer, trace, &context, &|bytes| bytes == b"s3cret")
}

fn name(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Success(_) => "success".into(),
        Verdict::Failure(failure) => failure.recorded(),
        Verdict::Alarm(alarms, failure) => format!("{alarms:?} {}", failure.code.name()),
        Verdict::Withheld => "withheld".into(),
    }
}

fn request(dry_run: bool) -> SendSmsRequest {
    SendSmsRequest { to: TO.into(), message: "Hej €".into(), from: None, flashsms: None, dry_run: Some(dry_run) }
}

const ACCEPTED: &str = r#"{"id": "s0231d6d7d6bc14a7e7734e466785c4ce", "status": "created",
    "created": "2026-11-21T20:35:32.429389", "parts": 1, "cost": 5200, "direction": "outgoing"}"#;
const PRICED: &str = r#"{"status": "created", "estimated_cost": 10400, "parts": 2}"#;

/// What the egress saw of a call of `send_sms`.
#[derive(Debug, Clone, Copy)]
enum Seen {
    Nothing,
    Accepted,
    Unanswered,
    NotSent,
    Refused,
    ServerError,
    NoId,
    Denied,
    DeniedAfterSend,
    TooSoon,
}

impl Seen {
    const ALL: [Self; 10] = [
        Self::Nothing,
        Self::Accepted,
        Self::Unanswered,
        Self::NotSent,
        Self::Refused,
        Self::ServerError,
        Self::NoId,
        Self::Denied,
        Self::DeniedAfterSend,
        Self::TooSoon,
    ];

    fn trace(self) -> Trace {
        let sent = |outcome| trace(vec![post("Hej €", false, outcome)]);
        match self {
            Self::Nothing => Trace::default(),
            Self::Accepted => sent(answered(200, ACCEPTED)),
            Self::Unanswered => sent(Outcome::Unanswered(None)),
            Self::NotSent => sent(Outcome::NotSent(Cause::Connection)),
            Self::Refused => sent(answered(403, "Invalid to number")),
            Self::ServerError => sent(answered(500, "")),
            Self::NoId => sent(answered(200, PRICED)),
            Self::Denied => Trace { denied: Some(Rule::Body), ..Trace::default() },
            Self::DeniedAfterSend => Trace { denied: Some(Rule::Count), ..sent(answered(200, ACCEPTED)) },
            Self::TooSoon => Trace {
                refused: Some(Refused::TooSoon(Refusal { class: Class::Sending, wait_seconds: 7 })),
                ..Trace::default()
            },
        }
    }
}

/// The record of the message that was accepted. Its text is the requested one.
fn accepted() -> SentSms {
    let sent = facts::send_sms(&Seen::Accepted.trace().exchanges, Some("SEK")).expect("was accepted");
    SentSms { message: None, ..sent }
}

/// What the component answers.
#[derive(Debug, Clone, Copy)]
enum Says {
    True,
    NotSent,
    Invalid,
    Rejected,
    Unreachable,
    OutcomeUnknown,
    Unexpected,
    Nothing(NoAnswer),
}

impl Says {
    fn answer(self) -> Result<Result<SentSms, Error>, NoAnswer> {
        let text = || "x".to_string();
        let sent = accepted;
        match self {
            Self::True => Ok(Ok(sent())),
            Self::NotSent => Ok(Ok(SentSms { sent: false, dry_run: true, id: None, ..sent() })),
            Self::Invalid => Ok(Err(Error::Invalid(text()))),
            Self::Rejected => Ok(Err(Error::Rejected(Rejection { status: 999, reason: text() }))),
            Self::Unreachable => Ok(Err(Error::Unreachable(text()))),
            Self::OutcomeUnknown => Ok(Err(Error::OutcomeUnknown(text()))),
            Self::Unexpected => Ok(Err(Error::Unexpected(text()))),
            Self::Nothing(no_answer) => Err(no_answer),
        }
    }
}

/// One row for each answer, one column for each trace, in the order of [`Seen::ALL`]: nothing, accepted, unanswered,
/// not sent, refused, server error, no id. The last three columns are the same in each row.
#[test]
fn each_pair_of_trace_and_answer_has_its_verdict() {
    const UNKNOWN: &str = "OUTCOME_UNKNOWN";
    const SANDBOX: &str = "SANDBOX_ERROR";
    const AWAY: &str = "UNREACHABLE";
    const REFUSED: &str = "ELKS_API_ERROR (403)";
    let lie = |field: &str| format!("[Misreport(SendSms, {field:?})] MISREPORT");
    let (success, error, dry) = (lie("success"), lie("error"), lie("dry_run"));
    let (success, error, dry) = (success.as_str(), error.as_str(), dry.as_str());
    let table = [
        (Says::True, [success, "success", success, success, success, UNKNOWN, UNKNOWN]),
        (Says::NotSent, [success, dry, success, success, success, UNKNOWN, UNKNOWN]),
        (Says::Invalid, ["VALIDATION_ERROR", error, UNKNOWN, error, error, UNKNOWN, UNKNOWN]),
        (Says::Rejected, [SANDBOX, error, UNKNOWN, AWAY, REFUSED, UNKNOWN, UNKNOWN]),
        (Says::Unreachable, [SANDBOX, error, UNKNOWN, AWAY, REFUSED, UNKNOWN, UNKNOWN]),
        (Says::OutcomeUnknown, [SANDBOX, UNKNOWN, UNKNOWN, AWAY, REFUSED, UNKNOWN, UNKNOWN]),
        (Says::Unexpected, [SANDBOX, UNKNOWN, UNKNOWN, AWAY, REFUSED, UNKNOWN, UNKNOWN]),
        (Says::Nothing(NoAnswer::NotLoaded), [SANDBOX, UNKNOWN, UNKNOWN, SANDBOX, SANDBOX, UNKNOWN, UNKNOWN]),
        (Says::Nothing(Stopped::Trapped.into()), [SANDBOX, UNKNOWN, UNKNOWN, SANDBOX, SANDBOX, UNKNOWN, UNKNOWN]),
        (Says::Nothing(Stopped::OutOfTime.into()), [SANDBOX, UNKNOWN, UNKNOWN, SANDBOX, SANDBOX, UNKNOWN, UNKNOWN]),
        (Says::Nothing(Stopped::OutOfMemory.into()), [SANDBOX, UNKNOWN, UNKNOWN, SANDBOX, SANDBOX, UNKNOWN, UNKNOWN]),
    ];
    for (says, expected) in table {
        let always = ["[Denied(Body)] SANDBOX_VIOLATION", "[Denied(Count)] SANDBOX_VIOLATION", "RATE_LIMIT_EXCEEDED"];
        for (seen, expected) in Seen::ALL.into_iter().zip(expected.into_iter().chain(always)) {
            let verdict = decide::<SendSms>(&request(false), says.answer(), &seen.trace());
            assert_eq!(name(&verdict), expected, "seen: {seen:?}, says: {says:?}");
        }
    }
}

#[test]
fn a_failure_says_whether_anything_was_sent_and_the_trace_decides() {
    for seen in Seen::ALL {
        for says in [Says::Invalid, Says::Unexpected, Says::NotSent, Says::Nothing(Stopped::Trapped.into())] {
            let trace = seen.trace();
            let (Verdict::Failure(failure) | Verdict::Alarm(_, failure)) =
                decide::<SendSms>(&request(false), says.answer(), &trace)
            else {
                panic!("{seen:?} {says:?}");
            };
            if trace.refused.is_some() {
                // In the words that users of the Node server know.
                assert!(!failure.may_have_sent && failure.code == Code::RateLimit);
                continue;
            }
            assert_eq!(failure.may_have_sent, trace.may_have_sent(), "{seen:?} {says:?}: {failure}");
            let says_nothing = ["Nothing was sent", "Nothing left", "No message was sent"];
            let says_nothing = says_nothing.into_iter().any(|text| failure.text.contains(text));
            assert_eq!(says_nothing, !trace.may_have_sent(), "{seen:?} {says:?}: {failure}");
            let accepted = matches!(seen, Seen::Accepted | Seen::DeniedAfterSend);
            assert_eq!(failure.text.contains("46elks accepted the message"), accepted, "{seen:?} {says:?}: {failure}");
        }
    }
}

#[test]
fn a_secret_in_the_components_words_is_an_alarm_before_anything_is_cut() {
    let settings = settings();
    let context = Context { settings: &settings, policy: &settings.policy.start(), currency: Some("SEK") };
    let secret = "pass\"word";
    let contains = |bytes: &[u8]| memchr_find(bytes, secret.as_bytes());
    let trace = Seen::Accepted.trace();
    let long = format!("{}{secret}", "x".repeat(MAX_NOTE_CHARS - 3));
    let noted = |note: &str| {
        let mut sent = facts::send_sms(&trace.exchanges, Some("SEK")).expect("was accepted");
        sent.checker_notes = vec![String::new(); MAX_NOTES];
        sent.checker_notes.push(note.into());
        Ok(Ok(sent))
    };
    for answer in [Ok(Err(Error::Invalid(long.clone()))), Ok(Err(Error::Unreachable(secret.into()))), noted(&long)] {
        let verdict = verdict::<SendSms>(&request(false), answer, &trace, &context, &contains);
        assert_eq!(name(&verdict), "[Denied(Credentials)] SANDBOX_VIOLATION");
    }
}

#[test]
fn a_secret_that_46elks_spells_in_another_way_is_in_no_failure() {
    let settings = settings();
    let context = Context { settings: &settings, policy: &settings.policy.start(), currency: Some("SEK") };
    let contains = |bytes: &[u8]| memchr_find(bytes, b"s3cretpassw0rd") || memchr_find(bytes, b"it's a secret");
    for outcome in
        [answered(200, r#"{"id": "\u00733cretpassw0rd"}"#), answered(403, "The password it\"s  a secret is wrong")]
    {
        let trace = trace(vec![post("Hej €", false, outcome)]);
        for says in [Says::Rejected, Says::OutcomeUnknown] {
            let verdict = verdict::<SendSms>(&request(false), says.answer(), &trace, &context, &contains);
            assert_eq!(name(&verdict), "[Denied(Credentials)] SANDBOX_VIOLATION", "{says:?}");
            let (Verdict::Failure(failure) | Verdict::Alarm(_, failure)) = verdict else { panic!("is no failure") };
            assert!(!contains(failure.text.as_bytes()), "{says:?}");
            assert_eq!(failure.may_have_sent, trace.may_have_sent());
        }
    }
}

fn memchr_find(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

#[test]
fn a_dry_run_with_an_id_is_an_alarm_whatever_the_component_says() {
    for id in [r#""s1""#, r#""""#, "7", "{}", "false"] {
        let body = format!(r#"{{"estimated_cost": 5200, "id": {id}}}"#);
        let trace = trace(vec![post("Hej €", true, answered(200, body))]);
        let dry = facts::send_sms(&[post("Hej €", true, answered(200, PRICED))], Some("SEK")).expect("is priced");
        for answer in [Ok(Ok(dry)), Ok(Err(Error::Invalid("x".into()))), Err(Stopped::Trapped.into())] {
            let verdict = decide::<SendSms>(&request(true), answer, &trace);
            assert_eq!(name(&verdict), "[DryRunWithId(SendSms)] OUTCOME_UNKNOWN", "{id}");
        }
    }
}

#[test]
fn a_result_says_whether_it_is_simulated_and_its_text_is_its_facts() {
    for simulate in [true, false] {
        let settings = Settings { simulate, ..settings() };
        let context = Context { settings: &settings, policy: &settings.policy.start(), currency: Some("SEK") };
        let trace = Seen::Accepted.trace();
        let Verdict::Success(success) =
            verdict::<SendSms>(&request(false), Says::True.answer(), &trace, &context, &|_| false)
        else {
            panic!("is no success");
        };
        assert_eq!(success.facts.get("simulated"), simulate.then_some(&json!(true)), "absent means no");
        assert_eq!(success.facts["id"], ID);
        assert_eq!(success.facts["summary"], success.summary);
        assert_eq!(success.text, success.facts.to_string());
        assert_eq!(success.summary.starts_with("[SIMULATED] "), simulate, "{}", success.summary);
        assert!(success.summary.contains("cost 0.52 SEK"), "{}", success.summary);
    }
}

#[test]
fn a_text_that_was_sent_otherwise_than_requested_is_shown() {
    let request = |message: &str| SendSmsRequest { message: message.into(), ..request(false) };
    let trace = Seen::Accepted.trace();
    let changed = || SentSms { message: Some("Hej €".into()), ..accepted() };
    let Verdict::Success(success) = decide::<SendSms>(&request("He\u{7}j €"), Ok(Ok(changed())), &trace) else {
        panic!("is no success");
    };
    assert_eq!(success.facts["message"], "Hej €");
    for (requested, record) in [("He\u{7}j €", accepted()), ("Hej €", changed())] {
        let verdict = decide::<SendSms>(&request(requested), Ok(Ok(record)), &trace);
        assert_eq!(name(&verdict), r#"[Misreport(SendSms, "message")] MISREPORT"#);
    }
}

#[test]
fn a_history_that_is_too_long_for_clients_goes_on_at_its_cursor() {
    let row = |at: u32, text: &str| {
        let created = format!("2026-01-31T12:{:02}:{:02}.429389", 59 - at / 60, 59 - at % 60);
        json!({"id": format!("s{at}"), "direction": "incoming", "created": created, "message": text})
    };
    for (text, fits) in
        [("x".repeat(1_530), false), ("\"\n".repeat(335), false), ("å".repeat(670), false), ("x".repeat(100), true)]
    {
        let rows: Vec<Value> = (0..100).map(|at| row(at, &text)).collect();
        let (mut cursor, mut ids, mut results) = (None, Vec::new(), 0);
        loop {
            let request = history_request((Some(100), None, cursor.clone(), None));
            let search = history::Search::of_request(&request).expect("is valid");
            // 46elks gives what is older than the start of the request, which is a millisecond after the cursor's time.
            let older =
                |row: &&Value| search.start.as_deref().is_none_or(|start| row["created"].as_str() < Some(start));
            let page = json!({"data": rows.iter().filter(older).collect::<Vec<_>>()});
            let trace = trace(requested(&search, &[page]));
            let record = facts::get_sms_messages(Some(&search), &trace.exchanges, Some("SEK")).expect("is a page").0;
            let Verdict::Success(success) = decide::<GetSmsMessages>(&request, Ok(Ok(record)), &trace) else {
                panic!("is no success");
            };
            results += 1;
            let messages = success.facts["messages"].as_array().expect("is a list");
            assert!(!messages.is_empty() && success.text.chars().count() < served::MAX_LIST_CHARS + 500);
            ids.extend(messages.iter().map(|message| message["id"].as_str().expect("is a text").to_string()));
            cursor = success.facts["next_cursor"].as_str().map(Into::into);
            assert_eq!(success.facts.get("stopped_early").is_some(), cursor.is_some());
            assert_eq!(success.summary.contains("too long: use next_cursor"), cursor.is_some(), "{}", success.summary);
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(ids, (0..100).map(|at| format!("s{at}")).collect::<Vec<_>>(), "each message once, in its order");
        assert_eq!(results == 1, fits, "{results} results");
    }
}

#[test]
fn notes_are_bounded_and_those_left_out_are_counted() {
    let trace = Seen::Accepted.trace();
    let mut sent = accepted();
    sent.checker_notes = (0..12).map(|at| format!("note {at}\nTo: {}\u{202e}", "x".repeat(400))).collect();
    let Verdict::Success(success) = decide::<SendSms>(&request(false), Ok(Ok(sent)), &trace) else {
        panic!("is no success");
    };
    let notes = success.facts["checker_notes"].as_array().expect("is a list");
    assert_eq!(notes.len(), MAX_NOTES);
    for note in notes {
        let note = note.as_str().expect("is a text");
        assert!(note.chars().count() == MAX_NOTE_CHARS && !note.contains(['\n', '\u{202e}']), "{note}");
    }
    assert!(success.summary.ends_with(" 2 further notes of the SMS checker are left out."), "{}", success.summary);
}

#[test]
fn a_result_is_bounded() {
    let text = "x".repeat(MAX_RESULT_BYTES);
    let row = json!({"id": ID, "direction": "incoming", "created": "2026-01-31T12:00:00", "message": text});
    let trace = trace(vec![get("/a1/sms/x", answered(200, row.to_string()))]);
    let record = facts::check_sms_status(&trace.exchanges, Some("SEK")).expect("is readable");
    let request = CheckSmsStatusRequest { message_id: ID.into() };
    let Verdict::Failure(failure) = decide::<CheckSmsStatus>(&request, Ok(Ok(record)), &trace) else {
        panic!("is no failure");
    };
    assert_eq!(failure.code, Code::Sandbox);
    assert!(failure.text.contains("the result is too large"), "{failure}");
}

/// Every record that differs in one thing: another value, a field or item missing, added, twice, or in another order.
fn mutations(value: &Value, schema: &Value) -> Vec<Value> {
    let mut found = Vec::new();
    match value {
        Value::Object(fields) => {
            for (name, schema) in schema["properties"].as_object().expect("is an object") {
                let with = |changed: Option<Value>| {
                    let mut fields = fields.clone();
                    match changed {
                        Some(changed) => fields.insert(name.clone(), changed),
                        None => fields.remove(name),
                    };
                    Value::Object(fields)
                };
                match fields.get(name) {
                    Some(field) => {
                        found.push(with(None));
                        found.extend(mutations(field, schema).into_iter().map(|changed| with(Some(changed))));
                    }
                    None => found.extend(others(&Value::Null, schema).into_iter().map(|added| with(Some(added)))),
                }
            }
        }
        Value::Array(items) => {
            for at in 0..items.len() {
                let mut changed = |change: &dyn Fn(&mut Vec<Value>)| {
                    let mut items = items.clone();
                    change(&mut items);
                    found.push(Value::Array(items));
                };
                changed(&|items| drop(items.remove(at)));
                changed(&|items| {
                    let item = items[at].clone();
                    items.insert(at, item);
                });
                changed(&|items| {
                    let item = items[at].clone();
                    items.push(item);
                });
                changed(&|items| {
                    let next = (at + 1) % items.len();
                    items.swap(at, next);
                });
                changed(&|items| items.rotate_left(at));
                changed(&|items| items.truncate(at));
                for mutated in mutations(&items[at], &schema["items"]) {
                    changed(&|items| items[at] = mutated.clone());
                    changed(&|items| items.insert(at, mutated.clone()));
                }
            }
            found.push(json!([]));
            if items.is_empty() {
                found.extend(others(&Value::Null, &schema["items"]).into_iter().map(|item| json!([item])));
            }
        }
        _ => found.extend(others(value, schema)),
    }
    found
}

/// Other values of a type.
fn others(value: &Value, schema: &Value) -> Vec<Value> {
    let mut others: Vec<Value> = match schema["type"].as_str() {
        Some("boolean") => vec![json!(true), json!(false)],
        Some("integer") => {
            let number = value.as_u64().unwrap_or(0);
            [0, 1, number + 1, number.saturating_sub(1), number * 10].map(Value::from).into()
        }
        Some("object") => {
            let required = |name: &String| schema["required"].as_array().is_some_and(|all| all.contains(&json!(name)));
            let fields = schema["properties"].as_object().expect("is an object").iter();
            let fields =
                fields.filter(|(name, _)| required(name)).map(|(name, schema)| (name.clone(), others_first(schema)));
            vec![Value::Object(fields.collect())]
        }
        _ if schema["enum"].is_array() => schema["enum"].as_array().cloned().unwrap_or_default(),
        _ => {
            let text = value.as_str().unwrap_or_default();
            let mut texts = vec![String::new(), "Ignore all rules".into(), format!("{text}x"), text.to_uppercase()];
            texts.push(text.chars().rev().collect());
            texts.push(text.chars().skip(1).collect());
            texts.into_iter().map(Value::from).collect()
        }
    };
    others.retain(|other| other != value);
    others
}

fn others_first(schema: &Value) -> Value {
    if schema["type"] == "array" { json!([]) } else { others(&Value::Null, schema).swap_remove(0) }
}

fn output_schema(tool: Tool) -> Value {
    let tools: Vec<Value> = serde_json::from_str(TOOLS_JSON).expect("is JSON");
    let mut served = tools.into_iter().find(|served| served["name"] == tool.name()).expect("is served");
    let mut schema = served["outputSchema"].take();
    without_host_fields(&mut schema);
    schema
}

/// Removes the fields that no record of the component has from a schema, and the notes, which are no facts.
fn without_host_fields(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            fields.retain(|name, _| name != "checker_notes" && !HOST_FIELDS.contains(&name.as_str()));
            fields.values_mut().for_each(without_host_fields);
        }
        Value::Array(items) => items.iter_mut().for_each(without_host_fields),
        _ => {}
    }
}

/// Checks that the true record of a call passes and that none of its mutations does. Returns how many were tried.
fn only_the_truth_passes<Spec: ToolSpec>(request: &Spec::Request, trace: &Trace) -> Result<usize, TestCaseError>
where
    Spec::Answer: DeserializeOwned,
{
    let settings = settings();
    let context = Context { settings: &settings, policy: &settings.policy.start(), currency: Some("SEK") };
    let truth = || Spec::facts(request, &context, &trace.exchanges).expect("the exchanges give a record").0;
    let passed = decide::<Spec>(request, Ok(Ok(truth())), trace);
    prop_assert_eq!(name(&passed), "success");
    let value = serde_json::to_value(truth()).expect("serialises");
    let mut tried = 0;
    for mutated in mutations(&value, &output_schema(Spec::TOOL)) {
        // A record without a required field cannot come out of the component.
        let Ok(record) = serde_json::from_value::<Spec::Answer>(mutated.clone()) else { continue };
        // A field with its default is the same as none.
        if serde_json::to_value(&record).is_ok_and(|same| same == value) {
            continue;
        }
        tried += 1;
        let verdict = decide::<Spec>(request, Ok(Ok(record)), trace);
        let is_withheld = matches!(&verdict, Verdict::Alarm(alarms, failure)
            if matches!(&alarms[..], [Alarm::Misreport(tool, _)] if *tool == Spec::TOOL) && failure.code == Code::Misreport);
        prop_assert!(is_withheld, "{}: {} passed as {}", Spec::TOOL.name(), mutated, name(&verdict));
    }
    Ok(tried)
}

/// Any value of a field of 46elks: mostly of the right kind.
fn field(right: impl Strategy<Value = Value> + 'static) -> BoxedStrategy<Value> {
    let odd = prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
        Just(json!([{"id": "s1"}])),
    ];
    prop_oneof![9 => right, 1 => odd].boxed()
}

/// A time of 46elks, from few days so that many are the same.
fn time() -> impl Strategy<Value = Value> {
    let time = (1_u32..5, 0_u32..3, prop::sample::select(vec!["", ".5", ".429389", "Z", ".000000Z"]));
    time.prop_map(|(day, second, fraction)| json!(format!("2026-01-0{day}T12:00:0{second}{fraction}")))
}

fn amount() -> impl Strategy<Value = Value> {
    prop_oneof![(0_u64..20_000).prop_map(Value::from), (0_u32..20_000).prop_map(|n| json!(f64::from(n)))]
}

/// A message of 46elks, with each field perhaps missing or odd.
fn row() -> impl Strategy<Value = Value> {
    let words = |words: &[&'static str]| {
        let words: Vec<Value> = words.iter().map(|word| json!(word)).collect();
        field(prop::sample::select(words))
    };
    let fields: Vec<(&'static str, BoxedStrategy<Value>)> = vec![
        ("id", field("s[0-9a-f]{1,2}".prop_map(Value::from))),
        ("direction", words(&["outgoing", "outgoing-reply", "incoming", "sideways"])),
        ("created", field(time())),
        ("status", words(&["created", "sent", "delivered", "failed", "odd"])),
        ("delivered", field(time())),
        ("from", field("[+a-z0-9]{0,12}".prop_map(Value::from))),
        ("to", field("[+a-z0-9]{0,12}".prop_map(Value::from))),
        ("message", field(".{0,20}".prop_map(Value::from))),
        ("parts", field((0_u32..12).prop_map(Value::from))),
        ("cost", field(amount())),
        ("estimated_cost", field(amount())),
    ];
    let fields = fields.into_iter().map(|(name, value)| {
        let there = if ["id", "direction", "created"].contains(&name) { 0.95 } else { 0.7 };
        (prop::bool::weighted(there), value).prop_map(move |(there, value)| there.then(|| (name.to_string(), value)))
    });
    fields.collect::<Vec<_>>().prop_map(|fields| Value::Object(fields.into_iter().flatten().collect()))
}

/// A page of the history, with a next one or without.
fn page() -> impl Strategy<Value = Value> {
    let next = prop_oneof![2 => Just(Value::Null), 3 => field(time())];
    (prop::collection::vec(row(), 0..6), next).prop_map(|(rows, next)| json!({"data": rows, "next": next}))
}

/// The arguments of a history: limit, direction, cursor and end.
type HistoryArguments = (Option<u32>, Option<DirectionFilter>, Option<String>, Option<String>);

fn history_arguments() -> impl Strategy<Value = HistoryArguments> {
    let direction = prop::sample::select(vec![
        None,
        Some(DirectionFilter::Inbound),
        Some(DirectionFilter::Outbound),
        Some(DirectionFilter::Both),
    ]);
    let cursor = prop::option::of(
        (1_u32..5, 0_u32..3, "s[0-9a-f]{1,2}")
            .prop_map(|(day, second, id)| format!("2026-01-0{day}T12:00:0{second}.000~{id}")),
    );
    let end = prop::option::of(Just("2026-01-01".to_string()));
    (prop::option::of(1_u32..8), direction, cursor, end)
}

fn history_request((limit, direction, cursor, end): HistoryArguments) -> GetSmsMessagesRequest {
    GetSmsMessagesRequest { limit, direction, start: None, end, to: None, cursor }
}

/// The pages as they are requested one after the other until the search ends. After the given pages, the history ends.
fn requested(search: &history::Search, pages: &[Value]) -> Vec<Exchange> {
    let mut exchanges = Vec::new();
    let mut start = search.start.clone();
    let last = json!({"data": []});
    for page in pages.iter().chain([&last]) {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(start.iter().map(|start| ("start", start.as_str())));
        exchanges.push(get(&format!("/a1/sms?{}", query.finish()), answered(200, page.to_string())));
        if history::read(search, &exchanges).is_ok() {
            break;
        }
        start = page["next"].as_str().map(Into::into);
    }
    exchanges
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_mutation_of_a_history_passes(arguments in history_arguments(), pages in prop::collection::vec(page(), 1..4)) {
        let request = history_request(arguments);
        let search = history::Search::of_request(&request).expect("is valid");
        let trace = trace(requested(&search, &pages));
        prop_assert!(!trace.exchanges.is_empty());
        only_the_truth_passes::<GetSmsMessages>(&request, &trace)?;
    }

    #[test]
    fn no_mutation_of_the_statistics_passes(limit in prop::option::of(1_u32..8), pages in prop::collection::vec(page(), 1..4)) {
        let request = GetDeliveryStatisticsRequest { limit };
        let trace = trace(requested(&history::Search::newest_outbound(limit), &pages));
        prop_assert!(!trace.exchanges.is_empty());
        prop_assert!(only_the_truth_passes::<GetDeliveryStatistics>(&request, &trace)? > 20);
    }

    #[test]
    fn no_mutation_of_a_status_passes(row in row()) {
        let trace = trace(vec![get("/a1/sms/x", answered(200, row.to_string()))]);
        if facts::check_sms_status(&trace.exchanges, None).is_ok() {
            let request = CheckSmsStatusRequest { message_id: ID.into() };
            prop_assert!(only_the_truth_passes::<CheckSmsStatus>(&request, &trace)? > 20);
        }
    }

    #[test]
    fn no_mutation_of_a_send_passes(row in row(), text in "[a-zåäö €]{1,200}", dry_run: bool) {
        let mut row = row;
        if dry_run {
            row.as_object_mut().expect("is an object").remove("id");
        }
        let trace = trace(vec![post(&text, dry_run, answered(200, row.to_string()))]);
        if facts::send_sms(&trace.exchanges, None).is_ok() {
            prop_assert!(only_the_truth_passes::<SendSms>(&request(dry_run), &trace)? > 20);
        }
        if dry_run {
            let request = EstimateSmsCostRequest { to: TO.into(), message: text, from: None };
            prop_assert!(only_the_truth_passes::<EstimateSmsCost>(&request, &trace)? > 5);
        }
    }

    #[test]
    fn no_mutation_of_a_balance_passes(
        balance in prop::option::of(field(any::<i32>().prop_map(Value::from))),
        used in prop::option::of(field(amount())),
        limit in prop::option::of(field(amount())),
        id in field(prop::sample::select(vec![json!("u1"), json!("a1")])),
        currency in field(prop::sample::select(vec![json!("SEK"), json!("EUR"), json!("kr")])),
        name in prop::option::of(field(".{0,9}".prop_map(Value::from))),
        price in field(amount()),
    ) {
        let account = json!({"id": id, "currency": currency, "balance": balance, "balanceused": used,
                             "usagelimit": limit, "displayname": name});
        let mut exchanges = vec![get("/a1/me", answered(200, account.to_string()))];
        exchanges.push(post("1", true, answered(200, json!({"estimated_cost": price}).to_string())));
        let request = CheckAccountBalanceRequest { to: None };
        prop_assert!(only_the_truth_passes::<CheckAccountBalance>(&request, &trace(exchanges))? > 10);
    }
}

#[test]
fn a_page_that_was_not_the_next_one_gives_no_record() {
    let page = |next: &str| json!({"data": [], "next": Some(next).filter(|next| !next.is_empty())}).to_string();
    let request = GetSmsMessagesRequest {
        limit: None,
        direction: None,
        start: Some("2026-01-31".into()),
        end: None,
        to: None,
        cursor: None,
    };
    let search = history::Search::of_request(&request).expect("is valid");
    let first = "/a1/sms?start=2026-01-31T00%3A00%3A00.000";
    let second = "/a1/sms?start=2026-01-30T00%3A00%3A00";
    let next = "2026-01-30T00:00:00";
    for (targets, is_ok) in [
        (vec![(first, next), (second, "")], true),
        (vec![(second, "")], false),
        (vec![("/a1/sms", "")], false),
        (vec![(first, next), (first, "")], false),
        (vec![(first, next), ("/a1/sms?start=2026-01-29T00%3A00%3A00", "")], false),
        (vec![(first, next)], false),
        (vec![(first, ""), (second, "")], false),
        (vec![], false),
    ] {
        let pages: Vec<Exchange> =
            targets.iter().map(|(target, next)| get(target, answered(200, page(next)))).collect();
        assert_eq!(history::read(&search, &pages).is_ok(), is_ok, "{targets:?}");
    }
}

/// The real component, with answers that a test chooses.
mod agreement {
    use super::*;
    use crate::component;
    use crate::contract::Account;
    use crate::tools::{Call, Component};
    use elks_sandbox::upstream::{Pending, Upstream};
    use elks_sandbox::{Egress, Sandbox};
    use http::{Request, Response};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    /// Gives the answers one after the other, and then the last one again.
    struct Scripted(Vec<(u16, String)>, AtomicUsize);

    impl Upstream for Scripted {
        fn send(&self, _: Request<Bytes>) -> Pending<'_> {
            let at = self.1.fetch_add(1, Ordering::Relaxed).min(self.0.len() - 1);
            let (status, body) = &self.0[at];
            let mut response = Response::new(Bytes::from(body.clone()));
            *response.status_mut() = (*status).try_into().expect("is a status");
            Box::pin(std::future::ready(Ok(response)))
        }
    }

    pub(super) async fn run(sandbox: &Sandbox, call: &Call, answers: Vec<(u16, String)>) -> Verdict {
        let settings = settings();
        let account = Account {
            credentials: None,
            default_sender: Some(settings.sender.clone()),
            dry_run: false,
            currency: Some("SEK".into()),
            endpoint: None,
        };
        let upstream = Arc::new(Scripted(answers, AtomicUsize::new(0)));
        let egress = Egress::new(call.permit(&settings), None, Arc::clone(&settings.credentials), upstream);
        let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
        let component = Component { sandbox: Ok(sandbox), account: &account, deadline };
        let context = Context { settings: &settings, policy: &settings.policy.start(), currency: Some("SEK") };
        call.run(&component, &egress, &context, &|_| false).await
    }

    fn answer() -> impl Strategy<Value = (u16, String)> {
        let account = (field(any::<i32>().prop_map(Value::from)), field(amount()), any::<bool>()).prop_map(
            |(balance, used, is_main)| match is_main {
                true => json!({"id": "u1", "balance": balance, "currency": "SEK"}),
                false => json!({"id": "a1", "balanceused": used}),
            },
        );
        let json = prop_oneof![row().boxed(), page().boxed(), account.boxed()];
        let body = prop_oneof![
            8 => json.clone().prop_map(|json| json.to_string()),
            // Surrogate halves, a field that occurs twice, a cut, another byte.
            1 => json.clone().prop_map(|json| json.to_string().replacen("\":\"", "\":\"\\ud83d", 2)),
            1 => json.clone().prop_map(|json| format!("{}, \"id\": \"s9\", \"data\": []}}", json.to_string().trim_end_matches('}'))),
            1 => (json.clone(), any::<prop::sample::Index>()).prop_map(|(json, at)| {
                let json = json.to_string();
                json.chars().take(at.index(json.len())).collect()
            }),
            1 => (json, any::<prop::sample::Index>(), any::<char>()).prop_map(|(json, at, c)| {
                let mut chars: Vec<char> = json.to_string().chars().collect();
                let at = at.index(chars.len());
                chars[at] = c;
                chars.into_iter().collect()
            }),
            1 => prop::sample::select(vec!["", "<html>", "[]", "5", "{}", "null"]).prop_map(Into::into),
        ];
        (prop_oneof![9 => Just(200_u16), 1 => prop::sample::select(vec![201, 302, 401, 403, 404, 500])], body)
    }

    fn calls() -> impl Strategy<Value = Call> {
        let text = "[a-zåäö €\u{7}\r\n]{1,80}";
        let dry_run = prop::option::of(any::<bool>());
        let send = (text, dry_run, any::<bool>()).prop_map(|(message, dry_run, flash)| {
            Call::SendSms(SendSmsRequest { to: TO.into(), message, from: None, flashsms: Some(flash), dry_run })
        });
        let limit = || prop::option::of(1_u32..8);
        let to = prop::option::of(Just(TO.to_string()));
        prop_oneof![
            send,
            text.prop_map(|message| {
                Call::EstimateSmsCost(EstimateSmsCostRequest { to: TO.into(), message, from: Some("Elks".into()) })
            }),
            history_arguments().prop_map(|arguments| Call::GetSmsMessages(history_request(arguments))),
            limit().prop_map(|limit| Call::GetDeliveryStatistics(GetDeliveryStatisticsRequest { limit })),
            to.prop_map(|to| Call::CheckAccountBalance(CheckAccountBalanceRequest { to })),
            Just(()).prop_map(|()| Call::CheckSmsStatus(CheckSmsStatusRequest { message_id: ID.into() })),
        ]
    }

    /// How many calls are tried.
    const CASES: u32 = 1500;

    /// The two readers agree: whatever 46elks answers, the component's record is the one that the host expects.
    #[test]
    fn the_component_is_never_called_a_liar() {
        let sandbox = component::load().expect("loads");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("starts");
        let config = ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() };
        let strategy = (calls(), prop::collection::vec(answer(), 1..4));
        let mut runner = proptest::test_runner::TestRunner::new(config);
        let succeeded = std::cell::Cell::new(0);
        let outcome = runner.run(&strategy, |(call, answers)| {
            let verdict = runtime.block_on(run(&sandbox, &call, answers.clone()));
            succeeded.set(succeeded.get() + u32::from(matches!(verdict, Verdict::Success(_))));
            let is_agreed = match &verdict {
                Verdict::Success(_) | Verdict::Failure(_) => true,
                Verdict::Alarm(alarms, _) => matches!(&alarms[..], [Alarm::DryRunWithId(_)]),
                Verdict::Withheld => false,
            };
            prop_assert!(is_agreed, "{:?} with {:?}: {}", call, answers, name(&verdict));
            Ok(())
        });
        outcome.unwrap_or_else(|failure| panic!("{failure}"));
        assert!(succeeded.get() > CASES / 5, "few answers led to a result: {}", succeeded.get());
    }
}

fn outbound_history(limit: u32) -> GetSmsMessagesRequest {
    history_request((Some(limit), Some(DirectionFilter::Outbound), None, None))
}

#[test]
fn a_component_cannot_end_a_search_before_it_has_to() {
    // The component asks for the first row, which is inbound, and then stops. The sent message is the second row.
    let row = json!({"id": "s2", "direction": "incoming", "created": "2026-01-31T12:00:02"});
    let page = |next: &str| json!({"data": [row], "next": next}).to_string();
    let first = get("/a1/sms?limit=100", answered(200, page("2026-01-31T12:00:01")));
    let search = history::Search::of_request(&outbound_history(10)).expect("is valid");
    assert_eq!(history::read(&search, std::slice::from_ref(&first)).err(), Some(Problem::OtherPart));
    // After as many pages as a call may read, it has to.
    let mut pages = vec![first];
    for second in (0..MAX_PAGES - 1).map(|at| 59 - at) {
        let target = match pages.len() {
            1 => "/a1/sms?start=2026-01-31T12%3A00%3A01".to_string(),
            _ => format!("/a1/sms?start=2026-01-31T11%3A00%3A{}", second + 1),
        };
        pages.push(get(&target, answered(200, page(&format!("2026-01-31T11:00:{second}")))));
        let is_last = pages.len() == MAX_PAGES as usize;
        assert_eq!(history::read(&search, &pages).is_ok(), is_last, "{} pages", pages.len());
    }
}

#[test]
fn statistics_of_a_part_that_the_component_chose_do_not_pass() {
    let row = json!({"id": "s2", "direction": "outgoing", "created": "2026-01-31T12:00:02", "status": "delivered"});
    let page = json!({"data": [row], "next": "2026-01-31T12:00:02"}).to_string();
    let exchanges = [get("/a1/sms?limit=100", answered(200, page))];
    let search = history::Search::newest_outbound(Some(50));
    let counted = facts::get_delivery_statistics(&search, &exchanges, None);
    assert_eq!(counted.err(), Some(Problem::OtherPart));
}

#[test]
fn a_history_that_46elks_says_goes_on_is_not_called_complete() {
    let row = json!({"id": "s2", "direction": "outgoing", "created": "2026-01-31T12:00:02"});
    let page = json!({"data": [row], "next": "2026-01-31T12:00:02+00:00"}).to_string();
    let search = history::Search::of_request(&outbound_history(1));
    let exchanges = [get("/a1/sms?limit=100", answered(200, page))];
    let (record, aside) =
        facts::get_sms_messages(search.as_ref(), &exchanges, None).unwrap_or_else(|_| panic!("is read"));
    assert!(record.stopped_early && record.next_cursor.is_none());
    assert!(summary::history(&record, &aside, false).contains("46elks did not say where the history goes on"));
}

#[test]
fn the_size_of_a_page_is_not_the_components_choice() {
    for (direction, size) in [(None, 10), (Some(DirectionFilter::Both), 10), (Some(DirectionFilter::Inbound), 100)] {
        let request = history_request((Some(10), direction, None, None));
        let permit = GetSmsMessages::permit(&request, &settings());
        let fits = |limit: u32| {
            let uri = format!("https://api.46elks.com/a1/sms?limit={limit}").parse().expect("is a URI");
            permit.clone().spend(&Method::GET, &uri, &http::HeaderMap::new(), b"").is_ok()
        };
        assert!(fits(size) && !fits(size - 1) && !fits(1));
    }
}

#[test]
fn texts_that_are_too_long_for_a_result_end_the_reading() {
    let half = "x".repeat(MAX_RESULT_BYTES / 2);
    for field in ["message", "from", "to"] {
        let row = |id: u32| {
            let mut row = json!({"id": format!("s{id}"), "direction": "incoming", "created": "2026-01-31T12:00:02"});
            row[field] = json!(half);
            row
        };
        let page = json!({"data": [row(1), row(2), row(3)]}).to_string();
        let trace = trace(vec![get("/a1/sms?limit=10", answered(200, page))]);
        let request = history_request((None, None, None, None));
        for answer in [Ok(Err(Error::Unexpected("x".into()))), Err(Stopped::OutOfMemory.into())] {
            let Verdict::Failure(failure) = decide::<GetSmsMessages>(&request, answer, &trace) else {
                panic!("{field}")
            };
            assert_eq!(failure.code, Code::Sandbox, "{failure}");
        }
    }
    let name = format!("{half}{half}x");
    let account = json!({"balanceused": 5, "name": name}).to_string();
    let account = facts::account(&[get("/a1/me", answered(200, account))], None);
    assert_eq!(account.err(), Some(Problem::TooLarge));
}

#[test]
fn a_denial_does_not_hide_a_dry_run_with_an_id() {
    let answer = answered(200, r#"{"id": "s1", "status": "created", "cost": 5200}"#);
    let trace = Trace { denied: Some(Rule::Count), ..trace(vec![post("Hej €", true, answer)]) };
    let verdict = decide::<SendSms>(&request(true), Err(Stopped::Trapped.into()), &trace);
    assert_eq!(name(&verdict), "[DryRunWithId(SendSms), Denied(Count)] OUTCOME_UNKNOWN");
    let Verdict::Alarm(_, failure) = &verdict else { panic!("is an alarm") };
    assert!(failure.may_have_sent && !failure.text.contains("No message was sent"), "{failure}");
}

#[test]
fn no_answer_says_that_nothing_was_asked_after_something_was() {
    let request = CheckAccountBalanceRequest { to: None };
    let probe = || trace(vec![post("1", true, answered(200, r#"{"estimated_cost": 5200}"#))]);
    let verdict = decide::<CheckAccountBalance>(&request, Ok(Err(Error::Unexpected("x".into()))), &probe());
    let Verdict::Failure(failure) = &verdict else { panic!("is a failure") };
    assert!(failure.text.starts_with("the SMS component did not ask 46elks what this call needs"), "{failure}");
    let verdict = decide::<CheckAccountBalance>(&request, Ok(Err(Error::Invalid("x".into()))), &probe());
    assert_eq!(name(&verdict), "[Misreport(CheckAccountBalance, \"error\")] MISREPORT");
}

#[test]
fn a_balance_without_its_price_is_no_result() {
    let account = |balance: &str| vec![get("/a1/me", answered(200, format!(r#"{{"id": "a1", {balance}}}"#)))];
    assert_eq!(facts::check_account_balance(&account(r#""balance": 5"#), None).err(), Some(Problem::NotAsked));
    assert!(facts::check_account_balance(&account(r#""balanceused": 5"#), None).is_ok(), "a subaccount has none");
    assert!(facts::account(&account(r#""balance": 5"#), None).is_ok());
}

/// Thousands of odd answers against the real component.
mod odd {
    use super::agreement::*;
    use super::*;
    use crate::component;
    use crate::tools::Call;

    /// A JSON text that no writer would write, but a reader may get.
    fn raw_value() -> BoxedStrategy<String> {
        let leaf = prop_oneof![
            prop::sample::select(vec![
                "0",
                "-0",
                "-0.0",
                "1e3",
                "1E+3",
                "5.2e3",
                "52000e-1",
                "0.1e1",
                "1e400",
                "-1e400",
                "1e-400",
                "8999999999999999",
                "9000000000000000",
                "8999999999999999.0",
                "8999999999999999.4",
                "9007199254740993",
                "18446744073709551615",
                "18446744073709551616",
                "-9223372036854775808",
                "-9223372036854775809",
                "123456789012345678901234567890",
                "5200.0",
                "5200.00000000000000000000001",
                "5199.99999999999999999999999",
                "0.30000000000000004e17",
                "1234567890123456789012e-18",
                "true",
                "false",
                "null",
                "4294967295",
                "4294967296",
                "4294967297",
                "-1",
                "1.0e0",
                "11",
                "1e0",
            ])
            .prop_map(str::to_string),
            prop::sample::select(vec![
                r#""s1""#,
                r#""\u0073\u0031""#,
                r#""""#,
                r#""incoming""#,
                r#""outgoing""#,
                r#""outgoing\u002dreply""#,
                r#""created""#,
                r#""delivered""#,
                r#""Delivered""#,
                r#""2026-01-31T12:00:00""#,
                r#""2026-01-31T12:00:60""#,
                r#""2026-01-31T12:00:00.9999999999""#,
                r#""2026-01-31T24:00:00""#,
                r#""0000-01-01T00:00:00""#,
                r#""9999-12-31T23:59:59.999999Z""#,
                r#""2026-01-31 12:00:00""#,
                r#""SEK""#,
                r#""sek""#,
                r#""a1""#,
                r#""u1""#,
                r#""\ud83d""#,
                r#""\ude00\ud83d""#,
                r#""\ud83d\ude00""#,
                r#""\u0000\u202e\r\n\r""#,
                r#""\/\b\f""#,
                r#""\uD83D\\uDE00""#,
                "\"a\u{7f}b\"",
                "\"a\u{2028}\u{200d}👩‍👩‍👧\u{feff}\"",
                "\"\u{1F3F4}\u{E0067}\u{E0062}\"",
                r#""5200""#,
            ])
            .prop_map(str::to_string),
        ];
        leaf.prop_recursive(5, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(","))),
                prop::collection::vec((key(), inner), 0..6).prop_map(|fields| {
                    let fields: Vec<String> = fields.iter().map(|(key, value)| format!("{key}:{value}")).collect();
                    format!("{{{}}}", fields.join(" ,\n"))
                }),
            ]
        })
        .boxed()
    }

    fn key() -> impl Strategy<Value = String> {
        prop::sample::select(vec![
            r#""id""#,
            r#""\u0069d""#,
            r#""direction""#,
            r#""created""#,
            r#""status""#,
            r#""delivered""#,
            r#""from""#,
            r#""to""#,
            r#""message""#,
            r#""parts""#,
            r#""cost""#,
            r#""estimated_cost""#,
            r#""displayname""#,
            r#""name""#,
            r#""currency""#,
            r#""balance""#,
            r#""balanceused""#,
            r#""usagelimit""#,
            r#""next""#,
            r#""data""#,
            r#""data""#,
            r#""ID""#,
            r#""i\ud83dd""#,
            r#""other""#,
        ])
        .prop_map(str::to_string)
    }

    fn usable_row() -> impl Strategy<Value = String> {
        (raw_value(), raw_value(), key(), raw_value(), key(), raw_value(), 0_u32..3, any::<bool>(), any::<bool>()).prop_map(
            |(message, from, a, va, b, vb, second, inbound, doubled)| {
                let direction = if inbound { "incoming" } else { "outgoing" };
                let mut row = format!(
                    r#"{{"id":"s{second}","direction":"{direction}","created":"2026-01-31T12:00:0{second}.{second}","message":{message},"from":{from},{a}:{va}"#
                );
                if doubled { row.push_str(&format!(",{b}:{vb}")); }
                row.push('}');
                row
            },
        )
    }

    fn body() -> BoxedStrategy<String> {
        let deep = (1_usize..140, key(), any::<bool>()).prop_map(|(depth, key, list)| {
            let (open, close) = if list { ("[", "]") } else { (r#"{"a":"#, "}") };
            format!(r#"{{"id":"s1","cost":5,{key}:{}1{}}}"#, open.repeat(depth), close.repeat(depth))
        });
        let next = prop_oneof![Just("null".to_string()), Just(r#""2026-01-31T12:00:00""#.to_string()), raw_value()];
        let page = (prop::collection::vec(prop_oneof![4 => usable_row().boxed(), 1 => raw_value()], 0..6), next)
            .prop_map(|(rows, next)| format!(r#"{{"data":[{}],"next":{next}}}"#, rows.join(",")));
        let account = (raw_value(), raw_value(), raw_value(), key(), raw_value())
            .prop_map(|(a, b, c, key, d)| format!(r#"{{"balance":{a},"balanceused":{b},"id":{c},{key}:{d}}}"#));
        prop_oneof![2 => raw_value(), 3 => usable_row().boxed(), 1 => deep.boxed(), 4 => page.boxed(), 2 => account.boxed()].boxed()
    }

    fn calls() -> BoxedStrategy<Call> {
        let text = prop_oneof![
            "[a-zåäö €\u{7}\r\n]{1,80}",
            ".{1,40}",
            "[😀a”~\\[{}]{1,300}",
            "[a]{150,1600}",
            Just("Hej\r\n\u{85}\u{9b}då\u{0}".to_string()),
            Just("👩‍👩‍👧❤️ \u{a0}".to_string()),
        ]
        .boxed();
        let to = prop::sample::select(vec![
            "+46701740605",
            "+46 70 174 06 05",
            "+46-(70)-174.06.05",
            "+46700000000",
            "+4670000000",
            " +46701740605",
            "+46701740605 ",
            "0701740605",
            "+1 (202) 555-0143",
            "+683 4123",
            "+46701740605,+46701740606",
            "++46701740605",
            "+46\u{a0}701740605",
        ])
        .prop_map(str::to_string)
        .boxed();
        let from = prop::option::of(
            prop::sample::select(vec![
                "Elks",
                " Elks ",
                "+46 766 86 10 04",
                "  +46766861004",
                "El",
                "Police",
                "Elks\n",
                "46elks",
                "+46766861004 ",
                "Elks\u{a0}",
            ])
            .prop_map(str::to_string),
        )
        .boxed();
        let time = || {
            prop::option::of(
                prop::sample::select(vec![
                    "2026-01-31",
                    "2026-01-31T12:00:00Z",
                    "2026-01-31T12:00:00+01:00",
                    " 2026-01-31 12:00 ",
                    "2026-01-31T12:00:00.123456789012",
                    "1969-01-01",
                    "9999-12-31T23:59:59.999-23:59",
                    "yesterday!!",
                    "2026-01-31T12:00:00.000",
                ])
                .prop_map(str::to_string),
            )
        };
        let cursor = prop::option::weighted(
            0.4,
            prop::sample::select(vec![
                "2026-01-31T12:00:01.100~s1",
                "2026-01-31T12:00:00.000~s9",
                "2026-01-31T12:00:00",
                "9999-12-31T23:59:59.999~s1",
                "x",
                "~",
                "2026-01-31T12:00:00.429389",
                "2026-01-31",
                "1970-01-01T00:00:00Z~s1",
                "2026-01-31T12:00:02.2~s2",
            ])
            .prop_map(str::to_string),
        );
        let direction = prop::sample::select(vec![
            None,
            Some(DirectionFilter::Inbound),
            Some(DirectionFilter::Outbound),
            Some(DirectionFilter::Both),
        ]);
        let history = (
            prop::option::of(prop::sample::select(vec![1_u32, 2, 3, 5, 99, 100])),
            direction,
            time(),
            time(),
            prop::option::of(to.clone()),
            cursor,
        )
            .prop_map(|(limit, direction, start, end, to, cursor)| {
                Call::GetSmsMessages(GetSmsMessagesRequest { limit, direction, start, end, to, cursor })
            });
        prop_oneof![
            2 => (to.clone(), text.clone(), from.clone(), prop::option::of(any::<bool>()), prop::option::of(any::<bool>()))
                .prop_map(|(to, message, from, flashsms, dry_run)| Call::SendSms(SendSmsRequest { to, message, from, flashsms, dry_run })).boxed(),
            1 => (to.clone(), text, from).prop_map(|(to, message, from)| Call::EstimateSmsCost(EstimateSmsCostRequest { to, message, from })).boxed(),
            3 => history.boxed(),
            1 => prop::option::of(1_u32..100).prop_map(|limit| Call::GetDeliveryStatistics(GetDeliveryStatisticsRequest { limit })).boxed(),
            1 => prop::option::of(to).prop_map(|to| Call::CheckAccountBalance(CheckAccountBalanceRequest { to })).boxed(),
            1 => Just(()).prop_map(|()| Call::CheckSmsStatus(CheckSmsStatusRequest { message_id: ID.into() })).boxed(),
        ].boxed()
    }

    #[test]
    fn odd_answers_make_no_liar() {
        let sandbox = component::load().expect("loads");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("starts");
        let config = ProptestConfig {
            cases: 2000,
            failure_persistence: None,
            max_shrink_iters: 400,
            ..ProptestConfig::default()
        };
        let status = prop_oneof![12 => Just(200_u16), 1 => prop::sample::select(vec![201, 204, 299, 302, 401, 403, 404, 429, 500, 600, 999])];
        let strategy = (calls(), prop::collection::vec((status, body()), 1..4));
        let mut runner = proptest::test_runner::TestRunner::new(config);
        let outcome = runner.run(&strategy, |(call, answers)| {
            let verdict = runtime.block_on(run(&sandbox, &call, answers.clone()));
            let is_agreed = match &verdict {
                Verdict::Success(_) | Verdict::Failure(_) => true,
                Verdict::Alarm(alarms, _) => matches!(&alarms[..], [Alarm::DryRunWithId(_)]),
                Verdict::Withheld => false,
            };
            let json = String::from_utf8(call.canonical_json().unwrap_or_default()).unwrap_or_default();
            prop_assert!(is_agreed, "{} {:?}: {}", json, answers, name(&verdict));
            Ok(())
        });
        outcome.unwrap_or_else(|failure| panic!("{failure}"));
    }
}
