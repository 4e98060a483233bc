//! The effect model: terms that sum, costs near the truth, and the same bytes for the same seed.

use holdfast_training::ranking::archive::Novelty;
use holdfast_training::ranking::case::{Case, CaseError, Resolved};
use holdfast_training::ranking::choose::{Abstention, ChooseOptions, choose};
use holdfast_training::ranking::cost::{CostError, CostModel, CostOptions};

use super::exceptions::{self, EXPEDITE, WAIT, resolved, schema};
use crate::support::Random;

fn fit(rows: &[Resolved], seed: u64) -> CostModel {
    CostModel::fit(&schema(), rows, &CostOptions { seed, ..CostOptions::default() }).unwrap()
}

/// Share of the way from waiting to the best action.
fn gap(model: &CostModel) -> f64 {
    let mut random = Random(99);
    let [mut waiting, mut ours, mut best] = [0.0; 3];
    for _ in 0..500 {
        let case = exceptions::case(&mut random);
        let scores = model.score(&case).unwrap();
        let choice = choose(&scores, Some(WAIT), None, schema().missing_critical(&case), &ChooseOptions::default());
        waiting += exceptions::cost(&case, WAIT);
        ours += exceptions::cost(&case, choice.order[0]);
        best += (0..3).map(|action| exceptions::cost(&case, action)).fold(f64::INFINITY, f64::min);
    }
    (waiting - ours) / (waiting - best)
}

#[test]
fn it_closes_most_of_the_gap_and_more_of_it_with_more_cases() {
    let [thin, few, many] = [60, 600, 4000].map(|rows| gap(&fit(&resolved(rows, 1), 1)));
    assert!(thin > 0.4, "{thin}");
    assert!(few > thin && many > 0.9, "{thin} {few} {many}");
}

#[test]
fn every_term_is_visible_and_they_sum() {
    let model = fit(&resolved(2000, 2), 2);
    let mut random = Random(5);
    let (mut off, mut misses) = (0.0, 0.0);
    for _ in 0..200 {
        let case = exceptions::case(&mut random);
        let scores = model.score(&case).unwrap();
        assert_eq!(scores.len(), 3);
        for score in scores {
            assert!((score.quote + score.miss * score.penalty + score.residual - score.cost).abs() < 1e-9);
            assert!(score.deviation > 0.0 && score.support > 100 && (0.0..=1.0).contains(&score.miss));
            off += (score.cost - exceptions::cost(&case, score.action)).abs() / 600.0;
            misses += (score.miss - exceptions::miss(&case, score.action)).abs() / 600.0;
        }
    }
    assert!(off < 15.0 && misses < 0.1, "{off} {misses}");
}

#[test]
fn the_same_seed_gives_the_same_bytes_on_any_number_of_threads_and_they_read_back() {
    let rows = resolved(800, 3);
    let bytes = |threads: usize, seed: u64| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| serde_json::to_vec(&fit(&rows, seed)).unwrap())
    };
    let one = bytes(1, 4);
    assert_eq!(one, bytes(3, 4));
    assert_ne!(one, bytes(1, 5));
    let back: CostModel = serde_json::from_slice(&one).unwrap();
    let case = exceptions::case(&mut Random(6));
    assert_eq!(back.score(&case).unwrap(), fit(&rows, 4).score(&case).unwrap());
}

#[test]
fn odd_rows_and_settings_are_named_and_thin_ones_are_enough() {
    let fails = |change: &dyn Fn(&mut Resolved)| {
        let mut rows = resolved(30, 7);
        change(&mut rows[4]);
        match CostModel::fit(&schema(), &rows, &CostOptions::default()) {
            Err(CostError::Case(error)) => error,
            other => panic!("{other:?}"),
        }
    };
    assert!(matches!(fails(&|row| row.taken = 3), CaseError::Code { row: 4, .. }));
    assert!(matches!(fails(&|row| row.cost = f64::NAN), CaseError::Number { row: 4, .. }));
    assert!(matches!(fails(&|row| row.case.penalty = -1.0), CaseError::Number { row: 4, .. }));
    assert!(matches!(fails(&|row| row.case.category = 2), CaseError::Code { row: 4, .. }));
    assert!(matches!(fails(&|row| row.case.features[2] = 0.5), CaseError::Code { row: 4, .. }));
    assert!(matches!(fails(&|row| row.case.features.truncate(1)), CaseError::Width { row: 4, .. }));
    let none = CostModel::fit(&schema(), &[], &CostOptions::default());
    assert!(matches!(none, Err(CostError::Case(CaseError::Empty))));
    let odd = CostOptions { members: 0, ..CostOptions::default() };
    assert!(matches!(CostModel::fit(&schema(), &resolved(30, 7), &odd), Err(CostError::Setting { .. })));
    // One case, and a case with nothing known.
    let case = Case { features: vec![f64::NAN; 3], ..exceptions::case(&mut Random(8)) };
    let scores = fit(&resolved(1, 8), 0).score(&case).unwrap();
    assert!(scores.iter().all(|score| score.cost.is_finite() && score.deviation.is_finite()));
}

#[test]
fn it_abstains_with_every_reason() {
    let model = fit(&resolved(2000, 9), 9);
    let options = ChooseOptions::default();
    let mut random = Random(10);
    let mut case = exceptions::case(&mut random);
    case.features = vec![0.0, 0.0, 1.0];
    let judge = |case: &Case, novelty: Option<Novelty>, options: &ChooseOptions| {
        let scores = model.score(case).unwrap();
        choose(&scores, Some(WAIT), novelty, schema().missing_critical(case), options)
    };
    let clear = judge(&case, Some(Novelty { distance: 1.0, usual: 2.0 }), &options);
    assert_eq!(clear.recommended(), Some(EXPEDITE), "{clear:?}");
    assert!(clear.value > 10.0 && (clear.value_per_minute - clear.value / 12.0).abs() < 1e-12);
    let novel = judge(&case, Some(Novelty { distance: 3.0, usual: 2.0 }), &options);
    assert!(matches!(novel.abstentions[..], [Abstention::Novel { .. }]) && novel.recommended().is_none());
    let demanding = ChooseOptions { support_min: 1_000_000, ..options };
    assert!(matches!(judge(&case, None, &demanding).abstentions[..], [Abstention::LittleSupport { .. }]));
    let doubtful = ChooseOptions { gain_deviations: 1e6, ..options };
    assert!(matches!(judge(&case, None, &doubtful).abstentions[..], [Abstention::GainInNoise { .. }]));
    let mut blind = case.clone();
    blind.features[0] = f64::NAN;
    let abstained = judge(&blind, None, &options);
    assert_eq!(abstained.abstentions[0].to_string(), "`slack` is not known");
    let closed = Case { candidates: Vec::new(), ..case };
    assert_eq!(judge(&closed, None, &options).abstentions, [Abstention::NoAllowedAction]);
}
