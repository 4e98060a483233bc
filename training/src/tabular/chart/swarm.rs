//! The effects of features over many rows.
//!
//! Purpose: one line a feature, one dot a row, at its effect on the log odds; the colour says whether the row's value is
//! low or high among its feature's (a category's dots have one colour). What lies close is spread upwards and downwards,
//! so that the shape shows how many.
//!
//! Guarantees: features by mean size of their effect; the place of a dot depends on the data alone.
//!
//! Non-goals: causes.

use super::{Scale, Svg};
use crate::tabular::words;

/// Features that are drawn.
const FEATURES_MAX: usize = 15;
/// Dots a feature.
const DOTS_MAX: usize = 300;
const WIDTH: f64 = 780.0;
const LEFT: f64 = 250.0;
const RIGHT: f64 = 765.0;
const LINE: f64 = 26.0;
const TOP: f64 = 8.0;
/// Places along a line within which dots are spread.
const CELLS: f64 = 130.0;

/// One feature's effects.
#[derive(Debug, Clone, PartialEq)]
pub struct Effects {
    /// What the feature is called.
    pub label: String,
    /// The effect in each row, in log odds; every feature has the same rows.
    pub effects: Vec<f64>,
    /// The value in each row, where it is a number.
    pub values: Vec<Option<f64>>,
}

impl Effects {
    /// The mean size of the effect.
    pub fn size(&self) -> f64 {
        let finite = self.effects.iter().filter(|effect| effect.is_finite());
        finite.map(|effect| effect.abs()).sum::<f64>() / self.effects.len().max(1) as f64
    }
}

/// Draws the strongest features.
pub fn swarm(title: &str, effects: &[Effects]) -> String {
    let mut order: Vec<&Effects> = effects.iter().filter(|feature| feature.size() > 0.0).collect();
    order.sort_by(|a, b| b.size().total_cmp(&a.size()));
    order.truncate(FEATURES_MAX);
    let bottom = TOP + LINE * order.len() as f64;
    let mut svg = Svg::new(WIDTH, bottom + 46.0, title);
    let x = scale(&order);
    for tick in x.ticks(6.0) {
        svg.line(if tick == 0.0 { "zero" } else { "grid" }, [x.at(tick), TOP], [x.at(tick), bottom]);
        svg.text("tick middle", [x.at(tick), bottom + 16.0], &words::number(tick));
    }
    svg.text("axis middle", [0.5 * (LEFT + RIGHT), bottom + 38.0], "effect on the log odds of the bad outcome");
    for (index, feature) in order.iter().enumerate() {
        let y = TOP + LINE * (index as f64 + 0.5);
        let mut label: String = feature.label.chars().take(34).collect();
        if feature.label.chars().count() > 34 {
            label.push('…');
        }
        svg.text("label end", [LEFT - 10.0, y + 4.0], &label);
        for (class, dots) in placed(feature, x, y).iter().enumerate() {
            svg.dots(&format!("swarm value{class}"), dots);
        }
    }
    svg.finish()
}

/// Room for nearly all effects; the wildest few lie on the edge.
fn scale(order: &[&Effects]) -> Scale {
    let mut all: Vec<f64> = order.iter().flat_map(|f| f.effects.iter().copied()).filter(|e| e.is_finite()).collect();
    all.sort_by(f64::total_cmp);
    let at = |share: f64| all.get((share * all.len().saturating_sub(1) as f64) as usize).copied().unwrap_or(0.0);
    let (low, high) = (at(0.001).min(-0.1), at(0.999).max(0.1));
    let room = 0.04 * (high - low);
    Scale::new(low - room, high + room, LEFT, RIGHT)
}

/// The dots of one feature by colour: five from low to high, the last for what has no order.
fn placed(feature: &Effects, x: Scale, y: f64) -> [Vec<[f64; 2]>; 6] {
    let stride = feature.effects.len().div_ceil(DOTS_MAX).max(1);
    let rows = feature.effects.iter().enumerate().step_by(stride).filter(|(_, effect)| effect.is_finite());
    let mut sorted: Vec<f64> = feature.values.iter().flatten().copied().collect();
    sorted.sort_by(f64::total_cmp);
    let mut cells: Vec<usize> = vec![0; CELLS as usize + 1];
    let mut crowded: Vec<(f64, usize, usize)> = Vec::new();
    for (row, effect) in rows {
        let place = x.at(*effect);
        let cell = ((place - LEFT) / (RIGHT - LEFT) * CELLS) as usize;
        let Some(count) = cells.get_mut(cell) else { continue };
        let class = match feature.values.get(row).copied().flatten() {
            Some(value) => (5 * sorted.partition_point(|other| *other < value) / sorted.len().max(1)).min(4),
            None => 5,
        };
        crowded.push((place, *count, class));
        *count += 1;
    }
    let most = cells.iter().copied().max().unwrap_or(1).max(1) as f64;
    let step = (0.84 * LINE / most).min(3.2);
    let mut result: [Vec<[f64; 2]>; 6] = Default::default();
    for (place, count, class) in crowded {
        // 0, +1, −1, +2, −2, … steps from the line.
        let side = if count % 2 == 1 { 0.5 } else { -0.5 };
        let off = side * (count + count % 2) as f64 * step;
        if let Some(dots) = result.get_mut(class) {
            dots.push([place, y + off]);
        }
    }
    result
}
