//! What the Node server that this program replaces gets wrong: each test fails on its behaviour. What
//! else it gets wrong is tested in `sending.rs` (ambiguous sends, senders), `settings.rs` (names of
//! settings) and `protocol.rs`.

use crate::support::fake_elks::{FakeElks, Reaction, Received};
use crate::support::program::{Launch, Program};
use crate::support::{RECIPIENT, answers, merged};
use serde_json::{Value, json};

/// 46elks with a history of these messages, which accepts and prices everything in EUR.
fn elks_with(history: &[Value]) -> FakeElks {
    let page = answers::page(history);
    FakeElks::answering_everything(move |request| match (request.method.as_str(), request.path.as_str()) {
        ("GET", "/a1/me") => Reaction::json(&answers::account_in("EUR", 100_000)),
        ("GET", _) => Reaction::json(&page),
        _ => to_post(request),
    })
}

/// The answer to a message at 0.047 EUR. That to a dry run does not say how many parts it has.
fn to_post(request: &Received) -> Reaction {
    let mut answer = answers::accepted_or_dry_run(request);
    let fields = answer.as_object_mut().unwrap();
    if request.field("dryrun").is_some() {
        fields.remove("parts");
    }
    for price in ["cost", "estimated_cost"] {
        fields.entry(price).and_modify(|price| *price = json!(470));
    }
    Reaction::json(&answer)
}

fn program(elks: &FakeElks) -> Program {
    Launch::account(elks).serve()
}

/// The message with this number in the history, newest first.
fn message(direction: &str, number: usize, more: Value) -> Value {
    let created = format!("2026-01-31T12:00:{:02}.000000", 59 - number);
    merged(answers::row(&format!("s{number}"), direction, &created), &more)
}

#[test]
fn no_value_of_the_argument_turns_dry_run_off() {
    let elks = elks_with(&[]);
    let mut locked = Launch::account(&elks).env("DRY_RUN", "true").serve();
    for value in [json!(null), json!(0), json!(""), json!("false")] {
        locked.send(json!({"dry_run": value})).failed("VALIDATION_ERROR");
    }
    assert_eq!(locked.send(json!({"dry_run": false})).facts()["sent"], false);
    assert!(elks.requests().iter().all(|request| request.field("dryrun").is_some()));
}

#[test]
fn dry_run_is_on_when_it_is_unset_empty_or_in_capitals() {
    let elks = elks_with(&[]);
    for value in [None, Some("TRUE"), Some("1"), Some("")] {
        let launch = Launch::account(&elks).without("DRY_RUN");
        let launch = value.into_iter().fold(launch, |launch, value| launch.env("DRY_RUN", value));
        assert_eq!(launch.env("NODE_ENV", "production").serve().send(json!({})).facts()["sent"], false, "{value:?}");
    }
}

#[test]
fn misspelt_arguments_are_refused_and_never_a_real_send() {
    let elks = elks_with(&[]);
    let error = program(&elks).send(json!({"dryRun": true})).failed("VALIDATION_ERROR");
    assert!(error.contains("`dryRun`") && error.contains("`dry_run`"), "{error}");
    program(&elks).call("check_sms_status", json!({"messageId": "s1"})).failed("VALIDATION_ERROR");
    assert!(elks.requests().is_empty());
}

#[test]
fn what_was_validated_is_what_is_sent() {
    let elks = elks_with(&[]);
    program(&elks).send(json!({"to": "+46 (70) 174-06.05", "from": " Elks ", "message": "a\u{7}b"})).facts();
    let sent = &elks.requests()[0];
    let fields = ["to", "from", "message"].map(|name| sent.field(name).unwrap());
    assert_eq!(fields, [RECIPIENT, "Elks", "ab"]);
    program(&elks).call("check_sms_status", json!({"message_id": " s1"})).failed("VALIDATION_ERROR");
}

