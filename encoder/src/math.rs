//! The exponential and the two forms of gelu, over vectors.
//!
//! Guarantees, tested over the whole range: [`exp`] to 3e-7 relative for arguments from −87 to 0; [`gelu`] to 1e-6
//! and [`gelu_rough`] to 1e-4 absolute. Non-goals: arguments that are not finite.

use crate::lanes::Lanes;

/// Below this the exponential is taken at this: about the least normal number.
const EXP_ARGUMENT_MIN: f32 = -87.3;
/// ln 2 as a sum of a number with few digits, by which products with small whole numbers are exact, and a rest.
const LN_2_HIGH: f32 = 0.693_359_4;
const LN_2_LOW: f32 = -2.121_944_4e-4;
/// (eʳ − 1 − r) / r² on |r| ≤ ln 2 / 2, highest power first (Cephes, `expf`).
const EXP: [f32; 6] = [1.987_569_1e-4, 1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5];

/// The polynomial in `x` with these coefficients, highest power first.
#[inline(always)]
fn polynomial<L: Lanes, const N: usize>(l: L, x: L::V, coefficients: &[f32; N]) -> L::V {
    // Not a fold: only a plain loop is sure to be compiled into its caller, and so for the caller's processor features.
    let mut sum = l.splat(0.0);
    for &coefficient in coefficients {
        sum = l.fma(sum, x, l.splat(coefficient));
    }
    sum
}

/// eˣ for x ≤ 0.
#[inline(always)]
pub(crate) fn exp<L: Lanes>(l: L, x: L::V) -> L::V {
    let x = l.max(x, l.splat(EXP_ARGUMENT_MIN));
    let n = l.round(l.mul(x, l.splat(std::f32::consts::LOG2_E)));
    let r = l.fma(n, l.splat(-LN_2_HIGH), x);
    let r = l.fma(n, l.splat(-LN_2_LOW), r);
    let series = polynomial(l, r, &EXP);
    let r_plus_1 = l.add(r, l.splat(1.0));
    l.scale(l.fma(series, l.mul(r, r), r_plus_1), n)
}

/// Abramowitz and Stegun 7.1.26: erf(x) = 1 − (polynomial in t) · e^(−x²), t = 1 / (1 + p·x); highest power first.
const ERF: [f32; 5] = [1.061_405_4, -1.453_152, 1.421_413_7, -0.284_496_74, 0.254_829_6];
const ERF_P: f32 = 0.327_591_1;

/// x · Φ(x) by the error function.
#[inline(always)]
pub(crate) fn gelu<L: Lanes>(l: L, x: L::V) -> L::V {
    let z = l.mul(x, l.splat(std::f32::consts::FRAC_1_SQRT_2));
    let one = l.splat(1.0);
    let magnitude = l.copysign(z, one);
    let t = l.div(one, l.fma(magnitude, l.splat(ERF_P), one));
    let series = polynomial(l, t, &ERF);
    let tail = l.mul(l.mul(series, t), exp(l, l.sub(l.splat(0.0), l.mul(z, z))));
    let erf = l.copysign(l.sub(one, tail), z);
    let half = l.mul(x, l.splat(0.5));
    l.fma(half, erf, half)
}

/// Where the polynomial of [`gelu_rough`] ends.
const ROUGH_END: f32 = 4.5;
/// (Φ(x) − ½) / x in x² on |x| ≤ 4.5, highest power first: least greatest error of x · Φ(x), by reweighted least squares.
const ROUGH: [f32; 9] = [
    3.036_168_2e-11,
    -3.314_435_4e-9,
    1.590_913e-7,
    -4.451_561e-6,
    8.142_320_4e-5,
    -1.037_578e-3,
    9.585_153e-3,
    -6.598_456e-2,
    3.987_125_5e-1,
];

/// x · Φ(x) by one polynomial: far finer than the eight bits that follow it.
#[inline(always)]
pub(crate) fn gelu_rough<L: Lanes>(l: L, x: L::V) -> L::V {
    let inside = l.max(l.min(x, l.splat(ROUGH_END)), l.splat(-ROUGH_END));
    let square = l.mul(inside, inside);
    let series = polynomial(l, square, &ROUGH);
    l.mul(x, l.fma(series, inside, l.splat(0.5)))
}
