//! The model registry for people: versions with their metrics, what served when, promotion by proposal.

use std::collections::BTreeSet;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::Sampled;
use super::shell::{After, Posted, Refused, Shell, Viewer, done, render};
use super::words::{self, Levelled};
use crate::domain::actor::Scope;
use crate::domain::model::{ModelVersion, Serving, ServingRole};
use crate::flow::decide::propose;
use crate::flow::learn::{challenger, registry};
use crate::web::api::models::{Promotion, page};
use crate::web::extract::{Params, Texts};
use crate::web::state::WebState;

#[derive(Template)]
#[template(path = "models.html")]
struct ModelsPage {
    shell: Shell,
    versions: Vec<VersionRow>,
    servings: Vec<ServingRow>,
    roll_backs: Vec<RollBackRow>,
}

/// A name whose champion can be taken back.
struct RollBackRow {
    name: String,
    from: String,
    to: String,
}

struct VersionRow {
    name: String,
    version: String,
    state: Levelled,
    metrics: String,
    trained_by: String,
    at: String,
    digest: String,
    has_report: bool,
    can_promote: bool,
    /// Whether it can stand beside the champion.
    can_challenge: bool,
    /// Whether it stands there.
    can_retire: bool,
}

struct ServingRow {
    at: String,
    name: String,
    version: String,
    role: String,
    because: String,
    approved_by: String,
}

pub(super) async fn show(
    State(state): State<WebState>,
    viewer: Viewer,
    Params(after): Params<After>,
) -> Result<Response, Refused> {
    viewer.needs(Scope::ModelsRead)?;
    let mut shell = viewer.shell(&state, "Models", "/models").await?;
    shell.notice = after.done;
    let mut tx = state.services.store.read().await?;
    let versions = tx.model_versions().await?;
    let servings = tx.servings(None).await?;
    let may = viewer.may(Scope::ActionsPropose);
    Ok(render(&ModelsPage {
        shell,
        versions: versions.iter().map(|v| version_row(v, &servings, may)).collect(),
        roll_backs: if may { roll_backs(&servings) } else { Vec::new() },
        servings: servings.iter().map(serving_row).collect(),
    }))
}

#[derive(Deserialize)]
pub(super) struct Promote {
    name: String,
    version: String,
    #[serde(default)]
    role: ServingRole,
    /// That an effect version may be proposed though the log cannot prove it.
    #[serde(default)]
    unproven: bool,
}

/// Share of the orders that a canary of the page answers for; another one is proposed by API.
const CANARY_SHARE: f64 = 0.1;

#[derive(Deserialize)]
pub(super) struct RollBack {
    name: String,
}

pub(super) async fn roll_back(
    State(state): State<WebState>,
    Posted { viewer, form }: Posted<RollBack>,
) -> Result<Response, Refused> {
    viewer.needs(Scope::ActionsPropose)?;
    challenger::roll_back(&state.services, viewer.actor(), &form.name).await?;
    Ok(done("/models", "Proposed. The earlier version serves again once someone who did not train it approves."))
}

pub(super) async fn promote(
    State(state): State<WebState>,
    Posted { viewer, form }: Posted<Promote>,
) -> Result<Response, Refused> {
    viewer.needs(Scope::ActionsPropose)?;
    let share = (form.role == ServingRole::Canary).then_some(CANARY_SHARE);
    let parameters = Promotion { role: form.role, share, unproven: form.unproven }.parameters();
    let version = (form.name.as_str(), form.version.as_str());
    propose::propose_model_as(&state.services, viewer.actor(), version, &parameters).await?;
    Ok(done("/models", "Proposed. It takes effect once someone who did not train it approves."))
}

pub(super) async fn report(
    State(state): State<WebState>,
    viewer: Viewer,
    Texts([name, version]): Texts<2>,
) -> Result<Response, Refused> {
    viewer.needs(Scope::ModelsRead)?;
    Ok(page(registry::report(&state.services, &name, &version).await?))
}

