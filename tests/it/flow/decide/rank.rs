//! Ranking by expected cost.

use std::sync::Arc;

use holdfast::domain::action::{ActionKind, Candidate};
use holdfast::domain::case::Category;
use holdfast::domain::decision::{RankedCase, Risk};
use holdfast::flow::decide::catalogue::{BUILT_IN, Catalogue};
use holdfast::flow::decide::rank::{Basis, Subject, rank};
use holdfast::flow::facts::Facts;
use holdfast::flow::services::Settings;
use holdfast::ports::tabular::{Effect, EffectModel};

use super::samples;

struct OneEffect(ActionKind, Effect);

impl EffectModel for OneEffect {
    fn effect(&self, _: Category, action: ActionKind) -> Option<Effect> {
        (action == self.0).then_some(self.1)
    }

    fn version(&self) -> String {
        "effect/1".to_owned()
    }

    fn digest(&self) -> String {
        "0".repeat(64)
    }
}

fn risk(miss_probability: f64) -> Result<Risk, String> {
    Ok(Risk {
        miss_probability,
        reasons: Vec::new(),
        model: "miss-risk/1".into(),
        model_digest: "d".into(),
        ships: None,
        ships_basis: None,
    })
}

fn ranked(category: Category, facts: &Facts, effect: Option<OneEffect>, risk: Result<Risk, String>) -> RankedCase {
    let catalogue = Catalogue::load(BUILT_IN).unwrap();
    let settings = Settings::default();
    let effect = effect.map(|e| Arc::new(e) as Arc<dyn EffectModel>);
    let basis = Basis { catalogue: &catalogue, effect, settings: &settings };
    let subject = Subject { case_id: None, reference: Some("r".into()), category, due_at: facts.order.due_at };
    rank(&basis, &subject, facts, risk.map_err(Into::into))
}

fn of(case: &RankedCase, kind: ActionKind) -> &Candidate {
    case.actions.iter().find(|c| c.action == kind).unwrap()
}

#[test]
fn the_terms_of_the_expected_cost_are_those_of_the_formula() {
    let facts = samples::facts();
    let case = ranked(Category::InventoryShortage, &facts, None, risk(0.8));
    let idle = of(&case, ActionKind::DoNothing).score.unwrap();
    // Tier A loses 15 % of the line's 2000; the standing harm is 1 % of it.
    assert_eq!((idle.miss_probability, idle.penalty, idle.residual), (0.8, 300.0, 20.0));
    assert_eq!(idle.expected_cost, 0.8 * 300.0 + 20.0);
    let elsewhere = of(&case, ActionKind::ReallocateFromWarehouse).score.unwrap();
    assert_eq!(elsewhere.quote, 75.0);
    assert!((elsewhere.miss_probability - 0.2).abs() < 1e-12);
    assert!((elsewhere.expected_cost - (75.0 + 0.2 * 300.0 + 8.0 + 20.0 * 0.25)).abs() < 1e-9);
    assert!((case.value - (idle.expected_cost - case.actions[0].score.unwrap().expected_cost)).abs() < 1e-9);
    let first_refused = case.actions.iter().position(|c| !c.refused.is_empty()).unwrap_or(case.actions.len());
    assert!(case.actions[first_refused..].iter().all(|c| c.score.is_none()));
}

#[test]
fn learned_effects_replace_beliefs_and_doubt_counts_against_an_action() {
    let facts = samples::facts();
    let sure = OneEffect(ActionKind::SplitShipment, Effect { relief: 0.95, sd: 0.01, cases: 500.0 });
    let case = ranked(Category::InventoryShortage, &facts, Some(sure), risk(0.9));
    assert_eq!(case.actions[0].action, ActionKind::SplitShipment);
    assert_eq!(case.actions[0].score.unwrap().effect_cases, 500.0);
    let doubtful = OneEffect(ActionKind::SplitShipment, Effect { relief: 0.95, sd: 3.0, cases: 1.0 });
    let case = ranked(Category::InventoryShortage, &facts, Some(doubtful), risk(0.9));
    assert_ne!(case.actions[0].action, ActionKind::SplitShipment);
}

#[test]
fn after_its_latest_useful_time_an_action_relieves_nothing_of_the_risk() {
    let mut facts = samples::facts();
    facts.order.due_at = facts.now.checked_add(jiff::SignedDuration::from_hours(7)).ok();
    let case = ranked(Category::InventoryShortage, &facts, None, risk(0.8));
    let elsewhere = of(&case, ActionKind::ReallocateFromWarehouse);
    assert!(elsewhere.latest_useful_at.unwrap() < facts.now);
    assert_eq!(elsewhere.score.unwrap().miss_probability, 0.8);
    assert!(of(&case, ActionKind::RepromiseDate).score.unwrap().miss_probability < 0.8);
}

#[test]
fn small_stakes_are_left_alone() {
    let mut facts = samples::facts();
    facts.line.as_mut().unwrap().value = Some(40.0);
    let case = ranked(Category::InventoryShortage, &facts, None, risk(0.05));
    assert_eq!(case.actions[0].action, ActionKind::DoNothing);
    assert_eq!((case.value, case.priority), (0.0, 0.0));
}

#[test]
fn without_a_model_it_abstains_and_still_ranks() {
    let facts = samples::facts();
    let case = ranked(Category::InventoryShortage, &facts, None, Err("no risk model is loaded".into()));
    assert_eq!(case.risk, None);
    assert!(case.abstained.unwrap().starts_with("no risk model is loaded; actions are ranked on an assumed risk"));
    assert!(case.actions[0].score.is_some());
}

#[test]
fn a_shipped_order_without_invoice_is_worth_releasing_its_invoice() {
    let mut facts = samples::facts();
    facts.line = None;
    facts.order.open_lines = 0;
    facts.order.progress = 6;
    facts.order.due_at = None;
    let case = ranked(Category::InvoiceReleaseDelay, &facts, None, Err("not asked".into()));
    assert_eq!(case.actions[0].action, ActionKind::ReleaseInvoice);
    assert_eq!(of(&case, ActionKind::DoNothing).score.unwrap().expected_cost, 50.0);
    assert_eq!(case.abstained.as_deref(), Some("the goods have shipped: there is no ship date left to miss"));
    assert!(case.value > 0.0 && case.priority > 0.0);
}
