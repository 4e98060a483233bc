//! The model directories on disk behind [`ModelLoader`]: one with what is shipped, one with what was trained here.
//!
//! Guarantees: a path (`<name>/<version>`) is looked for in each root in turn, and never outside of them; every file is
//! checked against its manifest before it is used. Non-goals: choosing which version serves, see `flow::learn::registry`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use holdfast_training::artifact::{MANIFEST, Manifest, read_version};

use super::candle::{BertEncoder, HostedEncoder, IntentHeadClassifier, heads, values};
use super::linfa::effect::{self, LinfaEffect};
use super::linfa::link::{self, LinfaLink};
use super::linfa::risk::{self, LinfaRisk};
use crate::config::models::EncoderPath;
use crate::domain::model::Provenance;
use crate::ports::registry::{Described, LoadError, Loaded, ModelLoader};

/// The manifest's kind of sentence encoders: the one kind that is not trained here, and so has no baseline to beat.
const ENCODER_KIND: &str = "sentence-encoder";
/// The file of a version that people look at.
pub const REPORT: &str = "report.html";
/// The file that says what a version is for and what not.
pub const CARD: &str = "CARD.md";
/// The metric by which a trainer says that its version is better than always answering the same.
pub const BEATS_BASELINE: &str = "beats_baseline";

/// The two model directories.
pub struct ModelDirectory {
    roots: [PathBuf; 2],
    queue_capacity: usize,
    encoder_path: EncoderPath,
}

impl ModelDirectory {
    /// Versions that are `shipped` and versions that were `trained` here, the former winning where both have a path;
    /// `queue_capacity` requests may wait for an encoder.
    #[must_use]
    pub fn new(shipped: PathBuf, trained: PathBuf, queue_capacity: usize) -> Self {
        Self { roots: [shipped, trained], queue_capacity, encoder_path: EncoderPath::default() }
    }

    /// Encoders compute as `path` says, in the place of [`EncoderPath::Auto`].
    #[must_use]
    pub fn with_encoder_path(self, path: EncoderPath) -> Self {
        Self { encoder_path: path, ..self }
    }

    fn find(&self, path: &str) -> Result<PathBuf, LoadError> {
        let plain = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.contains(['\\', ':']);
        let mut parts = path.split('/');
        let two =
            matches!((parts.next(), parts.next(), parts.next()), (Some(a), Some(b), None) if plain(a) && plain(b));
        let found = self.roots.iter().map(|root| root.join(path)).find(|dir| two && dir.join(MANIFEST).is_file());
        found.ok_or_else(|| error(path, "there is no such version in the model directories; give `<name>/<version>`"))
    }

    fn read(&self, path: &str) -> Result<(PathBuf, String, Described), LoadError> {
        let dir = self.find(path)?;
        let stored = read_version(&dir).map_err(|e| error(path, &chain(&e)))?;
        let Manifest { name, version, kind, metrics, trained_by, .. } = stored.manifest;
        let Manifest {
            data_window, data_digest, schema_version, seed, code_version, created_at, licence, source, ..
        } = stored.manifest;
        let origin =
            Provenance { data_window, data_digest, schema_version, seed, code_version, created_at, licence, source };
        if format!("{name}/{version}") != path {
            return Err(error(path, &format!("its manifest says `{name}/{version}`: move it to where it belongs")));
        }
        let beats_baseline = kind == ENCODER_KIND || metrics.get(BEATS_BASELINE) == Some(&1.0);
        let digest = stored.digest;
        let path = path.to_owned();
        Ok((dir, kind, Described { name, version, digest, path, metrics, beats_baseline, trained_by, origin }))
    }

    /// A file of a version as text, where it has one.
    fn text(&self, path: &str, file: &str) -> Result<Option<String>, LoadError> {
        let stored = read_version(&self.find(path)?).map_err(|e| error(path, &chain(&e)))?;
        if !stored.manifest.files.iter().any(|listed| listed.path == file) {
            return Ok(None);
        }
        let bytes = stored.read(file).map_err(|e| error(path, &chain(&e)))?;
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }

    fn encoder(&self, dir: &Path) -> Result<HostedEncoder, String> {
        let encoder = BertEncoder::load(dir, self.encoder_path).map_err(|e| chain(&e))?;
        HostedEncoder::start(encoder, self.queue_capacity).map_err(|e| e.to_string())
    }
}

impl ModelLoader for ModelDirectory {
    fn versions(&self) -> Vec<Result<Described, LoadError>> {
        let names = self.roots.iter().flat_map(|root| folders(root).into_iter().map(move |name| (root, name)));
        let found = names.flat_map(|(root, name)| {
            let versions = folders(&root.join(&name)).into_iter();
            let paths = versions.map(move |version| format!("{name}/{version}"));
            paths.filter(move |path| root.join(path).join(MANIFEST).is_file()).collect::<Vec<_>>()
        });
        let paths: BTreeSet<String> = found.collect();
        paths.iter().map(|path| self.describe(path)).collect()
    }

    fn describe(&self, path: &str) -> Result<Described, LoadError> {
        self.read(path).map(|(_, _, described)| described)
    }

    fn report(&self, path: &str) -> Result<Option<String>, LoadError> {
        self.text(path, REPORT)
    }

    fn card(&self, path: &str) -> Result<Option<String>, LoadError> {
        self.text(path, CARD)
    }

    fn load(&self, path: &str, encoder: Option<&str>) -> Result<Loaded, LoadError> {
        let (dir, kind, _) = self.read(path)?;
        let loaded = match kind.as_str() {
            risk::KIND => LinfaRisk::load(&dir).map(|m| Loaded::Risk(Arc::new(m))).map_err(|e| chain(&e)),
            effect::KIND => LinfaEffect::load(&dir).map(|m| Loaded::Effect(Arc::new(m))).map_err(|e| chain(&e)),
            link::KIND => LinfaLink::load(&dir).map(|m| Loaded::Link(Arc::new(m))).map_err(|e| chain(&e)),
            ENCODER_KIND => self.encoder(&dir).map(|m| Loaded::Encoder(Arc::new(m))),
            heads::KIND => of_encoder(encoder, |encoder| {
                IntentHeadClassifier::load(&dir, encoder).map(|m| Loaded::Intents(Arc::new(m)))
            }),
            values::KIND => {
                of_encoder(encoder, |encoder| values::load(&dir, encoder).map(|m| Loaded::Values(Arc::new(m))))
            }
            other => Err(format!("its kind `{other}` is none that serves")),
        };
        loaded.map_err(|message| error(path, &message))
    }
}

/// What is loaded to serve with an encoder, where one serves.
fn of_encoder(
    encoder: Option<&str>,
    load: impl FnOnce(&str) -> Result<Loaded, super::candle::LoadError>,
) -> Result<Loaded, String> {
    match encoder {
        Some(encoder) => load(encoder).map_err(|e| chain(&e)),
        None => Err("no encoder serves, and it needs the one that it was trained on".to_owned()),
    }
}

/// Names of the folders in `dir` that hold finished things; none where it cannot be read, which loading then names.
fn folders(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let names =
        entries.filter(|entry| entry.path().is_dir()).map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| !name.starts_with('.')).collect()
}

fn error(path: &str, message: &str) -> LoadError {
    LoadError { path: path.to_owned(), message: message.to_owned() }
}

/// An error and its causes in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |e| e.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
