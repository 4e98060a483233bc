//! A BERT sentence encoder: tokenise, run, mean-pool over tokens, normalise.
//!
//! Guarantees: texts are cut at the model's longest sequence, never refused for length; a batch gives what the single
//! texts give (to rounding; on the fast path to the bit); every answer is a finite unit vector or an error. Weights may
//! be stored in half precision and are expanded on load, because half-precision attention masks overflow in this library.
//! Which arithmetic runs is the caller's choice by [`EncoderPath`]: the single-precision reference here, or
//! [`super::fast`].

use std::path::Path;

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use holdfast_training::artifact::{Version, read_version};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokenizers::{Encoding, PaddingParams, Tokenizer, TruncationParams};

use super::LoadError;
use super::bert::{Bert, BertConfig};
use super::fast::Fast;
use crate::config::models::EncoderPath;
use crate::ports::language::Contexts;

/// Texts that run together; more of them gain nothing on a CPU and delay the first.
const BATCH_TEXTS_MAX: usize = 32;
/// The manifest's kind.
const KIND: &str = "sentence-encoder";

/// How the sentence encoder cuts its input (`sentence_bert_config.json`).
#[derive(Deserialize)]
struct Sentences {
    max_seq_length: usize,
}

/// The name of the reference beside those of the fast paths.
const REFERENCE: &str = "f32";

enum Arithmetic {
    Reference(Box<Bert>),
    Fast(Box<Fast>),
}

/// A loaded encoder; [`super::HostedEncoder`] gives it a thread.
pub struct BertEncoder {
    arithmetic: Arithmetic,
    tokenizer: Tokenizer,
    width: usize,
    version: String,
    digest: String,
}

impl BertEncoder {
    /// Loads a version directory after checking its digests.
    ///
    /// # Errors
    /// [`LoadError`].
    pub fn load(dir: &Path, path: EncoderPath) -> Result<Self, LoadError> {
        let kernels = match path {
            EncoderPath::Auto => Some(holdfast_encoder::Path::best()),
            EncoderPath::F32 => None,
        };
        Self::load_with(dir, kernels)
    }

    /// As [`Self::load`], with given kernels, or with the plain ones where this processor cannot run them; `None` for the
    /// reference.
    ///
    /// # Errors
    /// [`LoadError`].
    pub fn load_with(dir: &Path, kernels: Option<holdfast_encoder::Path>) -> Result<Self, LoadError> {
        let version = read_version(dir)?;
        let name = format!("{}/{}", version.manifest.name, version.manifest.version);
        if version.manifest.kind != KIND {
            return Err(LoadError::unfit(&name, format!("its kind is `{}`, not `{KIND}`", version.manifest.kind)));
        }
        let config: BertConfig = json(&version, "config.json", &name)?;
        let sentences: Sentences = json(&version, "sentence_bert_config.json", &name)?;
        if !(2..=config.max_position_embeddings).contains(&sentences.max_seq_length) {
            let most = config.max_position_embeddings;
            return Err(LoadError::unfit(&name, format!("`max_seq_length` must be 2 to {most}")));
        }
        let tokenizer = tokenizer(&version, sentences.max_seq_length, &config, &name)?;
        let weights = version.read("model.safetensors")?;
        let unfit = |error: candle_core::Error| LoadError::unfit(&name, error);
        let weights = VarBuilder::from_buffered_safetensors(weights, DType::F32, &Device::Cpu).map_err(unfit)?;
        let tokens_max = sentences.max_seq_length;
        let fast = match kernels {
            Some(kernels) => Fast::load(&weights, &config, &tokenizer, tokens_max, kernels).map_err(unfit)?,
            None => None,
        };
        let arithmetic = match fast {
            Some(fast) => Arithmetic::Fast(Box::new(fast)),
            None => Arithmetic::Reference(Box::new(Bert::load(&weights, &config).map_err(unfit)?)),
        };
        Ok(Self { arithmetic, tokenizer, width: config.hidden_size, version: name, digest: version.digest })
    }

