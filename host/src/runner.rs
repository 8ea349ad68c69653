//! A call from beginning to end: check the account, parse, run, judge, record. Knows no MCP.
//!
//! What the component says is taken only as far as the door's own trace does not contradict it.

use crate::audit::{self, Params, Record, Sink, Timestamp};
use crate::call::{Call, Class, Tool};
use crate::config::Settings;
use crate::contract;
use crate::door::{Door, Trace};
use crate::gate::Gate;
use crate::hygiene;
use crate::outside::Outside;
use crate::permit::Rule;
use crate::sandbox::{CALL_TIME, Function, Sandbox, Stopped};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, OnceCell, watch};
use tokio::time::Instant;
use wasmtime::component::{ComponentType, Lift, Lower};

/// The interface whose function sends.
const SENDING: &str = "elks:sms/sending@0.1.0";

/// The interface whose functions ask.
const QUERIES: &str = "elks:sms/queries@0.1.0";

/// The largest result, in bytes of JSON. A hundred messages of ten parts are under half of it.
pub const LARGEST_RESULT: usize = 1 << 20;

/// The longest text of a failure that is passed on, in characters.
const LONGEST_FAILURE: usize = 1000;

/// What a tool's success is. It has no Debug form: it holds texts and numbers.
pub struct Success {
    /// The sentence for people.
    pub summary: String,
    /// All facts, the sentence included.
    pub facts: Value,
    /// The facts as JSON text.
    pub text: String,
}

/// What a tool's failure is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The kind, for programs.
    pub code: Code,
    /// What was tried, why not, and what to do next.
    pub text: String,
    /// The HTTP status, when 46elks refused.
    status: Option<u16>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error ({}): {}", self.code.name(), self.text)
    }
}

impl Failure {
    pub(crate) fn new(code: Code, text: impl Into<String>) -> Self {
        Self { code, text: text.into(), status: None }
    }

    /// What the audit says about it: kind and status, no text.
    fn recorded(&self) -> String {
        match self.status {
            Some(status) => format!("{} ({status})", self.code.name()),
            None => self.code.name().into(),
        }
    }
}

/// The kinds of failure, by who can do something about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// The arguments break a rule. The caller.
    Validation,
    /// The call came too soon. The caller, by waiting.
    RateLimit,
    /// 46elks refused or answered nonsense; nothing was sent. The account's owner.
    Api,
    /// 46elks could not be reached; nothing was sent. The caller, later.
    Unreachable,
    /// The message may have been sent. The caller, by looking at the history first.
    OutcomeUnknown,
    /// The settings are wrong. The operator.
    Configuration,
    /// The component tried what its call does not permit. Us.
    SandboxViolation,
    /// The component was stopped. Us.
    Sandbox,
    /// The person is being asked; the client calls again with the answer. Only in the audit.
    Asked,
    /// The person did not approve. The person.
    NotConfirmed,
    /// The client withdrew the call before it ended.
    Cancelled,
}

impl Code {
    /// The code as clients see it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Validation => "VALIDATION_ERROR",
            Self::RateLimit => "RATE_LIMIT_EXCEEDED",
            Self::Api => "ELKS_API_ERROR",
            Self::Unreachable => "UNREACHABLE",
            Self::OutcomeUnknown => "OUTCOME_UNKNOWN",
            Self::Configuration => "CONFIGURATION_ERROR",
            Self::SandboxViolation => "SANDBOX_VIOLATION",
            Self::Sandbox => "SANDBOX_ERROR",
            Self::Asked => "CONFIRMATION_ASKED",
            Self::NotConfirmed => "NOT_CONFIRMED",
            Self::Cancelled => "CANCELLED",
        }
    }
}

/// Why the account could not be verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unverified {
    /// 46elks refused the credentials, with this HTTP status.
    Refused(u16),
    /// 46elks could not be asked.
    Unreachable,
    /// It cannot be asked: the program does not fit together. It ends.
    NotLoaded,
    /// It was not asked: too soon, or the component tried something else.
    Failed(Failure),
}

/// What is known of a verified account.
#[derive(Debug, Clone, Default)]
pub struct Verified {
    /// The account's currency, when 46elks tells it.
    pub currency: Option<String>,
}

