//! The stdio transport: lines of bounded length, no line lost, and each request handled once. It knows JSON-RPC and
//! nothing of tools: what becomes of a request it reports to [`Requests`].
//!
//! rmcp's own transport drops a line that is too long without a response, drops a last line without a line end, reads
//! requests without bound, and gives a request that arrives twice to two handlers. When rmcp does all four, this file
//! can go.

use super::recent_ids::{IdHash, RecentIds};
use super::requests::{Requests, UnhandledCall};
use super::session_ids::{Session, apart, with_session};
use super::strict_json::StrictJson;
use bytes::{Bytes, BytesMut};
use rmcp::RoleServer;
use rmcp::model::{ClientNotification, ClientRequest, ErrorData, InitializeRequestParams, RequestId};
use rmcp::service::{RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use serde_json::Value;
use sms_rules::surrogates::replace_lone;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio_util::codec::{AnyDelimiterCodec, Decoder};
use tokio_util::sync::CancellationToken;

/// Longest line of a client, in bytes, its line end included (64 KiB). The longest valid call, 4000 emoji that are all
/// escaped, takes three quarters of it.
const MAX_LINE_BYTES: usize = 64 * 1024;

/// The mark that some programs write at the beginning of a text in UTF-8. It is no part of the first line.
const BYTE_ORDER_MARK: &[u8] = "\u{FEFF}".as_bytes();

/// How many bytes are read at a time, at least.
const READ_BYTES: usize = 8 * 1024;

/// Longest request id, in bytes. Those of common clients have a few characters.
const MAX_ID_BYTES: usize = 256;

/// How many requests may be in progress. The input of a client that sends more is not read until some have a response,
/// so that a flood costs the client time and this program no memory.
const MAX_REQUESTS_IN_PROGRESS: usize = 256;

/// Write timeout. A client that does not read a response for this long is treated as disconnected.
const WRITE_TIMEOUT: Duration = Duration::from_secs(60);

/// How many ids of cancelled requests are remembered, at least. Their responses are complete within seconds. They take
/// under 512 KiB.
const MAX_CANCELLED_IDS: usize = 4096;

/// How long closing the output may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// The transport: lines in, lines out. The ids of requests are the client's own outside, and name their session inside.
pub(super) struct StdioTransport<R, W> {
    lines: Lines<R>,
    out: Arc<tokio::sync::Mutex<W>>,
    requests: Arc<Requests>,
    in_progress: Arc<InProgress>,
    /// Ids of cancelled requests. Their responses may still come, and must not be taken for responses to other
    /// requests.
    cancelled: RecentIds,
    /// The session of the next request; `None` when the input has ended. An answer of the client can come only in the
    /// session of its question.
    current: watch::Sender<Option<Session>>,
    /// An `initialize` that waits until the requests before it have their responses.
    beginning: Option<Box<RxJsonRpcMessage<RoleServer>>>,
    /// Whether an `initialize` is in progress. What follows it depends on its result.
    begins: bool,
    /// Cancelled when no further message may be read. Requests in progress still get their responses.
    closing: CancellationToken,
    /// The refusal that is being written. It has a task of its own, because `receive` may be dropped half-way. It is
    /// awaited before the next line is read, so that there is never more than one.
    refusing: Option<JoinHandle<io::Result<()>>>,
}

/// What the two directions tell each other.
#[derive(Default)]
struct InProgress {
    /// How many requests are in progress, including those whose response is being written.
    count: AtomicUsize,
    /// Notified when there are fewer.
    fewer: Notify,
    /// Notified when a response could not be written: the client has gone.
    gone: Notify,
    /// Whether this server sent the client a request. Only then can a response of the client come.
    asked: AtomicBool,
}

impl InProgress {
    /// The response is written, or will never be.
    fn ended(&self) {
        self.count.fetch_sub(1, Ordering::Relaxed);
        self.fewer.notify_one();
    }
}

impl<R: AsyncRead + Unpin, W> StdioTransport<R, W> {
    pub(super) fn new(
        input: R,
        output: W,
        requests: Arc<Requests>,
        current: watch::Sender<Option<Session>>,
        closing: CancellationToken,
    ) -> Self {
        Self {
            lines: Lines::new(input),
            out: Arc::new(tokio::sync::Mutex::new(output)),
            requests,
            in_progress: Arc::default(),
            cancelled: RecentIds::new(MAX_CANCELLED_IDS),
            current,
            beginning: None,
            begins: false,
            closing,
            refusing: None,
        }
    }
}

/// Writes a message as one line.
async fn write<W: AsyncWrite + Unpin>(
    out: &tokio::sync::Mutex<W>,
    message: &TxJsonRpcMessage<RoleServer>,
) -> io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    let written = tokio::time::timeout(WRITE_TIMEOUT, async {
        let mut out = out.lock().await;
        out.write_all(&line).await?;
        out.flush().await
    });
    written.await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

impl<R, W> Transport<RoleServer> for StdioTransport<R, W>
where
    R: AsyncRead + Send + Unpin + 'static,
    W: AsyncWrite + Send + Unpin + 'static,
{
    type Error = io::Error;

    fn send(&mut self, message: TxJsonRpcMessage<RoleServer>) -> impl Future<Output = io::Result<()>> + Send + 'static {
        let (out, in_progress) = (Arc::clone(&self.out), Arc::clone(&self.in_progress));
        let requests = Arc::clone(&self.requests);
        async move {
            let id = match &message {
                TxJsonRpcMessage::<RoleServer>::Response(response) => Some(&response.id),
                TxJsonRpcMessage::<RoleServer>::Error(error) => error.id.as_ref(),
                _ => None,
            };
            if matches!(message, TxJsonRpcMessage::<RoleServer>::Request(_)) {
                in_progress.asked.store(true, Ordering::Relaxed);
            }
            let is_response = id.is_some_and(|id| requests.answered(id));
            let written = write(&out, &for_client(message)).await;
            if written.is_err() {
                in_progress.gone.notify_one();
            }
            if is_response {
                in_progress.ended();
            }
            written
        }
    }

    /// The next message. May be dropped and called again: nothing that was read is lost.
    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleServer>> {
        let message = self.next().await;
        if message.is_none() {
            self.current.send_replace(None);
        }
        message
    }

    async fn close(&mut self) -> io::Result<()> {
        // A client that does not read blocks the output; then there is nothing to close.
        let Ok(mut out) = self.out.try_lock() else { return Ok(()) };
        tokio::time::timeout(CLOSE_TIMEOUT, out.shutdown()).await.unwrap_or(Ok(()))
    }
}

