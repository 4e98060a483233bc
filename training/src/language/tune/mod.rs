//! Fine-tuning of a sentence encoder: texts with the classes that they belong to move the encoder's weights.
//!
//! Purpose: a frozen encoder knows topics; what a message asks for it learns here, from a softmax layer on top of its
//! embeddings (cross-entropy, AdamW with warm-up and linear decay, smaller rates for lower layers as Howard and Ruder
//! 2018). The layer itself is thrown away: heads are fitted on embeddings.
//!
//! Guarantees: tokens in, weights out, and nothing else is read; equal input, options and seed give equal bytes on
//! machines whose matrix products are the same; work is dealt to a fixed number of shards, so the number of threads
//! changes nothing. Non-goals: tokenising, other architectures than BERT, graphics cards.

mod network;
mod ops;
mod state;

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use rayon::ThreadPool;
use serde::{Deserialize, Serialize};

use super::batches;
pub use network::Shape;
use state::{Gradients, State};

/// Settings of [`tune`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TuneOptions {
    /// Draws order and dropout.
    pub seed: u64,
    /// Times that every text is seen.
    pub epochs: usize,
    /// Texts of one step.
    pub batch: usize,
    /// The greatest rate of the topmost layer.
    pub rate: f64,
    /// The greatest rate of the softmax layer.
    pub head_rate: f64,
    /// Every layer below has this share of the rate above it.
    pub layer_decay: f64,
    /// Share of all steps in which the rate rises.
    pub warm_up: f64,
    /// Weight decay of matrices.
    pub weight_decay: f64,
    /// Share of hidden numbers that are dropped in a step.
    pub dropout: f64,
    /// Share of tokens that are hidden in a step.
    pub token_dropout: f64,
    /// What stands for a hidden token.
    pub mask_token: u32,
    /// Share of the target that is spread over all classes.
    pub smoothing: f64,
    /// Longest gradient of a step; a longer one is scaled down.
    pub gradient_max: f64,
    /// Parts of a batch that are worked on at once.
    pub shards: usize,
}

impl Default for TuneOptions {
    fn default() -> Self {
        TuneOptions {
            seed: 0,
            epochs: 8,
            batch: 32,
            rate: 2e-4,
            head_rate: 2e-3,
            layer_decay: 0.9,
            warm_up: 0.1,
            weight_decay: 0.01,
            dropout: 0.1,
            token_dropout: 0.05,
            mask_token: 103,
            smoothing: 0.05,
            gradient_max: 1.0,
            shards: 2,
        }
    }
}

/// A text as the encoder reads it, and what it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    /// Framed token ids.
    pub tokens: Vec<u32>,
    /// One number a class, summing to 1.
    pub targets: Vec<f32>,
}

/// What one epoch came to.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EpochReport {
    /// Which, from 1.
    pub epoch: usize,
    /// Mean loss of its texts while they were learned.
    pub loss: f64,
    /// Share of watched texts whose greatest target the softmax layer named; 0 without any.
    pub accuracy: f64,
}

/// Tuned weights.
#[derive(Debug, Clone)]
pub struct Tuned {
    /// The encoder as safetensors, in half precision, with the names that it came with.
    pub weights: Vec<u8>,
    /// One an epoch.
    pub epochs: Vec<EpochReport>,
}

