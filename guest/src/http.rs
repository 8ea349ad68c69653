//! The component's only use of wasi:http: one request out, one answer in. It knows nothing of SMS
//! and little of 46elks: where it is, and how an account names itself when the host does not do so.

use crate::bindings::exports::elks::sms::types::Credentials;
use crate::bindings::wasi::http::outgoing_handler;
use crate::bindings::wasi::http::types::{
    ErrorCode, Fields, IncomingResponse, Method, OutgoingBody, OutgoingRequest, Scheme,
};
use crate::bindings::wasi::io::streams::StreamError;
use base64::{Engine, prelude::BASE64_STANDARD};

/// Where every request goes.
const AUTHORITY: &str = "api.46elks.com";

/// wasi:io takes at most 4096 bytes in one blocking write.
const WRITE_AT_MOST: usize = 4096;

/// How many bytes to ask for at a time.
const READ_AT_MOST: u64 = 64 * 1024;

/// A hundred messages of ten parts are under a megabyte even when every character is escaped.
const LARGEST_ANSWER: usize = 2 * 1024 * 1024;

/// A request to 46elks, as a value.
pub(crate) struct Request {
    /// The path and, after `?`, the query.
    pub(crate) path: String,
    /// The form to POST; without one the request is a GET.
    pub(crate) form: Option<String>,
}

/// What 46elks answered, as a value.
pub(crate) struct Answer {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The body, whatever it is.
    pub(crate) body: Vec<u8>,
}

/// Why there is no answer.
pub(crate) struct NoAnswer {
    /// Whether the request may have reached 46elks all the same.
    pub(crate) may_have_arrived: bool,
    /// What happened, in words.
    pub(crate) reason: String,
}

impl NoAnswer {
    /// Something went wrong before anything could leave.
    fn before(reason: &str) -> Self {
        Self { may_have_arrived: false, reason: reason.into() }
    }

    /// Something went wrong when the request may have left.
    fn after(reason: &str) -> Self {
        Self { may_have_arrived: true, reason: reason.into() }
    }
}

impl From<ErrorCode> for NoAnswer {
    /// Sorts the standard's cases. What is not certain to have stayed here counts as having left.
    fn from(code: ErrorCode) -> Self {
        use ErrorCode as E;
        match code {
            E::DnsTimeout | E::DnsError(_) => Self::before("its name could not be resolved"),
            E::DestinationNotFound | E::DestinationUnavailable | E::DestinationIpUnroutable => {
                Self::before("there is no way to it from here")
            }
            E::ConnectionRefused => Self::before("it did not accept the connection"),
            E::ConnectionTimeout => Self::before("it did not answer the connection in time"),
            E::ConnectionLimitReached => Self::before("too many connections are open"),
            E::TlsCertificateError => Self::before("its certificate was not accepted"),
            E::TlsProtocolError => Self::before("no secure connection could be made"),
            E::HttpRequestDenied | E::DestinationIpProhibited => Self::before("the host did not let the request out"),
            E::HttpRequestBodySize(_)
            | E::HttpRequestMethodInvalid
            | E::HttpRequestUriInvalid
            | E::HttpRequestUriTooLong
            | E::HttpRequestHeaderSectionSize(_)
            | E::HttpRequestHeaderSize(_)
            | E::HttpRequestLengthRequired
            | E::ConfigurationError => Self::before("the host could not make the request"),
            E::HttpResponseTimeout | E::ConnectionReadTimeout => Self::after("no answer came in time"),
            E::HttpResponseBodySize(_) | E::HttpResponseHeaderSectionSize(_) | E::HttpResponseHeaderSize(_) => {
                Self::after("the answer was too large")
            }
            E::HttpResponseIncomplete | E::ConnectionTerminated => {
                Self::after("the connection ended before the whole answer was there")
            }
            _ => Self::after("the connection failed before the whole answer was there"),
        }
    }
}

impl From<StreamError> for NoAnswer {
    fn from(_: StreamError) -> Self {
        Self::after("the connection failed before the whole answer was there")
    }
}

/// Sends a request and reads its answer.
///
/// # Errors
/// Why there is no answer, and whether the request may have arrived.
pub(crate) fn fetch(request: &Request, credentials: Option<&Credentials>) -> Result<Answer, NoAnswer> {
    let refused = |()| NoAnswer::before("the host could not make the request");
    let outgoing = OutgoingRequest::new(headers(request, credentials)?);
    let method = if request.form.is_some() { Method::Post } else { Method::Get };
    outgoing.set_method(&method).map_err(refused)?;
    outgoing.set_scheme(Some(&Scheme::Https)).map_err(refused)?;
    outgoing.set_authority(Some(AUTHORITY)).map_err(refused)?;
    outgoing.set_path_with_query(Some(&request.path)).map_err(refused)?;

    let body = outgoing.body().map_err(refused)?;
    let waiting = outgoing_handler::handle(outgoing, None)?;
    if let Some(form) = &request.form {
        let stream = body.write().map_err(refused)?;
        for chunk in form.as_bytes().chunks(WRITE_AT_MOST) {
            // A host that has decided against the request stops reading; its answer says why.
            if stream.blocking_write_and_flush(chunk).is_err() {
                break;
            }
        }
    }
    // A body that the host did not take to its end is told by the answer, too.
    drop(OutgoingBody::finish(body, None));

    let answer = loop {
        match waiting.get() {
            Some(answer) => break answer.map_err(|()| NoAnswer::after("the answer was read twice"))??,
            None => waiting.subscribe().block(),
        }
    };
    Ok(Answer { status: answer.status(), body: read(&answer)? })
}

/// The headers that 46elks needs, and not one more.
fn headers(request: &Request, credentials: Option<&Credentials>) -> Result<Fields, NoAnswer> {
    let mut headers = vec![("accept".to_string(), b"application/json".to_vec())];
    if let Some(form) = &request.form {
        headers.push(("content-type".into(), b"application/x-www-form-urlencoded".to_vec()));
        headers.push(("content-length".into(), form.len().to_string().into_bytes()));
    }
    if let Some(Credentials { username, password }) = credentials {
        let token = BASE64_STANDARD.encode(format!("{username}:{password}"));
        headers.push(("authorization".into(), format!("Basic {token}").into_bytes()));
    }
    Fields::from_list(&headers).map_err(|_| NoAnswer::before("the host does not allow a header that 46elks needs"))
}

/// Reads an answer's body to its end.
fn read(answer: &IncomingResponse) -> Result<Vec<u8>, NoAnswer> {
    let lost = |()| NoAnswer::after("the answer could not be read");
    let body = answer.consume().map_err(lost)?;
    let stream = body.stream().map_err(lost)?;
    let mut bytes = Vec::new();
    loop {
        match stream.blocking_read(READ_AT_MOST) {
            Ok(chunk) => bytes.extend_from_slice(&chunk),
            Err(StreamError::Closed) => return Ok(bytes),
            Err(failed) => return Err(failed.into()),
        }
        if bytes.len() > LARGEST_ANSWER {
            return Err(NoAnswer::after("the answer was too large"));
        }
    }
}
