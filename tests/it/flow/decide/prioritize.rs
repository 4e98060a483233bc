//! Prioritizing: deterministic, recorded, replayable.

use std::sync::Arc;

use anyhow::{Context as _, ensure};
use holdfast::domain::action::ActionKind;
use holdfast::domain::case::Category;
use holdfast::domain::decision::Risk;
use holdfast::flow::decide::inline::InlineCase;
use holdfast::flow::decide::prioritize::{PrioritizeRequest, prioritize, replay};
use holdfast::ports::tabular::{RiskModel, TabularError};
use serde_json::{Value, json};

use super::world::{ada, code, short};
use crate::support::services::World;
use crate::support::stores::{TestStore, on_each_store};

on_each_store!(a_decision_is_recorded_and_replayed, inline_facts_and_features_by_name, what_cannot_be_asked_is_refused);

/// A model that was trained on a file with one column.
struct OneColumn;

impl RiskModel for OneColumn {
    fn risk(&self, schema_version: &str, features: &[Value]) -> Result<Risk, TabularError> {
        if schema_version != self.schema_version() {
            return Err(TabularError::Schema {
                model: self.version(),
                expected: self.schema_version(),
                actual: schema_version.to_owned(),
            });
        }
        let days = features[0].as_f64().unwrap_or(0.0);
        Ok(Risk {
            miss_probability: days / 10.0,
            reasons: vec![],
            model: self.version(),
            model_digest: "d".into(),
            ships: None,
            ships_basis: None,
        })
    }

    fn version(&self) -> String {
        "file-model/1".to_owned()
    }

    fn feature_names(&self) -> Vec<String> {
        vec!["days_late_before".to_owned()]
    }

    fn schema_version(&self) -> String {
        "file/1".to_owned()
    }
}

async fn a_decision_is_recorded_and_replayed(store: &TestStore) -> anyhow::Result<()> {
    let world = World::over(&store.store)?;
    let case = short(&world).await?;
    let request = PrioritizeRequest { ids: vec![case.id, case.id], explain: true, ..PrioritizeRequest::default() };
    let decision = prioritize(&world.services, request.clone(), &ada()).await?;
    let [ranked] = decision.output.as_slice() else { anyhow::bail!("{decision:?}") };
    ensure!(ranked.case_id == Some(case.id) && ranked.abstained.as_deref().is_some_and(|why| why.contains("no risk")));
    ensure!(ranked.actions.iter().any(|candidate| candidate.action == ActionKind::DoNothing));
    ensure!(ranked.actions.iter().any(|candidate| !candidate.refused.is_empty()), "explained: {ranked:?}");
    let again = prioritize(&world.services, request.clone(), &ada()).await?;
    ensure!(again == decision, "the same state at the same time is the same decision");
    let stored = world.services.store.read().await?.decision(decision.id).await?.context("not kept")?;
    ensure!(stored == decision, "as answered, so as kept");
    let same = replay(&world.services, decision.id).await?;
    ensure!(same.identical && same.differences.is_empty(), "{same:?}");

    world.services.models.risk.set(Some(Arc::new(OneColumn)));
    let other = replay(&world.services, decision.id).await?;
    ensure!(!other.identical && other.differences[0].starts_with("`risk` was none, is file-model/1 now"), "{other:?}");
    world.pass_h(1);
    let later = prioritize(&world.services, request, &ada()).await?;
    ensure!(later.id != decision.id);
    let head = prioritize(&world.services, PrioritizeRequest::default(), &ada()).await?;
    ensure!(head.output.len() == 1 && head.output[0].actions.iter().all(|candidate| candidate.refused.is_empty()));
    Ok(())
}

fn inline(reference: &str, value: f64, features: Value) -> InlineCase {
    InlineCase {
        reference: reference.to_owned(),
        category: Category::InventoryShortage,
        facts: json!({ "order": { "order_id": reference, "currency": "EUR", "value": value, "due_in_h": 100.0 } }),
        opened_at: None,
        attributes: serde_json::Map::new(),
        features: features.as_object().cloned(),
    }
}

async fn inline_facts_and_features_by_name(store: &TestStore) -> anyhow::Result<()> {
    let world = World::over(&store.store)?;
    world.services.models.risk.set(Some(Arc::new(OneColumn)));
    let request = PrioritizeRequest {
        inline: vec![
            inline("small", 500.0, json!({ "days_late_before": 9 })),
            inline("large", 90000.0, json!({ "days_late_before": 9 })),
            inline("sure", 90000.0, json!({ "days_late_before": 0 })),
            inline("ours", 90000.0, Value::Null),
            inline("typo", 90000.0, json!({ "days_late": 0 })),
        ],
        as_of: Some("2026-03-02T09:00:00Z".parse()?),
        ..PrioritizeRequest::default()
    };
    let decision = prioritize(&world.services, request.clone(), &ada()).await?;
    let of = |name: &str| decision.output.iter().find(|case| case.reference.as_deref() == Some(name)).unwrap();
    ensure!(decision.output[0].reference.as_deref() == Some("large"), "{:?}", decision.output[0]);
    ensure!(of("large").risk.as_ref().is_some_and(|risk| risk.miss_probability == 0.9));
    ensure!(of("large").priority > of("small").priority && of("large").priority > of("sure").priority);
    ensure!(of("ours").abstained.as_deref().is_some_and(|why| why.contains("trained on feature schema file/1")));
    ensure!(of("typo").abstained.as_deref().is_some_and(|why| why.contains("has no feature `days_late`")));
    world.pass_h(5);
    let again = prioritize(&world.services, request.clone(), &ada()).await?;
    ensure!(again.id == decision.id && again == decision, "inline facts with their time do not depend on the clock");
    ensure!(replay(&world.services, decision.id).await?.identical);
    let first = prioritize(&world.services, PrioritizeRequest { max_results: Some(2), ..request }, &ada()).await?;
    ensure!(first.output == decision.output[..2] && replay(&world.services, first.id).await?.identical);
    Ok(())
}

async fn what_cannot_be_asked_is_refused(store: &TestStore) -> anyhow::Result<()> {
    let world = World::over(&store.store)?;
    let refused = async |request: PrioritizeRequest| match prioritize(&world.services, request, &ada()).await {
        Ok(decision) => format!("decided {}", decision.id),
        Err(error) => format!("{}: {error}", code(&error)),
    };
    let nobody = holdfast::domain::ids::CaseId(uuid::Uuid::from_u128(1));
    ensure!(refused(PrioritizeRequest { ids: vec![nobody], ..Default::default() }).await.starts_with("not-found"));
    let many = vec![nobody; 501];
    ensure!(refused(PrioritizeRequest { ids: many, ..Default::default() }).await.contains("at most 500"));
    let none = PrioritizeRequest { max_results: Some(0), ..Default::default() };
    ensure!(refused(none).await.contains("must be from 1 to 500"));
    let mut wrong = inline("x", 1.0, Value::Null);
    wrong.facts["order"]["currency"] = Value::Null;
    let error = refused(PrioritizeRequest { inline: vec![wrong], ..Default::default() }).await;
    ensure!(error.contains("`order.currency` is missing"), "{error}");
    let past = PrioritizeRequest { as_of: Some(world.now()), ..Default::default() };
    ensure!(refused(past).await.contains("goes with inline facts only"));
    Ok(())
}
