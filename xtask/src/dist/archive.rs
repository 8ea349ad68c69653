//! Archives that are the same bytes for the same files: sorted by name, with one time and without owners.

use anyhow::Result;
use flate2::{Compression, GzBuilder};
use std::io::{Cursor, Write as _};
use std::path::Path;
use std::{fs, io};
use tar::{EntryType, Header};
use zip::write::{SimpleFileOptions, ZipWriter};
use zip::{CompressionMethod, DateTime};

/// The time of every file: 1980-01-01, the first that a zip archive can state.
const TIME: u64 = 315_532_800;

/// A file of an archive.
#[derive(Clone)]
pub(super) struct File {
    /// Its path in the archive, with `/`.
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
    /// Whether it is a program.
    pub(super) is_program: bool,
}

impl File {
    /// A file to read.
    pub(super) fn text(name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self { name: name.into(), bytes: bytes.into(), is_program: false }
    }

    /// A file to start.
    pub(super) fn program(name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self { name: name.into(), bytes: bytes.into(), is_program: true }
    }

    /// A file of the disk under another name.
    pub(super) fn of(name: impl Into<String>, path: &Path) -> Result<Self> {
        let bytes = fs::read(path).map_err(|error| anyhow::anyhow!("cannot read {}: {error}", path.display()))?;
        Ok(Self::text(name, bytes))
    }

    /// The same file in a folder.
    pub(super) fn below(mut self, folder: &str) -> Self {
        self.name = format!("{folder}/{}", self.name);
        self
    }

    fn mode(&self) -> u32 {
        if self.is_program { 0o755 } else { 0o644 }
    }
}

/// A folder of a tar archive that belongs to a user: only images have one.
pub(super) struct OwnedFolder {
    pub(super) name: &'static str,
    pub(super) user: u64,
}

/// A tar archive.
pub(super) fn tar(mut files: Vec<File>, folders: &[OwnedFolder]) -> Result<Vec<u8>> {
    files.sort_by(|a, b| a.name.cmp(&b.name));
    let mut archive = tar::Builder::new(Vec::new());
    for folder in folders {
        let mut header = header(EntryType::Directory, 0, 0o700);
        header.set_uid(folder.user);
        header.set_gid(folder.user);
        archive.append_data(&mut header, folder.name, io::empty())?;
    }
    for file in files {
        let mut header = header(EntryType::Regular, file.bytes.len() as u64, file.mode());
        archive.append_data(&mut header, &file.name, file.bytes.as_slice())?;
    }
    Ok(archive.into_inner()?)
}

fn header(kind: EntryType, size: u64, mode: u32) -> Header {
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(mode);
    header.set_mtime(TIME);
    header.set_uid(0);
    header.set_gid(0);
    header
}

/// Bytes in gzip, without a name or a time.
pub(super) fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut packed = GzBuilder::new().write(Vec::new(), Compression::best());
    packed.write_all(bytes)?;
    Ok(packed.finish()?)
}

/// A tar archive in gzip.
pub(super) fn tar_gz(files: Vec<File>) -> Result<Vec<u8>> {
    gzip(&tar(files, &[])?)
}

/// A zip archive.
pub(super) fn zip(mut files: Vec<File>) -> Result<Vec<u8>> {
    files.sort_by(|a, b| a.name.cmp(&b.name));
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for file in files {
        let options = SimpleFileOptions::DEFAULT
            .compression_method(CompressionMethod::Deflated)
            .compression_level(Some(9))
            .last_modified_time(DateTime::DEFAULT)
            .unix_permissions(file.mode());
        archive.start_file(file.name, options)?;
        archive.write_all(&file.bytes)?;
    }
    Ok(archive.finish()?.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_the_files_does_not_matter() {
        let files = || vec![File::program("b/elks-mcp", "1"), File::text("a", "2")];
        let reversed = || files().into_iter().rev().collect();
        assert_eq!(tar_gz(files()).expect("packs"), tar_gz(reversed()).expect("packs"));
        assert_eq!(zip(files()).expect("packs"), zip(reversed()).expect("packs"));
    }
}
