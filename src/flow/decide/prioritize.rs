//! Prioritizing many cases at once, with a record from which the answer can be computed again, bit for bit.
//!
//! Guarantees: the answer is a pure function of the recorded input and versions; the same content has the same decision id
//! and is kept once; cases come in the order of `queue`. Non-goals: comparing currencies (amounts
//! count as they are), choosing for anybody.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use jiff::Timestamp;
use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::explore;
use super::inline::{self, InlineCase};
use super::log::{self, Draft};
use super::nearest;
use super::queue::{self, QueueRules, Standing};
use super::rank::{self, Basis, Known, Subject};
use crate::domain::actor::Actor;
use crate::domain::case::{Case, Category};
use crate::domain::decision::{Abstention, Decision, Evidence, RankedCase, Risk};
use crate::domain::digest;
use crate::domain::ids::{CaseId, DecisionId};
use crate::domain::model::ServingRole;
use crate::flow::FlowError;
use crate::flow::assess::features;
use crate::flow::assess::risk::{self, Asked};
use crate::flow::facts::{self, Facts};
use crate::flow::services::{Ctx, Models, Services};
use crate::in_transaction;
use crate::ports::store::Transaction;
use crate::ports::store::cases::CaseFilter;

/// Most cases in one request.
pub const CASES_MAX: usize = 500;

/// Cases of the worklist that are taken when the request names none.
const WORKLIST_DEFAULT: usize = 50;

/// As many where a shift is planned: what does not fit is told too.
const WORKLIST_OF_A_SHIFT: usize = 200;

/// Cases that are ranked before another request gets its turn.
const AT_ONCE: usize = 16;

/// Threads that rank, apart from those that train, which are busy for minutes; none where the system gives none.
static RANKING: LazyLock<Option<ThreadPool>> =
    LazyLock::new(|| ThreadPoolBuilder::new().thread_name(|number| format!("ranking-{number}")).build().ok());

/// Minutes of the longest shift: a week.
const MINUTES_MAX: f64 = 7.0 * 24.0 * 60.0;

/// What to prioritize: cases by id, cases by their facts, or, when it names neither, the head of the worklist.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PrioritizeRequest {
    /// Open exceptions.
    #[serde(default)]
    #[schema(max_items = 500)]
    pub ids: Vec<CaseId>,
    /// Exceptions that the service does not hold.
    #[serde(default)]
    #[schema(max_items = 500)]
    pub inline: Vec<InlineCase>,
    /// The time that inline facts are as of; now where missing. Not for exceptions by id, which are as they are now.
    #[serde(default)]
    pub as_of: Option<Timestamp>,
    /// Minutes that approvers have: the answer then has the plan of a shift, over all cases that are asked for.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 10080)]
    pub capacity_minutes: Option<f64>,
    /// How many to answer with; all where missing.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 500)]
    pub max_results: Option<usize>,
    /// Whether refused actions are answered as well, with the reasons against them, and the scores of actions where a
    /// recommendation is withheld; the record always has both.
    #[serde(default)]
    pub explain: bool,
}

/// What a replay found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Replay {
    /// Whether the recorded input gives the recorded output, byte for byte.
    pub identical: bool,
    /// What differs, in words.
    pub differences: Vec<String>,
}

/// One case as it is scored and recorded.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Input {
    case_id: Option<CaseId>,
    reference: Option<String>,
    category: Category,
    due_at: Option<Timestamp>,
    /// Since when it waits; since now where it is not known.
    #[serde(default)]
    since: Option<Timestamp>,
    #[serde(default)]
    attributes: Map<String, Value>,
    facts: Facts,
    features: Features,
    /// How far outcomes had moved the interval of the ship date by then.
    #[serde(default)]
    margins: Option<[f64; 2]>,
    /// What the nearest resolved cases said by then.
    #[serde(default)]
    evidence: Option<Evidence>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Features {
    /// In the order of the service's own schema.
    Row(Vec<Value>),
    /// By name, for a model that was trained on a file.
    Named(Map<String, Value>),
}

