//! Beginning and end of a session.

use crate::support::fake_elks::{FakeElks, Reaction, listener};
use crate::support::program::{Launch, Program};
use crate::support::{PASSWORD, RECIPIENT, USERNAME, answers, merged};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, mpsc};

#[test]
fn the_start_is_reported_on_stderr_in_the_words_that_users_know() {
    let elks = FakeElks::answering(|_| Reaction::HangUp);
    let mut program = Launch::account(&elks).env("DRY_RUN", "true").start();
    for line in [
        "✓ Configuration validated",
        "DRY RUN mode enabled - SMS messages will NOT be sent",
        "✓ 46elks credentials verified",
        "✓ MCP SMS Server running on stdio",
    ] {
        program.stderr_line(line);
    }
}

#[test]
fn without_dry_run_stderr_warns_that_messages_will_be_sent() {
    let elks = FakeElks::answering(|_| Reaction::HangUp);
    let mut program = Launch::account(&elks).start();
    program.stderr_line("SMS messages WILL be sent");
}

#[test]
fn wrong_credentials_end_the_program_before_any_call_is_accepted() {
    let elks =
        FakeElks::answering_everything(|_| Reaction::text(401, "API access requires Basic HTTP authentication."));
    let mut program = Launch::account(&elks).start();
    // Even a client that does not wait for the handshake gets nothing done.
    for line in [
        json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": "2025-11-25",
               "capabilities": {}, "clientInfo": {"name": "hasty", "version": "1"}}}),
        json!({"jsonrpc": "2.0", "method": "notifications/initialized"}),
        json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "send_sms",
               "arguments": {"to": "+46701740605", "message": "Hej"}}}),
    ] {
        program.line(&line.to_string());
    }
    let finished = program.wait();
    assert_eq!(finished.code(), 1);
    let stderr = finished.errors();
    assert!(stderr.contains("✗ 46elks credential verification failed: 401 Unauthorized"), "{stderr}");
    assert!(stderr.contains("Check ELKS_API_USERNAME and ELKS_API_PASSWORD"), "{stderr}");
    assert!(!stderr.contains("running on stdio") && !stderr.contains("\"success\":true"), "{stderr}");
    assert!(elks.requests().is_empty(), "nothing but the verification was asked");
}

#[test]
fn the_handshake_does_not_wait_for_the_network_but_calls_wait_for_the_verification() {
    let (confirm, confirmed) = mpsc::channel::<()>();
    let confirmed = Mutex::new(confirmed);
    let elks = FakeElks::answering_everything(move |request| {
        if request.path == "/a1/me" {
            confirmed.lock().unwrap().recv().unwrap();
            return Reaction::json(&answers::account());
        }
        Reaction::json(&answers::page(&[]))
    });
    let mut program = Launch::account(&elks).start();
    // 46elks has not answered yet.
    assert_eq!(program.handshake()["serverInfo"]["name"], "elks-mcp");
    assert_eq!(program.request("tools/list", &json!({}))["result"]["tools"].as_array().unwrap().len(), 7);
    let id = program.post("tools/call", &json!({"name": "get_sms_messages", "arguments": {}}));
    // The call waits, the session does not.
    program.ping();
    assert!(elks.requests().is_empty(), "no call was made before the verdict");
    confirm.send(()).unwrap();
    assert_eq!(program.message()["id"], id);
    assert_eq!(elks.requests().len(), 1);
}

#[test]
fn an_unreachable_network_is_no_refusal_and_the_next_call_tries_again() {
    let asked = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&asked);
    let elks = FakeElks::answering_everything(move |request| match request.path.as_str() {
        "/a1/me" if count.fetch_add(1, Ordering::SeqCst) < 2 => Reaction::HangUp,
        "/a1/me" => Reaction::json(&answers::account()),
        _ => Reaction::json(&answers::page(&[])),
    });
    let mut program = Launch::account(&elks).serve();
    program.stderr_line("46elks could not be reached to verify the credentials; the next call tries again");
    program.stderr_line("✓ MCP SMS Server running on stdio");
    let error = program.call("get_sms_messages", json!({})).failed("UNREACHABLE");
    assert!(error.contains("Nothing was sent"), "{error}");
    assert_eq!(program.call("get_sms_messages", json!({})).facts()["messages"], json!([]));
    program.stderr_line("✓ 46elks credentials verified");
    assert_eq!(program.finish().code(), 0);
}

