//! A whole session with a program that serves MCP in the simulator: handshake, list of tools, a call of each tool, and
//! the end of input. The program comes as any command, so each way to start it can be tried.

use super::bounded::{self, EXIT_POLL_INTERVAL};
use anyhow::{Context, Result, anyhow, bail, ensure};
use serde_json::{Value, json};
use std::env;
use std::io::Write;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// How long a session may last, from the launch to the exit code. The first start by npx or uvx takes some seconds.
const MAX_SESSION: Duration = Duration::from_secs(60);

/// How long the last lines of a program that has ended are waited for.
const LAST_LINES: Duration = Duration::from_millis(200);

/// How many lines of stderr an error shows.
const SHOWN_LINES: usize = 20;

/// How long a shown line may be, in characters.
const MAX_SHOWN_CHARS: usize = 200;

/// The protocol version that the handshake asks for.
const PROTOCOL_VERSION: &str = "2025-11-25";

/// A number of the range that Sweden reserves for books and films.
const RECIPIENT: &str = "+46701740605";

/// What is sent.
const MESSAGE: &str = "Hej! Kom ihåg din tid i morgon kl 10.";

/// The tools, in the order of the list.
const TOOLS: [&str; 7] = [
    "send_sms",
    "get_sms_messages",
    "check_sms_status",
    "estimate_sms_cost",
    "check_account_balance",
    "get_delivery_statistics",
    "get_sending_limits",
];

/// How answers of the simulator begin.
const SIMULATED: &str = "[SIMULATED]";

/// Plays a session, and gives the time from the launch to the first answer of a tool.
///
/// The command has all arguments, `--simulate`, too. Its three streams become pipes. It gets the variable
/// `DRY_RUN=false`, so that the simulator takes a message, and no setting of the caller's. A command that starts a
/// container must pass `DRY_RUN` on.
pub(crate) fn play(command: &mut Command) -> Result<Duration> {
    let program = command.get_program().to_string_lossy().into_owned();
    let mut session = Session::launch(command, &[]).with_context(|| format!("cannot start {program}"))?;
    session.play().map_err(|error| {
        let lines = session.last_lines();
        anyhow!("the session with {program} failed: {error:#}\nThe end of its stderr:{lines}")
    })
}

/// A program that runs. When it is dropped, the program is killed.
pub(crate) struct Session {
    begun: Instant,
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Receiver<String>,
    stderr: Receiver<String>,
    last_id: u64,
}

impl Session {
    /// Launches a program with these settings, `DRY_RUN=false`, and no setting of the caller's.
    pub(crate) fn launch(command: &mut Command, settings: &[(&str, &str)]) -> Result<Self> {
        let is_setting = |name: &str| ["ELKS_", "RATE_LIMIT_", "CONFIRM_SENDS"].iter().any(|it| name.starts_with(it));
        for (name, _) in env::vars_os().filter(|(name, _)| name.to_str().is_some_and(is_setting)) {
            command.env_remove(name);
        }
        command.env("DRY_RUN", "false").envs(settings.iter().copied());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        bounded::lead_group(command);
        let begun = Instant::now();
        let mut child = command.spawn()?;
        let stdin = child.stdin.take();
        let (stdout, stderr) = (bounded::lines(child.stdout.take()), bounded::lines(child.stderr.take()));
        Ok(Self { begun, child, stdin, stdout, stderr, last_id: 0 })
    }

