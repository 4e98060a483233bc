//! The grammar of one brief, and choosing tokens under it.
//!
//! A brief becomes a grammar of its orders, with one line for each sentence, and each line one of its wordings: the model can
//! do nothing but choose. Guarantees: greedy, so equal scores give equal choices (the lower token where two are equal); what comes
//! out is read back as choices, or is an error; it ends within the budget. Non-goals: values; wordings hold slots only.

use std::fmt::Write as _;
use std::time::Instant;

use llguidance::api::TopLevelGrammar;
use llguidance::{Matcher, ParserFactory};

use super::network::Network;
use crate::ports::language::{Brief, Chosen};

/// How long writing may take.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// Tokens that may be written.
    pub tokens: usize,
    /// When it has to be over.
    pub until: Instant,
}

/// Has `network` write `brief` after `prompt`; which sentences it took in which wording, and the tokens.
///
/// # Errors
/// In words: the budget is spent, or the grammar or the network fails.
pub fn write(
    network: &mut Network,
    factory: &ParserFactory,
    (prompt, brief): (&[u32], &Brief),
    budget: Budget,
) -> Result<(Vec<Chosen>, Vec<u32>), String> {
    let parser = factory.create_parser(TopLevelGrammar::from_lark(lark(brief)?));
    let mut matcher = Matcher::new(parser);
    let failed = |error: anyhow::Error| format!("the grammar of the brief: {error}");
    network.start()?;
    let mut scores = network.read(prompt)?;
    let mut written = Vec::new();
    loop {
        let allowed = matcher.compute_mask().map_err(failed)?;
        let best = likeliest(&scores, |token| allowed.is_allowed(token));
        let token = best.ok_or("the grammar of the brief allows nothing more")?;
        matcher.consume_token(token).map_err(failed)?;
        if factory.tok_env().tok_trie().eos_tokens().contains(&token) {
            break;
        }
        written.push(token);
        if matcher.is_stopped() {
            break;
        }
        if written.len() > budget.tokens {
            return Err(format!("more than {} tokens were needed", budget.tokens));
        }
        if Instant::now() > budget.until {
            return Err(format!("it was not done in time: {} tokens were written", written.len()));
        }
        scores = network.read(&[token])?;
    }
    let text = factory.tok_env().tok_trie().decode_str(&written);
    Ok((choices(brief, &text)?, written))
}

/// The token with the highest score among some; the lowest of equal ones.
pub(super) fn likeliest(scores: &[f32], among: impl Fn(u32) -> bool) -> Option<u32> {
    let candidates = (0_u32..).zip(scores).filter(|(token, _)| among(*token));
    candidates.reduce(|best, next| if next.1 > best.1 { next } else { best }).map(|(token, _)| token)
}

/// Which sentences and wordings the lines of `text` are.
fn choices(brief: &Brief, text: &str) -> Result<Vec<Chosen>, String> {
    let chosen = text.trim_end_matches('\n').split('\n').enumerate().map(|(at, line)| {
        let mut sentences = brief.sentences.iter().enumerate();
        let found = sentences.find_map(|(sentence, wordings)| {
            Some(Chosen { sentence, wording: wordings.iter().position(|wording| wording == line)? })
        });
        found.ok_or_else(|| format!("line {}, `{line}`, is no wording of the brief", at + 1))
    });
    let chosen = chosen.collect::<Result<Vec<Chosen>, String>>()?;
    let order: Vec<usize> = chosen.iter().map(|chosen| chosen.sentence).collect();
    if !brief.orders.contains(&order) {
        return Err(format!("the sentences {order:?} are no order of the brief"));
    }
    Ok(chosen)
}

/// The grammar in Lark's notation: one of the orders, a line for each of its sentences.
fn lark(brief: &Brief) -> Result<String, String> {
    let Brief { sentences, orders } = brief;
    let bad = |wording: &String| wording.is_empty() || wording.contains('\n');
    if sentences.iter().any(|wordings| wordings.is_empty() || wordings.iter().any(bad)) {
        return Err("the sentences of a brief need wordings of one line".to_owned());
    }
    if orders.is_empty() || orders.iter().any(|order| order.is_empty() || order.iter().any(|at| *at >= sentences.len()))
    {
        return Err("a brief needs orders of its sentences".to_owned());
    }
    let rule = |order: &Vec<usize>| order.iter().map(|at| format!("s{at}")).collect::<Vec<_>>().join(" \"\\n\" ");
    let mut grammar = format!("start: {}\n", orders.iter().map(rule).collect::<Vec<_>>().join(" | "));
    for (at, wordings) in sentences.iter().enumerate() {
        let quoted: Vec<String> =
            wordings.iter().map(|wording| serde_json::Value::from(wording.as_str()).to_string()).collect();
        writeln!(grammar, "s{at}: {}", quoted.join(" | ")).map_err(|error| error.to_string())?;
    }
    Ok(grammar)
}
