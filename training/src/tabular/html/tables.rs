//! The tables of the report.
//!
//! Guarantees: numbers with the digits that differ; every text is escaped.
//!
//! Non-goals: sorting; the caller's order is kept.

use super::{Candidate, Contents, Measured, Quality, Segments, section, wrapped};
use crate::tabular::chart::{escape, percent, plots};
use crate::tabular::metrics::Metrics;
use crate::tabular::reliability::{Reliability, SegmentReliability};

/// Segments shown for one feature.
const SEGMENTS_MAX: usize = 20;
/// Below this many rows a segment's ranking is not shown.
const RANKING_ROWS_MIN: usize = 100;

fn table(head: &[(&str, &str)], rows: &[String]) -> String {
    let head: String =
        head.iter().map(|(class, name)| format!("<th class=\"{class}\">{}</th>", escape(name))).collect();
    wrapped("scroll", &format!("<table><thead><tr>{head}</tr></thead><tbody>{}</tbody></table>", rows.concat()))
}

fn row(class: &str, cells: &[(&str, String)]) -> String {
    let cells: String = cells.iter().map(|(class, cell)| format!("<td class=\"{class}\">{cell}</td>")).collect();
    format!("<tr class=\"{class}\">{cells}</tr>")
}

pub(super) fn tiles(contents: &Contents, reliability: Option<&Reliability>) -> String {
    let mut tiles: Vec<(String, String)> = Vec::new();
    if let Some(Measured { metrics, .. }) = contents.measured.first() {
        tiles.push((format!("{:.4}", metrics.log_loss), "log loss".into()));
        tiles.push((format!("{:.4}", metrics.roc_auc), "ROC-AUC".into()));
    }
    if let Some(Reliability { overall, ece, .. }) = reliability {
        tiles.push((percent(*ece), "calibration error".into()));
        tiles.push((overall.rows.to_string(), "test rows".into()));
        tiles.push((percent(overall.observed), contents.bad.clone()));
    }
    let tile = |(figure, name): &(String, String)| {
        format!("<div class=\"tile\"><b>{}</b><span>{}</span></div>", escape(figure), escape(name))
    };
    if tiles.is_empty() { String::new() } else { wrapped("tiles", &tiles.iter().map(tile).collect::<String>()) }
}

pub(super) fn measured(measured: &[Measured]) -> String {
    if measured.is_empty() {
        return String::new();
    }
    let head = [("", "test fold"), ("", "log loss"), ("", "ROC-AUC"), ("", "PR-AUC"), ("", "Brier"), ("", "ECE")];
    let line = |(index, Measured { name, metrics }): (usize, &Measured)| {
        let Metrics { roc_auc, pr_auc, log_loss, brier, ece } = metrics;
        let figures = [log_loss, roc_auc, pr_auc, brier, ece].map(|figure| ("", format!("{figure:.4}")));
        let cells: Vec<(&str, String)> = std::iter::once(("", escape(name))).chain(figures).collect();
        row(if index == 0 { "chosen" } else { "" }, &cells)
    };
    let rows: Vec<String> = measured.iter().enumerate().map(line).collect();
    let note = "Log loss, Brier score and calibration error: lower is better. Areas: higher is better.";
    section("The model beside the baselines", note, &table(&head, &rows))
}

