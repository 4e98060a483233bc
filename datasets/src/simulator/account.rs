//! What a condition costs: what an action is quoted at, and what the case came to in the end.
//!
//! Guarantees: in cents, of the lines that the condition concerns; what was decided before the case was decided on does
//! not count. Non-goals: overheads, and what happens to other orders.

use super::agents::minutes;
use super::calendar::{DAY, HOUR};
use super::orders::{Line, Stage};
use super::truth::Category;
use super::world::World;

/// Of a person who handles cases.
const CENTS_PER_MINUTE: i64 = 90;
/// Of a delivery that has to be tried again.
const REDELIVERY_CENTS: i64 = 3_500;
/// Lateness is charged for so many days at most.
const LATE_DAYS_MAX: f64 = 10.0;
/// A billed amount that is later than this is late.
const BILLING_DAYS: i64 = 3;

/// What became of a case.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    /// Whether the customer's date, or the day of billing, was missed.
    pub missed: bool,
    /// All that it cost, in the world's currency.
    pub cost: f64,
    /// Hours from the decision until the condition was over.
    pub resolve_hours: f64,
}

/// What lateness costs by contract, as shares of a line's value: at once, and per day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Terms {
    pub(super) once: f64,
    pub(super) per_day: f64,
}

impl World {
    pub(super) fn terms(&self, trouble: usize) -> Terms {
        let about = &self.troubles[trouble];
        let tier = self.catalog.customers[self.orders[about.order].customer].tier as usize;
        if about.category == Category::InvoiceReleaseDelay {
            return Terms { once: 0.01, per_day: 0.001 };
        }
        Terms { once: [0.08, 0.05, 0.03][tier], per_day: [0.01, 0.004, 0.002][tier] }
    }

    /// The lines that a condition concerns, cancelled ones included.
    pub(super) fn concerned(&self, trouble: usize) -> Vec<usize> {
        let about = &self.troubles[trouble];
        match (about.shipment, about.line) {
            (Some(shipment), _) => self.shipments[shipment].lines.clone(),
            (None, Some(line)) => vec![line],
            (None, None) => (0..self.orders[about.order].lines.len()).collect(),
        }
    }

    /// What carrying an action out costs beyond the time of people, if it comes to that; cents.
    pub(super) fn direct_cents(&self, trouble: usize, action: &str) -> i64 {
        let about = &self.troubles[trouble];
        let line = about.line.map(|line| &self.orders[about.order].lines[line]);
        match action {
            "reallocate_from_warehouse" => 4_500,
            "split_shipment" => 1_800,
            "expedite_purchase_order" => 9_500,
            "rebook_carrier" => 6_000,
            "upgrade_service" => 4_000,
            "accept_change" | "accept_partial_change" => 1_500,
            "substitute_item" => 1_000,
            "approve_price" => line.map_or(0, |line| {
                let due = self.prices.agreed(line.item, self.orders[about.order].customer, self.now);
                (due - line.price_cents) * line.quantity
            }),
            _ => 0,
        }
    }

    /// What is known of an action's cost before it is taken; cents.
    pub(super) fn quote_cents(&self, trouble: usize, action: &str) -> i64 {
        CENTS_PER_MINUTE * minutes(action) + self.direct_cents(trouble, action)
    }

    /// An action is taken: people's time is spent whatever comes of it.
    pub(super) fn charge(&mut self, trouble: usize, action: &'static str) {
        let direct = self.direct_cents(trouble, action);
        let about = &mut self.troubles[trouble];
        about.spent_cents += CENTS_PER_MINUTE * minutes(action);
        about.direct_cents = direct;
    }

    /// Whether nothing can change any more what a case comes to.
    pub(super) fn is_settled(&self, trouble: usize) -> bool {
        let about = &self.troubles[trouble];
        if let (Category::InvoiceReleaseDelay, Some(shipment)) = (about.category, about.shipment) {
            return self.shipments[shipment].invoiced > 0;
        }
        let line = |line: usize| &self.orders[about.order].lines[line];
        let lines = self.concerned(trouble);
        lines.iter().all(|&index| line(index).cancelled || line(index).stage >= Stage::Delivered)
    }

    /// What a case, decided on at a moment, came to.
    pub(super) fn outcome(&self, trouble: usize, decided: i64) -> Outcome {
        let about = &self.troubles[trouble];
        let order = &self.orders[about.order];
        let terms = self.terms(trouble);
        let lines: Vec<&Line> = self.concerned(trouble).into_iter().map(|line| &order.lines[line]).collect();
        let (mut missed, mut late, mut last) = (false, 0.0, i64::MIN);
        for line in lines.iter().filter(|line| !line.cancelled) {
            let (due, done) = (self.due(trouble, line), self.done(trouble, line));
            last = last.max(done);
            if done > due {
                let days = ((done - due) as f64 / DAY as f64).min(LATE_DAYS_MAX);
                late += line.agreed_value() as f64 * (terms.once + terms.per_day * days);
                missed = true;
            }
        }
        let lost: i64 = lines.iter().map(|line| line.lost_cents).sum();
        let cut: f64 = lines.iter().map(|line| self.cut_cents(line)).sum();
        let again = if about.category == Category::InvoiceReleaseDelay {
            0
        } else {
            i64::from(order.failed_deliveries - about.failed_before) * REDELIVERY_CENTS
        };
        let closed = about.truth.closed_at.map_or(last.max(decided), |at| at.as_second());
        Outcome {
            missed,
            cost: ((about.spent_cents + lost + again) as f64 + cut + late) / 100.0,
            resolve_hours: (closed - decided).max(0) as f64 / HOUR as f64,
        }
    }

    /// What is not delivered earns nothing, and is remembered.
    fn cut_cents(&self, line: &Line) -> f64 {
        let item = &self.catalog.items[line.item];
        let units = if line.cancelled && !line.released_customer { line.quantity + line.cut } else { line.cut };
        let margin = (line.price_cents - item.cost_cents).max(0) as f64;
        units as f64 * (margin + 0.05 * line.price_cents as f64)
    }

    /// The moment that a line is measured against.
    fn due(&self, trouble: usize, line: &Line) -> i64 {
        let about = &self.troubles[trouble];
        let Some(shipment) = about.shipment.map(|shipment| &self.shipments[shipment]) else { return line.promised };
        if about.category == Category::InvoiceReleaseDelay {
            return shipment.delivered + BILLING_DAYS * DAY;
        }
        let transit = self.catalog.carriers[shipment.carrier].transit_days;
        self.calendars[shipment.warehouse].at(line.promised, transit, 19 * HOUR)
    }

    /// When it was done, or now where it is not yet.
    fn done(&self, trouble: usize, line: &Line) -> i64 {
        let about = &self.troubles[trouble];
        let at = match about.shipment.map(|shipment| &self.shipments[shipment]) {
            Some(shipment) if about.category == Category::InvoiceReleaseDelay => shipment.invoiced,
            Some(shipment) => shipment.delivered,
            None => line.shipped,
        };
        if at > 0 { at } else { self.now }
    }
}
