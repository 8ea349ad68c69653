//! What a call costs, step by step, and what of it is the sandbox: each tool runs through the component and as plain
//! functions, with the same simulator. `cargo bench --bench call`

use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};
use elks_mcp::audit::{AuditLog, Params};
use elks_mcp::call::CallHandler;
use elks_mcp::clock::SystemClock;
use elks_mcp::component;
use elks_mcp::config::{Settings, Variables};
use elks_mcp::contract::{Account, CheckSmsStatusRequest};
use elks_mcp::ledger::Ledger;
use elks_mcp::simulator::{Outcome, Simulator};
use elks_mcp::stderr::Sink;
use elks_mcp::tools::{Call, Component, GetSmsMessages, SendSms, Tool, ToolSpec};
use elks_mcp::verdict::{Context, Verdict};
use elks_sandbox::sandbox::CALL_TIMEOUT;
use elks_sandbox::{Class, Credentials, Egress, Exchange, RateLimiter, Sandbox, Upstream};
use elks_sms::native::{self, FetchError, Response, queries, sending, types};
use http::Request;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http_body_util::{BodyExt, Full};
use serde_json::{Map, Value, json};
use sms_rules::limits::MAX_PAGE;
use std::hint::black_box;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use wasmtime_wasi_http::WasiHttpHooks;

/// 46elks's own test number. Messages to it are free, so the balance of the simulated account never runs out.
const TO: &str = "+46700000000";
const TEXT: &str = "Hej! Kom ihåg din tid i morgon kl 10.";
/// The largest rate that can be set.
const NO_LIMIT: &str = "1000000";
/// An id that no message has.
const UNKNOWN_ID: &str = "s00000000000000000000000000000000";

/// Takes lines and drops them.
struct Nowhere;

impl Sink for Nowhere {
    fn line(&self, line: &str) {
        black_box(line);
    }
}

/// A program in front of the simulator, whose parts can be called one by one.
struct Bench {
    settings: Settings,
    upstream: Arc<dyn Upstream>,
    sandbox: Sandbox,
    handler: CallHandler,
}

impl Bench {
    fn new() -> Self {
        let variables = Variables::from([
            ("RATE_LIMIT_SMS_PER_MINUTE", NO_LIMIT),
            ("RATE_LIMIT_QUERIES_PER_MINUTE", NO_LIMIT),
            ("ELKS_MAX_SMS_PER_DAY", "*"),
            ("ELKS_MAX_SMS_PER_RECIPIENT_PER_DAY", "*"),
            ("ELKS_DUPLICATE_MINUTES", "0"),
        ]);
        let mut settings = Settings::read(&variables, true).expect("is valid");
        settings.dry_run = false;
        settings.credentials = Arc::new(Credentials::new("u0", "password"));
        let upstream: Arc<dyn Upstream> = Arc::new(Simulator::new(&settings.credentials, &settings.sender));
        let load = || component::load().expect("loads");
        let handler = CallHandler::with_sandbox(settings.clone(), load(), Arc::clone(&upstream), Arc::new(Nowhere));
        Self { settings, upstream, sandbox: load(), handler }
    }

    fn egress(&self, call: &Call) -> Egress {
        let permit = call.permit(&self.settings);
        Egress::new(permit, None, Arc::clone(&self.settings.credentials), Arc::clone(&self.upstream))
    }

    /// Runs the component for a call, with its permit, checks its record and makes the result. Returns whether it
    /// succeeded.
    async fn run(&self, call: &Call) -> bool {
        self.run_behind(call, &self.egress(call)).await
    }

    /// The exchanges of a call that succeeds.
    async fn exchanges(&self, call: &Call) -> Vec<Exchange> {
        let egress = self.egress(call);
        assert!(self.run_behind(call, &egress).await);
        egress.close().exchanges
    }

    async fn run_behind(&self, call: &Call, egress: &Egress) -> bool {
        let account = Account {
            credentials: None,
            default_sender: Some(self.settings.sender.clone()),
            dry_run: false,
            currency: None,
            endpoint: None,
        };
        let deadline = Instant::now() + CALL_TIMEOUT;
        let component = Component { sandbox: Ok(&self.sandbox), account: &account, deadline };
        let context = Context { settings: &self.settings, policy: &self.settings.policy.start(), currency: None };
        matches!(call.run(&component, egress, &context, &|_| false).await, Verdict::Success(_))
    }

