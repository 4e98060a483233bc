//! Standard Webhooks 1.0 signatures: HMAC-SHA256 over `id.timestamp.body`, as `v1,<base64>`.
//!
//! Guarantees: verification takes constant time per signature and refuses old and future timestamps, so that a captured
//! call cannot be sent again later. A secret may be several, separated by spaces: all sign, any verifies (rotation).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::{SignedDuration, Timestamp};
use sha2::Sha256;

/// What every secret begins with.
pub const SECRET_PREFIX: &str = "whsec_";

/// How far a receiver lets the sender's clock be from its own.
pub const TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

/// Why a signature was not made or not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The secret is not one.
    #[error("a webhook secret is `whsec_` and base64 of 24 to 64 bytes")]
    Secret,
    /// A header is missing or not in its form.
    #[error("header `{0}` is missing or malformed")]
    Header(&'static str),
    /// Signed too long ago, or in the future.
    #[error("the timestamp is more than five minutes from now")]
    Timestamp,
    /// No signature fits.
    #[error("no signature fits the body")]
    Mismatch,
}

/// The header values of one signed call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed<'a> {
    /// `webhook-id`.
    pub id: &'a str,
    /// `webhook-timestamp`, seconds.
    pub timestamp: &'a str,
    /// `webhook-signature`.
    pub signature: &'a str,
}

/// The `webhook-signature` of a body.
///
/// # Errors
/// [`SignatureError::Secret`].
pub fn sign(secret: &str, id: &str, at: Timestamp, body: &[u8]) -> Result<String, SignatureError> {
    let mut signatures = Vec::new();
    for key in keys(secret)? {
        let code = code(&key, id, &at.as_second().to_string(), body)?.finalize().into_bytes();
        signatures.push(format!("v1,{}", STANDARD.encode(code)));
    }
    Ok(signatures.join(" "))
}

/// Checks what a receiver got.
///
/// # Errors
/// [`SignatureError`].
pub fn verify(secret: &str, signed: &Signed<'_>, body: &[u8], now: Timestamp) -> Result<(), SignatureError> {
    let seconds = signed.timestamp.parse().map_err(|_| SignatureError::Header("webhook-timestamp"))?;
    let at = Timestamp::from_second(seconds).map_err(|_| SignatureError::Header("webhook-timestamp"))?;
    if now.duration_since(at).abs() > TOLERANCE {
        return Err(SignatureError::Timestamp);
    }
    let keys = keys(secret)?;
    for given in signed.signature.split(' ').filter_map(|s| s.strip_prefix("v1,")) {
        let given = STANDARD.decode(given).map_err(|_| SignatureError::Header("webhook-signature"))?;
        for key in &keys {
            if code(key, signed.id, signed.timestamp, body)?.verify_slice(&given).is_ok() {
                return Ok(());
            }
        }
    }
    Err(SignatureError::Mismatch)
}

fn keys(secret: &str) -> Result<Vec<Vec<u8>>, SignatureError> {
    let keys: Vec<_> = secret.split_whitespace().map(key).collect::<Result<_, _>>()?;
    if keys.is_empty() { Err(SignatureError::Secret) } else { Ok(keys) }
}

fn key(secret: &str) -> Result<Vec<u8>, SignatureError> {
    let text = secret.strip_prefix(SECRET_PREFIX).ok_or(SignatureError::Secret)?;
    let key = STANDARD.decode(text).map_err(|_| SignatureError::Secret)?;
    if (24..=64).contains(&key.len()) { Ok(key) } else { Err(SignatureError::Secret) }
}

fn code(key: &[u8], id: &str, timestamp: &str, body: &[u8]) -> Result<Hmac<Sha256>, SignatureError> {
    let mut code = Hmac::<Sha256>::new_from_slice(key).map_err(|_| SignatureError::Secret)?;
    for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
        code.update(part);
    }
    Ok(code)
}
