//! Effects shrink to what was believed, and follow the cases as these grow.

use holdfast_training::ranking::effect::{EffectError, EffectRow, EffectTable, Prior};

fn cases(category: &str, action: &str, count: usize, missed: usize) -> Vec<EffectRow> {
    (0..count)
        .map(|row| EffectRow {
            category: category.into(),
            action: action.into(),
            predicted_miss: 0.5,
            missed: row < missed,
        })
        .collect()
}

fn prior(relief: f64, weight: f64) -> Prior {
    Prior { category: "stock".into(), action: "expedite".into(), relief, weight }
}

#[test]
fn relief_is_the_weighted_mean_of_belief_and_cases() {
    // 30 cases, 15 predicted misses, 3 observed: ratio .2; belief .5 worth 10 cases: (10·.5 + 30·.2) / 40 = .275.
    let table = EffectTable::fit(&cases("stock", "expedite", 30, 3), &[prior(0.5, 10.0)]).unwrap();
    let effect = table.effect("stock", "expedite");
    assert!((effect.relief - 0.725).abs() < 1e-12, "{effect:?}");
    assert_eq!(effect.cases, 30);
    // Gamma: shape 10·.5·.5 + 3 = 5.5, rate 10·.5 + 15 = 20.
    assert!((effect.sd - 5.5f64.sqrt() / 20.0).abs() < 1e-12, "{effect:?}");
}

#[test]
fn cases_outweigh_belief_as_they_grow_and_doubt_falls() {
    let fit = |count: usize| {
        let table = EffectTable::fit(&cases("stock", "expedite", count, count / 10), &[prior(0.0, 20.0)]).unwrap();
        table.effect("stock", "expedite")
    };
    let (none, some, many) = (fit(0), fit(40), fit(4000));
    assert!(none.relief.abs() < 1e-12);
    assert!(none.relief < some.relief && some.relief < many.relief && many.relief < 0.8);
    assert!(none.sd > some.sd && some.sd > many.sd);
}

#[test]
fn an_action_that_hurts_has_negative_relief_within_bounds() {
    let table = EffectTable::fit(&cases("stock", "split", 100, 80), &[]).unwrap();
    let effect = table.effect("stock", "split");
    assert!(effect.relief < -0.4 && effect.relief >= -1.0, "{effect:?}");
    let mut certain = cases("stock", "split", 500, 500);
    certain.iter_mut().for_each(|row| row.predicted_miss = 0.0);
    assert!((EffectTable::fit(&certain, &[]).unwrap().effect("stock", "split").relief + 1.0).abs() < 1e-12);
}

#[test]
fn pairs_never_seen_borrow_from_the_action_and_unknown_actions_do_nothing() {
    let table = EffectTable::fit(&cases("stock", "expedite", 200, 20), &[]).unwrap();
    let elsewhere = table.effect("carrier", "expedite");
    assert!(elsewhere.relief > 0.5 && elsewhere.cases == 0, "{elsewhere:?}");
    assert!(elsewhere.sd > table.effect("stock", "expedite").sd);
    let unknown = table.effect("stock", "pray");
    assert!(unknown.relief.abs() < 1e-12 && unknown.sd > 0.0 && unknown.cases == 0);
}

#[test]
fn it_reads_back_and_does_not_depend_on_row_order() {
    let mut rows = cases("stock", "expedite", 30, 3);
    rows.extend(cases("carrier", "rebook", 20, 9));
    let table = EffectTable::fit(&rows, &[prior(0.3, 5.0)]).unwrap();
    let bytes = serde_json::to_vec(&table).unwrap();
    assert_eq!(serde_json::from_slice::<EffectTable>(&bytes).unwrap(), table);
    rows.reverse();
    let again = EffectTable::fit(&rows, &[prior(0.3, 5.0)]).unwrap();
    assert_eq!(serde_json::to_vec(&again).unwrap(), bytes);
}

#[test]
fn unusable_rows_and_priors_are_named() {
    let mut rows = cases("stock", "expedite", 3, 0);
    rows[2].predicted_miss = f64::NAN;
    assert!(matches!(EffectTable::fit(&rows, &[]), Err(EffectError::Probability { row: 2, .. })));
    for odd in [prior(1.1, 1.0), prior(0.0, 0.0), prior(f64::NAN, 1.0), prior(0.0, f64::INFINITY)] {
        assert!(matches!(EffectTable::fit(&[], &[odd]), Err(EffectError::Prior { .. })));
    }
    let twice = EffectTable::fit(&[], &[prior(0.1, 1.0), prior(0.2, 1.0)]).unwrap_err();
    assert!(twice.to_string().contains("given twice"));
    assert!(EffectTable::fit(&[], &[]).unwrap().effect("a", "b").sd.is_finite());
}
