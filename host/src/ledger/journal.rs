//! The journal on the disk: reading on from where this process stopped, and appending. Everything here is done under
//! the lock.

use super::chain::{Checked, Tip};
use super::event::Event;
use super::files::{self, Identity, Month};
use super::lines::{End, each_line};
use super::lock::Lock;
use super::state::State;
use super::unavailable::{Broken, Damage, Doing, Unavailable};
use chrono::{DateTime, TimeDelta, Utc};
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// How much is read at once, in bytes.
pub(super) const READ_SIZE: usize = 64 * 1024;

/// What was read of a journal so far.
#[derive(Debug, Default)]
pub(super) struct Contents {
    /// Where the chain ends.
    pub(super) tip: Tip,
    /// What the events mean.
    pub(super) state: State,
    /// The number of the first event; 0 before it.
    pub(super) begins: u64,
    /// Whether earlier events got another time, and all must be read once more.
    pub(super) redated: bool,
}

impl Contents {
    /// Takes the next event. What is old by the clock is forgotten.
    pub(super) fn take(&mut self, checked: Checked, clock: DateTime<Utc>) {
        let Checked { tip, at, event } = checked;
        self.tip = tip;
        self.begins = if self.begins == 0 { tip.seq } else { self.begins };
        self.redated |= matches!(event, Event::Clock { .. });
        self.state.apply(tip.seq, at, event);
        self.state.forget(at.min(clock));
    }

    /// After reading on: whether all must be read again, because a clock was set right meanwhile. What was forgotten by
    /// the wrong clock may not be old by the right one. `was_empty`: nothing was known before.
    pub(super) fn must_begin_again(&mut self, was_empty: bool) -> bool {
        std::mem::take(&mut self.redated) && !was_empty
    }

    /// Whether events before the first one are missing of which the journal does not say that they were removed.
    pub(super) fn lacks_beginning(&self) -> bool {
        self.state.removed_through() + 1 < self.begins
    }
}

/// A journal and how far this process has read it.
#[derive(Debug)]
pub(super) struct Journal {
    folder: PathBuf,
    /// How long months are kept.
    keep: TimeDelta,
    /// The files that were read, oldest first.
    read: Vec<ReadFile>,
    /// Where reading goes on; `None` before the first file.
    position: Option<Position>,
    /// How the disk is written to. Tests have disks that fail.
    pub(super) disk: Disk,
}

/// How the disk is written to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Disk {
    /// Writes all bytes.
    pub(super) write: fn(&mut File, &[u8]) -> io::Result<()>,
    /// Makes what was written durable.
    pub(super) sync: fn(&File) -> io::Result<()>,
    /// Cuts a file to a length.
    pub(super) cut: fn(&Path, u64) -> io::Result<()>,
}

impl Default for Disk {
    fn default() -> Self {
        Self { write: |file, bytes| file.write_all(bytes), sync: File::sync_data, cut: files::cut }
    }
}

/// A file that was read. Its times are not later than a clock event after them.
#[derive(Debug)]
struct ReadFile {
    month: Month,
    /// The time of the first event.
    from: DateTime<Utc>,
    /// The number and the time of the last event.
    seq: u64,
    at: DateTime<Utc>,
}

/// Where reading goes on.
#[derive(Debug)]
struct Position {
    month: Month,
    identity: Identity,
    /// The bytes before this place were read.
    offset: u64,
    /// The number of these lines.
    lines: u64,
    /// The last of them, with its end; empty without one.
    last: Vec<u8>,
}

impl Position {
    fn advance(&mut self, line: &[u8]) {
        self.offset += line.len() as u64 + 1;
        self.lines += 1;
        self.last.clear();
        self.last.extend_from_slice(line);
        self.last.push(b'\n');
    }

    fn broken(&self, line: u64, fault: Damage) -> Unavailable {
        Broken { file: Some(self.month.file_name()), line, fault }.into()
    }

    /// Checks that what was read is still there: the same file, not shorter, with the same last line. Leaves the file
    /// where reading goes on.
    fn check(&self, file: &mut File, metadata: &Metadata) -> Result<(), Unavailable> {
        if Identity::of(metadata) != self.identity {
            return Err(self.broken(0, Damage::Replaced));
        }
        if metadata.len() < self.offset {
            return Err(self.broken(0, Damage::Shorter));
        }
        let mut last = vec![0; self.last.len()];
        file.seek(SeekFrom::Start(self.offset - last.len() as u64))
            .and_then(|_| file.read_exact(&mut last))
            .doing("reading the send journal")?;
        if last == self.last { Ok(()) } else { Err(self.broken(self.lines, Damage::Replaced)) }
    }
}

