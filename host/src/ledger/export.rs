//! `elks-mcp audit export`: a journal as files, with the same lines and heads, wherever it is kept. `audit verify`
//! reads them like any other journal.

use super::files::{Month, make, sync_folder};
use super::show::end;
use super::store::Location;
use super::verify::{Exit, read};
use super::walk::Walked;
use crate::count::count;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Writes a journal into the account's folder in this one, which must not have it yet. What is not whole is in a folder
/// `ACCOUNT.part`, which the next export writes anew.
///
/// # Errors
/// If the files cannot be written, or the report.
pub fn export(location: &Location, folder: &Path, out: &mut dyn Write) -> io::Result<Exit> {
    let folder = folder.join(location.account());
    if folder.symlink_metadata().is_ok() {
        let text = format!("{} is there already: name another folder, or remove it", folder.display());
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, text));
    }
    // Under another name until it is whole: an export that breaks off must not look like a journal.
    let part = folder.with_extension("part");
    if part.symlink_metadata().is_ok() {
        fs::remove_dir_all(&part)?;
    }
    make(&part, sync_folder)?;
    let (mut month, mut file): (Option<Month>, Option<BufWriter<File>>) = (None, None);
    let (mut events, mut files) = (0_u64, 0_u64);
    let walked = read(location, |checked, line| {
        // Files have the order of their events, also where a clock was wrong.
        let own = Month::of(checked.at);
        if month.is_none_or(|newest| own > newest) {
            finish(file.take())?;
            file = Some(BufWriter::new(create(&part.join(own.file_name()))?));
            (month, files) = (Some(own), files + 1);
        }
        if let Some(file) = &mut file {
            file.write_all(line)?;
            file.write_all(b"\n")?;
        }
        events += 1;
        Ok(())
    });
    finish(file)?;
    let walked = walked?;
    if events == 0 {
        fs::remove_dir(&part)?;
        return end(walked, true, out);
    }
    sync_folder(&part)?;
    let is_whole = matches!(walked, Ok(Walked { broken: None, first: Some(_), .. }));
    if is_whole {
        fs::rename(&part, &folder)?;
        folder.parent().map_or(Ok(()), sync_folder)?;
    }
    let (written, what) = if is_whole { (&folder, "") } else { (&part, ", which is not all of the journal") };
    writeln!(out, "{}: {} in {}{what}", written.display(), count(events, "event"), count(files, "file"))?;
    end(walked, true, out)
}

/// A file that only this user can read.
fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Makes what was written durable.
fn finish(file: Option<BufWriter<File>>) -> io::Result<()> {
    file.map_or(Ok(()), |file| file.into_inner()?.sync_all())
}