#[test]
fn direction_is_filtered_by_the_server_and_times_by_46elks() {
    let elks = elks_with(&[message("outgoing", 0, json!({})), message("incoming", 1, json!({}))]);
    let arguments = json!({"direction": "inbound", "end": "2026-01-31T11:00:00Z"});
    let called = program(&elks).call("get_sms_messages", arguments);
    assert_eq!(called.facts()["messages"].as_array().unwrap().len(), 1);
    assert!(!elks.requests()[0].path.contains("direction") && elks.requests()[0].path.contains("end=2026-01-31T11"));
}

#[test]
fn automatic_replies_are_outbound_and_counted() {
    let elks = elks_with(&[message("outgoing-reply", 0, json!({"status": "delivered"}))]);
    let mut program = program(&elks);
    assert_eq!(program.call("get_sms_messages", json!({})).facts()["messages"][0]["direction"], Value::Null);
    assert_eq!(program.call("get_delivery_statistics", json!({})).facts()["delivered"], 1);
}

#[test]
fn basic_characters_are_gsm_7_and_all_others_are_utf_16() {
    let elks = elks_with(&[]);
    let mut program = program(&elks);
    let mut encoding = |text: &str| {
        let called = program.call("estimate_sms_cost", json!({"to": RECIPIENT, "message": text}));
        called.facts()["encoding"].as_str().unwrap().to_string()
    };
    let basic = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCXYZÄÖÑÜ§¿abcxyzäöñüà";
    assert_eq!(encoding(&basic.repeat(2)[..]), "gsm7");
    assert_eq!(encoding("Hello, world. It's 100 % \"fine\"!"), "gsm7");
    for other in ["€", "tab\there", "nb\u{a0}sp", "ç", "[", "…"] {
        assert_eq!(encoding(&format!("x{other}x")), "utf16", "{other}");
    }
}

#[test]
fn parts_are_counted_by_the_encoding() {
    let elks = elks_with(&[]);
    let mut program = program(&elks);
    for (text, parts) in [("a".repeat(320), 3), ("ж".repeat(71), 2), ("ж".repeat(160), 3), ("a".repeat(306), 2)] {
        let called = program.call("estimate_sms_cost", json!({"to": RECIPIENT, "message": text}));
        assert_eq!(called.facts()["parts"], parts);
    }
}

#[test]
fn the_limits_in_the_instructions_are_the_ones_that_hold() {
    let elks = elks_with(&[]);
    let mut program = Launch::account(&elks).env("RATE_LIMIT_SMS_PER_MINUTE", "1").start();
    let text = program.handshake()["instructions"].as_str().unwrap().to_string();
    assert!(text.contains("1 calls of send_sms, 60 of the other tools"), "{text}");
    program.send(json!({})).facts();
    program.send(json!({"message": "en till"})).failed("RATE_LIMIT_EXCEEDED");
}

#[test]
fn the_test_number_is_allowed_and_swedish_lengths_are_right() {
    let elks = elks_with(&[]);
    let mut program = program(&elks);
    for number in ["+46700000000", "+468174060", "+467191740605123"] {
        program.send(json!({"to": number})).facts();
    }
    for number in ["+0701740605", "+467017406", "+4671917406"] {
        program.send(json!({"to": number})).failed("VALIDATION_ERROR");
    }
}

#[test]
fn amounts_are_in_the_accounts_currency_and_not_rounded() {
    let elks = elks_with(&[]);
    let called = program(&elks).send(json!({}));
    assert!(called.text().contains("cost 0.047 EUR") && !called.text().contains("SEK"), "{}", called.text());
    let free = FakeElks::answering(|_| Reaction::json(&json!({"estimated_cost": 0, "parts": 1})));
    let called = program(&free).call("estimate_sms_cost", json!({"to": RECIPIENT, "message": "Hej"}));
    assert_eq!(called.facts()["estimated_cost"], 0);
    assert!(called.text().contains("would cost 0.00 SEK"), "{}", called.text());
}

