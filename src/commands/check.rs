//! `holdfast check`: validates everything that `serve` would refuse to start with.

use anyhow::Result;

use crate::app::App;
use crate::config::Config;

/// Checks, and prints what would serve.
///
/// # Errors
/// The first thing that cannot be used.
pub async fn run(config: Config) -> Result<()> {
    let app = App::open(config).await?;
    app.load_writer();
    let services = &app.services;
    println!("configuration, rules, catalogue and policies are valid (policy version {})", services.policy.version());
    println!("database: {}", services.store.kind());
    let none = || "none".to_owned();
    println!("miss-risk model: {}", services.models.risk.get().map_or_else(none, |m| m.version()));
    println!("effect model: {}", services.models.effect.get().map_or_else(none, |m| m.version()));
    println!("message encoder: {}", services.models.encoder.get().map_or_else(none, |m| m.version()));
    println!("intent classifier: {}", services.models.intents.get().map_or_else(none, |m| m.version()));
    println!("values model: {}", services.models.values.get().map_or_else(none, |m| m.version.clone()));
    println!("link model: {}", services.models.link.get().map_or_else(none, |m| m.version()));
    println!("summary writer: {}", services.models.writer.get().map_or_else(none, |m| m.version()));
    Ok(())
}
