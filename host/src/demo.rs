//! A session for people to follow: the real program, launched as an MCP client launches it, over
//! real pipes, against the simulator. Each step is printed with what went in, what came out, and
//! the audit line that it left.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

/// How many messages the demonstrated server admits in a minute: few, so that the limit shows.
const SMS_PER_MINUTE: &str = "4";

/// How long the program may take to write a line that it has already promised.
const PATIENCE: Duration = Duration::from_secs(30);

/// A number of the range that Sweden reserves for books and films.
const RECIPIENT: &str = "+46 70 174 06 05";

/// Plays the session.
///
/// # Errors
/// When the program does not answer as it should; the session stops there.
pub fn play(out: &mut dyn Write) -> Result<()> {
    writeln!(out, "elks-mcp demo: a real MCP session over pipes; 46elks is simulated, so nothing is sent.")?;
    let mut client = Client::launch()?;
    let hello = client.request(
        "initialize",
        &json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "demo", "version": "1"}}),
    )?;
    client.notify("notifications/initialized")?;
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
        let kind = if tool["annotations"]["readOnlyHint"] == true { "asks" } else { "sends" };
        writeln!(out, "  {:<24} {:<28} {kind}", text(&tool["name"]), text(&tool["title"]))?;
    }

    let mut call = |out: &mut dyn Write, number, title, tool, arguments: Value| -> Result<Value> {
        step(out, number, title)?;
        writeln!(out, "  → {tool} {arguments}")?;
        let result = client.request("tools/call", &json!({"name": tool, "arguments": arguments}))?;
        for line in text(&result["content"][0]["text"]).lines() {
            writeln!(out, "  ← {line}")?;
        }
        for warning in result["structuredContent"]["warnings"].as_array().into_iter().flatten() {
            writeln!(out, "    ! {}", text(warning))?;
        }
        writeln!(out, "  audit {}", client.audit_line()?)?;
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
        let (from, to) = (text(&sms["from"]), text(&sms["to"]));
        writeln!(out, "    {:<8} {from} → {to}: {}", text(&sms["direction"]), text(&sms["message"]))?;
    }
    call(out, 9, "Balance", "check_account_balance", json!({}))?;
    call(out, 10, "Statistics", "get_delivery_statistics", json!({}))?;
    call(out, 11, "A number that assistants make up", "send_sms", send(json!({"to": "+46701234567"})))?;
    call(out, 12, "A sender that poses as a bank", "send_sms", send(json!({"from": "B4NK"})))?;
    call(out, 13, "Two more sends, the last that this minute admits", "send_sms", send(json!({})))?;
    call(out, 14, "… and the other", "send_sms", send(json!({})))?;
    let limited = call(out, 15, "The rate limit", "send_sms", send(json!({})))?;
    ensure!(text(&limited["content"][0]["text"]).contains("RATE_LIMIT_EXCEEDED"), "the limit did not hold");

    step(out, 16, "Goodbye")?;
    writeln!(out, "  stdin closed, exit code {}", client.goodbye()?)?;
    writeln!(
        out,
        "\nNext: put your 46elks account into your MCP client's configuration (README.md). DRY_RUN stays on until you turn it off."
    )?;
    Ok(())
}

fn step(out: &mut dyn Write, number: u32, title: &str) -> Result<()> {
    writeln!(out, "\n{number}. {title}")?;
    Ok(())
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("")
}

/// A minimal MCP client.
struct Client {
    server: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    stderr: Receiver<String>,
    last_id: u64,
}

impl Client {
    /// Launches this very program, with no setting of the caller's.
    fn launch() -> Result<Self> {
        use crate::config;
        let mut command = Command::new(std::env::current_exe()?);
        for inherited in
            [config::USERNAME, config::PASSWORD, config::SENDER, config::CONFIRM_SENDS, config::QUERIES_PER_MINUTE]
        {
            command.env_remove(inherited);
        }
        let mut server = command
            .arg("--simulate")
            .env(config::DRY_RUN, "false")
            .env(config::SMS_PER_MINUTE, SMS_PER_MINUTE)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot start the server")?;
        let stdin = server.stdin.take();
        let stdout = BufReader::new(server.stdout.take().context("a pipe")?);
        let lines = BufReader::new(server.stderr.take().context("a pipe")?).lines();
        let (sender, stderr) = channel();
        thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Ok(Self { server, stdin, stdout, stderr, last_id: 0 })
    }

    fn send(&mut self, message: &Value) -> Result<()> {
        writeln!(self.stdin.as_mut().context("an open session")?, "{message}")?;
        Ok(())
    }

    fn notify(&mut self, method: &str) -> Result<()> {
        self.send(&json!({"jsonrpc": "2.0", "method": method}))
    }

    fn request(&mut self, method: &str, params: &Value) -> Result<Value> {
        self.last_id += 1;
        self.send(&json!({"jsonrpc": "2.0", "id": self.last_id, "method": method, "params": params}))?;
        let mut line = String::new();
        self.stdout.read_line(&mut line)?;
        let mut answer: Value = serde_json::from_str(&line).with_context(|| format!("no answer to {method}"))?;
        ensure!(answer["id"] == self.last_id && answer["error"].is_null(), "{method} failed: {}", answer["error"]);
        Ok(answer["result"].take())
    }

    /// The next audit line of the server. It is written before the answer is.
    fn audit_line(&self) -> Result<String> {
        loop {
            let line = self.stderr.recv_timeout(PATIENCE).context("the call left no audit line")?;
            if line.starts_with("{\"audit\"") {
                return Ok(line);
            }
        }
    }

    /// Closes the session as clients do, and gives the exit code.
    fn goodbye(mut self) -> Result<i32> {
        drop(self.stdin.take());
        self.server.wait()?.code().context("the server was killed")
    }
}

impl Drop for Client {
    /// A session that failed half-way leaves no server behind.
    fn drop(&mut self) {
        drop(self.server.kill());
        drop(self.server.wait());
    }
}
