//! The only way out. It holds every request against the call's permit and the gate, and lets it pass
//! or denies it. It assumes that whoever made the request is an attacker; whatever the answer, it
//! keeps its own trace of what happened.

use crate::call::Class;
use crate::gate::{Gate, Refusal};
use crate::outside::Outside;
use crate::permit::{ALLOWED_HEADERS, Permit, Rule};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use wasmtime_wasi_http::{Error, ForbiddenHeaderFilter, RequestOptions, WasiBody, WasiHttpHooks};

/// The largest request body, in bytes: ten parts of percent-encoded UTF-8 are under 15,000.
pub const LARGEST_REQUEST: usize = 32 * 1024;

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
