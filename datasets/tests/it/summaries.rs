//! The authored summaries keep what their data card promises.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use holdfast_datasets::simulator::Category;
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Context {
    id: String,
    #[serde(rename = "exception_id")]
    _exception_id: String,
    facts: Value,
    messages: Vec<String>,
    summary: String,
    must_mention: Vec<String>,
    must_not_say: Vec<String>,
    traps: Vec<String>,
    derived: Vec<Derived>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Derived {
    value: String,
    formula: String,
}

fn contexts() -> Vec<Context> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("summaries");
    let mut files: Vec<_> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
    files.sort();
    let texts: Vec<String> = files.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect();
    texts.iter().flat_map(|text| text.lines()).map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Groups of digits, without the marks that part thousands and decimals.
fn numbers(text: &str) -> BTreeSet<String> {
    let groups = text.split(|c: char| !c.is_ascii_digit()).filter(|group| !group.is_empty());
    groups.map(|group| group.trim_start_matches('0').to_owned()).collect()
}

#[test]
fn every_category_is_told_often_enough_to_learn_and_to_measure() {
    let mut told: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for context in contexts() {
        let category = context.facts["exception"]["category"].as_str().unwrap().to_owned();
        let number: u32 = context.id.split('-').nth(1).unwrap().parse().unwrap();
        let count = told.entry(category).or_default();
        *if number < 120 { &mut count.0 } else { &mut count.1 } += 1;
    }
    for category in Category::ALL {
        let name = serde_json::to_value(category).unwrap();
        let (learn, measure) = told.remove(name.as_str().unwrap()).unwrap_or_default();
        assert!(learn + measure >= 44 && learn >= 30 && measure >= 5, "{name}: {learn} and {measure}");
    }
    assert!(told.is_empty(), "{told:?}");
}

#[test]
fn summaries_say_what_they_must_and_nothing_that_stands_nowhere() {
    let mut seen = BTreeSet::new();
    for context in contexts() {
        let Context { id, facts, messages, summary, must_mention, must_not_say, traps, derived, .. } = context;
        assert!(seen.insert(summary.clone()), "{id}: told twice");
        assert!(!must_mention.is_empty() && !must_not_say.is_empty() && !traps.is_empty(), "{id}");
        for wanted in &must_mention {
            assert!(summary.contains(wanted.as_str()), "{id}: `{wanted}` is missing");
        }
        for false_claim in &must_not_say {
            assert!(!summary.to_lowercase().contains(&false_claim.to_lowercase()), "{id}: says `{false_claim}`");
        }
        let told = derived.iter().map(|d| format!("{} {}", d.value, d.formula)).collect::<Vec<_>>().join(" ");
        let known = numbers(&format!("{facts} {} {told}", messages.join(" ")));
        // JSON drops the zeros at the end of a fraction: 28310.40 stands there as 28310.4.
        let stands = |number: &String| known.contains(number) || known.contains(number.trim_end_matches('0'));
        let loose: Vec<_> = numbers(&summary).into_iter().filter(|number| !stands(number)).collect();
        assert!(loose.is_empty(), "{id}: {loose:?} stand nowhere in its facts");
    }
}
