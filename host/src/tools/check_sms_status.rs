//! `check_sms_status`: looks up one message.

use super::{Tool, ToolSpec, get};
use crate::config::Settings;
use crate::contract::{self, CheckSmsStatusRequest, Export, SmsStatus};
use crate::summary;
use crate::verdict::problem::Problem;
use crate::verdict::{Context, facts, served};
use elks_sandbox::{Exchange, Permit};
use serde_json::Value;

/// The tool `check_sms_status`.
pub struct CheckSmsStatus;

impl ToolSpec for CheckSmsStatus {
    const TOOL: Tool = Tool::CheckSmsStatus;
    const EXPORT: Export = contract::CHECK_SMS_STATUS;
    type Request = CheckSmsStatusRequest;
    type Answer = SmsStatus;
    type Aside = ();

    fn permit(request: &CheckSmsStatusRequest, _: &Settings) -> Permit {
        // The schema allows only letters and digits in an id, so the path has no other segment.
        Permit::new(vec![get(&format!("/a1/sms/{}", request.message_id))])
    }

    fn facts(
        _: &CheckSmsStatusRequest,
        context: &Context<'_>,
        exchanges: &[Exchange],
    ) -> Result<(SmsStatus, ()), Problem> {
        Ok((facts::check_sms_status(exchanges, context.currency)?, ()))
    }

    fn add_host_facts(facts: &mut Value, context: &Context<'_>) {
        served::message(&mut facts["message"], context);
    }

    fn summary(_: &CheckSmsStatusRequest, answer: &SmsStatus, _: &(), _: &Context<'_>) -> String {
        summary::status(answer)
    }

    fn example() -> CheckSmsStatusRequest {
        CheckSmsStatusRequest { message_id: "ID".into() }
    }
}
