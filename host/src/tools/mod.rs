//! The tools, one file each, and the enums over all of them. The prose about a tool comes from `wit/`; a file here says
//! what a call of it may cause.
//!
//! To add a tool: describe its function in `wit/elks.wit`, add a file here that implements [`ToolSpec`], and name it in
//! the `tools!` list below.

mod arguments;
mod contacts;

use crate::component::NoAnswer;
use crate::config::Settings;
use crate::contract::{Account, Error, EstimateSmsCostRequest, Export, SendSmsRequest};
use crate::verdict::history::Search;
use crate::verdict::problem::Problem;
use crate::verdict::{Context, Verdict, verdict};
use elks_sandbox::{Allowed, Class, Egress, Exchange, Parameter, Permit, RequestPattern, Sandbox};
use serde::de::DeserializeOwned;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use sms_rules::limits::MAX_PAGES;
use sms_rules::{phone, sender, text};
use std::fmt;
use std::sync::OnceLock;
use tokio::time::Instant;
use wasmtime::component::{ComponentType, Lift, Lower};

pub use arguments::{InvalidArguments, check};
pub(crate) use check_account_balance::{ACCOUNT, permit_of_a_look};
pub use contacts::served;
pub(crate) use contacts::{Unresolved, resolve};

/// The tool list that MCP clients get, made from `wit/` by the build script.
pub const TOOLS_JSON: &str = include_str!(concat!(env!("OUT_DIR"), "/tools.json"));

/// What the program must know of a tool beyond its description.
pub trait ToolSpec {
    /// The tool.
    const TOOL: Tool;

    /// The tool in the contract.
    const EXPORT: Export;

    /// Its request record.
    type Request: ComponentType + Lower + Serialize + DeserializeOwned + Send + Sync;

    /// Its result record.
    type Answer: ComponentType + Lift + Serialize + PartialEq + Send + Sync + 'static;

    /// Every HTTP request that a call may cause. It follows from the parsed arguments and the operator's settings,
    /// never from anything that the component says.
    fn permit(request: &Self::Request, settings: &Settings) -> Permit;

    /// Whether a call is a dry run. `None` stands for arguments that are not valid.
    fn is_dry_run(_request: Option<&Self::Request>, settings: &Settings) -> bool {
        settings.dry_run
    }

    /// What the host says beside the record, from the same exchanges: its fields are added to the result. `()` for
    /// nothing.
    type Aside: Serialize + PartialEq;

    /// The record that the exchanges of a call allow, and what the host says beside it. The component must give the
    /// same record. Its notes are empty.
    ///
    /// # Errors
    /// Why the exchanges give no result.
    fn facts(
        request: &Self::Request,
        context: &Context<'_>,
        exchanges: &[Exchange],
    ) -> Result<(Self::Answer, Self::Aside), Problem>;

    /// The field of the record that holds the component's own words, where it has one.
    fn checker_notes(_answer: &mut Self::Answer) -> Option<&mut Vec<String>> {
        None
    }

    /// Shortens a checked record whose result would be longer than clients take. What is left out can be asked for by
    /// another call.
    fn shorten(_answer: &mut Self::Answer, _aside: &mut Self::Aside) {}

