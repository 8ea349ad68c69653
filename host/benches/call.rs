//! What a call costs, step by step, and what of it is the sandbox: each tool runs through the component
//! and as plain functions, before the same simulator. `cargo bench --bench call`

use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};
use elks_mcp::call::{Class, Tool};
use elks_mcp::config::{Credentials, Secret, Settings};
use elks_mcp::gate::Gate;
use elks_mcp::sandbox::Sandbox;
use elks_mcp::simulator::{Answer, Simulator};
use elks_mcp::steps::Steps;
use elks_sms::native::{self, Component, queries, sending, types};
use http::Request;
use http::header::AUTHORIZATION;
use queries::Guest as _;
use sending::Guest as _;
use serde_json::{Map, Value, json};
use std::hint::black_box;
use std::num::NonZeroU32;

/// 46elks's own test number: what is sent there costs nothing, so the simulated account never runs dry.
const TO: &str = "+46700000000";
const TEXT: &str = "Hej! Kom ihåg din tid i morgon kl 10.";
/// A message of the simulator's history.
const NO_ID: &str = "s00000000000000000000000000000000";

fn settings() -> Settings {
    let mut settings = Settings::read(|_| None, true).expect("the simulator needs none");
    settings.dry_run = false;
    settings.credentials = Credentials { username: Secret::new("u0"), password: Secret::new("password") };
    (settings.sms_per_minute, settings.queries_per_minute) = (NonZeroU32::MAX, NonZeroU32::MAX);
    settings
}

/// A call of each tool.
fn calls() -> Vec<(Tool, Map<String, Value>)> {
    let arguments = |value: Value| value.as_object().cloned().unwrap_or_default();
    vec![
        (Tool::SendSms, arguments(json!({"to": TO, "message": TEXT}))),
        (Tool::GetSmsMessages, arguments(json!({"limit": 4}))),
        (Tool::CheckSmsStatus, arguments(json!({"message_id": NO_ID}))),
        (Tool::EstimateSmsCost, arguments(json!({"to": TO, "message": TEXT}))),
        (Tool::CheckAccountBalance, arguments(json!({}))),
        (Tool::GetDeliveryStatistics, arguments(json!({"limit": 4}))),
    ]
}

/// The same call without a sandbox. Whether it succeeded.
fn natively(tool: Tool) -> bool {
    let account = types::Account {
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
            Component::send_sms(account, request).is_ok()
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
            Component::get_sms_messages(account, request).is_ok()
        }
        Tool::CheckSmsStatus => {
            let request = queries::CheckSmsStatusRequest { message_id: NO_ID.into() };
            Component::check_sms_status(account, request).is_ok()
        }
        Tool::EstimateSmsCost => {
            let request = queries::EstimateSmsCostRequest { to, message, from: None };
            Component::estimate_sms_cost(account, request).is_ok()
        }
        Tool::CheckAccountBalance => {
            Component::check_account_balance(account, queries::CheckAccountBalanceRequest { to: None }).is_ok()
        }
        Tool::GetDeliveryStatistics => {
            let request = queries::GetDeliveryStatisticsRequest { limit: Some(4) };
            Component::get_delivery_statistics(account, request).is_ok()
        }
    }
}

/// Lets the simulator answer the plain functions, as it answers behind the door.
fn simulate() {
    let settings = settings();
    let mut simulator = Simulator::new(&settings.credentials, &settings.sender);
    native::answer_with(move |path, form| {
        let request = Request::builder()
            .method(if form.is_some() { "POST" } else { "GET" })
            .uri(path)
            .header(AUTHORIZATION, "Basic dTA6cGFzc3dvcmQ=")
            .body(Bytes::from(form.unwrap_or_default().to_string()))
            .expect("is a request");
        match simulator.answer(&request) {
            Answer::Response(response) => (response.status().as_u16(), response.into_body().into()),
            _ => (500, Vec::new()),
        }
    });
}

fn steps(criterion: &mut Criterion) {
    // As the program's own.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("starts");
    criterion.bench_function("load the component", |bencher| bencher.iter(|| Sandbox::new().expect("loads")));
    let steps = Steps::new(settings()).expect("loads");
    criterion.bench_function("instance", |bencher| bencher.to_async(&runtime).iter(|| steps.instance()));
    criterion.bench_function("door and simulator", |bencher| {
        bencher.to_async(&runtime).iter(async || assert!(steps.behind(TO, TEXT).await));
    });
    let gate = Gate::new(NonZeroU32::MAX, NonZeroU32::MAX);
    criterion.bench_function("gate", |bencher| bencher.iter(|| gate.admit(black_box(Class::Queries))));
    let (tool, arguments) = calls().swap_remove(0);
    criterion.bench_function("JSON in", |bencher| bencher.iter(|| Steps::json_in(tool, black_box(&arguments))));
    criterion.bench_function("audit line", |bencher| bencher.iter(|| steps.audit(tool, black_box(&arguments))));
    for (tool, arguments) in calls() {
        simulate();
        let fine = tool != Tool::CheckSmsStatus;
        let mut group = criterion.benchmark_group(tool.name());
        group.bench_function("native", |bencher| {
            bencher.iter(|| assert_eq!(natively(tool), fine, "{}", tool.name()));
        });
        let steps = Steps::new(settings()).expect("loads");
        group.bench_function("sandbox", |bencher| {
            bencher.to_async(&runtime).iter(async || assert_eq!(steps.in_sandbox(tool, &arguments).await, fine));
        });
        group.bench_function("whole call", |bencher| {
            bencher.to_async(&runtime).iter(async || assert_eq!(steps.whole(tool, &arguments).await, fine));
        });
        group.finish();
    }
}

criterion_group!(benches, steps);
criterion_main!(benches);
