//! The only place of the tests that knows processes, JSON-RPC and TLS. Every wait is bounded; there
//! is no sleep and no fixed port.

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// How long anything may take before a test fails. Far more than it does take.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The username, password and sender of the account that tests use.
pub const USERNAME: &str = "u5a95d6b0f1c2e3d4a5b6c7d8e9f0a1b2";
pub const PASSWORD: &str = "0F1E2D3C4B5A69788796A5B4C3D2E1F0";
pub const SENDER: &str = "+46766861004";

/// A number of the range that Sweden reserves for books and films.
pub const RECIPIENT: &str = "+46701740605";

/// A program that is to be launched.
pub struct Launch(Command);

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
        Self(command)
    }

    /// The server with the simulator, which really "sends".
    pub fn simulator() -> Self {
        Self::with(&["--simulate"]).env("DRY_RUN", "false")
    }

    /// The server with a complete account, and 46elks where a proxy leads.
    pub fn account(elks: &Elks) -> Self {
        Self::with(&[])
            .credentials()
            .env("HTTPS_PROXY", &elks.proxy())
            .env("SSL_CERT_FILE", elks.certificate.to_str().unwrap())
    }

    /// With the settings of the account, and really sending.
    pub fn credentials(self) -> Self {
        self.env("ELKS_API_USERNAME", USERNAME)
            .env("ELKS_API_PASSWORD", PASSWORD)
            .env("ELKS_PHONE_NUMBER", SENDER)
            .env("DRY_RUN", "false")
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.0.env(name, value);
        self
    }

    #[cfg(unix)]
    pub fn env_bytes(mut self, name: &str, value: &std::ffi::OsStr) -> Self {
        self.0.env(name, value);
        self
    }

    /// With so many KiB of address space.
    #[cfg(target_os = "linux")]
    pub fn limited(self, kibibytes: u64) -> Self {
        let mut command = Command::new("sh");
        let script = format!("ulimit -v {kibibytes}; exec \"$0\" \"$@\"");
        command.arg("-c").arg(script).arg(self.0.get_program()).args(self.0.get_args());
        for (name, value) in self.0.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        Self(command)
    }

    pub fn without(mut self, name: &str) -> Self {
        self.0.env_remove(name);
        self
    }

    fn spawn(mut self) -> Child {
        self.0.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts")
    }

    /// Launches it and leaves it alone.
    pub fn start(self) -> Program {
        let mut child = self.spawn();
        let stdin = child.stdin.take();
        let stdout = lines_of(child.stdout.take().unwrap());
        let stderr = lines_of(child.stderr.take().unwrap());
        Program { child, stdin, stdout, stderr, last_id: 0 }
    }

    /// Launches it with nobody who reads stderr; the pipe is closed or left to fill.
    pub fn start_unread(self, closed: bool) -> (Program, Option<std::process::ChildStderr>) {
        let mut child = self.spawn();
        let stdin = child.stdin.take();
        let stdout = lines_of(child.stdout.take().unwrap());
        let unread = child.stderr.take().filter(|_| !closed);
        let program = Program { child, stdin, stdout, stderr: lines_of(std::io::empty()), last_id: 0 };
        (program, unread)
    }

    /// Launches it with nobody who reads stdout any more.
    pub fn start_unheard(self) -> Program {
        self.start_unheard_but_open().0
    }

    /// Launches it with nobody who reads stdout, whose pipe stays open and fills.
    pub fn start_unheard_but_open(self) -> (Program, std::process::ChildStdout) {
        let mut child = self.spawn();
        let stdin = child.stdin.take();
        let unread = child.stdout.take().unwrap();
        let stderr = lines_of(child.stderr.take().unwrap());
        (Program { child, stdin, stdout: lines_of(std::io::empty()), stderr, last_id: 0 }, unread)
    }

    /// Launches it as a client does: with the handshake.
    pub fn serve(self) -> Program {
        let mut program = self.start();
        program.handshake();
        program
    }

    /// Runs it to its end without input.
    pub fn run(self) -> Finished {
        let program = self.start();
        program.finish()
    }
}

/// Lines of a pipe, as they come.
fn lines_of(pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = channel();
    thread::spawn(move || {
        let lines = BufReader::new(pipe).lines().map_while(Result::ok);
        lines.into_iter().try_for_each(|line| sender.send(line))
    });
    lines
}

