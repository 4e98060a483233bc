//! Logs of decisions in CSV files.
//!
//! Two ways to write them. `exceptions`: one row per case with `cat`, `action`, `cost`, `propensity`, context in `x_…`, and
//! for each action k `quote_k`, `feas_k` and `pb_k`, the probability that it was taken. `bandit`: `action`, `reward`,
//! `pscore`, and for each action k estimates `q_add_k`, `q_pera_k`. A log without its propensity column is read too.
//!
//! Guarantees: a column that is needed and missing, or a cell that is no number, is named. Non-goals: what the true value of
//! anything was (`ecost_…`), which is never read.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use flate2::read::GzDecoder;

use crate::ports::policy_value::Logged;

/// How a log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Cases with costs, quotes and the logging policy's probabilities.
    Exceptions,
    /// Contexts with rewards, the probability of what was taken and estimates for each action.
    Bandit,
}

/// The names of a format's columns.
struct Names {
    reward: &'static str,
    /// What a reward is multiplied with: costs are negative rewards.
    sign: f64,
    propensity: &'static str,
    category: Option<&'static str>,
    /// Prefix of the logging policy's probabilities and of whether an action was possible.
    behaviour: Option<&'static str>,
    possible: Option<&'static str>,
    /// Prefixes of columns that describe an action.
    each: &'static [&'static str],
    /// Prefix of columns that describe the case, and others that do.
    context: &'static str,
    also: &'static [&'static str],
    choice: &'static str,
}

impl Format {
    fn names(self) -> Names {
        match self {
            Self::Exceptions => Names {
                reward: "cost",
                sign: -1.0,
                propensity: "propensity",
                category: Some("cat"),
                behaviour: Some("pb_"),
                possible: Some("feas_"),
                each: &["quote_"],
                context: "x_",
                also: &["pen", "cat"],
                choice: "pi",
            },
            Self::Bandit => Names {
                reward: "reward",
                sign: 1.0,
                propensity: "pscore",
                category: None,
                behaviour: None,
                possible: None,
                each: &["q_add_", "q_pera_"],
                context: "x_",
                also: &[],
                choice: "pi_e_argmax",
            },
        }
    }
}

/// The policy that is judged.
pub struct Policy {
    /// Where its choices stand; the log itself where missing.
    pub choices: Option<PathBuf>,
    /// The column; that of the format where missing.
    pub column: Option<String>,
    /// The probability with which it keeps to them.
    pub keeps: f64,
}

/// Reads a log.
///
/// # Errors
/// When a file cannot be opened, lacks a column or holds what is no number; when the policy chooses nothing in it.
pub fn read(path: &Path, format: Format, policy: &Policy) -> Result<Vec<Logged>> {
    ensure!((0.0..=1.0).contains(&policy.keeps), "--keeps is {}: give a probability from 0 to 1", policy.keeps);
    let (table, names) = (Table::read(path)?, format.names());
    let choices = choices(&table, policy, names.choice)?;
    let first = names.each.first().copied().unwrap_or_default();
    let actions = table.block(first).len();
    ensure!(actions > 1, "`{}` has no columns `{first}0`, `{first}1`, …: is it of this format?", table.name);
    let reader = Reader { table: &table, names: &names, actions };
    let rows = (0..table.rows.len()).filter_map(|row| Some((row, *choices.get(&table.id(row))?)));
    let log: Vec<Logged> = rows.map(|(row, choice)| reader.logged(row, choice, policy.keeps)).collect::<Result<_>>()?;
    ensure!(!log.is_empty(), "the policy chooses nothing in any row of `{}`: `id` tells the rows apart", table.name);
    Ok(log)
}

/// The chosen action of each row, by its id.
fn choices(log: &Table, policy: &Policy, usual: &str) -> Result<HashMap<String, usize>> {
    let other = policy.choices.as_deref().map(Table::read).transpose()?;
    let table = other.as_ref().unwrap_or(log);
    let column = policy.column.as_deref().unwrap_or(usual);
    let place = table.place(column).with_context(|| {
        format!(
            "`{}` has no column `{column}`: name the policy's with --policy, and its file with --choices",
            table.name
        )
    })?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the number of an action")]
    let choice = |row: usize| Ok((table.id(row), table.number(row, place)? as usize));
    (0..table.rows.len()).map(choice).collect()
}

struct Reader<'a> {
    table: &'a Table,
    names: &'a Names,
    actions: usize,
}