    /// Adds what the host alone knows to the JSON of a checked record, and leaves out what is usual.
    fn add_host_facts(_facts: &mut Value, _context: &Context<'_>) {}

    /// The sentence about a checked record.
    fn summary(request: &Self::Request, answer: &Self::Answer, aside: &Self::Aside, context: &Context<'_>) -> String;

    /// A request with placeholders and every argument that changes the permit, for reviewers.
    fn example() -> Self::Request;
}

/// Declares the tools: a variant and the module with its [`ToolSpec`] of the same name, in the order of the contract.
macro_rules! tools {
    ($($variant:ident in $module:ident),+ $(,)?) => {
        $(mod $module;)+
        $(pub use $module::$variant;)+

        /// A tool that MCP clients can call.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Tool {
            $(#[doc = concat!("The tool `", stringify!($module), "`.")] $variant,)+
        }

        impl Tool {
            /// All tools, in the order of the contract.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The tool in the contract.
            pub(crate) fn export(self) -> Export {
                match self {
                    $(Self::$variant => <$variant as ToolSpec>::EXPORT,)+
                }
            }

            /// Whether a call whose arguments are not valid counts as a dry run.
            pub(crate) fn is_dry_run(self, settings: &Settings) -> bool {
                match self {
                    $(Self::$variant => <$variant as ToolSpec>::is_dry_run(None, settings),)+
                }
            }

            /// A call with placeholders and every argument that changes the permit.
            pub fn example(self) -> Call {
                match self {
                    $(Self::$variant => Call::$variant(<$variant as ToolSpec>::example()),)+
                }
            }
        }

        /// A call with valid arguments.
        pub enum Call {
            $(#[doc = concat!("A call of `", stringify!($module), "`.")] $variant(<$variant as ToolSpec>::Request),)+
        }

        impl Call {
            /// Checks arguments against the served schema and takes them.
            ///
            /// # Errors
            /// The text names the argument, what is wrong with it and what is allowed. It does not repeat its value.
            pub fn parse(tool: Tool, mut arguments: Map<String, Value>) -> Result<Self, InvalidArguments> {
                check(tool.input_schema(), &mut arguments)?;
                let arguments = Value::Object(arguments);
                match tool {
                    $(Tool::$variant => serde_json::from_value(arguments).map(Self::$variant),)+
                }
                // serde's text could repeat an argument.
                .map_err(|_| InvalidArguments::new("the arguments do not fit this tool"))
            }

            /// Which tool is called.
            pub fn tool(&self) -> Tool {
                match self {
                    $(Self::$variant(_) => Tool::$variant,)+
                }
            }

            /// Whether it is a dry run: because of the operator's settings, because the caller asks for it, or because
            /// the tool never sends. An argument turns a dry run on; none turns it off.
            pub fn is_dry_run(&self, settings: &Settings) -> bool {
                match self {
                    $(Self::$variant(request) => <$variant as ToolSpec>::is_dry_run(Some(request), settings),)+
                }
            }

            /// Every HTTP request that this call may cause.
            pub fn permit(&self, settings: &Settings) -> Permit {
                match self {
                    $(Self::$variant(request) => <$variant as ToolSpec>::permit(request, settings),)+
                }
            }

            /// The request as JSON bytes: the same for the same call, whatever the order of its arguments was.
            pub(crate) fn canonical_json(&self) -> serde_json::Result<Vec<u8>> {
                match self {
                    $(Self::$variant(request) => serde_json::to_vec(request),)+
                }
            }

            /// Runs the component's function behind the egress, closes the egress, and decides what came of it.
            /// `contains_secret` finds the account's credentials in bytes.
            pub async fn run(
                &self,
                component: &Component<'_>,
                egress: &Egress,
                context: &Context<'_>,
                contains_secret: &(dyn Fn(&[u8]) -> bool + Sync),
            ) -> Verdict {
                match self {
                    $(Self::$variant(request) => {
                        let answer = component.call::<$variant>(request, egress).await;
                        verdict::<$variant>(request, answer, &egress.close(), context, contains_secret)
                    })+
                }
            }
        }

        /// Calls a generic test function with the spec and the enum value of each tool.
        #[cfg(test)]
        macro_rules! for_each_tool {
            ($function:path) => {
                $({
                    use $function as function;
                    function::<$crate::tools::$variant>($crate::tools::Tool::$variant);
                })+
            };
        }
        #[cfg(test)]
        pub(crate) use for_each_tool;
    };
}

tools! {
    SendSms in send_sms,
    GetSmsMessages in get_sms_messages,
    CheckSmsStatus in check_sms_status,
    EstimateSmsCost in estimate_sms_cost,
    CheckAccountBalance in check_account_balance,
    GetDeliveryStatistics in get_delivery_statistics,
    GetSendingLimits in get_sending_limits,
}

/// What a call needs to reach the component.
pub struct Component<'a> {
    /// The loaded component, or why there is none.
    pub sandbox: Result<&'a Sandbox, NoAnswer>,
    /// What the component learns about the account.
    pub account: &'a Account,
    /// When the call must have ended.
    pub deadline: Instant,
}

impl Component<'_> {
    /// Calls the function of a tool.
    pub(crate) async fn call<Spec: ToolSpec>(
        &self,
        request: &Spec::Request,
        egress: &Egress,
    ) -> Result<Result<Spec::Answer, Error>, NoAnswer> {
        let function = Spec::EXPORT.function();
        // Boxed: one large future a tool would make each caller's future as large as all of them.
        Ok(Box::pin(self.sandbox?.call(function, (self.account, request), egress, self.deadline)).await?)
    }
}

impl Tool {
    /// The tool with a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|tool| tool.name() == name)
    }

