//! Whether a message may be sent now: a pure function of the ledger's state, the message, the time and the policy.

use super::draft::Draft;
use crate::ledger::{Entry, Hash, Standing, State};
use crate::policy::{Confirm, Counted, Denial, NotNow, Policy, Usage};
use chrono::{DateTime, TimeDelta, Utc};

/// How long an idempotency key is kept, and how long a send whose outcome is unknown blocks the same message.
const KEPT: TimeDelta = TimeDelta::hours(24);

/// How long after an attempt its outcome may still come. Until then, 46elks's history is not read.
const OPEN: TimeDelta = TimeDelta::seconds(60);

/// What is to be done with a message.
pub(crate) enum Decision {
    /// Send it.
    Send,
    /// It was sent before. Nothing is sent now.
    Duplicate(Box<Entry>),
    /// The same message is being sent, by this process or another, or its outcome is not to be looked up yet.
    InProgress {
        /// How long to wait, in seconds.
        seconds: u64,
    },
    /// Nobody knows whether the same message was sent.
    Unknown(Box<Entry>),
    /// The idempotency key belongs to another message.
    OtherContent,
    /// The operator has paused all sending, since this time.
    Paused(DateTime<Utc>),
    /// The policy forbids it. Time does not cure it.
    Denied(Denial),
    /// The contact that the call named has another number now, or is none any more.
    ContactChanged,
    /// The policy does not admit it now.
    NotNow(NotNow),
    /// A person must approve it first.
    NeedsApproval,
}

/// Decides. What was sent before comes first: a repeated call gets its result whatever the limits say. Then a denial
/// is stronger than the demand for approval, and that is stronger than a permission.
pub(crate) fn decide(state: &State, draft: &Draft, now: DateTime<Utc>, policy: &Policy) -> Decision {
    if let Some(decision) = earlier(state, draft, now, policy) {
        return decision;
    }
    if let Some(since) = state.paused_since() {
        return Decision::Paused(since);
    }
    if draft.contact.as_deref().is_some_and(|name| policy.contact(name) != Some(&draft.to)) {
        return Decision::ContactChanged;
    }
    if let Err(denial) = policy.check(&draft.message()) {
        return Decision::Denied(denial);
    }
    let usage = Sends { state, recipient: Some(draft.recipient), draft: Some(draft), now };
    if let Err(not_now) = policy.admit(&draft.message(), &usage, now) {
        return Decision::NotNow(not_now);
    }
    let asks = match policy.confirm() {
        Confirm::Never => false,
        Confirm::FirstContact => policy.contact_of(&draft.to).is_none() && !state.knows_recipient(&draft.recipient),
        Confirm::Always => true,
    };
    if asks && !draft.approved { Decision::NeedsApproval } else { Decision::Send }
}

/// What an earlier send of the same message, or with the same key, decides.
fn earlier(state: &State, draft: &Draft, now: DateTime<Utc>, policy: &Policy) -> Option<Decision> {
    let lasting = |entry: &&Entry| !matches!(entry.standing(now), Standing::Rejected | Standing::NotLeft);
    if let Some(key) = draft.key {
        let same_key = |entry: &&Entry| entry.intent.key == Some(key) && now < entry.at + KEPT;
        if let Some(entry) = state.entries().rev().filter(same_key).find(lasting) {
            if entry.intent.content != draft.content {
                return Some(Decision::OtherContent);
            }
            return Some(repeated(entry, now));
        }
    }
    let window = policy.duplicate_window().unwrap_or_default();
    let blocks = |entry: &&Entry| match entry.standing(now) {
        // Whoever calls again while the outcome is not known means the same message, whatever the window is.
        Standing::InFlight | Standing::Unknown => now < entry.at + KEPT,
        // The window begins when the outcome is known: one that was looked up later is new to the caller.
        Standing::Accepted(_) => now < entry.outcome.as_ref().map_or(entry.at, |(known, _)| *known) + window,
        Standing::Rejected | Standing::NotLeft => false,
    };
    let same = |entry: &&Entry| entry.intent.content == draft.content;
    state.entries().rev().filter(same).find(blocks).map(|entry| repeated(entry, now))
}

