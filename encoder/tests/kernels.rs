//! Every kernel on every path that this processor has, against plain double precision, at sizes that fill no vector.

use holdfast_encoder::probe::{Function, attention, each, product};
use holdfast_encoder::{Affine, Encoder, LayerWeights, NormWeights, Path, Scratch, UnfitError, Weights};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

fn paths() -> impl Iterator<Item = Path> {
    Path::ALL.into_iter().filter(|path| path.is_available())
}

fn numbers(rng: &mut ChaCha8Rng, count: usize, spread: f32) -> Vec<f32> {
    (0..count).map(|_| spread * (rng.random::<f32>() * 2.0 - 1.0)).collect()
}

fn affine(rng: &mut ChaCha8Rng, outputs: usize, inputs: usize) -> Affine {
    Affine { weights: numbers(rng, outputs * inputs, 0.3), bias: numbers(rng, outputs, 0.1) }
}

fn weights(rng: &mut ChaCha8Rng, width: usize, inner: usize, heads: usize, positions: usize) -> Weights {
    let norm = |rng: &mut ChaCha8Rng| NormWeights {
        scale: numbers(rng, width, 0.2).iter().map(|x| 1.0 + x).collect(),
        shift: numbers(rng, width, 0.1),
    };
    let layers = (0..2).map(|_| LayerWeights {
        query: affine(rng, width, width),
        key: affine(rng, width, width),
        value: affine(rng, width, width),
        attended: affine(rng, width, width),
        attended_norm: norm(rng),
        widened: affine(rng, inner, width),
        narrowed: affine(rng, width, inner),
        narrowed_norm: norm(rng),
    });
    let layers = layers.collect();
    let (words, positions) = (numbers(rng, 40 * width, 1.0), numbers(rng, positions * width, 0.2));
    Weights { width, inner, heads, eps: 1e-12, words, positions, norm: norm(rng), layers }
}

/// Φ, by the series of the error function or its continued fraction.
fn phi(x: f64) -> f64 {
    let z = x.abs() / std::f64::consts::SQRT_2;
    let erf = if z < 3.0 {
        let (mut term, mut sum) = (z, z);
        for n in 1..200 {
            term *= -z * z / f64::from(n);
            sum += term / f64::from(2 * n + 1);
        }
        sum * 2.0 / std::f64::consts::PI.sqrt()
    } else {
        let tail = (1..60).rev().fold(0.0, |under, n| f64::from(n) / 2.0 / (z + under));
        1.0 - (-z * z).exp() / std::f64::consts::PI.sqrt() / (z + tail)
    };
    0.5 * (1.0 + erf.copysign(x))
}

fn apply(x: &[f64], affine: &Affine) -> Vec<f64> {
    let rows = affine.weights.chunks_exact(x.len()).zip(&affine.bias);
    rows.map(|(row, &b)| row.iter().zip(x).map(|(&w, x)| f64::from(w) * x).sum::<f64>() + f64::from(b)).collect()
}

fn normed(x: &[f64], norm: &NormWeights) -> Vec<f64> {
    let mean = x.iter().sum::<f64>() / x.len() as f64;
    let spread = (x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / x.len() as f64).sqrt();
    let parameters = norm.scale.iter().zip(&norm.shift);
    x.iter().zip(parameters).map(|(x, (&a, &b))| (x - mean) / spread * f64::from(a) + f64::from(b)).collect()
}

/// One head's answer for one query.
fn answer(query: &[f64], keys: &[&[f64]], values: &[&[f64]], scale: f64) -> Vec<f64> {
    let scores = keys.iter().map(|key| key.iter().zip(query).map(|(k, q)| k * q).sum::<f64>() * scale);
    let exps: Vec<f64> = scores.map(f64::exp).collect();
    let all: f64 = exps.iter().sum();
    (0..values[0].len()).map(|c| values.iter().zip(&exps).map(|(v, e)| v[c] * e).sum::<f64>() / all).collect()
}

