//! Intent heads on a small synthetic set of three clusters.

use crate::support::Random;
use holdfast_training::language::heads::{HeadError, HeadOptions, HeadReport, IntentHead, Rows};

struct Set {
    embeddings: Vec<Vec<f32>>,
    texts: Vec<String>,
    labels: Vec<usize>,
    classes: Vec<String>,
    held_out: Vec<usize>,
}

/// Three clusters in four dimensions; `spread` blurs them.
fn clusters(rows: usize, spread: f64, seed: u64) -> Set {
    let mut random = Random(seed);
    let labels: Vec<usize> = (0..rows).map(|row| row % 3).collect();
    let embed = |&label: &usize| -> Vec<f32> {
        let mut at = |axis: usize| {
            let noise = random.uniform() + random.uniform() + random.uniform() - 1.5;
            (f64::from(u8::from(axis == label)) + spread * noise) as f32
        };
        (0..4).map(&mut at).collect()
    };
    let classes = ["delay", "price", "address"].map(String::from).to_vec();
    let embeddings = labels.iter().map(embed).collect();
    let texts = vec!["says nothing".to_owned(); rows];
    Set { embeddings, texts, labels, classes, held_out: (0..rows).step_by(4).collect() }
}

fn train(set: &Set, options: &HeadOptions) -> Result<(IntentHead, HeadReport), HeadError> {
    trained(set, &[], options)
}

fn trained(set: &Set, calibrating: &[usize], options: &HeadOptions) -> Result<(IntentHead, HeadReport), HeadError> {
    let Set { embeddings, texts, labels, classes, held_out } = set;
    IntentHead::train(&Rows { embeddings, texts, labels, calibrating, held_out }, classes, options, &mut |_, _| {})
}

fn message(set: &Set) -> String {
    train(set, &HeadOptions::default()).unwrap_err().to_string()
}

#[test]
fn clear_clusters_are_told_apart() {
    let set = clusters(240, 0.3, 1);
    let (head, report) = train(&set, &HeadOptions::default()).unwrap();
    assert!(report.accuracy > 0.95 && report.macro_f1 > 0.95 && report.coverage > 0.9, "{report:?}");
    assert_eq!((report.rows_train, report.rows_held_out), (180, 60));
    assert_eq!(report.classes.iter().map(|class| class.support).sum::<usize>(), 60);
    let p = head.predict("says nothing", &[0.0, 0.0, 1.0, 0.0]).unwrap();
    assert!(p[2] > 0.9 && (p.iter().sum::<f32>() - 1.0).abs() < 1e-5, "{p:?}");
    let sure = (0..3).any(|class| head.threshold(class) > 0.99);
    assert!(!sure, "right on every row is no reason to ask for certainty: {report:?}");
    assert_eq!(head.classes()[2], "address");
    assert_eq!(head.width(), 4);
}

#[test]
fn blurred_clusters_are_calibrated_and_doubt_abstains() {
    let set = clusters(1200, 1.2, 2);
    let (head, report) = train(&set, &HeadOptions { target_precision: 0.9, ..HeadOptions::default() }).unwrap();
    assert!(report.accuracy < 0.9 && report.coverage < 0.9, "{report:?}");
    assert!(report.precision_covered > 0.84 && report.precision_covered > report.accuracy, "{report:?}");
    let confidence: f64 = set
        .held_out
        .iter()
        .map(|&row| head.predict("says nothing", &set.embeddings[row]).unwrap().into_iter().fold(0.0, f32::max))
        .map(f64::from)
        .sum::<f64>()
        / set.held_out.len() as f64;
    assert!((confidence - report.accuracy).abs() < 0.06, "{confidence} {}", report.accuracy);
    assert!(report.log_loss < 3f64.ln());
}

#[test]
fn an_unreachable_precision_abstains_always() {
    let mut set = clusters(300, 0.3, 3);
    let mut random = Random(4);
    set.labels.iter_mut().for_each(|label| *label = (random.uniform() * 3.0) as usize);
    let (head, report) = train(&set, &HeadOptions { target_precision: 1.0, ..HeadOptions::default() }).unwrap();
    assert!(report.coverage < 0.2, "{report:?}");
    assert!(head.threshold(0) > 0.3);
}

#[test]
fn the_same_data_and_seed_give_the_same_bytes() {
    let set = clusters(150, 0.6, 5);
    let bytes = |seed: u64| train(&set, &HeadOptions { seed, ..HeadOptions::default() }).unwrap().0.to_bytes().unwrap();
    let first = bytes(1);
    assert_eq!(first, bytes(1));
    assert_ne!(first, bytes(2));
    let read = IntentHead::from_bytes(&first).unwrap();
    assert_eq!(read.to_bytes().unwrap(), first);
    assert_eq!(read, train(&set, &HeadOptions { seed: 1, ..HeadOptions::default() }).unwrap().0);
}

