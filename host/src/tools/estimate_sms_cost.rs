//! `estimate_sms_cost`: prices a message.

use super::{Tool, ToolSpec, post};
use crate::config::Settings;
use crate::contract::{self, EstimateSmsCostRequest, Export, SmsEstimate};
use crate::summary;
use crate::verdict::problem::Problem;
use crate::verdict::{Context, facts};
use elks_sandbox::{Exchange, Permit};

/// The tool `estimate_sms_cost`.
pub struct EstimateSmsCost;

impl ToolSpec for EstimateSmsCost {
    const TOOL: Tool = Tool::EstimateSmsCost;
    const EXPORT: Export = contract::ESTIMATE_SMS_COST;
    type Request = EstimateSmsCostRequest;
    type Answer = SmsEstimate;
    type Aside = ();

    fn permit(request: &EstimateSmsCostRequest, settings: &Settings) -> Permit {
        let post = post(&request.to, request.from.as_deref(), &request.message, false, true, settings);
        Permit::new(post.into_iter().collect())
    }

    /// 46elks prices a message by a dry run of sending it.
    fn is_dry_run(_: Option<&EstimateSmsCostRequest>, _: &Settings) -> bool {
        true
    }

    fn facts(
        _: &EstimateSmsCostRequest,
        context: &Context<'_>,
        exchanges: &[Exchange],
    ) -> Result<(SmsEstimate, ()), Problem> {
        Ok((facts::estimate_sms_cost(exchanges, context.currency)?, ()))
    }

    fn checker_notes(answer: &mut SmsEstimate) -> Option<&mut Vec<String>> {
        Some(&mut answer.checker_notes)
    }

    fn summary(_: &EstimateSmsCostRequest, answer: &SmsEstimate, _: &(), _: &Context<'_>) -> String {
        summary::estimate(answer)
    }

    fn example() -> EstimateSmsCostRequest {
        EstimateSmsCostRequest { to: "<to>".into(), message: "<message>".into(), from: None }
    }
}
