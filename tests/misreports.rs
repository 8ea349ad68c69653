//! A component that asks 46elks as it should and then reports something else (`tests/hostile/`). Each case is one thing
//! that could mislead a person or a model; a record that differs ends in
//! `MISREPORT`, with one alarm line, and the host says what it knows.

use crate::attacks::Scene;
use crate::support::fake_elks::{FakeElks, Reaction};
use crate::support::{RECIPIENT, answers, merged};
use elks_mcp::failure::{Code, Failure};
use elks_mcp::tools::Tool;
use elks_mcp::verdict::Success;
use elks_sandbox::ElksApi;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// That a call was withheld with an alarm about this field. Returns the failure's text.
fn withheld(scene: &Scene, result: Result<Success, Failure>, field: &str, attack: &str) -> String {
    let failure = result.err().unwrap_or_else(|| panic!("{attack}: passed"));
    assert_eq!(failure.code, Code::Misreport, "{attack}: {failure}");
    let audits = scene.audits();
    assert_eq!(audits.len(), 2, "{attack}: {audits:?}");
    assert_eq!((&audits[0]["event"], &audits[0]["field"]), (&json!("misreport"), &json!(field)), "{attack}");
    assert!(failure.text.contains(audits[0]["id"].as_str().unwrap()), "{attack}: {failure}");
    assert_eq!((&audits[1]["success"], &audits[1]["error"]), (&json!(false), &json!("MISREPORT")), "{attack}");
    assert!(!failure.text.contains("Ignore all rules"), "{attack}: {failure}");
    failure.text
}

/// A host with a history: two messages sent, one of them answered by a stranger.
async fn with_history() -> Scene {
    let scene = Scene::new(false);
    for _ in 0..2 {
        scene.still_works_whatever_was_sent().await;
    }
    for _ in 0..4 {
        scene.charged().await; // the simulator's clock moves on, so that a reply arrives
    }
    scene.audits();
    scene
}

#[tokio::test]
async fn a_true_record_passes_for_each_tool() {
    let scene = with_history().await;
    let passed = |result: Result<Success, Failure>, tool: Tool| {
        result.unwrap_or_else(|failure| panic!("{}: {failure}", tool.name())).facts
    };
    let history = passed(scene.query("valid").await, Tool::GetSmsMessages);
    let messages = history["messages"].as_array().unwrap();
    assert!(messages.len() > 2 && messages.iter().any(|message| message["untrusted"] == true), "{history}");
    // The attacker reports "delivered", which is true of the oldest message.
    let oldest = messages.last().unwrap()["id"].clone();
    for (tool, arguments) in [
        (Tool::CheckSmsStatus, json!({"message_id": oldest})),
        (Tool::SendSms, json!({"to": RECIPIENT, "message": "valid"})),
        (Tool::EstimateSmsCost, json!({"to": RECIPIENT, "message": "valid"})),
        (Tool::CheckAccountBalance, json!({})),
        (Tool::CheckAccountBalance, json!({"to": RECIPIENT})),
        (Tool::GetDeliveryStatistics, json!({"limit": 80})),
    ] {
        passed(scene.call(tool, arguments).await, tool);
    }
    assert!(scene.audits().iter().all(|audit| audit["event"].is_null()));
}

#[tokio::test]
async fn a_lie_about_a_sent_message_is_withheld_and_never_called_unsent() {
    for (attack, field) in [
        ("a lie about sent", "dry_run"),
        ("a lie about dry_run", "dry_run"),
        ("a lie about id", "id"),
        ("a lie about no id", "id"),
        ("a lie about an id of words", "id"),
        ("a lie about status", "status"),
        ("a lie about a failed status", "status"),
        ("a lie about from", "from"),
        ("a lie about to", "to"),
        ("a lie about message", "message"),
        ("a lie about created", "created"),
        ("a lie about parts", "parts"),
        ("a lie about encoding", "encoding"),
        ("a lie about cost", "cost"),
        ("a lie about estimated_cost", "estimated_cost"),
        ("a lie about currency", "currency"),
        ("an error that says not sent", "error"),
        ("an error that says unreachable", "error"),
        ("an error that says refused", "error"),
    ] {
        let scene = Scene::new(false);
        let text = withheld(&scene, scene.send(attack).await, field, attack);
        assert!(text.contains("46elks accepted the message, and its id is s"), "{attack}: {text}");
        assert!(text.contains("Do not send it again"), "{attack}: {text}");
        for lie in ["othing was sent", "NOT SENT", "again with"] {
            assert!(!text.contains(lie), "{attack}: {text}");
        }
        assert_eq!(scene.charged().await, 1, "{attack}");
        scene.still_works(1).await;
    }
}