/// What to do with a message that has this entry already.
fn repeated(entry: &Entry, now: DateTime<Utc>) -> Decision {
    let wait = entry.at + OPEN - now;
    match entry.standing(now) {
        Standing::Accepted(_) => Decision::Duplicate(Box::new(entry.clone())),
        _ if wait > TimeDelta::zero() => {
            let seconds = wait.num_milliseconds().unsigned_abs().div_ceil(1000);
            Decision::InProgress { seconds }
        }
        _ => Decision::Unknown(Box::new(entry.clone())),
    }
}

/// The sends of the ledger, as the policy counts them.
pub(crate) struct Sends<'a> {
    /// What the ledger knows.
    pub(crate) state: &'a State,
    /// The recipient in question, if there is one.
    pub(crate) recipient: Option<Hash>,
    /// The message in question, if there is one.
    pub(crate) draft: Option<&'a Draft>,
    /// The time.
    pub(crate) now: DateTime<Utc>,
}

impl Usage for Sends<'_> {
    /// What may have been sent counts. What certainly was not sent gives its place back.
    fn counted<'a>(&'a self) -> Box<dyn Iterator<Item = Counted> + 'a> {
        // An earlier message without a price counts as much a part as the one in question.
        let price_of_a_part = self.draft.and_then(|draft| Some(draft.price?.div_ceil(draft.message().parts.max(1))));
        Box::new(self.state.entries().filter_map(move |entry| {
            let (price, rejected) = match entry.standing(self.now) {
                Standing::NotLeft => return None,
                Standing::Rejected => (None, true),
                Standing::Accepted(accepted) => (accepted.cost.or(entry.intent.price), false),
                Standing::InFlight | Standing::Unknown => (entry.intent.price, false),
            };
            let price = price.or_else(|| price_of_a_part?.checked_mul(entry.intent.parts));
            let to_recipient = self.recipient == Some(entry.intent.recipient);
            Some(Counted { at: entry.at, to_recipient, price, rejected })
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Clock, TestClock};
    use crate::config::{Settings, Variables};
    use crate::ledger::{Accepted, Book, By, Event, Ledger, Outcome};
    use crate::sending::draft::tests::draft;
    use std::sync::Arc;
    use std::time::Duration;

    /// A ledger, its clock and a policy.
    struct Scene {
        ledger: Ledger,
        clock: Arc<TestClock>,
        policy: Arc<Policy>,
    }

    impl Scene {
        fn new(settings: &[(&str, &str)]) -> Self {
            let clock = Arc::new(TestClock::new());
            let settings = Settings::read(&Variables::from(settings), true).expect("are valid");
            let ledger = Ledger::in_memory(Arc::clone(&clock) as Arc<dyn Clock>);
            Self { ledger, clock, policy: settings.policy.start() }
        }

        fn use_book<R>(&self, f: impl FnOnce(&mut Book<'_>) -> R) -> R {
            self.ledger.with(f).expect("can be used")
        }

        /// Records a send with an outcome, if it has one.
        fn sent(&self, draft: &Draft, outcome: Option<Outcome>) -> u64 {
            let of = self.use_book(|book| book.append(Event::Intent(draft.intent()))).expect("is recorded");
            if let Some(outcome) = outcome {
                self.ledger.settle(of, outcome, By::Answer).expect("is recorded");
            }
            of
        }

        fn decides(&self, draft: &Draft) -> String {
            self.use_book(|book| match decide(book.state(), draft, book.now(), &self.policy) {
                Decision::Send => "send".into(),
                Decision::Duplicate(entry) => format!("duplicate of {}", entry.seq),
                Decision::InProgress { seconds } => format!("in progress for {seconds}"),
                Decision::Unknown(entry) => format!("unknown {}", entry.seq),
                Decision::OtherContent => "other content".into(),
                Decision::Paused(_) => "paused".into(),
                Decision::Denied(denial) => format!("denied: {denial}"),
                Decision::ContactChanged => "contact changed".into(),
                Decision::NeedsApproval => "ask".into(),
                Decision::NotNow(NotNow::Wait { rules, seconds, .. }) => format!("wait {seconds} for {rules:?}"),
                Decision::NotNow(NotNow::Never(denial)) => format!("never: {denial}"),
            })
        }

        fn after(&self, seconds: u64) -> &Self {
            self.clock.advance(Duration::from_secs(seconds));
            self
        }
    }

    fn accepted() -> Option<Outcome> {
        let id = "s0231d6d7d6bc14a7e7734e466785c4ce".into();
        Some(Outcome::Accepted(Accepted { id, status: None, created: None, parts: 1, cost: Some(5200) }))
    }

    #[test]
    fn what_an_earlier_send_of_the_same_message_decides() {
        let hej = draft("+46701740605", "Hej", None);
        for (outcome, at_once, after_a_minute, after_the_window, after_a_day) in [
            (accepted(), "duplicate of 1", "duplicate of 1", "send", "send"),
            (None, "in progress for 60", "unknown 1", "unknown 1", "send"),
            (Some(Outcome::Unknown), "in progress for 60", "unknown 1", "unknown 1", "send"),
            (Some(Outcome::Rejected { status: 403 }), "send", "send", "send", "send"),
            (Some(Outcome::NotLeft), "send", "send", "send", "send"),
        ] {
            let scene = Scene::new(&[]);
            scene.sent(&hej, outcome);
            assert_eq!(scene.decides(&hej), at_once);
            assert_eq!(scene.decides(&draft("+46701740605", "Hej!", None)), "send", "another text");
            assert_eq!(scene.decides(&draft("+46701740606", "Hej", None)), "send", "another recipient");
            assert_eq!(scene.after(60).decides(&hej), after_a_minute);
            assert_eq!(scene.after(14 * 60).decides(&hej), after_the_window);
            assert_eq!(scene.after(24 * 3600 - 15 * 60).decides(&hej), after_a_day);
        }
    }

    #[test]
    fn without_a_window_the_same_message_is_sent_again_unless_the_outcome_is_unknown() {
        let scene = Scene::new(&[("ELKS_DUPLICATE_MINUTES", "0")]);
        let hej = draft("+46701740605", "Hej", None);
        scene.sent(&hej, accepted());
        assert_eq!(scene.decides(&hej), "send");
        scene.sent(&hej, None);
        assert_eq!(scene.decides(&hej), "in progress for 60");
        assert_eq!(scene.after(60).decides(&hej), "unknown 3");
        scene.sent(&hej, accepted());
        assert_eq!(scene.decides(&hej), "unknown 3", "a later one does not hide it");
    }

    #[test]
    fn an_outcome_that_is_found_later_counts_from_then_on() {
        let scene = Scene::new(&[]);
        let hej = draft("+46701740605", "Hej", None);
        let of = scene.sent(&hej, Some(Outcome::Unknown));
        scene.after(20 * 60);
        scene.ledger.settle(of, accepted().expect("is one"), By::History).expect("is recorded");
        assert_eq!(scene.decides(&hej), "duplicate of 1", "the caller hears of it for the first time");
        assert_eq!(scene.after(15 * 60).decides(&hej), "send");
    }

    #[test]
    fn a_denial_is_stronger_than_a_question_and_that_is_stronger_than_a_permission() {
        let approved = |text| {
            let mut draft = draft("+46701740605", text, None);
            draft.approved = true;
            draft
        };
        let hej = draft("+46701740605", "Hej", None);
        let always = Scene::new(&[("CONFIRM_SENDS", "true"), ("ELKS_BLOCKED_RECIPIENTS", "+45*")]);
        assert_eq!(always.decides(&hej), "ask");
        assert_eq!(always.decides(&approved("Hej")), "send");
        assert!(always.decides(&draft("+4531740605", "Hej", None)).starts_with("denied: "));
        let first = Scene::new(&[("CONFIRM_SENDS", "first-contact"), ("ELKS_CONTACTS", "anna=+46701740606")]);
        assert_eq!(first.decides(&hej), "ask");
        assert_eq!(first.decides(&draft("+46701740606", "Hej", None)), "send", "a contact is known");
        first.sent(&approved("Hej"), accepted());
        assert_eq!(first.decides(&draft("+46701740605", "Hej igen", None)), "send", "who got a message is known");
    }

    #[test]
    fn a_contact_whose_number_changed_is_not_sent_to() {
        let named = |number| {
            let mut draft = draft(number, "Hej", None);
            draft.contact = Some("anna".into());
            draft
        };
        let scene = Scene::new(&[("ELKS_CONTACTS", "anna=+46701740606")]);
        assert_eq!(scene.decides(&named("+46701740606")), "send");
        assert_eq!(scene.decides(&named("+46701740605")), "contact changed");
        assert_eq!(Scene::new(&[]).decides(&named("+46701740605")), "contact changed");
    }

    #[test]
    fn a_key_lasts_a_day_and_belongs_to_one_message() {
        let keyed = |text| draft("+46701740605", text, Some("visit 7"));
        let scene = Scene::new(&[("ELKS_DUPLICATE_MINUTES", "0")]);
        scene.sent(&keyed("Hej"), Some(Outcome::NotLeft));
        assert_eq!(scene.decides(&keyed("Hej då")), "send", "what was not sent leaves its key free");
        scene.sent(&keyed("Hej"), accepted());
        assert_eq!(scene.decides(&keyed("Hej")), "duplicate of 3");
        assert_eq!(scene.decides(&keyed("Hej då")), "other content");
        assert_eq!(scene.decides(&draft("+46701740605", "Hej", Some("visit 8"))), "send");
        assert_eq!(scene.after(24 * 3600 - 1).decides(&keyed("Hej")), "duplicate of 3");
        assert_eq!(scene.after(1).decides(&keyed("Hej då")), "send");
    }

    #[test]
    fn a_fresh_key_does_not_send_the_same_message_twice() {
        let scene = Scene::new(&[]);
        scene.sent(&draft("+46701740605", "Hej", Some("attempt 1")), accepted());
        assert_eq!(scene.decides(&draft("+46701740605", "Hej", Some("attempt 2"))), "duplicate of 1");
        assert_eq!(scene.decides(&draft("+46701740605", "Hej", None)), "duplicate of 1");
    }

    #[test]
    fn a_duplicate_is_answered_whatever_the_limits_say() {
        let scene = Scene::new(&[("ELKS_MAX_SMS_PER_DAY", "1")]);
        let hej = draft("+46701740605", "Hej", None);
        scene.sent(&hej, accepted());
        assert_eq!(scene.decides(&hej), "duplicate of 1");
        assert_eq!(scene.decides(&draft("+46701740606", "Hej", None)), "wait 86400 for [SmsPerDay]");
        scene.ledger.pause().expect("is recorded");
        assert_eq!(scene.decides(&hej), "duplicate of 1");
        assert_eq!(scene.decides(&draft("+46701740606", "Hej", None)), "paused");
        scene.ledger.resume().expect("is recorded");
        assert_eq!(scene.after(24 * 3600).decides(&draft("+46701740606", "Hej", None)), "send");
    }

    #[test]
    fn what_may_have_been_sent_counts_and_what_was_not_gives_back() {
        let next = draft("+46701740606", "Hej", None);
        for (outcome, expected) in [
            (accepted(), "wait 86400 for [SmsPerDay]"),
            (None, "wait 86400 for [SmsPerDay]"),
            (Some(Outcome::Unknown), "wait 86400 for [SmsPerDay]"),
            (Some(Outcome::Rejected { status: 403 }), "send"),
            (Some(Outcome::NotLeft), "send"),
        ] {
            let scene = Scene::new(&[("ELKS_MAX_SMS_PER_DAY", "1")]);
            scene.sent(&draft("+46701740605", "Hej", None), outcome);
            assert_eq!(scene.decides(&next), expected);
        }
        let scene = Scene::new(&[("RATE_LIMIT_SMS_PER_MINUTE", "1")]);
        scene.sent(&draft("+46701740605", "Hej", None), Some(Outcome::Rejected { status: 403 }));
        assert_eq!(scene.decides(&next), "wait 60 for [SmsPerMinute]", "a loop of refused messages has a limit, too");
    }

    #[test]
    fn spending_counts_the_cost_or_else_the_price() {
        let scene = Scene::new(&[("ELKS_SPEND_PER_DAY", "1.00")]);
        let priced = |text, price| {
            let mut draft = draft("+46701740605", text, None);
            draft.price = price;
            draft
        };
        assert!(scene.decides(&priced("Hej", None)).starts_with("never: "), "no price, no send");
        assert!(scene.decides(&priced("Hej", Some(10_001))).starts_with("never: "));
        scene.sent(&priced("1", Some(9000)), accepted());
        assert_eq!(scene.decides(&priced("2", Some(4800))), "send", "it cost 5200 and not 9000");
        scene.sent(&priced("2", Some(4800)), None);
        assert_eq!(scene.decides(&priced("3", Some(1))), "wait 86400 for [SpendPerDay]");
    }
}
