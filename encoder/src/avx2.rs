//! Vectors of eight numbers by AVX2 and FMA.
//!
//! Guarantees: an [`Avx2`] can only be had where the processor has both, which is the safety argument of every
//! intrinsic here. Non-goals: anything that the trait does not ask for.
#![expect(unsafe_code, reason = "intrinsics, guarded by a value that only detection can make")]

use std::arch::x86_64::*;

use crate::lanes::{Kernel, Lanes};

/// Proof that AVX2 and FMA are here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx2(());

impl Avx2 {
    pub(crate) fn detect() -> Option<Self> {
        (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")).then_some(Self(()))
    }
}

const WIDTH: usize = 8;

#[target_feature(enable = "avx2,fma")]
fn enter<K: Kernel>(l: Avx2, kernel: K) {
    kernel.run(l);
}

/// An intrinsic of AVX, AVX2 or FMA whose arguments are vectors.
macro_rules! op {
    ($call:expr) => {
        // SAFETY: `self` is proof that the processor has AVX2 and FMA; the arguments are plain values.
        unsafe { $call }
    };
}

impl Lanes for Avx2 {
    type V = __m256;
    const WIDTH: usize = WIDTH;

    fn enter<K: Kernel>(self, kernel: K) {
        // SAFETY: `self` is proof of every feature that the function names.
        unsafe { enter(self, kernel) }
    }
    #[inline(always)]
    fn splat(self, x: f32) -> __m256 {
        op!(_mm256_set1_ps(x))
    }
    #[inline(always)]
    fn load(self, from: &[f32]) -> __m256 {
        let from = &from[..WIDTH];
        // SAFETY: AVX is here by `self`; `from` has eight numbers, and the load asks for no alignment.
        unsafe { _mm256_loadu_ps(from.as_ptr()) }
    }
    #[inline(always)]
    fn store(self, v: __m256, to: &mut [f32]) {
        let to = &mut to[..WIDTH];
        // SAFETY: AVX is here by `self`; `to` has room for eight numbers, and the store asks for no alignment.
        unsafe { _mm256_storeu_ps(to.as_mut_ptr(), v) }
    }
    #[inline(always)]
    fn add(self, a: __m256, b: __m256) -> __m256 {
        op!(_mm256_add_ps(a, b))
    }
    #[inline(always)]
    fn sub(self, a: __m256, b: __m256) -> __m256 {
        op!(_mm256_sub_ps(a, b))
    }
    #[inline(always)]
    fn mul(self, a: __m256, b: __m256) -> __m256 {
        op!(_mm256_mul_ps(a, b))
    }
    #[inline(always)]
    fn div(self, a: __m256, b: __m256) -> __m256 {
        op!(_mm256_div_ps(a, b))
    }
    #[inline(always)]
    fn fma(self, a: __m256, b: __m256, c: __m256) -> __m256 {
        op!(_mm256_fmadd_ps(a, b, c))
    }
    #[inline(always)]
    fn max(self, a: __m256, b: __m256) -> __m256 {
        op!(_mm256_max_ps(a, b))
    }
    #[inline(always)]
    fn min(self, a: __m256, b: __m256) -> __m256 {
        op!(_mm256_min_ps(a, b))
    }
    #[inline(always)]
    fn round(self, a: __m256) -> __m256 {
        op!(_mm256_round_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(a))
    }
    #[inline(always)]
    fn scale(self, a: __m256, n: __m256) -> __m256 {
        op!({
            let exponent = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
            _mm256_mul_ps(a, _mm256_castsi256_ps(_mm256_slli_epi32::<23>(exponent)))
        })
    }
    #[inline(always)]
    fn copysign(self, a: __m256, sign: __m256) -> __m256 {
        op!({
            let mark = _mm256_set1_ps(-0.0);
            _mm256_or_ps(_mm256_andnot_ps(mark, a), _mm256_and_ps(mark, sign))
        })
    }
    #[inline(always)]
    fn sum(self, a: __m256) -> f32 {
        op!({
            let four = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps::<1>(a));
            let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps::<1>(two, two)))
        })
    }
    #[inline(always)]
    fn highest(self, a: __m256) -> f32 {
        op!({
            let four = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps::<1>(a));
            let two = _mm_max_ps(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32(_mm_max_ss(two, _mm_shuffle_ps::<1>(two, two)))
        })
    }
    #[inline(always)]
    fn transpose(self, from: &[f32], stride: usize, to: &mut [f32], to_stride: usize) {
        let mut rows = [self.splat(0.0); WIDTH];
        for (i, row) in rows.iter_mut().enumerate() {
            *row = self.load(&from[i * stride..]);
        }
        let columns = op!({
            // Pairs, fours, then eights.
            let mut pairs = rows;
            for (i, to) in pairs.iter_mut().enumerate() {
                let (a, b) = (rows[i & !1], rows[i | 1]);
                *to = if i & 1 == 0 { _mm256_unpacklo_ps(a, b) } else { _mm256_unpackhi_ps(a, b) };
            }
            let mut fours = rows;
            for (i, to) in fours.iter_mut().enumerate() {
                let (a, b) = (pairs[(i & 4) | (i >> 1 & 1)], pairs[(i & 4) | 2 | (i >> 1 & 1)]);
                *to = if i & 1 == 0 { _mm256_shuffle_ps::<0x44>(a, b) } else { _mm256_shuffle_ps::<0xee>(a, b) };
            }
            let mut eights = rows;
            for (i, to) in eights.iter_mut().enumerate() {
                let (a, b) = (fours[i & 3], fours[4 | (i & 3)]);
                *to = if i < 4 { _mm256_permute2f128_ps::<0x20>(a, b) } else { _mm256_permute2f128_ps::<0x31>(a, b) };
            }
            eights
        });
        for (j, column) in columns.into_iter().enumerate() {
            self.store(column, &mut to[j * to_stride..]);
        }
    }
}
