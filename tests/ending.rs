//! How sessions end: promptly, without orphan, panic or lost audit line.

use crate::support::RECIPIENT;
use crate::support::fake_account::FakeAccount;
use crate::support::fake_elks::{FakeElks, Reaction};
use crate::support::program::{Launch, Program};
use crate::support::state_dir::StateDir;
use elks_mcp::mcp_client::Output;
#[cfg(unix)]
use elks_mcp::signals::hangup_is_ignored;
use serde_json::json;

/// A session whose send has left and is never answered.
fn with_a_send_under_way(launch: Launch, elks: &FakeElks) -> Program {
    let mut program = launch.serve();
    program.post_call("send_sms", &json!({"to": RECIPIENT, "message": "Hej"}));
    elks.arrival();
    program
}

/// Asserts that the program ended well and recorded that the message may have been sent.
fn ended_with_unknown_outcome(program: Program) {
    let finished = program.wait();
    let stderr = finished.errors();
    assert_eq!(finished.code(), 0, "{stderr}");
    let audits: Vec<&str> = stderr.lines().filter(|line| line.starts_with("{\"audit\"")).collect();
    assert_eq!(audits.len(), 1, "{stderr}");
    assert!(audits[0].contains("\"error\":\"OUTCOME_UNKNOWN\"") && !stderr.contains("panicked"), "{stderr}");
}

/// The signals that end the program. Tests that were started by `nohup` ignore SIGHUP, and so do their programs.
#[cfg(unix)]
fn ending_signals() -> Vec<&'static str> {
    let hangup = if hangup_is_ignored() { None } else { Some("HUP") };
    ["TERM", "INT"].into_iter().chain(hangup).collect()
}

