//! What the journal records: its events and their JSON. No event has a text, a whole number or a secret. Every string
//! is bounded, so that a line of the journal is never longer than [`super::chain::MAX_LINE`].

use super::keys::Hash;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// The longest string in an event, in characters. What is longer is cut off.
const MAX_CHARS: usize = 64;

/// One event of the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Event {
    /// A message is about to be sent.
    Intent(Intent),
    /// What became of an intent.
    Outcome {
        /// The `seq` of the intent.
        of: u64,
        /// What became of it.
        outcome: Outcome,
        /// How that is known.
        by: By,
    },
    /// The operator stopped all sends of the account.
    Paused,
    /// The operator admitted sends again.
    Resumed,
    /// Earlier events were dated in the future; 46elks and the clock agree that it is this event's time. The ledger
    /// itself writes this event.
    Clock {
        /// The time of the newest event before this one.
        #[serde(with = "super::time::in_json")]
        was: DateTime<Utc>,
    },
    /// Months that the operator does not keep any longer were removed. The ledger itself writes this event.
    Removed {
        /// The `seq` of the last removed event.
        through: u64,
    },
}

/// A message that is about to be sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Intent {
    /// Recipient, sender, flash and text, as a keyed hash.
    pub content: Hash,
    /// The recipient, as a keyed hash.
    pub recipient: Hash,
    /// The caller's `idempotency_key`, as a keyed hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Hash>,
    /// The recipient, masked.
    pub to: String,
    /// The sender, masked.
    pub from: String,
    /// The recipient's name in the operator's contacts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
    /// How many parts the message has.
    pub parts: u64,
    /// 46elks's own estimate, in ten-thousandths of the account's currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<u64>,
    /// Whether a person agreed to this message.
    pub approved: bool,
    /// The id of the process that sends it.
    pub pid: u32,
}

/// What became of an intent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Outcome {
    /// 46elks accepted the message.
    Accepted(Accepted),
    /// 46elks refused the message.
    Rejected {
        /// The HTTP status of the refusal.
        status: u16,
    },
    /// The message did not leave this program, or 46elks's history shows that it did not arrive.
    NotLeft,
    /// The message may have been sent.
    Unknown,
}

/// What 46elks said about a message that it accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accepted {
    /// 46elks's id of the message.
    pub id: String,
    /// The status at that time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// When 46elks created it, in 46elks's own form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// How many parts 46elks sent.
    pub parts: u64,
    /// What it cost, in ten-thousandths of the account's currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<u64>,
}

/// How an outcome is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// From the answer to the request, or because there was none.
    Answer,
    /// From 46elks's history of messages.
    History,
    /// The operator said so.
    Operator,
}

impl Event {
    /// The same event with every string cut to its bound.
    pub(super) fn bounded(mut self) -> Self {
        match &mut self {
            Self::Intent(intent) => {
                cut(&mut intent.to);
                cut(&mut intent.from);
                intent.contact.as_mut().map(cut);
            }
            Self::Outcome { outcome: Outcome::Accepted(accepted), .. } => {
                cut(&mut accepted.id);
                accepted.status.as_mut().map(cut);
                accepted.created.as_mut().map(cut);
            }
            _ => {}
        }
        self
    }
}

/// Cuts a string to [`MAX_CHARS`].
fn cut(text: &mut String) {
    if let Some((end, _)) = text.char_indices().nth(MAX_CHARS) {
        text.truncate(end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_event_has_this_json() {
        let intent = Intent {
            content: Hash([1; 16]),
            recipient: Hash([2; 16]),
            key: None,
            to: "+467****605".into(),
            from: "****".into(),
            contact: Some("anna".into()),
            parts: 1,
            price: Some(5200),
            approved: true,
            pid: 7,
        };
        let accepted = Accepted { id: "s1".into(), status: None, created: None, parts: 1, cost: Some(5200) };
        for (event, json) in [
            (
                Event::Intent(intent),
                json!({"intent": {"content": "01".repeat(16), "recipient": "02".repeat(16), "to": "+467****605",
                       "from": "****", "contact": "anna", "parts": 1, "price": 5200, "approved": true, "pid": 7}}),
            ),
            (
                Event::Outcome { of: 1, outcome: Outcome::Accepted(accepted), by: By::Answer },
                json!({"outcome": {"of": 1, "outcome": {"accepted": {"id": "s1", "parts": 1, "cost": 5200}},
                       "by": "answer"}}),
            ),
            (
                Event::Outcome { of: 1, outcome: Outcome::Rejected { status: 403 }, by: By::Answer },
                json!({"outcome": {"of": 1, "outcome": {"rejected": {"status": 403}}, "by": "answer"}}),
            ),
            (
                Event::Outcome { of: 1, outcome: Outcome::NotLeft, by: By::History },
                json!({"outcome": {"of": 1, "outcome": "not_left", "by": "history"}}),
            ),
            (
                Event::Outcome { of: 1, outcome: Outcome::Unknown, by: By::Operator },
                json!({"outcome": {"of": 1, "outcome": "unknown", "by": "operator"}}),
            ),
            (Event::Paused, json!("paused")),
            (Event::Resumed, json!("resumed")),
            (Event::Clock { was: DateTime::UNIX_EPOCH }, json!({"clock": {"was": "1970-01-01T00:00:00.000Z"}})),
            (Event::Removed { through: 9 }, json!({"removed": {"through": 9}})),
        ] {
            let text = serde_json::to_string(&event).expect("is JSON");
            assert_eq!(serde_json::from_str::<serde_json::Value>(&text).expect("is JSON"), json);
            assert_eq!(serde_json::from_str::<Event>(&text).expect("is an event"), event);
        }
    }

    #[test]
    fn an_unknown_field_or_event_is_no_event() {
        for text in [
            r#"{"outcome":{"of":1,"outcome":"unknown","by":"answer","more":1}}"#,
            r#"{"outcome":{"of":1,"outcome":{"rejected":{"status":1,"more":1}},"by":"answer"}}"#,
            r#"{"removed":{"through":9,"more":1}}"#,
            r#"{"moved":{}}"#,
            r#"{"outcome":{"of":1,"of":2,"outcome":"unknown","by":"answer"}}"#,
        ] {
            assert!(serde_json::from_str::<Event>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn long_strings_are_cut() {
        let long = "\u{1f600}".repeat(70);
        let accepted = Accepted {
            id: long.clone(),
            status: Some(long.clone()),
            created: Some("short".into()),
            parts: 1,
            cost: None,
        };
        let event = Event::Outcome { of: 1, outcome: Outcome::Accepted(accepted), by: By::Answer };
        let Event::Outcome { outcome: Outcome::Accepted(cut), .. } = event.bounded() else { unreachable!() };
        assert_eq!(cut.id.chars().count(), MAX_CHARS);
        assert_eq!(cut.status.map(|status| status.chars().count()), Some(MAX_CHARS));
        assert_eq!(cut.created.as_deref(), Some("short"));
    }
}
