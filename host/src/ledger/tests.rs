//! Tests of the ledger as a whole: in a folder and in a database, over restarts, among threads and processes.

mod clocks;
mod commands;
#[cfg(feature = "postgres")]
mod database;
mod disk;
mod restarts;
mod sharing;
mod tampering;

use super::*;
use chrono::TimeDelta;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

/// A folder that is removed at the end of a test.
struct Folder(PathBuf);

impl Folder {
    /// A folder that is not there yet.
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("elks-ledger-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        // Where there is one, a folder in memory: thousands of durable writes take minutes on a busy disk.
        let memory = Path::new("/dev/shm");
        let path = if memory.is_dir() { memory.to_path_buf() } else { std::env::temp_dir() }.join(name);
        // Of a process that had the same number and was killed. Wine gives the same number each time.
        let _ = fs::remove_dir_all(&path);
        Self(path)
    }

    /// The account's folder in it.
    fn account(&self) -> PathBuf {
        self.0.join("0123456789abcdef")
    }

    /// Where its journal is.
    fn location(&self) -> Location {
        Location::Folder(self.account())
    }

    /// A ledger in it.
    fn ledger(&self, clock: &Arc<Time>) -> Ledger {
        Ledger::on_disk(self.account(), 90, Arc::clone(clock) as Arc<dyn Clock>)
    }

    /// A file of the account.
    fn file(&self, name: &str) -> PathBuf {
        self.account().join(name)
    }

    /// The names of the journal's files.
    fn names(&self) -> Vec<String> {
        files::months(&self.account()).unwrap().into_iter().map(files::Month::file_name).collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Where the ledger of a test is kept.
enum Home {
    Folder(Folder),
    #[cfg(feature = "postgres")]
    Database(Location),
}

/// One home of each kind, without a journal: the same test runs in all.
fn homes() -> Vec<Home> {
    vec![
        Home::Folder(Folder::new()),
        #[cfg(feature = "postgres")]
        Home::Database(database::location()),
    ]
}

impl Home {
    fn location(&self) -> Location {
        match self {
            Self::Folder(folder) => folder.location(),
            #[cfg(feature = "postgres")]
            Self::Database(location) => location.clone(),
        }
    }

    /// The folder, if it is one.
    fn folder(&self) -> Option<&Folder> {
        match self {
            Self::Folder(folder) => Some(folder),
            #[cfg(feature = "postgres")]
            Self::Database(_) => None,
        }
    }

    /// A ledger in it that goes by a test's clock.
    fn ledger(&self, clock: &Arc<Time>) -> Ledger {
        ledger_at(self.location(), 90, clock)
    }
}

/// A ledger that goes by a test's clock, also in a database.
fn ledger_at(location: Location, keep_days: u32, clock: &Arc<Time>) -> Ledger {
    let ledger = Ledger::at(location, keep_days, Arc::clone(clock) as Arc<dyn Clock>);
    #[cfg(feature = "postgres")]
    if let Store::Database(rows) = &mut ledger.slot().account.as_mut().unwrap().store {
        rows.clock = Some(Arc::clone(clock) as Arc<dyn Clock>);
    }
    ledger
}

/// A clock that tests set.
struct Time(Mutex<DateTime<Utc>>);

impl Time {
    /// It stands at 2026-01-31T12:00:00Z.
    fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(DateTime::from_timestamp(1_769_860_800, 0).unwrap())))
    }

    fn add(&self, time: TimeDelta) {
        *self.0.lock().unwrap() += time;
    }
}

impl Clock for Time {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }
}

/// The file in which all events are at the clock's first time.
const JANUARY: &str = "journal-2026-01.jsonl";

/// The file of the month after.
const FEBRUARY: &str = "journal-2026-02.jsonl";

/// An intent to send to one of 256 recipients.
fn intent(recipient: u8) -> Event {
    Event::Intent(Intent {
        content: Hash([recipient; 16]),
        recipient: Hash([recipient; 16]),
        key: None,
        to: "+467****605".into(),
        from: "Elks".into(),
        contact: None,
        parts: 1,
        price: Some(5200),
        approved: false,
        pid: 1,
    })
}

/// 46elks accepted it.
fn accepted(id: &str) -> Outcome {
    Outcome::Accepted(Accepted {
        id: id.into(),
        status: Some("created".into()),
        created: Some("2026-01-31T12:00:00.000000".into()),
        parts: 1,
        cost: Some(5200),
    })
}

/// Appends an event.
fn append(ledger: &Ledger, event: Event) -> u64 {
    ledger.with(|book| book.append(event)).unwrap().unwrap()
}

/// Appends an intent while 46elks's clock agrees with this one.
fn send(ledger: &Ledger, clock: &Arc<Time>, recipient: u8) -> u64 {
    ledger.server_time(clock.now());
    append(ledger, intent(recipient))
}

/// The numbers of the sends that the ledger remembers.
fn sends(ledger: &Ledger) -> Vec<u64> {
    ledger.with(|book| book.state().entries().map(|entry| entry.seq).collect()).unwrap()
}

/// What the next use of the ledger says.
fn error(ledger: &Ledger) -> String {
    match ledger.with(|_| ()) {
        Ok(()) => "works".into(),
        Err(error) => error.to_string(),
    }
}
