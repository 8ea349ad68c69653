//! A server that speaks HTTP/2 badly: whether something may have been sent is reported as the protocol knows it
//! (RFC 9113), and the next call works.

use crate::support::http_2::{
    Attack, CANCEL, CONTINUATION, Connection, DATA, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, HEADERS, Http2Elks,
    INTERNAL_ERROR, NO_ERROR, PING, REFUSED_STREAM, SETTINGS, STATUS_200,
};
use crate::support::program::Launch;
use serde_json::{Value, json};
use std::io;
use std::time::{Duration, Instant};

/// What becomes of the message that meets the attack.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Outcome {
    Sent,
    NotSent,
    Unknown,
}
use Outcome::{NotSent, Sent, Unknown};

/// Sends a message that meets the attack, and then asks and sends as usual.
fn assert_outcome(what: &str, attack: Attack, expected: Outcome) {
    let arrives = matches!(attack, Attack::OnSend(_));
    let elks = Http2Elks::start(attack);
    let mut program = Launch::account_at(&elks.proxy(), &elks.pem, &[]).serve();
    program.stderr_line("✓ 46elks credentials verified");
    let begun = Instant::now();
    let met = program.send(json!({"message": "Hej"}));
    assert!(begun.elapsed() < Duration::from_secs(25), "{what}: {:?}", begun.elapsed());
    match expected {
        Sent => assert_eq!(met.facts()["sent"], true, "{what}"),
        NotSent => {
            let error = met.failed("UNREACHABLE");
            assert!(error.contains("Nothing was sent"), "{what}: {error}");
        }
        Unknown => {
            let error = met.failed("OUTCOME_UNKNOWN");
            assert!(error.contains("It is not known whether the message was sent"), "{what}: {error}");
        }
    }
    let arrived = u32::from(arrives);
    assert_eq!(elks.sends(), arrived, "{what}: nothing is tried twice");
    assert_eq!(program.call("check_account_balance", json!({})).facts()["balance"], 1_000_000, "{what}");
    assert_eq!(program.send(json!({"message": "Hej igen"})).facts()["sent"], true, "{what}");
    assert_eq!(elks.sends(), arrived + 1, "{what}");
    if expected == NotSent {
        // The same message can be sent at once: the journal knows that it was not.
        assert_eq!(program.send(json!({"message": "Hej"})).facts()["sent"], true, "{what}");
    }
}

/// Tries all of these at the same time.
fn assert_outcomes(cases: Vec<(&str, Outcome, Attack)>) {
    std::thread::scope(|scope| {
        for (what, expected, attack) in cases {
            scope.spawn(move || assert_outcome(what, attack, expected));
        }
    });
}

/// An error by which the server ends the connection.
fn ends() -> io::Result<()> {
    Err(io::ErrorKind::ConnectionAborted.into())
}

type OnConnection = fn(&mut Connection) -> io::Result<()>;
type OnSend = fn(&mut Connection, u32, &Value) -> io::Result<()>;

#[test]
fn a_message_that_the_server_has_certainly_not_processed_was_not_sent() {
    let cases: [(&str, OnSend); 5] = [
        ("GOAWAY below the stream", |connection, stream, _| {
            connection.go_away(stream - 2, NO_ERROR)?;
            ends()
        }),
        ("GOAWAY of no stream, with an error", |connection, _, _| {
            connection.go_away(0, INTERNAL_ERROR)?;
            ends()
        }),
        ("GOAWAY of all streams, then below the stream", |connection, stream, _| {
            connection.go_away(u32::MAX >> 1, NO_ERROR)?;
            connection.go_away(stream - 2, NO_ERROR)?;
            ends()
        }),
        ("GOAWAY below the stream, and the connection stays", |connection, stream, _| {
            connection.go_away(stream - 2, ENHANCE_YOUR_CALM)
        }),
        ("REFUSED_STREAM", |connection, stream, _| connection.reset(stream, REFUSED_STREAM)),
    ];
    assert_outcomes(cases.map(|(what, attack)| (what, NotSent, Attack::OnSend(attack))).into());
}

