//! The report of a model as one HTML file that opens without a network.
//!
//! Purpose: what a data team asks of a model before it trusts it, on one page: whether it beats the baselines, its curves,
//! its reliability overall and by segment, what moves it, what else was tried, what the data are worth, and where all of
//! it comes from.
//!
//! Guarantees: no script, no link, nothing loaded; light and dark by the reader's setting; the same contents give the
//! same bytes; every text is escaped; a section without contents is left out.
//!
//! Non-goals: computing measures beyond the curves; the caller has them.

mod tables;

use super::chart::curves;
use super::chart::plots::{self, Axes, Curve};
use super::chart::swarm::{self, Effects};
use super::chart::{escape, percent};
use super::metrics::{MetricError, Metrics};
pub use super::quality::Quality;
use super::reliability::{Reliability, SegmentReliability};

/// The contents of a report. Everything that measures is of the test fold, save the candidates.
#[derive(Debug, Clone)]
pub struct Contents {
    /// Name and version of the model.
    pub title: String,
    /// What it predicts, in one sentence.
    pub summary: String,
    /// The name of the bad outcome, in the plural: `late orders`.
    pub bad: String,
    /// Whether the model may be used, in one sentence, and whether that is good news.
    pub verdict: (bool, String),
    /// The model first, then the baselines.
    pub measured: Vec<Measured>,
    /// Probabilities on the same rows: the model first, then at most three others to draw beside it.
    pub scored: Vec<Scored>,
    /// The outcomes of these rows.
    pub labels: Vec<bool>,
    /// What moves the model, one entry a feature.
    pub effects: Vec<Effects>,
    /// Reliability by the values of some features.
    pub segments: Vec<Segments>,
    /// Everything that was tried.
    pub candidates: Vec<Candidate>,
    /// What the data are worth.
    pub quality: Vec<Quality>,
    /// Window, digest, seed, versions and the like: name and value.
    pub provenance: Vec<(String, String)>,
    /// What a reader should know, one sentence each.
    pub notes: Vec<String>,
}

/// The measures of a model or a baseline.
#[derive(Debug, Clone)]
pub struct Measured {
    /// Its name.
    pub name: String,
    /// On the test fold.
    pub metrics: Metrics,
}

/// Probabilities to draw.
#[derive(Debug, Clone)]
pub struct Scored {
    /// The name in the legends.
    pub name: String,
    /// One a row, of the bad outcome.
    pub probabilities: Vec<f64>,
}

/// Reliability by the values of one feature.
#[derive(Debug, Clone)]
pub struct Segments {
    /// What the feature is called.
    pub label: String,
    /// Its values, the most frequent first; the report shows the first twenty.
    pub rows: Vec<SegmentReliability>,
}

/// One setting that was tried.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// The learner and its settings.
    pub name: String,
    /// Mean negative log likelihood on the validation fold.
    pub valid_log_loss: f64,
    /// Seconds of training, where they were taken.
    pub seconds: Option<f64>,
    /// Whether it was kept.
    pub chosen: bool,
}

/// The report as HTML.
///
/// # Errors
/// [`MetricError`] when probabilities and labels do not fit each other.
pub fn page(contents: &Contents) -> Result<String, MetricError> {
    let Contents { title, summary, verdict, notes, .. } = contents;
    let reliability = match contents.scored.first() {
        Some(model) => Some(Reliability::measure(&model.probabilities, &contents.labels)?),
        None => None,
    };
    for scored in &contents.scored {
        if scored.probabilities.len() != contents.labels.len() {
            return Err(MetricError::Length { scores: scored.probabilities.len(), labels: contents.labels.len() });
        }
    }
    let mut body = format!(
        "<h1>{}</h1><p class=\"lead\">{}</p><p><span class=\"verdict {}\">{}</span></p>",
        escape(title),
        escape(summary),
        if verdict.0 { "good" } else { "bad" },
        escape(&verdict.1),
    );
    body.push_str(&tables::tiles(contents, reliability.as_ref()));
    notes.iter().for_each(|note| body.push_str(&format!("<p class=\"note\">{}</p>", escape(note))));
    let sections = [
        tables::measured(&contents.measured),
        reliability.as_ref().map(|reliability| curves_section(contents, reliability)).unwrap_or_default(),
        effects(&contents.effects),
        tables::segments(&contents.segments, &contents.bad),
        tables::candidates(&contents.candidates),
        tables::quality(&contents.quality),
        tables::provenance(&contents.provenance),
    ];
    sections.iter().filter(|section| !section.is_empty()).for_each(|section| body.push_str(section));
    Ok(format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width,initial-scale=1\"><title>{}</title><style>{}</style></head><body><main>{body}\
         </main></body></html>\n",
        escape(title),
        include_str!("style.css"),
    ))
}