impl<R, W> StdioTransport<R, W>
where
    R: AsyncRead + Send + Unpin + 'static,
    W: AsyncWrite + Send + Unpin + 'static,
{
    /// The session of the next request.
    fn session(&self) -> Session {
        self.current.borrow().unwrap_or_default()
    }

    /// Starts to write a refusal of a message, which may be a call.
    fn refuse(&mut self, refusal: TxJsonRpcMessage<RoleServer>, call: Option<UnhandledCall>) {
        if let Some(call) = call {
            self.requests.refused(call);
        }
        let out = Arc::clone(&self.out);
        self.refusing = Some(tokio::spawn(async move { write(&out, &refusal).await }));
    }

    /// The next message that this server handles; `None` at the end of the session.
    async fn next(&mut self) -> Option<RxJsonRpcMessage<RoleServer>> {
        loop {
            if let Some(refusing) = &mut self.refusing {
                let written = refusing.await;
                self.refusing = None;
                written.ok()?.ok()?;
            }
            let most = if self.begins || self.beginning.is_some() { 1 } else { MAX_REQUESTS_IN_PROGRESS };
            while self.in_progress.count.load(Ordering::Relaxed) >= most {
                tokio::select! {
                    () = self.in_progress.fewer.notified() => {}
                    () = self.in_progress.gone.notified() => return None,
                    () = self.closing.cancelled() => return None,
                }
            }
            self.begins = false;
            if let Some(initialize) = self.beginning.take() {
                self.begins = true;
                self.in_progress.count.fetch_add(1, Ordering::Relaxed);
                return Some(*initialize);
            }
            let line = tokio::select! {
                line = self.lines.next() => line,
                () = self.in_progress.gone.notified() => return None,
                () = self.closing.cancelled() => return None,
            };
            let parsed = match line {
                Ok(Some(line)) => parse(&line),
                Ok(None) => return None,
                Err(TooLong) => unreadable(&format!("the line is longer than {MAX_LINE_BYTES} bytes")),
            };
            let (mut message, call) = match parsed {
                Line::Message(message, call) => (*message, call),
                Line::Noise => continue,
                Line::Refused(refusal, call) => {
                    self.refuse(*refusal, call);
                    continue;
                }
            };
            match &mut message {
                RxJsonRpcMessage::<RoleServer>::Request(request) => {
                    let begins = matches!(request.request, ClientRequest::InitializeRequest(_));
                    if begins {
                        self.current.send_modify(|session| *session = session.map(|number| number + 1));
                    }
                    let id = with_session(self.session(), &request.id);
                    if self.cancelled.contains(IdHash::from(&id)) {
                        let why = "its id is that of a request that was cancelled; use a new one";
                        self.refuse(refusal(Some(request.id.clone()), why), call);
                        continue;
                    }
                    // A request that arrives again while it is in progress is the same request: its one response
                    // answers both.
                    if !self.requests.begin(&id, call) {
                        continue;
                    }
                    request.id = id;
                    if begins {
                        self.beginning = Some(Box::new(message));
                        continue;
                    }
                    self.in_progress.count.fetch_add(1, Ordering::Relaxed);
                }
                // The only notification that this server handles is a cancellation.
                RxJsonRpcMessage::<RoleServer>::Notification(notification) => {
                    let ClientNotification::CancelledNotification(cancelled) = &mut notification.notification else {
                        continue;
                    };
                    let Some(id) = &mut cancelled.params.request_id else { continue };
                    let session = self.session();
                    *id = with_session(session, id);
                    if !self.requests.cancelled(id) {
                        continue;
                    }
                    self.cancelled.insert((&*id).into());
                    self.in_progress.ended();
                }
                RxJsonRpcMessage::<RoleServer>::Response(_) | RxJsonRpcMessage::<RoleServer>::Error(_) => {
                    if !self.in_progress.asked.load(Ordering::Relaxed) {
                        continue;
                    }
                }
            }
            return Some(message);
        }
    }
}