    /// The name that MCP clients use.
    pub fn name(self) -> &'static str {
        self.export().tool
    }

    /// Which limit it counts against.
    pub fn class(self) -> Class {
        self.export().class
    }

    /// The served schema of its arguments.
    fn input_schema(self) -> &'static Map<String, Value> {
        static SCHEMAS: OnceLock<Map<String, Value>> = OnceLock::new();
        static NONE: OnceLock<Map<String, Value>> = OnceLock::new();
        let schemas = SCHEMAS.get_or_init(|| {
            let tools: Vec<Value> = serde_json::from_str(TOOLS_JSON).unwrap_or_default();
            let schema = |tool: Value| Some((tool["name"].as_str()?.to_string(), tool["inputSchema"].clone()));
            tools.into_iter().filter_map(schema).collect()
        });
        // A tool without a schema would take no argument at all; a test holds that each has one.
        schemas.get(self.name()).and_then(Value::as_object).unwrap_or_else(|| NONE.get_or_init(Map::new))
    }
}

impl Serialize for Tool {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl Call {
    /// The same call without its sender, and the sender, where a message names one that is on the operator's list. The
    /// component then gets it like the configured one: it checks the form, and does not ask whom it imitates.
    pub(crate) fn with_listed_sender(&self, is_listed: impl Fn(&str) -> bool) -> Option<(Self, String)> {
        let listed = |from: &Option<String>| sender::form(from.as_deref()?).ok().filter(|from| is_listed(from));
        match self {
            Self::SendSms(SendSmsRequest { to, message, from, flashsms, dry_run }) => {
                let (to, message, sender) = (to.clone(), message.clone(), listed(from)?);
                let (flashsms, dry_run) = (*flashsms, *dry_run);
                Some((Self::SendSms(SendSmsRequest { to, message, from: None, flashsms, dry_run }), sender))
            }
            Self::EstimateSmsCost(EstimateSmsCostRequest { to, message, from }) => {
                let (to, message, sender) = (to.clone(), message.clone(), listed(from)?);
                Some((Self::EstimateSmsCost(EstimateSmsCostRequest { to, message, from: None }), sender))
            }
            _ => None,
        }
    }

    /// Whether the call sends a message.
    pub fn sends(&self, settings: &Settings) -> bool {
        self.tool().class() == Class::Sending && !self.is_dry_run(settings)
    }
}

/// The Debug form names the tool and hides the arguments.
impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(…)", self.tool().name())
    }
}

/// One `POST /a1/sms`, of exactly what is sent: numbers without separators, the text without control characters. `None`
/// for a text that may not be sent: the component says why. A recipient or a sender that breaks a rule stays as it was
/// written, so that nothing is made of it: `+39 (0)6` never becomes the number `+3906`.
fn post(
    to: &str,
    from: Option<&str>,
    message: &str,
    flash: bool,
    dry_run: bool,
    settings: &Settings,
) -> Option<Allowed> {
    let from = from.unwrap_or(&settings.sender);
    let request = RequestPattern::PostSms {
        to: phone::recipient(to).unwrap_or_else(|_| to.into()),
        from: sender::form(from).unwrap_or_else(|_| from.into()),
        message: text::clean(message).ok()?.text,
        flash,
        dry_run,
    };
    Some(Allowed { times: 1, request })
}

/// One GET of a path without a query.
fn get(path: &str) -> Allowed {
    let request = RequestPattern::Get { path: path.into(), required: vec![], optional: vec![] };
    Allowed { times: 1, request }
}