#[cfg(unix)]
#[test]
fn signals_end_the_program_whenever_they_come() {
    for signal in ending_signals() {
        let mut early = Launch::simulator().start();
        early.stderr_line("running on stdio");
        early.signal(signal);
        assert_eq!(early.wait().code(), 0, "{signal} before the handshake");
        let idle = Launch::simulator().serve();
        idle.signal(signal);
        assert_eq!(idle.wait().code(), 0, "{signal} while idle");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_program_that_was_started_to_ignore_sighup_goes_on() {
    let mut program = Launch::simulator().ignoring_hangup().serve();
    program.signal("HUP");
    program.ping();
    assert_eq!(program.send(json!({})).facts()["sent"], true);
    assert_eq!(program.finish().code(), 0);
}

#[cfg(unix)]
#[test]
fn a_signal_during_a_send_is_an_unknown_outcome() {
    for signal in ending_signals() {
        let elks = FakeElks::answering(|_| Reaction::Silence);
        let program = with_a_send_under_way(Launch::account(&elks), &elks);
        program.signal(signal);
        ended_with_unknown_outcome(program);
        assert_eq!(elks.requests().len(), 1);
    }
}

#[cfg(unix)]
#[test]
fn the_client_learns_the_outcome_of_a_send_that_a_signal_meets() {
    for signal in ending_signals() {
        // 46elks answers soon after the signal.
        let account = FakeAccount::new();
        let elks = account.server();
        let mut program = Launch::account(&elks).serve();
        account.answers_to_sends.hold();
        program.post_call("send_sms", &json!({"to": RECIPIENT, "message": "Hej"}));
        account.answers_to_sends.await_waiting(1);
        program.signal(signal);
        account.answers_to_sends.release();
        let finished = program.wait();
        assert_eq!(finished.code(), 0, "{signal}");
        assert!(finished.stdout[0].contains("\"sent\":true"), "{signal}: {:?}", finished.stdout);
        // It never answers.
        let elks = FakeElks::answering(|_| Reaction::Silence);
        let program = with_a_send_under_way(Launch::account(&elks), &elks);
        program.signal(signal);
        let finished = program.wait();
        assert!(finished.stdout[0].contains("Error (OUTCOME_UNKNOWN): "), "{signal}: {:?}", finished.stdout);
        assert!(!finished.stdout[0].contains("Nothing was sent"), "{signal}: {:?}", finished.stdout);
    }
}

#[cfg(windows)]
#[test]
fn ctrl_break_ends_the_program_as_a_signal_does() {
    let mut early = Launch::simulator().in_own_group().start();
    early.stderr_line("running on stdio");
    early.ctrl_break();
    assert_eq!(early.wait().code(), 0, "before the handshake");
    let idle = Launch::simulator().in_own_group().serve();
    idle.ctrl_break();
    assert_eq!(idle.wait().code(), 0, "while idle");
    let elks = FakeElks::answering(|_| Reaction::Silence);
    let sending = with_a_send_under_way(Launch::account(&elks).in_own_group(), &elks);
    sending.ctrl_break();
    ended_with_unknown_outcome(sending);
    assert_eq!(elks.requests().len(), 1);
}

#[test]
fn a_program_that_is_killed_before_it_is_connected_has_sent_nothing() {
    let account = FakeAccount::new();
    // The connection of the verification is of no use for the message.
    account.set(|behaviour| behaviour.closing = true);
    let elks = account.server();
    let mut program = Launch::account(&elks).serve();
    elks.closed();
    elks.connects.hold();
    program.post_call("send_sms", &json!({"to": RECIPIENT, "message": "Hej"}));
    elks.connects.await_waiting(1);
    program.kill();
    elks.connects.release();
    elks.closed();
    assert_eq!((elks.sends(), account.messages().len()), (0, 0));
}

#[test]
fn a_program_that_is_killed_before_the_answer_leaves_one_message_and_the_next_one_starts() {
    let (account, state) = (FakeAccount::new(), StateDir::new());
    let elks = account.server();
    let mut program = Launch::account(&elks).state(&state).serve();
    account.answers_to_sends.hold();
    program.post_call("send_sms", &json!({"to": RECIPIENT, "message": "Hej"}));
    account.answers_to_sends.await_waiting(1);
    let finished = program.kill();
    assert!(finished.stdout.is_empty(), "no answer came: {:?}", finished.stdout);
    #[cfg(unix)]
    assert!(finished.was_killed());
    account.answers_to_sends.release();
    let mut next = Launch::account(&elks).state(&state).serve();
    let page = next.call("get_sms_messages", json!({}));
    assert_eq!(page.facts()["messages"].as_array().unwrap().len(), 1, "{}", page.text());
    assert_eq!((elks.sends(), elks.dry_runs(), account.messages().len()), (1, 0, 1));
}

#[test]
fn the_end_of_input_during_a_send_is_an_unknown_outcome() {
    let elks = FakeElks::answering(|_| Reaction::Silence);
    let mut program = with_a_send_under_way(Launch::account(&elks), &elks);
    program.close_input();
    ended_with_unknown_outcome(program);
    assert_eq!(elks.requests().len(), 1);
}

#[test]
fn at_the_end_of_input_a_call_under_way_finishes() {
    let mut program = Launch::simulator().serve();
    program.post_call("send_sms", &json!({"to": RECIPIENT, "message": "Hej"}));
    let finished = program.finish();
    assert_eq!((finished.code(), finished.stdout.len()), (0, 1), "it was answered");
    assert!(finished.errors().contains("\"success\":true"), "{}", finished.errors());
}

#[test]
fn a_client_that_stops_reading_ends_the_session() {
    let mut program = Launch::simulator().stdout(Output::Closed).start();
    program.line(
        &json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": "2025-11-25",
        "capabilities": {}, "clientInfo": {"name": "silent", "version": "1"}}})
        .to_string(),
    );
    let finished = program.wait();
    assert!(!finished.errors().contains("panicked"), "{}", finished.errors());
    assert_eq!(finished.code(), 0);
}

#[test]
fn a_closed_stderr_stops_no_call() {
    let mut program = Launch::simulator().stderr(Output::Closed).start();
    program.handshake();
    assert_eq!(program.send(json!({})).facts()["sent"], true);
    assert_eq!(program.finish().code(), 0);
}

#[test]
fn a_full_stderr_stops_no_call() {
    let mut program = Launch::simulator().stderr(Output::Unread).start();
    program.handshake();
    // Far more audit lines than a pipe holds.
    for _ in 0..1500 {
        program.call("check_sms_status", json!({"message_id": "s", "surprise": 1})).failed("VALIDATION_ERROR");
    }
    assert_eq!(program.send(json!({})).facts()["sent"], true);
    program.close_input();
    assert_eq!(program.wait().code(), 0);
}

#[cfg(unix)]
#[test]
fn a_full_stdout_does_not_block_the_exit() {
    let mut program = Launch::simulator().stdout(Output::Unread).start();
    program.line(
        &json!({"jsonrpc": "2.0", "id": "i", "method": "initialize", "params": {"protocolVersion": "2025-11-25",
        "capabilities": {}, "clientInfo": {"name": "silent", "version": "1"}}})
        .to_string(),
    );
    // Far more than a pipe holds.
    for id in 0..60 {
        program.line(&json!({"jsonrpc": "2.0", "id": id, "method": "tools/list"}).to_string());
    }
    program.stderr_line("running on stdio");
    let begun = std::time::Instant::now();
    program.signal("TERM");
    assert_eq!(program.wait().code(), 0);
    assert!(begun.elapsed() < std::time::Duration::from_secs(15), "{:?}", begun.elapsed());
}