/// Ranks the cases of a request and records the decision.
///
/// # Errors
/// [`FlowError::Invalid`] with a pointer, [`FlowError::NotFound`], [`FlowError::Conflict`] with code `case-closed`.
pub async fn prioritize(services: &Services, request: PrioritizeRequest, actor: &Actor) -> Result<Decision, FlowError> {
    check(&request)?;
    let as_of = request.as_of.unwrap_or_else(|| services.clock.now());
    let mut inputs = read_cases(services, &request, as_of).await?;
    for (index, case) in request.inline.iter().enumerate() {
        inputs.push(read_inline(case, index, as_of)?);
    }
    let serving = Serving::of(services);
    serving.remember_margins(services, &mut inputs).await?;
    remember_evidence(services, &mut inputs).await;
    let mut output = serving.scored(&inputs).await;
    let plan = request.capacity_minutes.map(|minutes| queue::plan(serving.queue, &output, minutes));
    output.truncate(request.max_results.unwrap_or(CASES_MAX));
    let input = inputs.iter().map(|input| json!(input)).collect();
    let versions = serving.versions(services.policy.version())?;
    let draft = Draft { as_of, input, versions, output, plan };
    let ctx = Ctx { now: services.clock.now(), entropy: &*services.entropy, actor: actor.clone() };
    let decided: Result<Decision, FlowError> =
        in_transaction!(services.store, |tx| decided(services, &mut *tx, &ctx, &draft).await);
    let mut decision = decided?;
    if !request.explain {
        decision.output.iter_mut().for_each(shorten);
    }
    Ok(decision)
}

/// Leaves out refused actions, and the figures of what is not recommended: evidence and playbook stay.
fn shorten(case: &mut RankedCase) {
    case.actions.retain(|candidate| candidate.refused.is_empty());
    if !case.withheld.is_empty() {
        case.actions.iter_mut().for_each(|candidate| candidate.score = None);
    }
}

fn check(request: &PrioritizeRequest) -> Result<(), FlowError> {
    let wrong = |member: &str, message: String| FlowError::Invalid {
        code: "invalid-request",
        message,
        pointer: Some(format!("/{member}")),
    };
    let asked = request.ids.len() + request.inline.len();
    if asked > CASES_MAX {
        return Err(wrong("ids", format!("{asked} cases are asked for; at most {CASES_MAX} go into one request")));
    }
    if request.max_results.is_some_and(|most| !(1..=CASES_MAX).contains(&most)) {
        return Err(wrong("max_results", format!("must be from 1 to {CASES_MAX}")));
    }
    if request.capacity_minutes.is_some_and(|minutes| !(1.0..=MINUTES_MAX).contains(&minutes)) {
        return Err(wrong("capacity_minutes", format!("must be from 1 to {MINUTES_MAX}")));
    }
    if request.as_of.is_some() && (!request.ids.is_empty() || request.inline.is_empty()) {
        return Err(wrong(
            "as_of",
            "goes with inline facts only: exceptions by id are taken as they are now".to_owned(),
        ));
    }
    Ok(())
}

async fn read_cases(
    services: &Services,
    request: &PrioritizeRequest,
    as_of: Timestamp,
) -> Result<Vec<Input>, FlowError> {
    let mut tx = services.store.read().await?;
    let cases = if !request.ids.is_empty() {
        by_id(&mut *tx, &request.ids).await?
    } else if request.inline.is_empty() {
        let filter = CaseFilter { open: Some(true), ..CaseFilter::default() };
        let limit = match request.capacity_minutes {
            Some(_) => WORKLIST_OF_A_SHIFT,
            None => request.max_results.unwrap_or(WORKLIST_DEFAULT),
        };
        tx.list_cases(&filter, None, u32::try_from(limit).unwrap_or(u32::MAX)).await?
    } else {
        Vec::new()
    };
    let mut inputs = Vec::with_capacity(cases.len());
    for case in cases {
        inputs.push(read_case(&mut *tx, case, as_of).await?);
    }
    Ok(inputs)
}

