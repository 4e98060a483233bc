//! Content digests: SHA-256 over RFC 8785 canonical JSON, so that equal content has an equal digest on every machine.

use serde::Serialize;
use sha2::{Digest as _, Sha256};

/// A value that has no canonical form (a non-finite number, or a map with keys that are not strings).
#[derive(Debug, thiserror::Error)]
#[error("value has no canonical JSON form: {0}")]
pub struct NotCanonical(String);

/// Canonical bytes (RFC 8785) of `value`.
///
/// # Errors
/// [`NotCanonical`] when the value cannot be written as canonical JSON.
pub fn canonical(value: &impl Serialize) -> Result<Vec<u8>, NotCanonical> {
    serde_json_canonicalizer::to_vec(value).map_err(|e| NotCanonical(e.to_string()))
}

/// SHA-256 over the canonical form of `value`.
///
/// # Errors
/// [`NotCanonical`] when the value cannot be written as canonical JSON.
pub fn of(value: &impl Serialize) -> Result<[u8; 32], NotCanonical> {
    Ok(Sha256::digest(canonical(value)?).into())
}

/// Lower-case hexadecimal of [`of`], the form in which digests are stored and shown.
///
/// # Errors
/// [`NotCanonical`] when the value cannot be written as canonical JSON.
pub fn hex_of(value: &impl Serialize) -> Result<String, NotCanonical> {
    of(value).map(|d| hex(&d))
}

/// Lower-case hexadecimal of bytes.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// SHA-256 of raw bytes in hexadecimal.
#[must_use]
pub fn hex_of_bytes(bytes: &[u8]) -> String {
    hex(&of_bytes(bytes))
}

/// SHA-256 of raw bytes.
#[must_use]
pub fn of_bytes(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// A stable place of a text between 0 and 1: the first 53 bits of its SHA-256, so that a share of all texts is the same
/// share on every machine.
#[must_use]
pub fn place_of(text: &str) -> f64 {
    let head = of_bytes(text.as_bytes()).iter().take(8).fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
    let place = (head >> 11) as f64 / (1_u64 << 53) as f64;
    place
}
