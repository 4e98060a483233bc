//! The encoder as it is trained: a BERT over packed texts, mean pooling, unit length, and a softmax layer on top.
//!
//! Guarantees: every weight of the checkpoint that takes part gets a gradient; the names are those of published
//! checkpoints; word embeddings are gathered outside the graph, so that only words that occur cost anything. Non-goals:
//! serving, which reads the written weights in its own, faster ways.

use std::collections::HashMap;
use std::sync::Arc;

use candle_core::{DType, Device, Result, Tensor, Var};

use super::ops::{Affine, Attend, Gelu, Normalize};

/// The table of word vectors.
pub(super) const WORDS: &str = "embeddings.word_embeddings.weight";
/// The vectors of positions.
pub(super) const POSITIONS: &str = "embeddings.position_embeddings.weight";
/// The vectors of segments, of which the first is used.
pub(super) const TYPES: &str = "embeddings.token_type_embeddings.weight";
/// Weights of the layer that names classes; not part of the encoder.
pub(super) const HEAD_WEIGHT: &str = "head.weight";
/// Its intercepts.
pub(super) const HEAD_BIAS: &str = "head.bias";

/// What shapes the network, from `config.json`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shape {
    /// Transformer layers.
    pub layers: usize,
    /// Attention heads of each; they divide the width.
    pub heads: usize,
    /// Added to variances.
    pub norm_epsilon: f64,
}

/// Texts one after another.
pub(super) struct Packed {
    pub(super) tokens: Vec<u32>,
    pub(super) lengths: Arc<[usize]>,
}

impl Packed {
    pub(super) fn of<'a>(texts: impl IntoIterator<Item = &'a [u32]>) -> Packed {
        let (mut tokens, mut lengths) = (Vec::new(), Vec::new());
        for text in texts {
            tokens.extend_from_slice(text);
            lengths.push(text.len());
        }
        Packed { tokens, lengths: lengths.into() }
    }

    /// The position of each token in its text.
    pub(super) fn places(&self) -> impl Iterator<Item = usize> + '_ {
        self.lengths.iter().flat_map(|&length| 0..length)
    }
}

/// Masks of dropout: one per place where it applies, drawn by the caller.
pub(super) trait Drop {
    /// `x`, some of it dropped.
    ///
    /// # Errors
    /// As candle.
    fn drop(&mut self, x: Tensor) -> Result<Tensor>;
}

/// Drops nothing.
pub(super) struct Keep;

impl Drop for Keep {
    fn drop(&mut self, x: Tensor) -> Result<Tensor> {
        Ok(x)
    }
}

/// The weights by name, without the tables of words, positions and segments.
pub(super) struct Network {
    pub(super) shape: Shape,
    pub(super) vars: HashMap<String, Var>,
}

impl Network {
    fn get(&self, name: &str) -> Result<&Tensor> {
        match self.vars.get(name) {
            Some(var) => Ok(var.as_tensor()),
            None => candle_core::bail!("the weights have no `{name}`"),
        }
    }

    fn affine(&self, x: &Tensor, name: &str) -> Result<Tensor> {
        x.apply_op3(self.get(&format!("{name}.weight"))?, self.get(&format!("{name}.bias"))?, Affine)
    }

    fn normalize(&self, x: &Tensor, name: &str) -> Result<Tensor> {
        let norm = Normalize { epsilon: self.shape.norm_epsilon as f32 };
        x.apply_op3(self.get(&format!("{name}.weight"))?, self.get(&format!("{name}.bias"))?, norm)
    }

    /// One unit vector a text; `inputs` are the summed embeddings of the tokens, tokens × width.
    pub(super) fn embed(&self, inputs: &Tensor, lengths: &Arc<[usize]>, drop: &mut dyn Drop) -> Result<Tensor> {
        let mut hidden = drop.drop(self.normalize(inputs, "embeddings.LayerNorm")?)?;
        for layer in 0..self.shape.layers {
            let at = format!("encoder.layer.{layer}");
            let part = |name: &str| self.affine(&hidden, &format!("{at}.attention.self.{name}"));
            let attend = Attend { lengths: Arc::clone(lengths), heads: self.shape.heads };
            let mixed = part("query")?.apply_op3(&part("key")?, &part("value")?, attend)?;
            let attended = drop.drop(self.affine(&mixed, &format!("{at}.attention.output.dense"))?)?;
            hidden = self.normalize(&(attended + &hidden)?, &format!("{at}.attention.output.LayerNorm"))?;
            let widened = self.affine(&hidden, &format!("{at}.intermediate.dense"))?.apply_op1(Gelu)?;
            let narrowed = drop.drop(self.affine(&widened, &format!("{at}.output.dense"))?)?;
            hidden = self.normalize(&(narrowed + &hidden)?, &format!("{at}.output.LayerNorm"))?;
        }
        let mean = averages(lengths)?.matmul(&hidden)?;
        let length = (mean.sqr()?.sum_keepdim(1)? + 1e-12)?.sqrt()?;
        mean.broadcast_div(&length)
    }

    /// Logits of unit vectors; the factor gives their numbers a mean square of one, so that usual learning rates fit.
    pub(super) fn logits(&self, embedded: &Tensor) -> Result<Tensor> {
        let scale = (embedded.dim(1)? as f64).sqrt();
        let (weight, bias) = (self.get(HEAD_WEIGHT)?, self.get(HEAD_BIAS)?);
        (embedded * scale)?.apply_op3(weight, bias, Affine)
    }
}

/// Texts × tokens: the share of each token in the mean of its text.
fn averages(lengths: &[usize]) -> Result<Tensor> {
    let tokens: usize = lengths.iter().sum();
    let mut result = vec![0.0_f32; lengths.len() * tokens];
    let mut start = 0;
    for (text, &length) in lengths.iter().enumerate() {
        result[text * tokens + start..text * tokens + start + length].fill(1.0 / length as f32);
        start += length;
    }
    Tensor::from_vec(result, (lengths.len(), tokens), &Device::Cpu)
}

/// Cross-entropy, summed over the texts, against targets of texts × classes that sum to one a row.
pub(super) fn cross_entropy(logits: &Tensor, targets: &Tensor) -> Result<Tensor> {
    let max = logits.detach().max_keepdim(1)?;
    let shifted = logits.broadcast_sub(&max)?;
    let log_sum = shifted.exp()?.sum_keepdim(1)?.log()?;
    let loss = (shifted.broadcast_sub(&log_sum)? * targets)?.sum_all()?.neg()?;
    loss.to_dtype(DType::F32)
}
