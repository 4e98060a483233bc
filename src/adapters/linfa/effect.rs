//! A learned effect model behind [`EffectModel`](crate::ports::tabular::EffectModel).
//!
//! Guarantees: a case is encoded by the same code for learning and for serving; only categories that were learned are
//! answered for. Non-goals: which these are, see `commands::train::effect`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use holdfast_training::ranking::case::{Candidate, Case, Feature, Schema};
use holdfast_training::ranking::cost::{CostModel, Score};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::LinfaError;
use crate::domain::action::ActionKind;
use crate::domain::case::Category;
use crate::domain::outcome::Offer;
use crate::ports::tabular::{Effect, EffectCase, EffectModel, FeatureKind, FeatureSpec};

/// The manifest's kind.
pub const KIND: &str = "effect-cost";
/// The model's file.
pub const FILE: &str = "effect.json";
/// The feature that a case states beside its row.
const CATEGORY: &str = "category";
/// Kinds of a text that are told apart; rarer ones count as not known.
const KINDS_MAX: usize = 31;

/// How one feature is encoded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Column {
    /// As it is.
    Number,
    /// By its place among these.
    Kinds(Vec<String>),
    /// Not at all.
    Left,
}

/// How cases become numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Encoding {
    schema_version: String,
    columns: Vec<(String, Column)>,
}

/// What a version holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Content {
    /// How its cases are encoded.
    pub encoding: Encoding,
    /// The model of all categories.
    pub model: CostModel,
    /// The categories that it answers for.
    pub learned: BTreeSet<Category>,
    /// The distance within which cases of a category usually find their fifth-nearest resolved one.
    pub usual_distance: BTreeMap<Category, f64>,
}

impl Encoding {
    /// Learns which kinds of texts there are, the most frequent first.
    #[must_use]
    pub fn of(schema_version: &str, specs: &[FeatureSpec], rows: &[&[Value]]) -> Self {
        let column = |(at, spec): (usize, &FeatureSpec)| match spec.kind {
            _ if spec.name == CATEGORY => Column::Left,
            FeatureKind::Numeric => Column::Number,
            FeatureKind::Categorical => {
                let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
                let texts = rows.iter().filter_map(|row| row.get(at)?.as_str());
                texts.for_each(|text| *counts.entry(text).or_default() += 1);
                let mut kinds: Vec<(usize, &str)> = counts.into_iter().map(|(text, count)| (count, text)).collect();
                kinds.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)));
                Column::Kinds(kinds.into_iter().take(KINDS_MAX).map(|(_, text)| text.to_owned()).collect())
            }
        };
        let columns = specs.iter().enumerate().map(|(at, spec)| (spec.name.to_owned(), column((at, spec))));
        Self { schema_version: schema_version.to_owned(), columns: columns.collect() }
    }

    /// What the learning library is told of these cases.
    #[must_use]
    pub fn schema(&self) -> Schema {
        let feature = |(name, column): &(String, Column)| match column {
            Column::Left => None,
            column => {
                let categorical = matches!(column, Column::Kinds(_));
                Some(Feature { name: name.clone(), categorical, critical: false })
            }
        };
        Schema {
            features: self.columns.iter().filter_map(feature).collect(),
            categories: Category::ALL.len(),
            actions: ActionKind::ALL.len(),
        }
    }

    /// A case as the learning library reads it.
    #[must_use]
    pub fn case(&self, case: &EffectCase<'_>) -> Case {
        let value = |((_, column), value): (&(String, Column), &Value)| match column {
            Column::Left => None,
            Column::Number => Some(value.as_f64().unwrap_or(f64::NAN)),
            Column::Kinds(kinds) => {
                let place = value.as_str().and_then(|text| kinds.iter().position(|kind| kind == text));
                #[expect(clippy::cast_precision_loss, reason = "a handful of kinds")]
                Some(place.map_or(f64::NAN, |place| place as f64))
            }
        };
        let candidate = |offer: &Offer| Candidate {
            action: offer.action as usize,
            quote: offer.quote,
            effort_minutes: offer.effort_min,
        };
        Case {
            category: case.category as usize,
            features: self.columns.iter().zip(case.features).filter_map(value).collect(),
            penalty: case.stakes.penalty,
            candidates: case.stakes.offers.iter().map(candidate).collect(),
        }
    }
}

/// A loaded effect model.
pub struct LinfaEffect {
    content: Content,
    version: String,
    digest: String,
}

impl LinfaEffect {
    /// Loads a version directory.
    ///
    /// # Errors
    /// [`LinfaError`].
    pub fn load(dir: &Path) -> Result<Self, LinfaError> {
        let (stored, version) = super::read(dir, KIND)?;
        let content = serde_json::from_slice(&stored.read(FILE)?).map_err(|source| LinfaError::Content {
            version: version.clone(),
            expected: KIND,
            source: Box::new(source),
        })?;
        Ok(Self { content, version, digest: stored.digest })
    }
}

impl Content {
    /// As [`EffectModel::effects`].
    #[must_use]
    pub fn effects(&self, schema_version: &str, case: &EffectCase<'_>) -> Option<Vec<Effect>> {
        if !self.learned.contains(&case.category) || schema_version != self.encoding.schema_version {
            return None;
        }
        let scores = self.model.score(&self.encoding.case(case)).ok()?;
        Some(scores.iter().map(effect).collect())
    }
}

/// A score as the flow reads it. Where regressions outweigh the trees the ensemble hardly differs, so the error of a
/// proportion over the pair's own cases is added: nothing knows a probability better than by them.
#[expect(clippy::cast_precision_loss, reason = "counts of cases")]
fn effect(score: &Score) -> Effect {
    let proportion = (score.miss * (1.0 - score.miss) / (score.support as f64 + 1.0)).max(0.0).sqrt();
    Effect {
        miss: score.miss,
        residual: score.residual,
        deviation: score.deviation.hypot(proportion * score.penalty),
        support: score.support,
    }
}

impl EffectModel for LinfaEffect {
    fn effects(&self, schema_version: &str, case: &EffectCase<'_>) -> Option<Vec<Effect>> {
        self.content.effects(schema_version, case)
    }

    fn usual_distance(&self, category: Category) -> Option<f64> {
        self.content.usual_distance.get(&category).copied()
    }

    fn version(&self) -> String {
        self.version.clone()
    }

    fn digest(&self) -> String {
        self.digest.clone()
    }
}
