//! Tests of the verdict: a table of answers and traces, every mutation of every true record, and the real component
//! against any answer of 46elks.

use super::*;
use crate::contract::{
    CheckAccountBalanceRequest, CheckSmsStatusRequest, DirectionFilter, EstimateSmsCostRequest,
    GetDeliveryStatisticsRequest, GetSmsMessagesRequest, Rejection, SendSmsRequest, SentSms,
};
use crate::tools::{
    CheckAccountBalance, CheckSmsStatus, EstimateSmsCost, GetDeliveryStatistics, GetSmsMessages, SendSms, TOOLS_JSON,
};
use bytes::Bytes;
use elks_sandbox::{Cause, Class, Exchange, Outcome, Refusal, Stopped};
use http::Method;
use proptest::prelude::*;
use serde::de::DeserializeOwned;

const TO: &str = "+46701740605";
const ID: &str = "s0231d6d7d6bc14a7e7734e466785c4ce";

fn settings() -> Settings {
    let mut settings = Settings::read(|_| None, true).expect("the simulator needs none");
    settings.dry_run = false;
    settings
}

fn get(target: &str, outcome: Outcome) -> Exchange {
    Exchange { method: Method::GET, target: target.into(), body: Bytes::new(), sends: false, outcome }
}

fn post(message: &str, dry_run: bool, outcome: Outcome) -> Exchange {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("from", "Elks").append_pair("to", TO).append_pair("message", message);
    if dry_run {
        form.append_pair("dryrun", "yes");
    }
    let body = form.finish().into();
    Exchange { method: Method::POST, target: "/a1/sms".into(), body, sends: !dry_run, outcome }
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
    let context = Context { settings: &settings, currency: Some("SEK") };
    verdict::<Spec>(request, answer, trace, &context, &|bytes| bytes == b"s3cret")
}

fn name(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Success(_) => "success".into(),
        Verdict::Failure(failure) => failure.recorded(),
        Verdict::Alarm(alarm, failure) => format!("{alarm:?} {}", failure.code.name()),
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
            Self::TooSoon => {
                Trace { refused: Some(Refusal { class: Class::Sending, wait_seconds: 7 }), ..Trace::default() }
            }
        }
    }
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
        let sent = || facts::send_sms(&Seen::Accepted.trace().exchanges, Some("SEK")).expect("was accepted");
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
    let lie = |field: &str| format!("Misreport(SendSms, {field:?}) MISREPORT");
    let (success, error, dry) = (lie("success"), lie("error"), lie("dry_run"));
    let (success, error, dry) = (success.as_str(), error.as_str(), dry.as_str());
    let table = [
        (Says::True, [success, "success", success, success, success, UNKNOWN, UNKNOWN]),
        (Says::NotSent, [success, dry, success, success, success, UNKNOWN, UNKNOWN]),
        (Says::Invalid, ["VALIDATION_ERROR", error, UNKNOWN, AWAY, REFUSED, UNKNOWN, UNKNOWN]),
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
        let always = ["Denied(Body) SANDBOX_VIOLATION", "Denied(Count) SANDBOX_VIOLATION", "RATE_LIMIT_EXCEEDED"];
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
                continue;
            }
            assert_eq!(failure.may_have_sent, trace.may_have_sent(), "{seen:?} {says:?}: {failure}");
            let says_nothing = ["Nothing was sent", "Nothing left", "No message was sent"];
            let says_nothing = says_nothing.into_iter().any(|text| failure.text.contains(text));
            assert_eq!(says_nothing, !trace.may_have_sent(), "{seen:?} {says:?}: {failure}");
            let accepted = matches!(seen, Seen::Accepted);
            assert_eq!(failure.text.contains("46elks accepted the message"), accepted, "{seen:?} {says:?}: {failure}");
        }
    }
}

#[test]
fn a_secret_in_the_components_words_is_an_alarm_before_anything_is_cut() {
    let settings = settings();
    let context = Context { settings: &settings, currency: Some("SEK") };
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
        assert_eq!(name(&verdict), "Denied(Credentials) SANDBOX_VIOLATION");
    }
}

