//! The fast paths of the encoder against its reference, and the fast WordPiece against the whole tokenizer.
//!
//! The kernels have tests of their own in `encoder/tests/kernels.rs`.

use std::path::Path;

use holdfast::adapters::candle::{BertEncoder, IntentHeadClassifier};
use holdfast::config::models::EncoderPath;
use holdfast::ports::language::IntentClassifier as _;
use holdfast_encoder::Path as Kernels;

use super::{corpus::corpus, shipped, tiny};

/// Cosine to the reference that every text must reach, in single precision and in eight bits.
const COSINE_F32_MIN: f32 = 0.999_99;
const COSINE_INT8_MIN: f32 = 0.97;

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

fn least(kernels: Kernels) -> f32 {
    if kernels == Kernels::Int8Avx512 { COSINE_INT8_MIN } else { COSINE_F32_MIN }
}

fn available() -> impl Iterator<Item = Kernels> {
    Kernels::ALL.into_iter().filter(|kernels| kernels.is_available())
}

fn messages() -> Vec<String> {
    let messages = corpus().messages.into_iter();
    messages.map(|message| message.text()).collect()
}

fn texts() -> Vec<String> {
    let lengths = [0, 1, 2, 7, 40, 90, 400];
    let plain = lengths.iter().map(|&n| "the order 12 is late and the pump is short ".repeat(n));
    plain.chain(["Wo bleibt die Lieferung für Köln?".to_owned()]).collect()
}

#[test]
fn every_path_gives_what_the_reference_gives() {
    let reference = BertEncoder::load(Path::new(tiny::DIR), EncoderPath::F32).unwrap();
    let expected = reference.embed(&texts()).unwrap();
    for kernels in available() {
        let encoder = BertEncoder::load_with(Path::new(tiny::DIR), Some(kernels)).unwrap();
        assert_eq!(encoder.path(), kernels.name());
        for ((text, found), expected) in texts().iter().zip(encoder.embed(&texts()).unwrap()).zip(&expected) {
            let cosine = cosine(&found, expected);
            assert!(cosine >= least(kernels), "{kernels:?}: {cosine} at {} bytes", text.len());
        }
    }
}

#[test]
fn a_batch_gives_to_the_bit_what_single_texts_give_on_every_path() {
    for kernels in available() {
        let encoder = BertEncoder::load_with(Path::new(tiny::DIR), Some(kernels)).unwrap();
        let together = encoder.embed(&texts()).unwrap();
        for (text, together) in texts().iter().zip(&together) {
            assert_eq!(&encoder.embed(std::slice::from_ref(text)).unwrap()[0], together, "{kernels:?}");
        }
    }
}

#[test]
fn the_choice_is_the_configurations() {
    let path = |choice| BertEncoder::load(Path::new(tiny::DIR), choice).unwrap().path();
    assert_eq!(path(EncoderPath::F32), "f32");
    assert_eq!(path(EncoderPath::Auto), Kernels::best().name());
}

/// On the corpus: every text is cut alike, no vector is far from the reference's, and the head is right as often.
#[test]
fn the_shipped_encoder_reads_messages_as_its_reference_does() {
    let reference = BertEncoder::load(&shipped::version("message-encoder"), EncoderPath::F32).unwrap();
    let fast = BertEncoder::load(&shipped::version("message-encoder"), EncoderPath::Auto).unwrap();
    for text in messages() {
        assert_eq!(fast.tokens(&text).unwrap(), reference.tokens(&text).unwrap(), "{text}");
    }
    let held_out: Vec<_> = corpus().messages.into_iter().filter(|message| message.held_out).collect();
    let texts: Vec<String> = held_out.iter().map(|message| message.text()).collect();
    let (expected, found) = (reference.embed(&texts).unwrap(), fast.embed(&texts).unwrap());
    let cosines: Vec<f32> = found.iter().zip(&expected).map(|(a, b)| cosine(a, b)).collect();
    let lowest = cosines.iter().copied().fold(f32::INFINITY, f32::min);
    let mean = cosines.iter().sum::<f32>() / cosines.len() as f32;
    println!("{}: cosine to f32 on {} messages: least {lowest:.5}, mean {mean:.5}", fast.path(), texts.len());
    assert!(lowest >= least(Kernels::best()), "{lowest}");
    let head = IntentHeadClassifier::load(&shipped::version("intents"), reference.version()).unwrap();
    let right = |vectors: &[Vec<f32>]| {
        let said = vectors.iter().zip(&texts);
        let said = said.map(|(vector, text)| head.classify(text, vector).unwrap().intents[0].intent);
        said.zip(&held_out).filter(|(said, message)| *said == message.intent).count()
    };
    let (right_f32, right_fast) = (right(&expected), right(&found));
    println!("intent head, held out: {right_f32} of {} right with f32, {right_fast} with the fast path", texts.len());
    // A fiftieth is what a text or two at the border of two intents make.
    assert!(right_fast + texts.len().div_ceil(50) >= right_f32, "{right_fast} instead of {right_f32}");
}

