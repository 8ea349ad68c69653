//! The journal of sends: its folder, whether it can be used, and what stands in it. Nothing is made or changed that the
//! start of the program would not.

use super::finding::{Finding, Group};
use crate::clock::SystemClock;
use crate::config::parts::Parts;
use crate::config::{DEFAULT_KEEP_DAYS, State};
use crate::count::count;
use crate::ledger::{self, Ledger, Look};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How long the lock of the journal is waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// The checks, as programs know them.
const FOLDER: &str = "folder";
const CONTENT: &str = "content";

/// Everything about the journal.
pub(super) fn findings(parts: &Parts) -> Vec<Finding> {
    let sends = parts.dry_run == Some(false);
    let folder = match &parts.state {
        Some(State::Disk(folder)) => folder,
        Some(State::Memory) => return vec![in_memory(sends)],
        None => return vec![skipped("its settings have problems, which stand above")],
    };
    let Some(credentials) = &parts.credentials else {
        return vec![skipped("username or password cannot be used: each account has a folder of its own")];
    };
    let folder = folder.join(ledger::folder(credentials.username()));
    if folder.symlink_metadata().is_err() {
        return vec![to_be_made(&folder, sends)];
    }
    let used = if sends { usable(&folder) } else { unused(&folder) };
    vec![used.fact("path", folder.display().to_string()), content(&folder, sends)]
}

fn skipped(reason: &str) -> Finding {
    Finding::skipped(Group::Journal, FOLDER, format!("not looked at, because {reason}"))
}

fn in_memory(sends: bool) -> Finding {
    if !sends {
        return Finding::ok(Group::Journal, FOLDER, "none, and none is needed: DRY_RUN is on");
    }
    let text = "none is kept (ELKS_STATE=memory): limits and duplicates are those of one process, and end with it";
    Finding::warning(Group::Journal, FOLDER, text).next("Unset ELKS_STATE to keep a journal on the disk.")
}

/// The folder that the first start with `DRY_RUN=false` will make.
fn to_be_made(folder: &Path, sends: bool) -> Finding {
    let shown = folder.display();
    let above = folder.ancestors().skip(1).find(|above| above.exists());
    let found = if !sends {
        Finding::ok(Group::Journal, FOLDER, format!("{shown} is made at the first start with DRY_RUN=false"))
    } else if above.is_some_and(can_make_in) {
        Finding::ok(Group::Journal, FOLDER, format!("{shown} is made at the next start"))
    } else {
        Finding::problem(Group::Journal, FOLDER, format!("{shown} is not there and cannot be made, so nothing is sent"))
            .next("Set ELKS_STATE_DIR to a folder that this user can write to.")
    };
    found.fact("path", shown.to_string()).fact("exists", false)
}

/// Whether this user can make a folder in another.
#[cfg(unix)]
fn can_make_in(folder: &Path) -> bool {
    use rustix::fs::{Access, access};
    folder.is_dir() && access(folder, Access::WRITE_OK | Access::EXEC_OK).is_ok()
}

/// Access lists are not looked at.
#[cfg(not(unix))]
fn can_make_in(folder: &Path) -> bool {
    folder.is_dir()
}

/// A folder that a dry run leaves alone.
fn unused(folder: &Path) -> Finding {
    let text = format!("{} is there; a dry run does not use it", folder.display());
    Finding::ok(Group::Journal, FOLDER, text).fact("exists", true)
}

/// Locks the folder and reads it, as a start does.
fn usable(folder: &Path) -> Finding {
    let ledger = Ledger::on_disk(folder.into(), DEFAULT_KEEP_DAYS, Arc::new(SystemClock)).waiting_at_most(PATIENCE);
    let found = match ledger.with(|_| ()) {
        Ok(()) => Finding::ok(Group::Journal, FOLDER, format!("{} can be locked and read", folder.display())),
        Err(unavailable) => {
            let text = format!("{} cannot be used, so nothing is sent", folder.display());
            Finding::problem(Group::Journal, FOLDER, text).next(unavailable.to_string())
        }
    };
    found.fact("exists", true)
}

/// What stands in the journal.
fn content(folder: &Path, sends: bool) -> Finding {
    match ledger::look(folder) {
        Ok(look) => of_look(&look, sends),
        Err(unavailable) => {
            Finding::problem(Group::Journal, CONTENT, "it cannot be read").next(unavailable.to_string())
        }
    }
}

fn of_look(look: &Look, sends: bool) -> Finding {
    let newest = match look.newest {
        Some((seq, at)) => format!("the newest event is {seq}, of {}", at.format("%Y-%m-%d %H:%M:%S UTC")),
        None => "there is no event yet".into(),
    };
    let open = match look.open {
        0 => String::new(),
        open => format!("; {} without a known outcome", count(open as u64, "send")),
    };
    let found = match (&look.broken, look.paused) {
        (Some(broken), _) => {
            let text = format!("it was changed by something else: {broken}");
            let found = if sends { Finding::problem(Group::Journal, CONTENT, text) } else { warning(text) };
            found.next("Run `elks-mcp audit verify`, and find out what changed it.")
        }
        (None, Some(since)) => {
            let since = since.format("%Y-%m-%d %H:%M:%S UTC");
            warning(format!("sending is paused since {since}; {newest}{open}"))
                .next("`elks-mcp resume` ends the pause.")
        }
        (None, None) => Finding::ok(Group::Journal, CONTENT, format!("it is whole; {newest}{open}")),
    };
    let newest = look.newest.map(|(seq, _)| seq);
    let facts = found.fact("newest", newest).fact("open", look.open).fact("is_paused", look.paused.is_some());
    facts.fact("is_whole", look.broken.is_none())
}

fn warning(text: String) -> Finding {
    Finding::warning(Group::Journal, CONTENT, text)
}
