//! Single kernels for tests: each of them on each path, from plain numbers to plain numbers.
//!
//! Guarantees: what runs is the code of the passes. Non-goals: speed; anything but tests.

use crate::Path;
use crate::attention::{Heads, Room, attend};
use crate::dense::{AsIs, Dense, PAD, Plain};
use crate::lanes::{Kernel, Lanes, Portable};
use crate::math;
use crate::weights::{Affine, Side, lay};

/// A function of one number.
#[derive(Clone, Copy, Debug)]
pub enum Function {
    /// eˣ for x ≤ 0.
    Exp,
    /// x · Φ(x).
    Gelu,
    /// The same by a polynomial.
    RoughGelu,
}

struct Each<'a>(Function, &'a mut [f32]);

impl Kernel for Each<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self, l: L) {
        for x in self.1.chunks_exact_mut(L::WIDTH) {
            let v = l.load(x);
            let v = match self.0 {
                Function::Exp => math::exp(l, v),
                Function::Gelu => math::gelu(l, v),
                Function::RoughGelu => math::gelu_rough(l, v),
            };
            l.store(v, x);
        }
    }
}

struct Product<'a>(usize, &'a [f32], &'a Plain, &'a mut [f32]);

impl Kernel for Product<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self, l: L) {
        Dense::pack(l, self.2).apply(l, self.0, self.1, AsIs, self.3);
    }
}

struct Attention<'a>(Heads, &'a [f32], &'a mut [f32]);

impl Kernel for Attention<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self, l: L) {
        attend(l, self.0, self.1, &mut Room::new(), self.2);
    }
}

/// On the path's lanes, or on the plain ones where this processor has them not.
fn enter<K: Kernel>(path: Path, kernel: K) {
    #[cfg(target_arch = "x86_64")]
    {
        use crate::{avx2::Avx2, avx512::Avx512};
        match (path, Avx512::detect(), Avx2::detect()) {
            (Path::Int8Avx512 | Path::F32Avx512, Some(l), _) => return l.enter(kernel),
            (Path::F32Avx2, _, Some(l)) => return l.enter(kernel),
            _ => {}
        }
    }
    let _ = path;
    Portable.enter(kernel);
}

/// `function` of each of `x`, whose length is a multiple of sixteen.
pub fn each(path: Path, function: Function, x: &mut [f32]) {
    enter(path, Each(function, x));
}

/// `x · weightsᵀ + bias` for rows of `inputs`; the answer's rows have `outputs`.
#[must_use]
pub fn product(path: Path, x: &[f32], inputs: usize, affine: &Affine) -> Vec<f32> {
    let (outputs, rows) = (affine.bias.len(), x.len() / inputs);
    let plain = lay(&[(affine, 1.0)], Side::whole(outputs), Side::whole(inputs));
    let mut padded = vec![0.0; rows * plain.inputs];
    for (to, from) in padded.chunks_exact_mut(plain.inputs).zip(x.chunks_exact(inputs)) {
        to[..inputs].copy_from_slice(from);
    }
    let mut out = vec![0.0; rows * plain.outputs];
    #[cfg(target_arch = "x86_64")]
    if let (Path::Int8Avx512, Some(vnni)) = (path, crate::avx512::Vnni::detect()) {
        let dense = crate::int8::DenseInt8::pack(&plain, &vec![1.0; plain.inputs]);
        let mut bytes = crate::int8::Bytes::new();
        bytes.grow(rows, plain.inputs);
        for (row, x) in padded.chunks_exact(plain.inputs).enumerate() {
            bytes.put(vnni.lanes(), row, x, dense.factors());
        }
        dense.apply(vnni, rows, &bytes, AsIs, &mut out);
        return out.chunks_exact(plain.outputs).flat_map(|row| row[..outputs].to_vec()).collect();
    }
    enter(path, Product(rows, &padded, &plain, &mut out));
    out.chunks_exact(plain.outputs).flat_map(|row| row[..outputs].to_vec()).collect()
}

/// Attention of one sequence whose rows of queries, keys and values are `3 · count · width` long, `width` being a multiple
/// of sixteen and `count · width` one of sixty-four.
#[must_use]
pub fn attention(path: Path, count: usize, width: usize, qkv: &[f32]) -> Vec<f32> {
    let heads = Heads { count, width, stride: (count * width).next_multiple_of(PAD) };
    let mut out = vec![0.0; qkv.len() / 3];
    enter(path, Attention(heads, qkv, &mut out));
    out
}
