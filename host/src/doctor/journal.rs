//! The journal of sends: its folder or database, whether it can be used, and what stands in it. Nothing is made or
//! changed that the start of the program would not.

#[cfg(feature = "postgres")]
use super::finding::Status;
use super::finding::{Finding, Group};
use crate::clock::SystemClock;
use crate::config::DEFAULT_KEEP_DAYS;
use crate::config::parts::Parts;
use crate::count::count;
use crate::ledger::{self, Ledger, Location, Look};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How long the lock of the journal is waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// The checks, as programs know them.
const FOLDER: &str = "folder";
#[cfg(feature = "postgres")]
const DATABASE: &str = "database";
const CONTENT: &str = "content";

/// Everything about the journal. `offline`: nothing is connected to.
#[cfg_attr(not(feature = "postgres"), expect(unused_variables, reason = "a folder needs no connection"))]
pub(super) fn findings(parts: &Parts, offline: bool) -> Vec<Finding> {
    let sends = parts.dry_run == Some(false);
    let Some(state) = &parts.state else {
        return vec![skipped("its settings have problems, which stand above")];
    };
    let Some(credentials) = &parts.credentials else {
        return vec![skipped("username or password cannot be used: each account has a journal of its own")];
    };
    let Some(location) = state.location(&ledger::folder(credentials.username())) else {
        return vec![in_memory(sends)];
    };
    let folder = match &location {
        Location::Folder(folder) => folder,
        #[cfg(feature = "postgres")]
        Location::Database(address, _) if offline => {
            let text = format!("{address} was not connected to, because of --offline");
            return vec![Finding::skipped(Group::Journal, DATABASE, text)];
        }
        #[cfg(feature = "postgres")]
        Location::Database(address, _) => {
            let (can, cannot) = (format!("{address} can be locked and read"), format!("{address} cannot be used"));
            let used =
                if sends { usable(&location, DATABASE, can, &cannot) } else { read_only(&location, can, &cannot) };
            let used = used.fact("has_tls", address.has_tls());
            return if used.status == Status::Ok { vec![used, content(&location, sends)] } else { vec![used] };
        }
    };
    if folder.symlink_metadata().is_err() {
        return vec![to_be_made(folder, sends)];
    }
    let shown = folder.display();
    let used = if sends {
        let can = format!("{shown} can be locked and read");
        usable(&location, FOLDER, can, &format!("{shown} cannot be used")).fact("exists", true)
    } else {
        unused(folder)
    };
    vec![used.fact("path", shown.to_string()), content(&location, sends)]
}

/// A database that a dry run only reads.
#[cfg(feature = "postgres")]
fn read_only(location: &Location, can: String, cannot: &str) -> Finding {
    match ledger::look(location) {
        Ok(_) => Finding::ok(Group::Journal, DATABASE, format!("{can}; a dry run does not use it")),
        Err(unavailable) => Finding::warning(Group::Journal, DATABASE, format!("{cannot}; a dry run does not use it"))
            .next(unavailable.to_string()),
    }
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

/// Takes the lock and reads the journal, as a start does.
fn usable(location: &Location, check: &'static str, can: String, cannot: &str) -> Finding {
    let ledger = Ledger::at(location.clone(), DEFAULT_KEEP_DAYS, Arc::new(SystemClock)).waiting_at_most(PATIENCE);
    match ledger.with(|_| ()) {
        Ok(()) => Finding::ok(Group::Journal, check, can),
        Err(unavailable) => Finding::problem(Group::Journal, check, format!("{cannot}, so nothing is sent"))
            .next(unavailable.to_string()),
    }
}

/// What stands in the journal.
fn content(location: &Location, sends: bool) -> Finding {
    match ledger::look(location) {
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
