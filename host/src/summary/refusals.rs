//! Why a message was not sent, in the words of the operator's rules: which rule, which setting, who can change it, and
//! when to try again. In each case nothing was sent by this call.

use crate::contract::{SentSms, Status};
use crate::failure::{Code, Failure};
use crate::ledger::{Entry, Unavailable};
use crate::policy::{Broken, Denial, NotNow, Rule};
use crate::sending::Withheld;
use crate::sending::decision::Decision;
use crate::summary::failures;
use chrono::{DateTime, SecondsFormat, Utc};
use elks_sandbox::{Class, Refusal};

/// What a model must know about a rule.
const ONLY_THE_OPERATOR: &str = "Only the operator can change it; get_sending_limits shows what is allowed.";

/// What a model does when the same message is under way, or may be.
const SAFE: &str = "Then make the same call again: the program first finds out whether the message was sent.";

/// Why a message was withheld.
pub(crate) fn withheld(withheld: Withheld, has_price: bool) -> Failure {
    match withheld {
        Withheld::Decided(decision) => decided(decision, has_price),
        Withheld::TooSoon(refusal) => failures::refused(refusal),
        Withheld::Policy(failure) => failure,
        Withheld::Ledger(unavailable) => ledger(&unavailable),
        Withheld::GivenUp => Failure::new(Code::Cancelled, "the call was given up before it was sent."),
    }
}

/// The failure that a decision against a message becomes. A duplicate is a result; it is a failure only where that
/// result cannot be made.
fn decided(decision: Decision, has_price: bool) -> Failure {
    match decision {
        Decision::Denied(denial) => denied(&denial),
        Decision::NotNow(NotNow::Never(denial)) if !has_price && is_about_money(&denial) => {
            let text = format!(
                "46elks reported no price for this message, and {} needs one. Nothing was sent. {ONLY_THE_OPERATOR}",
                settings(&denial)
            );
            Failure::new(Code::NotAllowed, text)
        }
        Decision::NotNow(NotNow::Never(denial)) => denied(&denial),
        Decision::NotNow(NotNow::Wait { rules, seconds, opens, quiet }) => not_now(&rules, seconds, opens, quiet),
        Decision::Paused(since) => {
            let text = format!(
                "the operator paused all sending at {}. Nothing was sent. Only the operator can change it, with \
                 `elks-mcp resume`.",
                time(since)
            );
            Failure::new(Code::NotAllowed, text)
        }
        Decision::ContactChanged => Failure::new(
            Code::NotAllowed,
            "this contact has another number in the policy file now, or is none any more. Nothing was sent. Only the \
             operator can change it; a new number holds from the next start.",
        ),
        Decision::NeedsApproval => Failure::new(
            Code::NotConfirmed,
            "a person must approve this message first (CONFIRM_SENDS). Nothing was sent. Call send_sms again.",
        ),
        Decision::OtherContent => Failure::new(
            Code::Validation,
            "idempotency_key: this key belongs to another message of the last 24 hours. Nothing was sent. Use a new \
             key for a new message.",
        ),
        Decision::InProgress { seconds } => in_progress(seconds),
        Decision::Unknown(_) => unknown(),
        Decision::Duplicate(_) | Decision::Send => Failure::new(
            Code::InProgress,
            format!("the same message was sent a moment ago. Nothing was sent now. {SAFE}"),
        ),
    }
}

/// A rule that time does not cure.
fn denied(denial: &Denial) -> Failure {
    Failure::new(Code::NotAllowed, format!("{denial}. Nothing was sent. {ONLY_THE_OPERATOR}"))
}

/// Whether a denial is about prices alone.
fn is_about_money(denial: &Denial) -> bool {
    denial.rules.iter().any(|rule| matches!(rule, Rule::MaxPrice | Rule::SpendPerDay | Rule::SpendPerMonth))
}

/// The settings of a denial.
fn settings(denial: &Denial) -> String {
    denial.rules.iter().map(|rule| rule.setting()).collect::<Vec<_>>().join(", ")
}

/// Rules that time cures. The minute alone has the words that users of the Node server know.
fn not_now(rules: &[Rule], seconds: u64, opens: DateTime<Utc>, quiet: Option<String>) -> Failure {
    if rules == [Rule::SmsPerMinute] {
        return failures::refused(Refusal { class: Class::Sending, wait_seconds: seconds });
    }
    let because: Vec<String> = rules.iter().map(|rule| format!("{} ({})", rule.sentence(), rule.setting())).collect();
    let quiet = quiet.map_or(String::new(), |ends| format!(" The quiet hours end at {ends}."));
    let text = format!(
        "{}. Nothing was sent, and nothing is queued.{quiet} Please wait {seconds} seconds, until {}, before trying \
         again.",
        because.join("; "),
        time(opens)
    );
    Failure::new(Code::RateLimit, text)
}

/// The same message is on its way.
fn in_progress(seconds: u64) -> Failure {
    let text = format!(
        "the same message is being sent, or its outcome is not known yet. Nothing was sent by this call. Wait \
         {seconds} seconds. {SAFE}"
    );
    Failure::new(Code::InProgress, text)
}