#[test]
fn a_secret_that_46elks_spells_in_another_way_is_in_no_failure() {
    let settings = settings();
    let context = Context { settings: &settings, currency: Some("SEK") };
    let contains = |bytes: &[u8]| memchr_find(bytes, b"s3cretpassw0rd") || memchr_find(bytes, b"it's a secret");
    for outcome in
        [answered(200, r#"{"id": "\u00733cretpassw0rd"}"#), answered(403, "The password it\"s  a secret is wrong")]
    {
        let trace = trace(vec![post("Hej €", false, outcome)]);
        for says in [Says::Rejected, Says::OutcomeUnknown] {
            let verdict = verdict::<SendSms>(&request(false), says.answer(), &trace, &context, &contains);
            assert_eq!(name(&verdict), "Denied(Credentials) SANDBOX_VIOLATION", "{says:?}");
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
            assert_eq!(name(&verdict), "DryRunWithId(SendSms) OUTCOME_UNKNOWN", "{id}");
        }
    }
}

#[test]
fn a_result_says_whether_it_is_simulated_and_its_text_is_its_facts() {
    for simulate in [true, false] {
        let settings = Settings { simulate, ..settings() };
        let context = Context { settings: &settings, currency: Some("SEK") };
        let trace = Seen::Accepted.trace();
        let Verdict::Success(success) =
            verdict::<SendSms>(&request(false), Says::True.answer(), &trace, &context, &|_| false)
        else {
            panic!("is no success");
        };
        assert_eq!((&success.facts["simulated"], &success.facts["id"]), (&json!(simulate), &json!(ID)));
        assert_eq!(success.facts["summary"], success.summary);
        assert_eq!(success.text, success.facts.to_string());
        assert!(success.summary.contains("cost 0.52 SEK") && success.summary.contains(ID), "{}", success.summary);
    }
}

#[test]
fn notes_are_bounded_and_those_left_out_are_counted() {
    let trace = Seen::Accepted.trace();
    let mut sent = facts::send_sms(&trace.exchanges, Some("SEK")).expect("was accepted");
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
    assert!(success.summary.ends_with(" 2 further notes of the SMS checker left out."), "{}", success.summary);
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
    let properties = schema["properties"].as_object_mut().expect("is an object");
    // These are the host's, and no record of the component has them; the notes are no facts.
    for name in ["summary", "simulated", "checker_notes"] {
        properties.remove(name);
    }
    schema
}

/// Checks that the true record of a call passes and that none of its mutations does. Returns how many were tried.
fn only_the_truth_passes<Spec: ToolSpec>(request: &Spec::Request, trace: &Trace) -> Result<usize, TestCaseError>
where
    Spec::Answer: DeserializeOwned,
{
    let settings = settings();
    let context = Context { settings: &settings, currency: Some("SEK") };
    let truth = || Spec::facts(request, &context, &trace.exchanges).expect("the exchanges give a record");
    let passed = decide::<Spec>(request, Ok(Ok(truth())), trace);
    prop_assert_eq!(name(&passed), "success");
    let value = serde_json::to_value(truth()).expect("serialises");
    let mut tried = 0;
    for mutated in mutations(&value, &output_schema(Spec::TOOL)) {
        // A record without a required field cannot come out of the component.
        let Ok(record) = serde_json::from_value::<Spec::Answer>(mutated.clone()) else { continue };
        if mutated == value {
            continue;
        }
        tried += 1;
        let verdict = decide::<Spec>(request, Ok(Ok(record)), trace);
        let is_withheld = matches!(&verdict, Verdict::Alarm(Alarm::Misreport(tool, _), failure)
            if *tool == Spec::TOOL && failure.code == Code::Misreport);
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

/// The pages as they are requested one after the other, as far as they lead to a record.
fn requested(search: &history::Search, pages: &[Value]) -> Vec<Exchange> {
    let mut exchanges = Vec::new();
    let mut start = search.start.clone();
    for page in pages {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(start.iter().map(|start| ("start", start.as_str())));
        exchanges.push(get(&format!("/a1/sms?{}", query.finish()), answered(200, page.to_string())));
        if history::read(search, &exchanges, None).is_err() {
            exchanges.pop();
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
        price in prop::option::of(field(amount())),
    ) {
        let account = json!({"id": id, "currency": currency, "balance": balance, "balanceused": used,
                             "usagelimit": limit, "displayname": name});
        let mut exchanges = vec![get("/a1/me", answered(200, account.to_string()))];
        exchanges.extend(price.map(|price| post("1", true, answered(200, json!({"estimated_cost": price}).to_string()))));
        let request = CheckAccountBalanceRequest { to: None };
        prop_assert!(only_the_truth_passes::<CheckAccountBalance>(&request, &trace(exchanges))? > 10);
    }
}

#[test]
fn a_page_that_was_not_the_next_one_gives_no_record() {
    let page = |next: &str| json!({"data": [], "next": next}).to_string();
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
        (vec![(first, next), (second, "2026-01-29T00:00:00")], true),
        (vec![(second, next)], false),
        (vec![("/a1/sms", next)], false),
        (vec![(first, next), (first, next)], false),
        (vec![(first, next), ("/a1/sms?start=2026-01-29T00%3A00%3A00", next)], false),
        (vec![], false),
    ] {
        let pages: Vec<Exchange> =
            targets.iter().map(|(target, next)| get(target, answered(200, page(next)))).collect();
        assert_eq!(history::read(&search, &pages, None).is_ok(), is_ok, "{targets:?}");
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

    async fn run(sandbox: &Sandbox, call: &Call, answers: Vec<(u16, String)>) -> Verdict {
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
        let context = Context { settings: &settings, currency: Some("SEK") };
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
                Verdict::Alarm(alarm, _) => matches!(alarm, Alarm::DryRunWithId(_)),
            };
            prop_assert!(is_agreed, "{:?} with {:?}: {}", call, answers, name(&verdict));
            Ok(())
        });
        outcome.unwrap_or_else(|failure| panic!("{failure}"));
        assert!(succeeded.get() > CASES / 5, "few answers led to a result: {}", succeeded.get());
    }
}
