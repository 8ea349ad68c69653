//! The tools as an enum: parse, name, what a call may cause, run. All prose about them comes from
//! `wit/`, by way of the build script.

use crate::arguments;
use crate::config::Settings;
use crate::contract::{
    Account, CheckAccountBalanceRequest, CheckSmsStatusRequest, EstimateSmsCostRequest, GetDeliveryStatisticsRequest,
    GetSmsMessagesRequest, SendSmsRequest,
};
use crate::permit::{Allowed, Parameter, Permit, Shape};
use serde::de::DeserializeOwned;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use std::fmt;
use std::sync::OnceLock;

/// What an MCP client is told about the tools, as the build script took it from `wit/`.
pub const TOOLS_JSON: &str = include_str!(concat!(env!("OUT_DIR"), "/tools.json"));

/// How many pages of history one call may read. The component stops by itself at this bound.
const HISTORY_PAGES: u32 = 10;

/// The most messages on a page of history, and so the largest `limit`.
const PAGE: u32 = 100;

/// The text and the recipient that the component prices when it measures a balance in messages.
const PRICE_PROBE: (&str, &str) = ("1", "+46700000000");

/// What MCP clients can call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// Sends one message.
    SendSms,
    /// Reads the history.
    GetSmsMessages,
    /// Looks one message up.
    CheckSmsStatus,
    /// Prices a message.
    EstimateSmsCost,
    /// Asks what the account holds.
    CheckAccountBalance,
    /// Counts how messages fared.
    GetDeliveryStatistics,
}

/// Which limit a tool counts against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// `send_sms`, dry runs included.
    Sending,
    /// Everything that only asks.
    Queries,
}

impl Tool {
    /// All tools, in the order of the contract.
    pub const ALL: [Self; 6] = [
        Self::SendSms,
        Self::GetSmsMessages,
        Self::CheckSmsStatus,
        Self::EstimateSmsCost,
        Self::CheckAccountBalance,
        Self::GetDeliveryStatistics,
    ];

    /// The tool of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tool| tool.name() == name)
    }

    /// The name that MCP clients use.
    pub fn name(self) -> &'static str {
        match self {
            Self::SendSms => "send_sms",
            Self::GetSmsMessages => "get_sms_messages",
            Self::CheckSmsStatus => "check_sms_status",
            Self::EstimateSmsCost => "estimate_sms_cost",
            Self::CheckAccountBalance => "check_account_balance",
            Self::GetDeliveryStatistics => "get_delivery_statistics",
        }
    }

    /// Which limit it counts against.
    pub fn class(self) -> Class {
        match self {
            Self::SendSms => Class::Sending,
            _ => Class::Queries,
        }
    }

    /// Whether a call with these arguments, which need not be valid, is a dry run: as
    /// [`Call::is_dry`] says of a valid one.
    pub(crate) fn is_dry(self, settings: &Settings, arguments: &Map<String, Value>) -> bool {
        settings.dry_run
            || self == Self::EstimateSmsCost
            || (self == Self::SendSms && arguments.get("dry_run") == Some(&Value::Bool(true)))
    }

    /// The served description of its arguments.
    fn input_schema(self) -> &'static Map<String, Value> {
        static SCHEMAS: OnceLock<Map<String, Value>> = OnceLock::new();
        static NONE: OnceLock<Map<String, Value>> = OnceLock::new();
        let schemas = SCHEMAS.get_or_init(|| {
            let tools: Vec<Value> = serde_json::from_str(TOOLS_JSON).unwrap_or_default();
            tools
                .into_iter()
                .filter_map(|tool| Some((tool["name"].as_str()?.to_string(), tool["inputSchema"].clone())))
                .collect()
        });
        schemas.get(self.name()).and_then(Value::as_object).unwrap_or_else(|| NONE.get_or_init(Map::new))
    }
}

impl Serialize for Tool {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// A call with its arguments, checked against the served schema. It has no Debug form that could
/// show them.
pub(crate) enum Call {
    SendSms(SendSmsRequest),
    GetSmsMessages(GetSmsMessagesRequest),
    CheckSmsStatus(CheckSmsStatusRequest),
    EstimateSmsCost(EstimateSmsCostRequest),
    CheckAccountBalance(CheckAccountBalanceRequest),
    GetDeliveryStatistics(GetDeliveryStatisticsRequest),
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(…)", self.tool().name())
    }
}

