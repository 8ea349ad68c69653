//! A request to 46elks and its response, as plain values, and the trait that exchanges one for the other. No WASI type
//! and no knowledge of SMS.

use std::fmt;

/// A request to 46elks. It has no `Debug` form: it may hold numbers and a text.
pub struct Request {
    /// The path and, after `?`, the query.
    pub path: String,
    /// The form to POST. Without a form, the request is a GET.
    pub form: Option<String>,
}

/// A response of 46elks. It has no `Debug` form: it may hold numbers and texts.
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The body, at most [`sms_rules::limits::MAX_RESPONSE_BYTES`] long.
    pub body: Vec<u8>,
}

/// Why there is no response.
#[derive(Debug)]
pub struct FetchError {
    /// Whether the request may have reached 46elks. True also when that is not known.
    pub may_have_arrived: bool,
    /// What happened, as the end of a sentence about 46elks.
    pub reason: String,
}

impl FetchError {
    /// The error of a request that certainly did not leave.
    pub(crate) fn before(reason: &str) -> Self {
        Self { may_have_arrived: false, reason: reason.into() }
    }

    /// The error of a request that may have left.
    pub(crate) fn after(reason: &str) -> Self {
        Self { may_have_arrived: true, reason: reason.into() }
    }
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for FetchError {}

/// Sends requests to 46elks. In the component wasi:http does it; tests and benchmarks pass a closure.
pub trait Fetch {
    /// A request that was sent, and whose response was not read yet.
    type Pending;

    /// Sends one request, once. Several may be sent before the first response is read.
    ///
    /// # Errors
    /// Why it was not sent, or may not have arrived.
    fn begin(&self, request: &Request) -> Result<Self::Pending, FetchError>;

    /// Waits for a response and reads it.
    ///
    /// # Errors
    /// Why there is no response, and whether the request may have arrived.
    fn finish(&self, pending: Self::Pending) -> Result<Response, FetchError>;

    /// Sends one request and reads its response.
    ///
    /// # Errors
    /// As [`Self::begin`] and [`Self::finish`].
    fn fetch(&self, request: &Request) -> Result<Response, FetchError> {
        self.finish(self.begin(request)?)
    }
}

impl<F: Fn(&Request) -> Result<Response, FetchError>> Fetch for F {
    type Pending = Response;

    fn begin(&self, request: &Request) -> Result<Response, FetchError> {
        self(request)
    }

    fn finish(&self, response: Response) -> Result<Response, FetchError> {
        Ok(response)
    }
}