impl Reader<'_> {
    fn logged(&self, row: usize, choice: usize, keeps: f64) -> Result<Logged> {
        let (table, names) = (self.table, self.names);
        let number = |name: &str| {
            let place = table.place(name).with_context(|| format!("`{}` has no column `{name}`", table.name))?;
            table.number(row, place)
        };
        let block = |prefix: Option<&str>| -> Result<Vec<f64>> {
            let places = prefix.map(|prefix| table.block(prefix)).unwrap_or_default();
            places.iter().map(|place| table.number(row, *place)).collect()
        };
        let possible: Vec<f64> = block(names.possible)?;
        let open: Vec<usize> =
            (0..self.actions).filter(|action| possible.get(*action).is_none_or(|possible| *possible > 0.5)).collect();
        let place = |action: usize| open.iter().position(|other| *other == action);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the number of an action")]
        let taken = number("action")? as usize;
        let wrong =
            |what: &str, action: usize| format!("row {row} of `{}`: {what} {action} was not possible", table.name);
        let taken = place(taken).with_context(|| wrong("the action taken,", taken))?;
        let choice = place(choice).with_context(|| wrong("the policy's choice,", choice))?;
        let behaviour = block(names.behaviour)?;
        let behaviour: Vec<f64> = open.iter().filter_map(|action| behaviour.get(*action).copied()).collect();
        // Stored with few digits, probabilities sum to 1 only roughly.
        let sum: f64 = behaviour.iter().sum();
        let behaviour: Vec<f64> = behaviour.iter().map(|chance| chance / sum).collect();
        let known = table.place(names.propensity).map(|place| table.number(row, place)).transpose()?;
        let propensity = known.map(|told| behaviour.get(taken).copied().unwrap_or(told));
        #[expect(clippy::cast_precision_loss, reason = "a handful of actions")]
        let rest = (1.0 - keeps) / open.len() as f64;
        Ok(Logged {
            category: match names.category {
                Some(name) => format!("category {}", number(name)?),
                None => "all".to_owned(),
            },
            taken,
            reward: names.sign * number(names.reward)?,
            propensity,
            behaviour: if known.is_some() { behaviour } else { Vec::new() },
            target: (0..open.len()).map(|at| rest + if at == choice { keeps } else { 0.0 }).collect(),
            columns: self.columns(row, (&open, choice))?,
            ..Logged::default()
        })
    }

    /// What describes each open action: the case's context, the action's number, its own columns, whether it is the choice.
    fn columns(&self, row: usize, (open, choice): (&[usize], usize)) -> Result<Vec<Vec<f32>>> {
        let (table, names) = (self.table, self.names);
        let context = (0..table.header.len()).filter(|place| {
            let name = table.header.get(*place).map_or("", String::as_str);
            name.starts_with(names.context) || names.also.contains(&name)
        });
        let context: Vec<f64> = context.map(|place| table.number(row, place)).collect::<Result<_>>()?;
        let blocks: Vec<Vec<usize>> = names.each.iter().map(|prefix| table.block(prefix)).collect();
        let describe = |(at, action): (usize, &usize)| -> Result<Vec<f32>> {
            let own = blocks.iter().filter_map(|block| block.get(*action)).map(|place| table.number(row, *place));
            let own: Vec<f64> = own.collect::<Result<_>>()?;
            #[expect(clippy::cast_precision_loss, reason = "a handful of actions")]
            let marks = [*action as f64, f64::from(u8::from(at == choice))];
            #[expect(clippy::cast_possible_truncation, reason = "columns of a tree")]
            let narrow = |value: f64| value as f32;
            Ok(context.iter().copied().chain(marks).chain(own).map(narrow).collect())
        };
        open.iter().enumerate().map(describe).collect()
    }
}

/// A file's cells.
struct Table {
    name: String,
    header: Vec<String>,
    rows: Vec<csv::StringRecord>,
    id: Option<usize>,
}

impl Table {
    fn read(path: &Path) -> Result<Self> {
        let name = path.display().to_string();
        let file = File::open(path).with_context(|| format!("`{name}` cannot be opened"))?;
        let packed = path.extension().is_some_and(|extension| extension == "gz");
        let source: Box<dyn Read> = if packed { Box::new(GzDecoder::new(file)) } else { Box::new(file) };
        let mut reader = csv::Reader::from_reader(source);
        let header: Vec<String> = reader.headers().with_context(|| name.clone())?.iter().map(str::to_owned).collect();
        let rows = reader.records().collect::<Result<Vec<_>, _>>().with_context(|| name.clone())?;
        let id = header.iter().position(|column| column == "id");
        Ok(Self { name, header, rows, id })
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.header.iter().position(|column| column == name)
    }

    /// The columns `<prefix>0`, `<prefix>1`, ….
    fn block(&self, prefix: &str) -> Vec<usize> {
        (0..).map_while(|number: usize| self.place(&format!("{prefix}{number}"))).collect()
    }

    /// What a row is called: its `id`, else its number.
    fn id(&self, row: usize) -> String {
        let told = self.id.and_then(|id| self.rows.get(row)?.get(id).map(str::to_owned));
        told.unwrap_or_else(|| row.to_string())
    }

    fn number(&self, row: usize, place: usize) -> Result<f64> {
        let text = self.rows.get(row).and_then(|cells| cells.get(place)).unwrap_or_default();
        let column = self.header.get(place).map_or("", String::as_str);
        text.parse().with_context(|| format!("row {row} of `{}` holds `{text}` in `{column}`", self.name))
    }
}
