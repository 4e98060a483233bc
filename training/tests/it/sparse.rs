//! The linear model over hashes and contexts.

use std::sync::Arc;

use holdfast_training::language::sparse::{Example, Fitted, Options, fit};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// Examples of two classes: feature 1 stands in all, and the second number of the context, around 50, decides.
fn examples(with_context: bool) -> Vec<Example> {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let example = |_| {
        let number = 50.0 + rng.random::<f32>() - 0.5;
        Example {
            features: vec![1],
            tied: Vec::new(),
            context: with_context.then(|| Arc::from([7.0, number])),
            classes: vec![0, 1],
            label: usize::from(number > 50.0),
            weight: 1.0,
        }
    };
    (0..400).map(example).collect()
}

/// The share of `examples` whose class the weights name, as a reader of the weights would.
fn right(fitted: &Fitted, examples: &[Example]) -> f64 {
    let sum = |example: &Example, class: usize| {
        let numbers = example.context.iter().flat_map(|context| std::iter::once(1.0).chain(context.iter().copied()));
        let context: f32 = numbers.zip(&fitted.contexts).map(|(number, row)| number * row[class]).sum();
        fitted.features[&1][class] + context
    };
    let named = |example: &&Example| usize::from(sum(example, 1) > sum(example, 0)) == example.label;
    examples.iter().filter(named).count() as f64 / examples.len() as f64
}

/// The weights are for the numbers as they came, though they were learned on another scale; a number that never changes does
/// no harm.
#[test]
fn a_context_is_learned_whatever_its_scale() {
    let examples = examples(true);
    let fitted = fit(&examples, 2, &Options { epochs: 20, ..Options::default() });
    assert_eq!(fitted.contexts.len(), 3);
    assert!(right(&fitted, &examples) > 0.95, "{}", right(&fitted, &examples));
    assert_eq!(fitted, fit(&examples, 2, &Options { epochs: 20, ..Options::default() }));
}

#[test]
fn without_contexts_there_are_no_weights_of_them() {
    let examples = examples(false);
    let fitted = fit(&examples, 2, &Options::default());
    assert!(fitted.contexts.is_empty());
    assert!(right(&fitted, &examples) < 0.7);
}
