//! The weights while they are tuned: their gradients on a part of a batch, and one step against them.

use std::collections::{BTreeMap, HashMap};

use candle_core::{DType, Device, Tensor, Var};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::network::cross_entropy;
use super::network::{Drop, HEAD_BIAS, HEAD_WEIGHT, Keep, Network, POSITIONS, Packed, Shape, TYPES, WORDS};
use super::{Example, TuneError, TuneOptions};
use crate::language::adam::{Moments, Step};

/// What candle's operations give.
type Result<T, E = candle_core::Error> = std::result::Result<T, E>;

/// Deviation of the softmax layer's first weights (Devlin et al. 2019).
const HEAD_DEVIATION: f32 = 0.02;

/// A matrix of which only some rows move in a step.
struct Table {
    numbers: Vec<f32>,
    width: usize,
    moments: Moments,
}

/// Network, tables and the optimiser's memory.
pub(super) struct State {
    network: Network,
    words: Table,
    positions: Table,
    /// The first row of the segments' table; it stays.
    segment: Vec<f32>,
    /// By name, in order, so that sums are taken in one order.
    moments: BTreeMap<String, Moments>,
    /// What the checkpoint has and training leaves alone.
    rest: HashMap<String, Tensor>,
    options: TuneOptions,
}

/// Gradients of one part of a batch: sums over its texts.
pub(super) struct Gradients {
    pub(super) loss: f64,
    texts: usize,
    pub(super) dense: BTreeMap<String, Vec<f32>>,
    words: BTreeMap<u32, Vec<f32>>,
    positions: BTreeMap<u32, Vec<f32>>,
}

impl Gradients {
    /// Of both parts together.
    pub(super) fn add(mut self, other: Gradients) -> Gradients {
        self.loss += other.loss;
        self.texts += other.texts;
        for (name, gradient) in other.dense {
            add_to(self.dense.entry(name), gradient);
        }
        for (mine, theirs) in [(&mut self.words, other.words), (&mut self.positions, other.positions)] {
            for (row, gradient) in theirs {
                add_to(mine.entry(row), gradient);
            }
        }
        self
    }

    fn length(&self) -> f64 {
        let rows = self.dense.values().chain(self.words.values()).chain(self.positions.values());
        let square = |row: &Vec<f32>| row.iter().map(|x| x * x).sum::<f32>();
        rows.map(|row| f64::from(square(row))).sum::<f64>().sqrt()
    }
}

fn add_to<K: Ord>(entry: std::collections::btree_map::Entry<'_, K, Vec<f32>>, gradient: Vec<f32>) {
    entry.and_modify(|sum| sum.iter_mut().zip(&gradient).for_each(|(sum, g)| *sum += g)).or_insert(gradient);
}

/// Dropout by a generator.
struct Dropping {
    generator: ChaCha8Rng,
    share: f32,
}

impl Drop for Dropping {
    fn drop(&mut self, x: Tensor) -> Result<Tensor> {
        if self.share == 0.0 {
            return Ok(x);
        }
        // Sixteen bits decide: four numbers a draw.
        let bound = (f64::from(self.share) * 65_536.0) as u64;
        let kept = 1.0 / (1.0 - self.share);
        let count = x.elem_count();
        let mut mask = Vec::with_capacity(count + 3);
        while mask.len() < count {
            let drawn: u64 = self.generator.random();
            mask.extend([0, 16, 32, 48].map(|at| if (drawn >> at) & 0xffff < bound { 0.0_f32 } else { kept }));
        }
        mask.truncate(count);
        let mask = Tensor::from_vec(mask, x.shape(), &Device::Cpu)?;
        x * mask
    }
}

impl State {
    /// Takes the weights; everything is expanded to single precision.
    pub(super) fn load(bytes: &[u8], shape: Shape, classes: usize, options: &TuneOptions) -> Result<State, TuneError> {
        let mut tensors = candle_core::safetensors::load_buffer(bytes, &Device::Cpu)?;
        let mut take = |name: &str| match tensors.remove(name) {
            Some(tensor) => tensor.to_dtype(DType::F32),
            None => candle_core::bail!("the weights have no `{name}`"),
        };
        let (words, positions) = (Table::of(&take(WORDS)?)?, Table::of(&take(POSITIONS)?)?);
        let types = take(TYPES)?;
        let width = words.width;
        if shape.heads == 0 || !width.is_multiple_of(shape.heads) {
            return Err(TuneError::Input("`num_attention_heads` must divide `hidden_size`".to_owned()));
        }
        let segment = types.get(0)?.to_vec1()?;
        let mut generator = ChaCha8Rng::seed_from_u64(options.seed);
        let head: Vec<f32> =
            (0..classes * width).map(|_| HEAD_DEVIATION * 3.46 * (generator.random::<f32>() - 0.5)).collect();
        let mut vars = HashMap::from([
            (HEAD_WEIGHT.to_owned(), Var::from_vec(head, (classes, width), &Device::Cpu)?),
            (HEAD_BIAS.to_owned(), Var::zeros(classes, DType::F32, &Device::Cpu)?),
        ]);
        let (trained, mut rest): (HashMap<_, _>, HashMap<_, _>) = tensors
            .into_iter()
            .partition(|(name, _)| name.starts_with("encoder.layer.") || name.starts_with("embeddings.LayerNorm"));
        for (name, tensor) in trained {
            vars.insert(name, Var::from_tensor(&tensor.to_dtype(DType::F32)?)?);
        }
        rest.insert(TYPES.to_owned(), types);
        let moments = vars.iter().map(|(name, var)| (name.clone(), Moments::new(var.elem_count(), var.elem_count())));
        let moments = moments.collect();
        let network = Network { shape, vars };
        Ok(State { network, words, positions, segment, moments, rest, options: options.clone() })
    }

