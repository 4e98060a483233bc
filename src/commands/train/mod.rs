//! Training: from history or a described file to a registered, immutable version with its report and card.
//!
//! Guarantees: the report names the base rate beside every measure; a version says itself whether it beats its baseline,
//! and only one that does can be promoted; nothing starts to serve here. Non-goals: promotion, see `flow::learn::registry`.

pub mod beside;
pub mod command;
pub mod corpus;
pub mod effect;
pub mod encoder;
pub mod intents;
pub mod link;
pub mod miss_risk;
pub mod on_request;
pub mod open_orders;
pub mod schedule;
pub mod values;
pub mod world;
pub mod writer;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;

use anyhow::Context as _;
use holdfast_training::artifact::{Manifest, write_version};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::adapters::models::BEATS_BASELINE;
use crate::domain::actor::Actor;
use crate::domain::ids::OperationId;
use crate::domain::model::ModelVersion;
use crate::flow::learn::registry;
use crate::flow::services::{Ctx, Services};

/// Who trains, when, and where to.
pub struct Trainer<'a> {
    /// Store and loader; the loader must look into `models`.
    pub services: &'a Services,
    /// The model directory that the version is written to.
    pub models: &'a Path,
    /// Who asked for it: may not approve its promotion.
    pub actor: Actor,
    /// Now.
    pub now: Timestamp,
    /// The operation that this is, where it is one: a cancelled one keeps nothing.
    pub operation: Option<OperationId>,
}

/// Hears the stage and the share done, 0 to 1, and says whether to go on.
pub type Progress<'a> = dyn FnMut(&str, f64) -> ControlFlow<()> + Send + 'a;

/// What a version is made of beside its files.
struct About {
    name: &'static str,
    kind: &'static str,
    data_digest: String,
    data_window: Option<[String; 2]>,
    schema_version: String,
    seed: u64,
    licence: String,
    source: String,
    metrics: BTreeMap<String, f64>,
}

impl Trainer<'_> {
    /// Writes and registers a version.
    async fn keep(&self, about: About, files: &[(&str, &[u8])]) -> anyhow::Result<ModelVersion> {
        let version = self.version(&about.data_digest);
        let path = format!("{}/{version}", about.name);
        let manifest = Manifest {
            name: about.name.to_owned(),
            version,
            kind: about.kind.to_owned(),
            created_at: self.now.to_string(),
            data_digest: about.data_digest,
            data_window: about.data_window,
            schema_version: about.schema_version,
            seed: about.seed,
            code_version: env!("CARGO_PKG_VERSION").to_owned(),
            trained_by: Some(self.actor.label()),
            licence: about.licence,
            source: about.source,
            metrics: about.metrics,
            files: Vec::new(),
        };
        let dir = write_version(self.models, manifest, files).context("the version cannot be written")?;
        self.register(&path, &dir).await
    }

    /// Registers what was written to `dir`, unless the operation was cancelled meanwhile: then nothing of it is left.
    async fn register(&self, path: &str, dir: &Path) -> anyhow::Result<ModelVersion> {
        let ctx = Ctx { now: self.now, entropy: &*self.services.entropy, actor: self.actor.clone() };
        let kept = registry::register_for(self.services, &ctx, path, self.operation).await;
        if kept.is_err() {
            // A folder that stays would be registered at the next start.
            std::fs::remove_dir_all(dir).ok();
        }
        Ok(kept?)
    }

    /// The time and the data: versions of a name sort by age, and say when they were made from the same rows.
    fn version(&self, data_digest: &str) -> String {
        let time = self.now.to_zoned(TimeZone::UTC).strftime("%Y%m%dT%H%M%SZ");
        format!("{time}-{}", data_digest.get(..8).unwrap_or(data_digest))
    }
}

/// The metric that says whether a version may be promoted.
fn verdict(beats: bool) -> (String, f64) {
    (BEATS_BASELINE.to_owned(), f64::from(u8::from(beats)))
}

/// A progress bar on the terminal, as the trainers' `progress`.
pub fn bar() -> impl FnMut(&str, f64) -> ControlFlow<()> {
    let style = ProgressStyle::with_template("{bar:30} {percent:>3} % {elapsed} {msg}");
    let bar = ProgressBar::new(1000).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    move |stage, share| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 1000")]
        bar.set_position((share.clamp(0.0, 1.0) * 1000.0) as u64);
        bar.set_message(stage.to_owned());
        if share >= 1.0 {
            bar.finish_and_clear();
        }
        ControlFlow::Continue(())
    }
}
