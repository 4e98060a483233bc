//! `holdfast explain EX-…` and `holdfast explain --context`: summaries in the terminal.
//!
//! Guarantee: the same functions as the API; a line of output for each line of input, or the run fails and names the line.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use crate::app::App;
use crate::domain::ids::CaseId;
use crate::flow::assess::summary::{self, Reader, Summary, context, kept};
use crate::ports::store::proposals::ProposalFilter;
use crate::web::picture;

/// Prints a summary of each context of a file.
///
/// # Errors
/// A line that is no context, with its number.
pub fn of_contexts(path: &Path, reader: Reader) -> Result<()> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let at = || format!("{}, line {}", path.display(), number + 1);
        let context: Value = serde_json::from_str(line).with_context(at)?;
        let summary = context::summary(&context, reader).with_context(at)?;
        println!("{}", said(&context, &summary));
    }
    Ok(())
}

/// The id of a context: its own, else its exception's.
pub fn id_of(context: &Value) -> &Value {
    ["/id", "/exception_id", "/facts/exception/exception_id"]
        .iter()
        .find_map(|pointer| context.pointer(pointer))
        .unwrap_or(&Value::Null)
}

fn said(context: &Value, summary: &Summary) -> Value {
    let cited = |ids: &[String]| -> Vec<Value> {
        let facts = summary.facts.iter().filter(|fact| ids.contains(&fact.id));
        facts.map(|fact| json!({ "role": fact.role, "path": fact.path, "says": fact.rendering })).collect()
    };
    let sentences: Vec<Value> = summary
        .headline
        .iter()
        .map(|s| json!({ "text": s.text, "frame": s.frame, "basis": s.basis, "cites": cited(&s.facts) }))
        .collect();
    json!({
        "id": id_of(context),
        "text": summary.text,
        "sentences": sentences,
        "sections": summary.sections,
        "model": summary.model,
        "frames": summary.frames,
        "digest": summary.digest,
        "verified": summary::verify(summary).map_or_else(|error| error.to_string(), |()| "yes".to_owned()),
    })
}

/// Prints the summary of a case.
///
/// # Errors
/// When the case is not known.
pub async fn of_case(app: &App, id: CaseId, reader: Reader, as_json: bool) -> Result<()> {
    let services = &app.services;
    let mut tx = services.store.read().await?;
    let Some(case) = tx.case(id).await? else { bail!("there is no exception `{id}`; see `GET /v1/exceptions`") };
    let messages = tx.messages_of_case(id).await?;
    let filter = ProposalFilter { case_id: Some(id), state: None };
    let proposals = tx.list_proposals(&filter, None, kept::PROPOSALS_MAX).await?;
    drop(tx);
    let picture = picture::of(services, &case).await?.context("the order of this exception is not known")?;
    let now = services.clock.now();
    let ranked = Some(&picture.ranked);
    let summary = summary::of(&case, &picture.facts, &messages, ranked, &proposals, now, reader)?;
    if as_json {
        println!("{}", json!(summary));
        return Ok(());
    }
    println!("{}\n", summary.text);
    for section in summary.sections.iter().filter(|section| !section.sentences.is_empty()) {
        println!("{}", section.name);
        for sentence in &section.sentences {
            println!("  {}  [{}]", sentence.text, sentence.facts.join(" "));
        }
    }
    Ok(())
}
