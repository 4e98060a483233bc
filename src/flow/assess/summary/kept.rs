//! Summaries over time: kept when facts change, marked when something is proposed on them, read again before a vote.
//!
//! Guarantees: a kept summary is replaced only where a fact other than the clock's changed, or the frame file; a proposal remembers the
//! material facts that it was made on, for each kind of reader; a vote on facts that changed materially since, by someone
//! who does not show to have read them (their digest), is refused with what changed. Non-goals: what may still be done, which
//! preconditions say.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::frames::frames;
use super::{Deterministic, Fact, Reader, Summary, SummaryError, ledger_of, worded};
use crate::domain::case::Case;
use crate::domain::decision::RankedCase;
use crate::domain::digest;
use crate::domain::event::EventRef;
use crate::domain::ids::ProposalId;
use crate::domain::message::Message;
use crate::domain::party::ObjectKind;
use crate::domain::proposal::{Proposal, Target};
use crate::flow::FlowError;
use crate::flow::facts::{self, Facts};
use crate::ports::store::Transaction;
use crate::ports::store::proposals::ProposalFilter;
use crate::ports::store::summaries::Kept;

/// Every kind of reader.
const READERS: [Reader; 2] = [Reader { sees_finance: true }, Reader { sees_finance: false }];
/// Proposals of a case that its summary names: whoever compiles a summary takes as many, or it says something else.
pub const PROPOSALS_MAX: u32 = 50;

/// How old a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = SummaryAge)]
pub struct Age {
    /// When it was made.
    pub made_at: Timestamp,
    /// Events and messages recorded for the line since.
    pub events_since: usize,
}

/// What a proposal was made on, and what is so now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = SummarySince)]
pub struct Since {
    /// Age of what it was made on.
    #[serde(flatten)]
    pub age: Age,
    /// Digest of the material facts now; a vote shows with it that they were read.
    pub material: String,
    /// Material facts that changed, in words.
    pub changed: Vec<String>,
}

/// Material facts by role, with what they are and how they are said.
type Material = BTreeMap<String, (String, String)>;

impl Reader {
    /// The name under which things are kept for such readers.
    fn name(self) -> &'static str {
        if self.sees_finance { "all" } else { "without_finance" }
    }
}

/// Keeps the summaries of a case where its facts changed.
///
/// # Errors
/// [`FlowError`].
pub async fn keep(
    tx: &mut dyn Transaction,
    case: &Case,
    facts: &Facts,
    ranked: &RankedCase,
    now: Timestamp,
) -> Result<(), FlowError> {
    let messages = tx.messages_of_case(case.id).await?;
    let filter = ProposalFilter { case_id: Some(case.id), state: None };
    let proposals = tx.list_proposals(&filter, None, PROPOSALS_MAX).await?;
    for reader in READERS {
        let ledger = ledger_of(case, facts, &messages, Some(ranked), &proposals, now, reader);
        let kept = tx.kept_summary(case.id, reader.name()).await?;
        let same = kept.is_some_and(|kept| stored(&kept).is_some_and(|kept| says(&kept, ledger.facts())));
        if !same {
            let fresh = worded(case.key.category, &ledger, &Deterministic)?;
            tx.keep_summary(case.id, reader.name(), &Kept { made_at: now, document: json!(fresh) }).await?;
        }
    }
    Ok(())
}

/// The summary that a reader gets: the kept one where it still says what the facts say, else the fresh one.
///
/// # Errors
/// [`FlowError::Store`].
pub async fn current(
    tx: &mut dyn Transaction,
    case: &Case,
    fresh: Summary,
    reader: Reader,
    now: Timestamp,
) -> Result<(Summary, Age), FlowError> {
    let kept = tx.kept_summary(case.id, reader.name()).await?;
    match kept.and_then(|kept| Some((stored(&kept)?, kept.made_at))) {
        Some((summary, made_at)) if says(&summary, &fresh.facts) => {
            let events_since = events_since(tx, case, &fresh.facts, made_at).await?;
            Ok((summary, Age { made_at, events_since }))
        }
        _ => Ok((fresh, Age { made_at: now, events_since: 0 })),
    }
}

/// A summary of an older version of the program reads as none.
fn stored(kept: &Kept) -> Option<Summary> {
    serde_json::from_value(kept.document.clone()).ok()
}

/// Whether a summary says these facts, but for what runs by the clock.
fn says(summary: &Summary, facts: &[Fact]) -> bool {
    let Ok(frames) = frames() else { return false };
    let still = |facts: &[Fact]| -> BTreeMap<String, String> {
        let steady = facts.iter().filter(|fact| !frames.clock.contains(&fact.role));
        steady.map(|fact| (fact.role.clone(), fact.rendering.clone())).collect()
    };
    summary.frames == frames.digest && still(&summary.facts) == still(facts)
}

