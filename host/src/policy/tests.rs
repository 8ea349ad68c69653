//! The laws of policies, and what they admit.

use super::*;
use chrono::{DateTime, Utc};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

/// Attempts of a test.
#[derive(Debug)]
struct Attempts(Vec<Counted>);

impl Usage for Attempts {
    fn counted<'a>(&'a self) -> Box<dyn Iterator<Item = Counted> + 'a> {
        Box::new(self.0.iter().copied())
    }
}

const NUMBERS: [&str; 6] =
    ["+46701740605", "+46701740606", "+4541740605", "+14155551740", "+14165551740", "+77011740605"];
const SENDERS: [&str; 3] = ["Elks", "Firma", "+46766861004"];

fn time(text: &str) -> DateTime<Utc> {
    text.parse().expect(text)
}

fn numbers() -> impl Strategy<Value = Numbers> {
    let entries = vec!["+46701740605", "+4670*", "+46*", "+1*", "+1415*", "+4541740605", "+14165551740"];
    subsequence(entries.clone(), 0..=entries.len()).prop_map(|entries| {
        let mut numbers = Numbers::default();
        for entry in entries {
            numbers.add(entry).expect(entry);
        }
        numbers.in_one_form()
    })
}

fn countries() -> impl Strategy<Value = Countries> {
    let entries = vec!["SE", "+45", "+1", "US", "CA", "+7", "KZ"];
    subsequence(entries.clone(), 0..=entries.len()).prop_map(|entries| {
        let mut countries = Countries::default();
        for entry in entries {
            assert!(countries.add(entry));
        }
        countries
    })
}

fn contacts() -> impl Strategy<Value = Contacts> {
    let entries = vec!["Anna=+46701740605", "b=+4541740605", "c=+14155551740", "anna=+46701740605", "b=+46701740606"];
    subsequence(entries.clone(), 1..=entries.len()).prop_map(|entries| {
        let mut contacts = Contacts::default();
        for entry in entries {
            // An entry that does not fit those before it is left out.
            let _ = contacts.add(entry);
        }
        contacts
    })
}

fn quiet() -> impl Strategy<Value = QuietHours> {
    let spans =
        vec!["21:00-08:00 Europe/Stockholm", "06:00-09:30 UTC", "12:00-13:00 America/New_York", "08:00-06:10 UTC"];
    subsequence(spans.clone(), 0..=spans.len()).prop_map(|spans| {
        let mut hours = QuietHours::default();
        for span in spans {
            assert!(hours.add(span));
        }
        hours
    })
}

fn most(range: std::ops::Range<u64>) -> impl Strategy<Value = AtMost<u64>> {
    prop::option::of(range).prop_map(AtMost)
}

prop_compose! {
    fn limits()(
        per_minute in prop::option::of(1_u32..5),
        per_day in most(1..8),
        per_recipient in most(1..5),
        spend_day in most(1..40),
        spend_month in most(1..60),
        max_price in most(1..12),
        max_parts in most(1..6),
    ) -> Policy {
        let per_minute = AtMost(per_minute.and_then(NonZeroU32::new));
        Policy { per_minute, per_day, per_recipient, spend_day, spend_month, max_price, max_parts, ..Policy::open() }
    }
}

prop_compose! {
    fn policies()(
        limits in limits(),
        recipients in prop::option::of(numbers()),
        blocked in numbers(),
        blocks in prop::bool::weighted(0.3),
        countries in prop::option::of(countries()),
        contacts in prop::option::of(contacts()),
        only: bool,
        senders in prop::option::of(subsequence(SENDERS.to_vec(), 0..=3)),
        quiet in quiet(),
        duplicate_minutes in 0_u32..30,
        confirm in select(vec![Confirm::Never, Confirm::FirstContact, Confirm::Always]),
    ) -> Policy {
        Policy {
            recipients: Allowed(recipients),
            blocked: if blocks { blocked } else { Numbers::default() },
            countries: Allowed(countries),
            contacts_only: only && contacts.is_some(),
            contacts: Allowed(contacts),
            senders: Allowed(senders.map(|list| list.into_iter().map(str::to_string).collect())),
            quiet,
            duplicate_minutes: AtLeast(duplicate_minutes),
            confirm,
            ..limits
        }
    }
}

prop_compose! {
    fn messages()(
        to in select(NUMBERS.to_vec()),
        from in select(SENDERS.to_vec()),
        default_sender in prop::bool::weighted(0.2),
        parts in 1_u64..8,
        price in prop::option::weighted(0.9, 0_u64..14),
    ) -> Message<'static> {
        Message { to, from, default_sender, parts, price }
    }
}

