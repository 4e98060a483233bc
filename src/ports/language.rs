//! Language models as the flow sees them: texts to embeddings, embeddings to closed labels. Synchronous and small; hosting
//! (threads, queues, batching) is the adapter's.

use std::ops::Range;

use async_trait::async_trait;

use crate::domain::message::ScoredIntent;

/// Why a model gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum LanguageError {
    /// The bounded queue is full: answer 429 and let the caller come back.
    #[error("the model's queue is full ({capacity} waiting); try again later")]
    QueueFull {
        /// Places in the queue.
        capacity: usize,
    },
    /// No model is loaded.
    #[error("no {0} model is loaded")]
    Unavailable(&'static str),
    /// The model failed on this input.
    #[error("the {model} model failed: {message}")]
    Failed {
        /// Which one.
        model: &'static str,
        /// What it said.
        message: String,
    },
}

/// What an encoder made of a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Embedding {
    /// `name/version` of the encoder; only embeddings of one encoder can be compared.
    pub encoder: String,
    /// A unit vector.
    pub vector: Vec<f32>,
}

/// What an encoder's layers made of each token of a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Contexts {
    /// Bytes of the text that each token stands for; empty ones for the frame.
    pub ranges: Vec<Range<usize>>,
    /// As many numbers for each of them, one token after the other.
    pub states: Vec<f32>,
}

impl Contexts {
    /// The mean over the tokens of a range of bytes; `None` where it has none, as beyond the longest text.
    #[must_use]
    pub fn mean(&self, range: Range<usize>) -> Option<Vec<f32>> {
        let within = |token: &Range<usize>| token.start < range.end && range.start < token.end;
        let width = self.states.len().checked_div(self.ranges.len()).filter(|width| *width > 0)?;
        let tokens = self.ranges.iter().zip(self.states.chunks_exact(width));
        let mut found = tokens.filter(|(token, _)| within(token)).map(|(_, state)| state);
        let (mut sum, mut count) = (found.next()?.to_vec(), 1.0);
        for state in found {
            sum.iter_mut().zip(state).for_each(|(sum, number)| *sum += number);
            count += 1.0;
        }
        sum.iter_mut().for_each(|sum| *sum /= count);
        Some(sum)
    }
}

/// Turns texts into unit vectors.
#[async_trait]
pub trait Encoder: Send + Sync {
    /// One L2-normalised vector per text, each of [`Encoder::width`] numbers. A batch equals the single texts.
    ///
    /// # Errors
    /// [`LanguageError`].
    async fn embed(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, LanguageError>;

    /// What its layers make of each token of a text: twice [`Encoder::width`] numbers.
    ///
    /// # Errors
    /// [`LanguageError`].
    async fn contexts(&self, text: String) -> Result<Contexts, LanguageError>;

    /// Length of an embedding.
    fn width(&self) -> usize;

    /// `name/version` of the weights.
    fn version(&self) -> String;
}

/// The intents of a text, from its embedding.
#[derive(Clone, Debug, PartialEq)]
pub struct Classified {
    /// Every intent, most probable first; probabilities sum to 1.
    pub intents: Vec<ScoredIntent>,
    /// Below this probability of the first the classifier abstains.
    pub threshold: f64,
    /// Whether the text is unlike all that was learned: the classifier abstains whatever the probabilities.
    pub is_strange: bool,
}

/// A classifier head over texts and their embeddings: a closed label set by construction.
pub trait IntentClassifier: Send + Sync {
    /// Calibrated probabilities for a text and its embedding by the encoder it was trained with.
    ///
    /// # Errors
    /// [`LanguageError::Failed`] when the width is another.
    fn classify(&self, text: &str, embedding: &[f32]) -> Result<Classified, LanguageError>;

    /// `name/version`.
    fn version(&self) -> String;
}

/// What a text is to say: sentences, each with wordings that all say the same, and the orders in which sentences make the text.
/// Wordings hold slots in angle brackets in the place of values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Brief {
    /// The wordings of each sentence, the plain one first; each of one line.
    pub sentences: Vec<Vec<String>>,
    /// Places in `sentences` that make a whole text, the plain one first; what two sentences say may be one of its own.
    pub orders: Vec<Vec<usize>>,
}

/// One sentence that was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// Its place in the brief's sentences.
    pub sentence: usize,
    /// The place of its wording.
    pub wording: usize,
}

/// Words a text by choosing: whatever a model answers, it is one of the texts of the brief.
#[async_trait]
pub trait Writer: Send + Sync {
    /// Which sentences in which wordings read best one after the other.
    ///
    /// # Errors
    /// [`LanguageError`]; the caller has the plain wordings to fall back on.
    async fn choose(&self, brief: Brief) -> Result<Vec<Chosen>, LanguageError>;

    /// `name/version`.
    fn version(&self) -> String;

    /// Digest of the weights and what belongs to them.
    fn digest(&self) -> String;
}
