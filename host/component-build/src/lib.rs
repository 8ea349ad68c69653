//! For build scripts: a guest crate becomes a component and an image that is compiled ahead of time; its contract in
//! WIT becomes an MCP tool list, a list of permitted imports, and Rust records. The program and the tests' hostile
//! component are built with the same code.
//!
//! cargo passes everything to a build script in environment variables, so this crate reads them: `CARGO`, `RUSTC`,
//! `TARGET` and the `CARGO_PKG_…` variables of the package whose build script runs.

#![expect(clippy::disallowed_methods, reason = "cargo passes everything to a build script in the environment")]
#![expect(clippy::print_stdout, reason = "cargo reads what a build script prints")]

mod commit;
mod contract;
mod guest;
mod metadata;
mod records;
mod tools;

pub use commit::Commit;
pub use contract::{Contract, Description, describe};
pub use guest::{CONFIGURED, ELKS_SMS, Guest, build, compile};
pub use metadata::with_metadata;
pub use records::records;
pub use tools::tools;

use anyhow::Result;
use sha2::{Digest, Sha256};

/// Reports a failed build script as one cargo error, without the backtrace that a panic would add.
pub fn report(built: Result<()>) {
    if let Err(error) = built {
        println!("cargo::error={}", format!("{error:#}").replace('\n', " "));
    }
}

/// The SHA-256 of a component, as 64 hexadecimal digits.
pub fn digest(component: &[u8]) -> String {
    Sha256::digest(component).iter().map(|byte| format!("{byte:02x}")).collect()
}
