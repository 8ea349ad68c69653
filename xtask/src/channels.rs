//! `cargo xtask channels`: installs each package of target/dist as a user does, and plays a whole session in the
//! simulator over each. No registry and no compiler is used: `PATH` has none of Rust's programs.
//!
//! It takes the packages as they are and makes none, so that a release tries what it publishes.

mod bounded;
mod bundle;
mod elsewhere;
mod image;
mod npm;
mod npx;
mod python;
mod real_clients;
pub(crate) mod session;

use crate::dist::{self, Target, VERSION};
use crate::process::{empty, output, run, target};
use anyhow::{Context, Result, ensure};
use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// What every program is started with.
const SIMULATE: &str = "--simulate";

/// A channel that was tried.
struct Tried {
    channel: &'static str,
    /// What is downloaded, in bytes.
    bytes: u64,
    /// From the beginning of the installation to the first answer of a tool.
    first_answer: Duration,
}

/// Where packages are, and where they are tried.
struct Run {
    dist: PathBuf,
    work: PathBuf,
    /// `PATH` without the folder of cargo and rustc.
    path: OsString,
    tried: Vec<Tried>,
    skipped: Vec<String>,
}

/// Tries every channel that this machine can. What could not run is said on the console and handed back.
pub(crate) fn try_all() -> Result<Vec<String>> {
    ensure!(
        dist::folder().join("SHA256SUMS").exists(),
        "there are no packages in {}: run `cargo xtask dist` first",
        dist::folder().display()
    );
    let work = target().join("channels");
    empty(&work)?;
    let mut all =
        Run { dist: dist::folder(), work, path: path_without_rust()?, tried: Vec::new(), skipped: Vec::new() };
    run(Command::new("sha256sum").args(["--check", "--strict", "--quiet", "SHA256SUMS"]).current_dir(&all.dist))?;
    println!("the checksums hold");
    let program = all.archive()?;
    python::try_all(&mut all)?;
    npm::try_it(&mut all)?;
    bundle::try_it(&mut all)?;
    image::try_it(&mut all)?;
    elsewhere::try_all(&mut all)?;
    // The clients are 1.1 GB on the disk, so they stay there.
    let clients = target().join("channels-clients");
    all.skipped.extend(real_clients::check(&program, &clients)?);
    npx::cold_start(&mut all, real_clients::claude_in(&clients).as_deref())?;
    all.print_table();
    Ok(all.skipped)
}

impl Run {
    /// An empty folder for a channel.
    fn folder(&self, name: &str) -> Result<PathBuf> {
        let folder = self.work.join(name);
        empty(&folder)?;
        Ok(folder)
    }

    /// A program in a folder, without the programs of Rust, and with a home of its own.
    fn command(&self, program: impl AsRef<std::ffi::OsStr>, folder: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(folder).env("PATH", &self.path).env("HOME", folder);
        command
    }

    /// The one package whose name begins and ends so.
    fn package(&self, beginning: &str, end: &str) -> Result<PathBuf> {
        let names = fs::read_dir(&self.dist)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
        let names = names.collect::<Result<Vec<_>>>()?;
        let mut found = names.iter().filter(|name| name.starts_with(beginning) && name.ends_with(end));
        let name = found.next().with_context(|| format!("target/dist has no {beginning}…{end}"))?;
        ensure!(found.next().is_none(), "target/dist has several files {beginning}…{end}");
        Ok(self.dist.join(name))
    }

    /// A folder with server.json alone.
    fn registry_entry(&self) -> Result<PathBuf> {
        let folder = self.folder("registry-entry")?;
        fs::copy(self.dist.join("server.json"), folder.join("server.json"))?;
        Ok(folder)
    }

    /// Notes a channel that works. The session has been played.
    fn works(&mut self, channel: &'static str, packages: &[PathBuf], first_answer: Duration) -> Result<()> {
        let sizes = packages.iter().map(|package| Ok(fs::metadata(package)?.len()));
        let bytes = sizes.sum::<Result<u64>>()?;
        println!("-- {channel}: {:.2} s", first_answer.as_secs_f64());
        self.tried.push(Tried { channel, bytes, first_answer });
        Ok(())
    }

    fn skip(&mut self, channel: &str, why: &str) {
        println!("-- {channel}: SKIPPED, {why}");
        self.skipped.push(format!("{channel}: {why}"));
    }

    /// The archive: unpacked by tar.
    fn archive(&mut self) -> Result<PathBuf> {
        let folder = self.folder("archive")?;
        let triple = Target::reference().triple;
        let archive = self.package("elks-mcp-", &format!("{triple}.tar.gz"))?;
        let begun = Instant::now();
        run(self.command("tar", &folder).arg("-xzf").arg(&archive))?;
        let program = folder.join(format!("elks-mcp-{VERSION}-{triple}/elks-mcp"));
        let installed = begun.elapsed();
        let answered = session::play(self.command(&program, &folder).arg(SIMULATE))?;
        self.works("archive", &[archive], installed + answered)?;
        Ok(program)
    }

    fn print_table(&self) {
        println!("\n| channel | download | to the first tool answer |\n| --- | --- | --- |");
        for tried in &self.tried {
            let (megabytes, seconds) = (tried.bytes as f64 / 1e6, tried.first_answer.as_secs_f64());
            println!("| {} | {megabytes:.1} MB | {seconds:.2} s |", tried.channel);
        }
    }
}

/// `PATH` as on a computer without Rust.
fn path_without_rust() -> Result<OsString> {
    let path = env::var_os("PATH").unwrap_or_default();
    let has_rust = |folder: &PathBuf| ["cargo", "rustc", "rustup"].iter().any(|name| folder.join(name).exists());
    Ok(env::join_paths(env::split_paths(&path).filter(|folder| !has_rust(folder)))?)
}

/// The version that a program states must be that of the packages.
fn ensure_version(command: &mut Command) -> Result<()> {
    let stated = output(command.arg("--version"))?;
    ensure!(stated.starts_with(&format!("elks-mcp {VERSION}")), "the installed program states {stated}");
    Ok(())
}
