//! Rate limits: one for calls that send, one for queries. Pure: the caller gives the time, nothing here does I/O.

use std::collections::VecDeque;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Length of the window in which no more calls are admitted than the limit.
pub const WINDOW: Duration = Duration::from_secs(60);

/// Which limit a call counts against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Calls of tools that send, dry runs included.
    Sending,
    /// Calls of tools that only read.
    Queries,
}

/// The response to a call that came too soon. It is not a failure: the call may be made again later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// The limit that was reached.
    pub class: Class,
    /// Whole seconds until the call is admitted; one second less is too soon.
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

impl std::error::Error for Refusal {}

/// The limits of both classes.
///
/// ```
/// use elks_sandbox::{Class, RateLimiter};
/// use std::time::Duration;
/// use tokio::time::Instant;
///
/// let limiter = RateLimiter::new(2.try_into()?, 60.try_into()?);
/// let start = Instant::now();
/// assert!(limiter.admit(Class::Sending, start).is_ok());
/// assert!(limiter.admit(Class::Sending, start + Duration::from_secs(7)).is_ok());
/// let refusal = limiter.admit(Class::Sending, start + Duration::from_secs(20)).unwrap_err();
/// assert_eq!(refusal.wait_seconds, 40);
/// assert!(limiter.admit(Class::Sending, start + WINDOW).is_ok());
/// # use elks_sandbox::rate_limit::WINDOW;
/// # Ok::<(), std::num::TryFromIntError>(())
/// ```
pub struct RateLimiter {
    sending: SlidingWindow,
    queries: SlidingWindow,
}

impl RateLimiter {
    /// Admits this many calls of each class in any 60 seconds.
    pub fn new(sending: NonZeroU32, queries: NonZeroU32) -> Self {
        Self { sending: SlidingWindow::new(sending), queries: SlidingWindow::new(queries) }
    }

    /// Admits a call at this time and counts it, in one step.
    ///
    /// # Errors
    /// The limit is reached; the refusal says how long to wait. A refused call is not counted.
    pub fn admit(&self, class: Class, now: Instant) -> Result<(), Refusal> {
        let refused = |wait: Duration| Refusal { class, wait_seconds: wait.as_nanos().div_ceil(1_000_000_000) as u64 };
        self.window(class).admit(now).map_err(refused)
    }

    /// How many more calls of a class would be admitted at this time, and how long the next one must wait if none.
    /// Nothing is counted.
    pub fn left(&self, class: Class, now: Instant) -> (usize, Duration) {
        self.window(class).left(now)
    }

    fn window(&self, class: Class) -> &SlidingWindow {
        match class {
            Class::Sending => &self.sending,
            Class::Queries => &self.queries,
        }
    }
}

/// An exact sliding window: it remembers the times of the calls that it admitted. A token bucket of the same size would
/// admit nearly twice the limit in one minute, because it refills while it is used.
struct SlidingWindow {
    limit: usize,
    /// Times of the admitted calls of the last [`WINDOW`], oldest first; at most `limit` of them.
    admitted: Mutex<VecDeque<Instant>>,
}

impl SlidingWindow {
    fn new(limit: NonZeroU32) -> Self {
        Self { limit: limit.get() as usize, admitted: Mutex::default() }
    }

    fn admit(&self, now: Instant) -> Result<(), Duration> {
        let mut admitted = self.admitted_before(now);
        if admitted.len() < self.limit {
            admitted.push_back(now);
            return Ok(());
        }
        Err(wait(&admitted, now))
    }

    fn left(&self, now: Instant) -> (usize, Duration) {
        let admitted = self.admitted_before(now);
        match self.limit.saturating_sub(admitted.len()) {
            0 => (0, wait(&admitted, now)),
            left => (left, Duration::ZERO),
        }
    }

    /// The admitted calls of the window that ends now.
    fn admitted_before(&self, now: Instant) -> MutexGuard<'_, VecDeque<Instant>> {
        let mut admitted = self.admitted.lock().unwrap_or_else(PoisonError::into_inner);
        while admitted.front().is_some_and(|oldest| now.duration_since(*oldest) >= WINDOW) {
            admitted.pop_front();
        }
        admitted
    }
}

/// How long a full window is closed: until its oldest call leaves it.
fn wait(admitted: &VecDeque<Instant>, now: Instant) -> Duration {
    admitted.front().map_or(WINDOW, |oldest| WINDOW.saturating_sub(now.duration_since(*oldest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limiter(limit: u32) -> RateLimiter {
        let limit = NonZeroU32::new(limit).expect("is not zero");
        RateLimiter::new(limit, limit)
    }

    #[test]
    fn the_limit_is_admitted_at_once_and_not_one_more() {
        let (limiter, now) = (limiter(10), Instant::now());
        for _ in 0..10 {
            assert_eq!(limiter.admit(Class::Sending, now), Ok(()));
        }
        let refusal = limiter.admit(Class::Sending, now).expect_err("is too soon");
        assert_eq!(
            refusal.to_string(),
            "Rate limit exceeded for SMS sending. Please wait 60 seconds before trying again."
        );
    }

    #[test]
    fn the_classes_do_not_share_a_limit() {
        let (limiter, now) = (limiter(1), Instant::now());
        assert_eq!(limiter.admit(Class::Sending, now), Ok(()));
        assert_eq!(limiter.admit(Class::Queries, now), Ok(()));
        let refusal = limiter.admit(Class::Queries, now).expect_err("is too soon");
        assert!(refusal.to_string().starts_with("Rate limit exceeded for queries. "));
    }

    #[test]
    fn it_opens_exactly_when_it_said() {
        let limiter = limiter(3);
        let mut now = Instant::now();
        for pause in [0, 7_300, 20_001] {
            now += Duration::from_millis(pause);
            assert_eq!(limiter.admit(Class::Sending, now), Ok(()));
        }
        assert_eq!(limiter.left(Class::Queries, now), (3, Duration::ZERO));
        now += Duration::from_millis(500);
        assert_eq!(limiter.left(Class::Sending, now), (0, Duration::from_millis(32_199)));
        let wait = limiter.admit(Class::Sending, now).expect_err("is too soon").wait_seconds;
        assert_eq!(wait, 33, "60 s after the first call, rounded up: 60 - 27.801");
        now += Duration::from_secs(wait - 1);
        assert!(limiter.admit(Class::Sending, now).is_err(), "a second less is not enough");
        now += Duration::from_secs(1);
        assert_eq!(limiter.admit(Class::Sending, now), Ok(()));
    }

    #[test]
    fn no_minute_ever_admits_more_than_the_limit() {
        // A caller who tries at every step of an uneven rhythm for an hour.
        for limit in [1, 2, 7, 10] {
            let limiter = limiter(limit);
            let start = Instant::now();
            let (mut now, mut admitted) = (0_u64, Vec::new());
            for step in 0..7_200_u64 {
                now += 137 + (step * 7_919) % 863;
                if limiter.admit(Class::Sending, start + Duration::from_millis(now)).is_ok() {
                    admitted.push(now);
                }
            }
            let limit = limit as usize;
            assert!(admitted.windows(limit + 1).all(|calls| calls[limit] - calls[0] >= 60_000), "limit {limit}");
            assert!(admitted.len() > limit * 50, "and it admits nearly as many as it may: {}", admitted.len());
        }
    }
}
