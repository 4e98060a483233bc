//! What every action would have come to: for evaluation only, apart from events and truth.
//!
//! Guarantees: a case is described by what was known when somebody first decided on it; each action is tried in copies of
//! the world that share the draws of everything the action does not touch (common random numbers). `realised` is with the
//! draws of the world itself; `expected` is the mean over other futures. Nothing of this is in an event.
//! Non-goals: who may see it; the service does not depend on this crate but for its demonstration.

use super::account::Outcome;
use super::agents::{Choice, minutes};
use super::calendar::{DAY, HOUR};
use super::edi::Fault;
use super::fork::Scope;
use super::points::Record;
use super::truth::Category;
use super::world::World;

/// One action that was open in a case.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// Its name.
    pub action: &'static str,
    /// Its place among all actions of the category.
    pub number: usize,
    /// What it was known to cost; the world's currency.
    pub quote: f64,
    /// Minutes of a person.
    pub minutes: i64,
    /// Probability that it was chosen.
    pub propensity: f64,
}

/// A condition at the moment of its first decision, and what came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// Day of the run.
    pub day: u32,
    /// What kind.
    pub category: Category,
    /// The order that it is about.
    pub order_id: String,
    /// Who decided.
    pub agent: &'static str,
    /// What is known, by name; [`FEATURES`] says what.
    pub features: [f64; FEATURES.len()],
    /// What a miss costs at once; the world's currency.
    pub penalty: f64,
    /// What was open.
    pub candidates: Vec<Candidate>,
    /// Which of the candidates was chosen.
    pub taken: usize,
    /// How hard it was: no event and no feature tells it.
    pub severity: f64,
    /// What came of it in the world; `None` while the world has not got there.
    pub outcome: Option<Outcome>,
    trouble: usize,
    decided: i64,
}

/// What one action would have come to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Counterfactual {
    /// With the draws of the world.
    pub realised: Outcome,
    /// Mean cost over other futures.
    pub cost: f64,
    /// Share of the other futures in which the date was missed.
    pub missed: f64,
}

/// All actions of a category, by their numbers, with the minutes of a person that they take.
#[must_use]
pub fn action_names(category: Category) -> Vec<(&'static str, i64)> {
    super::agents::actions_of(category).map(|action| (action, minutes(action))).collect()
}

/// Names of the features, in order: hours, shares, counts and codes as the names say.
pub const FEATURES: [&str; 24] = [
    "tier",
    "order_value",
    "margin_pct",
    "slack_h",
    "pen_pct",
    "pen_day",
    "alt_stock",
    "sub_avail",
    "inbound_h",
    "over_limit",
    "days_past_due",
    "price_var",
    "edi_type",
    "addr_conf",
    "responsiveness",
    "wh_load",
    "n_lines",
    "perishable",
    "hour",
    "dow",
    "part_stock",
    "units_ahead",
    "in_house",
    "late_supplier",
];

impl World {
    /// Runs on until somebody is about to decide on a condition for the first time; `None` at the horizon.
    pub fn next_case(&mut self) -> Option<Case> {
        loop {
            if let Some(trouble) = self.about_to_decide() {
                self.asked.insert(trouble);
                return Some(self.describe_case(trouble));
            }
            let more = self.step();
            self.out.clear();
            if !more {
                return None;
            }
        }
    }

    /// What came of a case by now; `None` while it is not settled.
    #[must_use]
    pub fn outcome_of(&self, case: &Case) -> Option<Outcome> {
        self.is_settled(case.trouble).then(|| self.outcome(case.trouble, case.decided))
    }

