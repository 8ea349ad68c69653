//! Short runs of each fuzz target, always with the same seed, so that CI repeats. Long runs are for people.

use crate::component::{self, ELKS_SMS};
use crate::process::{cargo, logged, path_with, root, target, tool};
use anyhow::{Context, Result};
use std::env;
use std::fs;
use std::process::{Command, Stdio};

/// How long each target runs when nobody says otherwise, in seconds: enough to replay what breaks at once.
const DEFAULT_SECONDS: u32 = 10;

/// The version of cargo-fuzz.
const CARGO_FUZZ_VERSION: &str = "0.13.2";

/// Whether the toolchain is there that cargo-fuzz needs.
pub(crate) fn has_nightly() -> bool {
    let nightly = Command::new("rustup").args(["run", "nightly", "rustc", "--version"]).stderr(Stdio::null()).output();
    nightly.is_ok_and(|nightly| nightly.status.success())
}

/// Runs each target for some seconds.
pub(crate) fn run_all(seconds: Option<u32>) -> Result<()> {
    let seconds = match (seconds, env::var("FUZZ_SECONDS")) {
        (Some(seconds), _) => seconds,
        (None, Ok(seconds)) => seconds.parse().context("FUZZ_SECONDS is not a whole number")?,
        (None, Err(_)) => DEFAULT_SECONDS,
    };
    let path = path_with(&[tool("cargo-fuzz", CARGO_FUZZ_VERSION)?])?;
    // The component of the stable toolchain: nightly need not have the WebAssembly target.
    let component = component::built(&ELKS_SMS)?;
    let mut targets = Vec::new();
    for entry in fs::read_dir(root().join("fuzz/fuzz_targets"))? {
        let file = entry?.path();
        targets.extend(file.file_stem().map(|name| name.to_string_lossy().into_owned()));
    }
    targets.sort();
    println!("{seconds} seconds a target");
    for name in targets {
        let log = target().join(format!("fuzz-{name}.log"));
        let mut fuzz = cargo("+nightly fuzz run");
        fuzz.args([&name, "--", &format!("-max_total_time={seconds}"), "-seed=1"]);
        logged(fuzz.env("PATH", &path).env("ELKS_COMPONENT", &component), &log)?;
        let log = fs::read_to_string(&log)?;
        println!("{name}: {}", log.lines().find(|line| line.starts_with("Done")).context("libFuzzer did not finish")?);
    }
    Ok(())
}
