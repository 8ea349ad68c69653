//! The program itself: what it is, and which components are in it. The one that it runs must load on this machine.

use super::finding::{Finding, Group};
use crate::component::{self, CONFIGURED_ORIGIN, CONFIGURED_SHA256, IS_OWN, ORIGIN, SHA256};
use crate::origin::{COMMIT, TARGET, VERSION};

/// What the program is.
pub(super) fn findings() -> Vec<Finding> {
    let text = format!("{VERSION}, commit {COMMIT}, for {TARGET}");
    let loaded = component::load().map(drop).map_err(|error| error.to_string());
    vec![Finding::ok(Group::Program, "version", text), of_component(loaded, IS_OWN), of_configured()]
}

fn of_component(loaded: Result<(), String>, is_own: bool) -> Finding {
    let found = match loaded {
        Ok(()) if is_own => Finding::ok(Group::Program, "component", format!("SHA-256 {SHA256}, {ORIGIN}")),
        Ok(()) => Finding::warning(Group::Program, "component", format!("SHA-256 {SHA256}, {ORIGIN}"))
            .next("It is not the component of this release. Whoever built this program knows why."),
        Err(error) => Finding::problem(Group::Program, "component", format!("it cannot be loaded here: {error}"))
            .next("Install the program again, for the processor and system of this computer."),
    };
    found.fact("sha256", SHA256).fact("origin", ORIGIN)
}

/// The component for other hosts. The program only writes it to a file, so nothing about it can fail here.
fn of_configured() -> Finding {
    let text = format!("SHA-256 {CONFIGURED_SHA256}, {CONFIGURED_ORIGIN}: the component for other hosts");
    Finding::ok(Group::Program, "configured", text).fact("sha256", CONFIGURED_SHA256).fact("origin", CONFIGURED_ORIGIN)
}

#[cfg(test)]
mod tests {
    use super::super::finding::Status;
    use super::*;

    #[test]
    fn a_component_that_cannot_be_loaded_or_is_another_is_named() {
        for (loaded, is_own, status, words) in [
            (Ok(()), true, Status::Ok, SHA256),
            (Ok(()), false, Status::Warning, "It is not the component of this release"),
            (Err("no such processor"), true, Status::Problem, "it cannot be loaded here: no such processor"),
            (Err("no such processor"), false, Status::Problem, "Install the program again"),
        ] {
            let found = of_component(loaded.map_err(str::to_string), is_own);
            let said = format!("{} {}", found.text, found.next.unwrap_or_default());
            assert_eq!((found.status, said.contains(words)), (status, true), "{said}");
            assert_eq!(found.facts["sha256"], SHA256);
        }
    }
}
