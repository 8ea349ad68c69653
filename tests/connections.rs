//! The connections to 46elks: they are kept, HTTP/2 is spoken where it is offered, and one that was
//! closed while idle costs no send.

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
fn a_connection_that_the_server_closed_while_it_was_idle_costs_no_send() {
    // It promises to keep the connection, and closes it all the same.
    let elks = FakeElks::answering(|request| {
        let body = answers::accepted(request).to_string();
        let head = "HTTP/1.1 200 OK\r\nconnection: keep-alive\r\ncontent-type: application/json\r\ncontent-length";
        Reaction::Raw(format!("{head}: {}\r\n\r\n{body}", body.len()).into_bytes())
    });
    let launch = Launch::account(&elks).env("RATE_LIMIT_SMS_PER_MINUTE", "100");
    let mut program = launch.env("ELKS_MAX_SMS_PER_RECIPIENT_PER_DAY", "*").serve();
    for number in 0..50 {
        assert_eq!(program.send(json!({"message": format!("Hej {number}")})).facts()["sent"], true);
        elks.closed();
        // A close that comes in the same turn of the program's event loop as the next call is not "while
        // idle": no HTTP/1.1 client can always tell it from one that comes after the request. Each ping is
        // a turn; a busy machine delivers the close a few turns late.
        (0..5).for_each(|_| program.ping());
    }
    assert_eq!(elks.requests().len(), 50, "each message left once");
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
