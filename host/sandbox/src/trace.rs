//! What the egress saw during one call. The host believes this record, never the component's own account.

use crate::permit::Rule;
use crate::rate_limit::Refusal;

/// What happened at the egress during one call.
#[derive(Debug, Clone, Default)]
pub struct Trace {
    /// How many requests left.
    pub requests: u32,
    /// A message was sent, and the upstream has neither accepted nor refused it.
    pub unanswered_send: bool,
    /// A message was sent, and the upstream answered with success.
    pub accepted_send: bool,
    /// The first rule that a request broke. Nothing leaves after a denial.
    pub denied: Option<Rule>,
    /// The rate limit's refusal, when the call came too soon. Nothing leaves after a refusal.
    pub refused: Option<Refusal>,
    /// The HTTP status of the last response.
    pub last_status: Option<u16>,
}

impl Trace {
    /// Whether a message may have been sent.
    pub fn may_have_sent(&self) -> bool {
        self.unanswered_send || self.accepted_send
    }
}
