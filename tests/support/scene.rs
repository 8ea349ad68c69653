//! An account with its server, and a folder in which all programs of a test remember what they sent.
//!
//! Not here: what is expected. That stands in the tests.

use super::fake_account::FakeAccount;
use super::fake_elks::FakeElks;
use super::journal;
use super::program::{Called, Launch, Program};
use super::state_dir::StateDir;
use super::{RECIPIENT, merged};
use chrono::TimeDelta;
use serde_json::{Value, json};
use std::sync::Arc;

/// What the programs of a test share.
pub struct Scene {
    pub account: Arc<FakeAccount>,
    pub elks: FakeElks,
    pub state: StateDir,
}

impl Scene {
    pub fn new() -> Self {
        let account = FakeAccount::new();
        Self { elks: account.server(), account, state: StateDir::new() }
    }

    /// A program that is to be launched. The limit of a minute is out of the way.
    pub fn launch(&self) -> Launch {
        Launch::account(&self.elks).state(&self.state).env("RATE_LIMIT_SMS_PER_MINUTE", "1000")
    }

    /// A program that has opened the journal and verified the account.
    pub fn program(&self) -> Program {
        ready(self.launch())
    }

    /// A command for people, about this folder.
    pub fn command(&self, arguments: &[&str]) -> Launch {
        Launch::with(arguments).state(&self.state)
    }

    /// Time passes, for the journal and for 46elks. No program may run.
    pub fn pass(&self, time: TimeDelta) {
        journal::pass(&self.state, time);
        self.account.pass(time);
    }

    /// How many messages 46elks was asked to send.
    pub fn sends(&self) -> usize {
        self.elks.sends()
    }
}

/// A program that has opened the journal and verified the account.
pub fn ready(launch: Launch) -> Program {
    let mut program = launch.serve();
    program.stderr_line("running on stdio");
    program
}

/// The arguments of a message with this text to the usual recipient.
pub fn message(text: &str) -> Value {
    json!({"to": RECIPIENT, "message": text})
}

/// Sends a text.
pub fn send(program: &mut Program, text: &str) -> Called {
    program.call("send_sms", message(text))
}

/// Sends a text with more arguments.
pub fn send_with(program: &mut Program, text: &str, more: &Value) -> Called {
    program.call("send_sms", merged(message(text), more))
}

/// Asserts that a message was really sent by this call.
pub fn assert_sent(called: &Called) {
    let facts = called.facts();
    assert_eq!((&facts["sent"], &facts["duplicate"]), (&json!(true), &Value::Null), "{}", called.text());
}

/// Asserts that a call gave the result of an earlier one, and sent nothing.
pub fn assert_duplicate(called: &Called) {
    assert_eq!(called.facts()["duplicate"], true, "{}", called.text());
    assert!(called.text().contains("nothing was sent now"), "{}", called.text());
}
