//! What the people at the desk do about a condition, with known propensities.
//!
//! Guarantees: the probability of every possible action is written to the truth before one is drawn; how far it hangs
//! on the hidden severity is the scenario's `confounding`. Non-goals: skill; agents follow habits and what they sense, not
//! the best action.

use std::collections::BTreeMap;

use serde_json::json;

use super::calendar::{DAY, HOUR};
use super::event::timestamp;
use super::mail::{Mail, Situation};
use super::random::Dice;
use super::truth::{Category, Decision};
use super::world::{Task, World};

/// What somebody would do: who, what with which probability, and what it comes to this time.
pub(super) struct Choice {
    pub(super) agent: &'static str,
    /// Actions and their probabilities, which add up to 1.
    pub(super) options: Vec<(&'static str, f64)>,
    pub(super) action: &'static str,
    dice: Dice,
}

/// Minutes of a person that an action takes.
pub(super) fn minutes(action: &str) -> i64 {
    match action {
        "do_nothing" => 1,
        "retry_transaction" | "hold_order" => 3,
        "notify_customer" | "release_invoice" | "release_unaffected_lines" => 4,
        "correct_address" | "approve_price" | "correct_price" | "reschedule_pickup" | "repromise_date" => 5,
        "accept_change" | "reject_change" | "reschedule_delivery" | "resend_document" | "cancel_line" => 6,
        "ask_customer" | "ask_supplier" | "escalate_to_owner" | "correct_invoice" | "split_shipment" => 8,
        "request_address" | "release_credit_hold" | "request_price_review" | "upgrade_service" => 10,
        "reallocate_from_order" | "request_prepayment" | "release_partial" | "request_billing_review" => 11,
        "accept_partial_change" | "reallocate_from_warehouse" | "rebook_carrier" | "open_carrier_claim" => 14,
        "enter_manually" | "substitute_item" => 17,
        "open_integration_incident" | "request_credit_review" => 20,
        _ => 23,
    }
}

/// The place of an action among all of its category.
pub(super) fn number(category: Category, action: &str) -> usize {
    all_of(category).position(|option| option.0 == action).unwrap_or_default()
}

/// Names of all actions of a category, by their numbers.
pub(super) fn actions_of(category: Category) -> impl Iterator<Item = &'static str> {
    all_of(category).map(|option| option.0)
}

fn all_of(category: Category) -> impl Iterator<Item = &'static (&'static str, f64, Manner)> {
    habits(category).iter().chain(&ANY)
}

#[derive(Clone, Copy)]
struct Agent {
    name: &'static str,
    /// Leaning towards acting at once, asking around, and waiting.
    acts: f64,
    asks: f64,
    waits: f64,
}

const AGENTS: [Agent; 6] = [
    Agent { name: "agent-1", acts: 1.6, asks: 0.7, waits: 0.6 },
    Agent { name: "agent-2", acts: 1.0, asks: 1.0, waits: 1.0 },
    Agent { name: "agent-3", acts: 0.7, asks: 1.6, waits: 1.1 },
    Agent { name: "agent-4", acts: 0.6, asks: 0.8, waits: 2.2 },
    Agent { name: "agent-5", acts: 1.3, asks: 1.2, waits: 0.5 },
    Agent { name: "agent-6", acts: 0.9, asks: 0.8, waits: 1.6 },
];

#[derive(Clone, Copy, PartialEq)]
enum Manner {
    Acts,
    Asks,
    Waits,
}

