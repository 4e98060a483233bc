//! The features of an order line: one list gives their names, kinds, words and values.
//!
//! Guarantees: serving and training read the same list, and training learns from the values as they were served; each
//! value is finite or null, a number has at most four decimals (so that it survives JSON unchanged), an unknown is null.
//! For an order as a whole (no line) the order's own values stand in, and what only a line has is null.
//! Non-goals: judging; encodings, which are the model's.

use serde_json::Value;

use crate::domain::case::Category;
use crate::domain::order::{Line, Order};
use crate::domain::payload::{Milestone, Tier};
use crate::flow::facts::{Facts, LineFacts, OrderFacts, StockFacts};
use crate::ports::store::history::Rate;
use crate::ports::store::{StoreError, Transaction};
pub use crate::ports::tabular::{FeatureKind, FeatureSpec};

/// Names this exact list; any change of it takes another version.
pub const SCHEMA_VERSION: &str = "line-risk/2";

/// The value of `item_history` for an item without a known outcome.
pub const NO_HISTORY: &str = "none";

/// Outcomes that the overall late rate is worth against a key's own.
const SMOOTHING: f64 = 20.0;

/// The largest ratio that is told apart.
const RATIO_MAX: f64 = 10.0;

/// Late rates known so far, each drawn towards the overall one while outcomes are few; `None` before any outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "names say it")]
pub struct Rates {
    pub all: Option<f64>,
    pub customer: Option<f64>,
    pub carrier: Option<f64>,
    pub warehouse: Option<f64>,
    pub sku: Option<f64>,
    pub supplier: Option<f64>,
    /// Outcomes known of the item; `None` without a line.
    pub item_outcomes: Option<i64>,
}

/// What a line's outcomes are counted under, as (kind, key); `all` first.
pub type RateKeys = Vec<(&'static str, String)>;

/// The keys of the line that `facts` are of.
#[must_use]
pub fn rate_keys(facts: &Facts) -> RateKeys {
    let OrderFacts { customer_id, carrier_id, warehouse_id, .. } = &facts.order;
    let warehouse = facts.line.as_ref().and_then(|l| l.warehouse_id.as_ref()).or(warehouse_id.as_ref());
    let supplier = facts.purchase_order.as_ref().map(|p| &p.supplier_id);
    keys([Some(customer_id), carrier_id.as_ref(), warehouse, facts.line.as_ref().map(|l| &l.sku), supplier])
}

/// The same keys from the canonical order, for counting an outcome; `supplier` is that of the item's purchase order.
#[must_use]
pub fn line_keys(order: &Order, line: &Line, supplier: Option<&String>) -> RateKeys {
    let warehouse = line.warehouse_id.as_ref().or(order.warehouse_id.as_ref());
    keys([Some(&order.customer_id), order.carrier_id.as_ref(), warehouse, Some(&line.sku), supplier])
}

fn keys(values: [Option<&String>; 5]) -> RateKeys {
    let kinds = ["customer", "carrier", "warehouse", "sku", "supplier"];
    let known = kinds.into_iter().zip(values).filter_map(|(kind, key)| Some((kind, key?.clone())));
    std::iter::once(("all", "all".to_owned())).chain(known).collect()
}

/// The late rates of the keys of `facts` as they stand in `tx`.
///
/// # Errors
/// [`StoreError`].
pub async fn rates(tx: &mut dyn Transaction, facts: &Facts) -> Result<Rates, StoreError> {
    let mut rates = Rates::default();
    for (kind, key) in rate_keys(facts) {
        let rate = tx.rate(kind, &key).await?;
        let own = rates.all.map(|all| smoothed(rate, all));
        match kind {
            "customer" => rates.customer = own,
            "carrier" => rates.carrier = own,
            "warehouse" => rates.warehouse = own,
            "sku" => (rates.sku, rates.item_outcomes) = (own, Some(rate.cases)),
            "supplier" => rates.supplier = own,
            _ => rates.all = (rate.cases > 0).then(|| smoothed(rate, 0.5)),
        }
    }
    Ok(rates)
}

#[expect(clippy::cast_precision_loss, reason = "counts of order lines")]
fn smoothed(rate: Rate, prior: f64) -> f64 {
    (rate.missed as f64 + SMOOTHING * prior) / (rate.cases as f64 + SMOOTHING)
}

/// What a feature is computed from.
struct Seen<'a> {
    facts: &'a Facts,
    rates: &'a Rates,
    category: Option<Category>,
}

