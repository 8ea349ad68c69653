//! Approval of a send by a person (`CONFIRM_SENDS`): whether one is needed, how the client of each MCP era is asked,
//! and which answer counts. What the person reads is in [`super::question`].

use super::approvals::{ELICITATION_TIMEOUT, PendingApprovals};
use super::question::Question;
use super::session_ids::{Session, apart};
use crate::call::{Begun, CallHandler, Need};
use crate::clock::SystemClock;
use crate::config::Settings;
use crate::failure::{Code, Failure};
use crate::tools::Call;
use crate::verdict::Success;
use elks_sandbox::{Allowed, RequestPattern};
use rmcp::model::{
    CancelledNotificationParam, ClientCapabilities, ClientResult, ElicitRequest, ElicitRequestParams,
    ElicitationAction, ElicitationSchema, InputRequest, InputRequiredResult, InputResponses, ProtocolVersion,
    RequestId, ServerRequest,
};
use rmcp::service::{PeerRequestOptions, RequestContext};
use rmcp::{Peer, RoleServer};
use serde_json::Value;
use std::sync::Arc;
use tokio::sync::watch;

/// The name of the question among the input requests of a result.
const QUESTION: &str = "confirm_send";

/// The field of the form that holds the person's choice.
const CHOICE: &str = "send";

/// What a model does when a send was not approved.
const HOW_TO_PROCEED: &str =
    "Show the user the message and ask whether to try again; dry_run: true checks it without sending.";

/// Whether a call may be made.
pub(super) enum Approval {
    /// It needs no approval.
    NotNeeded,
    /// The person approved.
    Granted,
    /// The client must ask the person and then call again.
    Pending(InputRequiredResult),
    /// The message was sent before, and this is its result.
    Sent(Success),
    /// The person did not approve or could not be asked, or the call fails without a question.
    Denied(Failure),
}

/// Asks persons.
pub(super) struct Elicitation {
    calls: Arc<CallHandler>,
    pending: PendingApprovals,
    /// The session that goes on; `None` when the input has ended. Nobody can answer a question of an earlier session.
    current: watch::Receiver<Option<Session>>,
}

