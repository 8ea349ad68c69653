//! Looks at the way to the API step by step, for a person who wants to know where it is blocked: certificates, name,
//! connection, proxy, TLS. It goes the way of [`ElksApi`](crate::ElksApi), with the same proxy, certificates and
//! settings of TLS, and ends the connection before a request. No credentials of the account come here.

use crate::cause::{AtProxy, Cause, of_io, of_tls};
use crate::proxy::Proxy;
use crate::upstream::{CONNECT_TIMEOUT, Connection, tls};
use http::Uri;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ProtocolVersion};
use sms_rules::limits::API_HOST;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

/// The port of HTTPS.
const API_PORT: u16 = 443;

/// The longest answer of a proxy that is read, in bytes. The HTTP client has the same bound.
const MAX_PROXY_ANSWER: usize = 8192;

/// What was found, in the order of the steps. A step that is not there was not taken, because one before it failed.
/// All steps behind the certificates take at most [`CONNECT_TIMEOUT`] together, as a connection may.
#[derive(Default)]
pub struct Probe {
    /// How many certificates there are to verify the API with.
    pub certificates: Option<Timed<usize>>,
    /// How many addresses the API's name has, or the proxy's if there is one.
    pub name: Option<Timed<usize>>,
    /// Which of them took the connection.
    pub connection: Option<Timed<SocketAddr>>,
    /// Whether the proxy has connected to the API.
    pub tunnel: Option<Timed<()>>,
    /// What TLS has agreed on.
    pub tls: Option<Timed<Tls>>,
}

/// What came of a step, and how long it took.
pub struct Timed<T> {
    /// What was found, or why the step failed.
    pub result: Result<T, Cause>,
    /// How long it took.
    pub took: Duration,
}

/// What TLS has agreed on with a server that has proved its name.
pub struct Tls {
    /// The version, such as `TLS 1.3`.
    pub version: &'static str,
    /// Whether HTTP/2 will be spoken.
    pub http_2: bool,
    /// The server's certificate, DER.
    pub certificate: Vec<u8>,
}

/// A stream that carries another.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// The host that is connected to.
struct Target {
    host: String,
    port: u16,
}

impl Target {
    /// The API, or the proxy before it.
    fn of(proxy: Option<&Proxy>) -> Result<Self, Cause> {
        let Some(proxy) = proxy else { return Ok(Self { host: API_HOST.into(), port: API_PORT }) };
        let uri: Uri = proxy.address().parse().map_err(|_| Cause::Setup)?;
        let host = uri.host().ok_or(Cause::Setup)?.trim_matches(['[', ']']).to_string();
        let default = if is_https(proxy) { API_PORT } else { 80 };
        Ok(Self { host, port: uri.port_u16().unwrap_or(default) })
    }
}

/// Whether TLS is spoken with the proxy itself.
fn is_https(proxy: &Proxy) -> bool {
    proxy.address().starts_with("https://")
}

impl Probe {
    /// How many certificates there are; nothing is connected to.
    pub async fn offline(connection: &Connection) -> Self {
        let mut probe = Self::default();
        probe.trust(connection).await;
        probe
    }

    /// Goes the whole way.
    pub async fn run(connection: &Connection) -> Self {
        let mut probe = Self::default();
        let config = probe.trust(connection).await;
        probe.reach(Target::of(connection.proxy.as_ref()), connection.proxy.as_ref(), config).await;
        probe
    }

    /// Reads the certificates.
    async fn trust(&mut self, connection: &Connection) -> Option<Arc<ClientConfig>> {
        let certificates = connection.certificates.clone();
        let load = async {
            let loaded = tokio::task::spawn_blocking(move || certificates.load()).await.map_err(|_| Cause::Setup)?;
            let roots = loaded.map_err(Cause::NoCertificates)?;
            let number = roots.len();
            Ok((number, Arc::new(tls(roots).map_err(|_| Cause::Setup)?)))
        };
        record(&mut self.certificates, Instant::now() + CONNECT_TIMEOUT, Cause::Setup, load).await
    }

    /// Connects, and says by nothing how far it came: what a step found is in its field.
    async fn reach(
        &mut self,
        target: Result<Target, Cause>,
        proxy: Option<&Proxy>,
        config: Option<Arc<ClientConfig>>,
    ) -> Option<()> {
        let deadline = Instant::now() + CONNECT_TIMEOUT;
        let seen = |cause| seen_through(proxy, cause);
        let late = seen(Cause::ConnectionTimeout);
        let addresses = record(&mut self.name, deadline, seen(Cause::Name), async {
            resolve(&target?).await.map(|found| (found.len(), found)).map_err(seen)
        });
        let addresses = addresses.await?;
        let dialled = record(&mut self.connection, deadline, late, async { dial(&addresses).await.map_err(seen) });
        let mut stream: Box<dyn Stream> = Box::new(dialled.await?);
        if let Some(proxy) = proxy {
            let open = async { tunnel(stream, proxy, config.clone()).await.map(|stream| ((), stream)) };
            stream = record(&mut self.tunnel, deadline, late, open).await?;
        }
        let config = config?;
        record(&mut self.tls, deadline, late, async { Ok((handshake(stream, config).await?, ())) }).await
    }
}