impl Journal {
    /// The journal of a folder. Does nothing yet.
    pub(super) fn new(folder: PathBuf, keep_days: u32) -> Self {
        Self {
            folder,
            keep: TimeDelta::days(i64::from(keep_days)),
            read: Vec::new(),
            position: None,
            disk: Disk::default(),
        }
    }

    /// Makes the folder and waits for the lock.
    pub(super) fn lock(&self, deadline: Instant) -> Result<Lock, Unavailable> {
        files::prepare(&self.folder)?;
        Lock::acquire(&self.folder, deadline)
    }

    /// Begins anew: the next reading begins with the first file.
    pub(super) fn forget(&mut self) {
        self.read.clear();
        self.position = None;
    }

    /// Reads what was appended since the last time.
    pub(super) fn read_on(&mut self, contents: &mut Contents, clock: DateTime<Utc>) -> Result<(), Unavailable> {
        let months = files::months(&self.folder).doing("reading the folder of the send journal")?;
        self.read.retain(|file| months.contains(&file.month));
        if let Some(position) = &self.position
            && !months.contains(&position.month)
        {
            // Another process may have removed it. Then the journal says so.
            let gone = position.broken(0, Damage::Gone);
            let mut journal = Self { read: Vec::new(), position: None, folder: self.folder.clone(), ..*self };
            let mut all = Contents::default();
            journal.read_on(&mut all, clock)?;
            if all.state.removed_through() < contents.tip.seq {
                return Err(gone);
            }
            (*self, *contents) = (journal, all);
            return Ok(());
        }
        let begin = self.position.as_ref().map(|position| position.month);
        for month in months.iter().filter(|month| Some(**month) >= begin) {
            self.read_month(*month, months.last() == Some(month), contents, clock)?;
        }
        match self.read.first() {
            Some(oldest) if contents.lacks_beginning() => {
                Err(Broken { file: Some(oldest.month.file_name()), line: 1, fault: Damage::Beginning }.into())
            }
            _ => Ok(()),
        }
    }

    fn read_month(
        &mut self,
        month: Month,
        newest: bool,
        contents: &mut Contents,
        clock: DateTime<Utc>,
    ) -> Result<(), Unavailable> {
        let name = month.file_name();
        let mut file = files::open(&self.folder, &name, OpenOptions::new().read(true))?;
        let metadata = file.metadata().doing("reading the send journal")?;
        let known = self.position.take().filter(|position| position.month == month);
        let position = self.position.insert(known.unwrap_or_else(|| Position {
            month,
            identity: Identity::of(&metadata),
            offset: 0,
            lines: 0,
            last: Vec::new(),
        }));
        position.check(&mut file, &metadata)?;
        let read = &mut self.read;
        let end = each_line(&mut BufReader::with_capacity(READ_SIZE, file), |line| {
            let checked = contents.tip.check(line).map_err(|fault| position.broken(position.lines + 1, fault))?;
            position.advance(line);
            note(read, month, &checked.tip);
            contents.take(checked, clock);
            Ok::<(), Unavailable>(())
        })?;
        match end {
            End::Whole => Ok(()),
            End::Torn if newest => {
                (self.disk.cut)(&self.folder.join(name), position.offset).doing("mending the end of the send journal")
            }
            End::Torn => Err(position.broken(position.lines + 1, Damage::NoEnd)),
        }
    }

    /// Appends an event and returns its number. It is durable then. When this fails, nothing was appended, or the next
    /// use finds what was. `confirmed`: 46elks's clock agrees with the event's time. Without that, only a send begins a
    /// new file: a pause or an outcome is recorded by any clock.
    pub(super) fn append(
        &mut self,
        contents: &mut Contents,
        at: DateTime<Utc>,
        event: Event,
        confirmed: bool,
    ) -> Result<u64, Unavailable> {
        let is_send = matches!(event, Event::Intent(_));
        let month = self.month_of(at, confirmed || is_send);
        // Nothing is removed because of a clock that may be wrong.
        if confirmed
            && is_send
            && let Some(through) = self.expired(at, month, contents.state.paused_by())
        {
            if through > contents.state.removed_through() {
                self.write(contents, at, Event::Removed { through }, month)?;
            }
            self.remove(through);
        }
        self.write(contents, at, event, month)
    }

