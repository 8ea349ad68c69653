//! The programs of a release: one for each system, with the same components in each.
//!
//! cargo-auditable writes the list of crates into each. For systems other than Linux x86-64, cargo-zigbuild compiles
//! and links with the compiler and the C libraries of Zig. No path of the building machine is in a program.

use super::target::Target;
use crate::component::Kind;
use crate::process::{
    is_reference_platform, output, path_with, python_packages, root, run, target as target_folder, tool,
};
use anyhow::{Context, Result, ensure};
use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::str::FromStr;

/// The version of cargo-auditable.
const AUDITABLE_VERSION: &str = "0.7.7";

/// The program of a system.
pub(super) struct Program {
    pub(super) target: &'static Target,
    pub(super) bytes: Vec<u8>,
}

/// A program that somebody has built already: `TRIPLE=FILE`.
#[derive(Clone, Debug)]
pub(crate) struct Given {
    pub(crate) target: &'static Target,
    file: PathBuf,
}

impl FromStr for Given {
    type Err = String;

    fn from_str(given: &str) -> Result<Self, String> {
        let (triple, file) = given.split_once('=').ok_or("write TRIPLE=FILE")?;
        let target = Target::of(triple).ok_or_else(|| format!("{triple} is no system of a release"))?;
        Ok(Self { target, file: file.into() })
    }
}

/// The programs for these systems.
pub(super) fn all(
    targets: &[&'static Target],
    given: &[Given],
    components: &[(&Kind, Vec<u8>)],
) -> Result<Vec<Program>> {
    let to_build: Vec<_> =
        targets.iter().copied().filter(|target| !given.iter().any(|it| it.target.triple == target.triple)).collect();
    build(&to_build)?;
    let mut programs = Vec::new();
    for target in targets {
        let file = match given.iter().find(|given| given.target.triple == target.triple) {
            Some(given) => given.file.clone(),
            None => built(target),
        };
        let bytes = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
        // The universal program for macOS is two programs, each with its components.
        let expected = if target.is_mac() { 2 } else { 1 };
        for (kind, component) in components {
            let found = count(&bytes, component);
            ensure!(found == expected, "{} has {} {found} times, not {expected}", file.display(), kind.name);
        }
        programs.push(Program { target, bytes });
    }
    println!("the same components are in every program");
    Ok(programs)
}

/// The program for Linux x86-64, as a release has it.
pub(crate) fn reference_program() -> Result<PathBuf> {
    build(&[Target::reference()])?;
    Ok(built(Target::reference()))
}

/// Where cargo writes the program of a system.
fn built(target: &Target) -> PathBuf {
    target_folder().join(target.triple).join("release").join(target.program_name())
}

/// Builds for these systems.
fn build(targets: &[&'static Target]) -> Result<()> {
    let installed = output(Command::new("rustup").args(["target", "list", "--installed"]).current_dir(root()))?;
    for target in targets {
        let triple = target.triple;
        ensure!(target.can_be_built(), "{triple} is built on a Mac: give the program with --program {triple}=FILE");
        if !installed.lines().any(|line| line == triple) {
            run(Command::new("rustup").args(["target", "add", triple]).current_dir(root()))?;
        }
    }
    let (here, elsewhere): (Vec<_>, Vec<_>) =
        targets.iter().partition(|target| is_reference_platform() && target.triple == Target::reference().triple);
    if !here.is_empty() {
        // rustc comes with a linker and a C library. The program is position-independent, which Zig's would not be.
        // The C code of ring needs no C library, but some compilers would have it call checks that only GNU's has.
        let target = [
            ("CARGO_TARGET_X86_64_UNKNOWN_LINUX_MUSL_LINKER", "rust-lld"),
            ("CC_x86_64_unknown_linux_musl", "cc"),
            ("CFLAGS_x86_64_unknown_linux_musl", "-U_FORTIFY_SOURCE"),
        ];
        run(auditable("build", &here, Vec::new())?.envs(target))?;
    }
    if !elsewhere.is_empty() {
        let zig = python_packages(&target_folder().join("zig"), &root().join("xtask/requirements.txt"), &[])?;
        run(&mut auditable("zigbuild", &elsewhere, vec![zig])?)?;
    }
    Ok(())
}

/// A build with the list of crates in each program. One run of cargo compiles what build scripts need only once.
fn auditable(subcommand: &str, targets: &[&&'static Target], mut tools: Vec<PathBuf>) -> Result<Command> {
    tools.push(tool("cargo-auditable", AUDITABLE_VERSION)?);
    let mut cargo = Command::new("cargo");
    cargo.current_dir(root()).args(["auditable", subcommand, "--release", "--locked", "--quiet"]);
    cargo.args(["--package", "elks-mcp", "--bin", "elks-mcp"]);
    cargo.args(targets.iter().flat_map(|target| ["--target", target.triple]));
    cargo.env("PATH", path_with(&tools)?).env("RUSTFLAGS", flags()?);
    Ok(cargo)
}

/// Keeps paths of the building machine out of the program: the checkout, and the unpacked sources of the crates.
fn flags() -> Result<String> {
    let home = || env::home_dir().map(|home| home.join(".cargo"));
    let cargo_home = env::var_os("CARGO_HOME").map(PathBuf::from).or_else(home).context("there is no CARGO_HOME")?;
    let mut flags = vec![format!("--remap-path-prefix={}=.", root().display())];
    for registry in fs::read_dir(cargo_home.join("registry/src")).into_iter().flatten() {
        flags.push(format!("--remap-path-prefix={}=crates", registry?.path().display()));
    }
    let flags = flags.join(" ");
    ensure!(flags.split(' ').count() == flags.matches("--remap").count(), "cargo needs paths without spaces here");
    Ok(flags)
}

/// How often a component stands in a program.
fn count(program: &[u8], component: &[u8]) -> usize {
    // Most places differ in the first bytes, so this is quick.
    program.windows(component.len()).filter(|at| at[..16] == component[..16] && *at == component).count()
}
