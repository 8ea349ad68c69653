//! The connection to 46elks behind the egress: the trait, and the real API over TLS. It sends what it is given and
//! decides nothing.

use crate::cause::{Cause, of_request, of_response};
use crate::proxy::Proxy;
use crate::trust::Certificates;
use bytes::Bytes;
use http::{Request, Response};
use sms_rules::limits::{API_HOST, MAX_RESPONSE_BYTES};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OnceCell;

/// How long a connection may take to be made, TLS included.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a request may take from first to last byte. It is shorter than a call may take, so that the component can
/// still report what happened.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);

/// How long a connection may be unused and still carry a request. A server may close an unused connection at any time;
/// a message that meets the closing has an unknown outcome. Servers wait for a second at least (gunicorn 2 s, Node.js
/// and Apache 5 s, nginx 75 s), so that half a second leaves as much again for the way of the request.
const IDLE_TIMEOUT: Duration = Duration::from_millis(500);

/// How often an HTTP/2 connection with an open request is pinged, and how long the reply may take. A request on a dead
/// connection then fails after ten seconds, and the next one gets another connection.
const PING_INTERVAL: Duration = Duration::from_secs(5);

/// A response that is under way.
pub type Pending<'a> = Pin<Box<dyn Future<Output = Result<Response<Bytes>, Cause>> + Send + 'a>>;

/// What the egress sends permitted requests to.
pub trait Upstream: Send + Sync {
    /// Sends a request once and reads the whole response. The request's URI begins with `https://` and the API's host.
    ///
    /// An implementation bounds its own time and memory. [`ElksApi`] reads at most [`MAX_RESPONSE_BYTES`] within
    /// [`REQUEST_TIMEOUT`], and the egress refuses longer responses. [`Cause::is_before_send`] says whether anything
    /// left before an error.
    fn send(&self, request: Request<Bytes>) -> Pending<'_>;
}

/// How the API is reached.
#[derive(Clone, Default)]
pub struct Connection {
    /// The proxy that all requests go through.
    pub proxy: Option<Proxy>,
    /// What the API's certificate is verified with.
    pub certificates: Certificates,
}

/// The 46elks API over TLS.
pub struct ElksApi {
    connection: Connection,
    /// Made when it is first needed: loading the system's certificates takes longer than the MCP handshake may.
    client: OnceCell<reqwest::Client>,
}

/// Why the HTTP client could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// A certificate or the TLS settings are not valid.
    #[error("TLS cannot be set up")]
    Tls(#[from] rustls::Error),
    /// The HTTP client refuses its settings.
    #[error("the HTTP client cannot be set up")]
    Http(#[from] reqwest::Error),
}

impl ElksApi {
    /// The API, reached like this and in no other way: no variable of the environment is read.
    pub fn new(connection: Connection) -> Self {
        Self { connection, client: OnceCell::new() }
    }

    /// The API at another address, trusted by another certificate (DER). Host name, scheme and all that the egress
    /// compares stay the same. For tests of the library; no setting leads here.
    ///
    /// # Errors
    /// The certificate is not valid.
    pub fn at(address: SocketAddr, certificate: &[u8]) -> Result<Self, ClientError> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(certificate.to_vec().into())?;
        let client = client(roots, |builder| builder.resolve(API_HOST, address))?;
        Ok(Self { connection: Connection::default(), client: OnceCell::new_with(Some(client)) })
    }

    /// Makes the client. After a failure, the next request tries again: the operator may have mended a file.
    async fn connecting(&self) -> Result<reqwest::Client, Cause> {
        let Connection { proxy, certificates } = self.connection.clone();
        // Reading some hundred certificates blocks for milliseconds.
        let roots = tokio::task::spawn_blocking(move || certificates.load()).await.map_err(|_| Cause::Setup)?;
        let through = |builder: reqwest::ClientBuilder| match proxy {
            Some(proxy) => builder.proxy(proxy.client),
            None => builder,
        };
        client(roots.map_err(Cause::NoCertificates)?, through).map_err(|_| Cause::Setup)
    }
}

impl Upstream for ElksApi {
    fn send(&self, request: Request<Bytes>) -> Pending<'_> {
        Box::pin(async move {
            let client = self.client.get_or_try_init(|| self.connecting()).await?;
            let request = request.try_into().map_err(|_| Cause::Setup)?;
            // The runtime looks at its connections now. One that the server has closed is then known to be closed,
            // and is not used.
            tokio::task::yield_now().await;
            let failed = |error| of_request(&error, self.connection.proxy.is_some());
            read(client.execute(request).await.map_err(failed)?).await
        })
    }
}

/// Reads a response to its end, or fails at the bound.
async fn read(mut response: reqwest::Response) -> Result<Response<Bytes>, Cause> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| of_response(&error))? {
        if body.len() + chunk.len() > MAX_RESPONSE_BYTES {
            return Err(Cause::Size);
        }
        body.extend_from_slice(&chunk);
    }
    let mut whole = Response::new(Bytes::from(body));
    *whole.status_mut() = response.status();
    std::mem::swap(whole.headers_mut(), response.headers_mut());
    Ok(whole)
}

/// An HTTP client over rustls. It keeps connections, follows no redirect, tries nothing twice, and reads no variable of
/// the environment.
#[expect(clippy::disallowed_methods, reason = "this is the one place that makes the HTTP client")]
fn client(
    roots: rustls::RootCertStore,
    adjust: impl FnOnce(reqwest::ClientBuilder) -> reqwest::ClientBuilder,
) -> Result<reqwest::Client, ClientError> {
    let builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls(roots)?)
        .no_proxy()
        .https_only(true)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .user_agent(concat!("elks-mcp/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(REQUEST_TIMEOUT)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .http2_keep_alive_interval(PING_INTERVAL)
        .http2_keep_alive_timeout(PING_INTERVAL);
    Ok(adjust(builder).build()?)
}

/// How TLS is spoken, with these certificates and no others.
pub(crate) fn tls(roots: rustls::RootCertStore) -> Result<rustls::ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = vec!["h2".into(), "http/1.1".into()];
    Ok(tls)
}
