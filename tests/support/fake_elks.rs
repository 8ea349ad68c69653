//! The fake 46elks on loopback, for the tests, the `loopback` example and `host/benches/process.rs`:
//! it accepts connections, answers a proxy's CONNECT, speaks TLS and HTTP, and records each request.
//!
//! Not here: what 46elks answers. That is `answers.rs`, an account that remembers (`fake_account.rs`), or
//! the simulator (`loopback/simulated.rs`).
//!
//! After TLS there are two ways to speak HTTP. [`over_hyper`] is a correct server for HTTP/1.1 and
//! HTTP/2. [`by_hand`] writes HTTP/1.1 itself, because hyper cannot be made to break the protocol:
//! some tests need raw bytes, endless headers, or a promise to keep a connection that is then closed.

use anyhow::{Result, bail, ensure};
use exchange::MAX_REQUEST_BYTES;
pub(crate) use exchange::{Reaction, Received};
pub(crate) use hold::Hold;
use http::header::CONNECTION;
use http::{Request, Version};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

// Whoever includes this file as a module of its own has these with it.
#[path = "exchange.rs"]
mod exchange;
#[path = "hold.rs"]
mod hold;

/// The name that the program expects in 46elks's certificate.
pub(crate) const API_HOST: &str = "api.46elks.com";

/// How long a test waits for a request. Far more than one takes.
const ARRIVAL_TIMEOUT: Duration = Duration::from_secs(60);

/// How long no request may come until the server counts as quiet.
const QUIET_TIME: Duration = Duration::from_millis(300);

/// What a server does with all its requests. By hand it may block; over hyper it must not.
type Behaviour = dyn Fn(&Received) -> Reaction + Send + Sync;

/// What a connection speaks.
#[derive(Clone, Copy)]
pub(crate) enum Protocol {
    /// HTTP without TLS, by hyper.
    PlainHttp,
    /// TLS with 46elks's name and `localhost`, then HTTP/2 or HTTP/1.1 by hyper.
    Https,
    /// TLS with this name, then HTTP/1.1 by hand.
    ByHand(&'static str),
    /// The same with 46elks's name, and a certificate that is valid from one year to another.
    Dated(i32, i32),
}

impl Protocol {
    /// A certificate for its names that nobody else trusts, and how to accept TLS with it.
    fn certified(self) -> Result<(rcgen::Certificate, Option<TlsAcceptor>)> {
        let names = match self {
            Self::PlainHttp | Self::Https => vec![API_HOST.to_string(), "localhost".to_string()],
            Self::ByHand(name) => vec![name.to_string()],
            Self::Dated(..) => vec![API_HOST.to_string()],
        };
        let mut parameters = rcgen::CertificateParams::new(names)?;
        if let Self::Dated(from, until) = self {
            parameters.not_before = rcgen::date_time_ymd(from, 1, 1);
            parameters.not_after = rcgen::date_time_ymd(until, 1, 1);
        }
        let (certificate, mut config) = self_signed(parameters)?;
        if matches!(self, Self::Https) {
            config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        }
        let tls = (!matches!(self, Self::PlainHttp)).then(|| TlsAcceptor::from(Arc::new(config)));
        Ok((certificate, tls))
    }
}

/// A certificate that nobody else trusts, and a server's TLS settings with it.
pub(crate) fn self_signed(parameters: rcgen::CertificateParams) -> Result<(rcgen::Certificate, rustls::ServerConfig)> {
    let key = rcgen::KeyPair::generate()?;
    let certificate = parameters.self_signed(&key)?;
    let key = rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).map_err(anyhow::Error::msg)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)?;
    Ok((certificate, config))
}

/// A server, which runs in a thread of its own until it is dropped. It is reached at its address, or
/// as the real one is through a company's proxy.
pub(crate) struct FakeElks {
    pub(crate) address: SocketAddr,
    /// The certificate that vouches for it, as DER and as PEM.
    pub(crate) certificate: Vec<u8>,
    pub(crate) pem: String,
    /// Where a proxy's CONNECT waits while a test holds it: the program has no connection, so nothing has left it.
    pub(crate) connects: Hold,
    record: Arc<Record>,
    arrivals: Receiver<Arc<Received>>,
    closed: Receiver<()>,
    runtime: Option<Runtime>,
}

