//! The program as a process: with which settings it is launched, and its client's side of MCP. Every
//! wait is bounded; there is no sleep and no fixed port.
//!
//! Not here: pipes and JSON-RPC, which are `elks_mcp::mcp_client`.

use super::fake_elks::FakeElks;
use super::own_file::OwnFile;
use super::state_dir::StateDir;
use super::{PASSWORD, RECIPIENT, SENDER, USERNAME, merged};
use elks_mcp::mcp_client::{self, McpClient, Output};
use serde_json::{Value, json};
use std::process::{Command, ExitStatus};

/// A program that is to be launched.
pub struct Launch {
    command: Command,
    stdout: Output,
    stderr: Output,
    certificate: Option<OwnFile>,
    state: Option<StateDir>,
}

impl Launch {
    /// The executable with these arguments and none of our own environment's settings.
    pub fn with(arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_elks-mcp"));
        command.args(arguments);
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().to_ascii_uppercase();
            let ours = ["ELKS_", "DRY_RUN", "CONFIRM_SENDS", "RATE_LIMIT_", "SSL_CERT_"]
                .iter()
                .any(|prefix| name.starts_with(prefix));
            if ours || name.ends_with("_PROXY") {
                command.env_remove(&name).env_remove(name.to_ascii_lowercase());
            }
        }
        Self { command, stdout: Output::Read, stderr: Output::Read, certificate: None, state: None }
    }

    /// The server with the simulator, which really "sends".
    pub fn simulator() -> Self {
        Self::with(&["--simulate"]).env("DRY_RUN", "false")
    }

    /// The server with a complete account that remembers nothing yet, and 46elks where a proxy leads.
    pub fn account(elks: &FakeElks) -> Self {
        Self::account_with(elks, &[])
    }

    /// The same account with these arguments.
    pub fn account_with(elks: &FakeElks, arguments: &[&str]) -> Self {
        Self::account_at(&elks.proxy(), &elks.pem, arguments)
    }

    /// The same account, with 46elks behind this proxy, trusted by this certificate.
    pub fn account_at(proxy: &str, pem: &str, arguments: &[&str]) -> Self {
        let certificate = OwnFile::new("pem", pem);
        let launch = Self::with(arguments)
            .env("ELKS_API_USERNAME", USERNAME)
            .env("ELKS_API_PASSWORD", PASSWORD)
            .env("ELKS_PHONE_NUMBER", SENDER)
            .env("DRY_RUN", "false")
            .env("HTTPS_PROXY", proxy)
            .env("SSL_CERT_FILE", certificate.path());
        Self { certificate: Some(certificate), ..launch }.state(&StateDir::new())
    }

    /// With what other programs left in this folder.
    pub fn state(mut self, state: &StateDir) -> Self {
        self.command.env("ELKS_STATE_DIR", state.path());
        Self { state: Some(state.clone()), ..self }
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    #[cfg(unix)]
    pub fn env_bytes(mut self, name: &str, value: &std::ffi::OsStr) -> Self {
        self.command.env(name, value);
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    /// What the client does with stdout.
    pub fn stdout(self, stdout: Output) -> Self {
        Self { stdout, ..self }
    }

    /// What the client does with stderr.
    pub fn stderr(self, stderr: Output) -> Self {
        Self { stderr, ..self }
    }

    /// With so many KiB of address space.
    #[cfg(target_os = "linux")]
    pub fn limited(self, kibibytes: u64) -> Self {
        self.through_shell(&format!("ulimit -v {kibibytes}"))
    }

    /// With so many blocks of 512 or 1024 bytes as the largest file: to write more fails, as on a full disk.
    #[cfg(target_os = "linux")]
    pub fn with_largest_file(self, blocks: u64) -> Self {
        self.through_shell(&format!("trap '' XFSZ; ulimit -f {blocks}"))
    }

    /// With SIGHUP ignored, as `nohup` has it.
    #[cfg(target_os = "linux")]
    pub fn ignoring_hangup(self) -> Self {
        self.through_shell("trap '' HUP")
    }

    /// In a group of processes of its own, which alone gets a Ctrl-Break that is meant for it.
    #[cfg(windows)]
    pub fn in_own_group(mut self) -> Self {
        use std::os::windows::process::CommandExt;
        self.command.creation_flags(windows_sys::Win32::System::Threading::CREATE_NEW_PROCESS_GROUP);
        self
    }

    /// Launched by a shell that does this first.
    #[cfg(target_os = "linux")]
    fn through_shell(self, first: &str) -> Self {
        let mut command = Command::new("sh");
        let script = format!("{first}; exec \"$0\" \"$@\"");
        command.arg("-c").arg(script).arg(self.command.get_program()).args(self.command.get_args());
        for (name, value) in self.command.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        Self { command, ..self }
    }

    /// Launches it and leaves it alone.
    pub fn start(self) -> Program {
        let client = McpClient::launch_with(self.command, self.stdout, self.stderr).expect("starts");
        Program { client, _certificate: self.certificate, _state: self.state }
    }

    /// Launches it as a client does: with the handshake.
    pub fn serve(self) -> Program {
        let mut program = self.start();
        program.handshake();
        program
    }

    /// Runs it to its end without input, and gives its stdout as bytes.
    pub fn output(mut self) -> Vec<u8> {
        self.command.stdin(std::process::Stdio::null()).output().expect("starts").stdout
    }

    /// Runs it to its end without input.
    pub fn run(self) -> Finished {
        self.start().finish()
    }
}

/// A running server, seen from its client. When it is dropped, the process is killed.
pub struct Program {
    // First, so that the process has ended before its files are removed.
    client: McpClient,
    _certificate: Option<OwnFile>,
    _state: Option<StateDir>,
}

/// What a program left behind.
pub struct Finished {
    pub status: ExitStatus,
    pub stdout: Vec<String>,
    pub stderr: Vec<String>,
}

impl Finished {
    pub fn code(&self) -> i32 {
        self.status.code().expect("was not killed")
    }

    /// Whether a signal ended it that it does not handle.
    #[cfg(unix)]
    pub fn was_killed(&self) -> bool {
        self.status.code().is_none()
    }

    /// All of stderr.
    pub fn errors(&self) -> String {
        self.stderr.join("\n")
    }
}

impl Program {
    pub fn handshake(&mut self) -> Value {
        self.handshake_with(&json!({}))
    }

    /// The handshake of a client with these capabilities.
    pub fn handshake_with(&mut self, capabilities: &Value) -> Value {
        self.client.initialize("tests", capabilities).unwrap()
    }

    /// Writes a raw line.
    pub fn line(&mut self, line: &str) {
        self.client.write_line(line).expect("the server reads");
    }

    /// Writes bytes as they are.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.client.write(bytes).expect("the server reads");
    }

    /// Sends a signal to the process.
    #[cfg(unix)]
    pub fn signal(&self, name: &str) {
        assert!(Command::new("kill").args(["-s", name, &self.pid().to_string()]).status().unwrap().success());
    }

    /// Sends Ctrl-Break to a process that has a group of its own, as a terminal does.
    #[cfg(windows)]
    #[expect(unsafe_code, reason = "the standard library sends no console events")]
    pub fn ctrl_break(&self) {
        use windows_sys::Win32::System::Console::{CTRL_BREAK_EVENT, GenerateConsoleCtrlEvent};
        // SAFETY: the function takes two numbers and no memory of this process.
        let done = unsafe { GenerateConsoleCtrlEvent(CTRL_BREAK_EVENT, self.pid()) };
        assert_ne!(done, 0, "{}", std::io::Error::last_os_error());
    }

    /// Writes a request and does not wait.
    pub fn post(&mut self, method: &str, params: &Value) -> u64 {
        self.client.post(method, params).expect("the server reads")
    }

    /// Writes a call of a tool and does not wait.
    pub fn post_call(&mut self, tool: &str, arguments: &Value) -> u64 {
        self.post("tools/call", &json!({"name": tool, "arguments": arguments}))
    }

    /// Withdraws a request.
    pub fn cancel(&mut self, id: impl Into<Value>) {
        let id: Value = id.into();
        let params = json!({"requestId": id});
        self.line(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params}).to_string());
    }

    /// The next message of the server. Whatever is on stdout must be JSON-RPC.
    pub fn message(&mut self) -> Value {
        self.client.message().unwrap_or_else(|error| panic!("{error}")).value
    }

    /// Makes a request and gives the whole response, an error as well.
    pub fn request(&mut self, method: &str, params: &Value) -> Value {
        let id = self.post(method, params);
        let response = self.message();
        assert_eq!(response["id"], id, "{response}");
        response
    }

    /// That the session goes on: nothing else is answered in between.
    pub fn ping(&mut self) {
        assert_eq!(self.request("ping", &json!({}))["result"], json!({}));
    }

    /// Calls a tool and gives its result.
    pub fn call(&mut self, tool: &str, arguments: Value) -> Called {
        let response = self.request("tools/call", &json!({"name": tool, "arguments": arguments}));
        assert!(response["error"].is_null(), "{response}");
        Called(response["result"].clone())
    }

    /// `send_sms` to the usual recipient, with more arguments or others.
    pub fn send(&mut self, more: Value) -> Called {
        self.call("send_sms", merged(json!({"to": RECIPIENT, "message": "Hej från provet"}), &more))
    }

    /// The next line on stderr that a test looks for.
    pub fn stderr_line(&mut self, wanted: &str) -> String {
        self.client.stderr_line(|line| line.contains(wanted)).unwrap_or_else(|error| panic!("{wanted:?}: {error}"))
    }

    /// The next audit line.
    pub fn audit(&mut self) -> Value {
        let line = self.stderr_line("{\"audit\"");
        serde_json::from_str::<Value>(&line).expect("is JSON")["audit"].clone()
    }

    /// Closes stdin.
    pub fn close_input(&mut self) {
        self.client.close_input();
    }

    /// Closes stdin and waits for the end.
    pub fn finish(mut self) -> Finished {
        self.close_input();
        self.wait()
    }

    /// Waits for the end of a program that ends by itself.
    pub fn wait(self) -> Finished {
        let mcp_client::Finished { status, stdout, stderr } = self.client.wait().unwrap();
        Finished { status, stdout, stderr }
    }

    /// Kills it, as `kill -9` does, and waits for its end.
    pub fn kill(self) -> Finished {
        self.client.kill().unwrap();
        self.wait()
    }

    /// How large a file it can write, in bytes.
    #[cfg(target_os = "linux")]
    pub fn largest_file(&self) -> usize {
        let limits = std::fs::read_to_string(format!("/proc/{}/limits", self.pid())).unwrap();
        let row = limits.lines().find_map(|line| line.strip_prefix("Max file size")).expect("is listed");
        row.split_whitespace().next().unwrap().parse().expect("is limited")
    }

    pub fn pid(&self) -> u32 {
        self.client.process_id()
    }
}

/// The result of a tool call.
pub struct Called(pub Value);

impl Called {
    /// All text of the result.
    pub fn text(&self) -> String {
        let blocks = self.0["content"].as_array().expect("has content");
        blocks.iter().filter_map(|block| block["text"].as_str()).collect::<Vec<_>>().join("\n")
    }

    /// The facts of a success.
    pub fn facts(&self) -> &Value {
        assert_eq!(self.0["isError"], false, "{}", self.text());
        let facts = &self.0["structuredContent"];
        let text: Value = serde_json::from_str(&self.text()).expect("the only text is the facts as JSON");
        assert_eq!(&text, facts, "text and structured content say the same");
        facts
    }

    /// The text of a failure, which has no structured content.
    pub fn error(&self) -> String {
        assert_eq!(self.0["isError"], true, "{}", self.text());
        assert!(self.0["structuredContent"].is_null());
        self.text()
    }

    /// Asserts that it failed with a code, and gives the text behind it.
    pub fn failed(&self, code: &str) -> String {
        let error = self.error();
        let prefix = format!("Error ({code}): ");
        error.strip_prefix(&prefix).unwrap_or_else(|| panic!("no {code}: {error}")).to_string()
    }
}
