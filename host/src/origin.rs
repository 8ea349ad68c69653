//! Where this program comes from: version, commit, target, component.

use crate::component::{ORIGIN, SHA256};
use std::sync::LazyLock;

/// The version of the program.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit that it was built from, as 40 or 64 hexadecimal digits; `unknown` in a debug build, and where there was
/// neither a clone nor a package. Changes that were not committed are not seen.
pub const COMMIT: &str = match env!("BUILD_COMMIT").as_bytes() {
    b"" => "unknown",
    _ => env!("BUILD_COMMIT"),
};

/// What it was built for, such as `x86_64-unknown-linux-musl`.
pub const TARGET: &str = env!("BUILD_TARGET");

/// What `--version` prints behind the name of the program.
pub static DESCRIPTION: LazyLock<String> =
    LazyLock::new(|| format!("{VERSION}\ncomponent SHA-256 {SHA256} ({ORIGIN})\ncommit {COMMIT}, target {TARGET}"));
