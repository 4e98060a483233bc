//! How far the recommended actions close the gap from what was done to the best.

use std::error::Error;

use holdfast_training::ranking::archive::{Archive, NEIGHBOURS, blend, evidence};
use holdfast_training::ranking::choose::{ChooseOptions, choose};
use holdfast_training::ranking::cost::{CostModel, CostOptions, Score};
use holdfast_training::tabular::metrics;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::bar;
use crate::world::World;

const SEEDS: u64 = 5;
/// Rows, the least gap closed, and the prototype's.
const BARS: [(usize, f64); 3] = [(usize::MAX, 0.915), (3000, 0.86), (1000, 0.78)];
/// What a model's cost is worth in neighbours before it has learned from any case of the pair.
pub const BELIEF: f64 = 20.0;

/// What one fit is worth.
struct Measured {
    /// Gap closed by the least expected cost, with caution, and with the evidence blended in.
    gaps: [f64; 3],
    best: f64,
    auc: f64,
    log_loss: f64,
    share: f64,
}

/// Prints the table; returns the first model of all rows.
pub fn run(world: &World, learn: &[usize], measure: &[usize]) -> Result<CostModel, Box<dyn Error>> {
    let [logged, _, oracle] = world.values(measure, |row| world.default[row]);
    println!("mean cost: logged {logged:.2}, oracle {oracle:.2}\n");
    println!("gap closed, mean of {SEEDS} seeds (least to greatest), P(miss) on the actions taken\n");
    println!(
        "{:>7}  {:<22} {:<9} {:<9} {:>6} {:>7} {:>9} {:>6}",
        "rows", "with caution", "plain", "evidence", "best", "AUC", "log loss", "share"
    );
    let mut first = None;
    let mut bars = Vec::new();
    for (rows, least) in BARS {
        let mut all = Vec::new();
        for seed in 0..SEEDS {
            let drawn = draw(learn, rows, seed);
            let resolved = world.resolved(&drawn);
            let model = CostModel::fit(&world.schema, &resolved, &CostOptions { seed, ..CostOptions::default() })?;
            let archive = Archive::new(&world.schema, &resolved)?;
            all.push(of(world, &model, &archive, measure)?);
            first.get_or_insert(model);
        }
        let mean = |part: &dyn Fn(&Measured) -> f64| all.iter().map(part).sum::<f64>() / all.len() as f64;
        let gaps = [0, 1, 2].map(|at| mean(&|one| one.gaps[at]));
        let ends = all.iter().map(|one| one.gaps[1]).fold((1.0f64, 0.0f64), |(a, b), gap| (a.min(gap), b.max(gap)));
        println!(
            "{:>7}  {:.4} ({:.4}-{:.4})  {:.4}    {:.4}   {:>6.3} {:>7.4} {:>9.4} {:>6.2}",
            rows.min(learn.len()),
            gaps[1],
            ends.0,
            ends.1,
            gaps[0],
            gaps[2],
            mean(&|one| one.best),
            mean(&|one| one.auc),
            mean(&|one| one.log_loss),
            mean(&|one| one.share)
        );
        bars.push((rows.min(learn.len()), least, gaps[1]));
    }
    for (rows, least, gap) in bars {
        bar(&format!("gap closed with {rows} rows at least {least}"), format!("{gap:.4}"), gap >= least);
    }
    first.ok_or_else(|| "nothing was fitted".into())
}

/// So many rows, drawn by `seed`, in time order; all when there are not more.
fn draw(rows: &[usize], count: usize, seed: u64) -> Vec<usize> {
    let mut dice = ChaCha8Rng::seed_from_u64(seed);
    let mut keyed: Vec<(u64, usize)> = rows.iter().map(|row| (dice.next_u64(), *row)).collect();
    keyed.sort_unstable();
    keyed.truncate(count);
    let mut drawn: Vec<usize> = keyed.into_iter().map(|(_, row)| row).collect();
    drawn.sort_unstable();
    drawn
}

fn of(world: &World, model: &CostModel, archive: &Archive, measure: &[usize]) -> Result<Measured, Box<dyn Error>> {
    let options = ChooseOptions::default();
    let pick = |row: usize, scores: &[Score], caution: f64| {
        let options = ChooseOptions { caution, ..options };
        let choice = choose(scores, Some(world.default[row]), None, Vec::new(), &options);
        choice.order.first().copied().unwrap_or_default()
    };
    let one = |&row: &usize| -> Result<(Vec<Score>, Vec<Score>), String> {
        let case = &world.rows[row].case;
        let scores = model.score(case).map_err(|error| error.to_string())?;
        let found = evidence(&archive.nearest(case, NEIGHBOURS).map_err(|error| error.to_string())?);
        let mut blended = scores.clone();
        for score in &mut blended {
            let here = found.iter().find(|evidence| evidence.action == score.action);
            score.cost = blend(score.cost, score.support, here, BELIEF);
        }
        Ok((scores, blended))
    };
    let scored = measure.par_iter().map(one).collect::<Result<Vec<_>, String>>()?;
    let picks: Vec<[usize; 3]> = measure
        .iter()
        .zip(&scored)
        .map(|(&row, (plain, blended))| {
            [pick(row, plain, 0.0), pick(row, plain, options.caution), pick(row, blended, options.caution)]
        })
        .collect();
    let gap = |at: usize| {
        let mut picks = picks.iter();
        let chosen: Vec<usize> = picks.by_ref().map(|pick| pick[at]).collect();
        let place = |row: usize| measure.binary_search(&row).map_or(0, |place| chosen[place]);
        let [logged, ours, oracle] = world.values(measure, place);
        (logged - ours) / (logged - oracle)
    };
    let least =
        |row: usize| (0..world.truth[row].len()).min_by(|&a, &b| world.truth[row][a].total_cmp(&world.truth[row][b]));
    let best = measure.iter().zip(&picks).filter(|(row, pick)| least(**row) == Some(pick[1])).count();
    let misses: Vec<f64> =
        measure.iter().zip(&scored).map(|(&row, (scores, _))| scores[world.rows[row].taken].miss).collect();
    let labels: Vec<bool> = measure.iter().map(|&row| world.rows[row].missed).collect();
    Ok(Measured {
        gaps: [gap(0), gap(1), gap(2)],
        best: best as f64 / measure.len() as f64,
        auc: metrics::roc_auc(&misses, &labels)?,
        log_loss: metrics::log_loss(&misses, &labels)?,
        share: model.regression_share(),
    })
}
