//! A small decoder that words summaries, from nothing: texts with slots in the place of values go in, weights come out.
//!
//! Purpose: of what may be said, and in which words, a person has a preference; [`teacher`] takes it from texts that people
//! wrote, and the decoder learns to write what it prefers after seeing the plain text. The architecture is llama's (Touvron et
//! al. 2023: rotary positions, RMS norms, SwiGLU), tied input and output, so that any loader of it reads the files.
//!
//! Guarantees: equal lessons, options and seed give equal bytes on machines whose matrix products are the same (one thread);
//! every weight is moved by autograd. Non-goals: values, which no lesson may hold; sampling; a judgement
//! of the texts.

pub mod network;
pub mod teacher;
pub mod vocabulary;

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use candle_core::Var;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::adam::{Moments, Step};
use super::batches;
use network::{Network, Shape};
use vocabulary::{END, Vocabulary};

/// Settings of [`train`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WriteOptions {
    /// Draws first weights and the order of lessons.
    pub seed: u64,
    /// Times that every lesson is seen.
    pub epochs: usize,
    /// Lessons of one step.
    pub batch: usize,
    /// The greatest rate.
    pub rate: f64,
    /// Share of all steps in which the rate rises.
    pub warm_up: f64,
    /// Weight decay of matrices.
    pub weight_decay: f64,
    /// Longest gradient of a step; a longer one is scaled down.
    pub gradient_max: f64,
    /// Entries of the vocabulary, with 256 bytes, slots and the end.
    pub vocabulary: usize,
    /// Longest lesson in tokens; a longer one is left out.
    pub tokens_max: usize,
    /// The network.
    pub shape: Shape,
}

impl Default for WriteOptions {
    fn default() -> Self {
        WriteOptions {
            seed: 7,
            epochs: 3,
            batch: 8,
            rate: 3e-3,
            warm_up: 0.1,
            weight_decay: 0.01,
            gradient_max: 1.0,
            vocabulary: 768,
            tokens_max: 640,
            shape: Shape { width: 256, inner: 256, layers: 2, heads: 4 },
        }
    }
}

/// A prompt, which is only read, and the text that is to follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lesson {
    /// As at run time; may be empty.
    pub prompt: String,
    /// What to write, without an end.
    pub text: String,
}

/// What one epoch came to.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EpochReport {
    /// Which, from 1.
    pub epoch: usize,
    /// Mean loss of a token to write, in nats.
    pub loss: f64,
}

/// A trained writer as the files of a directory.
#[derive(Debug, Clone)]
pub struct Written {
    /// `model.safetensors`, in half precision, with the names of llama checkpoints.
    pub weights: Vec<u8>,
    /// `config.json`.
    pub config: String,
    /// `tokenizer.json`.
    pub tokenizer: String,
    /// Numbers in the weights.
    pub parameters: usize,
    /// Lessons that were too long.
    pub left_out: usize,
    /// One an epoch.
    pub epochs: Vec<EpochReport>,
}

/// A writer that cannot be trained.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// Lessons or options that do not fit.
    #[error("the writer cannot be trained: {0}")]
    Input(String),
    /// A tensor operation failed.
    #[error("the writer cannot be trained: a tensor operation failed")]
    Tensor(#[from] candle_core::Error),
    /// The listener asked to stop.
    #[error("training was cancelled; nothing was kept")]
    Cancelled,
}

/// A lesson in tokens, and from which on they are to be written.
#[derive(Debug, Clone)]
pub struct Tokens {
    /// All of it, with the end.
    pub ids: Vec<u32>,
    /// The place of the first token to write, at least 1.
    pub from: usize,
}

/// Trains on `lessons`; `slots` are the names that stand for values, each one token. `progress` hears the stage and the share
/// done, and may cancel between steps.
///
/// # Errors
/// [`WriteError`].
pub fn train(
    lessons: &[Lesson],
    slots: &[String],
    options: &WriteOptions,
    progress: &mut (dyn FnMut(&str, f64) -> ControlFlow<()> + Send),
) -> Result<Written, WriteError> {
    check(lessons, options)?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    let pool = pool.map_err(|error| WriteError::Input(error.to_string()))?;
    pool.install(|| train_here(lessons, slots, options, progress))
}

fn train_here(
    lessons: &[Lesson],
    slots: &[String],
    options: &WriteOptions,
    progress: &mut (dyn FnMut(&str, f64) -> ControlFlow<()> + Send),
) -> Result<Written, WriteError> {
    let texts: Vec<&str> = lessons.iter().flat_map(|lesson| [lesson.prompt.as_str(), &lesson.text]).collect();
    let vocabulary = Vocabulary::train(&texts, slots, options.vocabulary).map_err(WriteError::Input)?;
    let all = lessons.iter().map(|lesson| vocabulary.lesson(lesson)).collect::<Result<Vec<_>, _>>();
    let mut tokens = all.map_err(WriteError::Input)?;
    tokens.retain(|tokens| tokens.ids.len() <= options.tokens_max);
    if tokens.is_empty() {
        return Err(WriteError::Input("every lesson is longer than `tokens_max`".to_owned()));
    }
    let mut state = State::new(Network::new(options.shape, vocabulary.len(), options.seed)?, options);
    let lengths: Vec<usize> = tokens.iter().map(|tokens| tokens.ids.len()).collect();
    let steps = options.epochs * tokens.len().div_ceil(options.batch);
    let (mut step, mut epochs) = (0, Vec::new());
    for epoch in 0..options.epochs {
        let (mut loss, mut count) = (0.0, 0);
        let stage = epochs.last().map_or("epoch 1".to_owned(), |last: &EpochReport| {
            format!("epoch {} (loss {:.3} so far)", epoch + 1, last.loss)
        });
        for batch in batches::epoch(&lengths, options.batch, options.seed, epoch) {
            let lessons: Vec<&Tokens> = batch.iter().map(|&at| &tokens[at]).collect();
            let (sum, written) = state.step(&lessons, super::tune::schedule(step, steps, options.warm_up))?;
            (loss, count, step) = (loss + sum, count + written, step + 1);
            if progress(&stage, step as f64 / steps as f64).is_break() {
                return Err(WriteError::Cancelled);
            }
        }
        let loss = loss / count.max(1) as f64;
        if !loss.is_finite() {
            return Err(WriteError::Input(format!("the loss is {loss} in epoch {}: lower the rate", epoch + 1)));
        }
        epochs.push(EpochReport { epoch: epoch + 1, loss });
    }
    Ok(Written {
        weights: state.network.bytes()?,
        config: config(options, &vocabulary),
        tokenizer: vocabulary.json().map_err(WriteError::Input)?,
        parameters: state.network.weights.values().map(|weight| weight.elem_count()).sum(),
        left_out: lessons.len() - tokens.len(),
        epochs,
    })
}

