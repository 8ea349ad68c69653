//! The component's only use of wasi:http: it sends one request and reads one response. It knows the address of 46elks
//! and the Authorization header, and nothing of SMS. Nothing is retried here.

use crate::bindings::types::{Account, Credentials};
use crate::bindings::wasi::http::outgoing_handler;
use crate::bindings::wasi::http::types::{
    ErrorCode, Fields, FutureIncomingResponse, IncomingResponse, Method, OutgoingBody, OutgoingRequest, Scheme,
};
use crate::bindings::wasi::io::streams::StreamError;
use crate::fetch::{Fetch, FetchError, Request, Response};
use base64::{Engine, prelude::BASE64_STANDARD};
use sms_rules::limits::{API_HOST, MAX_RESPONSE_BYTES};
use std::net::{IpAddr, Ipv6Addr};

/// The bytes of one blocking write, at most. Source: wasi:io/streams, `blocking-write-and-flush`.
const MAX_WRITE_BYTES: usize = 4096;

/// The bytes of one blocking read, at most.
const MAX_READ_BYTES: u64 = 64 * 1024;

/// A way to 46elks over wasi:http.
pub(crate) struct WasiHttp<'a> {
    scheme: Scheme,
    authority: &'a str,
    credentials: Option<&'a Credentials>,
}

impl<'a> WasiHttp<'a> {
    /// The way to 46elks, or to the gateway that the embedder names instead.
    ///
    /// # Errors
    /// What is wrong with the endpoint, as [`destination`] says it.
    pub(crate) fn new(account: &'a Account) -> Result<Self, &'static str> {
        let credentials = account.credentials.as_ref();
        let (scheme, authority) = match account.endpoint.as_deref() {
            Some(endpoint) => destination(endpoint, credentials.is_some())?,
            None => (Scheme::Https, API_HOST),
        };
        Ok(Self { scheme, authority, credentials })
    }

    /// The headers that 46elks needs, and no others.
    fn headers(&self, request: &Request) -> Result<Fields, FetchError> {
        let mut headers = vec![("accept".to_string(), b"application/json".to_vec())];
        if let Some(form) = &request.form {
            headers.push(("content-type".into(), b"application/x-www-form-urlencoded".to_vec()));
            headers.push(("content-length".into(), form.len().to_string().into_bytes()));
        }
        if let Some(Credentials { username, password }) = self.credentials {
            let token = BASE64_STANDARD.encode(format!("{username}:{password}"));
            headers.push(("authorization".into(), format!("Basic {token}").into_bytes()));
        }
        Fields::from_list(&headers)
            .map_err(|_| FetchError::before("the host does not allow a header that 46elks needs"))
    }
}

/// A request that the host has, and whose response has not been read.
pub(crate) struct Pending(FutureIncomingResponse);

impl Fetch for WasiHttp<'_> {
    type Pending = Pending;

    fn begin(&self, request: &Request) -> Result<Pending, FetchError> {
        let refused = |()| FetchError::before("the host could not make the request");
        let outgoing = OutgoingRequest::new(self.headers(request)?);
        // Without a method it is a GET. Each call into the host takes time, so that none is made for the default.
        if request.form.is_some() {
            outgoing.set_method(&Method::Post).map_err(refused)?;
        }
        outgoing.set_scheme(Some(&self.scheme)).map_err(refused)?;
        outgoing.set_authority(Some(self.authority)).map_err(refused)?;
        outgoing.set_path_with_query(Some(&request.path)).map_err(refused)?;

        let Some(form) = &request.form else { return Ok(Pending(outgoing_handler::handle(outgoing, None)?)) };
        let body = outgoing.body().map_err(refused)?;
        let waiting = outgoing_handler::handle(outgoing, None)?;
        let stream = body.write().map_err(refused)?;
        for chunk in form.as_bytes().chunks(MAX_WRITE_BYTES) {
            // A host that denies the request stops reading the body; the response has the reason.
            if stream.blocking_write_and_flush(chunk).is_err() {
                break;
            }
        }
        drop(stream);
        // A body that the host did not read to its end shows in the response, too.
        let _ = OutgoingBody::finish(body, None);
        Ok(Pending(waiting))
    }

