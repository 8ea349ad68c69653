//! The folder of a journal and its files: names, permissions, identity. Nothing here knows what is in the files.

use super::unavailable::{Doing, Unavailable};
use chrono::{DateTime, Datelike, Utc};
use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io;
use std::path::Path;

/// What errors call the folder.
const FOLDER: &str = "the journal's folder";

/// The month of a file. Months are ordered as their files are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Month {
    year: i32,
    month: u32,
}

impl Month {
    /// The month of a time.
    pub(super) fn of(time: DateTime<Utc>) -> Self {
        Self { year: time.year(), month: time.month() }
    }

    /// The month after it.
    pub(super) fn next(self) -> Self {
        match self.month {
            12 => Self { year: self.year + 1, month: 1 },
            month => Self { month: month + 1, ..self },
        }
    }

    /// The name of its file.
    pub(super) fn file_name(self) -> String {
        format!("journal-{:04}-{:02}.jsonl", self.year, self.month)
    }

    /// The month whose file has this name.
    fn named(name: &str) -> Option<Self> {
        let (year, month) = name.strip_prefix("journal-")?.strip_suffix(".jsonl")?.split_once('-')?;
        let named = Self { year: year.parse().ok()?, month: month.parse().ok()? };
        ((1..=12).contains(&named.month) && named.file_name() == name).then_some(named)
    }
}

/// The months of which there are files, oldest first. Other files are not the journal's.
pub(super) fn months(folder: &Path) -> io::Result<Vec<Month>> {
    let mut months = Vec::new();
    for entry in fs::read_dir(folder)? {
        months.extend(entry?.file_name().to_str().and_then(Month::named));
    }
    months.sort_unstable();
    Ok(months)
}

/// Makes the folder if it is not there, and makes sure that it is a folder that only this user can use.
pub(super) fn prepare(folder: &Path) -> Result<(), Unavailable> {
    let doing = "creating the folder of the send journal";
    let metadata = match fs::symlink_metadata(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            make(folder, sync_folder).doing(doing)?;
            fs::symlink_metadata(folder)
        }
        found => found,
    };
    let metadata = metadata.doing("looking at the folder of the send journal")?;
    if !metadata.is_dir() {
        return Err(Unavailable::Permissions { file: FOLDER.into(), wrong: "is a link or no folder" });
    }
    keep_unchanged(parent(folder))?;
    keep_private(folder, &metadata, FOLDER, 0o700)
}

/// Makes a folder and those above it that are missing, durably. `sync` makes the names in a folder durable.
pub(super) fn make(folder: &Path, mut sync: impl FnMut(&Path) -> io::Result<()>) -> io::Result<()> {
    let is_missing = |folder: &&Path| !folder.as_os_str().is_empty() && !folder.exists();
    let missing: Vec<&Path> = folder.ancestors().take_while(is_missing).collect();
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)?;
    missing.into_iter().rev().try_for_each(|made| sync(parent(made)))
}

/// The folder in which a folder is.
fn parent(folder: &Path) -> &Path {
    match folder.parent() {
        None => folder,
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
    }
}

/// Opens a file of the folder. It must be a plain file that only this user can use, or not be there yet.
pub(super) fn open(folder: &Path, name: &str, options: &mut OpenOptions) -> Result<File, Unavailable> {
    let doing = "opening a file of the send journal";
    let permissions = |wrong| Unavailable::Permissions { file: name.into(), wrong };
    let path = folder.join(name);
    match fs::symlink_metadata(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Ok(metadata) if metadata.is_file() => keep_private(&path, &metadata, name, 0o600)?,
        Ok(_) => return Err(permissions("is a link or no plain file")),
        Err(error) => return Err(error).doing(doing),
    }
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    let file = options.open(&path).doing(doing)?;
    // What was looked at is what was opened.
    let (opened, named) = (file.metadata().doing(doing)?, fs::symlink_metadata(&path).doing(doing)?);
    if !named.is_file() || Identity::of(&opened) != Identity::of(&named) {
        return Err(permissions("was replaced while it was opened"));
    }
    Ok(file)
}

/// Makes sure that nobody else can read or write, as far as this system tells.
#[cfg(unix)]
fn keep_private(path: &Path, metadata: &Metadata, name: &str, mode: u32) -> Result<(), Unavailable> {
    use std::os::unix::fs::PermissionsExt;
    // Only the owner and the administrator can do this, so another user's file is refused.
    if metadata.permissions().mode() & 0o077 != 0
        && fs::set_permissions(path, fs::Permissions::from_mode(mode)).is_err()
    {
        return Err(Unavailable::Permissions {
            file: name.into(),
            wrong: "can be used by other users of this computer",
        });
    }
    Ok(())
}

/// Makes sure that nobody else can put another folder in the place of an account's: removes the right of group and
/// others to write to the state folder. They may look into it. A folder with the sticky bit stays as it is, because the
/// system lets everybody remove only what is their own there.
#[cfg(unix)]
fn keep_unchanged(state_folder: &Path) -> Result<(), Unavailable> {
    use std::os::unix::fs::PermissionsExt;
    let metadata = fs::metadata(state_folder).doing("looking at the state folder")?;
    let Some(mode) = without_others(metadata.permissions().mode()) else { return Ok(()) };
    fs::set_permissions(state_folder, fs::Permissions::from_mode(mode)).map_err(|_| Unavailable::Permissions {
        file: "the state folder (ELKS_STATE_DIR)".into(),
        wrong: "can be changed by other users of this computer",
    })
}

/// The mode of a folder without the right of group and others to write. `None` if it need not be changed.
#[cfg(unix)]
pub(super) fn without_others(mode: u32) -> Option<u32> {
    const STICKY: u32 = 0o1000;
    (mode & 0o022 != 0 && mode & STICKY == 0).then_some(mode & 0o7755)
}

/// The user's own folders are private on these systems.
#[cfg(not(unix))]
fn keep_unchanged(_: &Path) -> Result<(), Unavailable> {
    Ok(())
}

/// The user's own folders are private on these systems.
#[cfg(not(unix))]
fn keep_private(_: &Path, _: &Metadata, _: &str, _: u32) -> Result<(), Unavailable> {
    Ok(())
}

/// Which file it is, whatever its name. On systems without such a number all files are the same; the last line that was
/// read then tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    #[cfg(unix)]
    device: u64,
    #[cfg(unix)]
    inode: u64,
}

impl Identity {
    /// The identity of a file.
    #[cfg_attr(not(unix), expect(unused_variables, reason = "this system has no such number"))]
    pub(super) fn of(metadata: &Metadata) -> Self {
        #[cfg(unix)]
        use std::os::unix::fs::MetadataExt;
        Self {
            #[cfg(unix)]
            device: metadata.dev(),
            #[cfg(unix)]
            inode: metadata.ino(),
        }
    }
}

/// Cuts a file to a length, durably.
pub(super) fn cut(path: &Path, length: u64) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(path)?;
    file.set_len(length)?;
    file.sync_data()
}

/// Makes the names of a folder's files durable.
#[cfg(unix)]
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Other systems need no such step, or have none.
#[cfg(not(unix))]
pub(super) fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}
