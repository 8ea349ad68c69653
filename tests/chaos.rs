//! Programs that share an account are ended at every step of a send, and then get the same calls again. The fake 46elks
//! counts: never more messages than the policy allows, never two of one content, never one without an intent of its own
//! on the disk before it. In every third account a person approves each message (`chaos/approvals.rs`): never two for
//! one approval. The journal is whole after each kill. At the end, when no program is killed any more, each message was
//! sent once.
//!
//! `CHAOS_ROUNDS` makes it longer; `cargo xtask chaos` sets it. The random numbers are the same in each run. The system
//! decides when processes run, so the moments of kills differ.

use crate::support::fake_account::FakeAccount;
use crate::support::fake_elks::{FakeElks, Hold};
use crate::support::journal;
use crate::support::program::{Called, Launch, Program};
use crate::support::scene::{Scene, assert_sent, message, send};
use crate::support::state_dir::StateDir;
use crate::support::watch::{WINDOW, Watch};
use chrono::TimeDelta;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

mod approvals;

/// How many rounds there are when nobody says otherwise.
const ROUNDS: u32 = 35;

/// How many rounds one account lasts.
const ROUNDS_OF_AN_ACCOUNT: u32 = 7;

/// Where the random numbers begin.
const SEED: u64 = 0x46e1_4b5d_2026_0013;

/// The limit of a day of every third account.
const TIGHT: usize = 12;

/// Where in a send processes are killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    /// The price was asked for and has not come: there is no intent yet.
    Pricing,
    /// The ledger is locked by another process.
    Locked,
    /// The intent is on the disk, and there is no connection yet.
    Connecting,
    /// The message was accepted, and the answer has not come.
    OnTheWire,
    /// The answer is on its way.
    Answered,
    /// The answer was read, and the outcome cannot be written yet.
    Unsettled,
    /// Any moment.
    Anytime,
}

const STEPS: [Step; 7] =
    [Step::Connecting, Step::OnTheWire, Step::Anytime, Step::Answered, Step::Unsettled, Step::Pricing, Step::Locked];

/// How a program ends.
#[derive(Clone, Copy, PartialEq)]
enum End {
    /// Killed, as by `kill -9`.
    Killed,
    /// Asked to end by a signal: it gives up its calls.
    Terminated,
    /// Killed, after its client has withdrawn all calls.
    Withdrawn,
}

/// Random numbers, the same in each run: xorshift64*.
struct Random(u64);

impl Random {
    /// A number below this one.
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) % end
    }

    /// Lets a moment pass, of up to so many microseconds. The moment of a kill is what is tried, so nothing is awaited.
    fn moment(&mut self, microseconds: u64) {
        let (begun, wait) = (Instant::now(), Duration::from_micros(self.below(microseconds)));
        while begun.elapsed() < wait {
            std::thread::yield_now();
        }
    }
}

/// An account, and the programs that are killed.
struct Chaos {
    scene: Scene,
    watch: Arc<Watch>,
    /// Where answers about prices wait.
    prices: Hold,
    /// How many connections have ended.
    closed: u32,
    random: Random,
    /// How many messages there were.
    messages: u32,
    /// Whether the time of an attempt may be unknown: its clock was wrong.
    redated: bool,
}

impl Chaos {
    fn new(limit: Option<usize>, asks: bool, seed: u64) -> Self {
        let (account, state, prices) = (FakeAccount::new(), StateDir::new(), Hold::default());
        let watch = Arc::new(Watch::new(state.clone(), limit, asks));
        // Each request has a connection of its own, so that each can be held before it is made.
        account.set(|behaviour| behaviour.closing = true);
        let elks = {
            let (account, watch, prices) = (Arc::clone(&account), Arc::clone(&watch), prices.clone());
            FakeElks::answering_everything(move |request| {
                if request.is_send() {
                    watch.arrived(request);
                } else if request.is_dry_run() {
                    prices.pass();
                }
                account.react(request)
            })
        };
        let scene = Scene { account, elks, state };
        Self { scene, watch, prices, closed: 0, random: Random(seed), messages: 0, redated: false }
    }

    /// A program that is to be launched. It asks for prices if that is wanted.
    fn launch(&self, priced: bool) -> Launch {
        let limit = self.watch.limit().map_or("*".into(), |limit| limit.to_string());
        let launch = self.scene.launch().env("ELKS_MAX_SMS_PER_DAY", &limit);
        let launch = launch.env("RATE_LIMIT_QUERIES_PER_MINUTE", "1000");
        let launch = launch.env("ELKS_DUPLICATE_MINUTES", &WINDOW.num_minutes().to_string());
        let launch = launch.env("ELKS_MAX_SMS_PER_RECIPIENT_PER_DAY", "*");
        if priced { launch.env("ELKS_MAX_PRICE", "10") } else { launch }
    }

    /// Programs that are ready to send.
    fn programs(&self, count: u64, priced: bool) -> Vec<Program> {
        let mut programs: Vec<Program> = (0..count).map(|_| self.launch(priced).serve()).collect();
        for program in &mut programs {
            program.stderr_line("running on stdio");
        }
        programs
    }