#[test]
fn held_out_rows_do_not_reach_the_head() {
    let set = clusters(150, 0.6, 6);
    let mut changed = clusters(150, 0.6, 6);
    for &row in &set.held_out {
        changed.embeddings[row] = vec![9.0; 4];
    }
    let head = |set: &Set| train(set, &HeadOptions::default()).unwrap().0;
    assert_eq!(head(&set), head(&changed));
}

#[test]
fn two_rows_a_class_are_enough_and_one_is_refused() {
    let mut set = clusters(9, 0.1, 7);
    set.held_out = vec![0, 1, 2];
    train(&set, &HeadOptions::default()).unwrap();
    set.held_out = vec![0, 3];
    assert!(message(&set).contains("class `delay` has 1 training rows"));
}

#[test]
fn input_that_does_not_fit_is_named() {
    let mut set = clusters(30, 0.3, 8);
    set.labels[4] = 3;
    assert!(message(&set).contains("row 4 has label 3"));
    let mut set = clusters(30, 0.3, 8);
    set.embeddings[5][1] = f32::NAN;
    assert!(message(&set).contains("embedding 5"));
    let mut set = clusters(30, 0.3, 8);
    set.embeddings[6].pop();
    assert!(message(&set).contains("embedding 6 has 3 numbers"));
    let mut set = clusters(30, 0.3, 8);
    set.held_out = vec![30];
    assert!(message(&set).contains("held-out row 30"));
    set.held_out.clear();
    assert!(message(&set).contains("no held-out rows"));
    set.labels.pop();
    assert!(message(&set).contains("30 embeddings and 29 labels"));
    let odd = HeadOptions { folds: 1, ..HeadOptions::default() };
    assert!(matches!(train(&clusters(30, 0.3, 8), &odd), Err(HeadError::Option { name: "folds", .. })));
}

#[test]
fn embeddings_of_another_encoder_and_damaged_heads_are_refused() {
    let (head, _) = train(&clusters(30, 0.3, 9), &HeadOptions::default()).unwrap();
    assert!(matches!(head.predict("says nothing", &[0.0; 3]), Err(HeadError::Embedding { width: 4, .. })));
    assert!(matches!(head.predict("says nothing", &[0.0, 0.0, f32::NAN, 0.0]), Err(HeadError::Embedding { .. })));
    let text = String::from_utf8(head.to_bytes().unwrap()).unwrap();
    let read = |text: &str| IntentHead::from_bytes(text.as_bytes());
    assert!(matches!(read(&text.replace("\"width\":4", "\"width\":5")), Err(HeadError::Damaged { .. })));
    assert!(matches!(read(&text.replace("\"format\":3", "\"format\":9")), Err(HeadError::Damaged { .. })));
    assert!(matches!(read("[]"), Err(HeadError::Json(_))));
}

/// Embeddings that say nothing, and words that do: the mixture listens to the words, and only on rows that calibrate.
#[test]
fn words_are_heard_where_embeddings_say_nothing() {
    let mut set = clusters(240, 40.0, 10);
    let words = ["it is running late again", "that costs too much", "send it somewhere else"];
    set.texts = set.labels.iter().map(|&label| words[label].to_owned()).collect();
    let calibrating: Vec<usize> = (1..240).step_by(4).collect();
    let (head, report) = trained(&set, &calibrating, &HeadOptions::default()).unwrap();
    assert!(report.accuracy > 0.95 && report.words_share > 0.5, "{report:?}");
    assert!(report.accuracy_words > 0.95 && report.accuracy_embeddings < 0.6, "{report:?}");
    let said = head.predict("that costs far too much", &[0.0; 4]).unwrap();
    assert!(said[1] > 0.8, "{said:?}");
    let read = IntentHead::from_bytes(&head.to_bytes().unwrap()).unwrap();
    assert_eq!(read.predict("that costs far too much", &[0.0; 4]).unwrap(), said);
    assert!(matches!(trained(&set, &[0], &HeadOptions::default()), Err(HeadError::Input { .. })));
}

#[test]
fn texts_of_no_class_are_below_the_floor() {
    let set = clusters(240, 0.3, 1);
    let (head, report) = train(&set, &HeadOptions::default()).unwrap();
    assert!(report.strange < 0.06, "{report:?}");
    let strange = |embedding: [f32; 4]| head.is_strange(&head.logits("says nothing", &embedding).unwrap());
    // Between the classes, and none of them at all.
    assert!(strange([0.0, 0.0, 0.0, 1.0]) && !strange([1.0, 0.0, 0.0, 0.0]));
    let blind = HeadOptions { below_floor: 0.0, ..HeadOptions::default() };
    let (head, _) = train(&set, &blind).unwrap();
    let least = set.embeddings.iter().filter(|e| head.is_strange(&head.logits("says nothing", e).unwrap())).count();
    assert!(least < 8, "{least} of 240 below the least energy that was chosen on");
}