fn version_row(version: &ModelVersion, servings: &[Serving], may_propose: bool) -> VersionRow {
    let is = |serving: &&Serving| serving.name == version.name && serving.version == version.version;
    let champion = servings.iter().find(|s| s.name == version.name && !s.role.is_challenger());
    let serves = champion.as_ref().is_some_and(is);
    let beside = challenger::of(servings).filter(is);
    let state = if serves {
        Levelled::new("Serves", "good")
    } else if let Some(beside) = beside {
        Levelled::new(role(beside), "warn")
    } else if version.beats_baseline {
        Levelled::new("Ready", "")
    } else {
        Levelled::new("Does not beat its baseline", "warn")
    };
    let metrics = version.metrics.iter().map(|(name, value)| format!("{name} {value:.3}"));
    VersionRow {
        name: version.name.clone(),
        version: version.version.clone(),
        state,
        metrics: metrics.collect::<Vec<_>>().join(" · "),
        trained_by: version.trained_by.clone(),
        at: words::minute(version.registered_at),
        digest: words::short(&version.digest),
        has_report: version.name == "miss-risk",
        can_promote: may_propose && version.beats_baseline && !serves,
        can_challenge: may_propose
            && version.beats_baseline
            && version.name == challenger::NAME
            && champion.is_some()
            && !serves
            && beside.is_none(),
        can_retire: may_propose && beside.is_some(),
    }
}

fn serving_row(serving: &Serving) -> ServingRow {
    ServingRow {
        at: words::minute(serving.from),
        name: serving.name.clone(),
        version: serving.version.clone(),
        role: role(serving),
        because: serving.because.clone(),
        approved_by: serving.approved_by.join(", "),
    }
}

fn role(serving: &Serving) -> String {
    match (serving.role, serving.share) {
        (ServingRole::Canary, Some(share)) => format!("Canary for {} % of the orders", words::percent(share)),
        (ServingRole::Canary, None) => "Canary".to_owned(),
        (ServingRole::Champion, _) => "Champion".to_owned(),
        (ServingRole::Shadow, _) => "Shadow".to_owned(),
        (ServingRole::Retired, _) => "Retired".to_owned(),
    }
}

/// Names whose champion had one before it.
fn roll_backs(servings: &[Serving]) -> Vec<RollBackRow> {
    let names: BTreeSet<&str> = servings.iter().map(|serving| serving.name.as_str()).collect();
    let row = |name: &str| {
        let mut champions = servings.iter().filter(|serving| serving.name == name && !serving.role.is_challenger());
        let now = champions.next()?;
        let before = champions.find(|before| before.version != now.version)?;
        Some(RollBackRow { name: name.to_owned(), from: now.version.clone(), to: before.version.clone() })
    };
    names.into_iter().filter_map(row).collect()
}

impl Sampled for ModelsPage {
    fn samples() -> Vec<Self> {
        let version = VersionRow {
            name: "miss-risk".to_owned(),
            version: "3".to_owned(),
            state: Levelled::new("Ready", ""),
            metrics: "roc_auc 0.812 · ece 0.021".to_owned(),
            trained_by: "person:<ada>".to_owned(),
            at: "2026-03-02 09:30".to_owned(),
            digest: "ab12cd34ef56".to_owned(),
            has_report: true,
            can_promote: true,
            can_challenge: true,
            can_retire: true,
        };
        let serving = ServingRow {
            at: "2026-03-01 08:00".to_owned(),
            name: "miss-risk".to_owned(),
            version: "2".to_owned(),
            role: "Champion".to_owned(),
            because: "bootstrap".to_owned(),
            approved_by: "person:<ines>".to_owned(),
        };
        let back = RollBackRow { name: "miss-risk".to_owned(), from: "2".to_owned(), to: "1".to_owned() };
        let shell = || Shell::sample("/models");
        let full = Self { shell: shell(), versions: vec![version], servings: vec![serving], roll_backs: vec![back] };
        vec![full, Self { shell: shell(), versions: Vec::new(), servings: Vec::new(), roll_backs: Vec::new() }]
    }
}

pub(super) fn samples() -> Vec<String> {
    super::rendered::<ModelsPage>()
}