/// Runs calls.
pub struct Runner {
    settings: Settings,
    /// Loaded when it is first needed, beside everything else: the handshake does not wait for it.
    sandbox: OnceCell<Sandbox>,
    gate: Arc<Gate>,
    outside: Arc<Outside>,
    sink: Arc<dyn Sink>,
    account: OnceCell<Verified>,
    /// How often verifying failed, and how it did last.
    failures: Mutex<(u64, Option<Unverified>)>,
    /// Told when 46elks refuses the credentials, or there is no component: the program then ends.
    refused: Notify,
    denials: AtomicU64,
    /// How many calls are under way, so that the end of the program can wait for them.
    running: watch::Sender<usize>,
}

impl Runner {
    /// Puts the rooms together, with the embedded component.
    pub fn new(settings: Settings, outside: Arc<Outside>, sink: Arc<dyn Sink>) -> Self {
        Self::with(settings, OnceCell::new(), outside, sink)
    }

    /// Puts the rooms together, with a component of one's own.
    pub fn with_sandbox(settings: Settings, sandbox: Sandbox, outside: Arc<Outside>, sink: Arc<dyn Sink>) -> Self {
        Self::with(settings, OnceCell::new_with(Some(sandbox)), outside, sink)
    }

    fn with(settings: Settings, sandbox: OnceCell<Sandbox>, outside: Arc<Outside>, sink: Arc<dyn Sink>) -> Self {
        let gate = Arc::new(Gate::new(settings.sms_per_minute, settings.queries_per_minute));
        Self {
            settings,
            sandbox,
            gate,
            outside,
            sink,
            account: OnceCell::new(),
            failures: Mutex::default(),
            refused: Notify::new(),
            denials: AtomicU64::new(0),
            running: watch::Sender::new(0),
        }
    }

    /// The operator's settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Resolves when 46elks has refused the credentials.
    pub async fn refused(&self) {
        self.refused.notified().await;
    }

    /// Resolves when no call is under way.
    pub async fn idle(&self) {
        // The sender lives as long as we do, so this cannot fail.
        drop(self.running.subscribe().wait_for(|running| *running == 0).await);
    }

    /// Asks 46elks whether the credentials are good, once; whoever comes while it is asked waits and
    /// shares the verdict. An unreachable 46elks is asked again by the next who comes.
    ///
    /// # Errors
    /// Whether it refused or could not be asked.
    pub async fn verified(&self) -> Result<&Verified, Unverified> {
        let failed_before = self.last_failure().0;
        let verdict = self.account.get_or_try_init(|| async {
            let (failed, last) = self.last_failure().clone();
            if let Some(failure) = last.filter(|_| failed > failed_before) {
                return Err(failure);
            }
            let verdict = self.verify(failed > 0).await;
            if let Err(failure) = &verdict {
                *self.last_failure() = (failed + 1, Some(failure.clone()));
            }
            verdict
        });
        verdict.await
    }

    fn last_failure(&self) -> MutexGuard<'_, (u64, Option<Unverified>)> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks once. The first time is free; who asks again counts as a query.
    async fn verify(&self, again: bool) -> Result<Verified, Unverified> {
        let call = Call::CheckAccountBalance(contract::CheckAccountBalanceRequest { to: None });
        // The check may do what it needs and no more: no price, so no sender.
        let gate = again.then(|| (Arc::clone(&self.gate), Class::Queries));
        let door = Door::new(call.permit(&self.settings).reading(), gate, Arc::clone(&self.outside));
        let mut account = call.account(&self.settings, None);
        account.default_sender = None;
        let answer = self.run(&call, &account, &door, Instant::now() + CALL_TIME).await;
        let trace = door.close();
        if let Some(rule) = trace.denied {
            return Err(Unverified::Failed(self.violation(rule, &trace)));
        }
        if let Some(refusal) = trace.refused {
            return Err(Unverified::Failed(Failure::new(Code::RateLimit, refusal.to_string())));
        }
        match (answer, trace.last_status) {
            // What the component makes of the answer counts only if there was one, and only as far
            // as it can be checked: nothing else of one call may reach another.
            (Ok(Ok(facts)), Some(200..=299)) => {
                self.sink.line("✓ 46elks credentials verified");
                let currency = facts["currency"].as_str();
                let currency = currency.filter(|code| code.len() == 3 && code.bytes().all(|b| b.is_ascii_uppercase()));
                Ok(Verified { currency: currency.map(Into::into) })
            }
            (_, Some(status @ (401 | 403))) => {
                let reason = http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
                self.sink.line(&format!(
                    "✗ 46elks credential verification failed: {status} {}\n  Check ELKS_API_USERNAME and \
                     ELKS_API_PASSWORD: you find both at 46elks.com under Account. No tool call was accepted.",
                    reason.unwrap_or("refused")
                ));
                self.refused.notify_one();
                Err(Unverified::Refused(status))
            }
            (Err(Stopped::NotLoaded), _) => {
                self.refused.notify_one();
                Err(Unverified::NotLoaded)
            }
            _ => {
                self.sink.line("⚠ 46elks could not be reached to verify the credentials; the next call tries again");
                Err(Unverified::Unreachable)
            }
        }
    }