    /// What every candidate of the case that was just met would come to in `scope`, in the world's own future and in
    /// `futures` others.
    #[must_use]
    pub fn counterfactuals(&self, case: &Case, scope: Scope, futures: u64) -> Vec<Counterfactual> {
        let try_one = |action: &'static str, future: u64| {
            let mut world = self.fork(case.trouble, scope, future);
            world.forced = Some((case.trouble, action));
            world.settle(case.trouble);
            world.outcome(case.trouble, case.decided)
        };
        let of = |candidate: &Candidate| {
            let others: Vec<Outcome> = (1..=futures).map(|future| try_one(candidate.action, future)).collect();
            let realised = try_one(candidate.action, 0);
            let mean = |part: &dyn Fn(&Outcome) -> f64, own: f64| {
                if others.is_empty() { own } else { others.iter().map(part).sum::<f64>() / others.len() as f64 }
            };
            Counterfactual {
                realised,
                cost: mean(&|outcome| outcome.cost, realised.cost),
                missed: mean(&|outcome| f64::from(u8::from(outcome.missed)), f64::from(u8::from(realised.missed))),
            }
        };
        case.candidates.iter().map(of).collect()
    }

    fn describe_case(&self, trouble: usize) -> Case {
        let about = &self.troubles[trouble];
        let Choice { agent, options, action, .. } = self.choice(trouble, 0);
        let candidates: Vec<Candidate> = options
            .iter()
            .map(|&(name, propensity)| Candidate {
                action: name,
                number: super::agents::number(about.category, name),
                quote: self.quote_cents(trouble, name) as f64 / 100.0,
                minutes: minutes(name),
                propensity,
            })
            .collect();
        let value: i64 = self.concerned_value(trouble);
        Case {
            day: ((self.now - self.config.start.as_second()) / DAY) as u32,
            category: about.category,
            order_id: self.orders[about.order].id.clone(),
            agent,
            features: self.features(trouble),
            penalty: value as f64 / 100.0 * self.terms(trouble).once,
            taken: candidates.iter().position(|candidate| candidate.action == action).unwrap_or_default(),
            candidates,
            severity: about.severity,
            outcome: None,
            trouble,
            decided: self.now,
        }
    }

    fn concerned_value(&self, trouble: usize) -> i64 {
        let order = &self.orders[self.troubles[trouble].order];
        self.concerned(trouble).into_iter().map(|line| order.lines[line].agreed_value()).sum()
    }

    fn features(&self, trouble: usize) -> [f64; FEATURES.len()] {
        let about = &self.troubles[trouble];
        let order = &self.orders[about.order];
        let who = &self.catalog.customers[order.customer];
        let lines = self.concerned(trouble);
        let first = (about.order, lines.first().copied().unwrap_or_default());
        let line = self.line(first);
        let value = self.concerned_value(trouble) as f64 / 100.0;
        let cost: i64 =
            lines.iter().map(|&l| order.lines[l].quantity * self.catalog.items[order.lines[l].item].cost_cents).sum();
        let terms = self.terms(trouble);
        let wanted = line.quantity.max(1) as f64;
        let elsewhere = (0..self.catalog.warehouses.len()).filter(|&site| site != line.warehouse);
        let most = elsewhere.map(|site| self.bins[line.item][site].available).max().unwrap_or(0);
        let inbound = self.days_to_receipt(first).map_or(400.0, |days| (days * 24.0).clamp(0.0, 400.0));
        let overdue = self.unpaid[order.customer].iter().map(|due| self.now - due).max().unwrap_or(0).max(0);
        let agreed = self.prices.agreed(line.item, order.customer, self.now) as f64;
        let ahead: i64 = self.waiting_before(first).iter().map(|&key| self.line(key).quantity).sum();
        let flag = |set: bool| f64::from(u8::from(set));
        [
            f64::from(who.tier as u8),
            value,
            1.0 - cost as f64 / (value * 100.0).max(1.0),
            self.slack_days(trouble) * 24.0,
            terms.once,
            terms.per_day,
            (most.max(0) as f64 / wanted).min(3.0),
            flag(self.substitute(first).is_some()),
            inbound,
            (who.exposure + if order.counted { 0 } else { order.value_cents }) as f64 / who.limit.max(1) as f64 - 1.0,
            overdue as f64 / DAY as f64,
            (line.price_cents as f64 - agreed).abs() / agreed.max(1.0),
            about.fault.map_or(4, |fault: Fault| fault as u8).into(),
            match who.points[order.point].record {
                Record::Missing => 0.0,
                Record::NoPostalCode => 0.5,
                Record::Complete | Record::Wrong => 1.0,
            },
            who.responsive,
            self.load(line.warehouse),
            order.lines.len() as f64,
            0.0,
            ((self.now % DAY) / HOUR) as f64,
            ((self.now / DAY + 3) % 7) as f64,
            (self.bins[line.item][line.warehouse].available.max(0) as f64 / wanted).min(3.0),
            (ahead as f64 / wanted).min(5.0),
            flag(about.shipment.is_some_and(|shipment| self.is_waiting_for_pickup(shipment))),
            self.catalog.suppliers[self.catalog.items[line.item].supplier].slip,
        ]
    }
}
