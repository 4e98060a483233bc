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
use crate::ports::language::{Encoder, LanguageError};

struct Request<Q, A> {
    question: Q,
    answer: oneshot::Sender<Result<A, String>>,
}

/// A model behind a bounded queue: it answers questions `Q` with `A`.
pub(super) struct Host<Q, A> {
    queue: Option<SyncSender<Request<Q, A>>>,
    thread: Option<JoinHandle<()>>,
    capacity: usize,
    model: &'static str,
}

impl<Q: Send + 'static, A: Send + 'static> Host<Q, A> {
    /// Starts the thread; `capacity` requests may wait beside the one in hand. Errors speak of the model as `model`.
    pub(super) fn start(
        model: &'static str,
        capacity: usize,
        mut answer: impl FnMut(&Q) -> Result<A, String> + Send + 'static,
    ) -> std::io::Result<Self> {
        let (queue, requests) = sync_channel::<Request<Q, A>>(capacity);
        let serve = move || {
            while let Ok(request) = requests.recv() {
                if !request.answer.is_closed() {
                    // The caller may have gone away while it was computed; then nobody wants the answer.
                    request.answer.send(answer(&request.question)).ok();
                }
            }
        };
        let thread = std::thread::Builder::new().name(model.to_owned()).spawn(serve)?;
        Ok(Self { queue: Some(queue), thread: Some(thread), capacity, model })
    }

    /// The model's answer, once its turn came.
    pub(super) async fn ask(&self, question: Q) -> Result<A, LanguageError> {
        let gone = || LanguageError::Unavailable(self.model);
        let (answer, answered) = oneshot::channel();
        let queue = self.queue.as_ref().ok_or_else(gone)?;
        queue.try_send(Request { question, answer }).map_err(|error| match error {
            TrySendError::Full(_) => LanguageError::QueueFull { capacity: self.capacity },
            TrySendError::Disconnected(_) => gone(),
        })?;
        let answer = answered.await.map_err(|_| gone())?;
        answer.map_err(|message| LanguageError::Failed { model: self.model, message })
    }
}

impl<Q, A> Drop for Host<Q, A> {
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
    host: Host<Vec<String>, Vec<Vec<f32>>>,
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
        let host = Host::start("message-encoder", capacity, move |texts: &Vec<String>| encoder.embed(texts))?;
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
        self.host.ask(texts).await
    }

    fn width(&self) -> usize {
        self.width
    }

    fn version(&self) -> String {
        self.version.clone()
    }
}
