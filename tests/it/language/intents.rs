//! Training the intent head, and serving it only with its own encoder.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use holdfast::adapters::candle::{BertEncoder, HostedEncoder, IntentHeadClassifier};
use holdfast::commands::train::{corpus, intents};
use holdfast::config::models::EncoderPath;
use holdfast::domain::message::{Channel, Intent, SenderRole};
use holdfast::flow::assess::classify::text;
use holdfast::ports::language::{Classified, Encoder, IntentClassifier};
use holdfast_training::artifact::read_version;

use super::{shipped, tiny};
use crate::support::folder::Folder;

fn hosted(dir: &Path) -> HostedEncoder {
    HostedEncoder::start(BertEncoder::load(dir, EncoderPath::F32).unwrap(), 8).unwrap()
}

async fn train(encoder: &dyn Encoder, corpus: &Path, out: &Path) -> intents::Report {
    let now = "2026-11-30T13:00:00Z".parse().unwrap();
    intents::run(encoder, (corpus, &[]), out, 0, (now, "project"), &mut |_, _| std::ops::ControlFlow::Continue(()))
        .await
        .unwrap()
}

/// Two of the batches, so that a test of the procedure takes seconds.
fn small_corpus() -> Folder {
    let folder = Folder::new().unwrap();
    for batch in ["loose", "brightwater"] {
        std::fs::create_dir(folder.path().join(batch)).unwrap();
        let file = Path::new(batch).join("messages.jsonl");
        std::fs::copy(Path::new("datasets/messages").join(&file), folder.path().join(&file)).unwrap();
    }
    std::fs::write(folder.path().join("corpus.toml"), "held_out = [\"brightwater\"]").unwrap();
    folder
}

#[tokio::test]
async fn equal_data_encoder_and_seed_give_the_same_head() {
    let encoder = hosted(Path::new(tiny::DIR));
    let (here, there) = (Folder::new().unwrap(), Folder::new().unwrap());
    let corpus = small_corpus();
    let one = train(&encoder, corpus.path(), here.path()).await;
    let two = train(&encoder, corpus.path(), there.path()).await;
    assert_eq!(one.version, two.version);
    assert_eq!(read_version(&one.path).unwrap().digest, read_version(&two.path).unwrap().digest);
    assert_eq!((one.head.rows_train, one.head.rows_held_out), (624, 384));
    let classifier = IntentHeadClassifier::load(&one.path, &encoder.version()).unwrap();
    let embedding = encoder.embed(vec!["where is the order".to_owned()]).await.unwrap().remove(0);
    let said = classifier.classify("where is the order", &embedding).unwrap();
    assert_eq!(said.intents.len(), Intent::ALL.len());
    assert!((said.intents.iter().map(|scored| scored.probability).sum::<f64>() - 1.0).abs() < 1e-5);
    assert!(said.intents.windows(2).all(|pair| pair[0].probability >= pair[1].probability));
    let error = IntentHeadClassifier::load(&one.path, "message-encoder/other").err().unwrap().to_string();
    assert!(error.contains("was trained on the encoder `message-encoder/random-1`"), "{error}");
}

/// The shipped head on the messages that it never saw: what its manifest says is true.
#[tokio::test]
async fn the_shipped_head_measures_as_its_manifest_says() {
    let encoder = hosted(&shipped::version("message-encoder"));
    let head = IntentHeadClassifier::load(&shipped::version("intents"), &encoder.version()).unwrap();
    let held_out: Vec<_> = super::corpus::corpus().messages.into_iter().filter(|message| message.held_out).collect();
    let texts: Vec<String> = held_out.iter().map(corpus::Labelled::text).collect();
    let embeddings = encoder.embed(texts.clone()).await.unwrap();
    let said = embeddings.iter().zip(&texts).map(|(embedding, text)| head.classify(text, embedding).unwrap());
    let said: Vec<_> = said.collect();
    let right = said.iter().zip(&held_out).filter(|(said, message)| said.intents[0].intent == message.intent).count();
    let sure = said.iter().filter(|said| is_sure(said)).count();
    let accuracy = right as f64 / held_out.len() as f64;
    let metrics = read_version(&shipped::version("intents")).unwrap().manifest.metrics;
    println!("held out: {} messages, {right} right ({accuracy:.3}), sure of {sure}", held_out.len());
    println!(
        "macro F1 {:.3}, log loss {:.3}, always the same {:.3}",
        metrics["macro_f1"], metrics["log_loss"], metrics["baseline_accuracy"]
    );
    assert!((metrics["accuracy"] - accuracy).abs() < 0.03, "{metrics:?}");
    assert!(accuracy > 3.0 * metrics["baseline_accuracy"], "{accuracy}");
}

fn is_sure(said: &Classified) -> bool {
    !said.is_strange && said.intents[0].probability >= said.threshold
}

/// Texts of other trades: of people who talk to an assistant, and of customers of a bank.
#[tokio::test]
#[ignore = "prints figures for docs/MODELS.md; needs HOLDFAST_SHARED"]
async fn how_often_a_text_of_no_intent_gets_one() {
    let encoder = hosted(&shipped::version("message-encoder"));
    let head = IntentHeadClassifier::load(&shipped::version("intents"), &encoder.version()).unwrap();
    let folder = PathBuf::from(std::env::var("HOLDFAST_SHARED").unwrap()).join("data/intents");
    for set in ["clinc_oos_test", "clinc_val", "banking77_test"] {
        let file = std::fs::File::open(folder.join(format!("{set}.tsv.gz"))).unwrap();
        let mut text = String::new();
        flate2::read::MultiGzDecoder::new(file).read_to_string(&mut text).unwrap();
        let texts = text.lines().filter_map(|line| line.split_once('\t')).map(|(_, text)| text);
        let texts: Vec<String> =
            texts.map(|text| text::of_parts(SenderRole::Customer, Channel::Email, None, text)).take(1_000).collect();
        let (mut sure, mut without_floor) = (0, 0);
        for chunk in texts.chunks(64) {
            let embeddings = encoder.embed(chunk.to_vec()).await.unwrap();
            for (text, embedding) in chunk.iter().zip(&embeddings) {
                let said = head.classify(text, embedding).unwrap();
                let business = said.intents[0].intent != Intent::Irrelevant;
                sure += usize::from(business && is_sure(&said));
                without_floor += usize::from(business && said.intents[0].probability >= said.threshold);
            }
        }
        println!("{set}: {} texts, {sure} get an intent of business, {without_floor} by thresholds alone", texts.len());
    }
}

#[tokio::test]
#[ignore = "writes models/intents anew; run it after a change of the corpus, the encoder or the trainer"]
async fn write_the_shipped_head() {
    let report =
        train(&hosted(&shipped::version("message-encoder")), Path::new("datasets/messages"), Path::new("models")).await;
    println!("{}", report.path.display());
}
