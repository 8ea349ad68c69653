//! For any answers of 46elks and anything that the component says about them: the verdict does not panic, no record
//! passes but the one that the answers allow, no failure denies a send that may have happened, and no text of the host
//! has an invisible character, a secret, or more than its length.
#![no_main]

use elks_mcp::component::NoAnswer;
use elks_mcp::contract::{Error, Rejection};
use elks_mcp::failure::{Code, Failure};
use elks_mcp::tools::{
    Call, CheckAccountBalance, CheckSmsStatus, EstimateSmsCost, GetDeliveryStatistics, GetSmsMessages, SendSms,
    ToolSpec,
};
use elks_mcp::verdict::{Alarm, Context, MAX_NOTE_CHARS, MAX_NOTES, MAX_RESULT_BYTES, Success, Verdict, verdict};
use elks_mcp_fuzz::{Make, PASSWORD, answer, call, settings, stretched, text};
use elks_sandbox::{
    Allowed, Cause, Class, Credentials, Exchange, Outcome, Parameter, Permit, Refusal, Refused, RequestPattern,
    Stopped, Trace,
};
use http::{HeaderMap, Method};
use libfuzzer_sys::arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use sms_rules::invisible;
use std::sync::LazyLock;

/// Most requests of a call. Ten pages do what four do.
const MAX_EXCHANGES: usize = 4;

/// Longest text of a failure and longest summary, in characters: a few sentences, and one quote.
const MAX_TEXT_CHARS: usize = MAX_NOTE_CHARS + 400;

static CREDENTIALS: LazyLock<Credentials> = LazyLock::new(|| Credentials::new("u1", PASSWORD));

fuzz_target!(|bytes: &[u8]| {
    let bytes = stretched(bytes);
    let mut u = Unstructured::new(&bytes);
    // When the bytes end too early, there is nothing to check.
    let _ = one_call(&mut u);
});

fn one_call(u: &mut Unstructured<'_>) -> Result<()> {
    let settings = settings(u.arbitrary()?);
    let currency = u.choose(&[None, Some("SEK")])?;
    let context = Context { settings: &settings, policy: &settings.policy.start(), currency: *currency };
    let Some((call, arguments)) = call(u)? else { return Ok(()) };
    let trace = trace(u, call.permit(&settings))?;
    match call {
        Call::SendSms(_) => one_verdict::<SendSms>(u, arguments, &trace, &context),
        Call::GetSmsMessages(_) => one_verdict::<GetSmsMessages>(u, arguments, &trace, &context),
        Call::CheckSmsStatus(_) => one_verdict::<CheckSmsStatus>(u, arguments, &trace, &context),
        Call::EstimateSmsCost(_) => one_verdict::<EstimateSmsCost>(u, arguments, &trace, &context),
        Call::CheckAccountBalance(_) => one_verdict::<CheckAccountBalance>(u, arguments, &trace, &context),
        Call::GetDeliveryStatistics(_) => one_verdict::<GetDeliveryStatistics>(u, arguments, &trace, &context),
        Call::GetSendingLimits(_) => unreachable!("no component runs it"),
    }
}

/// What the egress could have seen: only permitted requests leave, and nothing after a denial or a refusal.
fn trace(u: &mut Unstructured<'_>, mut permit: Permit) -> Result<Trace> {
    let mut trace = Trace::default();
    if u.ratio(1, 32)? {
        trace.refused = Some(Refused::TooSoon(Refusal { class: Class::Sending, wait_seconds: u.arbitrary()? }));
        return Ok(trace);
    }
    for _ in 0..u.int_in_range(0..=MAX_EXCHANGES)? {
        let Some(allowed) = permit.allowed().get(u.choose_index(permit.allowed().len().max(1))?) else { break };
        let (method, target, body) = request(u, allowed, trace.exchanges.last())?;
        let uri = format!("https://api.46elks.com{target}").parse().expect("is a URI");
        let sends = match permit.spend(&method, &uri, &HeaderMap::new(), &body) {
            Ok(sends) => sends,
            Err(rule) => {
                trace.denied = Some(rule);
                break;
            }
        };
        let outcome = match u.int_in_range(0..=15)? {
            0 => Outcome::Unanswered(*u.choose(&[None, Some(Cause::ResponseTimeout), Some(Cause::Size)])?),
            1 => Outcome::NotSent(*u.choose(&[Cause::Name, Cause::Connection, Cause::NotTaken])?),
            _ => {
                let (status, body) = answer(u)?;
                Outcome::Answered(status, CREDENTIALS.redact(body).into())
            }
        };
        trace.exchanges.push(Exchange { method, target, body: body.into(), sends, outcome, date: None });
    }
    Ok(trace)
}

/// A request that fits a pattern, mostly. A page mostly begins where the one before it ended.
fn request(
    u: &mut Unstructured<'_>,
    allowed: &Allowed,
    before: Option<&Exchange>,
) -> Result<(Method, String, Vec<u8>)> {
    let mut form = form_urlencoded::Serializer::new(String::new());
    match &allowed.request {
        RequestPattern::PostSms { to, from, message, flash, dry_run } => {
            let message: String = message.chars().filter(|c| !c.is_control()).collect();
            form.append_pair("to", to).append_pair("from", from).append_pair("message", &message);
            if *flash {
                form.append_pair("flashsms", "yes");
            }
            if *dry_run {
                form.append_pair("dryrun", "yes");
            }
            Ok((Method::POST, "/a1/sms".into(), form.finish().into()))
        }
        RequestPattern::Get { path, required, optional } => {
            let next = before.and_then(|before| match &before.outcome {
                Outcome::Answered(_, body) => {
                    serde_json::from_slice::<Value>(body).ok()?["next"].as_str().map(String::from)
                }
                Outcome::Unanswered(_) | Outcome::NotSent(_) => None,
            });
            for (name, parameter) in required.iter().chain(optional) {
                match (parameter, &next) {
                    (Parameter::Exactly(value), _) => drop(form.append_pair(name, value)),
                    (Parameter::Time, Some(next)) => drop(form.append_pair(name, next)),
                    (Parameter::Time, None) if u.arbitrary()? => drop(form.append_pair(name, u.choose(&STARTS)?)),
                    (Parameter::Time, None) => {}
                }
            }
            let query = form.finish();
            let target = if query.is_empty() { path.clone() } else { format!("{path}?{query}") };
            Ok((Method::GET, target, Vec::new()))
        }
    }
}

