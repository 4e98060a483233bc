//! Findings and verdicts in words.
//!
//! Guarantees: every figure in a sentence is a field of the finding.
//!
//! Non-goals: other languages.

use super::{Change, Finding, Verdict};
use crate::tabular::words::number;

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

fn direction(before: f64, now: f64, up: &'static str, down: &'static str) -> &'static str {
    if now >= before { up } else { down }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = if self.label.is_empty() { &self.feature } else { &self.label };
        write!(f, "{name}")?;
        if let Some(segment) = &self.segment {
            write!(f, " where {} is {}", segment.feature, segment.value)?;
        }
        match &self.change {
            Change::Level { before, now } => {
                let how = direction(*before, *now, "higher", "lower");
                write!(f, " is {how} than in training: median {}, was {}", number(*now), number(*before))
            }
            Change::Spread { before, now } => {
                let how = direction(*before, *now, "more", "less");
                let (now, before) = (number(*now), number(*before));
                write!(f, " varies {how} than in training: middle half within {now}, was {before}")
            }
            Change::Shape { distance } => write!(
                f,
                " is distributed otherwise than in training: at one value the shares below it differ by {}",
                percent(*distance)
            ),
            Change::Category { category, before, now } => {
                let how = direction(*before, *now, "more", "less");
                write!(
                    f,
                    ": {category} is {how} frequent than in training: {}, was {}",
                    percent(*now),
                    percent(*before)
                )
            }
            Change::Mix { categories } => write!(f, ": the mix of its {categories} categories has changed"),
            Change::Unseen { now } => write!(f, ": {} of the rows have a category unknown in training", percent(*now)),
            Change::Missing { before, now } => {
                let how = direction(*before, *now, "more", "less");
                write!(f, " is missing {how} often than in training: {}, was {}", percent(*now), percent(*before))
            }
        }?;
        write!(f, " ({} rows against {}, chance {:.1e})", self.rows_now, self.rows_before, self.p)
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Verdict { p, level, alarm, compared, findings } = self;
        if !alarm {
            return write!(f, "no drift: {compared} comparisons, chance {p:.3} (alarm at {level:.1e})");
        }
        write!(f, "drift: {compared} comparisons, chance {p:.1e} (alarm at {level:.1e})")?;
        findings.iter().try_for_each(|finding| write!(f, "\n- {finding}"))
    }
}