#[test]
fn texts_that_are_not_plain_are_cut_by_the_whole_tokenizer() {
    let reference = BertEncoder::load(&shipped::version("message-encoder"), EncoderPath::F32).unwrap();
    let fast = BertEncoder::load(&shipped::version("message-encoder"), EncoderPath::Auto).unwrap();
    let long = "x".repeat(101);
    let texts = [
        "",
        " ",
        "\t\r\n",
        "a\u{0}b\u{1f}c\u{7f}d",
        "a\u{b}b\u{c}c",
        "[CLS] and [SEP] and [MASK]",
        "[UNK]",
        "[unk] [Cls]",
        "don't; won't--e.g. $1,200.50 (net)",
        "SO-48213/2 @10% #5",
        "naïve façade ÅNGSTRÖM",
        "日本語 の 注文",
        "😀 ok",
        "##ing ## # ing",
        "qwxzjkv zzzzzzqqq",
        "`~!@#$%^&*()_+-={}[]|\\:\";'<>?,./",
        long.as_str(),
        &long[1..],
    ];
    let words = "late order pump, ".repeat(400);
    for text in texts.into_iter().chain([words.as_str()]) {
        assert_eq!(fast.tokens(text).unwrap(), reference.tokens(text).unwrap(), "{text:?}");
    }
}

/// Seconds for which this thread has had a processor: what other work on the machine disturbs least.
fn busy_s() -> f64 {
    let times = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    times.split_whitespace().next().unwrap().parse::<f64>().unwrap() / 1e9
}

/// Prints texts per second of this thread's time; `bash benches/peers/encoder.sh` runs it beside its peers.
#[test]
#[ignore = "measures; run it alone and optimised"]
fn speed_of_every_path() {
    println!("| path | L16 B1 | L16 B32 | L64 B1 | L64 B32 | L256 B1 | L256 B32 |\n|---|---|---|---|---|---|---|");
    for kernels in available().map(Some).chain([None]) {
        let encoder = BertEncoder::load_with(&shipped::version("message-encoder"), kernels).unwrap();
        let cell = |words: usize, batch: usize| {
            let texts =
                vec!["order late pump valve ".repeat(words)[..].split_inclusive(' ').take(words).collect(); batch];
            let run = || {
                // Long enough for the system's account of it to be fine.
                let times = 128_usize.div_ceil(batch);
                let begun = busy_s();
                (0..times).for_each(|_| drop(encoder.embed(&texts).unwrap()));
                (times * batch) as f64 / (busy_s() - begun)
            };
            (0..3).map(|_| run()).fold(0.0, f64::max)
        };
        // Two tokens frame a text.
        let cells =
            [(14, 1), (14, 32), (62, 1), (62, 32), (254, 1), (254, 32)].map(|(words, batch)| cell(words, batch));
        let cells: Vec<String> = cells.iter().map(|rate| format!("{rate:.0}")).collect();
        println!("| {} | {} |", encoder.path(), cells.join(" | "));
    }
}
