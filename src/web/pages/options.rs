//! The options of an exception side by side: what each costs, what it takes off the risk, until when it helps, who has to
//! agree, and why others are ruled out. Doing nothing stands among them.

use serde_json::Value;

use super::words;
use crate::domain::action::{ActionKind, Candidate, Score, ScoreBasis};
use crate::domain::choice::Choice;
use crate::domain::decision::{Evidence, RankedCase};
use crate::domain::message::Message;
use crate::flow::decide::catalogue::Catalogue;
use crate::flow::decide::prefill::{self, Prefill};
use crate::flow::facts::Facts;

/// What the table is made from.
pub(super) struct Compared<'a> {
    pub(super) ranked: &'a RankedCase,
    pub(super) catalogue: &'a Catalogue,
    /// What the recorded decision chose, where there is one.
    pub(super) choice: Option<&'a Choice>,
    pub(super) can_propose: bool,
    pub(super) facts: &'a Facts,
    /// Attached messages, oldest first: what they say may be quoted for a parameter.
    pub(super) messages: &'a [Message],
}

/// One action.
pub(super) struct OptionRow {
    pub(super) title: String,
    pub(super) action: &'static str,
    pub(super) best: bool,
    pub(super) tried: Option<String>,
    pub(super) parameters: String,
    pub(super) parameters_say: String,
    pub(super) tier: &'static str,
    pub(super) terms: Option<Terms>,
    /// What the nearest resolved cases say of it.
    pub(super) like_it: Option<String>,
    pub(super) refused: String,
    pub(super) lead: String,
    pub(super) useful_until: String,
    pub(super) can_propose: bool,
    pub(super) quotes: Vec<QuoteRow>,
}

/// A value that a message offers for a parameter, with its words.
pub(super) struct QuoteRow {
    pub(super) words: String,
    pub(super) from: String,
    pub(super) message_id: String,
    pub(super) says: String,
    /// The option's parameters with the quoted value in place.
    pub(super) parameters: String,
}

pub(super) struct Terms {
    pub(super) quote: String,
    pub(super) without: String,
    pub(super) with: String,
    pub(super) penalty: String,
    pub(super) residual: String,
    pub(super) total: String,
    pub(super) doubt: String,
    /// Where the figures come from.
    pub(super) basis: String,
}

impl Compared<'_> {
    /// A row for each action, in the order of the ranking.
    pub(super) fn rows(&self) -> Vec<OptionRow> {
        let idle = self.ranked.actions.iter().find(|candidate| candidate.action == ActionKind::DoNothing);
        let without = idle.and_then(|candidate| candidate.score).map(|score| score.miss_probability);
        let rows = self.ranked.actions.iter().enumerate();
        rows.map(|(place, candidate)| self.row(place, candidate, without)).collect()
    }

    fn row(&self, place: usize, candidate: &Candidate, without: Option<f64>) -> OptionRow {
        let entry = self.catalogue.entry(candidate.action);
        let spec = &entry.spec;
        let quotes = prefill::of(entry, candidate, self.facts, self.messages);
        let allowed = candidate.refused.is_empty();
        let say = candidate.parameters.iter().map(|(k, v)| format!("{} {}", k.replace('_', " "), words::value(v)));
        OptionRow {
            title: candidate.title.clone(),
            action: candidate.action.name(),
            best: place == 0 && allowed && self.ranked.withheld.is_empty(),
            tried: self.tried(candidate),
            parameters: Value::Object(candidate.parameters.clone()).to_string(),
            parameters_say: say.collect::<Vec<_>>().join(", "),
            tier: tier(candidate),
            terms: candidate.score.as_ref().filter(|_| allowed).map(|score| terms(score, without)),
            like_it: like_it(self.ranked.evidence.as_ref(), candidate.action),
            refused: candidate.refused.join("; "),
            lead: hours(spec.lead_time_h),
            useful_until: candidate.latest_useful_at.map_or_else(|| "any time".to_owned(), words::minute),
            can_propose: self.can_propose && allowed,
            quotes: quotes.iter().map(|prefill| quote(candidate, prefill)).collect(),
        }
    }

    /// That it was recommended to learn from it, where it was.
    fn tried(&self, candidate: &Candidate) -> Option<String> {
        let choice = self.choice.filter(|choice| choice.explored && choice.action == candidate.action)?;
        Some(format!("recommended to learn from it, with a chance of {} %", words::percent(choice.propensity())))
    }
}