/// Actions of a category with their usual weight; those for any category follow.
fn habits(category: Category) -> &'static [(&'static str, f64, Manner)] {
    use Manner::{Acts, Asks, Waits};
    match category {
        Category::InventoryShortage => &[
            ("reallocate_from_warehouse", 3.0, Acts),
            ("split_shipment", 1.5, Acts),
            ("substitute_item", 1.2, Acts),
            ("expedite_purchase_order", 2.0, Acts),
            ("repromise_date", 1.5, Waits),
            ("ask_supplier", 0.8, Asks),
        ],
        Category::AllocationConflict => &[
            ("reallocate_from_order", 2.5, Acts),
            ("split_shipment", 1.0, Acts),
            ("release_partial", 1.0, Acts),
            ("repromise_date", 1.2, Waits),
        ],
        Category::InvalidShipTo => {
            &[("request_address", 3.0, Asks), ("correct_address", 2.0, Acts), ("hold_order", 1.0, Waits)]
        }
        Category::PricingDiscrepancy => &[
            ("approve_price", 2.0, Acts),
            ("correct_price", 2.5, Acts),
            ("request_price_review", 1.5, Asks),
            ("release_unaffected_lines", 1.0, Acts),
        ],
        Category::CreditHold => &[
            ("release_credit_hold", 2.0, Acts),
            ("request_prepayment", 1.5, Asks),
            ("raise_credit_limit", 1.0, Acts),
            ("request_credit_review", 2.0, Asks),
            ("release_partial", 0.7, Acts),
        ],
        Category::IntegrationFailure => &[
            ("retry_transaction", 3.0, Acts),
            ("resend_document", 1.5, Acts),
            ("enter_manually", 1.5, Acts),
            ("open_integration_incident", 1.0, Asks),
        ],
        Category::OrderChange => {
            &[("accept_change", 3.0, Acts), ("reject_change", 1.5, Acts), ("accept_partial_change", 1.0, Acts)]
        }
        Category::ShipmentStatusFailure => &[
            ("rebook_carrier", 2.0, Acts),
            ("upgrade_service", 1.0, Acts),
            ("reschedule_pickup", 2.0, Acts),
            ("reschedule_delivery", 2.0, Acts),
            ("open_carrier_claim", 0.7, Asks),
            ("repromise_date", 0.8, Waits),
        ],
        Category::InvoiceReleaseDelay => {
            &[("release_invoice", 2.5, Acts), ("correct_invoice", 2.0, Acts), ("request_billing_review", 1.0, Asks)]
        }
    }
}

const ANY: [(&str, f64, Manner); 5] = [
    ("do_nothing", 1.2, Manner::Waits),
    ("notify_customer", 0.4, Manner::Waits),
    ("ask_customer", 0.3, Manner::Asks),
    ("escalate_to_owner", 0.4, Manner::Asks),
    ("cancel_line", 0.05, Manner::Acts),
];

impl World {
    /// Somebody will look at the condition some working hours from now.
    pub(super) fn plan_handling(&mut self, trouble: usize, attempt: u32) {
        let about = &self.troubles[trouble];
        let mut dice = self.dice(&about.key, &format!("response {attempt}"));
        let tier = self.catalog.customers[self.orders[about.order].customer].tier;
        let haste = [0.6, 1.0, 1.4][tier as usize] * if about.escalated { 0.5 } else { 1.0 };
        let desk = match about.category {
            Category::InvoiceReleaseDelay => 9.0,
            Category::CreditHold | Category::PricingDiscrepancy => 6.0,
            _ => 5.0,
        };
        let again = if attempt > 0 { 1.6 } else { 1.0 };
        let at = self.calendars[0].add_work(self.now, desk * haste * again * dice.skewed());
        self.schedule(at, Task::Handle { trouble, attempt });
    }

    /// An agent decides.
    pub(super) fn handle(&mut self, trouble: usize, attempt: u32) {
        if !self.troubles[trouble].is_open() {
            return;
        }
        let Choice { agent, options, action, mut dice } = self.choice(trouble, attempt);
        let action = self.forced.take_if(|forced| forced.0 == trouble).map_or(action, |forced| forced.1);
        let at = timestamp(self.now);
        let propensities = options.into_iter().collect::<BTreeMap<_, _>>();
        self.troubles[trouble].truth.decisions.push(Decision { at, agent, action, propensities, worked: None });
        self.troubles[trouble].action = action;
        if attempt == 0 {
            self.troubles[trouble].failed_before = self.orders[self.troubles[trouble].order].failed_deliveries;
        }
        self.charge(trouble, action);
        self.tell_action(trouble, action);
        self.after_decision(trouble, attempt, action, &mut dice);
    }