    fn program(&self) -> Program {
        self.programs(1, false).remove(0)
    }

    /// A text that no other message has.
    fn text(&mut self) -> String {
        self.messages += 1;
        format!("Nummer {}", self.messages)
    }

    /// Several programs send the texts, and each one more text of its own, which is added to the texts. Some of the
    /// programs are ended. Returns how many were killed.
    fn attempt(&mut self, step: Step, texts: &mut Vec<String>) -> usize {
        // When the limit is used up, a send does not reach most steps.
        let step = if self.watch.has_room() { step } else { Step::Anytime };
        let count = 2 + self.random.below(2);
        let mut programs = self.programs(count, step == Step::Pricing);
        let mut lock = self.hold(step);
        let shared = texts.clone();
        let mut ids = Vec::new();
        for program in &mut programs {
            texts.push(self.text());
            let own = texts.last().unwrap();
            let own_first = self.random.below(2) == 0;
            for text in own_first.then_some(own).into_iter().chain(&shared).chain((!own_first).then_some(own)) {
                ids.push(program.post_call("send_sms", &message(text)));
            }
        }
        let mut results = Vec::new();
        self.reach(step, &mut programs[0], &mut lock, &mut results);
        let survivors = programs.split_off(1 + usize::try_from(self.random.below(count)).unwrap());
        let mut killed = 0;
        for (program, ids) in programs.into_iter().zip(ids.chunks(shared.len() + 1)) {
            // Whoever gives up a call records it, and must not wait for the lock that this test holds.
            let end = if lock.is_some() { End::Killed } else { self.an_end() };
            killed += usize::from(end != End::Terminated);
            Self::end(program, end, ids, &mut results);
        }
        self.release();
        drop(lock);
        for mut survivor in survivors {
            for _ in 0..=shared.len() {
                results.push(survivor.message());
            }
        }
        for mut result in results {
            self.check(&Called(result["result"].take()), &["IN_PROGRESS"]);
        }
        self.all_gone();
        killed
    }

    /// One of the ends.
    fn an_end(&mut self) -> End {
        let ends = [End::Killed, End::Killed, End::Terminated, End::Withdrawn];
        ends[usize::try_from(self.random.below(ends.len() as u64)).unwrap()]
    }

    fn end(mut program: Program, end: End, ids: &[u64], results: &mut Vec<Value>) {
        if end == End::Terminated {
            program.signal("TERM");
            program.wait();
            return;
        }
        if end == End::Withdrawn {
            ids.iter().for_each(|id| program.cancel(*id));
            ping(&mut program, results);
        }
        program.kill();
    }

    /// Holds whoever comes to a step.
    fn hold(&self, step: Step) -> Option<std::fs::File> {
        match step {
            Step::Pricing => self.prices.hold(),
            Step::Connecting => self.scene.elks.connects.hold(),
            Step::OnTheWire | Step::Answered | Step::Unsettled => self.scene.account.answers_to_sends.hold(),
            Step::Locked => return Some(journal::locked(&self.scene.state)),
            Step::Anytime => {}
        }
        None
    }

    /// Waits until a program has come to the step.
    fn reach(&mut self, step: Step, program: &mut Program, lock: &mut Option<std::fs::File>, results: &mut Vec<Value>) {
        let answers = &self.scene.account.answers_to_sends;
        match step {
            Step::Pricing => self.prices.await_waiting(1),
            Step::Connecting => self.scene.elks.connects.await_waiting(1),
            Step::OnTheWire | Step::Answered | Step::Unsettled => answers.await_waiting(1),
            Step::Locked | Step::Anytime => self.random.moment(20_000),
        }
        match step {
            Step::Answered => {
                answers.release();
                self.random.moment(2_000);
            }
            Step::Unsettled => {
                *lock = Some(journal::locked(&self.scene.state));
                answers.release();
                // A program that answers a ping has looked at its connections since.
                ping(program, results);
            }
            // After a moment, more programs have come to the step.
            _ if self.random.below(2) == 0 => self.random.moment(20_000),
            _ => {}
        }
    }

    fn release(&self) {
        self.prices.release();
        self.scene.elks.connects.release();
        self.scene.account.answers_to_sends.release();
    }

    /// A result must be a success, a wait, or, with a limit, the limit.
    fn check(&self, called: &Called, others: &[&str]) {
        let text = called.text();
        let code = text.strip_prefix("Error (").and_then(|text| text.split(')').next());
        let is_limit = code == Some("RATE_LIMIT_EXCEEDED") && self.watch.limit().is_some();
        assert!(code.is_none_or(|code| others.contains(&code)) || is_limit, "{text}");
        self.watch.assert_unviolated(&text);
    }

    /// All programs have ended, 46elks has seen all that they wrote, and the journal is whole.
    fn all_gone(&mut self) {
        while self.closed < self.scene.elks.connections() {
            self.scene.elks.closed();
            self.closed += 1;
        }
        journal::assert_whole(&self.scene.state);
        self.watch.assert_unviolated("after a kill");
    }

