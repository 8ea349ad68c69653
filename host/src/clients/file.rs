//! Changing a file of somebody else: the old one is kept beside it, the new one is written whole and then renamed into
//! place, and the rights stay as they were.

use anyhow::{Context as _, Result, bail, ensure};
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};

/// What the name of a backup ends with.
const BACKUP: &str = ".elks-mcp-backup";

/// The largest file that is changed, in bytes. Claude Code keeps its history in such a file, too.
const MAX_BYTES: u64 = 64 << 20;

/// The text of a file; nothing if there is none.
///
/// # Errors
/// It cannot be read, is too large or is no text.
pub(super) fn read(path: &Path) -> Result<Option<String>> {
    let shown = path.display();
    let data = match fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        data => data.with_context(|| format!("cannot read {shown}"))?,
    };
    ensure!(data.is_file(), "{shown} is no regular file");
    ensure!(data.len() <= MAX_BYTES, "{shown} is larger than {} MiB", MAX_BYTES >> 20);
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes));
    read.with_context(|| format!("cannot read {shown}"))?;
    let Ok(text) = String::from_utf8(bytes) else { bail!("{shown} is no UTF-8 text, so it is left as it is") };
    Ok(Some(text))
}

/// The backup of a file.
pub(super) fn backup_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_os_string();
    name.push(BACKUP);
    name.into()
}

/// Puts a copy of a file beside it, with the same rights. An older copy stays. Returns whether there is a new one.
///
/// # Errors
/// It cannot be written.
pub(super) fn back_up(path: &Path, text: &str) -> Result<bool> {
    let backup = backup_of(path);
    if fs::symlink_metadata(&backup).is_ok() {
        return Ok(false);
    }
    let rights = fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?.permissions();
    create(&backup, text.as_bytes(), Some(rights)).with_context(|| format!("cannot write {}", backup.display()))?;
    Ok(true)
}

/// The file that a path leads to, over links.
///
/// # Errors
/// It is a link that leads nowhere.
pub(super) fn target(path: &Path) -> Result<PathBuf> {
    if !fs::symlink_metadata(path).is_ok_and(|data| data.is_symlink()) {
        return Ok(path.to_path_buf());
    }
    path.canonicalize().with_context(|| format!("{} leads to no file", path.display()))
}

/// Replaces the text of a file. A new one is for its owner alone.
///
/// # Errors
/// It cannot be written, or it is not `before` any more. Then it is as it was.
pub(super) fn replace(path: &Path, before: Option<&str>, text: &str) -> Result<()> {
    let rights = fs::metadata(path).ok().map(|data| data.permissions());
    let temporary = temporary(path);
    let written = create(&temporary, text.as_bytes(), rights)
        .with_context(|| format!("cannot write {}", temporary.display()))
        .and_then(|()| {
            ensure!(
                read(path)?.as_deref() == before,
                "{} was changed by another program just now, so it is left as it is: try again",
                path.display()
            );
            fs::rename(&temporary, path).with_context(|| format!("cannot replace {}", path.display()))
        });
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// A name in the same folder, so that renaming it is one step.
fn temporary(path: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".elks-mcp-{}", std::process::id()));
    path.with_file_name(name)
}

/// Writes a file that is not there yet. Without rights, it is for its owner alone.
///
/// # Errors
/// It is there, or it cannot be written.
pub(super) fn create(path: &Path, bytes: &[u8], rights: Option<Permissions>) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let mut file = options.open(path)?;
    if let Some(rights) = rights {
        file.set_permissions(rights)?;
    }
    file.write_all(bytes)?;
    file.sync_all()
}

/// Makes a folder with those above it. A new one is for its owner alone.
///
/// # Errors
/// It cannot be made.
pub(super) fn make_folder(folder: &Path) -> Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(folder).with_context(|| format!("cannot make the folder {}", folder.display()))
}

/// Whether others can read a file.
#[cfg(unix)]
pub(super) fn others_can_read(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(path).is_ok_and(|data| data.permissions().mode() & 0o077 != 0)
}

/// Whether others can read a file. On Windows that is in its access list, which this program does not read.
#[cfg(not(unix))]
pub(super) fn others_can_read(_path: &Path) -> bool {
    false
}
