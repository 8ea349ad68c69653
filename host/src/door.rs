//! The only way out. It compares the whole of every request with the call's permit, lets it pass
//! or denies it, stamps the credentials on what passes, and sends it. It assumes that whoever made
//! the request is an attacker: what leaves is built anew here from what was compared.

use crate::call::Class;
use crate::config::Credentials;
use crate::gate::{Gate, Refusal};
use crate::simulator::{self, Simulator};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Uri};
use http_body_util::{BodyExt, Full, Limited};
use serde::Serialize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::OnceCell;
use wasmtime_wasi_http::{Error, ForbiddenHeaderFilter, RequestOptions, WasiBody, WasiHttpHooks};

/// Where 46elks is. Not a setting: a base address from outside would be a way out.
const AUTHORITY: &str = "api.46elks.com";

/// The largest request body, in bytes: ten parts of percent-encoded UTF-8 are under 15,000.
pub const LARGEST_REQUEST: usize = 32 * 1024;

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

/// A secret shorter than this, in bytes, is not searched for: it would be found in honest texts.
const SHORTEST_SECRET: usize = 8;

/// The headers that a guest may set. The door sends values of its own.
const ALLOWED_HEADERS: [HeaderName; 3] = [ACCEPT, CONTENT_TYPE, CONTENT_LENGTH];

/// The media type of a request's body.
const FORM: &str = "application/x-www-form-urlencoded";

/// The rule that a denied request broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// The scheme is not https.
    Scheme,
    /// The authority is not exactly that of 46elks.
    Authority,
    /// The call may not use this method.
    Method,
    /// The call may not use this path.
    Path,
    /// A query parameter is unknown, doubled, misspelt or has another value.
    Query,
    /// A header that is not on the list, or a value that is not 46elks's.
    Header,
    /// A field of the body is unknown, missing, doubled, misspelt or has another value.
    Body,
    /// The body is larger than any honest one.
    BodySize,
    /// The call has already made all requests that it may make.
    Count,
    /// The request or the result contains the account's credentials.
    Credentials,
}

/// What a query parameter may hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parameter {
    /// This text and no other.
    Exactly(String),
    /// A time in the form of the API: digits and the signs between them.
    Time,
    /// A whole number from 1 to this one.
    AtMost(u32),
}

impl Parameter {
    fn allows(&self, value: &str) -> bool {
        match self {
            Self::Exactly(expected) => value == expected,
            Self::Time => {
                (19..=27).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_digit() || b"-T:.Z".contains(&b))
            }
            Self::AtMost(most) => {
                !value.starts_with(['0', '+']) && value.parse().is_ok_and(|number: u32| (1..=*most).contains(&number))
            }
        }
    }
}

/// A request that a call may cause, and how often.
#[derive(Clone, PartialEq, Eq)]
pub struct Allowed {
    /// How many of these requests may leave.
    pub times: u32,
    /// What they look like.
    pub shape: Shape,
}

/// What a request looks like. It has no Debug form: it holds numbers and a text.
#[derive(Clone, PartialEq, Eq)]
pub enum Shape {
    /// A GET of one path; each parameter may be left out, none may be added.
    Get {
        /// The path, letter for letter.
        path: String,
        /// The parameters by name.
        query: Vec<(&'static str, Parameter)>,
    },
    /// `POST /a1/sms`.
    PostSms {
        /// The approved recipient.
        to: String,
        /// The approved sender.
        from: String,
        /// The approved text. Control characters may be missing from what is sent.
        message: String,
        /// Whether `flashsms=yes` must be there; without it, it may not.
        flash: bool,
        /// Whether `dryrun=yes` must be there; without it, it may not.
        dry_run: bool,
    },
}

/// Everything that one call may cause.
#[derive(Clone, PartialEq, Eq)]
pub struct Permit(Vec<Allowed>);

impl Permit {
    /// A permit for these requests and no others.
    pub fn new(allowed: Vec<Allowed>) -> Self {
        Self(allowed)
    }

    /// What it allows.
    pub fn allowed(&self) -> &[Allowed] {
        &self.0
    }