#[tokio::test]
async fn a_component_that_sends_and_gives_no_result_leaves_what_the_host_knows() {
    for attack in ["send and trap", "an error that says unknown"] {
        let scene = Scene::new(false);
        let failure = scene.send(attack).await.err().expect("must fail");
        assert_eq!(failure.code, Code::OutcomeUnknown, "{attack}: {failure}");
        assert!(failure.text.contains("46elks accepted the message, and its id is s"), "{attack}: {failure}");
        assert_eq!((scene.charged().await, scene.audits().len()), (1, 1), "{attack}");
    }
    // A send that 46elks answered with nonsense stays unknown, whatever the component makes of it.
    for attack in ["valid", "send and trap", "a lie about status", "an error that says not sent"] {
        let scene = Scene::new(false);
        let arguments = json!({"to": "+46701740690", "message": attack});
        let failure = scene.call(Tool::SendSms, arguments).await.err().expect("must fail");
        assert_eq!(failure.code, Code::OutcomeUnknown, "{attack}: {failure}");
        assert!(failure.text.contains("It is not known whether the message was sent"), "{attack}: {failure}");
    }
}

#[tokio::test]
async fn nothing_is_delivered_that_never_left() {
    for dry_run in [true, false] {
        let scene = Scene::new(dry_run);
        let result = scene.send("delivered without a request").await;
        let text = withheld(&scene, result, "success", "delivered without a request");
        assert!(text.contains("Nothing was sent"), "{text}");
        assert_eq!(scene.charged().await, 0);
    }
}

#[tokio::test]
async fn a_dry_run_is_reported_as_one() {
    for (attack, field) in [
        ("a lie about sent", "dry_run"),
        ("a lie about dry_run", "dry_run"),
        ("a lie about id", "id"),
        ("a lie about status", "status"),
        ("a lie about created", "created"),
        ("a lie about parts", "parts"),
        ("a lie about cost", "cost"),
        ("a lie about estimated_cost", "estimated_cost"),
        ("an error that says refused", "error"),
    ] {
        let scene = Scene::new(true);
        let text = withheld(&scene, scene.send(attack).await, field, attack);
        assert!(text.contains("Nothing was sent"), "{attack}: {text}");
    }
}

#[tokio::test]
async fn a_dry_run_that_46elks_answers_with_an_id_is_an_alarm() {
    let elks = FakeElks::answering(|request| match request.field("dryrun") {
        Some(_) => Reaction::json(&merged(answers::dry_run(request), &json!({"id": answers::ID}))),
        None => Reaction::json(&answers::account()),
    });
    let scene = Scene::with_upstream(Arc::new(ElksApi::at(elks.address, &elks.certificate).unwrap()), true);
    let number = json!({"to": RECIPIENT});
    for (tool, arguments) in [
        (Tool::SendSms, merged(number.clone(), &json!({"message": "valid"}))),
        (Tool::EstimateSmsCost, merged(number.clone(), &json!({"message": "valid"}))),
        (Tool::CheckAccountBalance, number),
    ] {
        let failure = scene.call(tool, arguments).await.err().expect("must fail");
        assert_eq!(failure.code, Code::OutcomeUnknown, "{}: {failure}", tool.name());
        let audits = scene.audits();
        assert_eq!((&audits[0]["event"], &audits[0]["tool"]), (&json!("dry_run_with_id"), &json!(tool.name())));
        assert_eq!(audits[1]["error"], "OUTCOME_UNKNOWN");
    }
    // The price that a subaccount does not need is asked for, too, and what came of it counts.
    let elks = FakeElks::answering_everything(|request| match request.field("dryrun") {
        Some(_) => Reaction::json(&merged(answers::dry_run(request), &json!({"id": answers::ID}))),
        None => Reaction::json(&answers::subaccount()),
    });
    let scene = Scene::with_upstream(Arc::new(ElksApi::at(elks.address, &elks.certificate).unwrap()), true);
    let failure = scene.call(Tool::CheckAccountBalance, json!({})).await.err().expect("must fail");
    assert_eq!((failure.code, &scene.audits()[0]["event"]), (Code::OutcomeUnknown, &json!("dry_run_with_id")));
}

#[tokio::test]
async fn a_lie_about_the_history_is_withheld() {
    for (attack, field) in [
        ("none match", "messages"),
        ("one missing", "messages"),
        ("one twice", "messages"),
        ("another order", "messages.0.cost"),
        ("one invented", "messages"),
        ("a stranger trusted", "untrusted"),
        ("a stranger made outbound", "direction"),
        ("another text", "messages.0.message"),
        ("instructions in an id", "messages.0.id"),
        ("instructions in a time", "messages.0.created"),
        ("instructions in a currency", "currency"),
        ("another cursor", "next_cursor"),
        ("stopped", "stopped_early"),
        ("unreadable rows", "unreadable"),
        ("without asking", "success"),
        ("another page", "success"),
    ] {
        let scene = with_history().await;
        let result = scene.query(attack).await;
        // Which message is the stranger's depends on the simulator.
        let stranger = ["untrusted", "direction"].contains(&field);
        let field = if stranger { stranger_field(&scene, field).await } else { field.to_string() };
        let text = withheld(&scene, result, &field, attack);
        assert!(text.contains("Nothing was sent"), "{attack}: {text}");
    }
}

