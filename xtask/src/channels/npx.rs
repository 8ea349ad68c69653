//! `npx -y elks-mcp` with nothing in npm's cache, as a client starts it the first time: whether it serves, and how long
//! that takes. The packages come from a registry on this computer, a folder that Python serves. So the time is that of
//! npm, Node and the program, without a download.

use super::real_clients::{NO_PROXY_THERE, entry, is_connected};
use super::{Run, bounded, session};
use crate::dist::VERSION;
use crate::process::{empty, exists, output};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::env;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// How long the first start may take. Codex waits so long for a server; Claude Code waits longer.
const MAX_COLD_START: Duration = Duration::from_secs(10);

/// How long a command of Claude Code may take.
const MAX_COMMAND: Duration = Duration::from_secs(60);

/// How long Python may take until it serves.
const MAX_SERVER_START: Duration = Duration::from_secs(30);

/// Starts `npx -y elks-mcp` from the tarballs `npm-*-VERSION.tgz`, with an empty cache each time.
///
/// The first start is a whole session. The second is by Claude Code, where its program is there.
pub(super) fn cold_start(all: &mut Run, claude: Option<&Path>) -> Result<()> {
    for program in ["npx", "python3"] {
        if !exists(program) {
            all.skip("npx", &format!("there is no {program}"));
            return Ok(());
        }
    }
    let work = all.folder("npx")?.canonicalize()?;
    let registry = Registry::serve(&work)?;
    registry.lay(&all.dist)?;

    let first = Home::lay(&work, "session", &registry)?;
    let took = session::play(first.command("npx").args(["-y", "elks-mcp", "--simulate"]))?;
    in_time("the first answer of a tool", took)?;
    let again = session::play(first.command("npx").args(["-y", "elks-mcp", "--simulate"]))?;
    all.works("npx", &super::npm::packages(all)?, took)?;
    println!("   with the filled cache after {:.2} s", again.as_secs_f64());

    let Some(claude) = claude else {
        all.skip("npx in Claude Code", "its program is not there");
        return Ok(());
    };
    let home = Home::lay(&work, "claude", &registry)?;
    let log = work.join("claude.log");
    let mut add = home.command(claude);
    add.args(["mcp", "add", "-s", "user", "elks", "--", "npx", "-y", "elks-mcp", "--simulate"]);
    bounded::run(&mut add, MAX_COMMAND, &log)?.success("claude mcp add")?;
    let listed = bounded::run(home.command(claude).args(["mcp", "list"]), MAX_COMMAND, &log)?;
    let shown = entry(&listed.text).with_context(|| format!("Claude Code does not list elks:\n{}", listed.shown()))?;
    ensure!(is_connected(shown), "Claude Code is not connected: {shown}");
    in_time("the list of Claude Code", listed.took)?;
    println!("-- npx in Claude Code: Connected after {:.2} s", listed.took.as_secs_f64());
    Ok(())
}

fn in_time(what: &str, took: Duration) -> Result<()> {
    let (took_seconds, most) = (took.as_secs_f32(), MAX_COLD_START.as_secs());
    ensure!(took < MAX_COLD_START, "{what} came after {took_seconds:.1} s, and clients wait {most} s");
    Ok(())
}

/// A home in which npm has nothing in its cache.
struct Home {
    home: PathBuf,
    registry: String,
}

impl Home {
    fn lay(work: &Path, name: &str, registry: &Registry) -> Result<Self> {
        let home = work.join(name);
        empty(&home)?;
        Ok(Self { home, registry: registry.address.clone() })
    }

    /// A command with nothing of the caller's environment but `PATH`. All but this computer is out of its reach, as far
    /// as it honours the proxy.
    fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.home).env_clear().env("PATH", env::var_os("PATH").unwrap_or_default());
        command.env("HOME", &self.home).env("npm_config_cache", self.home.join("npm-cache"));
        command.env("npm_config_registry", &self.registry);
        command.env("HTTPS_PROXY", NO_PROXY_THERE).env("HTTP_PROXY", NO_PROXY_THERE).env("NO_PROXY", "127.0.0.1");
        command
    }
}

/// A registry of npm packages that are files. Dropping it ends the server.
struct Registry {
    folder: PathBuf,
    address: String,
    server: Child,
}

impl Registry {
    /// Serves an empty folder, on a port that the system chooses.
    fn serve(work: &Path) -> Result<Self> {
        let folder = work.join("registry");
        empty(&folder)?;
        let log = File::create(work.join("registry.log"))?;
        let mut python = Command::new("python3");
        python.args(["-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory"]).arg(&folder);
        python.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
        bounded::lead_group(&mut python);
        let mut server = python.spawn().context("cannot start python3")?;
        let lines = bounded::lines(server.stdout.take());
        // From here on, the server is ended whatever happens.
        let mut registry = Self { folder, address: String::new(), server };
        let first = lines.recv_timeout(MAX_SERVER_START).context("Python's HTTP server does not start")?;
        // Serving HTTP on 127.0.0.1 port 40001 (http://127.0.0.1:40001/) ...
        let address = first.split(['(', ')']).nth(1).filter(|address| address.starts_with("http://127.0.0.1:"));
        registry.address = address.with_context(|| format!("Python's HTTP server says {first:?}"))?.to_string();
        Ok(registry)
    }

    /// Lays the tarballs of this version, and for each package the document that npm asks for. npm does without the
    /// packages of other systems, which may not have been made here.
    fn lay(&self, dist: &Path) -> Result<()> {
        let ending = format!("-{VERSION}.tgz");
        let tarballs = self.folder.join("-");
        fs::create_dir_all(&tarballs)?;
        for file in fs::read_dir(dist).with_context(|| format!("cannot read {}", dist.display()))? {
            let file = file?;
            let name = file.file_name().to_string_lossy().into_owned();
            if !name.starts_with("npm-") || !name.ends_with(&ending) {
                continue;
            }
            let manifest = output(Command::new("tar").arg("-xOzf").arg(file.path()).arg("package/package.json"))?;
            let mut manifest: Value =
                serde_json::from_str(&manifest).with_context(|| format!("package.json of {name} is no JSON"))?;
            ensure!(manifest["version"] == VERSION, "{name} has the version {}", manifest["version"]);
            manifest["dist"] = json!({"tarball": format!("{}-/{name}", self.address)});
            let package = manifest["name"].as_str().with_context(|| format!("{name} has no name"))?.to_string();
            let place = self.folder.join(&package);
            // A name can have a scope.
            place.parent().map_or(Ok(()), fs::create_dir_all)?;
            let document = json!({"name": package, "dist-tags": {"latest": VERSION}, "versions": {VERSION: manifest}});
            fs::write(place, document.to_string())?;
            fs::copy(file.path(), tarballs.join(&name))?;
        }
        let launcher = self.folder.join("elks-mcp").exists();
        ensure!(launcher, "{} has no package of elks-mcp {VERSION} for npm", dist.display());
        Ok(())
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        bounded::kill_group(&mut self.server);
    }
}