pub(super) fn segments(segments: &[Segments], bad: &str) -> String {
    if segments.iter().all(|segments| segments.rows.is_empty()) {
        return String::new();
    }
    let head = [
        ("", "segment"),
        ("", "rows"),
        ("", "promised"),
        ("", "happened"),
        ("drawn", "95 % interval, promise"),
        ("", "ECE, debiased"),
        ("", "log loss"),
        ("", "ROC-AUC"),
    ];
    let one = |of: &Segments| {
        let highest = of.rows.iter().map(|row| row.reliability.overall.observed_high).fold(0.0, f64::max);
        let highest = of.rows.iter().map(|row| row.reliability.overall.predicted).fold(highest, f64::max);
        let rows: Vec<String> =
            of.rows.iter().take(SEGMENTS_MAX).map(|segment| segment_row(segment, highest)).collect();
        let more = of.rows.len().saturating_sub(SEGMENTS_MAX);
        let more = if more > 0 { format!("<p class=\"note\">and {more} smaller ones</p>") } else { String::new() };
        format!("<h3>{}</h3>{}{more}", escape(&of.label), table(&head, &rows))
    };
    let body: String = segments.iter().filter(|segments| !segments.rows.is_empty()).map(one).collect();
    let note = format!(
        "The bar is where the true share of {bad} lies with 95 % confidence, the dot what happened, the stroke what was \
         promised; red where the promise lies outside. One in twenty is outside by chance."
    );
    section("Segments", &note, &body)
}

fn segment_row(segment: &SegmentReliability, highest: f64) -> String {
    let Reliability { overall, ece_debiased, log_loss, roc_auc, .. } = &segment.reliability;
    let ranking = roc_auc.filter(|_| overall.rows >= RANKING_ROWS_MIN);
    let title = format!(
        "{}: promised {}, happened {} ({} to {})",
        segment.segment,
        percent(overall.predicted),
        percent(overall.observed),
        percent(overall.observed_low),
        percent(overall.observed_high)
    );
    let cells = [
        ("", escape(&segment.segment)),
        ("", overall.rows.to_string()),
        (if segment.is_off() { "off" } else { "" }, percent(overall.predicted)),
        ("", percent(overall.observed)),
        ("drawn", plots::interval(&title, overall, highest)),
        ("", percent(*ece_debiased)),
        ("", format!("{log_loss:.4}")),
        ("", ranking.map_or("–".to_owned(), |auc| format!("{auc:.3}"))),
    ];
    row("", &cells)
}

pub(super) fn candidates(candidates: &[Candidate]) -> String {
    if candidates.is_empty() {
        return String::new();
    }
    let line = |candidate: &Candidate| {
        let Candidate { name, valid_log_loss, seconds, chosen } = candidate;
        let cells = [
            ("", escape(name)),
            ("", format!("{valid_log_loss:.4}")),
            ("", seconds.map_or("–".to_owned(), |seconds| format!("{seconds:.2}"))),
            ("", if *chosen { "kept".to_owned() } else { String::new() }),
        ];
        row(if *chosen { "chosen" } else { "" }, &cells)
    };
    let rows: Vec<String> = candidates.iter().map(line).collect();
    let head = [("", "candidate"), ("", "log loss"), ("", "seconds"), ("", "")];
    section("What was tried", "On the validation fold; the test fold had no say.", &table(&head, &rows))
}

pub(super) fn quality(quality: &[Quality]) -> String {
    if quality.is_empty() {
        return String::new();
    }
    let line = |column: &Quality| {
        let Quality { label, kind, missing, distinct, typical, warning } = column;
        let cells = [
            ("", escape(label)),
            ("", escape(kind)),
            ("", percent(*missing)),
            ("bar", plots::bar(&format!("{} missing", percent(*missing)), *missing, 1.0)),
            ("", distinct.to_string()),
            ("words", escape(typical)),
            (if warning.is_empty() { "words" } else { "words off" }, escape(warning)),
        ];
        row("", &cells)
    };
    let rows: Vec<String> = quality.iter().map(line).collect();
    let head = [
        ("", "column"),
        ("", "kind"),
        ("", "missing"),
        ("", ""),
        ("", "values"),
        ("words", "typical"),
        ("words", "to look at"),
    ];
    section("The data", "Training rows.", &table(&head, &rows))
}

pub(super) fn provenance(provenance: &[(String, String)]) -> String {
    if provenance.is_empty() {
        return String::new();
    }
    let entry = |(name, value): &(String, String)| format!("<dt>{}</dt><dd>{}</dd>", escape(name), escape(value));
    let list: String = provenance.iter().map(entry).collect();
    section("Where it comes from", "", &format!("<dl>{list}</dl>"))
}
