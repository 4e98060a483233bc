//! The model registry: immutable versions, which one serves, and since when because of what.
//!
//! Guarantees: a version is registered with the digest of its manifest and refused when it later differs; the serving
//! history is appended in the transaction that decides, before the swap, so that it never lacks a version that answered;
//! a swap is whole, and requests under way keep the version they hold; a version that does not load leaves the one that
//! serves. Non-goals: who may promote, see `decide`; deleting versions.

use jiff::Timestamp;
use serde_json::json;

use super::challenger;
use crate::domain::actor::Actor;
use crate::domain::ids::OperationId;
use crate::domain::model::{ModelVersion, Serving};
use crate::flow::FlowError;
use crate::flow::execute::emit::emit;
use crate::flow::services::{Ctx, Models, Services};
use crate::in_transaction;
use crate::ports::registry::{LoadError, Loaded};
use crate::ports::store::service::OperationState;
use crate::ports::store::{StoreError, Transaction};

/// The name of the models that rank.
pub const EFFECT: &str = "effect";

/// The places that models serve in, by name, in the order in which they load: an encoder before what looks at its numbers.
pub const NAMES: [&str; 6] = ["message-encoder", "intents", "values", "link", "miss-risk", EFFECT];

/// The models that look at an encoder's numbers and so are of one encoder.
const OF_ENCODER: [&str; 2] = ["intents", "values"];

/// Why the first version of a name serves.
pub const BOOTSTRAP: &str = "bootstrap";

/// Registers the version at `path` (relative to the model directory). One that is registered already with the same digest
/// is returned as it is.
///
/// # Errors
/// [`FlowError::Conflict`] when its files do not check, or its name and version are registered with another digest.
pub async fn register(
    services: &Services,
    ctx: &Ctx<'_>,
    path: &str,
    trained_by: &str,
) -> Result<ModelVersion, FlowError> {
    let version = described(services, ctx, path, trained_by)?;
    in_transaction!(services.store, |tx| insert(tx.as_mut(), ctx, &version).await)
}

/// As [`register`] for what `ctx`'s actor has trained, unless `operation` was cancelled by then.
///
/// # Errors
/// As [`register`]; [`FlowError::Conflict`] with code `operation-ended`.
pub async fn register_for(
    services: &Services,
    ctx: &Ctx<'_>,
    path: &str,
    operation: Option<OperationId>,
) -> Result<ModelVersion, FlowError> {
    let version = described(services, ctx, path, &ctx.actor.label())?;
    in_transaction!(services.store, |tx| async {
        if let Some(id) = operation
            && let Some(ended) = tx.operation(id).await?.filter(|known| known.state != OperationState::Running)
        {
            return Err(FlowError::Conflict {
                code: "operation-ended",
                message: "the training was cancelled; nothing was kept".to_owned(),
                detail: json!({ "operation_id": id, "state": ended.state }),
            });
        }
        insert(tx.as_mut(), ctx, &version).await
    }
    .await)
}

fn described(services: &Services, ctx: &Ctx<'_>, path: &str, trained_by: &str) -> Result<ModelVersion, FlowError> {
    let found = services.loader.describe(path).map_err(|e| unusable(&e))?;
    Ok(ModelVersion {
        name: found.name,
        version: found.version,
        digest: found.digest,
        path: found.path,
        trained_by: found.trained_by.unwrap_or_else(|| trained_by.to_owned()),
        registered_at: ctx.now,
        metrics: found.metrics,
        beats_baseline: found.beats_baseline,
        origin: Some(found.origin),
    })
}

async fn insert(tx: &mut dyn Transaction, ctx: &Ctx<'_>, version: &ModelVersion) -> Result<ModelVersion, FlowError> {
    match tx.model_version(&version.name, &version.version).await? {
        Some(known) if known.digest == version.digest => return Ok(known),
        Some(known) => return Err(changed(&known, &version.digest)),
        None => {}
    }
    tx.insert_model_version(version).await?;
    let detail = json!({ "digest": version.digest, "trained_by": version.trained_by, "metrics": version.metrics });
    tx.append_audit(ctx.audit("model.registered", subject(&version.name, &version.version), detail)).await?;
    Ok(version.clone())
}