/// The whole encoder in plain double precision.
fn plain(w: &Weights, sequence: &[u32]) -> Vec<f64> {
    let (width, head) = (w.width, w.width / w.heads);
    let row = |of: &[f32], at: usize| of[at * width..][..width].iter().map(|&x| f64::from(x)).collect::<Vec<_>>();
    let plus = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a + b).collect::<Vec<f64>>();
    let embedded = sequence.iter().enumerate().map(|(i, &t)| plus(&row(&w.words, t as usize), &row(&w.positions, i)));
    let mut x: Vec<Vec<f64>> = embedded.map(|sum| normed(&sum, &w.norm)).collect();
    for layer in &w.layers {
        let all = |part: &Affine| x.iter().map(|x| apply(x, part)).collect::<Vec<_>>();
        let (queries, keys, values) = (all(&layer.query), all(&layer.key), all(&layer.value));
        let attended: Vec<Vec<f64>> = queries
            .iter()
            .map(|query| {
                let heads = (0..w.heads).flat_map(|h| {
                    let cut = |rows: &Vec<Vec<f64>>| -> Vec<Vec<f64>> {
                        rows.iter().map(|row| row[h * head..][..head].to_vec()).collect()
                    };
                    let (keys, values) = (cut(&keys), cut(&values));
                    let keys: Vec<&[f64]> = keys.iter().map(Vec::as_slice).collect();
                    let values: Vec<&[f64]> = values.iter().map(Vec::as_slice).collect();
                    answer(&query[h * head..][..head], &keys, &values, (head as f64).sqrt().recip())
                });
                heads.collect()
            })
            .collect();
        for (x, attended) in x.iter_mut().zip(&attended) {
            let mid = normed(&plus(x, &apply(attended, &layer.attended)), &layer.attended_norm);
            let wide: Vec<f64> = apply(&mid, &layer.widened).into_iter().map(|v| v * phi(v)).collect();
            *x = normed(&plus(&mid, &apply(&wide, &layer.narrowed)), &layer.narrowed_norm);
        }
    }
    let sum = x.iter().fold(vec![0.0; width], |sum, x| plus(&sum, x));
    let length = sum.iter().map(|x| x * x).sum::<f64>().sqrt();
    sum.into_iter().map(|x| x / length).collect()
}

fn sequence(rng: &mut ChaCha8Rng, tokens: usize) -> Vec<u32> {
    (0..tokens).map(|_| rng.random_range(0..40)).collect()
}

#[test]
fn functions_are_as_exact_as_they_say() {
    let range = |from: f32, to: f32| (0..=16_000).map(move |i| from + (to - from) * i as f32 / 16_000.0);
    for path in paths() {
        let x: Vec<f32> = range(-87.0, 0.0).take(16_000).collect();
        let mut found = x.clone();
        each(path, Function::Exp, &mut found);
        for (x, found) in x.iter().zip(found) {
            let expected = f64::from(*x).exp();
            assert!((f64::from(found) / expected - 1.0).abs() < 3e-7, "{path:?}: exp({x}) = {found}");
        }
        for (function, tolerance) in [(Function::Gelu, 1e-6), (Function::RoughGelu, 1e-4)] {
            let x: Vec<f32> = range(-12.0, 12.0).take(16_000).collect();
            let mut found = x.clone();
            each(path, function, &mut found);
            for (x, found) in x.iter().zip(found) {
                let expected = f64::from(*x) * phi(f64::from(*x));
                let apart = (f64::from(found) - expected).abs();
                assert!(apart < tolerance * expected.abs().max(1.0), "{path:?}: {function:?}({x}) = {found}");
            }
        }
    }
}

#[test]
fn products_of_odd_sizes_are_right() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for (rows, inputs, outputs) in
        [(1, 1, 1), (2, 3, 5), (3, 17, 33), (5, 64, 64), (13, 65, 100), (25, 384, 63), (31, 200, 129)]
    {
        let (x, affine) = (numbers(&mut rng, rows * inputs, 2.0), affine(&mut rng, outputs, inputs));
        for path in paths() {
            // Each of the two factors has half a step of rounding error.
            let tolerance = if path == Path::Int8Avx512 { 0.02 * (inputs as f64).sqrt() } else { 1e-4 };
            let found = product(path, &x, inputs, &affine);
            for (x, found) in x.chunks_exact(inputs).zip(found.chunks_exact(outputs)) {
                let x: Vec<f64> = x.iter().map(|&x| f64::from(x)).collect();
                for (found, expected) in found.iter().zip(apply(&x, &affine)) {
                    let apart = (f64::from(*found) - expected).abs();
                    assert!(apart < tolerance, "{path:?}, {rows} x {inputs} x {outputs}: {found}, not {expected}");
                }
            }
        }
    }
}