#[test]
fn a_subaccount_is_reported_as_one_and_low_is_measured_in_messages() {
    let elks = FakeElks::answering_everything(|request| match request.method.as_str() {
        "GET" => Reaction::json(&answers::subaccount()),
        _ => to_post(request),
    });
    let called = program(&elks).call("check_account_balance", json!({}));
    assert!(called.text().contains("subaccount") && called.text().contains("has no limit"), "{}", called.text());
    assert!(!called.text().contains("NaN") && !called.text().contains("sufficient"));
    let elks = elks_with(&[]);
    let called = program(&elks).call("check_account_balance", json!({}));
    let measured = (&called.facts()["messages_left"], &called.facts()["low_balance"]);
    assert_eq!(measured, (&json!(212), &json!(false)), "10 EUR is a lot of messages");
}

#[test]
fn times_are_utc_and_say_so() {
    let elks = elks_with(&[message("outgoing", 0, json!({"status": "delivered", "delivered": "2026-01-31T12:01:00"}))]);
    let called = Launch::account(&elks).env("TZ", "Asia/Tokyo").serve().call("get_sms_messages", json!({}));
    let message = &called.facts()["messages"][0];
    assert_eq!(
        (&message["created"], &message["delivered"]),
        (&json!("2026-01-31T12:00:59Z"), &json!("2026-01-31T12:01:00Z"))
    );
}

#[test]
fn statistics_count_the_last_n_and_in_transit_is_not_delivered() {
    let statuses = ["sent", "created", "delivered", "failed"];
    let history: Vec<Value> = (0..12)
        .map(|n| match n % 3 {
            0 => message("incoming", n, json!({})),
            _ => message("outgoing", n, json!({"status": statuses[n % 4], "cost": 470, "parts": 1})),
        })
        .collect();
    let elks = elks_with(&history);
    let called = program(&elks).call("get_delivery_statistics", json!({"limit": 8}));
    let facts = called.facts();
    assert_eq!(facts["total"], 8);
    assert_eq!((&facts["in_transit"], &facts["delivered"], &facts["failed"]), (&json!(4), &json!(2), &json!(2)));
    assert_eq!((&facts["parts"], &facts["mean_cost"]), (&json!(8), &json!(470)));
}

#[test]
fn what_is_missing_is_absent_and_never_undefined() {
    let elks = elks_with(&[message("incoming", 0, json!({})), message("outgoing", 1, json!({}))]);
    let called = program(&elks).call("get_sms_messages", json!({}));
    assert!(!called.text().contains("undefined") && !called.text().contains("null"), "{}", called.text());
    let warned = program(&elks).send(json!({"message": "Hej example.com"}));
    assert!(!warned.facts()["checker_notes"].as_array().unwrap().is_empty(), "a warning is in the result");
}

#[test]
fn refused_calls_use_no_quota_and_limits_are_numbers() {
    let elks = elks_with(&[]);
    let mut program = Launch::account(&elks).env("RATE_LIMIT_SMS_PER_MINUTE", "1").serve();
    for _ in 0..5 {
        program.send(json!({"to": "nonsense"})).failed("VALIDATION_ERROR");
        program.request("tools/call", &json!({"name": "no_tool", "arguments": {}}));
    }
    program.send(json!({})).facts();
    let error = program.call("get_sms_messages", json!({"limit": "many"})).failed("VALIDATION_ERROR");
    assert!(error.contains("a whole number from 1 to 100"), "{error}");
    assert!(elks.requests().iter().all(|request| !request.path.contains("NaN")));
}

#[test]
fn the_handshake_is_offline_the_version_is_right_and_the_log_is_clean() {
    let elks = FakeElks::answering_everything(|_| Reaction::Silence);
    let mut silent = Launch::account(&elks).start();
    assert_eq!(silent.handshake()["serverInfo"]["version"], env!("CARGO_PKG_VERSION"));
    let elks = elks_with(&[]);
    let mut program = program(&elks);
    program.call("estimate_sms_cost", json!({"to": RECIPIENT, "message": "Hej", "note": "hemligt"}));
    program.call("estimate_sms_cost", json!({"to": RECIPIENT, "message": "Hej"}));
    let refused = program.audit();
    assert!(!refused.to_string().contains("hemligt"), "unknown arguments are not logged");
    assert_eq!(program.audit()["dryRun"], true, "an estimate never sends");
}