    fn finish(&self, Pending(waiting): Pending) -> Result<Response, FetchError> {
        // A response is never there at once, so that asking for it first would be a call for nothing.
        waiting.subscribe().block();
        let response = loop {
            match waiting.get() {
                Some(response) => break response.map_err(|()| FetchError::after("the answer was read twice"))??,
                None => waiting.subscribe().block(),
            }
        };
        Ok(Response { status: response.status(), body: read(&response)? })
    }
}

/// The scheme and the authority of an endpoint.
///
/// # Errors
/// The endpoint is invalid, or would send the credentials without encryption. The sentence does not repeat it.
pub(crate) fn destination(endpoint: &str, with_credentials: bool) -> Result<(Scheme, &str), &'static str> {
    let (scheme, authority) = match endpoint.split_once("://") {
        Some(("https", rest)) => (Scheme::Https, rest),
        Some(("http", rest)) => (Scheme::Http, rest),
        _ => return Err("it must begin with https:// (or http:// for this machine)"),
    };
    let authority = authority.strip_suffix('/').unwrap_or(authority);
    let Some(host) = host(authority) else {
        return Err("after the scheme it may hold a name and a port, like https://gateway.example.com:8443");
    };
    if matches!(scheme, Scheme::Http) && with_credentials && !is_this_machine(host) {
        return Err("plain http would show the credentials to the network: use https");
    }
    Ok((scheme, authority))
}

/// The host of an authority: a name or an address, with or without a port.
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

/// Whether a host is this machine, so that a request does not leave it.
fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

impl From<ErrorCode> for FetchError {
    /// Sorts the cases of the standard. A request that is not certain to have stayed here counts as having left.
    fn from(code: ErrorCode) -> Self {
        use ErrorCode as E;
        match code {
            E::DnsTimeout | E::DnsError(_) => Self::before("its name could not be resolved"),
            E::DestinationNotFound | E::DestinationUnavailable | E::DestinationIpUnroutable => {
                Self::before("there is no route to it from here")
            }
            E::ConnectionRefused => Self::before("it did not accept the connection"),
            E::ConnectionTimeout => Self::before("it did not answer the connection in time"),
            E::ConnectionLimitReached => Self::before("too many connections are open"),
            E::TlsCertificateError => Self::before("its certificate was not accepted"),
            E::TlsProtocolError => Self::before("no secure connection could be made"),
            E::HttpRequestDenied | E::DestinationIpProhibited => Self::before("the host denied the request"),
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

impl From<StreamError> for FetchError {
    fn from(_: StreamError) -> Self {
        Self::after("the connection failed before the whole answer was there")
    }
}

/// Reads the body of a response to its end.
fn read(response: &IncomingResponse) -> Result<Vec<u8>, FetchError> {
    let lost = |()| FetchError::after("the answer could not be read");
    let body = response.consume().map_err(lost)?;
    let stream = body.stream().map_err(lost)?;
    let mut bytes = Vec::new();
    loop {
        match stream.blocking_read(MAX_READ_BYTES) {
            Ok(chunk) if bytes.is_empty() => bytes = chunk,
            Ok(chunk) => bytes.extend_from_slice(&chunk),
            Err(StreamError::Closed) => return Ok(bytes),
            Err(failed) => return Err(failed.into()),
        }
        if bytes.len() > MAX_RESPONSE_BYTES {
            return Err(FetchError::after("the answer was too large"));
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
            let way = WasiHttp::new(&account).map(|it| {
                (if matches!(it.scheme, Scheme::Https) { "https" } else { "http" }, it.authority.to_string())
            });
            match (way, expected) {
                (Ok((scheme, authority)), Ok(expected)) => assert_eq!((scheme, authority.as_str()), expected),
                (Err(reason), Err(expected)) => assert!(reason.contains(expected), "{reason}"),
                (way, _) => panic!("{endpoint:?}: {way:?}"),
            }
        }
    }
}
