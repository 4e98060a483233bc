//! Audit entries: append-only and hash-chained.
//!
//! Guarantee: `hash = SHA-256(canonical JSON of {seq, at, actor, action, subject, detail, prev})`, so that a changed,
//! dropped or reordered entry breaks the chain at its place.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::actor::Actor;
use super::digest;

/// What is to be recorded; the store gives it its place in the chain.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditDraft {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: Actor,
    /// What, as `noun.verb` (`proposal.approved`).
    pub action: &'static str,
    /// On what, as `kind:id`.
    pub subject: String,
    /// Particulars.
    pub detail: Value,
}

/// An entry in its place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[expect(missing_docs, reason = "see AuditDraft")]
pub struct AuditEntry {
    /// 1, 2, 3, … without a gap.
    pub seq: i64,
    pub at: Timestamp,
    pub actor: Actor,
    pub action: String,
    pub subject: String,
    pub detail: Value,
    /// Hash of the entry before; 64 zeros for the first.
    pub prev: String,
    /// Hash of this entry.
    pub hash: String,
}

/// `prev` of the first entry.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

impl AuditEntry {
    /// The entry that `draft` becomes at `seq` after `prev`.
    ///
    /// # Errors
    /// [`digest::NotCanonical`] when the detail has no canonical form.
    pub fn chain(draft: AuditDraft, seq: i64, prev: &str) -> Result<Self, digest::NotCanonical> {
        let mut entry = Self {
            seq,
            at: draft.at,
            actor: draft.actor,
            action: draft.action.to_owned(),
            subject: draft.subject,
            detail: draft.detail,
            prev: prev.to_owned(),
            hash: String::new(),
        };
        entry.hash = entry.compute_hash()?;
        Ok(entry)
    }

    /// The hash that this entry's content should have.
    ///
    /// # Errors
    /// [`digest::NotCanonical`] when the detail has no canonical form.
    pub fn compute_hash(&self) -> Result<String, digest::NotCanonical> {
        digest::hex_of(&json!({
            "seq": self.seq,
            "at": self.at,
            "actor": self.actor,
            "action": self.action,
            "subject": self.subject,
            "detail": self.detail,
            "prev": self.prev,
        }))
    }
}