    /// The part of it that only reads.
    pub fn reading(mut self) -> Self {
        self.0.retain(|allowed| matches!(allowed.shape, Shape::Get { .. }));
        self
    }

    /// Compares a whole request with the permit and, when it fits, uses it up. Says whether the
    /// request sends a real message.
    ///
    /// # Errors
    /// The rule that the request breaks.
    pub fn spend(&mut self, method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Result<bool, Rule> {
        if uri.scheme_str() != Some("https") {
            return Err(Rule::Scheme);
        }
        if uri.authority().map(|authority| authority.as_str()) != Some(AUTHORITY) {
            return Err(Rule::Authority);
        }
        if !headers_fit(headers, body) {
            return Err(Rule::Header);
        }
        let mut broken = Rule::Method;
        for allowed in &mut self.0 {
            match allowed.shape.fits(method, uri, body) {
                Ok(_) if allowed.times == 0 => return Err(Rule::Count),
                Ok(sends) => {
                    allowed.times -= 1;
                    return Ok(sends);
                }
                Err(rule) => broken = rule,
            }
        }
        Err(broken)
    }
}

impl Shape {
    /// Whether a request has this shape, and then whether it sends a real message.
    fn fits(&self, method: &Method, uri: &Uri, body: &[u8]) -> Result<bool, Rule> {
        let query = uri.query().unwrap_or("");
        match self {
            Self::Get { path, query: parameters } => {
                require(method == Method::GET, Rule::Method)?;
                require(uri.path() == path, Rule::Path)?;
                require(body.is_empty(), Rule::Body)?;
                let pairs = canonical_pairs(query.as_bytes()).ok_or(Rule::Query)?;
                let fits = pairs.iter().all(|(name, value)| {
                    parameters.iter().any(|(known, parameter)| known == name && parameter.allows(value))
                });
                require(fits, Rule::Query)?;
                Ok(false)
            }
            Self::PostSms { to, from, message, flash, dry_run } => {
                require(method == Method::POST, Rule::Method)?;
                require(uri.path() == "/a1/sms", Rule::Path)?;
                require(uri.query().is_none(), Rule::Query)?;
                let pairs = canonical_pairs(body).ok_or(Rule::Body)?;
                let fits = pairs.iter().all(|(name, value)| match name.as_str() {
                    "to" => value == to,
                    "from" => value == from,
                    "message" => lacks_only_controls(value, message),
                    "flashsms" => *flash && value == "yes",
                    "dryrun" => *dry_run && value == "yes",
                    _ => false,
                });
                // No name stands twice, so the right count means that none is missing.
                require(fits && pairs.len() == 3 + usize::from(*flash) + usize::from(*dry_run), Rule::Body)?;
                Ok(!dry_run)
            }
        }
    }
}

fn require(fits: bool, rule: Rule) -> Result<(), Rule> {
    if fits { Ok(()) } else { Err(rule) }
}

/// Names and values of a form or query, when it is written in the one canonical way and no name
/// stands twice. What is read here is then what 46elks reads: no second spelling, no lost byte.
fn canonical_pairs(encoded: &[u8]) -> Option<Vec<(String, String)>> {
    let pairs: Vec<(String, String)> = form_urlencoded::parse(encoded).into_owned().collect();
    let again = form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
    let doubled = pairs.iter().enumerate().any(|(at, (name, _))| pairs[..at].iter().any(|(other, _)| other == name));
    (again.as_bytes() == encoded && !doubled).then_some(pairs)
}

/// Whether a text is the approved one, but for control characters that were taken out of it.
/// Stricter than "characters deleted": deleting a word can turn a message around.
fn lacks_only_controls(text: &str, approved: &str) -> bool {
    let mut text = text.chars().peekable();
    for c in approved.chars() {
        if text.next_if_eq(&c).is_none() && (!c.is_control() || matches!(c, '\t' | '\n' | '\r')) {
            return false;
        }
    }
    text.next().is_none()
}

/// Whether the headers are those of an honest request.
fn headers_fit(headers: &HeaderMap, body: &[u8]) -> bool {
    headers.keys().all(|name| headers.get_all(name).iter().count() == 1)
        && headers.iter().all(|(name, value)| match *name {
            ACCEPT => value == "application/json",
            CONTENT_TYPE => value == FORM,
            CONTENT_LENGTH => value.as_bytes() == body.len().to_string().as_bytes(),
            _ => false,
        })
}

/// What happened at the door during one call.
#[derive(Debug, Clone, Default)]
pub struct Trace {
    /// How many requests left.
    pub left: u32,
    /// Whether a real message left and no answer to it came back.
    pub unanswered_send: bool,
    /// Whether a real message left and was answered with success.
    pub accepted_send: bool,
    /// The first rule that was broken. After that nothing leaves any more.
    pub denied: Option<Rule>,
    /// The gate's answer, when the call came too soon.
    pub refused: Option<Refusal>,
    /// The HTTP status of the last answer.
    pub last_status: Option<u16>,
}

/// The door as one call sees it.
#[derive(Clone)]
pub struct Door(Arc<Inner>);

struct Inner {
    permit: Mutex<Permit>,
    trace: Arc<Mutex<Trace>>,
    /// Absent for the program's own check of its credentials.
    gate: Option<(Arc<Gate>, Class)>,
    outside: Arc<Outside>,
}

impl Door {
    /// A door for one call.
    pub fn new(permit: Permit, gate: Option<(Arc<Gate>, Class)>, outside: Arc<Outside>) -> Self {
        Self(Arc::new(Inner { permit: Mutex::new(permit), trace: Arc::default(), gate, outside }))
    }

