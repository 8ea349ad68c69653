//! Approval by the person (`CONFIRM_SENDS`): what they are shown, and how their answer is tied to the
//! very call that they saw. Knows of MCP only the sealing of a `requestState`.

use crate::config::Settings;
use anyhow::Result;
use rmcp::model::{RequestStateCodec, SealOptions};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, SemaphorePermit};

/// How long a person may take to answer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(300);

/// How many questions may be open at a time, fewer than the requests that may be under way: the
/// answers must still be read. A model that asks more without an answer is stopped.
const OPEN_QUESTIONS: usize = 100;

/// What a question is about, so that no other token can stand in for one.
const PURPOSE: &[u8] = b"elks-mcp tools/call send_sms";

/// Questions that were put to a person in a client that keeps no connection, until they are answered.
pub(crate) struct Questions {
    codec: RequestStateCodec,
    random: &'static dyn rustls::crypto::SecureRandom,
    /// Those that have not been answered, with the time when they were asked: an answer is good once.
    open: Mutex<HashMap<[u8; NONCE], Instant>>,
    /// Places for questions in a client that keeps a connection.
    places: Semaphore,
}

/// The length of what makes a question unique, in bytes.
const NONCE: usize = 16;

/// Why an answer does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Void {
    /// It is not ours, was changed, is too old, or belongs to other arguments.
    NotForThisCall,
    /// It has been used.
    Used,
}

impl Questions {
    /// A key of its own for every process: a restart voids all questions.
    pub(crate) fn new() -> Result<Self> {
        let random = rustls::crypto::ring::default_provider().secure_random;
        let mut key = [0; 32];
        random.fill(&mut key).map_err(|_| anyhow::anyhow!("the system gives no random numbers"))?;
        Ok(Self {
            codec: RequestStateCodec::try_new(key.to_vec())?,
            random,
            open: Mutex::default(),
            places: Semaphore::new(OPEN_QUESTIONS),
        })
    }

    /// A place for a question that is answered on the connection. `None` when too many are open.
    pub(crate) fn place(&self) -> Option<SemaphorePermit<'_>> {
        self.places.try_acquire().ok()
    }

    /// Opens a question about a call: what the client gives back with the answer. `None` when too
    /// many are open.
    pub(crate) fn ask(&self, arguments: &Map<String, Value>) -> Option<String> {
        let mut nonce = [0; NONCE];
        self.random.fill(&mut nonce).ok()?;
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, asked| asked.elapsed() < PATIENCE);
        if open.len() >= OPEN_QUESTIONS {
            return None;
        }
        open.insert(nonce, Instant::now());
        let digest = digest(arguments);
        Some(self.codec.seal_with(&nonce, &SealOptions::new().associated_data(&digest).ttl(PATIENCE)))
    }

    /// Closes a question. Whatever the answer is, it counts once, and only for these arguments.
    pub(crate) fn answered(&self, state: &str, arguments: &Map<String, Value>) -> Result<(), Void> {
        let opened = self.codec.open_with(state, &digest(arguments)).map_err(|_| Void::NotForThisCall)?;
        let nonce: [u8; NONCE] = opened.try_into().map_err(|_| Void::NotForThisCall)?;
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.remove(&nonce).map(drop).ok_or(Void::Used)
    }
}

/// What an answer is bound to: this tool with these arguments, in whatever order they come.
fn digest(arguments: &Map<String, Value>) -> Vec<u8> {
    let sorted: std::collections::BTreeMap<_, _> = arguments.iter().collect();
    let mut digest = Sha256::new();
    digest.update(PURPOSE);
    digest.update(serde_json::to_vec(&sorted).unwrap_or_default());
    digest.finalize().to_vec()
}

/// What the person sees: recipient, sender, the exact text, parts and price, with everything visible.
pub(crate) fn question(settings: &Settings, arguments: &Map<String, Value>, price: &Value) -> String {
    let text = |name: &str| arguments.get(name).and_then(Value::as_str);
    let from = text("from").unwrap_or(&settings.sender);
    let flash = if arguments.get("flashsms") == Some(&Value::Bool(true)) { " (flash)" } else { "" };
    let mut question = format!(
        "Send this SMS{flash}?\nTo: {}\nFrom: {from}\n{}\nText:\n{}",
        text("to").unwrap_or_default(),
        price["summary"].as_str().unwrap_or_default(),
        text("message").unwrap_or_default(),
    );
    for warning in price["warnings"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        question.push_str("\nNote: ");
        question.push_str(warning);
    }
    crate::hygiene::visible(&question).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn arguments(message: &str) -> Map<String, Value> {
        json!({"to": "+46701740605", "message": message}).as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn an_answer_counts_once_and_only_for_what_was_asked() {
        let questions = Questions::new().expect("there are random numbers");
        let state = questions.ask(&arguments("Hej")).expect("few are open");
        assert_eq!(questions.answered(&state, &arguments("Hejdå")), Err(Void::NotForThisCall), "swapped");
        assert_eq!(questions.answered("rs1.x.y", &arguments("Hej")), Err(Void::NotForThisCall), "made up");
        assert_eq!(questions.answered(&state, &arguments("Hej")), Ok(()));
        assert_eq!(questions.answered(&state, &arguments("Hej")), Err(Void::Used), "replayed");
        let other = Questions::new().expect("there are random numbers");
        assert_eq!(other.answered(&state, &arguments("Hej")), Err(Void::NotForThisCall), "of another process");
    }

    #[test]
    fn an_answer_that_comes_too_late_does_not_count() {
        let questions = Questions::new().expect("there are random numbers");
        let nonce = [7; NONCE];
        questions.open.lock().expect("is whole").insert(nonce, Instant::now());
        let digest = digest(&arguments("Hej"));
        let options = SealOptions::new().associated_data(&digest).ttl(Duration::ZERO);
        let state = questions.codec.seal_with(&nonce, &options);
        let sealed = Instant::now();
        while sealed.elapsed() < Duration::from_millis(5) {
            std::hint::spin_loop();
        }
        assert_eq!(questions.answered(&state, &arguments("Hej")), Err(Void::NotForThisCall));
    }

    #[test]
    fn of_many_answers_at_once_one_counts() {
        let questions = Questions::new().expect("there are random numbers");
        let state = questions.ask(&arguments("Hej")).expect("few are open");
        let counted: usize = std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..8).map(|_| scope.spawn(|| questions.answered(&state, &arguments("Hej")).is_ok())).collect();
            threads.into_iter().filter_map(|thread| thread.join().ok()).filter(|counted| *counted).count()
        });
        assert_eq!(counted, 1);
    }

    #[test]
    fn open_questions_are_bounded() {
        let questions = Questions::new().expect("there are random numbers");
        assert!((0..OPEN_QUESTIONS).all(|_| questions.ask(&arguments("Hej")).is_some()));
        assert_eq!(questions.ask(&arguments("Hej")), None);
    }

    #[test]
    fn the_person_sees_what_would_be_sent_with_everything_visible() {
        let settings = Settings::read(|_| None, true).expect("all is made up");
        let price = json!({"summary": "2 parts, 1.04 SEK", "warnings": ["a link"]});
        let shown = question(&settings, &arguments("Hej\u{202e}\u{1b}[2J"), &price);
        for part in ["+46701740605", "+46766861004", "Hej\\u{202e}\\u{1b}[2J", "2 parts, 1.04 SEK", "Note: a link"] {
            assert!(shown.contains(part), "{shown}");
        }
    }
}
