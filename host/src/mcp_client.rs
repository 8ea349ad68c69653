//! A minimal MCP client: it launches a server as a child process and speaks JSON-RPC with it over
//! pipes. The demo, the tests and the benchmarks use it; it is no stable API.
//!
//! Not here: tools, SMS and settings. The client knows lines, ids and the handshake.
//!
//! No call waits for ever. Reading ends after [`RESPONSE_TIMEOUT`]. A server whose session lasts longer
//! than [`MAX_SESSION`] is killed, which also ends a write into a full pipe.

use serde_json::{Value, json};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How long the client waits for one line. The slowest call of this program takes 30 seconds.
pub const RESPONSE_TIMEOUT: Duration = Duration::from_secs(60);

/// How long a session may last. The longest one is a benchmark of some 20,000 calls.
pub const MAX_SESSION: Duration = Duration::from_secs(600);

/// How often the client looks whether the server has ended: the standard library has no wait with a
/// timeout.
const EXIT_POLL_INTERVAL: Duration = Duration::from_millis(2);

/// The protocol version that the handshake asks for.
pub const PROTOCOL_VERSION: &str = "2025-11-25";

/// Why a session cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The program could not be launched.
    #[error("cannot start {program}: {source}")]
    Start {
        /// What was to be launched.
        program: String,
        /// What the system says.
        source: io::Error,
    },
    /// The server does not read its stdin any more.
    #[error("cannot write to the server: {0}")]
    Write(io::Error),
    /// stdin was closed by [`McpClient::close_input`].
    #[error("the client has closed the server's stdin")]
    InputClosed,
    /// The server closed this output.
    #[error("the server closed its {0}")]
    OutputClosed(&'static str),
    /// The server wrote no line to this output within [`RESPONSE_TIMEOUT`].
    #[error("the server wrote nothing to its {0} for {seconds} seconds", seconds = RESPONSE_TIMEOUT.as_secs())]
    OutputTimeout(&'static str),
    /// The server still ran after it had closed its outputs.
    #[error("the server did not end within {seconds} seconds", seconds = RESPONSE_TIMEOUT.as_secs())]
    ExitTimeout,
    /// A line on stdout is no JSON-RPC message.
    #[error("the server wrote a line that is no JSON-RPC message: {0}")]
    NotJsonRpc(String),
    /// A message came that is not the response to the request.
    #[error("instead of the response to {method} came: {message}")]
    OtherMessage {
        /// The request's method.
        method: String,
        /// What came.
        message: Value,
    },
    /// The server answered with a JSON-RPC error.
    #[error("{method} failed: {error}")]
    Failed {
        /// The request's method.
        method: String,
        /// The error object.
        error: Value,
    },
    /// The system did not tell how the server ended.
    #[error("cannot wait for the server: {0}")]
    Wait(io::Error),
    /// The system did not let the client kill the server.
    #[error("cannot kill the server: {0}")]
    Kill(io::Error),
}

/// What the client does with an output of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Output {
    /// It reads the lines.
    #[default]
    Read,
    /// It keeps the pipe open and reads nothing, so that the pipe fills.
    Unread,
    /// It closes its end of the pipe at once.
    Closed,
    /// There is no pipe: the output goes to the null device.
    Discarded,
}

/// A message of the server.
#[derive(Debug)]
pub struct Message {
    /// The JSON-RPC message.
    pub value: Value,
    /// When its line had been read from the pipe.
    pub read_at: Instant,
}

/// What a server left behind.
#[derive(Debug)]
pub struct Finished {
    /// How the process ended.
    pub status: ExitStatus,
    /// The lines on stdout that nobody had asked for.
    pub stdout: Vec<String>,
    /// The lines on stderr that nobody had asked for.
    pub stderr: Vec<String>,
}

/// A session with a server. When it is dropped, the server is killed.
pub struct McpClient {
    child: Arc<Mutex<Child>>,
    stdin: Option<ChildStdin>,
    stdout: Lines,
    stderr: Lines,
    last_id: u64,
    /// Dropping it tells the thread of [`limit_session`] that the session is over.
    _session: Sender<()>,
}

impl McpClient {
    /// Launches a server and reads both its outputs.
    ///
    /// # Errors
    /// When the program cannot be launched.
    pub fn launch(command: Command) -> Result<Self, ClientError> {
        Self::launch_with(command, Output::Read, Output::Read)
    }

