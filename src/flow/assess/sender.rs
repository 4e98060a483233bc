//! Who sent a message: the party behind an address, and how far that is known.
//!
//! Guarantees: an address is compared whole, then its domain whole, so that a look-alike domain is unknown; a name is never
//! evidence. Non-goals: checking mail signatures, which the gateway in front does.

use crate::domain::message::{SenderRole, Trust};
use crate::domain::party::ObjectKind;
use crate::domain::payload::Sender;
use crate::domain::words::WordRole;
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

/// Two of a domain already tell nothing.
const HITS_MAX: u32 = 2;

/// The role of a party of this kind.
fn role_of(kind: ObjectKind) -> Option<SenderRole> {
    match kind {
        ObjectKind::Customer => Some(SenderRole::Customer),
        ObjectKind::Supplier => Some(SenderRole::Supplier),
        ObjectKind::Carrier => Some(SenderRole::Carrier),
        _ => None,
    }
}

/// Looks the sender's address up among the parties' contacts, then its domain among their domains.
///
/// # Errors
/// [`StoreError`].
pub async fn identify(tx: &mut dyn Transaction, from: &Sender) -> Result<Identity, StoreError> {
    let declared = from.role.unwrap_or(SenderRole::Unknown);
    let address = from.email.as_deref().map(|email| email.trim().to_lowercase());
    let domain = address.as_deref().and_then(|address| address.rsplit_once('@')).map(|(_, domain)| domain.to_owned());
    if let (Some(address), Some(domain)) = (address, domain) {
        let asked =
            [(WordRole::Address, address, Trust::VerifiedContact), (WordRole::Domain, domain, Trust::KnownDomain)];
        for (word_role, word, trust) in asked {
            let hits = tx.objects_by_word(&[word_role], &[word], HITS_MAX).await?;
            let mut parties = hits.into_iter().filter_map(|hit| Some((role_of(hit.kind)?, hit.key)));
            // An address or a domain that two parties share tells neither.
            if let (Some((role, key)), None) = (parties.next(), parties.next()) {
                return Ok(Identity { role, party: Some(key), trust });
            }
        }
    }
    let trust = if declared == SenderRole::Internal { Trust::InternalForward } else { Trust::Unknown };
    Ok(Identity { role: declared, party: None, trust })
}
