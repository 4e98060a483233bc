//! Versioned artefacts on disk: what was learned, and from what.
//!
//! Purpose: store the files of one model version beside a manifest that names their digests, data, seed and code.
//!
//! Guarantees: a version appears whole or not at all (written aside, synced, renamed); an existing version is never
//! changed; reading verifies size and SHA-256 of every file and names the one that differs; paths cannot leave the
//! version's folder.
//!
//! Non-goals: signatures, remote storage, choosing which version is in use.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The manifest's file name in a version's folder.
pub const MANIFEST: &str = "manifest.toml";

/// One stored file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// Relative to the version's folder, `/` between parts.
    pub path: String,
    /// Lower-case hex.
    pub sha256: String,
    /// Size.
    pub bytes: u64,
}

/// What a version is and where it comes from; stored as [`MANIFEST`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Name of the model; a folder name.
    pub name: String,
    /// Version of the model; a folder name.
    pub version: String,
    /// What kind of model it is.
    pub kind: String,
    /// RFC 3339, given by the caller.
    pub created_at: String,
    /// SHA-256 of the training data.
    pub data_digest: String,
    /// First and last time of the training data, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_window: Option<[String; 2]>,
    /// Version of the feature schema or label set.
    pub schema_version: String,
    /// The seed of training.
    pub seed: u64,
    /// Version of the code that trained it.
    pub code_version: String,
    /// Who trained it, as the trainer's own label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trained_by: Option<String>,
    /// Licence of the artefact.
    pub licence: String,
    /// Where the data or weights come from.
    pub source: String,
    /// Held-out measures by name.
    pub metrics: BTreeMap<String, f64>,
    /// The stored files; [`write_version`] fills this in.
    #[serde(default)]
    pub files: Vec<FileEntry>,
}