/// Nobody knows whether the same message was sent, and 46elks's history does not say.
pub(crate) fn unknown() -> Failure {
    let text = "the same message was tried before, and it is still not known whether it was sent: 46elks's history \
                could not be read, or does not say. Nothing was sent by this call. Look at get_sms_messages, and ask \
                the user what to do. After 24 hours the message can be sent again.";
    Failure { may_have_sent: true, ..Failure::new(Code::OutcomeUnknown, text) }
}

/// The recipient must be a contact's name.
pub(crate) fn not_a_contact(names: &[&str]) -> Failure {
    let text = format!(
        "`to` must be one of the operator's contacts, by name: {} (ELKS_CONTACTS_ONLY). Nothing was sent. Only the \
         operator can change it.",
        names.join(", ")
    );
    Failure::new(Code::NotAllowed, text)
}

/// The policy file cannot be used.
pub(crate) fn policy_broken(broken: &Broken) -> Failure {
    Failure::new(Code::Configuration, format!("{broken}. Nothing was sent."))
}

/// The ledger cannot be used.
pub(crate) fn ledger(unavailable: &Unavailable) -> Failure {
    Failure::new(
        Code::LedgerUnavailable,
        format!("the journal of sends cannot be used, so nothing was sent: {unavailable}"),
    )
}

/// The sentence about a message that was sent before.
pub(crate) fn duplicate(sms: &SentSms, entry: &Entry) -> String {
    let at = time(entry.at);
    if sms.status == Some(Status::Failed) {
        return format!(
            "This message was tried already, at {at}: 46elks took it and reported that it will not arrive. Nothing was \
             sent now. Check the number with the user."
        );
    }
    format!(
        "This message was sent already, at {at}, and nothing was sent now. check_sms_status tells when it has arrived."
    )
}

/// A time, as results spell it.
fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at() -> DateTime<Utc> {
        DateTime::from_timestamp(1_769_860_800, 0).expect("is a time")
    }

    fn denied_by(rules: &[Rule]) -> Denial {
        Denial { rules: rules.to_vec() }
    }

    #[test]
    fn a_refusal_names_rule_and_setting_and_says_that_nothing_was_sent() {
        let wait = |rules: &[Rule], quiet: Option<&str>| {
            let (rules, quiet) = (rules.to_vec(), quiet.map(Into::into));
            Decision::NotNow(NotNow::Wait { rules, seconds: 90, opens: at(), quiet })
        };
        for (decision, has_price, code, parts) in [
            (
                Decision::Denied(denied_by(&[Rule::BlockedRecipients, Rule::MaxParts])),
                true,
                Code::NotAllowed,
                ["the recipient is blocked (ELKS_BLOCKED_RECIPIENTS); ", "(ELKS_MAX_PARTS)", "Only the operator"],
            ),
            (
                Decision::NotNow(NotNow::Never(denied_by(&[Rule::SpendPerDay]))),
                false,
                Code::NotAllowed,
                ["46elks reported no price", "ELKS_SPEND_PER_DAY", "Only the operator"],
            ),
            (
                Decision::NotNow(NotNow::Never(denied_by(&[Rule::MaxPrice]))),
                true,
                Code::NotAllowed,
                ["costs more", "ELKS_MAX_PRICE", "Only the operator"],
            ),
            (
                wait(&[Rule::SmsPerDay, Rule::QuietHours], Some("08:00 Europe/Stockholm")),
                true,
                Code::RateLimit,
                ["(ELKS_MAX_SMS_PER_DAY); ", "08:00 Europe/Stockholm", "wait 90 seconds, until 2026-01-31T12:00:00Z"],
            ),
            (Decision::Paused(at()), true, Code::NotAllowed, ["paused", "2026-01-31T12:00:00Z", "elks-mcp resume"]),
            (Decision::OtherContent, true, Code::Validation, ["idempotency_key", "another message", "new key"]),
            (
                Decision::InProgress { seconds: 30 },
                true,
                Code::InProgress,
                ["being sent", "Wait 30 seconds", "make the same call again"],
            ),
        ] {
            let failure = withheld(Withheld::Decided(decision), has_price);
            assert_eq!(failure.code, code, "{failure}");
            assert!(!failure.may_have_sent && failure.text.contains("Nothing was sent"), "{failure}");
            assert!(parts.iter().all(|part| failure.text.contains(part)), "{failure}");
        }
    }

    #[test]
    fn the_minute_has_the_words_that_users_know() {
        let decision = NotNow::Wait { rules: vec![Rule::SmsPerMinute], seconds: 7, opens: at(), quiet: None };
        let failure = withheld(Withheld::Decided(Decision::NotNow(decision)), true);
        let words = "Rate limit exceeded for SMS sending. Please wait 7 seconds before trying again.";
        assert_eq!((failure.code, failure.text.as_str()), (Code::RateLimit, words));
    }

    #[test]
    fn a_ledger_that_cannot_be_used_is_no_rate_limit() {
        let failure = withheld(Withheld::Ledger(Unavailable::Busy), true);
        assert_eq!(failure.code, Code::LedgerUnavailable);
        assert!(failure.text.contains("nothing was sent") && !failure.may_have_sent, "{failure}");
    }
}
