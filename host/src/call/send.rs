//! What a real send needs besides every other call: the operator's policy, the ledger, a price where a limit on
//! spending needs one, and a look into the history where the outcome of an earlier attempt is not known.

use super::{Begun, CallHandler};
use crate::audit::AuditGuard;
use crate::contract::{EstimateSmsCostRequest, GetSendingLimitsRequest, SendSmsRequest};
use crate::failure::{Code, Failure};
use crate::ledger::{Entry, Outcome, Unavailable};
use crate::policy::{Confirm, Policy};
use crate::sending::admission::{Nobody, Reservation};
use crate::sending::decision::Decision;
use crate::sending::draft::{Additions, Draft};
use crate::sending::reconcile::{self, Finding, reconcile};
use crate::sending::{Withheld, limits};
use crate::summary::{failures, refusals};
use crate::tools::{ACCOUNT, Call, GetSendingLimits, permit_of_a_look};
use crate::verdict::{self, Context, Success, Verdict};
use elks_sandbox::{Class, Refused};
use sms_rules::phone;
use std::sync::Arc;
use tokio::time::Instant;

/// The note for a result whose outcome the ledger could not record.
const NOT_RECORDED: &str =
    " The journal could not record this outcome yet. Calling again with the same recipient and text is safe.";

/// What a call needs before it is made.
pub(crate) enum Need {
    /// Nothing: it can be made.
    Nothing,
    /// The approval of a person.
    Approval,
    /// It is not made: its result or failure is known already.
    Answer(Box<Result<Success, Failure>>),
}

/// What earlier sends and the policy say about a message.
enum Earlier {
    /// It was sent, and this is its result.
    Sent(Success),
    /// A person must approve it.
    NeedsApproval,
    /// Nothing is against it.
    Nothing,
}

impl CallHandler {
    /// What a call needs before it is made. A person is not asked about a message that would not be sent anyhow.
    pub(crate) async fn need(&self, begun: &Begun) -> Need {
        self.needed(begun).await.unwrap_or_else(|failure| Need::Answer(Box::new(Err(failure))))
    }

    async fn needed(&self, begun: &Begun) -> Result<Need, Failure> {
        let Some(draft) = self.draft(&begun.call, &begun.additions) else { return Ok(Need::Nothing) };
        Ok(match self.earlier(&draft).await? {
            Earlier::Sent(success) => Need::Answer(Box::new(Ok(success))),
            Earlier::NeedsApproval => Need::Approval,
            Earlier::Nothing => Need::Nothing,
        })
    }

    /// Whether a person may have to approve a call. While the policy file is broken, nobody knows.
    pub(crate) fn may_ask(&self, call: &Call) -> bool {
        let never = |policy: Arc<Policy>| policy.confirm() == Confirm::Never;
        call.sends(&self.settings) && !self.sending.policy().is_ok_and(never)
    }

    /// Counts a question to a person like a send, whatever the answer will be.
    ///
    /// # Errors
    /// The calls came too fast.
    pub(crate) fn count_question(&self) -> Result<(), Failure> {
        self.limiter.admit(Class::Sending, Instant::now()).map_err(failures::refused)
    }

    /// The message of a call that sends, real or dry.
    fn draft(&self, call: &Call, additions: &Additions) -> Option<Draft> {
        let mut draft = Draft::of(&call.permit(&self.settings), additions, &self.settings)?;
        draft.is_changed = matches!(call, Call::SendSms(request) if request.message != draft.text);
        Some(draft)
    }

    /// Checks a message against the rules that time does not cure.
    pub(super) fn checked(&self, call: &Call, additions: &Additions) -> Result<(), Failure> {
        let Some(draft) = self.draft(call, additions) else { return Ok(()) };
        let policy = self.sending.policy()?;
        policy.check(&draft.message()).or_else(|denial| self.refuse(Decision::Denied(denial)))
    }

