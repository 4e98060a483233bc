//! The decoder while it learns: llama's layers from operations that autograd can go back through, with one of our own.
//!
//! Guarantees: names, shapes and formulas are those of published checkpoints, so that a loader of the architecture reads them.
//! Non-goals: speed of writing, memory of what was read; a comparison with a serving implementation, which is not made here.

use std::collections::BTreeMap;

use candle_core::{CpuStorage, CustomOp1, D, DType, Device, Layout, Result, Tensor, Var};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::Tokens;

/// Added to the mean square before its root.
pub const NORM_EPSILON: f64 = 1e-5;
/// Base of the rotary frequencies.
pub const ROPE_BASE: f64 = 10_000.0;

const WORDS: &str = "model.embed_tokens.weight";
/// Deviation of first weights (Touvron et al. follow GPT-2).
const DEVIATION: f64 = 0.02;

/// How large a network is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shape {
    /// Numbers of a token.
    pub width: usize,
    /// Numbers between the two halves of a layer's second part.
    pub inner: usize,
    /// Layers.
    pub layers: usize,
    /// Heads of attention.
    pub heads: usize,
}

/// The weights, by name.
pub struct Network {
    shape: Shape,
    /// Every one of them is learned.
    pub weights: BTreeMap<String, Var>,
}

impl Network {
    /// First weights, drawn by `seed`.
    ///
    /// # Errors
    /// What the library said.
    pub fn new(shape: Shape, words: usize, seed: u64) -> Result<Network> {
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        let Shape { width, inner, layers, .. } = shape;
        let mut weights = BTreeMap::new();
        let mut matrix = |name: String, rows: usize, columns: usize, deviation: f64| -> Result<()> {
            let numbers: Vec<f32> = (0..rows * columns).map(|_| (deviation * normal(&mut generator)) as f32).collect();
            weights.insert(name, Var::from_vec(numbers, (rows, columns), &Device::Cpu)?);
            Ok(())
        };
        matrix(WORDS.to_owned(), words, width, DEVIATION)?;
        // What is added to the stream is drawn smaller the more layers add to it (Radford et al. 2019).
        let added = DEVIATION / ((2 * layers) as f64).sqrt();
        for layer in 0..layers {
            let name = |part: &str| format!("model.layers.{layer}.{part}.weight");
            for part in ["q_proj", "k_proj", "v_proj"] {
                matrix(name(&format!("self_attn.{part}")), width, width, DEVIATION)?;
            }
            matrix(name("self_attn.o_proj"), width, width, added)?;
            matrix(name("mlp.gate_proj"), inner, width, DEVIATION)?;
            matrix(name("mlp.up_proj"), inner, width, DEVIATION)?;
            matrix(name("mlp.down_proj"), width, inner, added)?;
        }
        let norms = (0..layers).flat_map(|layer| {
            ["input_layernorm", "post_attention_layernorm"].map(|part| format!("model.layers.{layer}.{part}.weight"))
        });
        for name in norms.chain(["model.norm.weight".to_owned()]) {
            weights.insert(name, Var::from_vec(vec![1.0_f32; width], width, &Device::Cpu)?);
        }
        Ok(Network { shape, weights })
    }

    /// The mean loss of the tokens to write, given those before each.
    ///
    /// # Errors
    /// What the library said.
    pub fn loss(&self, lessons: &[&Tokens]) -> Result<Tensor> {
        let longest = lessons.iter().map(|lesson| lesson.ids.len()).max().unwrap_or(0);
        let (mut read, mut next, mut places) = (Vec::new(), Vec::new(), Vec::new());
        for (row, lesson) in lessons.iter().enumerate() {
            let (ids, seen) = (&lesson.ids, longest.saturating_sub(1));
            read.extend((0..seen).map(|at| ids.get(at).copied().unwrap_or(0)));
            for (at, &id) in ids.iter().enumerate().skip(lesson.from.max(1)) {
                places.push((row * seen + at - 1) as u32);
                next.push(id);
            }
        }
        let tokens = Tensor::from_vec(read, (lessons.len(), longest.saturating_sub(1)), &Device::Cpu)?;
        let count = places.len();
        let places = Tensor::from_vec(places, count, &Device::Cpu)?;
        let hidden = self.hidden(&tokens)?.flatten_to(1)?.index_select(&places, 0)?;
        let scores = self.scores(&hidden)?;
        let next = Tensor::from_vec(next, (count, 1), &Device::Cpu)?;
        let chosen = scores.gather(&next, 1)?.squeeze(1)?;
        (log_sum(&scores)?.squeeze(1)? - chosen)?.mean_all()
    }