    /// The handshake, and the list of the tools.
    pub(crate) fn begin(&mut self) -> Result<()> {
        let hello = json!({"protocolVersion": PROTOCOL_VERSION, "capabilities": {},
                           "clientInfo": {"name": "channels", "version": "1"}});
        let hello = self.request("initialize", &hello)?;
        ensure!(hello["serverInfo"]["name"] == "elks-mcp", "the server calls itself {}", hello["serverInfo"]["name"]);
        ensure!(hello["protocolVersion"] == PROTOCOL_VERSION, "the server speaks MCP {}", hello["protocolVersion"]);
        self.write(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}))?;

        let listed = self.request("tools/list", &json!({}))?;
        let names: Vec<_> =
            listed["tools"].as_array().into_iter().flatten().map(|tool| tool["name"].as_str()).collect();
        ensure!(names == TOOLS.map(Some), "the server lists other tools: {names:?}");
        Ok(())
    }

    fn play(&mut self) -> Result<Duration> {
        self.begin()?;
        let sent = self.call("send_sms", &json!({"to": RECIPIENT, "message": MESSAGE, "dry_run": false}))?;
        let first_answer = self.begun.elapsed();
        ensure!(sent["structuredContent"]["sent"] == true, "the send was none");
        let text = sent["structuredContent"]["summary"].as_str().unwrap_or_default();
        ensure!(text.starts_with(SIMULATED), "the answer to the send does not begin with {SIMULATED}");
        let id = sent["structuredContent"]["id"].as_str().context("the sent message has no id")?;

        self.call("get_sms_messages", &json!({"limit": 3, "direction": "both"}))?;
        let status = self.call("check_sms_status", &json!({"message_id": id}))?;
        ensure!(status["structuredContent"]["message"]["id"] == id, "the status is that of another message");
        self.call("estimate_sms_cost", &json!({"to": RECIPIENT, "message": MESSAGE}))?;
        self.call("check_account_balance", &json!({}))?;
        self.call("get_delivery_statistics", &json!({"limit": 10}))?;
        self.call("get_sending_limits", &json!({"to": RECIPIENT}))?;

        self.finish()?;
        Ok(first_answer)
    }

    /// Calls a tool, and gives its result, which must be none of a failure.
    pub(crate) fn call(&mut self, tool: &str, arguments: &Value) -> Result<Value> {
        let result = self.request("tools/call", &json!({"name": tool, "arguments": arguments}))?;
        // The text of a failure names a code first, like `Error (VALIDATION_ERROR)`. The rest may hold a number.
        let text = result["content"][0]["text"].as_str().unwrap_or_default();
        let code = text.split(':').next().filter(|code| code.len() < text.len()).unwrap_or_default();
        ensure!(result["isError"] != true, "{tool} failed: {code}");
        ensure!(result["structuredContent"].is_object(), "{tool} gives no record");
        Ok(result)
    }

    fn request(&mut self, method: &str, params: &Value) -> Result<Value> {
        self.last_id += 1;
        self.write(&json!({"jsonrpc": "2.0", "id": self.last_id, "method": method, "params": params}))?;
        let line = match self.stdout.recv_timeout(self.left()) {
            Ok(line) => line,
            Err(RecvTimeoutError::Disconnected) => bail!("the program ended instead of answering {method}"),
            Err(RecvTimeoutError::Timeout) => {
                bail!("{method} had no answer {} seconds after the launch", MAX_SESSION.as_secs())
            }
        };
        // Neither a line nor a message is shown: they may hold a number or a text.
        let mut message: Value = serde_json::from_str(&line)
            .map_err(|_| anyhow!("in place of the answer to {method} came a line that is no JSON"))?;
        ensure!(message["id"] == self.last_id, "in place of the answer to {method} came another message");
        ensure!(message["error"].is_null(), "{method} failed with the JSON-RPC error {}", message["error"]["code"]);
        Ok(message["result"].take())
    }

    /// Writes one line. The lines of a session are far smaller than a pipe, so this waits for nobody.
    fn write(&mut self, message: &Value) -> Result<()> {
        let stdin = self.stdin.as_mut().context("stdin is closed")?;
        stdin.write_all(format!("{message}\n").as_bytes()).context("the program does not read its stdin")
    }

    /// Closes stdin, and waits for the end with exit code 0.
    pub(crate) fn finish(&mut self) -> Result<()> {
        self.stdin = None;
        while !self.left().is_zero() {
            if let Some(status) = self.child.try_wait()? {
                ensure!(status.success(), "after the end of its input, the program ended with {status}");
                let unasked = self.stdout.recv_timeout(LAST_LINES);
                ensure!(unasked.is_err(), "the program wrote a line that nobody had asked for");
                return Ok(());
            }
            thread::sleep(EXIT_POLL_INTERVAL);
        }
        bail!("the program did not end after the end of its input, {} seconds after the launch", MAX_SESSION.as_secs())
    }

    /// What is left of the session's time.
    fn left(&self) -> Duration {
        MAX_SESSION.saturating_sub(self.begun.elapsed())
    }

    /// Ends the program, and gives the last lines of its stderr.
    fn last_lines(&mut self) -> String {
        bounded::kill_group(&mut self.child);
        let mut shown = Vec::new();
        while let Ok(line) = self.stderr.recv_timeout(LAST_LINES) {
            shown.push(format!("\n  {}", line.chars().take(MAX_SHOWN_CHARS).collect::<String>()));
        }
        let last = shown.split_off(shown.len().saturating_sub(SHOWN_LINES));
        if last.is_empty() { " it is empty".into() } else { last.concat() }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        bounded::kill_group(&mut self.child);
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str) -> String {
        let played = play(Command::new("sh").args(["-c", script]));
        format!("{:#}", played.expect_err("a shell is no server"))
    }

    #[test]
    fn a_program_that_ends_is_an_error_with_the_end_of_its_stderr() {
        let error = shell("read line; seq 50 >&2; exit 3");
        assert!(error.contains("ended instead of answering initialize") && error.ends_with("  49\n  50"), "{error}");
        assert!(!error.contains("  30\n"), "{error}");
    }

    #[test]
    fn an_answer_that_is_none_is_an_error_without_its_text() {
        let error = shell("read line; echo secret");
        assert!(error.contains("a line that is no JSON") && !error.contains("secret"), "{error}");
        let error = shell(r#"read line; echo '{"id":1,"error":{"code":-32600,"message":"secret"}}'"#);
        assert!(error.contains("error -32600") && !error.contains("secret"), "{error}");
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let error = play(&mut Command::new("no-such-program")).expect_err("cannot start");
        assert!(format!("{error:#}").starts_with("cannot start no-such-program"), "{error:#}");
    }
}