    /// What happens outside the component when it sends: egress, credentials, simulator, response. Returns whether
    /// 46elks accepted the message.
    async fn send(&self, call: &Call) -> bool {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("from", &self.settings.sender).append_pair("to", TO).append_pair("message", TEXT);
        let body = Full::new(Bytes::from(form.finish())).map_err(|never| match never {}).boxed_unsync();
        let request = Request::post("https://api.46elks.com/a1/sms")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(body)
            .expect("is a request");
        let mut egress = self.egress(call);
        let response = Box::into_pin(egress.send_request(request, None, Box::new(std::future::ready(Ok(()))))).await;
        response.is_ok_and(|(response, _)| response.status().is_success()) && egress.close().may_have_sent()
    }
}

/// A call of each tool.
fn calls() -> Vec<(Tool, Map<String, Value>)> {
    let arguments = |value: Value| value.as_object().cloned().unwrap_or_default();
    vec![
        (Tool::SendSms, arguments(json!({"to": TO, "message": TEXT}))),
        (Tool::GetSmsMessages, arguments(json!({"limit": 4}))),
        (Tool::CheckSmsStatus, arguments(json!({"message_id": UNKNOWN_ID}))),
        (Tool::EstimateSmsCost, arguments(json!({"to": TO, "message": TEXT}))),
        (Tool::CheckAccountBalance, arguments(json!({}))),
        (Tool::GetDeliveryStatistics, arguments(json!({"limit": 4}))),
    ]
}

/// The same call without a sandbox. Returns whether it succeeded.
fn natively(tool: Tool, fetch: &impl native::Fetch) -> bool {
    let account = &types::Account {
        credentials: None,
        default_sender: Some("+46766861004".into()),
        dry_run: false,
        currency: None,
        endpoint: None,
    };
    let (to, message) = (TO.to_string(), TEXT.to_string());
    match tool {
        Tool::SendSms => {
            let request = sending::SendSmsRequest { to, message, from: None, flashsms: None, dry_run: None };
            native::send_sms(fetch, account, request).is_ok()
        }
        Tool::GetSmsMessages => {
            let request = queries::GetSmsMessagesRequest {
                limit: Some(4),
                direction: None,
                start: None,
                end: None,
                to: None,
                cursor: None,
            };
            native::get_sms_messages(fetch, account, request).is_ok()
        }
        Tool::CheckSmsStatus => {
            let request = queries::CheckSmsStatusRequest { message_id: UNKNOWN_ID.into() };
            native::check_sms_status(fetch, account, request).is_ok()
        }
        Tool::EstimateSmsCost => {
            let request = queries::EstimateSmsCostRequest { to, message, from: None };
            native::estimate_sms_cost(fetch, account, request).is_ok()
        }
        Tool::CheckAccountBalance => {
            let request = queries::CheckAccountBalanceRequest { to: None };
            native::check_account_balance(fetch, account, request).is_ok()
        }
        Tool::GetDeliveryStatistics => {
            let request = queries::GetDeliveryStatisticsRequest { limit: Some(4) };
            native::get_delivery_statistics(fetch, account, request).is_ok()
        }
        Tool::GetSendingLimits => unreachable!("the host answers it by itself"),
    }
}

/// The simulator as what the plain functions ask.
fn simulated() -> impl Fn(&native::Request) -> Result<Response, FetchError> {
    let credentials = Credentials::new("u0", "password");
    let simulator = Simulator::new(&credentials, "+46766861004");
    move |request| {
        let form = request.form.as_deref();
        let request = Request::builder()
            .method(if form.is_some() { "POST" } else { "GET" })
            .uri(&request.path)
            .header(AUTHORIZATION, credentials.authorization())
            .body(Bytes::from(form.unwrap_or_default().to_string()))
            .expect("is a request");
        Ok(match simulator.answer(&request) {
            Outcome::Response(response) => {
                Response { status: response.status().as_u16(), body: response.into_body().into() }
            }
            _ => Response { status: 500, body: Vec::new() },
        })
    }
}

