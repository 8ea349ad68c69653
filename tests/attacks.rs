//! The component replaced by an attacker's (`tests/hostile/`), run by the library as the program
//! runs its own. Each attack has one expected end: a denial with its rule and one audit line of its
//! own, or a request that cannot even be built. After each, the host goes on.

use crate::support::{RECIPIENT, USERNAME, merged};
use elks_mcp::call::CallHandler;
use elks_mcp::component;
use elks_mcp::config::{Settings, Variables};
use elks_mcp::failure::Failure;
use elks_mcp::simulator::Simulator;
use elks_mcp::stderr::Sink;
use elks_mcp::tools::Tool;
use elks_mcp::verdict::Success;
use elks_sandbox::{Credentials, LoadError, Sandbox, Upstream};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

/// A password that is nowhere else.
const PASSWORD: &str = "pass%word+\"0123 456\\789";

/// The number that the simulated account owns.
const SENDER: &str = elks_mcp::config::SIMULATED_SENDER;

/// Lines that would go to stderr.
#[derive(Default)]
pub struct Lines(Mutex<Vec<String>>);

impl Lines {
    /// The audit records since the last look.
    pub fn take(&self) -> Vec<Value> {
        let lines = std::mem::take(&mut *self.0.lock().unwrap());
        lines.iter().filter_map(|line| Some(serde_json::from_str::<Value>(line).ok()?["audit"].take())).collect()
    }
}

impl Sink for Lines {
    fn line(&self, line: &str) {
        self.0.lock().unwrap().push(line.into());
    }
}

/// A host that runs the attacker, and one that runs the real component on the same account and sees
/// what happened.
pub struct Scene {
    pub attacked: CallHandler,
    observer: CallHandler,
    lines: Arc<Lines>,
}

impl Scene {
    pub fn new(dry_run: bool) -> Self {
        Self::with_upstream(Arc::new(Simulator::new(&credentials(), SENDER)), dry_run)
    }

    pub fn with_upstream(upstream: Arc<dyn Upstream>, dry_run: bool) -> Self {
        Self::limited(upstream, dry_run, 1000)
    }

    pub fn limited(upstream: Arc<dyn Upstream>, dry_run: bool, limit: u32) -> Self {
        let lines = Arc::new(Lines::default());
        let handler = |sandbox, lines: Arc<Lines>| {
            let variables = Variables::from([
                ("RATE_LIMIT_SMS_PER_MINUTE", "1000"),
                ("ELKS_MAX_SMS_PER_DAY", "*"),
                ("ELKS_MAX_SMS_PER_RECIPIENT_PER_DAY", "*"),
                ("ELKS_DUPLICATE_MINUTES", "0"),
            ]);
            let mut settings = Settings::read(&variables, true).unwrap();
            settings.credentials = credentials();
            settings.dry_run = dry_run;
            settings.queries_per_minute = limit.try_into().unwrap();
            CallHandler::with_sandbox(settings, sandbox, Arc::clone(&upstream), lines)
        };
        let attacked = handler(hostile(), Arc::clone(&lines));
        let observer = handler(component::load().unwrap(), Arc::default());
        Self { attacked, observer, lines }
    }

    /// Calls `send_sms` with an attack as its text.
    pub async fn send(&self, attack: &str) -> Result<Success, Failure> {
        self.call(Tool::SendSms, json!({"to": RECIPIENT, "message": attack})).await
    }

    /// Calls `get_sms_messages` with a cursor that names an attack: its id, where `Z` stands for a space.
    pub async fn query(&self, attack: &str) -> Result<Success, Failure> {
        let cursor = format!("2026-12-31T00:00:00.000~{}", attack.replace(' ', "Z"));
        self.call(Tool::GetSmsMessages, json!({"cursor": cursor})).await
    }

    pub async fn call(&self, tool: Tool, arguments: Value) -> Result<Success, Failure> {
        self.attacked.call(tool, arguments.as_object().unwrap().clone()).await
    }