    /// Runs a call of a tool. Whatever becomes of it, the audit has a line about it, also when the
    /// future is dropped half-way.
    ///
    /// # Errors
    /// Why the tool did not do what it was asked.
    pub async fn call(&self, tool: Tool, arguments: Map<String, Value>) -> Result<Success, Failure> {
        self.call_as(self.begin(tool, &arguments), arguments).await
    }

    /// Begins a call: from here on the audit will have a line about it.
    pub(crate) fn begin(&self, tool: Tool, arguments: &Map<String, Value>) -> Entry<'_> {
        Entry::begin(self, tool, arguments)
    }

    /// Runs a call that has begun.
    pub(crate) async fn call_as(
        &self,
        mut entry: Entry<'_>,
        arguments: Map<String, Value>,
    ) -> Result<Success, Failure> {
        let outcome = self.attempt(entry.tool, arguments, &mut entry).await;
        entry.end(outcome.as_ref().err());
        outcome
    }

    async fn attempt(
        &self,
        tool: Tool,
        arguments: Map<String, Value>,
        entry: &mut Entry<'_>,
    ) -> Result<Success, Failure> {
        let deadline = Instant::now() + CALL_TIME;
        let verified = self.verified().await.map_err(|unverified| match unverified {
            Unverified::Failed(failure) => failure,
            Unverified::Refused(status) => Failure {
                status: Some(status),
                ..Failure::new(
                    Code::Configuration,
                    format!("46elks refused the credentials ({status}). The operator must correct ELKS_API_USERNAME and ELKS_API_PASSWORD."),
                )
            },
            Unverified::NotLoaded => Failure::new(
                Code::Sandbox,
                "the component of this program cannot be loaded. Nothing was sent. Install the program again.",
            ),
            Unverified::Unreachable => Failure::new(
                Code::Unreachable,
                "46elks could not be reached to verify the account. Nothing was sent; try again in a moment.",
            ),
        })?;
        let call = Call::parse(tool, arguments).map_err(|told| Failure::new(Code::Validation, told))?;
        let gate = (Arc::clone(&self.gate), tool.class());
        let door = entry.door.insert(Door::new(call.permit(&self.settings), Some(gate), Arc::clone(&self.outside)));
        let account = call.account(&self.settings, verified.currency.clone());
        let answer = self.run(&call, &account, door, deadline).await;
        self.judge(answer, &door.close())
    }

    /// What came of a call, in the order of who is believed: the door, the gate, the sandbox, and
    /// only then the component.
    fn judge(
        &self,
        answer: Result<Result<Value, contract::Error>, Stopped>,
        trace: &Trace,
    ) -> Result<Success, Failure> {
        if let Some(rule) = trace.denied {
            return Err(self.violation(rule, trace));
        }
        if let Some(refusal) = trace.refused {
            return Err(Failure::new(Code::RateLimit, refusal.to_string()));
        }
        let unknown = |what: &str| {
            Failure::new(
                Code::OutcomeUnknown,
                format!(
                    "it is not known whether the message was sent: {what}. Do not send it again before \
                     get_sms_messages shows that it is not in the history."
                ),
            )
        };
        let answer = match answer {
            Ok(answer) => answer,
            Err(stopped) => {
                let (what, next) = match stopped {
                    Stopped::OutOfTime => ("the call took too long and was stopped", "Try again in a moment"),
                    Stopped::OutOfMemory => ("the call wanted too much memory and was stopped", "Ask for less"),
                    Stopped::Trapped => ("the component failed and was stopped", "Try something else"),
                    Stopped::NotLoaded => ("the component cannot be loaded", "Install the program again"),
                };
                return Err(if trace.may_have_sent() {
                    unknown(what)
                } else {
                    let text = format!("{what}. Nothing was sent. {next}; if it happens again, please report it.");
                    Failure::new(Code::Sandbox, text)
                });
            }
        };
        let failure = match answer {
            Ok(mut facts) => {
                hygiene::clean(&mut facts);
                let said = facts["sent"] == true;
                if trace.unanswered_send {
                    return Err(unknown("a message left, but no sense came back"));
                }
                if trace.accepted_send && !said {
                    return Err(unknown("a message left, but the component does not say so"));
                }
                if said && !trace.accepted_send {
                    let told =
                        "the component says that a message was sent, but none left. Please report this as a bug.";
                    return Err(Failure::new(Code::Sandbox, told));
                }
                facts["simulated"] = json!(self.settings.simulate);
                let text = facts.to_string();
                if self.outside.leaks_in(&facts) {
                    return Err(self.violation(Rule::Credentials, trace));
                }
                if text.len() > LARGEST_RESULT {
                    return Err(if trace.accepted_send {
                        unknown("a message left, but the result is too large")
                    } else {
                        Failure::new(Code::Sandbox, "the result is too large. Nothing was sent. Ask for less.")
                    });
                }
                let summary = facts["summary"].as_str().unwrap_or_default().to_string();
                return Ok(Success { summary, facts, text });
            }
            Err(failure) => failure,
        };
        let (code, status, text) = match failure {
            contract::Error::Invalid(text) => (Code::Validation, None, text),
            contract::Error::Rejected(rejection) => (Code::Api, trace.last_status, rejection.reason),
            contract::Error::Unreachable(text) => (Code::Unreachable, None, text),
            contract::Error::OutcomeUnknown(text) => (Code::OutcomeUnknown, None, text),
            contract::Error::Unexpected(text) => (Code::Api, trace.last_status, text),
        };
        let text: String = hygiene::visible(&text).chars().take(LONGEST_FAILURE).collect();
        if self.outside.leaks(text.as_bytes()) {
            return Err(self.violation(Rule::Credentials, trace));
        }
        // A send that left and was not plainly refused is an unknown outcome, whatever the component
        // calls it.
        if trace.may_have_sent() && code != Code::OutcomeUnknown {
            return Err(unknown("a message left, but no sense came back"));
        }
        Err(Failure { code, status, text })
    }

    /// The failure of a call whose component tried what it may not. An alarm, so it has an audit
    /// line of its own.
    fn violation(&self, rule: Rule, trace: &Trace) -> Failure {
        // Unique in this process and, by its time, between processes.
        let now = Utc::now();
        let id = format!("{:x}-{}", now.timestamp_millis(), self.denials.fetch_add(1, Ordering::Relaxed));
        let left = match (trace.may_have_sent(), trace.left) {
            (true, _) => "A message had already left: look at get_sms_messages before you send again",
            (false, 0) => "Nothing left this machine",
            (false, _) => "No message was sent",
        };
        let text = format!(
            "the SMS component tried something that this call does not permit, and was stopped. {left}. \
             Please report this with the id {id}."
        );
        self.sink.line(&audit::denial(rule, &id, now, self.settings.simulate));
        Failure::new(Code::SandboxViolation, text)
    }

    /// Calls the component's function for a call.
    pub(crate) async fn run(
        &self,
        call: &Call,
        account: &contract::Account,
        door: &Door,
        deadline: Instant,
    ) -> Result<Result<Value, contract::Error>, Stopped> {
        let queries = |name| Function { interface: QUERIES, name };
        match call {
            Call::SendSms(request) => {
                let function = Function { interface: SENDING, name: "send-sms" };
                self.invoke::<_, contract::SentSms>(function, account, request, door, deadline).await
            }
            Call::GetSmsMessages(request) => {
                self.invoke::<_, contract::SmsHistory>(queries("get-sms-messages"), account, request, door, deadline)
                    .await
            }
            Call::CheckSmsStatus(request) => {
                self.invoke::<_, contract::SmsStatus>(queries("check-sms-status"), account, request, door, deadline)
                    .await
            }
            Call::EstimateSmsCost(request) => {
                self.invoke::<_, contract::SmsEstimate>(queries("estimate-sms-cost"), account, request, door, deadline)
                    .await
            }
            Call::CheckAccountBalance(request) => {
                self.invoke::<_, contract::AccountBalance>(
                    queries("check-account-balance"),
                    account,
                    request,
                    door,
                    deadline,
                )
                .await
            }
            Call::GetDeliveryStatistics(request) => {
                let function = queries("get-delivery-statistics");
                self.invoke::<_, contract::DeliveryStatistics>(function, account, request, door, deadline).await
            }
        }
    }

    /// Loads the embedded component, on another thread.
    async fn load(&self) -> Result<Sandbox, Stopped> {
        let loaded = tokio::task::spawn_blocking(Sandbox::new).await.map_err(anyhow::Error::from).flatten();
        loaded.map_err(|error| {
            self.sink.line(&format!("✗ the component cannot be loaded, so this program cannot work: {error:#}"));
            Stopped::NotLoaded
        })
    }

    /// Calls one function and turns its record into JSON, without what is absent.
    async fn invoke<Request, Answer>(
        &self,
        function: Function,
        account: &contract::Account,
        request: &Request,
        door: &Door,
        deadline: Instant,
    ) -> Result<Result<Value, contract::Error>, Stopped>
    where
        Request: ComponentType + Lower + Sync,
        Answer: ComponentType + Lift + Serialize + Send + Sync + 'static,
    {
        let sandbox = self.sandbox.get_or_try_init(|| self.load()).await?;
        let answer = sandbox.call::<Request, Answer>(function, account, request, door.clone(), deadline).await?;
        Ok(answer.map(|record| {
            // Records of texts and numbers always serialise.
            let mut facts = serde_json::to_value(record).unwrap_or_default();
            drop_absent(&mut facts);
            facts
        }))
    }
}

