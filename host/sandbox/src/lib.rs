//! Runs a WebAssembly component that may have been written by an attacker. Its only way out is HTTP to one API, and
//! each request is compared with a permit before it leaves.
//!
//! A [`Permit`] lists the requests that one call may cause. An [`Egress`] holds the permit, compares each whole request
//! with it, adds the [`Credentials`], which never enter the component, and records a [`Trace`] of what happened. A
//! [`Sandbox`] runs each call in a fresh instance with bounds on memory, time and bytes.
//!
//! # Example
//!
//! Load a component, permit one request, and call it:
//!
//! ```
//! use elks_sandbox::{Allowed, Credentials, Egress, Function, Permit, RequestPattern, Sandbox};
//! use elks_sandbox::upstream::{Pending, Upstream};
//! use http::{Request, Response};
//! use std::{sync::Arc, time::Duration};
//! use tokio::time::Instant;
//!
//! /// Stands in for the API. A program uses `ElksApi`.
//! struct Canned;
//!
//! impl Upstream for Canned {
//!     fn send(&self, request: Request<bytes::Bytes>) -> Pending<'_> {
//!         assert!(request.headers().contains_key("authorization"));
//!         Box::pin(async { Ok(Response::new(r#"{"balance":9670500}"#.into())) })
//!     }
//! }
//!
//! # let (image, imports) = (hostile::HOSTILE, hostile::IMPORTS);
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! // The image is a component compiled ahead of time, with the settings of `elks_sandbox::engine::config()`.
//! // SAFETY: the image is the unchanged output of wasmtime's compiler.
//! let sandbox = unsafe { Sandbox::from_image(image, imports) }?;
//!
//! let permit = Permit::new(vec![Allowed {
//!     times: 1,
//!     request: RequestPattern::Get { path: "/a1/me".into(), required: vec![], optional: vec![] },
//! }]);
//! let credentials = Arc::new(Credentials::new("u1", "a long password"));
//! let egress = Egress::new(permit, None, credentials, Arc::new(Canned));
//!
//! // The component exports `ask: func(path: string) -> string`.
//! let ask = Function { interface: None, name: "ask" };
//! let deadline = Instant::now() + Duration::from_secs(30);
//! let answer: String = sandbox.call(ask, ("/a1/me",), &egress, deadline).await?;
//! assert_eq!(answer, r#"{"balance":9670500}"#);
//!
//! // Asking twice is more than the permit allows.
//! let denied: String = sandbox.call(ask, ("/a1/me",), &egress, deadline).await?;
//! let trace = egress.close();
//! assert_eq!((trace.exchanges.len(), trace.denied), (1, Some(elks_sandbox::Rule::Count)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Layout
//! - [`egress`]: the one way out
//! - [`permit`]: what one call may cause, and whether a request fits (pure)
//! - [`trace`]: what the egress saw
//! - [`admission`]: who decides, besides the permit, whether the requests of a call may leave
//! - [`rate_limit`]: how many calls a minute admits (pure)
//! - [`credentials`]: the Authorization header, the search for secrets, their redaction
//! - [`upstream`]: the API over TLS, or what stands in for it
//! - [`cause`]: why there is no usable response
//! - [`proxy`] and [`trust`]: the proxy, and the certificates that the API's is verified with
//! - [`probe`]: the way to the API step by step, for diagnosing; no request goes out
//! - [`sandbox`]: the instances and their bounds
//! - [`engine`]: the settings that compiler and runtime share; all that is left without the feature `run`

#[cfg(feature = "run")]
pub mod admission;
#[cfg(feature = "run")]
pub mod cause;
#[cfg(feature = "run")]
pub mod credentials;
#[cfg(feature = "run")]
pub mod egress;
pub mod engine;
#[cfg(feature = "run")]
pub mod permit;
#[cfg(feature = "run")]
pub mod probe;
#[cfg(feature = "run")]
pub mod proxy;
#[cfg(feature = "run")]
pub mod rate_limit;
#[cfg(feature = "run")]
pub mod sandbox;
#[cfg(feature = "run")]
pub mod trace;
#[cfg(feature = "run")]
pub mod trust;
#[cfg(feature = "run")]
pub mod upstream;

#[cfg(feature = "run")]
pub use {
    admission::{Admission, RateLimited, Refused},
    cause::{AtProxy, Cause, Certificate},
    credentials::Credentials,
    egress::Egress,
    permit::{Allowed, Parameter, Permit, RequestPattern, Rule},
    probe::{Probe, Timed},
    proxy::Proxy,
    rate_limit::{Class, RateLimiter, Refusal},
    sandbox::{Function, LoadError, Sandbox, Stopped},
    trace::{Exchange, Outcome, Trace},
    trust::{Certificates, NoCertificates, Unusable},
    upstream::{Connection, ElksApi, Upstream},
};
