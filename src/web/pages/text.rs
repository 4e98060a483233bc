//! A message's text cut into runs at what was read in it, for pages.
//!
//! Guarantee: the runs together are the text; a span that does not fit it is left out.

use super::words;
use crate::domain::message::{Entity, Part};

/// A run of text, plain or a value that was read.
pub(super) struct Run {
    pub(super) text: String,
    pub(super) entity: Option<&'static str>,
    /// What it was read as, in words, for whoever points at it.
    pub(super) says: String,
}

/// Cuts `text`, which begins at byte `offset` of its part, at the entities' spans.
pub(super) fn runs(text: &str, part: Part, offset: usize, entities: &[Entity]) -> Vec<Run> {
    let mut spans: Vec<&Entity> = entities.iter().filter(|e| e.span.part == part && e.span.start >= offset).collect();
    spans.sort_by_key(|e| (e.span.start, e.span.end));
    let plain = |text: &str| Run { text: text.to_owned(), entity: None, says: String::new() };
    let mut runs = Vec::new();
    let mut at = 0;
    for entity in spans {
        let (start, end) = (entity.span.start - offset, entity.span.end - offset);
        if start < at || start >= end {
            continue;
        }
        let (Some(before), Some(inside)) = (text.get(at..start), text.get(start..end)) else { continue };
        runs.push(plain(before));
        runs.push(Run { text: inside.to_owned(), entity: Some(entity.kind.name()), says: says(entity) });
        at = end;
    }
    runs.push(plain(text.get(at..).unwrap_or_default()));
    runs.retain(|run| !run.text.is_empty());
    runs
}

fn says(entity: &Entity) -> String {
    let value = entity.value.as_deref().unwrap_or("no certain reading");
    let meant = entity.meant.as_deref().map(|meant| format!(", perhaps {meant}")).unwrap_or_default();
    format!("{}: {value}{meant}", words::title(entity.kind.name()))
}
