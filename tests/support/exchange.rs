//! A request that the fake 46elks has read, and what it can do with one.
//!
//! Not here: the server, which is `fake_elks.rs`.

use anyhow::Result;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName};
use http::{Request, Response, Version};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use serde_json::Value;

/// The largest body that is read, in bytes. A valid request has less than half of it.
pub(super) const MAX_REQUEST_BYTES: usize = 64 * 1024;

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) method: String,
    /// With the query.
    pub(crate) path: String,
    pub(crate) version: Version,
    /// Names in lower case, in the order of arrival.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A field of a form body.
    pub(crate) fn field(&self, name: &str) -> Option<String> {
        decoded(&self.body, name)
    }

    /// A parameter of the query.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        decoded(self.path.split_once('?')?.1, name)
    }

    /// Whether the program asks for the account, as it does before the first call.
    pub(crate) fn is_verification(&self) -> bool {
        self.method == "GET" && self.path == "/a1/me"
    }

    /// Whether it asks for a message that is really sent.
    pub(crate) fn is_send(&self) -> bool {
        self.is_message() && !self.is_dry_run()
    }

    /// Whether it asks for the price of a message that is not sent.
    pub(crate) fn is_dry_run(&self) -> bool {
        self.is_message() && self.field("dryrun").is_some()
    }

    fn is_message(&self) -> bool {
        self.method == "POST" && self.path == "/a1/sms"
    }

    pub(super) async fn from_hyper(request: Request<Incoming>) -> Result<Self> {
        let (parts, body) = request.into_parts();
        let body = Limited::new(body, MAX_REQUEST_BYTES).collect().await.map_err(anyhow::Error::from_boxed)?;
        let mut headers = Vec::new();
        for (name, value) in &parts.headers {
            headers.push((name.as_str().to_string(), value.to_str()?.to_string()));
        }
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_string();
        let body = String::from_utf8(body.to_bytes().into())?;
        Ok(Self { method: parts.method.to_string(), path, version: parts.version, headers, body })
    }
}

/// A value of a form or a query.
fn decoded(pairs: &str, name: &str) -> Option<String> {
    form_urlencoded::parse(pairs.as_bytes()).find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}

/// What the server does with a request.
pub(crate) enum Reaction {
    /// Answers.
    Answer(Response<Bytes>),
    /// Closes the connection without an answer.
    HangUp,
    /// Keeps the connection open and never answers.
    Silence,
    /// Writes these bytes as they are and closes. Only by hand.
    Raw(Vec<u8>),
    /// Writes the first of these, and the second again and again, until the client gives up. Only by hand.
    Endless(&'static [u8], &'static [u8]),
}

impl Reaction {
    pub(crate) fn answer(status: u16, media_type: &str, body: impl Into<Bytes>) -> Self {
        let response = Response::builder().status(status).header(CONTENT_TYPE, media_type).body(body.into());
        Self::Answer(response.expect("is a response"))
    }

    pub(crate) fn json(value: &Value) -> Self {
        Self::answer(200, "application/json", value.to_string())
    }

    pub(crate) fn text(status: u16, text: &str) -> Self {
        Self::answer(status, "text/plain; charset=utf-8", text.to_string())
    }

    /// An answer with one more header. `connection: close` closes the connection behind it (by hand).
    pub(crate) fn with_header(mut self, name: HeaderName, value: &str) -> Self {
        if let Self::Answer(response) = &mut self {
            response.headers_mut().insert(name, value.parse().expect("is a header's value"));
        }
        self
    }
}