/// Network and the optimiser's memory.
struct State<'a> {
    network: Network,
    moments: BTreeMap<String, Moments>,
    options: &'a WriteOptions,
}

impl<'a> State<'a> {
    fn new(network: Network, options: &'a WriteOptions) -> Self {
        let moments = |weight: &Var| Moments::new(weight.elem_count(), weight.elem_count());
        let moments = network.weights.iter().map(|(name, weight)| (name.clone(), moments(weight))).collect();
        State { network, moments, options }
    }

    /// One step against the gradient of a batch; its summed loss, and how many tokens that is over.
    fn step(&mut self, lessons: &[&Tokens], share: f64) -> Result<(f64, usize), WriteError> {
        let (loss, gradients) = gradients_of(&self.network, lessons)?;
        let square = |gradient: &Vec<f32>| gradient.iter().map(|g| f64::from(*g).powi(2)).sum::<f64>();
        let length = gradients.values().map(square).sum::<f64>().sqrt();
        let scale = (self.options.gradient_max / length.max(f64::MIN_POSITIVE)).min(1.0);
        for (name, gradient) in &gradients {
            let Some((weight, moments)) = self.network.weights.get(name).zip(self.moments.get_mut(name)) else {
                continue;
            };
            // Norms are vectors, and not drawn to nothing.
            let decay = if weight.rank() < 2 { 0.0 } else { self.options.weight_decay };
            let step =
                Step { rate: (self.options.rate * share) as f32, decay: decay as f32, gradient_scale: scale as f32 };
            let mut numbers = weight.flatten_all()?.to_vec1::<f32>()?;
            moments.step(0, &mut numbers, gradient, step);
            weight.set(&candle_core::Tensor::from_vec(numbers, weight.shape(), weight.device())?)?;
        }
        let count = lessons.iter().map(|lesson| lesson.ids.len() - lesson.from).sum();
        Ok((loss * count as f64, count))
    }
}

/// The mean loss of the tokens to write and its gradient for every weight; an error where a weight has none.
///
/// # Errors
/// [`WriteError`].
pub fn gradients_of(network: &Network, lessons: &[&Tokens]) -> Result<(f64, BTreeMap<String, Vec<f32>>), WriteError> {
    let loss = network.loss(lessons)?;
    let store = loss.backward()?;
    let gradient = |(name, weight): (&String, &Var)| {
        let found = store.get(weight).ok_or_else(|| WriteError::Input(format!("`{name}` has no gradient")))?;
        Ok((name.clone(), found.flatten_all()?.to_vec1::<f32>()?))
    };
    let gradients = network.weights.iter().map(gradient).collect::<Result<_, WriteError>>()?;
    Ok((f64::from(loss.to_scalar::<f32>()?), gradients))
}

fn config(options: &WriteOptions, vocabulary: &Vocabulary) -> String {
    let Shape { width, inner, layers, heads } = options.shape;
    let config = json!({
        "model_type": "llama", "hidden_size": width, "intermediate_size": inner, "num_hidden_layers": layers,
        "num_attention_heads": heads, "vocab_size": vocabulary.len(), "rms_norm_eps": network::NORM_EPSILON,
        "rope_theta": network::ROPE_BASE, "max_position_embeddings": 2048, "tie_word_embeddings": true,
        "eos_token_id": vocabulary.end(), "eos_token": END, "torch_dtype": "float16",
    });
    format!("{config:#}\n")
}

fn check(lessons: &[Lesson], options: &WriteOptions) -> Result<(), WriteError> {
    let input = |what: &str| Err(WriteError::Input(what.to_owned()));
    let Shape { width, inner, layers, heads } = options.shape;
    if lessons.is_empty() || options.epochs == 0 || options.batch == 0 {
        return input("give lessons, and at least one epoch of batches of at least one lesson");
    }
    if layers == 0 || inner == 0 || heads == 0 || !width.is_multiple_of(2 * heads) {
        return input("`width` must be a multiple of twice `heads`, and there must be layers");
    }
    if !(0.0..1.0).contains(&options.warm_up) {
        return input("`warm_up` is a share below 1");
    }
    // No value can be learned that no lesson holds.
    let text = lessons.iter().flat_map(|lesson| [&lesson.prompt, &lesson.text]);
    let digit = |text: &&String| vocabulary::outside_slots(text).chars().any(char::is_numeric);
    match text.into_iter().find(digit) {
        Some(text) => Err(WriteError::Input(format!("a lesson holds a digit outside of its slots: `{text}`"))),
        None => Ok(()),
    }
}
