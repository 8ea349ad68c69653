//! Sends: the operator's policy and the ledger, put together. A message is decided about and recorded in one step under
//! the ledger's lock, when its request is about to leave. What came of it is recorded before the caller hears of it.

pub(crate) mod admission;
pub(crate) mod decision;
pub(crate) mod draft;
pub(crate) mod limits;
pub(crate) mod reconcile;

use crate::config::Settings;
use crate::failure::Failure;
use crate::ledger::{Book, By, Ledger, Outcome, Unavailable};
use crate::policy::Policy;
use crate::summary::refusals;
use chrono::{DateTime, Utc};
use decision::{Decision, decide};
use draft::Draft;
use elks_sandbox::Refusal;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Decides about sends and remembers them.
pub(crate) struct Sending {
    settings: Settings,
    ledger: Arc<Ledger>,
    /// Outcomes that could not be recorded when they were known.
    late: Mutex<Vec<(u64, Outcome)>>,
    /// The intents of calls that have not ended.
    held: Mutex<BTreeSet<u64>>,
}

/// Why a message is not sent.
pub(crate) enum Withheld {
    /// What the policy or an earlier send says. It is never [`Decision::Send`].
    Decided(Decision),
    /// The calls of this process came too fast.
    TooSoon(Refusal),
    /// The policy file cannot be used.
    Policy(Failure),
    /// The ledger cannot be used.
    Ledger(Unavailable),
    /// The call was given up.
    GivenUp,
}

impl Withheld {
    /// Whether this computer's clock is the reason: it does not fit the journal or 46elks's clock.
    pub(crate) fn is_about_time(&self) -> bool {
        matches!(self, Self::Ledger(Unavailable::Clock { .. }))
    }
}

impl Sending {
    /// Sends under these settings, remembered in this ledger.
    pub(crate) fn new(settings: Settings, ledger: Arc<Ledger>) -> Self {
        Self { settings, ledger, late: Mutex::default(), held: Mutex::default() }
    }

    /// The policy in force now.
    ///
    /// # Errors
    /// The policy file cannot be used: nothing is sent until it is mended.
    pub(crate) fn policy(&self) -> Result<Arc<Policy>, Failure> {
        self.settings.policy.current().map_err(|broken| refusals::policy_broken(&broken))
    }

    /// What would be decided about a message now. Nothing is recorded. The decision that counts is made when the
    /// request leaves; this one spares a question or a request that would be in vain.
    pub(crate) async fn look(self: &Arc<Self>, draft: &Draft) -> Result<Decision, Withheld> {
        let (sending, mut draft) = (Arc::clone(self), draft.clone());
        // The rules about prices are judged when the price is known.
        draft.price = draft.price.or(Some(0));
        blocking(move || {
            let policy = sending.policy().map_err(Withheld::Policy)?;
            let decide = |book: &mut Book<'_>| decide(book.state(), &draft, book.now(), &policy);
            sending.with_book(decide).map_err(Withheld::Ledger)
        })
        .await
    }

    /// Records an outcome that was looked up. If that fails, it is looked up again.
    pub(crate) async fn record(self: &Arc<Self>, of: u64, outcome: Outcome, by: By) -> Result<(), Unavailable> {
        let sending = Arc::clone(self);
        blocking(move || sending.ledger.settle(of, outcome, by).map(drop)).await
    }

    /// Records what came of a send, on this thread. An outcome that cannot be recorded now is recorded before the next
    /// use of the ledger.
    pub(crate) fn record_now(&self, of: u64, outcome: Outcome) -> Result<(), Unavailable> {
        let recorded = self.ledger.settle(of, outcome.clone(), By::Answer).map(drop);
        if recorded.is_err() {
            self.late().push((of, outcome));
        }
        self.held().remove(&of);
        recorded
    }

    /// Records the outcomes that could not be recorded before.
    fn record_late(&self) {
        let mut waiting = std::mem::take(&mut *self.late());
        let is_recorded = |late: &&(u64, Outcome)| self.ledger.settle_late(late.0, &late.1, By::Answer).is_ok();
        // Each try may wait for a lock: after the first failure the others wait for the next use.
        let recorded = waiting.iter().take_while(is_recorded).count();
        waiting.drain(..recorded);
        self.late().append(&mut waiting);
    }

    fn late(&self) -> MutexGuard<'_, Vec<(u64, Outcome)>> {
        self.late.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a call of this process has recorded this intent and has not ended.
    pub(crate) fn holds(&self, of: u64) -> bool {
        self.held().contains(&of)
    }

    fn held(&self) -> MutexGuard<'_, BTreeSet<u64>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Uses the ledger on this thread.
    fn with_book<R>(&self, f: impl FnOnce(&mut Book<'_>) -> R) -> Result<R, Unavailable> {
        self.record_late();
        self.ledger.with(f)
    }

    /// Runs a function on what the ledger knows.
    pub(crate) async fn with_state<R: Send + 'static>(
        self: &Arc<Self>,
        f: impl FnOnce(&mut Book<'_>) -> R + Send + 'static,
    ) -> Result<R, Unavailable> {
        let sending = Arc::clone(self);
        blocking(move || sending.with_book(f)).await
    }

    /// Compares 46elks's clock, as the `Date` of a response that has just come says it, with this machine's.
    pub(crate) fn note_time(&self, date: Option<&str>) {
        if let Some(date) = date.and_then(|date| DateTime::parse_from_rfc2822(date).ok()) {
            self.ledger.server_time(date.with_timezone(&Utc));
        }
    }
}

/// Runs what may wait for a disk or a lock on another thread.
async fn blocking<R: Send + 'static, E: Send + 'static>(
    f: impl FnOnce() -> Result<R, E> + Send + 'static,
) -> Result<R, E> {
    match tokio::task::spawn_blocking(f).await {
        Ok(result) => result,
        // The runtime is shutting down: nothing waits for the result any more.
        Err(error) if error.is_cancelled() => std::future::pending().await,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