/// Takes a step until the deadline and notes what came of it. The step gives what was found, and what the next one goes
/// on with.
async fn record<T, N>(
    slot: &mut Option<Timed<T>>,
    deadline: Instant,
    late: Cause,
    step: impl Future<Output = Result<(T, N), Cause>>,
) -> Option<N> {
    let start = Instant::now();
    let result = timeout_at(deadline, step).await.unwrap_or(Err(late));
    let took = start.elapsed();
    let (result, next) = match result {
        Ok((found, next)) => (Ok(found), Some(next)),
        Err(cause) => (Err(cause), None),
    };
    *slot = Some(Timed { result, took });
    next
}

/// A cause as it is seen when the proxy, and not the API, is connected to.
fn seen_through(proxy: Option<&Proxy>, cause: Cause) -> Cause {
    match (proxy, cause) {
        (None, cause) => cause,
        (Some(_), Cause::Name) => Cause::Proxy(AtProxy::Name),
        (Some(_), Cause::Route) => Cause::Proxy(AtProxy::Route),
        (Some(_), Cause::ConnectionTimeout) => Cause::Proxy(AtProxy::Timeout),
        (Some(_), Cause::Connection) => Cause::Proxy(AtProxy::Connection),
        (Some(_), cause) => cause,
    }
}

async fn resolve(target: &Target) -> Result<Vec<SocketAddr>, Cause> {
    let found: Vec<SocketAddr> =
        lookup_host((target.host.as_str(), target.port)).await.map_err(|_| Cause::Name)?.collect();
    if found.is_empty() { Err(Cause::Name) } else { Ok(found) }
}

/// Connects to the first address that takes the connection.
#[expect(clippy::disallowed_methods, reason = "a connection is made to look at it; no request goes over it")]
async fn dial(addresses: &[SocketAddr]) -> Result<(SocketAddr, TcpStream), Cause> {
    let mut cause = Cause::Connection;
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok((*address, stream)),
            Err(error) => cause = of_io(error.kind()),
        }
    }
    Err(cause)
}

/// Has the proxy connect to the API.
async fn tunnel(
    mut stream: Box<dyn Stream>,
    proxy: &Proxy,
    config: Option<Arc<ClientConfig>>,
) -> Result<Box<dyn Stream>, Cause> {
    if is_https(proxy) {
        let mut config = ClientConfig::clone(&*config.ok_or(Cause::Proxy(AtProxy::Tls))?);
        config.alpn_protocols.clear();
        let host = Target::of(Some(proxy))?.host;
        let connected = connect_tls(stream, Arc::new(config), host).await;
        stream = Box::new(connected.map_err(|_| Cause::Proxy(AtProxy::Tls))?);
    }
    let failed = |_: io::Error| Cause::Proxy(AtProxy::Answer);
    stream.write_all(&connect_request(proxy)).await.map_err(failed)?;
    stream.flush().await.map_err(failed)?;
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") && answer.len() < MAX_PROXY_ANSWER {
        // Byte by byte: what comes after the head is the API's.
        answer.push(stream.read_u8().await.map_err(failed)?);
        if answer == *b"HTTP/1.1 407" || answer == *b"HTTP/1.0 407" {
            return Err(Cause::Proxy(AtProxy::Login));
        }
    }
    let is_open =
        answer.ends_with(b"\r\n\r\n") && (answer.starts_with(b"HTTP/1.1 200") || answer.starts_with(b"HTTP/1.0 200"));
    if is_open { Ok(stream) } else { Err(Cause::Proxy(AtProxy::Answer)) }
}