/// Makes a version serve, as what the proposal `because` says (champion where it is none): loads and checks it, appends to
/// the serving history, then swaps it in. The same `because` (the proposal's id) again has no effect but the swap, so that
/// an execution may be repeated.
///
/// # Errors
/// [`FlowError`]; the version that served goes on serving then.
pub async fn serve(
    services: &Services,
    ctx: &Ctx<'_>,
    name: &str,
    version: &str,
    because: &str,
) -> Result<Serving, FlowError> {
    let mut tx = services.store.read().await?;
    let registered = registered(tx.as_mut(), name, version).await?;
    let approved = challenger::approved(tx.as_mut(), name, version, because).await?;
    drop(tx);
    let loaded = load(services, &registered)?;
    let serving = Serving {
        name: name.to_owned(),
        version: version.to_owned(),
        digest: registered.digest,
        from: ctx.now,
        because: because.to_owned(),
        role: approved.role,
        share: approved.share,
        approved_by: approved.by,
    };
    let appended: Result<Serving, FlowError> =
        in_transaction!(services.store, |tx| append(tx.as_mut(), ctx, &serving).await);
    let serving = appended?;
    if serving.role.is_challenger() {
        challenger::install(&services.models, &serving, loaded)?;
    } else {
        install(services, loaded).await?;
        challenger::leave(&services.models, name);
    }
    Ok(serving)
}

async fn append(tx: &mut dyn Transaction, ctx: &Ctx<'_>, serving: &Serving) -> Result<Serving, FlowError> {
    if let Some(last) = tx.servings(Some(&serving.name)).await?.into_iter().next()
        && (&last.version, &last.because) == (&serving.version, &serving.because)
    {
        return Ok(last);
    }
    tx.insert_serving(serving).await?;
    let subject = subject(&serving.name, &serving.version);
    tx.append_audit(ctx.audit("model.served", subject.clone(), json!(serving))).await?;
    emit(tx, ctx, "model.promoted.v1", &subject, json!(serving)).await?;
    Ok(serving.clone())
}

/// Who trained what was found on disk at a start.
const SHIPPED: &str = "shipped";

/// What a start found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Restored {
    /// What serves now.
    pub serving: Vec<Serving>,
    /// What could not be read or loaded, in words; its place stays empty, and what needs it abstains.
    pub problems: Vec<String>,
}

/// At start: registers the versions on disk that are not registered, then loads for each name the version that served
/// last, or as [`BOOTSTRAP`] the newest one that beats its baseline.
///
/// # Errors
/// [`FlowError::Store`]; a version that cannot be used is a problem in the answer.
pub async fn restore(services: &Services) -> Result<Restored, FlowError> {
    let ctx = Ctx { now: services.clock.now(), entropy: &*services.entropy, actor: Actor::System };
    let mut restored = Restored::default();
    let mut note = |error: FlowError| match error {
        FlowError::Store(error) => Err(FlowError::Store(error)),
        other => {
            restored.problems.push(other.to_string());
            Ok(())
        }
    };
    for found in services.loader.versions() {
        let registered = match found {
            Ok(found) => register(services, &ctx, &found.path, SHIPPED).await.map(|_| ()),
            Err(error) => Err(unusable(&error)),
        };
        registered.or_else(&mut note)?;
    }
    let mut serving = Vec::new();
    for name in NAMES {
        match start(services, &ctx, name).await {
            Ok(started) => serving.extend(started),
            Err(error) => note(error)?,
        }
    }
    match challenger::follow(services).await {
        Ok(_) => {}
        Err(error) => note(error)?,
    }
    restored.serving = serving;
    Ok(restored)
}

