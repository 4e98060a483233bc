//! From clues to a probability.
//!
//! Each candidate's clues add log-odds to a prior; the candidates of one message and the possibility that it belongs to none
//! of them share one probability mass (a softmax against 0), so two equally good candidates have less than a half each.
//! The weights are set by hand: they say that a number identifies an order together with its sender, that a number from a
//! sender whom nobody knows is shown and not believed, and that sender and items alone never attach. They are to be fitted once links were corrected by people.

use crate::domain::message::{Clue, Trust};

/// Log-odds that a message is about a given order when nothing speaks for it.
const PRIOR: f64 = -4.0;
/// A number of the order: ours, the customer's, a tracking or invoice number.
const REFERENCE: f64 = 6.0;
/// A further reference to the same order.
const FURTHER_REFERENCE: f64 = 1.0;
/// An answer to a message that was attached there.
const THREAD: f64 = 5.0;
/// The purchase order that is named supplies the order.
const SUPPLY: f64 = 6.0;
/// The sender is a contact of the order's party; half of it when only the domain is known.
const SENDER: f64 = 1.5;
/// An item of the order is named; at most two count.
const ITEM: f64 = 2.0;
const ITEMS_MAX: usize = 2;
/// An open case of the order fits the intent.
const FITTING_CASE: f64 = 1.0;

/// Log-odds of one candidate by itself.
pub(super) fn log_odds(clues: &[Clue], trust: Trust, fitting_case: bool) -> f64 {
    let (mut references, mut items, mut sum) = (0_u32, 0, PRIOR);
    for clue in clues {
        match clue {
            Clue::Reference { .. } => references += 1,
            Clue::Thread => sum += THREAD,
            Clue::Supply { .. } => sum += SUPPLY,
            Clue::Sender if trust == Trust::VerifiedContact => sum += SENDER,
            Clue::Sender => sum += SENDER / 2.0,
            Clue::Item { .. } => items += 1,
        }
    }
    if references > 0 {
        sum += REFERENCE + FURTHER_REFERENCE * f64::from(references - 1);
    }
    sum += ITEM * items.min(ITEMS_MAX) as f64;
    sum + if fitting_case { FITTING_CASE } else { 0.0 }
}

/// The probability of one candidate that stands by itself.
pub(super) fn alone(log_odds: f64) -> f64 {
    1.0 / (1.0 + (-log_odds).exp())
}

/// Probabilities of candidates of which at most one is right.
pub(super) fn shared(log_odds: &[f64]) -> Vec<f64> {
    let most = log_odds.iter().copied().fold(0.0, f64::max);
    let total: f64 = (-most).exp() + log_odds.iter().map(|odds| (odds - most).exp()).sum::<f64>();
    log_odds.iter().map(|odds| (odds - most).exp() / total).collect()
}