    /// Refuses a message. A denial counts as a query, so that nobody can try out the operator's lists at will.
    fn refuse<T>(&self, decision: Decision) -> Result<T, Failure> {
        if let Decision::Denied(_) | Decision::ContactChanged = decision {
            self.limiter.admit(Class::Queries, Instant::now()).map_err(failures::refused)?;
        }
        Err(refused(Withheld::Decided(decision)))
    }

    /// Sends a message.
    pub(super) async fn send(
        &self,
        call: &Call,
        additions: &Additions,
        guard: &mut AuditGuard,
    ) -> Result<Success, Failure> {
        let policy = self.sending.policy()?;
        let Some(mut draft) = self.draft(call, additions) else {
            // Nothing may leave: the permit is empty, or no message can go to this recipient. The component says why.
            let egress = self.egress(call.permit(&self.settings), Some(Arc::new(Nobody)));
            let verdict = self.run(call, &egress, &policy, guard).await?;
            return self.result(verdict);
        };
        match self.earlier(&draft).await? {
            Earlier::Sent(success) => {
                guard.duplicate();
                return Ok(success);
            }
            Earlier::NeedsApproval => return Err(refused(Withheld::Decided(Decision::NeedsApproval))),
            Earlier::Nothing => {}
        }
        if policy.needs_price()
            && let Call::SendSms(request) = call
        {
            draft.price = self.estimate(request).await?.facts["estimated_cost"].as_u64();
        }
        let has_price = draft.price.is_some();
        let reservation = Reservation::new(Arc::clone(&self.sending), Arc::clone(&self.limiter), draft.clone());
        let egress = self.egress(call.permit(&self.settings), Some(Arc::new(reservation.clone())));
        let given_up = reservation.clone();
        let log = Arc::clone(&self.log);
        guard.when_given_up(move |trace| {
            if let Err(unavailable) = given_up.settle_now(trace) {
                log.about_a_send(&not_recorded(&unavailable));
            }
        });
        let verdict = self.run(call, &egress, &policy, guard).await?;
        let recorded = reservation.settle(egress.close(), guard.running()).await;
        if let Verdict::Withheld = verdict {
            return match reservation.withheld() {
                Withheld::Decided(Decision::Duplicate(entry)) => {
                    guard.duplicate();
                    self.repeated(&draft, &entry)
                }
                withheld => Err(refusals::withheld(withheld, has_price)),
            };
        }
        let result = self.result(verdict);
        match recorded {
            Ok(()) => result,
            Err(unavailable) => {
                self.log.about_a_send(&not_recorded(&unavailable));
                result.map(|success| success.with_note(NOT_RECORDED))
            }
        }
    }

    /// What earlier sends and the policy say about a message, as far as is known. If the outcome of an earlier attempt
    /// is unknown, 46elks's history is read first.
    async fn earlier(&self, draft: &Draft) -> Result<Earlier, Failure> {
        let mut decision = self.look(draft).await?;
        if let Decision::Unknown(entry) = decision {
            match self.looked_up(draft, &entry).await? {
                Finding::Found { accepted, recorded } => {
                    let entry = Entry { outcome: Some((entry.at, Outcome::Accepted(accepted))), ..*entry };
                    if let Err(unavailable) = recorded {
                        self.log.about_a_send(&not_recorded(&unavailable));
                    }
                    return self.repeated(draft, &entry).map(Earlier::Sent);
                }
                Finding::Absent => decision = self.look(draft).await?,
                Finding::TooEarly(seconds) => decision = Decision::InProgress { seconds },
                Finding::Open => return Err(refusals::unknown()),
            }
        }
        match decision {
            Decision::Send => Ok(Earlier::Nothing),
            Decision::NeedsApproval => Ok(Earlier::NeedsApproval),
            Decision::Duplicate(entry) => self.repeated(draft, &entry).map(Earlier::Sent),
            decision => self.refuse(decision),
        }
    }

