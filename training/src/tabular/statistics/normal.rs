//! The normal law, and the interval of a share.
//!
//! Guarantees: tails keep their relative accuracy down to 1e-300; nothing panics.
//!
//! Non-goals: other distributions.

use std::f64::consts::SQRT_2;

/// Standard deviations on either side of the mean that hold 95 %.
pub const DEVIATIONS_95: f64 = 1.959_963_984_540_054;

/// The density at `z`.
pub fn density(z: f64) -> f64 {
    const ROOT_TWO_PI: f64 = 2.506_628_274_631_000_7;
    (-0.5 * z * z).exp() / ROOT_TWO_PI
}

/// The probability above `z`.
pub fn tail(z: f64) -> f64 {
    0.5 * libm::erfc(z / SQRT_2)
}

/// The probability beyond `z` on either side.
pub fn two_sided(z: f64) -> f64 {
    libm::erfc(z.abs() / SQRT_2)
}

/// The value below which a share `p` lies, infinite at 0 and 1: Acklam's rational approximation (2003), made exact by
/// one step of Halley's method.
pub fn quantile(p: f64) -> f64 {
    if p <= 0.0 || p.is_nan() {
        return f64::NEG_INFINITY;
    }
    if p >= 1.0 {
        return f64::INFINITY;
    }
    // The lower half alone: near 1 the distance from 1 would have lost its digits.
    if p > 0.5 {
        return -quantile(1.0 - p);
    }
    let start = approximate(p);
    let error = tail(-start) - p;
    let step = error / density(start);
    start - step / (1.0 + 0.5 * start * step)
}

fn approximate(p: f64) -> f64 {
    const CENTRE_FROM: f64 = 0.024_25;
    let horner = |x: f64, coefficients: &[f64]| coefficients.iter().fold(0.0, |sum, c| sum * x + c);
    if p < CENTRE_FROM {
        let q = (-2.0 * p.ln()).sqrt();
        let above = [
            -7.784_894_002_430_293e-3,
            -0.322_396_458_041_136_5,
            -2.400_758_277_161_838,
            -2.549_732_539_343_734,
            4.374_664_141_464_968,
            2.938_163_982_698_783,
        ];
        let below =
            [7.784_695_709_041_462e-3, 0.322_467_129_070_039_8, 2.445_134_137_142_996, 3.754_408_661_907_416, 1.0];
        horner(q, &above) / horner(q, &below)
    } else {
        let q = p - 0.5;
        let r = q * q;
        let above = [
            -39.696_830_286_653_76,
            220.946_098_424_520_5,
            -275.928_510_446_968_7,
            138.357_751_867_269,
            -30.664_798_066_147_16,
            2.506_628_277_459_239,
        ];
        let below = [
            -54.476_098_798_224_06,
            161.585_836_858_040_9,
            -155.698_979_859_886_6,
            66.801_311_887_719_72,
            -13.280_681_552_885_72,
            1.0,
        ];
        q * horner(r, &above) / horner(r, &below)
    }
}

/// The score interval of a share, `hits` of `rows` (Wilson 1927), `z` standard deviations wide; 0 to 1 without rows.
pub fn wilson(hits: f64, rows: f64, z: f64) -> (f64, f64) {
    if rows <= 0.0 || rows.is_nan() {
        return (0.0, 1.0);
    }
    let share = hits / rows;
    let shrink = 1.0 + z * z / rows;
    let centre = (share + z * z / (2.0 * rows)) / shrink;
    let half = z / shrink * (share * (1.0 - share) / rows + z * z / (4.0 * rows * rows)).max(0.0).sqrt();
    ((centre - half).max(0.0), (centre + half).min(1.0))
}
