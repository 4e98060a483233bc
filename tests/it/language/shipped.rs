//! The versions that are shipped, loaded as the service loads them.

use std::path::PathBuf;

use holdfast::adapters::candle::{BertEncoder, HostedEncoder, IntentHeadClassifier, values};
use holdfast::adapters::linfa::link::LinfaLink;
use holdfast::config::models::EncoderPath;
use holdfast::domain::weights::Weights;
use holdfast::flow::assess::classify::Readers;
use holdfast::flow::assess::link::Linker;
use holdfast::ports::language::Encoder;

/// The folder of the one version of a name.
pub(crate) fn version(name: &str) -> PathBuf {
    let entries = std::fs::read_dir(format!("models/{name}")).unwrap().map(|entry| entry.unwrap().path());
    let mut versions = entries.filter(|path| path.is_dir());
    let version = versions.next().expect("a shipped version");
    assert!(versions.next().is_none(), "one version of {name} is shipped");
    version
}

/// The encoder on a thread of its own.
pub(crate) fn encoder() -> HostedEncoder {
    HostedEncoder::start(BertEncoder::load(&version("message-encoder"), EncoderPath::Auto).unwrap(), 4).unwrap()
}

/// What reads a message.
pub(crate) struct Shipped {
    pub(crate) encoder: HostedEncoder,
    intents: IntentHeadClassifier,
    pub(crate) values: Weights,
    ranker: LinfaLink,
}

impl Shipped {
    pub(crate) fn load() -> Self {
        let encoder = encoder();
        let name = encoder.version();
        Self {
            intents: IntentHeadClassifier::load(&version("intents"), &name).unwrap(),
            values: values::load(&version("values"), &name).unwrap(),
            ranker: LinfaLink::load(&version("link")).unwrap(),
            encoder,
        }
    }

    pub(crate) fn readers(&self) -> Readers<'_> {
        Readers { encoder: Some(&self.encoder), intents: Some(&self.intents), values: Some(&self.values) }
    }

    /// Attaches from the model's own bound on.
    pub(crate) fn linker(&self) -> Linker<'_> {
        Linker { ranker: Some(&self.ranker), attach_min: 0.0 }
    }
}