    /// Looks for the message of an entry in 46elks's history.
    async fn looked_up(&self, draft: &Draft, entry: &Entry) -> Result<Finding, Failure> {
        // The simulated history has times of its own.
        if self.settings.simulate {
            return Ok(Finding::Open);
        }
        self.verified().await?;
        let egress = self.egress(reconcile::permit(), Some(self.query()));
        let found = reconcile(&self.sending, entry, draft, &egress).await;
        if let Some(Refused::TooSoon(refusal)) = egress.close().refused {
            return Err(failures::refused(refusal));
        }
        found.map_err(|unavailable| refusals::ledger(&unavailable))
    }

    /// What would be decided about a message.
    async fn look(&self, draft: &Draft) -> Result<Decision, Failure> {
        self.timely(|| self.sending.look(draft)).await
    }

    /// Uses the ledger. If the clock does not fit, 46elks is asked for its time, and the ledger is used again.
    async fn timely<T, F>(&self, use_it: impl Fn() -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, Withheld>>,
    {
        let mut used = use_it().await;
        if used.as_ref().is_err_and(Withheld::is_about_time) {
            self.ask_for_the_time().await;
            used = use_it().await;
        }
        used.map_err(refused)
    }

    /// Asks 46elks for its time. The answer may confirm this computer's clock, or show that it has been set right.
    async fn ask_for_the_time(&self) {
        let egress = self.egress(permit_of_a_look(), Some(self.query()));
        // Without an answer the clock stays what it is.
        let _ = egress.get(ACCOUNT).await;
        self.sending.note_time(egress.close().date());
    }

    /// The result of an earlier send of the same message.
    fn repeated(&self, draft: &Draft, entry: &Entry) -> Result<Success, Failure> {
        let policy = self.settings.policy.start();
        let context = Context { settings: &self.settings, policy: &policy, currency: self.account.currency() };
        verdict::repeated(draft, entry, &context, &|bytes| self.contains_secret(bytes)).ok_or_else(refusals::unknown)
    }

    /// The price of a message, as 46elks says it. An estimate applies the same rules and gets the same price as the
    /// send itself.
    pub(crate) async fn estimate(&self, request: &SendSmsRequest) -> Result<Success, Failure> {
        // Boxed, because a send waits for another call here, and a future cannot hold one of its own type.
        Box::pin(self.complete(self.begin_parsed(estimate_of(request), Additions::default()))).await
    }

    /// What the operator allows, and what is left.
    pub(super) async fn sending_limits(&self, request: &GetSendingLimitsRequest) -> Result<Success, Failure> {
        let recipient = match request.to.as_deref().map(phone::e164).transpose() {
            Ok(number) => number.map(|number| self.settings.keys.recipient(&number)),
            Err(error) => return Err(Failure::new(Code::Validation, format!("to: {error}. Nothing was sent."))),
        };
        if let Err(refusal) = self.limiter.admit(Class::Queries, Instant::now()) {
            return Err(failures::refused(refusal));
        }
        let answer = self.timely(|| limits::limits(&self.sending, &self.limiter, recipient)).await?;
        let policy = self.settings.policy.start();
        let context = Context { settings: &self.settings, policy: &policy, currency: self.account.currency() };
        let success =
            verdict::of_host::<GetSendingLimits>(request, &answer, &context, &|bytes| self.contains_secret(bytes));
        success.ok_or_else(|| Failure::new(Code::SandboxViolation, "the result held the account's credentials."))
    }
}

/// The estimate that belongs to a send.
pub(crate) fn estimate_of(request: &SendSmsRequest) -> Call {
    let (to, message, from) = (request.to.clone(), request.message.clone(), request.from.clone());
    Call::EstimateSmsCost(EstimateSmsCostRequest { to, message, from })
}

/// The failure of a message that is refused before its price is asked for.
fn refused(withheld: Withheld) -> Failure {
    refusals::withheld(withheld, true)
}

/// The line for the operator about an outcome that could not be recorded.
fn not_recorded(unavailable: &Unavailable) -> String {
    format!("⚠ the outcome of a send could not be recorded: {unavailable}")
}
