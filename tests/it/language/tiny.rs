//! The tiny encoder: a random BERT that loads in milliseconds, made by this recipe and checked against it.

use std::collections::HashMap;

use candle_core::{DType, Device, Tensor};
use holdfast_training::artifact::{self, Manifest, read_version};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::json;

/// Where it lies.
pub(crate) const DIR: &str = "models/tiny/message-encoder/random-1";

const HIDDEN: usize = 32;
const INNER: usize = 64;
const LAYERS: usize = 2;
const POSITIONS: usize = 256;
const WORDS: &str = "the a is and of to in for on we our your it not order late early price item pump valve short stock ship \
    shipped date invoice pay paid credit hold cancel change quantity please when where status supplier carrier truck pickup \
    delivery delivered failed damage claim document copy error interface approve reject newsletter";

fn vocabulary() -> Vec<String> {
    let special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"].map(str::to_owned);
    let characters = ('a'..='z').chain('0'..='9');
    let pieces = characters.flat_map(|c| [c.to_string(), format!("##{c}")]);
    special
        .into_iter()
        .chain(pieces)
        .chain(WORDS.split_whitespace().filter(|w| w.len() > 1).map(str::to_owned))
        .collect()
}

fn tokenizer() -> Vec<u8> {
    let vocabulary: serde_json::Map<_, _> =
        vocabulary().into_iter().enumerate().map(|(id, w)| (w, json!(id))).collect();
    let special = |id: usize, content: &str| json!({"id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true});
    let marks = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
    let added: Vec<_> = marks.iter().enumerate().map(|(id, mark)| special(id, mark)).collect();
    let template = json!([{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
        {"SpecialToken": {"id": "[SEP]", "type_id": 0}}]);
    let tokens = json!({"[CLS]": {"id": "[CLS]", "ids": [2], "tokens": ["[CLS]"]}, "[SEP]": {"id": "[SEP]", "ids": [3], "tokens": ["[SEP]"]}});
    let tokenizer = json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": added,
        "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null, "lowercase": true},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {"type": "TemplateProcessing", "single": template, "pair": template, "special_tokens": tokens},
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100, "vocab": vocabulary},
    });
    serde_json::to_vec(&tokenizer).unwrap()
}

fn config() -> Vec<u8> {
    let config = json!({
        "model_type": "bert", "vocab_size": vocabulary().len(), "hidden_size": HIDDEN, "num_hidden_layers": LAYERS,
        "num_attention_heads": 4, "intermediate_size": INNER, "hidden_act": "gelu", "hidden_dropout_prob": 0.0,
        "max_position_embeddings": POSITIONS, "type_vocab_size": 2, "initializer_range": 0.02, "layer_norm_eps": 1e-12,
        "pad_token_id": 0, "position_embedding_type": "absolute",
    });
    serde_json::to_vec(&config).unwrap()
}

/// Weights by name, drawn in the order of the list.
fn weights() -> Vec<u8> {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let mut tensors: HashMap<String, Tensor> = HashMap::new();
    let mut put = |name: String, shape: &[usize], center: f32, spread: f32| {
        let count = shape.iter().product();
        let numbers: Vec<f32> = (0..count).map(|_| center + spread * (rng.random::<f32>() - 0.5)).collect();
        tensors.insert(name, Tensor::from_vec(numbers, shape, &Device::Cpu).unwrap().to_dtype(DType::F16).unwrap());
    };
    put("embeddings.word_embeddings.weight".into(), &[vocabulary().len(), HIDDEN], 0.0, 2.0);
    put("embeddings.position_embeddings.weight".into(), &[POSITIONS, HIDDEN], 0.0, 0.1);
    put("embeddings.token_type_embeddings.weight".into(), &[2, HIDDEN], 0.0, 0.1);
    put("embeddings.LayerNorm.weight".into(), &[HIDDEN], 1.0, 0.0);
    put("embeddings.LayerNorm.bias".into(), &[HIDDEN], 0.0, 0.1);
    for layer in 0..LAYERS {
        let name = |part: &str| format!("encoder.layer.{layer}.{part}");
        let square = ["attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"];
        let dense = square.map(|part| (part, HIDDEN, HIDDEN)).into_iter();
        for (part, to, from) in dense.chain([("intermediate.dense", INNER, HIDDEN), ("output.dense", HIDDEN, INNER)]) {
            put(name(&format!("{part}.weight")), &[to, from], 0.0, 0.5);
            put(name(&format!("{part}.bias")), &[to], 0.0, 0.1);
        }
        for part in ["attention.output.LayerNorm", "output.LayerNorm"] {
            put(name(&format!("{part}.weight")), &[HIDDEN], 1.0, 0.0);
            put(name(&format!("{part}.bias")), &[HIDDEN], 0.0, 0.1);
        }
    }
    let path = std::env::temp_dir().join(format!("holdfast-tiny-{}.safetensors", std::process::id()));
    candle_core::safetensors::save(&tensors, &path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    std::fs::remove_file(path).unwrap();
    bytes
}

fn card() -> &'static str {
    "# message-encoder random-1\n\nRandom weights (hidden 32, two layers, a few dozen words) for tests. It knows nothing; never serve it.\n\
    Made by the recipe in tests/it/language/tiny.rs, which checks it.\n"
}

fn files() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("CARD.md", card().into()),
        ("config.json", config()),
        ("model.safetensors", weights()),
        ("sentence_bert_config.json", br#"{"max_seq_length": 256}"#.to_vec()),
        ("tokenizer.json", tokenizer()),
    ]
}

#[test]
fn the_tiny_encoder_is_what_its_recipe_makes() {
    let version = read_version(std::path::Path::new(DIR)).unwrap();
    for (path, bytes) in files() {
        assert!(
            version.read(path).unwrap() == bytes,
            "{path} differs: remove {DIR} and run the ignored test that writes it"
        );
    }
}

#[test]
#[ignore = "writes models/tiny/message-encoder anew; run it after a change of the recipe"]
fn write_the_tiny_encoder() {
    let files = files();
    let manifest = Manifest {
        name: "message-encoder".into(),
        version: "random-1".into(),
        kind: "sentence-encoder".into(),
        created_at: "2026-01-01T00:00:00Z".into(),
        data_digest: artifact::sha256_hex(b""),
        data_window: None,
        schema_version: "bert-mean-l2".into(),
        seed: 7,
        code_version: "0.1.0".into(),
        trained_by: None,
        licence: "MIT OR Apache-2.0".into(),
        source: "random numbers".into(),
        metrics: Default::default(),
        files: Vec::new(),
    };
    let files: Vec<(&str, &[u8])> = files.iter().map(|(path, bytes)| (*path, bytes.as_slice())).collect();
    artifact::write_version(std::path::Path::new("models/tiny"), manifest, &files).unwrap();
}