    /// What happened so far.
    pub fn trace(&self) -> Trace {
        lock(&self.0.trace).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing panics while it holds one of these locks; if it did, the state would still be whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The first denial stands: what follows from it is not another.
fn deny(trace: &Mutex<Trace>, rule: Rule) -> Error {
    lock(trace).denied.get_or_insert(rule);
    Error::HttpRequestDenied
}

impl Inner {
    /// Decides about a request and, when it may, sends it.
    async fn pass(&self, request: Request<WasiBody>) -> Result<Response<Bytes>, Error> {
        let (parts, body) = request.into_parts();
        let body = match Limited::new(body, LARGEST_REQUEST).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<http_body_util::LengthLimitError>() => {
                return Err(deny(&self.trace, Rule::BodySize));
            }
            Err(_) => return Err(deny(&self.trace, Rule::Body)),
        };
        let sends = self.decide(&parts, &body)?;

        {
            let mut trace = lock(&self.trace);
            trace.left += 1;
            trace.unanswered_send |= sends;
        }
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let answer = self.outside.send(&parts.method, path, body).await;
        let mut trace = lock(&self.trace);
        match &answer {
            Ok(response) => {
                trace.last_status = Some(response.status().as_u16());
                if sends {
                    trace.unanswered_send = false;
                    trace.accepted_send = response.status().is_success();
                }
            }
            Err(error) if sends && is_before_anything_left(error) => trace.unanswered_send = false,
            Err(_) => {}
        }
        answer
    }

    /// Everything that must be true before a request leaves, in this order. The gate comes last, so
    /// that only calls that really go out are counted.
    fn decide(&self, parts: &http::request::Parts, body: &[u8]) -> Result<bool, Error> {
        if lock(&self.trace).denied.is_some() {
            return Err(Error::HttpRequestDenied);
        }
        if self.outside.leaks(parts.uri.to_string().as_bytes()) || self.outside.leaks(body) {
            return Err(deny(&self.trace, Rule::Credentials));
        }
        let sends = lock(&self.permit)
            .spend(&parts.method, &parts.uri, &parts.headers, body)
            .map_err(|rule| deny(&self.trace, rule))?;
        if let Some((gate, class)) = &self.gate
            && lock(&self.trace).left == 0
            && let Err(refusal) = gate.admit(*class)
        {
            lock(&self.trace).refused = Some(refusal);
            return Err(Error::HttpRequestDenied);
        }
        Ok(sends)
    }
}

/// Whether an error means that not one byte of the request left.
fn is_before_anything_left(error: &Error) -> bool {
    matches!(
        error,
        Error::DnsError { .. }
            | Error::ConnectionRefused
            | Error::ConnectionTimeout
            | Error::TlsCertificateError
            | Error::ConfigurationError
    )
}

impl WasiHttpHooks for Door {
    /// The way that the component's requests come.
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        _: Option<RequestOptions>, // the guest's timeouts: ours are shorter than it needs and hold
        _: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Result<Answered, Error>> + Send> {
        let inner = Arc::clone(&self.0);
        Box::new(async move {
            let response = inner.pass(request).await?;
            let response = response.map(|body| Full::new(body).map_err(Error::from).boxed_unsync());
            Ok((response, Box::new(std::future::ready(Ok(()))) as Box<_>))
        })
    }

