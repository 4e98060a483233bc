//! The writer on a thread of its own ([`Host`]): a text takes seconds and must never hold up an answer.

use async_trait::async_trait;

use super::super::host::Host;
use super::CandleWriter;
use crate::ports::language::{Brief, Chosen, LanguageError, Writer};

/// A writer behind a bounded queue.
pub struct HostedWriter {
    host: Host<CandleWriter>,
    version: String,
    digest: String,
}

impl HostedWriter {
    /// Starts the thread; `capacity` briefs may wait beside the one in hand. `version` is what summaries call it.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(writer: CandleWriter, version: String, capacity: usize) -> std::io::Result<Self> {
        let digest = writer.digest().to_owned();
        let host = Host::start("summary-writer", capacity, writer)?;
        Ok(Self { host, version, digest })
    }
}

#[async_trait]
impl Writer for HostedWriter {
    async fn choose(&self, brief: Brief) -> Result<Vec<Chosen>, LanguageError> {
        self.host.ask(move |writer| writer.choose(&brief)).await
    }

    fn version(&self) -> String {
        self.version.clone()
    }

    fn digest(&self) -> String {
        self.digest.clone()
    }
}
