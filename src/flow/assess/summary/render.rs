//! How values are said: numbers, amounts, times, names, quotes; and of what type each is.
//!
//! Guarantees: a rendering is one line; foreign text is either a short plain name or a verbatim quote between `“` and `”`
//! that holds neither of them, no control character and no invisible one, so that it cannot pretend to be our words.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::ledger::Kind;
use crate::domain::case::Category;

/// A rendering with the type of its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) kind: Kind,
    pub(super) text: String,
}

impl Said {
    pub(super) fn new(kind: Kind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into() }
    }

    /// Our own words: a status, a side, a closed phrase.
    pub(super) fn words(text: impl Into<String>) -> Self {
        Self::new(Kind::Words, text)
    }
}

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

/// Most characters of a quote.
const QUOTE_MAX: usize = 140;
/// Most characters of a name.
const NAME_MAX: usize = 80;

/// Up to two decimals, none where they are nought.
pub(super) fn number(value: f64) -> Said {
    let text = format!("{value:.2}");
    let trimmed = text.trim_end_matches('0').trim_end_matches('.');
    Said::new(Kind::Number, if trimmed == "-0" { "0" } else { trimmed })
}

/// Two decimals and the currency.
pub(super) fn amount(value: f64, currency: &str) -> Said {
    Said::new(Kind::Amount, format!("{value:.2} {}", name(currency)))
}

/// Whole per cent.
pub(super) fn percent(share: f64) -> Said {
    Said::new(Kind::Percent, format!("{:.0} %", share * 100.0))
}

/// To the minute, in UTC.
pub(super) fn time(at: Timestamp) -> Said {
    Said::new(Kind::Time, at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M UTC").to_string())
}

/// Whole hours, or days from three days on.
pub(super) fn duration(hours: f64) -> Said {
    let hours = hours.abs();
    let (count, unit) = if hours < 72.0 { (hours.round(), "hour") } else { ((hours / 24.0).round(), "day") };
    Said::new(Kind::Duration, format!("{count:.0} {unit}{}", if count == 1.0 { "" } else { "s" }))
}

/// A category in words.
pub(super) fn category(category: Category) -> &'static str {
    match category {
        Category::InventoryShortage => "an inventory shortage",
        Category::AllocationConflict => "an allocation conflict",
        Category::InvalidShipTo => "an invalid ship-to address",
        Category::PricingDiscrepancy => "a pricing discrepancy",
        Category::CreditHold => "a credit hold",
        Category::IntegrationFailure => "an integration failure",
        Category::OrderChange => "a change of a released order",
        Category::ShipmentStatusFailure => "a shipment failure",
        Category::InvoiceReleaseDelay => "an invoice release delay",
    }
}

/// A wire name in words.
pub(super) fn words(wire: &str) -> String {
    wire.replace('_', " ")
}

/// A name or identifier as it is, or quoted where it is too odd to stand among our words.
pub(super) fn name(text: &str) -> Said {
    let plain =
        |c: char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_' | '.' | '/' | '&' | ',' | '#' | '+' | '\'');
    let tidy = !text.trim().is_empty() && text.trim() == text && text.chars().count() <= NAME_MAX;
    if tidy && text.chars().all(plain) { Said::new(Kind::Name, text) } else { quote(text) }
}

/// The first run of `text` that can be quoted, verbatim, at most [`QUOTE_MAX`] characters.
pub(super) fn quote(text: &str) -> Said {
    let run = text.split(|c| !quotable(c)).map(str::trim).find(|run| !run.is_empty()).unwrap_or_default();
    let end = run.char_indices().nth(QUOTE_MAX).map_or(run.len(), |(at, _)| at);
    Said::new(Kind::Quote, format!("“{}”", run[..end].trim_end()))
}

/// Whether `text` has anything to quote.
pub(super) fn has_words(text: &str) -> bool {
    text.chars().any(|c| quotable(c) && c.is_alphanumeric())
}

fn quotable(c: char) -> bool {
    let invisible = matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    !c.is_control() && !invisible && !matches!(c, '“' | '”')
}