/// The request for a connection (RFC 9110, section 9.3.6).
fn connect_request(proxy: &Proxy) -> Vec<u8> {
    let api = format!("{API_HOST}:{API_PORT}");
    let mut request = format!("CONNECT {api} HTTP/1.1\r\nHost: {api}\r\n").into_bytes();
    if let Some(login) = &proxy.login {
        request.extend_from_slice(b"Proxy-Authorization: ");
        request.extend_from_slice(login.as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    request
}

/// Speaks TLS with the API, which has to prove its name, and ends the connection.
async fn handshake(stream: Box<dyn Stream>, config: Arc<ClientConfig>) -> Result<Tls, Cause> {
    let mut stream = connect_tls(stream, config, API_HOST.into()).await?;
    let (_, session) = stream.get_ref();
    let version = match session.protocol_version() {
        Some(ProtocolVersion::TLSv1_3) => "TLS 1.3",
        Some(ProtocolVersion::TLSv1_2) => "TLS 1.2",
        _ => "TLS",
    };
    let http_2 = session.alpn_protocol() == Some(b"h2");
    let certificate = session.peer_certificates().and_then(|chain| chain.first());
    let certificate = certificate.map_or(Vec::new(), |first| first.to_vec());
    // Whether the server hears of the end makes no difference.
    let _ = stream.shutdown().await;
    Ok(Tls { version, http_2, certificate })
}

async fn connect_tls(
    stream: Box<dyn Stream>,
    config: Arc<ClientConfig>,
    host: String,
) -> Result<tokio_rustls::client::TlsStream<Box<dyn Stream>>, Cause> {
    let name = ServerName::try_from(host).map_err(|_| Cause::Setup)?;
    TlsConnector::from(config).connect(name, stream).await.map_err(|error| {
        let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        tls.map_or_else(|| of_io(error.kind()), of_tls)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust::{Certificates, NoCertificates, Unusable};
    use std::net::Ipv4Addr;
    use tokio::net::TcpListener;
    use tokio::task::JoinHandle;
    use tokio_rustls::TlsAcceptor;

    /// A server on loopback that speaks TLS with one client under the API's name, and the settings that trust it. Its
    /// task ends with what the client sent.
    async fn server() -> (Target, Arc<ClientConfig>, JoinHandle<io::Result<Vec<u8>>>) {
        let made = rcgen::generate_simple_self_signed([API_HOST.to_string()]).expect("is made");
        let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("is a key");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("are known")
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .expect("fit each other");
        #[expect(clippy::disallowed_methods, reason = "this is the server of a test")]
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("is free");
        let port = listener.local_addr().expect("is bound").port();
        let served = tokio::spawn(async move {
            let (stream, _) = listener.accept().await?;
            let mut stream = TlsAcceptor::from(Arc::new(config)).accept(stream).await?;
            let mut request = Vec::new();
            stream.read_to_end(&mut request).await?;
            Ok(request)
        });
        let mut roots = rustls::RootCertStore::empty();
        roots.add(made.cert.der().clone()).expect("is a certificate");
        (Target { host: "127.0.0.1".into(), port }, Arc::new(tls(roots).expect("is valid")), served)
    }

    #[tokio::test]
    async fn without_a_proxy_each_step_is_the_apis() {
        let (target, config, served) = server().await;
        let port = target.port;
        let mut probe = Probe::default();
        probe.reach(Ok(target), None, Some(config)).await.expect("comes through");
        let connected = probe.connection.expect("is taken").result;
        assert_eq!(connected, Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port))));
        assert!(probe.tunnel.is_none());
        let Ok(tls) = probe.tls.expect("is taken").result else { panic!("TLS succeeds") };
        assert_eq!((tls.version, tls.http_2), ("TLS 1.3", false));
        assert!(!tls.certificate.is_empty());
        let sent = served.await.expect("does not panic").expect("ends well");
        assert_eq!(sent, b"", "no request goes out");
    }

    #[tokio::test]
    async fn nothing_is_tried_after_a_step_that_failed() {
        let (target, ..) = server().await;
        let none = NoCertificates::File(Unusable::Missing);
        let certificates = Certificates { file: Some("/missing/ca.pem".into()), ..Certificates::default() };
        let probe = &mut Probe::default();
        let config = probe.trust(&Connection { proxy: None, certificates }).await;
        assert_eq!(probe.certificates.as_ref().expect("is taken").result, Err(Cause::NoCertificates(none)));
        probe.reach(Ok(target), None, config).await;
        assert!(probe.connection.as_ref().is_some_and(|step| step.result.is_ok()) && probe.tls.is_none());

        let nobody = Target { host: "127.0.0.1".into(), port: 1 };
        let (_, config, _) = server().await;
        let probe = &mut Probe::default();
        probe.reach(Ok(nobody), None, Some(config)).await;
        assert_eq!(probe.connection.as_ref().expect("is taken").result, Err(Cause::Connection));
        assert!(probe.tls.is_none());
    }

    #[test]
    fn host_and_port_of_a_proxy_are_those_of_its_address() {
        for (address, host, port) in [
            ("http://proxy.example.com:3128", "proxy.example.com", 3128),
            ("proxy", "proxy", 80),
            ("https://proxy", "proxy", 443),
            ("http://user:hunter2@[::1]:8080", "::1", 8080),
        ] {
            let proxy = Proxy::parse(address).expect("is one");
            let target = Target::of(Some(&proxy)).expect("is one");
            assert_eq!((target.host.as_str(), target.port), (host, port));
        }
        let proxy = Proxy::parse("http://Aladdin:open%20sesame@proxy").expect("is one");
        let request = String::from_utf8(connect_request(&proxy)).expect("is text");
        assert!(request.contains("\r\nProxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n"), "{request}");
    }
}
