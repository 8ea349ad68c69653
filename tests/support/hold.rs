//! A place at which a test holds connections or answers until it releases them. It holds nothing before [`Hold::hold`].
//! Every wait is bounded.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// How long anybody waits here. Far more than a test takes.
const HOLD_TIMEOUT: Duration = Duration::from_secs(60);

/// Its clones are the same place.
#[derive(Clone, Default)]
pub(crate) struct Hold(Arc<(Mutex<State>, Condvar)>);

#[derive(Default)]
struct State {
    held: bool,
    /// How many wait.
    waiting: usize,
}

impl Hold {
    /// From now on whoever comes waits.
    pub(crate) fn hold(&self) {
        self.0.0.lock().expect("is not poisoned").held = true;
    }

    /// Lets everybody go on, also those who come later.
    pub(crate) fn release(&self) {
        self.0.0.lock().expect("is not poisoned").held = false;
        self.0.1.notify_all();
    }

    /// Waits while this place is held. It blocks the thread.
    pub(crate) fn pass(&self) {
        let (state, changed) = &*self.0;
        let mut state = state.lock().expect("is not poisoned");
        state.waiting += 1;
        changed.notify_all();
        let waited = changed.wait_timeout_while(state, HOLD_TIMEOUT, |state| state.held);
        waited.expect("is not poisoned").0.waiting -= 1;
    }

    /// Waits until so many wait here.
    pub(crate) fn await_waiting(&self, count: usize) {
        let (state, changed) = &*self.0;
        let state = state.lock().expect("is not poisoned");
        let waited = changed.wait_timeout_while(state, HOLD_TIMEOUT, |state| state.waiting < count);
        assert!(!waited.expect("is not poisoned").1.timed_out(), "{count} came");
    }
}