/// Attempts of the last 40 days, most of them of the last minutes and hours.
fn attempts(now: DateTime<Utc>) -> impl Strategy<Value = Attempts> {
    let ago = prop_oneof![0_i64..70_000, 0_i64..90_000_000, 0_i64..3_456_000_000];
    let attempt = (ago, any::<bool>(), prop::option::weighted(0.8, 0_u64..14), prop::bool::weighted(0.2));
    prop::collection::vec(attempt, 0..12).prop_map(move |attempts| {
        let counted = attempts.into_iter().map(|(ago, to_recipient, price, rejected)| Counted {
            at: now - TimeDelta::milliseconds(ago),
            to_recipient,
            price,
            rejected,
        });
        Attempts(counted.collect())
    })
}

fn now() -> DateTime<Utc> {
    time("2026-03-28T19:59:40.250Z")
}

proptest! {
    #[test]
    fn meet_is_commutative_associative_and_idempotent(a in policies(), b in policies(), c in policies()) {
        prop_assert!(a.meet(&b) == b.meet(&a));
        prop_assert!(a.meet(&b).meet(&c) == a.meet(&b.meet(&c)));
        prop_assert!(a.meet(&a) == a);
        prop_assert!(a.meet(&b).meet(&b) == a.meet(&b));
        prop_assert!(a.meet(&Policy::open()) == a && Policy::open().meet(&a) == a);
    }

    #[test]
    fn meet_is_never_looser(
        a in policies(),
        b in policies(),
        message in messages(),
        attempts in attempts(now()),
        hours in 0_i64..48,
    ) {
        let (both, at) = (a.meet(&b), now() + TimeDelta::hours(hours));
        let allowed = [&a, &b].iter().all(|policy| policy.check(&message).is_ok());
        // It is not stricter than needed either.
        prop_assert_eq!(both.check(&message).is_ok() , allowed && both.contact_rule(&message));
        let admitted = [&a, &b].iter().all(|policy| policy.admit(&message, &attempts, at).is_ok());
        prop_assert_eq!(both.admit(&message, &attempts, at).is_ok(), admitted);
        prop_assert!(both.confirm() >= a.confirm().max(b.confirm()));
        prop_assert!(both.duplicate_window() >= a.duplicate_window().max(b.duplicate_window()));
        prop_assert!(both.needs_price() == (a.needs_price() || b.needs_price()));
        for name in both.contact_names() {
            for policy in [&a, &b] {
                prop_assert!(policy.contacts.0.is_none() || policy.contact(name) == both.contact(name));
            }
        }
        for sender in SENDERS {
            prop_assert!(!both.sender_is_listed(sender) || a.sender_is_listed(sender) || b.sender_is_listed(sender));
        }
    }

    #[test]
    fn a_wait_ends_at_the_first_moment_at_which_all_rules_admit(
        policy in policies(),
        message in messages(),
        attempts in attempts(now()),
    ) {
        let Err(NotNow::Wait { rules, seconds, opens, quiet }) = policy.admit(&message, &attempts, now()) else {
            return Ok(());
        };
        prop_assert!(!rules.is_empty() && rules.is_sorted() && opens > now());
        prop_assert_eq!(quiet.is_some(), rules.contains(&Rule::QuietHours));
        prop_assert!(policy.admit(&message, &attempts, opens).is_ok());
        prop_assert!(policy.admit(&message, &attempts, opens - TimeDelta::nanoseconds(1)).is_err());
        // The wait in whole seconds is not shorter, and one second less would be too short.
        let after = |seconds: u64| now() + TimeDelta::seconds(i64::try_from(seconds).expect("is small"));
        prop_assert!(after(seconds) >= opens && after(seconds - 1) < opens);
        // No moment before is open: looked at each minute and at each end of an entry.
        let ends = attempts.0.iter().flat_map(|entry| [MINUTE, DAY, MONTH].map(|window| entry.at + window));
        let minutes = (0..24 * 60).map(|minute| now() + TimeDelta::minutes(minute));
        for moment in ends.chain(minutes).filter(|moment| *moment >= now() && *moment < opens) {
            prop_assert!(policy.admit(&message, &attempts, moment).is_err(), "open at {}", moment);
        }
    }

    #[test]
    fn what_is_never_admitted_is_not_admitted_without_any_attempt(
        policy in policies(),
        message in messages(),
        attempts in attempts(now()),
        days in 0_i64..60,
    ) {
        if let Err(NotNow::Never(denial)) = policy.admit(&message, &attempts, now()) {
            let later = now() + TimeDelta::days(days);
            let again = policy.admit(&message, &Attempts(Vec::new()), later);
            prop_assert_eq!(again, Err(NotNow::Never(denial)));
        }
    }

    #[test]
    fn what_is_left_agrees_with_what_is_admitted(policy in limits(), attempts in attempts(now())) {
        let remaining = policy.remaining(&attempts, now());
        prop_assert!(remaining.limits.iter().map(|left| left.rule).is_sorted());
        let counts: Vec<&Left> = remaining.limits.iter().filter(|left| left.rule < Rule::SpendPerDay).collect();
        let counting = Policy { spend_day: AtMost(None), spend_month: AtMost(None), max_price: AtMost(None), ..policy };
        let message = Message { to: NUMBERS[0], from: "Elks", default_sender: true, parts: 1, price: None };
        match counting.admit(&message, &attempts, now()) {
            Ok(()) => prop_assert!(counts.iter().all(|left| left.left > 0 && left.returns.is_none())),
            Err(NotNow::Wait { opens, .. }) => {
                prop_assert!(counts.iter().all(|left| (left.left == 0) == left.returns.is_some()));
                prop_assert_eq!(counts.iter().filter_map(|left| left.returns).max(), Some(opens));
            }
            Err(NotNow::Never(denial)) => prop_assert!(false, "{denial}"),
        }
        for left in &remaining.limits {
            prop_assert_eq!(left.left, left.limit.saturating_sub(left.used));
            prop_assert!(left.returns.is_none_or(|moment| moment > now()));
        }
    }
}

