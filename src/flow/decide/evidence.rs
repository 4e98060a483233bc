//! The facts that a proposal rests on: taken when it is proposed, and again at every vote and when execution starts.
//!
//! Guarantee: the same function each time, so that `then` and `facts` differ only where the world does.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::catalogue::{broken, hindsight};
use crate::domain::proposal::{Proposal, Target};
use crate::flow::learn::challenger;
use crate::flow::{FlowError, facts};
use crate::ports::store::Transaction;

/// The facts of a target now: those of the order line, or of the model version, the one that serves and the one beside it. `None` when there
/// is no such line or version.
///
/// # Errors
/// [`FlowError::Store`].
pub async fn of(tx: &mut dyn Transaction, target: &Target, now: Timestamp) -> Result<Option<Value>, FlowError> {
    match target {
        Target::Order { order_id, line_no, .. } => {
            let facts = facts::of_line(tx, order_id, *line_no, now).await?;
            Ok(facts.map(|facts| json!(facts)))
        }
        Target::Model { name, version } => {
            let Some(model) = tx.model_version(name, version).await? else { return Ok(None) };
            let servings = tx.servings(Some(name)).await?;
            let serving = servings.iter().find(|serving| !serving.role.is_challenger());
            Ok(Some(json!({ "model": model, "serving": serving, "challenger": challenger::of(&servings) })))
        }
    }
}

/// The preconditions of a proposal that do not hold now, in words. A promotion that took place already has changed what
/// serves, and nothing is broken by that.
///
/// # Errors
/// [`FlowError::Store`].
pub async fn broken_now(
    tx: &mut dyn Transaction,
    proposal: &Proposal,
    now: Timestamp,
) -> Result<Vec<String>, FlowError> {
    let Some(facts) = of(tx, &proposal.target, now).await? else {
        return Ok(vec!["what it acts on is still there".to_owned()]);
    };
    if ["serving", "challenger"].iter().any(|place| facts[place]["because"] == json!(proposal.id)) {
        return Ok(Vec::new());
    }
    let scope = hindsight(&facts, &proposal.evidence, &proposal.action.parameters);
    Ok(broken(&proposal.preconditions, &scope))
}