    /// Launches a server and treats its outputs as given.
    ///
    /// # Errors
    /// When the program cannot be launched.
    pub fn launch_with(mut command: Command, stdout: Output, stderr: Output) -> Result<Self, ClientError> {
        let pipe = |output| if output == Output::Discarded { Stdio::null() } else { Stdio::piped() };
        command.stdin(Stdio::piped()).stdout(pipe(stdout)).stderr(pipe(stderr));
        let mut child = command.spawn().map_err(|source| {
            let program = command.get_program().to_string_lossy().into_owned();
            ClientError::Start { program, source }
        })?;
        let stdin = child.stdin.take();
        let stdout = Lines::of("stdout", child.stdout.take(), stdout);
        let stderr = Lines::of("stderr", child.stderr.take(), stderr);
        let child = Arc::new(Mutex::new(child));
        let _session = limit_session(Arc::clone(&child));
        Ok(Self { child, stdin, stdout, stderr, last_id: 0, _session })
    }

    /// Does the handshake with these client capabilities, and gives the server's part of it.
    ///
    /// # Errors
    /// When the server does not answer or refuses.
    pub fn initialize(&mut self, name: &str, capabilities: &Value) -> Result<Value, ClientError> {
        let hello = json!({"protocolVersion": PROTOCOL_VERSION, "capabilities": capabilities,
                           "clientInfo": {"name": name, "version": "1"}});
        let result = self.request("initialize", &hello)?;
        self.write_line(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}).to_string())?;
        Ok(result)
    }

    /// Writes bytes to the server's stdin as they are.
    ///
    /// # Errors
    /// When stdin is closed on either side.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), ClientError> {
        self.stdin.as_mut().ok_or(ClientError::InputClosed)?.write_all(bytes).map_err(ClientError::Write)
    }

    /// Writes one line, in one piece.
    ///
    /// # Errors
    /// When stdin is closed on either side.
    pub fn write_line(&mut self, line: &str) -> Result<(), ClientError> {
        self.write(format!("{line}\n").as_bytes())
    }

    /// Writes a request without waiting for the response, and gives its id.
    ///
    /// # Errors
    /// When stdin is closed on either side.
    pub fn post(&mut self, method: &str, params: &Value) -> Result<u64, ClientError> {
        self.last_id += 1;
        let id = self.last_id;
        self.write_line(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string())?;
        Ok(id)
    }

    /// The next message of the server. Every line of its stdout must be one.
    ///
    /// # Errors
    /// When none comes in time, or a line is no JSON-RPC message.
    pub fn message(&mut self) -> Result<Message, ClientError> {
        let Line { text, read_at } = self.stdout.next()?;
        match serde_json::from_str::<Value>(&text) {
            Ok(value) if value["jsonrpc"] == "2.0" => Ok(Message { value, read_at }),
            _ => Err(ClientError::NotJsonRpc(text)),
        }
    }

    /// Makes a request and gives its result.
    ///
    /// # Errors
    /// When the server answers with an error, with something else, or not at all.
    pub fn request(&mut self, method: &str, params: &Value) -> Result<Value, ClientError> {
        let id = self.post(method, params)?;
        let mut message = self.message()?.value;
        let method = method.to_string();
        if message["id"] != id {
            return Err(ClientError::OtherMessage { method, message });
        }
        match message["error"].take() {
            Value::Null => Ok(message["result"].take()),
            error => Err(ClientError::Failed { method, error }),
        }
    }

    /// The next line on stderr that fits. Lines before it are dropped.
    ///
    /// # Errors
    /// When none comes in time.
    pub fn stderr_line(&mut self, fits: impl Fn(&str) -> bool) -> Result<String, ClientError> {
        loop {
            let line = self.stderr.next()?.text;
            if fits(&line) {
                return Ok(line);
            }
        }
    }

    /// The id of the server's process.
    pub fn process_id(&self) -> u32 {
        lock(&self.child).id()
    }

    /// Kills the server: it gets no time for anything. [`Self::wait`] then gives what it left.
    ///
    /// # Errors
    /// When the system does not let the client do so.
    pub fn kill(&self) -> Result<(), ClientError> {
        lock(&self.child).kill().map_err(ClientError::Kill)
    }

    /// Closes the server's stdin, which asks it to end.
    pub fn close_input(&mut self) {
        self.stdin = None;
    }

    /// Closes stdin and waits until the server has ended.
    ///
    /// # Errors
    /// When it does not end in time.
    pub fn finish(mut self) -> Result<Finished, ClientError> {
        self.close_input();
        self.wait()
    }

    /// Waits for a server that ends by itself. What is left in the pipes is read on the way.
    ///
    /// # Errors
    /// When it does not end in time.
    pub fn wait(self) -> Result<Finished, ClientError> {
        let (stdout, stderr) = (self.stdout.rest()?, self.stderr.rest()?);
        let deadline = Instant::now() + RESPONSE_TIMEOUT;
        while Instant::now() < deadline {
            if let Some(status) = lock(&self.child).try_wait().map_err(ClientError::Wait)? {
                return Ok(Finished { status, stdout, stderr });
            }
            thread::sleep(EXIT_POLL_INTERVAL);
        }
        Err(ClientError::ExitTimeout)
    }
}

