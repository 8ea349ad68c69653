//! The bindings that `wit-bindgen` generates from `wit/`, and short names for the interfaces of the contract. No code
//! written by hand.

#![expect(missing_docs, reason = "generated; `wit/` has the text")]

wit_bindgen::generate!({
    path: "../wit",
    world: "elks-sms",
    generate_all,
});

pub use exports::elks::sms::{queries, sending, types};