#[test]
fn without_a_network_the_server_stays_up() {
    // A port that was free a moment ago and has no listener.
    let port = listener().unwrap().local_addr().unwrap().port();
    let elks = FakeElks::answering(|_| Reaction::HangUp);
    let mut program = Launch::account(&elks).env("HTTPS_PROXY", &format!("http://127.0.0.1:{port}")).serve();
    assert!(program.call("check_account_balance", json!({})).error().starts_with("Error (UNREACHABLE): "));
    assert_eq!(program.request("tools/list", &json!({}))["result"]["tools"].as_array().unwrap().len(), 7);
    assert_eq!(program.finish().code(), 0);
}

#[test]
fn stdin_closed_means_exit_code_0() {
    assert_eq!(Launch::simulator().start().finish().code(), 0, "before the handshake");
    assert_eq!(Launch::simulator().serve().finish().code(), 0, "after the handshake");
    let elks = FakeElks::answering_everything(|_| Reaction::Silence);
    assert_eq!(Launch::account(&elks).start().finish().code(), 0, "while the credentials are verified");
}

#[test]
fn stdout_carries_nothing_but_json_rpc() {
    let mut program = Launch::simulator().env("RUST_LOG", "trace").serve();
    program.send(json!({}));
    program.send(json!({"to": "nonsense"}));
    program.line("this is no JSON");
    program.line("{\"jsonrpc\": \"2.0\", \"id\": 77, \"method\": \"no/such/method\"}");
    assert_eq!(program.message()["error"]["code"], -32601);
    let finished = program.finish();
    assert_eq!(finished.code(), 0);
    assert!(finished.stdout.is_empty(), "every line was an answer: {:?}", finished.stdout);
}

#[test]
fn no_log_level_lets_a_library_write_to_stderr() {
    let mut program = Launch::simulator().env("RUST_LOG", "trace").serve();
    program.send(json!({"message": "ett hemligt meddelande"}));
    let stderr = program.finish().errors();
    for line in stderr.lines() {
        let known = ["{\"audit\"", "✓", "⚠"].iter().any(|start| line.starts_with(start));
        assert!(known && !line.contains("hemligt"), "{line}");
    }
}

#[test]
fn what_this_server_does_not_offer_is_an_unknown_method() {
    let mut program = Launch::simulator().serve();
    for method in ["prompts/list", "resources/list", "resources/templates/list", "logging/setLevel"] {
        let answer = program.request(method, &json!({"level": "debug"}));
        assert_eq!(answer["error"]["code"], -32601, "{method}: {answer}");
    }
    let answer = program.request("tools/call", &json!({"name": "send_fax\u{1b}[31m", "arguments": {}}));
    assert_eq!(answer["error"]["code"], -32602);
    let text = answer["error"]["message"].as_str().unwrap();
    assert!(text.contains("send_fax\\u{1b}[31m") && text.contains("send_sms"), "{text}");
}

#[test]
fn no_listener_is_opened_and_no_file_is_written() {
    let mut program = Launch::simulator().serve();
    program.send(json!({}));
    #[cfg(target_os = "linux")]
    {
        let listening = |table: &str| {
            let sockets: Vec<String> = std::fs::read_dir(format!("/proc/{}/fd", program.pid()))
                .unwrap()
                .filter_map(|fd| std::fs::read_link(fd.unwrap().path()).ok())
                .filter_map(|link| Some(link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_string()))
                .collect();
            let table = std::fs::read_to_string(format!("/proc/{}/net/{table}", program.pid())).unwrap();
            let own = |line: &&str| {
                line.split_whitespace().nth(9).is_some_and(|inode| sockets.iter().any(|own| own == inode))
            };
            table.lines().filter(own).count()
        };
        assert_eq!(listening("tcp") + listening("tcp6") + listening("udp") + listening("udp6"), 0);
        let io = std::fs::read_to_string(format!("/proc/{}/io", program.pid())).unwrap();
        assert!(io.contains("\nwrite_bytes: 0\n"), "{io}");
    }
    assert_eq!(program.finish().code(), 0);
}

#[test]
fn the_instructions_say_what_matters_first() {
    let dry = Launch::with(&["--simulate"]).start().handshake()["instructions"].as_str().unwrap().to_string();
    assert!(dry.starts_with("SIMULATOR") && dry.contains("DRY RUN is on"), "{dry}");
    let elks = FakeElks::answering(|_| Reaction::HangUp);
    let real = Launch::account(&elks).start().handshake()["instructions"].as_str().unwrap().to_string();
    assert!(real.starts_with("DRY RUN is off") && real.contains("OUTCOME_UNKNOWN"), "{real}");
    assert!(real.contains("10 calls of send_sms, 60 of the other tools") && real.len() < 2048, "{real}");
}

