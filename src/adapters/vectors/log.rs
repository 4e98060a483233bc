//! The exact store's file: records of upserted and deleted points, appended and synced.
//!
//! Guarantees: a record is read back whole and unchanged or not at all; an append that failed half way is cut off again; a
//! rewrite is written aside and renamed. A record is `body length: u32`, `first 8 bytes of the body's SHA-256`, body; a
//! body is `head length: u32`, head (JSON), vector (f32). All numbers are little-endian.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::ports::vectors::{Point, VectorError};

/// Bytes before a record's body.
const FRAME: usize = 12;

/// An upserted point, or the deletion of one.
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
    /// Where the next record goes.
    end: u64,
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
    /// Opens or begins the file and reads its records, oldest first.
    pub(super) fn open(path: &Path) -> Result<(Self, Vec<Record>), VectorError> {
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(io(path, &error)),
        };
        let (records, end) = parse(path, &bytes)?;
        let opened = OpenOptions::new().create(true).truncate(false).write(true).open(path);
        let mut log = Self { path: path.to_owned(), file: opened.map_err(|error| io(path, &error))?, end: end as u64 };
        if end < bytes.len() {
            let lost_bytes = bytes.len() - end;
            tracing::warn!(path = %path.display(), lost_bytes, "dropped the unfinished last record of the vector log");
            log.cut()?;
        }
        Ok((log, records))
    }

    /// Appends and syncs; on failure the file is cut back to where it was.
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
    pub(super) fn rewrite(&mut self, records: impl Iterator<Item = Record>) -> Result<(), VectorError> {
        let aside = self.path.with_extension("partial");
        // What a crash left behind may be replaced.
        let file = File::create(&aside).map_err(|error| io(&aside, &error))?;
        let mut fresh = Self { path: aside, file, end: 0 };
        let records: Vec<Record> = records.collect();
        fresh.append(&records)?;
        std::fs::rename(&fresh.path, &self.path).map_err(|error| io(&self.path, &error))?;
        // The rename is durable once its folder is synced; where folders cannot be opened, the file system does it.
        if let Some(Ok(folder)) = self.path.parent().map(File::open) {
            folder.sync_all().map_err(|error| io(&self.path, &error))?;
        }
        (self.file, self.end) = (fresh.file, fresh.end);
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

/// The records and where the last whole one ends. Only the last may be damaged: that is what a crash leaves.
fn parse(path: &Path, bytes: &[u8]) -> Result<(Vec<Record>, usize), VectorError> {
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
                    "`{}` is damaged at byte {at}: restore it, or move it away and embed again",
                    path.display()
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
