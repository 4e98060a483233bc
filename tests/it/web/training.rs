//! Training on request: progress is told, and cancelling stops the work.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use holdfast::ports::training::{Run, Training};
use holdfast::web::router;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::support::Web;

/// Trains until nobody listens any more.
struct Endless {
    stopped: Arc<AtomicBool>,
}

#[async_trait]
impl Training for Endless {
    async fn train(&self, _: Run, progress: watch::Sender<f64>) -> Result<Value, String> {
        progress.send_replace(0.25);
        progress.closed().await;
        self.stopped.store(true, Ordering::SeqCst);
        Err("training was cancelled; nothing was kept".to_owned())
    }
}

async fn eventually(what: &str, mut reached: impl AsyncFnMut() -> bool) {
    for _ in 0..400 {
        if reached().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("{what} did not come");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_training_run_can_be_cancelled() {
    let mut web = Web::new().await;
    let stopped = Arc::new(AtomicBool::new(false));
    web.state.training = Some(Arc::new(Endless { stopped: Arc::clone(&stopped) }));
    web.router = router(web.state.clone());
    let admin = web.admin();
    let key = |key: &'static str| [("idempotency-key", key)];
    let begun = web.post(&admin, "/v1/training-runs", &json!({"model": "miss-risk"}), &key("begin")).await;
    assert_eq!(begun.status, 202, "{}", begun.text);
    let path = begun.header("location").to_owned();
    eventually("progress", async || web.get(&admin, &path).await.json()["progress"] == 0.25).await;
    let cancelled = web.post(&admin, &format!("{path}/cancel"), &json!({}), &key("cancel")).await;
    assert_eq!((cancelled.status.as_u16(), &cancelled.json()["state"]), (200, &json!("cancelled")));
    eventually("the end of the work", async || stopped.load(Ordering::SeqCst)).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(web.get(&admin, &path).await.json()["state"], "cancelled", "the work's end does not undo it");
    let again = web.post(&admin, &format!("{path}/cancel"), &json!({}), &key("again")).await;
    assert_eq!(again.status, 200, "cancelling twice is cancelling once");
}