#[test]
fn a_message_that_the_server_may_have_processed_has_an_unknown_outcome() {
    let cases: [(&str, OnSend); 11] = [
        ("the connection ends", |_, _, _| ends()),
        ("GOAWAY at the stream", |connection, stream, _| {
            connection.go_away(stream, NO_ERROR)?;
            ends()
        }),
        ("GOAWAY at the stream, with an error", |connection, stream, _| {
            connection.go_away(stream, ENHANCE_YOUR_CALM)?;
            ends()
        }),
        ("GOAWAY of all streams", |connection, _, _| {
            connection.go_away(u32::MAX >> 1, INTERNAL_ERROR)?;
            ends()
        }),
        ("GOAWAY with a greater stream than before", |connection, stream, _| {
            connection.go_away(stream, NO_ERROR)?;
            connection.go_away(stream + 2, NO_ERROR)?;
            ends()
        }),
        ("CANCEL", |connection, stream, _| connection.reset(stream, CANCEL)),
        ("a reset without an error", |connection, stream, _| connection.reset(stream, NO_ERROR)),
        ("REFUSED_STREAM in the middle of an answer", |connection, stream, _| {
            connection.write(HEADERS, END_HEADERS, stream, STATUS_200)?;
            connection.write(DATA, 0, stream, b"{\"id\":")?;
            connection.reset(stream, REFUSED_STREAM)
        }),
        ("GOAWAY below the stream in the middle of its answer", |connection, stream, _| {
            connection.write(HEADERS, END_HEADERS, stream, STATUS_200)?;
            connection.write(DATA, 0, stream, b"{\"id\":")?;
            connection.go_away(stream - 2, NO_ERROR)?;
            ends()
        }),
        ("endless headers", |connection, stream, _| {
            // A literal header without index: `x: ` and many letters.
            connection.write(HEADERS, 0, stream, b"\x88\x00\x01x\x7f\xe1\xff\x3f")?;
            loop {
                connection.write(CONTINUATION, 0, stream, &[b'a'; 1000])?;
            }
        }),
        ("no frame of HTTP/2", |connection, _, _| {
            connection.bytes(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")?;
            ends()
        }),
    ];
    assert_outcomes(cases.map(|(what, attack)| (what, Unknown, Attack::OnSend(attack))).into());
}

#[test]
fn an_answer_counts_whatever_stands_around_it() {
    let cases: [(&str, OnSend); 4] = [
        ("100 and 103 before it", |connection, stream, answer| {
            // A literal header without index, whose name is the 8th of the static table: `:status`.
            connection.write(HEADERS, END_HEADERS, stream, b"\x08\x03100")?;
            connection.write(HEADERS, END_HEADERS, stream, b"\x08\x03103")?;
            connection.answer(stream, answer)
        }),
        ("trailers behind it", |connection, stream, answer| {
            connection.write(HEADERS, END_HEADERS, stream, STATUS_200)?;
            connection.write(DATA, 0, stream, answer.to_string().as_bytes())?;
            connection.write(HEADERS, END_HEADERS | END_STREAM, stream, b"\x00\x01x\x01y")
        }),
        ("GOAWAY at the stream before it", |connection, stream, answer| {
            connection.go_away(stream, NO_ERROR)?;
            connection.answer(stream, answer)?;
            ends()
        }),
        ("pings and settings between", |connection, stream, answer| {
            connection.write(HEADERS, END_HEADERS, stream, STATUS_200)?;
            for number in 0_u64..100 {
                connection.write(PING, 0, 0, &number.to_be_bytes())?;
                connection.write(SETTINGS, 0, 0, &[])?;
            }
            connection.write(DATA, END_STREAM, stream, answer.to_string().as_bytes())
        }),
    ];
    assert_outcomes(cases.map(|(what, attack)| (what, Sent, Attack::OnSend(attack))).into());
}

#[test]
fn a_server_that_freezes_or_floods_ends_in_time_and_the_next_call_works() {
    let on_send: [(&str, OnSend); 5] = [
        ("it freezes", |connection, _, _| connection.freeze()),
        ("it freezes in a frame of headers", |connection, _, _| {
            connection.bytes(&[0, 0, 9, HEADERS])?;
            connection.freeze()
        }),
        ("it freezes in the body", |connection, stream, _| {
            connection.write(HEADERS, END_HEADERS, stream, STATUS_200)?;
            connection.write(DATA, 0, stream, b"{\"id\":")?;
            connection.freeze()
        }),
        ("a flood of pings", |connection, _, _| {
            loop {
                connection.write(PING, 0, 0, &[0; 8])?;
            }
        }),
        ("a flood of settings", |connection, _, _| {
            loop {
                connection.write(SETTINGS, 0, 0, &[])?;
            }
        }),
    ];
    let on_connection: [(&str, OnConnection); 1] = [("it accepts no TLS", |_| ends())];
    let sends = on_send.map(|(what, attack)| (what, Unknown, Attack::OnSend(attack)));
    let connections = on_connection.map(|(what, attack)| (what, NotSent, Attack::OnConnection(attack)));
    assert_outcomes(sends.into_iter().chain(connections).collect());
}
