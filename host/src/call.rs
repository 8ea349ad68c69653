//! The life of a call: the arguments are parsed, the account is verified, the component runs behind its egress, the
//! verdict is given, the audit record is written. What a real send needs besides is in `send`. Knows no MCP.

mod send;

use crate::account::{self, AccountCheck, Unverified, Verified};
use crate::audit::{AuditGuard, AuditLog, Params};
use crate::clock::SystemClock;
use crate::component::{self, NoAnswer};
use crate::config::{Problems, Settings};
use crate::contract::{Account, CheckAccountBalanceRequest};
use crate::failure::{Code, Failure};
use crate::ledger::Ledger;
use crate::policy::Policy;
use crate::sending::decision::Decision;
use crate::sending::draft::Additions;
use crate::sending::{Sending, Withheld};
use crate::simulator::Simulator;
use crate::stderr::Sink;
use crate::summary::{failures, refusals};
use crate::tools::{Call, CheckAccountBalance, Component, Tool, ToolSpec, Unresolved, resolve};
use crate::verdict::{Context, Success, Verdict, alarms};
use elks_sandbox::sandbox::CALL_TIMEOUT;
use elks_sandbox::{Admission, Class, Egress, Permit, RateLimited, RateLimiter, Sandbox, Upstream};
pub(crate) use send::Need;
#[cfg(test)]
pub(crate) use send::estimate_of;
use serde_json::{Map, Value};
use std::num::NonZeroU32;
use std::sync::Arc;
use tokio::sync::{Notify, OnceCell, watch};
use tokio::time::Instant;

/// Runs calls.
pub struct CallHandler {
    settings: Settings,
    /// Why each call is refused: the settings cannot be used.
    problems: Option<Problems>,
    /// Loaded when it is first needed: the MCP handshake does not wait for it.
    sandbox: OnceCell<Sandbox>,
    limiter: Arc<RateLimiter>,
    sending: Arc<Sending>,
    upstream: Arc<dyn Upstream>,
    account: AccountCheck,
    log: Arc<AuditLog>,
    /// Notified when the program cannot go on: 46elks refused the credentials, or the component cannot be loaded.
    fatal: Notify,
}

/// A call whose arguments are valid. Its audit record is written when it ends or is dropped.
pub(crate) struct Begun {
    /// The call.
    pub(crate) call: Call,
    additions: Additions,
    guard: AuditGuard,
    /// Learns how many requests of a query have left.
    sent: Option<watch::Sender<usize>>,
}

/// The argument of `send_sms` that becomes [`Additions::key`].
const IDEMPOTENCY_KEY: &str = "idempotency_key";

impl Begun {
    /// Notes for the audit record that a person has approved the call.
    pub(crate) fn approved(&mut self) {
        self.additions.approved = true;
        self.guard.approved();
    }

    /// The recipient's name, where the recipient is a contact.
    pub(crate) fn contact(&self) -> Option<&str> {
        self.additions.contact.as_deref()
    }

    /// How many requests of a query have left, from now on.
    pub(crate) fn watch_requests(&mut self) -> watch::Receiver<usize> {
        let (sender, receiver) = watch::channel(0);
        self.sent = Some(sender);
        receiver
    }

    /// Reports to `listener`, when the call ends, whether a message may have been sent.
    pub(crate) fn when_ended(&mut self, listener: impl FnOnce(bool) + Send + Sync + 'static) {
        self.guard.when_ended(listener);
    }

    /// Ends the call without running it.
    pub(crate) fn fail(self, failure: Failure) -> Failure {
        self.guard.fail(failure)
    }

    /// Ends the call with the result of an earlier one.
    pub(crate) fn repeat(mut self, success: Success) -> Success {
        self.guard.duplicate();
        self.guard.end(None);
        success
    }
}

impl CallHandler {
    /// A handler with the embedded component.
    pub fn new(settings: Settings, upstream: Arc<dyn Upstream>, sink: Arc<dyn Sink>) -> Self {
        Self::with(settings, OnceCell::new(), upstream, sink)
    }

    /// A handler that refuses each call because of the problems of its settings. It has no way to 46elks.
    pub fn refusing(problems: Problems, settings: Settings, sink: Arc<dyn Sink>) -> Self {
        let upstream = Arc::new(Simulator::new(&settings.credentials, &settings.sender));
        Self { problems: Some(problems), ..Self::with(settings, OnceCell::new(), upstream, sink) }
    }