/// What is remembered of requests and connections.
struct Record {
    requests: Mutex<Vec<Arc<Received>>>,
    connections: AtomicU32,
    arrivals: Sender<Arc<Received>>,
    closed: Sender<()>,
}

impl Record {
    fn request(&self, request: Received) -> Arc<Received> {
        let request = Arc::new(request);
        self.requests.lock().expect("is not poisoned").push(Arc::clone(&request));
        let _ = self.arrivals.send(Arc::clone(&request));
        request
    }
}

impl FakeElks {
    /// Starts one.
    pub(crate) fn start(
        protocol: Protocol,
        behaviour: impl Fn(&Received) -> Reaction + Send + Sync + 'static,
    ) -> Result<Self> {
        let (certificate, tls) = protocol.certified()?;
        let listener = listener()?;
        let address = listener.local_addr()?;
        listener.set_nonblocking(true)?;
        let ((arrivals, arrived), (closed, closings)) = (channel(), channel());
        let record = Arc::new(Record { requests: Mutex::default(), connections: AtomicU32::new(0), arrivals, closed });
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let (connects, behaviour) = (Hold::default(), Box::new(behaviour));
        let server =
            Arc::new(Server { protocol, tls, behaviour, connects: connects.clone(), record: Arc::clone(&record) });
        runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            loop {
                let (stream, _) = listener.accept().await?;
                let server = Arc::clone(&server);
                server.record.connections.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move {
                    // A connection that breaks off is the client's business.
                    let _ = server.attend(stream).await;
                    let _ = server.record.closed.send(());
                });
            }
            #[expect(unreachable_code, reason = "it names the type of the error")]
            anyhow::Ok(())
        });
        let (certificate, pem) = (certificate.der().to_vec(), certificate.pem());
        let runtime = Some(runtime);
        Ok(Self { address, certificate, pem, connects, record, arrivals: arrived, closed: closings, runtime })
    }

    /// As `HTTPS_PROXY` names it.
    pub(crate) fn proxy(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All requests so far but the verifications.
    pub(crate) fn requests(&self) -> Vec<Arc<Received>> {
        let requests = self.record.requests.lock().expect("is not poisoned");
        requests.iter().filter(|request| !request.is_verification()).cloned().collect()
    }

    /// How many messages the program has asked to send, dry runs apart.
    pub(crate) fn sends(&self) -> usize {
        self.requests().iter().filter(|request| request.is_send()).count()
    }

    /// How many dry runs the program has asked for.
    pub(crate) fn dry_runs(&self) -> usize {
        self.requests().iter().filter(|request| request.is_dry_run()).count()
    }

    /// How many connections were made.
    pub(crate) fn connections(&self) -> u32 {
        self.record.connections.load(Ordering::SeqCst)
    }

    /// Waits for the next request that is not a verification.
    pub(crate) fn arrival(&self) -> Arc<Received> {
        loop {
            let request = self.arrivals.recv_timeout(ARRIVAL_TIMEOUT).expect("a request arrives");
            if !request.is_verification() {
                return request;
            }
        }
    }

    /// Whether no further request comes for a moment.
    pub(crate) fn is_quiet(&self) -> bool {
        self.arrivals.recv_timeout(QUIET_TIME).is_err()
    }

    /// Waits until the server has closed a connection.
    pub(crate) fn closed(&self) {
        self.closed.recv_timeout(ARRIVAL_TIMEOUT).expect("a connection is closed");
    }
}

