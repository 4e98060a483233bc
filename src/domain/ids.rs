//! Typed identifiers: one UUID type per kind, so that a proposal can never be looked up as a case.
//!
//! Guarantees: ids made by the service are UUID v7 (RFC 9562), built from a given time and given random bits, never from
//! ambient state. Identifiers of the outside world (orders, parties, items) stay opaque strings.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// Source of random bits for identifiers; the composition root owns the generator, tests seed it.
pub trait Entropy: Send + Sync {
    /// Ten fresh random bytes.
    fn bytes(&self) -> [u8; 10];
}

macro_rules! id {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A time-ordered id (UUID v7) for `now`.
            #[must_use]
            pub fn new(now: Timestamp, entropy: &dyn Entropy) -> Self {
                let millis = u64::try_from(now.as_millisecond()).unwrap_or(0);
                Self(uuid::Builder::from_unix_timestamp_millis(millis, &entropy.bytes()).into_uuid())
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    )*};
}

id! {
    /// One exception case.
    CaseId;
    /// One inbound message.
    MessageId;
    /// One prioritization decision; derived from its content, see [`DecisionId::of_digest`].
    DecisionId;
    /// One proposal of one action.
    ProposalId;
    /// One unit of outgoing work.
    JobId;
    /// One visible failure with an owner.
    IncidentId;
    /// One input that could not be understood.
    DeadLetterId;
    /// One assessment (features, risk and model as of a time).
    AssessmentId;
    /// One webhook endpoint that subscribed.
    WebhookId;
    /// One long-running operation.
    OperationId;
    /// One response to a recommendation.
    ResponseId;
}

impl DecisionId {
    /// The id of a decision whose canonical input and output hash to `digest`: equal decisions share an id (UUID v8).
    #[must_use]
    pub fn of_digest(digest: &[u8; 32]) -> Self {
        Self(of_digest(digest))
    }
}

/// The first half of a digest as a UUID v8.
fn of_digest(digest: &[u8; 32]) -> Uuid {
    let mut head = [0_u8; 16];
    head.copy_from_slice(&digest[..16]);
    uuid::Builder::from_custom_bytes(head).into_uuid()
}

impl OperationId {
    /// The id of the operation that `text` names: whoever begins it, it is the same one (UUID v8).
    #[must_use]
    pub fn of_text(text: &str) -> Self {
        Self(of_digest(&super::digest::of_bytes(text.as_bytes())))
    }
}
