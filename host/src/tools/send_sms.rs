//! `send_sms`: sends one message.

use super::{ToolSpec, post};
use crate::config::Settings;
use crate::contract::{self, Export, SentSms, SendSmsRequest};
use elks_sandbox::Permit;

/// The tool `send_sms`.
pub struct SendSms;

impl ToolSpec for SendSms {
    const EXPORT: Export = contract::SEND_SMS;
    type Request = SendSmsRequest;
    type Answer = SentSms;

    fn permit(request: &SendSmsRequest, settings: &Settings) -> Permit {
        let flash = request.flashsms == Some(true);
        let dry_run = Self::is_dry_run(Some(request), settings);
        Permit::new(vec![post(&request.to, request.from.as_deref(), &request.message, flash, dry_run, settings)])
    }

    fn is_dry_run(request: Option<&SendSmsRequest>, settings: &Settings) -> bool {
        settings.dry_run || request.is_some_and(|request| request.dry_run == Some(true))
    }

    fn example() -> SendSmsRequest {
        SendSmsRequest { to: "<to>".into(), message: "<message>".into(), from: None, flashsms: None, dry_run: None }
    }
}
