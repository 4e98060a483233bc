//! Products of rows with weights in eight bits, by the VNNI extension of AVX-512.
//!
//! Weights have one scale per output. Activations are unsigned bytes with one scale and one offset per row, found when
//! the row is there: `x ≈ scale · byte + low`. The whole-number sums are exact, so a row's result depends on that row
//! alone, to the bit. Non-goals: widths that are no multiple of [`PAD`](crate::dense::PAD); who packs pads.
#![expect(unsafe_code, reason = "intrinsics and the innermost loop's unchecked reads")]

use std::arch::x86_64::*;

use crate::avx512::{Avx512, Vnni};
use crate::buffer::Buffer;
use crate::dense::{Finish, Plain};
use crate::lanes::Lanes;

/// Outputs in a panel: two vectors.
const PANEL: usize = 32;
/// Inputs whose products one instruction adds up.
const GROUP: usize = 4;
/// Rows of the largest tile: twenty-four sums, two vectors of weights and one of activations fill the registers.
const ROWS: usize = 12;
/// The highest weight.
const WEIGHT_MAX: f32 = 127.0;
/// The highest activation.
const BYTE_MAX: f32 = 255.0;
/// A row whose numbers are all alike gets this for its scale, and is its offset alone.
const SCALE_MIN: f32 = 1e-20;

/// Rows in bytes.
pub(crate) struct Bytes {
    bytes: Buffer<u8>,
    scale: Buffer<f32>,
    low: Buffer<f32>,
}

impl Bytes {
    pub(crate) fn new() -> Self {
        Self { bytes: Buffer::new(), scale: Buffer::new(), low: Buffer::new() }
    }

    /// Makes room for `rows` rows of `columns`.
    pub(crate) fn grow(&mut self, rows: usize, columns: usize) {
        self.bytes.grow(rows * columns);
        self.scale.grow(rows);
        self.low.grow(rows);
    }

    /// Takes a row, each column times its factor.
    #[inline(always)]
    pub(crate) fn put(&mut self, l: Avx512, row: usize, x: &[f32], factors: &[f32]) {
        let columns = x.len();
        let factors = &factors[..columns];
        let (mut low, mut high) = (l.splat(f32::INFINITY), l.splat(f32::NEG_INFINITY));
        for at in (0..columns).step_by(Avx512::WIDTH) {
            let v = l.mul(l.load(&x[at..]), l.load(&factors[at..]));
            (low, high) = (l.min(low, v), l.max(high, v));
        }
        let (low, high) = (-l.highest(l.sub(l.splat(0.0), low)), l.highest(high));
        let scale = ((high - low) / BYTE_MAX).max(SCALE_MIN);
        self.scale.all_mut()[row] = scale;
        self.low.all_mut()[row] = low;
        let (factor, low) = (l.splat(1.0 / scale), l.splat(low));
        let to = &mut self.bytes.all_mut()[row * columns..][..columns];
        for (at, to) in (0..columns).step_by(Avx512::WIDTH).zip(to.chunks_exact_mut(Avx512::WIDTH)) {
            let v = l.mul(l.load(&x[at..]), l.load(&factors[at..]));
            let v = l.mul(l.sub(v, low), factor);
            // SAFETY: AVX-512 is here by `l`; `to` has room for sixteen bytes, and the store asks for no alignment.
            unsafe {
                let bytes = _mm512_cvtusepi32_epi8(_mm512_cvtps_epu32(v));
                _mm_storeu_si128(to.as_mut_ptr().cast(), bytes);
            }
        }
    }
}

/// Weights in panels: of [`PANEL`] outputs, [`GROUP`] inputs after the other.
pub(crate) struct DenseInt8 {
    outputs: usize,
    inputs: usize,
    weights: Buffer<i8>,
    scale: Buffer<f32>,
    /// What an offset of one adds to an output: the sum of its weights.
    sum: Buffer<f32>,
    bias: Buffer<f32>,
    /// What the inputs are multiplied with when they become bytes; the weights were divided by it.
    factors: Buffer<f32>,
}

impl DenseInt8 {
    /// `factors` has one number above 0 for each input.
    pub(crate) fn pack(plain: &Plain, factors: &[f32]) -> Self {
        let (outputs, inputs) = (plain.outputs, plain.inputs);
        let mut packed = Self {
            outputs,
            inputs,
            weights: Buffer::zeroed(outputs * inputs),
            scale: Buffer::zeroed(outputs),
            sum: Buffer::zeroed(outputs),
            bias: Buffer::zeroed(outputs),
            factors: Buffer::zeroed(inputs),
        };
        packed.bias.all_mut().copy_from_slice(&plain.bias);
        packed.factors.all_mut().copy_from_slice(factors);
        for (output, row) in plain.weights.chunks_exact(inputs).enumerate() {
            let row: Vec<f32> = row.iter().zip(factors).map(|(weight, factor)| weight / factor).collect();
            let scale = row.iter().fold(0.0_f32, |most, x| most.max(x.abs())).max(SCALE_MIN) / WEIGHT_MAX;
            let mut sum = 0.0;
            for (input, x) in row.iter().enumerate() {
                let weight = (x / scale).round();
                sum += weight;
                packed.weights.all_mut()[place(inputs, output, input)] = weight as i8;
            }
            packed.scale.all_mut()[output] = scale;
            packed.sum.all_mut()[output] = scale * sum;
        }
        packed
    }

