//! Charts as inline SVG.
//!
//! Purpose: the few plots that a model's report needs, drawn without scripts or fonts of their own, so that a report is
//! one file that opens anywhere. [`curves`] computes points, [`plots`] draws them, [`swarm`] draws the effects of
//! features.
//!
//! Guarantees: the same data gives the same bytes; colours are classes that the page's style sheet sets, so one drawing
//! serves light and dark; every drawing has a title that says what it shows; texts are escaped; numbers that are not
//! finite are left out.
//!
//! Non-goals: a plotting library, interaction.

pub mod curves;
pub mod plots;
pub mod swarm;

use std::fmt::Write;

use super::words;

/// Text for HTML or SVG, in content or in a quoted attribute.
pub fn escape(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => result.push_str("&amp;"),
            '<' => result.push_str("&lt;"),
            '>' => result.push_str("&gt;"),
            '"' => result.push_str("&quot;"),
            '\'' => result.push_str("&#39;"),
            // Not allowed in documents, whatever the escape.
            control if control.is_control() && control != '\n' && control != '\t' => result.push('\u{fffd}'),
            other => result.push(other),
        }
    }
    result
}

/// From data to drawing along one axis.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    from: f64,
    to: f64,
    start: f64,
    end: f64,
}

impl Scale {
    /// Data from `from` to `to` lie between the places `start` and `end`.
    pub(crate) fn new(from: f64, to: f64, start: f64, end: f64) -> Scale {
        Scale { from, to: if to > from { to } else { from + 1.0 }, start, end }
    }

    pub(crate) fn at(&self, value: f64) -> f64 {
        let share = ((value - self.from) / (self.to - self.from)).clamp(0.0, 1.0);
        self.start + share * (self.end - self.start)
    }

    /// Round numbers within the data, about `count` of them.
    pub(crate) fn ticks(&self, count: f64) -> Vec<f64> {
        let rough = (self.to - self.from) / count;
        let power = 10f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 2.5, 5.0, 10.0].map(|unit| unit * power).into_iter().find(|step| *step >= rough * 0.999);
        let step = step.unwrap_or(10.0 * power);
        let first = (self.from / step - 1e-9).ceil();
        (0..50)
            .map(|index| (first + f64::from(index)) * step)
            .take_while(|tick| *tick <= self.to + 1e-9 * step)
            .collect()
    }
}

/// A drawing in the making.
pub(crate) struct Svg {
    text: String,
}

impl Svg {
    pub(crate) fn new(width: f64, height: f64, title: &str) -> Svg {
        let title = escape(title);
        let size = format!("viewBox=\"0 0 {} {}\"", place(width), place(height));
        Svg { text: format!("<svg {size} role=\"img\" aria-label=\"{title}\"><title>{title}</title>") }
    }

    pub(crate) fn line(&mut self, class: &str, [x1, y1]: [f64; 2], [x2, y2]: [f64; 2]) {
        let [x1, y1, x2, y2] = [x1, y1, x2, y2].map(place);
        self.push(&format!("<path class=\"{class}\" d=\"M{x1} {y1}L{x2} {y2}\"/>"));
    }

    pub(crate) fn path(&mut self, class: &str, points: &[[f64; 2]]) {
        let mut d = String::new();
        for (index, [x, y]) in points.iter().filter(|point| point.iter().all(|value| value.is_finite())).enumerate() {
            let _ = write!(d, "{}{} {}", if index == 0 { 'M' } else { 'L' }, place(*x), place(*y));
        }
        self.push(&format!("<path class=\"{class}\" d=\"{d}\"/>"));
    }

    /// Round dots of the class's stroke width.
    pub(crate) fn dots(&mut self, class: &str, points: &[[f64; 2]]) {
        if points.is_empty() {
            return;
        }
        let mut d = String::new();
        for [x, y] in points.iter().filter(|point| point.iter().all(|value| value.is_finite())) {
            let _ = write!(d, "M{} {}h0", place(*x), place(*y));
        }
        self.push(&format!("<path class=\"dot {class}\" d=\"{d}\"/>"));
    }

    pub(crate) fn rect(&mut self, class: &str, [x, y]: [f64; 2], [width, height]: [f64; 2]) {
        let [x, y, width, height] = [x, y, width.max(0.0), height.max(0.0)].map(place);
        self.push(&format!("<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"/>"));
    }

    pub(crate) fn text(&mut self, class: &str, [x, y]: [f64; 2], text: &str) {
        let [x, y] = [x, y].map(place);
        self.push(&format!("<text class=\"{class}\" x=\"{x}\" y=\"{y}\">{}</text>", escape(text)));
    }

    pub(crate) fn finish(mut self) -> String {
        self.text.push_str("</svg>");
        self.text
    }

    fn push(&mut self, element: &str) {
        self.text.push_str(element);
    }
}

/// A place with the digits that can be seen.
fn place(value: f64) -> String {
    let text = format!("{:.1}", if value.is_finite() { value } else { 0.0 });
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// A share as a percentage.
pub(crate) fn percent(share: f64) -> String {
    let percent = 100.0 * share;
    format!("{} %", if percent.fract().abs() < 0.05 { format!("{percent:.0}") } else { words::number(percent) })
}
