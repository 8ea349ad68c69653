//! The connection to 46elks behind the egress: the trait, and the real API over TLS. It sends what it is given and
//! decides nothing.

use bytes::Bytes;
use http::{Request, Response};
use sms_rules::limits::{API_HOST, MAX_RESPONSE_BYTES};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OnceCell;

pub use wasmtime_wasi_http::Error;

/// How long a connection may take to be made, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a request may take from first to last byte. It is shorter than a call may take, so that the component can
/// still report what happened.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);

/// How long an unused connection stays open. Servers commonly keep theirs for 60 seconds or more, so that a request
/// rarely meets a connection that the server is just closing.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// How often an HTTP/2 connection is pinged, and how long the reply may take. A dead connection is then replaced
/// instead of failing the next requests.
const PING_INTERVAL: Duration = Duration::from_secs(5);

/// A response that is under way.
pub type Pending<'a> = Pin<Box<dyn Future<Output = Result<Response<Bytes>, Error>> + Send + 'a>>;

/// What the egress sends permitted requests to.
pub trait Upstream: Send + Sync {
    /// Sends a request once and reads the whole response. The request's URI begins with `https://` and the API's host.
    ///
    /// An implementation bounds its own time and memory. [`ElksApi`] reads at most [`MAX_RESPONSE_BYTES`] within
    /// [`REQUEST_TIMEOUT`], and the egress refuses longer responses. [`is_before_send`] decides whether anything left
    /// before an error.
    fn send(&self, request: Request<Bytes>) -> Pending<'_>;
}

/// Whether an error means that no byte of the request left.
pub fn is_before_send(error: &Error) -> bool {
    matches!(
        error,
        Error::DnsError { .. }
            | Error::ConnectionRefused
            | Error::ConnectionTimeout
            | Error::TlsCertificateError
            | Error::ConfigurationError
    )
}

/// Why no response came, for the sentence that says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The API's name could not be resolved.
    Name,
    /// The connection was not accepted.
    Connection,
    /// The connection was not made in time.
    ConnectionTimeout,
    /// The server could not prove its name.
    Certificate,
    /// The HTTP client could not be set up.
    Setup,
    /// The response was not there in time.
    ResponseTimeout,
    /// The response, or all responses of the call together, are larger than the bound.
    Size,
    /// The response is no plain text.
    Coding,
    /// The connection ended before the whole response was there.
    Terminated,
}

impl From<&Error> for Cause {
    fn from(error: &Error) -> Self {
        match error {
            Error::DnsError { .. } => Self::Name,
            Error::ConnectionRefused => Self::Connection,
            Error::ConnectionTimeout => Self::ConnectionTimeout,
            Error::TlsCertificateError => Self::Certificate,
            Error::ConfigurationError => Self::Setup,
            Error::HttpResponseTimeout => Self::ResponseTimeout,
            Error::HttpResponseBodySize(_) => Self::Size,
            Error::HttpResponseContentCoding(_) | Error::HttpProtocolError => Self::Coding,
            _ => Self::Terminated,
        }
    }
}

/// The 46elks API over TLS.
pub struct ElksApi {
    /// Made when it is first needed: loading the system's certificates takes longer than the MCP handshake may.
    client: OnceCell<reqwest::Client>,
}

/// Why the HTTP client could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// There is no certificate to verify the server with.
    #[error("the system has no certificates, or SSL_CERT_FILE cannot be read")]
    NoCertificates,
    /// A certificate or the TLS settings are not valid.
    #[error("TLS cannot be set up")]
    Tls(#[from] rustls::Error),
    /// The HTTP client refuses its settings.
    #[error("the HTTP client cannot be set up")]
    Http(#[from] reqwest::Error),
}

impl ElksApi {
    /// The API with the system's certificates (`SSL_CERT_FILE` included) and the proxy of `HTTPS_PROXY`.
    pub fn new() -> Self {
        Self { client: OnceCell::new() }
    }

    /// The API at another address, trusted by another certificate (DER). Host name, scheme and all that the egress
    /// compares stay the same. For tests of the library; no setting leads here.
    ///
    /// # Errors
    /// The certificate is not valid.
    pub fn at(address: SocketAddr, certificate: &[u8]) -> Result<Self, ClientError> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(certificate.to_vec().into())?;
        let client = client(roots, |builder| builder.no_proxy().resolve(API_HOST, address))?;
        Ok(Self { client: OnceCell::new_with(Some(client)) })
    }
}

impl Default for ElksApi {
    fn default() -> Self {
        Self::new()
    }
}

impl Upstream for ElksApi {
    fn send(&self, request: Request<Bytes>) -> Pending<'_> {
        Box::pin(async move {
            let client = self.client.get_or_try_init(client_with_system_certificates).await?;
            let request = request.try_into().map_err(|_| Error::HttpRequestUriInvalid)?;
            read(client.execute(request).await.map_err(|error| classified(&error))?).await
        })
    }
}

/// Reads a response to its end, or fails at the bound.
async fn read(mut response: reqwest::Response) -> Result<Response<Bytes>, Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| classified(&error))? {
        if body.len() + chunk.len() > MAX_RESPONSE_BYTES {
            return Err(Error::HttpResponseBodySize(Some(MAX_RESPONSE_BYTES as u64)));
        }
        body.extend_from_slice(&chunk);
    }
    let mut whole = Response::new(Bytes::from(body));
    *whole.status_mut() = response.status();
    std::mem::swap(whole.headers_mut(), response.headers_mut());
    Ok(whole)
}

async fn client_with_system_certificates() -> Result<reqwest::Client, Error> {
    // Reading some hundred certificates blocks for milliseconds.
    let client = tokio::task::spawn_blocking(|| {
        let mut roots = rustls::RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            return Err(ClientError::NoCertificates);
        }
        client(roots, |builder| builder)
    });
    client.await.ok().and_then(Result::ok).ok_or(Error::ConfigurationError)
}

/// An HTTP client over rustls. It keeps connections, follows no redirect and tries nothing twice.
#[expect(clippy::disallowed_methods, reason = "this is the one place that makes the HTTP client")]
fn client(
    roots: rustls::RootCertStore,
    adjust: impl FnOnce(reqwest::ClientBuilder) -> reqwest::ClientBuilder,
) -> Result<reqwest::Client, ClientError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = vec!["h2".into(), "http/1.1".into()];
    let builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .https_only(true)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .user_agent(concat!("elks-mcp/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(REQUEST_TIMEOUT)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .http2_keep_alive_interval(PING_INTERVAL)
        .http2_keep_alive_timeout(PING_INTERVAL)
        .http2_keep_alive_while_idle(true);
    Ok(adjust(builder).build()?)
}

/// The wasi:http error for a failure of the HTTP client. Failures before the connection was made are kept apart from
/// failures after the request may have left.
fn classified(error: &reqwest::Error) -> Error {
    if error.is_connect() {
        if error.is_timeout() {
            return Error::ConnectionTimeout;
        }
        if error.is_dns() {
            return Error::DnsError { rcode: None, info_code: None };
        }
        let mut source = std::error::Error::source(error);
        while let Some(inner) = source {
            let tls =
                inner.downcast_ref::<std::io::Error>().and_then(|io| io.get_ref()?.downcast_ref::<rustls::Error>());
            if tls.or_else(|| inner.downcast_ref()).is_some() {
                return Error::TlsCertificateError;
            }
            source = inner.source();
        }
        return Error::ConnectionRefused;
    }
    if error.is_timeout() {
        return Error::HttpResponseTimeout;
    }
    Error::ConnectionTerminated
}