    /// Time passes, for all but the programs, of which none runs.
    fn pass(&self, time: TimeDelta) {
        self.scene.pass(time);
        self.watch.pass(time);
    }

    /// Nobody kills any more: the same calls again, at once and after a while.
    fn settle(&mut self, texts: &[String]) {
        let mut program = self.program();
        for text in texts {
            self.check(&send(&mut program, text), &["IN_PROGRESS"]);
        }
        drop(program);
        self.all_gone();
        self.pass(TimeDelta::minutes(13));
        // Messages that the history has are found. What it does not have beside them is then absent.
        let unknown: &[&str] = if self.redated { &["OUTCOME_UNKNOWN", "IN_PROGRESS"] } else { &[] };
        for others in [&["OUTCOME_UNKNOWN"], unknown] {
            let mut program = self.program();
            for text in texts {
                self.check(&send(&mut program, text), others);
            }
            drop(program);
            self.all_gone();
        }
        for text in texts {
            let sent = self.scene.account.messages().iter().filter(|row| row["message"] == *text).count();
            let once = self.watch.limit().is_none() && !self.redated;
            assert!(sent == 1 || (sent == 0 && !once), "{text}: {sent} messages");
        }
    }

    /// One or two attempts, and what follows.
    fn round(&mut self, step: Step, kills: &mut BTreeMap<Step, usize>) {
        let mut texts = vec![self.text()];
        for attempt in 0..1 + self.random.below(2) {
            let other = usize::try_from(self.random.below(STEPS.len() as u64)).unwrap();
            let step = if attempt == 0 { step } else { STEPS[other] };
            *kills.entry(step).or_default() += self.attempt(step, &mut texts);
            if self.random.below(6) == 0 {
                self.with_events_of_the_future();
            }
        }
        self.settle(&texts);
        match self.random.below(6) {
            0 => self.with_a_wrong_clock(1),
            1 => self.with_a_wrong_clock(-1),
            2 => self.pass(TimeDelta::hours(25)),
            _ => {}
        }
    }

    /// 46elks and this computer do not agree about the time: nothing is sent.
    fn with_a_wrong_clock(&mut self, hours: i64) {
        let sends = self.scene.sends();
        self.scene.account.set(|behaviour| behaviour.clock = TimeDelta::hours(hours));
        let mut program = self.program();
        let text = self.text();
        send(&mut program, &text).failed("LEDGER_UNAVAILABLE");
        program.kill();
        self.scene.account.set(|behaviour| behaviour.clock = TimeDelta::zero());
        self.all_gone();
        assert_eq!(self.scene.sends(), sends);
    }

    /// The events so far are dated by a clock that was 20 minutes ahead, and 10 minutes pass.
    fn with_events_of_the_future(&mut self) {
        journal::pass(&self.scene.state, TimeDelta::minutes(-20));
        self.pass(TimeDelta::minutes(10));
        self.redated = true;
    }
}

/// Waits for the answer to a ping. Results that come before it join the others.
fn ping(program: &mut Program, results: &mut Vec<Value>) {
    let id = program.post("ping", &json!({}));
    loop {
        let message = program.message();
        if message["id"] == id {
            return;
        }
        results.push(message);
    }
}

/// How many rounds there are.
#[expect(clippy::disallowed_methods, reason = "the one setting of this test, which is none of the program")]
fn rounds() -> u32 {
    std::env::var("CHAOS_ROUNDS").map_or(ROUNDS, |rounds| rounds.parse().expect("CHAOS_ROUNDS is a number"))
}

#[expect(clippy::print_stdout, reason = "whoever runs it for long wants to know how many kills it were")]
#[test]
fn programs_killed_at_every_step_never_send_too_much_twice_or_unrecorded() {
    let (begun, rounds) = (Instant::now(), rounds());
    let mut kills: BTreeMap<Step, usize> = BTreeMap::new();
    let (mut number, mut sends, mut accounts) = (0, 0, 0);
    let mut seeds = Random(SEED);
    while number < rounds {
        let (limit, asks) = ((accounts % 3 == 1).then_some(TIGHT), accounts % 3 == 2);
        let mut chaos = Chaos::new(limit, asks, seeds.below(u64::MAX) | 1);
        accounts += 1;
        // The control: without a message that is known to be sent, the history shows no absence.
        if asks {
            chaos.send_approved("Den första");
        } else {
            assert_sent(&send(&mut chaos.program(), "Den första"));
        }
        for _ in 0..ROUNDS_OF_AN_ACCOUNT {
            let step = STEPS[usize::try_from(number).unwrap() % STEPS.len()];
            if asks {
                *kills.entry(step).or_default() += chaos.round_with_approvals(step);
            } else {
                chaos.round(step, &mut kills);
            }
            number += 1;
        }
        sends += chaos.scene.sends();
    }
    let all: usize = kills.values().sum();
    println!(
        "{rounds} rounds from seed {SEED:#x} with {accounts} accounts in {:?}: {all} kills survived ({kills:?}), {sends} \
         messages",
        begun.elapsed()
    );
}
