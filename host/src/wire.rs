//! The lines between client and server: bounded, complete, and each request once. It knows JSON-RPC
//! and nothing of tools.
//!
//! rmcp's own transport drops long lines and a last line without its end, lets a client post without
//! bound, and gives a request that comes twice to two handlers. This one does not.

use crate::ids::SeenIds;
use rmcp::RoleServer;
use rmcp::model::{ClientNotification, ErrorData, RequestId};
use rmcp::service::{RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::collections::HashSet;
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

#[path = "../../guest/src/rules/surrogates.rs"]
#[expect(unreachable_pub, reason = "the file is the guest's, where it is public")]
mod surrogates;

/// The longest line that a client may send, in bytes. The longest honest call, 4000 emoji with every
/// one escaped, is three quarters of it.
pub(crate) const LONGEST_LINE: usize = 64 * 1024;

/// The longest id of a request, in bytes. Ids are remembered; those of clients have a few characters.
const LONGEST_ID: usize = 256;

/// How many requests may be under way. A client that posts more is not read until some are answered,
/// so that a flood costs it time and us no memory.
const REQUESTS_UNDER_WAY: usize = 256;

/// How long a client may leave an answer unread. One that does so for longer has gone, though its
/// pipe is still there.
const UNREAD_ANSWER: Duration = Duration::from_secs(60);

/// How many ids of cancelled requests are remembered. Their answers are made within seconds.
const WITHDRAWN_IDS: usize = 4096;

/// How long closing the output may take.
const GOODBYE: Duration = Duration::from_secs(1);

/// The transport: lines in, lines out.
pub(crate) struct Wire<R, W> {
    lines: Lines<BufReader<R>>,
    out: Arc<tokio::sync::Mutex<W>>,
    under_way: Arc<UnderWay>,
    /// The ids of requests that were cancelled. Their answers may still be made, and must not be
    /// taken for those of other requests.
    withdrawn: SeenIds,
    /// Told when the input has ended: no answer of the client can come any more.
    ended: watch::Sender<bool>,
    /// The refusal that is being written. A task of its own, because `receive` may be given up
    /// half-way; awaited before the next line is read, so that there is never more than one.
    refusing: Option<JoinHandle<io::Result<()>>>,
}

/// The requests that are not answered yet.
#[derive(Default)]
struct UnderWay {
    ids: Mutex<HashSet<RequestId>>,
    /// How many there are, those included whose answer is being written.
    count: AtomicUsize,
    fewer: Notify,
    /// Told when an answer could not be written: nobody is there any more.
    gone: Notify,
    /// Whether the client was asked anything: only then can an answer of its come.
    asked: AtomicBool,
}

impl UnderWay {
    fn ids(&self) -> MutexGuard<'_, HashSet<RequestId>> {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a request in, if it is not under way already.
    fn begin(&self, id: &RequestId) -> bool {
        let is_new = self.ids().insert(id.clone());
        self.count.fetch_add(usize::from(is_new), Ordering::Relaxed);
        is_new
    }

    /// The answer is on its way: the id may be used again. Says whether it was in use.
    fn answered(&self, id: &RequestId) -> bool {
        self.ids().remove(id)
    }

    /// The answer is written, or will never be.
    fn ended(&self) {
        self.count.fetch_sub(1, Ordering::Relaxed);
        self.fewer.notify_one();
    }
}

impl<R: AsyncRead + Unpin, W> Wire<R, W> {
    pub(crate) fn new(input: R, output: W, ended: watch::Sender<bool>) -> Self {
        Self {
            lines: Lines { input: BufReader::new(input), line: Vec::new(), skipping: false },
            out: Arc::new(tokio::sync::Mutex::new(output)),
            under_way: Arc::default(),
            withdrawn: SeenIds::new(WITHDRAWN_IDS),
            ended,
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
    let written = tokio::time::timeout(UNREAD_ANSWER, async {
        let mut out = out.lock().await;
        out.write_all(&line).await?;
        out.flush().await
    });
    written.await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

impl<R, W> Transport<RoleServer> for Wire<R, W>
where
    R: AsyncRead + Send + Unpin + 'static,
    W: AsyncWrite + Send + Unpin + 'static,
{
    type Error = io::Error;

    fn send(&mut self, message: TxJsonRpcMessage<RoleServer>) -> impl Future<Output = io::Result<()>> + Send + 'static {
        let (out, under_way) = (Arc::clone(&self.out), Arc::clone(&self.under_way));
        async move {
            let id = match &message {
                TxJsonRpcMessage::<RoleServer>::Response(response) => Some(&response.id),
                TxJsonRpcMessage::<RoleServer>::Error(error) => error.id.as_ref(),
                _ => None,
            };
            if matches!(message, TxJsonRpcMessage::<RoleServer>::Request(_)) {
                under_way.asked.store(true, Ordering::Relaxed);
            }
            let answers = id.is_some_and(|id| under_way.answered(id));
            let written = write(&out, &message).await;
            if written.is_err() {
                under_way.gone.notify_one();
            }
            if answers {
                under_way.ended();
            }
            written
        }
    }

    /// The next message. May be given up and called again: nothing that was read is lost.
    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleServer>> {
        let message = self.next().await;
        if message.is_none() {
            self.ended.send_replace(true);
        }
        message
    }

    async fn close(&mut self) -> io::Result<()> {
        // A client that does not read may hold the output; then there is nobody to say goodbye to.
        let Ok(mut out) = self.out.try_lock() else { return Ok(()) };
        tokio::time::timeout(GOODBYE, out.shutdown()).await.unwrap_or(Ok(()))
    }
}

impl<R, W> Wire<R, W>
where
    R: AsyncRead + Send + Unpin + 'static,
    W: AsyncWrite + Send + Unpin + 'static,
{
    /// Begins to write a refusal.
    fn refuse(&mut self, refusal: TxJsonRpcMessage<RoleServer>) {
        let out = Arc::clone(&self.out);
        self.refusing = Some(tokio::spawn(async move { write(&out, &refusal).await }));
    }

    /// The next message that means something here; `None` at the end of the session.
    async fn next(&mut self) -> Option<RxJsonRpcMessage<RoleServer>> {
        loop {
            if let Some(refusing) = &mut self.refusing {
                let written = refusing.await;
                self.refusing = None;
                written.ok()?.ok()?;
            }
            while self.under_way.count.load(Ordering::Relaxed) >= REQUESTS_UNDER_WAY {
                tokio::select! {
                    () = self.under_way.fewer.notified() => {}
                    () = self.under_way.gone.notified() => return None,
                }
            }
            let line = tokio::select! {
                line = self.lines.next() => line,
                () = self.under_way.gone.notified() => return None,
            };
            let read = match line {
                Ok(Some(line)) => parse(&line),
                Ok(None) => return None,
                Err(TooLong) => Err(Some(refusal(None, &format!("the line is longer than {LONGEST_LINE} bytes")))),
            };
            let message = match read {
                Ok(message) => message,
                Err(None) => continue,
                Err(Some(refusal)) => {
                    self.refuse(refusal);
                    continue;
                }
            };
            match &message {
                RxJsonRpcMessage::<RoleServer>::Request(request) => {
                    if self.withdrawn.contains(&request.id) {
                        let why = "its id is that of a request that was cancelled; use a new one";
                        self.refuse(refusal(Some(request.id.clone()), why));
                        continue;
                    }
                    // A request that comes again while it is under way is the same request: its one
                    // answer answers both.
                    if !self.under_way.begin(&request.id) {
                        continue;
                    }
                }
                // Of notifications only the withdrawal of a request means anything to this server.
                RxJsonRpcMessage::<RoleServer>::Notification(notification) => {
                    let ClientNotification::CancelledNotification(cancelled) = &notification.notification else {
                        continue;
                    };
                    let Some(id) = cancelled.params.request_id.as_ref().filter(|id| self.under_way.answered(id)) else {
                        continue;
                    };
                    self.withdrawn.is_new(id);
                    self.under_way.ended();
                }
                RxJsonRpcMessage::<RoleServer>::Response(_) | RxJsonRpcMessage::<RoleServer>::Error(_) => {
                    if !self.under_way.asked.load(Ordering::Relaxed) {
                        continue;
                    }
                }
            }
            return Some(message);
        }
    }
}

/// The answer to a line that is no request.
fn refusal(id: Option<RequestId>, why: &str) -> TxJsonRpcMessage<RoleServer> {
    TxJsonRpcMessage::<RoleServer>::error(ErrorData::invalid_request(format!("Invalid request: {why}"), None), id)
}

/// A line as a message; what cannot be one is refused, with its id where it has one. A line that is
/// no JSON at all has no answer, as in the official SDKs: answers to noise can cause more of it.
#[expect(clippy::result_large_err, reason = "the error is written to the client at once")]
fn parse(line: &[u8]) -> Result<RxJsonRpcMessage<RoleServer>, Option<TxJsonRpcMessage<RoleServer>>> {
    let whole = surrogates::mended(line);
    let Strict { value, doubled } = match serde_json::from_slice(&whole) {
        Ok(strict) => strict,
        Err(error) => {
            let told = error.to_string();
            let why =
                [("recursion limit", "it is nested too deeply"), ("number out of range", "a number is too large")];
            let why = why.into_iter().find(|(start, _)| told.starts_with(start));
            return Err(why.map(|(_, why)| refusal(None, why)));
        }
    };
    let id = serde_json::from_value::<RequestId>(value["id"].clone()).ok();
    if *whole != *line {
        return Err(Some(refusal(id, "a text holds half of a surrogate pair, which cannot be sent")));
    }
    if line.len() > LONGEST_ID && value["id"].as_str().is_some_and(|id| id.len() > LONGEST_ID) {
        return Err(Some(refusal(None, &format!("its id is longer than {LONGEST_ID} bytes"))));
    }
    if doubled {
        return Err(Some(refusal(id, "an object names the same key twice, so it is not clear what is meant")));
    }
    serde_json::from_value(value).map_err(|_| Some(refusal(id, "it is no JSON-RPC message of MCP")))
}

/// Lines of bounded length.
struct Lines<R> {
    input: R,
    line: Vec<u8>,
    /// Whether the rest of a line that is too long is being skipped.
    skipping: bool,
}

/// A line that is longer than any honest one.
struct TooLong;

impl<R: AsyncBufRead + Unpin> Lines<R> {
    /// The next line that is not empty, without its end; `None` at the end of the input. A last line
    /// without an end counts. What was read stays when the future is dropped.
    async fn next(&mut self) -> Result<Option<Vec<u8>>, TooLong> {
        loop {
            // An input that fails is an input that has ended.
            let Ok(bytes) = self.input.fill_buf().await else { return Ok(None) };
            let ended = bytes.is_empty();
            let end = bytes.iter().position(|byte| *byte == b'\n');
            let taken = end.map_or(bytes.len(), |end| end + 1);
            let too_long = !self.skipping && self.line.len() + taken > LONGEST_LINE;
            if too_long {
                self.line.clear();
                self.skipping = true;
            } else if !self.skipping {
                self.line.extend_from_slice(&bytes[..taken]);
            }
            self.input.consume(taken);
            let complete = end.is_some() || ended;
            if too_long {
                self.skipping = !complete;
                return Err(TooLong);
            }
            if !complete {
                continue;
            }
            self.skipping = false;
            let line = std::mem::take(&mut self.line);
            if !line.trim_ascii().is_empty() {
                return Ok(Some(line));
            }
            if ended {
                return Ok(None);
            }
        }
    }
}

/// Any JSON, and whether an object in it names a key twice. Most parsers take the last, some the
/// first: a client could show a person one recipient while another is used.
struct Strict {
    value: Value,
    doubled: bool,
}

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor)
    }
}