    /// The audit records since the last look.
    pub fn audits(&self) -> Vec<Value> {
        self.lines.take()
    }

    /// How many messages the account has been charged for.
    pub async fn charged(&self) -> i64 {
        let arguments = json!({}).as_object().unwrap().clone();
        let balance =
            self.observer.call(Tool::CheckAccountBalance, arguments).await.unwrap_or_else(|error| panic!("{error}"));
        (2_500_000 - balance.facts["balance"].as_i64().unwrap()) / 5_200
    }

    /// That a call ended in this denial, with one audit line for it and one for the call, that so
    /// many messages were sent, and that the next call works.
    pub async fn denied(&self, result: Result<Success, Failure>, rule: &str, sent: i64, attack: &str) {
        let error = result.err().unwrap_or_else(|| panic!("{attack}: not denied")).to_string();
        let audits = self.audits();
        assert!(error.starts_with("Error (SANDBOX_VIOLATION): "), "{attack}: {error}");
        assert_eq!(audits.len(), 2, "{attack}: {audits:?}");
        assert_eq!((&audits[0]["event"], &audits[0]["rule"]), (&json!("denied"), &json!(rule)), "{attack}");
        let id = audits[0]["id"].as_str().unwrap();
        assert!(error.contains(id), "{attack}: the caller has the id to find it by: {error}");
        assert_eq!((&audits[1]["success"], &audits[1]["error"]), (&json!(false), &json!("SANDBOX_VIOLATION")));
        assert_eq!(error.contains("A message had already left"), sent > 0, "{attack}: {error}");
        assert_eq!(self.charged().await, sent, "{attack}");
        self.still_works(sent).await;
    }

    /// Sends a message with a true record.
    pub async fn still_works_whatever_was_sent(&self) {
        self.send("valid").await.unwrap_or_else(|error| panic!("the call fails: {error}"));
    }

    /// The messages of the account, as the real component sees them.
    pub async fn observed_messages(&self) -> Vec<Value> {
        let history = self.observer.call(Tool::GetSmsMessages, serde_json::Map::new()).await;
        history.unwrap_or_else(|error| panic!("{error}")).facts["messages"].as_array().unwrap().clone()
    }

    pub async fn still_works(&self, sent: i64) {
        let valid = self.send("valid").await.unwrap_or_else(|error| panic!("the next call fails: {error}"));
        assert_eq!(valid.facts["sent"], true);
        assert_eq!(self.charged().await, sent + 1);
    }
}

pub fn credentials() -> Arc<Credentials> {
    Arc::new(Credentials::new(USERNAME, PASSWORD))
}

pub fn hostile() -> Sandbox {
    image(hostile::HOSTILE).unwrap()
}

pub fn image(image: &[u8]) -> Result<Sandbox, LoadError> {
    // SAFETY: made by the tests' own build script.
    #[expect(unsafe_code, reason = "the component is hostile, its compiler is not")]
    unsafe {
        Sandbox::from_image(image, component::IMPORTS)
    }
}

/// Attacks by `send_sms`, the rule that each breaks, and how many messages were sent before.
async fn denials(dry_run: bool, attacks: &[(&str, &str, i64)]) {
    for (attack, rule, sent) in attacks {
        let scene = Scene::new(dry_run);
        let result = scene.send(attack).await;
        scene.denied(result, rule, *sent, attack).await;
    }
}

#[tokio::test]
async fn the_attacker_may_do_what_the_call_permits() {
    let scene = Scene::new(false);
    scene.still_works(0).await;
}

#[tokio::test]
async fn another_host_is_denied() {
    denials(
        false,
        &[
            ("another host", "authority", 0),
            ("look-alike host", "authority", 0),
            ("capital host", "authority", 0),
            ("trailing dot", "authority", 0),
            ("userinfo", "authority", 0),
            ("userinfo host", "authority", 0),
            ("port 8443", "authority", 0),
            ("http", "scheme", 0),
            ("other scheme", "scheme", 0),
        ],
    )
    .await;
}

