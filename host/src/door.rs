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
    /// Whether a real message left, and 46elks neither took nor refused it in plain words.
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

impl Trace {
    /// Whether a real message may have been sent.
    pub fn may_have_sent(&self) -> bool {
        self.unanswered_send || self.accepted_send
    }
}

/// The door as one call sees it.
#[derive(Clone)]
pub struct Door(Arc<Inner>);

struct Inner {
    state: Arc<Mutex<State>>,
    /// Absent for the program's own check of its credentials.
    gate: Option<(Arc<Gate>, Class)>,
    outside: Arc<Outside>,
}

/// Deciding, spending, counting and noting are one step under one lock: a request that comes while
/// the call is being judged either is in the trace or does not leave.
struct State {
    permit: Permit,
    trace: Trace,
}

impl Door {
    /// A door for one call.
    pub fn new(permit: Permit, gate: Option<(Arc<Gate>, Class)>, outside: Arc<Outside>) -> Self {
        let state = Arc::new(Mutex::new(State { permit, trace: Trace::default() }));
        Self(Arc::new(Inner { state, gate, outside }))
    }

    /// Lets nothing out any more and tells what happened. The component's requests run in tasks of
    /// their own, which may outlive its instance by a moment.
    pub fn close(&self) -> Trace {
        let mut state = lock(&self.0.state);
        state.permit = Permit::new(Vec::new());
        state.trace.clone()
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    // Nothing panics while it holds the lock; if it did, the state would still be whole.
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The first denial stands: what follows from it is not another.
fn deny(state: &mut State, rule: Rule) -> Error {
    state.trace.denied.get_or_insert(rule);
    Error::HttpRequestDenied
}

impl Inner {
    /// Decides about a request and, when it may, sends it.
    async fn pass(&self, request: Request<WasiBody>) -> Result<Response<Bytes>, Error> {
        let (parts, body) = request.into_parts();
        let body = match Limited::new(body, LARGEST_REQUEST).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<http_body_util::LengthLimitError>() => {
                return Err(deny(&mut lock(&self.state), Rule::BodySize));
            }
            Err(_) => return Err(deny(&mut lock(&self.state), Rule::Body)),
        };
        let sends = self.decide(&parts, &body)?;
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let answer = self.outside.send(&parts.method, path, body).await;
        let trace = &mut lock(&self.state).trace;
        match &answer {
            Ok(response) => {
                let status = response.status();
                trace.last_status = Some(status.as_u16());
                // Anything but plain words leaves the outcome open.
                if sends && (status.is_success() || status.is_client_error()) {
                    trace.unanswered_send = false;
                    trace.accepted_send = status.is_success();
                }
            }
            Err(error) if sends && is_before_anything_left(error) => trace.unanswered_send = false,
            Err(_) => {}
        }
        answer
    }

    /// Everything that must be true before a request leaves. The gate comes last, so that only calls
    /// that really go out are counted.
    fn decide(&self, parts: &http::request::Parts, body: &[u8]) -> Result<bool, Error> {
        let leaks = self.outside.leaks(parts.uri.to_string().as_bytes()) || self.outside.leaks(body);
        let mut state = lock(&self.state);
        if state.trace.denied.is_some() || state.trace.refused.is_some() {
            return Err(Error::HttpRequestDenied);
        }
        if leaks {
            return Err(deny(&mut state, Rule::Credentials));
        }
        let sends = match state.permit.spend(&parts.method, &parts.uri, &parts.headers, body) {
            Ok(sends) => sends,
            Err(rule) => return Err(deny(&mut state, rule)),
        };
        if let Some((gate, class)) = &self.gate
            && state.trace.left == 0
            && let Err(refusal) = gate.admit(*class)
        {
            state.trace.refused = Some(refusal);
            return Err(Error::HttpRequestDenied);
        }
        state.trace.left += 1;
        state.trace.unanswered_send |= sends;
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
        let state = Arc::clone(&self.0.state);
        Arc::new(move |name| {
            let forbidden = !ALLOWED_HEADERS.contains(name);
            if forbidden {
                deny(&mut lock(&state), Rule::Header);
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
