//! What 46elks sees of all programs of an account, and what it may never see: a message without an intent of its own on
//! the disk, a second one of the same content, one more than the policy allows, or one that no person approved.
//!
//! Not here: the programs, and when they are killed. That is `chaos.rs`.

use super::fake_elks::Received;
use super::state_dir::StateDir;
use super::{PASSWORD, RECIPIENT, SENDER};
use chrono::{DateTime, TimeDelta, Utc};
use elks_mcp::clock::{Clock, SystemClock};
use elks_mcp::ledger::{Content, Keys};
use std::collections::{BTreeMap, HashSet};
use std::sync::Mutex;

/// The duplicate window of the programs: longer than a message's outcome may stay unknown.
pub const WINDOW: TimeDelta = TimeDelta::hours(1);

/// What 46elks sees of all programs.
pub struct Watch {
    state: StateDir,
    keys: Keys,
    limit: Option<usize>,
    seen: Mutex<Seen>,
    /// The texts that a person approved, each as often as they did. `None`: nobody is asked.
    approvals: Option<Mutex<Vec<String>>>,
    violations: Mutex<Vec<String>>,
}

/// The messages that arrived.
#[derive(Default)]
struct Seen {
    /// When which content was to be sent. The times move as those of the journal do.
    posts: Vec<(DateTime<Utc>, String)>,
    /// The numbers of their intents. An intent is for one message.
    intents: HashSet<u64>,
}

/// An intent whose outcome is not known. A call that was given up may still be on its way.
struct OpenIntent {
    content: String,
    approved: bool,
}

impl Watch {
    /// Watches an account with this limit of messages a day. If it asks, a person approves each message.
    pub fn new(state: StateDir, limit: Option<usize>, asks: bool) -> Self {
        let (seen, violations) = (Mutex::default(), Mutex::default());
        Self { state, keys: Keys::of_password(PASSWORD), limit, seen, approvals: asks.then(Mutex::default), violations }
    }

    /// A person approves a text. It may be sent once.
    pub fn approve(&self, text: &str) {
        self.approvals.as_ref().expect("persons are asked").lock().unwrap().push(text.into());
    }

    /// The limit of messages a day.
    pub fn limit(&self) -> Option<usize> {
        self.limit
    }

    /// Time passes.
    pub fn pass(&self, time: TimeDelta) {
        for (at, _) in &mut self.seen.lock().unwrap().posts {
            *at -= time;
        }
    }

    /// The content of a message as the journal has it.
    fn content(&self, to: &str, from: &str, text: &str) -> String {
        let hash = self.keys.content(&Content { to, from, flash: false, text });
        serde_json::to_value(hash).unwrap().as_str().unwrap().into()
    }

    /// A message has arrived. It must have an intent of its own on the disk, be the only one of its content, be within
    /// the limit, and be approved if persons are asked.
    pub fn arrived(&self, request: &Received) {
        let field = |name| request.field(name).unwrap();
        let (text, now) = (field("message"), SystemClock.now());
        let content = self.content(&field("to"), &field("from"), &text);
        let mut seen = self.seen.lock().unwrap();
        let violated = |what: &str| self.violations.lock().unwrap().push(format!("{text}: {what}"));
        let open = self.open_intents();
        // The newest one: an older one may be of a call that ended before its message left.
        let own = open.iter().rev().find(|(seq, intent)| intent.content == content && !seen.intents.contains(seq));
        match own {
            None => violated("no intent for it is on the disk"),
            Some((seq, intent)) => {
                seen.intents.insert(*seq);
                if self.approvals.is_some() && !intent.approved {
                    violated("its intent has no approval");
                }
            }
        }
        if seen.posts.iter().any(|(at, known)| *known == content && now - *at < WINDOW) {
            violated("it was sent before");
        }
        let today = seen.posts.iter().filter(|(at, _)| now - *at < TimeDelta::days(1)).count();
        if self.limit.is_some_and(|limit| today >= limit) {
            violated("the limit was reached before");
        }
        seen.posts.push((now, content.clone()));
        if let Some(approvals) = &self.approvals {
            let approved = approvals.lock().unwrap().iter().filter(|approved| **approved == text).count();
            if seen.posts.iter().filter(|(_, known)| *known == content).count() > approved {
                violated("no person approved it, or they did for an earlier message");
            }
        }
    }

    /// Whether the journal has a message with this text to the usual recipient whose outcome is not known.
    pub fn is_open(&self, text: &str) -> bool {
        let content = self.content(RECIPIENT, SENDER, text);
        self.open_intents().values().any(|intent| intent.content == content)
    }

