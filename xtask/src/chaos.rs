//! The long form of the test that kills programs in the middle of a send. `cargo test` runs the short one.

use crate::process::{cargo, run};
use anyhow::Result;

/// The name of the test.
const TEST: &str = "chaos::programs_killed_at_every_step_never_send_too_much_twice_or_unrecorded";

/// Runs so many rounds. The test prints how many kills it survived.
pub(crate) fn run_rounds(rounds: u32) -> Result<()> {
    let mut test = cargo("test --locked --package elks-mcp --test promises --");
    run(test.args(["--exact", TEST, "--nocapture"]).env("CHAOS_ROUNDS", rounds.to_string()))
}
