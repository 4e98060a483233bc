//! Vectors of sixteen numbers by AVX-512, and the whole-number products of its VNNI extension.
//!
//! Guarantees: an [`Avx512`] or a [`Vnni`] can only be had where the processor has what its intrinsics need, which is
//! their safety argument. Non-goals: anything that the kernels do not ask for.
#![expect(unsafe_code, reason = "intrinsics, guarded by a value that only detection can make")]

use std::arch::x86_64::*;

use crate::lanes::{Kernel, Lanes};

/// Proof that AVX-512 F, BW, DQ and VL are here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx512(());

impl Avx512 {
    pub(crate) fn detect() -> Option<Self> {
        let all = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl");
        all.then_some(Self(()))
    }
}

/// Proof that VNNI is here beside what [`Avx512`] needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Vnni {
    lanes: Avx512,
}

impl Vnni {
    pub(crate) fn detect() -> Option<Self> {
        let lanes = Avx512::detect()?;
        is_x86_feature_detected!("avx512vnni").then_some(Self { lanes })
    }

    pub(crate) fn lanes(self) -> Avx512 {
        self.lanes
    }
}

const WIDTH: usize = 16;

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
fn enter<K: Kernel>(l: Avx512, kernel: K) {
    kernel.run(l);
}

/// An intrinsic of AVX-512 whose arguments are vectors.
macro_rules! op {
    ($call:expr) => {
        // SAFETY: `self` is proof that the processor has AVX-512 F, BW, DQ and VL; the arguments are plain values.
        unsafe { $call }
    };
}

impl Lanes for Avx512 {
    type V = __m512;
    const WIDTH: usize = WIDTH;

    fn enter<K: Kernel>(self, kernel: K) {
        // SAFETY: `self` is proof of every feature that the function names.
        unsafe { enter(self, kernel) }
    }
    #[inline(always)]
    fn splat(self, x: f32) -> __m512 {
        op!(_mm512_set1_ps(x))
    }
    #[inline(always)]
    fn load(self, from: &[f32]) -> __m512 {
        let from = &from[..WIDTH];
        // SAFETY: AVX-512 is here by `self`; `from` has sixteen numbers, and the load asks for no alignment.
        unsafe { _mm512_loadu_ps(from.as_ptr()) }
    }
    #[inline(always)]
    fn store(self, v: __m512, to: &mut [f32]) {
        let to = &mut to[..WIDTH];
        // SAFETY: AVX-512 is here by `self`; `to` has room for sixteen, and the store asks for no alignment.
        unsafe { _mm512_storeu_ps(to.as_mut_ptr(), v) }
    }
    #[inline(always)]
    fn add(self, a: __m512, b: __m512) -> __m512 {
        op!(_mm512_add_ps(a, b))
    }
    #[inline(always)]
    fn sub(self, a: __m512, b: __m512) -> __m512 {
        op!(_mm512_sub_ps(a, b))
    }
    #[inline(always)]
    fn mul(self, a: __m512, b: __m512) -> __m512 {
        op!(_mm512_mul_ps(a, b))
    }
    #[inline(always)]
    fn div(self, a: __m512, b: __m512) -> __m512 {
        op!(_mm512_div_ps(a, b))
    }
    #[inline(always)]
    fn fma(self, a: __m512, b: __m512, c: __m512) -> __m512 {
        op!(_mm512_fmadd_ps(a, b, c))
    }
    #[inline(always)]
    fn max(self, a: __m512, b: __m512) -> __m512 {
        op!(_mm512_max_ps(a, b))
    }
    #[inline(always)]
    fn min(self, a: __m512, b: __m512) -> __m512 {
        op!(_mm512_min_ps(a, b))
    }
    #[inline(always)]
    fn round(self, a: __m512) -> __m512 {
        op!(_mm512_roundscale_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(a))
    }
    #[inline(always)]
    fn scale(self, a: __m512, n: __m512) -> __m512 {
        op!(_mm512_scalef_ps(a, n))
    }
    #[inline(always)]
    fn copysign(self, a: __m512, sign: __m512) -> __m512 {
        op!({
            let mark = _mm512_set1_ps(-0.0);
            _mm512_or_ps(_mm512_andnot_ps(mark, a), _mm512_and_ps(mark, sign))
        })
    }
    #[inline(always)]
    fn sum(self, a: __m512) -> f32 {
        op!(_mm512_reduce_add_ps(a))
    }
    #[inline(always)]
    fn highest(self, a: __m512) -> f32 {
        op!(_mm512_reduce_max_ps(a))
    }
    #[inline(always)]
    fn transpose(self, from: &[f32], stride: usize, to: &mut [f32], to_stride: usize) {
        let mut rows = [self.splat(0.0); WIDTH];
        for (i, row) in rows.iter_mut().enumerate() {
            *row = self.load(&from[i * stride..]);
        }
        let columns = op!({
            // Pairs and fours within quarters of a vector, then the quarters themselves.
            let mut pairs = rows;
            for (i, to) in pairs.iter_mut().enumerate() {
                let (a, b) = (rows[i & !1], rows[i | 1]);
                *to = if i & 1 == 0 { _mm512_unpacklo_ps(a, b) } else { _mm512_unpackhi_ps(a, b) };
            }
            let mut fours = rows;
            for (i, to) in fours.iter_mut().enumerate() {
                let (a, b) = (pairs[(i & !3) | (i >> 1 & 1)], pairs[(i & !3) | 2 | (i >> 1 & 1)]);
                *to = if i & 1 == 0 { _mm512_shuffle_ps::<0x44>(a, b) } else { _mm512_shuffle_ps::<0xee>(a, b) };
            }
            // fours[4 g + c] holds, in quarter q, column 4 q + c of the rows 4 g to 4 g + 3.
            let mut eights = rows;
            for (i, to) in eights.iter_mut().enumerate() {
                let (half, c) = (i >> 3, i & 3);
                let (a, b) = (fours[8 * half + c], fours[8 * half + 4 + c]);
                *to = if i & 4 == 0 { _mm512_shuffle_f32x4::<0x88>(a, b) } else { _mm512_shuffle_f32x4::<0xdd>(a, b) };
            }
            // eights[8 h + 4 p + c]: quarters (p, p + 2) of the first four rows, then of the second, in half h.
            let mut all = rows;
            for (column, to) in all.iter_mut().enumerate() {
                let (quarter, c) = (column >> 2, column & 3);
                let at = 4 * (quarter & 1) + c;
                let (a, b) = (eights[at], eights[8 + at]);
                *to = if quarter < 2 { _mm512_shuffle_f32x4::<0x88>(a, b) } else { _mm512_shuffle_f32x4::<0xdd>(a, b) };
            }
            all
        });
        for (j, column) in columns.into_iter().enumerate() {
            self.store(column, &mut to[j * to_stride..]);
        }
    }
}
