//! The plots of a report: curves over thresholds, reliability, a row's interval.
//!
//! Guarantees: both axes of a plot of shares go from 0 to 1; curves are labelled in place or in the legend, never by
//! colour alone.
//!
//! Non-goals: choosing what to plot.

use super::{Scale, Svg, percent};
use crate::tabular::reliability::Bin;

const WIDTH: f64 = 380.0;
const HEIGHT: f64 = 330.0;
const LEFT: f64 = 52.0;
const RIGHT: f64 = 356.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 280.0;

/// One curve.
#[derive(Debug, Clone)]
pub struct Curve {
    /// What it shows.
    pub name: String,
    /// Shares, rising in the first.
    pub points: Vec<[f64; 2]>,
}

/// What the axes of a plot of shares say.
#[derive(Debug, Clone, Copy)]
pub struct Axes<'a> {
    /// Of the whole drawing.
    pub title: &'a str,
    /// Along the bottom.
    pub x: &'a str,
    /// Along the left side.
    pub y: &'a str,
}

fn square() -> (Scale, Scale) {
    (Scale::new(0.0, 1.0, LEFT, RIGHT), Scale::new(0.0, 1.0, BOTTOM, TOP))
}

fn frame(svg: &mut Svg, (x, y): &(Scale, Scale), axes: Axes<'_>) {
    for tick in x.ticks(5.0) {
        svg.line("grid", [x.at(tick), TOP], [x.at(tick), BOTTOM]);
        svg.text("tick middle", [x.at(tick), BOTTOM + 16.0], &percent(tick));
    }
    for tick in y.ticks(5.0) {
        svg.line("grid", [LEFT, y.at(tick)], [RIGHT, y.at(tick)]);
        svg.text("tick end", [LEFT - 6.0, y.at(tick) + 4.0], &percent(tick));
    }
    svg.text("axis middle", [0.5 * (LEFT + RIGHT), HEIGHT - 12.0], axes.x);
    svg.text("axis middle turned", [-0.5 * (TOP + BOTTOM), 12.0], axes.y);
}

/// Curves of shares over a dotted reference line. The first curve is the model's; `legend_top` puts the names above
/// instead of below the curves.
pub fn curves(axes: Axes<'_>, curves: &[Curve], reference: &[[f64; 2]], legend_top: bool) -> String {
    let mut svg = Svg::new(WIDTH, HEIGHT, axes.title);
    let scales = square();
    frame(&mut svg, &scales, axes);
    let placed = |points: &[[f64; 2]]| -> Vec<[f64; 2]> {
        points.iter().map(|[x, y]| [scales.0.at(*x), scales.1.at(*y)]).collect()
    };
    svg.path("reference", &placed(reference));
    for (index, curve) in curves.iter().enumerate().rev() {
        svg.path(&format!("curve line{}", index.min(3)), &placed(&curve.points));
    }
    let from = if legend_top { TOP + 16.0 } else { BOTTOM - 10.0 - 18.0 * curves.len().saturating_sub(1) as f64 };
    for (index, curve) in curves.iter().enumerate() {
        let y = from + 18.0 * index as f64;
        svg.line(&format!("curve line{}", index.min(3)), [RIGHT - 26.0, y - 4.0], [RIGHT - 6.0, y - 4.0]);
        svg.text("label end", [RIGHT - 32.0, y], &curve.name);
    }
    svg.finish()
}

/// Promise against outcome in bins, with intervals; below, how many rows each bin has.
pub fn reliability(axes: Axes<'_>, bins: &[Bin]) -> String {
    let mut svg = Svg::new(WIDTH, HEIGHT, axes.title);
    let scales = square();
    frame(&mut svg, &scales, axes);
    let (x, y) = scales;
    let most = bins.iter().map(|bin| bin.rows).max().unwrap_or(1).max(1) as f64;
    for bin in bins {
        let height = 36.0 * bin.rows as f64 / most;
        svg.rect("count", [x.at(bin.predicted) - 3.0, BOTTOM - height], [6.0, height]);
    }
    svg.line("reference", [x.at(0.0), y.at(0.0)], [x.at(1.0), y.at(1.0)]);
    for bin in bins {
        let at = x.at(bin.predicted);
        svg.line("interval", [at, y.at(bin.observed_low)], [at, y.at(bin.observed_high)]);
    }
    let points: Vec<[f64; 2]> = bins.iter().map(|bin| [x.at(bin.predicted), y.at(bin.observed)]).collect();
    svg.path("curve line0 thin", &points);
    svg.dots("point", &points);
    svg.text("label", [LEFT + 8.0, TOP + 16.0], "dots: bins with 95 % intervals");
    svg.text("label", [LEFT + 8.0, TOP + 32.0], "bars: rows in each bin");
    svg.finish()
}

/// One line of a table: the interval of what happened, the share that happened, and a mark where it was promised.
pub fn interval(title: &str, bin: &Bin, highest: f64) -> String {
    let mut svg = Svg::new(160.0, 18.0, title);
    let x = Scale::new(0.0, highest, 4.0, 156.0);
    svg.line("grid", [4.0, 9.0], [156.0, 9.0]);
    svg.line("interval wide", [x.at(bin.observed_low), 9.0], [x.at(bin.observed_high), 9.0]);
    svg.dots("point", &[[x.at(bin.observed), 9.0]]);
    let at = x.at(bin.predicted);
    svg.line("mark", [at, 1.0], [at, 17.0]);
    svg.finish()
}

/// A bar of a share of `full`.
pub fn bar(title: &str, share: f64, full: f64) -> String {
    let mut svg = Svg::new(100.0, 12.0, title);
    let x = Scale::new(0.0, full, 0.0, 100.0);
    svg.rect("track", [0.0, 2.0], [100.0, 8.0]);
    svg.rect("fill", [0.0, 2.0], [x.at(share), 8.0]);
    svg.finish()
}
