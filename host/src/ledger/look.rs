//! A look at a journal, for `elks-mcp doctor`. Nothing is changed, and no lock is needed.

use super::event::{Event, Outcome};
use super::store::Location;
use super::unavailable::{Broken, Unavailable};
use super::walk::{Stop, walk};
use chrono::{DateTime, Utc};
use std::collections::BTreeSet;

/// What stands in a journal.
pub(crate) struct Look {
    /// The number and time of the newest event.
    pub(crate) newest: Option<(u64, DateTime<Utc>)>,
    /// How many sends have no known outcome.
    pub(crate) open: usize,
    /// Since when sending is paused.
    pub(crate) paused: Option<DateTime<Utc>>,
    /// The first fault; nothing after it was read.
    pub(crate) broken: Option<Broken>,
}

/// Looks at a journal.
///
/// # Errors
/// It cannot be read.
pub(crate) fn look(location: &Location) -> Result<Look, Unavailable> {
    let (mut open, mut paused) = (BTreeSet::new(), None);
    let walked = walk(location, |checked, _| {
        match &checked.event {
            Event::Intent(_) => drop(open.insert(checked.tip.seq)),
            Event::Outcome { of, outcome, .. } if *outcome != Outcome::Unknown => drop(open.remove(of)),
            Event::Paused => paused = paused.or(Some(checked.at)),
            Event::Resumed => paused = None,
            _ => {}
        }
        Ok(())
    });
    let newest = |walked: &super::walk::Walked| walked.tip.at.map(|at| (walked.tip.seq, at));
    match walked {
        Ok(walked) => Ok(Look { newest: newest(&walked), open: open.len(), paused, broken: walked.broken }),
        Err(Stop::Broken(broken)) => Err(broken.into()),
        Err(Stop::Unreadable(unavailable)) => Err(unavailable),
        Err(Stop::Output(error)) => Err(Unavailable::Disk { doing: "reading the send journal", error }),
    }
}
