//! Who decides, besides the permit, whether the requests of a call may leave: the rate limit, or the host's own rules
//! for a call that sends.

use crate::rate_limit::{Class, RateLimiter, Refusal};
use std::pin::Pin;
use std::sync::Arc;
use tokio::time::Instant;

/// Decides once for each call, when its first request has the permit and is about to leave.
pub trait Admission: Send + Sync {
    /// Admits the call, or says why nothing may leave. It may take time: the request waits.
    fn admit(&self) -> Pin<Box<dyn Future<Output = Result<(), Refused>> + Send + '_>>;
}

/// Why a call is not admitted. Nothing leaves after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// The call came too soon.
    TooSoon(Refusal),
    /// The host withholds the request. It knows why.
    ByHost,
}

/// Admission by a rate limit alone.
pub struct RateLimited {
    limiter: Arc<RateLimiter>,
    class: Class,
}

impl RateLimited {
    /// A call that counts against this limit.
    pub fn new(limiter: Arc<RateLimiter>, class: Class) -> Self {
        Self { limiter, class }
    }
}

impl Admission for RateLimited {
    fn admit(&self) -> Pin<Box<dyn Future<Output = Result<(), Refused>> + Send + '_>> {
        let admitted = self.limiter.admit(self.class, Instant::now()).map_err(Refused::TooSoon);
        Box::pin(std::future::ready(admitted))
    }
}