    /// The scores after each of `tokens`, one row a token.
    ///
    /// # Errors
    /// What the library said.
    pub fn read(&self, tokens: &[u32]) -> Result<Tensor> {
        let hidden = self.hidden(&Tensor::new(tokens, &Device::Cpu)?.unsqueeze(0)?)?;
        self.scores(&hidden.squeeze(0)?)
    }

    /// The weights as safetensors, in half precision.
    ///
    /// # Errors
    /// What the library said.
    pub fn bytes(&self) -> Result<Vec<u8>> {
        let half = |(name, weight): (&String, &Var)| Ok((name.clone(), weight.as_tensor().to_dtype(DType::F16)?));
        let halves: BTreeMap<String, Tensor> = self.weights.iter().map(half).collect::<Result<_>>()?;
        safetensors::serialize(halves, None).map_err(candle_core::Error::wrap)
    }

    fn weight(&self, name: &str) -> Result<&Tensor> {
        match self.weights.get(name) {
            Some(weight) => Ok(weight.as_tensor()),
            None => candle_core::bail!("there is no weight `{name}`"),
        }
    }

    fn scores(&self, hidden: &Tensor) -> Result<Tensor> {
        hidden.matmul(&self.weight(WORDS)?.t()?)
    }

    /// What the last layer makes of `tokens` (texts, places).
    fn hidden(&self, tokens: &Tensor) -> Result<Tensor> {
        let (texts, places) = tokens.dims2()?;
        let words = self.weight(WORDS)?.index_select(&tokens.flatten_all()?, 0)?;
        let mut stream = words.reshape((texts, places, self.shape.width))?;
        let positions = Positions::new(places, self.shape.width / self.shape.heads)?;
        for layer in 0..self.shape.layers {
            let at = format!("model.layers.{layer}");
            let normed = norm(&stream, self.weight(&format!("{at}.input_layernorm.weight"))?)?;
            stream = (&stream + self.attention(&normed, &format!("{at}.self_attn"), &positions)?)?;
            let normed = norm(&stream, self.weight(&format!("{at}.post_attention_layernorm.weight"))?)?;
            let gate = self.linear(&normed, &format!("{at}.mlp.gate_proj.weight"))?.silu()?;
            let up = self.linear(&normed, &format!("{at}.mlp.up_proj.weight"))?;
            stream = (&stream + self.linear(&(gate * up)?, &format!("{at}.mlp.down_proj.weight"))?)?;
        }
        norm(&stream, self.weight("model.norm.weight")?)
    }

    fn attention(&self, x: &Tensor, at: &str, positions: &Positions) -> Result<Tensor> {
        let (texts, places, width) = x.dims3()?;
        let heads = (texts, places, self.shape.heads, width / self.shape.heads);
        let of =
            |part: &str| self.linear(x, &format!("{at}.{part}.weight"))?.reshape(heads)?.transpose(1, 2)?.contiguous();
        let (query, key) = (positions.turn(&of("q_proj")?)?, positions.turn(&of("k_proj")?)?);
        let scale = 1.0 / ((width / self.shape.heads) as f32).sqrt();
        let shares = query.matmul(&key.t()?)?.apply_op1(Shares { scale })?;
        let found = shares.matmul(&of("v_proj")?)?.transpose(1, 2)?.reshape((texts, places, width))?;
        self.linear(&found, &format!("{at}.o_proj.weight"))
    }

    fn linear(&self, x: &Tensor, name: &str) -> Result<Tensor> {
        let (texts, places, width) = x.dims3()?;
        let rows = x.reshape((texts * places, width))?.matmul(&self.weight(name)?.t()?)?;
        rows.reshape((texts, places, ()))
    }
}

