//! The component's only use of wasi:http: one request out, one answer in. It knows nothing of SMS
//! and little of 46elks: where it is, and how an account names itself when the host does not do so.

use crate::bindings::exports::elks::sms::types::{Account, Credentials};
use crate::bindings::wasi::http::outgoing_handler;
use crate::bindings::wasi::http::types::{
    ErrorCode, Fields, IncomingResponse, Method, OutgoingBody, OutgoingRequest, Scheme,
};
use crate::bindings::wasi::io::streams::StreamError;
use base64::{Engine, prelude::BASE64_STANDARD};
use sms_rules::limits::{API_HOST, MAX_RESPONSE_BYTES};
use std::net::{IpAddr, Ipv6Addr};

/// wasi:io takes at most 4096 bytes in one blocking write.
const WRITE_AT_MOST: usize = 4096;

/// How many bytes to ask for at a time.
const READ_AT_MOST: u64 = 64 * 1024;

/// A request to 46elks, as a value.
pub(crate) struct Request {
    /// The path and, after `?`, the query.
    pub(crate) path: String,
    /// The form to POST; without one the request is a GET.
    pub(crate) form: Option<String>,
}

/// Where requests go, and who asks there.
pub(crate) struct Destination<'a> {
    scheme: Scheme,
    authority: &'a str,
    credentials: Option<&'a Credentials>,
}

impl<'a> Destination<'a> {
    /// 46elks, or the gateway that the embedder names instead.
    ///
    /// # Errors
    /// A sentence about an endpoint that is none, or that would give the credentials away.
    pub(crate) fn of(account: &'a Account) -> Result<Self, &'static str> {
        let credentials = account.credentials.as_ref();
        let Some(endpoint) = account.endpoint.as_deref() else {
            return Ok(Self { scheme: Scheme::Https, authority: API_HOST, credentials });
        };
        let (scheme, authority) = match endpoint.split_once("://") {
            Some(("https", rest)) => (Scheme::Https, rest),
            Some(("http", rest)) => (Scheme::Http, rest),
            _ => return Err("it must begin with https:// (or http:// for this machine)"),
        };
        let authority = authority.strip_suffix('/').unwrap_or(authority);
        let Some(host) = host(authority) else {
            return Err("after the scheme it may hold a name and a port, like https://gateway.example.com:8443");
        };
        if matches!(scheme, Scheme::Http) && credentials.is_some() && !is_this_machine(host) {
            return Err("plain http would show the credentials to the network: use https");
        }
        Ok(Self { scheme, authority, credentials })
    }
}

/// The host of an authority that is a name or an address, and a port or none.
fn host(authority: &str) -> Option<&str> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            host.parse::<Ipv6Addr>().ok()?;
            (host, port)
        }
        None => {
            let (host, port) = authority.split_at(authority.find(':').unwrap_or(authority.len()));
            let fine = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
            (Some(host).filter(|host| !host.is_empty() && host.bytes().all(fine))?, port)
        }
    };
    let is_number = |digits: &str| digits.bytes().all(|b| b.is_ascii_digit()) && digits.parse::<u16>().is_ok();
    (port.is_empty() || port.strip_prefix(':').is_some_and(is_number)).then_some(host)
}

/// Whether a host is this machine, so that nothing of a request passes a network.
fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
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
pub(crate) fn fetch(request: &Request, destination: &Destination<'_>) -> Result<Answer, NoAnswer> {
    // Outside a component there is no wasi:http.
    #[cfg(not(target_arch = "wasm32"))]
    if let Some(answer) = crate::native::fetch(request) {
        return Ok(answer);
    }
    let refused = |()| NoAnswer::before("the host could not make the request");
    let outgoing = OutgoingRequest::new(headers(request, destination.credentials)?);
    let method = if request.form.is_some() { Method::Post } else { Method::Get };
    outgoing.set_method(&method).map_err(refused)?;
    outgoing.set_scheme(Some(&destination.scheme)).map_err(refused)?;
    outgoing.set_authority(Some(destination.authority)).map_err(refused)?;
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
        if bytes.len() > MAX_RESPONSE_BYTES {
            return Err(NoAnswer::after("the answer was too large"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(endpoint: Option<&str>, with_credentials: bool) -> Account {
        Account {
            credentials: with_credentials.then(|| Credentials { username: "u".into(), password: "p".into() }),
            default_sender: None,
            dry_run: true,
            currency: None,
            endpoint: endpoint.map(Into::into),
        }
    }

    #[test]
    fn requests_go_to_46elks_or_to_the_embedders_gateway() {
        for (endpoint, with_credentials, expected) in [
            (None, true, Ok(("https", "api.46elks.com"))),
            (Some("https://gateway.example.com:8443"), true, Ok(("https", "gateway.example.com:8443"))),
            (Some("https://gateway.example.com/"), true, Ok(("https", "gateway.example.com"))),
            (Some("http://127.0.0.1:8080"), true, Ok(("http", "127.0.0.1:8080"))),
            (Some("http://[::1]:8080"), true, Ok(("http", "[::1]:8080"))),
            (Some("http://localhost"), true, Ok(("http", "localhost"))),
            (Some("http://gateway"), false, Ok(("http", "gateway"))),
            (Some("http://gateway"), true, Err("plain http")),
            (Some("http://127.0.0.1.example.com"), true, Err("plain http")),
            (Some("http://localhost.example.com"), true, Err("plain http")),
            (Some("https://user:password@gateway"), true, Err("a name and a port")),
            (Some("https://gateway/a1"), true, Err("a name and a port")),
            (Some("https://"), true, Err("a name and a port")),
            (Some("https://:443"), true, Err("a name and a port")),
            (Some("https://gateway:"), true, Err("a name and a port")),
            (Some("https://gateway:65536"), true, Err("a name and a port")),
            (Some("http://[::1].example.com"), true, Err("a name and a port")),
            (Some("http://[::1]example.com"), true, Err("a name and a port")),
            (Some("http://[localhost]"), true, Err("a name and a port")),
            (Some("http://127.0.0.1:80.example.com"), true, Err("a name and a port")),
            (Some("http://localhost:80:x"), true, Err("a name and a port")),
            (Some("http://[::ffff:192.0.2.7]"), true, Err("plain http")),
            (Some("gateway.example.com"), true, Err("begin with https://")),
            (Some("ftp://gateway"), true, Err("begin with https://")),
        ] {
            let account = account(endpoint, with_credentials);
            let told = Destination::of(&account).map(|it| {
                (if matches!(it.scheme, Scheme::Https) { "https" } else { "http" }, it.authority.to_string())
            });
            match (told, expected) {
                (Ok((scheme, authority)), Ok(expected)) => assert_eq!((scheme, authority.as_str()), expected),
                (Err(told), Err(expected)) => assert!(told.contains(expected), "{endpoint:?}: {told}"),
                (told, _) => panic!("{endpoint:?}: {told:?}"),
            }
        }
    }
}
