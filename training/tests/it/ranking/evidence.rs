//! What the nearest resolved cases say.

use holdfast_training::ranking::archive::{Archive, Neighbour, blend, evidence, usual_distance};

use super::exceptions::{self, resolved, schema};
use crate::support::Random;

fn neighbour(action: usize, missed: bool, cost: f64, resolve_hours: f64) -> Neighbour {
    Neighbour { row: 0, distance: 1.0, action, missed, cost, resolve_hours }
}

#[test]
fn it_counts_per_action_with_intervals_and_medians() {
    let found = evidence(&[
        neighbour(1, false, 10.0, 4.0),
        neighbour(1, true, 40.0, 1.0),
        neighbour(1, false, 10.0, 2.0),
        neighbour(1, false, 20.0, 9.0),
        neighbour(0, true, 80.0, 7.0),
    ]);
    assert_eq!(found.iter().map(|one| (one.action, one.count)).collect::<Vec<_>>(), [(1, 4), (0, 1)]);
    let first = found[0];
    assert!((first.on_time - 0.75).abs() < 1e-12 && (first.cost_mean - 20.0).abs() < 1e-12);
    assert!((first.resolve_hours_median - 3.0).abs() < 1e-12);
    // Wilson 1927, 3 of 4.
    assert!((first.on_time_low - 0.3006).abs() < 1e-4 && (first.on_time_high - 0.9544).abs() < 1e-4, "{first:?}");
    assert!(found[1].on_time_low.abs() < 1e-9 && found[1].on_time_high > 0.7, "one of one is not certainty");
    assert!(evidence(&[]).is_empty());
}

#[test]
fn it_moves_a_cost_while_data_is_thin() {
    let found = evidence(&[neighbour(1, false, 10.0, 1.0), neighbour(1, false, 10.0, 1.0)]);
    let at = |support: usize| blend(40.0, support, found.first(), 2.0);
    assert!((at(0) - 25.0).abs() < 1e-12);
    assert!(at(10) > at(0) && at(1000) > 39.9);
    assert!((blend(40.0, 0, None, 2.0) - 40.0).abs() < 1e-12);
}

#[test]
fn the_archive_finds_the_nearest_of_the_category_and_what_is_novel() {
    let rows = resolved(1500, 1);
    let archive = Archive::new(&schema(), &rows).unwrap();
    let known = &rows[17].case;
    let found = archive.nearest(known, 20).unwrap();
    assert_eq!((found.len(), found[0].row), (20, 17));
    assert!(found[0].distance < 1e-9 && found.windows(2).all(|pair| pair[0].distance <= pair[1].distance));
    assert!(found.iter().all(|one| rows[one.row].case.category == known.category));
    let mut random = Random(3);
    let novel = (0..300).filter(|_| archive.novelty(&exceptions::case(&mut random)).unwrap().is_novel()).count();
    assert!(novel <= 9, "{novel} of 300 ordinary cases");
    let mut odd = known.clone();
    odd.features[1] = 40.0;
    assert!(archive.novelty(&odd).unwrap().is_novel());
    odd.features.pop();
    assert!(archive.nearest(&odd, 5).is_err());
}

#[test]
fn what_is_not_searched_together_makes_nothing_look_near() {
    let line = |from: f64| -> Vec<(usize, Vec<f64>)> { (0..40).map(|at| (at, vec![from + at as f64])).collect() };
    let (euro, dollar) = (line(0.0), line(0.5));
    // From the end of a line the fifth-nearest is five steps away.
    assert!((usual_distance(std::slice::from_ref(&euro)) - 5.0).abs() < 1e-12);
    assert!((usual_distance(&[euro.clone(), dollar.clone()]) - 5.0).abs() < 1e-12);
    assert!((usual_distance(&[[euro, dollar].concat()]) - 2.5).abs() < 1e-12, "where they lie between each other");
    assert!(usual_distance(&[line(0.0)[..5].to_vec()]).abs() < 1e-12);
}
