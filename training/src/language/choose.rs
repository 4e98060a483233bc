//! Penalty and mixture of a head, chosen on rows that its parts were not fitted on.

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::fit::{self, Fitted, softmax};
use super::heads::{HeadError, HeadOptions, Rows, narrow, top};
use super::measure::accuracy;
use super::threshold::{energy, fit_temperature, log_loss};
use super::words::WordModel;

/// Shares of the words that are tried, in tenths.
const TENTHS_MAX: u32 = 8;

/// How the logits of embeddings and of words become one row: `embeddings · own + words · theirs`, temperatures included.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Mixture {
    /// The share of the words, for the report.
    pub(super) share: f64,
    embeddings: f64,
    words: f64,
}

impl Mixture {
    /// Mixed logits.
    pub(super) fn of(&self, embeddings: &[f64], words: &[f64]) -> Vec<f64> {
        embeddings.iter().zip(words).map(|(own, theirs)| self.embeddings * own + self.words * theirs).collect()
    }

    pub(super) fn is_finite(&self) -> bool {
        self.embeddings.is_finite() && self.words.is_finite()
    }

    fn all(&self, embeddings: &[Vec<f64>], words: &[Vec<f64>]) -> Vec<Vec<f64>> {
        embeddings.iter().zip(words).map(|(own, theirs)| self.of(own, theirs)).collect()
    }
}

/// What was chosen.
pub(super) struct Chosen {
    pub(super) alpha: f64,
    pub(super) mixture: Mixture,
    pub(super) candidates: Vec<(f64, f64)>,
    /// Accuracy of embeddings, words and mixture on the unseen rows.
    pub(super) accuracies: [f64; 3],
    /// Energy of every unseen row.
    pub(super) energies: Vec<f64>,
    /// Answer, confidence and whether it is right, of every unseen row.
    pub(super) confident: Vec<(usize, f32, bool)>,
}

/// Rows to fit on and rows to choose on.
struct Split {
    inside: Vec<usize>,
    outside: Vec<usize>,
}

/// One split by the calibrating rows, or the folds of a cross-validation.
fn splits(rows: &Rows<'_>, fitted: &[usize], classes: usize, options: &HeadOptions) -> Vec<Split> {
    if !rows.calibrating.is_empty() {
        let (outside, inside) = fitted.iter().partition(|row| rows.calibrating.contains(row));
        return vec![Split { inside, outside }];
    }
    let labels: Vec<usize> = fitted.iter().map(|&row| rows.labels[row]).collect();
    let folds = fit::folds(&labels, classes, options.folds, options.seed);
    let split = |fold: usize| {
        let (inside, outside): (Vec<usize>, Vec<usize>) = (0..fitted.len()).partition(|&at| folds[at] != fold);
        let rows = |places: Vec<usize>| places.into_iter().map(|at| fitted[at]).collect();
        Split { inside: rows(inside), outside: rows(outside) }
    };
    (0..=folds.iter().copied().max().unwrap_or(0)).map(split).collect()
}

fn matrix(rows: &Rows<'_>, chosen: &[usize]) -> Array2<f64> {
    let width = rows.embeddings.first().map_or(0, Vec::len);
    Array2::from_shape_fn((chosen.len(), width), |(row, column)| f64::from(rows.embeddings[chosen[row]][column]))
}

fn labels(rows: &Rows<'_>, chosen: &[usize]) -> Vec<usize> {
    chosen.iter().map(|&row| rows.labels[row]).collect()
}

/// Chooses the penalty and the mixture with the least log loss.
pub(super) fn choose(
    rows: &Rows<'_>,
    fitted: &[usize],
    classes: usize,
    options: &HeadOptions,
    progress: &mut dyn FnMut(&str, f64),
) -> Result<Chosen, HeadError> {
    let splits = splits(rows, fitted, classes, options);
    let truth: Vec<usize> = splits.iter().flat_map(|split| labels(rows, &split.outside)).collect();
    progress("words", 0.0);
    let words: Vec<Vec<f64>> = splits.iter().flat_map(|split| words(rows, split, classes, options.seed)).collect();
    let mut best: Option<(f64, f64, Mixture, Vec<Vec<f64>>)> = None;
    let mut candidates = Vec::new();
    for (done, &alpha) in options.alphas.iter().enumerate() {
        progress(&format!("penalty {alpha}"), 0.05 + 0.8 * done as f64 / options.alphas.len() as f64);
        let mut logits = Vec::new();
        for split in &splits {
            let inside = labels(rows, &split.inside);
            let fitted = Fitted::fit(matrix(rows, &split.inside), &inside, alpha, options.iterations_max)
                .map_err(|message| HeadError::Solver { alpha, message })?;
            logits.extend(fitted.logits(&matrix(rows, &split.outside)));
        }
        let (mixture, loss) = mix(&logits, &words, &truth);
        candidates.push((alpha, loss));
        if best.as_ref().is_none_or(|(least, ..)| loss < *least) {
            best = Some((loss, alpha, mixture, logits));
        }
    }
    let Some((_, alpha, mixture, logits)) = best else {
        return Err(HeadError::Input { what: "no penalty to try".to_owned() });
    };
    let answers =
        |logits: &[Vec<f64>]| -> Vec<(usize, f32)> { logits.iter().map(|row| top(&narrow(softmax(row)))).collect() };
    let whole = mixture.all(&logits, &words);
    let energies = whole.iter().map(|row| energy(row)).collect();
    let mixed = answers(&whole);
    let accuracies = [&answers(&logits), &answers(&words), &mixed].map(|answers| accuracy(answers, &truth));
    let confident = mixed.iter().zip(&truth).map(|(&(answer, sure), label)| (answer, sure, answer == *label)).collect();
    Ok(Chosen { alpha, mixture, candidates, accuracies, energies, confident })
}

fn words(rows: &Rows<'_>, split: &Split, classes: usize, seed: u64) -> Vec<Vec<f64>> {
    let texts: Vec<&str> = split.inside.iter().map(|&row| rows.texts[row].as_str()).collect();
    let model = WordModel::fit(&texts, &labels(rows, &split.inside), classes, seed);
    split.outside.iter().map(|&row| model.logits(&rows.texts[row])).collect()
}

/// The mixture with the least log loss, each part at its own temperature and the whole at one more.
fn mix(embeddings: &[Vec<f64>], words: &[Vec<f64>], truth: &[usize]) -> (Mixture, f64) {
    let own = fit_temperature(embeddings, truth);
    let theirs = fit_temperature(words, truth);
    let of = |tenths: u32| {
        let share = f64::from(tenths) / 10.0;
        let plain = Mixture { share, embeddings: (1.0 - share) / own, words: share / theirs };
        let whole = fit_temperature(&plain.all(embeddings, words), truth);
        let mixture = Mixture { share, embeddings: plain.embeddings / whole, words: plain.words / whole };
        let loss = log_loss(&mixture.all(embeddings, words), truth);
        (mixture, loss)
    };
    (1..=TENTHS_MAX).map(of).fold(of(0), |best, next| if next.1 < best.1 { next } else { best })
}
