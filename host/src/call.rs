//! The life of a call: the arguments are parsed, the account is verified, the component runs behind its egress, the
//! verdict is given, the audit record is written. Knows no MCP.

use crate::account::{self, AccountCheck, Unverified, Verified};
use crate::audit::{AuditGuard, AuditLog, Params};
use crate::clock::SystemClock;
use crate::component::{self, NoAnswer};
use crate::config::Settings;
use crate::contract::{Account, CheckAccountBalanceRequest};
use crate::failure::{Code, Failure};
use crate::stderr::Sink;
use crate::summary::failures;
use crate::tools::{Call, CheckAccountBalance, Component, Tool, ToolSpec};
use crate::verdict::{Context, Success, Verdict, alarms};
use elks_sandbox::sandbox::CALL_TIMEOUT;
use elks_sandbox::{Class, Egress, Permit, RateLimiter, Sandbox, Upstream};
use serde_json::{Map, Value};
use std::sync::Arc;
use tokio::sync::{Notify, OnceCell};
use tokio::time::Instant;

/// Runs calls.
pub struct CallHandler {
    settings: Settings,
    /// Loaded when it is first needed: the MCP handshake does not wait for it.
    sandbox: OnceCell<Sandbox>,
    limiter: Arc<RateLimiter>,
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
    guard: AuditGuard,
}

impl Begun {
    /// Notes for the audit record that a person has approved the call.
    pub(crate) fn approved(&mut self) {
        self.guard.approved();
    }

    /// Reports to `listener`, when the call ends, whether a message may have been sent.
    pub(crate) fn when_ended(&mut self, listener: impl FnOnce(bool) + Send + 'static) {
        self.guard.when_ended(listener);
    }

    /// Ends the call without running it.
    pub(crate) fn fail(self, failure: Failure) -> Failure {
        self.guard.fail(failure)
    }
}

impl CallHandler {
    /// A handler with the embedded component.
    pub fn new(settings: Settings, upstream: Arc<dyn Upstream>, sink: Arc<dyn Sink>) -> Self {
        Self::with(settings, OnceCell::new(), upstream, sink)
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
        let limiter = Arc::new(RateLimiter::new(settings.sms_per_minute, settings.queries_per_minute));
        let log = Arc::new(AuditLog::new(sink, Arc::new(SystemClock), settings.simulate));
        Self { settings, sandbox, limiter, upstream, account: AccountCheck::default(), log, fatal: Notify::new() }
    }

    /// The operator's settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
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
        let egress = self.egress(permit, again.then_some(CheckAccountBalance::EXPORT.class));
        let mut watched = Watched { egress: &egress, log: &self.log, has_ended: false };
        let account = Account { default_sender: None, ..self.account_record(None) };
        let component = self.component(&account, Instant::now() + CALL_TIMEOUT).await;
        // What the component makes of the answer does not count: the exchange says it all.
        let loaded = component.call::<CheckAccountBalance>(&request, &egress).await.map(drop);
        watched.has_ended = true;
        let trace = egress.close();
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
    /// The arguments are not valid; the audit record is written.
    pub(crate) fn begin(&self, tool: Tool, arguments: Map<String, Value>) -> Result<Begun, Failure> {
        let asks_for_dry_run = asks_for_dry_run(&arguments);
        match Call::parse(tool, arguments) {
            Ok(call) => {
                let params = Params::of(&call, |text| self.contains_secret(text.as_bytes()));
                let guard = self.log.begin(tool, params, call.is_dry_run(&self.settings));
                Ok(Begun { call, guard })
            }
            Err(error) => {
                self.refused(Some(tool), asks_for_dry_run, Code::Validation);
                Err(Failure::new(Code::Validation, error.to_string()))
            }
        }
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
        let Begun { call, mut guard } = begun;
        let outcome = self.attempt(&call, &mut guard).await;
        guard.end(outcome.as_ref().err());
        outcome
    }

    async fn attempt(&self, call: &Call, guard: &mut AuditGuard) -> Result<Success, Failure> {
        let deadline = Instant::now() + CALL_TIMEOUT;
        let verified = self.verified().await?;
        let egress = self.egress(call.permit(&self.settings), Some(call.tool().class()));
        guard.watch(egress.clone());
        let account = self.account_record(verified.currency.clone());
        let component = self.component(&account, deadline).await;
        let context = Context { settings: &self.settings, currency: verified.currency.as_deref() };
        match call.run(&component, &egress, &context, &|bytes| self.contains_secret(bytes)).await {
            Verdict::Success(success) => Ok(success),
            Verdict::Failure(failure) => Err(failure),
            Verdict::Alarm(alarms, failure) => Err(self.log.alarms(&alarms, failure)),
        }
    }

    /// The component, loaded when it is first needed.
    async fn component<'a>(&'a self, account: &'a Account, deadline: Instant) -> Component<'a> {
        Component { sandbox: self.sandbox.get_or_try_init(|| self.load()).await, account, deadline }
    }

    /// The way out of one call. Without a class, the call counts against no rate limit.
    fn egress(&self, permit: Permit, class: Option<Class>) -> Egress {
        let limit = class.map(|class| (Arc::clone(&self.limiter), class));
        Egress::new(permit, limit, Arc::clone(&self.settings.credentials), Arc::clone(&self.upstream))
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
    use crate::contract;
    use crate::stderr::Stderr;
    use elks_sandbox::{ElksApi, Rule};

    #[tokio::test]
    async fn a_gateway_that_the_program_did_not_choose_is_denied() {
        let settings = Settings::read(|_| None, true).expect("the simulator needs none");
        let handler = CallHandler::new(settings, Arc::new(ElksApi::new()), Arc::new(Stderr::start()));
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
