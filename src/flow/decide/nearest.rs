//! The resolved cases that are most like one: evidence that a person can check.
//!
//! Method: features become points on declared scales (days for hours, a tenth for a rate, a kind of a text in one of
//! [`KINDS`] hashed places), lifted onto a sphere of radius [`RADIUS`], so that the likeness by angle of the vector port
//! tells the distance between points. The scales are declared and not learned: a point never changes, whatever model
//! serves, and the collection can be built again from the store at any time.
//!
//! Guarantees: only cases of the same category and currency whose outcome was known by then; a case is no evidence of
//! itself; what was found is recorded with a decision, so that a replay asks nothing. Non-goals: learned distances; what
//! becomes of the evidence, see `outlook`.

use std::collections::BTreeMap;

use holdfast_training::ranking::archive::{self, NEIGHBOURS, NOVELTY_NEIGHBOUR, Neighbour};
use jiff::Timestamp;
use serde_json::Value;

use crate::domain::action::ActionKind;
use crate::domain::case::Category;
use crate::domain::decision::{ActionEvidence, Evidence};
use crate::domain::digest;
use crate::domain::ids::CaseId;
use crate::flow::assess::features::{self, FeatureKind};
use crate::flow::learn::resolved::Resolved;
use crate::ports::vectors::{Hit, Point, Query, VectorError, VectorStore};

/// The collection's name without the version of the feature schema.
const COLLECTION: &str = "resolved-cases";
/// Places that kinds of texts are hashed to (Weinberger et al. 2009).
const KINDS: usize = 32;
/// Distance from the origin at which points are cut off.
const RADIUS: f64 = 24.0;
/// Most points that are looked through for cases that were known in time.
const LOOKED_THROUGH_MAX: usize = 2_000;

/// Whose neighbours are asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Asked<'a> {
    /// The case, which is no evidence of itself; `None` for one that the service does not hold.
    pub case_id: Option<CaseId>,
    /// Its category.
    pub category: Category,
    /// The currency of its amounts.
    pub currency: &'a str,
    /// Outcomes count that were known by then.
    pub as_of: Timestamp,
    /// Features in schema order.
    pub features: &'a [Value],
}

/// The collection of the present feature schema.
#[must_use]
pub fn collection() -> String {
    // A schema's name holds a slash, which not every vector store takes.
    format!("{COLLECTION}-{}", features::SCHEMA_VERSION.replace('/', "-"))
}

/// What the nearest resolved cases say; `None` where the vector store cannot be asked, see [`of_each`].
pub async fn of(vectors: &dyn VectorStore, asked: &Asked<'_>) -> Option<Evidence> {
    of_each(vectors, std::slice::from_ref(asked)).await.pop().flatten()
}

