//! The encoder on its thread: batch equals single, digests are checked, a full queue refuses.

use std::path::Path;
use std::sync::Arc;

use holdfast::adapters::candle::{BertEncoder, HostedEncoder};
use holdfast::config::models::EncoderPath;
use holdfast::ports::language::{Encoder, LanguageError};

use super::tiny;
use crate::support::folder::Folder;

const SHIPPED: &str = "models/message-encoder/minilm-l6-v2-1";

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

/// Numbers of an independent forward pass (NumPy, single-precision weights): the first eight of each embedding.
#[test]
fn the_shipped_encoder_is_the_published_one() {
    let encoder = BertEncoder::load(Path::new(SHIPPED), EncoderPath::F32).unwrap();
    assert_eq!(encoder.width(), 384);
    assert_batch_equals_single(&encoder);
    let known: [(&str, [f32; 8]); 2] = [
        (
            "Where is order SO-1001? It was promised for Friday.",
            [-0.06729, 0.04753, 0.02797, -0.04932, 0.02663, -0.03389, -0.02337, -0.00824],
        ),
        (
            "Our supplier cannot deliver the bearings before March.",
            [-0.01734, -0.00369, 0.0111, -0.04416, -0.02798, -0.02505, -0.15495, -0.04895],
        ),
    ];
    for (text, expected) in known {
        let vector = &encoder.embed(&[text.to_owned()]).unwrap()[0];
        for (found, expected) in vector.iter().zip(expected) {
            assert!((found - expected).abs() < 2e-4, "{text}: {found} instead of {expected}");
        }
    }
    let like = ["Where is my order?", "What is the status of our order?", "The invoice has the wrong price."];
    let vectors = encoder.embed(&like.map(str::to_owned)).unwrap();
    assert!(cosine(&vectors[0], &vectors[1]) > cosine(&vectors[0], &vectors[2]) + 0.2);
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