impl Drop for McpClient {
    fn drop(&mut self) {
        kill(&self.child);
    }
}

fn lock(child: &Mutex<Child>) -> MutexGuard<'_, Child> {
    child.lock().unwrap_or_else(PoisonError::into_inner)
}

fn kill(child: &Mutex<Child>) {
    let mut child = lock(child);
    let _ = child.kill();
    let _ = child.wait();
}

/// Kills a server whose session lasts too long. The session ends when the sender is dropped.
fn limit_session(child: Arc<Mutex<Child>>) -> Sender<()> {
    let (session, ended) = channel();
    thread::spawn(move || {
        if ended.recv_timeout(MAX_SESSION) == Err(RecvTimeoutError::Timeout) {
            kill(&child);
        }
    });
    session
}

/// A line and when it had been read.
struct Line {
    text: String,
    read_at: Instant,
}

/// The lines of one output.
struct Lines {
    name: &'static str,
    lines: Receiver<Line>,
    /// An output that stays open and is not read.
    _unread: Option<Box<dyn Read + Send>>,
}

impl Lines {
    fn of(name: &'static str, pipe: Option<impl Read + Send + 'static>, output: Output) -> Self {
        let (sender, lines) = channel();
        let mut _unread: Option<Box<dyn Read + Send>> = None;
        match (pipe, output) {
            (Some(pipe), Output::Read) => read_lines(pipe, sender),
            (Some(pipe), Output::Unread) => _unread = Some(Box::new(pipe)),
            _ => {}
        }
        Self { name, lines, _unread }
    }

    fn next(&self) -> Result<Line, ClientError> {
        self.lines.recv_timeout(RESPONSE_TIMEOUT).map_err(|error| match error {
            RecvTimeoutError::Disconnected => ClientError::OutputClosed(self.name),
            RecvTimeoutError::Timeout => ClientError::OutputTimeout(self.name),
        })
    }

    /// All lines until the server closes the output.
    fn rest(&self) -> Result<Vec<String>, ClientError> {
        let mut rest = Vec::new();
        loop {
            match self.next() {
                Ok(line) => rest.push(line.text),
                Err(ClientError::OutputClosed(_)) => return Ok(rest),
                Err(error) => return Err(error),
            }
        }
    }
}

/// Reads a pipe in a thread of its own, so that a server never waits for this client.
fn read_lines(pipe: impl Read + Send + 'static, lines: Sender<Line>) {
    thread::spawn(move || {
        for text in BufReader::new(pipe).lines().map_while(Result::ok) {
            if lines.send(Line { text, read_at: Instant::now() }).is_err() {
                return;
            }
        }
    });
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str) -> McpClient {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        McpClient::launch(command).expect("there is a shell")
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let error = McpClient::launch(Command::new("/no/such/program")).err().expect("cannot start");
        assert!(error.to_string().starts_with("cannot start /no/such/program: "), "{error}");
    }

    #[test]
    fn a_server_that_ends_or_writes_nonsense_is_an_error_and_no_wait() {
        let error = shell("exit 0").request("ping", &json!({})).expect_err("nobody answers");
        assert!(matches!(error, ClientError::OutputClosed(_) | ClientError::Write(_)), "{error}");
        let error = shell("read line; echo nonsense").request("ping", &json!({})).expect_err("no JSON");
        assert!(matches!(error, ClientError::NotJsonRpc(_)), "{error}");
        let other = r#"read line; echo '{"jsonrpc":"2.0","id":7,"result":{}}'"#;
        let error = shell(other).request("ping", &json!({})).expect_err("another id");
        assert!(matches!(error, ClientError::OtherMessage { .. }), "{error}");
    }

    #[test]
    fn the_end_of_a_server_comes_with_what_it_left() {
        let finished = shell("cat; echo last >&2; exit 3").finish().expect("ends");
        assert_eq!((finished.status.code(), finished.stderr), (Some(3), vec!["last".to_string()]));
    }
}
