//! The encoder: packed weights for one kind of kernels, and the pass over a block of ragged sequences.
//!
//! Guarantees: sequences lie one after the other without padding; a sequence's vector is the same to the bit whatever
//! stands beside it; the caller's [`Scratch`] is the only memory that a pass takes, and it takes none once that has
//! grown. Non-goals: words and texts, threads.

use crate::Path;
use crate::attention::{Heads, Room, attend};
use crate::buffer::Buffer;
use crate::dense::{AsIs, Dense, Gelu, Plain, Plus};
use crate::lanes::{Kernel, Lanes, Portable};
use crate::rows::{Norm, pool};
use crate::weights::{LayerWeights, NormWeights, Side, UnfitError, Weights, lay};

#[cfg(target_arch = "x86_64")]
use crate::{avx2::Avx2, avx512::Avx512, avx512::Vnni, model_int8};

/// Tokens that run together: as many as keep the rows in the second cache beside a panel of weights.
pub(crate) const BLOCK_TOKENS_MAX: usize = 256;
/// Rows whose widened form exists at one time.
pub(crate) const WIDENED_ROWS_MAX: usize = 96;

/// A sequence that cannot be run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SequenceError {
    /// It has no token or more of them than the model has positions.
    #[error("a sequence has {tokens} tokens; it must have 1 to {most}")]
    Length {
        /// How many.
        tokens: usize,
        /// How many it may have.
        most: usize,
    },
    /// A token is not in the vocabulary.
    #[error("the token {token} is not among the {vocabulary} of the vocabulary")]
    Token {
        /// Its id.
        token: u32,
        /// How many there are.
        vocabulary: usize,
    },
}

/// One layer, `D` being how its matrices are packed.
pub(crate) struct Layer<D> {
    pub(crate) qkv: D,
    pub(crate) attended: D,
    pub(crate) attended_norm: Norm,
    pub(crate) widened: D,
    pub(crate) narrowed: D,
    pub(crate) narrowed_norm: Norm,
}

/// What is the same for every kind of kernels.
pub(crate) struct Common {
    pub(crate) width: usize,
    /// Numbers from one row of tokens to the next.
    pub(crate) stride: usize,
    pub(crate) inner: usize,
    pub(crate) heads: Heads,
    words: Vec<f32>,
    positions: Vec<f32>,
    pub(crate) norm: Norm,
}

enum Packed {
    #[cfg(target_arch = "x86_64")]
    Int8(Vnni, Vec<Layer<crate::int8::DenseInt8>>),
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512, Vec<Layer<Dense>>),
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2, Vec<Layer<Dense>>),
    Portable(Vec<Layer<Dense>>),
}

/// A packed encoder.
pub struct Encoder {
    common: Common,
    packed: Packed,
    path: Path,
}

/// Memory for passes; one for each thread.
pub struct Scratch {
    pub(crate) x: Buffer<f32>,
    pub(crate) y: Buffer<f32>,
    pub(crate) qkv: Buffer<f32>,
    pub(crate) context: Buffer<f32>,
    pub(crate) widened: Buffer<f32>,
    pub(crate) room: Room,
    #[cfg(target_arch = "x86_64")]
    pub(crate) narrow_bytes: crate::int8::Bytes,
    #[cfg(target_arch = "x86_64")]
    pub(crate) wide_bytes: crate::int8::Bytes,
}

impl Scratch {
    /// No memory yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            x: Buffer::new(),
            y: Buffer::new(),
            qkv: Buffer::new(),
            context: Buffer::new(),
            widened: Buffer::new(),
            room: Room::new(),
            #[cfg(target_arch = "x86_64")]
            narrow_bytes: crate::int8::Bytes::new(),
            #[cfg(target_arch = "x86_64")]
            wide_bytes: crate::int8::Bytes::new(),
        }
    }

    fn grow(&mut self, rows: usize, common: &Common) {
        self.x.grow(rows * common.stride);
        self.y.grow(rows * common.stride);
        self.qkv.grow(rows * 3 * common.heads.stride);
        self.context.grow(rows * common.heads.stride);
        self.widened.grow(rows.min(WIDENED_ROWS_MAX) * common.inner);
    }
}

