//! The real clients, as people have them: Claude Code, Codex, Gemini CLI and Copilot CLI. `install` adds the entry by
//! the client's own command, the client lists it, and `uninstall` takes it away.
//!
//! They come from npm, pinned in tests/interop/clients/package.json, without scripts. They run offline, without a
//! login, in an empty home. The settings are made up and name a proxy that does not exist, so the check of the account,
//! which begins with the program, never reaches 46elks. The program serves all the same: no handshake waits for it.

use super::bounded::{self, Printed};
use crate::process::{empty, exists, path_with, root};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// How long one command of a client may take. The slowest one here took 4 seconds.
const MAX_COMMAND: Duration = Duration::from_secs(60);

/// How long npm may take. The packages are 1.1 GB on the disk.
const MAX_INSTALL: Duration = Duration::from_secs(540);

/// A proxy that does not exist: on port 9 nothing listens.
pub(super) const NO_PROXY_THERE: &str = "http://127.0.0.1:9";

/// Settings that are valid and nobody's.
const SETTINGS: &str = "\
ELKS_API_USERNAME=u00000000000000000000000000000000
ELKS_API_PASSWORD=00000000000000000000000000000000
ELKS_PHONE_NUMBER=+46701740605
";

/// A client.
struct Client {
    /// For people.
    title: &'static str,
    /// Its name for `install`.
    name: &'static str,
    /// Its program, whose `mcp list` lists the servers.
    program: &'static str,
    /// Its package, for the version.
    package: &'static str,
    /// Whether the list says that the server is connected. The others only name what they would start.
    connects: bool,
}

/// All clients whose program npm has.
const CLIENTS: [Client; 4] = [
    Client {
        title: "Claude Code",
        name: "claude-code",
        program: "claude",
        package: "@anthropic-ai/claude-code",
        connects: true,
    },
    Client { title: "Gemini CLI", name: "gemini", program: "gemini", package: "@google/gemini-cli", connects: true },
    Client { title: "Codex", name: "codex", program: "codex", package: "@openai/codex", connects: false },
    Client { title: "Copilot CLI", name: "copilot", program: "copilot", package: "@github/copilot", connects: false },
];

/// Installs all clients and takes each through its three steps. Gives what was skipped, and why.
pub(crate) fn check(program: &Path, work: &Path) -> Result<Vec<String>> {
    if !cfg!(unix) || !exists("npm") {
        let why = if cfg!(unix) { "there is no npm" } else { "their programs are scripts of npm on this system" };
        println!("-- real clients: SKIPPED, {why}");
        return Ok(vec![format!("real clients: {why}")]);
    }
    println!("-- real clients");
    let mut skipped = Vec::new();
    let it = Offline::lay(work, &mut skipped)?;
    let program = program.canonicalize().with_context(|| format!("{} is not there", program.display()))?;
    for client in &CLIENTS {
        it.check(client, &program)?;
    }
    Ok(skipped)
}

/// Clients in a home of their own, without the network.
struct Offline {
    /// The folder that the commands run in, and that Gemini CLI trusts.
    project: PathBuf,
    home: PathBuf,
    /// The packages of npm.
    packages: PathBuf,
    settings: PathBuf,
    log: PathBuf,
    path: OsString,
    /// The words before a command that take the network from it; none where the system does not allow that.
    apart: &'static [&'static str],
}

impl Offline {
    /// Installs the packages and lays an empty home.
    fn lay(work: &Path, skipped: &mut Vec<String>) -> Result<Self> {
        let packages = work.join("packages");
        install(&packages)?;
        link_claude(&packages)?;
        fs::create_dir_all(work.join("project"))?;
        // Absolute, and without links: Gemini CLI compares its folder with the one that it trusts.
        let work = work.canonicalize()?;
        let it = Self {
            project: work.join("project"),
            home: work.join("home"),
            settings: work.join("settings.env"),
            log: work.join("client.log"),
            path: path_with(&[programs(&packages).canonicalize()?])?,
            packages,
            apart: apart(),
        };
        if it.apart.is_empty() {
            let why = "there is no network namespace; a proxy that does not exist keeps the clients offline";
            println!("-- real clients without the network: {why}");
            skipped.push(format!("real clients in a network namespace: {why}"));
        }
        empty(&it.home)?;
        private_file(&it.settings, &format!("{SETTINGS}HTTPS_PROXY={NO_PROXY_THERE}\n"))?;
        // Gemini CLI starts servers only in folders that the person trusts.
        fs::create_dir_all(it.home.join(".gemini"))?;
        let trusted = json!({ it.project.to_string_lossy(): "TRUST_FOLDER" });
        fs::write(it.home.join(".gemini/trustedFolders.json"), trusted.to_string())?;
        Ok(it)
    }

    /// Takes a client through its three steps.
    fn check(&self, client: &Client, program: &Path) -> Result<()> {
        let Client { title, name, .. } = *client;
        ensure!(entry(&self.list(client)?.text).is_none(), "{title} has the entry before it is installed");

        let installed = self.elks_mcp(program, "install", name)?;
        ensure!(installed.contains("its own command"), "{title} did not add the entry itself: {installed}");
        let listed = self.list(client)?;
        let shown = entry(&listed.text).with_context(|| format!("{title} does not list elks:\n{}", listed.shown()))?;
        ensure!(!client.connects || is_connected(shown), "{title} is not connected: {shown}");

        let removed = self.elks_mcp(program, "uninstall", name)?;
        ensure!(removed.contains("its own command"), "{title} did not remove the entry itself: {removed}");
        ensure!(entry(&self.list(client)?.text).is_none(), "{title} has the entry after it was removed");

        let version = self.version(client)?;
        let how = if client.connects { "Connected" } else { "an entry" };
        let seconds = listed.took.as_secs_f32();
        println!("ok: {title} {version} adds elks, lists it as {how} after {seconds:.1} s, and removes it");
        Ok(())
    }

