//! `get_delivery_statistics`: counts what became of the newest outbound messages.

use super::{Tool, ToolSpec, history};
use crate::config::Settings;
use crate::contract::{self, DeliveryStatistics, Export, GetDeliveryStatisticsRequest};
use crate::summary;
use crate::verdict::Context;
use crate::verdict::facts::{self, Gaps};
use crate::verdict::history::Search;
use crate::verdict::problem::Problem;
use elks_sandbox::{Exchange, Permit};

/// The tool `get_delivery_statistics`.
pub struct GetDeliveryStatistics;

impl ToolSpec for GetDeliveryStatistics {
    const TOOL: Tool = Tool::GetDeliveryStatistics;
    const EXPORT: Export = contract::GET_DELIVERY_STATISTICS;
    type Request = GetDeliveryStatisticsRequest;
    type Answer = DeliveryStatistics;
    type Aside = Gaps;

    fn permit(request: &GetDeliveryStatisticsRequest, _: &Settings) -> Permit {
        Permit::new(vec![history(&Search::newest_outbound(request.limit))])
    }

    fn facts(
        request: &GetDeliveryStatisticsRequest,
        context: &Context<'_>,
        exchanges: &[Exchange],
    ) -> Result<(DeliveryStatistics, Gaps), Problem> {
        facts::get_delivery_statistics(&Search::newest_outbound(request.limit), exchanges, context.currency)
    }

    fn summary(_: &GetDeliveryStatisticsRequest, answer: &DeliveryStatistics, aside: &Gaps, _: &Context<'_>) -> String {
        summary::statistics(answer, aside)
    }

    fn example() -> GetDeliveryStatisticsRequest {
        GetDeliveryStatisticsRequest { limit: None }
    }
}
