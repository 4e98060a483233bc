//! One vector of single-precision numbers, whatever the processor's width: the few operations that the kernels are
//! written in, and their portable form.
//!
//! Guarantees: a value of an implementation exists only where the processor has what it needs, so that its methods are
//! safe; loads and stores check their bounds. Non-goals: whole-number products, which only some processors have.

/// Work that is written once for every width.
pub(crate) trait Kernel {
    fn run<L: Lanes>(self, l: L);
}

/// The operations; `Copy` values of an implementation are proof that they may run.
pub(crate) trait Lanes: Copy {
    /// One vector.
    type V: Copy;
    /// Numbers in a vector.
    const WIDTH: usize;

    /// Runs `kernel` compiled for the processor features that this needs.
    fn enter<K: Kernel>(self, kernel: K);
    fn splat(self, x: f32) -> Self::V;
    /// The first `WIDTH` numbers of `from`, which has as many.
    fn load(self, from: &[f32]) -> Self::V;
    /// Writes the first `WIDTH` numbers of `to`, which has as many.
    fn store(self, v: Self::V, to: &mut [f32]);
    fn add(self, a: Self::V, b: Self::V) -> Self::V;
    fn sub(self, a: Self::V, b: Self::V) -> Self::V;
    fn mul(self, a: Self::V, b: Self::V) -> Self::V;
    fn div(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a · b + c`.
    fn fma(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    fn max(self, a: Self::V, b: Self::V) -> Self::V;
    fn min(self, a: Self::V, b: Self::V) -> Self::V;
    /// To the nearest whole number, halves to even.
    fn round(self, a: Self::V) -> Self::V;
    /// `a · 2ⁿ` for whole `n` from −126 to 127.
    fn scale(self, a: Self::V, n: Self::V) -> Self::V;
    /// The magnitude of `a` with the sign of `sign`.
    fn copysign(self, a: Self::V, sign: Self::V) -> Self::V;
    fn sum(self, a: Self::V) -> f32;
    fn highest(self, a: Self::V) -> f32;
    /// `to[j · to_stride + i] = from[i · stride + j]` for i and j below `WIDTH`.
    fn transpose(self, from: &[f32], stride: usize, to: &mut [f32], to_stride: usize);
}

/// Plain Rust, for every processor; the compiler makes vectors of it where it can.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Portable;

/// Numbers in a portable vector.
const PORTABLE: usize = 8;

#[inline(always)]
fn each(a: [f32; PORTABLE], b: [f32; PORTABLE], f: impl Fn(f32, f32) -> f32) -> [f32; PORTABLE] {
    let mut all = a;
    for (a, b) in all.iter_mut().zip(b) {
        *a = f(*a, b);
    }
    all
}

impl Lanes for Portable {
    type V = [f32; PORTABLE];
    const WIDTH: usize = PORTABLE;

    fn enter<K: Kernel>(self, kernel: K) {
        kernel.run(self);
    }
    #[inline(always)]
    fn splat(self, x: f32) -> Self::V {
        [x; PORTABLE]
    }
    #[inline(always)]
    fn load(self, from: &[f32]) -> Self::V {
        let mut v = [0.0; PORTABLE];
        v.copy_from_slice(&from[..PORTABLE]);
        v
    }
    #[inline(always)]
    fn store(self, v: Self::V, to: &mut [f32]) {
        to[..PORTABLE].copy_from_slice(&v);
    }
    #[inline(always)]
    fn add(self, a: Self::V, b: Self::V) -> Self::V {
        each(a, b, |a, b| a + b)
    }
    #[inline(always)]
    fn sub(self, a: Self::V, b: Self::V) -> Self::V {
        each(a, b, |a, b| a - b)
    }
    #[inline(always)]
    fn mul(self, a: Self::V, b: Self::V) -> Self::V {
        each(a, b, |a, b| a * b)
    }
    #[inline(always)]
    fn div(self, a: Self::V, b: Self::V) -> Self::V {
        each(a, b, |a, b| a / b)
    }
    #[inline(always)]
    fn fma(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        // Not `mul_add`, which is a call into the C library where the processor has no such instruction.
        each(each(a, b, |a, b| a * b), c, |product, c| product + c)
    }
    #[inline(always)]
    fn max(self, a: Self::V, b: Self::V) -> Self::V {
        each(a, b, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    fn min(self, a: Self::V, b: Self::V) -> Self::V {
        each(a, b, |a, b| if a < b { a } else { b })
    }
    #[inline(always)]
    fn round(self, a: Self::V) -> Self::V {
        a.map(f32::round_ties_even)
    }
    #[inline(always)]
    fn scale(self, a: Self::V, n: Self::V) -> Self::V {
        each(a, n, |a, n| a * f32::from_bits(((n as i32 + 127) << 23) as u32))
    }
    #[inline(always)]
    fn copysign(self, a: Self::V, sign: Self::V) -> Self::V {
        each(a, sign, f32::copysign)
    }
    #[inline(always)]
    fn sum(self, a: Self::V) -> f32 {
        ((a[0] + a[4]) + (a[2] + a[6])) + ((a[1] + a[5]) + (a[3] + a[7]))
    }
    #[inline(always)]
    fn highest(self, a: Self::V) -> f32 {
        a.into_iter().fold(f32::NEG_INFINITY, f32::max)
    }
    #[inline(always)]
    fn transpose(self, from: &[f32], stride: usize, to: &mut [f32], to_stride: usize) {
        transpose_plainly(PORTABLE, from, stride, to, to_stride);
    }
}

/// The definition of [`Lanes::transpose`] for a square of `side`.
#[inline(always)]
pub(crate) fn transpose_plainly(side: usize, from: &[f32], stride: usize, to: &mut [f32], to_stride: usize) {
    for j in 0..side {
        let to = &mut to[j * to_stride..][..side];
        for (i, to) in to.iter_mut().enumerate() {
            *to = from[i * stride + j];
        }
    }
}
