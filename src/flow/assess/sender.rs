//! Who sent a message: the party behind an address, and how far that is known.
//!
//! Guarantees: an address is compared whole, then its domain whole, so that a look-alike domain is unknown; a name is never
//! evidence. Non-goals: checking mail signatures, which the gateway in front does.

use serde::Deserialize;
use serde_json::Value;

use crate::domain::message::{SenderRole, Trust};
use crate::domain::party::ObjectKind;
use crate::domain::payload::{Contact, Sender};
use crate::ports::store::{StoreError, Transaction};

/// What is known of a sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// By party, else as declared.
    pub role: SenderRole,
    /// Id of the customer, supplier or carrier.
    pub party: Option<String>,
    /// How far the address is known.
    pub trust: Trust,
}

/// The part of a party's document that names its people.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Addresses {
    email_domains: Vec<String>,
    contacts: Vec<Contact>,
}

const PARTIES: [(ObjectKind, SenderRole); 3] = [
    (ObjectKind::Customer, SenderRole::Customer),
    (ObjectKind::Supplier, SenderRole::Supplier),
    (ObjectKind::Carrier, SenderRole::Carrier),
];

/// Looks the sender's address up among the parties' contacts, then its domain among their domains.
///
/// # Errors
/// [`StoreError`].
pub async fn identify(tx: &mut dyn Transaction, from: &Sender) -> Result<Identity, StoreError> {
    let declared = from.role.unwrap_or(SenderRole::Unknown);
    let address = from.email.as_deref().map(|email| email.trim().to_lowercase());
    let domain = address.as_deref().and_then(|address| address.rsplit_once('@')).map(|(_, domain)| domain.to_owned());
    let mut by_domain = Vec::new();
    if let (Some(address), Some(domain)) = (&address, &domain) {
        for (kind, role) in PARTIES {
            for (key, document) in tx.objects(kind).await? {
                let known = addresses(document);
                if known.contacts.iter().any(|contact| contact.email.to_lowercase() == *address) {
                    return Ok(Identity { role, party: Some(key), trust: Trust::VerifiedContact });
                }
                if known.email_domains.iter().any(|own| own.to_lowercase() == *domain) {
                    by_domain.push(Identity { role, party: Some(key), trust: Trust::KnownDomain });
                }
            }
        }
    }
    let trust = if declared == SenderRole::Internal { Trust::InternalForward } else { Trust::Unknown };
    // A domain that two parties share tells neither.
    let only = by_domain.pop().filter(|_| by_domain.is_empty());
    Ok(only.unwrap_or(Identity { role: declared, party: None, trust }))
}

/// A document without these members has no addresses.
fn addresses(document: Value) -> Addresses {
    serde_json::from_value(document).unwrap_or_default()
}