async fn by_id(tx: &mut dyn Transaction, ids: &[CaseId]) -> Result<Vec<Case>, FlowError> {
    let mut seen = BTreeSet::new();
    let ids: Vec<CaseId> = ids.iter().copied().filter(|id| seen.insert(*id)).collect();
    let found = tx.cases(&ids).await?;
    let known: BTreeSet<CaseId> = found.iter().map(|case| case.id).collect();
    if let Some(missing) = ids.iter().find(|id| !known.contains(id)) {
        return Err(FlowError::NotFound { kind: "exception", id: missing.to_string() });
    }
    let closed: Vec<String> = found.iter().filter(|c| !c.state.is_open()).map(|c| c.id.to_string()).collect();
    if !closed.is_empty() {
        return Err(FlowError::Conflict {
            code: "case-closed",
            message: format!("{} of the exceptions are closed; leave them out", closed.len()),
            detail: json!({ "closed": closed }),
        });
    }
    Ok(found)
}

async fn read_case(tx: &mut dyn Transaction, case: Case, as_of: Timestamp) -> Result<Input, FlowError> {
    let missing = || FlowError::NotFound { kind: "order", id: case.key.order_id.clone() };
    let facts = facts::of_line(tx, &case.key.order_id, case.key.line_no, as_of).await?.ok_or_else(missing)?;
    let rates = features::rates(tx, &facts).await?;
    let row = features::of(&facts, &rates, Some(case.key.category));
    Ok(Input {
        case_id: Some(case.id),
        reference: None,
        category: case.key.category,
        due_at: case.due_at,
        since: Some(case.opened_at),
        attributes: case.attributes,
        facts,
        features: Features::Row(row),
        margins: None,
        evidence: None,
    })
}

fn read_inline(case: &InlineCase, index: usize, as_of: Timestamp) -> Result<Input, FlowError> {
    let facts = inline::read(case, index, as_of)?;
    let features = match &case.features {
        Some(named) => Features::Named(named.clone()),
        None => Features::Row(features::of(&facts, &features::Rates::default(), Some(case.category))),
    };
    let promised = facts.line.as_ref().and_then(|line| line.promised_ship_at);
    Ok(Input {
        case_id: None,
        reference: Some(case.reference.clone()),
        category: case.category,
        due_at: promised.or(facts.order.due_at),
        since: case.opened_at,
        attributes: case.attributes.clone(),
        facts,
        features,
        margins: None,
        evidence: None,
    })
}

/// Asks the nearest resolved cases, and keeps what they say with the input.
async fn remember_evidence(services: &Services, inputs: &mut [Input]) {
    let questions: Vec<_> = inputs
        .iter()
        .filter_map(|input| {
            Some(nearest::Asked {
                case_id: input.case_id,
                category: input.category,
                currency: &input.facts.order.currency,
                as_of: input.facts.now,
                features: input.features.ours()?,
            })
        })
        .collect();
    let found = nearest::of_each(&*services.vectors, &questions).await;
    let asked = inputs.iter_mut().filter(|input| input.features.ours().is_some());
    asked.zip(found).for_each(|(input, evidence)| input.evidence = evidence);
}

impl Features {
    /// The row of our own schema, where it is one.
    fn ours(&self) -> Option<&[Value]> {
        match self {
            Self::Row(row) => Some(row),
            Self::Named(_) => None,
        }
    }
}

/// What serves when a request begins: a model that is swapped meanwhile is for the next one.
struct Serving<'a> {
    models: Models,
    basis: Basis<'a>,
    queue: &'a QueueRules,
}

impl<'a> Serving<'a> {
    fn of(services: &'a Services) -> Self {
        let models = Models::default();
        models.risk.set(services.models.risk.get());
        models.challenger.set(services.models.challenger.get().filter(|c| c.role == ServingRole::Canary));
        Self { models, basis: Basis::of(services), queue: &services.queue }
    }

    /// Reads what outcomes have taught so far, and keeps it with the input.
    async fn remember_margins(&self, services: &Services, inputs: &mut [Input]) -> Result<(), FlowError> {
        let mut tx = services.store.read().await?;
        for input in inputs {
            if let Features::Row(row) = &input.features {
                input.margins = risk::margins(&self.models, &mut *tx, &input.facts.order.order_id, row).await?;
            }
        }
        Ok(())
    }