#[test]
fn credentials_appear_nowhere() {
    let elks = FakeElks::answering(|_| Reaction::text(403, &format!("no: {PASSWORD} of {USERNAME}")));
    let mut program = Launch::account(&elks).env("RUST_LOG", "trace").serve();
    let mut seen = program.send(json!({})).failed("ELKS_API_ERROR");
    assert!(seen.contains("***"), "what 46elks repeats is redacted before the component sees it: {seen}");
    seen.push_str(&program.send(json!({"message": format!("my password is {PASSWORD}")})).text());
    let finished = program.finish();
    seen.push_str(&finished.errors());
    assert!(!seen.contains(PASSWORD), "{seen}");
    assert!(elks.requests().iter().all(|request| !request.body.contains(PASSWORD)));
}

/// Calls `send_sms` with this request id, and gives the whole response.
fn send_with_id(program: &mut Program, id: &str, more: Value) -> Value {
    let arguments = merged(json!({"to": RECIPIENT, "message": "Hej"}), &more);
    let params = json!({"name": "send_sms", "arguments": arguments});
    program.line(&json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params}).to_string());
    let response = program.message();
    assert_eq!(response["id"], id, "{response}");
    response
}

#[test]
fn a_request_id_is_used_up_only_by_a_call_that_may_have_sent() {
    let elks = FakeElks::answering(|request| match request.field("message").as_deref() {
        Some("refused") => Reaction::text(403, "no"),
        Some("lost") => Reaction::HangUp,
        _ => answers::accepting(request),
    });
    let launch = Launch::account(&elks).env("RATE_LIMIT_SMS_PER_MINUTE", "5");
    // Nothing but the ids stops a second message.
    let mut program = launch.env("ELKS_DUPLICATE_MINUTES", "0").serve();
    for (wrong, code) in [
        (json!({"surprise": 1}), "VALIDATION_ERROR"),
        (json!({"to": "+46701234567"}), "VALIDATION_ERROR"),
        (json!({"message": "refused"}), "ELKS_API_ERROR"),
    ] {
        let response = send_with_id(&mut program, "id", wrong);
        let text = response["result"]["content"][0]["text"].as_str().unwrap().to_string();
        assert!(text.starts_with(&format!("Error ({code})")), "{response}");
    }
    let dry = send_with_id(&mut program, "id", json!({"dry_run": true}));
    assert_eq!(dry["result"]["structuredContent"]["dry_run"], true, "{dry}");
    let sent = send_with_id(&mut program, "id", json!({}));
    assert_eq!(sent["result"]["structuredContent"]["sent"], true, "{sent}");
    let lost = send_with_id(&mut program, "lost", json!({"message": "lost"}));
    assert!(lost.to_string().contains("OUTCOME_UNKNOWN"), "{lost}");
    let last = send_with_id(&mut program, "last", json!({}));
    assert_eq!(last["result"]["structuredContent"]["sent"], true, "{last}");
    // The limit is reached now, and a call that comes too soon uses up no id.
    for _ in 0..2 {
        let response = send_with_id(&mut program, "soon", json!({}));
        assert!(response.to_string().contains("RATE_LIMIT_EXCEEDED"), "{response}");
    }
    for used in ["id", "lost", "last"] {
        for more in [json!({}), json!({"message": "another"}), json!({"dry_run": true})] {
            let response = send_with_id(&mut program, used, more);
            assert_eq!(response["error"]["code"], -32600, "{used}: {response}");
        }
    }
    let sends = elks.requests().iter().filter(|request| request.field("dryrun").is_none()).count();
    assert_eq!(sends, 4, "refused, sent, lost, last");
}

#[test]
fn a_send_that_nobody_approved_uses_up_no_id() {
    let elks = FakeElks::answering(answers::accepting);
    let mut program = Launch::account(&elks).env("CONFIRM_SENDS", "true").serve();
    for _ in 0..2 {
        let response = send_with_id(&mut program, "id", json!({}));
        assert!(response["result"].to_string().contains("NOT_CONFIRMED"), "{response}");
    }
    let dry = send_with_id(&mut program, "id", json!({"dry_run": true}));
    assert_eq!(dry["result"]["structuredContent"]["sent"], false, "{dry}");
}

