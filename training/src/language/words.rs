//! A linear model over the words and the letters of a text: what stands there, beside what an encoder makes of it.
//!
//! Purpose: key words, endings of words and other languages, which an English encoder cuts to pieces, are told apart by
//! counts: words, pairs of words and runs of three to five letters within words, weighted by how rare they are (TF-IDF), under
//! multinomial logistic regression by AdaGrad (Duchi et al. 2011).
//!
//! Guarantees: features are hashed by a fixed function and kept only where enough texts have them, so a model is about a
//! megabyte; equal texts and seed give equal bytes. Non-goals: stemming, lists of stop words, anything of one language.

use std::collections::{BTreeMap, HashMap};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// Texts that must have a feature.
const TEXTS_MIN: u32 = 2;
/// Most features; the most frequent stay.
const FEATURES_MAX: usize = 40_000;
const EPOCHS: usize = 30;
const RATE: f32 = 0.5;
/// Share of the gradient that pulls a weight to zero.
const PENALTY: f32 = 2e-5;
/// Lengths of the runs of letters.
const RUNS: std::ops::RangeInclusive<usize> = 3..=5;

/// A fitted model; its numbers are packed as base64.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct WordModel {
    texts: u32,
    classes: usize,
    /// Feature → row of `counts` and `weights`.
    rows: HashMap<u32, usize>,
    hashes: Vec<u32>,
    /// Texts that have each feature.
    counts: Vec<u16>,
    /// Features × classes, in units of `units`.
    weights: Vec<i8>,
    units: Vec<f32>,
    intercept: Vec<f32>,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    texts: u32,
    hashes: String,
    counts: String,
    weights: String,
    units: Vec<f32>,
    intercept: Vec<f32>,
}

/// A text's features: row and value, the values of each family of length one.
type Features = Vec<(usize, f32)>;

impl WordModel {
    /// Fits on texts and their classes, which count from 0 to `classes`.
    #[must_use]
    pub fn fit(texts: &[&str], labels: &[usize], classes: usize, seed: u64) -> WordModel {
        let found: Vec<[BTreeMap<u32, u32>; 2]> = texts.iter().map(|text| features(text)).collect();
        let mut model = WordModel::over(&found, classes);
        let rows: Vec<Features> = found.iter().map(|found| model.weigh(found)).collect();
        let (mut weights, mut intercept) = (vec![0.0_f32; model.hashes.len() * classes], vec![0.0_f32; classes]);
        let (mut seen, mut seen_intercept) = (vec![1e-2_f32; weights.len()], vec![1e-2_f32; classes]);
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        let mut order: Vec<usize> = (0..rows.len()).collect();
        for epoch in 0..EPOCHS {
            order.shuffle(&mut generator);
            let rate = RATE * (1.0 - epoch as f32 / EPOCHS as f32);
            for &text in &order {
                let mut error = logits(&rows[text], &weights, &intercept);
                to_probabilities(&mut error);
                error[labels[text]] -= 1.0;
                let move_by = |number: &mut f32, seen: &mut f32, gradient: f32| {
                    *seen += gradient * gradient;
                    *number -= rate * gradient / seen.sqrt();
                };
                for ((number, seen), error) in intercept.iter_mut().zip(&mut seen_intercept).zip(&error) {
                    move_by(number, seen, *error);
                }
                for &(row, value) in &rows[text] {
                    let at = row * classes..(row + 1) * classes;
                    let numbers = weights[at.clone()].iter_mut().zip(&mut seen[at]);
                    for ((number, seen), error) in numbers.zip(&error) {
                        move_by(number, seen, error * value + PENALTY * *number);
                    }
                }
            }
        }
        model.quantise(&weights, intercept);
        model
    }

    /// One logit a class.
    #[must_use]
    pub fn logits(&self, text: &str) -> Vec<f64> {
        let mut result: Vec<f64> = self.intercept.iter().map(|x| f64::from(*x)).collect();
        for (row, value) in self.weigh(&features(text)) {
            let weights = &self.weights[row * self.classes..(row + 1) * self.classes];
            for ((sum, weight), unit) in result.iter_mut().zip(weights).zip(&self.units) {
                *sum += f64::from(value * f32::from(*weight) * unit);
            }
        }
        result
    }

    /// Classes that it tells apart.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The features worth keeping, no weights yet.
    fn over(found: &[[BTreeMap<u32, u32>; 2]], classes: usize) -> WordModel {
        let mut counts: BTreeMap<u32, u32> = BTreeMap::new();
        for hash in found.iter().flatten().flat_map(BTreeMap::keys) {
            *counts.entry(*hash).or_default() += 1;
        }
        let mut kept: Vec<(u32, u32)> = counts.into_iter().filter(|(_, count)| *count >= TEXTS_MIN).collect();
        kept.sort_by_key(|(hash, count)| (std::cmp::Reverse(*count), *hash));
        kept.truncate(FEATURES_MAX);
        kept.sort_unstable();
        let hashes: Vec<u32> = kept.iter().map(|(hash, _)| *hash).collect();
        WordModel {
            texts: u32::try_from(found.len()).unwrap_or(u32::MAX),
            classes,
            rows: index(&hashes),
            counts: kept.iter().map(|(_, count)| u16::try_from(*count).unwrap_or(u16::MAX)).collect(),
            hashes,
            weights: Vec::new(),
            units: Vec::new(),
            intercept: Vec::new(),
        }
    }

