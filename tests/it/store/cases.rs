//! Exception cases and the worklist.

use std::slice;

use anyhow::{Context as _, ensure};
use holdfast::domain::case::{Case, CaseKey, CaseState, Category, Severity};
use holdfast::domain::ids::{CaseId, Entropy};
use holdfast::ports::store::StoreError;
use holdfast::ports::store::cases::{CaseCursor, CaseFilter};

use super::samples::{assessment, at, case, entropy};
use crate::support::stores::{TestStore, on_each_store};

on_each_store!(
    case_is_read_back_whole_and_guarded_by_version,
    key_has_one_open_case,
    rivals_open_one_case,
    cases_of_an_order,
    worklist_pages_over_equal_priorities,
    filters_and_facets,
);

async fn insert(db: &TestStore, cases: &[Case]) -> Result<(), StoreError> {
    let mut tx = db.store.write().await?;
    for case in cases {
        tx.insert_case(case).await?;
    }
    tx.commit().await
}

fn cancelled(seconds: i64) -> CaseState {
    CaseState::Cancelled { at: at(seconds), reason: "typed twice".to_owned() }
}

fn some_cases(count: i64, entropy: &impl Entropy, priority: impl Fn(i64) -> Option<f64>) -> Vec<Case> {
    let id = |n| CaseId::new(at(n % 3), entropy);
    (0..count).map(|n| case(id(n), Category::CreditHold, &format!("O{n}"), priority(n))).collect()
}

async fn case_is_read_back_whole_and_guarded_by_version(db: &TestStore) -> anyhow::Result<()> {
    let new = case(CaseId::new(at(0), &entropy()), Category::InventoryShortage, "Ö 1", Some(0.1 + 0.2));
    insert(db, slice::from_ref(&new)).await?;
    ensure!(db.store.read().await?.case(new.id).await?.as_ref() == Some(&new));
    let mut tx = db.store.write().await?;
    let changed = Case { state: CaseState::Triaged { at: at(9) }, assignee: Some("eva".to_owned()), ..new.clone() };
    let written = tx.update_case(&changed).await?;
    ensure!(written == Case { version: 2, ..changed.clone() });
    ensure!(tx.case(new.id).await? == Some(written));
    ensure!(matches!(tx.update_case(&changed).await, Err(StoreError::Conflict(_))), "the version has moved on");
    ensure!(tx.case(CaseId::new(at(1), &entropy())).await?.is_none());
    Ok(())
}

async fn key_has_one_open_case(db: &TestStore) -> anyhow::Result<()> {
    let bits = entropy();
    let first = case(CaseId::new(at(0), &bits), Category::CreditHold, "O1", None);
    insert(db, slice::from_ref(&first)).await?;
    let second = Case { id: CaseId::new(at(1), &bits), ..first.clone() };
    ensure!(matches!(insert(db, slice::from_ref(&second)).await, Err(StoreError::Conflict(_))));
    let elsewhere = CaseKey { line_no: Some(1), ..first.key.clone() };
    insert(db, &[Case { id: CaseId::new(at(2), &bits), key: elsewhere.clone(), ..first.clone() }]).await?;

    let mut tx = db.store.write().await?;
    let closed = tx.update_case(&Case { state: cancelled(50), ..first.clone() }).await?;
    tx.insert_case(&second).await?;
    tx.commit().await?;
    let mut tx = db.store.read().await?;
    ensure!(tx.open_case(&first.key).await?.context("none open")?.id == second.id);
    ensure!(tx.closed_case_since(&first.key, at(49)).await? == Some(closed));
    ensure!(tx.closed_case_since(&first.key, at(50)).await?.is_none(), "only after, not at");
    ensure!(tx.closed_case_since(&elsewhere, at(0)).await?.is_none());
    Ok(())
}

async fn rivals_open_one_case(db: &TestStore) -> anyhow::Result<()> {
    let bits = entropy();
    let cases: Vec<_> = (0..4).map(|n| case(CaseId::new(at(n), &bits), Category::OrderChange, "O1", None)).collect();
    let inserts = cases.iter().map(|case| insert(db, slice::from_ref(case)));
    let mut opened = 0;
    let [a, b, c, d] = <[_; 4]>::try_from(inserts.collect::<Vec<_>>()).ok().context("four")?;
    let results = tokio::join!(a, b, c, d);
    for result in [results.0, results.1, results.2, results.3] {
        match result {
            Ok(()) => opened += 1,
            Err(error) => ensure!(matches!(error, StoreError::Conflict(_)), "{error}"),
        }
    }
    ensure!(opened == 1, "{opened} opened");
    Ok(())
}

