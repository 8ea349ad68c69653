//! The errors of the contract. They hold facts: what to do next is said by the host. Which error a response means is
//! decided in `api`.

use crate::bindings::types::Error;

/// The error of an argument that breaks a rule.
pub(crate) fn invalid(argument: &str, reason: impl Into<String>) -> Error {
    Error::Invalid(format!("{argument}: {}", reason.into()))
}
