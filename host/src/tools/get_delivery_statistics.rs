//! `get_delivery_statistics`: counts what became of the newest outbound messages.

use super::{ToolSpec, history};
use crate::config::Settings;
use crate::contract::{self, Export, DeliveryStatistics, GetDeliveryStatisticsRequest};
use elks_sandbox::Permit;

/// The tool `get_delivery_statistics`.
pub struct GetDeliveryStatistics;

impl ToolSpec for GetDeliveryStatistics {
    const EXPORT: Export = contract::GET_DELIVERY_STATISTICS;
    type Request = GetDeliveryStatisticsRequest;
    type Answer = DeliveryStatistics;

    fn permit(_: &GetDeliveryStatisticsRequest, _: &Settings) -> Permit {
        Permit::new(vec![history(None)])
    }

    fn example() -> GetDeliveryStatisticsRequest {
        GetDeliveryStatisticsRequest { limit: None }
    }
}
