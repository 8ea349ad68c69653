//! The release program must be small and must hold no compiler. The exact size is a figure, not a bound: `figures.rs`.

use crate::dist;
use crate::process::{cargo, output};
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::PathBuf;

/// The bound that README.md states, in bytes. A download of 13 MB takes a second on an office line of 100 Mbit/s.
const MAX_PROGRAM_BYTES: u64 = 13_000_000;

/// Crates that compile WebAssembly. The program runs an image that was compiled when it was built.
const COMPILERS: [&str; 2] = ["cranelift-codegen", "winch"];

/// Checks a program, or the release program for Linux x86-64, which it builds first.
pub(crate) fn check(program: Option<PathBuf>) -> Result<()> {
    let program = program.map_or_else(dist::reference_program, Ok)?;
    let bytes = fs::metadata(&program).with_context(|| format!("cannot read {}", program.display()))?.len();
    println!("the program has {bytes} bytes, of at most {MAX_PROGRAM_BYTES}");
    ensure!(bytes < MAX_PROGRAM_BYTES, "the program is too large: make it smaller, or change the bound and README.md");

    let crates = output(&mut cargo("tree --locked --package elks-mcp --edges normal --prefix none"))?;
    let compiler = crates.lines().find(|line| COMPILERS.iter().any(|compiler| line.starts_with(compiler)));
    ensure!(compiler.is_none(), "the program contains a compiler: {}", compiler.unwrap_or_default());
    println!("no compiler is in it");
    Ok(())
}
