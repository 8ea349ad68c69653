//! Approval of a send by a person (`CONFIRM_SENDS`): whether one is needed, what the person sees, and how the client of
//! each MCP era is asked.

use super::approvals::{ELICITATION_TIMEOUT, PendingApprovals};
use crate::call::CallHandler;
use crate::clock::SystemClock;
use crate::config::Settings;
use crate::contract::SendSmsRequest;
use crate::failure::{Code, Failure};
use crate::tools::{Call, Tool};
use rmcp::RoleServer;
use rmcp::model::{
    ElicitRequest, ElicitRequestParams, ElicitationAction, ElicitationSchema, InputRequest, InputRequiredResult,
    InputResponses, ProtocolVersion,
};
use rmcp::service::RequestContext;
use serde_json::{Map, Value};
use sms_rules::invisible::escape;
use std::sync::Arc;
use tokio::sync::watch;

/// The name of the question among the input requests of a result.
const QUESTION: &str = "confirm_send";

/// What a model does when a send was not approved.
const HOW_TO_PROCEED: &str = "Show the user the message and ask whether to try again; dry_run: true checks it without \
                              sending. The operator can set CONFIRM_SENDS=false";

/// Whether a call may be made.
pub(super) enum Approval {
    /// It needs no approval, or the person approved.
    Granted,
    /// The client must ask the person and then call again.
    Pending(InputRequiredResult),
    /// The person did not approve, or could not be asked.
    Denied(Failure),
}

/// Asks persons.
pub(super) struct Elicitation {
    calls: Arc<CallHandler>,
    pending: PendingApprovals,
    /// True when the input has ended, so that nobody can answer any more.
    input_ended: watch::Receiver<bool>,
}

impl Elicitation {
    /// No question is open.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub(super) fn new(calls: Arc<CallHandler>, input_ended: watch::Receiver<bool>) -> anyhow::Result<Self> {
        Ok(Self { calls, pending: PendingApprovals::new(Arc::new(SystemClock))?, input_ended })
    }

    /// Asks the person about a call that sends, if the operator wants that.
    pub(super) async fn approval(
        &self,
        call: &Call,
        answer: Option<(String, InputResponses)>,
        context: &RequestContext<RoleServer>,
    ) -> Approval {
        let settings = self.calls.settings();
        if !settings.confirm_sends || !call.sends(settings) {
            return Approval::Granted;
        }
        self.asked(call, answer, context).await.unwrap_or_else(Approval::Denied)
    }

    async fn asked(
        &self,
        call: &Call,
        answer: Option<(String, InputResponses)>,
        context: &RequestContext<RoleServer>,
    ) -> Result<Approval, Failure> {
        let Call::SendSms(request) = call else {
            return Err(not_confirmed("there is no question for this tool"));
        };
        if let Some((token, responses)) = answer {
            self.pending.answered(&token, call).map_err(not_confirmed)?;
            return match responses.get(QUESTION) {
                Some(response) if response["action"] == "accept" => Ok(Approval::Granted),
                _ => Err(not_confirmed("the person declined, or the client did not ask them")),
            };
        }
        if context.client_capabilities().is_none_or(|capabilities| capabilities.elicitation.is_none()) {
            return Err(not_confirmed(
                "CONFIRM_SENDS is on, but this client cannot ask the person (it does not support elicitation)",
            ));
        }
        // An estimate applies the same rules and gets the same price as the send itself.
        let price = self.calls.call(Tool::EstimateSmsCost, estimate_of(request)).await?.facts;
        let message = question(self.calls.settings(), request, &price);
        let requested_schema =
            ElicitationSchema::builder().build().map_err(|_| not_confirmed("the question could not be asked"))?;
        let form = ElicitRequestParams::FormElicitationParams { meta: None, message, requested_schema };
        if context.protocol_version().is_some_and(|version| version >= ProtocolVersion::V_2026_07_28) {
            let token = self.pending.ask(call).map_err(not_confirmed)?;
            let question = [(QUESTION.to_string(), InputRequest::Elicitation(ElicitRequest::new(form)))];
            return Ok(Approval::Pending(InputRequiredResult::new(Some(question.into()), Some(token))));
        }
        let _place = self.pending.place().map_err(not_confirmed)?;
        let mut input_ended = self.input_ended.clone();
        let answer = tokio::select! {
            answer = context.peer.create_elicitation_with_timeout(form, Some(ELICITATION_TIMEOUT)) => answer,
            _ = input_ended.wait_for(|ended| *ended) => return Err(not_confirmed("the client has gone")),
        };
        match answer {
            Ok(answer) if answer.action == ElicitationAction::Accept => Ok(Approval::Granted),
            Ok(_) => Err(not_confirmed("the person declined, or the client did not ask them")),
            Err(_) => Err(not_confirmed("no answer came from the person")),
        }
    }
}

/// The failure of a call that no person approved.
fn not_confirmed(why: impl std::fmt::Display) -> Failure {
    Failure::new(Code::NotConfirmed, format!("{why}. Nothing was sent. {HOW_TO_PROCEED}"))
}

/// The arguments of the estimate that belongs to a send.
fn estimate_of(request: &SendSmsRequest) -> Map<String, Value> {
    let mut arguments = Map::new();
    arguments.insert("to".into(), request.to.as_str().into());
    arguments.insert("message".into(), request.message.as_str().into());
    arguments.extend(request.from.as_deref().map(|from| ("from".to_string(), from.into())));
    arguments
}

/// What the person sees: recipient, sender, exact text, parts and price, with every invisible character escaped.
fn question(settings: &Settings, request: &SendSmsRequest, price: &Value) -> String {
    let from = request.from.as_deref().unwrap_or(&settings.sender);
    let flash = if request.flashsms == Some(true) { " (flash)" } else { "" };
    let mut question = format!(
        "Send this SMS{flash}?\nTo: {}\nFrom: {from}\n{}\nText:\n{}",
        request.to,
        price["summary"].as_str().unwrap_or_default(),
        request.message,
    );
    for warning in price["warnings"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        question.push_str("\nNote: ");
        question.push_str(warning);
    }
    escape(&question).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_person_sees_what_would_be_sent_with_everything_visible() {
        let settings = Settings::read(|_| None, true).expect("the simulator needs none");
        let price = json!({"summary": "2 parts, 1.04 SEK", "warnings": ["a link"]});
        let request = SendSmsRequest {
            to: "+46701740605".into(),
            message: "Hej\u{202e}\u{1b}[2J".into(),
            from: None,
            flashsms: None,
            dry_run: None,
        };
        let shown = question(&settings, &request, &price);
        for part in ["+46701740605", "+46766861004", "Hej\\u{202e}\\u{1b}[2J", "2 parts, 1.04 SEK", "Note: a link"] {
            assert!(shown.contains(part), "{shown}");
        }
    }
}
