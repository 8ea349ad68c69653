//! What the journal's events mean: a fold, pure. Two processes that have read the same events have the same state.

use super::event::{Accepted, By, Event, Intent, Outcome};
use super::keys::Hash;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::{BTreeMap, HashSet, VecDeque};

/// How long an intent without an outcome is in flight: a call takes at most 30 seconds.
const IN_FLIGHT: TimeDelta = TimeDelta::seconds(60);

/// How long sends are remembered: longer than any window of a limit. Those without a known outcome are kept longer.
const REMEMBERED: TimeDelta = TimeDelta::days(31);

/// How long sends are remembered that were certainly not sent. They count for the minute at most, and their key is
/// free.
const UNSENT_REMEMBERED: TimeDelta = TimeDelta::hours(1);

/// One send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The number of its intent in the journal.
    pub seq: u64,
    /// When it was about to be sent, but not later than a clock event after it. Windows of limits begin here.
    pub at: DateTime<Utc>,
    /// Whether a clock event moved `at`, because the clock of that time was ahead.
    pub redated: bool,
    /// What was about to be sent.
    pub intent: Intent,
    /// What became of it, and since when that is known.
    pub outcome: Option<(DateTime<Utc>, Outcome)>,
}

/// How a send stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing<'a> {
    /// It began less than 60 seconds ago and has no outcome yet.
    InFlight,
    /// 46elks accepted it.
    Accepted(&'a Accepted),
    /// It may have been sent: its outcome is unknown, or missing for 60 seconds.
    Unknown,
    /// 46elks refused it.
    Rejected,
    /// It was not sent.
    NotLeft,
}

impl Entry {
    /// A send that has no outcome yet.
    pub(super) fn new(seq: u64, at: DateTime<Utc>, intent: Intent) -> Self {
        Self { seq, at, redated: false, intent, outcome: None }
    }

    /// How the send stands at this time.
    pub fn standing(&self, now: DateTime<Utc>) -> Standing<'_> {
        match &self.outcome {
            None if now - self.at < IN_FLIGHT => Standing::InFlight,
            None | Some((_, Outcome::Unknown)) => Standing::Unknown,
            Some((_, Outcome::Accepted(accepted))) => Standing::Accepted(accepted),
            Some((_, Outcome::Rejected { .. })) => Standing::Rejected,
            Some((_, Outcome::NotLeft)) => Standing::NotLeft,
        }
    }

    /// Whether nobody knows yet what became of it.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.outcome, None | Some((_, Outcome::Unknown)))
    }

    /// Since when it is known that it was not sent.
    fn unsent_since(&self) -> Option<DateTime<Utc>> {
        match &self.outcome {
            Some((since, Outcome::Rejected { .. } | Outcome::NotLeft)) => Some(*since),
            _ => None,
        }
    }

    /// Whether an outcome would be taken. What is certain is only replaced by what is more certain, or by the operator.
    pub(super) fn would_change(&self, outcome: &Outcome, by: By) -> bool {
        let certainty = |outcome: &Outcome| match outcome {
            Outcome::Unknown => 0,
            Outcome::NotLeft | Outcome::Rejected { .. } => 1,
            Outcome::Accepted(_) => 2,
        };
        let earlier = self.outcome.as_ref().map(|(_, outcome)| certainty(outcome));
        by == By::Operator || earlier < Some(certainty(outcome))
    }

    /// Takes an outcome, if it changes something.
    pub(super) fn settle(&mut self, at: DateTime<Utc>, outcome: Outcome, by: By) {
        if self.would_change(&outcome, by) {
            self.outcome = Some((at, outcome));
        }
    }
}

/// What the journal's events mean.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Open sends that are older than those in `recent`, oldest first.
    older: Vec<Entry>,
    /// The sends of the last 31 days by the numbers of their intents.
    recent: BTreeMap<u64, Entry>,
    /// When outcomes said that something was not sent, and the numbers of the intents, oldest first.
    unsent: VecDeque<(DateTime<Utc>, u64)>,
    /// The recipients of the kept journal to whom a message was accepted, or may have been.
    recipients: HashSet<Hash>,
    /// Since when sends are paused, and the number of that event.
    paused: Option<(DateTime<Utc>, u64)>,
    /// The newest event of which the journal says that it was removed.
    removed_through: u64,
}

