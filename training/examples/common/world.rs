//! The simulated exceptions: cases, what was done, and what every action would have cost.

use std::error::Error;
use std::path::Path;

use holdfast_training::ranking::case::{Candidate, Case, Feature, Resolved, Schema};

use crate::columns::Columns;

/// Which days a case is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Days {
    Train,
    Validation,
    Test,
}

/// All exceptions of one world, in time order.
pub struct World {
    pub schema: Schema,
    pub rows: Vec<Resolved>,
    pub days: Vec<Days>,
    /// Expected cost of every candidate, in their order: to measure with, never to learn from.
    pub truth: Vec<Vec<f64>>,
    /// Chances of the logging policy, in the candidates' order.
    pub behaviour: Vec<Vec<f64>>,
    /// Index of the candidate that happens when nobody acts.
    pub default: Vec<usize>,
    pub day: Vec<f64>,
    pub slack_hours: Vec<f64>,
    pub order_value: Vec<f64>,
}

/// Kinds, not amounts.
const CATEGORICAL: [&str; 2] = ["x_tier", "x_edi_type"];

impl Days {
    fn of(split: &str) -> Days {
        match split {
            "train" => Days::Train,
            "valid" => Days::Validation,
            _ => Days::Test,
        }
    }
}

impl World {
    pub fn load(folder: &Path, name: &str) -> Result<World, Box<dyn Error>> {
        let file = |part: &str| Columns::read(&folder.join(format!("{name}_{part}")));
        let (log, candidates, features) = (file("log.csv.gz")?, file("candidates.csv.gz")?, file("feat.csv")?);
        let names: Vec<&String> = features.names().iter().filter(|name| name.starts_with("x_")).collect();
        let mut values = vec![Vec::new(); log.len()];
        for name in &names {
            values.iter_mut().zip(features.numbers(name)?).for_each(|(row, value)| row.push(value));
        }
        let feature = |name: &&String| {
            let categorical = CATEGORICAL.contains(&name.as_str());
            Feature { name: (*name).clone(), categorical, critical: name.as_str() == "x_slack_h" }
        };
        let [feasible, quotes, efforts, chances] =
            ["feas_", "quote_", "effort_", "pb_"].map(|prefix| candidates.block(prefix));
        let (feasible, quotes, efforts, chances) = (feasible?, quotes?, efforts?, chances?);
        let costs = file("counterfactual.csv.gz")?.block("ecost_")?;
        let actions = quotes.first().map_or(0, Vec::len);
        let [categories, penalties, taken] = ["cat", "pen", "action"].map(|name| features.numbers(name));
        let (categories, penalties, taken) = (categories?, penalties?, taken?);
        let [missed, cost, hours] = ["late", "cost", "resolve_h"].map(|name| log.numbers(name));
        let (missed, cost, hours) = (missed?, cost?, hours?);
        let schema = Schema {
            features: names.iter().map(feature).collect(),
            categories: categories.iter().copied().fold(0.0, f64::max) as usize + 1,
            actions,
        };
        let open = |row: usize| (0..actions).filter(|&action| feasible[row][action] > 0.5).collect::<Vec<usize>>();
        let (mut rows, mut default, mut truth, mut behaviour) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (row, features) in values.into_iter().enumerate() {
            let open = open(row);
            let candidate = |&action: &usize| Candidate {
                action,
                quote: quotes[row][action],
                effort_minutes: efforts[row][action],
            };
            let place = |wanted: usize| open.iter().position(|action| *action == wanted);
            let case = Case {
                category: categories[row] as usize,
                features,
                penalty: penalties[row],
                candidates: open.iter().map(candidate).collect(),
            };
            rows.push(Resolved {
                case,
                taken: place(taken[row] as usize).ok_or("an action was taken that is no candidate")?,
                missed: missed[row] > 0.5,
                cost: cost[row],
                resolve_hours: hours[row],
            });
            // Waiting takes a minute; everything else takes more.
            let waits = |&&action: &&usize| efforts[row][action] <= 1.0;
            default.push(open.iter().find(waits).and_then(|action| place(*action)).ok_or("nobody may wait")?);
            truth.push(open.iter().map(|action| costs[row][*action]).collect());
            behaviour.push(open.iter().map(|action| chances[row][*action]).collect());
        }
        Ok(World {
            schema,
            rows,
            days: log.texts("split")?.iter().map(|split| Days::of(split)).collect(),
            truth,
            behaviour,
            default,
            day: log.numbers("day")?,
            slack_hours: log.numbers("slack_h")?,
            order_value: log.numbers("order_value")?,
        })
    }

    /// The rows of some days.
    pub fn of(&self, wanted: &[Days]) -> Vec<usize> {
        (0..self.rows.len()).filter(|&row| wanted.contains(&self.days[row])).collect()
    }

    pub fn resolved(&self, rows: &[usize]) -> Vec<Resolved> {
        rows.iter().map(|&row| self.rows[row].clone()).collect()
    }

    /// Mean cost of what the logging policy does, of `choice`, and of the best.
    pub fn values(&self, rows: &[usize], choice: impl Fn(usize) -> usize) -> [f64; 3] {
        let mut sums = [0.0; 3];
        for &row in rows {
            let truth = &self.truth[row];
            sums[0] += truth.iter().zip(&self.behaviour[row]).map(|(cost, chance)| cost * chance).sum::<f64>();
            sums[1] += truth[choice(row)];
            sums[2] += truth.iter().copied().fold(f64::INFINITY, f64::min);
        }
        sums.map(|sum| sum / rows.len() as f64)
    }
}