/// A running server, seen from its client.
pub struct Program {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Receiver<String>,
    stderr: Receiver<String>,
    last_id: u64,
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

    pub fn told(&self) -> String {
        self.stderr.join("\n")
    }
}

impl Program {
    pub fn handshake(&mut self) -> Value {
        let hello = self.request(
            "initialize",
            &json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "tests", "version": "1"}}),
        );
        self.line(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}).to_string());
        hello["result"].clone()
    }

    /// Writes a raw line.
    pub fn line(&mut self, line: &str) {
        writeln!(self.stdin.as_mut().expect("is open"), "{line}").expect("the server reads");
    }

    /// Writes bytes as they are.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.stdin.as_mut().expect("is open").write_all(bytes).expect("the server reads");
    }

    /// Asks the process to end.
    #[cfg(unix)]
    pub fn signal(&self, name: &str) {
        assert!(Command::new("kill").args(["-s", name, &self.pid().to_string()]).status().unwrap().success());
    }

    /// Writes a request and does not wait.
    pub fn post(&mut self, method: &str, params: &Value) -> u64 {
        self.last_id += 1;
        let id = self.last_id;
        self.line(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string());
        id
    }

    /// The next message of the server. Whatever is on stdout must be JSON-RPC.
    pub fn answer(&mut self) -> Value {
        let line = self.stdout.recv_timeout(PATIENCE).expect("the server answers");
        let answer: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("not JSON on stdout: {line}"));
        assert_eq!(answer["jsonrpc"], "2.0");
        answer
    }

    pub fn request(&mut self, method: &str, params: &Value) -> Value {
        let id = self.post(method, params);
        let answer = self.answer();
        assert_eq!(answer["id"], id, "{answer}");
        answer
    }

    /// Calls a tool and gives its result.
    pub fn call(&mut self, tool: &str, arguments: Value) -> Called {
        let answer = self.request("tools/call", &json!({"name": tool, "arguments": arguments}));
        assert!(answer["error"].is_null(), "{answer}");
        Called(answer["result"].clone())
    }

    /// `send_sms` to the usual recipient, with more arguments or others.
    pub fn send(&mut self, more: Value) -> Called {
        self.call("send_sms", merged(json!({"to": RECIPIENT, "message": "Hej från provet"}), &more))
    }

    /// The next line on stderr that a test looks for.
    pub fn stderr_line(&mut self, wanted: &str) -> String {
        loop {
            let line = self.stderr.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("{wanted:?} never came on stderr"));
            if line.contains(wanted) {
                return line;
            }
        }
    }

    /// The next audit line.
    pub fn audit(&mut self) -> Value {
        let line = self.stderr_line("{\"audit\"");
        serde_json::from_str::<Value>(&line).expect("is JSON")["audit"].clone()
    }

    /// Closes stdin.
    pub fn hang_up(&mut self) {
        drop(self.stdin.take());
    }

    /// Closes stdin and waits for the end.
    pub fn finish(mut self) -> Finished {
        self.hang_up();
        self.wait()
    }

    /// Waits for the end of a program that ends by itself.
    pub fn wait(mut self) -> Finished {
        // The pipes end when the program does; what is left in them is read on the way.
        let rest = |lines: &Receiver<String>| {
            let mut rest = Vec::new();
            loop {
                match lines.recv_timeout(PATIENCE) {
                    Ok(line) => rest.push(line),
                    Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => return rest,
                    Err(std::sync::mpsc::RecvTimeoutError::Timeout) => panic!("the program does not end"),
                }
            }
        };
        let (stdout, stderr) = (rest(&self.stdout), rest(&self.stderr));
        Finished { status: self.child.wait().unwrap(), stdout, stderr }
    }

    #[cfg(unix)]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// An object with the fields of another over its own.
