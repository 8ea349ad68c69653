//! elks-sms-configured in another host: what it reads of the host's configuration, what leaves it, and that it answers
//! as the first component does.

use crate::support::answers::{self, ID};
use crate::support::fake_elks::{FakeElks, Protocol, Reaction, Received};
use crate::support::wasi_host::{Answer, CONFIGURED, ELKS_SMS, Hosted, StoreError};
use crate::support::{PASSWORD, RECIPIENT, SENDER, USERNAME};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use wasmtime::component::Val;

/// The keys that it reads, in its order.
const KEYS: [&str; 6] = ["username", "password", "sender", "dry-run", "currency", "endpoint"];

/// A 46elks without TLS that answers everything as the real one does.
fn elks() -> FakeElks {
    FakeElks::start(Protocol::PlainHttp, |request| match request.path.as_str() {
        "/a1/me" => Reaction::json(&answers::account()),
        "/a1/sms" if request.method == "POST" => answers::accepting(request),
        path if path.ends_with(ID) => Reaction::json(&answers::row(ID, "outgoing", "2026-01-31T12:00:00.000000")),
        _ => answers::history(4)(request),
    })
    .unwrap()
}

/// The configuration of a valid account, with one key changed or taken out.
fn configuration(elks: &FakeElks, key: &str, value: Option<&str>) -> Vec<(&'static str, String)> {
    let endpoint = format!("http://{}", elks.address);
    let usual = [USERNAME, PASSWORD, SENDER, "false", "SEK", &endpoint];
    let with = |(name, usual): (&'static str, &str)| {
        Some((name, if name == key { value?.to_string() } else { usual.to_string() }))
    };
    KEYS.into_iter().zip(usual).filter_map(with).collect()
}

/// The component with a configuration.
async fn hosted(configuration: Vec<(&'static str, String)>) -> Hosted {
    Hosted::with_store(CONFIGURED, move |asked| {
        Ok(configuration.iter().find(|(key, _)| *key == asked).map(|(_, value)| value.clone()))
    })
    .await
}

fn text(text: &str) -> Val {
    Val::String(text.into())
}

fn some(value: Val) -> Val {
    Val::Option(Some(Box::new(value)))
}

const NONE: Val = Val::Option(None);

fn record<const N: usize>(fields: [(&str, Val); N]) -> Val {
    Val::Record(fields.map(|(name, value)| (name.to_string(), value)).into())
}

fn field<'a>(record: &'a Val, name: &str) -> &'a Val {
    let Val::Record(fields) = record else { panic!("{record:?} is no record") };
    &fields.iter().find(|(known, _)| known == name).expect(name).1
}

