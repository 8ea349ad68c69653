//! The six tools as plain functions outside a component, for benchmarks and fuzzing. The caller passes a closure (or
//! any
//! [`Fetch`]) that answers in the place of 46elks. Re-exports only: the component does not use this module.

#[cfg(feature = "configured")]
pub use crate::bindings::Guest;
pub use crate::bindings::{queries, sending, types};
pub use crate::fetch::{Fetch, FetchError, Request, Response};
pub use crate::tools::{
    check_account_balance, check_sms_status, estimate_sms_cost, get_delivery_statistics, get_sms_messages, send_sms,
};
