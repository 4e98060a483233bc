//! Whether what a head is to be trained on fits together.

use super::heads::{HeadError, HeadOptions, Rows};

pub(super) fn check_options(options: &HeadOptions) -> Result<(), HeadError> {
    let alphas = !options.alphas.is_empty() && options.alphas.iter().all(|alpha| alpha.is_finite() && *alpha > 0.0);
    let precision = options.target_precision;
    let floor = options.below_floor;
    let checks: [(&'static str, bool, String, &'static str); 5] = [
        ("alphas", alphas, format!("{:?}", options.alphas), "one or more positive numbers"),
        ("folds", (2..=20).contains(&options.folds), options.folds.to_string(), "2 to 20"),
        ("target_precision", precision > 0.0 && precision <= 1.0, precision.to_string(), "more than 0, at most 1"),
        ("below_floor", (0.0..=0.5).contains(&floor), floor.to_string(), "a share, at most a half"),
        ("iterations_max", options.iterations_max > 0, options.iterations_max.to_string(), "at least 1"),
    ];
    match checks.into_iter().find(|(_, holds, ..)| !holds) {
        Some((name, _, value, allowed)) => Err(HeadError::Option { name, value, allowed }),
        None => Ok(()),
    }
}

/// Checks shapes and indices; the width of the embeddings.
pub(super) fn check_input(given: &Rows<'_>, classes: &[String]) -> Result<usize, HeadError> {
    let Rows { embeddings, texts, labels, calibrating, held_out } = *given;
    let rows = embeddings.len();
    let input = |what: String| Err(HeadError::Input { what });
    if rows != labels.len() {
        return input(format!("{rows} embeddings and {} labels; give one label for each", labels.len()));
    }
    if rows != texts.len() {
        return input(format!("{rows} embeddings and {} texts; give one text for each", texts.len()));
    }
    if classes.len() < 2 {
        return input(format!("{} classes; give at least two", classes.len()));
    }
    if let Some(row) = labels.iter().position(|label| *label >= classes.len()) {
        return input(format!("row {row} has label {} of {} classes; labels count from 0", labels[row], classes.len()));
    }
    if held_out.is_empty() {
        return input("no held-out rows; name some to measure on".to_owned());
    }
    if let Some(row) = held_out.iter().find(|row| **row >= rows) {
        return input(format!("held-out row {row} is not among the {rows} rows; rows count from 0"));
    }
    if let Some(row) = calibrating.iter().find(|row| **row >= rows || held_out.contains(row)) {
        return input(format!("calibrating row {row} is held out or not among the {rows} rows"));
    }
    let width = embeddings.first().map_or(0, Vec::len);
    for (row, embedding) in embeddings.iter().enumerate() {
        check_embedding(embedding, width.max(1), || format!("embedding {row}"))?;
    }
    Ok(width)
}

pub(super) fn check_support(train_labels: &[usize], classes: &[String]) -> Result<(), HeadError> {
    for (index, class) in classes.iter().enumerate() {
        let found = train_labels.iter().filter(|label| **label == index).count();
        if found < 2 {
            let what = format!("class `{class}` has {found} training rows; give it at least two, or leave it out");
            return Err(HeadError::Input { what });
        }
    }
    Ok(())
}

pub(super) fn check_embedding(embedding: &[f32], width: usize, place: impl Fn() -> String) -> Result<(), HeadError> {
    if embedding.len() != width {
        return Err(HeadError::Embedding { place: place(), found: format!("{} numbers", embedding.len()), width });
    }
    match embedding.iter().position(|number| !number.is_finite()) {
        Some(at) => Err(HeadError::Embedding { place: place(), found: format!("{} at {at}", embedding[at]), width }),
        None => Ok(()),
    }
}
