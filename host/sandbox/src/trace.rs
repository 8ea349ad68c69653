//! What the egress saw during one call: each request as it left, and the response to it. The host believes this record,
//! never the component's own account.

use crate::admission::Refused;
use crate::cause::Cause;
use crate::permit::Rule;
use bytes::Bytes;
use http::Method;

/// One request that left, and what came of it. It has no Debug form, because it holds numbers and texts. The
/// credentials are in no part of it.
#[derive(Clone)]
pub struct Exchange {
    /// The method.
    pub method: Method,
    /// Path and query, as they left.
    pub target: String,
    /// The body, as it left: a form, or empty. At most [`MAX_REQUEST_BYTES`](crate::egress::MAX_REQUEST_BYTES).
    pub body: Bytes,
    /// Whether the request sends a message.
    pub sends: bool,
    /// What came back.
    pub outcome: Outcome,
    /// The `Date` header of the response, as it stands, where it had one.
    pub date: Option<String>,
}

/// What came of a request.
#[derive(Clone)]
pub enum Outcome {
    /// No usable response came, for this cause; without one, the request is under way or was given up.
    Unanswered(Option<Cause>),
    /// The request was certainly not processed, for this cause.
    NotSent(Cause),
    /// The upstream answered with this HTTP status and this text, as the component got it.
    Answered(u16, Bytes),
}

impl Exchange {
    /// Whether the request may have sent a message. 2xx accepts a message and 4xx refuses it; every other status leaves
    /// it open.
    fn may_have_sent(&self) -> bool {
        self.sends && !matches!(self.outcome, Outcome::NotSent(_) | Outcome::Answered(400..=499, _))
    }
}

/// What happened at the egress during one call.
#[derive(Clone, Default)]
pub struct Trace {
    /// The requests that left, in their order.
    pub exchanges: Vec<Exchange>,
    /// The first rule that a request broke. Nothing leaves after a denial.
    pub denied: Option<Rule>,
    /// Why the call was not admitted. Nothing leaves after a refusal.
    pub refused: Option<Refused>,
}

impl Trace {
    /// Whether a message may have been sent. Only a refusal of the upstream, or a connection that failed first, rules
    /// it out.
    pub fn may_have_sent(&self) -> bool {
        self.exchanges.iter().any(Exchange::may_have_sent)
    }

    /// The newest `Date` of the responses.
    pub fn date(&self) -> Option<&str> {
        self.exchanges.iter().rev().find_map(|exchange| exchange.date.as_deref())
    }

    /// How many bytes of requests and responses the record holds.
    pub fn bytes(&self) -> usize {
        let of = |exchange: &Exchange| match &exchange.outcome {
            Outcome::Answered(_, body) => body.len(),
            Outcome::Unanswered(_) | Outcome::NotSent(_) => 0,
        };
        self.exchanges.iter().map(|exchange| exchange.target.len() + exchange.body.len() + of(exchange)).sum()
    }
}