/// Removes what is null: in the contract an absent field is absent.
pub(crate) fn drop_absent(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, field| !field.is_null());
            fields.values_mut().for_each(drop_absent);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_absent),
        _ => {}
    }
}

/// The audit line of one call, written when the call ends or is given up.
pub(crate) struct Entry<'a> {
    runner: &'a Runner,
    tool: Tool,
    params: Params,
    begun: DateTime<Utc>,
    dry_run: bool,
    door: Option<Door>,
    ended: bool,
}

impl<'a> Entry<'a> {
    fn begin(runner: &'a Runner, tool: Tool, arguments: &Map<String, Value>) -> Self {
        let dry_run = tool.is_dry(&runner.settings, arguments);
        let params = Params::masked(arguments, |value| runner.outside.leaks(value.as_bytes()));
        runner.running.send_modify(|running| *running += 1);
        Self { runner, tool, params, begun: Utc::now(), dry_run, door: None, ended: false }
    }

    /// Ends a call that was not made.
    pub(crate) fn refused(mut self, failure: Failure) -> Failure {
        self.end(Some(&failure));
        failure
    }

    fn end(&mut self, failure: Option<&Failure>) {
        self.ended = true;
        let now = Utc::now();
        let record = Record {
            timestamp: Timestamp(now),
            tool: self.tool,
            params: &self.params,
            success: failure.is_none(),
            dry_run: self.dry_run,
            duration_ms: audit::milliseconds((now - self.begun).to_std().unwrap_or_default()),
            error: failure.map(Failure::recorded),
            simulated: self.runner.settings.simulate,
        };
        self.runner.sink.line(&record.line());
    }
}