pub fn merged(mut object: Value, more: &Value) -> Value {
    object.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    object
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
        let text: Value = serde_json::from_str(self.0["content"][1]["text"].as_str().expect("has the facts as text"))
            .expect("the facts are JSON");
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

/// A request as it arrived at the pretend 46elks.
#[derive(Clone, Debug)]
pub struct Received {
    pub method: String,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Received {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A field of a form body.
    pub fn field(&self, name: &str) -> Option<String> {
        form_urlencoded::parse(self.body.as_bytes())
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.into_owned())
    }

    fn is_verification(&self) -> bool {
        self.method == "GET" && self.path == "/a1/me"
    }
}

/// What the pretend 46elks does with a request.
pub enum Reaction {
    /// Answers with status, media type and body.
    Answer(u16, &'static str, Vec<u8>),
    /// Writes these bytes as they are and closes.
    Raw(Vec<u8>),
    /// Closes the connection without an answer.
    HangUp,
    /// Writes the first and then the second of these again and again, until the client gives up.
    Endless(&'static [u8], &'static [u8]),
    /// Keeps the connection open and never answers.
    Silence,
}

impl Reaction {
    pub fn json(value: &Value) -> Self {
        Self::Answer(200, "application/json", value.to_string().into_bytes())
    }

    pub fn text(status: u16, text: &str) -> Self {
        Self::Answer(status, "text/plain; charset=utf-8", text.into())
    }
}

/// The account that every pretend 46elks knows, unless a test answers `/a1/me` itself.
pub fn account() -> Value {
    json!({"displayname": "Test account", "id": USERNAME, "currency": "SEK", "balance": 1_000_000, "email": "a@example.com",
           "mobilenumber": SENDER})
}

type Behaviour = dyn Fn(&Received) -> Reaction + Send + Sync;

/// A pretend 46elks behind real TLS on loopback. It is reached at its address, or as people reach
/// the real one through a company's proxy.
pub struct Tls {
    pub address: SocketAddr,
    /// The certificate that vouches for it, as DER and as PEM.
    pub certificate: Vec<u8>,
    pem: String,
    requests: Arc<Mutex<Vec<Received>>>,
    arrivals: Receiver<Received>,
    connections: Arc<AtomicU32>,
    closed: Receiver<()>,
}

/// The same for a program: `HTTPS_PROXY` leads to it, `SSL_CERT_FILE` vouches for it.
pub struct Elks {
    tls: Tls,
    pub certificate: PathBuf,
}

impl Elks {
    /// One that verifies the account and behaves as a test wants for everything else.
    pub fn behaving(behaviour: impl Fn(&Received) -> Reaction + Send + Sync + 'static) -> Self {
        Self::raw(
            move |request| {
                if request.is_verification() { Reaction::json(&account()) } else { behaviour(request) }
            },
        )
    }

    /// One that leaves even the verification to the test.
    pub fn raw(behaviour: impl Fn(&Received) -> Reaction + Send + Sync + 'static) -> Self {
        Self::certified("api.46elks.com", behaviour)
    }

    /// One whose certificate is for another name.
    pub fn certified(name: &str, behaviour: impl Fn(&Received) -> Reaction + Send + Sync + 'static) -> Self {
        let tls = Tls::new(name, behaviour);
        let file = format!("elks-{}-{}.pem", std::process::id(), tls.address.port());
        let certificate = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(file);
        std::fs::write(&certificate, &tls.pem).unwrap();
        Self { tls, certificate }
    }

    pub fn proxy(&self) -> String {
        format!("http://{}", self.tls.address)
    }

    /// All requests so far but the verifications.
    pub fn requests(&self) -> Vec<Received> {
        let requests = self.tls.requests.lock().unwrap();
        requests.iter().filter(|request| !request.is_verification()).cloned().collect()
    }

    /// How many connections were made.
    pub fn connections(&self) -> u32 {
        self.tls.connections.load(Ordering::SeqCst)
    }

    /// Whether no further request comes for a moment.
    pub fn is_quiet(&self) -> bool {
        self.tls.arrivals.recv_timeout(Duration::from_millis(300)).is_err()
    }

    /// Waits until the server has closed a connection.
    pub fn closed(&self) {
        self.tls.closed.recv_timeout(PATIENCE).expect("a connection is closed");
    }

    /// Waits for the next request that is not a verification.
    pub fn arrival(&self) -> Received {
        loop {
            let request = self.tls.arrival();
            if !request.is_verification() {
                return request;
            }
        }
    }
}

impl Tls {
    /// A server with a certificate for this name.
    pub fn new(name: &str, behaviour: impl Fn(&Received) -> Reaction + Send + Sync + 'static) -> Self {
        let (certificate, tls) = crate::server::certified([name]).unwrap();
        let listener = loopback();
        let address = listener.local_addr().unwrap();
        let requests: Arc<Mutex<Vec<Received>>> = Arc::default();
        let (sender, arrivals) = channel();
        let (tls, behaviour, log) = (Arc::new(tls), Arc::new(behaviour), Arc::clone(&requests));
        let connections: Arc<AtomicU32> = Arc::default();
        let counter = Arc::clone(&connections);
        let (closing, closed) = channel();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                counter.fetch_add(1, Ordering::SeqCst);
                let (tls, behaviour, log) = (Arc::clone(&tls), Arc::clone(&behaviour), Arc::clone(&log));
                let (sender, closing) = (sender.clone(), closing.clone());
                thread::spawn(move || {
                    // A connection that breaks off is the client's business.
                    drop(attend(stream, tls, &*behaviour, &log, &sender));
                    let _ = closing.send(());
                });
            }
        });
        let (pem, certificate) = (certificate.pem(), certificate.der().to_vec());
        Self { address, certificate, pem, requests, arrivals, connections, closed }
    }

    /// Waits for the next request.
    pub fn arrival(&self) -> Received {
        self.arrivals.recv_timeout(PATIENCE).expect("a request arrives")
    }
}

