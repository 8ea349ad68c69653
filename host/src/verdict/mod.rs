//! What came of a call. Pure: it compares the component's record with what the exchanges say, and never believes the
//! component where the host can know.
//!
//! The order of belief is: the egress, the rate limit, 46elks's answers as this module reads them, the sandbox, and the
//! component last. [`ToolSpec::facts`] gives the record that the exchanges allow. The component's record must equal it;
//! only its notes about a text are its own words, bounded and named as such.

mod elks_json;
pub(crate) mod facts;
pub(crate) mod history;
pub mod problem;
pub(crate) mod rows;
pub(crate) mod served;

use crate::component::NoAnswer;
use crate::config::Settings;
use crate::contract::Error;
use crate::failure::Failure;
use crate::ledger::{Entry, Outcome};
use crate::policy::Policy;
use crate::sending::draft::Draft;
use crate::summary::{self, failures, refusals};
use crate::tools::{SendSms, Tool, ToolSpec};
use elks_sandbox::{Refused, Rule, Trace};
use problem::Problem;
use serde::Serialize;
use serde_json::{Value, json};
use sms_rules::quote;

/// Largest result, in bytes of JSON (1 MiB).
pub const MAX_RESULT_BYTES: usize = 1 << 20;

/// Most notes of the component in a result. A text that deserves more is not worth sending.
pub const MAX_NOTES: usize = 10;

/// Longest text of the component that a client gets, in characters: a note, or why an argument is not valid.
pub const MAX_NOTE_CHARS: usize = 300;

/// What the host knows of a call besides its request.
pub struct Context<'a> {
    /// The operator's settings.
    pub settings: &'a Settings,
    /// The operator's policy, which knows the contacts.
    pub policy: &'a Policy,
    /// The account's currency, where 46elks reported it.
    pub currency: Option<&'a str>,
}

/// The result of a tool that did what was requested. It has no Debug form, because it holds texts and numbers.
pub struct Success {
    /// One sentence for people, written by the host.
    pub summary: String,
    /// All facts, the sentence included.
    pub facts: Value,
    /// The facts as JSON text.
    pub text: String,
}

impl Success {
    /// The result with one more sentence of the host.
    pub(crate) fn with_note(mut self, note: &str) -> Self {
        self.summary.push_str(note);
        self.facts["summary"] = self.summary.as_str().into();
        self.text = text_of(&self.facts);
        self
    }
}

/// What came of a call.
pub enum Verdict {
    /// The tool did what was requested.
    Success(Success),
    /// The tool failed, and the caller learns why.
    Failure(Failure),
    /// Something happened that must never happen. The operator gets a line for each alarm, and the caller the failure.
    Alarm(Vec<Alarm>, Failure),
    /// The host's admission withheld the request, so nothing left. The caller made the admission and knows the reason.
    Withheld,
}

/// What the operator must know at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Alarm {
    /// The component broke a rule of the egress, or a result held the account's credentials.
    Denied(Rule),
    /// The component's record differs from what the host knows. The name of the field is the contract's.
    Misreport(Tool, String),
    /// 46elks answered a dry run with a message id.
    DryRunWithId(Tool),
}

/// Compares the component's answer with the trace. `contains_secret` finds the account's credentials in bytes.
pub fn verdict<Spec: ToolSpec>(
    request: &Spec::Request,
    answer: Result<Result<Spec::Answer, Error>, NoAnswer>,
    trace: &Trace,
    context: &Context<'_>,
    contains_secret: &dyn Fn(&[u8]) -> bool,
) -> Verdict {
    match compared::<Spec>(request, answer, trace, context, contains_secret) {
        // A failure quotes the id and the words of 46elks. The egress has redacted them, but not what is a secret only
        // after JSON is decoded or a line is quoted.
        Verdict::Failure(failure) | Verdict::Alarm(_, failure) if contains_secret(failure.text.as_bytes()) => {
            secret(trace)
        }
        verdict => verdict,
    }
}

