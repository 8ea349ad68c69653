//! A file of a test's own, which is removed with it.
//!
//! Not here: what stands in it. Each test writes that.

use super::scratch;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

/// A file that only its owner can read.
pub struct OwnFile(PathBuf);

impl OwnFile {
    /// A new file. The kind ends its name.
    pub fn new(kind: &str, text: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("elks-{}-{}.{kind}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let file = Self(scratch().join(name));
        file.write(text);
        #[cfg(unix)]
        file.mode(0o600);
        file
    }

    /// Writes another text.
    pub fn write(&self, text: &str) {
        fs::write(&self.0, text).unwrap();
    }

    /// Sets who can use it.
    #[cfg(unix)]
    pub fn mode(&self, mode: u32) {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&self.0, fs::Permissions::from_mode(mode)).unwrap();
    }

    pub fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for OwnFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