/// The pages of the history that one call may read. Their size and the filters of the call must be in each request: a
/// component that chose them could hide messages.
fn history(search: &Search) -> Allowed {
    let mut required = vec![("limit", Parameter::Exactly(search.page_size().to_string()))];
    let mut optional = Vec::new();
    // Which page begins where is checked afterwards: it depends on the pages before.
    if search.start.is_some() { &mut required } else { &mut optional }.push(("start", Parameter::Time));
    for (name, filter) in [("end", &search.end), ("to", &search.to)] {
        required.extend(filter.clone().map(|filter| (name, Parameter::Exactly(filter))));
    }
    let request = RequestPattern::Get { path: "/a1/sms".into(), required, optional };
    Allowed { times: MAX_PAGES, request }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Variables;
    use serde_json::json;

    fn parse(tool: Tool, arguments: Value) -> Result<Call, String> {
        let Value::Object(arguments) = arguments else { panic!("arguments are an object") };
        Call::parse(tool, arguments).map_err(|error| error.to_string())
    }

    #[test]
    fn every_tool_of_the_contract_is_here_and_no_other() {
        let served: Vec<Value> = serde_json::from_str(TOOLS_JSON).expect("is JSON");
        let served: Vec<&str> = served.iter().filter_map(|tool| tool["name"].as_str()).collect();
        assert_eq!(served, Tool::ALL.iter().map(|tool| tool.name()).collect::<Vec<_>>());
        for &tool in Tool::ALL {
            assert_eq!(Tool::named(tool.name()), Some(tool));
            assert!(!tool.input_schema().is_empty());
            assert_eq!(tool.example().tool(), tool);
        }
        assert_eq!(Tool::named("send-sms"), None);
    }

    #[test]
    fn only_send_sms_sends_and_only_when_nothing_makes_it_a_dry_run() {
        let mut settings = Settings::read(&Variables::default(), true).expect("all is made up");
        for dry_run in [true, false] {
            settings.dry_run = dry_run;
            for &tool in Tool::ALL {
                assert_eq!(tool.example().sends(&settings), tool == Tool::SendSms && !dry_run, "{}", tool.name());
            }
        }
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
        let error = parse(Tool::SendSms, json!({"message": "Hej"})).expect_err("must be refused");
        assert!(error.starts_with("`to` is missing"), "{error}");
        for limit in [json!(0), json!(101), json!(-1), json!(1.5), json!("10"), json!([10]), json!(1e30)] {
            let error = parse(Tool::GetSmsMessages, json!({"limit": &limit})).expect_err("must be refused");
            let written = if limit.is_string() { ", written without quotes" } else { "" };
            assert_eq!(error, format!("`limit` must be a whole number from 1 to 100{written}"));
        }
        let error = parse(Tool::GetSmsMessages, json!({"direction": "sideways"})).expect_err("must be refused");
        assert_eq!(error, "`direction` must be one of inbound, outbound, both");
        let error = parse(Tool::CheckSmsStatus, json!({"message_id": "../me"})).expect_err("must be refused");
        assert_eq!(error, "`message_id` must be letters and digits only");
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
            (Tool::GetDeliveryStatistics, json!({"limit": 1e1})),
            (Tool::GetSmsMessages, json!({"limit": null, "start": null, "direction": null})),
            (Tool::CheckAccountBalance, json!({"to": null})),
        ] {
            assert_eq!(parse(tool, arguments).expect("is allowed").tool(), tool);
        }
    }

    #[test]
    fn an_argument_tightens_the_dry_run_and_never_loosens_it() {
        let mut settings = Settings::read(&Variables::default(), true).expect("all is made up");
        for (operator, argument, dry_run) in [
            (true, json!({}), true),
            (true, json!({"dry_run": false}), true),
            (true, json!({"dry_run": true}), true),
            (false, json!({}), false),
            (false, json!({"dry_run": false}), false),
            (false, json!({"dry_run": true}), true),
        ] {
            settings.dry_run = operator;
            let mut arguments = json!({"to": "+46701740605", "message": "Hej"});
            let fields = arguments.as_object_mut().expect("is an object");
            fields.extend(argument.as_object().expect("is an object").clone());
            let call = parse(Tool::SendSms, arguments).expect("is allowed");
            assert_eq!((call.is_dry_run(&settings), call.sends(&settings)), (dry_run, !dry_run));
        }
    }

    #[test]
    fn the_canonical_json_does_not_depend_on_the_order_of_arguments() {
        let json = |text: &str| {
            let arguments = serde_json::from_str(text).expect("is JSON");
            Call::parse(Tool::SendSms, arguments).expect("is allowed").canonical_json().expect("serialises")
        };
        let one = json(r#"{"to": "+46701740605", "message": "Hej", "flashsms": true}"#);
        assert_eq!(one, json(r#"{"flashsms": true, "message": "Hej", "to": "+46701740605"}"#));
        assert_ne!(one, json(r#"{"to": "+46701740605", "message": "Hej"}"#));
    }

    #[test]
    fn the_debug_form_of_a_call_shows_no_argument() {
        let call =
            parse(Tool::EstimateSmsCost, json!({"to": "+46701740605", "message": "hemligt"})).expect("is allowed");
        assert_eq!(format!("{call:?}"), "estimate_sms_cost(…)");
    }
}