impl State {
    /// The sends of the last 31 days and the older ones without a known outcome, oldest first. What was certainly not
    /// sent is forgotten an hour after that was known.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.older.iter().chain(self.recent.values())
    }

    /// The send whose intent has this number.
    pub fn entry(&self, seq: u64) -> Option<&Entry> {
        self.recent.get(&seq).or_else(|| self.older.iter().find(|entry| entry.seq == seq))
    }

    /// Since when the operator has paused all sends.
    pub fn paused_since(&self) -> Option<DateTime<Utc>> {
        self.paused.map(|(since, _)| since)
    }

    /// Whether the kept journal has a message to this recipient of which it says, or once said, that it was accepted or
    /// that its outcome is unknown. An intent without any outcome makes no recipient known, however old it is: perhaps
    /// nobody was asked, and nothing arrived. Then a person is asked once more.
    pub fn knows_recipient(&self, recipient: &Hash) -> bool {
        self.recipients.contains(recipient)
    }

    /// The send that 46elks gave this id.
    pub fn owner_of(&self, id: &str) -> Option<u64> {
        let owns =
            |entry: &&Entry| matches!(&entry.outcome, Some((_, Outcome::Accepted(accepted))) if accepted.id == id);
        self.entries().rev().find(owns).map(|entry| entry.seq)
    }

    /// The number of the event that paused all sends.
    pub(super) fn paused_by(&self) -> Option<u64> {
        self.paused.map(|(_, seq)| seq)
    }

    /// The newest event of which the journal says that it was removed; 0 without one.
    pub(super) fn removed_through(&self) -> u64 {
        self.removed_through
    }

    /// Takes the next event.
    pub(super) fn apply(&mut self, seq: u64, at: DateTime<Utc>, event: Event) {
        match event {
            Event::Intent(intent) => {
                self.recent.insert(seq, Entry::new(seq, at, intent));
            }
            Event::Outcome { of, outcome, by } => self.settle(of, at, outcome, by),
            Event::Paused => self.paused = self.paused.or(Some((at, seq))),
            Event::Resumed => self.paused = None,
            Event::Clock { .. } => self.redate(at),
            Event::Removed { through } => self.removed_through = self.removed_through.max(through),
        }
    }

    /// Forgets what no window of a limit reaches any longer.
    pub(super) fn forget(&mut self, now: DateTime<Utc>) {
        while let Some(first) = self.recent.first_entry().filter(|first| now - first.get().at > REMEMBERED) {
            self.older.extend(Some(first.remove()).filter(Entry::is_open));
        }
        let is_old = |since: DateTime<Utc>| now - since > UNSENT_REMEMBERED;
        while let Some((_, seq)) = self.unsent.pop_front_if(|(since, _)| is_old(*since)) {
            // A later outcome may have said something else.
            if self.recent.get(&seq).and_then(Entry::unsent_since).is_some_and(is_old) {
                self.recent.remove(&seq);
            }
        }
    }

    fn settle(&mut self, of: u64, at: DateTime<Utc>, outcome: Outcome, by: By) {
        let older = self.older.iter_mut().find(|entry| entry.seq == of);
        let Some(entry) = self.recent.get_mut(&of).or(older) else { return };
        if matches!(outcome, Outcome::Accepted(_) | Outcome::Unknown) {
            self.recipients.insert(entry.intent.recipient);
        }
        entry.settle(at, outcome, by);
        self.unsent.extend(entry.unsent_since().map(|since| (since, of)));
        if !self.recent.contains_key(&of) {
            self.older.retain(Entry::is_open);
        }
    }

    /// Gives everything that is dated later than now the time of now.
    fn redate(&mut self, now: DateTime<Utc>) {
        for entry in self.older.iter_mut().chain(self.recent.values_mut()) {
            entry.redated |= entry.at > now;
            entry.at = entry.at.min(now);
            entry.outcome = entry.outcome.take().map(|(at, outcome)| (at.min(now), outcome));
        }
        for (since, _) in &mut self.unsent {
            *since = now.min(*since);
        }
        self.paused = self.paused.map(|(since, seq)| (since.min(now), seq));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_769_860_800 + seconds, 0).expect("is a time")
    }

    fn intent(recipient: u8) -> Event {
        Event::Intent(Intent {
            content: Hash([recipient; 16]),
            recipient: Hash([recipient; 16]),
            key: None,
            to: "****".into(),
            from: "****".into(),
            contact: None,
            parts: 1,
            price: None,
            approved: false,
            pid: 1,
        })
    }

    fn accepted() -> Outcome {
        Outcome::Accepted(Accepted { id: "s1".into(), status: None, created: None, parts: 1, cost: None })
    }

    /// The state after these events, one a second.
    fn state(events: impl IntoIterator<Item = Event>) -> State {
        let mut state = State::default();
        for (seq, event) in (1..).zip(events) {
            state.apply(seq, at(i64::try_from(seq).expect("is small")), event);
        }
        state
    }

    #[test]
    fn what_is_certain_is_only_replaced_by_what_is_more_certain_or_by_the_operator() {
        let rejected = Outcome::Rejected { status: 403 };
        for (first, second, by, last) in [
            (Outcome::Unknown, accepted(), By::History, accepted()),
            (Outcome::Unknown, Outcome::NotLeft, By::History, Outcome::NotLeft),
            (Outcome::NotLeft, accepted(), By::History, accepted()),
            (Outcome::NotLeft, Outcome::Unknown, By::Answer, Outcome::NotLeft),
            (accepted(), Outcome::NotLeft, By::History, accepted()),
            (accepted(), rejected.clone(), By::Answer, accepted()),
            (accepted(), Outcome::Unknown, By::Answer, accepted()),
            (accepted(), Outcome::NotLeft, By::Operator, Outcome::NotLeft),
            (rejected.clone(), Outcome::Unknown, By::Operator, Outcome::Unknown),
        ] {
            let settled = |outcome, by| Event::Outcome { of: 1, outcome, by };
            let state = state([intent(1), settled(first, By::Answer), settled(second, by)]);
            let outcome = state.entry(1).and_then(|entry| entry.outcome.clone());
            assert_eq!(outcome.map(|(_, outcome)| outcome), Some(last));
        }
    }

    #[test]
    fn open_sends_are_remembered_until_they_are_settled() {
        let settled = |of, outcome| Event::Outcome { of, outcome, by: By::Operator };
        let mut state = state([intent(1), intent(2), intent(3), settled(1, accepted()), settled(2, Outcome::Unknown)]);
        state.forget(at(3) + REMEMBERED);
        assert_eq!(state.entries().map(|entry| entry.seq).collect::<Vec<_>>(), [2, 3]);
        state.forget(at(4) + REMEMBERED);
        assert_eq!(state.entries().map(|entry| entry.seq).collect::<Vec<_>>(), [2, 3]);
        assert_eq!((state.owner_of("s1"), state.knows_recipient(&Hash([1; 16]))), (None, true));
        state.apply(6, at(6), settled(2, accepted()));
        assert_eq!(state.entries().map(|entry| entry.seq).collect::<Vec<_>>(), [3]);
        assert!(state.knows_recipient(&Hash([2; 16])) && !state.knows_recipient(&Hash([3; 16])));
        state.apply(7, at(7), settled(2, Outcome::NotLeft));
        assert_eq!((state.entry(2), state.entry(3).map(|entry| entry.at)), (None, Some(at(3))));
    }

    #[test]
    fn what_was_not_sent_is_forgotten_after_an_hour() {
        const HOUR: i64 = 3600;
        let settled = |of, outcome, by| Event::Outcome { of, outcome, by };
        let rejected = || Outcome::Rejected { status: 403 };
        let mut state = state([intent(1), intent(2), intent(3), intent(4), settled(1, rejected(), By::Answer)]);
        for (seq, of, outcome) in
            [(6, 2, Outcome::NotLeft), (7, 3, rejected()), (8, 4, Outcome::NotLeft), (9, 4, Outcome::NotLeft)]
        {
            state.apply(seq, at(6), settled(of, outcome, By::Answer));
        }
        // What is known later counts.
        state.apply(10, at(100), settled(3, accepted(), By::History));
        state.apply(11, at(100), settled(4, Outcome::NotLeft, By::Operator));
        let mut left = |seconds| {
            state.forget(at(seconds));
            state.entries().map(|entry| entry.seq).collect::<Vec<_>>()
        };
        assert_eq!(left(5 + HOUR), [1, 2, 3, 4]);
        assert_eq!(left(6 + HOUR), [2, 3, 4]);
        assert_eq!(left(7 + HOUR), [3, 4]);
        assert_eq!(left(101 + HOUR), [3]);
        assert!(state.unsent.is_empty());
    }

    #[test]
    fn a_loop_of_refused_messages_does_not_fill_the_memory() {
        const SENDS: i64 = 100_000;
        let (mut state, mut most) = (State::default(), 0);
        for (number, seq) in (0..SENDS).zip((1..).step_by(2)) {
            let now = at(number * 31 * 86_400 / SENDS);
            state.apply(seq, now, intent(1));
            let outcome = if number % 2 == 0 { Outcome::Rejected { status: 403 } } else { Outcome::NotLeft };
            state.apply(seq + 1, now, Event::Outcome { of: seq, outcome, by: By::Answer });
            state.forget(now);
            most = most.max(state.recent.len()).max(state.unsent.len()).max(state.older.len());
        }
        // An hour has about 134 of them.
        assert!((130..140).contains(&most), "{most}");
    }

    #[test]
    fn after_a_new_date_nothing_is_later_than_it() {
        let mut state = state([intent(1), intent(2), Event::Outcome { of: 1, outcome: accepted(), by: By::Answer }]);
        state.apply(4, at(4), Event::Paused);
        state.apply(5, at(5), Event::Paused);
        assert_eq!((state.paused_since(), state.paused_by()), (Some(at(4)), Some(4)));
        state.apply(6, at(1), Event::Clock { was: at(5) });
        assert!(state.entries().all(|entry| entry.at == at(1)));
        let redated: Vec<_> = state.entries().map(|entry| entry.redated).collect();
        assert_eq!(redated, [false, true]);
        let mut again = State::default();
        again.apply(1, at(0), intent(1));
        again.apply(2, at(9000), Event::Outcome { of: 1, outcome: Outcome::NotLeft, by: By::Answer });
        again.apply(3, at(8000), intent(2));
        for (seq, time) in [(4, 10), (5, 20)] {
            again.apply(seq, at(time), Event::Clock { was: at(9000) });
        }
        assert!(again.entry(3).is_some_and(|entry| entry.redated), "a second clock event changes nothing about it");
        again.forget(at(10 + 3600));
        assert!(again.entry(1).is_some());
        again.forget(at(11 + 3600));
        assert_eq!(again.entry(1), None, "an hour after the clock was set right");
        assert!(state.entry(1).and_then(|entry| entry.outcome.as_ref()).is_some_and(|(time, _)| *time == at(1)));
        assert_eq!((state.paused_since(), state.paused_by()), (Some(at(1)), Some(4)));
        state.apply(7, at(2), Event::Resumed);
        assert_eq!(state.paused_since(), None);
    }

    #[test]
    fn a_send_without_an_outcome_is_in_flight_for_a_minute() {
        let state = state([intent(1)]);
        let standing = |seconds: i64| state.entry(1).map(|entry| entry.standing(at(1 + seconds)));
        assert_eq!((standing(59), standing(60)), (Some(Standing::InFlight), Some(Standing::Unknown)));
    }
}
