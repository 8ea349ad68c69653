//! Bounds that really fire: each is hit by the attacker, and the next call works.

use crate::attacks::Scene;
use crate::support::fake_elks::{self, FakeElks, Reaction};
use crate::support::program::Launch;
use elks_mcp::tools::Tool;
use elks_sandbox::ElksApi;
use elks_sandbox::egress::MAX_REQUESTS;
use elks_sandbox::sandbox::{CALL_TIMEOUT, MAX_AUTHORITY_BYTES, MAX_PATH_BYTES};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// An attack that must end in this code, send nothing, and leave the host in good health.
async fn stopped(attack: &str, code: &str, reason: &str) {
    let scene = Scene::new(false);
    let error = scene.send(attack).await.err().unwrap_or_else(|| panic!("{attack} was not stopped")).to_string();
    assert!(error.starts_with(&format!("Error ({code}): ")) && error.contains(reason), "{attack}: {error}");
    assert_eq!(scene.audits().len(), 1, "{attack}");
    assert_eq!(scene.charged().await, 0, "{attack}");
    scene.still_works(0).await;
}

#[tokio::test]
async fn an_endless_loop_is_stopped() {
    stopped("endless loop", "SANDBOX_ERROR", "took too long").await;
}

#[tokio::test]
async fn deep_recursion_is_stopped() {
    stopped("deep recursion", "SANDBOX_ERROR", "failed").await;
}

#[tokio::test]
async fn a_trap_is_one_failed_call() {
    stopped("trap", "SANDBOX_ERROR", "failed").await;
}

#[tokio::test]
async fn memory_over_the_limit_is_denied() {
    stopped("four gibibytes", "SANDBOX_ERROR", "too much memory").await;
}

#[tokio::test]
async fn a_million_resources_are_denied() {
    stopped("a million resources", "SANDBOX_ERROR", "failed").await;
}

#[tokio::test]
async fn handles_over_the_limit_are_denied() {
    for attack in ["keep 21 fields 0", "keep 21 treasure 0", "keep 7 body 1"] {
        stopped(attack, "SANDBOX_ERROR", "failed").await;
    }
    let scene = Scene::new(false);
    let error = scene.query("keep 20 pollable 0").await.err().expect("the future is the first handle").to_string();
    assert!(error.starts_with("Error (SANDBOX_ERROR): the component failed"), "{error}");
    scene.still_works(0).await;
}

