//! Failures of a call, as clients and models read them.

use std::fmt;

/// The kinds of failure, ordered by who can act on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// The arguments break a rule. The caller corrects them.
    Validation,
    /// The call came too soon. The caller waits.
    RateLimit,
    /// The operator's policy forbids it. Nothing was sent. For the operator.
    NotAllowed,
    /// The same message is being sent by another call. The caller waits.
    InProgress,
    /// The record of sends cannot be used, so nothing is sent. For the operator.
    LedgerUnavailable,
    /// 46elks refused the request or gave a response that makes no sense. Nothing was sent. For the account's owner.
    Api,
    /// 46elks could not be reached. Nothing was sent. The caller tries again later.
    Unreachable,
    /// The message may have been sent. The caller looks at the history first.
    OutcomeUnknown,
    /// The settings are wrong. For the operator.
    Configuration,
    /// The component tried something that its call does not permit. For the maintainers: please report.
    SandboxViolation,
    /// The component reported something that did not happen. Its result is withheld. For the maintainers: please
    /// report.
    Misreport,
    /// The component was stopped, or gave no result. For the maintainers: please report.
    Sandbox,
    /// The person is being asked, and the client calls again with the answer. Only in the audit log.
    ConfirmationAsked,
    /// The person did not approve. For the person.
    NotConfirmed,
    /// The call was given up before it ended: the client cancelled it, or the program ends. Nothing was sent.
    Cancelled,
    /// The request id was used for a send before. Only in the audit log; the client gets an error of JSON-RPC.
    RepeatedRequest,
    /// This server has no such tool. Only in the audit log; the client gets an error of JSON-RPC.
    UnknownTool,
    /// The request is refused before a tool is looked for. Only in the audit log; the client gets an error of JSON-RPC.
    InvalidRequest,
}

impl Code {
    /// The code, as clients see it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Validation => "VALIDATION_ERROR",
            Self::RateLimit => "RATE_LIMIT_EXCEEDED",
            Self::NotAllowed => "NOT_ALLOWED",
            Self::InProgress => "IN_PROGRESS",
            Self::LedgerUnavailable => "LEDGER_UNAVAILABLE",
            Self::Api => "ELKS_API_ERROR",
            Self::Unreachable => "UNREACHABLE",
            Self::OutcomeUnknown => "OUTCOME_UNKNOWN",
            Self::Configuration => "CONFIGURATION_ERROR",
            Self::SandboxViolation => "SANDBOX_VIOLATION",
            Self::Misreport => "MISREPORT",
            Self::Sandbox => "SANDBOX_ERROR",
            Self::ConfirmationAsked => "CONFIRMATION_ASKED",
            Self::NotConfirmed => "NOT_CONFIRMED",
            Self::Cancelled => "CANCELLED",
            Self::RepeatedRequest => "REPEATED_REQUEST",
            Self::UnknownTool => "UNKNOWN_TOOL",
            Self::InvalidRequest => "INVALID_REQUEST",
        }
    }
}

/// A failed call: `Error (CODE): what was tried, why not, what to do next`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The kind, for programs.
    pub code: Code,
    /// The text, for people and models.
    pub text: String,
    /// The HTTP status, when 46elks refused.
    pub status: Option<u16>,
    /// Whether the message may have been sent all the same.
    pub may_have_sent: bool,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error ({}): {}", self.code.name(), self.text)
    }
}

impl std::error::Error for Failure {}

impl Failure {
    /// A failure without an HTTP status, of a call that has sent nothing.
    pub fn new(code: Code, text: impl Into<String>) -> Self {
        Self { code, text: text.into(), status: None, may_have_sent: false }
    }

    /// The failure with a request to report it. `id` finds the alarm's line in the audit log.
    pub(crate) fn with_report_id(mut self, id: &str) -> Self {
        self.text.push_str(&format!(" Please report this with the id {id}."));
        self
    }

    /// The failure in the audit log: code and HTTP status. The text stays out, because it may quote the component.
    pub(crate) fn recorded(&self) -> String {
        match self.status {
            Some(status) => format!("{} ({status})", self.code.name()),
            None => self.code.name().into(),
        }
    }
}
