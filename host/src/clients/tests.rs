//! What the edits do to files, to the byte, and where files are on each system.

mod edits;
mod installing;
mod tables;

use super::Computer;
use super::places::Places;
use crate::config::{System, Variables};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A folder of a test's own, which is removed with it.
struct Home(PathBuf);

impl Home {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("elks-clients-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn path(&self) -> &Path {
        &self.0
    }

    /// The computer of somebody who has this home and no program on `PATH`.
    fn computer(&self) -> Computer {
        let home = self.0.to_str().unwrap();
        Computer {
            places: Places::new(
                System::THIS,
                Variables::from([("HOME", home), ("USERPROFILE", home), ("APPDATA", home), ("PATH", "")]),
            ),
            program: "/opt/elks/elks-mcp".into(),
            settings: format!("{home}/own/settings.env"),
            is_named: false,
        }
    }

    /// The names of all files below a folder.
    fn files(&self, folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap())
            .filter(|entry| entry.path().is_file())
            .map(|entry| entry.file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