impl Call {
    /// Checks arguments against what the tool list promises, and takes them.
    ///
    /// # Errors
    /// A sentence that names the argument, what is wrong with it, and what is allowed. It does not
    /// repeat what the argument held.
    pub(crate) fn parse(tool: Tool, arguments: Map<String, Value>) -> Result<Self, String> {
        arguments::check(tool.input_schema(), &arguments)?;
        let given = Value::Object(arguments);
        Ok(match tool {
            Tool::SendSms => Self::SendSms(typed(given)?),
            Tool::GetSmsMessages => Self::GetSmsMessages(typed(given)?),
            Tool::CheckSmsStatus => Self::CheckSmsStatus(typed(given)?),
            Tool::EstimateSmsCost => Self::EstimateSmsCost(typed(given)?),
            Tool::CheckAccountBalance => Self::CheckAccountBalance(typed(given)?),
            Tool::GetDeliveryStatistics => Self::GetDeliveryStatistics(typed(given)?),
        })
    }

    /// Which tool is called.
    pub(crate) fn tool(&self) -> Tool {
        match self {
            Self::SendSms(_) => Tool::SendSms,
            Self::GetSmsMessages(_) => Tool::GetSmsMessages,
            Self::CheckSmsStatus(_) => Tool::CheckSmsStatus,
            Self::EstimateSmsCost(_) => Tool::EstimateSmsCost,
            Self::CheckAccountBalance(_) => Tool::CheckAccountBalance,
            Self::GetDeliveryStatistics(_) => Tool::GetDeliveryStatistics,
        }
    }

    /// Whether it is a dry run: because the operator has locked the account, because it says so, or
    /// because it only prices. An argument tightens the lock, none loosens it.
    pub(crate) fn is_dry(&self, settings: &Settings) -> bool {
        match self {
            Self::SendSms(request) => settings.dry_run || request.dry_run == Some(true),
            Self::EstimateSmsCost(_) => true,
            _ => settings.dry_run,
        }
    }

    /// Every request that this call may cause: taken from its arguments and the operator's
    /// settings, never from anything that the component says.
    pub(crate) fn permit(&self, settings: &Settings) -> Permit {
        let post = |to: &str, from: Option<&String>, message: &str, flash: bool, dry_run: bool| Allowed {
            times: 1,
            shape: Shape::PostSms {
                to: without_separators(to),
                from: approved_sender(from.unwrap_or(&settings.sender)),
                message: message.into(),
                flash,
                dry_run,
            },
        };
        let get = |path: String, query: Vec<(&'static str, Parameter)>, times| Allowed {
            times,
            shape: Shape::Get { path, query },
        };
        let history = |to: Option<&String>| {
            let mut query =
                vec![("limit", Parameter::AtMost(PAGE)), ("start", Parameter::Time), ("end", Parameter::Time)];
            query.extend(to.map(|to| ("to", Parameter::Exactly(without_separators(to)))));
            get("/a1/sms".into(), query, HISTORY_PAGES)
        };
        Permit::new(match self {
            Self::SendSms(r) => {
                vec![post(&r.to, r.from.as_ref(), &r.message, r.flashsms == Some(true), self.is_dry(settings))]
            }
            Self::EstimateSmsCost(r) => vec![post(&r.to, r.from.as_ref(), &r.message, false, true)],
            Self::CheckSmsStatus(r) => vec![get(format!("/a1/sms/{}", r.message_id), vec![], 1)],
            Self::GetSmsMessages(r) => vec![history(r.to.as_ref())],
            Self::GetDeliveryStatistics(_) => vec![history(None)],
            Self::CheckAccountBalance(r) => {
                let (text, to) = PRICE_PROBE;
                vec![get("/a1/me".into(), vec![], 1), post(r.to.as_deref().unwrap_or(to), None, text, false, true)]
            }
        })
    }

    /// What the component is told about the account: never the credentials, never another place to go.
    pub(crate) fn account(&self, settings: &Settings, currency: Option<String>) -> Account {
        Account {
            credentials: None,
            default_sender: Some(settings.sender.clone()),
            dry_run: settings.dry_run,
            currency,
            endpoint: None,
        }
    }
}

/// A phone number without the separators that people write: what the component sends to is what
/// the caller approved.
pub(crate) fn without_separators(number: &str) -> String {
    number.chars().filter(|c| !matches!(c, ' ' | '-' | '.' | '(' | ')')).collect()
}

/// A sender as it was approved: a number without separators, or a name without spaces around it.
fn approved_sender(from: &str) -> String {
    if from.starts_with('+') { without_separators(from) } else { from.trim_matches(' ').into() }
}

