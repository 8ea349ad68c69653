//! Why the exchanges of a call give no result. Facts only: the sentences are in `summary`.

use super::elks_json::Object;
use elks_sandbox::{Cause, Exchange, Outcome};
use http::Method;
use sms_rules::surrogates::replace_lone;
use std::borrow::Cow;

/// Why the exchanges give no result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// A request that the result depends on never left.
    NotAsked,
    /// The component asked for another part of the history than the call, or left a part out.
    OtherPart,
    /// The texts of the answers are longer than a result may be.
    TooLarge,
    /// No connection could be made: 46elks has not got the request.
    Unreachable(Cause),
    /// No response came. Without a cause, the request was given up.
    Unanswered(Option<Cause>),
    /// 46elks refused the request with this HTTP status and these words.
    Refused(u16, String),
    /// 46elks answered with this HTTP status, but not with what belongs there.
    Unreadable(u16, Lack),
}

/// What an answer of 46elks lacks, or has instead of data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lack {
    /// The body is empty.
    Body,
    /// The body is an HTML page.
    HtmlPage,
    /// The body is JSON, but broken off or no object.
    WholeObject,
    /// The body is no JSON.
    Json,
    /// An answer to a real send has no valid message id.
    MessageId,
    /// A page has no list of messages.
    MessageList,
    /// A message has no valid id, direction or time.
    MessageData,
}

/// Whether 46elks answered a dry run with a message id, of whatever form, so that the message may have been sent.
pub(crate) fn dry_run_with_id(exchanges: &[Exchange]) -> bool {
    exchanges.iter().filter(|exchange| exchange.method == Method::POST && !exchange.sends).any(|exchange| {
        let Ok(json) = json(exchange) else { return false };
        Object::parse(&json).is_some_and(|answer| answer.id.is_present())
    })
}

/// The JSON text of an answered exchange, ready to be parsed.
///
/// # Errors
/// There is no answer, or it is no success.
pub(super) fn json(exchange: &Exchange) -> Result<Cow<'_, [u8]>, Problem> {
    match &exchange.outcome {
        Outcome::NotSent(cause) => Err(Problem::Unreachable(*cause)),
        Outcome::Unanswered(cause) => Err(Problem::Unanswered(*cause)),
        Outcome::Answered(200..=299, body) => Ok(replace_lone(body)),
        Outcome::Answered(status @ 400..=499, body) => {
            Err(Problem::Refused(*status, String::from_utf8_lossy(body).into_owned()))
        }
        Outcome::Answered(..) => Err(unreadable(exchange, None)),
    }
}

/// The problem of an answer that lacks something; without `lack`, the kind of the body says what.
pub(super) fn unreadable(exchange: &Exchange, lack: Option<Lack>) -> Problem {
    let Outcome::Answered(status, body) = &exchange.outcome else { return Problem::Unanswered(None) };
    let of_body = || match body.trim_ascii().first() {
        None => Lack::Body,
        Some(b'<') => Lack::HtmlPage,
        Some(b'{' | b'[') => Lack::WholeObject,
        Some(_) => Lack::Json,
    };
    Problem::Unreadable(*status, lack.unwrap_or_else(of_body))
}