fn section(title: &str, note: &str, body: &str) -> String {
    let note = if note.is_empty() { String::new() } else { format!("<p class=\"note\">{}</p>", escape(note)) };
    format!("<section><h2>{}</h2>{note}{body}</section>", escape(title))
}

fn figure(title: &str, caption: &str, drawing: &str) -> String {
    format!("<figure><figcaption><b>{}</b>{}</figcaption>{drawing}</figure>", escape(title), escape(caption))
}

fn curves_section(contents: &Contents, reliability: &Reliability) -> String {
    let labels = &contents.labels;
    let of = |points: fn(&[f64], &[bool]) -> Vec<[f64; 2]>| -> Vec<Curve> {
        let curve =
            |scored: &Scored| Curve { name: scored.name.clone(), points: points(&scored.probabilities, labels) };
        contents.scored.iter().take(4).map(curve).collect()
    };
    let rate = reliability.overall.observed;
    let gains = of(curves::gains);
    let fifth = gains.first().map_or(0.0, |curve| curves::height(&curve.points, 0.2));
    let bad = &contents.bad;
    let diagonal = [[0.0, 0.0], [1.0, 1.0]];
    let figures = [
        figure(
            "ROC curve",
            "True against false alarms at every threshold; the dotted line is a coin.",
            &plots::curves(
                Axes { title: "ROC curve", x: "false alarms", y: "true alarms" },
                &of(curves::roc),
                &diagonal,
                false,
            ),
        ),
        figure(
            "Precision and recall",
            &format!("How many alarms are right, against how many {bad} they find; the dotted line is their share."),
            &plots::curves(
                Axes { title: "Precision and recall", x: "found", y: "right" },
                &of(curves::precision_recall),
                &[[0.0, rate], [1.0, rate]],
                true,
            ),
        ),
        figure(
            "Reliability",
            &format!(
                "Calibration error {}; {} without the bins' noise; a perfect model would show {} on these {} rows.",
                percent(reliability.ece),
                percent(reliability.ece_debiased),
                percent(reliability.ece_by_chance),
                labels.len(),
            ),
            &plots::reliability(Axes { title: "Reliability", x: "promised", y: "happened" }, &reliability.bins),
        ),
        figure(
            "Cumulative gains",
            &format!("The riskiest 20 % hold {} of all {bad}; the dotted line is a random order.", percent(fifth)),
            &plots::curves(
                Axes { title: "Cumulative gains", x: "looked at, riskiest first", y: "found" },
                &gains,
                &diagonal,
                false,
            ),
        ),
    ];
    section("How good it is", "On rows that came after all that it learned from.", &wrapped("plots", &figures.concat()))
}

fn effects(effects: &[Effects]) -> String {
    if effects.iter().all(|feature| feature.size() == 0.0) {
        return String::new();
    }
    let keys = [("v0", "low value"), ("v2", "middle"), ("v4", "high value"), ("v5", "category or missing")];
    let key = |(colour, name): (&str, &str)| format!("<span><i style=\"background:var(--{colour})\"></i>{name}</span>");
    let keys = wrapped("keys", &keys.map(key).concat());
    let note = "Each dot is a case of the test fold: to the right the feature raised the risk, to the left it lowered it \
                (Shapley values). They tell what moved the model, not what would happen if the value were changed.";
    section("What moves it", note, &format!("{keys}{}", swarm::swarm("Effects of the features", effects)))
}

fn wrapped(class: &str, body: &str) -> String {
    format!("<div class=\"{class}\">{body}</div>")
}
