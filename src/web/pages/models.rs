//! The model registry for people: versions with their metrics, what served when, promotion by proposal.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::Sampled;
use super::shell::{Posted, Refused, Shell, Viewer, done, render};
use super::words::{self, Levelled};
use crate::domain::actor::Scope;
use crate::domain::model::{ModelVersion, Serving};
use crate::flow::decide::propose;
use crate::flow::learn::registry;
use crate::web::api::models::page;
use crate::web::extract::{Params, Texts};
use crate::web::state::WebState;

#[derive(Template)]
#[template(path = "models.html")]
struct ModelsPage {
    shell: Shell,
    versions: Vec<VersionRow>,
    servings: Vec<ServingRow>,
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
}

struct ServingRow {
    at: String,
    name: String,
    version: String,
    because: String,
}

#[derive(Deserialize)]
pub(super) struct Query {
    done: Option<String>,
}

pub(super) async fn show(
    State(state): State<WebState>,
    viewer: Viewer,
    Params(query): Params<Query>,
) -> Result<Response, Refused> {
    viewer.needs(Scope::ModelsRead)?;
    let mut shell = viewer.shell(&state, "Models", "/models").await?;
    shell.notice = query.done;
    let mut tx = state.services.store.read().await?;
    let versions = tx.model_versions().await?;
    let servings = tx.servings(None).await?;
    let may = viewer.may(Scope::ActionsPropose);
    Ok(render(&ModelsPage {
        shell,
        versions: versions.iter().map(|v| version_row(v, &servings, may)).collect(),
        servings: servings.iter().map(serving_row).collect(),
    }))
}

#[derive(Deserialize)]
pub(super) struct Promote {
    name: String,
    version: String,
}

pub(super) async fn promote(
    State(state): State<WebState>,
    Posted { viewer, form }: Posted<Promote>,
) -> Result<Response, Refused> {
    viewer.needs(Scope::ActionsPropose)?;
    propose::propose_model(&state.services, viewer.actor(), &form.name, &form.version).await?;
    Ok(done("/models", "Proposed. It serves once someone who did not train it approves."))
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
    let newest = servings.iter().find(|s| s.name == version.name);
    let serves = newest.is_some_and(|s| s.version == version.version);
    let state = if serves {
        Levelled::new("Serves", "good")
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
    }
}

fn serving_row(serving: &Serving) -> ServingRow {
    ServingRow {
        at: words::minute(serving.from),
        name: serving.name.clone(),
        version: serving.version.clone(),
        because: serving.because.clone(),
    }
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
        };
        let serving = ServingRow {
            at: "2026-03-01 08:00".to_owned(),
            name: "miss-risk".to_owned(),
            version: "2".to_owned(),
            because: "bootstrap".to_owned(),
        };
        let full = Self { shell: Shell::sample("/models"), versions: vec![version], servings: vec![serving] };
        vec![full, Self { shell: Shell::sample("/models"), versions: Vec::new(), servings: Vec::new() }]
    }
}

pub(super) fn samples() -> Vec<String> {
    super::rendered::<ModelsPage>()
}
