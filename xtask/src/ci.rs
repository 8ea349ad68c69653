//! All checks of a submission, in order. A step that cannot run here is skipped, and says so.

use crate::dist::{self, Target};
use crate::process::{cargo, command, exists, is_reference_platform, python_packages, root, run, target};
use crate::{channels, figures, fuzz, interop, package, picture, platforms, postgres, reproduce, size, workflows};
use anyhow::{Result, ensure};
use std::env;
use std::time::{Duration, Instant};

/// After this long, fuzzing and what is for other systems are left out, so that a slow computer is done in less than an
/// hour. Jobs of their own in `.github/workflows/ci.yml` do the same on every change.
const MAX_BEFORE_EXTRAS: Duration = Duration::from_secs(30 * 60);

/// Cargo workspaces beside the main one; each has a lock file of its own. Interop and fuzzing build them.
const OTHER_WORKSPACES: [&str; 3] =
    ["host/examples/embedder/Cargo.toml", "host/examples/wasmcloud/Cargo.toml", "fuzz/Cargo.toml"];

/// The features that a usual build leaves out.
const FEATURES: &str = "elks-mcp/keyring,elks-mcp/postgres";

/// The steps of one run.
struct Steps {
    begun: Instant,
    skipped: Vec<String>,
}

impl Steps {
    fn begin(&self, title: &str) {
        println!("\n== {title} ({}s)", self.begun.elapsed().as_secs());
    }

    /// Why there is no time for what has a job of its own elsewhere, if there is none.
    fn no_time(&self) -> Option<String> {
        let passed = self.begun.elapsed();
        (passed > MAX_BEFORE_EXTRAS).then(|| {
            format!(
                "this computer is slow: {} minutes have passed, and the tests have to follow",
                passed.as_secs() / 60
            )
        })
    }

    /// Why other systems are left out, if they are.
    fn no_other_systems(&self) -> Option<String> {
        let no_compiler = || "there is no Python 3 with pip for their cross compiler".into();
        (!exists("python3")).then(no_compiler).or_else(|| self.no_time())
    }

    /// Why fuzzing is left out, if it is.
    fn no_fuzzing(&self) -> Option<String> {
        (!fuzz::has_nightly()).then(|| "there is no nightly toolchain".into()).or_else(|| self.no_time())
    }

    /// The systems whose packages are made: the program for Windows has its tests later, and a release has all.
    fn dist_targets(&mut self) -> Vec<&'static Target> {
        let mut targets = vec![Target::reference()];
        match self.no_other_systems() {
            None => targets.extend(Target::of("aarch64-unknown-linux-musl")),
            Some(why) => self.skip("dist for ARM", &why),
        }
        targets
    }

    fn skip(&mut self, title: &str, why: &str) {
        self.begin(&format!("{title}: SKIPPED, {why}"));
        self.skipped.push(format!("{title}: {why}"));
    }
}

/// Runs all steps. The first one that fails ends the run.
pub(crate) fn run_all() -> Result<()> {
    ensure!(
        env::var_os("ELKS_COMPONENT").is_none(),
        "ELKS_COMPONENT is set, but the checks are about the component that guest/ makes: unset it first"
    );
    let mut steps = Steps { begun: Instant::now(), skipped: Vec::new() };

    steps.begin("format");
    run(&mut cargo("fmt --all --check"))?;
    for manifest in OTHER_WORKSPACES {
        run(cargo("fmt --check --manifest-path").arg(manifest))?;
    }

    steps.begin("spelling");
    let tools = python_packages(&target().join("spelling"), &root().join("xtask/spelling.txt"), &[])?;
    run(&mut command(tools.join("typos"), ""))?;

    steps.begin("the picture of the demo");
    picture::check()?;

    if is_reference_platform() {
        steps.begin("workflows: actionlint and zizmor");
        workflows::check()?;
    } else {
        steps
            .skip("workflows", "the tools have no packages for every platform, and Linux x86-64 checks the same files");
    }

    steps.begin("lints");
    run(&mut cargo(&format!("clippy --workspace --all-targets --features {FEATURES} --locked -- -D warnings")))?;
    // The exports of the second component are compiled with its feature alone.
    run(&mut cargo("clippy --package elks-sms --all-targets --features configured --locked -- -D warnings"))?;

    steps.begin("tests of the tasks");
    run(&mut cargo("test --package xtask --locked --quiet"))?;

    steps.begin("documentation");
    run(cargo(&format!("doc --workspace --no-deps --features {FEATURES} --locked --quiet"))
        .env("RUSTDOCFLAGS", "-D warnings"))?;

    steps.begin("interop: other people's clients, conformance tools and other hosts");
    steps.skipped.extend(interop::run_all(None)?);

    if is_reference_platform() {
        steps.begin("the component, bit for bit: another folder, another home");
        reproduce::compare()?;
    } else {
        steps.skip("the component, bit for bit", "the promise is for Linux x86-64");
    }

    if is_reference_platform() {
        steps.begin("the release program: its size");
        size::check(None)?;
        steps.begin("dist: every package of Linux on x86-64 and ARM");
        dist::make(&steps.dist_targets(), &[], false)?;
        steps.begin("docs/figures.json");
        figures::check()?;
        steps.begin("channels: each package installed as a user does");
        steps.skipped.extend(channels::try_all()?);
    } else {
        steps.skip("the release program, docs/figures.json, dist and channels", "they are for Linux x86-64");
    }

    if postgres::is_installed() {
        steps.begin("the ledger in PostgreSQL");
        postgres::test()?;
    } else {
        steps.skip("the ledger in PostgreSQL", "it is not installed");
    }

    steps.begin("packages: packed, unpacked and built alone");
    package::check(false)?;

    match steps.no_other_systems() {
        _ if !is_reference_platform() => steps.skip("other platforms", "Linux x86-64 has the cross compilers"),
        Some(why) => steps.skip("other platforms", &why),
        None => {
            steps.begin("other platforms: the tests for Windows, the types for macOS");
            steps.skipped.extend(platforms::run_all()?);
        }
    }

    match steps.no_fuzzing() {
        Some(why) => steps.skip("fuzzing", &why),
        None => {
            steps.begin("fuzzing");
            fuzz::run_all(None)?;
        }
    }

    if !steps.skipped.is_empty() {
        println!("\n== skipped in this run");
        steps.skipped.iter().for_each(|skipped| println!("{skipped}"));
    }

    // The last step, so that the output ends with the results of the tests.
    steps.begin("tests, as the README has it");
    run(&mut cargo("test"))
}