impl Elicitation {
    /// No question is open.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub(super) fn new(calls: Arc<CallHandler>, current: watch::Receiver<Option<Session>>) -> anyhow::Result<Self> {
        Ok(Self { calls, pending: PendingApprovals::new(Arc::new(SystemClock))?, current })
    }

    /// Asks the person about a call that sends, if the operator wants that.
    pub(super) async fn approval(
        &self,
        begun: &Begun,
        answer: Option<(String, InputResponses)>,
        context: &RequestContext<RoleServer>,
    ) -> Approval {
        if !self.calls.may_ask(&begun.call) {
            return Approval::NotNeeded;
        }
        // What a person has answered counts first: a refusal stands, even if nobody need be asked any more.
        let granted = match answer.map(|answer| self.answered(begun, &answer)).transpose() {
            Ok(granted) => granted,
            Err(failure) => return Approval::Denied(failure),
        };
        match (self.calls.need(begun).await, granted) {
            (Need::Answer(answer), _) => answer.map_or_else(Approval::Denied, Approval::Sent),
            (_, Some(granted)) => granted,
            (Need::Nothing, None) => Approval::NotNeeded,
            (Need::Approval, None) => self.asked(begun, context).await.unwrap_or_else(Approval::Denied),
        }
    }

    /// Whether the answer to an earlier question approves the call. The question is used up.
    fn answered(&self, begun: &Begun, (token, responses): &(String, InputResponses)) -> Result<Approval, Failure> {
        self.pending.answered(token, &begun.call).map_err(not_confirmed)?;
        let response = responses.get(QUESTION).unwrap_or(&Value::Null);
        granted(response["action"] == "accept", &response["content"])
    }

    async fn asked(&self, begun: &Begun, context: &RequestContext<RoleServer>) -> Result<Approval, Failure> {
        let call = &begun.call;
        let Call::SendSms(request) = call else {
            return Err(not_confirmed("there is no question for this tool"));
        };
        can_ask(context.client_capabilities().as_ref()).map_err(not_confirmed)?;
        self.calls.count_question()?;
        let estimate = self.calls.estimate(request).await?.facts;
        let message = question(call, begun.contact(), self.calls.settings(), &estimate)?;
        let requested_schema = form().map_err(|_| not_confirmed("the question could not be asked"))?;
        let form = ElicitRequestParams::FormElicitationParams { meta: None, message, requested_schema };
        if context.protocol_version().is_some_and(|version| version >= ProtocolVersion::V_2026_07_28) {
            let token = self.pending.ask(call).map_err(not_confirmed)?;
            let question = [(QUESTION.to_string(), InputRequest::Elicitation(ElicitRequest::new(form)))];
            return Ok(Approval::Pending(InputRequiredResult::new(Some(question.into()), Some(token))));
        }
        let _place = self.pending.place().map_err(not_confirmed)?;
        let asked_in = apart(&context.id).map(|(session, _)| session);
        let mut current = self.current.clone();
        let options = PeerRequestOptions::with_timeout(ELICITATION_TIMEOUT);
        let request = ServerRequest::ElicitRequest(ElicitRequest::new(form));
        let no_answer = |_| not_confirmed("no answer came from the person");
        let asked = context.peer.send_cancellable_request(request, options).await.map_err(no_answer)?;
        let open = OpenQuestion { peer: context.peer.clone(), id: Some(asked.id.clone()) };
        let answer = tokio::select! {
            answer = asked.await_response() => answer,
            _ = current.wait_for(|session| *session != asked_in) => return Err(not_confirmed("the client has gone")),
        };
        open.closed();
        let ClientResult::ElicitResult(answer) = answer.map_err(no_answer)? else {
            return Err(not_confirmed("the client's answer is none to the question"));
        };
        granted(answer.action == ElicitationAction::Accept, &answer.content.unwrap_or_default())
    }
}

/// A question that the client shows. If its call ends before the answer, the client is asked to take it away: otherwise
/// the person could approve a call that is gone, and believe that the message was sent.
struct OpenQuestion {
    peer: Peer<RoleServer>,
    /// The id of the request; nothing once it is closed.
    id: Option<RequestId>,
}

impl OpenQuestion {
    /// The client has answered, or rmcp has withdrawn the question after its time.
    fn closed(mut self) {
        self.id = None;
    }
}

impl Drop for OpenQuestion {
    fn drop(&mut self) {
        if let Some(id) = self.id.take() {
            let peer = self.peer.clone();
            let withdrawn = CancelledNotificationParam::new(Some(id), Some("the call has ended".into()));
            tokio::spawn(async move { peer.notify_cancelled(withdrawn).await });
        }
    }
}

/// Whether a client can show the form. A client that declares elicitation without saying how means a form.
fn can_ask(capabilities: Option<&ClientCapabilities>) -> Result<(), &'static str> {
    match capabilities.and_then(|capabilities| capabilities.elicitation.as_ref()) {
        None => Err(
            "CONFIRM_SENDS is on, but this client cannot ask the person (it does not support elicitation). Use another \
             one, or the operator can set CONFIRM_SENDS=false",
        ),
        Some(modes) if modes.form.is_none() && modes.url.is_some() => Err(
            "CONFIRM_SENDS is on, but this client cannot ask the person: it supports elicitation by URL alone, and \
                 the question is a form. Use a client with form elicitation, or the operator can set CONFIRM_SENDS=false",
        ),
        Some(_) => Ok(()),
    }
}

/// The form: one choice that the person must make. It has no default, so an answer without the choice is nobody's.
fn form() -> Result<ElicitationSchema, &'static str> {
    ElicitationSchema::builder()
        .required_bool_property(CHOICE, |choice| {
            choice
                .title("Send this message?")
                .description("Yes sends this text to this number. It costs money and cannot be undone.")
        })
        .build()
}

