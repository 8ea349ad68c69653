//! The tests of the ledger in PostgreSQL: those of the ledger, which run with both stores, and those of several
//! computers with one account. They start servers of their own, with the programs of a package.

use crate::process::{cargo, exists, run};
use anyhow::Result;
use std::path::Path;

/// Where Debian keeps the programs of PostgreSQL, by version.
const DEBIAN: &str = "/usr/lib/postgresql";

/// Whether PostgreSQL is installed.
pub(crate) fn is_installed() -> bool {
    Path::new(DEBIAN).is_dir() || exists("initdb")
}

/// Runs the tests.
pub(crate) fn test() -> Result<()> {
    let feature = "--workspace --locked --quiet --features elks-mcp/postgres";
    run(&mut cargo(&format!("test {feature} --lib ledger::")))?;
    run(&mut cargo(&format!("test {feature} --test promises fleet::")))
}
