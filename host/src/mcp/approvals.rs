//! Approvals that a person has yet to give, in clients that keep no connection. The client gets a sealed token with the
//! question and returns it with the answer. A token is valid once, for the same call, for five minutes.

use crate::clock::Clock;
use crate::tools::Call;
use chrono::{DateTime, Utc};
use rmcp::model::{RequestStateCodec, SealOptions};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};

/// How long a person may take to answer.
pub(super) const ELICITATION_TIMEOUT: Duration = Duration::from_secs(300);

/// How many questions may be open at a time. It is smaller than the number of requests that may be in progress (256),
/// so that the answers are still read. A model that asks more without an answer is stopped.
const MAX_OPEN_QUESTIONS: usize = 100;

/// What a token is for. It keeps tokens of other purposes from being taken for one.
const PURPOSE: &[u8] = b"elks-mcp tools/call send_sms";

/// Length of the random number that makes a token unique, in bytes.
const NONCE_BYTES: usize = 16;

/// Why there is no approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum ApprovalError {
    /// The token is not ours, was changed, is too old, or belongs to another call.
    #[error("the approval is not for this call: it is too old, or the arguments are others")]
    NotForThisCall,
    /// The token was used before.
    #[error("this approval was used before: each message needs its own")]
    Used,
    /// No further question can be asked now.
    #[error("too many questions are waiting for an answer")]
    TooMany,
    /// The system gives no random numbers, or the call cannot be sealed.
    #[error("the question could not be asked")]
    CannotAsk,
}

/// The questions that have no answer yet.
pub(super) struct PendingApprovals {
    codec: RequestStateCodec,
    clock: Arc<dyn Clock>,
    /// The open questions by the number in their token, with the time when they were asked.
    open: Mutex<HashMap<[u8; NONCE_BYTES], DateTime<Utc>>>,
    /// Places for questions in clients that keep a connection.
    places: Semaphore,
}

impl PendingApprovals {
    /// No open questions. Each process has a key of its own, so a restart makes all tokens invalid.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub(super) fn new(clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        let mut key = [0; 32];
        getrandom::fill(&mut key)?;
        Ok(Self {
            codec: RequestStateCodec::try_new(key.to_vec())?,
            clock,
            open: Mutex::default(),
            places: Semaphore::new(MAX_OPEN_QUESTIONS),
        })
    }

    /// A place for a question that is answered on the connection.
    ///
    /// # Errors
    /// Too many questions are open.
    pub(super) fn place(&self) -> Result<SemaphorePermit<'_>, ApprovalError> {
        self.places.try_acquire().map_err(|_| ApprovalError::TooMany)
    }

    /// Opens a question about a call. Returns the token that the client gives back with the answer.
    ///
    /// # Errors
    /// Too many questions are open, or the question cannot be sealed.
    pub(super) fn ask(&self, call: &Call) -> Result<String, ApprovalError> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(|_| ApprovalError::CannotAsk)?;
        let digest = digest(call)?;
        let now = self.clock.now();
        let mut open = self.open();
        open.retain(|_, asked| is_recent(*asked, now));
        if open.len() >= MAX_OPEN_QUESTIONS {
            return Err(ApprovalError::TooMany);
        }
        open.insert(nonce, now);
        Ok(self.codec.seal_with(&nonce, &SealOptions::new().associated_data(&digest).ttl(ELICITATION_TIMEOUT)))
    }

    /// Closes a question. Whatever the person answered, the token is used up.
    ///
    /// # Errors
    /// The token does not belong to an open question about this call.
    pub(super) fn answered(&self, token: &str, call: &Call) -> Result<(), ApprovalError> {
        let opened = self.codec.open_with(token, &digest(call)?).map_err(|_| ApprovalError::NotForThisCall)?;
        let nonce: [u8; NONCE_BYTES] = opened.try_into().map_err(|_| ApprovalError::NotForThisCall)?;
        let asked = self.open().remove(&nonce).ok_or(ApprovalError::Used)?;
        if is_recent(asked, self.clock.now()) { Ok(()) } else { Err(ApprovalError::NotForThisCall) }
    }

    fn open(&self) -> MutexGuard<'_, HashMap<[u8; NONCE_BYTES], DateTime<Utc>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a question that was asked at this time can still be answered. A clock that was set back makes no question
