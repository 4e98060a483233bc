//! How far local counterfactuals agree with what whole worlds come to.

use crate::Row;

/// Prints how local costs compare with the log and with forked worlds.
pub fn print(rows: &[Row]) {
    let logged: Vec<(f64, f64)> = rows
        .iter()
        .filter_map(|row| Some((row.counterfactuals[row.case.taken].realised.cost, row.case.outcome?.cost)))
        .collect();
    println!("what was done, local against the world: {}", compare(&logged));
    let forked: Vec<&Row> = rows.iter().filter(|row| row.forks.is_some()).collect();
    if forked.is_empty() {
        return;
    }
    let (mut pairs, mut gains, mut replayed, mut same) = (Vec::new(), Vec::new(), 0, 0);
    let (mut oracle, mut chance) = (0.0, 0.0);
    for row in &forked {
        let forks = row.forks.as_deref().unwrap_or_default();
        let costs: Vec<(f64, f64)> = row
            .counterfactuals
            .iter()
            .zip(forks)
            .map(|(local, world)| (local.realised.cost, world.realised.cost))
            .collect();
        replayed += usize::from(row.case.outcome == Some(forks[row.case.taken].realised));
        let least = |side: &dyn Fn(&(f64, f64)) -> f64| {
            (0..costs.len()).min_by(|&a, &b| side(&costs[a]).total_cmp(&side(&costs[b]))).unwrap_or_default()
        };
        let (local, world) = (least(&|pair| pair.0), least(&|pair| pair.1));
        same += usize::from(costs[local].1 <= costs[world].1 + 0.01);
        let nothing = row.case.candidates.iter().position(|candidate| candidate.action == "do_nothing").unwrap_or(0);
        gains.extend(costs.iter().map(|pair| (costs[nothing].0 - pair.0, costs[nothing].1 - pair.1)));
        oracle += costs[local].1;
        chance += costs.iter().zip(&row.case.candidates).map(|(pair, one)| pair.1 * one.propensity).sum::<f64>();
        pairs.extend(costs);
    }
    let count = forked.len();
    println!("{count} cases in whole worlds: cost {}", compare(&pairs));
    println!("  gain over doing nothing: {}", compare(&gains));
    println!("  the world's own decision replayed to the cent: {replayed} of {count}");
    println!("  the locally best action is the best in the world: {same} of {count}");
    println!(
        "  mean cost in the world: agents {:.2}, locally best action {:.2}",
        chance / count as f64,
        oracle / count as f64
    );
}

/// Means of both sides, their correlation, and the share that is equal to the cent.
fn compare(pairs: &[(f64, f64)]) -> String {
    let count = pairs.len().max(1) as f64;
    let mean = |side: &dyn Fn(&(f64, f64)) -> f64| pairs.iter().map(side).sum::<f64>() / count;
    let (a, b) = (mean(&|pair| pair.0), mean(&|pair| pair.1));
    let spread = |side: &dyn Fn(&(f64, f64)) -> f64| mean(side).sqrt();
    let (sa, sb) = (spread(&|pair| (pair.0 - a).powi(2)), spread(&|pair| (pair.1 - b).powi(2)));
    let together = mean(&|pair| (pair.0 - a) * (pair.1 - b));
    let equal = pairs.iter().filter(|pair| (pair.0 - pair.1).abs() < 0.01).count() as f64 / count;
    format!("means {a:.2} and {b:.2}, correlation {:.3}, equal {:.0} %", together / (sa * sb).max(1e-12), 100.0 * equal)
}