    /// Whether every token has a vector and every text a place for each token.
    pub(super) fn check<'a>(&self, examples: impl IntoIterator<Item = &'a Example>) -> Result<(), TuneError> {
        let (words, places) = (self.words.rows(), self.positions.rows());
        for example in examples {
            if example.tokens.iter().any(|&token| token as usize >= words) || example.tokens.len() > places {
                let what = format!("tokens must be below {words}, and a text at most {places} of them");
                return Err(TuneError::Input(what));
            }
        }
        Ok(())
    }

    /// The summed embeddings of packed tokens.
    fn inputs(&self, packed: &Packed) -> Vec<f32> {
        let mut result = Vec::with_capacity(packed.tokens.len() * self.words.width);
        for (&token, place) in packed.tokens.iter().zip(packed.places()) {
            let summed = self.words.row(token as usize).iter().zip(self.positions.row(place)).zip(&self.segment);
            result.extend(summed.map(|((word, place), segment)| word + place + segment));
        }
        result
    }

    /// Unit vectors of texts, nothing dropped.
    pub(super) fn embedded(&self, examples: &[&Example]) -> Result<Tensor> {
        let packed = Packed::of(examples.iter().map(|example| example.tokens.as_slice()));
        let inputs = Tensor::from_vec(self.inputs(&packed), (packed.tokens.len(), self.words.width), &Device::Cpu)?;
        Ok(self.network.embed(&inputs, &packed.lengths, &mut Keep)?.detach())
    }

    /// Logits of texts, nothing dropped.
    pub(super) fn logits(&self, examples: &[&Example]) -> Result<Tensor> {
        Ok(self.network.logits(&self.embedded(examples)?)?.detach())
    }

    /// Gradients on a part of a batch; `place` is the step and the part, which the drawing depends on.
    pub(super) fn gradients(&self, examples: &[&Example], place: (usize, usize)) -> Result<Gradients> {
        let drawn = self.options.seed ^ ((place.0 * 64 + place.1 + 1) as u64).wrapping_mul(0xd134_2543_de82_ef95);
        let mut generator = ChaCha8Rng::seed_from_u64(drawn);
        let texts: Vec<Vec<u32>> = examples.iter().map(|example| self.hide(&example.tokens, &mut generator)).collect();
        let packed = Packed::of(texts.iter().map(Vec::as_slice));
        let width = self.words.width;
        let inputs = Var::from_vec(self.inputs(&packed), (packed.tokens.len(), width), &Device::Cpu)?;
        let mut dropping = Dropping { generator, share: self.options.dropout as f32 };
        let embedded = self.network.embed(&inputs, &packed.lengths, &mut dropping)?;
        let embedded = dropping.drop(embedded)?;
        let loss = cross_entropy(&self.network.logits(&embedded)?, &self.targets(examples)?)?;
        let found = loss.backward()?;
        let mut dense = BTreeMap::new();
        for (name, var) in &self.network.vars {
            match found.get(var) {
                Some(gradient) => dense.insert(name.clone(), gradient.flatten_all()?.to_vec1()?),
                None => candle_core::bail!("`{name}` got no gradient"),
            };
        }
        let Some(gradient) = found.get(&inputs) else { candle_core::bail!("the tokens got no gradient") };
        let gradient: Vec<f32> = gradient.flatten_all()?.to_vec1()?;
        let (mut words, mut positions) = (BTreeMap::new(), BTreeMap::new());
        for ((row, &token), place) in gradient.chunks_exact(width).zip(&packed.tokens).zip(packed.places()) {
            add_to(words.entry(token), row.to_vec());
            add_to(positions.entry(u32::try_from(place)?), row.to_vec());
        }
        Ok(Gradients { loss: f64::from(loss.to_scalar::<f32>()?), texts: examples.len(), dense, words, positions })
    }

    /// Some tokens hidden, never the frame.
    fn hide(&self, tokens: &[u32], generator: &mut ChaCha8Rng) -> Vec<u32> {
        let last = tokens.len() - 1;
        let mut hidden = |(at, &token): (usize, &u32)| {
            let hide = at > 0 && at < last && generator.random::<f32>() < self.options.token_dropout as f32;
            if hide { self.options.mask_token } else { token }
        };
        tokens.iter().enumerate().map(&mut hidden).collect()
    }

    fn targets(&self, examples: &[&Example]) -> Result<Tensor> {
        let classes = examples.first().map_or(0, |example| example.targets.len());
        let spread = self.options.smoothing as f32;
        let smoothed = |target: &f32| (1.0 - spread) * target + spread / classes as f32;
        let targets: Vec<f32> = examples.iter().flat_map(|example| example.targets.iter().map(smoothed)).collect();
        Tensor::from_vec(targets, (examples.len(), classes), &Device::Cpu)
    }

    /// Moves every weight; `share` is that of the greatest rate.
    pub(super) fn step(&mut self, gradients: Gradients, share: f64) -> Result<()> {
        let texts = gradients.texts.max(1) as f64;
        let length = gradients.length() / texts;
        let clip = if length > self.options.gradient_max { self.options.gradient_max / length } else { 1.0 };
        let scale = (clip / texts) as f32;
        for (name, gradient) in &gradients.dense {
            let (Some(var), Some(moments)) = (self.network.vars.get(name), self.moments.get_mut(name)) else {
                continue;
            };
            let mut numbers: Vec<f32> = var.flatten_all()?.to_vec1()?;
            let decay = if var.rank() > 1 { self.options.weight_decay as f32 } else { 0.0 };
            let rate = (share * rate(name, self.network.shape.layers, &self.options)) as f32;
            moments.step(0, &mut numbers, gradient, Step { rate, decay, gradient_scale: scale });
            var.set(&Tensor::from_vec(numbers, var.shape(), &Device::Cpu)?)?;
        }
        let rate = (share * rate("embeddings", self.network.shape.layers, &self.options)) as f32;
        let step = Step { rate, decay: 0.0, gradient_scale: scale };
        self.words.step(&gradients.words, step);
        self.positions.step(&gradients.positions, step);
        Ok(())
    }

    /// The encoder's weights in half precision.
    pub(super) fn into_bytes(self) -> Result<Vec<u8>, TuneError> {
        let mut tensors: BTreeMap<String, Tensor> = BTreeMap::new();
        for (name, tensor) in self.rest {
            tensors.insert(name, tensor.to_dtype(DType::F16)?);
        }
        for (name, var) in self.network.vars.iter().filter(|(name, _)| !name.starts_with("head.")) {
            tensors.insert(name.clone(), var.as_tensor().to_dtype(DType::F16)?);
        }
        for (name, table) in [(WORDS, self.words), (POSITIONS, self.positions)] {
            tensors.insert(name.to_owned(), table.into_tensor()?.to_dtype(DType::F16)?);
        }
        safetensors::serialize(tensors, None).map_err(|error| TuneError::Input(error.to_string()))
    }
}

