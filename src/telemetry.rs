//! Logs: structured lines on standard error, as text for people or JSON for machines (docs/LOGGING.md).

use tracing_subscriber::EnvFilter;

/// Starts logging at `HOLDFAST_LOG` (default `info`, the store's and HTTP's own chatter at `warn`). Safe to call twice.
pub fn start(json: bool) {
    let filter = EnvFilter::try_from_env("HOLDFAST_LOG")
        .unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn,hyper=warn,h2=warn,tower_http=warn"));
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = if json { subscriber.json().try_init() } else { subscriber.compact().try_init() };
    if started.is_err() {
        tracing::debug!("logging was started before");
    }
}
