//! What every handler is given.

use std::sync::Arc;

use serde_json::Value;

use super::auth::Auth;
use crate::flow::Services;
use crate::ports::training::Training;

/// The edge's state; cheap to clone.
#[derive(Clone)]
pub struct WebState {
    /// The flow's ports, rules and settings.
    pub services: Arc<Services>,
    /// Issues and verifies tokens, signs cursors and forms.
    pub auth: Arc<Auth>,
    /// Renders the metrics in Prometheus' text form.
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
    /// Plain settings.
    pub settings: Arc<WebSettings>,
    /// Trains on request; `None` where this instance does not.
    pub training: Option<Arc<dyn Training>>,
    /// The OpenAPI document; bodies are checked against it, so what is documented is what is enforced.
    pub document: Arc<Value>,
}

/// Settings of the edge, from configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebSettings {
    /// Offers one-click personas on the login page: for demonstrations only.
    pub demo_login: bool,
    /// Largest body in bytes.
    pub body_max: usize,
    /// Events in one batch.
    pub batch_max: usize,
    /// Seconds that a session lasts.
    pub session_s: u32,
    /// Whether the session's cookie travels on encrypted connections only.
    pub secure_cookie: bool,
}

impl Default for WebSettings {
    fn default() -> Self {
        Self { demo_login: false, body_max: 4 << 20, batch_max: 1000, session_s: 8 * 3600, secure_cookie: false }
    }
}

impl WebState {
    /// The state for these parts; the document is that of [`super::openapi::document`].
    #[must_use]
    pub fn new(
        services: Arc<Services>,
        auth: Arc<Auth>,
        metrics: Arc<dyn Fn() -> String + Send + Sync>,
        settings: WebSettings,
    ) -> Self {
        let document = Arc::new(super::openapi::document());
        Self { services, auth, metrics, settings: Arc::new(settings), training: None, document }
    }

    /// With someone who trains on request.
    #[must_use]
    pub fn with_training(self, training: Arc<dyn Training>) -> Self {
        Self { training: Some(training), ..self }
    }
}
