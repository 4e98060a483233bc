//! The exact store's file: records of upserted and deleted points, appended and synced, by one or several processes.
//!
//! Guarantees: a record is read back whole and unchanged or not at all; an append that failed half way is cut off again; one
//! process writes at a time, after it has read what the others wrote (`.lock` beside the file); only a process that is alone
//! with the file (`.users`) rewrites it, aside, and renames. A record is `body length: u32`, `first 8 bytes of the body's SHA-256`, body; a
//! body is `head length: u32`, head (JSON), vector (f32). All numbers are little-endian.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::ports::vectors::{Point, VectorError};

/// Bytes before a record's body.
const FRAME: usize = 12;

/// An upserted point, or the deletion of one.
#[derive(Clone)]
pub(super) struct Record {
    pub(super) collection: String,
    pub(super) key: Uuid,
    /// `None`: deleted.
    pub(super) point: Option<Point>,
}

/// A record's JSON part.
#[derive(Serialize, Deserialize)]
struct Head {
    collection: String,
    key: Uuid,
    /// `None`: deleted.
    payload: Option<BTreeMap<String, String>>,
}

/// The open file.
pub(super) struct Log {
    path: PathBuf,
    file: File,
    /// Where the next record goes, as far as it was read.
    end: u64,
    /// Locked while records are read or written.
    gate: File,
    /// Locked, for several at once, by every process that has the file open.
    users: File,
}

/// The right to write, until it is dropped.
pub(super) struct Turn(File);

impl Drop for Turn {
    fn drop(&mut self) {
        // The system gives it back when the process ends, if not now.
        self.0.unlock().ok();
    }
}

impl Record {
    pub(super) fn put(collection: &str, point: Point) -> Self {
        Self { collection: collection.to_owned(), key: point.key, point: Some(point) }
    }

    pub(super) fn delete(collection: &str, key: Uuid) -> Self {
        Self { collection: collection.to_owned(), key, point: None }
    }

    fn encode(&self) -> Result<Vec<u8>, VectorError> {
        let payload = self.point.as_ref().map(|point| point.payload.clone());
        let head = Head { collection: self.collection.clone(), key: self.key, payload };
        let head = serde_json::to_vec(&head).map_err(|error| refused(error.to_string()))?;
        let vector = self.point.iter().flat_map(|point| &point.vector).flat_map(|x| x.to_le_bytes());
        let body: Vec<u8> = length(head.len())?.into_iter().chain(head).chain(vector).collect();
        Ok(length(body.len())?.into_iter().chain(sum(&body)).chain(body).collect())
    }

    fn decode(body: &[u8]) -> Option<Self> {
        let (head, vector) = body.get(4..)?.split_at_checked(read_length(body)?)?;
        let head: Head = serde_json::from_slice(head).ok()?;
        let vector = vector.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        let point = head.payload.map(|payload| Point { key: head.key, vector, payload });
        Some(Self { collection: head.collection, key: head.key, point })
    }
}