fn steps(criterion: &mut Criterion) {
    // As the program's own.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("starts");
    criterion.bench_function("load the component", |bencher| bencher.iter(|| component::load().expect("loads")));
    let bench = Bench::new();
    // The component refuses this call at once: an instance, a call into it, and its end.
    let refused = Call::CheckSmsStatus(CheckSmsStatusRequest { message_id: String::new() });
    criterion.bench_function("instance", |bencher| bencher.to_async(&runtime).iter(|| bench.run(&refused)));
    let (tool, arguments) = calls().swap_remove(0);
    let send = Call::parse(tool, arguments.clone()).expect("is valid");
    criterion.bench_function("egress and simulator", |bencher| {
        bencher.to_async(&runtime).iter(async || assert!(bench.send(&send).await));
    });
    let policy = bench.settings.policy.start();
    let context = Context { settings: &bench.settings, policy: &policy, currency: None };
    let exchanges = runtime.block_on(bench.exchanges(&send));
    let Call::SendSms(request) = &send else { panic!("is a send") };
    let truth = SendSms::facts(request, &context, &exchanges).expect("was sent");
    criterion.bench_function("check of a send", |bencher| {
        bencher.iter(|| {
            assert!(SendSms::facts(request, &context, black_box(&exchanges)).is_ok_and(|facts| facts == truth));
        });
    });
    // A full page, from a simulator of its own: the one above holds every message of the steps before.
    let with_page = Bench::new();
    for _ in 0..MAX_PAGE {
        assert!(runtime.block_on(with_page.run(&send)));
    }
    let arguments_of_page = json!({"limit": MAX_PAGE}).as_object().cloned().unwrap_or_default();
    let page = Call::parse(Tool::GetSmsMessages, arguments_of_page).expect("is valid");
    let exchanges = runtime.block_on(with_page.exchanges(&page));
    let Call::GetSmsMessages(request) = &page else { panic!("is a history") };
    let truth = GetSmsMessages::facts(request, &context, &exchanges).expect("is a page");
    assert_eq!(truth.0.messages.len(), MAX_PAGE as usize);
    criterion.bench_function("check of 100 messages", |bencher| {
        bencher.iter(|| {
            assert!(GetSmsMessages::facts(request, &context, black_box(&exchanges)).is_ok_and(|facts| facts == truth));
        });
    });
    criterion.bench_function("history of 100 messages", |bencher| {
        bencher.to_async(&runtime).iter(|| with_page.run(&page));
    });
    let limiter = RateLimiter::new(NonZeroU32::MAX, NonZeroU32::MAX);
    let mut now = Instant::now();
    criterion.bench_function("rate limit", |bencher| {
        bencher.iter(|| {
            now += Duration::from_millis(1);
            limiter.admit(black_box(Class::Queries), now)
        });
    });
    criterion.bench_function("JSON in", |bencher| {
        bencher.iter(|| Call::parse(tool, black_box(&arguments).clone()).is_ok());
    });
    let ledger = Arc::new(Ledger::in_memory(Arc::new(SystemClock)));
    let log = Arc::new(AuditLog::new(Arc::new(Nowhere), Arc::new(SystemClock), true, ledger));
    criterion.bench_function("audit record", |bencher| {
        bencher.iter(|| {
            let contains_secret = |text: &str| bench.settings.credentials.contains_secret(text.as_bytes());
            let params = Params::of(black_box(&send), None, contains_secret);
            log.begin(tool, params, false).end(None);
        });
    });
    for (tool, arguments) in calls() {
        let succeeds = tool != Tool::CheckSmsStatus;
        let mut group = criterion.benchmark_group(tool.name());
        let fetch = simulated();
        group.bench_function("native", |bencher| {
            bencher.iter(|| assert_eq!(natively(tool, &fetch), succeeds, "{}", tool.name()));
        });
        let bench = Bench::new();
        group.bench_function("sandbox", |bencher| {
            bencher.to_async(&runtime).iter(async || {
                let call = Call::parse(tool, arguments.clone()).expect("is valid");
                assert_eq!(bench.run(&call).await, succeeds);
            });
        });
        group.bench_function("whole call", |bencher| {
            bencher.to_async(&runtime).iter(async || {
                assert_eq!(bench.handler.call(tool, arguments.clone()).await.is_ok(), succeeds);
            });
        });
        group.finish();
    }
}

criterion_group!(benches, steps);
criterion_main!(benches);
