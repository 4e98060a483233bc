//! The encoder on its thread: batch equals single, digests are checked, a full queue refuses.

use std::path::Path;
use std::sync::Arc;

use holdfast::adapters::candle::{BertEncoder, HostedEncoder};
use holdfast::config::models::EncoderPath;
use holdfast::ports::language::{Encoder, LanguageError};
use holdfast_training::artifact::read_version;
use holdfast_training::language::tune::{Shape, embed};

use super::{shipped, tiny};
use crate::support::folder::Folder;

fn texts() -> Vec<String> {
    let lengths = [1, 7, 40, 90, 400];
    lengths.iter().map(|&n| "the order 12 is late and the pump is short ".repeat(n)).collect()
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

fn assert_batch_equals_single(encoder: &BertEncoder) {
    let texts = texts();
    let batch = encoder.embed(&texts).unwrap();
    for (text, together) in texts.iter().zip(&batch) {
        let alone = &encoder.embed(std::slice::from_ref(text)).unwrap()[0];
        assert!(cosine(alone, together) > 0.9999);
        assert!((cosine(together, together) - 1.0).abs() < 1e-5, "not of length 1");
    }
}

#[test]
fn a_batch_gives_what_single_texts_give() {
    assert_batch_equals_single(&BertEncoder::load(Path::new(tiny::DIR), EncoderPath::F32).unwrap());
}

/// The forward pass that tuned the weights is another one than that which serves them.
#[test]
fn the_shipped_encoder_computes_as_it_was_tuned() {
    let encoder = BertEncoder::load(&shipped::version("message-encoder"), EncoderPath::F32).unwrap();
    assert_eq!(encoder.width(), 384);
    let texts: Vec<String> = texts().into_iter().chain(["Wo bleibt die Lieferung für Größe 4?".to_owned()]).collect();
    let tokens: Vec<Vec<u32>> = texts.iter().map(|text| encoder.tokens(text).unwrap()).collect();
    let weights = read_version(&shipped::version("message-encoder")).unwrap().read("model.safetensors").unwrap();
    let shape = Shape { layers: 6, heads: 12, norm_epsilon: 1e-12 };
    let tuned = embed(&weights, shape, &tokens).unwrap();
    for ((text, expected), found) in texts.iter().zip(&tuned).zip(encoder.embed(&texts).unwrap()) {
        let most = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(most < 1e-4, "{text}: {most}");
    }
    assert_batch_equals_single(&encoder);
}

#[test]
fn a_changed_weight_is_refused() {
    let folder = copied();
    let path = folder.path().join("model.safetensors");
    let mut bytes = std::fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let error = BertEncoder::load(folder.path(), EncoderPath::F32).err().unwrap().to_string();
    assert!(error.contains("model.safetensors") && error.contains("SHA-256"), "{error}");
}

#[test]
fn a_model_of_another_kind_is_refused() {
    let folder = copied();
    let path = folder.path().join("manifest.toml");
    let manifest = std::fs::read_to_string(&path).unwrap();
    std::fs::write(path, manifest.replace("sentence-encoder", "intent-head")).unwrap();
    let error = BertEncoder::load(folder.path(), EncoderPath::F32).err().unwrap().to_string();
    assert!(error.contains("its kind is `intent-head`"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_refuses_and_the_rest_is_answered() {
    let encoder = BertEncoder::load(Path::new(tiny::DIR), EncoderPath::F32).unwrap();
    let hosted = Arc::new(HostedEncoder::start(encoder, 1).unwrap());
    let long = vec!["late order ".repeat(300); 16];
    let calls: Vec<_> = (0..12)
        .map(|_| {
            let (hosted, texts) = (Arc::clone(&hosted), long.clone());
            tokio::spawn(async move { hosted.embed(texts).await })
        })
        .collect();
    let (mut answered, mut refused) = (0, 0);
    for call in calls {
        match call.await.unwrap() {
            Ok(vectors) => {
                assert_eq!(vectors.len(), 16);
                answered += 1;
            }
            Err(LanguageError::QueueFull { capacity: 1 }) => refused += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert!(answered >= 1 && refused >= 1, "{answered} answered, {refused} refused");
    // Refused work left nothing behind.
    assert_eq!(hosted.embed(vec!["late".to_owned()]).await.unwrap().len(), 1);
    assert_eq!(hosted.embed(Vec::new()).await.unwrap().len(), 0);
}

/// A copy of the tiny encoder that a test may spoil.
fn copied() -> Folder {
    let folder = Folder::new().unwrap();
    for entry in std::fs::read_dir(tiny::DIR).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
    }
    folder
}
