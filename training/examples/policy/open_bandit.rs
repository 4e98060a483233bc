//! The small Open Bandit Dataset: a uniform and a Thompson-sampling policy over three campaigns.

use std::error::Error;
use std::path::Path;

use holdfast_training::ranking::evaluate::log::{Log, Logged};
use holdfast_training::ranking::evaluate::support::Refusal;
use holdfast_training::ranking::evaluate::{EvaluateOptions, Evaluation, evaluate};

use crate::bar;
use crate::columns::Columns;

pub fn run(folder: &Path) -> Result<(), Box<dyn Error>> {
    println!("\nOpen Bandit logs, clicks per thousand, intervals of 95 %\n");
    let mut refused = false;
    for campaign in ["all", "men", "women"] {
        let chances = Columns::read(&folder.join(format!("bts_action_dist_{campaign}.csv")))?;
        let sampled = ["pos1", "pos2", "pos3"].map(|position| chances.numbers(position));
        let [first, second, third] = sampled;
        let sampled = [first?, second?, third?];
        let uniform = vec![1.0 / chances.len() as f64; chances.len()];
        let uniform = [uniform.clone(), uniform.clone(), uniform];
        for (logger, other, target) in [("random", "bts", &sampled), ("bts", "random", &uniform)] {
            let log = load(&folder.join(format!("{logger}_{campaign}.csv.gz")), target)?;
            let truth = Columns::read(&folder.join(format!("{other}_{campaign}.csv.gz")))?.numbers("click")?;
            let truth = 1000.0 * truth.iter().sum::<f64>() / truth.len() as f64;
            let clicks = log.rows().iter().map(|row| row.reward).sum::<f64>() / log.len() as f64;
            let rewards: Vec<Vec<f64>> = log.target().iter().map(|row| vec![clicks; row.len()]).collect();
            let evaluation = evaluate(&log, &rewards, &EvaluateOptions::default())?;
            let name = format!("{other} from {logger}, {campaign}");
            print(&name, truth, &evaluation);
            if let ("bts", "women", Evaluation::Refused { refusal, .. }) = (logger, campaign, &evaluation) {
                refused = matches!(refusal, Refusal::EffectiveRows { .. });
            }
        }
    }
    bar("women logged by bts is refused", if refused { "refused".into() } else { "answered".into() }, refused);
    Ok(())
}

fn load(path: &Path, target: &[Vec<f64>; 3]) -> Result<Log, Box<dyn Error>> {
    let columns = Columns::read(path)?;
    let [items, positions, clicks, pscores] =
        ["item_id", "position", "click", "pscore"].map(|name| columns.numbers(name));
    let (items, positions) = (items?, positions?);
    let rows = items.iter().zip(clicks?).zip(pscores?);
    let logged = |((item, reward), pscore): ((&f64, f64), f64)| Logged {
        taken: *item as usize,
        reward,
        propensity: Some(pscore),
        behaviour: Vec::new(),
    };
    // Stored with five digits, the chances of a position sum to 1 only roughly.
    let scaled = |position: &f64| {
        let chances = target.get((*position as usize).saturating_sub(1)).map_or(&[][..], Vec::as_slice);
        let sum: f64 = chances.iter().sum();
        chances.iter().map(|chance| chance / sum).collect()
    };
    Ok(Log::new(rows.map(logged).collect(), positions.iter().map(scaled).collect())?)
}

fn print(name: &str, truth: f64, evaluation: &Evaluation) {
    match evaluation {
        Evaluation::Refused { refusal, .. } => println!("{name:<26} refused: {refusal}"),
        Evaluation::Biased { .. } => println!("{name:<26} direct method only"),
        Evaluation::Estimated { support, estimates, .. } => {
            let doubly = estimates.iter().find(|estimate| estimate.estimator.name() == "DR");
            let text = doubly.map_or(String::new(), |estimate| {
                let [value, low, high] = [estimate.value, estimate.normal.low, estimate.normal.high];
                format!("DR {:.2} [{:.2}, {:.2}]", 1000.0 * value, 1000.0 * low, 1000.0 * high)
            });
            println!("{name:<26} {text}, on its own log {truth:.2}, effective {:.0}", support.effective_rows);
        }
    }
}
