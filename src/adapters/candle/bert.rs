//! The layers of a BERT encoder (Devlin et al. 2019) on candle, from token ids to one vector per token.
//!
//! Guarantees: single precision; padding takes no part in attention. Non-goals: other architectures, heads, training;
//! pooling, which is the encoder's.

use candle_core::{D, Tensor};
use candle_nn::{Embedding, LayerNorm, Linear, Module as _, VarBuilder, embedding, layer_norm, linear, ops};
use serde::Deserialize;

/// What a padded position's attention score is lowered by; far below any score, and no infinity.
const MASKED: f64 = 1e9;

/// The part of `config.json` that the layers need.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct BertConfig {
    pub(super) vocab_size: usize,
    pub(super) hidden_size: usize,
    pub(super) num_hidden_layers: usize,
    pub(super) num_attention_heads: usize,
    pub(super) intermediate_size: usize,
    hidden_act: Activation,
    pub(super) max_position_embeddings: usize,
    pub(super) type_vocab_size: usize,
    pub(super) layer_norm_eps: f64,
    #[serde(default)]
    pub(super) pad_token_id: u32,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Activation {
    /// x · Φ(x), by the error function.
    Gelu,
}

/// The encoder's weights.
pub(super) struct Bert {
    words: Embedding,
    positions: Embedding,
    types: Embedding,
    norm: LayerNorm,
    layers: Vec<Layer>,
}

struct Layer {
    query: Linear,
    key: Linear,
    value: Linear,
    attended: Linear,
    attended_norm: LayerNorm,
    widened: Linear,
    narrowed: Linear,
    narrowed_norm: LayerNorm,
    activation: Activation,
    heads: usize,
}

impl Bert {
    /// Takes the weights under their names in published checkpoints.
    pub(super) fn load(weights: &VarBuilder<'_>, config: &BertConfig) -> candle_core::Result<Self> {
        let width = config.hidden_size;
        if config.num_attention_heads == 0 || !width.is_multiple_of(config.num_attention_heads) {
            candle_core::bail!("`num_attention_heads` must divide `hidden_size`");
        }
        let at = weights.pp("embeddings");
        let layers = (0..config.num_hidden_layers)
            .map(|number| Layer::load(&weights.pp("encoder.layer").pp(number), config))
            .collect::<candle_core::Result<_>>()?;
        Ok(Self {
            words: embedding(config.vocab_size, width, at.pp("word_embeddings"))?,
            positions: embedding(config.max_position_embeddings, width, at.pp("position_embeddings"))?,
            types: embedding(config.type_vocab_size, width, at.pp("token_type_embeddings"))?,
            norm: layer_norm(width, config.layer_norm_eps, at.pp("LayerNorm"))?,
            layers,
        })
    }

    /// `ids` and `mask` (1 for a token, 0 for padding) are texts × tokens; the answer is texts × tokens × width.
    pub(super) fn forward(&self, ids: &Tensor, mask: &Tensor) -> candle_core::Result<Tensor> {
        let (hidden, bias) = self.begin(ids, mask)?;
        self.layers.iter().try_fold(hidden, |hidden, layer| layer.forward(&hidden, &bias))
    }

    /// As [`Self::forward`], what the layer in the middle made of each token before what the last one did: texts × tokens ×
    /// twice the width.
    pub(super) fn states(&self, ids: &Tensor, mask: &Tensor) -> candle_core::Result<Tensor> {
        let (hidden, bias) = self.begin(ids, mask)?;
        let (lower, upper) = self.layers.split_at(self.layers.len().div_ceil(2));
        let middle = lower.iter().try_fold(hidden, |hidden, layer| layer.forward(&hidden, &bias))?;
        let last = upper.iter().try_fold(middle.clone(), |hidden, layer| layer.forward(&hidden, &bias))?;
        Tensor::cat(&[middle, last], D::Minus1)
    }

    /// What the first layer gets, and what is added to scores of attention.
    fn begin(&self, ids: &Tensor, mask: &Tensor) -> candle_core::Result<(Tensor, Tensor)> {
        let (_, tokens) = ids.dims2()?;
        let places = Tensor::arange(0, u32::try_from(tokens)?, ids.device())?;
        let summed = self.words.forward(ids)?.broadcast_add(&self.positions.forward(&places)?)?;
        let summed = (summed + self.types.forward(&ids.zeros_like()?)?)?;
        // Texts × heads × queries × keys, of which only texts and keys matter.
        let bias = ((mask.to_dtype(summed.dtype())? - 1.0)? * MASKED)?.unsqueeze(1)?.unsqueeze(1)?;
        Ok((self.norm.forward(&summed)?, bias))
    }
}

impl Layer {
    fn load(at: &VarBuilder<'_>, config: &BertConfig) -> candle_core::Result<Self> {
        let (width, inner, eps) = (config.hidden_size, config.intermediate_size, config.layer_norm_eps);
        let own = |name: &str| linear(width, width, at.pp("attention").pp(name));
        Ok(Self {
            query: own("self.query")?,
            key: own("self.key")?,
            value: own("self.value")?,
            attended: own("output.dense")?,
            attended_norm: layer_norm(width, eps, at.pp("attention.output.LayerNorm"))?,
            widened: linear(width, inner, at.pp("intermediate.dense"))?,
            narrowed: linear(inner, width, at.pp("output.dense"))?,
            narrowed_norm: layer_norm(width, eps, at.pp("output.LayerNorm"))?,
            activation: config.hidden_act,
            heads: config.num_attention_heads,
        })
    }

    fn forward(&self, hidden: &Tensor, bias: &Tensor) -> candle_core::Result<Tensor> {
        let attended = self.attended.forward(&self.attend(hidden, bias)?)?;
        let hidden = self.attended_norm.forward(&(attended + hidden)?)?;
        let widened = self.widened.forward(&hidden)?;
        let activated = match self.activation {
            Activation::Gelu => widened.gelu_erf()?,
        };
        self.narrowed_norm.forward(&(self.narrowed.forward(&activated)? + hidden)?)
    }

    fn attend(&self, hidden: &Tensor, bias: &Tensor) -> candle_core::Result<Tensor> {
        let (texts, tokens, width) = hidden.dims3()?;
        let head = width / self.heads;
        let split = |part: &Linear| {
            part.forward(hidden)?.reshape((texts, tokens, self.heads, head))?.transpose(1, 2)?.contiguous()
        };
        let (query, key, value) = (split(&self.query)?, split(&self.key)?, split(&self.value)?);
        let scores = (query.matmul(&key.t()?)? / (head as f64).sqrt())?.broadcast_add(bias)?;
        let mixed = ops::softmax(&scores, D::Minus1)?.matmul(&value)?;
        mixed.transpose(1, 2)?.reshape((texts, tokens, width))
    }
}