impl Drop for FakeElks {
    fn drop(&mut self) {
        // A behaviour may still block, and a test may drop this inside a runtime of its own.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A listener on loopback, on any free port.
#[expect(clippy::disallowed_methods, reason = "the program listens to nobody; this is the fake 46elks")]
pub(crate) fn listener() -> std::io::Result<std::net::TcpListener> {
    std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
}

/// What connections share.
struct Server {
    protocol: Protocol,
    tls: Option<TlsAcceptor>,
    behaviour: Box<Behaviour>,
    connects: Hold,
    record: Arc<Record>,
}

impl Server {
    /// One connection: the proxy's CONNECT if it comes through one, then TLS or not, then HTTP.
    async fn attend(self: &Arc<Self>, mut stream: TcpStream) -> Result<()> {
        stream.set_nodelay(true)?;
        let Some(tls) = &self.tls else { return over_hyper(stream, Arc::clone(self)).await };
        let mut first = [0];
        // A TLS connection begins with 22; a proxy's begins with the C of CONNECT.
        if stream.peek(&mut first).await? == 1 && first == *b"C" {
            let mut connect = Vec::new();
            while !connect.ends_with(b"\r\n\r\n") {
                connect.push(stream.read_u8().await?);
            }
            ensure!(connect.starts_with(b"CONNECT api.46elks.com:443 "), "nothing else is asked for");
            let connects = self.connects.clone();
            tokio::task::spawn_blocking(move || connects.pass()).await?;
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
        }
        let stream = tls.accept(stream).await?;
        match self.protocol {
            Protocol::ByHand(_) | Protocol::Dated(..) => by_hand(stream, Arc::clone(self)).await,
            Protocol::PlainHttp | Protocol::Https => over_hyper(stream, Arc::clone(self)).await,
        }
    }
}

/// HTTP/1.1 or HTTP/2 as hyper speaks it. An error ends a connection without an answer.
async fn over_hyper(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static, server: Arc<Server>) -> Result<()> {
    let service = service_fn(move |request: Request<Incoming>| {
        let server = Arc::clone(&server);
        async move {
            let request = server.record.request(Received::from_hyper(request).await?);
            match (server.behaviour)(&request) {
                Reaction::Answer(response) => Ok(response.map(Full::new)),
                Reaction::Silence => std::future::pending().await,
                Reaction::HangUp => bail!("the connection ends"),
                Reaction::Raw(_) | Reaction::Endless(..) => bail!("hyper writes no bytes as they are"),
            }
        }
    });
    let connection = auto::Builder::new(TokioExecutor::new());
    connection.serve_connection(TokioIo::new(stream), service).await.map_err(anyhow::Error::from_boxed)
}

/// HTTP/1.1 byte by byte, until somebody closes the connection.
async fn by_hand(stream: impl AsyncRead + AsyncWrite + Unpin, server: Arc<Server>) -> Result<()> {
    let mut stream = BufReader::new(stream);
    while let Some(request) = receive(&mut stream).await? {
        let request = server.record.request(request);
        let behaving = Arc::clone(&server);
        // A test may hold an answer back, so the behaviour may block.
        match tokio::task::spawn_blocking(move || (behaving.behaviour)(&request)).await? {
            Reaction::Answer(response) => {
                let (head, body) = response.into_parts();
                // The cookie is there to be ignored.
                let mut bytes = format!("HTTP/1.1 {} X\r\nset-cookie: a=b\r\n", head.status.as_u16()).into_bytes();
                for (name, value) in &head.headers {
                    bytes.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
                }
                bytes.extend_from_slice(format!("content-length: {}\r\n\r\n", body.len()).as_bytes());
                stream.write_all(&bytes).await?;
                stream.write_all(&body).await?;
                stream.flush().await?;
                if head.headers.get(CONNECTION).is_some_and(|value| value == "close") {
                    return Ok(stream.shutdown().await?);
                }
            }
            Reaction::Raw(bytes) => {
                stream.write_all(&bytes).await?;
                return Ok(stream.flush().await?);
            }
            Reaction::Endless(first, again) => {
                stream.write_all(first).await?;
                let again = again.repeat(1000);
                loop {
                    stream.write_all(&again).await?;
                }
            }
            Reaction::HangUp => return Ok(()),
            Reaction::Silence => {
                // Until the client gives up.
                let _ = stream.read_u8().await;
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Reads one request; `None` at the end of the connection.
async fn receive(stream: &mut (impl AsyncBufReadExt + Unpin)) -> Result<Option<Received>> {
    let mut first = String::new();
    if stream.read_line(&mut first).await? == 0 {
        return Ok(None);
    }
    let mut words = first.split_whitespace().map(str::to_string);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_string()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length").map_or("0", |(_, value)| value).parse()?;
    ensure!(length <= MAX_REQUEST_BYTES, "the body is too long");
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    Ok(Some(Received { method, path, version: Version::HTTP_11, headers, body: String::from_utf8(body)? }))
}
