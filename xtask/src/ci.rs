//! All checks of a submission, in order. A step that cannot run here is skipped, and says so.

use crate::dist::{self, Target};
use crate::process::{cargo, command, exists, is_reference_platform, run, tool};
use crate::{channels, figures, fuzz, interop, package, picture, platforms, reproduce, size, workflows};
use anyhow::{Result, ensure};
use std::env;
use std::time::Instant;

/// The version of typos-cli. Other versions know other words.
const TYPOS_VERSION: &str = "1.52.0";

/// Cargo workspaces beside the main one; each has a lock file of its own. Interop and fuzzing build them.
const OTHER_WORKSPACES: [&str; 2] = ["host/examples/embedder/Cargo.toml", "fuzz/Cargo.toml"];

/// The steps of one run.
struct Steps {
    begun: Instant,
    skipped: Vec<String>,
}

impl Steps {
    fn begin(&self, title: &str) {
        println!("\n== {title} ({}s)", self.begun.elapsed().as_secs());
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
    let typos = tool("typos-cli", TYPOS_VERSION)?.join("typos");
    run(&mut command(typos, ""))?;

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
    run(&mut cargo("clippy --workspace --all-targets --features elks-mcp/keyring --locked -- -D warnings"))?;

    steps.begin("tests of the tasks");
    run(&mut cargo("test --package xtask --locked --quiet"))?;

    steps.begin("documentation");
    run(cargo("doc --workspace --no-deps --features elks-mcp/keyring --locked --quiet")
        .env("RUSTDOCFLAGS", "-D warnings"))?;

    steps.begin("interop: other people's clients, conformance tools and other hosts");
    steps.skipped.extend(interop::run_all(None)?);

    if is_reference_platform() {
        steps.begin("the component, bit for bit: another folder, another home");
        reproduce::compare()?;
    } else {
        steps.skip("the component, bit for bit", "the promise is for Linux x86-64");
    }

    if fuzz::has_nightly() {
        steps.begin("fuzzing");
        fuzz::run_all(None)?;
    } else {
        steps.skip("fuzzing", "there is no nightly toolchain");
    }

    if is_reference_platform() {
        steps.begin("the release program: its size");
        size::check(None)?;
        steps.begin("docs/figures.json");
        figures::check()?;
        if exists("python3") {
            steps.begin("dist: every package of Linux and Windows");
            dist::make(&dist::chosen(&[], &[])?, &[], false)?;
        } else {
            steps.skip("dist for ARM and Windows", "there is no Python 3 with pip for their cross compiler");
            dist::make(&[Target::reference()], &[], false)?;
        }
        steps.begin("channels: each package installed as a user does");
        steps.skipped.extend(channels::try_all()?);
    } else {
        steps.skip("the release program, docs/figures.json, dist and channels", "they are for Linux x86-64");
    }

    steps.begin("packages: packed, unpacked and built alone");
    package::check(false)?;

    if is_reference_platform() {
        steps.begin("other platforms: the tests for Windows, the types for macOS");
        steps.skipped.extend(platforms::run_all()?);
    } else {
        steps.skip("other platforms", "Linux x86-64 has the cross compilers");
    }

    if !steps.skipped.is_empty() {
        println!("\n== skipped in this run");
        steps.skipped.iter().for_each(|skipped| println!("{skipped}"));
    }

    // The last step, so that the output ends with the results of the tests.
    steps.begin("tests, as the README has it");
    run(&mut cargo("test"))
}
