//! What is behind the door: 46elks over TLS, or the simulator. Here the credentials are stamped on
//! what may leave, and taken care of in what comes back.

use crate::config::Credentials;
use crate::permit::{AUTHORITY, FORM};
use crate::simulator::{self, Simulator};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Request, Response};
use memchr::memmem::find;
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::OnceCell;
use wasmtime_wasi_http::Error;

/// The largest answer, in bytes: a page of a hundred messages of ten parts is under a megabyte even
/// when every character is escaped.
pub const LARGEST_ANSWER: usize = 2 * 1024 * 1024;

/// How long a connection may take to be made, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a request may take from first to last byte. Less than the time of a call, so that the
/// component can still say what happened.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);

/// How long an unused connection stays open: shorter than servers commonly keep theirs, so that a
/// send rarely meets a connection that is just being closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// How often an HTTP/2 connection is asked whether it still lives, and how long it may take to say so:
/// a request that waits in vain ends by itself, but a dead connection would take the next ones, too.
const PING_INTERVAL: Duration = Duration::from_secs(5);

/// A secret shorter than this, in bytes, is not searched for: it would be found in honest texts.
const SHORTEST_SECRET: usize = 8;

/// 46elks, or what pretends to be it.
pub struct Outside {
    credentials: HeaderValue,
    /// What must never leave in a request nor come back in a result.
    secrets: Vec<Vec<u8>>,
    way: Way,
}

enum Way {
    /// The client is made when it is first needed: loading the system's roots takes longer than
    /// the handshake may.
    Elks(OnceCell<reqwest::Client>),
    Simulator(Mutex<Simulator>),
}

impl Outside {
    /// The real 46elks.
    pub fn elks(credentials: &Credentials) -> Self {
        Self::new(credentials, Way::Elks(OnceCell::new()))
    }

    /// The real 46elks as a test server on loopback plays it: reached at an address of its own and
    /// vouched for by a certificate of its own (DER). Name, scheme and everything that the door
    /// compares stay the same. For tests of the library; no setting leads here.
    ///
    /// # Errors
    /// When the certificate is none.
    pub fn elks_at(credentials: &Credentials, address: SocketAddr, certificate: &[u8]) -> anyhow::Result<Self> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(certificate.to_vec().into())?;
        let client = client(roots, |builder| builder.no_proxy().resolve(AUTHORITY, address))?;
        Ok(Self::new(credentials, Way::Elks(OnceCell::new_with(Some(client)))))
    }

    /// The pretend one.
    pub fn simulator(credentials: &Credentials, simulator: Simulator) -> Self {
        Self::new(credentials, Way::Simulator(Mutex::new(simulator)))
    }

    fn new(credentials: &Credentials, way: Way) -> Self {
        let (username, password) = (credentials.username.expose(), credentials.password.expose());
        let pair = format!("{username}:{password}");
        let token = BASE64_STANDARD.encode(&pair);
        // Base64 is always a valid header value.
        let mut stamp = HeaderValue::try_from(format!("Basic {token}")).unwrap_or(HeaderValue::from_static("Basic"));
        stamp.set_sensitive(true);
        let secrets = [password.to_string(), pair, token, BASE64_STANDARD.encode(password)]
            .into_iter()
            .filter(|secret| secret.len() >= SHORTEST_SECRET)
            .map(String::into_bytes)
            .collect();
        Self { credentials: stamp, secrets, way }
    }

    /// Whether bytes contain the credentials: as they are, in base64, or encoded as in a form, up to
    /// twice (a text in a form is encoded once more).
    pub fn leaks(&self, bytes: &[u8]) -> bool {
        let contains = |bytes: &[u8]| self.secrets.iter().any(|secret| find(bytes, secret).is_some());
        // Most texts hold nothing that could be an encoding, and need be looked at once.
        if !bytes.iter().any(|byte| matches!(byte, b'%' | b'+')) {
            return contains(bytes);
        }
        let once = form_decoded(bytes);
        contains(bytes) || contains(&once) || contains(&form_decoded(&once)) || contains(&percent_decoded(bytes))
    }

    /// Whether any text of a result contains the credentials.
    pub(crate) fn leaks_in(&self, value: &Value) -> bool {
        match value {
            Value::String(text) => self.leaks(text.as_bytes()),
            Value::Array(items) => items.iter().any(|item| self.leaks_in(item)),
            Value::Object(fields) => fields.values().any(|field| self.leaks_in(field)),
            Value::Null | Value::Bool(_) | Value::Number(_) => false,
        }
    }

    /// Blots the credentials out of an answer: 46elks knows them, the component must not.
    fn blotted(&self, mut body: Vec<u8>) -> Vec<u8> {
        for secret in &self.secrets {
            let mut from = 0;
            while let Some(at) = find(&body[from..], secret) {
                let end = from + at + secret.len();
                body[from + at..end].fill(b'*');
                from = end;
            }
        }
        body
    }

    /// Sends a request that may leave, with the credentials on it, and reads the whole answer.
    pub(crate) async fn send(&self, method: &Method, path: &str, body: Bytes) -> Result<Response<Bytes>, Error> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if method == Method::POST {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(FORM));
        }
        headers.insert(AUTHORIZATION, self.credentials.clone());
        let response = match &self.way {
            Way::Elks(client) => {
                let client = client.get_or_try_init(client_over_tls).await?;
                let url = format!("https://{AUTHORITY}{path}");
                let request = client.request(method.clone(), url).headers(headers).body(body);
                read(request.send().await.map_err(|error| sorted(&error))?).await?
            }
            Way::Simulator(simulator) => {
                let mut request = Request::new(body);
                *request.method_mut() = method.clone();
                *request.uri_mut() = path.parse().map_err(|_| Error::HttpRequestUriInvalid)?;
                *request.headers_mut() = headers;
                let answer = simulator.lock().unwrap_or_else(PoisonError::into_inner).answer(&request);
                match answer {
                    simulator::Answer::Response(response) => response,
                    simulator::Answer::Unreachable => return Err(Error::ConnectionRefused),
                    simulator::Answer::Lost => return Err(Error::ConnectionTerminated),
                    simulator::Answer::Silent => {
                        tokio::time::sleep(REQUEST_TIMEOUT).await;
                        return Err(Error::HttpResponseTimeout);
                    }
                }
            }
        };
        let (parts, body) = cleaned(response)?.into_parts();
        Ok(Response::from_parts(parts, self.blotted(body.into()).into()))
    }
}