/// A message with the client's own id, where it is a response.
fn for_client(mut message: TxJsonRpcMessage<RoleServer>) -> TxJsonRpcMessage<RoleServer> {
    let id = match &mut message {
        TxJsonRpcMessage::<RoleServer>::Response(response) => Some(&mut response.id),
        TxJsonRpcMessage::<RoleServer>::Error(error) => error.id.as_mut(),
        _ => None,
    };
    if let Some(id) = id
        && let Some((_, own)) = apart(id)
    {
        *id = own;
    }
    message
}

/// The response to a line that is no request.
fn refusal(id: Option<RequestId>, why: &str) -> TxJsonRpcMessage<RoleServer> {
    TxJsonRpcMessage::<RoleServer>::error(ErrorData::invalid_request(format!("Invalid request: {why}"), None), id)
}

/// What a line is.
enum Line {
    /// A message, which may be a call.
    Message(Box<RxJsonRpcMessage<RoleServer>>, Option<UnhandledCall>),
    /// Something that is refused, and may be a call.
    Refused(Box<TxJsonRpcMessage<RoleServer>>, Option<UnhandledCall>),
    /// No JSON at all. It gets no response, as in the official SDKs: a response to noise can cause more noise.
    Noise,
}

/// A line that is refused unread. It counts as a call, because it may be one.
fn unreadable(why: &str) -> Line {
    Line::Refused(Box::new(refusal(None, why)), Some(UnhandledCall::default()))
}

