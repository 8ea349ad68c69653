//! Where an account's journal is kept: in a folder, in a database, or nowhere but in memory. The rest of the ledger
//! does not know the difference: each store gives the lock, the events of others, and the time by which they are
//! judged.

use super::chain;
use super::event::Event;
use super::journal::{Contents, Journal};
use super::lock::Lock;
#[cfg(feature = "postgres")]
use super::rows::Rows;
use super::unavailable::{Unavailable, Whose};
use crate::clock::Clock;
#[cfg(feature = "postgres")]
use crate::database::Address;
use chrono::{DateTime, Utc};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
#[cfg(feature = "postgres")]
use std::sync::Arc;
use std::time::Instant;

/// Where the journal of an account is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// In a folder of the account's own.
    Folder(PathBuf),
    /// In a database, as rows of an account.
    #[cfg(feature = "postgres")]
    Database(Arc<Address>, String),
}

impl Location {
    /// The name of the account: 16 hexadecimal digits, as [`folder`](super::folder) makes them.
    pub fn account(&self) -> String {
        match self {
            Self::Folder(folder) => name_of(folder),
            #[cfg(feature = "postgres")]
            Self::Database(_, account) => account.clone(),
        }
    }

    /// Whether it is a folder that was not made yet.
    pub(crate) fn is_missing(&self) -> bool {
        match self {
            Self::Folder(folder) => {
                matches!(folder.symlink_metadata(), Err(error) if error.kind() == io::ErrorKind::NotFound)
            }
            #[cfg(feature = "postgres")]
            Self::Database(..) => false,
        }
    }
}

fn name_of(folder: &Path) -> String {
    folder.file_name().map_or(String::new(), |name| name.to_string_lossy().into_owned())
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => write!(f, "{}", folder.display()),
            #[cfg(feature = "postgres")]
            Self::Database(address, account) => write!(f, "account {account} in {address}"),
        }
    }
}

/// A store, and how far this process has read it.
pub(super) enum Store {
    /// Nothing but memory.
    Memory,
    /// A folder.
    Folder(Journal),
    /// A database.
    #[cfg(feature = "postgres")]
    Database(Box<Rows>),
}

/// A store while nobody else can append to it.
pub(super) struct Held {
    /// The time by which a send is judged, before the ledger's rules about it.
    pub(super) ours: DateTime<Utc>,
    _lock: Option<Lock>,
}

impl Store {
    /// The store of a location. Nothing is read or written yet.
    pub(super) fn of(location: Location, keep_days: u32) -> Self {
        match location {
            Location::Folder(folder) => Self::Folder(Journal::new(folder, keep_days)),
            #[cfg(feature = "postgres")]
            Location::Database(address, account) => Self::Database(Box::new(Rows::new(address, account))),
        }
    }

    /// Waits until nobody else can append, and reads what others have appended.
    pub(super) fn hold(
        &mut self,
        contents: &mut Contents,
        clock: &dyn Clock,
        deadline: Instant,
    ) -> Result<Held, Unavailable> {
        match self {
            Self::Memory => Ok(Held { ours: clock.now(), _lock: None }),
            Self::Folder(journal) => {
                let lock = journal.lock(deadline)?;
                let ours = clock.now();
                let was_empty = contents.tip.seq == 0;
                journal.read_on(contents, ours)?;
                if contents.must_begin_again(was_empty) {
                    self.read_again(contents, ours)?;
                }
                Ok(Held { ours, _lock: Some(lock) })
            }
            #[cfg(feature = "postgres")]
            Self::Database(rows) => {
                let ours = rows.hold(contents, deadline).inspect_err(|_| rows.release())?;
                Ok(Held { ours, _lock: None })
            }
        }
    }

    /// Reads everything from the beginning.
    pub(super) fn read_again(&mut self, contents: &mut Contents, clock: DateTime<Utc>) -> Result<(), Unavailable> {
        match self {
            Self::Memory => return Ok(()),
            Self::Folder(journal) => {
                *contents = Contents::default();
                journal.forget();
                journal.read_on(contents, clock)?;
            }
            #[cfg(feature = "postgres")]
            Self::Database(rows) => {
                *contents = Contents::default();
                rows.read_on(contents, clock)?;
            }
        }
        contents.redated = false;
        Ok(())
    }

    /// Appends an event and returns its number. It is durable then. When this fails, nothing was appended, or the next
    /// use finds what was. `confirmed`: 46elks's clock agrees with the event's time.
    pub(super) fn append(
        &mut self,
        contents: &mut Contents,
        at: DateTime<Utc>,
        event: Event,
        confirmed: bool,
    ) -> Result<u64, Unavailable> {
        match self {
            Self::Memory => {
                let tip = chain::Tip { seq: contents.tip.seq + 1, at: Some(at), ..chain::Tip::default() };
                contents.take(chain::Checked { tip, at, event }, at);
                Ok(tip.seq)
            }
            Self::Folder(journal) => journal.append(contents, at, event, confirmed),
            #[cfg(feature = "postgres")]
            Self::Database(rows) => rows.append(contents, at, event),
        }
    }

    /// Lets others append again.
    pub(super) fn release(&mut self) {
        #[cfg(feature = "postgres")]
        if let Self::Database(rows) = self {
            rows.release();
        }
    }

    /// Whose clock its times are of.
    pub(super) fn whose_clock(&self) -> Whose {
        match self {
            #[cfg(feature = "postgres")]
            Self::Database(_) => Whose::Server,
            _ => Whose::Computer,
        }
    }

    /// Whether its events have heads, and stay when the process ends.
    pub(super) fn is_kept(&self) -> bool {
        !matches!(self, Self::Memory)
    }
}
