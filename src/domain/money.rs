//! Money: an exact decimal amount and its currency, never a float.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An amount in a currency, on the wire `{"amount": "123.45", "currency": "EUR"}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Money {
    /// Decimal string.
    #[schema(value_type = String, example = "123.45")]
    pub amount: Decimal,
    /// ISO 4217 code, three upper-case letters.
    #[schema(example = "EUR", pattern = "^[A-Z]{3}$")]
    pub currency: String,
}

impl Money {
    /// `amount` of `currency`.
    #[must_use]
    pub fn new(amount: Decimal, currency: &str) -> Self {
        Self { amount, currency: currency.to_owned() }
    }

    /// The amount as a float, for models only; never for sums that are stored or shown.
    #[must_use]
    pub fn to_f64(&self) -> f64 {
        self.amount.to_f64().unwrap_or(0.0)
    }
}

impl std::fmt::Display for Money {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.2} {}", self.amount, self.currency)
    }
}
