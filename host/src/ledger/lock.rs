//! The lock that all processes of an account share: a file of its own that is never renamed or removed.

use super::files::{self, Identity};
use super::unavailable::{Doing, Unavailable};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

/// The name of the file.
pub(super) const NAME: &str = "lock";

/// The first pause between two attempts; each is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_micros(200);

/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_millis(10);

/// The lock. It is released when this is dropped, and by the system when the process ends.
#[derive(Debug)]
pub(super) struct Lock(File);

impl Lock {
    /// Waits for the lock until the deadline.
    pub(super) fn acquire(folder: &Path, deadline: Instant) -> Result<Self, Unavailable> {
        let doing = "locking the send journal";
        let open = || files::open(folder, NAME, OpenOptions::new().read(true).write(true).create(true));
        let mut file = open()?;
        let mut pause = FIRST_PAUSE;
        loop {
            match file.try_lock() {
                Ok(()) => {
                    let lock = Self(file);
                    // If something has removed the file, another process could hold a lock on a new one.
                    if lock.is_that_of(folder).doing(doing)? {
                        return Ok(lock);
                    }
                    file = open()?;
                }
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(error).doing(doing),
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Unavailable::Busy);
            }
            std::thread::sleep(pause.min(left));
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

impl Lock {
    /// Whether this is the file that others will lock.
    pub(super) fn is_that_of(&self, folder: &Path) -> io::Result<bool> {
        let ours = Identity::of(&self.0.metadata()?);
        match fs::symlink_metadata(folder.join(NAME)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            named => Ok(Identity::of(&named?) == ours),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing the file is not enough if a child process that is just being started still has it.
        let _ = self.0.unlock();
    }
}