/// Events of the order and events behind its facts, and messages of the case, recorded after a time.
async fn events_since(
    tx: &mut dyn Transaction,
    case: &Case,
    facts: &[Fact],
    since: Timestamp,
) -> Result<usize, FlowError> {
    let (mut found, mut seen) = (BTreeSet::new(), BTreeSet::new());
    for event in tx.events_of(ObjectKind::Order, &case.key.order_id).await? {
        if event.recorded > since {
            found.insert(event.reference.clone());
        }
        seen.insert(event.reference);
    }
    let cited: BTreeSet<&EventRef> = facts.iter().filter_map(|fact| fact.event.as_ref()).collect();
    for reference in cited.into_iter().filter(|reference| !seen.contains(*reference)) {
        if tx.event(reference).await?.is_some_and(|event| event.recorded > since) {
            found.insert(reference.clone());
        }
    }
    let messages = tx.messages_of_case(case.id).await?;
    let read =
        messages.into_iter().filter(|message| message.reading.as_ref().is_some_and(|reading| reading.at > since));
    found.extend(read.map(|message| message.event));
    Ok(found.len())
}

/// Remembers what a proposal is made on.
///
/// # Errors
/// [`FlowError`].
pub async fn mark(
    tx: &mut dyn Transaction,
    proposal_id: ProposalId,
    case: &Case,
    now: Timestamp,
) -> Result<(), FlowError> {
    let mut document = serde_json::Map::new();
    for reader in READERS {
        if let Some(facts) = known(tx, case, reader, now).await? {
            document.insert(reader.name().to_owned(), json!(held(&facts).map_err(SummaryError::from)?));
        }
    }
    Ok(tx.mark_proposal(proposal_id, &Kept { made_at: now, document: Value::Object(document) }).await?)
}

/// What became of the facts that a proposal was made on; `None` where it is of no order, or was made before marks were kept.
///
/// # Errors
/// [`FlowError`].
pub async fn since(
    tx: &mut dyn Transaction,
    proposal: &Proposal,
    reader: Reader,
    now: Timestamp,
) -> Result<Option<Since>, FlowError> {
    let Target::Order { case_id, .. } = proposal.target else { return Ok(None) };
    let (Some(mark), Some(case)) = (tx.proposal_mark(proposal.id).await?, tx.case(case_id).await?) else {
        return Ok(None);
    };
    let before = mark.document.get(reader.name()).cloned();
    let before: Material = before.and_then(|value| serde_json::from_value(value).ok()).unwrap_or_default();
    let Some(facts) = known(tx, &case, reader, now).await? else { return Ok(None) };
    let held = held(&facts).map_err(SummaryError::from)?;
    let roles: BTreeSet<&String> = before.keys().chain(held.keys()).collect();
    let changed = roles.into_iter().filter_map(|role| change(before.get(role), held.get(role))).collect();
    let age = Age { made_at: mark.made_at, events_since: events_since(tx, &case, &facts, mark.made_at).await? };
    Ok(Some(Since { age, material: digest_of(&held)?, changed }))
}

fn change(before: Option<&(String, String)>, held: Option<&(String, String)>) -> Option<String> {
    match (before, held) {
        (Some((label, old)), Some((_, new))) if old != new => Some(format!("{label}: {old}, now {new}")),
        (Some((label, old)), None) => Some(format!("{label}: {old}, now nothing")),
        (None, Some((label, new))) => Some(format!("{label}: now {new}")),
        _ => None,
    }
}

/// Refuses a vote of a person who does not show to have read what changed since the proposal was made.
///
/// # Errors
/// [`FlowError::Conflict`] with code `summary-stale`, the changes and the digest to show.
pub async fn read_again(
    tx: &mut dyn Transaction,
    proposal: &Proposal,
    reader: Reader,
    read: Option<&str>,
    now: Timestamp,
) -> Result<(), FlowError> {
    let Some(since) = since(tx, proposal, reader, now).await? else { return Ok(()) };
    let shown = read.map_or(since.changed.is_empty(), |read| read == since.material);
    if shown {
        return Ok(());
    }
    Err(FlowError::Conflict {
        code: "summary-stale",
        message:
            "what this rests on changed; read the summary of the exception again and vote with its `material` as `read`"
                .to_owned(),
        detail: json!({ "changed": since.changed, "events_since": since.age.events_since, "material": since.material }),
    })
}

/// The facts of a case for a reader; `None` where its order is not known.
async fn known(
    tx: &mut dyn Transaction,
    case: &Case,
    reader: Reader,
    now: Timestamp,
) -> Result<Option<Vec<Fact>>, FlowError> {
    let Some(facts) = facts::of_line(tx, &case.key.order_id, case.key.line_no, now).await? else { return Ok(None) };
    let messages: Vec<Message> = tx.messages_of_case(case.id).await?;
    let ledger = ledger_of(case, &facts, &messages, None, &[], now, reader);
    Ok(Some(ledger.facts().to_vec()))
}

/// Material facts among `facts`.
fn held(facts: &[Fact]) -> Result<Material, super::frames::FramesError> {
    let frames = frames()?;
    let material = facts.iter().filter(|fact| frames.is_material(&fact.role));
    Ok(material.map(|fact| (fact.role.clone(), (fact.label.clone(), fact.rendering.clone()))).collect())
}

fn digest_of(material: &Material) -> Result<String, digest::NotCanonical> {
    let said: BTreeMap<&str, &str> = material.iter().map(|(role, (_, says))| (role.as_str(), says.as_str())).collect();
    digest::hex_of(&said)
}

/// The digest of the material facts of a summary.
pub(super) fn material_of(facts: &[Fact]) -> Result<String, SummaryError> {
    Ok(digest_of(&held(facts)?)?)
}