    /// A handler with another component.
    pub fn with_sandbox(
        settings: Settings,
        sandbox: Sandbox,
        upstream: Arc<dyn Upstream>,
        sink: Arc<dyn Sink>,
    ) -> Self {
        Self::with(settings, OnceCell::new_with(Some(sandbox)), upstream, sink)
    }

    fn with(settings: Settings, sandbox: OnceCell<Sandbox>, upstream: Arc<dyn Upstream>, sink: Arc<dyn Sink>) -> Self {
        let sms_per_minute = settings.policy.start().per_minute().unwrap_or(NonZeroU32::MAX);
        let limiter = Arc::new(RateLimiter::new(sms_per_minute, settings.queries_per_minute));
        let ledger = Arc::new(ledger_of(&settings));
        let log = AuditLog::new(sink, Arc::new(SystemClock), settings.simulate, Arc::clone(&ledger));
        let sending = Arc::new(Sending::new(settings.clone(), ledger));
        let (account, log, fatal) = (AccountCheck::default(), Arc::new(log), Notify::new());
        Self { settings, problems: None, sandbox, limiter, sending, upstream, account, log, fatal }
    }

    /// The operator's settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Why each call is refused, if the settings cannot be used.
    pub fn problems(&self) -> Option<&Problems> {
        self.problems.as_ref()
    }

    /// Reads the ledger, so that the first send need not wait for it, and the operator learns at once when it cannot be
    /// used.
    pub async fn open_ledger(&self) {
        if let Err(unavailable) = self.sending.with_state(|_| ()).await {
            self.log.message(&format!("⚠ sends are refused until this is mended: {unavailable}"));
        }
    }

    /// Resolves when the program cannot go on.
    pub async fn fatal(&self) {
        self.fatal.notified().await;
    }

    /// Resolves when no call is running.
    pub async fn idle(&self) {
        self.log.idle().await;
    }

    /// The verified account. 46elks is asked once; calls that arrive meanwhile share the answer.
    ///
    /// # Errors
    /// Why the account is not verified.
    pub async fn verified(&self) -> Result<&Verified, Unverified> {
        self.account.verified(async |again| self.verify(again).await).await
    }

    /// Asks 46elks. The first time is free; asking again counts as a query.
    async fn verify(&self, again: bool) -> Result<Verified, Unverified> {
        let request = CheckAccountBalanceRequest { to: None };
        // The check needs no price, so it may not ask for one, and the component learns no sender to ask with.
        let permit = CheckAccountBalance::permit(&request, &self.settings).reading();
        let egress = self.egress(permit, again.then(|| self.query()));
        let mut watched = Watched { egress: &egress, log: &self.log, has_ended: false };
        let account = Account { default_sender: None, ..self.account_record(None) };
        let component = self.component(&account, Instant::now() + CALL_TIMEOUT).await;
        // What the component makes of the answer does not count: the exchange says it all.
        let loaded = component.call::<CheckAccountBalance>(&request, &egress).await.map(drop);
        watched.has_ended = true;
        let trace = egress.close();
        self.sending.note_time(trace.date());
        let alarms = alarms(Tool::CheckAccountBalance, &trace);
        if !alarms.is_empty() {
            return Err(Unverified::Failed(self.log.alarms(&alarms, failures::alarm(&trace))));
        }
        let verified = account::verdict(loaded, &trace);
        if let Some(line) = account::line(&verified) {
            self.log.message(&line);
        }
        if verified.as_ref().is_err_and(Unverified::is_fatal) {
            self.fatal.notify_one();
        }
        verified
    }

    /// Parses and runs a call. Its audit record is written in any case, also when the future is dropped.
    ///
    /// # Errors
    /// Why the tool did not do what was requested.
    pub async fn call(&self, tool: Tool, arguments: Map<String, Value>) -> Result<Success, Failure> {
        self.complete(self.begin(tool, arguments)?).await
    }