    /// Who decides, and what they would do.
    pub(super) fn choice(&self, trouble: usize, attempt: u32) -> Choice {
        let mut dice = self.dice(&self.troubles[trouble].key, &format!("decision {attempt}"));
        let agent = dice.pick(&AGENTS);
        let mut options = self.options(trouble, agent);
        let total: f64 = options.iter().map(|option| option.1).sum();
        let action = options[dice.weighted(options.iter().map(|option| option.1))].0;
        options.iter_mut().for_each(|option| option.1 /= total);
        Choice { agent: agent.name, options, action, dice }
    }

    fn options(&self, trouble: usize, agent: Agent) -> Vec<(&'static str, f64)> {
        let about = &self.troubles[trouble];
        let customer = &self.catalog.customers[self.orders[about.order].customer];
        let urgent = self.slack_days(trouble) < 1.0;
        all_of(about.category)
            .filter(|option| self.is_possible(trouble, option.0))
            .map(|&(name, usual, manner)| {
                let sensed = self.scenario.confounding * (2.0 * about.severity - 1.0);
                let lean = match manner {
                    Manner::Acts => agent.acts * if urgent { 1.6 } else { 1.0 } * (1.0 + 0.9 * sensed),
                    Manner::Asks => agent.asks,
                    Manner::Waits => {
                        agent.waits
                            * if urgent { 0.5 } else { 1.0 }
                            * [0.6, 1.0, 1.5][customer.tier as usize]
                            * (1.0 - 0.9 * sensed)
                    }
                };
                (name, usual * lean)
            })
            .collect()
    }

    /// Days until the earliest promise that the condition endangers.
    pub(super) fn slack_days(&self, trouble: usize) -> f64 {
        let about = &self.troubles[trouble];
        let lines = self.orders[about.order].lines.iter().enumerate();
        let promised =
            lines.filter(|(index, _)| about.line.is_none_or(|line| line == *index)).map(|(_, line)| line.promised);
        (promised.min().unwrap_or(self.now) - self.now) as f64 / DAY as f64
    }

    fn tell_action(&mut self, trouble: usize, action: &str) {
        let about = &self.troubles[trouble];
        let id = self.orders[about.order].id.clone();
        let line = about.line.map(|line| self.orders[about.order].lines[line].number);
        let data = json!({ "order_id": id, "line_no": line, "action": action });
        let subject = line.map_or_else(|| id.clone(), |number| format!("{id}/{number}"));
        self.tell("/erp/main", "action.executed", &subject, data);
    }

    fn after_decision(&mut self, trouble: usize, attempt: u32, action: &'static str, dice: &mut Dice) {
        let (order, line) = (self.troubles[trouble].order, self.troubles[trouble].line);
        let answer = match action {
            "escalate_to_owner" | "request_price_review" | "request_credit_review" | "request_billing_review" => {
                Some(Situation::ApprovalReply)
            }
            "repromise_date" | "split_shipment" | "notify_customer" | "substitute_item" => {
                Some(Situation::BackorderResponse)
            }
            _ => None,
        };
        let stock =
            matches!(self.troubles[trouble].category, Category::InventoryShortage | Category::AllocationConflict);
        if let Some(situation) =
            answer.filter(|&answer| (stock || answer == Situation::ApprovalReply) && dice.chance(0.45))
        {
            let at = self.calendars[0].add_work(self.now, dice.between(0.5, 7.0));
            self.schedule(at, Task::Send(Mail::about(situation, order, line)));
        }
        let hours = self.effort_hours(trouble, action) * dice.skewed();
        let at = self.calendars[0].add_work(self.now, hours).max(self.now + HOUR / 6);
        self.schedule(at, Task::Effect { trouble, attempt });
    }
}