    /// Every case ranked, in the order of the queue, several at once. Other requests get their turn in between.
    async fn scored(&self, inputs: &[Input]) -> Vec<RankedCase> {
        let mut output = Vec::with_capacity(inputs.len());
        for some in inputs.chunks(AT_ONCE) {
            match &*RANKING {
                Some(pool) => pool.install(|| output.par_extend(some.par_iter().map(|input| self.ranked(input)))),
                None => output.extend(some.iter().map(|input| self.ranked(input))),
            }
            tokio::task::yield_now().await;
        }
        queue::sort(self.queue, output)
    }

    fn ranked(&self, input: &Input) -> RankedCase {
        let subject = Subject {
            case_id: input.case_id,
            reference: input.reference.clone(),
            category: input.category,
            due_at: input.due_at,
        };
        let known = Known { features: input.features.ours(), evidence: input.evidence.as_ref() };
        let mut ranked = rank::rank(&self.basis, &subject, (&input.facts, known), self.risk(input));
        let since = input.since.unwrap_or(input.facts.now);
        let standing = Standing { facts: &input.facts, attributes: &input.attributes, since };
        ranked.queue = Some(queue::place(self.queue, self.basis.catalogue, &ranked, standing));
        ranked
    }

    fn risk(&self, input: &Input) -> Result<Risk, Abstention> {
        let order_id = &input.facts.order.order_id;
        let asked = Asked { order_id, as_of: input.facts.now, margins: input.margins };
        match &input.features {
            Features::Row(row) => risk::of(&self.models, &asked, row),
            Features::Named(named) => risk::of_named(&self.models, &asked, named),
        }
    }