/// The case of an error and its text.
fn error(result: Result<Val, Val>) -> (String, String) {
    match result {
        Err(Val::Variant(case, Some(payload))) => match *payload {
            Val::String(text) => (case, text),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

/// Each tool with its interface in the first component, and a request for it.
fn calls() -> [(&'static str, &'static str, Val); 6] {
    const SENDING: &str = "elks:sms/sending@0.3.0";
    const QUERIES: &str = "elks:sms/queries@0.3.0";
    let message = [("to", text(RECIPIENT)), ("message", text("Hej 👋")), ("from", NONE)];
    let [to, words, from] = message.clone();
    [
        (SENDING, "send-sms", record([to, words, from, ("flashsms", NONE), ("dry-run", NONE)])),
        (
            QUERIES,
            "get-sms-messages",
            record([
                ("limit", some(Val::U32(3))),
                ("direction", NONE),
                ("start", NONE),
                ("end", NONE),
                ("to", NONE),
                ("cursor", NONE),
            ]),
        ),
        (QUERIES, "check-sms-status", record([("message-id", text(ID))])),
        (QUERIES, "estimate-sms-cost", record(message)),
        (QUERIES, "check-account-balance", record([("to", NONE)])),
        (QUERIES, "get-delivery-statistics", record([("limit", NONE)])),
    ]
}

/// What reached a 46elks, verifications included.
fn arrived(elks: &FakeElks) -> usize {
    elks.connections() as usize
}

#[tokio::test]
async fn all_six_tools_answer_as_those_of_the_first_component() {
    let elks = elks();
    let account = record([
        ("credentials", some(record([("username", text(USERNAME)), ("password", text(PASSWORD))]))),
        ("default-sender", some(text(SENDER))),
        ("dry-run", Val::Bool(false)),
        ("currency", some(text("SEK"))),
        ("endpoint", some(text(&format!("http://{}", elks.address)))),
    ]);
    let mut first = Hosted::with_store(ELKS_SMS, |_| panic!("it has no store")).await;
    let mut second = hosted(configuration(&elks, "", None)).await;
    for (interface, name, request) in calls() {
        let before = elks.requests().len();
        let of_first = first.call(Some(interface), name, &[account.clone(), request.clone()]).await.expect(name);
        let between = elks.requests().len();
        let of_second = second.call(None, name, &[request]).await.expect(name);
        assert_eq!(of_first, of_second, "{name}");
        let requests = elks.requests();
        let sorted = |requests: &[std::sync::Arc<Received>]| {
            let mut words: Vec<String> =
                requests.iter().map(|it| format!("{} {} {}", it.method, it.path, it.body)).collect();
            words.sort();
            words
        };
        assert_eq!(sorted(&requests[before..between]), sorted(&requests[between..]), "{name}");
    }
    assert_eq!(elks.sends(), 2, "one of each component");
}

#[tokio::test]
async fn it_reads_its_six_keys_once_each_and_nothing_else() {
    let elks = elks();
    for (_, name, request) in calls() {
        let mut hosted = hosted(configuration(&elks, "", None)).await;
        hosted.call(None, name, &[request]).await.expect(name);
        assert_eq!(hosted.store.data().keys, KEYS, "{name}");
    }
}

#[tokio::test]
async fn it_works_with_the_store_of_wasmtime() {
    let elks = elks();
    let configuration = configuration(&elks, "", None);
    let variables: Vec<(&str, &str)> = configuration.iter().map(|(key, value)| (*key, value.as_str())).collect();
    let mut hosted = Hosted::with_store_of_wasmtime(CONFIGURED, &variables).await;
    let [(_, name, request), ..] = calls();
    let sent = hosted.call(None, name, &[request]).await.expect("is sent");
    assert_eq!((field(&sent, "sent"), elks.sends()), (&Val::Bool(true), 1));
}

#[tokio::test]
async fn its_requests_carry_the_credentials_of_the_configuration() {
    let elks = elks();
    let mut hosted = hosted(configuration(&elks, "", None)).await;
    for (_, name, request) in calls() {
        hosted.call(None, name, &[request]).await.expect(name);
    }
    let expected = format!("Basic {}", STANDARD.encode(format!("{USERNAME}:{PASSWORD}")));
    let requests = elks.requests();
    assert!(requests.len() >= 5);
    for request in requests {
        assert_eq!(request.header("authorization"), Some(expected.as_str()), "{}", request.path);
    }
}

#[tokio::test]
async fn only_a_plain_off_ends_the_dry_run() {
    let [(_, name, request), ..] = calls();
    for (value, is_dry) in [
        (None, true),
        (Some(""), true),
        (Some(" \n"), true),
        (Some("true"), true),
        (Some("ON"), true),
        (Some("1"), true),
        (Some("false"), false),
        (Some("Off"), false),
        (Some(" no\n"), false),
        (Some("0"), false),
    ] {
        let elks = elks();
        let mut hosted = hosted(configuration(&elks, "dry-run", value)).await;
        let sent = hosted.call(None, name, std::slice::from_ref(&request)).await.expect("is answered");
        assert_eq!(field(&sent, "dry-run"), &Val::Bool(is_dry), "{value:?}");
        let requests = elks.requests();
        let [arrived] = requests.as_slice() else { panic!("{value:?}: {} requests", requests.len()) };
        assert_eq!(arrived.field("dryrun").as_deref(), is_dry.then_some("yes"), "{value:?}");
    }
}

#[tokio::test]
async fn a_request_cannot_end_the_dry_run_of_the_configuration() {
    let elks = elks();
    let mut hosted = hosted(configuration(&elks, "dry-run", None)).await;
    let request = record([
        ("to", text(RECIPIENT)),
        ("message", text("Hej")),
        ("from", NONE),
        ("flashsms", NONE),
        ("dry-run", some(Val::Bool(false))),
    ]);
    let sent = hosted.call(None, "send-sms", &[request]).await.expect("is priced");
    assert_eq!((field(&sent, "sent"), elks.sends(), elks.dry_runs()), (&Val::Bool(false), 0, 1));
}

#[tokio::test]
async fn a_missing_or_malformed_key_is_named_by_every_tool_and_nothing_leaves() {
    let elks = elks();
    for (key, value) in [
        ("username", None),
        ("username", Some(" \t")),
        ("username", Some("hunter2")),
        ("password", None),
        ("password", Some("\n")),
        ("password", Some("hunter2\u{7}hunter2")),
        ("sender", Some("hunter2 is no sender")),
        ("dry-run", Some("hunter2")),
        ("dry-run", Some("flase")),
        ("currency", Some("hunter2")),
        ("endpoint", Some("hunter2")),
        ("endpoint", Some("http://hunter2.example.com")),
    ] {
        let mut hosted = hosted(configuration(&elks, key, value)).await;
        for (_, name, request) in calls() {
            let (case, reason) = error(hosted.call(None, name, &[request]).await);
            assert_eq!(case, "invalid", "{name}, {key}: {reason}");
            assert!(reason.starts_with(&format!("config.{key}: ")), "{name}: {reason}");
            assert!(!reason.contains("hunter2"), "{name}: {reason}");
        }
    }
    assert_eq!(arrived(&elks), 0);
}

#[tokio::test]
async fn a_sender_that_is_missing_must_be_in_the_request() {
    let elks = elks();
    let mut hosted = hosted(configuration(&elks, "sender", None)).await;
    let request = |from| {
        let words = ("message", text("Hej"));
        record([("to", text(RECIPIENT)), words, ("from", from), ("flashsms", NONE), ("dry-run", NONE)])
    };
    let (case, reason) = error(hosted.call(None, "send-sms", &[request(NONE)]).await);
    assert_eq!((case.as_str(), arrived(&elks)), ("invalid", 0));
    assert!(reason.starts_with("from: no sender is configured"), "{reason}");
    let sent = hosted.call(None, "send-sms", &[request(some(text("Elks")))]).await.expect("is sent");
    assert_eq!(field(&sent, "from"), &text("Elks"));
}

#[tokio::test]
async fn a_store_that_fails_is_named_in_our_words_and_nothing_leaves() {
    let elks = elks();
    for broken in KEYS {
        for failure in [StoreError::Upstream("hunter2".into()), StoreError::Io("hunter2".into())] {
            let configuration = configuration(&elks, "", None);
            let store = move |asked: &str| -> Answer {
                let value = || configuration.iter().find(|(key, _)| *key == asked).map(|(_, value)| value.clone());
                if asked == broken { Err(failure.clone()) } else { Ok(value()) }
            };
            let mut hosted = Hosted::with_store(CONFIGURED, store).await;
            for (_, name, request) in calls() {
                let (case, reason) = error(hosted.call(None, name, &[request]).await);
                let expected = format!("the host could not read config.{broken} of its configuration");
                assert_eq!((case.as_str(), reason), ("unreachable", expected), "{name}");
            }
        }
    }
    assert_eq!(arrived(&elks), 0);
}
