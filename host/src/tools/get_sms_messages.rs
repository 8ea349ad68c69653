//! `get_sms_messages`: reads the history.

use super::{ToolSpec, history};
use crate::config::Settings;
use crate::contract::{self, Export, SmsHistory, GetSmsMessagesRequest};
use elks_sandbox::Permit;

/// The tool `get_sms_messages`.
pub struct GetSmsMessages;

impl ToolSpec for GetSmsMessages {
    const EXPORT: Export = contract::GET_SMS_MESSAGES;
    type Request = GetSmsMessagesRequest;
    type Answer = SmsHistory;

    fn permit(request: &GetSmsMessagesRequest, _: &Settings) -> Permit {
        Permit::new(vec![history(request.to.as_deref())])
    }

    fn example() -> GetSmsMessagesRequest {
        let to = Some("<to>".into());
        GetSmsMessagesRequest { limit: None, direction: None, start: None, end: None, to, cursor: None }
    }
}
