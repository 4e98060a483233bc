//! Ranking by expected cost.

use std::sync::Arc;

use holdfast::domain::action::{ActionKind, Candidate, ScoreBasis};
use holdfast::domain::case::Category;
use holdfast::domain::decision::{ActionEvidence, Evidence, RankedCase, Risk, Withheld};
use holdfast::domain::outcome::Offer;
use holdfast::flow::assess::features;
use holdfast::flow::decide::catalogue::{BUILT_IN, Catalogue};
use holdfast::flow::decide::rank::{Basis, Known, Subject, rank};
use holdfast::flow::facts::Facts;
use holdfast::flow::services::Settings;
use holdfast::ports::tabular::{Effect, EffectCase, EffectModel};

use super::samples;

/// A model that has learned of one action that it ends every trouble, and of all others that they change nothing.
struct OneEffect {
    action: ActionKind,
    deviation: f64,
    support: usize,
    usual: Option<f64>,
}

fn one(action: ActionKind, deviation: f64) -> OneEffect {
    OneEffect { action, deviation, support: 500, usual: None }
}

impl EffectModel for OneEffect {
    fn effects(&self, _: &str, case: &EffectCase<'_>) -> Option<Vec<Effect>> {
        let effect = |offer: &Offer| match offer.action == self.action {
            true => Effect { miss: 0.05, residual: 1.0, deviation: self.deviation, support: self.support },
            false => Effect { miss: 0.9, residual: 20.0, deviation: 1.0, support: 80 },
        };
        Some(case.stakes.offers.iter().map(effect).collect())
    }

