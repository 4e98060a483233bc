//! The ten classification sets turned into logs.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;

use holdfast_training::ranking::evaluate::estimate::Estimator;
use holdfast_training::ranking::evaluate::interval::Mean;
use holdfast_training::ranking::evaluate::log::{Log, Logged};
use holdfast_training::ranking::evaluate::reward::{RewardOptions, cross_fit};
use holdfast_training::ranking::evaluate::tune;

use crate::bar;
use crate::columns::Columns;

const SETS: [&str; 10] =
    ["digits", "ecoli", "glass", "letter", "optdigits", "page_blocks", "pendigits", "segment", "vehicle", "vowel"];

/// Estimators and the names of their columns in the expected figures; `?` stands for the reward model.
const ESTIMATORS: [(Estimator, &str); 7] = [
    (Estimator::Direct, "dm_?"),
    (Estimator::Ips, "ipw"),
    (Estimator::Snips, "snipw"),
    (Estimator::DoublyRobust, "dr_?"),
    (Estimator::SelfNormalised, "sndr_?"),
    (Estimator::Switch { weight_max: 10.0 }, "switch10_?"),
    (Estimator::Shrinkage { lambda: 100.0 }, "dros100_?"),
];
/// The estimator that the bar is about.
const CHOSEN: Estimator = Estimator::Shrinkage { lambda: 100.0 };
const ERROR_MAX: f64 = 0.027;
const DIFFERENCE_MAX: f64 = 1e-6;

/// One log with its given reward models.
struct Case {
    log: Log,
    argmax: Vec<usize>,
    given: [Vec<Vec<f64>>; 2],
}

fn load(path: &Path) -> Result<Case, Box<dyn Error>> {
    let columns = Columns::read(path)?;
    let given = [columns.block("q_add_")?, columns.block("q_pera_")?];
    let actions = given[0].first().map_or(0, Vec::len);
    let argmax: Vec<usize> = columns.numbers("pi_e_argmax")?.into_iter().map(|action| action as usize).collect();
    let [taken, rewards, pscores] = ["action", "reward", "pscore"].map(|name| columns.numbers(name));
    let rows = taken?.into_iter().zip(rewards?).zip(pscores?);
    let logged = |((taken, reward), pscore): ((f64, f64), f64)| Logged {
        taken: taken as usize,
        reward,
        propensity: Some(pscore),
        behaviour: Vec::new(),
    };
    let target = |wanted: &usize| {
        let rest = 0.1 / actions as f64;
        (0..actions).map(|action| if action == *wanted { 0.9 + rest } else { rest }).collect()
    };
    let log = Log::new(rows.map(logged).collect(), argmax.iter().map(target).collect())?;
    Ok(Case { log, argmax, given })
}

/// Mean relative errors by set, of each estimator.
type Errors = BTreeMap<&'static str, Vec<[f64; ESTIMATORS.len()]>>;

pub fn run(folder: &Path) -> Result<(), Box<dyn Error>> {
    let mut differences = [0.0f64; ESTIMATORS.len()];
    let mut errors: [Errors; 3] = Default::default();
    let mut kept: BTreeMap<String, usize> = BTreeMap::new();
    let mut noise: BTreeMap<&'static str, Vec<f64>> = BTreeMap::new();
    let mut tuned: BTreeMap<&'static str, Vec<[f64; TUNED.len()]>> = BTreeMap::new();
    let mut logs = 0;
    for set in SETS {
        let expected = Columns::read(&folder.join("expected").join(format!("ope_{set}.csv")))?;
        let truths = expected.numbers("V_true")?;
        for (seed, truth) in truths.iter().enumerate() {
            let path = folder.join(format!("{set}_s{seed}.csv.gz"));
            if !path.exists() {
                continue;
            }
            logs += 1;
            let case = load(&path)?;
            let own = own_rewards(&case, true)?;
            let plain = own_rewards(&case, false)?;
            tuned.entry(set).or_default().push(tuned_errors(&case.log, [&own.0, &plain.0], *truth)?);
            *kept.entry(format!("{:?}", own.1)).or_default() += 1;
            let models = [("add", &case.given[0]), ("pera", &case.given[1]), ("own", &own.0)];
            for ((model, rewards), errors) in models.into_iter().zip(&mut errors) {
                let mut row = [0.0; ESTIMATORS.len()];
                for (at, (estimator, column)) in ESTIMATORS.iter().enumerate() {
                    let terms = estimator.terms(&case.log, rewards)?.ok_or("propensities are missing")?;
                    row[at] = (terms.value() - truth).abs() / truth;
                    if model == "own" && *estimator == Estimator::DoublyRobust {
                        // The mean size of a centred normal is its deviation times this.
                        let size = (2.0 / std::f64::consts::PI).sqrt() * Mean::of(&terms.scores()).error / truth;
                        noise.entry(set).or_default().push(size);
                    }
                    if model != "own" {
                        let theirs = expected.numbers(&column.replace('?', model))?;
                        let theirs = theirs.get(seed).ok_or("the expected figures end early")?;
                        differences[at] = differences[at].max((terms.value() - theirs).abs());
                    }
                }
                errors.entry(set).or_default().push(row);
            }
        }
    }
    print(logs, &differences, &errors, &kept);
    print_tuned(&tuned);
    let of_set = |sizes: &Vec<f64>| sizes.iter().sum::<f64>() / sizes.len() as f64;
    let noise = noise.values().map(of_set).sum::<f64>() / noise.len() as f64;
    println!("     the standard errors of DR alone explain a mean error of {noise:.4}");
    Ok(())
}

