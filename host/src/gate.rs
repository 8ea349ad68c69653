//! May this call go now? Rate limits, one for sending and one for queries. Pure: time comes from a
//! clock, nothing here does I/O, and no tool can change it.

use crate::call::Class;
use governor::clock::{Clock, DefaultClock};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use std::fmt;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The window in which no more calls are admitted than the limit.
const WINDOW: Duration = Duration::from_secs(60);

/// The answer to a call that came too soon. Not a failure: waiting helps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    class: Class,
    /// Whole seconds after which the call is admitted; one second less is too soon.
    pub wait_seconds: u64,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.class {
            Class::Sending => "SMS sending",
            Class::Queries => "queries",
        };
        write!(f, "Rate limit exceeded for {what}. Please wait {} seconds before trying again.", self.wait_seconds)
    }
}

/// The limits of both classes.
pub struct Gate<C: Clock = DefaultClock> {
    sending: Window<C>,
    queries: Window<C>,
}

impl Gate {
    /// A gate that admits so many calls of each class in any minute.
    pub fn new(sending_per_minute: NonZeroU32, queries_per_minute: NonZeroU32) -> Self {
        Self::with_clock(sending_per_minute, queries_per_minute, &DefaultClock::default())
    }
}

impl<C: Clock + Clone> Gate<C> {
    /// The same with a clock of one's own.
    pub fn with_clock(sending_per_minute: NonZeroU32, queries_per_minute: NonZeroU32, clock: &C) -> Self {
        Self { sending: Window::new(sending_per_minute, clock), queries: Window::new(queries_per_minute, clock) }
    }

    /// Admits a call and counts it, in one step.
    ///
    /// # Errors
    /// How long to wait, when the limit is reached. A refused call is not counted.
    pub fn admit(&self, class: Class) -> Result<(), Refusal> {
        let window = match class {
            Class::Sending => &self.sending,
            Class::Queries => &self.queries,
        };
        window.admit().map_err(|wait| Refusal { class, wait_seconds: wait.as_nanos().div_ceil(1_000_000_000) as u64 })
    }
}

/// An exact window. Governor's plain quota of N a minute is a bucket that refills while it is
/// emptied, so that nearly 2N calls fit into one minute. Here N cells admit one call a minute each
/// and are used in turn: a cell is asked again only after all others, so N + 1 calls always span
/// more than a minute.
struct Window<C: Clock> {
    cells: RateLimiter<u32, HashMapStateStore<u32>, C, NoOpMiddleware<C::Instant>>,
    clock: C,
    count: NonZeroU32,
    /// The cell whose turn it is. The lock makes asking and taking turns one step.
    next: Mutex<u32>,
}

impl<C: Clock + Clone> Window<C> {
    fn new(count: NonZeroU32, clock: &C) -> Self {
        // A period that is not zero always makes a quota.
        let one_a_minute = Quota::with_period(WINDOW).unwrap_or(Quota::per_minute(NonZeroU32::MIN));
        let cells = RateLimiter::new(one_a_minute, HashMapStateStore::default(), clock.clone());
        Self { cells, clock: clock.clone(), count, next: Mutex::new(0) }
    }

    fn admit(&self) -> Result<(), Duration> {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        self.cells.check_key(&*next).map_err(|not_until| not_until.wait_time_from(self.clock.now()))?;
        *next = (*next + 1) % self.count;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use governor::clock::FakeRelativeClock;

    fn gate(limit: u32, clock: &FakeRelativeClock) -> Gate<FakeRelativeClock> {
        let limit = NonZeroU32::new(limit).expect("is not zero");
        Gate::with_clock(limit, limit, clock)
    }

    #[test]
    fn the_limit_is_admitted_at_once_and_not_one_more() {
        let clock = FakeRelativeClock::default();
        let gate = gate(10, &clock);
        for _ in 0..10 {
            assert_eq!(gate.admit(Class::Sending), Ok(()));
        }
        let refusal = gate.admit(Class::Sending).expect_err("is too soon");
        assert_eq!(
            refusal.to_string(),
            "Rate limit exceeded for SMS sending. Please wait 60 seconds before trying again."
        );
    }

    #[test]
    fn the_classes_do_not_share_a_limit() {
        let clock = FakeRelativeClock::default();
        let gate = gate(1, &clock);
        assert_eq!(gate.admit(Class::Sending), Ok(()));
        assert_eq!(gate.admit(Class::Queries), Ok(()));
        let refusal = gate.admit(Class::Queries).expect_err("is too soon");
        assert!(refusal.to_string().starts_with("Rate limit exceeded for queries. "));
    }

    #[test]
    fn it_opens_exactly_when_it_said() {
        let clock = FakeRelativeClock::default();
        let gate = gate(3, &clock);
        for pause in [0, 7_300, 20_001] {
            clock.advance(Duration::from_millis(pause));
            assert_eq!(gate.admit(Class::Sending), Ok(()));
        }
        clock.advance(Duration::from_millis(500));
        let wait = gate.admit(Class::Sending).expect_err("is too soon").wait_seconds;
        assert_eq!(wait, 33, "60 s after the first call, rounded up: 60 - 27.801");
        clock.advance(Duration::from_secs(wait - 1));
        assert!(gate.admit(Class::Sending).is_err(), "a second less is not enough");
        clock.advance(Duration::from_secs(1));
        assert_eq!(gate.admit(Class::Sending), Ok(()));
    }

    #[test]
    fn no_minute_ever_admits_more_than_the_limit() {
        // A caller who tries at every step of an uneven rhythm for an hour.
        for limit in [1, 2, 7, 10] {
            let clock = FakeRelativeClock::default();
            let gate = gate(limit, &clock);
            let (mut now, mut admitted) = (0_u64, Vec::new());
            for step in 0..7_200_u64 {
                let pause = 137 + (step * 7_919) % 863;
                clock.advance(Duration::from_millis(pause));
                now += pause;
                if gate.admit(Class::Sending).is_ok() {
                    admitted.push(now);
                }
            }
            let limit = limit as usize;
            assert!(admitted.windows(limit + 1).all(|calls| calls[limit] - calls[0] >= 60_000), "limit {limit}");
            assert!(admitted.len() > limit * 50, "and it admits nearly as many as it may: {}", admitted.len());
        }
    }
}
