//! The fast path of the sentence encoder: candle reads the weights, `holdfast_encoder` computes.
//!
//! Guarantees: a text's vector does not depend, to the bit, on the texts beside it; every processor has a path
//! ([`Path::Portable`] at least); memory for passes is taken once for each thread. Non-goals: encoders whose shape the
//! kernels do not take: those stay on the reference.

mod tokens;

use std::cell::RefCell;

use candle_nn::VarBuilder;
use holdfast_encoder::{Affine, Encoder, LayerWeights, NormWeights, Path, Scratch, Weights};
use tokenizers::Tokenizer;

use self::tokens::Tokens;
use super::bert::BertConfig;

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::new(Scratch::new());
}

/// A packed encoder and its tokenizer.
pub(super) struct Fast {
    encoder: Encoder,
    tokens: Tokens,
    width: usize,
}

impl Fast {
    /// Packs `weights` for `path`; `Ok(None)` where the kernels do not take the model's shape.
    pub(super) fn load(
        weights: &VarBuilder<'_>,
        config: &BertConfig,
        tokenizer: &Tokenizer,
        tokens_max: usize,
        path: Path,
    ) -> candle_core::Result<Option<Self>> {
        let weights = read(weights, config)?;
        let tokens = Tokens::new(tokenizer, tokens_max);
        Ok(Encoder::pack(&weights, path).ok().map(|encoder| Self { encoder, tokens, width: config.hidden_size }))
    }

    pub(super) fn path(&self) -> Path {
        self.encoder.path()
    }

    /// One unit vector per text, in the order of `texts`.
    pub(super) fn embed(&self, tokenizer: &Tokenizer, texts: &[String]) -> Result<Vec<Vec<f32>>, String> {
        let sequences: Vec<Vec<u32>> =
            texts.iter().map(|text| self.tokens.encode(tokenizer, text)).collect::<Result<_, _>>()?;
        // Blocks are cut from neighbours: of like length, they fill better.
        let mut order: Vec<usize> = (0..texts.len()).collect();
        order.sort_by_key(|&index| sequences[index].len());
        let sorted: Vec<&[u32]> = order.iter().map(|&index| sequences[index].as_slice()).collect();
        let embedded = SCRATCH.with_borrow_mut(|scratch| self.encoder.embed(&sorted, scratch));
        let embedded = embedded.map_err(|error| error.to_string())?;
        let mut vectors = vec![Vec::new(); texts.len()];
        order.iter().zip(embedded.chunks_exact(self.width)).for_each(|(&index, row)| vectors[index] = row.to_vec());
        Ok(vectors)
    }

    /// The states of a text's tokens, one after the other.
    pub(super) fn states(&self, tokens: &[u32]) -> Result<Vec<f32>, String> {
        let states = SCRATCH.with_borrow_mut(|scratch| self.encoder.states(tokens, scratch));
        states.map_err(|error| error.to_string())
    }

    /// The token ids of a text, as this path cuts it.
    pub(super) fn tokens(&self, tokenizer: &Tokenizer, text: &str) -> Result<Vec<u32>, String> {
        self.tokens.encode(tokenizer, text)
    }
}

/// The weights as plain numbers, under their names in published checkpoints.
fn read(at: &VarBuilder<'_>, config: &BertConfig) -> candle_core::Result<Weights> {
    let (width, inner) = (config.hidden_size, config.intermediate_size);
    let list = |shape: (usize, usize), name: &str| at.get(shape, name)?.flatten_all()?.to_vec1::<f32>();
    let row = |count: usize, name: &str| at.get(count, name)?.to_vec1::<f32>();
    let affine = |name: &str, outputs: usize, inputs: usize| {
        let weights = list((outputs, inputs), &format!("{name}.weight"))?;
        candle_core::Result::Ok(Affine { weights, bias: row(outputs, &format!("{name}.bias"))? })
    };
    let norm = |name: &str| {
        let scale = row(width, &format!("{name}.weight"))?;
        candle_core::Result::Ok(NormWeights { scale, shift: row(width, &format!("{name}.bias"))? })
    };
    let layer = |number: usize| {
        let named = |part: &str| format!("encoder.layer.{number}.{part}");
        candle_core::Result::Ok(LayerWeights {
            query: affine(&named("attention.self.query"), width, width)?,
            key: affine(&named("attention.self.key"), width, width)?,
            value: affine(&named("attention.self.value"), width, width)?,
            attended: affine(&named("attention.output.dense"), width, width)?,
            attended_norm: norm(&named("attention.output.LayerNorm"))?,
            widened: affine(&named("intermediate.dense"), inner, width)?,
            narrowed: affine(&named("output.dense"), width, inner)?,
            narrowed_norm: norm(&named("output.LayerNorm"))?,
        })
    };
    // Every token is of the first type, so its row belongs to every position.
    let types = list((config.type_vocab_size, width), "embeddings.token_type_embeddings.weight")?;
    let mut positions = list((config.max_position_embeddings, width), "embeddings.position_embeddings.weight")?;
    for position in positions.chunks_exact_mut(width) {
        position.iter_mut().zip(&types).for_each(|(x, add)| *x += add);
    }
    Ok(Weights {
        width,
        inner,
        heads: config.num_attention_heads,
        eps: config.layer_norm_eps as f32,
        words: list((config.vocab_size, width), "embeddings.word_embeddings.weight")?,
        positions,
        norm: norm("embeddings.LayerNorm")?,
        layers: (0..config.num_hidden_layers).map(layer).collect::<candle_core::Result<_>>()?,
    })
}
