//! The writer's vocabulary: byte-level pieces (Sennrich et al. 2016, on GPT-2's bytes) that are learned from the lessons, each
//! slot one token, and an end.
//!
//! Guarantees: equal texts give an equal vocabulary; every text can be written, as every byte is a token. Non-goals: speed.

use std::collections::BTreeSet;

use tokenizers::models::bpe::{BPE, BpeTrainer};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::{AddedToken, Model as _, Tokenizer, Trainer as _};

use super::{Lesson, Tokens};

/// The token that ends a text.
pub const END: &str = "<|end|>";

/// A trained vocabulary.
pub struct Vocabulary {
    tokenizer: Tokenizer,
    end: u32,
}

impl Vocabulary {
    /// Learns pieces from `texts` until there are `size` tokens with bytes, `slots` and the end.
    ///
    /// # Errors
    /// In words, as the library said.
    pub fn train(texts: &[&str], slots: &[String], size: usize) -> Result<Vocabulary, String> {
        let slots: BTreeSet<&String> = slots.iter().collect();
        let level = || ByteLevel::new(false, true, true);
        let pieces = size.checked_sub(slots.len() + 1).filter(|pieces| *pieces >= 256);
        let pieces = pieces.ok_or_else(|| format!("a vocabulary of {size} has no room for bytes and slots"))?;
        let mut trainer = BpeTrainer::builder()
            .vocab_size(pieces)
            .min_frequency(2)
            .show_progress(false)
            .initial_alphabet(ByteLevel::alphabet().into_iter().collect())
            .build();
        let outside: Vec<String> = texts.iter().map(|text| outside_slots(text)).collect();
        let split = |text: &str| -> tokenizers::Result<Vec<String>> {
            let mut split = tokenizers::PreTokenizedString::from(text);
            tokenizers::PreTokenizer::pre_tokenize(&level(), &mut split)?;
            let pieces = split.get_splits(tokenizers::OffsetReferential::Original, tokenizers::OffsetType::Byte);
            Ok(pieces.into_iter().map(|(piece, ..)| piece.to_owned()).collect())
        };
        trainer.feed(outside.iter(), split).map_err(|error| error.to_string())?;
        let mut model = BPE::default();
        trainer.train(&mut model).map_err(|error| error.to_string())?;
        let learned = model.get_vocab_size();
        let mut tokenizer = Tokenizer::new(model);
        tokenizer.with_pre_tokenizer(Some(level())).with_decoder(Some(level()));
        let slots = slots.into_iter().map(|slot| AddedToken::from(slot.clone(), false).normalized(false));
        let added = tokenizer.add_tokens(slots).map_err(|error| error.to_string())?;
        tokenizer.add_special_tokens([AddedToken::from(END, true)]).map_err(|error| error.to_string())?;
        let end = tokenizer.token_to_id(END).ok_or("the end has no token")?;
        debug_assert_eq!(end as usize, learned + added);
        Ok(Vocabulary { tokenizer, end })
    }

    /// How many tokens there are.
    #[expect(clippy::len_without_is_empty, reason = "every byte is in it")]
    #[must_use]
    pub fn len(&self) -> usize {
        self.tokenizer.get_vocab_size(true)
    }

    /// The token that ends a text.
    #[must_use]
    pub fn end(&self) -> u32 {
        self.end
    }

    /// A lesson in tokens: prompt and text apart, as they are at run time, then the end.
    ///
    /// # Errors
    /// In words, as the library said.
    pub fn lesson(&self, lesson: &Lesson) -> Result<Tokens, String> {
        let ids = |text: &str| {
            let encoded = self.tokenizer.encode_fast(text, false).map_err(|error| error.to_string())?;
            Ok::<_, String>(encoded.get_ids().to_vec())
        };
        let prompt = ids(&lesson.prompt)?;
        let from = prompt.len().max(1);
        Ok(Tokens { ids: [prompt, ids(&lesson.text)?, vec![self.end]].concat(), from })
    }

    /// `tokenizer.json`.
    ///
    /// # Errors
    /// In words, as the library said.
    pub fn json(&self) -> Result<String, String> {
        self.tokenizer.to_string(false).map_err(|error| error.to_string())
    }
}

/// A text with its slots cut out.
pub(super) fn outside_slots(text: &str) -> String {
    let mut outside = String::new();
    let mut rest = text;
    while let Some((before, slot)) = rest.split_once('<') {
        outside.push_str(before);
        outside.push(' ');
        rest = slot.split_once('>').map_or("", |(_, after)| after);
    }
    outside + rest
}
