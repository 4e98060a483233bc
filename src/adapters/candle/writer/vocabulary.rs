//! What each token of a vocabulary is in bytes, as the grammar needs it.
//!
//! Two kinds of vocabulary are read: byte-level ones, in which every byte stands as one printable character (GPT-2's table:
//! <https://github.com/openai/gpt-2/blob/master/src/encoder.py>), and those that write a space as `▁` and fall back to
//! `<0x0A>`. Guarantees: a special token is marked, so that no grammar of ours can produce one. Non-goals: others; they
//! are refused by name.

use std::collections::HashMap;

use llguidance::toktrie::{TokRxInfo, TokTrie};
use serde::Deserialize;
use serde_json::Value;
use tokenizers::Tokenizer;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    ByteLevel,
    ByteFallback,
}

/// The tokens of `tokenizer` as a trie over bytes; `size` is how many scores the network gives, `end` ends a text.
///
/// # Errors
/// In words, when the vocabulary is of another kind.
pub fn trie(tokenizer: &Tokenizer, file: &[u8], size: usize, end: u32) -> Result<TokTrie, String> {
    let kind = kind(file)?;
    let table = printable();
    let added = tokenizer.get_added_tokens_decoder();
    let mut words = vec![Vec::new(); size];
    for (token, id) in tokenizer.get_vocab(true) {
        let Some(word) = words.get_mut(id as usize) else { continue };
        *word = match added.get(&id) {
            Some(added) if added.special => {
                let mut marked = vec![TokTrie::SPECIAL_TOKEN_MARKER];
                marked.extend_from_slice(token.as_bytes());
                marked
            }
            Some(added) => added.content.as_bytes().to_vec(),
            None => bytes(&token, kind, &table),
        };
    }
    let size = u32::try_from(size).map_err(|_| "its vocabulary is too large".to_owned())?;
    Ok(TokTrie::from(&TokRxInfo::new(size, end), &words))
}

fn bytes(token: &str, kind: Kind, table: &HashMap<char, u8>) -> Vec<u8> {
    match kind {
        Kind::ByteLevel => token.chars().filter_map(|c| table.get(&c).copied()).collect(),
        Kind::ByteFallback => {
            let hex = token.strip_prefix("<0x").and_then(|rest| rest.strip_suffix('>'));
            match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
                Some(byte) => vec![byte],
                None => token.replace('▁', " ").into_bytes(),
            }
        }
    }
}

/// Every byte's character in a byte-level vocabulary: itself where it prints, else the next free one from 256 on.
fn printable() -> HashMap<char, u8> {
    let prints = |byte: u8| matches!(byte, 0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff);
    let mut free = 256_u32;
    let mut table = HashMap::new();
    for byte in 0..=u8::MAX {
        let code = if prints(byte) {
            u32::from(byte)
        } else {
            free += 1;
            free - 1
        };
        table.extend(char::from_u32(code).map(|c| (c, byte)));
    }
    table
}

#[derive(Deserialize)]
struct File {
    decoder: Option<Value>,
}

fn kind(file: &[u8]) -> Result<Kind, String> {
    let file: File = serde_json::from_slice(file).map_err(|error| format!("`tokenizer.json`: {error}"))?;
    let decoder = file.decoder.unwrap_or_default();
    let steps = decoder.get("decoders").and_then(Value::as_array).cloned().unwrap_or_else(|| vec![decoder]);
    let has = |name: &str| steps.iter().any(|step| step.get("type").and_then(Value::as_str) == Some(name));
    match (has("ByteLevel"), has("ByteFallback")) {
        (true, _) => Ok(Kind::ByteLevel),
        (false, true) => Ok(Kind::ByteFallback),
        _ => Err(
            "`tokenizer.json`: its decoder is neither `ByteLevel` nor `ByteFallback`, so what its tokens are in bytes \
                  is not known; use the tokenizer that belongs to the weights"
                .to_owned(),
        ),
    }
}