    /// The intents that are in the journal without a known outcome, by their number.
    fn open_intents(&self) -> BTreeMap<u64, OpenIntent> {
        let mut open = BTreeMap::new();
        for line in self.state.journal() {
            let event = &line["event"];
            if let Some(content) = event["intent"]["content"].as_str() {
                let approved = event["intent"]["approved"] == true;
                open.insert(line["seq"].as_u64().unwrap(), OpenIntent { content: content.into(), approved });
            } else if event["outcome"].is_object() && event["outcome"]["outcome"] != "unknown" {
                open.remove(&event["outcome"]["of"].as_u64().unwrap());
            }
        }
        open
    }

    /// Whether the limit has room, as the journal has it.
    pub fn has_room(&self) -> bool {
        let Some(limit) = self.limit else { return true };
        let now = SystemClock.now();
        let (mut counted, mut redated) = (HashSet::new(), None);
        for line in self.state.journal() {
            let (seq, event) = (line["seq"].as_u64(), &line["event"]);
            let at = DateTime::parse_from_rfc3339(line["at"].as_str().unwrap()).unwrap().to_utc();
            if event["intent"].is_object() && now - at < TimeDelta::days(1) {
                counted.insert(seq);
            } else if event["outcome"]["outcome"] == "not_left" {
                counted.remove(&event["outcome"]["of"].as_u64());
            } else if event["clock"].is_object() {
                redated = Some(at);
            }
        }
        redated.is_none() && counted.len() < limit
    }

    /// Asserts that nothing was seen that may not be.
    pub fn assert_unviolated(&self, when: &str) {
        let violations = self.violations.lock().unwrap();
        assert!(violations.is_empty(), "{when}: {violations:#?}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Version;
    use serde_json::{Value, json};
    use std::fs;

    /// A journal of these events, and who watches it.
    fn watch(events: &[Value], asks: bool) -> Watch {
        let state = StateDir::new();
        let folder = super::super::journal::folder(&state);
        fs::create_dir_all(&folder).unwrap();
        let line = |(seq, event)| format!("{}\n", json!({"seq": seq, "at": "2026-01-31T12:00:00Z", "event": event}));
        let text: String = events.iter().enumerate().map(line).collect();
        fs::write(folder.join("journal-2026-01.jsonl"), text).unwrap();
        Watch::new(state, None, asks)
    }

    fn intent(text: &str, approved: bool) -> Value {
        let content = watch(&[], false).content(RECIPIENT, SENDER, text);
        json!({"intent": {"content": content, "approved": approved}})
    }

    /// What is wrong with messages of this text that arrive one after another, each after the duplicate window.
    fn violations(watch: &Watch, count: usize) -> Vec<String> {
        let (method, path) = ("POST".into(), "/a1/sms".into());
        let body = format!("to=%2B{}&from=%2B{}&message=Hej", &RECIPIENT[1..], &SENDER[1..]);
        let request = Received { method, path, version: Version::HTTP_11, headers: Vec::new(), body };
        for _ in 0..count {
            watch.arrived(&request);
            watch.pass(WINDOW);
        }
        watch.violations.lock().unwrap().clone()
    }

    #[test]
    fn an_intent_is_for_one_message_of_its_content() {
        let (own, other) = (intent("Hej", false), intent("Hej då", false));
        for (events, count, is_wrong) in [
            (vec![], 1, true),
            (vec![other.clone()], 1, true),
            (vec![own.clone()], 1, false),
            (vec![own.clone(), other.clone()], 2, true),
            (vec![own.clone(), other, own.clone()], 2, false),
            (vec![own.clone(), json!({"outcome": {"of": 0, "outcome": "unknown"}})], 1, false),
            (vec![own, json!({"outcome": {"of": 0, "outcome": "not_left"}})], 1, true),
        ] {
            let violations = violations(&watch(&events, false), count);
            let expected: &[&str] = if is_wrong { &["Hej: no intent for it is on the disk"] } else { &[] };
            assert_eq!(violations, expected, "{count} messages of {events:?}");
        }
    }

    #[test]
    fn an_approval_is_for_one_message() {
        let events = [intent("Hej", true), intent("Hej", true), intent("Hej", false)];
        for (approvals, messages, wrong) in [(1, 1, 0), (2, 2, 0), (0, 1, 1), (1, 2, 1)] {
            let watch = watch(&events[..2], true);
            (0..approvals).for_each(|_| watch.approve("Hej"));
            assert_eq!(violations(&watch, messages).len(), wrong, "{messages} messages, {approvals} approvals");
        }
        let watch = watch(&events[2..], true);
        watch.approve("Hej");
        assert_eq!(violations(&watch, 1), ["Hej: its intent has no approval"]);
    }
}