    /// Begins a call. After this, nobody sees the arguments as the caller wrote them.
    ///
    /// # Errors
    /// The arguments are not valid, or the settings cannot be used; the audit record is written.
    pub(crate) fn begin(&self, tool: Tool, mut arguments: Map<String, Value>) -> Result<Begun, Failure> {
        let asks_for_dry_run = asks_for_dry_run(&arguments);
        if let Some(problems) = &self.problems {
            self.refused(Some(tool), asks_for_dry_run, Code::Configuration);
            return Err(problems.failure());
        }
        let key = arguments.get(IDEMPOTENCY_KEY).and_then(Value::as_str).map(Into::into);
        // Contacts are those of this moment. While the policy file is broken, no message is sent anyhow.
        let policy = self.sending.policy().unwrap_or_else(|_| self.settings.policy.start());
        let parsed = match resolve(tool, &self.settings.policy.start(), &policy, &mut arguments) {
            Ok(contact) => Call::parse(tool, arguments)
                .map(|call| (call, contact))
                .map_err(|error| Failure::new(Code::Validation, format!("{error}. Nothing was sent."))),
            Err(Unresolved::NotAContact) => Err(refusals::not_a_contact(&policy.contact_names())),
            Err(Unresolved::Changed) => Err(refusals::withheld(Withheld::Decided(Decision::ContactChanged), true)),
        };
        match parsed {
            Ok((call, contact)) => Ok(self.begin_parsed(call, Additions { contact, key, approved: false })),
            Err(failure) => {
                self.refused(Some(tool), asks_for_dry_run, failure.code);
                Err(failure)
            }
        }
    }

    /// Begins a call whose arguments are valid.
    fn begin_parsed(&self, call: Call, additions: Additions) -> Begun {
        let params = Params::of(&call, additions.contact.as_deref(), |text| self.contains_secret(text.as_bytes()));
        let guard = self.log.begin(call.tool(), params, call.is_dry_run(&self.settings));
        Begun { call, additions, guard, sent: None }
    }

    /// Writes the audit record of a request whose arguments are not parsed. The tool is `None` if the request names
    /// none of this server's.
    pub(crate) fn refused(&self, tool: Option<Tool>, asks_for_dry_run: bool, code: Code) {
        let never_sends = tool.map_or(self.settings.dry_run, |tool| tool.is_dry_run(&self.settings));
        let may_send = tool.is_none_or(|tool| tool.class() == Class::Sending);
        self.log.refused(tool, never_sends || (may_send && asks_for_dry_run), code);
    }

    /// Runs a call that has begun.
    pub(crate) async fn complete(&self, begun: Begun) -> Result<Success, Failure> {
        let Begun { call, additions, mut guard, sent } = begun;
        let outcome = match &call {
            Call::GetSendingLimits(request) => self.sending_limits(request).await,
            call if call.sends(&self.settings) => self.send(call, &additions, &mut guard).await,
            call => self.attempt(call, &additions, &mut guard, sent).await,
        };
        guard.end(outcome.as_ref().err());
        outcome
    }

    /// Runs a call that sends nothing.
    async fn attempt(
        &self,
        call: &Call,
        additions: &Additions,
        guard: &mut AuditGuard,
        sent: Option<watch::Sender<usize>>,
    ) -> Result<Success, Failure> {
        // A dry run is refused by the same rules as a real send, except those that time cures.
        if let Call::SendSms(_) = call {
            self.checked(call, additions)?;
        }
        let admission = RateLimited::new(Arc::clone(&self.limiter), call.tool().class());
        let egress = self.egress(call.permit(&self.settings), Some(Arc::new(admission))).reporting(sent);
        let verdict = self.run(call, &egress, &self.settings.policy.start(), guard).await?;
        self.result(verdict)
    }

    /// Runs the component behind the egress, and closes the egress.
    async fn run(
        &self,
        call: &Call,
        egress: &Egress,
        policy: &Policy,
        guard: &mut AuditGuard,
    ) -> Result<Verdict, Failure> {
        let deadline = Instant::now() + CALL_TIMEOUT;
        let verified = self.verified().await?;
        guard.watch(egress.clone());
        let mut account = self.account_record(verified.currency.clone());
        // A sender on the operator's list is the operator's own choice, like the configured one.
        let listed = call.with_listed_sender(|from| policy.sender_is_listed(from));
        let call = match &listed {
            Some((call, sender)) => {
                account.default_sender = Some(sender.clone());
                call
            }
            None => call,
        };
        let context = Context { settings: &self.settings, policy, currency: verified.currency.as_deref() };
        let component = self.component(&account, deadline).await;
        let verdict = call.run(&component, egress, &context, &|bytes| self.contains_secret(bytes)).await;
        self.sending.note_time(egress.date().as_deref());
        Ok(verdict)
    }

