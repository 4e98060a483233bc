//! The writer's own thread: a text takes seconds and must never hold up an answer.
//!
//! Guarantees: at most `capacity` briefs wait, one that finds the queue full is refused at once; a brief whose caller went
//! away is skipped; dropping the host ends the thread after the brief in hand.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use async_trait::async_trait;
use tokio::sync::oneshot;

use super::CandleWriter;
use crate::ports::language::{Brief, LanguageError, Writer};

/// The name under which errors speak of this model.
const MODEL: &str = "summary-writer";

struct Request {
    brief: Brief,
    answer: oneshot::Sender<Result<Vec<usize>, String>>,
}

/// A writer behind a bounded queue.
pub struct HostedWriter {
    queue: Option<SyncSender<Request>>,
    thread: Option<JoinHandle<()>>,
    capacity: usize,
    version: String,
    digest: String,
}

impl HostedWriter {
    /// Starts the thread; `capacity` briefs may wait beside the one in hand. `version` is what summaries call it.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(mut writer: CandleWriter, version: String, capacity: usize) -> std::io::Result<Self> {
        let (queue, requests) = sync_channel(capacity);
        let digest = writer.digest().to_owned();
        let thread = std::thread::Builder::new().name(MODEL.to_owned()).spawn(move || serve(&mut writer, &requests))?;
        Ok(Self { queue: Some(queue), thread: Some(thread), capacity, version, digest })
    }
}

fn serve(writer: &mut CandleWriter, requests: &Receiver<Request>) {
    while let Ok(request) = requests.recv() {
        if !request.answer.is_closed() {
            // The caller may have gone away while it was written; then nobody wants the answer.
            request.answer.send(writer.choose(&request.brief)).ok();
        }
    }
}

#[async_trait]
impl Writer for HostedWriter {
    async fn choose(&self, brief: Brief) -> Result<Vec<usize>, LanguageError> {
        let gone = || LanguageError::Unavailable(MODEL);
        let (answer, answered) = oneshot::channel();
        let queue = self.queue.as_ref().ok_or_else(gone)?;
        queue.try_send(Request { brief, answer }).map_err(|error| match error {
            TrySendError::Full(_) => LanguageError::QueueFull { capacity: self.capacity },
            TrySendError::Disconnected(_) => gone(),
        })?;
        let chosen = answered.await.map_err(|_| gone())?;
        chosen.map_err(|message| LanguageError::Failed { model: MODEL, message })
    }

    fn version(&self) -> String {
        self.version.clone()
    }

    fn digest(&self) -> String {
        self.digest.clone()
    }
}

impl Drop for HostedWriter {
    fn drop(&mut self) {
        // Without a sender the thread's loop ends.
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has nothing left to wait for.
            thread.join().ok();
        }
    }
}
