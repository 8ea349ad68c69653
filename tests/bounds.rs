//! Bounds that really fire: each is hit by the attacker, and the next call works.

use crate::attacks::Scene;
use crate::support::fake_elks::{self, FakeElks, Reaction};
use crate::support::program::Launch;
use elks_mcp::tools::Tool;
use elks_sandbox::ElksApi;
use elks_sandbox::sandbox::CALL_TIMEOUT;
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
async fn a_huge_result_is_refused() {
    stopped("a hundred mebibytes of result", "SANDBOX_ERROR", "too much memory").await;
    stopped("more result than the host copies", "SANDBOX_ERROR", "failed").await;
    let scene = Scene::new(false);
    let success = scene.send("more notes than a client should get").await.unwrap_or_else(|error| panic!("{error}"));
    assert!(success.text.len() < 2000, "notes are cut");
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
