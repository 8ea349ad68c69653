//! The connections to 46elks: they are kept for a moment, HTTP/2 is spoken where it is offered, and a send never meets
//! a connection that the server is just closing.

use crate::support::answers;
use crate::support::fake_elks::{FakeElks, Reaction};
use crate::support::program::Launch;
use http::Version;
use serde_json::json;

#[test]
fn calls_share_a_connection() {
    let elks = FakeElks::answering(answers::accepting);
    let mut program = Launch::account(&elks).serve();
    for number in 0..5 {
        program.send(json!({"message": format!("Hej {number}")})).facts();
    }
    assert_eq!((elks.requests().len(), elks.connections()), (5, 1));
}

#[test]
fn a_send_never_uses_a_connection_that_was_idle_for_half_a_second() {
    for elks in [FakeElks::answering(answers::accepting), FakeElks::over_http_2(answers::accepting)] {
        let mut program = Launch::account(&elks).serve();
        for number in 0..3 {
            assert_eq!(program.send(json!({"message": format!("Hej {number}")})).facts()["sent"], true);
            let before = elks.connections();
            // Each waits for 300 ms, unless a request comes.
            while !(elks.is_quiet() && elks.is_quiet()) {}
            assert_eq!(program.send(json!({"message": format!("Hej igen {number}")})).facts()["sent"], true);
            assert_eq!(elks.connections(), before + 1);
        }
    }
}

#[test]
fn a_connection_whose_end_has_arrived_carries_no_send() {
    // The server promises to keep the connection, and closes it all the same.
    let elks = FakeElks::answering(|request| {
        let body = answers::accepted(request).to_string();
        let head = "HTTP/1.1 200 OK\r\nconnection: keep-alive\r\ncontent-type: application/json\r\ncontent-length";
        Reaction::Raw(format!("{head}: {}\r\n\r\n{body}", body.len()).into_bytes())
    });
    let launch = Launch::account(&elks).env("RATE_LIMIT_SMS_PER_MINUTE", "1000");
    let mut program = launch.env("ELKS_MAX_SMS_PER_RECIPIENT_PER_DAY", "*").serve();
    for number in 0..90 {
        assert_eq!(program.send(json!({"message": format!("Hej {number}")})).facts()["sent"], true);
        elks.closed();
    }
    assert_eq!(elks.requests().len(), 90, "each message left once");
}

#[test]
fn an_answer_in_no_encoding_is_taken_and_any_other_is_refused() {
    for (encoding, is_taken) in [
        ("identity", true),
        ("Identity", true),
        ("identity, identity", true),
        ("gzip", false),
        ("identity, gzip", false),
    ] {
        let elks = FakeElks::answering(move |request| {
            answers::accepting(request).with_header(http::header::CONTENT_ENCODING, encoding)
        });
        let sent = Launch::account(&elks).serve().send(json!({}));
        if is_taken {
            assert_eq!(sent.facts()["sent"], true, "{encoding}");
        } else {
            sent.failed("OUTCOME_UNKNOWN");
        }
    }
}

#[test]
fn http_2_is_spoken_where_it_is_offered() {
    let elks = FakeElks::over_http_2(answers::accepting);
    let mut program = Launch::account(&elks).serve();
    program.call("check_account_balance", json!({})).facts();
    for number in 0..3 {
        assert_eq!(program.send(json!({"message": format!("Hej {number}")})).facts()["sent"], true);
    }
    let requests = elks.requests();
    assert!(requests.iter().all(|request| request.version == Version::HTTP_2), "{requests:?}");
    let posts = requests.iter().filter(|request| request.path == "/a1/sms").count();
    assert_eq!(posts, 4, "a price and three messages");
}
