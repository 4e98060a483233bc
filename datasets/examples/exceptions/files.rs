//! The files that exceptions are learned from and measured with; `NAME_counterfactual.csv.gz` is only to measure with.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use holdfast_datasets::simulator::{Case, Category, FEATURES, action_names};
use serde_json::json;

use crate::Row;

const NAME: &str = "exc";

/// Writes the log, candidates, counterfactuals, features and actions of a world.
pub fn write(folder: &Path, rows: &[Row], days: u32) -> Result<(), Box<dyn Error>> {
    let actions = Category::ALL.into_iter().map(|category| action_names(category).len()).max().unwrap_or_default();
    packed(folder, "log.csv.gz", &log(rows, days))?;
    packed(folder, "candidates.csv.gz", &candidates(rows, actions))?;
    packed(folder, "counterfactual.csv.gz", &counterfactuals(rows, actions))?;
    std::fs::write(folder.join(format!("{NAME}_feat.csv")), features(rows, actions, days))?;
    let mut named = BTreeMap::new();
    for (number, category) in Category::ALL.into_iter().enumerate() {
        let action = |(action, (name, minutes)): (usize, (&str, i64))| json!({ "action": action, "name": name, "effort_min": minutes });
        let all: Vec<_> = action_names(category).into_iter().enumerate().map(action).collect();
        named.insert(number.to_string(), all);
    }
    std::fs::write(folder.join(format!("{NAME}_actions.json")), serde_json::to_string_pretty(&named)?)?;
    Ok(())
}

fn packed(folder: &Path, part: &str, text: &str) -> Result<(), Box<dyn Error>> {
    let file = BufWriter::new(File::create(folder.join(format!("{NAME}_{part}")))?);
    let mut packer = GzEncoder::new(file, Compression::fast());
    packer.write_all(text.as_bytes())?;
    packer.finish()?.flush()?;
    Ok(())
}

fn split(day: u32, days: u32) -> &'static str {
    match day {
        day if day < days * 6 / 10 => "train",
        day if day < days * 7 / 10 => "valid",
        _ => "test",
    }
}

fn code(case: &Case) -> usize {
    Category::ALL.into_iter().position(|category| category == case.category).unwrap_or_default()
}

fn number(value: f64) -> String {
    format!("{}", (value * 1e8).round() / 1e8)
}

fn joined(values: impl IntoIterator<Item = String>) -> String {
    values.into_iter().collect::<Vec<_>>().join(",")
}

fn log(rows: &[Row], days: u32) -> String {
    let mut text = format!(
        "id,day,split,category,cat,agent,{},action,action_name,propensity,late,resolve_h,cost\n",
        FEATURES.join(",")
    );
    for (id, row) in rows.iter().enumerate() {
        let (case, taken) = (&row.case, &row.case.candidates[row.case.taken]);
        let Some(outcome) = case.outcome else { continue };
        let known = joined(case.features.iter().map(|value| number(*value)));
        let _ = writeln!(
            text,
            "{id},{},{},{},{},{},{known},{},{},{},{},{},{}",
            case.day,
            split(case.day, days),
            case.category.name(),
            code(case),
            case.agent.trim_start_matches("agent-"),
            taken.number,
            taken.action,
            number(taken.propensity),
            u8::from(outcome.missed),
            number(outcome.resolve_hours),
            number(outcome.cost)
        );
    }
    text
}

/// A value for each action of a row; 0 for those that were not open.
fn by_action(case: &Case, actions: usize, value: impl Fn(usize) -> f64) -> impl Iterator<Item = String> {
    (0..actions).map(move |action| {
        let place = case.candidates.iter().position(|candidate| candidate.number == action);
        number(place.map_or(0.0, &value))
    })
}

fn header(actions: usize, parts: &[&str]) -> String {
    joined((0..actions).flat_map(|action| parts.iter().map(move |part| format!("{part}_{action}"))))
}

fn candidates(rows: &[Row], actions: usize) -> String {
    let mut text = format!("id,{}\n", header(actions, &["feas", "quote", "effort", "pb"]));
    for (id, row) in rows.iter().enumerate() {
        let all = &row.case.candidates;
        let columns = [
            by_action(&row.case, actions, |_| 1.0).collect::<Vec<_>>(),
            by_action(&row.case, actions, |place| all[place].quote).collect(),
            by_action(&row.case, actions, |place| all[place].minutes as f64).collect(),
            by_action(&row.case, actions, |place| all[place].propensity).collect(),
        ];
        let cells = (0..actions).flat_map(|action| columns.iter().map(move |column| column[action].clone()));
        let _ = writeln!(text, "{id},{}", joined(cells));
    }
    text
}

fn counterfactuals(rows: &[Row], actions: usize) -> String {
    let mut text = format!("id,{}\n", header(actions, &["cost", "ecost", "elate"]));
    for (id, row) in rows.iter().enumerate() {
        let all = &row.counterfactuals;
        let columns = [
            by_action(&row.case, actions, |place| all[place].realised.cost).collect::<Vec<_>>(),
            by_action(&row.case, actions, |place| all[place].cost).collect(),
            by_action(&row.case, actions, |place| all[place].missed).collect(),
        ];
        let cells = (0..actions).flat_map(|action| columns.iter().map(move |column| column[action].clone()));
        let _ = writeln!(text, "{id},{}", joined(cells));
    }
    text
}

/// What models see; amounts and times also as logarithms.
fn features(rows: &[Row], actions: usize, days: u32) -> String {
    let logs = [("order_value", "lv", 1.0), ("slack_h", "ls", 0.25), ("inbound_h", "li", 1.0)];
    let place = |name: &str| FEATURES.iter().position(|feature| *feature == name).unwrap_or_default();
    let plain: Vec<&str> = FEATURES.into_iter().filter(|name| *name != "order_value").collect();
    let names = plain.iter().copied().chain(logs.map(|log| log.1)).map(|name| format!("x_{name}"));
    let mut text = format!(
        "is_test,cat,action,late,cost,pen,value,propensity,{},{},{},{},{}\n",
        joined(names),
        header(actions, &["feas"]),
        header(actions, &["quote"]),
        header(actions, &["pb"]),
        header(actions, &["ecost"])
    );
    for row in rows {
        let (case, taken) = (&row.case, &row.case.candidates[row.case.taken]);
        let Some(outcome) = case.outcome else { continue };
        let seen = plain.iter().map(|name| case.features[place(name)]);
        let seen = seen.chain(logs.map(|(name, _, least)| case.features[place(name)].max(least).ln()));
        let all = &case.candidates;
        let blocks = by_action(case, actions, |_| 1.0)
            .chain(by_action(case, actions, |place| all[place].quote))
            .chain(by_action(case, actions, |place| all[place].propensity))
            .chain(by_action(case, actions, |place| row.counterfactuals[place].cost));
        let _ = writeln!(
            text,
            "{},{},{},{},{},{},{},{},{},{}",
            u8::from(split(case.day, days) == "test"),
            code(case),
            taken.number,
            u8::from(outcome.missed),
            number(outcome.cost),
            number(case.penalty),
            number(case.features[place("order_value")]),
            number(taken.propensity),
            joined(seen.map(number)),
            joined(blocks)
        );
    }
    text
}