async fn cases_of_an_order(db: &TestStore) -> anyhow::Result<()> {
    let bits = entropy();
    let old = Case {
        state: cancelled(5),
        opened_at: at(1),
        ..case(CaseId::new(at(9), &bits), Category::CreditHold, "O1", None)
    };
    let new = Case { opened_at: at(2), ..case(CaseId::new(at(8), &bits), Category::OrderChange, "O1", None) };
    let other = case(CaseId::new(at(7), &bits), Category::CreditHold, "O2", None);
    insert(db, &[old.clone(), new.clone(), other.clone()]).await?;
    let mut tx = db.store.read().await?;
    ensure!(tx.open_cases_of("O1").await? == slice::from_ref(&new));
    ensure!(tx.cases_of("O1").await? == [new, old.clone()]);
    let missing = CaseId::new(at(6), &bits);
    ensure!(tx.cases(&[other.id, missing, old.id]).await? == [other, old]);
    ensure!(tx.cases(&[]).await?.is_empty());
    Ok(())
}

async fn worklist_pages_over_equal_priorities(db: &TestStore) -> anyhow::Result<()> {
    let mut cases =
        some_cases(23, &entropy(), |n| (n % 4 != 0).then(|| f64::from(i32::try_from(n % 3).unwrap_or(0)) / 3.0));
    for case in cases.iter_mut().step_by(5) {
        case.state = cancelled(7);
    }
    insert(db, &cases).await?;
    let rank = |c: &Case| CaseCursor { priority: c.assessment.as_ref().map_or(0.0, |a| a.priority), id: c.id };
    cases.sort_by(|a, b| rank(b).priority.total_cmp(&rank(a).priority).then(b.id.cmp(&a.id)));
    for open in [None, Some(true), Some(false)] {
        let filter = CaseFilter { open, ..CaseFilter::default() };
        let mut tx = db.store.read().await?;
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = tx.list_cases(&filter, after, 4).await?;
            let Some(last) = page.last() else { break };
            after = Some(rank(last));
            seen.extend(page);
        }
        let wanted: Vec<_> = cases.iter().filter(|c| open.is_none_or(|o| o == c.state.is_open())).cloned().collect();
        ensure!(seen == wanted, "{open:?}: every case once and in order");
    }
    Ok(())
}

async fn filters_and_facets(db: &TestStore) -> anyhow::Result<()> {
    let mut cases = some_cases(12, &entropy(), |_| None);
    for (n, case) in cases.iter_mut().enumerate() {
        case.key.category = if n < 8 { Category::CreditHold } else { Category::OrderChange };
        case.severity = if n % 2 == 0 { Severity::Low } else { Severity::Critical };
        case.owner = if n % 3 == 0 { "finance" } else { "sales" }.to_owned();
        case.assignee = (n == 5).then(|| "eva".to_owned());
        if n == 11 {
            case.state = cancelled(1);
        }
    }
    insert(db, &cases).await?;
    let mut tx = db.store.write().await?;
    let filter = |change: fn(&mut CaseFilter)| {
        let mut filter = CaseFilter { open: Some(true), ..CaseFilter::default() };
        change(&mut filter);
        filter
    };
    for (filter, count) in [
        (filter(|_| ()), 11),
        (filter(|f| f.open = None), 12),
        (filter(|f| f.category = Some(Category::OrderChange)), 3),
        (filter(|f| f.severity = Some(Severity::Critical)), 5),
        (filter(|f| f.owner = Some("finance".to_owned())), 4),
        (filter(|f| f.assignee = Some("eva".to_owned())), 1),
        (filter(|f| f.order_id = Some("O4".to_owned())), 1),
        (filter(|f| f.state = Some("triaged".to_owned())), 0),
    ] {
        ensure!(tx.list_cases(&filter, None, 100).await?.len() == count, "{filter:?}");
        ensure!(usize::try_from(tx.case_facets(&filter).await?.total)? == count, "{filter:?}");
    }
    let facets = tx.case_facets(&filter(|f| f.open = None)).await?;
    ensure!(facets.category["credit_hold"] == 8 && facets.category["order_change"] == 4);
    ensure!(facets.state["new"] == 11 && facets.state["cancelled"] == 1);
    ensure!(facets.owner["finance"] == 4 && facets.owner["sales"] == 8);

    let mut first = cases.swap_remove(0);
    first.assessment = Some(assessment(9.5));
    first.severity = Severity::Medium;
    tx.update_case(&first).await?;
    ensure!(tx.list_cases(&filter(|_| ()), None, 1).await?[0].id == first.id, "an update moves it in the list");
    ensure!(tx.list_cases(&filter(|f| f.severity = Some(Severity::Medium)), None, 9).await?.len() == 1);
    Ok(())
}
