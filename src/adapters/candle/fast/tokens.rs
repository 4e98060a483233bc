//! Texts to token ids: plain ASCII by the fast WordPiece, everything else by the whole tokenizer.
//!
//! Guarantees: the ids are those of the whole tokenizer; where that is not BERT's uncased WordPiece, to the letter of its
//! description, it alone is used.

use holdfast_encoder::{Marks, WordPiece};
use serde_json::{Value, json};
use tokenizers::Tokenizer;

/// The special tokens of which texts may speak and which only the whole tokenizer may then cut.
const FIRST: &str = "[CLS]";
const LAST: &str = "[SEP]";
const UNKNOWN: &str = "[UNK]";
/// Words longer than this are unknown, in every model of this kind.
const WORD_BYTES_MAX: usize = 100;

pub(super) struct Tokens {
    fast: Option<WordPiece>,
    tokens_max: usize,
}

impl Tokens {
    pub(super) fn new(tokenizer: &Tokenizer, tokens_max: usize) -> Self {
        Self { fast: fast(tokenizer), tokens_max }
    }

    pub(super) fn encode(&self, tokenizer: &Tokenizer, text: &str) -> Result<Vec<u32>, String> {
        if let Some(tokens) = self.fast.as_ref().and_then(|fast| fast.encode(text, self.tokens_max)) {
            return Ok(tokens);
        }
        let encoding = tokenizer.encode(text, true).map_err(|error| error.to_string())?;
        Ok(encoding.get_ids().to_vec())
    }
}

/// The fast form of `tokenizer`; `None` where it is of another kind.
fn fast(tokenizer: &Tokenizer) -> Option<WordPiece> {
    let described: Value = serde_json::from_str(&tokenizer.to_string(false).ok()?).ok()?;
    let model = &described["model"];
    let same = described["normalizer"] == normalizer()
        && described["pre_tokenizer"] == json!({"type": "BertPreTokenizer"})
        && model["type"] == "WordPiece"
        && model["unk_token"] == UNKNOWN
        && model["continuing_subword_prefix"] == "##"
        && model["max_input_chars_per_word"] == WORD_BYTES_MAX
        && described["post_processor"]["type"] == "TemplateProcessing"
        && described["post_processor"]["single"] == frame();
    let added = described["added_tokens"].as_array()?;
    let plain = |token: &Value| {
        let set = |name: &str| token[name] == true;
        !set("normalized") && !set("single_word") && !set("lstrip") && !set("rstrip")
    };
    if !same || !added.iter().all(plain) {
        return None;
    }
    let special = added.iter().map(|token| token["content"].as_str().map(str::to_owned)).collect::<Option<_>>()?;
    let id = |token: &str| tokenizer.token_to_id(token);
    let marks = Marks { first: id(FIRST)?, last: id(LAST)?, unknown: id(UNKNOWN)? };
    Some(WordPiece::new(tokenizer.get_vocab(false), special, marks, WORD_BYTES_MAX))
}

fn normalizer() -> Value {
    json!({
        "type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null,
        "lowercase": true,
    })
}

fn frame() -> Value {
    json!([
        {"SpecialToken": {"id": FIRST, "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
        {"SpecialToken": {"id": LAST, "type_id": 0}},
    ])
}
