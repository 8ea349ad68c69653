//! The bindings that `wit-bindgen` generates from `wit/`, and short names for the interfaces of the contract. No code
//! written by hand.

#![expect(missing_docs, reason = "generated; `wit/` has the text")]
#![cfg_attr(feature = "configured", expect(clippy::too_many_arguments, reason = "generated"))]

#[cfg(not(feature = "configured"))]
wit_bindgen::generate!({
    path: "../wit",
    world: "elks-sms",
    generate_all,
});

#[cfg(feature = "configured")]
wit_bindgen::generate!({
    path: "../wit",
    world: "elks-sms-configured",
    generate_all,
});

// The world of the second component has the types of interfaces that it does not export.
#[cfg(feature = "configured")]
pub use elks::sms::{queries, sending, types};
#[cfg(not(feature = "configured"))]
pub use exports::elks::sms::{queries, sending, types};
