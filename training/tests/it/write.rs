//! A decoder that words: gradients are those of the loss, a toy task is learned, equal input gives equal bytes, and values are
//! refused.

use std::ops::ControlFlow;

use candle_core::Tensor;
use holdfast_training::language::write::network::{Network, Shape};
use holdfast_training::language::write::teacher::Teacher;
use holdfast_training::language::write::{Lesson, Tokens, WriteOptions, Written, gradients_of, train};

const SHAPE: Shape = Shape { width: 16, inner: 24, layers: 2, heads: 2 };

fn tokens() -> Vec<Tokens> {
    let of = |ids: &[u32], from| Tokens { ids: ids.to_vec(), from };
    vec![of(&[1, 5, 2, 7, 3, 9], 2), of(&[4, 4, 8, 0], 1)]
}

#[test]
fn every_weight_has_the_gradient_of_the_loss() {
    let network = Network::new(SHAPE, 12, 3).unwrap();
    let lessons = tokens();
    let lessons: Vec<&Tokens> = lessons.iter().collect();
    let (_, gradients) = gradients_of(&network, &lessons).unwrap();
    assert_eq!(gradients.len(), network.weights.len(), "each weight has one");
    let loss = || f64::from(network.loss(&lessons).unwrap().to_scalar::<f32>().unwrap());
    for (name, weight) in &network.weights {
        let before = weight.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let steepest = |a: &usize, b: &usize| gradients[name][*a].abs().total_cmp(&gradients[name][*b].abs());
        let at = (0..before.len()).max_by(steepest).unwrap();
        let moved = |by: f32| {
            let mut numbers = before.clone();
            numbers[at] += by;
            weight.set(&Tensor::from_vec(numbers, weight.shape(), weight.device()).unwrap()).unwrap();
            loss()
        };
        let slope = (moved(1e-2) - moved(-1e-2)) / 2e-2;
        moved(0.0);
        let gradient = f64::from(gradients[name][at]);
        assert!((slope - gradient).abs() < 0.05 * gradient.abs() + 2e-4, "{name}: {gradient}, by difference {slope}");
    }
}

#[test]
fn nothing_is_seen_of_what_comes_later() {
    let network = Network::new(SHAPE, 12, 3).unwrap();
    let scores = |tokens: &[u32]| network.read(tokens).unwrap().get(1).unwrap().to_vec1::<f32>().unwrap();
    assert_eq!(scores(&[1, 5, 2, 7]), scores(&[1, 5, 9, 3]));
}

/// What is asked for by a slot is said in the words that go with it.
fn lessons() -> Vec<Lesson> {
    let of = |prompt: &str, text: &str| Lesson { prompt: format!("{prompt}\n\n"), text: text.to_owned() };
    let pairs = [
        of("<order>", "The order is <order>."),
        of("<date>", "It ships on <date>."),
        of("<order><date>", "The order is <order>.\nIt ships on <date>."),
        of("", "There is nothing to say."),
    ];
    (0..8).flat_map(|_| pairs.clone()).collect()
}

fn options(seed: u64) -> WriteOptions {
    WriteOptions { seed, epochs: 48, batch: 4, rate: 1e-2, vocabulary: 300, shape: SHAPE, ..WriteOptions::default() }
}

fn trained(lessons: &[Lesson], options: &WriteOptions) -> Written {
    let slots = ["<order>", "<date>"].map(str::to_owned);
    train(lessons, &slots, options, &mut |_, _| ControlFlow::Continue(())).unwrap()
}

#[test]
fn a_toy_task_is_learned_and_equal_input_gives_equal_bytes() {
    let [first, again, other] = [7, 7, 8].map(|seed| trained(&lessons(), &options(seed)));
    let losses: Vec<f64> = first.epochs.iter().map(|epoch| epoch.loss).collect();
    assert!(losses[47] < 0.1 * losses[0], "{losses:?}");
    assert!(first.weights == again.weights && first.tokenizer == again.tokenizer && first.config == again.config);
    assert!(first.weights != other.weights);
    assert!(first.tokenizer.contains("\"<order>\""), "a slot is one token");
}

#[test]
fn values_and_misfits_are_refused() {
    let refused = |lessons: &[Lesson], options: &WriteOptions| {
        let slots = ["<order>".to_owned()];
        train(lessons, &slots, options, &mut |_, _| ControlFlow::Continue(())).unwrap_err().to_string()
    };
    let value = Lesson { prompt: "<order.1>".to_owned(), text: "It is order 7.".to_owned() };
    assert!(refused(&[value], &options(7)).contains("a digit outside of its slots"));
    assert!(refused(&[], &options(7)).contains("give lessons"));
    let odd = WriteOptions { shape: Shape { heads: 3, ..SHAPE }, ..options(7) };
    assert!(refused(&lessons(), &odd).contains("multiple of twice `heads`"));
    let small = WriteOptions { vocabulary: 100, ..options(7) };
    assert!(refused(&lessons(), &small).contains("no room"));
    let long = WriteOptions { tokens_max: 2, ..options(7) };
    assert!(refused(&lessons(), &long).contains("longer than `tokens_max`"));
    let stop = train(&lessons(), &[], &options(7), &mut |_, _| ControlFlow::Break(()));
    assert!(stop.unwrap_err().to_string().contains("cancelled"));
}

#[test]
fn the_teacher_prefers_what_people_write() {
    let of = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
    let teacher = Teacher::new(&of(&["The order <order> waits for <item>.", "On <date> the carrier came."]));
    let sentences = [of(&["<order>: <item>.", "The order <order> waits for <item>."]), of(&["On <date> it came."])];
    let orders = [vec![0, 1], vec![1, 0]];
    let by_hand = "On <date> the order <order> waits for <item>.";
    assert_eq!(teacher.prefers(&sentences, &orders, Some(by_hand)), [(1, 0), (0, 1)], "its order, and its words");
    assert_eq!(teacher.prefers(&sentences, &orders, None), [(0, 1), (1, 0)], "the first of equal orders");
}

#[test]
fn the_teacher_does_not_begin_alike_nor_say_a_quotation_before_a_full_stop() {
    let of = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
    let sentences = [
        of(&["Besides, it is late."]),
        of(&["Besides, he says <a.quote>.", "With <a.quote> he is heard.", "Heard is: he says <a.quote>."]),
    ];
    assert_eq!(Teacher::default().prefers(&sentences, &[vec![0, 1]], None), [(0, 0), (1, 1)]);
}