/// The verdict, before its own words are searched for secrets.
fn compared<Spec: ToolSpec>(
    request: &Spec::Request,
    mut answer: Result<Result<Spec::Answer, Error>, NoAnswer>,
    trace: &Trace,
    context: &Context<'_>,
    contains_secret: &dyn Fn(&[u8]) -> bool,
) -> Verdict {
    let alarms = alarms(Spec::TOOL, trace);
    if !alarms.is_empty() {
        return Verdict::Alarm(alarms, failures::alarm(trace));
    }
    match trace.refused {
        Some(Refused::TooSoon(refusal)) => return Verdict::Failure(failures::refused(refusal)),
        Some(Refused::ByHost) => return Verdict::Withheld,
        None => {}
    }
    // The component's own words. They are searched as it wrote them: a text that is cut or escaped afterwards may hold
    // a part of a secret.
    let notes = answer.as_mut().ok().and_then(|answer| answer.as_mut().ok()).and_then(Spec::checker_notes);
    let notes = notes.map(std::mem::take);
    let error = answer.as_ref().ok().and_then(|answer| answer.as_ref().err()).map(error_text);
    if notes.iter().flatten().map(String::as_str).chain(error).any(|text| contains_secret(text.as_bytes())) {
        return secret(trace);
    }
    let misreport =
        |field: String| Verdict::Alarm(vec![Alarm::Misreport(Spec::TOOL, field)], failures::misreport(trace));
    let asked = !trace.exchanges.is_empty();
    Verdict::Failure(match (Spec::facts(request, context, &trace.exchanges), answer) {
        (Ok((facts, aside)), Ok(Ok(record))) => {
            if record != facts {
                return misreport(difference(&facts, &record));
            }
            return success::<Spec>(request, record, aside, notes, trace, context, contains_secret);
        }
        // The component says something that cannot be: 46elks was asked, and gave an answer.
        (Ok(_), Ok(Err(Error::Invalid(_) | Error::Rejected(_) | Error::Unreachable(_)))) => {
            return misreport("error".into());
        }
        // Arguments are checked before anything leaves.
        (Err(_), Ok(Err(Error::Invalid(_)))) if asked && !trace.may_have_sent() => return misreport("error".into()),
        (Ok(_), Ok(Err(Error::OutcomeUnknown(_) | Error::Unexpected(_)))) => failures::no_result(trace),
        // The host makes no record of the answers either, so that it cannot say what the component's is worth.
        (Err(problem @ (Problem::Unreadable(..) | Problem::TooLarge)), Ok(_)) => {
            failures::problem(&problem, None, trace)
        }
        (Err(_), Ok(Ok(_))) => return misreport("success".into()),
        (Err(problem), Ok(Err(error))) => failures::problem(&problem, Some(&error), trace),
        (_, Err(no_answer)) => failures::stopped(no_answer, trace),
    })
}

/// What the trace alone says must never happen.
pub(crate) fn alarms(tool: Tool, trace: &Trace) -> Vec<Alarm> {
    let with_id = problem::dry_run_with_id(&trace.exchanges).then_some(Alarm::DryRunWithId(tool));
    with_id.into_iter().chain(trace.denied.map(Alarm::Denied)).collect()
}

/// A text that a client would get holds the account's credentials.
fn secret(trace: &Trace) -> Verdict {
    Verdict::Alarm(vec![Alarm::Denied(Rule::Credentials)], failures::secret(trace))
}

/// The text of an error.
fn error_text(error: &Error) -> &str {
    match error {
        Error::Rejected(rejection) => &rejection.reason,
        Error::Invalid(text) | Error::Unreachable(text) | Error::OutcomeUnknown(text) | Error::Unexpected(text) => text,
    }
}

/// The result of a call whose record is what the exchanges say.
fn success<Spec: ToolSpec>(
    request: &Spec::Request,
    mut record: Spec::Answer,
    mut aside: Spec::Aside,
    notes: Option<Vec<String>>,
    trace: &Trace,
    context: &Context<'_>,
    contains_secret: &dyn Fn(&[u8]) -> bool,
) -> Verdict {
    Spec::shorten(&mut record, &mut aside);
    let mut summary = Spec::summary(request, &record, &aside, context);
    let mut facts = served::record::<Spec>(&record, &aside, context);
    if let Some(notes) = notes.filter(|notes| !notes.is_empty()) {
        summary.push_str(summary::NOTES);
        summary.push_str(&summary::notes_left_out(notes.len().saturating_sub(MAX_NOTES)));
        facts["checker_notes"] =
            notes.iter().take(MAX_NOTES).map(|note| Value::from(quote::one_line(note, MAX_NOTE_CHARS))).collect();
    }
    let Some(success) = finished(facts, summary, context, contains_secret) else { return secret(trace) };
    if success.text.len() > MAX_RESULT_BYTES {
        return Verdict::Failure(failures::too_large(trace));
    }
    Verdict::Success(success)
}

