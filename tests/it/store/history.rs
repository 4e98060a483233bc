//! What learning reads: assessments, outcomes, rates, decisions; and the model registry's records.

use std::collections::BTreeMap;

use anyhow::ensure;
use holdfast::domain::action::ActionKind;
use holdfast::domain::decision::Decision;
use holdfast::domain::ids::{AssessmentId, CaseId, DecisionId, Entropy};
use holdfast::domain::model::{ModelVersion, Serving, ServingRole};
use holdfast::domain::outcome::{Assessment, Outcome};
use holdfast::ports::store::StoreError;
use holdfast::ports::store::history::Rate;
use holdfast::ports::store::models::ModelState;
use serde_json::json;

use super::samples::{at, entropy, order_after};
use crate::support::stores::{TestStore, on_each_store};

on_each_store!(
    history_joins_what_came_of_it,
    rates_count,
    decision_is_kept_once,
    models_and_servings,
    what_a_version_has_heard_is_written_by_one_at_a_time,
);

fn assessment(bits: &impl Entropy, line_no: u32, seconds: i64, case_id: Option<CaseId>) -> Assessment {
    Assessment {
        id: AssessmentId::new(at(seconds), bits),
        order_id: "O1".to_owned(),
        line_no,
        case_id,
        category: None,
        as_of: at(seconds),
        schema_version: "1".to_owned(),
        features: vec![json!(0.1 + 0.2), json!("edi"), json!(null)],
        miss_probability: Some(0.7),
        model: None,
        ships: None,
        ships_basis: None,
        shadow: None,
        stakes: None,
    }
}

async fn history_joins_what_came_of_it(db: &TestStore) -> anyhow::Result<()> {
    let bits = entropy();
    let case_id = CaseId::new(at(0), &bits);
    let early = assessment(&bits, 1, 1, Some(case_id));
    let late = assessment(&bits, 1, 500, Some(case_id));
    let unknown = assessment(&bits, 2, 1, None);
    let foreign = Assessment { id: AssessmentId::new(at(1), &bits), schema_version: "2".to_owned(), ..early.clone() };
    let outcome = Outcome {
        order_id: "O1".to_owned(),
        line_no: 1,
        shipped_at: None,
        missed: true,
        split: false,
        costs: std::collections::BTreeMap::new(),
        known_at: at(900),
    };
    // At 101 s a failed action, at 102 s one of line 1, at 103 s one of the order, at 104 s one of line 2.
    let act = |action: &str, line_no: Option<u32>| json!({"order_id": "O1", "line_no": line_no, "action": action});
    let actions = vec![
        ("action.failed", act("upgrade_service", Some(1))),
        ("action.executed", act("split_shipment", Some(1))),
        ("action.executed", act("hold_order", None)),
        ("action.executed", act("cancel_line", Some(2))),
        ("action.executed", act("blow_a_kiss", Some(1))),
    ];
    let mut tx = db.store.write().await?;
    tx.put_order(&order_after("O1", at(100), actions)?, 0).await?;
    for assessment in [&late, &early, &unknown, &foreign] {
        tx.insert_assessment(assessment).await?;
    }
    ensure!(tx.insert_outcome(&outcome).await?);
    ensure!(!tx.insert_outcome(&Outcome { missed: false, ..outcome.clone() }).await?, "the first one stands");
    tx.commit().await?;
    let mut tx = db.store.read().await?;
    let rows = tx.history("1", None).await?;
    ensure!(rows.iter().map(|r| &r.assessment).eq([&early, &late]), "only lines with an outcome, by time");
    ensure!(rows.iter().all(|r| r.outcome == outcome));
    let assessed = tx.assessed("1", at(0)).await?;
    ensure!(
        assessed.len() == 3 && assessed.iter().filter(|(_, outcome)| outcome.is_none()).count() == 1,
        "open ones too"
    );
    ensure!(tx.assessed("1", at(500)).await? == [(late.clone(), Some(outcome.clone()))]);
    ensure!(rows[0].action == Some(ActionKind::SplitShipment) && rows[1].action.is_none());
    ensure!(tx.history("1", Some(at(500))).await?.len() == 1 && tx.history("1", Some(at(501))).await?.is_empty());
    ensure!(
        tx.assessments_of(case_id, 9).await? == [late.clone(), foreign.clone().max_id(&early), early.min_id(&foreign)]
    );
    ensure!(tx.assessments_of(case_id, 1).await? == std::slice::from_ref(&late));
    let of_line: Vec<_> = tx.assessments_of_line("O1", 1).await?.into_iter().map(|a| a.id).collect();
    ensure!(of_line.len() == 3 && of_line[2] == late.id, "oldest first: {of_line:?}");
    Ok(())
}

