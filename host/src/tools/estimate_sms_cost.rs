//! `estimate_sms_cost`: prices a message.

use super::{ToolSpec, post};
use crate::config::Settings;
use crate::contract::{self, Export, SmsEstimate, EstimateSmsCostRequest};
use elks_sandbox::Permit;

/// The tool `estimate_sms_cost`.
pub struct EstimateSmsCost;

impl ToolSpec for EstimateSmsCost {
    const EXPORT: Export = contract::ESTIMATE_SMS_COST;
    type Request = EstimateSmsCostRequest;
    type Answer = SmsEstimate;

    fn permit(request: &EstimateSmsCostRequest, settings: &Settings) -> Permit {
        Permit::new(vec![post(&request.to, request.from.as_deref(), &request.message, false, true, settings)])
    }

    /// 46elks prices a message by a dry run of sending it.
    fn is_dry_run(_: Option<&EstimateSmsCostRequest>, _: &Settings) -> bool {
        true
    }

    fn example() -> EstimateSmsCostRequest {
        EstimateSmsCostRequest { to: "<to>".into(), message: "<message>".into(), from: None }
    }
}
