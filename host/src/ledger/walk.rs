//! Reads a whole journal, line by line, and changes nothing: neither a lock nor a right to write is needed. Other
//! processes may go on writing; what they append meanwhile need not be read.

use super::chain::{Checked, Tip};
use super::event::Event;
use super::files::{self, Month};
use super::journal::READ_SIZE;
use super::lines::{End, each_line};
use super::store::Location;
use super::unavailable::{Broken, Damage, Doing, Unavailable};
use chrono::{DateTime, Utc};
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

/// What was read.
#[derive(Debug, Default)]
pub(super) struct Walked {
    /// The files, oldest first; none in a database.
    pub(super) months: Vec<Month>,
    /// The first event: its number and time.
    pub(super) first: Option<(u64, DateTime<Utc>)>,
    /// The last event.
    pub(super) tip: Tip,
    /// The newest event of which the journal says that it was removed; 0 without one.
    pub(super) removed_through: u64,
    /// Whether the last line has no end.
    pub(super) torn: bool,
    /// The first fault; nothing after it was read.
    pub(super) broken: Option<Broken>,
}

/// Why a walk ended early.
pub(super) enum Stop {
    /// The journal is broken here.
    Broken(Broken),
    /// It cannot be read.
    Unreadable(Unavailable),
    /// What is made of it cannot be written.
    Output(io::Error),
}

impl From<Unavailable> for Stop {
    fn from(unavailable: Unavailable) -> Self {
        match unavailable {
            Unavailable::Broken(broken) => Self::Broken(broken),
            other => Self::Unreadable(other),
        }
    }
}

/// Calls `each` with every event and its line, without its end.
pub(super) fn walk(
    location: &Location,
    mut each: impl FnMut(&Checked, &[u8]) -> io::Result<()>,
) -> Result<Walked, Stop> {
    let mut walked = Walked::default();
    let read = match location {
        Location::Folder(folder) => files(folder, &mut walked, &mut each),
        #[cfg(feature = "postgres")]
        Location::Database(address, account) => rows(address, account, &mut walked, &mut each),
    };
    match read {
        Err(Stop::Broken(broken)) => walked.broken = Some(broken),
        Err(stop) => return Err(stop),
        Ok(()) => walked.broken = walked.beginning().err(),
    }
    Ok(walked)
}

impl Walked {
    /// Checks that nothing is missing before the first event but what the journal says was removed.
    fn beginning(&self) -> Result<(), Broken> {
        let Some((first, _)) = self.first.filter(|(first, _)| self.removed_through + 1 < *first) else { return Ok(()) };
        let file = self.months.first().map(|month| month.file_name());
        Err(Broken { line: if file.is_some() { 1 } else { first }, file, fault: Damage::Beginning })
    }

    /// Takes the next line.
    fn take(
        &mut self,
        line: &[u8],
        each: &mut impl FnMut(&Checked, &[u8]) -> io::Result<()>,
    ) -> Result<Result<(), Damage>, Stop> {
        let checked = match self.tip.check(line) {
            Ok(checked) => checked,
            Err(fault) => return Ok(Err(fault)),
        };
        self.tip = checked.tip;
        self.first = self.first.or(Some((checked.tip.seq, checked.at)));
        if let Event::Removed { through } = checked.event {
            self.removed_through = self.removed_through.max(through);
        }
        each(&checked, line).map_err(Stop::Output).map(Ok)
    }
}

fn files(
    folder: &Path,
    walked: &mut Walked,
    each: &mut impl FnMut(&Checked, &[u8]) -> io::Result<()>,
) -> Result<(), Stop> {
    let months = files::months(folder).doing("reading the folder of the send journal")?;
    for month in &months {
        let name = month.file_name();
        let broken = |line, fault| Stop::Broken(Broken { file: Some(name.clone()), line, fault });
        let file = match File::open(folder.join(&name)) {
            // An old month that was removed since the folder was read.
            Err(error) if error.kind() == io::ErrorKind::NotFound && walked.first.is_none() => continue,
            opened => opened.doing("opening the send journal")?,
        };
        walked.months.push(*month);
        let length = file.metadata().doing("reading the send journal")?.len();
        let mut line_number = 0;
        let end = each_line(&mut BufReader::with_capacity(READ_SIZE, file.take(length)), |line| {
            line_number += 1;
            walked.take(line, each)?.map_err(|fault| broken(line_number, fault))
        })?;
        if end == End::Torn {
            if months.last() != Some(month) {
                return Err(broken(line_number + 1, Damage::NoEnd));
            }
            walked.torn = true;
        }
    }
    Ok(())
}

/// The rows of an account, page by page.
#[cfg(feature = "postgres")]
fn rows(
    address: &crate::database::Address,
    account: &str,
    walked: &mut Walked,
    each: &mut impl FnMut(&Checked, &[u8]) -> io::Result<()>,
) -> Result<(), Stop> {
    let mut reader = super::rows::Reader::open(address, account)?;
    while let Some(page) = reader.page()? {
        for (seq, line) in page {
            let broken = |fault| Stop::Broken(Broken { file: None, line: seq, fault });
            walked.take(line.as_bytes(), each)?.map_err(broken)?;
        }
    }
    Ok(())
}
