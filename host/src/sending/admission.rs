//! The admission of a send: the decision and its record are one step under the ledger's lock, after the permit and
//! before the first byte leaves. What came of the send is recorded from the trace.

use super::decision::{Decision, decide};
use super::draft::Draft;
use super::{Sending, Withheld, blocking};
use crate::contract::Status;
use crate::ledger::{Accepted, Book, Event, Outcome, Unavailable};
use crate::verdict::facts;
use elks_sandbox::{Admission, Class, Outcome as Answer, RateLimiter, Refused, Trace};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::time::Instant;

/// The admission of one call that sends.
#[derive(Clone)]
pub(crate) struct Reservation(Arc<Inner>);

struct Inner {
    sending: Arc<Sending>,
    limiter: Arc<RateLimiter>,
    draft: Draft,
    state: Mutex<State>,
}

/// How far the call has come.
enum State {
    /// Nothing is recorded.
    Open,
    /// The intent is in the ledger under this number, and its outcome is not.
    Reserved(u64),
    /// The message is not sent, for this reason.
    Withheld(Withheld),
    /// The outcome is recorded, or the call has ended before its intent was.
    Closed,
}

impl Reservation {
    /// Nothing is recorded before the call's request is about to leave.
    pub(crate) fn new(sending: Arc<Sending>, limiter: Arc<RateLimiter>, draft: Draft) -> Self {
        Self(Arc::new(Inner { sending, limiter, draft, state: Mutex::new(State::Open) }))
    }

    /// Why the message was not sent, when the host withheld it.
    pub(crate) fn withheld(&self) -> Withheld {
        let mut state = self.0.state();
        match std::mem::replace(&mut *state, State::Closed) {
            State::Withheld(withheld) => withheld,
            other => {
                *state = other;
                Withheld::GivenUp
            }
        }
    }

    /// Records what came of the send, as the trace says. Without a recorded intent it does nothing, and none is
    /// recorded after it. A second call does nothing. `running` is dropped when it is done, also if nobody waits for
    /// it.
    pub(crate) async fn settle(&self, trace: Trace, running: impl Send + 'static) -> Result<(), Unavailable> {
        let reservation = self.clone();
        blocking(move || {
            let settled = reservation.settle_now(&trace);
            drop(running);
            settled
        })
        .await
    }

    /// The same, on this thread. It may wait for a disk.
    pub(crate) fn settle_now(&self, trace: &Trace) -> Result<(), Unavailable> {
        let Some((of, outcome)) = self.0.close(trace) else { return Ok(()) };
        self.0.sending.record_now(of, outcome)
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the call. Returns the number of its intent and its outcome, if the outcome is to be recorded.
    fn close(&self, trace: &Trace) -> Option<(u64, Outcome)> {
        let mut state = self.state();
        match *state {
            State::Reserved(of) => {
                *state = State::Closed;
                Some((of, outcome(trace)))
            }
            State::Open => {
                *state = State::Closed;
                None
            }
            State::Withheld(_) | State::Closed => None,
        }
    }

    /// Decides and records, in one step.
    fn reserve(&self) -> Result<(), Refused> {
        let reserve = |book: &mut Book<'_>| {
            // The call cannot end between the decision and its record.
            let mut state = self.state();
            if !matches!(*state, State::Open) {
                return Err(Withheld::GivenUp);
            }
            let policy = self.sending.policy().map_err(Withheld::Policy)?;
            match decide(book.state(), &self.draft, book.now(), &policy) {
                Decision::Send => {}
                decision => return Err(Withheld::Decided(decision)),
            }
            // A message that a person has approved was counted when the person was asked.
            if !self.draft.approved {
                self.limiter.admit(Class::Sending, Instant::now()).map_err(Withheld::TooSoon)?;
            }
            let of = book.append(Event::Intent(self.draft.intent())).map_err(Withheld::Ledger)?;
            self.sending.held().insert(of);
            *state = State::Reserved(of);
            Ok(())
        };
        let reserved = self.sending.with_book(reserve).unwrap_or_else(|unavailable| Err(Withheld::Ledger(unavailable)));
        reserved.map_err(|withheld| {
            let mut state = self.state();
            if matches!(*state, State::Open) {
                *state = State::Withheld(withheld);
            }
            Refused::ByHost
        })
    }
}

impl Admission for Reservation {
    fn admit(&self) -> Pin<Box<dyn Future<Output = Result<(), Refused>> + Send + '_>> {
        let inner = Arc::clone(&self.0);
        Box::pin(blocking(move || inner.reserve()))
    }
}

/// Admits no call.
pub(crate) struct Nobody;

impl Admission for Nobody {
    fn admit(&self) -> Pin<Box<dyn Future<Output = Result<(), Refused>> + Send + '_>> {
        Box::pin(std::future::ready(Err(Refused::ByHost)))
    }
}

/// What came of a send, as its exchanges say.
pub(crate) fn outcome(trace: &Trace) -> Outcome {
    let Some(exchange) = trace.exchanges.iter().find(|exchange| exchange.sends) else { return Outcome::NotLeft };
    match &exchange.outcome {
        Answer::NotSent(_) => Outcome::NotLeft,
        Answer::Answered(status @ 400..=499, _) => Outcome::Rejected { status: *status },
        Answer::Answered(..) => match facts::send_sms(&trace.exchanges, None) {
            Ok(sent) => match sent.id {
                Some(id) => Outcome::Accepted(Accepted {
                    id,
                    status: sent.status.map(status_name),
                    created: sent.created,
                    parts: sent.parts.into(),
                    cost: sent.cost,
                }),
                None => Outcome::Unknown,
            },
            Err(_) => Outcome::Unknown,
        },
        Answer::Unanswered(_) => Outcome::Unknown,
    }
}

/// A status, as results spell it.
pub(crate) fn status_name(status: Status) -> String {
    serde_json::to_value(status).ok().and_then(|name| name.as_str().map(Into::into)).unwrap_or_default()
}