/// Ways to choose how much DRos shrinks, with our own rewards aimed at the target and not.
const TUNED: [&str; 6] = [
    "aimed, 100",
    "aimed, least estimated error",
    "aimed, overlap of intervals",
    "not aimed, 100",
    "not aimed, least estimated error",
    "not aimed, overlap of intervals",
];

/// Relative errors in the order of [`TUNED`].
fn tuned_errors(log: &Log, rewards: [&Vec<Vec<f64>>; 2], truth: f64) -> Result<[f64; TUNED.len()], Box<dyn Error>> {
    let mut errors = [0.0; TUNED.len()];
    for (model, rewards) in rewards.into_iter().enumerate() {
        for (rule, chosen) in
            [Some(CHOSEN), tune::by_error(log, rewards)?, tune::by_overlap(log, rewards)?].iter().enumerate()
        {
            let terms = chosen.ok_or("propensities are missing")?.terms(log, rewards)?;
            errors[3 * model + rule] = (terms.ok_or("propensities are missing")?.value() - truth).abs() / truth;
        }
    }
    Ok(errors)
}

fn print_tuned(tuned: &BTreeMap<&str, Vec<[f64; TUNED.len()]>>) {
    println!("\nDRos with our own reward model, mean relative error by how the shrinkage is chosen");
    for (at, name) in TUNED.iter().enumerate() {
        let of_set = |rows: &Vec<[f64; TUNED.len()]>| rows.iter().map(|row| row[at]).sum::<f64>() / rows.len() as f64;
        println!("{name:<34} {:.4}", tuned.values().map(of_set).sum::<f64>() / tuned.len() as f64);
    }
}

/// Rewards of every row and action, and what learned them.
type Learned = (Vec<Vec<f64>>, String);

/// Our own model: logistic or trees on the two given estimates of a candidate, its share of them, the best of the
/// others, and whether it is the target's choice; learned on the other folds. The logs hold nothing else of the context.
fn own_rewards(case: &Case, aim: bool) -> Result<Learned, Box<dyn Error>> {
    let logit = |p: f64| (p.clamp(1e-3, 1.0 - 1e-3) / (1.0 - p.clamp(1e-3, 1.0 - 1e-3))).ln();
    let describe = |row: usize, action: usize| {
        let [add, pera] = [0, 1].map(|model: usize| &case.given[model][row]);
        let wanted = f64::from(u8::from(case.argmax[row] == action));
        let share = pera[action] / pera.iter().sum::<f64>().max(1e-9);
        let others = pera.iter().enumerate().filter(|(other, _)| *other != action).map(|(_, q)| *q).fold(0.0, f64::max);
        let columns = [
            logit(add[action]),
            logit(pera[action]),
            logit(share),
            logit(others),
            wanted,
            wanted * share,
            wanted * logit(share),
        ];
        columns.map(|value| value as f32).to_vec()
    };
    let rewards =
        cross_fit(&case.log, &describe, &RewardOptions { folds: 10, repeats: 5, aim, ..RewardOptions::default() })?;
    Ok((rewards.estimates, format!("{:?}", rewards.model)))
}

fn mean_error(errors: &Errors, at: usize) -> f64 {
    let of_set = |rows: &Vec<[f64; ESTIMATORS.len()]>| rows.iter().map(|row| row[at]).sum::<f64>() / rows.len() as f64;
    errors.values().map(of_set).sum::<f64>() / errors.len() as f64
}

fn print(logs: usize, differences: &[f64], errors: &[Errors; 3], kept: &BTreeMap<String, usize>) {
    println!("{logs} logs of {} sets\n", SETS.len());
    println!("estimator    greatest difference   mean relative error over the sets, reward model");
    println!("             from Open Bandit P.      q_add    q_pera       own");
    for (at, (estimator, _)) in ESTIMATORS.iter().enumerate() {
        let [add, pera, own] = [0, 1, 2].map(|model| mean_error(&errors[model], at));
        println!("{:<12} {:>20.1e} {add:>10.4} {pera:>9.4} {own:>9.4}", estimator.name(), differences[at]);
    }
    println!("own reward models kept: {kept:?}");
    let greatest = differences.iter().copied().fold(0.0, f64::max);
    bar("equal to Open Bandit Pipeline to 1e-6", format!("{greatest:.1e}"), greatest <= DIFFERENCE_MAX);
    let at = ESTIMATORS.iter().position(|(estimator, _)| *estimator == CHOSEN).unwrap_or_default();
    let error = mean_error(&errors[2], at);
    let what = format!("{} with our own reward model, mean relative error at most {ERROR_MAX}", CHOSEN.name());
    bar(&what, format!("{error:.4}"), error <= ERROR_MAX);
}
