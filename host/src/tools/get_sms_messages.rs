//! `get_sms_messages`: reads the history.

use super::{Tool, ToolSpec, history};
use crate::config::Settings;
use crate::contract::{self, DirectionFilter, Export, GetSmsMessagesRequest, SmsHistory};
use crate::summary;
use crate::verdict::facts::{self, Searched};
use crate::verdict::history::Search;
use crate::verdict::problem::Problem;
use crate::verdict::{Context, served};
use elks_sandbox::{Exchange, Permit};
use serde_json::Value;
use sms_rules::phone::{TEST_NUMBER, without_separators};

/// The tool `get_sms_messages`.
pub struct GetSmsMessages;

impl ToolSpec for GetSmsMessages {
    const TOOL: Tool = Tool::GetSmsMessages;
    const EXPORT: Export = contract::GET_SMS_MESSAGES;
    type Request = GetSmsMessagesRequest;
    type Answer = SmsHistory;
    type Aside = Searched;

    fn permit(request: &GetSmsMessagesRequest, _: &Settings) -> Permit {
        // Arguments that are not valid permit no request: the component says what is wrong with them.
        Permit::new(Search::of_request(request).iter().map(history).collect())
    }

    fn facts(
        request: &GetSmsMessagesRequest,
        context: &Context<'_>,
        exchanges: &[Exchange],
    ) -> Result<(SmsHistory, Searched), Problem> {
        facts::get_sms_messages(Search::of_request(request).as_ref(), exchanges, context.currency)
    }

    fn shorten(answer: &mut SmsHistory, aside: &mut Searched) {
        aside.is_shortened = served::shorten(answer);
    }

    fn add_host_facts(facts: &mut Value, context: &Context<'_>) {
        served::messages(facts, context);
    }

    fn summary(
        request: &GetSmsMessagesRequest,
        answer: &SmsHistory,
        aside: &Searched,
        context: &Context<'_>,
    ) -> String {
        let to = request.to.as_deref().map(without_separators);
        let misses_replies =
            to.is_some_and(|to| to != context.settings.sender) && request.direction != Some(DirectionFilter::Outbound);
        summary::history(answer, aside, misses_replies)
    }

    fn example() -> GetSmsMessagesRequest {
        let (end, to) = (Some("2026-01-31".into()), Some(TEST_NUMBER.into()));
        GetSmsMessagesRequest { limit: None, direction: None, start: None, end, to, cursor: None }
    }
}
