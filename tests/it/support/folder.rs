//! A folder of a test's own that goes when the test ends.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

static MADE: AtomicU32 = AtomicU32::new(0);

/// Removed on drop, also when the test panics.
pub struct Folder(PathBuf);

impl Folder {
    /// A fresh folder under the system's temporary one.
    pub fn new() -> std::io::Result<Self> {
        let name = format!("holdfast-it-{}-{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed stays in the temporary folder: no reason to fail a test.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
