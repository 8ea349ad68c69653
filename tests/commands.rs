//! The commands for people.

use crate::support::program::Launch;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

#[test]
fn the_demo_plays_the_whole_session() {
    let finished = Launch::with(&["demo"]).run();
    let output = finished.stdout.join("\n");
    assert_eq!(finished.code(), 0, "{output}\n{}", finished.errors());
    for step in [
        "Handshake",
        "Tool list",
        "UTF-16",
        "DRY RUN: nothing was sent",
        "was accepted by 46elks",
        "was delivered at",
        "inbound  +46701740605",
        "The balance is",
        "newest outbound messages",
        "it is a placeholder",
        "impersonates",
        "Please wait 60 seconds",
        "{\"audit\":{",
        "exit code 0",
    ] {
        assert!(output.contains(step), "{step:?} is missing:\n{output}");
    }
}

#[test]
fn the_tool_list_is_printed_offline_and_without_credentials() {
    let finished = Launch::with(&["tools"]).run();
    assert_eq!(finished.code(), 0);
    let tools: Value = serde_json::from_str(&finished.stdout.join("\n")).expect("is JSON");
    assert_eq!(tools.as_array().unwrap().len(), 6);
}

#[test]
fn the_component_is_written_as_it_is_embedded() {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("written.wasm");
    let finished = Launch::with(&["component", "--output", path.to_str().unwrap()]).run();
    assert_eq!(finished.code(), 0, "{}", finished.errors());
    let written = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert_eq!(written, elks_mcp::capabilities::COMPONENT);
    let digest: String = Sha256::digest(&written).iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(finished.errors().contains(&digest));
    let capabilities = Launch::with(&["capabilities"]).run().stdout.join("\n");
    assert!(capabilities.contains(&digest));

    let nowhere = Launch::with(&["component", "--output", "/no/such/folder/x.wasm"]).run();
    assert_eq!(nowhere.code(), 1);
    assert!(nowhere.errors().contains("cannot write /no/such/folder/x.wasm"), "{}", nowhere.errors());
}

#[test]
fn capabilities_show_imports_exports_and_permits() {
    let output = Launch::with(&["capabilities"]).run().stdout.join("\n");
    let imports: Vec<&str> = output.lines().filter_map(|line| line.trim().strip_prefix("import ")).collect();
    assert_eq!(
        imports,
        [
            "wasi:io/error@0.2.0;",
            "wasi:io/poll@0.2.0;",
            "wasi:io/streams@0.2.0;",
            "wasi:http/types@0.2.0;",
            "wasi:http/outgoing-handler@0.2.0;"
        ],
        "the component imports only these"
    );
    for shown in [
        "export elks:sms/sending@0.1.0;",
        "export elks:sms/queries@0.1.0;",
        "at most 1 × POST /a1/sms with exactly from=<from>, to=<to>, message=<message>: one real message",
        "at most 1 × POST /a1/sms with exactly from=<from>, to=<to>, message=<message>, dryrun=yes: nothing is sent",
        "at most 10 × GET /a1/sms with any of limit=<1 to 100>, start=<time>, end=<time>, to=<to>",
        "at most 1 × GET /a1/sms/ID",
        "at most 1 × GET /a1/me",
    ] {
        assert!(output.contains(shown), "{shown:?} is missing:\n{output}");
    }
}

#[test]
fn capabilities_are_printed_as_json() {
    let output: Value =
        serde_json::from_str(&Launch::with(&["capabilities", "--json"]).run().stdout.join("\n")).expect("is JSON");
    assert_eq!(output["component"]["sha256"], elks_mcp::capabilities::digest());
    assert_eq!(output["component"]["exports"]["elks:sms/sending@0.1.0"], json!(["send-sms"]));
    assert_eq!(output["destination"], "https://api.46elks.com");
    let permits = output["permits"].as_array().unwrap();
    assert_eq!(permits.len(), 12);
    let sending: Vec<&Value> = permits
        .iter()
        .filter(|permit| permit["requests"].as_array().unwrap().iter().any(|request| request["sends"] == true))
        .collect();
    let body = json!({"from": "<from>", "to": "<to>", "message": "<message>"});
    let request = json!({"times": 1, "method": "POST", "path": "/a1/sms", "body": body, "sends": true});
    assert_eq!(sending, [&json!({"tool": "send_sms", "DRY_RUN": false, "requests": [request]})]);
}

#[test]
fn help_and_version_are_printed() {
    let help = Launch::with(&["--help"]).run();
    assert_eq!(help.code(), 0);
    let help = help.stdout.join("\n");
    for named in
        ["--simulate", "demo", "tools", "capabilities", "component", "ELKS_API_USERNAME", "DRY_RUN", "HTTPS_PROXY"]
    {
        assert!(help.contains(named), "{named} is missing:\n{help}");
    }
    let version = Launch::with(&["--version"]).run();
    assert_eq!(version.stdout, [format!("elks-mcp {}", env!("CARGO_PKG_VERSION"))]);
    let unknown = Launch::with(&["sned"]).run();
    assert_eq!(unknown.code(), 2);
    assert!(unknown.errors().contains("unrecognized subcommand 'sned'") && unknown.stdout.is_empty());
}