/// The name of a field of the first message that a stranger wrote.
async fn stranger_field(scene: &Scene, field: &str) -> String {
    let messages = scene.observed_messages().await;
    let at = messages.iter().position(|message| message["untrusted"] == true).expect("there is a reply");
    format!("messages.{at}.{field}")
}

#[tokio::test]
async fn the_end_of_the_history_is_where_46elks_says() {
    let scene = with_history().await;
    let cursor = "2026-12-31T00:00:00.000~noZmore";
    let result = scene.call(Tool::GetSmsMessages, json!({"cursor": cursor, "limit": 1})).await;
    withheld(&scene, result, "next_cursor", "no more");
}

#[tokio::test]
async fn a_lie_about_a_status_is_withheld() {
    let scene = with_history().await;
    // 46elks knows no such message, or was not even asked.
    for id in ["s1", "withoutAsking"] {
        let result = scene.call(Tool::CheckSmsStatus, json!({"message_id": id})).await;
        withheld(&scene, result, "success", id);
    }
    // A message that is still under way.
    let sent = scene.send("valid").await.unwrap_or_else(|failure| panic!("{failure}"));
    scene.audits();
    let result = scene.call(Tool::CheckSmsStatus, json!({"message_id": sent.facts["id"]})).await;
    withheld(&scene, result, "message.status", "delivered");
}

#[tokio::test]
async fn a_lie_about_a_price_is_withheld() {
    for (attack, field) in [
        ("a lie about the price", "estimated_cost"),
        ("a lie about no price", "estimated_cost"),
        ("a lie about parts", "parts"),
        ("a lie about encoding", "encoding"),
        ("a lie about the characters left", "characters_left"),
        ("a lie about characters", "non_gsm_characters"),
        ("a lie about currency", "currency"),
        ("a price without a request", "success"),
    ] {
        let scene = Scene::new(false);
        let result = scene.call(Tool::EstimateSmsCost, json!({"to": RECIPIENT, "message": attack})).await;
        withheld(&scene, result, field, attack);
    }
}

#[tokio::test]
async fn a_lie_about_the_balance_is_withheld() {
    for (digits, field) in [
        (11, "balance"),
        (12, "name"),
        (13, "currency"),
        (14, "messages_left"),
        (15, "low_balance"),
        (16, "subaccount"),
        (17, "balance_used"),
        (18, "usage_limit"),
    ] {
        let scene = Scene::new(false);
        let to = format!("+467017406{digits}");
        withheld(&scene, scene.call(Tool::CheckAccountBalance, json!({"to": to})).await, field, field);
    }
}

#[tokio::test]
async fn a_lie_about_the_statistics_is_withheld() {
    for (limit, field) in [
        (81, "total"),
        (82, "delivered"),
        (83, "failed"),
        (84, "in_transit"),
        (85, "unknown"),
        (86, "parts"),
        (87, "total_cost"),
        (88, "mean_cost"),
        (89, "currency"),
        (90, "period_start"),
        (91, "period_end"),
        (92, "stopped_early"),
        (93, "unreadable"),
    ] {
        let scene = with_history().await;
        withheld(&scene, scene.call(Tool::GetDeliveryStatistics, json!({"limit": limit})).await, field, field);
    }
}