impl Policy {
    /// Whether the rule of contacts holds: fewer may be contacts of two policies than each allows.
    fn contact_rule(&self, message: &Message<'_>) -> bool {
        !self.contacts_only || self.contact_of(message.to).is_some()
    }
}

fn attempt(ago: TimeDelta) -> Counted {
    Counted { at: now() - ago, to_recipient: true, price: Some(10), rejected: false }
}

fn wait(policy: &Policy, price: Option<u64>, attempts: &[Counted]) -> Result<(), (Vec<Rule>, u64)> {
    let message = Message { to: NUMBERS[0], from: "Elks", default_sender: false, parts: 1, price };
    policy.admit(&message, &Attempts(attempts.to_vec()), now()).map_err(|not_now| match not_now {
        NotNow::Wait { rules, seconds, .. } => (rules, seconds),
        NotNow::Never(denial) => (denial.rules, 0),
    })
}

#[test]
fn an_entry_counts_until_its_window_has_passed() {
    let one = |rule: fn(&mut Policy)| {
        let mut policy = Policy::open();
        rule(&mut policy);
        policy
    };
    let minute = one(|policy| policy.per_minute = AtMost(NonZeroU32::new(1)));
    let day = one(|policy| policy.per_day = AtMost(Some(1)));
    let recipient = one(|policy| policy.per_recipient = AtMost(Some(1)));
    let spend = one(|policy| policy.spend_day = AtMost(Some(10)));
    let month = one(|policy| policy.spend_month = AtMost(Some(10)));
    for (policy, rule, window) in [
        (minute, Rule::SmsPerMinute, 60),
        (day, Rule::SmsPerDay, 86_400),
        (recipient, Rule::SmsPerRecipientPerDay, 86_400),
        (spend, Rule::SpendPerDay, 86_400),
        (month, Rule::SpendPerMonth, 30 * 86_400),
    ] {
        let length = TimeDelta::seconds(window);
        assert_eq!(wait(&policy, Some(10), &[attempt(length)]), Ok(()), "{rule:?}: it has passed");
        assert_eq!(wait(&policy, Some(10), &[attempt(length - TimeDelta::milliseconds(1))]), Err((vec![rule], 1)));
        assert_eq!(wait(&policy, Some(10), &[attempt(TimeDelta::zero())]), Err((vec![rule], window.unsigned_abs())));
        // An attempt of a clock that was ahead counts, too.
        let ahead = wait(&policy, Some(10), &[attempt(TimeDelta::seconds(-5))]);
        assert_eq!(ahead, Err((vec![rule], window.unsigned_abs() + 5)));
        let rejected = Counted { rejected: true, ..attempt(TimeDelta::zero()) };
        assert_eq!(wait(&policy, Some(10), &[rejected]).is_err(), rule == Rule::SmsPerMinute, "{rule:?}");
        let other = Counted { to_recipient: false, ..attempt(TimeDelta::zero()) };
        assert_eq!(wait(&policy, Some(10), &[other]).is_ok(), rule == Rule::SmsPerRecipientPerDay, "{rule:?}");
    }
}

