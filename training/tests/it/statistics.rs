//! Tails against other implementations (SciPy 1.17, or every permutation counted), far from the centre.

use holdfast_training::tabular::statistics::{exact, normal, saddlepoint};

fn near(found: f64, expected: f64, relative: f64) {
    assert!((found / expected - 1.0).abs() < relative, "{found:e} instead of {expected:e}");
}

#[test]
fn the_normal_law_keeps_its_digits() {
    for (z, expected) in [(1.0, 1.586_552_54e-1), (5.0, 2.866_515_72e-7), (30.0, 4.906_713_93e-198)] {
        near(normal::tail(z), expected, 1e-8);
    }
    for (p, expected) in [(1e-300, -37.047_096_5), (1e-12, -7.034_483_83), (0.3, -0.524_400_51), (0.975, 1.959_963_98)]
    {
        near(normal::quantile(p), expected, 1e-7);
    }
    assert_eq!(normal::quantile(0.5), 0.0);
    assert_eq!((normal::quantile(0.0), normal::quantile(1.0)), (f64::NEG_INFINITY, f64::INFINITY));
    assert_eq!(normal::quantile(f64::NAN), f64::NEG_INFINITY);
}

#[test]
fn wilson_by_hand() {
    // 8 of 10: centre (0.8 + 1.96²/20) / (1 + 1.96²/10).
    let (low, high) = normal::wilson(8.0, 10.0, 1.96);
    near(low, 0.490_157, 1e-5);
    near(high, 0.943_318, 1e-5);
    assert_eq!(normal::wilson(0.0, 0.0, 1.96), (0.0, 1.0));
    assert!(normal::wilson(0.0, 5.0, 1.96).0.abs() < 1e-12);
}

#[test]
fn fishers_exact_test() {
    let cases = [
        ((100, 30, 20, 12), 0.003_661_218_849_448),
        ((5200, 40, 200, 10), 3.497_921_450_36e-6),
        ((5200, 40, 200, 0), 0.414_073_195_9),
        ((10_000, 1, 50, 1), 0.01),
    ];
    for ((total, marked, drawn, found), expected) in cases {
        near(exact::hypergeometric_two_sided(total, marked, drawn, found), expected, 1e-8);
    }
    assert_eq!(exact::hypergeometric_two_sided(10, 3, 2, 3), 0.0);
    assert_eq!(exact::hypergeometric_two_sided(0, 0, 0, 0), 1.0);
}

#[test]
fn kolmogorov_smirnov_counts_paths_and_ties() {
    let rising = |count: i32, shift: f64| (0..count).map(|x| f64::from(x) + shift).collect::<Vec<f64>>();
    let (distance, p) = exact::kolmogorov_smirnov(&rising(30, 0.0), &rising(40, 13.5));
    near(distance, 0.6, 1e-12);
    near(p, 3.060_161_439_53e-6, 1e-9);
    let (distance, p) = exact::kolmogorov_smirnov(&rising(60, 0.0), &rising(200, 40.5));
    near(distance, 0.905, 1e-12);
    near(p, 4.930_495_808_2e-42, 1e-9);
    let tied = exact::kolmogorov_smirnov(&[1., 1., 1., 2., 2., 3., 3.], &[3., 4., 4., 4., 5., 5., 5.]);
    near(tied.0, 6.0 / 7.0, 1e-12);
    near(tied.1, 16.0 / 3432.0, 1e-9);
    assert_eq!(exact::kolmogorov_smirnov(&[1.0], &[]), (0.0, 1.0));
    assert_eq!(exact::kolmogorov_smirnov(&[f64::NAN], &[f64::NAN]).1, 1.0);
}

#[test]
fn sums_of_ranks_as_counted() {
    // Wilcoxon's rank sum: (first, second, U, exact two-sided probability).
    for (first, second, u, expected) in
        [(20usize, 20usize, 350.0, 1.564_634e-5), (20, 20, 380.0, 3.937_713e-8), (10, 50, 430.0, 1.408_112e-4)]
    {
        let pool: Vec<(f64, usize)> = (1..=first + second).map(|rank| (rank as f64, 1)).collect();
        let sum = u + (first * (first + 1)) as f64 / 2.0;
        near(saddlepoint::sampled_sum(&pool, first, sum), expected, 0.03);
    }
}

#[test]
fn tied_scores_err_on_the_safe_side() {
    // Seven of fifteen, all 6,435 ways counted; the steps of the sum are halved away.
    let pool = [(0.0, 6), (1.0, 5), (3.0, 4)];
    near(saddlepoint::sampled_sum(&pool, 7, 14.0), 0.021_756, 0.15);
    // All four threes and three of the five ones: ten ways.
    let largest = saddlepoint::sampled_sum(&pool, 7, 15.0);
    assert!(largest > 2.0 * 10.0 / 6435.0 * 0.7 && largest < 0.02, "{largest}");
    assert_eq!(saddlepoint::sampled_sum(&[(1.0, 9)], 3, 3.0), 1.0);
    assert_eq!(saddlepoint::sampled_sum(&[(1.0, 2), (2.0, 2)], 4, 6.0), 1.0);
}

#[test]
fn independent_outcomes_as_convolved() {
    let law: Vec<(f64, f64)> = (0..60).map(|i| (0.02 + 0.9 * (f64::from(i) / 60.0).powi(2), 1.0)).collect();
    let expected: f64 = law.iter().map(|(p, _)| p).sum();
    for (count, tail) in [(25.0, 0.026_761_07), (30.0, 1.799_707_7e-4), (35.0, 1.034_838_6e-7), (40.0, 4.492_17e-12)] {
        near(saddlepoint::outcomes_above(&law, count - expected, 1.0), tail, 0.03);
    }
    assert_eq!(saddlepoint::outcomes_above(&[], 1.0, 1.0), 0.0);
}
