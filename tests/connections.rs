//! The connections to 46elks: kept, HTTP/2 where it is offered, and closed ones cost no send.

use crate::harness::{Elks, Launch, Reaction, account};
use crate::server;
use bytes::Bytes;
use http::{Response, Version};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

/// What 46elks answers to a message that it took.
fn accepted() -> Value {
    json!({"id": "s0123456789abcdef0123456789abcdef", "status": "created", "direction": "outgoing", "parts": 1,
           "from": "+46766861004", "to": "+46701740605", "message": "x", "cost": 5200,
           "created": "2026-01-01T08:00:00.000000"})
}

#[test]
fn calls_share_a_connection() {
    let elks = Elks::behaving(|_| Reaction::json(&accepted()));
    let mut program = Launch::account(&elks).serve();
    for _ in 0..5 {
        program.send(json!({})).facts();
    }
    assert_eq!((elks.requests().len(), elks.connections()), (5, 1));
}

#[test]
fn a_connection_that_the_server_closed_while_it_was_idle_costs_no_send() {
    let body = accepted().to_string();
    let answer = format!(
        "HTTP/1.1 200 OK\r\nconnection: keep-alive\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    // It promises to keep the connection, and closes it all the same.
    let elks = Elks::behaving(move |_| Reaction::Raw(answer.clone().into_bytes()));
    let mut program = Launch::account(&elks).env("RATE_LIMIT_SMS_PER_MINUTE", "100").serve();
    for _ in 0..50 {
        assert_eq!(program.send(json!({})).facts()["sent"], true);
        elks.closed();
    }
    assert_eq!(elks.requests().len(), 50, "each message left once");
}

#[test]
fn http_2_is_spoken_where_it_is_offered() {
    let (pem, tls) = server::tls().unwrap();
    let certificate = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("h2-{}.pem", std::process::id()));
    std::fs::write(&certificate, pem).unwrap();
    let seen: Arc<Mutex<Vec<(Version, String)>>> = Arc::default();
    let log = Arc::clone(&seen);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let listener = runtime.block_on(server::listen()).unwrap();
    let proxy = format!("http://{}", listener.local_addr().unwrap());
    runtime.spawn(server::serve(listener, Some(tls), move |request| {
        log.lock().unwrap().push((request.version(), request.uri().path().to_string()));
        let body = if request.uri().path() == "/a1/me" { account() } else { accepted() };
        async move { Ok(Response::new(Bytes::from(body.to_string()))) }
    }));
    let launch = Launch::with(&[]).credentials().env("HTTPS_PROXY", &proxy);
    let mut program = launch.env("SSL_CERT_FILE", certificate.to_str().unwrap()).serve();
    program.call("check_account_balance", json!({})).facts();
    for _ in 0..3 {
        assert_eq!(program.send(json!({})).facts()["sent"], true);
    }
    drop(program);
    std::fs::remove_file(&certificate).unwrap();
    let seen = seen.lock().unwrap();
    assert!(seen.iter().all(|(version, _)| *version == Version::HTTP_2), "{seen:?}");
    assert_eq!(seen.iter().filter(|(_, path)| path == "/a1/sms").count(), 4, "a price and three messages");
}