/// The same of each, in order, asked at once; `None`, logged and counted, where the vector store cannot be asked: a ranking
/// does not wait for evidence, and what failed once is not asked again.
pub async fn of_each(vectors: &dyn VectorStore, asked: &[Asked<'_>]) -> Vec<Option<Evidence>> {
    let mut said = vec![None; asked.len()];
    if let Err(error) = search_each(vectors, asked, &mut said).await {
        tracing::warn!(%error, "the nearest resolved cases could not be asked; the ranking goes without evidence");
        metrics::counter!("holdfast_evidence_failed_total").increment(1);
    }
    said
}

/// All at once; where too few of the hits of one count, it alone asks for more.
async fn search_each(
    vectors: &dyn VectorStore,
    asked: &[Asked<'_>],
    said: &mut [Option<Evidence>],
) -> Result<(), VectorError> {
    let collection = collection();
    let limit = NEIGHBOURS + 1;
    let found = vectors.search_each(&collection, asked.iter().map(|asked| query(asked, limit)).collect()).await?;
    for ((asked, said), mut hits) in asked.iter().zip(said).zip(found) {
        let mut limit = limit;
        loop {
            let complete = hits.len() < limit || limit >= LOOKED_THROUGH_MAX;
            let known: Vec<Found> = hits.iter().filter_map(Found::of).filter(|found| found.counts(asked)).collect();
            if known.len() >= NEIGHBOURS || complete {
                *said = Some(evidence(&known[..known.len().min(NEIGHBOURS)]));
                break;
            }
            limit = (limit * 4).min(LOOKED_THROUGH_MAX);
            let Query { vector, filter, .. } = query(asked, limit);
            hits = vectors.search(&collection, &vector, &filter, limit).await?;
        }
    }
    Ok(())
}

fn query(asked: &Asked<'_>, limit: usize) -> Query {
    Query { vector: vector(asked.features), filter: filter(asked.category, asked.currency), limit }
}

/// A resolved case as a point of the collection.
#[must_use]
pub fn point(resolved: &Resolved) -> Point {
    let mut payload = filter(resolved.category, &resolved.stakes.currency);
    payload.extend(
        [
            ("case_id", resolved.case_id.to_string()),
            ("action", resolved.action.name().to_owned()),
            ("missed", resolved.missed.to_string()),
            ("cost", resolved.cost.to_string()),
            ("resolve_minutes", resolved.resolve_minutes().to_string()),
            ("known_at", resolved.known_at.to_string()),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    Point { key: resolved.assessment_id.0, vector: vector(&resolved.features), payload }
}

fn filter(category: Category, currency: &str) -> BTreeMap<String, String> {
    [("category", category.name()), ("currency", currency)].map(|(k, v)| (k.to_owned(), v.to_owned())).into()
}

/// A neighbour as the collection tells it.
struct Found {
    case_id: String,
    known_at: Timestamp,
    neighbour: Neighbour,
}

impl Found {
    /// `None` for a point that this version did not write.
    fn of(hit: &Hit) -> Option<Self> {
        let text = |name: &str| hit.payload.get(name);
        let number = |name: &str| text(name)?.parse::<f64>().ok();
        let square = 2.0 * (1.0 - f64::from(hit.score)).max(0.0);
        let neighbour = Neighbour {
            row: 0,
            distance: rounded(RADIUS * square.sqrt()),
            action: ActionKind::parse(text("action")?)? as usize,
            missed: text("missed")?.parse().ok()?,
            cost: number("cost")?,
            resolve_hours: number("resolve_minutes")? / 60.0,
        };
        Some(Self { case_id: text("case_id")?.clone(), known_at: text("known_at")?.parse().ok()?, neighbour })
    }

    fn counts(&self, asked: &Asked<'_>) -> bool {
        self.known_at <= asked.as_of && asked.case_id.is_none_or(|id| id.to_string() != self.case_id)
    }
}

fn evidence(found: &[Found]) -> Evidence {
    let neighbours: Vec<Neighbour> = found.iter().map(|found| found.neighbour).collect();
    let actions = archive::evidence(&neighbours).into_iter().filter_map(|said| {
        Some(ActionEvidence {
            action: *ActionKind::ALL.get(said.action)?,
            cases: said.count,
            on_time: rounded(said.on_time),
            on_time_interval: [rounded(said.on_time_low), rounded(said.on_time_high)],
            resolve_minutes_median: rounded(said.resolve_hours_median * 60.0),
            cost_mean: rounded(said.cost_mean),
        })
    });
    let fifth = neighbours.get(NOVELTY_NEIGHBOUR - 1);
    Evidence { cases: found.len(), distance: fifth.map(|fifth| fifth.distance), actions: actions.collect() }
}

/// At most four decimals: text and back is the same number, and a replay is the same to the bit.
fn rounded(number: f64) -> f64 {
    (number * 1e4).round() / 1e4 + 0.0
}

/// Features as a point on the sphere: the last coordinate is what is left of the radius.
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "vectors are kept in single precision")]
pub fn vector(features: &[Value]) -> Vec<f32> {
    let point = point_of(features);
    let length = point.iter().map(|x| x * x).sum::<f64>().sqrt();
    let shrunk = if length > RADIUS { RADIUS / length } else { 1.0 };
    let left = (RADIUS * RADIUS - length * length).max(0.0).sqrt();
    point.iter().map(|x| x * shrunk).chain([left]).map(|x| x as f32).collect()
}

/// Features on their declared scales, then the hashed places of texts; what is not known lies at 0.
fn point_of(row: &[Value]) -> Vec<f64> {
    let mut numbers = Vec::new();
    let mut kinds = vec![0.0; KINDS];
    for (spec, value) in features::schema().iter().zip(row) {
        match (spec.kind, value) {
            (FeatureKind::Numeric, value) => numbers.push(value.as_f64().map_or(0.0, |x| scaled(spec.name, x))),
            // The category is filtered by.
            (FeatureKind::Categorical, Value::String(kind)) if spec.name != "category" => {
                if let Some(place) = kinds.get_mut(place(&format!("{}={kind}", spec.name))) {
                    *place += 1.0;
                }
            }
            _ => {}
        }
    }
    numbers.extend(kinds);
    numbers
}

fn scaled(name: &str, value: f64) -> f64 {
    match name {
        _ if name.ends_with("_h") => (value / 24.0).asinh(),
        _ if name.starts_with("late_rate") => value / 0.1,
        _ => value.asinh(),
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place from 0 to KINDS")]
fn place(text: &str) -> usize {
    (digest::place_of(text) * KINDS as f64) as usize
}