#[test]
fn a_cancelled_send_that_may_have_left_uses_up_its_id() {
    // The transport refuses the ids of cancelled requests as long as it remembers them; this is what stands behind it.
    let elks = FakeElks::answering(|_| Reaction::Silence);
    let mut program = Launch::account(&elks).env("ELKS_DUPLICATE_MINUTES", "0").serve();
    let id = program.post_call("send_sms", &json!({"to": RECIPIENT, "message": "Hej"}));
    elks.arrival();
    program.cancel(id);
    assert_eq!(program.audit()["error"], "OUTCOME_UNKNOWN");
    for number in 0..9000 {
        program.line(&json!({"jsonrpc": "2.0", "id": format!("c{number}"), "method": "ping"}).to_string());
        program.cancel(format!("c{number}"));
    }
    let params = json!({"name": "send_sms", "arguments": {"to": RECIPIENT, "message": "Hej"}});
    program.line(&json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params}).to_string());
    let response = std::iter::repeat_with(|| program.message()).find(|message| message["id"] == id).unwrap();
    assert!(response["error"]["message"].as_str().unwrap().contains("used for send_sms before"), "{response}");
    assert_eq!(elks.requests().len(), 1);
}

/// An `initialize` of this version with a fixed id, as a client that starts again writes it.
fn initialize(version: &str) -> Value {
    let client = json!({"name": "tests", "version": "1"});
    json!({"jsonrpc": "2.0", "id": 1, "method": "initialize",
           "params": {"protocolVersion": version, "capabilities": {}, "clientInfo": client}})
}

/// A `send_sms` of this text with the id 2.
fn second_request(text: &str) -> Value {
    let params = json!({"name": "send_sms", "arguments": {"to": RECIPIENT, "message": text}});
    json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": params})
}

#[test]
fn each_session_on_a_pipe_has_ids_of_its_own() {
    let elks = FakeElks::answering(answers::accepting);
    let mut program = Launch::account(&elks).start();
    let lines = [
        initialize("2025-11-25"),
        second_request("one"),
        initialize("2025-11-25"),
        second_request("two"),
        initialize("2025-06-18"),
        second_request("two"),
    ];
    // All at once: what belongs to a session is answered before the next one begins.
    let all: String = lines.iter().map(|line| format!("{line}\n")).collect();
    program.bytes(all.as_bytes());
    let answers: Vec<Value> = lines.iter().map(|_| program.message()).collect();
    let ids: Vec<&Value> = answers.iter().map(|answer| &answer["id"]).collect();
    assert_eq!(ids, [1, 2, 1, 2, 1, 2], "{answers:?}");
    assert_eq!(answers[4]["result"]["protocolVersion"], "2025-06-18");
    let sent = |answer: &Value| answer["result"]["structuredContent"]["duplicate"].clone();
    assert_eq!(
        [sent(&answers[1]), sent(&answers[3]), sent(&answers[5])],
        [json!(null), json!(null), json!(true)],
        "the ledger knows"
    );
    assert_eq!(elks.requests().len(), 2, "each text left once");
    // Within a session, an id that may have sent a message is used up.
    program.line(&second_request("three").to_string());
    assert_eq!(program.message()["result"]["structuredContent"]["sent"], true);
    program.line(&second_request("four").to_string());
    assert_eq!(program.message()["error"]["code"], -32600);
    assert_eq!(elks.requests().len(), 3);
}

