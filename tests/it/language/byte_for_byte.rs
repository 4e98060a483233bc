//! The shipped intent head is what the shipped encoder and the authored messages give, byte for byte.

use std::ops::ControlFlow;
use std::path::Path;

use holdfast::adapters::candle::{BertEncoder, HostedEncoder};
use holdfast::commands::train::intents;
use holdfast::config::models::EncoderPath;
use holdfast_training::artifact::read_version;

use super::shipped;
use crate::support::folder::Folder;

/// Trains with what the shipped version says of its own making, so no version is named here.
#[tokio::test]
#[ignore = "trains for minutes; run it after a change of the corpus, the encoder or the trainer"]
async fn the_shipped_head_is_made_again_byte_for_byte() {
    let shipped = shipped::version("intents");
    let made = read_version(&shipped).unwrap().manifest;
    let weights = Path::new("models").join(&made.schema_version);
    let encoder = HostedEncoder::start(BertEncoder::load(&weights, EncoderPath::F32).unwrap(), 8).unwrap();
    let (out, corpus) = (Folder::new().unwrap(), Path::new("datasets/messages"));
    let by = made.trained_by.as_deref().unwrap_or_default();
    let when = (made.created_at.parse().unwrap(), by);
    let mut heard = |_: &str, _: f64| ControlFlow::Continue(());
    let again = intents::run(&encoder, (corpus, &[]), out.path(), made.seed, when, &mut heard).await.unwrap();
    assert_eq!(again.version, made.version, "other data, encoder or seed");
    let mut compared = 0;
    for file in std::fs::read_dir(&shipped).unwrap() {
        let name = file.unwrap().file_name();
        let (ours, theirs) =
            (std::fs::read(again.path.join(&name)).unwrap(), std::fs::read(shipped.join(&name)).unwrap());
        assert!(ours == theirs, "{} differs ({} and {} bytes)", name.display(), ours.len(), theirs.len());
        println!("{} is the same, {} bytes", name.display(), ours.len());
        compared += 1;
    }
    assert!(compared >= 3, "{compared} files");
}
