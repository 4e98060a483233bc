//! Exploration: bounded on any input, capped over all who ask, drawn again from the record.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use anyhow::ensure;
use holdfast::domain::action::{ActionKind, Candidate, RiskTier, Score, ScoreBasis};
use holdfast::domain::case::Category;
use holdfast::domain::choice::Exploration;
use holdfast::domain::decision::{Decision, RankedCase, Withheld};
use holdfast::flow::decide::catalogue::{BUILT_IN, Catalogue};
use holdfast::flow::decide::explore::{ExplorationSettings, choose};
use holdfast::flow::decide::inline::InlineCase;
use holdfast::flow::decide::prioritize::{PrioritizeRequest, prioritize, replay};
use holdfast::flow::services::Settings;
use proptest::prelude::*;
use serde_json::{Map, json};

use super::world::ada;
use crate::support::services::World;
use crate::support::stores::{TestStore, on_each_store};

on_each_store!(the_cap_holds_and_the_record_draws_again);

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| Catalogue::load(BUILT_IN).unwrap());

fn candidate() -> impl Strategy<Value = Candidate> {
    let tiers = [RiskTier::None, RiskTier::Low, RiskTier::Medium, RiskTier::High];
    (prop::sample::select(ActionKind::ALL.to_vec()), prop::sample::select(tiers.to_vec()), any::<bool>(), 0.0..60.0)
        .prop_map(|(action, tier, refused, expected_cost)| Candidate {
            action,
            title: action.name().to_owned(),
            parameters: Map::new(),
            refused: if refused { vec!["no".to_owned()] } else { Vec::new() },
            quote: None,
            tier,
            latest_useful_at: None,
            score: (!refused).then_some(Score {
                quote: 0.0,
                miss_probability: 0.5,
                penalty: 0.0,
                residual: expected_cost,
                expected_cost,
                deviation: 0.0,
                support: 0,
                basis: ScoreBasis::Believed,
            }),
        })
}

/// A case with each kind of action at most once, allowed ones first and by cost, as they are ranked.
fn case() -> impl Strategy<Value = RankedCase> {
    let withheld = prop_oneof![4 => Just(Vec::new()), 1 => Just(vec![Withheld::NoAllowedAction])];
    (prop::collection::vec(candidate(), 0..10), "[a-f]", withheld).prop_map(|(mut actions, reference, withheld)| {
        let mut seen = BTreeSet::new();
        actions.retain(|candidate| seen.insert(candidate.action));
        let cost = |candidate: &Candidate| candidate.score.map_or(f64::INFINITY, |score| score.expected_cost);
        actions.sort_by(|a, b| cost(a).total_cmp(&cost(b)));
        RankedCase {
            queue: None,
            case_id: None,
            reference: Some(reference),
            category: Category::InventoryShortage,
            order_id: None,
            line_no: None,
            risk: None,
            abstained: None,
            fallback: None,
            at_stake: None,
            latest_useful_at: None,
            withheld,
            evidence: None,
            value: 0.0,
            priority: 0.0,
            actions,
            choice: None,
        }
    })
}

