//! The encoder's own thread: inference never runs on the async workers, and a full queue refuses instead of growing.
//!
//! Guarantees: at most `capacity` requests wait; one that finds the queue full gets [`LanguageError::QueueFull`] at once;
//! a request whose caller went away is skipped; requests are never mixed into one batch, so an answer does not depend on
//! what others ask meanwhile; dropping the host ends the thread after the request in hand.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use async_trait::async_trait;
use tokio::sync::oneshot;

use super::BertEncoder;
use crate::ports::language::{Encoder, LanguageError};

/// The name under which errors speak of this model.
const MODEL: &str = "message-encoder";

struct Request {
    texts: Vec<String>,
    answer: oneshot::Sender<Result<Vec<Vec<f32>>, String>>,
}

/// An encoder behind a bounded queue.
pub struct HostedEncoder {
    queue: Option<SyncSender<Request>>,
    thread: Option<JoinHandle<()>>,
    capacity: usize,
    width: usize,
    version: String,
    digest: String,
}

impl HostedEncoder {
    /// Starts the thread; `capacity` requests may wait beside the one in hand.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(encoder: BertEncoder, capacity: usize) -> std::io::Result<Self> {
        let (queue, requests) = sync_channel(capacity);
        let (width, version) = (encoder.width(), encoder.version().to_owned());
        let digest = encoder.digest().to_owned();
        let thread = std::thread::Builder::new().name(MODEL.to_owned()).spawn(move || serve(&encoder, &requests))?;
        Ok(Self { queue: Some(queue), thread: Some(thread), capacity, width, version, digest })
    }

    /// Digest of the version's manifest.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }
}

fn serve(encoder: &BertEncoder, requests: &Receiver<Request>) {
    while let Ok(request) = requests.recv() {
        if !request.answer.is_closed() {
            // The caller may have gone away while it was computed; then nobody wants the answer.
            request.answer.send(encoder.embed(&request.texts)).ok();
        }
    }
}

#[async_trait]
impl Encoder for HostedEncoder {
    async fn embed(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, LanguageError> {
        let gone = || LanguageError::Unavailable(MODEL);
        let (answer, answered) = oneshot::channel();
        let queue = self.queue.as_ref().ok_or_else(gone)?;
        queue.try_send(Request { texts, answer }).map_err(|error| match error {
            TrySendError::Full(_) => LanguageError::QueueFull { capacity: self.capacity },
            TrySendError::Disconnected(_) => gone(),
        })?;
        let vectors = answered.await.map_err(|_| gone())?;
        vectors.map_err(|message| LanguageError::Failed { model: MODEL, message })
    }

    fn width(&self) -> usize {
        self.width
    }

    fn version(&self) -> String {
        self.version.clone()
    }
}

impl Drop for HostedEncoder {
    fn drop(&mut self) {
        // Without a sender the thread's loop ends.
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has nothing left to wait for.
            thread.join().ok();
        }
    }
}
