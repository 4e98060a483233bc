//! The heads that answer together: one over the encoder as it came, and one over each encoder that was tuned.
//!
//! Guarantees: a head is chosen on rows that its encoder was not tuned on; every training row is left out of one tuned encoder
//! at most.

use std::ops::ControlFlow;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use holdfast_training::artifact::Version;
use holdfast_training::language::folds;
use holdfast_training::language::heads::{HeadOptions, IntentHead, Rows};
use holdfast_training::language::tune::{Example, TuneOptions, embed, tune};

use super::{Logits, Set};
use crate::adapters::candle::BertEncoder;
use crate::commands::train::encoder::shape;

/// Training rows below which several encoders are tuned and heads are chosen by cross-validation.
const FEW_ROWS: usize = 2_000;
/// Tuned encoders where rows are few.
const MEMBERS: usize = 5;
/// Folds of which one is left out where rows are many.
const FOLDS: usize = 10;
/// Texts that tuning sees in all, so that small files are seen often and large ones a few times.
const SEEN: usize = 36_000;
/// Fewest and most epochs.
const EPOCHS: (usize, usize) = (3, 15);

/// What heads are trained with.
pub(super) struct Study<'a> {
    pub(super) set: &'a Set,
    pub(super) encoder: &'a BertEncoder,
    pub(super) seed: u64,
    pub(super) progress: &'a mut dyn FnMut(&str, f64) -> ControlFlow<()>,
}

impl Study<'_> {
    /// The head over the encoder as it came.
    pub(super) fn plain(&mut self) -> Result<Logits> {
        let set = self.set;
        let mut embeddings = Vec::with_capacity(set.texts.len());
        for texts in set.texts.chunks(256) {
            embeddings.extend(self.encoder.embed(texts).map_err(anyhow::Error::msg)?);
            let _ = (self.progress)("embed", embeddings.len() as f64 / set.texts.len() as f64 * 0.99);
        }
        let calibrating = match (set.valid.is_empty(), set.train.len() < FEW_ROWS) {
            (false, _) => set.valid.clone().collect(),
            (true, true) => Vec::new(),
            (true, false) => self.fold(FOLDS, 0),
        };
        self.head(&embeddings, &calibrating)
    }

    /// The heads over encoders that are tuned on the training rows but those that they are chosen on.
    pub(super) fn tuned(
        &mut self,
        version: &Version,
        options: Option<&Path>,
        members: Option<usize>,
    ) -> Result<Vec<Logits>> {
        let set = self.set;
        let few = set.train.len() < FEW_ROWS;
        let members = members.unwrap_or(if few { MEMBERS } else { 1 });
        let options = self.options(options)?;
        let parts = if few { members.max(MEMBERS) } else { members.max(FOLDS) };
        ensure!((1..=20).contains(&members), "--members is {members}: give 1 to 20");
        let weights = version.read("model.safetensors")?;
        let (shape, mask) = (shape(version)?, self.mask()?);
        let tokens: Vec<Vec<u32>> = set
            .texts
            .iter()
            .map(|text| self.encoder.tokens(text).map_err(anyhow::Error::msg))
            .collect::<Result<_>>()?;
        let example = |row: usize| {
            let mut targets = vec![0.0; set.classes.len()];
            targets[set.labels[row]] = 1.0;
            Example { tokens: tokens[row].clone(), targets }
        };
        let mut logits = Vec::with_capacity(members);
        for member in 0..members {
            let left_out: Vec<usize> =
                if set.valid.is_empty() { self.fold(parts, member) } else { set.valid.clone().collect() };
            let learned = set.train.clone().filter(|row| !left_out.contains(row)).map(example).collect::<Vec<_>>();
            let watched = left_out.iter().map(|&row| example(row)).collect::<Vec<_>>();
            let options = TuneOptions { seed: options.seed + member as u64, mask_token: mask, ..options.clone() };
            let mut heard = |stage: &str, share: f64| {
                let done = (member as f64 + share * 0.9) / members as f64;
                (self.progress)(&format!("encoder {} of {members}, {stage}", member + 1), done)
            };
            let tuned = tune(&weights, shape, &learned, &watched, &options, &mut heard)?;
            if let Some(last) = tuned.epochs.last().filter(|_| !watched.is_empty()) {
                tracing::info!(member, loss = last.loss, watched = last.accuracy, "an encoder is tuned");
            }
            let embeddings = embed(&tuned.weights, shape, &tokens)?;
            logits.push(self.head(&embeddings, &left_out)?);
        }
        Ok(logits)
    }

    fn options(&self, file: Option<&Path>) -> Result<TuneOptions> {
        let Some(file) = file else {
            let epochs = (SEEN / self.set.train.len().max(1)).clamp(EPOCHS.0, EPOCHS.1);
            return Ok(TuneOptions { epochs, seed: self.seed, ..TuneOptions::default() });
        };
        let text = std::fs::read_to_string(file).with_context(|| format!("`{}` cannot be read", file.display()))?;
        toml::from_str(&text).with_context(|| format!("`{}` holds no tuning options", file.display()))
    }

    /// The token that hides others: what the tokenizer makes of its name.
    fn mask(&self) -> Result<u32> {
        let tokens = self.encoder.tokens("[MASK]").map_err(anyhow::Error::msg)?;
        ensure!(tokens.len() == 3, "the encoder's tokenizer knows no `[MASK]`");
        Ok(tokens[1])
    }

    /// Training rows of one of `parts` folds; those of a class are dealt evenly.
    fn fold(&self, parts: usize, wanted: usize) -> Vec<usize> {
        let labels = &self.set.labels[self.set.train.clone()];
        let folds = folds(labels, self.set.classes.len(), parts, self.seed);
        (0..labels.len()).filter(|&row| folds[row] == wanted).collect()
    }

    /// A head chosen on `calibrating`; what it says of every text after the training texts.
    fn head(&mut self, embeddings: &[Vec<f32>], calibrating: &[usize]) -> Result<Logits> {
        let set = self.set;
        let labelled = set.labels.len();
        let held_out: Vec<usize> = set.test.clone().collect();
        let given = Rows {
            embeddings: &embeddings[..labelled],
            texts: &set.texts[..labelled],
            labels: &set.labels,
            calibrating,
            held_out: &held_out,
        };
        let options = HeadOptions { seed: self.seed, joined: set.valid.is_empty(), ..HeadOptions::default() };
        let mut heard = |stage: &str, share: f64| {
            let _ = (self.progress)(&format!("head, {stage}"), share * 0.99);
        };
        let (head, _) = IntentHead::train(&given, &set.classes, &options, &mut heard)?;
        let rows = set.texts.iter().zip(embeddings).skip(set.train.end);
        Ok(rows.map(|(text, embedding)| head.logits(text, embedding)).collect::<Result<_, _>>()?)
    }
}