/// What depends on places only.
struct Positions {
    cos: Tensor,
    sin: Tensor,
}

impl Positions {
    fn new(places: usize, width: usize) -> Result<Positions> {
        let frequency = |at: usize| ROPE_BASE.powf(-((2 * (at % (width / 2))) as f64) / width as f64);
        let angles: Vec<f64> =
            (0..places).flat_map(|place| (0..width).map(move |at| place as f64 * frequency(at))).collect();
        let of = |turn: fn(f64) -> f64| {
            let numbers: Vec<f32> = angles.iter().map(|angle| turn(*angle) as f32).collect();
            Tensor::from_vec(numbers, (1, 1, places, width), &Device::Cpu)
        };
        Ok(Positions { cos: of(libm::cos)?, sin: of(libm::sin)? })
    }

    /// Turns pairs of numbers by their place (Su et al. 2021); a number's partner is half the width away.
    fn turn(&self, x: &Tensor) -> Result<Tensor> {
        let half = x.dim(D::Minus1)? / 2;
        let (low, high) = (x.narrow(D::Minus1, 0, half)?, x.narrow(D::Minus1, half, half)?);
        let turned = Tensor::cat(&[&high.neg()?, &low], D::Minus1)?;
        x.broadcast_mul(&self.cos)? + turned.broadcast_mul(&self.sin)?
    }
}

/// What each place takes of those up to it: a softmax of scaled scores, nothing of what comes later. One pass there and one
/// back, where the same of basic operations is most of the time that training takes.
struct Shares {
    scale: f32,
}

impl CustomOp1 for Shares {
    fn name(&self) -> &'static str {
        "causal-shares"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, candle_core::Shape)> {
        let Some((from, to)) = layout.contiguous_offsets() else { candle_core::bail!("scores must be contiguous") };
        let places = layout.dims().last().copied().unwrap_or(1);
        let mut shares = storage.as_slice::<f32>()?[from..to].to_vec();
        for (row, numbers) in shares.chunks_mut(places).enumerate() {
            let (seen, later) = numbers.split_at_mut(row % places + 1);
            let most = seen.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let mut sum = 0.0;
            for number in seen.iter_mut() {
                *number = ((*number - most) * self.scale).exp();
                sum += *number;
            }
            seen.iter_mut().for_each(|number| *number /= sum);
            later.fill(0.0);
        }
        Ok((CpuStorage::F32(shares), layout.shape().clone()))
    }

    fn bwd(&self, _scores: &Tensor, shares: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let places = shares.dim(D::Minus1)?;
        let of = |tensor: &Tensor| tensor.flatten_all()?.to_vec1::<f32>();
        let (shares_of, mut back) = (of(shares)?, of(gradient)?);
        for (numbers, shares) in back.chunks_mut(places).zip(shares_of.chunks(places)) {
            let mean: f32 = numbers.iter().zip(shares).map(|(gradient, share)| gradient * share).sum();
            for (number, share) in numbers.iter_mut().zip(shares) {
                *number = self.scale * share * (*number - mean);
            }
        }
        Ok(Some(Tensor::from_vec(back, shares.shape(), shares.device())?))
    }
}

fn norm(x: &Tensor, weight: &Tensor) -> Result<Tensor> {
    let length = (x.sqr()?.mean_keepdim(D::Minus1)? + NORM_EPSILON)?.sqrt()?;
    x.broadcast_div(&length)?.broadcast_mul(weight)
}

fn log_sum(scores: &Tensor) -> Result<Tensor> {
    let most = scores.max_keepdim(D::Minus1)?.detach();
    scores.broadcast_sub(&most)?.exp()?.sum_keepdim(D::Minus1)?.log()? + most
}

/// A normal number, by Box and Muller.
fn normal(generator: &mut ChaCha8Rng) -> f64 {
    let (radius, angle): (f64, f64) = (generator.random(), generator.random());
    libm::sqrt(-2.0 * libm::log(1.0 - radius)) * libm::cos(2.0 * std::f64::consts::PI * angle)
}
