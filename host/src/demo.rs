//! A session for people to follow: the real program, launched as an MCP client launches it, over
//! real pipes, against the simulator. Each step is printed with its request, its result, and the
//! audit line that it left.
//!
//! Not here: the client's side of the protocol, which is `mcp_client`.

use crate::config;
use crate::mcp_client::{Finished, McpClient};
use crate::policy::{file, settings};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::io::Write;
use std::process::Command;

/// How many messages the demonstrated server admits in a minute: few, so that the limit shows.
const SMS_PER_MINUTE: &str = "4";

/// A number of the range that Sweden reserves for books and films.
const RECIPIENT: &str = "+46 70 174 06 05";

/// Plays the session.
///
/// # Errors
/// When the program does not answer as it should; the session stops there.
pub fn play(out: &mut dyn Write) -> Result<()> {
    writeln!(out, "elks-mcp demo: a real MCP session over pipes; 46elks is simulated, so nothing is sent.")?;
    let mut client = McpClient::launch(this_program()?)?;
    let hello = client.initialize("demo", &json!({}))?;
    step(out, 1, "Handshake")?;
    let server = &hello["serverInfo"];
    writeln!(
        out,
        "  {} {} speaks MCP {}",
        text(&server["name"]),
        text(&server["version"]),
        text(&hello["protocolVersion"])
    )?;
    for line in text(&hello["instructions"]).lines() {
        writeln!(out, "  | {line}")?;
    }

    step(out, 2, "Tool list")?;
    let tools = client.request("tools/list", &json!({}))?;
    for tool in tools["tools"].as_array().context("a tool list")? {
        let kind = if tool["annotations"]["readOnlyHint"] == true { "reads" } else { "sends" };
        writeln!(out, "  {:<24} {:<28} {kind}", text(&tool["name"]), text(&tool["title"]))?;
    }

    let mut call = |out: &mut dyn Write, number, title, tool, arguments: Value| -> Result<Value> {
        step(out, number, title)?;
        writeln!(out, "  → {tool} {arguments}")?;
        let result = client.request("tools/call", &json!({"name": tool, "arguments": arguments}))?;
        // A success says it in its facts, a failure in its text.
        let facts = &result["structuredContent"];
        let said = if facts.is_object() { &facts["summary"] } else { &result["content"][0]["text"] };
        for line in text(said).lines() {
            writeln!(out, "  ← {line}")?;
        }
        for note in facts["checker_notes"].as_array().into_iter().flatten() {
            writeln!(out, "    ! {}", text(note))?;
        }
        // The server writes the audit line before it answers.
        let audit = client.stderr_line(|line| line.starts_with("{\"audit\""));
        writeln!(out, "  audit {}", audit.context("the call left no audit line")?)?;
        Ok(result)
    };
    let send = |extra: Value| {
        let mut arguments = json!({"to": RECIPIENT, "message": "Hej! Kom ihåg din tid i morgon kl 10."});
        if let (Some(arguments), Some(extra)) = (arguments.as_object_mut(), extra.as_object()) {
            arguments.extend(extra.clone());
        }
        arguments
    };
    let quoted = json!({"to": RECIPIENT, "message": "“Hej” – läs mer på example.com"});
    call(out, 3, "What would it cost?", "estimate_sms_cost", quoted)?;
    call(out, 4, "A dry run", "send_sms", send(json!({"dry_run": true})))?;
    let sent = call(out, 5, "A real send (in the simulator)", "send_sms", send(json!({})))?;
    let id = json!({"message_id": sent["structuredContent"]["id"]});
    call(out, 6, "On its way", "check_sms_status", id.clone())?;
    call(out, 7, "Delivered", "check_sms_status", id)?;
    let history = call(out, 8, "The history, with a reply", "get_sms_messages", json!({"limit": 3}))?;
    for sms in history["structuredContent"]["messages"].as_array().context("a history")? {
        let (kind, party) = if sms["untrusted"] == true { ("from", &sms["from"]) } else { ("to", &sms["to"]) };
        writeln!(out, "    {kind:<4} {}: {}", text(party), text(&sms["message"]))?;
    }
    call(out, 9, "Balance", "check_account_balance", json!({}))?;
    call(out, 10, "Statistics", "get_delivery_statistics", json!({}))?;
    call(out, 11, "A number that assistants make up", "send_sms", send(json!({"to": "+46701234567"})))?;
    call(out, 12, "A sender that impersonates a bank", "send_sms", send(json!({"from": "B4NK"})))?;
    let again = call(out, 13, "The first message once more", "send_sms", send(json!({})))?;
    ensure!(again["structuredContent"]["duplicate"] == true, "the same message was sent twice");
    let another = |text: &str| send(json!({"message": text}));
    call(out, 14, "Two other messages, the last that this minute admits", "send_sms", another("Vi ses kl 10."))?;
    call(out, 15, "The second of the two", "send_sms", another("Ta med legitimation."))?;
    let limited = call(out, 16, "The rate limit", "send_sms", another("Välkommen!"))?;
    ensure!(text(&limited["content"][0]["text"]).contains("RATE_LIMIT_EXCEEDED"), "the limit did not hold");
    call(out, 17, "What the operator allows", "get_sending_limits", json!({"to": RECIPIENT}))?;

    step(out, 18, "End of the session")?;
    let Finished { status, .. } = client.finish()?;
    writeln!(out, "  stdin closed, exit code {}", status.code().context("the server was killed")?)?;
    writeln!(
        out,
        "\nNext: put your 46elks account into your MCP client's configuration (README.md). DRY_RUN stays on until you turn it off."
    )?;
    Ok(())
}

/// This very program as a simulated server, with no setting of the caller's.
fn this_program() -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    for inherited in file::NOT_OF_THE_POLICY.into_iter().chain(settings::NAMES) {
        command.env_remove(inherited);
    }
    command.arg("--simulate").env(config::DRY_RUN, "false").env(config::SMS_PER_MINUTE, SMS_PER_MINUTE);
    Ok(command)
}

fn step(out: &mut dyn Write, number: u32, title: &str) -> Result<()> {
    writeln!(out, "\n{number}. {title}")?;
    Ok(())
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("")
}
