//! Link: the order and the case that a message belongs to, or honestly not.
//!
//! Candidates come from references, thread, sender, named parties and items (`pool`); what each shares with the message becomes
//! features and clues (`pair`); a learned ranker says how probable each is; `decide` attaches, shows and asks, or leaves alone.
//!
//! Guarantees: it attaches only from the ranker's bound on, to one order (a supplier's message: to the orders of one purchase
//! order); a reference to another party's order than the sender's is never attached but shown as a conflict; without a ranker
//! only the one order of its own that a known sender refers to, or answers in the thread of, attaches. Non-goals: acting; an attachment is a filing,
//! not an approval. See `docs/decisions/0017-a-learned-linker.md`.

mod decide;
mod fit;
mod pair;
mod pool;
mod question;
mod said;

use jiff::civil::Date;

use crate::domain::message::{Entity, Link, ScoredIntent};
use crate::domain::party::ObjectKind;
use crate::domain::payload::MessageReceived;
use crate::flow::assess::extract::Known;
use crate::flow::assess::sender::Identity;
use crate::ports::link::LinkRanker;
use crate::ports::store::{StoreError, Transaction};

pub use pair::Pairs;

/// What was read of a message before it is linked.
#[derive(Clone, Copy)]
#[expect(missing_docs, reason = "names say it")]
pub struct Read<'a> {
    pub message: &'a MessageReceived,
    pub entities: &'a [Entity],
    pub known: &'a Known,
    pub sender: &'a Identity,
    /// Its likely intents, most probable first.
    pub intents: &'a [ScoredIntent],
    /// The day on which it was sent.
    pub sent: Date,
}

/// Who ranks, and from which probability on a message is attached without a person: the greater of the ranker's bound and
/// `attach_min`.
#[derive(Clone, Copy)]
#[expect(missing_docs, reason = "names say it")]
pub struct Linker<'a> {
    pub ranker: Option<&'a dyn LinkRanker>,
    pub attach_min: f64,
}

/// Where a message belongs.
///
/// # Errors
/// [`StoreError`].
pub async fn link(tx: &mut dyn Transaction, read: Read<'_>, linker: Linker<'_>) -> Result<Link, StoreError> {
    let said = said::Said::of(read.message, read.entities, read.known);
    let pool = pool::gather(tx, &said, &read).await?;
    let matches = pair::matches(&said, &pool, read.intents);
    let probabilities = match linker.ranker {
        Some(ranker) => {
            let pairs = pair::pairs(&said, &pool, &matches, &read);
            ranker.rank(&pairs.candidates, &pairs.message)
        }
        None => decide::by_rule(&pool),
    };
    let bound = linker.ranker.map_or(0.0, LinkRanker::bound).max(linker.attach_min);
    decide::decide(tx, decide::Ranked { pool, matches, probabilities, bound }, &read).await
}

/// The candidates of a message with their features, as [`link`] ranks them: what the ranker learns from.
///
/// # Errors
/// [`StoreError`].
pub async fn pairs(tx: &mut dyn Transaction, read: Read<'_>) -> Result<(Vec<(ObjectKind, String)>, Pairs), StoreError> {
    let said = said::Said::of(read.message, read.entities, read.known);
    let pool = pool::gather(tx, &said, &read).await?;
    let matches = pair::matches(&said, &pool, read.intents);
    let pairs = pair::pairs(&said, &pool, &matches, &read);
    Ok((pool.candidates.iter().map(|candidate| candidate.key()).collect(), pairs))
}