impl Drop for Elks {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.certificate));
    }
}

/// A listener on loopback, on any free port.
#[expect(clippy::disallowed_methods, reason = "the program listens to nobody; its tests pretend to be 46elks")]
pub fn loopback() -> TcpListener {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()
}

/// One connection: the proxy's CONNECT if it comes through one, TLS, and HTTP/1.1 until somebody closes.
fn attend(
    mut stream: TcpStream,
    tls: Arc<rustls::ServerConfig>,
    behaviour: &Behaviour,
    log: &Mutex<Vec<Received>>,
    arrivals: &Sender<Received>,
) -> std::io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut first = [0];
    // A TLS connection begins with 22; a proxy's begins with the C of CONNECT.
    if stream.peek(&mut first)? == 1 && first == *b"C" {
        let mut connect = Vec::new();
        while !connect.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte)?;
            connect.push(byte[0]);
        }
        assert!(connect.starts_with(b"CONNECT api.46elks.com:443 "), "nothing else is asked for");
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
    }
    let connection = rustls::ServerConnection::new(tls).map_err(std::io::Error::other)?;
    let mut stream = BufReader::new(rustls::StreamOwned::new(connection, stream));
    while let Some(request) = receive(&mut stream)? {
        log.lock().unwrap().push(request.clone());
        drop(arrivals.send(request.clone()));
        match behaviour(&request) {
            Reaction::Answer(status, media_type, body) => {
                let head = format!(
                    "HTTP/1.1 {status} X\r\ncontent-type: {media_type}\r\ncontent-length: {}\r\nset-cookie: a=b\r\n\r\n",
                    body.len()
                );
                let out = stream.get_mut();
                out.write_all(head.as_bytes())?;
                out.write_all(&body)?;
                out.flush()?;
            }
            Reaction::Raw(bytes) => {
                stream.get_mut().write_all(&bytes)?;
                return stream.get_mut().flush();
            }
            Reaction::Endless(first, again) => {
                let out = stream.get_mut();
                out.write_all(first)?;
                loop {
                    out.write_all(&again.repeat(1000))?;
                }
            }
            Reaction::HangUp => return Ok(()),
            Reaction::Silence => {
                // Until the client gives up.
                drop(stream.read(&mut [0]));
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Reads one request; `None` at the end of the connection.
fn receive(stream: &mut impl BufRead) -> std::io::Result<Option<Received>> {
    let mut first = String::new();
    if stream.read_line(&mut first)? == 0 {
        return Ok(None);
    }
    let mut words = first.split_whitespace().map(str::to_string);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_string()));
    }
    let length =
        headers.iter().find(|(name, _)| name == "content-length").map_or(0, |(_, value)| value.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok(Some(Received { method, path, headers, body: String::from_utf8(body).expect("is text") }))
}