/// The greatest rate of a weight by its name.
fn rate(name: &str, layers: usize, options: &TuneOptions) -> f64 {
    if name.starts_with("head.") {
        return options.head_rate;
    }
    let layer = name.strip_prefix("encoder.layer.").and_then(|rest| rest.split('.').next()?.parse::<usize>().ok());
    let below_top = layer.map_or(layers, |layer| layers - 1 - layer.min(layers - 1));
    options.rate * options.layer_decay.powi(i32::try_from(below_top).unwrap_or(i32::MAX))
}

impl Table {
    fn of(tensor: &Tensor) -> Result<Table> {
        let (rows, width) = tensor.dims2()?;
        let numbers = tensor.flatten_all()?.to_vec1()?;
        Ok(Table { numbers, width, moments: Moments::new(rows * width, width) })
    }

    fn rows(&self) -> usize {
        self.numbers.len() / self.width.max(1)
    }

    fn row(&self, row: usize) -> &[f32] {
        &self.numbers[row * self.width..(row + 1) * self.width]
    }

    fn step(&mut self, gradients: &BTreeMap<u32, Vec<f32>>, step: Step) {
        for (&row, gradient) in gradients {
            let at = row as usize * self.width;
            self.moments.step(row as usize, &mut self.numbers[at..at + self.width], gradient, step);
        }
    }

    fn into_tensor(self) -> Result<Tensor> {
        let rows = self.rows();
        Tensor::from_vec(self.numbers, (rows, self.width), &Device::Cpu)
    }
}
