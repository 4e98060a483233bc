//! The report: one file, nothing loaded, well formed, escaped, the same bytes for the same contents.

use crate::support::Random;
use holdfast_training::tabular::calibrate::sigmoid;
use holdfast_training::tabular::chart::curves;
use holdfast_training::tabular::chart::swarm::Effects;
use holdfast_training::tabular::html::{Candidate, Contents, Measured, Quality, Scored, Segments, page};
use holdfast_training::tabular::metrics::{self, MetricError, Metrics};
use holdfast_training::tabular::reliability::Reliability;
use holdfast_training::tabular::table::Value;

const EVIL: &str = "<script src=\"http://x\">alert('1')</script> & \u{1}";

fn scores(rows: usize) -> (Vec<f64>, Vec<bool>) {
    let mut random = Random(3);
    (0..rows)
        .map(|_| {
            let p = sigmoid(4.0 * random.uniform() - 2.5);
            (p, random.uniform() < p)
        })
        .unzip()
}

fn empty() -> Contents {
    Contents {
        title: String::new(),
        summary: String::new(),
        bad: "late orders".into(),
        verdict: (false, "refused".into()),
        measured: vec![],
        scored: vec![],
        labels: vec![],
        effects: vec![],
        segments: vec![],
        candidates: vec![],
        quality: vec![],
        provenance: vec![],
        notes: vec![],
    }
}

fn full() -> Contents {
    let (probabilities, labels) = scores(1000);
    let segment = Value::Text(EVIL.into());
    let values = vec![&segment; 1000];
    let text = || EVIL.to_owned();
    Contents {
        title: text(),
        summary: text(),
        verdict: (true, text()),
        measured: vec![Measured { name: text(), metrics: Metrics::measure(&probabilities, &labels).unwrap() }],
        effects: vec![Effects {
            label: text(),
            effects: probabilities.iter().map(|p| p - 0.3).chain([f64::NAN]).collect(),
            values: vec![Some(1.0), None, Some(f64::NEG_INFINITY)],
        }],
        segments: vec![Segments {
            label: text(),
            rows: Reliability::by_segment(&values, &probabilities, &labels).unwrap(),
        }],
        scored: vec![Scored { name: text(), probabilities: probabilities.clone() }],
        labels,
        candidates: vec![Candidate { name: text(), valid_log_loss: 0.5, seconds: None, chosen: true }],
        quality: vec![Quality {
            label: text(),
            kind: text(),
            missing: 0.1,
            distinct: 3,
            typical: text(),
            warning: text(),
        }],
        provenance: vec![(text(), text())],
        notes: vec![text()],
        ..empty()
    }
}

/// Every element is closed, in order; the ones that need no end are known.
fn assert_well_formed(html: &str) {
    let mut open: Vec<&str> = Vec::new();
    let body = html.replace("<!doctype html>", "");
    for tag in body.split('<').skip(1) {
        let tag = tag.split('>').next().unwrap();
        let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap();
        match tag {
            _ if tag.starts_with('/') => assert_eq!(open.pop(), Some(name)),
            _ if tag.ends_with('/') || name == "meta" => {}
            _ => open.push(name),
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

#[test]
fn the_report_is_one_safe_file() {
    let html = page(&full()).unwrap();
    assert_well_formed(&html);
    assert!(!html.contains("<script") && !html.contains("src=") || html.contains("src=&quot;"));
    for loaded in ["<link", "<img", "@import", "url(", " href=", " src=\"", "\u{1}"] {
        assert!(!html.contains(loaded), "{loaded}");
    }
    assert_eq!(html.matches("<script").count(), 0);
    assert!(html.contains("&lt;script src=&quot;http://x&quot;&gt;alert(&#39;1&#39;)&lt;/script&gt; &amp;"));
    for part in ["ROC curve", "Precision and recall", "Reliability", "Cumulative gains", "What moves it", "Segments"] {
        assert!(html.contains(part), "{part}");
    }
    assert!(!html.contains("NaN") && !html.contains("inf\""));
    assert!(html.contains("prefers-color-scheme: dark"));
    assert_eq!(html, page(&full()).unwrap());
    assert!(html.len() < 200_000, "{}", html.len());
}

#[test]
fn empty_sections_are_left_out_and_odd_contents_are_refused() {
    let html = page(&empty()).unwrap();
    assert_well_formed(&html);
    assert!(!html.contains("<section"));
    let (probabilities, labels) = scores(30);
    let scored = |probabilities: Vec<f64>| Scored { name: "m".into(), probabilities };
    let contents = Contents { scored: vec![scored(probabilities.clone())], labels: labels.clone(), ..empty() };
    assert_well_formed(&page(&contents).unwrap());
    let one_class = Contents { labels: vec![false; 30], ..contents.clone() };
    assert_well_formed(&page(&one_class).unwrap());
    let other = vec![scored(probabilities), scored(vec![0.5; 3])];
    let error = page(&Contents { scored: other, labels, ..empty() }).unwrap_err();
    assert_eq!(error, MetricError::Length { scores: 3, labels: 30 });
}

#[test]
fn curves_agree_with_their_measures() {
    let (scores, labels) = scores(3000);
    let area = |points: &[[f64; 2]]| {
        points.windows(2).map(|pair| (pair[1][0] - pair[0][0]) * 0.5 * (pair[1][1] + pair[0][1])).sum::<f64>()
    };
    let roc = curves::roc(&scores, &labels);
    assert!((area(&roc) - metrics::roc_auc(&scores, &labels).unwrap()).abs() < 1e-3);
    assert_eq!((roc[0], *roc.last().unwrap()), ([0.0, 0.0], [1.0, 1.0]));
    assert!(roc.len() <= 401);
    let precision = curves::precision_recall(&scores, &labels);
    assert!((area(&precision) - metrics::pr_auc(&scores, &labels).unwrap()).abs() < 5e-3);
    // Three of four bad ones among the upper half, by hand.
    let gains =
        curves::gains(&[0.9, 0.8, 0.7, 0.6, 0.5, 0.5, 0.5, 0.5], &[true, true, true, false, true, false, false, false]);
    assert_eq!(gains, [[0.0, 0.0], [0.125, 0.25], [0.25, 0.5], [0.375, 0.75], [0.5, 0.75], [1.0, 1.0]]);
    assert!((curves::height(&gains, 0.75) - 0.875).abs() < 1e-12);
    assert_eq!(curves::height(&[], 0.5), 0.0);
    assert_eq!(curves::roc(&[], &[]), [[0.0, 0.0]]);
}