/// Facts and a sentence as a result; `None` when they hold a secret.
fn finished(
    mut facts: Value,
    summary: String,
    context: &Context<'_>,
    contains_secret: &dyn Fn(&[u8]) -> bool,
) -> Option<Success> {
    let mark = if context.settings.simulate { "[SIMULATED] " } else { "" };
    let summary = format!("{mark}{summary}");
    facts["summary"] = summary.as_str().into();
    if context.settings.simulate {
        facts["simulated"] = json!(true);
    }
    if any_text(&facts, &|text| contains_secret(text.as_bytes())) {
        return None;
    }
    let text = text_of(&facts);
    Some(Success { summary, facts, text })
}

/// Facts as JSON text. `to_string` of a value takes half as long again.
fn text_of(facts: &Value) -> String {
    serde_json::to_string(facts).unwrap_or_default()
}

/// The result of a tool that the host runs by itself; `None` when it holds a secret.
pub(crate) fn of_host<Spec: ToolSpec<Aside = ()>>(
    request: &Spec::Request,
    answer: &Spec::Answer,
    context: &Context<'_>,
    contains_secret: &dyn Fn(&[u8]) -> bool,
) -> Option<Success> {
    let facts = served::record::<Spec>(answer, &(), context);
    finished(facts, Spec::summary(request, answer, &(), context), context, contains_secret)
}

/// The result of an earlier send of the same message; `None` when it holds a secret, or the earlier one was not
/// accepted.
pub(crate) fn repeated(
    draft: &Draft,
    entry: &Entry,
    context: &Context<'_>,
    contains_secret: &dyn Fn(&[u8]) -> bool,
) -> Option<Success> {
    let Some((_, Outcome::Accepted(accepted))) = &entry.outcome else { return None };
    let sms = facts::sent_before(draft, accepted, context.currency);
    let mut facts = served::record::<SendSms>(&sms, &(), context);
    facts["duplicate"] = json!(true);
    finished(facts, refusals::duplicate(&sms, entry), context, contains_secret)
}

/// The name of the first field in which two records differ, as the contract spells it. Only a misreport comes here.
fn difference<T: Serialize>(facts: &T, record: &T) -> String {
    let values = [facts, record].map(|value| serde_json::to_value(value).unwrap_or_default());
    let [facts, record] = &values;
    first_difference(facts, record).unwrap_or_else(|| "record".into())
}

fn first_difference(facts: &Value, record: &Value) -> Option<String> {
    let nested = |name: String, facts: &Value, record: &Value| match first_difference(facts, record) {
        Some(field) if !field.is_empty() => Some(format!("{name}.{field}")),
        Some(_) => Some(name),
        None => None,
    };
    match (facts, record) {
        (Value::Object(facts), Value::Object(record)) => {
            let mut names: Vec<&String> = facts.keys().chain(record.keys()).collect();
            names.sort();
            names.iter().find_map(|name| {
                let of = |fields: &serde_json::Map<String, Value>| fields.get(*name).cloned().unwrap_or_default();
                nested((*name).clone(), &of(facts), &of(record))
            })
        }
        (Value::Array(facts), Value::Array(record)) if facts.len() == record.len() => {
            facts.iter().zip(record).enumerate().find_map(|(at, (facts, record))| nested(at.to_string(), facts, record))
        }
        _ => (facts != record).then(String::new),
    }
}

/// Whether any text in a value has a property.
fn any_text(value: &Value, has: &dyn Fn(&str) -> bool) -> bool {
    match value {
        Value::String(text) => has(text),
        Value::Array(items) => items.iter().any(|item| any_text(item, has)),
        Value::Object(fields) => fields.values().any(|field| any_text(field, has)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests;
