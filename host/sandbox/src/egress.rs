//! The one way out of the sandbox. It compares each request with the call's permit, has the call admitted, then sends
//! the request or denies it. It assumes that an attacker made the request, and it records what happened.

use crate::admission::{Admission, Refused};
use crate::cause::Cause;
use crate::credentials::Credentials;
use crate::permit::{ALLOWED_HEADERS, FORM, Permit, Rule};
use crate::trace::{Exchange, Outcome, Trace};
use crate::upstream::Upstream;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, DATE};
use http::request::Parts;
use http::uri::Scheme;
use http::{HeaderMap, HeaderValue, Method, Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use sms_rules::limits::{API_HOST, MAX_RESPONSE_BYTES};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{OnceCell, watch};
use wasmtime_wasi_http::{Error, ForbiddenHeaderFilter, RequestOptions, WasiBody, WasiHttpHooks};

/// Largest request body, in bytes. Ten parts of percent-encoded UTF-8 are under 15,000 bytes.
pub const MAX_REQUEST_BYTES: usize = 32 * 1024;

/// Most bytes of requests and responses that one call may collect (8 MiB). A message of ten parts has 670 code units in
/// UTF-16, of six bytes each when all are escaped: ten pages of such messages are half of it.
pub const MAX_TRACE_BYTES: usize = 8 << 20;

/// Most requests that a call may hand over, permitted or not. Each becomes a task, which outlives its handle by a
/// moment, and of each the egress may be reading a body: 512 KiB in all. The longest valid call reads ten pages.
pub const MAX_REQUESTS: u32 = 16;

/// The way out of one call. Clones share one permit and one trace.
#[derive(Clone)]
pub struct Egress(Arc<Inner>);

struct Inner {
    /// Shared with the header filter, which wasmtime keeps apart from the hooks.
    state: Arc<Mutex<State>>,
    /// Who admits the call. Absent for the program's own check of its account.
    admission: Option<Arc<dyn Admission>>,
    /// What the admission decided. It is asked once.
    admitted: OnceCell<Result<(), Refused>>,
    credentials: Arc<Credentials>,
    upstream: Arc<dyn Upstream>,
}

/// Each step is taken under one lock: using the permit up, and recording a request that leaves. Between the two the
/// call is admitted, which may take time. A request that comes while the call ends is in the trace or does not leave.
struct State {
    permit: Permit,
    trace: Trace,
    /// Whether the call has ended.
    closed: bool,
    /// How many requests the component has handed over.
    handed_over: u32,
    /// Learns how many requests have left.
    sent: Option<watch::Sender<usize>>,
}

impl Egress {
    /// The way out for one call.
    pub fn new(
        permit: Permit,
        admission: Option<Arc<dyn Admission>>,
        credentials: Arc<Credentials>,
        upstream: Arc<dyn Upstream>,
    ) -> Self {
        let state =
            Arc::new(Mutex::new(State { permit, trace: Trace::default(), closed: false, handed_over: 0, sent: None }));
        Self(Arc::new(Inner { state, admission, admitted: OnceCell::new(), credentials, upstream }))
    }

    /// The same way out, which tells how many requests have left.
    pub fn reporting(self, sent: Option<watch::Sender<usize>>) -> Self {
        lock(&self.0.state).sent = sent;
        self
    }

    /// Records a rule that the component broke before it handed a request over.
    pub(crate) fn deny(&self, rule: Rule) {
        deny(&mut lock(&self.0.state), rule);
    }

    /// Counts a request that the component hands over. One too many is denied before it becomes a task.
    fn takes_another(&self) -> bool {
        let mut state = lock(&self.0.state);
        state.handed_over += 1;
        let fits = state.handed_over <= MAX_REQUESTS;
        if !fits {
            deny(&mut state, Rule::Count);
        }
        fits
    }

    /// Sends a GET of the host's own, under the same permit, and records it in the same trace.
    ///
    /// # Errors
    /// The request is not permitted, the call is not admitted, or no usable response came.
    pub async fn get(&self, path_and_query: &str) -> Result<(), Error> {
        let mut request = Request::new(());
        *request.uri_mut() =
            format!("https://{API_HOST}{path_and_query}").parse().map_err(|_| Error::HttpRequestUriInvalid)?;
        self.0.pass(&request.into_parts().0, Bytes::new()).await.map(drop)
    }

    /// The newest request that has left, and what came of it so far.
    pub fn newest(&self) -> Option<Exchange> {
        lock(&self.0.state).trace.exchanges.last().cloned()
    }

    /// The newest `Date` of the responses so far.
    pub fn date(&self) -> Option<String> {
        lock(&self.0.state).trace.date().map(Into::into)
    }

    /// Closes the way out and returns what happened. The component's requests run in tasks of their own, which may
    /// outlive its instance by a moment; from here on they are denied.
    pub fn close(&self) -> Trace {
        let mut state = lock(&self.0.state);
        state.permit = Permit::new(Vec::new());
        state.closed = true;
        state.trace.clone()
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    // Nothing panics while it holds the lock. If it did, the state would still be consistent.
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Records the first broken rule. Later ones are consequences of it.
fn deny(state: &mut State, rule: Rule) -> Error {
    state.trace.denied.get_or_insert(rule);
    Error::HttpRequestDenied
}

impl Inner {
    /// Reads the component's request whole, and passes it.
    async fn pass_from_component(&self, request: Request<WasiBody>) -> Result<Response<Bytes>, Error> {
        let (parts, body) = request.into_parts();
        match Limited::new(body, MAX_REQUEST_BYTES).collect().await {
            Ok(body) => self.pass(&parts, body.to_bytes()).await,
            Err(error) if error.is::<http_body_util::LengthLimitError>() => {
                Err(deny(&mut lock(&self.state), Rule::BodySize))
            }
            Err(_) => Err(deny(&mut lock(&self.state), Rule::Body)),
        }
    }

    /// Sends a request if it is permitted and its call is admitted.
    async fn pass(&self, parts: &Parts, body: Bytes) -> Result<Response<Bytes>, Error> {
        let sends = self.permitted(parts, &body)?;
        self.admitted().await?;
        let (at, target) = self.leaves(parts, &body, sends)?;
        let response = self.forward(&parts.method, &target, body).await;
        let mut state = lock(&self.state);
        let response = response.and_then(|response| match state.trace.bytes() + response.body().len() {
            0..=MAX_TRACE_BYTES => Ok(response),
            _ => Err(Cause::Size),
        });
        let exchange = &mut state.trace.exchanges[at];
        exchange.outcome = match &response {
            Ok(response) => Outcome::Answered(response.status().as_u16(), response.body().clone()),
            Err(cause) if cause.is_before_send() => Outcome::NotSent(*cause),
            Err(cause) => Outcome::Unanswered(Some(*cause)),
        };
        // The date is for the host alone: the component has no clock.
        let response = response.map(|mut response| {
            let date = response.headers_mut().remove(DATE);
            exchange.date = date.and_then(|date| date.to_str().ok().map(Into::into));
            response
        });
        Ok(response?)
    }

    /// Checks everything that must hold before a request leaves, and uses the permit up. Returns whether the request
    /// sends a message.
    fn permitted(&self, parts: &Parts, body: &Bytes) -> Result<bool, Error> {
        let secret = self.credentials.contains_secret(parts.uri.to_string().as_bytes())
            || self.credentials.contains_secret(body);
        let mut state = lock(&self.state);
        if state.trace.denied.is_some() || state.trace.refused.is_some() {
            return Err(Error::HttpRequestDenied);
        }
        if secret {
            return Err(deny(&mut state, Rule::Credentials));
        }
        state.permit.spend(&parts.method, &parts.uri, &parts.headers, body).map_err(|rule| deny(&mut state, rule))
    }

    /// Has the call admitted. This comes last, so that only calls whose request leaves are counted.
    async fn admitted(&self) -> Result<(), Error> {
        let Some(admission) = &self.admission else { return Ok(()) };
        self.admitted.get_or_init(|| admission.admit()).await.map_err(|refused| {
            lock(&self.state).trace.refused = Some(refused);
            Error::HttpRequestDenied
        })
    }

    /// Records a request that leaves now, unless the call has ended or broken a rule meanwhile. Returns its place in
    /// the trace, and its path and query.
    fn leaves(&self, parts: &Parts, body: &Bytes, sends: bool) -> Result<(usize, String), Error> {
        let mut state = lock(&self.state);
        if state.closed || state.trace.denied.is_some() {
            return Err(Error::HttpRequestDenied);
        }
        let target = parts.uri.path_and_query().map_or("/", |target| target.as_str()).to_string();
        state.trace.exchanges.push(Exchange {
            method: parts.method.clone(),
            target: target.clone(),
            body: body.clone(),
            sends,
            outcome: Outcome::Unanswered(None),
            date: None,
        });
        let sent = state.trace.exchanges.len();
        if let Some(listeners) = &state.sent {
            listeners.send_replace(sent);
        }
        Ok((sent - 1, target))
    }

    /// Sends a permitted request with the host's own headers and the credentials. The response is text, with its
    /// status, media type and date, and without the credentials.
    async fn forward(&self, method: &Method, path: &str, body: Bytes) -> Result<Response<Bytes>, Cause> {
        let mut request = Request::new(body);
        *request.method_mut() = method.clone();
        let uri = format!("https://{API_HOST}{path}");
        *request.uri_mut() = uri.parse().map_err(|_| Cause::Setup)?;
        let headers = request.headers_mut();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if method == Method::POST {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(FORM));
        }
        headers.insert(AUTHORIZATION, self.credentials.authorization().clone());
        let (parts, body) = self.upstream.send(request).await?.into_parts();
        if body.len() > MAX_RESPONSE_BYTES {
            return Err(Cause::Size);
        }
        if is_encoded(&parts.headers) || std::str::from_utf8(&body).is_err() {
            return Err(Cause::Coding);
        }
        let mut response = Response::new(self.credentials.redact(body.into()).into());
        *response.status_mut() = parts.status;
        for name in [CONTENT_TYPE, DATE] {
            if let Some(value) = parts.headers.get(&name) {
                response.headers_mut().insert(name, value.clone());
            }
        }
        Ok(response)
    }
}

/// Whether a body is encoded, so that its bytes are not its text. `identity` is the name of no encoding (RFC 9110,
/// section 12.5.3), in any case of letters, and elements of a list may be empty (section 5.6.1).
fn is_encoded(headers: &HeaderMap) -> bool {
    let is_identity = |name: &str| name.trim().is_empty() || name.trim().eq_ignore_ascii_case("identity");
    headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .any(|value| !value.to_str().is_ok_and(|list| list.split(',').all(is_identity)))
}

impl WasiHttpHooks for Egress {
    /// Every request of the component arrives here.
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        _: Option<RequestOptions>, // The component's timeouts do not count: the host's are shorter.
        _: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Result<Sent, Error>> + Send> {
        let inner = Arc::clone(&self.0);
        Box::new(async move {
            let response = inner.pass_from_component(request).await?;
            let response = response.map(|body| Full::new(body).map_err(Error::from).boxed_unsync());
            Ok((response, Box::new(std::future::ready(Ok(()))) as Box<_>))
        })
    }

    /// A header that is not on the list is a denial, even if the request is never sent.
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

    /// wasmtime asks this before it makes a task for a request. Every scheme is accepted, so that `permitted` can deny
    /// and record all but https.
    fn is_supported_scheme(&mut self, _: &Scheme) -> bool {
        self.takes_another()
    }

    /// The same for a request without a scheme.
    fn default_scheme(&mut self) -> Option<Scheme> {
        self.takes_another().then_some(Scheme::HTTPS)
    }

    /// The HTTP client sets the Host header.
    fn set_host_header(&mut self) -> bool {
        false
    }

    /// No single write is larger than the largest permitted body.
    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        MAX_REQUEST_BYTES
    }
}

/// A response, and the rest of its connection's work, of which there is none.
type Sent = (Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admission::RateLimited;
    use crate::cause::Certificate;
    use crate::permit::{Allowed, RequestPattern};
    use crate::rate_limit::{Class, RateLimiter};
    use crate::upstream::Pending;

    /// An upstream that gives each request the same response.
    struct Fixed(fn() -> Result<Response<Bytes>, Cause>, Mutex<Vec<Request<Bytes>>>);

    impl Upstream for Fixed {
        fn send(&self, request: Request<Bytes>) -> Pending<'_> {
            self.1.lock().expect("is not poisoned").push(request);
            Box::pin(std::future::ready((self.0)()))
        }
    }

    struct Scene {
        egress: Egress,
        upstream: Arc<Fixed>,
    }

    /// An egress that permits two histories and one message.
    fn scene(response: fn() -> Result<Response<Bytes>, Cause>, limit: u32) -> Scene {
        let get = RequestPattern::Get { path: "/a1/sms".into(), required: vec![], optional: vec![] };
        let send = RequestPattern::PostSms {
            to: "+46701740605".into(),
            from: "Elks".into(),
            message: "Hej".into(),
            flash: false,
            dry_run: false,
        };
        let permit = Permit::new(vec![Allowed { times: 2, request: get }, Allowed { times: 1, request: send }]);
        let limited = |limit| RateLimited::new(Arc::new(RateLimiter::new(limit, limit)), Class::Queries);
        let limit = limit.try_into().ok().map(|limit| Arc::new(limited(limit)) as Arc<dyn Admission>);
        scene_with(response, permit, limit)
    }

    fn scene_with(
        response: fn() -> Result<Response<Bytes>, Cause>,
        permit: Permit,
        admission: Option<Arc<dyn Admission>>,
    ) -> Scene {
        let upstream = Arc::new(Fixed(response, Mutex::default()));
        let credentials = Arc::new(Credentials::new("u1", "a long password"));
        let egress = Egress::new(permit, admission, credentials, Arc::clone(&upstream) as Arc<dyn Upstream>);
        Scene { egress, upstream }
    }

    impl Scene {
        async fn request(&self, method: Method, uri: &str, body: &str) -> Result<Response<Bytes>, Error> {
            let body = Full::new(Bytes::copy_from_slice(body.as_bytes())).map_err(|never| match never {});
            let request = Request::builder().method(method).uri(uri).body(body.boxed_unsync()).expect("is a request");
            self.egress.0.pass_from_component(request).await
        }

        async fn get(&self) -> Result<Response<Bytes>, Error> {
            self.request(Method::GET, "https://api.46elks.com/a1/sms", "").await
        }

        async fn send(&self) -> Result<Response<Bytes>, Error> {
            let form = "from=Elks&to=%2B46701740605&message=Hej";
            self.request(Method::POST, "https://api.46elks.com/a1/sms", form).await
        }
    }

    fn ok() -> Result<Response<Bytes>, Cause> {
        Ok(Response::new("{}".into()))
    }

    #[tokio::test]
    async fn a_permitted_request_leaves_with_the_hosts_headers_and_the_credentials() {
        let scene = scene(ok, 0);
        assert!(scene.send().await.is_ok());
        let requests = scene.upstream.1.lock().expect("is not poisoned");
        let request = requests.first().expect("one request left");
        assert_eq!(request.uri(), "https://api.46elks.com/a1/sms");
        let headers: Vec<_> = request.headers().keys().map(http::HeaderName::as_str).collect();
        assert_eq!(headers, ["accept", "content-type", "authorization"]);
        assert!(request.headers()[AUTHORIZATION].is_sensitive());
        let trace = scene.egress.close();
        assert!(trace.may_have_sent());
        let [exchange] = &trace.exchanges[..] else { panic!("one request left") };
        assert_eq!((&exchange.method, exchange.target.as_str(), exchange.sends), (&Method::POST, "/a1/sms", true));
        assert_eq!(exchange.body, "from=Elks&to=%2B46701740605&message=Hej");
        assert!(matches!(&exchange.outcome, Outcome::Answered(200, body) if body == "{}"));
    }

    #[tokio::test]
    async fn after_a_denial_nothing_leaves_and_the_first_rule_stands() {
        let scene = scene(ok, 0);
        assert!(scene.request(Method::GET, "http://api.46elks.com/a1/sms", "").await.is_err());
        assert!(scene.request(Method::GET, "https://evil.example/a1/sms", "").await.is_err());
        assert!(scene.get().await.is_err());
        let trace = scene.egress.close();
        assert_eq!((trace.denied, trace.exchanges.len()), (Some(Rule::Scheme), 0));
        assert!(scene.upstream.1.lock().expect("is not poisoned").is_empty());
    }

    #[tokio::test]
    async fn a_secret_in_a_request_is_denied_before_the_permit_is_asked() {
        let scene = scene(ok, 0);
        let uri = "https://api.46elks.com/a1/sms?to=a+long+password";
        assert!(scene.request(Method::GET, uri, "").await.is_err());
        assert_eq!(scene.egress.close().denied, Some(Rule::Credentials));
    }

    #[tokio::test]
    async fn the_rate_limit_counts_a_call_once_and_only_when_its_request_leaves() {
        let scene = scene(ok, 1);
        assert!(scene.get().await.is_ok());
        assert!(scene.get().await.is_ok(), "the second request of the same call is not counted");
        assert!(scene.egress.close().refused.is_none());
    }

    /// An admission that waits until it is released, and then decides.
    struct Held(tokio::sync::Semaphore, Result<(), Refused>, std::sync::atomic::AtomicU32);

    impl Admission for Held {
        fn admit(&self) -> std::pin::Pin<Box<dyn Future<Output = Result<(), Refused>> + Send + '_>> {
            self.2.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            Box::pin(async {
                drop(self.0.acquire().await);
                self.1
            })
        }
    }

    fn held(decision: Result<(), Refused>) -> (Scene, Arc<Held>) {
        let get = RequestPattern::Get { path: "/a1/sms".into(), required: vec![], optional: vec![] };
        let permit = Permit::new(vec![Allowed { times: 2, request: get }]);
        let held = Arc::new(Held(tokio::sync::Semaphore::new(0), decision, std::sync::atomic::AtomicU32::new(0)));
        (scene_with(ok, permit, Some(Arc::clone(&held) as Arc<dyn Admission>)), held)
    }

    #[tokio::test]
    async fn two_requests_of_a_call_wait_for_one_admission() {
        let (scene, held) = held(Ok(()));
        let release = async { held.0.add_permits(1) };
        let (one, two, ()) = tokio::join!(scene.get(), scene.get(), release);
        assert!(one.is_ok() && two.is_ok());
        assert_eq!(held.2.load(std::sync::atomic::Ordering::SeqCst), 1);
        assert_eq!(scene.egress.close().exchanges.len(), 2);
    }

    #[tokio::test]
    async fn a_call_that_ends_while_it_is_being_admitted_sends_nothing() {
        let (scene, held) = held(Ok(()));
        let end = async {
            assert!(scene.egress.close().exchanges.is_empty());
            held.0.add_permits(1);
        };
        let (answer, ()) = tokio::join!(scene.get(), end);
        assert!(answer.is_err());
        assert!(scene.upstream.1.lock().expect("is not poisoned").is_empty());
    }

    #[tokio::test]
    async fn what_the_host_withholds_does_not_leave() {
        let (scene, held) = held(Err(Refused::ByHost));
        held.0.add_permits(1);
        assert!(scene.get().await.is_err());
        assert!(scene.get().await.is_err());
        let trace = scene.egress.close();
        assert_eq!((trace.refused, trace.denied, trace.exchanges.len()), (Some(Refused::ByHost), None, 0));
        assert!(scene.upstream.1.lock().expect("is not poisoned").is_empty());
    }

    #[tokio::test]
    async fn a_request_of_the_host_has_the_same_permit_and_trace() {
        let dated =
            || Ok(Response::builder().header("date", "Sat, 31 Jan 2026 12:00:00 GMT").body("{}".into()).unwrap());
        let scene = scene(dated, 0);
        assert!(scene.egress.get("/a1/sms").await.is_ok());
        assert!(scene.egress.get("/a1/me").await.is_err());
        let trace = scene.egress.close();
        assert_eq!((trace.denied, trace.exchanges.len()), (Some(Rule::Method), 1));
        assert_eq!(trace.exchanges[0].date.as_deref(), Some("Sat, 31 Jan 2026 12:00:00 GMT"));
    }

    #[tokio::test]
    async fn the_trace_says_what_became_of_a_message() {
        type Case = (fn() -> Result<Response<Bytes>, Cause>, bool);
        fn status(status: u16) -> Result<Response<Bytes>, Cause> {
            let mut response = Response::new(Bytes::from("x"));
            *response.status_mut() = status.try_into().expect("is a status");
            Ok(response)
        }
        let cases: [Case; 11] = [
            (|| status(200), true),
            (|| status(201), true),
            (|| status(302), true),
            (|| status(403), false),
            (|| status(500), true),
            (|| Err(Cause::Connection), false),
            (|| Err(Cause::Certificate(Certificate::Issuer)), false),
            (|| Err(Cause::NotTaken), false),
            (|| Err(Cause::Terminated), true),
            (|| Err(Cause::ResponseTimeout), true),
            (|| Err(Cause::Coding), true),
        ];
        for (number, (response, may_have_sent)) in cases.into_iter().enumerate() {
            let scene = scene(response, 0);
            let _ = scene.send().await;
            let trace = scene.egress.close();
            assert_eq!(trace.may_have_sent(), may_have_sent, "case {number}");
        }
    }

    #[tokio::test]
    async fn a_call_collects_no_more_than_its_bound() {
        let scene = scene(|| Ok(Response::new(vec![b'x'; MAX_RESPONSE_BYTES].into())), 0);
        for times in 1..=6 {
            lock(&scene.egress.0.state).permit = Permit::new(vec![Allowed {
                times: 1,
                request: RequestPattern::Get { path: "/a1/sms".into(), required: vec![], optional: vec![] },
            }]);
            let fits = (times * (MAX_RESPONSE_BYTES + "/a1/sms".len())) <= MAX_TRACE_BYTES;
            assert_eq!(scene.get().await.is_ok(), fits, "response {times}");
        }
        let trace = scene.egress.close();
        assert!(trace.bytes() <= MAX_TRACE_BYTES);
        assert!(matches!(
            trace.exchanges.last().map(|last| &last.outcome),
            Some(Outcome::Unanswered(Some(Cause::Size)))
        ));
    }

    #[tokio::test]
    async fn the_component_gets_text_with_status_and_media_type_and_no_secret() {
        let scene = scene(
            || {
                let response = Response::builder()
                    .status(403)
                    .header("content-type", "text/plain")
                    .header("set-cookie", "a=b")
                    .body(Bytes::from("it is a long password"));
                Ok(response.expect("is a response"))
            },
            0,
        );
        let response = scene.get().await.expect("is answered");
        assert_eq!(response.body(), "it is ***************");
        assert_eq!(response.headers().keys().map(http::HeaderName::as_str).collect::<Vec<_>>(), ["content-type"]);
        let bytes = || Ok(Response::new(Bytes::from_static(b"\xff")));
        assert!(self::scene(bytes, 0).get().await.is_err());
        let huge = || Ok(Response::new(Bytes::from(vec![b'x'; MAX_RESPONSE_BYTES + 1])));
        assert!(self::scene(huge, 0).get().await.is_err());
    }

    #[test]
    fn a_body_is_encoded_unless_every_encoding_is_identity() {
        let encoded = |values: &[&'static str]| {
            is_encoded(&values.iter().map(|value| (CONTENT_ENCODING, HeaderValue::from_static(value))).collect())
        };
        for plain in [
            &[] as &[_],
            &["identity"],
            &["Identity"],
            &["IDENTITY"],
            &[" identity\t"],
            &["identity, identity"],
            &["identity,,identity,"],
            &["identity", "identity"],
            &[""],
            &[","],
        ] {
            assert!(!encoded(plain), "{plain:?}");
        }
        for other in [
            &["gzip"] as &[_],
            &["GZIP"],
            &["br"],
            &["deflate"],
            &["zstd"],
            &["x-gzip"],
            &["identity, gzip"],
            &["gzip, identity"],
            &["identity", "gzip"],
            &["identity;q=1"],
            &["identity gzip"],
            &["identityx"],
            &["\"identity\""],
            &["*"],
            &["utf-8"],
        ] {
            assert!(encoded(other), "{other:?}");
        }
        let bytes = HeaderValue::from_bytes(b"identity\xff").expect("is a value");
        assert!(is_encoded(&[(CONTENT_ENCODING, bytes)].into_iter().collect()));
    }

    #[tokio::test]
    async fn an_answer_is_taken_with_identity_and_with_no_other_encoding() {
        let identity =
            || Ok(Response::builder().header("content-encoding", "Identity").body("{}".into()).expect("is fine"));
        let response = self::scene(identity, 0).get().await.expect("is taken");
        assert!(response.headers().is_empty() && response.body() == "{}");
        let gzip = || Ok(Response::builder().header("content-encoding", "gzip").body("{}".into()).expect("is fine"));
        let scene = self::scene(gzip, 0);
        assert!(scene.send().await.is_err());
        let trace = scene.egress.close();
        assert!(matches!(trace.exchanges[0].outcome, Outcome::Unanswered(Some(Cause::Coding))));
        assert!(trace.may_have_sent());
    }

    #[tokio::test]
    async fn after_it_is_closed_nothing_leaves() {
        let scene = scene(ok, 0);
        scene.egress.close();
        assert!(scene.send().await.is_err());
        assert!(scene.upstream.1.lock().expect("is not poisoned").is_empty());
    }
}
