//! `check_sms_status`: looks up one message.

use super::{ToolSpec, get};
use crate::config::Settings;
use crate::contract::{self, Export, SmsStatus, CheckSmsStatusRequest};
use elks_sandbox::Permit;

/// The tool `check_sms_status`.
pub struct CheckSmsStatus;

impl ToolSpec for CheckSmsStatus {
    const EXPORT: Export = contract::CHECK_SMS_STATUS;
    type Request = CheckSmsStatusRequest;
    type Answer = SmsStatus;

    fn permit(request: &CheckSmsStatusRequest, _: &Settings) -> Permit {
        // The schema allows only letters and digits in an id, so the path has no other segment.
        Permit::new(vec![get(&format!("/a1/sms/{}", request.message_id))])
    }

    fn example() -> CheckSmsStatusRequest {
        CheckSmsStatusRequest { message_id: "ID".into() }
    }
}