#[test]
fn a_price_that_is_needed_and_missing_or_too_high_is_never_admitted() {
    let policy = Policy { spend_day: AtMost(Some(100)), max_price: AtMost(Some(50)), ..Policy::open() };
    assert!(policy.needs_price() && !Policy::defaults().needs_price());
    assert_eq!(wait(&policy, None, &[]), Err((vec![Rule::MaxPrice, Rule::SpendPerDay], 0)));
    assert_eq!(wait(&policy, Some(51), &[]), Err((vec![Rule::MaxPrice], 0)));
    assert_eq!(wait(&policy, Some(101), &[]), Err((vec![Rule::MaxPrice, Rule::SpendPerDay], 0)));
    assert_eq!(wait(&policy, Some(50), &[]), Ok(()));
    // An earlier attempt without a price counts as this message's.
    let unknown = Counted { price: None, ..attempt(TimeDelta::seconds(86_390)) };
    assert_eq!(wait(&policy, Some(50), &[unknown]), Ok(()));
    assert_eq!(wait(&policy, Some(50), &[unknown, unknown]), Err((vec![Rule::SpendPerDay], 10)));
    let huge = Counted { price: Some(u64::MAX), ..attempt(TimeDelta::seconds(86_390)) };
    assert_eq!(wait(&policy, Some(50), &[huge, huge, huge]), Err((vec![Rule::SpendPerDay], 10)));
}

#[test]
fn quiet_hours_that_begin_during_a_wait_lengthen_it() {
    let mut hours = QuietHours::default();
    assert!(hours.add("21:00-08:00 Europe/Stockholm"));
    let policy = Policy { quiet: hours, per_minute: AtMost(NonZeroU32::new(1)), ..Policy::open() };
    let message = Message { to: NUMBERS[0], from: "Elks", default_sender: false, parts: 1, price: None };
    // It is 20:59:40.25 in Stockholm, the night of the clock change.
    let wait = policy.admit(&message, &Attempts(vec![attempt(TimeDelta::zero())]), now());
    assert_eq!(
        wait,
        Err(NotNow::Wait {
            rules: vec![Rule::SmsPerMinute, Rule::QuietHours],
            seconds: 10 * 3600 + 20,
            opens: time("2026-03-29T06:00:00Z"),
            quiet: Some("08:00 Europe/Stockholm".into()),
        })
    );
    let remaining = policy.remaining(&Attempts(Vec::new()), time("2026-03-29T00:00:00Z")).quiet.expect("is set");
    assert!(!remaining.open_now && remaining.opens == Some(time("2026-03-29T06:00:00Z")), "{remaining:?}");
}

#[test]
fn all_broken_rules_are_named_without_the_lists() {
    let mut recipients = Numbers::default();
    recipients.add("+4541740605").expect("is a number");
    let mut contacts = Contacts::default();
    contacts.add("anna=+4541740605").expect("is a contact");
    let mut countries = Countries::default();
    assert!(countries.add("DK"));
    let mut blocked = Numbers::default();
    blocked.add("+46*").expect("is a beginning");
    let policy = Policy {
        recipients: Allowed(Some(recipients)),
        blocked,
        countries: Allowed(Some(countries)),
        contacts: Allowed(Some(contacts)),
        contacts_only: true,
        senders: Allowed(Some(["Firma".to_string()].into())),
        max_parts: AtMost(Some(2)),
        ..Policy::open()
    };
    let message = Message { to: NUMBERS[0], from: "Elks", default_sender: false, parts: 3, price: None };
    let denial = policy.check(&message).expect_err("breaks them all");
    assert_eq!(denial.rules, Rule::ALL[..6]);
    let text = denial.to_string();
    assert!(text.starts_with("the recipient is not on the list of allowed recipients (ELKS_ALLOWED_RECIPIENTS); "));
    for hidden in ["41740605", "anna", "DK", "Firma", "+46", "Elks"] {
        assert!(!text.contains(hidden), "{text}");
    }
    let allowed = Message { to: "+4541740605", from: "Firma", default_sender: false, parts: 2, price: None };
    assert_eq!(policy.check(&allowed), Ok(()));
    assert_eq!(policy.check(&Message { from: "Elks", default_sender: true, ..allowed }), Ok(()));
    assert!(policy.sender_is_listed("Firma") && !policy.sender_is_listed("firma"));
    assert_eq!((policy.contact("ANNA"), policy.contact_of("+4541740605")), (Some("+4541740605"), Some("anna")));
}

#[test]
fn a_decision_over_ten_thousand_entries_is_quick() {
    let policy = Policy { spend_day: AtMost(Some(1)), spend_month: AtMost(Some(1)), ..Policy::defaults() };
    let attempts = Attempts((0..10_000).map(|n| attempt(TimeDelta::milliseconds(n * 8_000))).collect());
    let message = Message { to: NUMBERS[0], from: "Elks", default_sender: false, parts: 1, price: Some(1) };
    let times = (0..10).map(|_| {
        let begun = std::time::Instant::now();
        assert!(policy.admit(&message, &attempts, now()).is_err());
        begun.elapsed()
    });
    // Unoptimised. The quickest of ten counts: other programs on the machine slow the rest.
    let quickest = times.min().expect("was tried");
    assert!(quickest < std::time::Duration::from_millis(50), "{quickest:?}");
}