/// Reads a line as a message. A line that cannot be one is refused, with its id where it has one.
fn parse(line: &[u8]) -> Line {
    let whole = replace_lone(line);
    let StrictJson { value, has_duplicate_keys } = match serde_json::from_slice(&whole) {
        Ok(strict) => strict,
        Err(error) => {
            let error = error.to_string();
            let why =
                [("recursion limit", "it is nested too deeply"), ("number out of range", "a number is too large")];
            let why = why.into_iter().find(|(start, _)| error.starts_with(start));
            return why.map_or(Line::Noise, |(_, why)| unreadable(why));
        }
    };
    let call = UnhandledCall::of(&value);
    let id = serde_json::from_value::<RequestId>(value["id"].clone()).ok();
    let refused = |id, why: &str| Line::Refused(Box::new(refusal(id, why)), call);
    if *whole != *line {
        return refused(id, "a text holds half of a surrogate pair, which cannot be sent");
    }
    if line.len() > MAX_ID_BYTES && value["id"].as_str().is_some_and(|id| id.len() > MAX_ID_BYTES) {
        return refused(None, &format!("its id is longer than {MAX_ID_BYTES} bytes"));
    }
    if has_duplicate_keys {
        return refused(id, "an object names the same key twice, so it is not clear what is meant");
    }
    if value.is_array() {
        return refused(
            None,
            "a batch is not part of the protocol versions that this server speaks: send each message \
                              on a line of its own",
        );
    }
    if let Some(faulty) = faulty_initialize(&value) {
        let error = TxJsonRpcMessage::<RoleServer>::error(ErrorData::invalid_params(faulty, None), id);
        return Line::Refused(Box::new(error), None);
    }
    match serde_json::from_value(value) {
        Ok(message) => Line::Message(Box::new(message), call),
        Err(_) => refused(id, "it is no JSON-RPC message of MCP"),
    }
}

/// What is wrong with the parameters of an `initialize`. rmcp would take such a request for one of the era without
/// `initialize`, and answer in words of that era.
fn faulty_initialize(message: &Value) -> Option<String> {
    if message["method"] != "initialize" || message.get("id").is_none() {
        return None;
    }
    let params = &message["params"];
    serde_json::from_value::<InitializeRequestParams>(params.clone()).err()?;
    let client = &params["clientInfo"];
    let faults: Vec<&str> = [
        (!params["protocolVersion"].is_string(), "protocolVersion (a text)"),
        (!params["capabilities"].is_object(), "capabilities (an object)"),
        (!client["name"].is_string() || !client["version"].is_string(), "clientInfo (an object with name and version)"),
    ]
    .into_iter()
    .filter_map(|(is_faulty, field)| is_faulty.then_some(field))
    .collect();
    let faults = if faults.is_empty() { "a field that MCP defines otherwise".into() } else { faults.join(", ") };
    Some(format!("Invalid params of initialize: missing or faulty is {faults}"))
}

/// Lines of bounded length.
struct Lines<R> {
    input: R,
    codec: AnyDelimiterCodec,
    buffer: BytesMut,
    /// Whether no line has been read yet.
    at_start: bool,
    /// Whether the input has ended or failed.
    ended: bool,
}

/// A line is longer than [`MAX_LINE_BYTES`]. Its rest is discarded.
struct TooLong;

impl<R: AsyncRead + Unpin> Lines<R> {
    fn new(input: R) -> Self {
        // The codec counts a line without its end.
        let codec = AnyDelimiterCodec::new_with_max_length(b"\n".to_vec(), Vec::new(), MAX_LINE_BYTES - 1);
        Self { input, codec, buffer: BytesMut::new(), at_start: true, ended: false }
    }