#[tokio::test]
async fn headers_over_the_limit_are_not_kept() {
    for attack in ["keep 1 headers 600", "keep 12 headers 1"] {
        stopped(attack, "SANDBOX_ERROR", "failed").await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_nobody_reads_holds_two_writes() {
    stopped("keep 1 body 8192", "SANDBOX_ERROR", "took too long").await;
}

#[tokio::test]
async fn a_text_of_a_request_over_its_limit_is_denied_and_not_kept() {
    let (authority, path) = (MAX_AUTHORITY_BYTES, MAX_PATH_BYTES);
    for (attack, rule) in [
        (format!("keep 1 authority {}", authority + 1), "authority"),
        (format!("keep 1 path {}", path + 1), "path"),
        ("keep 1 method 1".into(), "method"),
        ("keep 1 scheme 1".into(), "scheme"),
        ("keep 15 authority 1900000".into(), "authority"),
        ("keep 15 path 65000".into(), "path"),
        ("keep 15 method 1900000".into(), "method"),
        ("keep 15 scheme 64".into(), "scheme"),
    ] {
        let scene = Scene::new(false);
        let result = scene.send(&attack).await;
        scene.denied(result, rule, 0, &attack).await;
    }
    for attack in
        [format!("keep 15 authority {authority}"), format!("keep 15 path {path}"), "keep 1 headers 400".into()]
    {
        let scene = Scene::new(false);
        scene.send(&attack).await.unwrap_or_else(|error| panic!("{attack}: {error}"));
        assert_eq!(scene.charged().await, 1, "{attack}: up to the limit, the message is sent");
    }
}

#[test]
fn the_longest_valid_paths_are_within_the_limit() {
    let mut program = Launch::simulator().serve();
    let (start, end) = ("2026-01-31T12:00:00.123456Z", "2026-01-30T12:00:00.123456Z");
    program
        .call("get_sms_messages", json!({"limit": 100, "start": start, "end": end, "to": "+467017406050123"}))
        .facts();
    program.call("check_sms_status", json!({"message_id": "s".repeat(64)})).failed("ELKS_API_ERROR");
}

#[tokio::test]
async fn a_call_hands_over_a_limited_number_of_requests() {
    // The first ones are permitted. Those that are dropped at once would be tasks that nobody had time to end.
    for attack in
        [format!("keep {} dropped 0", MAX_REQUESTS + 1), "keep 11 future 0".into(), "keep 11 response 0".into()]
    {
        let scene = Scene::new(false);
        let result = scene.query(&attack).await;
        scene.denied(result, "count", 0, &attack).await;
    }
}

#[tokio::test]
async fn a_huge_result_is_refused() {
    stopped("a hundred mebibytes of result", "SANDBOX_ERROR", "too much memory").await;
    stopped("more result than the host copies", "SANDBOX_ERROR", "failed").await;
    for attack in ["more notes than a client should get", "a result that grows when it is escaped"] {
        let scene = Scene::new(false);
        let success = scene.send(attack).await.unwrap_or_else(|error| panic!("{attack}: {error}"));
        assert!(success.text.len() < 2000, "{attack}: notes are cut");
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_without_a_response_times_out() {
    let scene = Scene::new(false);
    // The paused clock advances only when all tasks wait, so the test takes no real time.
    let begun = tokio::time::Instant::now();
    let error = scene.call(Tool::SendSms, json!({"to": "+46701740688", "message": "valid"})).await;
    let error = error.err().expect("no answer comes").to_string();
    assert!(error.starts_with("Error (OUTCOME_UNKNOWN): "), "{error}");
    assert_eq!(begun.elapsed().as_secs(), 20, "a component that imports timeouts of its own is not even loaded");
}

#[tokio::test]
async fn a_silent_server_ends_the_call_in_time() {
    let elks = FakeElks::answering(|_| Reaction::Silence);
    let upstream = Arc::new(ElksApi::at(elks.address, &elks.certificate).unwrap());
    let scene = Arc::new(Scene::with_upstream(upstream, false));
    let call = tokio::spawn({
        let scene = Arc::clone(&scene);
        async move { scene.query("wait and wait").await }
    });
    // Once the request is there, only time can pass.
    let elks = tokio::task::spawn_blocking(move || {
        elks.arrival();
        elks
    })
    .await
    .unwrap();
    tokio::time::pause();
    let begun = tokio::time::Instant::now();
    let error = call.await.unwrap().err().expect("no answer comes").to_string();
    assert!(error.starts_with("Error (SANDBOX_ERROR): the call took too long"), "{error}");
    let waited = begun.elapsed();
    assert!(
        waited > Duration::from_secs(20) && waited < CALL_TIMEOUT + Duration::from_secs(1),
        "one request times out, then the call: {waited:?}"
    );
    drop(elks);
}

#[tokio::test]
async fn a_server_that_accepts_and_stays_silent_is_unreachable() {
    let listener = fake_elks::listener().unwrap();
    let address = listener.local_addr().unwrap();
    let certificate = FakeElks::answering(|_| Reaction::HangUp).certificate.clone();
    let upstream = Arc::new(ElksApi::at(address, &certificate).unwrap());
    let scene = Arc::new(Scene::with_upstream(upstream, false));
    let call = tokio::spawn({
        let scene = Arc::clone(&scene);
        async move { scene.query("read").await }
    });
    // Once the connection is there, only time can pass.
    let connection = tokio::task::spawn_blocking(move || listener.accept().unwrap()).await.unwrap();
    tokio::time::pause();
    let begun = tokio::time::Instant::now();
    let error = call.await.unwrap().err().expect("no answer comes").to_string();
    assert!(error.starts_with("Error (UNREACHABLE): "), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(11), "ten seconds and no more: {:?}", begun.elapsed());
    drop(connection);
}

/// What a query over real TLS ends in when 46elks answers so.
async fn answered(reaction: impl Fn() -> Reaction + Send + Sync + 'static) -> String {
    let elks = FakeElks::answering(move |_| reaction());
    let upstream = Arc::new(ElksApi::at(elks.address, &elks.certificate).unwrap());
    let scene = Scene::with_upstream(upstream, false);
    let error = scene.query("read").await.err().expect("no sense comes back").to_string();
    assert_eq!(scene.audits().len(), 1);
    error
}

#[tokio::test]
async fn endless_and_malformed_responses_are_aborted() {
    for (what, reaction) in [
        (
            "a body without end",
            (|| Reaction::Endless(b"HTTP/1.1 200 OK\r\n\r\n", b"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx")) as fn() -> Reaction,
        ),
        ("headers without end", || {
            Reaction::Endless(b"HTTP/1.1 200 OK\r\n", b"x-header: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n")
        }),
        ("one endless header", || {
            Reaction::Endless(b"HTTP/1.1 200 OK\r\nx: ", b"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")
        }),
        ("half an answer", || Reaction::Raw(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"data\"".to_vec())),
        ("no HTTP", || Reaction::Raw(b"SSH-2.0-OpenSSH_9.9\r\n".to_vec())),
        ("no UTF-8", || Reaction::answer(200, "application/json", b"\xc3\x28".to_vec())),
        ("a gzip bomb", || {
            Reaction::Raw(
                b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\n\x1f\x8b\x08\x00".to_vec(),
            )
        }),
    ] {
        let error = answered(reaction).await;
        assert!(error.starts_with("Error ("), "{what}: {error}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn the_program_runs_in_a_limited_address_space() {
    // 16 GiB: less than the pool reserves, more than a call needs.
    let mut program = Launch::simulator().limited(16 << 20).serve();
    for _ in 0..20 {
        program.call("get_sms_messages", json!({})).facts();
    }
}
