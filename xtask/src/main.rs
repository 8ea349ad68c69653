//! `cargo xtask`: everything that contributors and CI run besides `cargo test`.
//!
//! A task starts other programs and compares what they print. It must never hold a rule about SMS, a secret, or a path
//! outside the repository.

#![expect(clippy::print_stdout, reason = "stdout of a task is for people; the program's own stdout belongs to MCP")]
#![expect(clippy::disallowed_methods, reason = "tasks take their few settings from the environment, as cargo does")]

mod channels;
mod chaos;
mod ci;
mod component;
mod dist;
mod figures;
mod fuzz;
mod instructions;
mod interop;
mod package;
mod picture;
mod platforms;
mod process;
mod reproduce;
mod size;
mod wine;
mod workflows;

use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// Tasks for contributors and CI.
#[derive(Parser)]
#[command(name = "xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Run every check of a submission; this is what `.ci/run` calls
    Ci,
    /// Build the components and print where each is, its size and its SHA-256
    Component,
    /// Build the components in another folder and under another home, and compare the bytes
    Reproduce,
    /// Check the release program: under 13 MB, and no compiler inside
    Size {
        /// A program that is already built; without it the release program is built
        program: Option<PathBuf>,
    },
    /// Compare docs/figures.json with what is measured now
    Figures,
    /// Measure, and write docs/figures.json
    Update,
    /// Count the instructions of a start and of calls with valgrind, as docs/figures.json has them
    Instructions {
        /// A program that is already built; without it the release program is built
        program: Option<PathBuf>,
    },
    /// Draw docs/demo.svg, the animated picture of the demo, from the recorded transcript
    Picture {
        /// Compare the picture with the transcript instead
        #[arg(long)]
        check: bool,
    },
    /// Check .github/ with actionlint and zizmor
    Workflows,
    /// Run other people's MCP clients and conformance tools, and other hosts of the component
    Interop {
        /// Folder with the official MCP schemas, one VERSION.json each; without it the variable MCP_SCHEMAS
        #[arg(long, value_name = "DIR")]
        schemas: Option<PathBuf>,
        /// Only the other hosts: each page of docs/hosts
        #[arg(long)]
        hosts: bool,
    },
    /// Fuzz each target for some seconds (needs the nightly toolchain)
    Fuzz {
        /// How long each target runs; without it the variable FUZZ_SECONDS, or 10
        #[arg(long, value_name = "N")]
        seconds: Option<u32>,
    },
    /// Kill programs in the middle of sends for many rounds, and count the messages
    Chaos {
        /// How many rounds; 100 last about a minute
        #[arg(long, value_name = "N", default_value_t = 300)]
        rounds: u32,
    },
    /// Make every package of a release in target/dist
    Dist {
        /// Only for this system; may be repeated
        #[arg(long, value_name = "TRIPLE")]
        target: Vec<String>,
        /// A program that is built already; the one for macOS comes from a Mac
        #[arg(long, value_name = "TRIPLE=FILE")]
        program: Vec<dist::Given>,
        /// Refuse a release that lacks a system, or a checkout with changes
        #[arg(long)]
        release: bool,
    },
    /// Install each package of target/dist as a user does, and play a session in the simulator over it
    Channels,
    /// Run the tests of the program for Windows under Wine, and check the types of the program for macOS
    Platforms,
    /// Pack the published crates, build the program from the packages alone, and compare its components
    Package {
        /// Keep host/component/ afterwards, so that `cargo publish` finds it
        #[arg(long)]
        keep: bool,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("✗ {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> anyhow::Result<()> {
    match task {
        Task::Ci => ci::run_all(),
        Task::Component => component::print(),
        Task::Reproduce => reproduce::compare(),
        Task::Size { program } => size::check(program),
        Task::Figures => figures::check(),
        Task::Update => figures::update(),
        Task::Instructions { program } => instructions::print(&program.map_or_else(dist::reference_program, Ok)?),
        Task::Picture { check: false } => picture::update(),
        Task::Picture { check: true } => picture::check(),
        Task::Workflows => workflows::check(),
        Task::Interop { hosts: true, .. } => interop::run_hosts().map(drop),
        Task::Interop { schemas, .. } => interop::run_all(schemas).map(drop),
        Task::Fuzz { seconds } => fuzz::run_all(seconds),
        Task::Chaos { rounds } => chaos::run_rounds(rounds),
        Task::Dist { target, program, release } => dist::make(&dist::chosen(&target, &program)?, &program, release),
        Task::Channels => channels::try_all().map(drop),
        Task::Platforms => platforms::run_all().map(drop),
        Task::Package { keep } => package::check(keep),
    }
}