    /// A header that is not on the list is a denial, also when the request is never sent.
    fn forbidden_header_filter(&mut self) -> ForbiddenHeaderFilter {
        let trace = Arc::clone(&self.0.trace);
        Arc::new(move |name| {
            let forbidden = !ALLOWED_HEADERS.contains(name);
            if forbidden {
                deny(&trace, Rule::Header);
            }
            forbidden
        })
    }

    /// Every scheme comes to the door, which denies all but one and writes it down.
    fn is_supported_scheme(&mut self, _: &http::uri::Scheme) -> bool {
        true
    }

    /// The door names the host itself.
    fn set_host_header(&mut self) -> bool {
        false
    }

    /// No single write needs more than a whole honest body.
    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        LARGEST_REQUEST
    }
}

/// An answer, and the rest of its connection's work, of which there is none.
type Answered = (Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>);

/// What is behind the door: 46elks, or what pretends to be it.
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

    /// Whether bytes contain the credentials, as they are, in base64, or percent-encoded.
    pub fn leaks(&self, bytes: &[u8]) -> bool {
        let contains =
            |bytes: &[u8]| self.secrets.iter().any(|secret| bytes.windows(secret.len()).any(|window| window == secret));
        contains(bytes) || (bytes.contains(&b'%') && contains(&percent_decoded(bytes)))
    }

    /// Sends a request that may leave, with the credentials on it, and reads the whole answer.
    async fn send(&self, method: &Method, path: &str, body: Bytes) -> Result<Response<Bytes>, Error> {
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
                match lock(simulator).answer(&request) {
                    simulator::Answer::Response(response) => response,
                    simulator::Answer::Unreachable => return Err(Error::ConnectionRefused),
                    simulator::Answer::Lost => return Err(Error::ConnectionTerminated),
                }
            }
        };
        cleaned(response)
    }
}

/// Takes percent-encoding off, once; what is not an encoding stays.
fn percent_decoded(bytes: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&first, tail)) = rest.split_first() {
        let pair = (first == b'%').then(|| tail.get(..2)).flatten();
        let value =
            pair.and_then(|pair| std::str::from_utf8(pair).ok()).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        decoded.push(value.unwrap_or(first));
        rest = if value.is_some() { &tail[2..] } else { tail };
    }
    decoded
}

/// An answer as the guest may see it: status, media type, and text.
fn cleaned(response: Response<Bytes>) -> Result<Response<Bytes>, Error> {
    if response.headers().contains_key(http::header::CONTENT_ENCODING) {
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

/// The client of the last hop: rustls with the system's roots (`SSL_CERT_FILE` included), the proxy
/// that `HTTPS_PROXY` names, connections kept, no redirects, nothing tried twice.
async fn client_over_tls() -> Result<reqwest::Client, Error> {
    // Reading some hundred certificates blocks for milliseconds.
    let client = tokio::task::spawn_blocking(|| {
        let mut roots = rustls::RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .ok()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .https_only(true)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .user_agent(concat!("elks-mcp/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(REQUEST_TIMEOUT)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .build()
            .ok()
    });
    client.await.ok().flatten().ok_or(Error::ConfigurationError)
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
