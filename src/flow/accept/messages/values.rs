//! A person's word on what stands in a message's text, laid over what was read.
//!
//! Guarantees: a corrected value has the span of the text that it was named by; what overlaps it gives way. Non-goals: learning
//! from it, which is training's.

use crate::domain::message::{Entity, EntityCorrection, Part, Span};
use crate::domain::payload::MessageReceived;
use crate::domain::untrusted::Untrusted;
use crate::flow::error::FlowError;

/// The values of a message with corrections in place, in the order of the text.
///
/// # Errors
/// [`FlowError::Invalid`] with code `text-not-found` and a pointer.
pub(super) fn corrected(
    content: &Untrusted<MessageReceived>,
    read: &Untrusted<Vec<Entity>>,
    corrections: &[EntityCorrection],
) -> Result<Untrusted<Vec<Entity>>, FlowError> {
    let content = content.as_written();
    let mut entities = read.as_written().clone();
    for (index, correction) in corrections.iter().enumerate() {
        let Some(span) = place(content, &correction.text) else {
            return Err(FlowError::Invalid {
                code: "text-not-found",
                message: format!("`{}` does not stand in the message; copy it as it is written", correction.text),
                pointer: Some(format!("/entities/{index}/text")),
            });
        };
        entities.retain(|entity| !overlap(entity.span, span));
        let text = correction.text.clone();
        let said = |kind| Entity { kind, text, value: correction.value.clone(), span, meant: None };
        entities.extend(correction.kind.map(said));
    }
    entities.sort_by_key(|entity| (entity.span.part == Part::Body, entity.span.start));
    Ok(Untrusted::new(entities))
}

/// Where a run first stands: in the subject, else in the body.
fn place(content: &MessageReceived, run: &str) -> Option<Span> {
    let texts = [(Part::Subject, content.subject.as_deref().unwrap_or_default()), (Part::Body, &content.body)];
    texts.into_iter().find_map(|(part, text)| {
        let start = text.find(run).filter(|_| !run.is_empty())?;
        Some(Span { part, start, end: start + run.len() })
    })
}

fn overlap(one: Span, other: Span) -> bool {
    one.part == other.part && one.start < other.end && other.start < one.end
}