struct StrictVisitor;

impl Strict {
    fn plain(value: impl Into<Value>) -> Self {
        Self { value: value.into(), doubled: false }
    }
}

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Strict;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Strict, E> {
        Ok(Strict::plain(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Strict, E> {
        Ok(Strict::plain(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Strict, E> {
        Ok(Strict::plain(value))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Strict, E> {
        Number::from_f64(value).map(Strict::plain).ok_or_else(|| E::custom("no number"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Strict, E> {
        Ok(Strict::plain(value))
    }

    fn visit_unit<E>(self) -> Result<Strict, E> {
        Ok(Strict::plain(Value::Null))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Strict, A::Error> {
        let (mut all, mut doubled) = (Vec::new(), false);
        while let Some(item) = items.next_element::<Strict>()? {
            doubled |= item.doubled;
            all.push(item.value);
        }
        Ok(Strict { value: all.into(), doubled })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Strict, A::Error> {
        let (mut all, mut doubled) = (Map::new(), false);
        while let Some((name, field)) = fields.next_entry::<String, Strict>()? {
            doubled |= field.doubled | all.insert(name, field.value).is_some();
        }
        Ok(Strict { value: all.into(), doubled })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn lines(input: &[u8]) -> Vec<Result<String, ()>> {
        let mut lines = Lines { input: BufReader::new(input), line: Vec::new(), skipping: false };
        let mut all = Vec::new();
        loop {
            match lines.next().await {
                Ok(None) => return all,
                Ok(Some(line)) => all.push(Ok(String::from_utf8(line).expect("is text").trim().to_string())),
                Err(TooLong) => all.push(Err(())),
            }
        }
    }

    #[tokio::test]
    async fn lines_are_bounded_and_the_last_needs_no_end() {
        let long = "x".repeat(LONGEST_LINE);
        let fits = "y".repeat(LONGEST_LINE - 1);
        let input = format!("a\r\n\n  \n{long}\nb\n{fits}\n{long}{long}{long}\nlast");
        let expected = [Ok("a".into()), Err(()), Ok("b".into()), Ok(fits), Err(()), Ok("last".into())];
        assert_eq!(lines(input.as_bytes()).await, expected);
        assert_eq!(lines(b"").await, []);
        assert_eq!(lines(long.repeat(3).as_bytes()).await, [Err(())]);
    }

    #[test]
    fn what_is_no_message_is_refused_with_its_id_or_ignored() {
        let told = |line: &str| match parse(line.as_bytes()) {
            Ok(_) => "taken".to_string(),
            Err(None) => "ignored".into(),
            Err(Some(refusal)) => serde_json::to_string(&refusal).expect("serialises"),
        };
        assert_eq!(told(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#), "taken");
        assert_eq!(told("noise"), "ignored");
        for (line, id, why) in [
            (r#"{"jsonrpc":"2.0","id":7,"method":"ping","method":"tools/list"}"#, "\"id\":7", "same key twice"),
            (
                r#"{"jsonrpc":"2.0","id":"a","method":"x","params":{"b":[{"c":1,"c":2}]}}"#,
                "\"id\":\"a\"",
                "same key twice",
            ),
            (r#"{"jsonrpc":"2.0","id":8,"method":"x","params":{"b":"\ud83d"}}"#, "\"id\":8", "surrogate"),
            (r#"{"id":9,"method":"ping"}"#, "\"id\":9", "no JSON-RPC"),
            (r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, "", "no JSON-RPC"),
            (&"[".repeat(1000), "", "nested too deeply"),
            (&format!(r#"{{"jsonrpc":"2.0","id":"{}","method":"ping"}}"#, "i".repeat(300)), "", "id is longer"),
            (r#"{"jsonrpc":"2.0","id":1,"method":"x","params":{"a":1e999}}"#, "", "number is too large"),
        ] {
            let told = told(line);
            assert!(told.contains(id) && told.contains(why) && told.contains("-32600"), "{line}: {told}");
        }
    }
}