    fn weigh(&self, found: &[BTreeMap<u32, u32>; 2]) -> Features {
        let mut result = Vec::new();
        for family in found {
            let known = family.iter().filter_map(|(hash, count)| Some((*self.rows.get(hash)?, *count as f32)));
            let rarity = |row: usize| ((1.0 + self.texts as f32) / (1.0 + f32::from(self.counts[row]))).ln() + 1.0;
            let weighed: Features = known.map(|(row, count)| (row, (1.0 + count.ln()) * rarity(row))).collect();
            let length = weighed.iter().map(|(_, value)| value * value).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
            result.extend(weighed.into_iter().map(|(row, value)| (row, value / length)));
        }
        result
    }

    #[expect(clippy::cast_possible_truncation, reason = "scaled to 127")]
    fn quantise(&mut self, weights: &[f32], intercept: Vec<f32>) {
        let greatest =
            |class: usize| weights.iter().skip(class).step_by(self.classes).fold(0.0_f32, |m, w| m.max(w.abs()));
        self.units = (0..self.classes).map(|class| (greatest(class) / 127.0).max(f32::MIN_POSITIVE)).collect();
        let scaled = weights.iter().zip(self.units.iter().cycle()).map(|(weight, unit)| (weight / unit).round() as i8);
        self.weights = scaled.collect();
        self.intercept = intercept;
    }
}

fn index(hashes: &[u32]) -> HashMap<u32, usize> {
    hashes.iter().enumerate().map(|(row, hash)| (*hash, row)).collect()
}

fn logits(features: &Features, weights: &[f32], intercept: &[f32]) -> Vec<f32> {
    let mut result = intercept.to_vec();
    let classes = result.len();
    for &(row, value) in features {
        let weights = &weights[row * classes..(row + 1) * classes];
        result.iter_mut().zip(weights).for_each(|(sum, weight)| *sum += value * weight);
    }
    result
}

fn to_probabilities(logits: &mut [f32]) {
    let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    logits.iter_mut().for_each(|logit| *logit = libm::expf(*logit - max));
    let sum: f32 = logits.iter().sum();
    logits.iter_mut().for_each(|logit| *logit /= sum);
}

/// How often each feature stands in a text: words and their pairs, and runs of letters.
fn features(text: &str) -> [BTreeMap<u32, u32>; 2] {
    let (mut words, mut runs) = (BTreeMap::new(), BTreeMap::new());
    let lower = text.to_lowercase();
    let mut before = "";
    for word in lower.split(|c: char| !c.is_alphanumeric() && c != '#').filter(|word| !word.is_empty()) {
        *words.entry(hash(&[word])).or_default() += 1;
        *words.entry(hash(&[before, " ", word])).or_default() += 1;
        before = word;
        let framed = format!("<{word}>");
        let starts: Vec<usize> = framed.char_indices().map(|(at, _)| at).chain([framed.len()]).collect();
        for length in RUNS {
            for ends in starts.windows(length + 1) {
                *runs.entry(hash(&["~", &framed[ends[0]..ends[length]]])).or_default() += 1;
            }
        }
    }
    [words, runs]
}

/// FNV-1a over the parts, folded to 32 bits.
#[expect(clippy::cast_possible_truncation, reason = "folded")]
fn hash(parts: &[&str]) -> u32 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let hash = parts.iter().flat_map(|part| part.bytes()).fold(0xcbf2_9ce4_8422_2325, step);
    (hash ^ (hash >> 32)) as u32
}

impl From<WordModel> for Stored {
    fn from(model: WordModel) -> Stored {
        let hashes: Vec<u8> = model.hashes.iter().flat_map(|hash| hash.to_le_bytes()).collect();
        let counts: Vec<u8> = model.counts.iter().flat_map(|count| count.to_le_bytes()).collect();
        let weights: Vec<u8> = model.weights.iter().map(|weight| weight.cast_unsigned()).collect();
        Stored {
            texts: model.texts,
            hashes: STANDARD.encode(hashes),
            counts: STANDARD.encode(counts),
            weights: STANDARD.encode(weights),
            units: model.units,
            intercept: model.intercept,
        }
    }
}

impl TryFrom<Stored> for WordModel {
    type Error = String;

    fn try_from(stored: Stored) -> Result<WordModel, String> {
        let read = |text: &str| STANDARD.decode(text).map_err(|error| format!("the words are no base64: {error}"));
        let chunks = |bytes: &[u8]| bytes.as_chunks::<4>().0.iter().map(|four| u32::from_le_bytes(*four)).collect();
        let hashes: Vec<u32> = chunks(&read(&stored.hashes)?);
        let counts = read(&stored.counts)?.as_chunks::<2>().0.iter().map(|two| u16::from_le_bytes(*two)).collect();
        let weights: Vec<i8> = read(&stored.weights)?.into_iter().map(u8::cast_signed).collect();
        let classes = stored.intercept.len();
        let model = WordModel {
            texts: stored.texts,
            classes,
            rows: index(&hashes),
            hashes,
            counts,
            weights,
            units: stored.units,
            intercept: stored.intercept,
        };
        let rows = model.hashes.len();
        let shaped = model.counts.len() == rows && model.weights.len() == rows * classes && model.rows.len() == rows;
        let finite = model.units.iter().chain(&model.intercept).all(|number| number.is_finite());
        if !shaped || model.units.len() != classes || !finite {
            return Err("the parts of the word model do not fit".to_owned());
        }
        Ok(model)
    }
}
