//! The probability theory that drift, reliability and calibration rest on.
//!
//! Purpose: tail probabilities that hold for the sample at hand, far into the tail, because an alarm over many features
//! and days is decided at one in a hundred thousand, where textbook approximations are wrong by orders of magnitude.
//! [`normal`] has the normal law and the interval of a share, [`exact`] the hypergeometric and two-sample
//! Kolmogorov-Smirnov laws by counting, [`saddlepoint`] sums of sampled scores and of independent outcomes.
//!
//! Guarantees: deterministic, no simulation; every tail is between 0 and 1 and never NaN for finite input.
//!
//! Non-goals: a general statistics library.

pub mod exact;
pub mod normal;
pub mod saddlepoint;