/// Arguments that have passed [`arguments::check`] as the request record. A failure would be a schema that
/// promises what the record does not take; the text of serde might repeat an argument, so it stays.
fn typed<T: DeserializeOwned>(arguments: Value) -> Result<T, String> {
    serde_json::from_value(arguments).map_err(|_| "the arguments do not fit this tool".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parse(tool: Tool, arguments: Value) -> Result<Call, String> {
        let Value::Object(arguments) = arguments else { panic!("arguments are an object") };
        Call::parse(tool, arguments)
    }

    #[test]
    fn every_tool_of_the_contract_is_here_and_no_other() {
        let served: Vec<Value> = serde_json::from_str(TOOLS_JSON).expect("is JSON");
        let served: Vec<&str> = served.iter().filter_map(|tool| tool["name"].as_str()).collect();
        assert_eq!(served, Tool::ALL.map(Tool::name));
        for tool in Tool::ALL {
            assert_eq!(Tool::named(tool.name()), Some(tool));
            assert!(!tool.input_schema().is_empty());
        }
        assert_eq!(Tool::named("send-sms"), None);
    }

    #[test]
    fn the_one_pattern_of_the_contract_is_the_one_that_is_checked() {
        let patterns: Vec<&str> =
            TOOLS_JSON.split("\"pattern\":\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert_eq!(patterns, ["^[A-Za-z0-9]+$"]);
    }

    #[test]
    fn what_the_schema_refuses_is_refused_by_name() {
        let send = |extra: Value| {
            let mut arguments = json!({"to": "+46701740605", "message": "Hej"});
            arguments.as_object_mut().expect("is an object").extend(extra.as_object().expect("is an object").clone());
            parse(Tool::SendSms, arguments).expect_err("must be refused")
        };
        assert!(send(json!({"dryRun": true})).contains("unknown argument `dryRun`: this tool takes `dry_run`"));
        for wrong in [json!(null), json!("false"), json!(0), json!("")] {
            assert!(send(json!({"dry_run": wrong})).starts_with("`dry_run` must be true or false"));
        }
        assert!(send(json!({"message": "x".repeat(4001)})).contains("it has 4001"));
        assert!(send(json!({"to": 46701740605_u64})).contains("`to` must be a text"));
        let told = parse(Tool::SendSms, json!({"message": "Hej"})).expect_err("must be refused");
        assert!(told.starts_with("`to` is missing"), "{told}");
        for limit in [json!(0), json!(101), json!(-1), json!(1.5), json!("10"), json!(null), json!(1e30)] {
            let told = parse(Tool::GetSmsMessages, json!({"limit": limit})).expect_err("must be refused");
            assert_eq!(told, "`limit` must be a whole number from 1 to 100");
        }
        let told = parse(Tool::GetSmsMessages, json!({"direction": "sideways"})).expect_err("must be refused");
        assert_eq!(told, "`direction` must be one of inbound, outbound, both");
        let told = parse(Tool::CheckSmsStatus, json!({"message_id": "../me"})).expect_err("must be refused");
        assert_eq!(told, "`message_id` must be letters and digits only");
    }

    #[test]
    fn what_the_schema_allows_is_taken() {
        for (tool, arguments) in [
            (
                Tool::SendSms,
                json!({"to": "+46 70 174 06 05", "message": "Hej", "from": "Elks", "flashsms": true, "dry_run": false}),
            ),
            (Tool::GetSmsMessages, json!({})),
            (
                Tool::GetSmsMessages,
                json!({"limit": 100, "direction": "both", "start": "2026-01-31", "to": "+46701740605"}),
            ),
            (Tool::CheckSmsStatus, json!({"message_id": "s0231d6d7d6bc14a7e7734e466785c4ce"})),
            (Tool::EstimateSmsCost, json!({"to": "+46701740605", "message": "Hej"})),
            (Tool::CheckAccountBalance, json!({})),
            (Tool::GetDeliveryStatistics, json!({"limit": 1})),
        ] {
            assert_eq!(parse(tool, arguments).expect("is allowed").tool(), tool);
        }
    }

    #[test]
    fn an_argument_tightens_the_dry_run_and_never_loosens_it() {
        let settings = |dry_run| {
            let mut settings = Settings::read(|_| None, true).expect("all is made up");
            settings.dry_run = dry_run;
            settings
        };
        for (operator, argument, dry) in [
            (true, json!({}), true),
            (true, json!({"dry_run": false}), true),
            (true, json!({"dry_run": true}), true),
            (false, json!({}), false),
            (false, json!({"dry_run": false}), false),
            (false, json!({"dry_run": true}), true),
        ] {
            let mut arguments = json!({"to": "+46701740605", "message": "Hej"});
            arguments
                .as_object_mut()
                .expect("is an object")
                .extend(argument.as_object().expect("is an object").clone());
            let unparsed = Tool::SendSms.is_dry(&settings(operator), arguments.as_object().expect("is an object"));
            let call = parse(Tool::SendSms, arguments).expect("is allowed");
            assert_eq!((call.is_dry(&settings(operator)), unparsed), (dry, dry));
        }
    }

    #[test]
    fn the_debug_form_of_a_call_shows_no_argument() {
        let call =
            parse(Tool::EstimateSmsCost, json!({"to": "+46701740605", "message": "hemligt"})).expect("is allowed");
        assert_eq!(format!("{call:?}"), "estimate_sms_cost(…)");
    }
}
