//! Weigh: which candidates are values, and of which type.
//!
//! A multinomial logistic model over what candidates show, [`Weights`]. One of words alone is a file of this program
//! (`write_the_weights` in `tests/it/language/weights.rs` makes it), so that values are read where no other model serves.
//! Guarantees: values of one text do not overlap; an identifier that stands in it twice has one type.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::candidates::{Candidate, Class};
use super::features::Shown;
use crate::domain::weights::{CLASSES, Weights};

/// The weights that `write_the_weights` wrote.
static BUILT_IN: LazyLock<Weights> =
    LazyLock::new(|| Weights::read("values/built-in", include_bytes!("weights.bin"), &[]));

/// Log-odds from which a candidate is a value.
const SURE: f32 = -0.2;

/// The weights of words alone that are a part of this program.
#[must_use]
pub fn built_in() -> &'static Weights {
    &BUILT_IN
}

/// Log-odds of every class against none for one candidate; minus infinity where it cannot be of the class.
fn odds(weights: &Weights, shown: &Shown, candidate: &Candidate) -> [f32; CLASSES] {
    let sums = weights.sums(&shown.features, &shown.tied, shown.context.as_deref());
    let nothing = sums[Class::Nothing.index()];
    let mut odds = [f32::NEG_INFINITY; CLASSES];
    for class in candidate.classes() {
        odds[class.index()] = sums[class.index()] - nothing;
    }
    odds
}

/// The candidates that are values, with their classes, in the order of the text.
pub(super) fn choose(weights: &Weights, candidates: &[(Candidate, Shown)]) -> Vec<(usize, Class)> {
    let mut odds: Vec<[f32; CLASSES]> =
        candidates.iter().map(|(candidate, shown)| odds(weights, shown, candidate)).collect();
    agree(candidates, &mut odds);
    let best = |index: usize| {
        let classes = candidates[index].0.classes().into_iter().filter(|class| *class != Class::Nothing);
        classes.map(|class| (odds[index][class.index()], class)).max_by(|a, b| a.0.total_cmp(&b.0))
    };
    let mut sure: Vec<(f32, usize, Class)> =
        (0..candidates.len()).filter_map(|index| best(index).map(|(odds, class)| (odds, index, class))).collect();
    sure.retain(|(odds, ..)| *odds > SURE);
    sure.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut chosen: Vec<(usize, Class)> = Vec::new();
    for (_, index, class) in sure {
        let this = &candidates[index].0;
        let free = |(other, _): &(usize, Class)| {
            candidates[*other].0.end <= this.start || this.end <= candidates[*other].0.start
        };
        if chosen.iter().all(free) {
            chosen.push((index, class));
        }
    }
    chosen.sort_by_key(|(index, _)| candidates[*index].0.start);
    chosen
}

/// Gives candidates with the same letters and digits the mean of their odds.
fn agree(candidates: &[(Candidate, Shown)], odds: &mut [[f32; CLASSES]]) {
    let mut same: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, (candidate, _)) in candidates.iter().enumerate() {
        if let Some(key) = candidate.key.as_deref().filter(|key| key.len() > 4) {
            same.entry(key).or_default().push(index);
        }
    }
    for places in same.values().filter(|places| places.len() > 1) {
        let mut sums = [0.0; CLASSES];
        places.iter().for_each(|&at| sums.iter_mut().zip(odds[at]).for_each(|(sum, odd)| *sum += odd));
        sums.iter_mut().for_each(|sum| *sum /= places.len() as f32);
        places.iter().for_each(|&at| odds[at] = sums);
    }
}