fn basis() -> impl Strategy<Value = Option<Exploration>> {
    let given = (0.0..=1.0, 0.0..40.0, 0_u32..5, "[0-9a-f]{20}", prop::collection::vec("inline:[a-f]", 0..3));
    prop::option::weighted(
        0.9,
        given.prop_map(|(share, tie_cost, left, entropy, held)| Exploration {
            day: "2026-03-02".to_owned(),
            share,
            tie_cost,
            entropy,
            left,
            held,
        }),
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn only_near_ties_that_can_be_undone_are_explored_and_the_cap_holds(
        mut cases in prop::collection::vec(case(), 1..8),
        basis in basis(),
    ) {
        let fresh = choose(&mut cases, basis.as_ref(), &CATALOGUE);
        let again = { let mut again = cases.clone(); choose(&mut again, basis.as_ref(), &CATALOGUE); again };
        prop_assert_eq!(&again, &cases, "drawn again, it is the same");
        let mut explored = BTreeSet::new();
        for case in &cases {
            let best = case.actions.first().filter(|best| best.refused.is_empty());
            let Some(choice) = &case.choice else {
                prop_assert!(best.is_none() || !case.withheld.is_empty());
                continue;
            };
            prop_assert!(case.withheld.is_empty());
            let best = best.unwrap();
            let chosen = &case.actions[choice.position];
            prop_assert_eq!(chosen.action, choice.action);
            prop_assert_eq!(choice.explored, choice.position != 0);
            prop_assert!((choice.chances.iter().map(|chance| chance.probability).sum::<f64>() - 1.0).abs() < 1e-9);
            prop_assert!(choice.propensity() > 0.0);
            for chance in choice.chances.iter().filter(|chance| chance.position > 0 && chance.probability > 0.0) {
                let other = &case.actions[chance.position];
                let basis = basis.as_ref().unwrap();
                prop_assert!(other.refused.is_empty() && other.tier == best.tier);
                let reversible = |kind| CATALOGUE.entry(kind).spec.reversible;
                prop_assert!(reversible(other.action) && reversible(best.action));
                prop_assert!(other.score.unwrap().expected_cost - best.score.unwrap().expected_cost <= basis.tie_cost);
            }
            if choice.explored {
                explored.insert(format!("inline:{}", case.reference.as_ref().unwrap()));
            }
        }
        let held: BTreeSet<String> = basis.iter().flat_map(|basis| basis.held.iter().cloned()).collect();
        let new: BTreeSet<String> = explored.difference(&held).cloned().collect();
        prop_assert_eq!(&new, &fresh.iter().cloned().collect());
        prop_assert!(new.len() <= basis.map_or(0, |basis| basis.left as usize), "the cap holds");
    }
}

/// Shortages that are worth asking somebody about: several actions of the low tier lie close together.
fn inline(number: usize) -> InlineCase {
    let name = format!("SO-{number}");
    let order = json!({ "order_id": name, "currency": "EUR", "value": 20000.0, "due_in_h": 100.0 });
    let line = json!({ "line_no": 1, "sku": "A", "quantity": 5.0, "value": 20000.0 });
    InlineCase {
        opened_at: None,
        attributes: serde_json::Map::new(),
        category: Category::InventoryShortage,
        facts: json!({ "order": order, "line": line }),
        reference: name,
        features: None,
    }
}

fn explored(decision: &Decision) -> Vec<&RankedCase> {
    decision.output.iter().filter(|case| case.choice.as_ref().is_some_and(|choice| choice.explored)).collect()
}

async fn the_cap_holds_and_the_record_draws_again(store: &TestStore) -> anyhow::Result<()> {
    let exploration = ExplorationSettings { share: 0.5, tie_cost: 1000.0, per_day: 12 };
    let world = World::with(&store.store, Settings { exploration, ..Settings::default() })?;
    let ask = async |numbers: std::ops::Range<usize>| {
        let request = PrioritizeRequest { inline: numbers.map(inline).collect(), ..PrioritizeRequest::default() };
        prioritize(&world.services, request, &ada()).await
    };
    let (a, b, c) = tokio::join!(ask(0..20), ask(20..40), ask(40..60));
    let decisions = [a?, b?, c?];
    let number = decisions.iter().map(|decision| explored(decision).len()).sum::<usize>();
    ensure!(number == 12, "half of sixty would be explored, and twelve may be: {number}");
    for decision in &decisions {
        let found = replay(&world.services, decision.id).await?;
        ensure!(found.identical, "{found:?}");
    }
    let mine = decisions.iter().find(|decision| !explored(decision).is_empty()).unwrap();
    let choice = explored(mine)[0].choice.clone().unwrap();
    ensure!(choice.position > 0 && choice.propensity() < 0.5 && choice.chances[0].probability > 0.5, "{choice:?}");
    let same = ask(0..60).await?;
    ensure!(explored(&same).len() == 12, "the same cases are explored all day: {}", explored(&same).len());
    world.pass_h(24);
    let next = ask(0..60).await?;
    ensure!(explored(&next).len() == 12, "the next day has a cap of its own");
    let off = World::over(&store.store)?;
    let request = PrioritizeRequest { inline: (0..60).map(inline).collect(), ..PrioritizeRequest::default() };
    let decision = prioritize(&off.services, request, &ada()).await?;
    ensure!(explored(&decision).is_empty() && decision.exploration.is_none(), "off by default");
    ensure!(decision.output.iter().all(|case| case.choice.as_ref().is_some_and(|c| c.propensity() == 1.0)));
    Ok(())
}
