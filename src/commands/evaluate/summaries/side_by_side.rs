//! Two texts of one context side by side, for readers who do not know whose is whose; and what they chose.
//!
//! Guarantees: which text comes first is drawn by the seed and stands in the key only; texts that are equal are left out, and
//! said. Non-goals: asking readers.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use holdfast_training::tabular::statistics::normal::wilson;
use serde_json::{Value, json};

use super::coverage::lines;
use super::random::Dice;

/// Of the normal distribution, for 95 %.
const Z: f64 = 1.96;

/// A context with its two texts.
pub(super) struct Pair {
    pub(super) id: String,
    pub(super) facts: Value,
    pub(super) plain: String,
    pub(super) worded: String,
}

/// Writes pairs, and the key to them.
pub(super) fn write(pairs: &[Pair], (file, key): (&Path, &Path), seed: u64) -> Result<()> {
    let mut dice = Dice::new(seed);
    let (mut texts, mut whose, mut equal) = (String::new(), String::new(), 0);
    for Pair { id, facts, plain, worded } in pairs {
        let first = dice.roll(2) == 0;
        if plain == worded {
            equal += 1;
            continue;
        }
        let ([a, b], [of_a, of_b]) = match first {
            true => ([plain, worded], ["plain", "writer"]),
            false => ([worded, plain], ["writer", "plain"]),
        };
        let context = json!({ "id": id, "facts": facts["facts"], "messages": facts["messages"], "a": a, "b": b });
        texts.push_str(&format!("{context}\n"));
        whose.push_str(&format!("{}\n", json!({ "id": id, "a": of_a, "b": of_b })));
    }
    for (path, text) in [(file, texts), (key, whose)] {
        std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    println!("{} pairs to {}, their key to {}; {equal} equal", pairs.len() - equal, file.display(), key.display());
    Ok(())
}

/// Prints how often readers preferred the writer's text.
pub(super) fn print(answers: &Path, key: &Path) -> Result<()> {
    let text = |value: &Value, member: &str| value[member].as_str().unwrap_or_default().to_owned();
    let key: BTreeMap<String, Value> = lines(key)?.into_iter().map(|line| (text(&line, "id"), line)).collect();
    let (mut wins, mut losses, mut ties) = (0, 0, 0);
    let mut cases: BTreeMap<String, i64> = BTreeMap::new();
    for answer in lines(answers)? {
        let (id, choice) = (text(&answer, "id"), text(&answer, "choice"));
        let Some(whose) = key.get(&id) else { bail!("`{id}` is in no pair of the key") };
        let case = cases.entry(id.clone()).or_default();
        match (choice.as_str(), whose[choice.as_str()].as_str()) {
            ("a" | "b", Some("writer")) => (wins, *case) = (wins + 1, *case + 1),
            ("a" | "b", Some("plain")) => (losses, *case) = (losses + 1, *case - 1),
            ("tie", _) => ties += 1,
            _ => bail!("the choice `{choice}` for `{id}` is none of `a`, `b` and `tie`"),
        }
    }
    let of_cases = [1, -1].map(|sign| cases.values().filter(|case| case.signum() == sign).count());
    let say = |what: &str, wins: usize, losses: usize| {
        let of = wins + losses;
        let (share, (low, high)) = (super::share(wins, of), wilson(wins as f64, of as f64, Z));
        println!("{what:<28} {share:.3} ({low:.3} to {high:.3}) of {of}");
    };
    println!("the writer's text was preferred, with the 95 % interval:");
    say("  answers, but for ties", wins, losses);
    say("  contexts, by majority", of_cases[0], of_cases[1]);
    println!("  ties {ties}, contexts without majority {}", cases.len() - of_cases[0] - of_cases[1]);
    Ok(())
}
