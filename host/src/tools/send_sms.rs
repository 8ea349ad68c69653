//! `send_sms`: sends one message.

use super::{Tool, ToolSpec, post};
use crate::config::Settings;
use crate::contract::{self, Export, SendSmsRequest, SentSms};
use crate::summary;
use crate::verdict::problem::Problem;
use crate::verdict::{Context, facts, served};
use elks_sandbox::{Exchange, Permit};
use serde_json::Value;

/// The tool `send_sms`.
pub struct SendSms;

impl ToolSpec for SendSms {
    const TOOL: Tool = Tool::SendSms;
    const EXPORT: Export = contract::SEND_SMS;
    type Request = SendSmsRequest;
    type Answer = SentSms;
    type Aside = ();

    fn permit(request: &SendSmsRequest, settings: &Settings) -> Permit {
        let flash = request.flashsms == Some(true);
        let dry_run = Self::is_dry_run(Some(request), settings);
        let post = post(&request.to, request.from.as_deref(), &request.message, flash, dry_run, settings);
        Permit::new(post.into_iter().collect())
    }

    fn is_dry_run(request: Option<&SendSmsRequest>, settings: &Settings) -> bool {
        settings.dry_run || request.is_some_and(|request| request.dry_run == Some(true))
    }

    fn facts(
        request: &SendSmsRequest,
        context: &Context<'_>,
        exchanges: &[Exchange],
    ) -> Result<(SentSms, ()), Problem> {
        let sent = facts::send_sms(exchanges, context.currency)?;
        // The caller knows its own text. It learns what was sent only where that is another one.
        Ok((SentSms { message: sent.message.filter(|sent| *sent != request.message), ..sent }, ()))
    }

    fn checker_notes(answer: &mut SentSms) -> Option<&mut Vec<String>> {
        Some(&mut answer.checker_notes)
    }

    fn add_host_facts(facts: &mut Value, context: &Context<'_>) {
        served::contact(facts, "to", context);
    }

    fn summary(request: &SendSmsRequest, answer: &SentSms, _: &(), context: &Context<'_>) -> String {
        summary::sent(
            answer,
            context.policy.contact_of(&answer.to),
            context.settings.dry_run && request.dry_run == Some(false),
        )
    }

    fn example() -> SendSmsRequest {
        SendSmsRequest { to: "<to>".into(), message: "<message>".into(), from: None, flashsms: None, dry_run: None }
    }
}