async fn start(services: &Services, ctx: &Ctx<'_>, name: &str) -> Result<Option<Serving>, FlowError> {
    let mut tx = services.store.read().await?;
    if let Some(last) = latest(tx.as_mut(), name).await? {
        // An encoder brings what looks at its numbers.
        if !is_serving(&services.models, name, &last) {
            let registered = registered(tx.as_mut(), name, &last.version).await?;
            drop(tx);
            install(services, load(services, &registered)?).await?;
        }
        return Ok(Some(last));
    }
    let versions = tx.model_versions().await?;
    drop(tx);
    let able = versions.into_iter().filter(|v| v.name == name && v.beats_baseline);
    match able.max_by(|a, b| (a.registered_at, &a.version).cmp(&(b.registered_at, &b.version))) {
        Some(first) => serve(services, ctx, name, &first.version, BOOTSTRAP).await.map(Some),
        None => Ok(None),
    }
}

/// Swaps in what another instance made serve since; to be called now and then. Returns the names that changed.
///
/// # Errors
/// [`FlowError`]; what served goes on serving then.
pub async fn follow(services: &Services) -> Result<Vec<&'static str>, FlowError> {
    let mut swapped = Vec::new();
    for name in NAMES {
        let mut tx = services.store.read().await?;
        let Some(last) = latest(tx.as_mut(), name).await? else { continue };
        if is_serving(&services.models, name, &last) {
            continue;
        }
        let registered = registered(tx.as_mut(), name, &last.version).await?;
        drop(tx);
        install(services, load(services, &registered)?).await?;
        swapped.push(name);
    }
    if challenger::follow(services).await? {
        swapped.push("challenger");
    }
    Ok(swapped)
}

/// Every registered version, by name, newest first.
///
/// # Errors
/// [`StoreError`].
pub async fn versions(tx: &mut dyn Transaction) -> Result<Vec<ModelVersion>, StoreError> {
    tx.model_versions().await
}

/// The page that training wrote about a version.
///
/// # Errors
/// [`FlowError::NotFound`] when there is no such version, or none of its page.
pub async fn report(services: &Services, name: &str, version: &str) -> Result<String, FlowError> {
    let known = registered(services.store.read().await?.as_mut(), name, version).await?;
    let page = services.loader.report(&known.path).map_err(|e| unusable(&e))?;
    page.ok_or_else(|| FlowError::NotFound { kind: "report of model version", id: format!("{name}/{version}") })
}

/// The model card of a version, as Markdown.
///
/// # Errors
/// [`FlowError::NotFound`] when there is no such version, or it has none.
pub async fn card(services: &Services, name: &str, version: &str) -> Result<String, FlowError> {
    let known = registered(services.store.read().await?.as_mut(), name, version).await?;
    let card = services.loader.card(&known.path).map_err(|e| unusable(&e))?;
    card.ok_or_else(|| FlowError::NotFound { kind: "card of model version", id: format!("{name}/{version}") })
}

/// What served when, newest first.
///
/// # Errors
/// [`StoreError`].
pub async fn servings(tx: &mut dyn Transaction, name: Option<&str>) -> Result<Vec<Serving>, StoreError> {
    tx.servings(name).await
}

/// What served under `name` at time `at`.
///
/// # Errors
/// [`StoreError`].
pub async fn serving_at(tx: &mut dyn Transaction, name: &str, at: Timestamp) -> Result<Option<Serving>, StoreError> {
    let servings = tx.servings(Some(name)).await?;
    Ok(servings.into_iter().find(|serving| serving.from <= at && !serving.role.is_challenger()))
}