/// Times at which a history may begin.
const STARTS: [&str; 3] = ["2026-01-01T12:00:00.000", "2026-01-01T12:00:00.001", "2026-01-01T12:00:00.500"];

fn one_verdict<Spec: ToolSpec>(
    u: &mut Unstructured<'_>,
    arguments: Value,
    trace: &Trace,
    context: &Context<'_>,
) -> Result<()>
where
    Spec::Answer: Make,
{
    let request: Spec::Request = serde_json::from_value(arguments).expect("was parsed before");
    let facts = || Spec::facts(&request, context, &trace.exchanges).ok().map(|(record, _)| record);
    let mut is_true = false;
    let says = match u.int_in_range(0..=11)? {
        0 => Err([NoAnswer::NotLoaded, Stopped::Trapped.into(), Stopped::OutOfTime.into()][u.choose_index(3)?]),
        1 => Ok(Err(error(u)?)),
        _ => {
            let mut record = match facts() {
                Some(facts) => facts,
                None => Spec::Answer::make(u)?,
            };
            for _ in 0..u.int_in_range(0..=2)? {
                record.change(u)?;
            }
            if let Some(notes) = Spec::checker_notes(&mut record) {
                let given = Vec::make(u)?;
                notes.clear();
                is_true = facts().is_some_and(|facts| facts == record);
                if let Some(notes) = Spec::checker_notes(&mut record) {
                    *notes = given;
                }
            } else {
                is_true = facts().is_some_and(|facts| facts == record);
            }
            Ok(Ok(record))
        }
    };
    let contains_secret = |bytes: &[u8]| CREDENTIALS.contains_secret(bytes);
    match verdict::<Spec>(&request, says, trace, context, &contains_secret) {
        Verdict::Success(success) => {
            assert!(is_true && trace.denied.is_none() && trace.refused.is_none());
            check_success(&success);
        }
        Verdict::Failure(failure) => check_failure(&failure, trace),
        Verdict::Alarm(alarms, failure) => {
            // A false accusation is as wrong as a record that should not pass.
            let accuses = alarms.iter().any(|alarm| matches!(alarm, Alarm::Misreport(..)));
            assert!(!alarms.is_empty() && !(is_true && accuses), "{alarms:?}");
            check_failure(&failure, trace);
        }
        Verdict::Withheld => unreachable!("no trace here is withheld by the host"),
    }
    Ok(())
}

/// An error of the component.
fn error(u: &mut Unstructured<'_>) -> Result<Error> {
    Ok(match u.int_in_range(0..=4)? {
        0 => Error::Invalid(text(u)?),
        1 => Error::Rejected(Rejection { status: u.arbitrary()?, reason: text(u)? }),
        2 => Error::Unreachable(text(u)?),
        3 => Error::OutcomeUnknown(text(u)?),
        _ => Error::Unexpected(text(u)?),
    })
}

fn check_success(success: &Success) {
    assert_eq!(success.text, success.facts.to_string());
    assert_eq!(success.facts["summary"], success.summary);
    assert!(success.text.len() <= MAX_RESULT_BYTES);
    check_sentences(&success.summary);
    check_texts(&success.facts);
    let notes = success.facts["checker_notes"].as_array();
    assert!(notes.is_none_or(|notes| notes.len() <= MAX_NOTES));
    for note in notes.into_iter().flatten().filter_map(Value::as_str) {
        assert!(note.chars().count() <= MAX_NOTE_CHARS && !note.contains(char::is_control));
    }
}

/// Checks each text of a result.
fn check_texts(value: &Value) {
    match value {
        Value::String(text) => {
            assert!(invisible::find(text).next().is_none(), "{text:?}");
            assert!(!CREDENTIALS.contains_secret(text.as_bytes()));
        }
        Value::Array(items) => items.iter().for_each(check_texts),
        Value::Object(fields) => fields.values().for_each(check_texts),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn check_failure(failure: &Failure, trace: &Trace) {
    let text = failure.to_string();
    check_sentences(&text);
    let denies = ["Nothing was sent", "Nothing left", "No message was sent"];
    // The words of others come first, in double quotes, and cannot end them.
    let own = text.rsplit('"').next().unwrap_or_default();
    assert!(!trace.may_have_sent() || !denies.iter().any(|words| own.contains(words)), "{text}");
    assert!(failure.may_have_sent || !trace.may_have_sent(), "{text}");
    assert!(!trace.may_have_sent() || failure.code != Code::Unreachable && failure.code != Code::Api, "{text}");
}

/// Checks sentences of the host: one line.
fn check_sentences(text: &str) {
    assert!(text.chars().count() <= MAX_TEXT_CHARS && !text.contains(char::is_control), "{text:?}");
    assert!(invisible::find(text).next().is_none(), "{text:?}");
    assert!(!CREDENTIALS.contains_secret(text.as_bytes()), "the text has a secret");
}
