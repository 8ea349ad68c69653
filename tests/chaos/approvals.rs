//! The programs of an account that asks a person before every send, in clients of both eras. They are ended after the
//! approval, at every step of the send. Duplicates are allowed, so nothing but the approval and the open intent stands
//! between one message and two. The approval comes again and again, to the program that asked and to others.

use super::{Chaos, End, Step, message};
use crate::support::modern;
use crate::support::program::{Called, Program};
use chrono::TimeDelta;
use serde_json::{Value, json};

/// How the client of a program asks the person.
#[derive(Clone, Copy, PartialEq)]
enum Era {
    /// On the connection, while the call waits.
    Handshake,
    /// The question is the result of the call, and the client calls again with the answer.
    Modern,
}

/// What a call leads to.
enum Next {
    Question(Value),
    Result(Called),
}

/// A program and its client.
struct Asking {
    program: Program,
    era: Era,
    /// The ids of its calls.
    calls: Vec<u64>,
}

impl Asking {
    /// Calls with a text.
    fn ask(&mut self, text: &str) -> Next {
        let next = if self.era == Era::Modern {
            // This call ends with its question.
            let result = modern::call(&mut self.program, &message(text), &json!({}));
            if modern::is_question(&result) { Ok(result) } else { Err(result) }
        } else {
            self.calls.push(self.program.post_call("send_sms", &message(text)));
            let next = self.program.message();
            if next["method"] == "elicitation/create" { Ok(next) } else { Err(next["result"].clone()) }
        };
        next.map_or_else(|result| Next::Result(Called(result)), Next::Question)
    }

    /// Calls with a text that nobody was asked about so far.
    fn question(&mut self, text: &str) -> Value {
        match self.ask(text) {
            Next::Question(question) => question,
            Next::Result(called) => panic!("nobody is asked: {}", called.text()),
        }
    }

    /// Gives the person's answer.
    fn answer(&mut self, text: &str, question: &Value, send: bool) {
        if self.era == Era::Modern {
            let params = modern::params(&message(text), &modern::answered(question, send));
            self.calls.push(self.program.post("tools/call", &params));
        } else {
            let answer = json!({"action": "accept", "content": {"send": send}});
            self.program.line(&json!({"jsonrpc": "2.0", "id": question["id"], "result": answer}).to_string());
        }
    }

    fn result(&mut self) -> Called {
        Called(self.program.message()["result"].take())
    }
}

impl Chaos {
    /// A program that is ready to ask. The same text may be sent as often as it is approved.
    fn asking(&self, era: Era, priced: bool) -> Asking {
        let launch = self.launch(priced).env("CONFIRM_SENDS", "true").env("ELKS_DUPLICATE_MINUTES", "0");
        let mut program = launch.start();
        if era == Era::Handshake {
            program.handshake_with(&json!({"elicitation": {}}));
        }
        program.stderr_line("running on stdio");
        Asking { program, era, calls: Vec::new() }
    }

    /// Sends a text that a person approves.
    pub(super) fn send_approved(&self, text: &str) {
        let mut asking = self.asking(Era::Handshake, false);
        let question = asking.question(text);
        self.watch.approve(text);
        asking.answer(text, &question, true);
        assert_eq!(asking.result().facts()["sent"], true);
    }

    /// A text in a client of each era. Returns how many programs were killed.
    pub(super) fn round_with_approvals(&mut self, step: Step) -> usize {
        [Era::Handshake, Era::Modern].map(|era| self.attempt_approved(step, era)).into_iter().sum()
    }

    /// Two programs ask about a text. The person approves it for the first one and declines it for the second one. The
    /// first one is ended.
    fn attempt_approved(&mut self, step: Step, era: Era) -> usize {
        let (text, priced) = (self.text(), step == Step::Pricing);
        let (mut first, mut second) = (self.asking(era, priced), self.asking(era, priced));
        let (question, declined) = (first.question(&text), second.question(&text));
        let mut lock = self.hold(step);
        self.watch.approve(&text);
        for _ in 0..3 {
            first.answer(&text, &question, true);
        }
        let mut results = Vec::new();
        if era == Era::Modern {
            // To another program the approval is a forged one.
            second.answer(&text, &question, true);
        }
        self.reach(step, &mut first.program, &mut lock, &mut results);
        let end = if lock.is_some() { End::Killed } else { self.an_end() };
        Self::end(first.program, end, &first.calls, &mut results);
        self.release();
        drop(lock);
        for mut result in results {
            self.check_approved(&Called(result["result"].take()));
        }
        second.answer(&text, &declined, false);
        for _ in 0..if era == Era::Modern { 2 } else { 1 } {
            self.check_approved(&second.result());
        }
        drop(second);
        self.all_gone();
        self.approve_again(&text, era, &question);
        self.settle_approved(&text, era);
        usize::from(end != End::Terminated)
    }

    /// The old approval comes to a new program, and the person declines what that one asks.
    fn approve_again(&mut self, text: &str, era: Era, question: &Value) {
        let mut asking = self.asking(era, false);
        if era == Era::Modern {
            asking.answer(text, question, true);
            self.check_approved(&asking.result());
        }
        match asking.ask(text) {
            Next::Question(question) => {
                assert!(!self.watch.is_open(text), "{text}: it may have been sent, and a person is asked");
                asking.answer(text, &question, false);
                asking.result().failed("NOT_CONFIRMED");
            }
            Next::Result(called) => self.check_approved(&called),
        }
        drop(asking);
        self.all_gone();
    }

    /// Nobody kills any more: the person approves once more what 46elks has not seen.
    fn settle_approved(&mut self, text: &str, era: Era) {
        self.pass(TimeDelta::minutes(13));
        for others in [&["OUTCOME_UNKNOWN", "NOT_CONFIRMED"][..], &["NOT_CONFIRMED"]] {
            let mut asking = self.asking(era, false);
            let called = match asking.ask(text) {
                Next::Question(question) => {
                    assert!(!self.watch.is_open(text), "{text}: it may have been sent, and a person is asked");
                    let send = self.times_sent(text) == 0;
                    if send {
                        self.watch.approve(text);
                    }
                    asking.answer(text, &question, send);
                    asking.result()
                }
                Next::Result(called) => called,
            };
            self.check(&called, others);
            drop(asking);
            self.all_gone();
        }
        assert_eq!(self.times_sent(text), 1, "{text}");
    }

    /// A result of a call while others were ended: a success, a wait, or no approval.
    fn check_approved(&self, called: &Called) {
        self.check(called, &["IN_PROGRESS", "NOT_CONFIRMED"]);
    }

    fn times_sent(&self, text: &str) -> usize {
        self.scene.account.messages().iter().filter(|row| row["message"] == text).count()
    }
}
