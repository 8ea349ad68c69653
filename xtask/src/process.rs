//! Starting other programs, and the folders that tasks use. No task knows paths in any other way.

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

/// How many lines of a log are shown when a command fails.
const SHOWN_LOG_LINES: usize = 40;

/// The repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default()
}

/// The folder that cargo builds into.
pub(crate) fn target() -> PathBuf {
    root().join(env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()))
}

/// The program as `cargo build` makes it.
pub(crate) fn debug_program() -> PathBuf {
    target().join("debug/elks-mcp")
}

/// Whether figures that belong to one platform can be compared: they are recorded on Linux x86-64.
pub(crate) fn is_reference_platform() -> bool {
    cfg!(all(target_os = "linux", target_arch = "x86_64"))
}

/// Makes a folder, or empties it.
pub(crate) fn empty(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot empty {}", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))
}

/// `cargo` in the repository; the words of the line are its arguments.
pub(crate) fn cargo(line: &str) -> Command {
    command("cargo", line)
}

/// The packages of the workspace, as `cargo metadata` describes them; without `--no-deps`, those of other people, too.
pub(crate) fn cargo_packages(options: &str) -> Result<Vec<Value>> {
    let metadata = output(cargo("metadata --locked --format-version 1").args(options.split_whitespace()))?;
    let mut metadata: Value = serde_json::from_str(&metadata)?;
    match metadata["packages"].take() {
        Value::Array(packages) => Ok(packages),
        _ => bail!("cargo metadata lists no packages"),
    }
}

/// A program in the repository; the words of the line are its arguments.
pub(crate) fn command(program: impl AsRef<OsStr>, line: &str) -> Command {
    let mut command = Command::new(program);
    command.args(line.split_whitespace()).current_dir(root());
    command
}

/// `PATH` with folders in front.
pub(crate) fn path_with(folders: &[PathBuf]) -> Result<OsString> {
    let path = env::var_os("PATH").unwrap_or_default();
    Ok(env::join_paths(folders.iter().cloned().chain(env::split_paths(&path)))?)
}

/// Whether a program can be started at all.
pub(crate) fn exists(program: &str) -> bool {
    let version = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    version.is_ok_and(|status| status.success())
}

/// Runs a command, which prints for itself.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start {}", shown(command)))?;
    ensure!(status.success(), "{} ended with {status}", shown(command));
    Ok(())
}

/// Runs a command and gives what it wrote to stdout; its stderr is shown.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let done = command.stderr(Stdio::inherit()).output().with_context(|| format!("cannot start {}", shown(command)))?;
    ensure!(done.status.success(), "{} ended with {}", shown(command), done.status);
    String::from_utf8(done.stdout).with_context(|| format!("{} wrote bytes that are not UTF-8", shown(command)))
}

/// Runs a command with its stderr in a log, and gives what it wrote to stdout. Both are shown when it fails.
pub(crate) fn logged(command: &mut Command, log: &Path) -> Result<String> {
    let (status, stdout) = logged_status(command, log)?;
    if !status.success() {
        let log = fs::read_to_string(log).unwrap_or_default();
        let earlier = log.lines().count().saturating_sub(SHOWN_LOG_LINES);
        println!("{stdout}");
        log.lines().skip(earlier).for_each(|line| println!("{line}"));
        bail!("{} ended with {status}", shown(command));
    }
    Ok(stdout)
}

/// The same for a command whose exit code says something.
pub(crate) fn logged_status(command: &mut Command, log: &Path) -> Result<(ExitStatus, String)> {
    let file = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
    let done = command.stderr(file).output().with_context(|| format!("cannot start {}", shown(command)))?;
    Ok((done.status, String::from_utf8_lossy(&done.stdout).into_owned()))
}

/// A command as a person would type it.
fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// The folder of a pinned tool, which cargo installs when this version is not there.
pub(crate) fn tool(package: &str, version: &str) -> Result<PathBuf> {
    let tools = target().join("tools");
    // What cargo has installed there.
    let list = fs::read_to_string(tools.join(".crates.toml")).unwrap_or_default();
    if !list.contains(&format!("\"{package} {version} (")) {
        println!("installing {package} {version}");
        // Compiling it for speed would last longer than it runs.
        run(cargo("install --debug --locked --quiet --force")
            .args([package, "--version", version, "--root"])
            .arg(&tools))?;
    }
    Ok(tools.join("bin"))
}

/// The folder with the programs of pinned Python packages, which pip installs into a folder of their own.
pub(crate) fn python_packages(venv: &Path, requirements: &Path, options: &[&str]) -> Result<PathBuf> {
    ensure!(exists("python3"), "this task needs Python 3 with pip");
    if !venv.join("bin/python").exists() {
        run(Command::new("python3").args(["-m", "venv"]).arg(venv))?;
    }
    let mut pip = Command::new(venv.join("bin/pip"));
    pip.args(["install", "--quiet", "--disable-pip-version-check"]).args(options);
    run(pip.arg("--requirement").arg(requirements))?;
    Ok(venv.join("bin"))
}
