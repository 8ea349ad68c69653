//! The wall clock, so that tests can set the time. Deadlines do not come from here: tokio's clock can be paused.

use chrono::{DateTime, Utc};

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Now, UTC.
    fn now(&self) -> DateTime<Utc>;
}

/// The system's clock.
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the system for the time")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

/// A clock that stands still until a test moves it.
#[cfg(test)]
pub(crate) struct TestClock(std::sync::Mutex<DateTime<Utc>>);

#[cfg(test)]
impl TestClock {
    /// A clock that stands at 2026-01-31T12:00:00Z.
    pub(crate) fn new() -> Self {
        let start = DateTime::from_timestamp(1_769_860_800, 0).expect("is a time");
        Self(std::sync::Mutex::new(start))
    }

    /// Moves the clock forward.
    pub(crate) fn advance(&self, duration: std::time::Duration) {
        *self.0.lock().expect("is not poisoned") += duration;
    }
}

#[cfg(test)]
impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().expect("is not poisoned")
    }
}
