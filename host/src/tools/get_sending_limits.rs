//! `get_sending_limits`: shows what the operator allows. The host answers by itself, and no component runs. Nothing
//! leaves, except a request for 46elks's time when the clock does not fit.

use super::{Tool, ToolSpec};
use crate::config::Settings;
use crate::contract::{self, Export, GetSendingLimitsRequest, SendingLimits};
use crate::summary;
use crate::verdict::Context;
use crate::verdict::problem::Problem;
use elks_sandbox::{Exchange, Permit};

/// The tool `get_sending_limits`.
pub struct GetSendingLimits;

impl ToolSpec for GetSendingLimits {
    const TOOL: Tool = Tool::GetSendingLimits;
    const EXPORT: Export = contract::GET_SENDING_LIMITS;
    type Request = GetSendingLimitsRequest;
    type Answer = SendingLimits;
    type Aside = ();

    fn permit(_: &GetSendingLimitsRequest, _: &Settings) -> Permit {
        Permit::new(Vec::new())
    }

    /// No exchange says anything about the operator's limits.
    fn facts(_: &GetSendingLimitsRequest, _: &Context<'_>, _: &[Exchange]) -> Result<(SendingLimits, ()), Problem> {
        Err(Problem::NotAsked)
    }

    fn summary(_: &GetSendingLimitsRequest, answer: &SendingLimits, _: &(), context: &Context<'_>) -> String {
        summary::limits::limits(answer, context.currency)
    }

    fn example() -> GetSendingLimitsRequest {
        GetSendingLimitsRequest { to: Some("<to>".into()) }
    }
}