    /// What the answer depends on beside its input.
    fn versions(&self, policy: &str) -> Result<BTreeMap<String, String>, FlowError> {
        let settings = self.basis.settings;
        let weights = json!({ "minute_cost": settings.minute_cost, "miss_penalty": settings.miss_penalty });
        let risk = self.models.risk.get().map_or_else(|| "none".to_owned(), |model| model.version());
        let canary = self.models.challenger.get();
        let canary = canary.map(|canary| format!("{} for {} of the orders", canary.model.version(), canary.share));
        let effect = self.basis.effect.as_ref();
        let effect =
            effect.map_or_else(|| "none".to_owned(), |model| format!("{}@{}", model.version(), model.digest()));
        Ok(BTreeMap::from([
            ("queue".to_owned(), self.queue.digest().to_owned()),
            ("catalogue".to_owned(), self.basis.catalogue.digest().to_owned()),
            ("policy".to_owned(), policy.to_owned()),
            ("features".to_owned(), features::SCHEMA_VERSION.to_owned()),
            ("risk".to_owned(), risk),
            ("reasons".to_owned(), risk::REASONS_VERSION.to_owned()),
            ("risk_canary".to_owned(), canary.unwrap_or_else(|| "none".to_owned())),
            ("effect".to_owned(), effect),
            ("settings".to_owned(), digest::hex_of(&weights)?),
            ("service".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
        ]))
    }
}

/// Chooses, and keeps the decision with what it explores.
async fn decided(
    services: &Services,
    tx: &mut dyn Transaction,
    ctx: &Ctx<'_>,
    draft: &Draft,
) -> Result<Decision, FlowError> {
    let mut draft = draft.clone();
    let chosen = log::choose(tx, ctx, services, &mut draft.output).await?;
    log::keep(tx, ctx, draft, chosen).await
}

/// The draft of a decision on one case that was ranked already by what serves.
///
/// # Errors
/// [`FlowError::NotCanonical`].
pub(in crate::flow) fn draft_of(
    services: &Services,
    case: &Case,
    (facts, known, margins): (&Facts, Known<'_>, Option<[f64; 2]>),
    ranked: RankedCase,
) -> Result<Draft, FlowError> {
    let input = Input {
        case_id: Some(case.id),
        reference: None,
        category: case.key.category,
        due_at: case.due_at,
        since: Some(case.opened_at),
        attributes: case.attributes.clone(),
        facts: facts.clone(),
        features: Features::Row(known.features.unwrap_or_default().to_vec()),
        margins,
        evidence: known.evidence.cloned(),
    };
    let versions = Serving::of(services).versions(services.policy.version())?;
    Ok(Draft { as_of: facts.now, input: vec![json!(input)], versions, output: vec![ranked], plan: None })
}

/// Ranks a case of a recorded decision by another basis, from the facts, features and risk that were recorded; `None` where
/// the record does not hold them.
pub(in crate::flow) fn rank_again(decision: &Decision, ranked: &RankedCase, basis: &Basis<'_>) -> Option<RankedCase> {
    // Looked for before it is parsed: a decision holds the facts of many cases.
    let (id, named) = (json!(ranked.case_id), json!(ranked.reference));
    let input = decision.input.iter().find(|input| input["case_id"] == id && input["reference"] == named)?;
    let Input { case_id, reference, category, due_at, facts, features: row, evidence, .. } =
        serde_json::from_value(input.clone()).ok()?;
    let risk = ranked.risk.clone().ok_or_else(|| Abstention {
        why: ranked.abstained.clone().unwrap_or_default(),
        fallback: ranked.fallback.clone(),
    });
    // A row of another schema means something else in every place.
    let same = decision.versions.get("features").is_some_and(|version| version == features::SCHEMA_VERSION);
    let known = Known { features: row.ours().filter(|_| same), evidence: evidence.as_ref() };
    Some(rank::rank(basis, &Subject { case_id, reference, category, due_at }, (&facts, known), risk))
}

/// Computes a recorded decision again and compares it byte for byte.
///
/// # Errors
/// [`FlowError::NotFound`], [`FlowError::Store`].
pub async fn replay(services: &Services, id: DecisionId) -> Result<Replay, FlowError> {
    let recorded = services.store.read().await?.decision(id).await?;
    let recorded = recorded.ok_or_else(|| FlowError::NotFound { kind: "decision", id: id.to_string() })?;
    let serving = Serving::of(services);
    let now = serving.versions(services.policy.version())?;
    let unlike = |name: &&String| recorded.versions.get(*name) != now.get(*name);
    let names: BTreeSet<&String> = recorded.versions.keys().chain(now.keys()).collect();
    let mut differences: Vec<String> = names
        .into_iter()
        .filter(unlike)
        .map(|name| {
            let of = |versions: &BTreeMap<String, String>| versions.get(name).map_or("none", String::as_str).to_owned();
            format!("`{name}` was {}, is {} now; it cannot be computed again", of(&recorded.versions), of(&now))
        })
        .collect();
    if differences.is_empty() {
        differences = compare(&serving, &recorded).await?;
    }
    Ok(Replay { identical: differences.is_empty(), differences })
}

async fn compare(serving: &Serving<'_>, recorded: &Decision) -> Result<Vec<String>, FlowError> {
    let inputs: Result<Vec<Input>, _> = recorded.input.iter().cloned().map(serde_json::from_value).collect();
    let inputs = match inputs {
        Ok(inputs) => inputs,
        Err(error) => return Ok(vec![format!("the recorded input cannot be read: {error}")]),
    };
    let mut output = serving.scored(&inputs).await;
    let plan = recorded.plan.as_ref().map(|plan| queue::plan(serving.queue, &output, plan.capacity_minutes));
    output.truncate(recorded.output.len());
    explore::choose(&mut output, recorded.exploration.as_ref(), serving.basis.catalogue);
    let mut differences = Vec::new();
    if digest::canonical(&recorded.plan)? != digest::canonical(&plan)? {
        differences.push("the plan of the shift is not what was recorded".to_owned());
    }
    for (place, (then, again)) in recorded.output.iter().zip(&output).enumerate() {
        if digest::canonical(then)? != digest::canonical(again)? {
            differences.push(format!("place {place} of the answer is not what was recorded"));
        }
    }
    if output.len() != recorded.output.len() {
        differences.push(format!("{} cases were answered, {} come now", recorded.output.len(), output.len()));
    }
    Ok(differences)
}
