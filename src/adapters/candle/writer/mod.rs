//! A decoder that words summaries: a model of the house, or a directory that the user names.
//!
//! The directory holds one `*.gguf` file, or `*.safetensors` files and `config.json`; and in both cases `tokenizer.json`
//! and the chat template (`chat_template.jinja`, or in `tokenizer_config.json`).
//!
//! Guarantees: but for measurements the model only ever chooses among wordings that are given to it ([`grammar`]); it is the model that was
//! pinned, file by file, or the one that its manifest names where it is shipped, or it is not loaded; nothing is downloaded. Non-goals: what to say, values, judging the result.

mod files;
mod grammar;
mod host;
mod network;
mod template;
mod vocabulary;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use holdfast_training::artifact::read_version;
use llguidance::ParserFactory;
use llguidance::toktrie::{ApproximateTokEnv, TokEnv};
use tokenizers::Tokenizer;

pub use host::HostedWriter;
pub use network::ARCHITECTURES;

use super::LoadError;
use crate::ports::language::{Brief, Chosen};
use files::Files;
use grammar::Budget;
use network::Network;
use template::Template;

/// What the manifest of a shipped writer says that it is.
pub const KIND: &str = "summary-writer";

/// What a model with the chat template `template` reads before it writes `brief`.
///
/// # Errors
/// In words, as the template said.
pub fn prompt(template: &str, brief: &Brief) -> Result<String, String> {
    Template::new(template, "", "")?.prompt(brief)
}

/// What one text may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Tokens that may be written.
    pub tokens: usize,
    /// Time from the start of writing.
    pub time: Duration,
}

/// A loaded writer; [`HostedWriter`] gives it a thread.
pub struct CandleWriter {
    network: Network,
    tokenizer: Tokenizer,
    template: Template,
    grammar: ParserFactory,
    begin: Option<u32>,
    limits: Limits,
    digest: String,
    warnings: Vec<String>,
}

impl CandleWriter {
    /// What the directory `dir` has to be pinned to.
    ///
    /// # Errors
    /// [`LoadError::Unfit`]: a file is missing, or cannot be read.
    pub fn digest_of(dir: &Path) -> Result<String, LoadError> {
        let files = Files::read(dir).map_err(|message| LoadError::unfit(&dir.display().to_string(), message))?;
        Ok(files.digest)
    }

    /// Loads the directory `dir` if its digest is `pinned`.
    ///
    /// # Errors
    /// [`LoadError::Unfit`]: it is another model than the pinned one, a file is missing, or it does not fit.
    pub fn load(dir: &Path, pinned: Option<&str>, limits: Limits) -> Result<Self, LoadError> {
        let unfit = |message: String| LoadError::unfit(&dir.display().to_string(), message);
        let files = Files::read(dir).map_err(unfit)?;
        match pinned {
            Some(pinned) if pinned == files.digest => {}
            Some(pinned) => {
                let found = &files.digest;
                return Err(unfit(format!("its files have the digest {found}, and {pinned} is pinned")));
            }
            None => {
                let found = &files.digest;
                return Err(unfit(format!("it is not pinned: set `models.writer_digest = \"{found}\"` to trust it")));
            }
        }
        Self::of(files, limits).map_err(unfit)
    }

    /// Loads a version directory, whose manifest names every file and its digest, as a shipped model is loaded.
    ///
    /// # Errors
    /// [`LoadError`]: a file is not the one that its manifest names, or it is no writer, or does not fit.
    pub fn load_version(dir: &Path, limits: Limits) -> Result<Self, LoadError> {
        let version = read_version(dir)?;
        let unfit = |message: String| LoadError::unfit(&dir.display().to_string(), message);
        if version.manifest.kind != KIND {
            return Err(unfit(format!(
                "its manifest says that it is of the kind `{}`, not `{KIND}`",
                version.manifest.kind
            )));
        }
        Self::of(Files::read(dir).map_err(unfit)?, limits).map_err(unfit)
    }

    fn of(files: Files, limits: Limits) -> Result<Self, String> {
        let Files { weights, tokenizer: source, template, begin, end, digest } = files;
        let tokenizer = Tokenizer::from_bytes(&source).map_err(|error| format!("`tokenizer.json`: {error}"))?;
        let token = |id: u32| tokenizer.id_to_token(id).unwrap_or_default();
        let template = Template::new(&template, &begin.map(token).unwrap_or_default(), &token(end))?;
        let warnings = weights.warnings();
        let mut network = weights.network()?;
        network.start()?;
        let size = network.read(&[end, end])?.len();
        let trie = vocabulary::trie(&tokenizer, &source, size, end)?;
        let grammar = ParserFactory::new_simple(&(Arc::new(ApproximateTokEnv::new(trie)) as TokEnv));
        let mut grammar = grammar.map_err(|error| error.to_string())?;
        grammar.quiet();
        Ok(Self { network, tokenizer, template, grammar, begin, limits, digest, warnings })
    }

    /// SHA-256 over the names and digests of its files.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// What makes it slower or worse than it could be.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Which sentences of `brief` it takes, and in which wording.
    ///
    /// # Errors
    /// In words: over the budget, or the template, the grammar or the network failed.
    pub fn choose(&mut self, brief: &Brief) -> Result<Vec<Chosen>, String> {
        self.write(brief).map(|(chosen, _)| chosen)
    }

    /// As [`Self::choose`], and the tokens that were written after those of the prompt.
    ///
    /// # Errors
    /// As [`Self::choose`].
    pub fn write(&mut self, brief: &Brief) -> Result<(Vec<Chosen>, [Vec<u32>; 2]), String> {
        let prompt = self.template.prompt(brief)?;
        let encoded = self.tokenizer.encode_fast(prompt, false).map_err(|error| error.to_string())?;
        let mut prompt = encoded.get_ids().to_vec();
        if prompt.is_empty() {
            prompt.extend(self.begin);
        }
        let budget = Budget { tokens: self.limits.tokens, until: Instant::now() + self.limits.time };
        let (chosen, written) = grammar::write(&mut self.network, &self.grammar, (&prompt, brief), budget)?;
        Ok((chosen, [prompt, written]))
    }

    /// How long it takes to read `prompt`, and then to write `tokens` more, each the most probable one, without a grammar.
    ///
    /// # Errors
    /// What the network said.
    pub fn pace(&mut self, prompt: &[u32], tokens: usize) -> Result<[Duration; 2], String> {
        self.network.start()?;
        let start = Instant::now();
        let mut next = grammar::likeliest(&self.network.read(prompt)?, |_| true);
        let read = start.elapsed();
        for _ in 0..tokens {
            next = grammar::likeliest(&self.network.read(&[next.unwrap_or_default()])?, |_| true);
        }
        Ok([read, start.elapsed().saturating_sub(read)])
    }

    /// The most probable token after `tokens`, read in one piece: what a forward without memory says.
    ///
    /// # Errors
    /// What the network said.
    pub fn likeliest(&mut self, tokens: &[u32], among: impl Fn(u32) -> bool) -> Result<Option<u32>, String> {
        self.network.start()?;
        Ok(grammar::likeliest(&self.network.read(tokens)?, among))
    }
}
