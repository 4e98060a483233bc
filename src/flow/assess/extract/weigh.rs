//! Weigh: which candidates are values, and of which type.
//!
//! A multinomial logistic model over sparse features (`write_the_weights` in `tests/it/language/weights.rs` makes it); its weights are a file of this program, like its
//! rules, so that reading never waits for a model. Guarantees: values of one text do not overlap; an identifier that stands in
//! it twice has one type.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::candidates::{Candidate, Class};
use super::features::Shown;

/// The weights that `write_the_weights` wrote.
static SHIPPED: LazyLock<Weights> = LazyLock::new(|| Weights::read(include_bytes!("weights.bin")));

/// One row for each feature: a weight of each class, in steps of the file's first number.
pub struct Weights(BTreeMap<u32, [f32; Class::COUNT]>);

/// Where the row of a tied feature has its weight.
pub const TIED: usize = 0;

/// Log-odds from which a candidate is a value.
const SURE: f32 = -0.2;

/// Bytes of one stored row.
const ROW: usize = 4 + Class::COUNT;

impl Weights {
    /// The shipped weights.
    #[must_use]
    pub fn shipped() -> &'static Self {
        &SHIPPED
    }

    /// Reads what [`Self::write`] wrote; a file without rows has no values.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Self {
        let (step, rows) = bytes.split_at_checked(4).unwrap_or_default();
        let step = step.try_into().map_or(0.0, f32::from_le_bytes);
        let row = |row: &[u8]| {
            let (hash, weights) = row.split_at_checked(4)?;
            let mut found = [0.0; Class::COUNT];
            found.iter_mut().zip(weights).for_each(|(to, from)| *to = f32::from(from.cast_signed()) * step);
            Some((u32::from_le_bytes(hash.try_into().ok()?), found))
        };
        Self(rows.chunks_exact(ROW).filter_map(row).collect())
    }

    /// The weights in eight bits each, by feature; rows that round to nothing are left out.
    #[must_use]
    pub fn write(rows: &BTreeMap<u32, Vec<f32>>) -> Vec<u8> {
        let most = rows.values().flatten().fold(0.0_f32, |most, weight| most.max(weight.abs()));
        let step = most / f32::from(i8::MAX);
        let mut bytes = step.to_le_bytes().to_vec();
        for (hash, weights) in rows {
            #[expect(clippy::cast_possible_truncation, reason = "within eight bits by the choice of the step")]
            let small: Vec<i8> = weights.iter().map(|weight| (weight / step).round() as i8).collect();
            if small.iter().any(|weight| *weight != 0) {
                bytes.extend(hash.to_le_bytes());
                bytes.extend(small.into_iter().map(i8::cast_unsigned));
            }
        }
        bytes
    }

    /// Log-odds of every class against none for one candidate; minus infinity where it cannot be of the class.
    fn odds(&self, shown: &Shown, candidate: &Candidate) -> [f32; Class::COUNT] {
        let mut sums = [0.0; Class::COUNT];
        for row in shown.features.iter().filter_map(|hash| self.0.get(hash)) {
            sums.iter_mut().zip(row).for_each(|(sum, weight)| *sum += weight);
        }
        for (class, hash) in &shown.tied {
            sums[class.index()] += self.0.get(hash).map_or(0.0, |row| row[TIED]);
        }
        let nothing = sums[Class::Nothing.index()];
        let mut odds = [f32::NEG_INFINITY; Class::COUNT];
        for class in candidate.classes() {
            odds[class.index()] = sums[class.index()] - nothing;
        }
        odds
    }

    /// The candidates that are values, with their classes, in the order of the text.
    pub(super) fn choose(&self, candidates: &[(Candidate, Shown)]) -> Vec<(usize, Class)> {
        let mut odds: Vec<[f32; Class::COUNT]> =
            candidates.iter().map(|(candidate, shown)| self.odds(shown, candidate)).collect();
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
}

/// Gives candidates with the same letters and digits the mean of their odds.
fn agree(candidates: &[(Candidate, Shown)], odds: &mut [[f32; Class::COUNT]]) {
    let mut same: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, (candidate, _)) in candidates.iter().enumerate() {
        if let Some(key) = candidate.key.as_deref().filter(|key| key.len() > 4) {
            same.entry(key).or_default().push(index);
        }
    }
    for places in same.values().filter(|places| places.len() > 1) {
        let mut sums = [0.0; Class::COUNT];
        places.iter().for_each(|&at| sums.iter_mut().zip(odds[at]).for_each(|(sum, odd)| *sum += odd));
        sums.iter_mut().for_each(|sum| *sum /= places.len() as f32);
        places.iter().for_each(|&at| odds[at] = sums);
    }
}
