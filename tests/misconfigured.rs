//! A server whose settings have problems: it answers its client, says what is wrong, and does nothing else.

use crate::support::fake_elks::{FakeElks, Reaction};
use crate::support::program::Launch;
use crate::support::{modern, read};
use elks_mcp::tools::Tool;
use serde_json::{Value, json};

/// What is wrong with the settings of these tests.
const PROBLEMS: [&str; 3] =
    ["ELKS_API_PASSWORD is not set", "ELKS_MAX_PARTS holds something else", "ELKS_QUIET_HOURS holds a literal ${…}"];

fn launch(elks: &FakeElks) -> Launch {
    Launch::account(elks).without("ELKS_API_PASSWORD").env("ELKS_MAX_PARTS", "many").env("ELKS_QUIET_HOURS", "${HOURS}")
}

fn names_all_problems(text: &str) {
    for problem in PROBLEMS {
        assert!(text.contains(problem), "{problem}: {text}");
    }
    assert!(text.contains("MCP client") && text.contains("elks-mcp doctor"), "{text}");
}

#[test]
fn a_server_with_faulty_settings_answers_and_says_all_problems() {
    let elks = FakeElks::answering(|_| Reaction::HangUp);
    let mut program = launch(&elks).start();
    let handshake = program.handshake();
    let instructions = handshake["instructions"].as_str().unwrap();
    assert!(instructions.starts_with("Error (CONFIGURATION_ERROR): "), "{instructions}");
    names_all_problems(instructions);

    let listed = program.request("tools/list", &json!({}))["result"].take();
    let expected: Value = serde_json::from_str(&read("tests/tools.json")).unwrap();
    assert!(listed["tools"] == expected, "the tools are the usual ones");
    assert_eq!(listed["ttlMs"], 0, "nobody keeps the list until the settings are corrected");

    for tool in Tool::ALL {
        let called = program.call(tool.name(), json!({"to": "+46701740605", "message": "Hej", "message_id": "s1"}));
        let text = called.failed("CONFIGURATION_ERROR");
        assert!(text.contains("Nothing was sent."), "{text}");
        names_all_problems(&text);
        let audit = program.audit();
        assert_eq!((&audit["tool"], &audit["error"]), (&json!(tool.name()), &json!("CONFIGURATION_ERROR")), "{audit}");
    }
    for params in [
        json!({"name": "send_fax", "arguments": {}}),
        json!({"name": "send_sms", "arguments": "Hej"}),
        json!({"name": "send_sms", "arguments": []}),
    ] {
        let answer = program.request("tools/call", &params);
        let text = answer["result"]["content"][0]["text"].as_str().unwrap_or_default();
        assert!(text.starts_with("Error (CONFIGURATION_ERROR): "), "{answer}");
        assert_eq!(program.audit()["error"], "CONFIGURATION_ERROR");
    }
    program.ping();

    assert_eq!(program.finish().code(), 1);
    assert_eq!((elks.connections(), elks.requests().len()), (0, 0), "46elks is not asked");
}

#[test]
fn a_client_without_handshake_reads_the_same() {
    let elks = FakeElks::answering(|_| Reaction::HangUp);
    let mut program = launch(&elks).start();
    let result = modern::call(&mut program, &json!({"to": "+46701740605", "message": "Hej"}), &json!({}));
    let text = result["content"][0]["text"].as_str().unwrap();
    assert!(text.starts_with("Error (CONFIGURATION_ERROR): "), "{text}");
    names_all_problems(text);
    let finished = program.finish();
    assert_eq!((finished.code(), elks.connections()), (1, 0));
    assert!(finished.errors().contains("✗ Configuration error:"), "{}", finished.errors());
    names_all_problems(&finished.errors());
}

#[test]
fn the_audit_says_of_dry_run_what_the_settings_say() {
    let elks = FakeElks::answering(|_| Reaction::HangUp);
    let launch = || launch(&elks).env("DRY_RUN", "false").env("CONFIRM_SENDS", "${user_config.confirm}");
    let mut program = launch().start();
    program.handshake();
    program.send(json!({})).failed("CONFIGURATION_ERROR");
    assert_eq!(program.audit()["dryRun"], false);
    program.finish();
    let errors = launch().run().errors();
    assert!(errors.contains("⚠ CONFIRM_SENDS holds a literal ${…}"), "warnings come with problems: {errors}");
}

#[test]
fn the_simulator_has_no_result_with_faulty_settings() {
    let mut program = Launch::simulator().env("ELKS_MAX_PARTS", "many").serve();
    let text = program.call("check_account_balance", json!({})).failed("CONFIGURATION_ERROR");
    assert!(text.contains("ELKS_MAX_PARTS"), "{text}");
    assert_eq!(program.finish().code(), 1);
}

#[cfg(unix)]
#[test]
fn a_signal_ends_a_server_with_faulty_settings() {
    let mut program = Launch::with(&[]).start();
    program.handshake();
    program.signal("TERM");
    assert_eq!(program.wait().code(), 1);
}

#[cfg(target_os = "linux")]
#[test]
fn a_person_at_a_terminal_is_not_kept_waiting() {
    // script(1) gives the program a terminal.
    let mut command = std::process::Command::new("script");
    command.args(["-qec", env!("CARGO_BIN_EXE_elks-mcp"), "/dev/null"]).env_clear();
    let Ok(done) = command.stdin(std::process::Stdio::null()).output() else { return };
    let text = String::from_utf8_lossy(&done.stdout);
    assert!(text.contains("ELKS_API_USERNAME is not set") && done.status.code() == Some(1), "{text}");
}