    fn list(&self, client: &Client) -> Result<Printed> {
        self.run(client.program.as_ref(), &["mcp", "list"])
    }

    /// Runs our program, which starts the client's, and gives what it prints.
    fn elks_mcp(&self, program: &Path, task: &str, client: &str) -> Result<String> {
        let settings = self.settings.to_string_lossy();
        let done = self.run(program.as_ref(), &["--settings", &settings, task, client])?;
        Ok(done.success(&format!("elks-mcp {task} {client}"))?.text)
    }

    fn run(&self, program: &OsStr, arguments: &[&str]) -> Result<Printed> {
        let mut words = self.apart.iter().map(OsStr::new).chain([program]);
        let mut command = Command::new(words.next().unwrap_or(program));
        command.args(words).args(arguments).current_dir(&self.project);
        command.env_clear().env("PATH", &self.path).env("HOME", &self.home);
        if self.apart.is_empty() {
            command.env("HTTPS_PROXY", NO_PROXY_THERE);
        }
        bounded::run(&mut command, MAX_COMMAND, &self.log)
    }

    /// The version that npm has installed.
    fn version(&self, client: &Client) -> Result<String> {
        let package = self.packages.join("node_modules").join(client.package).join("package.json");
        let package: Value = serde_json::from_str(&fs::read_to_string(package)?)?;
        Ok(package["version"].as_str().unwrap_or_default().to_string())
    }
}

/// Installs the packages. The network is needed for this alone.
fn install(packages: &Path) -> Result<()> {
    fs::create_dir_all(packages)?;
    fs::copy(root().join("tests/interop/clients/package.json"), packages.join("package.json"))?;
    let mut npm = Command::new("npm");
    npm.args(["install", "--ignore-scripts", "--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error"]);
    let done = bounded::run(npm.current_dir(packages), MAX_INSTALL, &packages.join("npm.log"))?;
    done.success("npm install").map(drop)
}

/// Puts the program of Claude Code in its place. Its package has a script that does it, and scripts are off.
fn link_claude(packages: &Path) -> Result<()> {
    let scope = packages.join("node_modules/@anthropic-ai");
    let folders = fs::read_dir(&scope).with_context(|| format!("npm has not made {}", scope.display()))?;
    let mut found: Vec<PathBuf> =
        folders.flatten().map(|folder| folder.path().join("claude")).filter(|program| program.is_file()).collect();
    // Old versions of npm also install the package for another C library. Its name is the longer one.
    found.sort();
    let program = found.first().with_context(|| format!("{} has no program of Claude Code", scope.display()))?;
    let place = programs(packages).join("claude");
    if place.symlink_metadata().is_ok() {
        fs::remove_file(&place)?;
    }
    Ok(fs::hard_link(program, place)?)
}

/// Where npm puts the programs of packages.
fn programs(packages: &Path) -> PathBuf {
    packages.join("node_modules/.bin")
}

/// The program of Claude Code in the folder that [`check`] worked in.
pub(crate) fn claude_in(work: &Path) -> Option<PathBuf> {
    Some(programs(&work.join("packages")).join("claude")).filter(|program| program.exists())
}

/// Writes a file that nobody else can read: the program refuses others.
fn private_file(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    }
    Ok(())
}

/// The words that start a command in a network namespace of its own, as root or as anybody.
fn apart() -> &'static [&'static str] {
    const WAYS: [&[&str]; 2] = [&["unshare", "--net"], &["unshare", "--map-root-user", "--net"]];
    let works = |words: &&&[&str]| {
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).arg("true").stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    WAYS.iter().find(works).copied().unwrap_or_default()
}

/// The line of a client's list that is about our entry, from its name on.
pub(super) fn entry(list: &str) -> Option<&str> {
    let names = list.lines().map(|line| line.trim_start_matches(|c: char| !c.is_alphanumeric()).trim_end());
    names.into_iter().find(|line| line.strip_prefix("elks").is_some_and(|rest| rest.starts_with([':', ' '])))
}

/// Whether that line says that the server is connected. The exit code of the clients is 0 also when it is not.
pub(super) fn is_connected(entry: &str) -> bool {
    entry.ends_with(" Connected")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_of_the_clients_are_read() {
        let claude = "Checking MCP server health…\n\nelks: /p/elks-mcp --settings /s - ✔ Connected\n";
        let gemini = "Configured MCP servers:\n\n✓ elks: /p/elks-mcp  (stdio) - Connected\n";
        let codex = "Name  Command      Args  Env  Cwd  Status\nelks  /p/elks-mcp  -     -    -    enabled\n";
        let copilot = "User servers:\n  elks (local)\n";
        for (list, connected) in [(claude, true), (gemini, true), (codex, false), (copilot, false)] {
            assert_eq!(entry(list).map(is_connected), Some(connected), "{list}");
        }
    }

    #[test]
    fn a_server_that_is_not_connected_or_not_there_is_no_connected_one() {
        for line in ["elks: /p/elks-mcp  - ✘ Failed to connect — ENOENT", "✗ elks: /p/elks-mcp  (stdio) - Disconnected"]
        {
            assert_eq!(entry(line).map(is_connected), Some(false), "{line}");
        }
        for line in ["No MCP servers configured.", "elks-mcp: /p/elks-mcp - ✔ Connected", ""] {
            assert_eq!(entry(line), None, "{line}");
        }
    }
}