/// old; the token has an expiry of its own.
fn is_recent(asked: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    (now - asked).to_std().map_or(true, |age| age < ELICITATION_TIMEOUT)
}

/// What a token is bound to: this tool with these arguments, in whatever order the client wrote them.
fn digest(call: &Call) -> Result<Vec<u8>, ApprovalError> {
    let mut digest = Sha256::new();
    digest.update(PURPOSE);
    digest.update(call.canonical_json().map_err(|_| ApprovalError::CannotAsk)?);
    Ok(digest.finalize().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::TestClock;
    use crate::tools::Tool;
    use serde_json::json;

    fn call(message: &str) -> Call {
        let arguments = json!({"to": "+46701740605", "message": message});
        Call::parse(Tool::SendSms, arguments.as_object().cloned().unwrap_or_default()).expect("is valid")
    }

    fn approvals() -> (PendingApprovals, Arc<TestClock>) {
        let clock = Arc::new(TestClock::new());
        (PendingApprovals::new(Arc::clone(&clock) as Arc<dyn Clock>).expect("there are random numbers"), clock)
    }

    #[test]
    fn an_answer_counts_once_and_only_for_what_was_asked() {
        let (approvals, _) = approvals();
        let token = approvals.ask(&call("Hej")).expect("few are open");
        assert_eq!(approvals.answered(&token, &call("Hejdå")), Err(ApprovalError::NotForThisCall), "swapped");
        assert_eq!(approvals.answered("rs1.x.y", &call("Hej")), Err(ApprovalError::NotForThisCall), "made up");
        assert_eq!(approvals.answered(&token, &call("Hej")), Ok(()));
        assert_eq!(approvals.answered(&token, &call("Hej")), Err(ApprovalError::Used), "replayed");
        let (other, _) = self::approvals();
        assert_eq!(other.answered(&token, &call("Hej")), Err(ApprovalError::NotForThisCall), "of another process");
    }

    #[test]
    fn an_answer_that_comes_too_late_does_not_count() {
        let (approvals, clock) = approvals();
        let in_time = approvals.ask(&call("Hej")).expect("few are open");
        let late = approvals.ask(&call("Hej")).expect("few are open");
        clock.advance(ELICITATION_TIMEOUT - Duration::from_secs(1));
        assert_eq!(approvals.answered(&in_time, &call("Hej")), Ok(()));
        clock.advance(Duration::from_secs(1));
        assert_eq!(approvals.answered(&late, &call("Hej")), Err(ApprovalError::NotForThisCall));
    }

    #[test]
    fn of_many_answers_at_once_one_counts() {
        let (approvals, _) = approvals();
        let token = approvals.ask(&call("Hej")).expect("few are open");
        let counted: usize = std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..8).map(|_| scope.spawn(|| approvals.answered(&token, &call("Hej")).is_ok())).collect();
            threads.into_iter().filter_map(|thread| thread.join().ok()).filter(|counted| *counted).count()
        });
        assert_eq!(counted, 1);
    }

    #[test]
    fn open_questions_are_bounded_and_old_ones_make_room() {
        let (approvals, clock) = approvals();
        assert!((0..MAX_OPEN_QUESTIONS).all(|_| approvals.ask(&call("Hej")).is_ok()));
        assert_eq!(approvals.ask(&call("Hej")), Err(ApprovalError::TooMany));
        clock.advance(ELICITATION_TIMEOUT);
        assert!(approvals.ask(&call("Hej")).is_ok());
    }
}
