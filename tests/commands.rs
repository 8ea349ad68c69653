//! The commands for people. What they print as a whole is reviewed in `snapshots/`.

use crate::support::program::Launch;
use crate::support::snapshot::{assert_snapshot, normalised};
use crate::support::{read, scratch};
use crate::tidy::POLICY_FILE;
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
        "Delivered at",
        "from +46701740605",
        "The balance is",
        " sent: ",
        "it is a placeholder",
        "impersonates",
        "This message was sent already",
        "Please wait 60 seconds",
        "{\"audit\":{",
        "exit code 0",
    ] {
        assert!(output.contains(step), "{step:?} is missing:\n{output}");
    }
    assert_snapshot("demo", &output);
}

/// What the `text` blocks of a Markdown page quote.
fn quoted(page: &str) -> Vec<&str> {
    page.split("\n```").skip(1).step_by(2).filter_map(|block| block.strip_prefix("text\n")).collect()
}

#[test]
fn what_the_readme_quotes_is_what_the_demo_and_cargo_test_print() {
    let snapshot = read("tests/snapshots/demo.snap");
    let printed: Vec<&str> = snapshot.lines().collect();
    let (mut steps, mut results) = (0, 0);
    let readme = read("README.md");
    for block in quoted(&readme) {
        let first = block.lines().next().unwrap_or_default();
        if first.starts_with(|c: char| c.is_ascii_digit()) {
            for line in block.lines() {
                assert!(printed.contains(&normalised(line).as_str()), "README.md: the demo does not print {line:?}");
                steps += 1;
            }
        } else if first.starts_with("test ") {
            // How many tests there are and how long they take is not checked.
            for line in block.lines().filter(|line| !line.starts_with("test result: ok. ")) {
                let name = line.strip_prefix("test ").and_then(|line| line.strip_suffix(" ... ok"));
                let (module, name) = name.and_then(|name| name.split_once("::")).expect("is a line of cargo test");
                let tests = read(&format!("tests/{module}.rs"));
                assert!(tests.contains(&format!("fn {name}()")), "README.md: {module} has no test {name}");
                results += 1;
            }
        } else if block.starts_with(POLICY_FILE) {
            // `the_policy_file_of_the_readme_is_valid` in tidy.rs reads it.
        } else {
            assert!(block.contains('─'), "README.md: nothing checks this quotation:\n{block}");
        }
    }
    assert!(steps > 0 && results > 0, "README.md quotes {steps} lines of the demo and {results} of cargo test");
}

#[test]
fn the_tool_list_is_printed_offline_and_without_credentials() {
    let finished = Launch::with(&["tools"]).run();
    assert_eq!(finished.code(), 0);
    let tools: Value = serde_json::from_str(&finished.stdout.join("\n")).expect("is JSON");
    assert_eq!(tools.as_array().unwrap().len(), 7);
}

#[test]
fn each_component_is_written_as_it_is_embedded() {
    let path = scratch().join("written.wasm");
    let finished = Launch::with(&["component", "--output", path.to_str().unwrap()]).run();
    assert_eq!(finished.code(), 0, "{}", finished.errors());
    let written = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert_eq!(written, elks_mcp::component::COMPONENT);
    let digest: String = Sha256::digest(&written).iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(finished.errors().contains(&digest));
    let capabilities = Launch::with(&["capabilities"]).run().stdout.join("\n");
    assert!(capabilities.contains(&digest));

    let to_stdout = Launch::with(&["component", "--output", "-"]).output();
    assert_eq!(to_stdout, elks_mcp::component::COMPONENT);
    let configured = Launch::with(&["component", "--configured", "--output", path.to_str().unwrap()]).run();
    assert_eq!(configured.code(), 0, "{}", configured.errors());
    let written = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert_eq!(written, elks_mcp::component::CONFIGURED);
    let digest: String = Sha256::digest(&written).iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(configured.errors().contains(&digest) && capabilities.contains(&digest));

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
        "export elks:sms/sending@0.3.0;",
        "export elks:sms/queries@0.3.0;",
        "at most 1 × POST /a1/sms with exactly from=<from>, to=<to>, message=<message>: one real message",
        "at most 1 × POST /a1/sms with exactly from=<from>, to=<to>, message=<message>, dryrun=yes: nothing is sent",
        "at most 10 × GET /a1/sms with exactly limit=10, end=2026-01-31T00:00:00.000, to=+46700000000, and any of start=<time>",
        "at most 1 × GET /a1/sms/ID",
        "at most 1 × GET /a1/me",
    ] {
        assert!(output.contains(shown), "{shown:?} is missing:\n{output}");
    }
    assert_snapshot("capabilities", &output);
}

#[test]
fn capabilities_are_printed_as_json() {
    let output: Value =
        serde_json::from_str(&Launch::with(&["capabilities", "--json"]).run().stdout.join("\n")).expect("is JSON");
    assert_eq!(output["component"]["sha256"], elks_mcp::component::SHA256);
    assert_eq!(output["component"]["exports"]["elks:sms/sending@0.3.0"], json!(["send-sms"]));
    let configured = &output["configured"];
    assert_eq!(configured["sha256"], elks_mcp::component::CONFIGURED_SHA256);
    assert_eq!(configured["bytes"], elks_mcp::component::CONFIGURED.len());
    assert_eq!(configured["exports"].as_object().unwrap().len(), 1, "functions of the world alone");
    assert_eq!(output["destination"], "https://api.46elks.com");
    let permits = output["permits"].as_array().unwrap();
    assert_eq!(permits.len(), 14);
    let sending: Vec<&Value> = permits
        .iter()
        .filter(|permit| permit["requests"].as_array().unwrap().iter().any(|request| request["sends"] == true))
        .collect();
    let body = json!({"from": "<from>", "to": "<to>", "message": "<message>"});
    let request = json!({"times": 1, "method": "POST", "path": "/a1/sms", "body": body,
        "required": ["from", "to", "message"], "sends": true});
    assert_eq!(sending, [&json!({"tool": "send_sms", "DRY_RUN": false, "requests": [request]})]);
}

#[test]
fn help_and_version_are_printed() {
    let help = Launch::with(&["--help"]).run();
    assert_eq!(help.code(), 0);
    // On Windows the name of the program has an ending.
    let help = help.stdout.join("\n").replace("elks-mcp.exe", "elks-mcp");
    for named in
        ["--simulate", "demo", "tools", "capabilities", "component", "ELKS_API_USERNAME", "DRY_RUN", "HTTPS_PROXY"]
    {
        assert!(help.contains(named), "{named} is missing:\n{help}");
    }
    assert_snapshot("help", &help);
    let version = Launch::with(&["--version"]).run();
    let component = format!("component SHA-256 {} (built from this source)", elks_mcp::component::SHA256);
    let origin = format!("commit {}, target {}", elks_mcp::origin::COMMIT, elks_mcp::origin::TARGET);
    assert_eq!(version.stdout, [format!("elks-mcp {}", env!("CARGO_PKG_VERSION")), component, origin]);
    assert_eq!(Launch::with(&["-V"]).run().stdout, version.stdout);
    let unknown = Launch::with(&["sned"]).run();
    assert_eq!(unknown.code(), 2);
    assert!(unknown.errors().contains("unrecognized subcommand 'sned'") && unknown.stdout.is_empty());
}