impl Default for Scratch {
    fn default() -> Self {
        Self::new()
    }
}

impl Encoder {
    /// Packs `weights` for `path`, or for [`Path::Portable`] where this processor cannot run it.
    ///
    /// # Errors
    /// [`UnfitError`].
    pub fn pack(weights: &Weights, path: Path) -> Result<Self, UnfitError> {
        weights.check()?;
        let (packed, path) = packed(weights, path);
        let heads = Side::heads(weights.width, weights.heads);
        let common = Common {
            width: weights.width,
            stride: Side::whole(weights.width).padded(),
            inner: Side::whole(weights.inner).padded(),
            heads: Heads { count: weights.heads, width: heads.padded_group(), stride: heads.padded() },
            words: weights.words.clone(),
            positions: weights.positions.clone(),
            norm: norm(&weights.norm, weights.eps),
        };
        Ok(Self { common, packed, path })
    }

    /// The kernels that run.
    #[must_use]
    pub fn path(&self) -> Path {
        self.path
    }

    /// Length of a vector.
    #[must_use]
    pub fn width(&self) -> usize {
        self.common.width
    }

    /// The unit vector along the mean of each sequence's tokens, one after the other.
    ///
    /// # Errors
    /// [`SequenceError`], before anything runs.
    pub fn embed(&self, sequences: &[&[u32]], scratch: &mut Scratch) -> Result<Vec<f32>, SequenceError> {
        sequences.iter().try_for_each(|sequence| self.check(sequence))?;
        let mut vectors = vec![0.0; sequences.len() * self.common.width];
        let mut rest = sequences;
        let mut room = vectors.as_mut_slice();
        while !rest.is_empty() {
            let mut rows = 0;
            let fits = |sequence: &&&[u32]| {
                rows += sequence.len();
                rows <= BLOCK_TOKENS_MAX
            };
            let count = rest.iter().take_while(fits).count().max(1);
            let (block, after) = rest.split_at(count);
            let (out, room_after) = room.split_at_mut(count * self.common.width);
            self.run(block, scratch, Out::Vectors(out));
            (rest, room) = (after, room_after);
        }
        Ok(vectors)
    }

    /// The states of each token of one sequence, one after the other: what the layer in the middle made of it, then what
    /// the last one did, [`Self::width`] numbers each.
    ///
    /// # Errors
    /// [`SequenceError`], before anything runs.
    pub fn states(&self, sequence: &[u32], scratch: &mut Scratch) -> Result<Vec<f32>, SequenceError> {
        self.check(sequence)?;
        let mut states = vec![0.0; sequence.len() * 2 * self.common.width];
        self.run(&[sequence], scratch, Out::States(&mut states));
        Ok(states)
    }

    fn check(&self, sequence: &[u32]) -> Result<(), SequenceError> {
        let most = self.common.positions.len() / self.common.width;
        if !(1..=most).contains(&sequence.len()) {
            return Err(SequenceError::Length { tokens: sequence.len(), most });
        }
        let vocabulary = self.common.words.len() / self.common.width;
        match sequence.iter().find(|&&token| token as usize >= vocabulary) {
            Some(&token) => Err(SequenceError::Token { token, vocabulary }),
            None => Ok(()),
        }
    }

    fn run(&self, block: &[&[u32]], scratch: &mut Scratch, out: Out<'_>) {
        let rows = block.iter().map(|sequence| sequence.len()).sum();
        scratch.grow(rows, &self.common);
        let pass = Pass { common: &self.common, block, rows };
        match &self.packed {
            #[cfg(target_arch = "x86_64")]
            Packed::Int8(vnni, layers) => model_int8::run(*vnni, pass, layers, scratch, out),
            #[cfg(target_arch = "x86_64")]
            Packed::Avx512(l, layers) => l.enter(Single { pass, layers, scratch, out }),
            #[cfg(target_arch = "x86_64")]
            Packed::Avx2(l, layers) => l.enter(Single { pass, layers, scratch, out }),
            Packed::Portable(layers) => Portable.enter(Single { pass, layers, scratch, out }),
        }
    }
}