#[tokio::test]
async fn another_path_is_denied() {
    denials(
        false,
        &[
            ("dot dot", "path", 0),
            ("percent dots", "path", 0),
            ("double slash", "path", 0),
            ("absolute form", "path", 0),
            ("other path", "path", 0),
            ("query on a post", "query", 0),
        ],
    )
    .await;
}

#[tokio::test]
async fn another_method_is_denied() {
    denials(
        false,
        &[
            ("put", "method", 0),
            ("delete", "method", 0),
            ("patch", "method", 0),
            ("connect", "method", 0),
            ("trace", "method", 0),
            ("other method", "method", 0),
            ("get post", "method", 0),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_second_message_is_denied() {
    denials(false, &[("two posts", "count", 1)]).await;
}

#[tokio::test]
async fn another_message_is_denied() {
    denials(
        false,
        &[
            ("another recipient", "body", 0),
            ("second recipient", "body", 0),
            ("another sender", "body", 0),
            ("one more character", "body", 0),
            ("words reordered", "body", 0),
            ("not a word less", "body", 0),
            ("second spelling", "body", 0),
            ("json body", "body", 0),
            ("no utf-8", "body", 0),
            ("delivery report", "body", 0),
            ("dontlog", "body", 0),
            ("flash", "body", 0),
            ("dryrun twice", "body", 0),
            ("dryrun no", "body", 0),
            ("ten mebibytes", "body_size", 0),
            ("endless body", "body_size", 0),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_list_of_recipients_that_the_model_wrote_is_denied() {
    let scene = Scene::new(false);
    let arguments = json!({"to": "+46701740605,+46701740606", "message": "valid"});
    let result = scene.call(Tool::SendSms, arguments).await;
    scene.denied(result, "body", 0, "a list of recipients").await;
}

#[tokio::test]
async fn a_header_of_the_component_is_denied() {
    denials(
        false,
        &[
            ("own authorization", "header", 0),
            ("cookie", "header", 0),
            ("own host", "header", 0),
            ("proxy header", "header", 0),
            ("chunked", "header", 0),
            ("many headers", "header", 0),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_request_that_cannot_be_built_leaves_nothing() {
    for attack in ["no authority", "smuggled header", "smuggled length", "huge header"] {
        let scene = Scene::new(false);
        let error = scene.send(attack).await.err().unwrap_or_else(|| panic!("{attack} succeeded"));
        assert_eq!(scene.charged().await, 0, "{attack}: {error}");
        scene.still_works(0).await;
    }
}

#[tokio::test]
async fn nothing_leaves_in_a_dry_run() {
    for (attack, rule) in [
        ("send in a dry run", "body"),
        ("dryrun twice", "body"),
        ("dryrun no", "body"),
        ("flash", "body"),
        ("two posts", "count"),
        ("another recipient", "body"),
    ] {
        let scene = Scene::new(true);
        let error = scene.send(attack).await.err().unwrap_or_else(|| panic!("{attack} succeeded"));
        assert!(error.to_string().starts_with("Error (SANDBOX_VIOLATION): "), "{attack}: {error}");
        assert_eq!(scene.charged().await, 0, "{attack}");
        let audits = scene.audits();
        assert_eq!((&audits[0]["event"], &audits[0]["rule"]), (&json!("denied"), &json!(rule)), "{attack}");
    }
}

#[tokio::test]
async fn a_query_sends_nothing() {
    for (attack, rule) in [
        ("send from a query", "method"),
        ("dry run from a history", "method"),
        ("a loop of requests", "count"),
        ("message ids as mail", "path"),
        ("a secret in a parameter", "query"),
    ] {
        let scene = Scene::new(false);
        let result = scene.query(attack).await;
        scene.denied(result, rule, 0, attack).await;
    }
    let scene = Scene::new(false);
    let arguments = json!({"to": RECIPIENT, "message": "an estimate without dryrun"});
    let result = scene.call(Tool::EstimateSmsCost, arguments).await;
    scene.denied(result, "body", 0, "an estimate without dryrun").await;
}

#[tokio::test]
async fn a_filter_of_the_caller_cannot_be_left_out() {
    let scene = Scene::new(false);
    let result = scene.query("a filter left out").await;
    scene.denied(result, "query", 0, "a filter left out").await;
}

#[tokio::test]
async fn credentials_are_blocked_in_requests_and_in_results() {
    let pair = format!("{USERNAME}:{PASSWORD}");
    let token = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, &pair);
    let percent: String = PASSWORD.bytes().map(|byte| format!("%{byte:02x}")).collect();
    for secret in [PASSWORD, &pair, &token, &percent] {
        assert!(secret.len() > 8);
        let scene = Scene::new(false);
        // The component gives back its argument; a model that repeats the password learns nothing.
        let result = scene.send(&format!("x {secret}")).await;
        scene.denied(result, "credentials", 0, "a secret in a result").await;
        let scene = Scene::new(false);
        let arguments = merged(json!({"to": RECIPIENT}), &json!({"message": secret}));
        let result = scene.call(Tool::EstimateSmsCost, arguments).await;
        scene.denied(result, "credentials", 0, "a secret in a request").await;
    }
}

#[tokio::test]
async fn nothing_survives_a_call() {
    let scene = Scene::new(false);
    for _ in 0..3 {
        let success = scene.send("call count").await.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(success.facts["checker_notes"], json!(["call 0"]));
    }
}

#[tokio::test]
async fn text_of_a_component_cannot_control_a_terminal() {
    let scene = Scene::new(false);
    let success = scene.send("ansi and bidi").await.unwrap_or_else(|error| panic!("{error}"));
    let hidden = |c: char| c.is_control() || "\u{202e}\u{2066}\u{e0041}\u{200b}".contains(c);
    assert!(!success.text.contains(hidden), "{:?}", success.text);
    let note = success.facts["checker_notes"][0].as_str().unwrap();
    assert!(note.starts_with("[2J ]0;owned \\u{202e}desrever") && note.ends_with("{\"audit\":1}"), "{note:?}");
    let audits = scene.audits();
    assert_eq!(audits.len(), 1);
}

#[test]
fn a_component_that_imports_anything_else_is_refused_at_load() {
    assert_eq!(hostile::FORBIDDEN.len(), 7);
    for (import, bytes, refused_by_the_build) in hostile::FORBIDDEN {
        let refused = image(bytes).err().unwrap_or_else(|| panic!("{import} was taken"));
        assert!(refused.to_string().contains(import), "{import}: {refused}");
        assert!(refused_by_the_build.contains(import), "{import}: {refused_by_the_build}");
    }
    let timeouts = image(hostile::FORBIDDEN[0].1).err().expect("no timeouts").to_string();
    assert!(timeouts.contains("[constructor]request-options"), "function by function: {timeouts}");
}

#[test]
fn a_build_takes_a_component_of_the_same_world_and_no_other() {
    let [attacker, without_exports, core_module] = hostile::REFUSALS;
    assert_eq!(attacker, "", "the attacker has the imports and exports of the world");
    assert!(without_exports.contains("does not export") && without_exports.contains("elks:sms/"), "{without_exports}");
    assert!(core_module.contains("does not export"), "{core_module}");
}

#[tokio::test]
async fn a_component_cannot_confirm_an_account_that_46elks_rejects() {
    // The attacker calls the account good whatever 46elks says.
    let mut settings = Settings::read(&Variables::default(), true).unwrap();
    settings.credentials = credentials();
    let others = Credentials::new(USERNAME, "another password");
    let upstream = Arc::new(Simulator::new(&others, SENDER));
    let handler = CallHandler::with_sandbox(settings, hostile(), upstream, Arc::new(Lines::default()));
    let arguments = json!({"to": RECIPIENT, "message": "valid"});
    let error = handler.call(Tool::SendSms, arguments.as_object().unwrap().clone()).await.err().expect("must fail");
    assert!(error.to_string().starts_with("Error (CONFIGURATION_ERROR): "), "{error}");
}
