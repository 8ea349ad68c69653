//! What came of a call. Pure: it weighs the component's answer against what the egress saw, and never believes the
//! component where the two disagree.
//!
//! The order of belief is: the egress, the rate limit, the sandbox, the component.

use crate::component::NoAnswer;
use crate::contract::Error;
use crate::failure::{Code, Failure};
use crate::sanitise::sanitise;
use elks_sandbox::{Rule, Stopped, Trace};
use serde_json::{Value, json};
use sms_rules::invisible::escape;

/// Largest result, in bytes of JSON (1 MiB). A hundred messages of ten parts are under half of it.
pub const MAX_RESULT_BYTES: usize = 1 << 20;

/// Longest text of the component in a failure, in characters.
const MAX_FAILURE_CHARS: usize = 1000;

/// The result of a tool that did what was requested. It has no Debug form, because it holds texts and numbers.
pub struct Success {
    /// One sentence for people.
    pub summary: String,
    /// All facts, the sentence included.
    pub facts: Value,
    /// The facts as JSON text.
    pub text: String,
}

/// What came of a call.
pub enum Verdict {
    /// The tool did what was requested.
    Success(Success),
    /// The tool failed, and the caller learns why.
    Failure(Failure),
    /// The component broke a rule. This is an alarm.
    Violation(Rule),
}

/// Weighs the component's answer against the trace. `contains_secret` finds the account's credentials in bytes.
pub fn verdict(
    answer: Result<Result<Value, Error>, NoAnswer>,
    trace: &Trace,
    simulated: bool,
    contains_secret: &dyn Fn(&[u8]) -> bool,
) -> Verdict {
    if let Some(rule) = trace.denied {
        return Verdict::Violation(rule);
    }
    if let Some(refusal) = trace.refused {
        return Verdict::Failure(Failure::new(Code::RateLimit, refusal.to_string()));
    }
    match answer {
        Err(no_answer) => Verdict::Failure(stopped(no_answer, trace)),
        Ok(Ok(facts)) => success(facts, trace, simulated, contains_secret),
        Ok(Err(error)) => failure(error, trace, contains_secret),
    }
}

/// The failure of a call whose component gave no answer.
fn stopped(no_answer: NoAnswer, trace: &Trace) -> Failure {
    if trace.may_have_sent() {
        return Failure::outcome_unknown(&no_answer.to_string());
    }
    let next = match no_answer {
        NoAnswer::NotLoaded => "Install the program again",
        NoAnswer::Stopped(Stopped::OutOfTime) => "Try again in a moment",
        NoAnswer::Stopped(Stopped::OutOfMemory) => "Ask for less",
        NoAnswer::Stopped(Stopped::Trapped) => "Try something else",
    };
    let text = format!("{no_answer}. Nothing was sent. {next}; if it happens again, please report it.");
    Failure::new(Code::Sandbox, text)
}

/// The component reports success: that holds only if the trace agrees.
fn success(mut facts: Value, trace: &Trace, simulated: bool, contains_secret: &dyn Fn(&[u8]) -> bool) -> Verdict {
    let unknown = |what| Verdict::Failure(Failure::outcome_unknown(what));
    sanitise(&mut facts);
    let says_sent = facts["sent"] == true;
    if trace.unanswered_send {
        return unknown("a message left, but the response makes no sense");
    }
    if trace.accepted_send && !says_sent {
        return unknown("a message left, but the component does not say so");
    }
    if says_sent && !trace.accepted_send {
        let text = "the component says that a message was sent, but none left. Please report this as a bug.";
        return Verdict::Failure(Failure::new(Code::Sandbox, text));
    }
    facts["simulated"] = json!(simulated);
    if any_text(&facts, &|text| contains_secret(text.as_bytes())) {
        return Verdict::Violation(Rule::Credentials);
    }
    let text = facts.to_string();
    if text.len() > MAX_RESULT_BYTES {
        return if trace.accepted_send {
            unknown("a message left, but the result is too large")
        } else {
            let text = "the result is too large. Nothing was sent. Ask for less.";
            Verdict::Failure(Failure::new(Code::Sandbox, text))
        };
    }
    let summary = facts["summary"].as_str().unwrap_or_default().to_string();
    Verdict::Success(Success { summary, facts, text })
}