impl Log {
    /// Opens or begins the file and reads its records, oldest first; `compact` is given them all when no other process has the
    /// file, and what it answers takes their place.
    pub(super) fn open(
        path: &Path,
        compact: impl FnOnce(&[Record]) -> Option<Vec<Record>>,
    ) -> Result<(Self, Vec<Record>), VectorError> {
        let open = |path: &Path| {
            let opened = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path);
            opened.map_err(|error| io(path, &error))
        };
        let beside = |extension: &str| open(&path.with_extension(extension));
        let mut log =
            Self { path: path.to_owned(), gate: beside("lock")?, users: beside("users")?, file: open(path)?, end: 0 };
        let turn = log.turn()?;
        let alone = log.users.try_lock().is_ok();
        // Opened before its turn came, it may be a file that was replaced meanwhile.
        log.file = open(path)?;
        let mut records = log.read()?;
        if alone && let Some(fewer) = compact(&records) {
            log.rewrite(&fewer)?;
            records = fewer;
        }
        log.users.lock_shared().map_err(|error| io(path, &error))?;
        drop(turn);
        Ok((log, records))
    }

    /// Waits for the right to read on and to write.
    pub(super) fn turn(&self) -> Result<Turn, VectorError> {
        let lock = || self.gate.lock().and_then(|()| self.gate.try_clone());
        lock().map(Turn).map_err(|error| io(&self.path, &error))
    }

    /// Whether another process wrote since.
    pub(super) fn is_behind(&self) -> bool {
        self.file.metadata().is_ok_and(|file| file.len() > self.end)
    }

    /// The records after those that were read; in one's turn only. What a crash left unfinished is cut off.
    pub(super) fn read(&mut self) -> Result<Vec<Record>, VectorError> {
        let mut bytes = Vec::new();
        let read = self.file.seek(SeekFrom::Start(self.end)).and_then(|_| self.file.read_to_end(&mut bytes));
        read.map_err(|error| io(&self.path, &error))?;
        let (records, end) = parse(&self.path, self.end, &bytes)?;
        self.end += end as u64;
        if end < bytes.len() {
            let (path, lost_bytes) = (self.path.display(), bytes.len() - end);
            tracing::warn!(%path, lost_bytes, "dropped the unfinished last record of the vector log");
            self.cut()?;
        }
        Ok(records)
    }

    /// Appends and syncs, in one's turn and after [`Self::read`]; on failure the file is cut back to where it was.
    pub(super) fn append(&mut self, records: &[Record]) -> Result<(), VectorError> {
        let mut bytes = Vec::new();
        for record in records {
            bytes.extend(record.encode()?);
        }
        let written = self.write(&bytes);
        if let Err(error) = written {
            // The first error is the one to report; what cannot be cut now is cut on opening.
            self.cut().ok();
            return Err(error);
        }
        self.end += bytes.len() as u64;
        Ok(())
    }

    /// Replaces the file by `records`.
    fn rewrite(&mut self, records: &[Record]) -> Result<(), VectorError> {
        let aside = self.path.with_extension("partial");
        // What a crash left behind may be replaced.
        let fresh = OpenOptions::new().create(true).truncate(true).read(true).write(true).open(&aside);
        (self.file, self.end) = (fresh.map_err(|error| io(&aside, &error))?, 0);
        self.append(records)?;
        std::fs::rename(&aside, &self.path).map_err(|error| io(&self.path, &error))?;
        // The rename is durable once its folder is synced; where folders cannot be opened, the file system does it.
        if let Some(Ok(folder)) = self.path.parent().map(File::open) {
            folder.sync_all().map_err(|error| io(&self.path, &error))?;
        }
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), VectorError> {
        let written = self.file.seek(SeekFrom::Start(self.end)).and_then(|_| self.file.write_all(bytes));
        written.and_then(|()| self.file.sync_data()).map_err(|error| io(&self.path, &error))
    }

    fn cut(&mut self) -> Result<(), VectorError> {
        let cut = self.file.set_len(self.end).and_then(|()| self.file.sync_all());
        cut.map_err(|error| io(&self.path, &error))
    }
}

/// The records of the file's bytes after `from`, and where the last whole one of them ends. Only the last may be damaged: that is what a crash leaves.
fn parse(path: &Path, from: u64, bytes: &[u8]) -> Result<(Vec<Record>, usize), VectorError> {
    let (mut records, mut at) = (Vec::new(), 0);
    while let Some(body_length) = read_length(&bytes[at..]) {
        let Some(body) = bytes.get(at + FRAME..).and_then(|rest| rest.get(..body_length)) else { break };
        let end = at + FRAME + body_length;
        let whole = bytes[at + 4..at + FRAME] == sum(body);
        match Record::decode(body).filter(|_| whole) {
            Some(record) => records.push(record),
            None if end == bytes.len() => break,
            None => {
                let message = format!(
                    "`{}` is damaged at byte {}: restore it, or move it away and embed again",
                    path.display(),
                    from + at as u64
                );
                return Err(refused(message));
            }
        }
        at = end;
    }
    Ok((records, at))
}

fn read_length(bytes: &[u8]) -> Option<usize> {
    let head = bytes.get(..4)?;
    usize::try_from(u32::from_le_bytes([head[0], head[1], head[2], head[3]])).ok()
}

fn length(bytes: usize) -> Result<[u8; 4], VectorError> {
    u32::try_from(bytes).map(u32::to_le_bytes).map_err(|_| refused(format!("a record of {bytes} bytes is too long")))
}

fn sum(body: &[u8]) -> [u8; 8] {
    let digest = Sha256::digest(body);
    std::array::from_fn(|index| digest[index])
}

fn io(path: &Path, error: &std::io::Error) -> VectorError {
    VectorError { message: format!("`{}`: {error}", path.display()), retryable: true }
}

fn refused(message: String) -> VectorError {
    VectorError { message, retryable: false }
}
