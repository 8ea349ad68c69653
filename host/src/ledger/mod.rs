//! The ledger of sends: what limits, duplicates and the audit are judged by. All processes of one account share it as a
//! journal, one event a line, chained by hashes.
//!
//! - `event`: what is recorded; `keys`: keyed hashes; `chain`: the form of a line; `time`: the clock (pure)
//! - `state`: what the events mean (pure)
//! - `store`: where the journal is kept
//! - `files`, `lock`, `lines`: a folder; `journal`: reading on and appending there
//! - `rows`: the same in PostgreSQL, for the computers that share an account (feature `postgres`)
//! - `walk`: reading without changing anything; `verify`, `anchors`, `show`, `export`: the commands of
//!   `elks-mcp audit`
//! - `look`: what `elks-mcp doctor` shows
//!
//! Invariant: an event that [`Book::append`] has returned is durable, and every process that uses the ledger afterwards
//! knows it. Whatever fails is an [`Unavailable`], and then the caller must not send.

mod anchors;
mod chain;
mod event;
mod export;
mod files;
mod journal;
mod keys;
mod lines;
mod lock;
mod look;
#[cfg(feature = "postgres")]
mod rows;
mod show;
mod state;
mod store;
mod time;
mod unavailable;
mod verify;
mod walk;

pub use event::{Accepted, By, Event, Intent, Outcome};
pub use export::export;
pub use keys::{Content, Hash, Keys, folder};
pub(crate) use look::{Look, look};
#[cfg(feature = "postgres")]
pub use rows::accounts_in;
pub use show::{Open, Sends, Sent, accounts, head, sends, show};
pub use state::{Entry, Standing, State};
pub use store::Location;
pub(crate) use time::TOLERANCE;
pub use unavailable::{Broken, Damage, Unavailable, Whose};
pub use verify::{Exit, verify};

use crate::clock::Clock;
use chrono::{DateTime, Utc};
use journal::Contents;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use store::Store;
use time::{Ruling, Seen};

/// How long the ledger waits for other threads and processes, in all.
const PATIENCE: Duration = Duration::from_secs(5);

/// The ledger of one account.
pub struct Ledger {
    slot: Mutex<Slot>,
    /// Notified when the slot is filled again.
    returned: Condvar,
    clock: Arc<dyn Clock>,
    patience: Duration,
    /// What 46elks's clock said, and when.
    server: Mutex<Option<(DateTime<Utc>, Instant)>>,
}

/// What the threads of this process share.
struct Slot {
    /// What was read; `None` while a thread uses it.
    account: Option<Box<Account>>,
    mark: Option<Mark>,
}

/// The newest event that a process has seen. It stands on every line of the audit log, so that the client's log shows
/// later whether the end of the journal was cut off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Its number.
    pub seq: u64,
    /// The first 16 hexadecimal digits of its head.
    pub head: String,
}

impl Ledger {
    /// The journal in this place. Nothing is read or written before the first use, which makes a missing folder. Months
    /// in a folder whose last event is older than `keep_days` are removed before a send is recorded, but only if
    /// 46elks's clock confirms that they are so old. From a database, nothing is removed.
    pub fn at(location: Location, keep_days: u32, clock: Arc<dyn Clock>) -> Self {
        Self::new(Store::of(location, keep_days), clock)
    }

    /// The journal in a folder of this account's own.
    pub fn on_disk(folder: PathBuf, keep_days: u32, clock: Arc<dyn Clock>) -> Self {
        Self::at(Location::Folder(folder), keep_days, clock)
    }

    /// A ledger that nobody else shares and that ends with this value.
    pub fn in_memory(clock: Arc<dyn Clock>) -> Self {
        Self::new(Store::Memory, clock)
    }

    fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        let account = Some(Box::new(Account { contents: Contents::default(), store }));
        Self {
            slot: Mutex::new(Slot { account, mark: None }),
            returned: Condvar::new(),
            clock,
            patience: PATIENCE,
            server: Mutex::new(None),
        }
    }

    /// The same ledger with another bound on waiting than 5 seconds.
    pub fn waiting_at_most(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Uses the ledger while no other thread or process can. Blocks for the time of reading and writing, and at most 5
    /// seconds for others.
    ///
    /// # Errors
    /// If the ledger cannot be used. `f` was not called then.
    pub fn with<R>(&self, f: impl FnOnce(&mut Book<'_>) -> R) -> Result<R, Unavailable> {
        self.locked(|account, ours| {
            let server = self.server();
            let now = match time::rule(account.store.whose_clock(), ours, account.contents.tip.at, server) {
                Ruling::Now(now) => now,
                Ruling::Redate(now) => {
                    account.redate(now)?;
                    now
                }
                Ruling::Wrong(wrong) => return Err(wrong),
            };
            let confirmed = time::is_confirmed(now, server);
            Ok(f(&mut Book { account, now, confirmed }))
        })
    }

    /// Records what became of an intent, whatever the clock says.
    ///
    /// # Errors
    /// If it could not be recorded. The intent then stays without an outcome.
    pub fn settle(&self, of: u64, outcome: Outcome, by: By) -> Result<u64, Unavailable> {
        self.record(Event::Outcome { of, outcome, by })
    }

    /// Records it after a try that failed, unless that try has recorded it all the same.
    ///
    /// # Errors
    /// If it could not be recorded. The intent then stays without an outcome, as far as this process knows.
    pub(crate) fn settle_late(&self, of: u64, outcome: &Outcome, by: By) -> Result<(), Unavailable> {
        self.locked(|account, ours| {
            if account.contents.state.entry(of).is_some_and(|entry| !entry.would_change(outcome, by)) {
                return Ok(());
            }
            account.record(ours, Event::Outcome { of, outcome: outcome.clone(), by }, self.server()).map(drop)
        })
    }

    /// Stops the sends of all processes of the account, whatever the clock says.
    ///
    /// # Errors
    /// If it could not be recorded. Sends go on then.
    pub fn pause(&self) -> Result<u64, Unavailable> {
        self.record(Event::Paused)
    }

    /// Admits sends again.
    ///
    /// # Errors
    /// If it could not be recorded. Sends stay paused then.
    pub fn resume(&self) -> Result<u64, Unavailable> {
        self.record(Event::Resumed)
    }

    fn record(&self, event: Event) -> Result<u64, Unavailable> {
        self.locked(|account, ours| account.record(ours, event, self.server()))
    }

    /// The newest event that this process has seen. `None` before the first, and in memory. Does not wait for the disk.
    pub fn mark(&self) -> Option<Mark> {
        self.slot().mark.clone()
    }

    /// Takes note of 46elks's clock, as an answer that has just arrived shows it. A time outside the years 1970 to 9999
    /// is no clock's and is ignored.
    pub fn server_time(&self, server: DateTime<Utc>) {
        if time::is_written(server) {
            *self.server.lock().unwrap_or_else(PoisonError::into_inner) = Some((server, Instant::now()));
        }
    }

    fn server(&self) -> Option<Seen> {
        let server = *self.server.lock().unwrap_or_else(PoisonError::into_inner);
        server.map(|(server, seen)| (server, seen.elapsed()))
    }

    fn slot(&self) -> MutexGuard<'_, Slot> {
        // The mutex is only held for moments, and what it guards is whole at each of them.
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the threads of this process, then for the other processes, reads what they wrote, and calls `f` with
    /// the clock's time.
    fn locked<R>(
        &self,
        f: impl FnOnce(&mut Account, DateTime<Utc>) -> Result<R, Unavailable>,
    ) -> Result<R, Unavailable> {
        let deadline = Instant::now() + self.patience;
        let mut turn = self.turn()?;
        let Some(account) = turn.account.as_mut() else { return Err(Unavailable::Busy) };
        let held = account.store.hold(&mut account.contents, &*self.clock, deadline)?;
        let done = f(account, held.ours);
        account.store.release();
        done
    }

    fn turn(&self) -> Result<Turn<'_>, Unavailable> {
        let waited = self.returned.wait_timeout_while(self.slot(), self.patience, |slot| slot.account.is_none());
        let (mut slot, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let account = Some(slot.account.take().ok_or(Unavailable::Busy)?);
        Ok(Turn { ledger: self, account })
    }
}

/// The use of the ledger by one thread. It is given back even if the thread panics.
struct Turn<'a> {
    ledger: &'a Ledger,
    account: Option<Box<Account>>,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut slot = self.ledger.slot();
        if let Some(account) = self.account.take() {
            slot.mark = account.mark();
            slot.account = Some(account);
        }
        drop(slot);
        self.ledger.returned.notify_one();
    }
}

/// What is known of the account, and where its journal is.
struct Account {
    contents: Contents,
    store: Store,
}

impl Account {
    /// Appends an event. `confirmed`: 46elks's clock agrees with its time.
    fn append(&mut self, at: DateTime<Utc>, event: Event, confirmed: bool) -> Result<u64, Unavailable> {
        let event = event.bounded();
        if !chain::names_earlier(&event, self.contents.tip.seq + 1) {
            let error = std::io::Error::new(std::io::ErrorKind::InvalidInput, "no such event");
            return Err(Unavailable::Disk { doing: "recording an outcome", error });
        }
        self.store.append(&mut self.contents, at, event, confirmed)
    }

    /// Appends an event whatever the clock says.
    fn record(&mut self, ours: DateTime<Utc>, event: Event, server: Option<Seen>) -> Result<u64, Unavailable> {
        let at = time::never_back(ours, self.contents.tip.at);
        self.append(at, event, time::is_confirmed(at, server))
    }

    /// From here on it is `now`, although events have later times.
    fn redate(&mut self, now: DateTime<Utc>) -> Result<(), Unavailable> {
        self.append(now, Event::Clock { was: self.contents.tip.at.unwrap_or(now) }, true)?;
        self.store.read_again(&mut self.contents, now)
    }

    fn mark(&self) -> Option<Mark> {
        let tip = &self.contents.tip;
        let known = self.store.is_kept() && tip.seq > 0;
        known.then(|| Mark { seq: tip.seq, head: keys::hex(&tip.head[..8]) })
    }
}

/// The ledger while no other thread or process can use it.
pub struct Book<'a> {
    account: &'a mut Account,
    now: DateTime<Utc>,
    /// Whether 46elks's clock agrees with it.
    confirmed: bool,
}

impl Book<'_> {
    /// The time by which a send is judged: the clock's, but not before the newest event. After a step of the clock back
    /// by at most 300 seconds it stands still until the clock has caught up, so a wait that is computed from it can be
    /// too short by as much. Whoever tries again then is refused once more, with the wait that is left; nothing is
    /// admitted too early.
    pub fn now(&self) -> DateTime<Utc> {
        self.now
    }

    /// What the events mean, with those that were appended since.
    pub fn state(&self) -> &State {
        &self.account.contents.state
    }

    /// Appends an event and returns its number. The event is durable then. Strings are cut to 64 characters.
    ///
    /// # Errors
    /// If it could not be appended. What it announces must not be done then.
    pub fn append(&mut self, event: Event) -> Result<u64, Unavailable> {
        self.account.append(self.now, event, self.confirmed)
    }
}

#[cfg(test)]
mod tests;