#[test]
fn an_id_that_was_cancelled_in_one_session_is_free_in_the_next() {
    let elks = FakeElks::answering(|request| match request.method.as_str() {
        "GET" => Reaction::Silence,
        _ => answers::accepting(request),
    });
    let mut program = Launch::account(&elks).serve();
    let params = json!({"name": "get_sms_messages", "arguments": {}});
    program.line(&json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": params}).to_string());
    elks.arrival();
    program.cancel(2);
    program.line(&second_request("Hej").to_string());
    let refused = program.message();
    assert!(refused["error"]["message"].as_str().unwrap().contains("was cancelled"), "{refused}");
    program.line(&initialize("2025-11-25").to_string());
    assert_eq!(program.message()["id"], 1);
    program.line(&second_request("Hej").to_string());
    assert_eq!(program.message()["result"]["structuredContent"]["sent"], true);
}

#[test]
fn a_question_of_an_earlier_session_is_no_longer_waited_for() {
    let elks = FakeElks::answering(answers::accepting);
    let mut program = Launch::account(&elks).env("CONFIRM_SENDS", "true").start();
    program.handshake_with(&json!({"elicitation": {}}));
    program.line(&second_request("Hej").to_string());
    assert_eq!(program.message()["method"], "elicitation/create");
    program.line(&initialize("2025-11-25").to_string());
    let answers: Vec<Value> = (0..3).map(|_| program.message()).collect();
    let (withdrawn, answers): (Vec<_>, Vec<_>) =
        answers.into_iter().partition(|message| message["method"] == "notifications/cancelled");
    assert_eq!(withdrawn.len(), 1, "the client takes the question away");
    assert_eq!((&answers[0]["id"], &answers[1]["id"]), (&json!(2), &json!(1)), "{answers:?}");
    assert!(answers[0]["result"].to_string().contains("NOT_CONFIRMED"), "{answers:?}");
    program.ping();
    assert!(elks.requests().iter().all(|request| request.field("dryrun").is_some()), "nothing was sent");
}

#[test]
fn a_version_is_agreed_to_only_if_this_server_does_all_that_it_asks_for() {
    for (asked, agreed) in [
        ("2024-11-05", "2024-11-05"),
        // This version alone asks servers to answer batches. Clients of its time speak the version before it, too.
        ("2025-03-26", "2024-11-05"),
        ("2025-06-18", "2025-06-18"),
        ("2025-11-25", "2025-11-25"),
        ("2026-07-28", "2025-11-25"),
        ("2099-01-01", "2025-11-25"),
        ("1.0.0", "2025-11-25"),
    ] {
        let mut program = Launch::simulator().start();
        // At the beginning, and again in a session that goes on.
        for _ in 0..2 {
            program.line(&initialize(asked).to_string());
            assert_eq!(program.message()["result"]["protocolVersion"], agreed, "{asked}");
        }
        program.line(r#"[{"jsonrpc":"2.0","id":3,"method":"ping"}]"#);
        let refused = program.message();
        assert!(refused["error"]["message"].as_str().unwrap().contains("a line of its own"), "{refused}");
        program.ping();
    }
}

#[test]
fn a_faulty_initialize_is_refused_in_the_words_of_its_era() {
    let client = json!({"name": "tests", "version": "1"});
    for (params, faults) in [
        (json!(null), "protocolVersion (a text), capabilities (an object), clientInfo"),
        (json!({}), "protocolVersion (a text), capabilities (an object), clientInfo"),
        (json!({"protocolVersion": "2025-06-18"}), "capabilities (an object), clientInfo"),
        (json!({"protocolVersion": 20_250_618, "capabilities": {}, "clientInfo": client}), "protocolVersion (a text)"),
        (
            json!({"protocolVersion": "2025-06-18", "capabilities": [], "clientInfo": client}),
            "capabilities (an object)",
        ),
        (
            json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "x"}}),
            "clientInfo (an object",
        ),
    ] {
        let mut program = Launch::simulator().start();
        program.line(&json!({"jsonrpc": "2.0", "id": 7, "method": "initialize", "params": params}).to_string());
        let refused = program.message();
        assert_eq!((&refused["id"], &refused["error"]["code"]), (&json!(7), &json!(-32602)), "{refused}");
        let message = refused["error"]["message"].as_str().unwrap();
        assert!(message.contains(&format!("missing or faulty is {faults}")) && !message.contains("_meta"), "{message}");
        assert_eq!(program.handshake()["serverInfo"]["name"], "elks-mcp", "and the client may try again");
    }
}

#[test]
fn a_byte_order_mark_before_the_first_line_is_no_part_of_it() {
    let mut program = Launch::simulator().start();
    program.bytes("\u{feff}".as_bytes());
    program.line(&initialize("2025-11-25").to_string());
    assert_eq!(program.message()["id"], 1);
    // Anywhere else it is noise, like any other line that is no JSON.
    program.bytes("\u{feff}".as_bytes());
    program.line(r#"{"jsonrpc":"2.0","id":5,"method":"ping"}"#);
    program.ping();
}

#[test]
fn a_page_that_refuses_the_account_is_no_word_about_the_credentials() {
    let elks = FakeElks::answering_everything(|_| {
        Reaction::answer(403, "text/html", b"<html>Blocked by your company's firewall</html>".to_vec())
    });
    let mut program = Launch::account(&elks).serve();
    let error = program.call("get_sms_messages", json!({})).failed("ELKS_API_ERROR");
    assert!(error.contains("an HTML page") && !error.contains("ELKS_API_PASSWORD"), "{error}");
    program.ping();
    assert_eq!(program.finish().code(), 0);
}

#[test]
fn a_page_of_the_tool_list_that_is_not_there_is_an_error() {
    let mut program = Launch::simulator().serve();
    let refused = program.request("tools/list", &json!({"cursor": "next"}));
    assert_eq!(refused["error"]["code"], -32602, "{refused}");
    for first in [json!({}), json!({"cursor": null}), json!({"cursor": ""})] {
        assert!(program.request("tools/list", &first)["result"]["tools"].is_array(), "{first}");
    }
}
