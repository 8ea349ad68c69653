//! The errors of the contract, each with its sentence. Which error a response means is decided in `api`.

use crate::bindings::types::Error;

/// The error of an argument that breaks a rule.
pub(crate) fn invalid(argument: &str, reason: impl Into<String>) -> Error {
    Error::Invalid(format!("{argument}: {}", reason.into()))
}

/// The error of a request that did not reach 46elks, or of a query whose response was lost.
pub(crate) fn unreachable(reason: &str) -> Error {
    Error::Unreachable(format!("46elks could not be reached: {reason}. Nothing was sent; try again in a moment"))
}

/// The error of a query whose response cannot be understood.
pub(crate) fn unexpected(what: &str) -> Error {
    Error::Unexpected(format!("{what}. Nothing was sent; try again in a moment"))
}

/// The error of a message that may or may not have been sent.
pub(crate) fn outcome_unknown(what: &str) -> Error {
    Error::OutcomeUnknown(format!(
        "it is not known whether the message was sent: {what}. Do not send it again before get_sms_messages \
         shows that it is not in the history"
    ))
}
