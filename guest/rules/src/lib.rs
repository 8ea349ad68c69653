//! The rules of a valid SMS, as pure functions over text. elks-mcp compiles them into its component and into its host.
//!
//! ```
//! use sms_rules::{gsm, invisible, phone};
//!
//! assert_eq!(phone::recipient("+46 70 174 06 05")?, "+46701740605");
//! assert!(phone::recipient("+46 70 123 45 67").is_err()); // a placeholder
//! assert_eq!(gsm::segment("Hej!").parts, 1);
//! assert_eq!(invisible::escape("a\u{202E}b"), r"a\u{202e}b");
//! # Ok::<(), sms_rules::RuleError>(())
//! ```
//!
//! Nothing here does I/O, reads a clock, uses randomness or knows a WASI type, so all of it runs under a plain
//! `cargo test`.
//!
//! Two features, both on by default, add modules: `links` (with a list of top-level domains), and `times` with `cursor`
//! (with the crate `chrono`).

use std::fmt;

#[cfg(feature = "times")]
pub mod cursor;
pub mod forms;
pub mod funds;
pub mod gsm;
pub mod invisible;
mod joining;
pub mod limits;
#[cfg(feature = "links")]
pub mod links;
mod list;
pub mod phone;
pub mod quote;
pub mod sender;
pub mod settings;
pub mod slips;
pub mod surrogates;
pub mod text;
#[cfg(feature = "times")]
pub mod times;
pub mod unusual;

/// A broken rule, as a sentence for the caller: what is wrong and what to write instead. The sentence never repeats a
/// whole number or a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleError(String);

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for RuleError {}

impl From<String> for RuleError {
    fn from(sentence: String) -> Self {
        Self(sentence)
    }
}

impl From<&str> for RuleError {
    fn from(sentence: &str) -> Self {
        Self(sentence.into())
    }
}

impl From<RuleError> for String {
    fn from(error: RuleError) -> Self {
        error.0
    }
}