/// A version cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// A name that is no plain folder or file name.
    #[error(
        "the {what} `{name}` cannot be used: give plain names of letters, digits, `.`, `_` and `-`, no leading dot"
    )]
    Name {
        /// What it names.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// The same file twice, or the manifest's own name.
    #[error("the file `{path}` is given twice or is the manifest itself: give each file once, under its own name")]
    Duplicate {
        /// The path.
        path: String,
    },
    /// The version is there already.
    #[error("the version `{path}` exists and versions never change: choose another version")]
    Exists {
        /// The folder.
        path: PathBuf,
    },
    /// A file that cannot be written or read.
    #[error("`{path}` cannot be {action}: check the folder, its permissions and the free space")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A manifest that TOML cannot hold.
    #[error("the manifest of `{name}` cannot be written as TOML: mend the field that the cause names")]
    Serialize {
        /// The model.
        name: String,
        /// Why.
        #[source]
        source: toml::ser::Error,
    },
    /// Not a manifest.
    #[error("`{path}` is not a manifest: restore it from where the version was made")]
    Manifest {
        /// The file.
        path: PathBuf,
        /// Where and why.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// A file that is not the one that was stored.
    #[error("`{path}` is not the file that its manifest names ({what}): restore it, or use another version")]
    Changed {
        /// The file.
        path: PathBuf,
        /// Expected and found.
        what: String,
    },
    /// A file that the manifest does not list.
    #[error("`{path}` is not listed in the manifest of `{name}`: ask for a listed file")]
    Unlisted {
        /// The path asked for.
        path: String,
        /// The model.
        name: String,
    },
}

/// A verified version on disk.
#[derive(Debug, Clone, PartialEq)]
pub struct Version {
    /// What it is.
    pub manifest: Manifest,
    /// SHA-256 of the manifest's text: the model's identity, since it covers every file's digest.
    pub digest: String,
    /// Its folder.
    pub dir: PathBuf,
}

impl Version {
    /// The bytes of a listed file, verified again as they are read.
    ///
    /// # Errors
    /// [`ArtifactError::Unlisted`], [`ArtifactError::Io`], [`ArtifactError::Changed`].
    pub fn read(&self, path: &str) -> Result<Vec<u8>, ArtifactError> {
        let entry = self
            .manifest
            .files
            .iter()
            .find(|entry| entry.path == path)
            .ok_or_else(|| ArtifactError::Unlisted { path: path.to_owned(), name: self.manifest.name.clone() })?;
        read_verified(&self.dir, entry)
    }
}

/// SHA-256 of `bytes`, lower-case hex.
pub fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// SHA-256 of the manifest's text: the model's identity.
///
/// # Errors
/// [`ArtifactError::Serialize`].
pub fn digest(manifest: &Manifest) -> Result<String, ArtifactError> {
    Ok(sha256_hex(text_of(manifest)?.as_bytes()))
}

/// Writes `<root>/<name>/<version>` with its files and manifest, and returns that folder. `manifest.files` is replaced.
///
/// # Errors
/// [`ArtifactError`]; nothing is left behind.
pub fn write_version(root: &Path, mut manifest: Manifest, files: &[(&str, &[u8])]) -> Result<PathBuf, ArtifactError> {
    check_name("model name", &manifest.name)?;
    check_name("version", &manifest.version)?;
    let mut seen = BTreeSet::from([MANIFEST]);
    for (path, _) in files {
        check_path(path)?;
        if !seen.insert(path) {
            return Err(ArtifactError::Duplicate { path: (*path).to_owned() });
        }
    }
    manifest.files = files
        .iter()
        .map(|(path, bytes)| FileEntry {
            path: (*path).to_owned(),
            sha256: sha256_hex(bytes),
            bytes: bytes.len() as u64,
        })
        .collect();
    let text = text_of(&manifest)?;
    let parent = root.join(&manifest.name);
    let target = parent.join(&manifest.version);
    if target.exists() {
        return Err(ArtifactError::Exists { path: target });
    }
    // Another process may be writing the same version; the rename decides which of them wins.
    let aside = parent.join(format!(".{}.{}.partial", manifest.version, std::process::id()));
    let all = files.iter().copied().chain([(MANIFEST, text.as_bytes())]);
    let written = write_all(&aside, all).and_then(|()| move_into_place(&aside, &target, &parent));
    if written.is_err() {
        // The first error is the one to report; what cannot be removed is skipped by every reader.
        fs::remove_dir_all(&aside).ok();
    }
    written.map(|()| target)
}

/// Reads a version's manifest and verifies every file that it lists.
///
/// # Errors
/// [`ArtifactError`], naming the first file that is absent or differs.
pub fn read_version(dir: &Path) -> Result<Version, ArtifactError> {
    let path = dir.join(MANIFEST);
    let text = fs::read_to_string(&path).map_err(|source| io_error(&path, "read", source))?;
    let manifest: Manifest =
        toml::from_str(&text).map_err(|source| ArtifactError::Manifest { path, source: Box::new(source) })?;
    for entry in &manifest.files {
        check_path(&entry.path)?;
        read_verified(dir, entry)?;
    }
    Ok(Version { manifest, digest: sha256_hex(text.as_bytes()), dir: dir.to_owned() })
}

fn text_of(manifest: &Manifest) -> Result<String, ArtifactError> {
    toml::to_string(manifest).map_err(|source| ArtifactError::Serialize { name: manifest.name.clone(), source })
}

fn read_verified(dir: &Path, entry: &FileEntry) -> Result<Vec<u8>, ArtifactError> {
    let path = dir.join(&entry.path);
    let bytes = fs::read(&path).map_err(|source| io_error(&path, "read", source))?;
    if bytes.len() as u64 != entry.bytes {
        let what = format!("{} bytes instead of {}", bytes.len(), entry.bytes);
        return Err(ArtifactError::Changed { path, what });
    }
    let found = sha256_hex(&bytes);
    if found != entry.sha256 {
        let what = format!("SHA-256 {found} instead of {}", entry.sha256);
        return Err(ArtifactError::Changed { path, what });
    }
    Ok(bytes)
}

fn write_all<'a>(aside: &Path, files: impl Iterator<Item = (&'a str, &'a [u8])>) -> Result<(), ArtifactError> {
    fs::create_dir_all(aside).map_err(|source| io_error(aside, "created", source))?;
    for (name, bytes) in files {
        let path = aside.join(name);
        let write = || {
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent)?;
            }
            let mut file = File::create_new(&path)?;
            file.write_all(bytes)?;
            file.sync_all()
        };
        write().map_err(|source| io_error(&path, "written", source))?;
    }
    Ok(())
}

fn move_into_place(aside: &Path, target: &Path, parent: &Path) -> Result<(), ArtifactError> {
    fs::rename(aside, target).map_err(|source| match source.kind() {
        ErrorKind::AlreadyExists | ErrorKind::DirectoryNotEmpty | ErrorKind::NotADirectory => {
            ArtifactError::Exists { path: target.to_owned() }
        }
        _ => io_error(target, "moved into place", source),
    })?;
    // The rename is durable once its folder is synced; where folders cannot be opened, the file system does it.
    if let Ok(folder) = File::open(parent) {
        folder.sync_all().map_err(|source| io_error(parent, "synced", source))?;
    }
    Ok(())
}

fn io_error(path: &Path, action: &'static str, source: std::io::Error) -> ArtifactError {
    ArtifactError::Io { path: path.to_owned(), action, source }
}

fn check_name(what: &'static str, name: &str) -> Result<(), ArtifactError> {
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
    if plain && !name.is_empty() && !name.starts_with('.') {
        return Ok(());
    }
    Err(ArtifactError::Name { what, name: name.to_owned() })
}

fn check_path(path: &str) -> Result<(), ArtifactError> {
    path.split('/')
        .try_for_each(|part| check_name("file path", part))
        .map_err(|_| ArtifactError::Name { what: "file path", name: path.to_owned() })
}
