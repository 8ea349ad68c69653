//! The tests on other platforms than this one: on Windows all of them under Wine, and for macOS a type check.
//!
//! The cross compiler for Windows is mingw, which comes with the system. That for macOS is zig, which cargo-zigbuild
//! calls; xtask/requirements.txt pins both of these. `cargo xtask channels` tries the programs of a release.

use crate::component::{self, Component};
use crate::process::{
    cargo, command, debug_program, exists, logged, logged_status, output, path_with, python_packages, root, run, target,
};
use crate::wine::Wine;
use anyhow::{Result, ensure};
use std::fs;
use std::path::Path;
use std::process::Command;

const WINDOWS: &str = "x86_64-pc-windows-gnu";
const MAC: &str = "aarch64-apple-darwin";

/// Tests that fail under Wine, each with what Wine does otherwise than Windows. On Windows they run.
const FAULTS_OF_WINE: [(&str, &str); 2] = [
    ("ctrl_break_ends_the_program_as_a_signal_does", "Wine delivers no Ctrl-Break to a group of processes"),
    (
        "a_connection_whose_end_has_arrived_carries_no_send",
        "a busy Wine may tell the end of a connection late; the outcome is then unknown, and nothing is sent twice",
    ),
];

/// Nobody debugs these programs, and without such information they are built in less time.
const NO_DEBUG_INFORMATION: [(&str, &str); 1] = [("CARGO_PROFILE_DEV_DEBUG", "0")];

/// A part that was skipped, and why.
type Skipped = Vec<String>;

/// Runs everything; what could not run here is said on the console and handed back.
pub(crate) fn run_all() -> Result<Skipped> {
    component::build()?;
    let here = Component::all_of(&debug_program())?;
    fs::create_dir_all(target().join("platforms"))?;
    let mut skipped = Skipped::new();
    if !exists("rustup") {
        skip(&mut skipped, "Windows and macOS", "there is no rustup to add their targets");
        return Ok(skipped);
    }
    match Wine::new()? {
        Ok(wine) => windows(&wine, &here, &mut skipped)?,
        Err(why) => skip(&mut skipped, "the tests for Windows", why),
    }
    if !exists("python3") {
        skip(&mut skipped, "macOS", "there is no Python 3 with pip");
    } else {
        let tools = python_packages(&target().join("zig"), &root().join("xtask/requirements.txt"), &[])?;
        println!("-- macOS on ARM: types");
        add(MAC)?;
        run(&mut zigbuild(&tools, "check", MAC)?)?;
    }
    Ok(skipped)
}

/// Says aloud that a part does not run.
fn skip(skipped: &mut Skipped, what: &str, why: &str) {
    println!("-- {what}: SKIPPED, {why}");
    skipped.push(format!("{what}: {why}"));
}

/// The tests for Windows, and what the program itself does.
fn windows(wine: &Wine, here: &[Component], skipped: &mut Skipped) -> Result<()> {
    println!("-- Windows: tests under Wine");
    add(WINDOWS)?;
    for (name, why) in FAULTS_OF_WINE {
        skip(skipped, &format!("{name} under Wine"), why);
    }
    let log = target().join("platforms/wine.log");
    let (status, printed) = logged_status(&mut tests(wine, &["--no-fail-fast"]), &log)?;
    printed.lines().filter(|line| line.starts_with("test result")).for_each(|line| println!("{line}"));
    if !status.success() {
        // Wine on a busy computer keeps some tests waiting for longer than they allow. Alone, they must pass.
        let failed = failed_tests(&printed);
        ensure!(!failed.is_empty(), "the tests for Windows ended with {status}:\n{printed}");
        println!("once more, one after another: {}", failed.join(", "));
        let mut again = tests(wine, &[]);
        run(again.args(["--exact", "--test-threads", "1"]).args(&failed))?;
        skipped.extend(failed.iter().map(|name| format!("{name} under Wine: it passed only alone")));
    }
    println!("-- Windows: the component and the demo");
    let program = target().join(WINDOWS).join("debug/elks-mcp.exe");
    let start = |line: &str| {
        let mut start = wine.command(&program);
        start.args(line.split_whitespace());
        start
    };
    same_components(WINDOWS, &mut start("capabilities --json"), here)?;
    output(&mut start("demo")).map(drop)
}

/// All tests but those that Wine cannot pass.
///
/// The options are cargo's. What the caller adds to the command is for the test programs.
fn tests(wine: &Wine, options: &[&str]) -> Command {
    let mut test = cargo("test --locked --quiet --lib --bins --tests --target");
    test.arg(WINDOWS).args(options).arg("--");
    test.args(FAULTS_OF_WINE.iter().flat_map(|(name, _)| ["--skip", name]));
    test.envs(NO_DEBUG_INFORMATION).env("CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER", wine.loader);
    wine.prepare(&mut test);
    test
}

/// The names in the lists of failures that test programs print at their ends.
fn failed_tests(printed: &str) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    let mut lines = printed.lines();
    while lines.any(|line| line == "failures:") {
        names.extend(lines.by_ref().map_while(|line| line.strip_prefix("    ")));
    }
    names
}

/// That a program has the components of this platform's program.
fn same_components(platform: &str, capabilities: &mut Command, here: &[Component]) -> Result<()> {
    let there = Component::all_stated(capabilities)?;
    ensure!(there == here, "the program for {platform} embeds {there:?}, the one of this platform {here:?}");
    for component in there {
        println!(
            "{platform}: {}, the same {} bytes, SHA-256 {}",
            component.kind.name, component.bytes, component.sha256
        );
    }
    Ok(())
}

/// Adds a target to the toolchain.
fn add(platform: &str) -> Result<()> {
    logged(command("rustup", "target add").arg(platform), &target().join("platforms/rustup.log")).map(drop)
}

/// cargo with zig as the compiler and linker of C.
fn zigbuild(tools: &Path, task: &str, platform: &str) -> Result<Command> {
    let mut zigbuild = command(tools.join("cargo-zigbuild"), task);
    // zig is a Python package, which the Python of the same folder finds.
    zigbuild.args(["--locked", "--quiet", "--target", platform]);
    zigbuild.envs(NO_DEBUG_INFORMATION).env("PATH", path_with(&[tools.to_path_buf()])?);
    Ok(zigbuild)
}

#[cfg(test)]
mod tests {
    use super::failed_tests;

    #[test]
    fn failed_tests_are_those_of_the_last_list_of_each_program() {
        let printed = "test a ... FAILED\n\nfailures:\n\n---- b::c stdout ----\n    left: 1\n\nfailures:\n    b::c\n    d\n\n\
                       test result: FAILED.\nfailures:\n    e\n\ntest result: FAILED.\n";
        assert_eq!(failed_tests(printed), ["b::c", "d", "e"]);
        assert_eq!(failed_tests("test result: ok."), [""; 0]);
    }
}
