//! Retraining by the clock: looks every minute whether a period has begun that nobody has trained in yet.
//!
//! Guarantees: one instance trains in a period; one training at a time here; runs that an instance left behind are marked
//! failed. Non-goals: promotion.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::config::training::Training as Settings;
use crate::flow::Services;
use crate::flow::learn::runs;
use crate::ports::training::Training;

/// How often it looks.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// Looks until `stopped` says `true` or its sender is gone.
pub async fn run(
    services: Arc<Services>,
    training: Arc<dyn Training>,
    settings: Settings,
    mut stopped: watch::Receiver<bool>,
) {
    while !*stopped.borrow() {
        if let Err(error) = look(&services, &training, &settings).await {
            tracing::error!(%error, "the training schedule cannot be followed");
        }
        tokio::select! {
            changed = stopped.changed() => if changed.is_err() { break },
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

/// Ends what was left behind, then trains what is due.
///
/// # Errors
/// [`crate::flow::FlowError::Store`].
pub async fn look(
    services: &Services,
    training: &Arc<dyn Training>,
    settings: &Settings,
) -> Result<(), crate::flow::FlowError> {
    let ended = runs::end_abandoned(services).await?;
    if ended > 0 {
        tracing::warn!(ended, "training runs were left running by an instance that ended; they are marked failed");
    }
    if settings.every_h == 0 {
        return Ok(());
    }
    for &what in &settings.models {
        if let Some((operation, run)) = runs::begin_scheduled(services, what, settings.every_h).await? {
            tracing::info!(operation_id = %operation.id, ?what, "scheduled training begins");
            runs::follow(services, Arc::clone(training), run, operation).await;
        }
    }
    Ok(())
}
