//! WordPiece for plain ASCII as BERT's uncased models cut it; other texts are the caller's to give to a whole tokenizer.
//!
//! Guarantees: where [`WordPiece::encode`] answers, it answers what the reference tokenizer answers (proved on the corpus
//! by `tests/it/language/fast.rs`); it answers `None` for every text it cannot be sure of. Non-goals: Unicode, pairs of
//! texts, offsets.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A hash of short byte strings, a word at a time. The keys are the vocabulary's alone: a text only looks up, so nothing
/// that a stranger writes can fill one bucket.
#[derive(Default)]
struct PieceHasher(u64);

impl PieceHasher {
    fn mix(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

impl Hasher for PieceHasher {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.mix(u64::from_le_bytes(word));
        }
    }
    fn write_u8(&mut self, byte: u8) {
        self.mix(u64::from(byte));
    }
    fn write_usize(&mut self, number: usize) {
        self.mix(number as u64);
    }
    fn finish(&self) -> u64 {
        // The table takes the highest bits and the lowest.
        self.0 ^ (self.0 >> 32)
    }
}

type Pieces = HashMap<Box<[u8]>, u32, BuildHasherDefault<PieceHasher>>;

/// The tokens that frame a text or stand for what is not known.
#[derive(Clone, Copy, Debug)]
pub struct Marks {
    /// `[CLS]`.
    pub first: u32,
    /// `[SEP]`.
    pub last: u32,
    /// `[UNK]`.
    pub unknown: u32,
}

/// A vocabulary.
pub struct WordPiece {
    /// Pieces that begin a word.
    first: Pieces,
    /// Pieces that go on with one, without their `##`.
    further: Pieces,
    piece_bytes_max: usize,
    word_bytes_max: usize,
    marks: Marks,
    /// Texts that hold one of these are not answered: the whole tokenizer takes them for a token each.
    special: Vec<String>,
}

impl WordPiece {
    /// `vocabulary` gives each piece's id; `special` are the strings that are tokens wherever they stand; words longer
    /// than `word_bytes_max` are unknown.
    pub fn new(
        vocabulary: impl IntoIterator<Item = (String, u32)>,
        special: Vec<String>,
        marks: Marks,
        word_bytes_max: usize,
    ) -> Self {
        let (mut first, mut further) = (Pieces::default(), Pieces::default());
        for (piece, id) in vocabulary {
            match piece.strip_prefix("##") {
                Some(rest) if !rest.is_empty() => further.insert(rest.as_bytes().into(), id),
                _ => first.insert(piece.into_bytes().into(), id),
            };
        }
        let piece_bytes_max = first.keys().chain(further.keys()).map(|piece| piece.len()).max().unwrap_or(0);
        Self { first, further, piece_bytes_max, word_bytes_max, marks, special }
    }

    /// The framed tokens of `text`, `tokens_max` (at least two) at most; `None` where it is not plain ASCII.
    #[must_use]
    pub fn encode(&self, text: &str, tokens_max: usize) -> Option<Vec<u32>> {
        if !text.is_ascii() || self.special.iter().any(|special| text.contains(special.as_str())) {
            return None;
        }
        let mut tokens = Vec::with_capacity((text.len() / 4 + 4).min(tokens_max + self.word_bytes_max));
        tokens.push(self.marks.first);
        let mut word = Vec::with_capacity(32);
        for &byte in text.as_bytes() {
            match byte {
                b' ' | b'\t' | b'\n' | b'\r' => self.end(&mut word, &mut tokens),
                _ if byte.is_ascii_control() => {}
                _ if byte.is_ascii_punctuation() => {
                    self.end(&mut word, &mut tokens);
                    self.cut(&[byte], &mut tokens);
                }
                _ => word.push(byte.to_ascii_lowercase()),
            }
            if tokens.len() >= tokens_max {
                break;
            }
        }
        self.end(&mut word, &mut tokens);
        tokens.truncate(tokens_max.saturating_sub(1));
        tokens.push(self.marks.last);
        Some(tokens)
    }

    fn end(&self, word: &mut Vec<u8>, tokens: &mut Vec<u32>) {
        if !word.is_empty() {
            self.cut(word, tokens);
            word.clear();
        }
    }

    /// The longest piece that fits, again and again; a word with a rest that no piece fits is unknown as a whole.
    fn cut(&self, word: &[u8], tokens: &mut Vec<u32>) {
        let before = tokens.len();
        let mut rest = if word.len() > self.word_bytes_max { &[] } else { word };
        let mut pieces = &self.first;
        while !rest.is_empty() {
            let longest = rest.len().min(self.piece_bytes_max);
            let found = (1..=longest).rev().find_map(|len| pieces.get(&rest[..len]).map(|&id| (id, len)));
            let Some((id, len)) = found else { break };
            tokens.push(id);
            rest = &rest[len..];
            pieces = &self.further;
        }
        if !rest.is_empty() || tokens.len() == before {
            tokens.truncate(before);
            tokens.push(self.marks.unknown);
        }
    }
}