/// The component reports a failure: a message that left and was not refused is an unknown outcome all the same.
fn failure(error: Error, trace: &Trace, contains_secret: &dyn Fn(&[u8]) -> bool) -> Verdict {
    let (code, status, text) = match error {
        Error::Invalid(text) => (Code::Validation, None, text),
        Error::Rejected(rejection) => (Code::Api, trace.last_status, rejection.reason),
        Error::Unreachable(text) => (Code::Unreachable, None, text),
        Error::OutcomeUnknown(text) => (Code::OutcomeUnknown, None, text),
        Error::Unexpected(text) => (Code::Api, trace.last_status, text),
    };
    let text: String = escape(&text).chars().take(MAX_FAILURE_CHARS).collect();
    if contains_secret(text.as_bytes()) {
        return Verdict::Violation(Rule::Credentials);
    }
    if trace.may_have_sent() && code != Code::OutcomeUnknown {
        return Verdict::Failure(Failure::outcome_unknown("a message left, but the response makes no sense"));
    }
    Verdict::Failure(Failure { code, status, text })
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
mod tests {
    use super::*;
    use crate::contract::Rejection;
    use elks_sandbox::{Class, Refusal};

    /// What the egress saw.
    #[derive(Debug, Clone, Copy)]
    enum Seen {
        Nothing,
        Read,
        Accepted,
        Unanswered,
        Refused,
        Denied,
        DeniedAfterSend,
        TooSoon,
    }

    impl Seen {
        const ALL: [Self; 8] = [
            Self::Nothing,
            Self::Read,
            Self::Accepted,
            Self::Unanswered,
            Self::Refused,
            Self::Denied,
            Self::DeniedAfterSend,
            Self::TooSoon,
        ];

        fn trace(self) -> Trace {
            let answered = |status| Trace { requests: 1, last_status: Some(status), ..Trace::default() };
            match self {
                Self::Nothing => Trace::default(),
                Self::Read => answered(200),
                Self::Accepted => Trace { accepted_send: true, ..answered(200) },
                Self::Unanswered => Trace { unanswered_send: true, requests: 1, ..Trace::default() },
                Self::Refused => answered(403),
                Self::Denied => Trace { denied: Some(Rule::Body), ..Trace::default() },
                Self::DeniedAfterSend => Trace { denied: Some(Rule::Count), accepted_send: true, ..answered(200) },
                Self::TooSoon => {
                    Trace { refused: Some(Refusal { class: Class::Sending, wait_seconds: 7 }), ..Trace::default() }
                }
            }
        }
    }

    /// What the component answers.
    #[derive(Debug, Clone, Copy)]
    enum Says {
        Sent,
        NotSent,
        Facts,
        Invalid,
        Rejected,
        Unreachable,
        OutcomeUnknown,
        Unexpected,
        Nothing(NoAnswer),
    }

    impl Says {
        fn answer(self) -> Result<Result<Value, Error>, NoAnswer> {
            let text = || "x".to_string();
            match self {
                Self::Sent => Ok(Ok(json!({"summary": "sent", "sent": true}))),
                Self::NotSent => Ok(Ok(json!({"summary": "not sent", "sent": false}))),
                Self::Facts => Ok(Ok(json!({"summary": "facts"}))),
                Self::Invalid => Ok(Err(Error::Invalid(text()))),
                Self::Rejected => Ok(Err(Error::Rejected(Rejection { status: 999, reason: text() }))),
                Self::Unreachable => Ok(Err(Error::Unreachable(text()))),
                Self::OutcomeUnknown => Ok(Err(Error::OutcomeUnknown(text()))),
                Self::Unexpected => Ok(Err(Error::Unexpected(text()))),
                Self::Nothing(no_answer) => Err(no_answer),
            }
        }
    }

    fn name(verdict: &Verdict) -> String {
        match verdict {
            Verdict::Success(_) => "success".into(),
            Verdict::Failure(failure) => failure.recorded(),
            Verdict::Violation(rule) => format!("violation {rule:?}"),
        }
    }

    /// One row for each answer, one column for each trace, in the order of [`Seen::ALL`]: nothing, read, accepted,
    /// unanswered, refused, denied, denied after a send, too soon. The last three columns are the same in each row.
    #[test]
    fn each_pair_of_trace_and_answer_has_its_verdict() {
        const UNKNOWN: &str = "OUTCOME_UNKNOWN";
        const SANDBOX: &str = "SANDBOX_ERROR";
        let table = [
            (Says::Sent, [SANDBOX, SANDBOX, "success", UNKNOWN, SANDBOX]),
            (Says::NotSent, ["success", "success", UNKNOWN, UNKNOWN, "success"]),
            (Says::Facts, ["success", "success", UNKNOWN, UNKNOWN, "success"]),
            (Says::Invalid, ["VALIDATION_ERROR", "VALIDATION_ERROR", UNKNOWN, UNKNOWN, "VALIDATION_ERROR"]),
            (Says::Rejected, ["ELKS_API_ERROR", "ELKS_API_ERROR (200)", UNKNOWN, UNKNOWN, "ELKS_API_ERROR (403)"]),
            (Says::Unreachable, ["UNREACHABLE", "UNREACHABLE", UNKNOWN, UNKNOWN, "UNREACHABLE"]),
            (Says::OutcomeUnknown, [UNKNOWN; 5]),
            (Says::Unexpected, ["ELKS_API_ERROR", "ELKS_API_ERROR (200)", UNKNOWN, UNKNOWN, "ELKS_API_ERROR (403)"]),
            (Says::Nothing(NoAnswer::NotLoaded), [SANDBOX, SANDBOX, UNKNOWN, UNKNOWN, SANDBOX]),
            (Says::Nothing(Stopped::Trapped.into()), [SANDBOX, SANDBOX, UNKNOWN, UNKNOWN, SANDBOX]),
            (Says::Nothing(Stopped::OutOfTime.into()), [SANDBOX, SANDBOX, UNKNOWN, UNKNOWN, SANDBOX]),
            (Says::Nothing(Stopped::OutOfMemory.into()), [SANDBOX, SANDBOX, UNKNOWN, UNKNOWN, SANDBOX]),
        ];
        for (says, expected) in table {
            let always = ["violation Body", "violation Count", "RATE_LIMIT_EXCEEDED"];
            for (seen, expected) in Seen::ALL.into_iter().zip(expected.into_iter().chain(always)) {
                let verdict = verdict(says.answer(), &seen.trace(), false, &|_| false);
                assert_eq!(name(&verdict), expected, "seen: {seen:?}, says: {says:?}");
            }
        }
    }

    #[test]
    fn a_failure_never_says_that_nothing_was_sent_after_a_send() {
        for seen in [Seen::Accepted, Seen::Unanswered] {
            for says in [Says::Unreachable, Says::Invalid, Says::Nothing(Stopped::Trapped.into())] {
                let Verdict::Failure(failure) = verdict(says.answer(), &seen.trace(), false, &|_| false) else {
                    panic!("{seen:?} {says:?}");
                };
                assert!(!failure.text.contains("othing was sent"), "{failure}");
            }
        }
    }

    #[test]
    fn a_secret_in_a_result_or_failure_is_a_violation() {
        let secret = |bytes: &[u8]| bytes == b"s3cret";
        for answer in [
            Ok(json!({"summary": "x", "messages": [{"message": "s3cret"}]})),
            Ok(json!({"summary": "s3cret"})),
            Err(Error::Unexpected("s3cret".into())),
        ] {
            let verdict = verdict(Ok(answer), &Seen::Read.trace(), false, &secret);
            assert_eq!(name(&verdict), "violation Credentials");
        }
    }

    #[test]
    fn a_result_says_whether_it_is_simulated_and_its_text_is_its_facts() {
        for simulated in [true, false] {
            let Verdict::Success(success) = verdict(Says::Facts.answer(), &Seen::Read.trace(), simulated, &|_| false)
            else {
                panic!("is no success");
            };
            assert_eq!(success.facts, json!({"summary": "facts", "simulated": simulated}));
            assert_eq!((success.summary.as_str(), success.text), ("facts", success.facts.to_string()));
        }
    }

    #[test]
    fn results_and_failures_are_bounded() {
        let facts = json!({"summary": "x".repeat(MAX_RESULT_BYTES)});
        assert_eq!(name(&verdict(Ok(Ok(facts.clone())), &Seen::Read.trace(), false, &|_| false)), "SANDBOX_ERROR");
        let sent = json!({"summary": "x".repeat(MAX_RESULT_BYTES), "sent": true});
        assert_eq!(name(&verdict(Ok(Ok(sent)), &Seen::Accepted.trace(), false, &|_| false)), "OUTCOME_UNKNOWN");
        let error = Ok(Err(Error::Unexpected("x\u{1b}".repeat(MAX_RESULT_BYTES))));
        let Verdict::Failure(failure) = verdict(error, &Seen::Read.trace(), false, &|_| false) else {
            panic!("is no failure");
        };
        assert_eq!(failure.text.chars().count(), MAX_FAILURE_CHARS);
        assert!(!failure.text.contains('\u{1b}'));
    }
}