fn packed(weights: &Weights, path: Path) -> (Packed, Path) {
    #[cfg(target_arch = "x86_64")]
    match path {
        Path::Int8Avx512 => {
            if let Some(vnni) = Vnni::detect() {
                return (Packed::Int8(vnni, model_int8::pack(weights)), path);
            }
        }
        Path::F32Avx512 => {
            if let Some(l) = Avx512::detect() {
                return (Packed::Avx512(l, single(l, weights)), path);
            }
        }
        Path::F32Avx2 => {
            if let Some(l) = Avx2::detect() {
                return (Packed::Avx2(l, single(l, weights)), path);
            }
        }
        Path::Portable => {}
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = path;
    (Packed::Portable(single(Portable, weights)), Path::Portable)
}

fn single<L: Lanes>(l: L, weights: &Weights) -> Vec<Layer<Dense>> {
    layers_of(weights, |matrix, _| Dense::pack(l, &matrix))
}

/// Packs each matrix of a layer; `pack` also gets the layer norm that makes the matrix's input, where one does.
fn layer_of<D>(
    layer: &LayerWeights,
    before: &NormWeights,
    weights: &Weights,
    pack: impl Fn(Plain, Option<&NormWeights>) -> D,
) -> Layer<D> {
    let (width, inner) = (Side::whole(weights.width), Side::whole(weights.inner));
    let heads = Side::heads(weights.width, weights.heads);
    // The scale of the scores is folded into the queries.
    let scale = ((weights.width / weights.heads) as f32).sqrt().recip();
    let qkv = lay(&[(&layer.query, scale), (&layer.key, 1.0), (&layer.value, 1.0)], heads, width);
    Layer {
        qkv: pack(qkv, Some(before)),
        attended: pack(lay(&[(&layer.attended, 1.0)], width, heads), None),
        attended_norm: norm(&layer.attended_norm, weights.eps),
        widened: pack(lay(&[(&layer.widened, 1.0)], inner, width), Some(&layer.attended_norm)),
        narrowed: pack(lay(&[(&layer.narrowed, 1.0)], width, inner), None),
        narrowed_norm: norm(&layer.narrowed_norm, weights.eps),
    }
}

/// Each layer with the norm before it.
pub(crate) fn layers_of<D>(weights: &Weights, pack: impl Fn(Plain, Option<&NormWeights>) -> D) -> Vec<Layer<D>> {
    let norms = std::iter::once(&weights.norm).chain(weights.layers.iter().map(|layer| &layer.narrowed_norm));
    weights.layers.iter().zip(norms).map(|(layer, before)| layer_of(layer, before, weights, &pack)).collect()
}

fn norm(weights: &NormWeights, eps: f32) -> Norm {
    let filled = |numbers: &[f32]| {
        let mut buffer = Buffer::zeroed(numbers.len());
        buffer.all_mut().copy_from_slice(numbers);
        buffer
    };
    Norm { scale: filled(&weights.scale), shift: filled(&weights.shift), width: weights.scale.len(), eps }
}

/// What is asked of a pass.
pub(crate) enum Out<'a> {
    /// A unit vector of each sequence.
    Vectors(&'a mut [f32]),
    /// The states of each token.
    States(&'a mut [f32]),
}

/// One block of sequences on its way through a model.
#[derive(Clone, Copy)]
pub(crate) struct Pass<'a> {
    pub(crate) common: &'a Common,
    block: &'a [&'a [u32]],
    pub(crate) rows: usize,
}

