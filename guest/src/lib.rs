//! elks-sms: SMS through 46elks, as a WebAssembly component. The feature `configured` makes the second component of it,
//! elks-sms-configured. This file lists the modules.
//!
//! Each module imports only from those after it:
//!
//! | module | holds |
//! | --- | --- |
//! | `with_account`, `configured` | the exports of one component each: `configured` is there with the feature alone |
//! | `configuration` | the account of elks-sms-configured, from keys and values |
//! | `tools` | the six tools: check, request, read |
//! | `draft` | a message that has passed every rule of [`sms_rules`] |
//! | `notes` | the notes about a text |
//! | `history` | the search through the history, page by page |
//! | `api` | the 46elks API as values: requests and the meaning of responses |
//! | `json` | the JSON of 46elks |
//! | `http` | wasi:http, the only way out of the component |
//! | `fetch`, `error`, `bindings` | the types that they share |
//! | `arena` | the allocator |
//!
//! The component decides no policy, keeps no state and never sends a request twice. Its contract and documentation are
//! in `wit/elks.wit`; `wit/configured.wit` has the world of the second component.

mod api;
// A native program uses the system's allocator; only the tests look at this one.
#[cfg(any(target_arch = "wasm32", test))]
mod arena;
mod bindings;
#[cfg(any(feature = "configured", test))]
mod configuration;
#[cfg(feature = "configured")]
mod configured;
mod draft;
mod error;
mod fetch;
mod history;
mod http;
mod json;
pub mod native;
mod notes;
mod tools;
#[cfg(not(feature = "configured"))]
mod with_account;

/// The component. Its exports are in `with_account`, or with the feature `configured` in `configured`.
pub struct Component;

/// The symbols that the component model calls. Only in the component: a native program has none.
#[cfg(target_arch = "wasm32")]
#[expect(unsafe_code, reason = "the canonical ABI passes pointers; wit-bindgen generates this code")]
mod exports {
    crate::bindings::export!(Component with_types_in crate::bindings);
    use crate::Component;
}