/// Takes the encoding of forms off, once.
fn form_decoded(bytes: &[u8]) -> Vec<u8> {
    let spaces: Vec<u8> = bytes.iter().map(|&byte| if byte == b'+' { b' ' } else { byte }).collect();
    percent_decoded(&spaces)
}

/// Takes percent-encoding off, once; what is not an encoding stays.
fn percent_decoded(bytes: &[u8]) -> Vec<u8> {
    percent_encoding::percent_decode(bytes).collect()
}

/// An answer as the guest may see it: status, media type, and text.
fn cleaned(response: Response<Bytes>) -> Result<Response<Bytes>, Error> {
    if response.headers().contains_key(CONTENT_ENCODING) {
        return Err(Error::HttpResponseContentCoding(None));
    }
    if std::str::from_utf8(response.body()).is_err() {
        return Err(Error::HttpProtocolError);
    }
    let (parts, body) = response.into_parts();
    let mut cleaned = Response::new(body);
    *cleaned.status_mut() = parts.status;
    if let Some(media_type) = parts.headers.get(CONTENT_TYPE) {
        cleaned.headers_mut().insert(CONTENT_TYPE, media_type.clone());
    }
    Ok(cleaned)
}

/// Reads an answer to its end, or to the bound.
async fn read(mut response: reqwest::Response) -> Result<Response<Bytes>, Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| sorted(&error))? {
        if body.len() + chunk.len() > LARGEST_ANSWER {
            return Err(Error::HttpResponseBodySize(Some(LARGEST_ANSWER as u64)));
        }
        body.extend_from_slice(&chunk);
    }
    let mut whole = Response::new(Bytes::from(body));
    *whole.status_mut() = response.status();
    std::mem::swap(whole.headers_mut(), response.headers_mut());
    Ok(whole)
}

/// The client with the system's roots, `SSL_CERT_FILE` included, and the proxy of `HTTPS_PROXY`.
async fn client_over_tls() -> Result<reqwest::Client, Error> {
    // Reading some hundred certificates blocks for milliseconds.
    let client = tokio::task::spawn_blocking(|| {
        let mut roots = rustls::RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        anyhow::ensure!(!roots.is_empty(), "the system has no certificates, or SSL_CERT_FILE cannot be read");
        client(roots, |builder| builder)
    });
    client.await.ok().and_then(Result::ok).ok_or(Error::ConfigurationError)
}

/// The client of the last hop: rustls, connections kept, no redirects, nothing tried twice.
#[expect(clippy::disallowed_methods, reason = "this is the one place that makes the HTTP client")]
fn client(
    roots: rustls::RootCertStore,
    more: impl FnOnce(reqwest::ClientBuilder) -> reqwest::ClientBuilder,
) -> anyhow::Result<reqwest::Client> {
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
    Ok(more(builder).build()?)
}

/// The standard's word for what went wrong. What happened before the connection stood is kept
/// apart from what may have happened after the request left.
fn sorted(error: &reqwest::Error) -> Error {
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