impl Pass<'_> {
    /// Writes the normed sum of word and position of each token to `x`, with `y` as room.
    #[inline(always)]
    pub(crate) fn look_up<L: Lanes>(self, l: L, y: &mut [f32], x: &mut [f32]) {
        let Common { width, stride, .. } = *self.common;
        let tokens = self.block.iter().flat_map(|sequence| sequence.iter().enumerate());
        for (((position, &token), y), x) in tokens.zip(y.chunks_exact_mut(stride)).zip(x.chunks_exact_mut(stride)) {
            let word = &self.common.words[token as usize * width..][..width];
            let position = &self.common.positions[position * width..][..width];
            for at in (0..width).step_by(L::WIDTH) {
                l.store(l.add(l.load(&word[at..]), l.load(&position[at..])), &mut y[at..]);
            }
            self.common.norm.row(l, y, x);
        }
    }

    #[inline(always)]
    pub(crate) fn attend<L: Lanes>(self, l: L, qkv: &[f32], room: &mut Room, context: &mut [f32]) {
        let heads = self.common.heads;
        let mut row = 0;
        for sequence in self.block {
            let qkv = &qkv[row * 3 * heads.stride..][..sequence.len() * 3 * heads.stride];
            attend(l, heads, qkv, room, &mut context[row * heads.stride..]);
            row += sequence.len();
        }
    }

    /// Gives out what was asked of the rows `x` after a layer, `layer` of `layers`; 0 are the words alone.
    #[inline(always)]
    pub(crate) fn give<L: Lanes>(self, l: L, (layer, layers): (usize, usize), x: &[f32], out: &mut Out<'_>) {
        match out {
            Out::Vectors(vectors) if layer == layers => self.pool(l, x, vectors),
            Out::Vectors(_) => {}
            Out::States(states) => {
                let Common { width, stride, .. } = *self.common;
                for (asked, at) in [(layers.div_ceil(2), 0), (layers, width)] {
                    if layer == asked {
                        let rows = states.chunks_exact_mut(2 * width).zip(x.chunks_exact(stride));
                        rows.for_each(|(state, x)| state[at..at + width].copy_from_slice(&x[..width]));
                    }
                }
            }
        }
    }

    #[inline(always)]
    fn pool<L: Lanes>(self, l: L, x: &[f32], out: &mut [f32]) {
        let Common { width, stride, .. } = *self.common;
        let mut row = 0;
        for (sequence, out) in self.block.iter().zip(out.chunks_exact_mut(width)) {
            pool(l, &x[row * stride..][..sequence.len() * stride], stride, out);
            row += sequence.len();
        }
    }
}

/// A pass in single precision.
struct Single<'a> {
    pass: Pass<'a>,
    layers: &'a [Layer<Dense>],
    scratch: &'a mut Scratch,
    out: Out<'a>,
}

impl Kernel for Single<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self, l: L) {
        let Self { pass, layers, scratch, mut out } = self;
        let Common { stride, inner, .. } = *pass.common;
        let rows = pass.rows;
        let (x, y) = (scratch.x.all_mut(), scratch.y.all_mut());
        let (qkv, context, widened) = (scratch.qkv.all_mut(), scratch.context.all_mut(), scratch.widened.all_mut());
        pass.look_up(l, y, x);
        pass.give(l, (0, layers.len()), x, &mut out);
        for (at, layer) in layers.iter().enumerate() {
            layer.qkv.apply(l, rows, x, AsIs, qkv);
            pass.attend(l, qkv, &mut scratch.room, context);
            layer.attended.apply(l, rows, context, Plus(x), y);
            norm_rows(l, &layer.attended_norm, stride, rows, y, x);
            for from in (0..rows).step_by(WIDENED_ROWS_MAX) {
                let count = WIDENED_ROWS_MAX.min(rows - from);
                let part = from * stride..(from + count) * stride;
                layer.widened.apply(l, count, &x[part.clone()], Gelu, &mut widened[..count * inner]);
                layer.narrowed.apply(l, count, widened, Plus(&x[part.clone()]), &mut y[part]);
            }
            norm_rows(l, &layer.narrowed_norm, stride, rows, y, x);
            pass.give(l, (at + 1, layers.len()), x, &mut out);
        }
    }
}

#[inline(always)]
fn norm_rows<L: Lanes>(l: L, norm: &Norm, stride: usize, rows: usize, y: &[f32], x: &mut [f32]) {
    for (y, x) in y.chunks_exact(stride).zip(x.chunks_exact_mut(stride)).take(rows) {
        norm.row(l, y, x);
    }
}