impl Drop for Entry<'_> {
    /// A call that was given up: its request may be on the wire, or may have been denied.
    fn drop(&mut self) {
        if !self.ended {
            let trace = self.door.as_ref().map(Door::close).unwrap_or_default();
            let failure = match trace.denied {
                Some(rule) => self.runner.violation(rule, &trace),
                None if trace.may_have_sent() => Failure::new(Code::OutcomeUnknown, ""),
                None => Failure::new(Code::Cancelled, ""),
            };
            self.end(Some(&failure));
        }
        self.runner.running.send_modify(|running| *running -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::Stderr;

    #[tokio::test]
    async fn a_gateway_that_the_program_did_not_choose_is_denied() {
        let settings = Settings::read(|_| None, true).expect("the simulator needs none");
        let outside = Arc::new(Outside::elks(&settings.credentials));
        let runner = Runner::new(settings, Arc::clone(&outside), Arc::new(Stderr::start()));
        let call = Call::CheckAccountBalance(contract::CheckAccountBalanceRequest { to: None });
        for (endpoint, rule) in [
            ("https://gateway.example.com", Rule::Authority),
            ("https://api.46elks.com:8443", Rule::Authority),
            ("http://127.0.0.1:8080", Rule::Scheme),
        ] {
            let door = Door::new(call.permit(&runner.settings), None, Arc::clone(&outside));
            let account = contract::Account { endpoint: Some(endpoint.into()), ..call.account(&runner.settings, None) };
            let told = runner.run(&call, &account, &door, Instant::now() + CALL_TIME).await;
            assert!(matches!(told, Ok(Err(contract::Error::Unreachable(_)))), "{endpoint}");
            let trace = door.close();
            assert_eq!((trace.denied, trace.left), (Some(rule), 0), "{endpoint}");
        }
    }
}