/// Whether an answer approves: it is accepted, and its choice is exactly `true`. Some clients accept forms by
/// themselves, without a choice.
fn granted(accepted: bool, content: &Value) -> Result<Approval, Failure> {
    match content.get(CHOICE) {
        _ if !accepted => Err(not_confirmed("the person declined, or the client did not ask them")),
        Some(Value::Bool(true)) => Ok(Approval::Granted),
        Some(Value::Bool(false)) => Err(not_confirmed("the person chose not to send it")),
        _ => Err(not_confirmed("the client accepted without the person's choice (`send` must be true or false)")),
    }
}

/// The failure of a call that no person approved.
fn not_confirmed(why: impl std::fmt::Display) -> Failure {
    Failure::new(Code::NotConfirmed, format!("{why}. Nothing was sent. {HOW_TO_PROCEED}"))
}

/// The question about a send: what the egress will let out, with the parts and the price of its estimate.
fn question(call: &Call, contact: Option<&str>, settings: &Settings, estimate: &Value) -> Result<String, Failure> {
    let permit = call.permit(settings);
    let [Allowed { times: 1, request: RequestPattern::PostSms { to, from, message, flash, dry_run: false } }] =
        permit.allowed()
    else {
        return Err(not_confirmed("there is no question for this call"));
    };
    let no_price = || not_confirmed("the price of the message has no valid form");
    let price = match &estimate["estimated_cost"] {
        Value::Null => None,
        cost => Some(cost.as_u64().ok_or_else(no_price)?),
    };
    let currency = match &estimate["currency"] {
        Value::Null => None,
        currency => Some(currency.as_str().ok_or_else(no_price)?),
    };
    let parts = estimate["parts"].as_u64().ok_or_else(no_price)?;
    Question { to, contact, from, flash: *flash, parts, price, currency, text: message, simulated: settings.simulate }
        .words()
        .map_err(|why| not_confirmed(format!("the person could not be asked: {why}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::estimate_of;
    use crate::config::Variables;
    use crate::tools::Tool;
    use serde_json::json;

    fn call(arguments: Value) -> Call {
        Call::parse(Tool::SendSms, arguments.as_object().cloned().expect("is an object")).expect("is valid")
    }

    fn settings() -> Settings {
        let mut settings = Settings::read(&Variables::default(), true).expect("the simulator needs none");
        settings.dry_run = false;
        settings
    }

    fn estimate(more: Value) -> Value {
        let mut estimate = json!({"parts": 2, "estimated_cost": 10400, "currency": "SEK", "summary": "made up",
                                  "checker_notes": ["made up\nTo: +46701740606"]});
        estimate.as_object_mut().expect("is an object").extend(more.as_object().cloned().expect("is an object"));
        estimate
    }

    #[test]
    fn the_question_has_what_will_be_sent_and_no_word_of_the_component() {
        let call =
            call(json!({"to": "+46 (70) 174-06.05", "from": " Elks ", "message": "Hej\u{1b}[2J", "flashsms": true}));
        let words = question(&call, None, &settings(), &estimate(json!({}))).expect("can be asked");
        for part in ["- To: +46701740605\n", "- From: Elks\n", "- Flash: ", "2 parts, 1.04 SEK", "│ Hej[2J\n"] {
            assert!(words.contains(part), "{part} is not in {words}");
        }
        assert!(!words.contains("made up"), "{words}");
        let unpriced = estimate(json!({"estimated_cost": null, "currency": null}));
        let words = question(&call, None, &settings(), &unpriced).expect("can be asked");
        assert!(words.contains("2 parts, 46elks reported no price"), "{words}");
    }

    #[test]
    fn what_is_no_price_and_no_send_is_not_asked_about() {
        let send = call(json!({"to": "+46701740605", "message": "Hej"}));
        for wrong in [
            json!({"parts": null}),
            json!({"parts": "2"}),
            json!({"parts": -1}),
            json!({"parts": 2.5}),
            json!({"estimated_cost": "0.52"}),
            json!({"estimated_cost": -5200}),
            json!({"estimated_cost": 5200.5}),
            json!({"currency": 5}),
            json!({"currency": "SEK\nTo: +46701740606"}),
        ] {
            let failure = question(&send, None, &settings(), &estimate(wrong.clone())).expect_err("must not be asked");
            assert_eq!(failure.code, Code::NotConfirmed, "{wrong}");
        }
        assert!(question(&send, None, &settings(), &json!([])).is_err());
        let named = call(json!({"to": "+46701740605", "message": "Hej", "from": "Elks\n- To: Anna"}));
        assert!(question(&named, None, &settings(), &estimate(json!({}))).is_err(), "whatever the component let pass");
        let dry = call(json!({"to": "+46701740605", "message": "Hej", "dry_run": true}));
        assert!(question(&dry, None, &settings(), &estimate(json!({}))).is_err(), "nothing to approve");
    }

    #[test]
    fn only_the_choice_to_send_approves() {
        assert!(matches!(granted(true, &json!({"send": true})), Ok(Approval::Granted)));
        for content in [
            json!(null),
            json!({}),
            json!([true]),
            json!(true),
            json!("send"),
            json!({"send": null}),
            json!({"send": "true"}),
            json!({"send": 1}),
            json!({"send": [true]}),
            json!({"Send": true, "approved": true}),
        ] {
            let failure = granted(true, &content).err().expect("must not approve");
            assert!(failure.text.starts_with("the client accepted without the person's choice"), "{content}");
        }
        let no = granted(true, &json!({"send": false})).err().expect("must not approve");
        assert!(no.text.starts_with("the person chose not to send it"), "{no}");
        let declined = granted(false, &json!({"send": true})).err().expect("must not approve");
        assert!(declined.text.starts_with("the person declined"), "{declined}");
    }

    #[test]
    fn only_a_client_that_shows_forms_is_asked() {
        for (elicitation, can) in [
            (json!({"elicitation": {}}), true),
            (json!({"elicitation": {"form": {}}}), true),
            (json!({"elicitation": {"form": {}, "url": {}}}), true),
            (json!({"elicitation": {"url": {}}}), false),
            (json!({}), false),
        ] {
            let capabilities = serde_json::from_value(elicitation.clone()).expect("are capabilities");
            assert_eq!(can_ask(Some(&capabilities)).is_ok(), can, "{elicitation}");
        }
        assert!(can_ask(None).is_err());
    }

    #[test]
    fn what_is_sent_is_what_was_priced() {
        // 160 characters of GSM and a control character: one part without it, three with it.
        let text = format!("{}\u{7}", "a".repeat(160));
        let send = call(json!({"to": "+46701740605", "from": "Elks", "message": text}));
        let Call::SendSms(request) = &send else { panic!("is a send") };
        let priced = estimate_of(request);
        let fits = |call: &Call, text: &str, dry_run: bool| {
            let mut form = form_urlencoded::Serializer::new(String::new());
            form.append_pair("from", "Elks").append_pair("to", "+46701740605").append_pair("message", text);
            if dry_run {
                form.append_pair("dryrun", "yes");
            }
            let uri = "https://api.46elks.com/a1/sms".parse().expect("is a URI");
            let body = form.finish();
            call.permit(&settings()).spend(&http::Method::POST, &uri, &http::HeaderMap::new(), body.as_bytes()).is_ok()
        };
        let clean = text.trim_end_matches('\u{7}');
        assert!(fits(&priced, clean, true) && fits(&send, clean, false), "the text that is sent fits both");
        for (estimated, sent) in [(clean, text.as_str()), (text.as_str(), clean)] {
            let parts = [estimated, sent].map(|text| sms_rules::gsm::segment(text).parts);
            let may_differ = fits(&priced, estimated, true) && fits(&send, sent, false);
            assert!(!may_differ, "the person approves {} part(s), and {} are sent", parts[0], parts[1]);
        }
    }
}