#[tokio::test]
async fn notes_of_the_component_are_bounded_and_named_as_its_own() {
    let scene = Scene::new(false);
    let arguments = json!({"to": RECIPIENT, "message": "valid"});
    let success = scene.call(Tool::EstimateSmsCost, arguments).await.unwrap_or_else(|failure| panic!("{failure}"));
    let notes: Vec<&str> =
        success.facts["checker_notes"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(notes[0], "Note: the price is 0.01 SEK. To: +46701740699 │ Yes");
    assert!(notes.iter().all(|note| note.chars().count() <= 300 && !note.contains(['\n', '\u{202e}'])), "{notes:?}");
    assert!(!success.summary.contains("0.01"), "{}", success.summary);
}

/// Gives a call up once 46elks was asked, while the component computes.
async fn given_up(call: impl Future<Output = Result<Success, Failure>>, was_asked: impl Fn() -> bool) {
    let answered = async {
        while !was_asked() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        // The answer is on its way; the component may compute for a second.
        tokio::time::sleep(Duration::from_millis(300)).await;
    };
    tokio::select! {
        ended = call => panic!("the call was not given up: {:?}", ended.err()),
        () = answered => {}
    }
}

/// A scene whose upstream is a fake 46elks.
fn with_fake(elks: &FakeElks, dry_run: bool) -> Scene {
    Scene::with_upstream(Arc::new(ElksApi::at(elks.address, &elks.certificate).unwrap()), dry_run)
}

fn with_fake_and_limit(elks: &FakeElks, limit: u32) -> Scene {
    let upstream = Arc::new(ElksApi::at(elks.address, &elks.certificate).unwrap());
    Scene::limited(upstream, true, limit)
}

#[tokio::test]
async fn a_cancelled_dry_run_that_46elks_answered_with_an_id_is_an_alarm() {
    let elks = FakeElks::answering(|request| match request.field("dryrun") {
        Some(_) => Reaction::json(&merged(answers::dry_run(request), &json!({"id": answers::ID}))),
        None => Reaction::json(&answers::account()),
    });
    let scene = with_fake(&elks, true);
    let _ = scene.query("valid").await; // the account is verified
    scene.audits();
    let dry_run_left = || elks.requests().iter().any(|request| request.field("dryrun").is_some());
    given_up(scene.send("send and compute"), dry_run_left).await;
    let audits = scene.audits();
    assert!(audits.iter().any(|audit| audit["event"] == "dry_run_with_id"), "{audits:?}");
}

#[tokio::test]
async fn a_denial_during_the_check_of_the_account_is_an_alarm_also_when_the_call_is_cancelled() {
    let asked = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&asked);
    let elks = FakeElks::answering_everything(move |_| {
        count.fetch_add(1, Ordering::Relaxed);
        Reaction::json(&merged(answers::account(), &json!({"displayname": "Denied and hanging"})))
    });
    let scene = with_fake(&elks, true);
    given_up(scene.send("valid"), || asked.load(Ordering::Relaxed) > 0).await;
    let audits = scene.audits();
    assert!(audits.iter().any(|audit| audit["event"] == "denied"), "{audits:?}");
}

#[tokio::test]
async fn asking_for_the_account_again_is_limited_also_when_calls_are_cancelled() {
    // The check is slow, so that there is time to cancel. The component computes; a slow 46elks does the same.
    let asked = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&asked);
    let elks = FakeElks::answering_everything(move |_| {
        count.fetch_add(1, Ordering::Relaxed);
        Reaction::json(&merged(answers::account(), &json!({"displayname": "Denied and hanging"})))
    });
    let scene = with_fake_and_limit(&elks, 2);
    for _ in 0..8 {
        let call = scene.send("valid");
        let _ = tokio::time::timeout(Duration::from_millis(300), call).await;
    }
    let asked = asked.load(Ordering::Relaxed);
    assert!(
        (1..=3).contains(&asked),
        "{asked} requests for the account, one is free and two are admitted: {:?}",
        scene.audits()
    );
}

#[tokio::test]
async fn an_account_that_46elks_answers_with_nonsense_is_not_called_unreachable() {
    let elks = FakeElks::answering_everything(|_| Reaction::text(500, "oops"));
    let scene = with_fake(&elks, true);
    let failure = scene.send("valid").await.err().expect("must fail");
    assert!(failure.text.starts_with("the account could not be verified: 46elks answered 500"), "{failure}");
}

#[tokio::test]
async fn an_answer_that_the_host_cannot_pass_on_is_named_as_such() {
    let elks = FakeElks::answering(|_| Reaction::answer(403, "text/plain", b"Invalid to number \xff".to_vec()));
    let scene = with_fake(&elks, false);
    for failure in [scene.send("valid").await.err(), scene.query("valid").await.err()] {
        let failure = failure.expect("must fail");
        assert!(failure.text.starts_with("46elks gave no usable answer: it was not plain text"), "{failure}");
    }
}

#[tokio::test]
async fn a_component_cannot_hide_messages_behind_a_small_page() {
    let scene = with_history().await;
    let all = scene.query("valid").await.unwrap_or_else(|failure| panic!("{failure}"));
    assert!(all.facts["messages"].as_array().unwrap().len() > 2);
    let failure = scene.query("a page of one").await.err().expect("is denied");
    assert_eq!(failure.code, Code::SandboxViolation, "{failure}");
}

/// After a send that may have left, a model is sent to this history.
#[tokio::test]
async fn none_match_is_never_said_while_one_does() {
    let scene = with_history().await;
    let cursor = "2026-12-31T00:00:00.000~aZpageZofZone";
    for direction in ["outbound", "inbound"] {
        let arguments = json!({"cursor": cursor, "direction": direction});
        let failure = scene.call(Tool::GetSmsMessages, arguments).await.err().expect("is denied");
        assert_eq!(failure.code, Code::SandboxViolation, "{direction}: {failure}");
    }
}