#[test]
fn attention_over_every_kind_of_length_is_right() {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    for tokens in [1, 2, 3, 4, 5, 15, 16, 17, 31, 33, 100, 255, 512] {
        for (count, width) in [(2, 32), (4, 16), (1, 64)] {
            let columns = count * width;
            let qkv = numbers(&mut rng, tokens * 3 * columns, 1.0);
            let wide: Vec<f64> = qkv.iter().map(|&x| f64::from(x)).collect();
            let cut = |token: usize, part: usize, h: usize| &wide[(token * 3 + part) * columns + h * width..][..width];
            for path in paths() {
                let found = attention(path, count, width, &qkv);
                for token in [0, tokens / 2, tokens - 1] {
                    for h in 0..count {
                        let keys: Vec<&[f64]> = (0..tokens).map(|key| cut(key, 1, h)).collect();
                        let values: Vec<&[f64]> = (0..tokens).map(|value| cut(value, 2, h)).collect();
                        let expected = answer(cut(token, 0, h), &keys, &values, 1.0);
                        let found = &found[token * columns + h * width..][..width];
                        for (found, expected) in found.iter().zip(expected) {
                            let apart = (f64::from(*found) - expected).abs();
                            assert!(apart < 2e-5, "{path:?}, {tokens} tokens: {found}, not {expected}");
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn whole_encoders_of_odd_shapes_are_right() {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    for (width, inner, heads) in [(16, 5, 1), (32, 64, 4), (48, 100, 3), (80, 33, 5), (96, 96, 1)] {
        let weights = weights(&mut rng, width, inner, heads, 40);
        let sequences: Vec<Vec<u32>> = [1, 2, 7, 19, 40].map(|tokens| sequence(&mut rng, tokens)).into();
        let expected: Vec<Vec<f64>> = sequences.iter().map(|sequence| plain(&weights, sequence)).collect();
        for path in paths() {
            let encoder = Encoder::pack(&weights, path).unwrap();
            assert_eq!(encoder.path(), path);
            let sequences: Vec<&[u32]> = sequences.iter().map(Vec::as_slice).collect();
            let found = encoder.embed(&sequences, &mut Scratch::new()).unwrap();
            for (found, expected) in found.chunks_exact(width).zip(&expected) {
                let cosine: f64 = found.iter().zip(expected).map(|(&a, b)| f64::from(a) * b).sum();
                let least = if path == Path::Int8Avx512 { 0.99 } else { 0.999_999 };
                assert!(cosine > least, "{path:?}, width {width}: cosine {cosine}");
            }
        }
    }
}

#[test]
fn a_batch_gives_to_the_bit_what_single_sequences_give() {
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let weights = weights(&mut rng, 32, 48, 2, 512);
    // Every length to 64, then a few up to the longest.
    let lengths = (1..=64).chain((65..512).step_by(37)).chain([511, 512]);
    let sequences: Vec<Vec<u32>> = lengths.map(|tokens| sequence(&mut rng, tokens)).collect();
    let sequences: Vec<&[u32]> = sequences.iter().map(Vec::as_slice).collect();
    for path in paths() {
        let encoder = Encoder::pack(&weights, path).unwrap();
        let mut scratch = Scratch::new();
        let together = encoder.embed(&sequences, &mut scratch).unwrap();
        for (sequence, together) in sequences.iter().zip(together.chunks_exact(32)).rev() {
            let alone = encoder.embed(&[sequence], &mut scratch).unwrap();
            assert_eq!(alone, together, "{path:?}, {} tokens", sequence.len());
        }
    }
}

/// The mean of the last states has the direction of the sequence's vector, and those in the middle are the last ones of an
/// encoder that ends there.
#[test]
fn the_states_of_tokens_are_those_that_make_the_vector() {
    let mut rng = ChaCha8Rng::seed_from_u64(6);
    let (width, sequence) = (32, sequence(&mut rng, 40));
    let mut whole = weights(&mut rng, width, 48, 2, 64);
    let layers = whole.layers.len();
    let states = |weights: &Weights, path: Path| {
        Encoder::pack(weights, path).unwrap().states(&sequence, &mut Scratch::new()).unwrap()
    };
    let found: Vec<Vec<f32>> = paths().map(|path| states(&whole, path)).collect();
    for (path, found) in paths().zip(&found) {
        assert_eq!(found.len(), sequence.len() * 2 * width);
        let vector = Encoder::pack(&whole, path).unwrap().embed(&[&sequence], &mut Scratch::new()).unwrap();
        let last = |column: usize| found.chunks_exact(2 * width).map(|state| f64::from(state[width + column])).sum();
        let sums: Vec<f64> = (0..width).map(last).collect();
        let length = sums.iter().map(|sum| sum * sum).sum::<f64>().sqrt();
        for (sum, &number) in sums.iter().zip(&vector) {
            assert!((sum / length - f64::from(number)).abs() < 1e-5, "{path:?}");
        }
    }
    whole.layers.truncate(layers.div_ceil(2));
    for (path, found) in paths().zip(&found) {
        for (whole, half) in found.chunks_exact(2 * width).zip(states(&whole, path).chunks_exact(2 * width)) {
            assert_eq!(whole[..width], half[width..], "{path:?}");
        }
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let mut weights = weights(&mut rng, 32, 48, 2, 8);
    let encoder = Encoder::pack(&weights, Path::best()).unwrap();
    let refused = |sequence: &[u32]| encoder.embed(&[sequence], &mut Scratch::new()).unwrap_err().to_string();
    assert_eq!(refused(&[]), "a sequence has 0 tokens; it must have 1 to 8");
    assert_eq!(refused(&[1; 9]), "a sequence has 9 tokens; it must have 1 to 8");
    assert_eq!(refused(&[40]), "the token 40 is not among the 40 of the vocabulary");
    weights.layers[1].key.bias.pop();
    let unfit = Encoder::pack(&weights, Path::Portable).err();
    assert_eq!(unfit, Some(UnfitError::Length { list: "key", found: 31, expected: 32 }));
    weights.heads = 3;
    assert_eq!(Encoder::pack(&weights, Path::Portable).err(), Some(UnfitError::Shape { width: 32, heads: 3 }));
}
