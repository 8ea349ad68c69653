//! A folder for what the program remembers, of a test's own, and what a test reads in it.
//!
//! Not here: what the journal must contain. That stands in the tests.

use super::scratch;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// The value of `ELKS_STATE_DIR`. The program creates the folder. It is removed with the last clone, so programs that
/// share it, at once or one after another, find what the others left.
#[derive(Clone)]
pub struct StateDir(Arc<Folder>);

struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl StateDir {
    /// A name that no folder has yet.
    pub fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("elks-{}-{}.state", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let path = scratch().join(name);
        // Of a process that had the same number and was killed.
        let _ = fs::remove_dir_all(&path);
        Self(Arc::new(Folder(path)))
    }

    pub fn path(&self) -> &Path {
        &self.0.0
    }

    /// The folder of the account. There is one, or the program has written nothing yet.
    pub fn account(&self) -> Option<PathBuf> {
        let folders: Vec<PathBuf> = entries(self.path()).into_iter().filter(|path| path.is_dir()).collect();
        assert!(folders.len() <= 1, "one account: {folders:?}");
        folders.into_iter().next()
    }

    /// The files of the journal, oldest month first.
    pub fn months(&self) -> Vec<PathBuf> {
        let files = self.account().map(|account| entries(&account)).unwrap_or_default();
        files.into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "jsonl")).collect()
    }

    /// The whole lines of the journal, oldest first. A last line without its end is left out: its writer was killed.
    pub fn journal(&self) -> Vec<Value> {
        let text: String = self.months().iter().map(|month| fs::read_to_string(month).unwrap()).collect();
        let lines = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        lines.map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
    }

    /// What happened, oldest first: the events of the journal without seq, time and hashes.
    pub fn events(&self) -> Vec<Value> {
        self.journal().into_iter().map(|mut line| line["event"].take()).collect()
    }

    /// All files with their text.
    pub fn files(&self) -> Vec<(PathBuf, String)> {
        files_in(self.path())
    }
}

fn files_in(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    for path in entries(folder) {
        if path.is_dir() {
            files.extend(files_in(&path));
        } else {
            let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
            files.push((path, text));
        }
    }
    files
}

/// What is in a folder, by name. A folder that is not there has nothing in it.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

#[test]
fn the_journal_is_read_over_months_and_without_a_torn_line() {
    let state = StateDir::new();
    assert!(state.account().is_none() && state.journal().is_empty() && state.files().is_empty());
    let account = state.path().join("0123456789abcdef");
    fs::create_dir_all(&account).unwrap();
    fs::write(account.join("lock"), "").unwrap();
    fs::write(account.join("journal-2026-12.jsonl"), "{\"seq\":3,\"event\":\"c\"}\n{\"seq\":4,\"ev").unwrap();
    let november = "{\"seq\":1,\"event\":\"a\"}\n{\"seq\":2,\"event\":\"b\"}\n";
    fs::write(account.join("journal-2026-11.jsonl"), november).unwrap();
    assert_eq!(state.account(), Some(account));
    assert_eq!(state.events(), ["a", "b", "c"]);
    assert_eq!(state.files().len(), 3);
    let (path, clone) = (state.path().to_path_buf(), state.clone());
    drop(state);
    assert!(path.exists());
    drop(clone);
    assert!(!path.exists());
}