    /// A verdict as the result of its call.
    fn result(&self, verdict: Verdict) -> Result<Success, Failure> {
        match verdict {
            Verdict::Success(success) => Ok(success),
            Verdict::Failure(failure) => Err(failure),
            Verdict::Alarm(alarms, failure) => Err(self.log.alarms(&alarms, failure)),
            // Only a call to a recipient that the rules exclude has an egress that admits nothing.
            Verdict::Withheld => {
                let text = "`to` is no phone number that a message can be sent to. Nothing was sent.";
                Err(Failure::new(Code::Validation, text))
            }
        }
    }

    /// The component, loaded when it is first needed.
    async fn component<'a>(&'a self, account: &'a Account, deadline: Instant) -> Component<'a> {
        Component { sandbox: self.sandbox.get_or_try_init(|| self.load()).await, account, deadline }
    }

    /// The way out of one call. Without an admission, the call counts against no limit.
    fn egress(&self, permit: Permit, admission: Option<Arc<dyn Admission>>) -> Egress {
        Egress::new(permit, admission, Arc::clone(&self.settings.credentials), Arc::clone(&self.upstream))
    }

    /// The admission of a call that counts as a query.
    fn query(&self) -> Arc<dyn Admission> {
        Arc::new(RateLimited::new(Arc::clone(&self.limiter), Class::Queries))
    }

    /// Loads the embedded component on another thread.
    async fn load(&self) -> Result<Sandbox, NoAnswer> {
        let loaded = tokio::task::spawn_blocking(component::load).await.map_err(anyhow::Error::from);
        loaded.and_then(|loaded| loaded.map_err(anyhow::Error::from)).map_err(|error| {
            self.log.message(&format!("✗ the component cannot be loaded, so this program cannot work: {error:#}"));
            NoAnswer::NotLoaded
        })
    }

    /// What the component learns about the account: never the credentials, and no other endpoint.
    fn account_record(&self, currency: Option<String>) -> Account {
        Account {
            credentials: None,
            default_sender: Some(self.settings.sender.clone()),
            dry_run: self.settings.dry_run,
            currency,
            endpoint: None,
        }
    }

    fn contains_secret(&self, bytes: &[u8]) -> bool {
        self.settings.credentials.contains_secret(bytes)
    }
}

/// The ledger of these settings: a journal that stays where real messages are sent.
fn ledger_of(settings: &Settings) -> Ledger {
    let clock = Arc::new(SystemClock);
    match settings.journal() {
        Some(location) => Ledger::at(location, settings.keep_days, clock),
        None => Ledger::in_memory(clock),
    }
}

/// Whether arguments ask for a dry run, even if they are not valid otherwise.
pub(crate) fn asks_for_dry_run(arguments: &Map<String, Value>) -> bool {
    arguments.get("dry_run") == Some(&Value::Bool(true))
}

/// The way out of a check of the account. A check that is given up has no audit record, but its alarms have lines.
struct Watched<'a> {
    egress: &'a Egress,
    log: &'a AuditLog,
    has_ended: bool,
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        if !self.has_ended {
            let trace = self.egress.close();
            self.log.alarms(&alarms(Tool::CheckAccountBalance, &trace), failures::alarm(&trace));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Variables;
    use crate::contract;
    use crate::stderr::Stderr;
    use elks_sandbox::{Connection, ElksApi, Rule};

    #[tokio::test]
    async fn a_gateway_that_the_program_did_not_choose_is_denied() {
        let settings = Settings::read(&Variables::default(), true).expect("the simulator needs none");
        let handler =
            CallHandler::new(settings, Arc::new(ElksApi::new(Connection::default())), Arc::new(Stderr::start()));
        let request = CheckAccountBalanceRequest { to: None };
        for (endpoint, rule) in [
            ("https://gateway.example.com", Rule::Authority),
            ("https://api.46elks.com:8443", Rule::Authority),
            ("http://127.0.0.1:8080", Rule::Scheme),
        ] {
            let permit = CheckAccountBalance::permit(&request, &handler.settings);
            let egress = handler.egress(permit, None);
            let account = Account { endpoint: Some(endpoint.into()), ..handler.account_record(None) };
            let component = handler.component(&account, Instant::now() + CALL_TIMEOUT).await;
            let answer = component.call::<CheckAccountBalance>(&request, &egress).await;
            assert!(matches!(answer, Ok(Err(contract::Error::Unreachable(_)))), "{endpoint}");
            let trace = egress.close();
            assert_eq!((trace.denied, trace.exchanges.len()), (Some(rule), 0), "{endpoint}");
        }
    }
}