/// Of two assessments with one `as_of`, the newer id comes first.
trait ById {
    fn max_id(self, other: &Self) -> Self;
    fn min_id(self, other: &Self) -> Self;
}

impl ById for Assessment {
    fn max_id(self, other: &Self) -> Self {
        if self.id > other.id { self } else { other.clone() }
    }
    fn min_id(self, other: &Self) -> Self {
        if self.id < other.id { self } else { other.clone() }
    }
}

async fn rates_count(db: &TestStore) -> anyhow::Result<()> {
    let mut tx = db.store.write().await?;
    for missed in [true, false, true] {
        tx.add_to_rate("carrier", "C1", missed).await?;
    }
    tx.add_to_rate("sku", "C1", false).await?;
    ensure!(tx.rate("carrier", "C1").await? == Rate { cases: 3, missed: 2 });
    ensure!(tx.rate("carrier", "C2").await? == Rate::default());
    Ok(())
}

async fn decision_is_kept_once(db: &TestStore) -> anyhow::Result<()> {
    let decision = Decision {
        id: DecisionId::of_digest(&[3; 32]),
        as_of: at(0),
        input: vec![json!({"x": 1e-7})],
        versions: BTreeMap::from([("catalogue".to_owned(), "d1".to_owned())]),
        output: Vec::new(),
        exploration: None,
        plan: None,
    };
    let mut tx = db.store.write().await?;
    tx.insert_decision(&decision).await?;
    tx.insert_decision(&decision).await?;
    tx.commit().await?;
    let mut tx = db.store.read().await?;
    ensure!(tx.decision(decision.id).await? == Some(decision));
    ensure!(tx.decision(DecisionId::of_digest(&[4; 32])).await?.is_none());
    Ok(())
}

async fn models_and_servings(db: &TestStore) -> anyhow::Result<()> {
    let version = |name: &str, version: &str, seconds| ModelVersion {
        name: name.to_owned(),
        version: version.to_owned(),
        digest: "d".to_owned(),
        path: format!("{name}/{version}"),
        trained_by: "person:eva".to_owned(),
        registered_at: at(seconds),
        metrics: BTreeMap::from([("auc".to_owned(), 0.1 + 0.2)]),
        beats_baseline: true,
        origin: None,
    };
    let serving = |name: &str, version: &str, seconds| Serving {
        name: name.to_owned(),
        version: version.to_owned(),
        digest: "d".to_owned(),
        from: at(seconds),
        because: "bootstrap".to_owned(),
        role: ServingRole::Champion,
        share: None,
        approved_by: Vec::new(),
    };
    let versions = [version("intents", "1", 5), version("miss-risk", "10", 3), version("miss-risk", "9", 2)];
    let servings = [serving("miss-risk", "9", 1), serving("intents", "1", 2), serving("miss-risk", "10", 2)];
    let mut tx = db.store.write().await?;
    for version in versions.iter().rev() {
        tx.insert_model_version(version).await?;
    }
    for serving in &servings {
        tx.insert_serving(serving).await?;
    }
    ensure!(tx.model_versions().await? == versions);
    ensure!(tx.model_version("miss-risk", "9").await?.as_ref() == versions.last());
    ensure!(tx.model_version("miss-risk", "1").await?.is_none());
    ensure!(tx.servings(None).await?.iter().eq(servings.iter().rev()));
    ensure!(tx.servings(Some("intents")).await? == servings[1..2]);
    ensure!(matches!(tx.insert_model_version(&versions[0]).await, Err(StoreError::Conflict(_))));
    Ok(())
}

async fn what_a_version_has_heard_is_written_by_one_at_a_time(db: &TestStore) -> anyhow::Result<()> {
    let state = |document: &str, revision| ModelState {
        model: "miss-risk/1".to_owned(),
        document: document.to_owned(),
        revision,
    };
    let mut tx = db.store.write().await?;
    ensure!(tx.model_state("miss-risk/1").await?.is_none());
    tx.put_model_state(&state("a", 0)).await?;
    ensure!(tx.model_state("miss-risk/1").await? == Some(state("a", 1)));
    tx.put_model_state(&state("b", 1)).await?;
    tx.commit().await?;
    let mut tx = db.store.write().await?;
    ensure!(matches!(tx.put_model_state(&state("c", 1)).await, Err(StoreError::Conflict(_))), "it is at 2 by now");
    drop(tx);
    ensure!(db.store.read().await?.model_state("miss-risk/1").await? == Some(state("b", 2)));
    Ok(())
}
