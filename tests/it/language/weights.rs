//! The weights of words alone that are built in: made from the authored messages as `holdfast train values` does, never from the
//! batch that is held out.

use std::path::Path;

use holdfast::commands::train::values::{self, Files};
use holdfast::domain::message::SenderRole;
use holdfast::domain::weights::Weights;
use holdfast::flow::assess::extract::{self, Known};
use holdfast::ports::language::Encoder;
use std::ops::ControlFlow;

use super::corpus::corpus;

const PATH: &str = "src/flow/assess/extract/weights.bin";

/// Weights of every training batch but one.
pub(crate) async fn without(batch: Option<&str>, encoder: Option<&dyn Encoder>) -> Files {
    let heard = &mut |_: &str, _: f64| ControlFlow::Continue(());
    values::learn(&corpus(), Path::new("datasets/messages"), encoder, batch, heard).await.unwrap()
}

#[tokio::test]
#[ignore = "writes the weights of words anew; run it after a change of candidates, features or corpus"]
async fn write_the_weights() {
    let learned = without(None, None).await;
    println!("{} examples, {} bytes", learned.examples, learned.features.len());
    std::fs::write(PATH, learned.features).unwrap();
}

/// Features are hashes: a change of their text leaves weights that nothing asks for.
#[test]
fn the_built_in_weights_are_of_these_features() {
    let text = "Please send 40 boxes by 12 June 2026, invoice INV-3301 came to $1,448.00.";
    let found =
        extract::extract(None, text, &Known::nothing(SenderRole::Customer), Some("2026-06-01".parse().unwrap()));
    let kinds: Vec<&str> = found.iter().map(|entity| entity.kind.name()).collect();
    assert_eq!(kinds, ["quantity", "date", "invoice_number", "amount"]);
    let bytes = std::fs::read(PATH).unwrap();
    assert!((50_000..600_000).contains(&bytes.len()), "{} bytes of weights", bytes.len());
}

/// A context moves the odds by its numbers, and only where there is one.
#[test]
fn weights_are_read_as_they_were_written() {
    let rows = [(7, vec![1.0; 11]), (9, vec![-0.5; 11])].into();
    let contexts = [vec![0.25; 11], vec![2.0; 11], vec![0.0; 11]];
    let weights = Weights::read("values/t", &Weights::write_features(&rows), &Weights::write_contexts(&contexts));
    assert_eq!(weights.context_width(), 2);
    let near = |found: [f32; 11], wanted: [f32; 2]| {
        // A tied feature speaks for one class.
        assert!((found[0] - wanted[0]).abs() < 0.01 && (found[3] - wanted[1]).abs() < 0.01, "{found:?}");
    };
    near(weights.sums(&[7, 8], &[(3, 9)], None), [1.0, 0.5]);
    near(weights.sums(&[7, 8], &[(3, 9)], Some(&[3.0, 5.0])), [7.25, 6.75]);
}