    /// The next line that is not blank; `None` at the end of the input. A last line without a line end counts. May be
    /// dropped and called again: nothing that was read is lost.
    async fn next(&mut self) -> Result<Option<Bytes>, TooLong> {
        loop {
            // tokio_util's `FramedRead` would wait for more input after a line that is too long, with the next line
            // already in its buffer. So the codec is used without it.
            let line = match self.ended {
                false => self.codec.decode(&mut self.buffer),
                true => self.codec.decode_eof(&mut self.buffer),
            };
            match line {
                Ok(Some(mut line)) => {
                    if std::mem::take(&mut self.at_start) && line.starts_with(BYTE_ORDER_MARK) {
                        line = line.slice(BYTE_ORDER_MARK.len()..);
                    }
                    if !line.trim_ascii().is_empty() {
                        return Ok(Some(line));
                    }
                }
                Ok(None) if self.ended => return Ok(None),
                Ok(None) => {
                    self.buffer.reserve(READ_BYTES);
                    match self.input.read_buf(&mut self.buffer).await {
                        Ok(1..) => {}
                        Ok(0) => self.ended = true,
                        // What an input that fails has begun is no line.
                        Err(_) => {
                            self.buffer.clear();
                            self.ended = true;
                        }
                    }
                }
                Err(_) => return Err(TooLong),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::CallHandler;
    use crate::config::{Settings, Variables};
    use crate::stderr::Sink;
    use elks_sandbox::{Connection, ElksApi};

    async fn lines(input: &[u8]) -> Vec<Result<String, ()>> {
        let mut lines = Lines::new(input);
        let mut all = Vec::new();
        loop {
            match lines.next().await {
                Ok(None) => return all,
                Ok(Some(line)) => all.push(Ok(String::from_utf8(line.to_vec()).expect("is text").trim().to_string())),
                Err(TooLong) => all.push(Err(())),
            }
        }
    }

    #[tokio::test]
    async fn the_line_after_one_that_is_too_long_does_not_wait_for_more_input() {
        let (input, mut client) = tokio::io::simplex(4 * MAX_LINE_BYTES);
        let mut lines = Lines::new(input);
        client.write_all("x".repeat(2 * MAX_LINE_BYTES).as_bytes()).await.expect("is written");
        client.write_all(b"\nnext\n").await.expect("is written");
        assert!(lines.next().await.is_err());
        // The input stays open.
        assert_eq!(lines.next().await.ok().flatten().as_deref(), Some(&b"next"[..]));
    }

    #[tokio::test]
    async fn lines_are_bounded_and_the_last_needs_no_end() {
        let long = "x".repeat(MAX_LINE_BYTES);
        let fits = "y".repeat(MAX_LINE_BYTES - 1);
        let input = format!("a\r\n\n  \n{long}\nb\n{fits}\n{long}{long}{long}\nlast");
        let expected = [Ok("a".into()), Err(()), Ok("b".into()), Ok(fits), Err(()), Ok("last".into())];
        assert_eq!(lines(input.as_bytes()).await, expected);
        assert_eq!(lines(b"").await, []);
        assert_eq!(lines(long.repeat(3).as_bytes()).await, [Err(())]);
    }

    /// A transport over these bytes, whose output nobody reads.
    fn transport(input: String) -> (StdioTransport<io::Cursor<String>, Vec<u8>>, Arc<Requests>) {
        struct Nowhere;
        impl Sink for Nowhere {
            fn line(&self, _: &str) {}
        }
        let settings = Settings::read(&Variables::default(), true).expect("the simulator needs none");
        let calls = CallHandler::new(settings, Arc::new(ElksApi::new(Connection::default())), Arc::new(Nowhere));
        let requests = Arc::new(Requests::new(Arc::new(calls)));
        let input = io::Cursor::new(input);
        (
            StdioTransport::new(
                input,
                Vec::new(),
                Arc::clone(&requests),
                watch::channel(Some(0)).0,
                CancellationToken::new(),
            ),
            requests,
        )
    }

    #[tokio::test]
    async fn requests_without_a_response_are_bounded_in_number_and_size() {
        let id = |number: usize| format!("{number:0width$}", width = MAX_ID_BYTES);
        let call = |number| {
            let id = id(number);
            format!(r#"{{"jsonrpc":"2.0","id":"{id}","method":"tools/call","params":{{"name":"send_sms"}}}}"#) + "\n"
        };
        let (mut transport, requests) = transport((0..2 * MAX_REQUESTS_IN_PROGRESS).map(call).collect());
        for _ in 0..MAX_REQUESTS_IN_PROGRESS {
            assert!(transport.receive().await.is_some());
        }
        let more = tokio::time::timeout(Duration::from_millis(50), transport.receive()).await;
        assert!(more.is_err(), "the next request is not read");
        assert!(requests.bytes() <= 512 * 32, "{} bytes", requests.bytes());
        assert!(requests.cancelled(&with_session(0, &RequestId::String(id(0).into()))));
    }

    #[tokio::test]
    async fn cancelled_ids_are_bounded_in_number_and_size() {
        let pair = |number: usize| {
            let id = format!("{number:0width$}", width = MAX_ID_BYTES);
            format!(r#"{{"jsonrpc":"2.0","id":"{id}","method":"ping"}}"#)
                + "\n"
                + &format!(r#"{{"jsonrpc":"2.0","method":"notifications/cancelled","params":{{"requestId":"{id}"}}}}"#)
                + "\n"
        };
        let (mut transport, requests) = transport((0..3 * MAX_CANCELLED_IDS).map(pair).collect());
        let mut most = 0;
        for _ in 0..6 * MAX_CANCELLED_IDS {
            assert!(transport.receive().await.is_some());
            most = most.max(transport.cancelled.bytes());
        }
        assert!(most < 512 << 10 && requests.bytes() < 1024, "{most} bytes");
    }

    #[test]
    fn what_is_refused_counts_as_a_call_if_it_may_be_one() {
        let call = |line: &str| match parse(line.as_bytes()) {
            Line::Message(_, call) => ("taken", call.is_some()),
            Line::Refused(_, call) => ("refused", call.is_some()),
            Line::Noise => ("noise", false),
        };
        let (deep, end) = ("[".repeat(500), "]".repeat(500));
        for (line, expected) in [
            (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"send_sms"}}"#, ("taken", true)),
            (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":[]}"#, ("refused", true)),
            (r#"{"jsonrpc":"2.0","id":1,"method":"tools\/call","params":{}}"#, ("taken", true)),
            (r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#, ("taken", false)),
            (r#"{"id":1,"method":"tools/call"}"#, ("refused", true)),
            (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"a":1,"a":2}}"#, ("refused", true)),
            (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"a":"\ud83d"}}"#, ("refused", true)),
            (r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":"\ud83d"}}"#, ("refused", false)),
            (r#"[{"jsonrpc":"2.0","id":1,"method":"tools/call"}]"#, ("refused", true)),
            (r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, ("refused", false)),
            (&format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{deep}{end}}}"#), ("refused", true)),
            ("5", ("refused", false)),
            ("tools/call", ("noise", false)),
        ] {
            assert_eq!(call(line), expected, "{line}");
        }
    }

    #[test]
    fn what_is_no_message_is_refused_with_its_id_or_ignored() {
        let response = |line: &str| match parse(line.as_bytes()) {
            Line::Message(..) => "taken".to_string(),
            Line::Noise => "ignored".into(),
            Line::Refused(refusal, _) => serde_json::to_string(&refusal).expect("serialises"),
        };
        assert_eq!(response(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#), "taken");
        assert_eq!(response("noise"), "ignored");
        for (line, id, why) in [
            (r#"{"jsonrpc":"2.0","id":7,"method":"ping","method":"tools/list"}"#, "\"id\":7", "same key twice"),
            (
                r#"{"jsonrpc":"2.0","id":"a","method":"x","params":{"b":[{"c":1,"c":2}]}}"#,
                "\"id\":\"a\"",
                "same key twice",
            ),
            (r#"{"jsonrpc":"2.0","id":8,"method":"x","params":{"b":"\ud83d"}}"#, "\"id\":8", "surrogate"),
            (r#"{"id":9,"method":"ping"}"#, "\"id\":9", "no JSON-RPC"),
            (r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, "", "a line of its own"),
            (&"[".repeat(1000), "", "nested too deeply"),
            (&format!(r#"{{"jsonrpc":"2.0","id":"{}","method":"ping"}}"#, "i".repeat(300)), "", "id is longer"),
            (r#"{"jsonrpc":"2.0","id":1,"method":"x","params":{"a":1e999}}"#, "", "number is too large"),
        ] {
            let response = response(line);
            assert!(
                response.contains(id) && response.contains(why) && response.contains("-32600"),
                "{line}: {response}"
            );
        }
    }
}
