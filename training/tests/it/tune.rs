//! Fine-tuning: gradients are those of the loss, a toy task is learned, equal input gives equal bytes.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use candle_core::{Device, Tensor};
use holdfast_training::language::tune::{Example, Shape, TuneOptions, embed, gradients_of, tune};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

const SHAPE: Shape = Shape { layers: 2, heads: 2, norm_epsilon: 1e-12 };
const WIDTH: usize = 16;
const INNER: usize = 24;
const WORDS: usize = 40;

/// A random network in single precision.
fn weights() -> BTreeMap<String, Tensor> {
    let mut generator = ChaCha8Rng::seed_from_u64(3);
    let mut tensors = BTreeMap::new();
    let mut put = |name: String, shape: &[usize], center: f32, spread: f32| {
        let count = shape.iter().product();
        let numbers: Vec<f32> = (0..count).map(|_| center + spread * (generator.random::<f32>() - 0.5)).collect();
        tensors.insert(name, Tensor::from_vec(numbers, shape, &Device::Cpu).unwrap());
    };
    put("embeddings.word_embeddings.weight".into(), &[WORDS, WIDTH], 0.0, 2.0);
    put("embeddings.position_embeddings.weight".into(), &[12, WIDTH], 0.0, 0.5);
    put("embeddings.token_type_embeddings.weight".into(), &[2, WIDTH], 0.0, 0.5);
    put("embeddings.LayerNorm.weight".into(), &[WIDTH], 1.0, 0.5);
    put("embeddings.LayerNorm.bias".into(), &[WIDTH], 0.0, 0.5);
    for layer in 0..SHAPE.layers {
        let at = format!("encoder.layer.{layer}");
        let dense = ["attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"];
        let dense = dense.map(|name| (name, WIDTH, WIDTH)).into_iter();
        for (name, to, from) in dense.chain([("intermediate.dense", INNER, WIDTH), ("output.dense", WIDTH, INNER)]) {
            put(format!("{at}.{name}.weight"), &[to, from], 0.0, 1.0);
            put(format!("{at}.{name}.bias"), &[to], 0.0, 0.5);
        }
        for name in ["attention.output.LayerNorm", "output.LayerNorm"] {
            put(format!("{at}.{name}.weight"), &[WIDTH], 1.0, 0.5);
            put(format!("{at}.{name}.bias"), &[WIDTH], 0.0, 0.5);
        }
    }
    tensors
}

fn bytes(weights: &BTreeMap<String, Tensor>) -> Vec<u8> {
    safetensors::serialize(weights.clone(), None).unwrap()
}

/// Texts whose class is whether the word 7 or the word 8 stands in them.
fn examples(count: usize, seed: u64) -> Vec<Example> {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    let mut example = |at: usize| {
        let length = 3 + at % 7;
        let mut tokens: Vec<u32> = (0..length).map(|_| generator.random_range(9..WORDS as u32)).collect();
        let class = at % 2;
        tokens[generator.random_range(0..length)] = 7 + class as u32;
        Example { tokens, targets: vec![1.0 - class as f32, class as f32] }
    };
    (0..count).map(&mut example).collect()
}

fn without_dropout() -> TuneOptions {
    TuneOptions {
        dropout: 0.0,
        token_dropout: 0.0,
        mask_token: 1,
        rate: 3e-3,
        head_rate: 1e-2,
        ..TuneOptions::default()
    }
}

#[test]
fn gradients_are_those_of_the_loss() {
    let (weights, examples) = (weights(), examples(5, 1));
    let (_, gradients) = gradients_of(&bytes(&weights), SHAPE, &examples, &without_dropout()).unwrap();
    let mut checked = 0;
    for (name, tensor) in weights.iter().filter(|(name, _)| gradients.contains_key(*name)) {
        let numbers: Vec<f32> = tensor.flatten_all().unwrap().to_vec1().unwrap();
        for at in [0, numbers.len() / 2, numbers.len() - 1] {
            let loss = |by: f32| {
                let mut moved = numbers.clone();
                moved[at] += by;
                let mut weights = weights.clone();
                weights.insert(name.clone(), Tensor::from_vec(moved, tensor.shape(), &Device::Cpu).unwrap());
                gradients_of(&bytes(&weights), SHAPE, &examples, &without_dropout()).unwrap().0
            };
            let difference = (loss(5e-3) - loss(-5e-3)) / 1e-2;
            let found = f64::from(gradients[name][at]);
            assert!((difference - found).abs() < 2e-3 + 0.03 * found.abs(), "{name}[{at}]: {found}, not {difference}");
            checked += 1;
        }
    }
    assert_eq!(checked, 3 * (2 + 16 * SHAPE.layers));
}

#[test]
fn a_text_embeds_the_same_alone_and_among_others() {
    let weights = bytes(&weights());
    let texts: Vec<Vec<u32>> = examples(6, 2).into_iter().map(|example| example.tokens).collect();
    let together = embed(&weights, SHAPE, &texts).unwrap();
    for (text, among) in texts.iter().zip(&together) {
        let alone = embed(&weights, SHAPE, std::slice::from_ref(text)).unwrap().remove(0);
        assert!(alone.iter().zip(among).all(|(a, b)| (a - b).abs() < 1e-5));
        assert!((alone.iter().map(|x| x * x).sum::<f32>() - 1.0).abs() < 1e-4);
    }
}

#[test]
fn a_toy_task_is_learned_and_equal_input_gives_equal_bytes() {
    let (weights, learned, watched) = (bytes(&weights()), examples(128, 3), examples(40, 4));
    let options = TuneOptions { epochs: 12, batch: 16, ..without_dropout() };
    let run = || tune(&weights, SHAPE, &learned, &watched, &options, &mut |_, _| ControlFlow::Continue(())).unwrap();
    let (one, two) = (run(), run());
    assert!(one.weights == two.weights);
    let (first, last) = (one.epochs[0], one.epochs[11]);
    assert!(last.loss < 0.7 * first.loss, "{first:?} {last:?}");
    assert!(last.accuracy > 0.9, "{last:?}");
}

#[test]
fn odd_input_is_refused() {
    let weights = bytes(&weights());
    let mut listen = |_: &str, _: f64| ControlFlow::Continue(());
    let refuse = |examples: &[Example], options: &TuneOptions, listen: &mut dyn FnMut(&str, f64) -> ControlFlow<()>| {
        tune(&weights, SHAPE, examples, &[], options, listen).unwrap_err().to_string()
    };
    let unknown = Example { tokens: vec![WORDS as u32], targets: vec![1.0, 0.0] };
    assert!(refuse(&[unknown], &without_dropout(), &mut listen).contains("tokens must be below 40"));
    let half = Example { tokens: vec![3], targets: vec![0.5, 0.0] };
    assert!(refuse(&[half], &without_dropout(), &mut listen).contains("sum to 1"));
    let options = TuneOptions { epochs: 0, ..without_dropout() };
    assert!(refuse(&examples(2, 1), &options, &mut listen).contains("at least 1"));
    let cancelled = refuse(&examples(2, 1), &without_dropout(), &mut |_, _| ControlFlow::Break(()));
    assert!(cancelled.contains("cancelled"));
}
