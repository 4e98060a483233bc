//! A second look at a finished summary, which trusts nothing of how it was made.
//!
//! Guarantees: passes only when every quote in a sentence is the rendering of a fact that it cites, and every number,
//! date, identifier and name outside of quotes is part of such a rendering.

use std::collections::BTreeMap;

use super::{Fact, Sentence, Summary};

/// What a summary says without evidence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// A sentence without a fact.
    #[error("the sentence `{sentence}` cites no fact")]
    Uncited {
        /// The sentence.
        sentence: String,
    },
    /// A citation of a fact that is not there.
    #[error("the sentence `{sentence}` cites `{id}`, which is no fact of this summary")]
    NoFact {
        /// The sentence.
        sentence: String,
        /// The citation.
        id: String,
    },
    /// A value that no cited fact has.
    #[error("`{token}` in the sentence `{sentence}` is in none of the facts that it cites")]
    Unsupported {
        /// The value.
        token: String,
        /// The sentence.
        sentence: String,
    },
    /// Text, sections and digest do not belong together.
    #[error("the {what} of the summary is not that of its sections and facts")]
    Seal {
        /// Which.
        what: &'static str,
    },
}

/// Checks a summary sentence by sentence, then its text and digest.
///
/// # Errors
/// [`VerifyError`], naming the first thing without evidence.
pub fn verify(summary: &Summary) -> Result<(), VerifyError> {
    let facts: BTreeMap<&str, &Fact> = summary.facts.iter().map(|fact| (fact.id.as_str(), fact)).collect();
    for sentence in summary.sections.iter().flat_map(|section| &section.sentences) {
        check(sentence, &facts)?;
    }
    if summary.text != super::text_of(&summary.sections) {
        return Err(VerifyError::Seal { what: "text" });
    }
    match super::digest_of(&summary.text, &summary.sections, &summary.facts) {
        Ok(digest) if digest == summary.digest && summary.model == super::MODEL => Ok(()),
        _ => Err(VerifyError::Seal { what: "digest" }),
    }
}

fn check(sentence: &Sentence, facts: &BTreeMap<&str, &Fact>) -> Result<(), VerifyError> {
    let said = || sentence.text.clone();
    if sentence.facts.is_empty() {
        return Err(VerifyError::Uncited { sentence: said() });
    }
    let mut renderings = Vec::new();
    for id in &sentence.facts {
        let no_fact = || VerifyError::NoFact { sentence: said(), id: id.clone() };
        renderings.push(facts.get(id.as_str()).ok_or_else(no_fact)?.rendering.as_str());
    }
    let unsupported = |token: &str| VerifyError::Unsupported { token: token.to_owned(), sentence: said() };
    let supported: Vec<(bool, &str)> = renderings.iter().flat_map(|rendering| parts(rendering)).collect();
    let tokens: Vec<&str> =
        supported.iter().filter(|(quoted, _)| !quoted).flat_map(|(_, words)| tokens(words)).collect();
    for (at, (quoted, words)) in parts(&sentence.text).into_iter().enumerate() {
        if quoted {
            if !supported.contains(&(true, words)) {
                return Err(unsupported(words));
            }
            continue;
        }
        // The first word of a sentence is capital because it is the first.
        let skipped = |index: usize, token: &str| at == 0 && index == 0 && !token.chars().any(char::is_numeric);
        let mut said =
            self::tokens(words).enumerate().filter(|(index, token)| needs_evidence(token) && !skipped(*index, token));
        if let Some((_, token)) = said.find(|(_, token)| !tokens.contains(token)) {
            return Err(unsupported(token));
        }
    }
    Ok(())
}

/// The runs inside (`true`) and outside of quotation marks; an opening mark without its end quotes the rest.
fn parts(text: &str) -> Vec<(bool, &str)> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, tail)) = rest.split_once('“') {
        let (inside, after) = tail.split_once('”').unwrap_or((tail, ""));
        parts.push((false, before));
        parts.push((true, inside));
        rest = after;
    }
    parts.push((false, rest));
    parts
}

fn tokens(words: &str) -> impl Iterator<Item = &str> {
    let edge = |c: char| matches!(c, '.' | ',' | ';' | ':' | '(' | ')' | '?' | '!' | '”');
    words.split_whitespace().map(move |token| token.trim_matches(edge)).filter(|token| !token.is_empty())
}

/// A number, date, identifier or name: anything with a digit, a capital or a joint of identifiers.
fn needs_evidence(token: &str) -> bool {
    token.chars().any(|c| c.is_numeric() || c.is_uppercase() || matches!(c, '_' | '#' | '@' | '/'))
}
