//! The program itself: what it is, and whether its component can be loaded on this machine.

use super::finding::{Finding, Group};
use crate::component::{self, IS_OWN, ORIGIN, SHA256};
use crate::origin::{COMMIT, TARGET, VERSION};

/// What the program is.
pub(super) fn findings() -> Vec<Finding> {
    let text = format!("{VERSION}, commit {COMMIT}, for {TARGET}");
    vec![Finding::ok(Group::Program, "version", text), of_component()]
}

fn of_component() -> Finding {
    let found = match component::load() {
        Ok(_) if IS_OWN => Finding::ok(Group::Program, "component", format!("SHA-256 {SHA256}, {ORIGIN}")),
        Ok(_) => Finding::warning(Group::Program, "component", format!("SHA-256 {SHA256}, {ORIGIN}"))
            .next("It is not the component of this release. Whoever built this program knows why."),
        Err(error) => Finding::problem(Group::Program, "component", format!("it cannot be loaded here: {error}"))
            .next("Install the program again, for the processor and system of this computer."),
    };
    found.fact("sha256", SHA256).fact("origin", ORIGIN)
}
