//! What must not reach training: features that know the outcome or were not known in time, groups across a cut.

use std::collections::{BTreeMap, BTreeSet};

use super::TrainError;
use crate::tabular::split::Split;
use crate::tabular::table::Table;

/// Refuses a feature whose value was known only after the row's own time.
///
/// # Errors
/// [`TrainError::PostDated`], naming the first such feature.
pub(super) fn refuse_late_features(table: &Table) -> Result<(), TrainError> {
    for (feature, known_at) in &table.facts.known_at {
        let late = known_at.iter().zip(&table.times).enumerate();
        let mut late =
            late.filter_map(|(row, (known, time))| known.filter(|known| known > time).map(|at| (row, at, *time)));
        if let Some((row, known_at, time)) = late.next() {
            return Err(TrainError::PostDated {
                feature: feature.clone(),
                rows: 1 + late.count(),
                row,
                known_at,
                time,
            });
        }
    }
    Ok(())
}

/// Refuses groups with rows in more than one split; what is set aside does not count.
///
/// # Errors
/// [`TrainError::Group`], naming the first in the order of names.
pub(super) fn refuse_split_groups(table: &Table, splits: &[Split]) -> Result<(), TrainError> {
    let mut of_group: BTreeMap<&str, BTreeSet<Split>> = BTreeMap::new();
    for (group, split) in table.facts.groups.iter().flatten().zip(splits).filter(|(_, split)| **split != Split::Gap) {
        if let Some(group) = group {
            of_group.entry(group).or_default().insert(*split);
        }
    }
    of_group.retain(|_, splits| splits.len() > 1);
    let first = of_group.iter().next().map(|(group, splits)| (group, splits.iter().copied()));
    match first.and_then(|(group, mut splits)| Some((group, splits.next()?, splits.next()?))) {
        Some((group, early, late)) => {
            Err(TrainError::Group { group: (*group).to_owned(), groups: of_group.len(), early, late })
        }
        None => Ok(()),
    }
}
