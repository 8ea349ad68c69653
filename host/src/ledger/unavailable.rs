//! Why the ledger cannot be used. Then nothing is sent. Each error says what is wrong and what to do next; none has a
//! path, because a path names the user of the computer.

use super::time::is_written;
use chrono::{DateTime, Utc};
use std::fmt;
use std::io;

/// Why the ledger cannot be used. The next use tries again.
#[derive(Debug)]
pub enum Unavailable {
    /// Reading or writing failed.
    Disk {
        /// What was being done, such as "writing to the send journal".
        doing: &'static str,
        /// What the system said.
        error: io::Error,
    },
    /// Another process or thread has used the journal for too long.
    Busy,
    /// The journal is not as this program wrote it.
    Broken(Broken),
    /// The clock does not fit the journal or 46elks's clock.
    Clock {
        /// Whose clock the ledger goes by.
        whose: Whose,
        /// That clock.
        ours: DateTime<Utc>,
        /// The time of the newest event, if there is one.
        newest: Option<DateTime<Utc>>,
        /// 46elks's clock, if that is what does not fit.
        server: Option<DateTime<Utc>>,
    },
    /// Others may be able to read or change the journal, or it is no plain file.
    Permissions {
        /// The file's name without its folder; "the journal's folder" for that.
        file: String,
        /// What is wrong with it.
        wrong: &'static str,
    },
    /// The database cannot be used.
    #[cfg(feature = "postgres")]
    Database(crate::database::Fault),
}

/// Whose clock a ledger goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// This computer's.
    Computer,
    /// The database server's, which all computers that share it go by.
    Server,
}

impl fmt::Display for Whose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Computer => "this computer",
            Self::Server => "the database server",
        })
    }
}

/// Where and how a journal is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The file's name, without its folder; nothing for a journal in a database, where a line is an event.
    pub file: Option<String>,
    /// The line, from 1; 0 for the file as a whole.
    pub line: u64,
    /// What is wrong.
    pub fault: Damage,
}

/// What is wrong with a line of a journal, or with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// The line is longer than any that this program writes.
    TooLong,
    /// The line is not one of a journal.
    NotALine,
    /// The line's bytes are not those over which its head was made.
    Changed,
    /// The line is whole, but this version of the program does not know all of it.
    Newer,
    /// Events are missing, doubled or in another order.
    Order {
        /// The `seq` that should stand here.
        expected: u64,
        /// The `seq` that stands here.
        found: u64,
    },
    /// The line follows another line than the one before it.
    Follows,
    /// The line's time is before the time of the line before it.
    Back,
    /// The line names an event that is not before it.
    Names,
    /// The months before this file are missing, and the journal does not say that they were removed.
    Beginning,
    /// The last line has no end, and it is not in the newest file.
    NoEnd,
    /// The file is shorter than it was.
    Shorter,
    /// Another file is in this file's place, or its last line is another.
    Replaced,
    /// The file is not there any more.
    Gone,
    /// Something else wrote to the file although it was locked.
    Unlocked,
    /// The event is not in the database any more.
    Missing,
    /// Another event of the database has its number.
    Rewritten,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "it is longer than any line of a journal",
            Self::NotALine => "it is not a line of a journal",
            Self::Changed => "it was changed after it was written",
            Self::Newer => "a newer version of elks-mcp wrote it",
            Self::Order { expected, found } => {
                return write!(f, "it is event {found}, where event {expected} should be");
            }
            Self::Follows => "it does not follow the event before it",
            Self::Back => "its time is before that of the event before it",
            Self::Names => "it names an event that is not before it",
            Self::Beginning => "the events before it are missing",
            Self::NoEnd => "it was cut off",
            Self::Shorter => "the file is shorter than it was",
            Self::Replaced => "another file is in its place",
            Self::Gone => "the file is not there any more",
            Self::Unlocked => "something else wrote to it; locks may not work in this folder",
            Self::Missing => "it is not there any more",
            Self::Rewritten => "it is not the one that was there before",
        })
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.file, self.line) {
            (Some(file), 0) => write!(f, "{file}: {}", self.fault),
            (Some(file), line) => write!(f, "{file}, line {line}: {}", self.fault),
            (None, 0) => write!(f, "the database: {}", self.fault),
            (None, event) => write!(f, "event {event} of the database: {}", self.fault),
        }
    }
}

/// What to do about a clock, after whose it is.
const MEND_CLOCK: &str = "clock. If it is right, an answer of 46elks is needed that confirms it: try again when 46elks \
                          can be reached.";

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disk { doing, error } => write!(
                f,
                "{doing} failed: {error}. Check that ELKS_STATE_DIR is a folder that this user can write to, and that \
                 the disk is not full."
            ),
            Self::Busy => f.write_str(
                "another process has used the send journal for too long. Try again in some seconds. If that does not \
                 help, look for a process of elks-mcp that hangs, and end it.",
            ),
            Self::Broken(Broken { fault: Damage::Newer, .. }) => f.write_str(
                "a newer version of elks-mcp has written to the send journal. Use that version for this account.",
            ),
            Self::Broken(broken) => {
                write!(
                    f,
                    "the send journal was changed by something else: {broken}. Run `elks-mcp audit verify`, and find \
                     out what changed it. To begin a new journal, "
                )?;
                f.write_str(match broken.file {
                    Some(_) => "move the account's folder away and start elks-mcp again",
                    None => {
                        "let the owner of the database move the account's rows to another table, and start every \
                         elks-mcp of the account again"
                    }
                })?;
                f.write_str(": limits and duplicates are then counted anew.")
            }
            Self::Clock { whose, ours, newest, server } => {
                write!(f, "{whose}'s clock ({}) is ", Time(ours))?;
                match (server, newest) {
                    (Some(server), _) if is_written(*ours) => write!(
                        f,
                        "more than 5 minutes away from 46elks's clock ({}). Set {whose}'s {MEND_CLOCK}",
                        Time(server)
                    ),
                    (None, Some(newest)) if is_written(*ours) => write!(
                        f,
                        "more than 5 minutes behind the newest event of the send journal ({}). Set {whose}'s \
                         {MEND_CLOCK}",
                        Time(newest)
                    ),
                    _ => write!(f, "out of range. Set {whose}'s clock."),
                }
            }
            Self::Permissions { file, wrong } => {
                write!(
                    f,
                    "{file} {wrong}. Let only this user read and write the journal's folder, with plain files in it, \
                     and let nobody else write to the folder above it."
                )
            }
            #[cfg(feature = "postgres")]
            Self::Database(fault) => fault.fmt(f),
        }
    }
}

/// A time in a sentence.
pub(super) struct Time<'a>(pub(super) &'a DateTime<Utc>);

impl fmt::Display for Time<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.format("%Y-%m-%d %H:%M:%S UTC"))
    }
}

impl std::error::Error for Unavailable {}

#[cfg(feature = "postgres")]
impl From<crate::database::Fault> for Unavailable {
    fn from(fault: crate::database::Fault) -> Self {
        Self::Database(fault)
    }
}

impl From<Broken> for Unavailable {
    fn from(broken: Broken) -> Self {
        Self::Broken(broken)
    }
}

/// Names what was being done when the system refused.
pub(super) trait Doing<T> {
    /// The same result, with an error that names what was being done.
    fn doing(self, doing: &'static str) -> Result<T, Unavailable>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, doing: &'static str) -> Result<T, Unavailable> {
        self.map_err(|error| Unavailable::Disk { doing, error })
    }
}