    fn usual_distance(&self, _: Category) -> Option<f64> {
        self.usual
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
    ranked_with(category, (facts, None), effect, risk)
}

fn ranked_with(
    category: Category,
    (facts, evidence): (&Facts, Option<&Evidence>),
    effect: Option<OneEffect>,
    risk: Result<Risk, String>,
) -> RankedCase {
    let catalogue = Catalogue::load(BUILT_IN).unwrap();
    let settings = Settings::default();
    let effect = effect.map(|e| Arc::new(e) as Arc<dyn EffectModel>);
    let basis = Basis { catalogue: &catalogue, effect, settings: &settings };
    let subject = Subject { case_id: None, reference: Some("r".into()), category, due_at: facts.order.due_at };
    let row = features::of(facts, &features::Rates::default(), Some(category));
    let known = Known { features: Some(&row), evidence };
    rank(&basis, &subject, (facts, known), risk.map_err(Into::into))
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
    let case = ranked(Category::InventoryShortage, &facts, Some(one(ActionKind::SplitShipment, 1.0)), risk(0.9));
    assert_eq!(case.actions[0].action, ActionKind::SplitShipment);
    let score = case.actions[0].score.unwrap();
    assert_eq!((score.support, score.basis, score.miss_probability), (500, ScoreBasis::Learned, 0.05));
    // Six minutes of people's time beside what was learned; quote 18 and a hundredth of 2000.
    assert_eq!((score.residual, score.quote), (7.0, 38.0));
    assert!((score.expected_cost - (score.quote + 0.05 * score.penalty + score.residual)).abs() < 1e-9);
    assert_eq!(case.withheld, [], "it is recommended");
    let doubtful = one(ActionKind::SplitShipment, 900.0);
    let case = ranked(Category::InventoryShortage, &facts, Some(doubtful), risk(0.9));
    assert_ne!(case.actions[0].action, ActionKind::SplitShipment);
}

/// `cases` resolved ones in which an action kept the date as often as it says.
fn found(action: ActionKind, cases: usize, on_time: f64, distance: f64) -> Evidence {
    let said = ActionEvidence {
        action,
        cases,
        on_time,
        on_time_interval: [0.0, 1.0],
        resolve_minutes_median: 60.0,
        cost_mean: 5.0,
    };
    Evidence { cases, distance: Some(distance), actions: vec![said] }
}

#[test]
fn evidence_moves_a_probability_while_data_is_thin() {
    let facts = samples::facts();
    let evidence = found(ActionKind::DoNothing, 20, 1.0, 1.0);
    let idle = |effect: Option<OneEffect>| {
        let case = ranked_with(Category::InventoryShortage, (&facts, Some(&evidence)), effect, risk(0.8));
        assert_eq!(case.evidence.as_ref(), Some(&evidence), "it is answered with");
        of(&case, ActionKind::DoNothing).score.unwrap()
    };
    // Twenty cases on time against a belief of 0.8 that is worth twenty.
    assert!((idle(None).miss_probability - 0.4).abs() < 1e-12);
    // Learned from eighty: (100 · 0.9 + 0) / 120.
    let learned = idle(Some(one(ActionKind::SplitShipment, 1.0)));
    assert!((learned.miss_probability - 0.75).abs() < 1e-12, "{learned:?}");
    assert!((learned.expected_cost - (0.75 * learned.penalty + learned.residual)).abs() < 1e-9);
}

#[test]
fn on_the_first_day_the_playbook_is_recommended_however_little_was_resolved() {
    let facts = samples::facts();
    let far = found(ActionKind::DoNothing, 2, 1.0, 1e6);
    for evidence in [None, Some(&far), Some(&Evidence::default())] {
        let case = ranked_with(Category::InventoryShortage, (&facts, evidence), None, risk(0.8));
        assert_eq!((case.withheld.as_slice(), case.chosen()), ([].as_slice(), case.actions.first()));
        assert_eq!(case.actions[0].score.map(|score| (score.basis, score.support)), Some((ScoreBasis::Believed, 0)));
    }
}

#[test]
fn a_learned_number_needs_cases_of_its_own_or_near_ones_else_the_playbook_stands() {
    let facts = samples::facts();
    let shortage = Category::InventoryShortage;
    let thin = |evidence: Option<&Evidence>| {
        let effect = OneEffect { support: 3, ..one(ActionKind::SplitShipment, 1.0) };
        ranked_with(shortage, (&facts, evidence), Some(effect), risk(0.8))
    };
    let playbook = ranked(shortage, &facts, None, risk(0.8));
    let unsupported = thin(None);
    assert_eq!(unsupported.withheld, [Withheld::LittleSupport { cases: 3, needed: 20 }]);
    assert_eq!(unsupported.chosen(), None, "no recommended action");
    assert_eq!(
        (&unsupported.actions, unsupported.value),
        (&playbook.actions, playbook.value),
        "the playbook, to the bit"
    );
    let near = found(ActionKind::SplitShipment, 20, 0.95, 1.0);
    let borne_out = thin(Some(&near));
    assert_eq!(borne_out.withheld, []);
    let chosen = borne_out.chosen().unwrap();
    assert_eq!((chosen.action, chosen.score.unwrap().basis), (ActionKind::SplitShipment, ScoreBasis::Learned));
}

#[test]
fn a_recommendation_is_withheld_with_every_reason() {
    let facts = samples::facts();
    let shortage = Category::InventoryShortage;
    let reasons = |case: RankedCase| case.withheld;
    let noisy = Some(one(ActionKind::SplitShipment, 400.0));
    let noisy = reasons(ranked(shortage, &facts, noisy, risk(0.8)));
    assert!(matches!(noisy[..], [Withheld::GainInNoise { gain, noise }] if gain <= noise), "{noisy:?}");

    let known = |distance| {
        let effect = OneEffect { usual: Some(2.0), ..one(ActionKind::SplitShipment, 1.0) };
        let evidence = found(ActionKind::DoNothing, 20, 0.1, distance);
        ranked_with(shortage, (&facts, Some(&evidence)), Some(effect), risk(0.8))
    };
    assert_eq!(
        (known(1.5).withheld.as_slice(), known(1.5).actions[0].action),
        ([].as_slice(), ActionKind::SplitShipment)
    );
    assert_eq!(reasons(known(2.5)), [Withheld::Novel { distance: Some(2.5), usual: 2.0 }]);

    let mut unpromised = facts.clone();
    unpromised.line.as_mut().unwrap().promised_in_h = None;
    let effect = Some(one(ActionKind::SplitShipment, 1.0));
    let unpromised = reasons(ranked(shortage, &unpromised, effect, risk(0.8)));
    let label = "hours to the promised ship date".to_owned();
    assert_eq!(unpromised, [Withheld::MissingCritical { feature: "slack_h".to_owned(), label }]);
    assert_eq!(unpromised[0].to_string(), "it hangs on what is not known: hours to the promised ship date");

    let mut invoiced = facts;
    (invoiced.invoice.blocked, invoiced.invoice.uninvoiced_h) = (false, None);
    let invoiced = ranked(Category::InvoiceReleaseDelay, &invoiced, None, risk(0.8));
    assert_eq!(invoiced.withheld[0], Withheld::NoAllowedAction);
    assert!(invoiced.actions[0].score.is_some(), "the playbook is still in order");
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