/// The version that was champion before the one that is.
///
/// # Errors
/// [`FlowError::NotFound`] when there was none.
pub async fn previous(tx: &mut dyn Transaction, name: &str) -> Result<Serving, FlowError> {
    let servings = tx.servings(Some(name)).await?;
    let mut champions = servings.into_iter().filter(|serving| !serving.role.is_challenger());
    let now = champions.next();
    let before = champions.find(|before| now.as_ref().is_some_and(|now| now.version != before.version));
    before.ok_or_else(|| FlowError::NotFound { kind: "earlier champion of", id: name.to_owned() })
}

async fn latest(tx: &mut dyn Transaction, name: &str) -> Result<Option<Serving>, StoreError> {
    Ok(tx.servings(Some(name)).await?.into_iter().find(|serving| !serving.role.is_challenger()))
}

pub(super) async fn registered(tx: &mut dyn Transaction, name: &str, version: &str) -> Result<ModelVersion, FlowError> {
    let found = tx.model_version(name, version).await?;
    found.ok_or_else(|| FlowError::NotFound { kind: "model version", id: format!("{name}/{version}") })
}

/// Whether this process answers by that version already.
fn is_serving(models: &Models, name: &str, last: &Serving) -> bool {
    serving_now(models, name) == Some(format!("{name}/{}", last.version))
}

/// `name/version` of what answers under a name in this process.
fn serving_now(models: &Models, name: &str) -> Option<String> {
    match name {
        "message-encoder" => models.encoder.get().map(|m| m.version()),
        "intents" => models.intents.get().map(|m| m.version()),
        "values" => models.values.get().map(|m| m.version.clone()),
        "link" => models.link.get().map(|m| m.version()),
        "miss-risk" => models.risk.get().map(|m| m.version()),
        _ => models.effect.get().map(|m| m.version()),
    }
}

pub(super) fn load(services: &Services, registered: &ModelVersion) -> Result<Loaded, FlowError> {
    let found = services.loader.describe(&registered.path).map_err(|e| unusable(&e))?;
    if found.digest != registered.digest {
        return Err(changed(registered, &found.digest));
    }
    let encoder = services.models.encoder.get().map(|m| m.version());
    services.loader.load(&registered.path, encoder.as_deref()).map_err(|e| unusable(&e))
}

async fn install(services: &Services, loaded: Loaded) -> Result<(), FlowError> {
    let is_encoder = matches!(loaded, Loaded::Encoder(_));
    put(&services.models, loaded);
    if is_encoder {
        // Unless those that serve fit the new one, nothing classifies and values are told by words until some do.
        services.models.intents.set(None);
        services.models.values.set(None);
        let mut tx = services.store.read().await?;
        for name in OF_ENCODER {
            let Some(last) = latest(tx.as_mut(), name).await? else { continue };
            let version = registered(tx.as_mut(), name, &last.version).await?;
            if let Ok(fitting) = load(services, &version) {
                put(&services.models, fitting);
            }
        }
    }
    Ok(())
}

fn put(models: &Models, loaded: Loaded) {
    match loaded {
        Loaded::Risk(model) => models.risk.set(Some(model)),
        Loaded::Effect(model) => models.effect.set(Some(model)),
        Loaded::Intents(model) => models.intents.set(Some(model)),
        Loaded::Values(model) => models.values.set(Some(model)),
        Loaded::Link(model) => models.link.set(Some(model)),
        Loaded::Encoder(model) => models.encoder.set(Some(model)),
    }
}

fn subject(name: &str, version: &str) -> String {
    format!("model:{name}/{version}")
}

fn unusable(error: &LoadError) -> FlowError {
    FlowError::Conflict { code: "model-unusable", message: error.to_string(), detail: json!({ "path": error.path }) }
}

fn changed(registered: &ModelVersion, found: &str) -> FlowError {
    let ModelVersion { name, version, digest, .. } = registered;
    let message =
        format!("`{name}/{version}` is registered with digest {digest} and now has {found}: versions never change");
    FlowError::Conflict { code: "model-changed", message, detail: json!({ "registered": digest, "found": found }) }
}