/// Weights that cannot be tuned.
#[derive(Debug, thiserror::Error)]
pub enum TuneError {
    /// Examples or options that do not fit.
    #[error("the encoder cannot be tuned: {0}")]
    Input(String),
    /// Weights that are no BERT of this shape, or numbers that went astray.
    #[error("the encoder's weights cannot be tuned: use a BERT checkpoint whose `config.json` fits it")]
    Weights(#[from] candle_core::Error),
    /// The listener asked to stop.
    #[error("tuning was cancelled; nothing was kept")]
    Cancelled,
}

/// Tunes `weights` (safetensors) on `examples`; `watched` are only measured, after every epoch. `progress` hears the
/// stage and the share done, and may cancel between steps.
///
/// # Errors
/// [`TuneError`].
pub fn tune(
    weights: &[u8],
    shape: Shape,
    examples: &[Example],
    watched: &[Example],
    options: &TuneOptions,
    progress: &mut dyn FnMut(&str, f64) -> ControlFlow<()>,
) -> Result<Tuned, TuneError> {
    let classes = check(examples, watched, options)?;
    let mut state = State::load(weights, shape, classes, options)?;
    state.check(examples.iter().chain(watched))?;
    let pools = pools(options.shards)?;
    let lengths: Vec<usize> = examples.iter().map(|example| example.tokens.len()).collect();
    let steps = options.epochs * examples.len().div_ceil(options.batch);
    let (mut step, mut reports) = (0, Vec::new());
    for epoch in 0..options.epochs {
        let mut loss = 0.0;
        let mut stage = format!("epoch {}", epoch + 1);
        if let Some(EpochReport { accuracy, .. }) = reports.last().filter(|_| !watched.is_empty()) {
            stage = format!("{stage} ({accuracy:.3} right so far)");
        }
        for batch in batches::epoch(&lengths, options.batch, options.seed, epoch) {
            let gradients = gradients(&state, examples, &batch, step, &pools)?;
            loss += gradients.loss;
            state.step(gradients, schedule(step, steps, options.warm_up))?;
            step += 1;
            if progress(&stage, step as f64 / steps as f64).is_break() {
                return Err(TuneError::Cancelled);
            }
        }
        let loss = loss / examples.len() as f64;
        if !loss.is_finite() {
            return Err(TuneError::Input(format!("the loss is {loss} in epoch {}: lower the rate", epoch + 1)));
        }
        reports.push(EpochReport { epoch: epoch + 1, loss, accuracy: accuracy(&state, watched, &pools)? });
    }
    Ok(Tuned { weights: state.into_bytes()?, epochs: reports })
}

/// One pool of one thread a shard: the products of one shard then never wait for another's.
fn pools(shards: usize) -> Result<Vec<ThreadPool>, TuneError> {
    let pool = |_| rayon::ThreadPoolBuilder::new().num_threads(1).build();
    (0..shards).map(pool).collect::<Result<_, _>>().map_err(|error| TuneError::Input(error.to_string()))
}

/// Runs `work` on every part at once, in order of the parts.
fn shared<T: Send>(
    pools: &[ThreadPool],
    parts: Vec<Vec<usize>>,
    work: impl Fn(usize, &[usize]) -> Result<T, TuneError> + Sync,
) -> Result<Vec<T>, TuneError> {
    let mut results: Vec<Option<Result<T, TuneError>>> = parts.iter().map(|_| None).collect();
    std::thread::scope(|scope| {
        for (((shard, part), result), pool) in parts.iter().enumerate().zip(&mut results).zip(pools) {
            let work = &work;
            scope.spawn(move || *result = Some(pool.install(|| work(shard, part))));
        }
    });
    let stopped = || Err(TuneError::Input("a thread of the training stopped".to_owned()));
    results.into_iter().map(|result| result.unwrap_or_else(stopped)).collect()
}

fn gradients(
    state: &State,
    examples: &[Example],
    batch: &[usize],
    step: usize,
    pools: &[ThreadPool],
) -> Result<Gradients, TuneError> {
    let parts = batches::deal(batch, pools.len());
    let found = shared(pools, parts, |shard, part| {
        let examples: Vec<&Example> = part.iter().map(|&text| &examples[text]).collect();
        Ok(state.gradients(&examples, (step, shard))?)
    })?;
    let mut found = found.into_iter();
    let first = found.next().ok_or_else(|| TuneError::Input("an empty batch".to_owned()))?;
    Ok(found.fold(first, Gradients::add))
}

/// The share of watched texts that the softmax layer names rightly.
fn accuracy(state: &State, watched: &[Example], pools: &[ThreadPool]) -> Result<f64, TuneError> {
    if watched.is_empty() {
        return Ok(0.0);
    }
    let mut order: Vec<usize> = (0..watched.len()).collect();
    order.sort_by_key(|&text| watched[text].tokens.len());
    let right = shared(pools, batches::deal(&order, pools.len()), |_, part| {
        let mut right = 0;
        for chunk in part.chunks(16) {
            let texts: Vec<&Example> = chunk.iter().map(|&text| &watched[text]).collect();
            let logits: Vec<Vec<f32>> = state.logits(&texts)?.to_vec2()?;
            right += logits.iter().zip(&texts).filter(|(row, text)| most(row) == most(&text.targets)).count();
        }
        Ok(right)
    })?;
    Ok(right.iter().sum::<usize>() as f64 / watched.len() as f64)
}

/// The index of the greatest number, the first among equals.
fn most(row: &[f32]) -> usize {
    let better = |best: usize, at: usize| if row[at] > row[best] { at } else { best };
    (0..row.len()).fold(0, better)
}

/// The share of the greatest rate at a step: up in the warm-up, then down to nothing.
pub(super) fn schedule(step: usize, steps: usize, warm_up: f64) -> f64 {
    let (step, steps) = (step as f64 + 0.5, steps as f64);
    let risen = warm_up * steps;
    if step < risen { step / risen } else { (steps - step) / (steps - risen) }
}

/// The number of classes.
fn check(examples: &[Example], watched: &[Example], options: &TuneOptions) -> Result<usize, TuneError> {
    let input = |what: &str| Err(TuneError::Input(what.to_owned()));
    let classes = examples.first().map_or(0, |example| example.targets.len());
    if classes < 2 {
        return input("give examples of at least two classes");
    }
    if options.epochs == 0 || options.batch == 0 || options.shards == 0 {
        return input("`epochs`, `batch` and `shards` must be at least 1");
    }
    let shares = [options.warm_up, options.dropout, options.token_dropout, options.smoothing, options.layer_decay];
    if shares.iter().any(|share| !(0.0..=1.0).contains(share)) || options.dropout >= 1.0 || options.warm_up >= 1.0 {
        return input("`warm_up`, `dropout`, `token_dropout`, `smoothing` and `layer_decay` are shares from 0 to 1");
    }
    for (row, example) in examples.iter().chain(watched).enumerate() {
        let whole = (example.targets.iter().sum::<f32>() - 1.0).abs() < 1e-3;
        if example.tokens.is_empty() || example.targets.len() != classes || !whole {
            return Err(TuneError::Input(format!("example {row} needs tokens, and {classes} targets that sum to 1")));
        }
    }
    Ok(classes)
}

/// Texts that are embedded at once.
const EMBED_TEXTS: usize = 32;

/// The embeddings of texts by weights that may have been tuned; a version that was written is embedded by its encoder.
///
/// # Errors
/// [`TuneError`].
pub fn embed(weights: &[u8], shape: Shape, texts: &[Vec<u32>]) -> Result<Vec<Vec<f32>>, TuneError> {
    let state = State::load(weights, shape, 2, &TuneOptions::default())?;
    let examples: Vec<Example> =
        texts.iter().map(|tokens| Example { tokens: tokens.clone(), targets: vec![1.0, 0.0] }).collect();
    state.check(&examples)?;
    // Few at once: the pooling is a product of texts and all their tokens.
    let embedded = examples.chunks(EMBED_TEXTS).map(|part| -> Result<Vec<Vec<f32>>, TuneError> {
        Ok(state.embedded(&part.iter().collect::<Vec<_>>())?.to_vec2()?)
    });
    Ok(embedded.collect::<Result<Vec<_>, _>>()?.concat())
}

/// The summed loss of examples and its gradient for every weight of layers and norms, as a step would take them; for tests
/// against differences.
///
/// # Errors
/// [`TuneError`].
pub fn gradients_of(
    weights: &[u8],
    shape: Shape,
    examples: &[Example],
    options: &TuneOptions,
) -> Result<(f64, BTreeMap<String, Vec<f32>>), TuneError> {
    let classes = check(examples, &[], options)?;
    let state = State::load(weights, shape, classes, options)?;
    state.check(examples)?;
    let found = state.gradients(&examples.iter().collect::<Vec<_>>(), (0, 0))?;
    Ok((found.loss, found.dense))
}