fn quote(candidate: &Candidate, prefill: &Prefill) -> QuoteRow {
    let parameters = prefill.parameters(candidate);
    let Prefill { parameter, value, quote } = prefill;
    QuoteRow {
        words: quote.words.clone(),
        from: format!("{}, {}, {}", quote.who, words::title(quote.trust.name()), words::minute(quote.received_at)),
        message_id: quote.message_id.to_string(),
        says: format!("{} {}", parameter.replace('_', " "), words::value(value)),
        parameters: Value::Object(parameters).to_string(),
    }
}

fn terms(score: &Score, without: Option<f64>) -> Terms {
    let percent = |p: f64| format!("{} %", words::percent(p));
    Terms {
        quote: words::amount(score.quote),
        without: without.map_or_else(|| "unknown".to_owned(), percent),
        with: percent(score.miss_probability),
        penalty: words::amount(score.penalty),
        residual: words::amount(score.residual),
        total: words::amount(score.expected_cost),
        doubt: words::amount(score.deviation),
        basis: match score.basis {
            ScoreBasis::Learned => format!("learned from {} cases", score.support),
            ScoreBasis::Believed => "believed".to_owned(),
        },
    }
}

/// What the nearest resolved cases say of an action, where it was taken in any.
fn like_it(evidence: Option<&Evidence>, action: ActionKind) -> Option<String> {
    let said = evidence?.of(action)?;
    let [low, high] = said.on_time_interval.map(words::percent);
    let (cases, kept, cost) = (said.cases, words::percent(said.on_time), words::amount(said.cost_mean));
    let median = hours(said.resolve_minutes_median / 60.0);
    Some(format!("{cases} resolved like it: {kept} % on time ({low} to {high} %), median {median}, {cost} on average"))
}

fn tier(candidate: &Candidate) -> &'static str {
    use crate::domain::action::RiskTier;
    match candidate.tier {
        RiskTier::None => "none",
        RiskTier::Low => "low",
        RiskTier::Medium => "medium",
        RiskTier::High => "high",
    }
}

/// Hours in words: `30 min`, `4 h`, `1.5 d`.
fn hours(hours: f64) -> String {
    match hours {
        h if h <= 0.0 => "at once".to_owned(),
        h if h < 1.0 => format!("{:.0} min", h * 60.0),
        h if h < 48.0 => format!("{h:.0} h"),
        h => format!("{:.1} d", h / 24.0),
    }
}

/// Rows for the test that renders every template.
pub(super) fn samples() -> Vec<OptionRow> {
    let row = |best: bool| OptionRow {
        title: "Reallocate from <another> warehouse".to_owned(),
        action: "reallocate_from_warehouse",
        best,
        tried: (!best).then(|| "recommended to learn from it, with a chance of 5 %".to_owned()),
        parameters: "{\"warehouse_id\":\"WH-SOUTH\"}".to_owned(),
        parameters_say: "warehouse id WH-SOUTH".to_owned(),
        tier: "medium",
        terms: Some(Terms {
            quote: "45.00".to_owned(),
            without: "60 %".to_owned(),
            with: "21 %".to_owned(),
            penalty: "1 240".to_owned(),
            residual: "6.00".to_owned(),
            total: "311".to_owned(),
            doubt: "74.40".to_owned(),
            basis: "learned from 38 cases".to_owned(),
        }),
        like_it: Some("12 resolved like it: 75 % on time (47 to 91 %), median 8 h, 31.20 on average".to_owned()),
        refused: String::new(),
        lead: "4 h".to_owned(),
        useful_until: "2026-03-03 08:00".to_owned(),
        can_propose: best,
        quotes: Vec::new(),
    };
    let quoted = QuoteRow {
        words: "<25> pieces".to_owned(),
        from: "Jo, Verified contact, 2026-03-02 09:30".to_owned(),
        message_id: "1".to_owned(),
        says: "quantity 25".to_owned(),
        parameters: "{\"quantity\":25}".to_owned(),
    };
    let first = OptionRow { quotes: vec![quoted], ..row(true) };
    let refused = OptionRow { terms: None, refused: "no other warehouse has stock".to_owned(), ..row(false) };
    vec![first, row(false), refused]
}
