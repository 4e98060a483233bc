//! The pass with eight-bit products: the same steps as in single precision, each matrix's input turned into bytes first.
//!
//! Guarantees and non-goals: as in [`crate::model`]; attention, norms, residual sums and pooling are in single precision.
#![expect(unsafe_code, reason = "one call into a function that names its processor features")]

use crate::avx512::{Avx512, Vnni};
use crate::dense::{AsIs, Plain, Plus, RoughGelu};
use crate::int8::{Bytes, DenseInt8};
use crate::model::{Common, Layer, Out, Pass, Scratch, WIDENED_ROWS_MAX, layers_of};
use crate::rows::Norm;
use crate::weights::{NormWeights, Weights};

/// How many standard deviations of a normed column count as its reach.
const DEVIATIONS: f32 = 3.0;
/// A column that is never used still needs a factor.
const REACH_MIN: f32 = 1e-6;

/// Packs every layer.
pub(crate) fn pack(weights: &Weights) -> Vec<Layer<DenseInt8>> {
    layers_of(weights, |matrix, norm| {
        let factors = norm.map_or_else(|| vec![1.0; matrix.inputs], |norm| smooth(&matrix, norm));
        DenseInt8::pack(&matrix, &factors)
    })
}

/// Factors that give a normed column and its weights the same reach, so that no column takes the bytes of all others
/// (Xiao et al. 2023, SmoothQuant, with the norm's own parameters in the place of calibration texts).
fn smooth(matrix: &Plain, norm: &NormWeights) -> Vec<f32> {
    let mut factors = vec![1.0; matrix.inputs];
    for (column, (factor, (scale, shift))) in factors.iter_mut().zip(norm.scale.iter().zip(&norm.shift)).enumerate() {
        let weights = matrix.weights.iter().skip(column).step_by(matrix.inputs);
        let weight = weights.fold(REACH_MIN, |most, weight| most.max(weight.abs()));
        let reach = (DEVIATIONS * scale.abs() + shift.abs()).max(REACH_MIN);
        *factor = (weight / reach).sqrt();
    }
    factors
}

/// Runs a block.
pub(crate) fn run(vnni: Vnni, pass: Pass<'_>, layers: &[Layer<DenseInt8>], scratch: &mut Scratch, out: Out<'_>) {
    // SAFETY: `vnni` is proof of every feature that the function names.
    unsafe { run_there(vnni, pass, layers, scratch, out) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
fn run_there(vnni: Vnni, pass: Pass<'_>, layers: &[Layer<DenseInt8>], scratch: &mut Scratch, mut out: Out<'_>) {
    let l = vnni.lanes();
    let Common { stride, inner, heads, .. } = *pass.common;
    let rows = pass.rows;
    let Scratch { narrow_bytes: narrow, wide_bytes: wide, .. } = scratch;
    narrow.grow(rows, stride.max(heads.stride));
    wide.grow(rows.min(WIDENED_ROWS_MAX), inner);
    let (x, y) = (scratch.x.all_mut(), scratch.y.all_mut());
    let (qkv, context, widened) = (scratch.qkv.all_mut(), scratch.context.all_mut(), scratch.widened.all_mut());
    pass.look_up(l, y, x);
    pass.give(l, (0, layers.len()), x, &mut out);
    for (at, layer) in layers.iter().enumerate() {
        to_bytes(l, rows, x, &layer.qkv, narrow);
        layer.qkv.apply(vnni, rows, narrow, AsIs, qkv);
        pass.attend(l, qkv, &mut scratch.room, context);
        to_bytes(l, rows, context, &layer.attended, narrow);
        layer.attended.apply(vnni, rows, narrow, Plus(x), y);
        norm_rows(l, &layer.attended_norm, (rows, stride), y, x);
        for from in (0..rows).step_by(WIDENED_ROWS_MAX) {
            let count = WIDENED_ROWS_MAX.min(rows - from);
            let part = from * stride..(from + count) * stride;
            to_bytes(l, count, &x[part.clone()], &layer.widened, narrow);
            layer.widened.apply(vnni, count, narrow, RoughGelu, widened);
            to_bytes(l, count, widened, &layer.narrowed, wide);
            layer.narrowed.apply(vnni, count, wide, Plus(&x[part.clone()]), &mut y[part]);
        }
        norm_rows(l, &layer.narrowed_norm, (rows, stride), y, x);
        pass.give(l, (at + 1, layers.len()), x, &mut out);
    }
}

/// Turns rows into bytes for `dense`.
#[inline(always)]
fn to_bytes(l: Avx512, rows: usize, x: &[f32], dense: &DenseInt8, bytes: &mut Bytes) {
    for (row, x) in x.chunks_exact(dense.inputs()).take(rows).enumerate() {
        bytes.put(l, row, x, dense.factors());
    }
}

#[inline(always)]
fn norm_rows(l: Avx512, norm: &Norm, (rows, stride): (usize, usize), y: &[f32], x: &mut [f32]) {
    for (y, x) in y.chunks_exact(stride).zip(x.chunks_exact_mut(stride)).take(rows) {
        norm.row(l, y, x);
    }
}
