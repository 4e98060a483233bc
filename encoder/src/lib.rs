//! The arithmetic of the sentence encoder: a BERT of any published size, run as fast as the processor allows.
//!
//! Weights are packed once for the kernels that this processor has ([`Path`]); then blocks of ragged sequences run through
//! all layers without padding. It is a crate of its own because its code must be compiled with every optimisation even
//! where the service is not, and because this is where `unsafe` code is: intrinsics behind values that only detection of
//! the processor's features can make. See `docs/decisions/0010-encoder-crate.md`.
//!
//! Guarantees: a sequence's vector is the same to the bit whatever stands beside it and whichever thread ran it; every
//! path gives what [`Path::Portable`] gives, to rounding ([`Path::Int8Avx512`]: to the eight bits of its weights).
//! Non-goals: reading files, training, other architectures.

mod attention;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod buffer;
mod dense;
#[cfg(target_arch = "x86_64")]
mod int8;
mod lanes;
mod math;
mod model;
#[cfg(target_arch = "x86_64")]
mod model_int8;
#[doc(hidden)]
pub mod probe;
mod rows;
mod weights;
mod wordpiece;

pub use model::{Encoder, Scratch, SequenceError};
pub use weights::{Affine, LayerWeights, NormWeights, UnfitError, Weights};
pub use wordpiece::{Marks, WordPiece};

/// A kind of kernels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Path {
    /// Eight-bit products by VNNI, the rest in single precision, by AVX-512.
    Int8Avx512,
    /// Single precision by AVX-512.
    F32Avx512,
    /// Single precision by AVX2 and FMA.
    F32Avx2,
    /// Single precision in plain Rust.
    Portable,
}

impl Path {
    /// All of them, the fastest first.
    pub const ALL: [Self; 4] = [Self::Int8Avx512, Self::F32Avx512, Self::F32Avx2, Self::Portable];

    /// Whether this processor can run it.
    #[must_use]
    pub fn is_available(self) -> bool {
        #[cfg(target_arch = "x86_64")]
        match self {
            Self::Int8Avx512 => avx512::Vnni::detect().is_some(),
            Self::F32Avx512 => avx512::Avx512::detect().is_some(),
            Self::F32Avx2 => avx2::Avx2::detect().is_some(),
            Self::Portable => true,
        }
        #[cfg(not(target_arch = "x86_64"))]
        matches!(self, Self::Portable)
    }

    /// The fastest that this processor can run.
    #[must_use]
    pub fn best() -> Self {
        Self::ALL.into_iter().find(|path| path.is_available()).unwrap_or(Self::Portable)
    }

    /// How it is called in configuration, logs and tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Int8Avx512 => "int8-avx512",
            Self::F32Avx512 => "f32-avx512",
            Self::F32Avx2 => "f32-avx2",
            Self::Portable => "portable",
        }
    }
}
