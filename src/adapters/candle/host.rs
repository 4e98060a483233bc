//! A model's own thread: inference never runs on the async workers, and a full queue refuses instead of growing.
//!
//! Guarantees: at most `capacity` requests wait; one that finds the queue full gets [`LanguageError::QueueFull`] at once;
//! a request whose caller went away is skipped; requests are never mixed into one batch, so an answer does not depend on
//! what others ask meanwhile; dropping the host ends the thread after the request in hand.

use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use async_trait::async_trait;
use tokio::sync::oneshot;

use super::BertEncoder;
use crate::ports::language::{Contexts, Encoder, LanguageError};

/// What a caller has the model do; the answer goes to the caller.
type Request<M> = Box<dyn FnOnce(&mut M) + Send>;

/// A model `M` behind a bounded queue.
pub(super) struct Host<M> {
    queue: Option<SyncSender<Request<M>>>,
    thread: Option<JoinHandle<()>>,
    capacity: usize,
    name: &'static str,
}

impl<M: Send + 'static> Host<M> {
    /// Starts the thread; `capacity` requests may wait beside the one in hand. Errors speak of the model as `name`.
    pub(super) fn start(name: &'static str, capacity: usize, mut model: M) -> std::io::Result<Self> {
        let (queue, requests) = sync_channel::<Request<M>>(capacity);
        let serve = move || {
            while let Ok(request) = requests.recv() {
                request(&mut model);
            }
        };
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(serve)?;
        Ok(Self { queue: Some(queue), thread: Some(thread), capacity, name })
    }

    /// What `work` has of the model, once its turn came.
    pub(super) async fn ask<A: Send + 'static>(
        &self,
        work: impl FnOnce(&mut M) -> Result<A, String> + Send + 'static,
    ) -> Result<A, LanguageError> {
        let gone = || LanguageError::Unavailable(self.name);
        let (answer, answered) = oneshot::channel();
        let request = move |model: &mut M| {
            if !answer.is_closed() {
                // The caller may have gone away while it was computed; then nobody wants the answer.
                answer.send(work(model)).ok();
            }
        };
        let queue = self.queue.as_ref().ok_or_else(gone)?;
        queue.try_send(Box::new(request)).map_err(|error| match error {
            TrySendError::Full(_) => LanguageError::QueueFull { capacity: self.capacity },
            TrySendError::Disconnected(_) => gone(),
        })?;
        let answer = answered.await.map_err(|_| gone())?;
        answer.map_err(|message| LanguageError::Failed { model: self.name, message })
    }
}

impl<M> Drop for Host<M> {
    fn drop(&mut self) {
        // Without a sender the thread's loop ends.
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has nothing left to wait for.
            thread.join().ok();
        }
    }
}

/// An encoder on a thread of its own.
pub struct HostedEncoder {
    host: Host<BertEncoder>,
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
        let (width, version) = (encoder.width(), encoder.version().to_owned());
        let digest = encoder.digest().to_owned();
        let host = Host::start("message-encoder", capacity, encoder)?;
        Ok(Self { host, width, version, digest })
    }

    /// Digest of the version's manifest.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }
}

#[async_trait]
impl Encoder for HostedEncoder {
    async fn embed(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, LanguageError> {
        self.host.ask(move |encoder| encoder.embed(&texts)).await
    }

    async fn contexts(&self, text: String) -> Result<Contexts, LanguageError> {
        self.host.ask(move |encoder| encoder.contexts(&text)).await
    }

    fn width(&self) -> usize {
        self.width
    }

    fn version(&self) -> String {
        self.version.clone()
    }
}
