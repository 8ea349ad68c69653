//! Writes the manual pages and the completions for shells into a folder: `cargo run --example pages -- FOLDER`. The
//! archives of a release carry them.

use clap::{CommandFactory, ValueEnum};
use clap_complete::{Shell, generate_to};
use elks_mcp::cli::Arguments;
use elks_mcp::origin;
use std::error::Error;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).ok_or("name a folder")?;
    // The pages are for every system, so they name no commit and no target.
    let command = || Arguments::command().version(origin::VERSION);
    for shell in Shell::value_variants() {
        generate_to(*shell, &mut command(), "elks-mcp", &folder)?;
    }
    clap_mangen::generate_to(command(), Path::new(&folder))?;
    Ok(())
}
