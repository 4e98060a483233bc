//! The linker's model: its bound, its bytes, its exact limit.

use holdfast_training::language::link::{LinkError, LinkModel, LinkOptions, Row, upper_limit};

/// Messages of four groups with three candidates each. The second feature names one of them; in every fifth message nothing does,
/// and a third of these belong nowhere.
fn rows() -> Vec<Row> {
    let row = |number: usize| {
        let (named, gold) = (!number.is_multiple_of(5), number % 3);
        let belongs = named || !number.is_multiple_of(15);
        let candidate = |at: usize| vec![at as f64, if named && at == gold { 1.0 } else { 0.0 }];
        Row {
            group: number % 4,
            candidates: (0..3).map(candidate).collect(),
            right: (0..3).map(|at| belongs && at == gold).collect(),
            message: vec![if named { 1.0 } else { 0.0 }],
            belongs,
            barred: number % 50 == 1,
        }
    };
    (0..800).map(row).collect()
}

fn trained() -> (LinkModel, holdfast_training::language::link::LinkReport) {
    let (model, report, _) =
        LinkModel::train(&rows(), &["place", "named"], &["named"], &LinkOptions::default()).unwrap();
    (model, report)
}

#[test]
fn what_is_named_is_linked_and_the_rest_is_not() {
    let (model, report) = trained();
    assert_eq!(report.messages, 800);
    assert!(report.wrong_upper <= 0.01 && report.wrong == 0, "{report:?}");
    let named = model.rank(&[vec![0.0, 0.0], vec![1.0, 1.0], vec![2.0, 0.0]], &[1.0]);
    assert_eq!(named.best, Some(1));
    assert!(named.probabilities[1] >= model.bound(), "{named:?}");
    let unnamed = model.rank(&[vec![0.0, 0.0], vec![1.0, 0.0]], &[0.0]);
    assert!(unnamed.probabilities.iter().all(|p| *p < model.bound()), "{unnamed:?}");
    assert!(model.rank(&[], &[0.0]).probabilities.is_empty());
}

#[test]
fn equal_rows_give_equal_bytes_that_read_back() {
    let (first, second) = (trained().0.to_bytes().unwrap(), trained().0.to_bytes().unwrap());
    assert_eq!(first, second);
    assert_eq!(LinkModel::from_bytes(&first).unwrap(), trained().0);
    let other = String::from_utf8(first).unwrap().replacen("\"format\":1", "\"format\":9", 1);
    assert!(matches!(LinkModel::from_bytes(other.as_bytes()), Err(LinkError::Format { found: 9 })));
}

#[test]
fn rows_that_do_not_fit_are_refused() {
    let mut odd = rows();
    odd[3].right.pop();
    let trained = LinkModel::train(&odd, &["place", "named"], &["named"], &LinkOptions::default());
    assert!(matches!(trained, Err(LinkError::Input { .. })));
}

/// Without a hit the limit has a closed form, `1 − (1 − confidence)^(1 / trials)`; at the limit, so few have a chance of 5 %.
#[test]
fn the_upper_limit_is_exact() {
    let closed = 1.0 - 0.05_f64.powf(1.0 / 299.0);
    assert!((upper_limit(0, 299, 0.95) - closed).abs() < 1e-9);
    // At the limit of 1 % the chance of so few is 5 %.
    let few: f64 = (0..=3).map(|k| binomial(k, 773)).sum();
    assert!((upper_limit(3, 773, 0.95) - 0.01).abs() < 1e-4, "{}", upper_limit(3, 773, 0.95));
    assert!((few - 0.05).abs() < 2e-3, "{few}");
    assert!((upper_limit(5, 5, 0.95) - 1.0).abs() < 1e-12 && (upper_limit(0, 0, 0.95) - 1.0).abs() < 1e-12);
}

/// The chance of `hits` among `trials` at 1 %.
fn binomial(hits: i32, trials: i32) -> f64 {
    let choose: f64 = (0..hits).map(|k| f64::from(trials - k) / f64::from(k + 1)).product();
    choose * 0.01_f64.powi(hits) * 0.99_f64.powi(trials - hits)
}
