//! What a correct SMS is. Pure functions over text: no I/O, no clock, no WASI types, so that all
//! of it runs under a plain `cargo test`.
//!
//! A rule that is broken is a sentence for the caller: what is wrong and what to write instead.
//! It never repeats a whole number or a text.

pub mod encoding;
pub mod invisible;
pub mod links;
pub mod numbers;
pub mod senders;
pub mod surrogates;
pub mod text;