    pub(crate) fn inputs(&self) -> usize {
        self.inputs
    }

    /// What [`Bytes::put`] is to multiply with.
    pub(crate) fn factors(&self) -> &[f32] {
        self.factors.all()
    }

    /// `out = finish(x · weightsᵀ + bias)` for `rows` rows of `x`, whose columns are this layer's inputs.
    pub(crate) fn apply<F: Finish>(&self, v: Vnni, rows: usize, x: &Bytes, finish: F, out: &mut [f32]) {
        assert!(x.bytes.all().len() >= rows * self.inputs, "the rows are this layer's inputs");
        // SAFETY: `v` is proof of every feature that the function names; the length of `x` was just checked.
        unsafe { self.run(v.lanes(), rows, x, finish, out) }
    }

    /// # Safety
    /// `x` has `rows` rows of this layer's inputs.
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
    unsafe fn run<F: Finish>(&self, l: Avx512, rows: usize, x: &Bytes, finish: F, out: &mut [f32]) {
        for column in (0..self.outputs).step_by(PANEL) {
            let mut row = 0;
            while row < rows {
                // Tiles of nearly one height, so that none is low.
                let left = rows - row;
                let height = left.div_ceil(left.div_ceil(ROWS));
                // SAFETY: `row + height ≤ rows`, so the rows are in `x`; `column` is a panel's first output.
                unsafe {
                    macro_rules! tiles {
                        ($($rows:literal)*) => {
                            match height {
                                $($rows => self.tile::<F, $rows>(l, row, column, x, finish, out),)*
                                _ => {}
                            }
                        };
                    }
                    tiles!(1 2 3 4 5 6 7 8 9 10 11 12);
                }
                row += height;
            }
        }
    }

    /// # Safety
    /// `x` has `row + R` rows of this layer's inputs, and `column` is the first output of a panel.
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
    unsafe fn tile<F: Finish, const R: usize>(
        &self,
        l: Avx512,
        row: usize,
        column: usize,
        x: &Bytes,
        finish: F,
        out: &mut [f32],
    ) {
        let mut sums = [[_mm512_setzero_si512(); 2]; R];
        // SAFETY: a panel holds PANEL · inputs weights, the panel of `column` begins at column · inputs, and each of the
        // inputs / GROUP steps reads the next PANEL · GROUP of them; a row holds `inputs` bytes, of which each step
        // reads the next GROUP. No read asks for alignment.
        unsafe {
            let mut weights = self.weights.all().as_ptr().add(column * self.inputs);
            let mut bytes = x.bytes.all().as_ptr().add(row * self.inputs);
            for _ in 0..self.inputs / GROUP {
                let first = _mm512_loadu_si512(weights.cast());
                let second = _mm512_loadu_si512(weights.add(64).cast());
                weights = weights.add(PANEL * GROUP);
                for (i, sums) in sums.iter_mut().enumerate() {
                    let group = _mm512_set1_epi32(bytes.add(i * self.inputs).cast::<i32>().read_unaligned());
                    sums[0] = _mm512_dpbusd_epi32(sums[0], group, first);
                    sums[1] = _mm512_dpbusd_epi32(sums[1], group, second);
                }
                bytes = bytes.add(GROUP);
            }
        }
        for (j, column) in [column, column + Avx512::WIDTH].into_iter().enumerate() {
            let scale = l.load(&self.scale.all()[column..]);
            let sum = l.load(&self.sum.all()[column..]);
            let bias = l.load(&self.bias.all()[column..]);
            for (i, sums) in sums.iter().enumerate() {
                let row = row + i;
                let at = row * self.outputs + column;
                let offset = l.fma(l.splat(x.low.all()[row]), sum, bias);
                let factor = l.mul(l.splat(x.scale.all()[row]), scale);
                let v = l.fma(_mm512_cvtepi32_ps(sums[j]), factor, offset);
                l.store(finish.finish(l, v, at), &mut out[at..]);
            }
        }
    }
}

/// Where a weight lies in the panels.
fn place(inputs: usize, output: usize, input: usize) -> usize {
    let panel = output / PANEL * PANEL * inputs;
    panel + (input / GROUP * PANEL + output % PANEL) * GROUP + input % GROUP
}