impl<'a> Seen<'a> {
    fn line(&self) -> Option<&'a LineFacts> {
        self.facts.line.as_ref()
    }

    fn stock(&self) -> Option<&'a StockFacts> {
        self.facts.stock.as_ref()
    }

    /// Hours to the date that is at risk.
    fn due_in_h(&self) -> Option<f64> {
        self.line().map_or(self.facts.order.due_in_h, |l| l.promised_in_h)
    }

    /// `part` as a share of the line's quantity.
    fn of_quantity(&self, part: Option<f64>) -> Option<f64> {
        ratio(part?, self.line()?.quantity)
    }
}

/// How one feature's value is read.
enum Read {
    Number(fn(&Seen<'_>) -> Option<f64>),
    Text(fn(&Seen<'_>) -> Option<String>),
}

/// One feature: what it is and where its value comes from.
struct Feature(&'static str, &'static str, Read);

use Read::{Number, Text};

/// The features in schema order.
const FEATURES: &[Feature] = &[
    Feature("category", "kind of exception", Text(|s| s.category.map(|c| c.name().to_owned()))),
    Feature("tier", "customer tier", Text(|s| tier(s.facts.customer.as_ref()?.tier?))),
    Feature("channel", "order channel", Text(|s| s.facts.order.channel.clone())),
    Feature(
        "warehouse",
        "warehouse",
        Text(|s| s.line().and_then(|l| l.warehouse_id.clone()).or_else(|| s.facts.order.warehouse_id.clone())),
    ),
    Feature("carrier", "carrier", Text(|s| s.facts.order.carrier_id.clone())),
    Feature("milestone", "latest shipment milestone", Text(|s| milestone(s.facts.shipment.as_ref()?.milestone))),
    Feature("slack_h", "hours to the promised ship date", Number(|s| s.due_in_h())),
    Feature(
        "promise_margin_h",
        "hours between requested and promised date",
        Number(|s| Some(s.line()?.promised_in_h? - s.line()?.requested_in_h?)),
    ),
    Feature("age_h", "hours since the order was placed", Number(|s| Some(s.facts.order.age_h))),
    Feature("status_age_h", "hours since the last progress", Number(|s| Some(s.line()?.status_age_h))),
    Feature("progress", "progress of the work", Number(|s| Some(f64::from(progress(s))))),
    Feature("quantity_log", "quantity (log)", Number(|s| log(s.line()?.quantity))),
    Feature(
        "value_log",
        "value at stake (log)",
        Number(|s| log(s.line().map_or(Some(s.facts.order.value), |l| l.value)?)),
    ),
    Feature("line_count", "lines of the order", Number(|s| Some(f64::from(s.facts.order.line_count)))),
    Feature("open_lines", "open lines of the order", Number(|s| Some(f64::from(s.facts.order.open_lines)))),
    Feature("promises", "number of promises made", Number(|s| Some(f64::from(s.line()?.promises)))),
    Feature("allocated", "stock is allocated", Number(|s| truth(s.line()?.allocated))),
    Feature(
        "available_ratio",
        "available stock per unit ordered",
        Number(|s| s.of_quantity(Some(s.stock()?.available))),
    ),
    Feature("shortfall_ratio", "share that stock cannot cover", Number(|s| s.of_quantity(Some(s.stock()?.shortfall)))),
    Feature(
        "conflict_ratio",
        "share that orders ahead leave uncovered",
        Number(|s| s.of_quantity(Some(s.stock()?.conflict))),
    ),
    Feature("competitors", "orders that want the same stock", Number(|s| count(s.stock()?.competitors.len()))),
    Feature(
        "alternate_ratio",
        "stock elsewhere per unit ordered",
        Number(|s| s.of_quantity(Some(s.stock()?.alternate.as_ref().map_or(0.0, |a| a.available)))),
    ),
    Feature("substitute", "a substitute is in stock", Number(|s| truth(s.facts.item.as_ref()?.substitute.is_some()))),
    Feature(
        "receipt_margin_h",
        "hours from promised date to next receipt",
        Number(|s| Some(s.stock()?.next_receipt_in_h? - s.due_in_h()?)),
    ),
    Feature(
        "supply_margin_h",
        "hours from promised date to the purchase order's",
        Number(|s| Some(s.facts.purchase_order.as_ref()?.due_in_h? - s.due_in_h()?)),
    ),
    Feature(
        "supply_confirmed",
        "the purchase order is confirmed",
        Number(|s| truth(s.facts.purchase_order.as_ref()?.confirmed)),
    ),
    Feature("price_gap", "price against contract or list", Number(|s| s.line()?.price_gap.map(capped))),
    Feature("credit_held", "credit is held", Number(|s| truth(s.facts.credit.held))),
    Feature("over_limit_ratio", "exposure over the credit limit", Number(|s| over_limit(s.facts))),
    Feature("address_complete", "the ship-to address is complete", Number(|s| truth(s.facts.order.ship_to_complete))),
    Feature("change_asked", "a change is asked for", Number(|s| truth(s.facts.change.is_some()))),
    Feature(
        "failed_attempts",
        "failed transactions",
        Number(|s| Some(s.facts.integration.as_ref().map_or(0.0, |i| f64::from(i.attempt)))),
    ),
    Feature(
        "failure_age_h",
        "hours since the transaction failed",
        Number(|s| Some(s.facts.integration.as_ref()?.since_h)),
    ),
    Feature(
        "shipment_overdue_h",
        "hours that the shipment is overdue",
        Number(|s| s.facts.shipment.as_ref()?.overdue_h),
    ),
    Feature(
        "shipment_silent_h",
        "hours since the last shipment milestone",
        Number(|s| Some(s.facts.shipment.as_ref()?.since_h)),
    ),
    Feature("late_rate", "late rate of all lines", Number(|s| s.rates.all)),
    Feature("late_rate_customer", "late rate of the customer", Number(|s| s.rates.customer)),
    Feature("late_rate_carrier", "late rate of the carrier", Number(|s| s.rates.carrier)),
    Feature("late_rate_warehouse", "late rate of the warehouse", Number(|s| s.rates.warehouse)),
    Feature("late_rate_sku", "late rate of the item", Number(|s| s.rates.sku)),
    Feature("item_history", "history of the item", Text(|s| s.rates.item_outcomes.map(item_history))),
    Feature("late_rate_supplier", "late rate of the supplier", Number(|s| s.rates.supplier)),
];

/// The features in the order of their values.
#[must_use]
pub fn schema() -> Vec<FeatureSpec> {
    let spec = |Feature(name, label, read): &Feature| FeatureSpec {
        name,
        kind: match read {
            Number(_) => FeatureKind::Numeric,
            Text(_) => FeatureKind::Categorical,
        },
        label,
    };
    FEATURES.iter().map(spec).collect()
}

/// A feature's business words; the name itself where it is none of ours.
#[must_use]
pub fn label(name: &str) -> &str {
    FEATURES.iter().find(|Feature(known, ..)| *known == name).map_or(name, |Feature(_, label, _)| label)
}

/// The values for `facts` in schema order: number, text or null. `category` is null for a line without a case.
#[must_use]
pub fn of(facts: &Facts, rates: &Rates, category: Option<Category>) -> Vec<Value> {
    let seen = Seen { facts, rates, category };
    let value = |Feature(_, _, read): &Feature| match read {
        Number(read) => read(&seen).and_then(exact).map_or(Value::Null, Value::from),
        Text(read) => read(&seen).map_or(Value::Null, Value::from),
    };
    FEATURES.iter().map(value).collect()
}

/// At most four decimals, so that text and back is the same number; `None` when it is not finite.
fn exact(number: f64) -> Option<f64> {
    let rounded = (number * 1e4).round() / 1e4;
    // Adding zero turns a negative zero into a plain one: equal features shall be equal texts.
    rounded.is_finite().then_some(rounded + 0.0)
}

/// `none` before the first outcome of an item: a model has not seen how it goes.
fn item_history(outcomes: i64) -> String {
    if outcomes > 0 { "some" } else { NO_HISTORY }.to_owned()
}

fn capped(number: f64) -> f64 {
    number.clamp(-RATIO_MAX, RATIO_MAX)
}

fn ratio(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| capped(part / whole))
}

fn log(number: f64) -> Option<f64> {
    (number >= 0.0).then(|| number.ln_1p())
}

fn truth(holds: bool) -> Option<f64> {
    Some(f64::from(u8::from(holds)))
}

#[expect(clippy::cast_precision_loss, reason = "a handful")]
fn count(number: usize) -> Option<f64> {
    Some(number as f64)
}

fn progress(seen: &Seen<'_>) -> u8 {
    seen.line().map_or(seen.facts.order.progress, |l| l.progress)
}

fn over_limit(facts: &Facts) -> Option<f64> {
    ratio(facts.credit.over_limit?, facts.customer.as_ref()?.credit_limit?)
}

/// The wire name of a unit variant.
fn wire_name(value: impl serde::Serialize) -> Option<String> {
    serde_json::to_value(value).ok()?.as_str().map(str::to_owned)
}

fn tier(tier: Tier) -> Option<String> {
    wire_name(tier)
}

fn milestone(milestone: Milestone) -> Option<String> {
    wire_name(milestone)
}