    /// The month whose file gets an event of this time. Files have the order of their events, so a new file has a later
    /// month than the newest one. Usually it is the event's own month. After a clock event, the newest file may have a
    /// later month than the event. Then a new month of time begins a file with the name of the month after the newest.
    fn month_of(&self, at: DateTime<Utc>, may_begin: bool) -> Month {
        let own = Month::of(at);
        let Some(newest) = self.position.as_ref().map(|position| position.month) else { return own };
        let from = self.read.last().filter(|file| file.month == newest).map(|file| Month::of(file.from));
        if may_begin && own > newest {
            own
        } else if may_begin && own < newest && from.is_some_and(|from| own > from) {
            newest.next()
        } else {
            newest
        }
    }

    fn write(
        &mut self,
        contents: &mut Contents,
        at: DateTime<Utc>,
        event: Event,
        month: Month,
    ) -> Result<u64, Unavailable> {
        let doing = "writing to the send journal";
        let (line, tip) = contents.tip.line(at, &event).map_err(io::Error::from).doing(doing)?;
        let known = self.position.as_ref().filter(|position| position.month == month);
        let offset = known.map_or(0, |position| position.offset);
        let broken = |fault| Unavailable::Broken(Broken { file: Some(month.file_name()), line: 0, fault });
        let mut file =
            files::open(&self.folder, &month.file_name(), OpenOptions::new().append(true).create(known.is_none()))?;
        let before = file.metadata().doing(doing)?;
        if before.len() != offset || known.is_some_and(|position| position.identity != Identity::of(&before)) {
            return Err(broken(Damage::Unlocked));
        }
        let written = (self.disk.write)(&mut file, &line).and_then(|()| (self.disk.sync)(&file));
        let written = if known.is_none() { written.and_then(|()| files::sync_folder(&self.folder)) } else { written };
        if let Err(error) = written {
            return match (self.disk.cut)(&self.folder.join(month.file_name()), offset) {
                Ok(()) => Err(error).doing(doing),
                Err(_) => Err(error).doing("writing to the send journal, and then removing what was written of it,"),
            };
        }
        if file.metadata().doing(doing)?.len() != offset + line.len() as u64 {
            return Err(broken(Damage::Unlocked));
        }
        if known.is_none() {
            let identity = Identity::of(&before);
            self.position = Some(Position { month, identity, offset: 0, lines: 0, last: Vec::new() });
        }
        if let Some(position) = &mut self.position {
            position.advance(&line[..line.len() - 1]);
        }
        note(&mut self.read, month, &tip);
        contents.take(Checked { tip, at, event }, at);
        Ok(tip.seq)
    }

    /// The last event of the oldest files before this month that need not be kept any longer. A pause is kept as long
    /// as it lasts.
    fn expired(&self, now: DateTime<Utc>, before: Month, paused_by: Option<u64>) -> Option<u64> {
        let expired = |file: &&ReadFile| {
            file.month < before && now - file.at > self.keep && paused_by.is_none_or(|seq| seq > file.seq)
        };
        self.read.iter().take_while(expired).last().map(|file| file.seq)
    }

    /// Removes the files whose events are not newer than this one, oldest first. What cannot be removed now stays until
    /// the next send.
    fn remove(&self, through: u64) {
        for file in self.read.iter().take_while(|file| file.seq <= through) {
            if fs::remove_file(self.folder.join(file.month.file_name())).is_err() {
                break;
            }
        }
        let _ = files::sync_folder(&self.folder);
    }
}

/// Notes the newest event of a file.
fn note(read: &mut Vec<ReadFile>, month: Month, tip: &Tip) {
    let at = tip.at.unwrap_or_default();
    if read.last().is_some_and(|file| file.at > at) {
        for file in read.iter_mut() {
            (file.from, file.at) = (file.from.min(at), file.at.min(at));
        }
    }
    match read.last_mut() {
        Some(file) if file.month == month => (file.seq, file.at) = (tip.seq, at),
        _ => read.push(ReadFile { month, from: at, seq: tip.seq, at }),
    }
}
