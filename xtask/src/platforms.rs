//! The program on other platforms than this one: it is built for them, and started where something here can start it.
//! Windows has all tests under Wine, Linux on ARM has a session under QEMU, and macOS has a type check.
//!
//! Cross compilers are mingw and zig, which cargo-zigbuild calls; xtask/requirements.txt pins both.

use crate::channels::session;
use crate::component::{self, Component};
use crate::process::{
    cargo, command, debug_program, exists, logged, logged_status, output, path_with, python_packages, root, run, target,
};
use anyhow::{Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const WINDOWS: &str = "x86_64-pc-windows-gnu";
const ARM: &str = "aarch64-unknown-linux-musl";
const MAC: &str = "aarch64-apple-darwin";

/// The C compiler and linker for Windows.
const MINGW: &str = "x86_64-w64-mingw32-gcc";

/// Names of Wine's loader, the most exact first. Debian keeps it out of `PATH`.
const LOADERS: [&str; 3] = ["/usr/lib/wine/wine64", "wine64", "wine"];

const QEMU: &str = "qemu-aarch64-static";

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
    let here = Component::of(&debug_program())?;
    let work = target().join("platforms");
    fs::create_dir_all(&work)?;
    let mut skipped = Skipped::new();

    match Wine::new(&work.join("wine"))? {
        Ok(wine) => windows(&wine, &here, &mut skipped)?,
        Err(why) => skip(&mut skipped, "the tests for Windows", why),
    }

    if !exists("rustup") {
        skip(&mut skipped, "Linux on ARM and macOS", "there is no rustup to add their targets");
    } else if !exists("python3") {
        skip(&mut skipped, "Linux on ARM and macOS", "there is no Python 3 with pip");
    } else {
        let tools = python_packages(&target().join("zig"), &root().join("xtask/requirements.txt"), &[])?;
        if exists(QEMU) {
            arm(&tools, &here)?;
        } else {
            skip(&mut skipped, "Linux on ARM", &format!("there is no {QEMU}"));
        }
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
fn windows(wine: &Wine, here: &Component, skipped: &mut Skipped) -> Result<()> {
    println!("-- Windows: tests under Wine");
    add(WINDOWS)?;
    for (name, why) in FAULTS_OF_WINE {
        skip(skipped, &format!("{name} under Wine"), why);
    }
    let log = target().join("platforms/wine.log");
    let (status, printed) = logged_status(&mut wine.tests(&["--no-fail-fast"]), &log)?;
    printed.lines().filter(|line| line.starts_with("test result")).for_each(|line| println!("{line}"));
    if !status.success() {
        // Wine on a busy computer keeps some tests waiting for longer than they allow. Alone, they must pass.
        let failed = failed_tests(&printed);
        ensure!(!failed.is_empty(), "the tests for Windows ended with {status}:\n{printed}");
        println!("once more, one after another: {}", failed.join(", "));
        let mut again = wine.tests(&[]);
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
    same_component(WINDOWS, &mut start("capabilities --json"), here)?;
    output(&mut start("demo")).map(drop)
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

/// The program for Linux on ARM. It starts no other program there, as the demo does, because QEMU starts only one.
fn arm(tools: &Path, here: &Component) -> Result<()> {
    println!("-- Linux on ARM: the component and a session under QEMU");
    add(ARM)?;
    run(&mut zigbuild(tools, "build", ARM)?)?;
    let program = target().join(ARM).join("debug/elks-mcp");
    let start = |line: &str| {
        let mut start = command(QEMU, "");
        start.arg(&program).args(line.split_whitespace());
        start
    };
    same_component(ARM, &mut start("capabilities --json"), here)?;
    session::play(&mut start("--simulate"))?;
    println!("{ARM}: a whole session in the simulator");
    Ok(())
}

/// That a program has the component of this platform's program.
fn same_component(platform: &str, capabilities: &mut Command, here: &Component) -> Result<()> {
    let there = Component::stated(capabilities)?;
    ensure!(there == *here, "the program for {platform} embeds {there:?}, the one of this platform {here:?}");
    println!("{platform}: the same {} bytes, SHA-256 {}", there.bytes, there.sha256);
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

/// Wine, with a folder of its own for the Windows that it plays.
struct Wine {
    loader: &'static str,
    prefix: PathBuf,
}

impl Wine {
    /// Makes the folder when it is not there; or says what is missing.
    fn new(prefix: &Path) -> Result<Result<Self, &'static str>> {
        let Some(loader) = LOADERS.into_iter().find(|loader| exists(loader)) else {
            return Ok(Err("there is no Wine"));
        };
        if !exists(MINGW) || !exists("rustup") {
            return Ok(Err("mingw-w64 or rustup is missing"));
        }
        let wine = Self { loader, prefix: prefix.to_path_buf() };
        let system = prefix.join("drive_c/windows/system32");
        if !system.exists() {
            run(wine.command(Path::new("wineboot")).arg("--init").stderr(Stdio::null()))?;
        }
        let library = system.join("bcryptprimitives.dll");
        if !library.exists() {
            let source = root().join("xtask/src/bcryptprimitives.c");
            run(Command::new(MINGW).args(["-shared", "-s", "-o"]).arg(&library).arg(source).arg("-ladvapi32"))?;
        }
        Ok(Ok(wine))
    }

    /// All tests but those that Wine cannot pass.
    ///
    /// The options are cargo's. What the caller adds to the command is for the test programs.
    fn tests(&self, options: &[&str]) -> Command {
        let mut test = cargo("test --locked --quiet --lib --bins --tests --target");
        test.arg(WINDOWS).args(options).arg("--");
        test.args(FAULTS_OF_WINE.iter().flat_map(|(name, _)| ["--skip", name]));
        test.envs(NO_DEBUG_INFORMATION).env("CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER", self.loader);
        self.prepare(&mut test);
        test
    }

    /// A program for Windows.
    fn command(&self, program: &Path) -> Command {
        let mut command = command(self.loader, "");
        self.prepare(command.arg(program));
        command
    }

    /// Tells whatever starts programs under Wine to use this one, without its own messages.
    fn prepare<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        // Without the two libraries Wine does not ask whether it shall download something.
        let variables = [("WINEDEBUG", "-all"), ("WINEDLLOVERRIDES", "mscoree,mshtml=")];
        command.envs(variables).env("WINEPREFIX", &self.prefix)
    }
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
