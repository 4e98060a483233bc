//! A linear model over what candidates for typed values show: hashed features, each with a weight for every class, and the
//! numbers of a context, which an encoder made.
//!
//! Guarantees: a feature without weights and a candidate without a context add nothing; what was written is read back within
//! eight bits for features and exactly for contexts. Non-goals: what classes and features mean, see `flow::assess::extract`.

use std::collections::BTreeMap;

/// Classes that a candidate is weighed for: none, the nine types of values, and a date's other reading.
pub const CLASSES: usize = 11;

/// Where the row of a tied feature has its weight.
pub const TIED: usize = 0;

/// Bytes of one stored row of a feature.
const ROW: usize = 4 + CLASSES;

/// One weight of each class.
type Row = [f32; CLASSES];

/// A model and what it is called.
#[derive(Clone, Debug, PartialEq)]
pub struct Weights {
    /// `name/version`.
    pub version: String,
    /// By hash.
    features: BTreeMap<u32, Row>,
    /// What every context adds, then what each of its numbers does; empty for a model of words alone.
    contexts: Vec<Row>,
}

impl Weights {
    /// Reads what [`Self::write_features`] and [`Self::write_contexts`] wrote; a file that ends within a row ends before it.
    #[must_use]
    pub fn read(version: &str, features: &[u8], contexts: &[u8]) -> Self {
        let (step, rows) = features.split_at_checked(4).unwrap_or_default();
        let step = step.try_into().map_or(0.0, f32::from_le_bytes);
        let row = |row: &[u8]| {
            let (hash, weights) = row.split_at_checked(4)?;
            let mut found = [0.0; CLASSES];
            found.iter_mut().zip(weights).for_each(|(to, from)| *to = f32::from(from.cast_signed()) * step);
            Some((u32::from_le_bytes(hash.try_into().ok()?), found))
        };
        let (numbers, _) = contexts.as_chunks::<4>();
        let numbers: Vec<f32> = numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        let (contexts, _) = numbers.as_chunks::<CLASSES>();
        Self {
            version: version.to_owned(),
            features: rows.chunks_exact(ROW).filter_map(row).collect(),
            contexts: contexts.to_vec(),
        }
    }

    /// Weights of features as they are stored: in eight bits each; rows that round to nothing are left out.
    #[must_use]
    pub fn write_features(rows: &BTreeMap<u32, Vec<f32>>) -> Vec<u8> {
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

    /// Weights of contexts as they are stored: what every context adds, then what each of its numbers does, by class.
    #[must_use]
    pub fn write_contexts(rows: &[Vec<f32>]) -> Vec<u8> {
        rows.iter().flatten().flat_map(|weight| weight.to_le_bytes()).collect()
    }

    /// Numbers of a context; 0 for a model of words alone.
    #[must_use]
    pub fn context_width(&self) -> usize {
        self.contexts.len().saturating_sub(1)
    }

    /// The sum of each class's weights for one candidate. `tied` features speak for one class each.
    #[must_use]
    pub fn sums(&self, features: &[u32], tied: &[(usize, u32)], context: Option<&[f32]>) -> [f32; CLASSES] {
        let mut sums = [0.0; CLASSES];
        let mut add = |row: &Row, times: f32| sums.iter_mut().zip(row).for_each(|(sum, weight)| *sum += times * weight);
        features.iter().filter_map(|hash| self.features.get(hash)).for_each(|row| add(row, 1.0));
        if let (Some(context), Some((always, rows))) = (context, self.contexts.split_first()) {
            add(always, 1.0);
            rows.iter().zip(context).for_each(|(row, &number)| add(row, number));
        }
        for (class, hash) in tied {
            if let Some(sum) = sums.get_mut(*class) {
                *sum += self.features.get(hash).map_or(0.0, |row| row[TIED]);
            }
        }
        sums
    }
}