    /// Length of an embedding.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// `name/version`.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Digest of the version's manifest.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Which arithmetic runs: `f32` for the reference, else the name of its kernels.
    #[must_use]
    pub fn path(&self) -> &'static str {
        match &self.arithmetic {
            Arithmetic::Reference(_) => REFERENCE,
            Arithmetic::Fast(fast) => fast.path().name(),
        }
    }

    /// The token ids of a text, framed and cut, as this encoder sees it.
    ///
    /// # Errors
    /// What the tokenizer said.
    pub fn tokens(&self, text: &str) -> Result<Vec<u32>, String> {
        match &self.arithmetic {
            Arithmetic::Reference(_) => {
                let encoding = self.tokenizer.encode(text, true).map_err(|error| error.to_string())?;
                Ok(encoding.get_ids().to_vec())
            }
            Arithmetic::Fast(fast) => fast.tokens(&self.tokenizer, text),
        }
    }

    /// One unit vector per text, in the order of `texts`.
    ///
    /// # Errors
    /// What the tokenizer or the model said.
    pub fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, String> {
        let vectors = match &self.arithmetic {
            Arithmetic::Reference(bert) => self.refer(bert, texts)?,
            Arithmetic::Fast(fast) => fast.embed(&self.tokenizer, texts)?,
        };
        match vectors.iter().position(|vector| vector.iter().any(|x| !x.is_finite())) {
            Some(index) => Err(format!("the embedding of text {index} is not finite")),
            None => Ok(vectors),
        }
    }

    /// What the layers made of each token of a text.
    ///
    /// # Errors
    /// What the tokenizer or the model said.
    pub fn contexts(&self, text: &str) -> Result<Contexts, String> {
        // The whole tokenizer: the fast one does not say where its tokens stand.
        let encoding = self.tokenizer.encode(text, true).map_err(|error| error.to_string())?;
        let states = match &self.arithmetic {
            Arithmetic::Reference(bert) => states(bert, &encoding).map_err(|error| error.to_string())?,
            Arithmetic::Fast(fast) => fast.states(encoding.get_ids())?,
        };
        if states.iter().any(|x| !x.is_finite()) {
            return Err("the state of a token is not finite".to_owned());
        }
        let ranges = encoding.get_offsets().iter().map(|&(start, end)| start..end).collect();
        Ok(Contexts { ranges, states })
    }

    fn refer(&self, bert: &Bert, texts: &[String]) -> Result<Vec<Vec<f32>>, String> {
        // Neighbours in length share a batch, so that little of it is padding; bytes are near enough to tokens for that.
        let mut order: Vec<usize> = (0..texts.len()).collect();
        order.sort_by_key(|&index| texts[index].len());
        let mut vectors = vec![Vec::new(); texts.len()];
        for batch in order.chunks(BATCH_TEXTS_MAX) {
            let members: Vec<&str> = batch.iter().map(|&index| texts[index].as_str()).collect();
            let encodings = self.tokenizer.encode_batch(members, true).map_err(|error| error.to_string())?;
            let rows = forward(bert, &encodings).map_err(|error| error.to_string())?;
            batch.iter().zip(rows).for_each(|(&index, row)| vectors[index] = row);
        }
        Ok(vectors)
    }
}

/// `encodings` are padded to one length.
fn forward(bert: &Bert, encodings: &[Encoding]) -> candle_core::Result<Vec<Vec<f32>>> {
    let tensor = |of: fn(&Encoding) -> &[u32]| {
        let rows: Vec<&[u32]> = encodings.iter().map(of).collect();
        Tensor::new(rows, &Device::Cpu)
    };
    let ids = tensor(Encoding::get_ids)?;
    let mask = tensor(Encoding::get_attention_mask)?;
    let tokens = bert.forward(&ids, &mask)?;
    let mask = mask.to_dtype(DType::F32)?.unsqueeze(2)?;
    let mean = tokens.broadcast_mul(&mask)?.sum(1)?.broadcast_div(&mask.sum(1)?)?;
    let length = mean.sqr()?.sum_keepdim(1)?.sqrt()?;
    mean.broadcast_div(&length)?.to_vec2()
}

fn states(bert: &Bert, encoding: &Encoding) -> candle_core::Result<Vec<f32>> {
    let ids = Tensor::new(encoding.get_ids(), &Device::Cpu)?.unsqueeze(0)?;
    let mask = Tensor::new(encoding.get_attention_mask(), &Device::Cpu)?.unsqueeze(0)?;
    bert.states(&ids, &mask)?.flatten_all()?.to_vec1()
}

fn json<T: DeserializeOwned>(version: &Version, file: &str, model: &str) -> Result<T, LoadError> {
    serde_json::from_slice(&version.read(file)?).map_err(|error| LoadError::unfit(model, format!("`{file}`: {error}")))
}

/// The tokenizer, cutting at `tokens_max` and padding a batch to its longest member, whatever its file says of both.
fn tokenizer(version: &Version, tokens_max: usize, config: &BertConfig, model: &str) -> Result<Tokenizer, LoadError> {
    let unfit = |error: tokenizers::Error| LoadError::unfit(model, format!("`tokenizer.json`: {error}"));
    let mut tokenizer = Tokenizer::from_bytes(version.read("tokenizer.json")?).map_err(unfit)?;
    if tokenizer.get_vocab_size(true) > config.vocab_size {
        return Err(LoadError::unfit(model, "`tokenizer.json` knows more tokens than the weights"));
    }
    let truncation = TruncationParams { max_length: tokens_max, ..TruncationParams::default() };
    tokenizer.with_truncation(Some(truncation)).map_err(unfit)?;
    tokenizer.with_padding(Some(PaddingParams { pad_id: config.pad_token_id, ..PaddingParams::default() }));
    Ok(tokenizer)
}
