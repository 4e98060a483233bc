//! What would change the outcome?
//!
//! Purpose: for one case, the smallest change of one feature that can be acted on, or of two where one is not enough,
//! that brings its probability below a threshold; for any model that gives a probability for a row.
//!
//! Guarantees: only declared features move, and only to declared values; every change that is offered was evaluated and
//! does bring the probability below; taking a step back on any of its numbers would not (to a thousandth of the range,
//! or to one step). The same input gives the same answer, whatever the order of the levers' values.
//!
//! Non-goals: causes. The model says what it would predict for such a row, not what happens when somebody acts; whether
//! the lever is real is for whoever declares it. The search looks at a grid and then refines, so a probability that
//! dips and rises again within one cell of the grid may hide a smaller change.

use super::table::{Schema, Value};
use super::words;

/// Grid points of a number when it moves alone.
const POINTS_ALONE: u32 = 64;
/// Grid points of a lever when two move.
const POINTS_PAIRED: u32 = 24;
/// Steps of a number without a step of its own.
const STEPS: u32 = 1000;
/// Pairs of changes that are offered.
const PAIRS_OFFERED: usize = 3;

/// The values that a lever can take.
#[derive(Debug, Clone, PartialEq)]
pub enum Choice {
    /// One of these.
    Values(Vec<Value>),
    /// A number from `low` to `high`, in steps of `step` from `low` when there is one.
    Range {
        /// The lowest.
        low: f64,
        /// The highest.
        high: f64,
        /// The distance between possible values.
        step: Option<f64>,
    },
}

/// A feature that can be acted on.
#[derive(Debug, Clone, PartialEq)]
pub struct Lever {
    /// Index of the feature in the row.
    pub feature: usize,
    /// What it can be made.
    pub choice: Choice,
    /// What a change costs, in any one unit: of the whole range of a number, or of another value.
    pub effort: f64,
}

/// One feature moved.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Index of the feature in the row.
    pub feature: usize,
    /// Its value.
    pub from: Value,
    /// What it would have to be.
    pub to: Value,
}

/// Changes and what they lead to.
#[derive(Debug, Clone, PartialEq)]
pub struct Way {
    /// One or two.
    pub changes: Vec<Change>,
    /// The probability then.
    pub probability: f64,
    /// The sum of their efforts.
    pub effort: f64,
}

/// What would change the outcome of one case.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The probability as it is.
    pub probability: f64,
    /// Ways below the threshold, the smallest first: one for each lever that is enough by itself, or the best pairs.
    /// Empty when the case is below already, or when nothing declared helps.
    pub ways: Vec<Way>,
    /// The lowest probability that was seen.
    pub lowest: f64,
}

/// The question makes no sense.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CounterfactualError {
    /// A feature that the row does not have, or that is named twice.
    #[error("the lever on feature {feature} of {width} cannot be used: name each feature of the row at most once")]
    Feature {
        /// The index.
        feature: usize,
        /// Features of the row.
        width: usize,
    },
    /// A range or an effort that is none.
    #[error("the lever on feature {feature} has {what} {value}: give {allowed}")]
    Lever {
        /// The index.
        feature: usize,
        /// What is wrong.
        what: &'static str,
        /// Its value.
        value: f64,
        /// What it may be.
        allowed: &'static str,
    },
}

impl Way {
    /// The changes in words, with the features' names from the row's schema.
    pub fn words(&self, schema: &Schema) -> String {
        let words = |change: &Change| {
            let feature = schema.features.get(change.feature);
            let name = feature.map_or("?", |f| if f.label.is_empty() { &f.name } else { &f.label });
            format!("{name} {} instead of {}", words::value(&change.to), words::value(&change.from))
        };
        let changes: Vec<String> = self.changes.iter().map(words).collect();
        format!("{}: {:.1} %", changes.join(" and "), 100.0 * self.probability)
    }
}

/// Finds the smallest changes of `row` that bring `probability` below `threshold`.
///
/// # Errors
/// [`CounterfactualError`].
pub fn smallest_changes(
    row: &[Value],
    levers: &[Lever],
    threshold: f64,
    probability: impl Fn(&[Value]) -> f64,
) -> Result<Answer, CounterfactualError> {
    check(row, levers)?;
    let now = probability(row);
    let mut search = Search { row: row.to_vec(), threshold, probability, lowest: now };
    let mut ways: Vec<Way> = Vec::new();
    if now >= threshold {
        ways.extend(levers.iter().filter_map(|lever| search.alone(lever)));
        if ways.is_empty() {
            let pairs =
                levers.iter().enumerate().flat_map(|(at, one)| levers.iter().skip(at + 1).map(move |two| (one, two)));
            ways.extend(pairs.filter_map(|(one, two)| search.paired(one, two)));
        }
        let paired = ways.iter().any(|way| way.changes.len() > 1);
        ways.sort_by(|a, b| a.effort.total_cmp(&b.effort));
        ways.truncate(if paired { PAIRS_OFFERED } else { ways.len() });
    }
    Ok(Answer { probability: now, ways, lowest: search.lowest })
}

/// One value that a lever can take; `step` counts a number's steps from its lowest.
#[derive(Debug, Clone)]
struct Point {
    value: Value,
    effort: f64,
    step: u32,
}

impl Lever {
    /// The range as lowest value, distance between steps and their number.
    fn steps(&self) -> Option<(f64, f64, u32)> {
        let Choice::Range { low, high, step } = &self.choice else { return None };
        let unit = step.unwrap_or((high - low) / f64::from(STEPS));
        Some((*low, unit, ((high - low) / unit + 1e-9).floor().min(f64::from(u32::MAX - 1)) as u32))
    }

    fn point(&self, from: &Value, step: u32) -> Option<Point> {
        let (low, unit, _) = self.steps()?;
        let Choice::Range { high, .. } = &self.choice else { return None };
        let number = (low + unit * f64::from(step)).min(*high);
        let effort = match from {
            Value::Number(from) => self.effort * (number - from).abs() / (high - low),
            _ => self.effort,
        };
        Some(Point { value: Value::Number(number), effort, step })
    }

    /// At most about `points` values other than the present one, the nearest first, and the steps between them.
    fn points(&self, from: &Value, points: u32) -> (Vec<Point>, u32) {
        let mut stride = 1;
        let mut all: Vec<Point> = match (&self.choice, self.steps()) {
            (Choice::Values(values), _) => {
                let point = |value: &Value| Point { value: value.clone(), effort: self.effort, step: 0 };
                values.iter().map(point).collect()
            }
            (Choice::Range { .. }, Some((.., count))) => {
                stride = (count / points).max(1);
                let steps = (0..count).step_by(stride as usize).chain([count]);
                steps.filter_map(|step| self.point(from, step)).collect()
            }
            (Choice::Range { .. }, None) => Vec::new(),
        };
        all.retain(|point| point.value != *from);
        all.sort_by(|a, b| a.effort.total_cmp(&b.effort).then_with(|| order(&a.value, &b.value)));
        (all, stride)
    }
}

/// Any fixed order of values.
fn order(a: &Value, b: &Value) -> std::cmp::Ordering {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.total_cmp(b),
        _ => a.to_string().cmp(&b.to_string()),
    }
}

struct Search<F> {
    row: Vec<Value>,
    threshold: f64,
    probability: F,
    lowest: f64,
}

impl<F: Fn(&[Value]) -> f64> Search<F> {
    fn value(&self, lever: &Lever) -> Value {
        self.row.get(lever.feature).cloned().unwrap_or(Value::Missing)
    }

    /// The probability with these values in place; the row is left as it was.
    fn with(&mut self, points: &[(&Lever, &Point)]) -> f64 {
        let mut row = self.row.clone();
        for (lever, point) in points {
            if let Some(cell) = row.get_mut(lever.feature) {
                *cell = point.value.clone();
            }
        }
        let found = (self.probability)(&row);
        self.lowest = self.lowest.min(found);
        found
    }

    fn passes(&mut self, points: &[(&Lever, &Point)]) -> bool {
        self.with(points) < self.threshold
    }

    fn alone(&mut self, lever: &Lever) -> Option<Way> {
        let (points, stride) = lever.points(&self.value(lever), POINTS_ALONE);
        let point = points.into_iter().find(|point| self.passes(&[(lever, point)]))?;
        let point = self.nearer(lever, point, stride, None);
        Some(self.way(&[(lever, &point)]))
    }

    fn paired(&mut self, one: &Lever, two: &Lever) -> Option<Way> {
        let (ones, stride_one) = one.points(&self.value(one), POINTS_PAIRED);
        let (twos, stride_two) = two.points(&self.value(two), POINTS_PAIRED);
        let mut best: Option<(Point, Point)> = None;
        for a in &ones {
            for b in &twos {
                let smaller = best.as_ref().is_none_or(|(x, y)| a.effort + b.effort < x.effort + y.effort);
                if smaller && self.passes(&[(one, a), (two, b)]) {
                    best = Some((a.clone(), b.clone()));
                }
            }
        }
        let (mut a, mut b) = best?;
        a = self.nearer(one, a, stride_one, Some((two, &b)));
        b = self.nearer(two, b, stride_two, Some((one, &a)));
        Some(self.way(&[(one, &a), (two, &b)]))
    }

    /// Steps a number back towards its present value, by bisection within `stride`, as far as the row still passes.
    fn nearer(&mut self, lever: &Lever, point: Point, stride: u32, other: Option<(&Lever, &Point)>) -> Point {
        let from = self.value(lever);
        let (Some((low, unit, count)), Value::Number(present)) = (lever.steps(), &from) else { return point };
        let home = ((present - low) / unit).clamp(0.0, f64::from(count));
        let mut best = point;
        let up = f64::from(best.step) > home;
        let edge = if up { home.ceil() } else { home.floor() } as u32;
        let mut failing =
            if up { best.step.saturating_sub(stride).max(edge) } else { best.step.saturating_add(stride).min(edge) };
        let mut next = failing;
        loop {
            let passing = lever.point(&from, next).filter(|point| {
                let mut points = vec![(lever, point)];
                points.extend(other);
                point.value != from && self.passes(&points)
            });
            match passing {
                Some(point) => best = point,
                None => failing = next,
            }
            if best.step.abs_diff(failing) <= 1 {
                return best;
            }
            next = best.step.min(failing) + best.step.abs_diff(failing) / 2;
        }
    }

    fn way(&mut self, points: &[(&Lever, &Point)]) -> Way {
        let change = |(lever, point): &(&Lever, &Point)| Change {
            feature: lever.feature,
            from: self.value(lever),
            to: point.value.clone(),
        };
        let changes = points.iter().map(change).collect();
        let effort = points.iter().map(|(_, point)| point.effort).sum();
        Way { changes, probability: self.with(points), effort }
    }
}

fn check(row: &[Value], levers: &[Lever]) -> Result<(), CounterfactualError> {
    for (at, lever) in levers.iter().enumerate() {
        let feature = lever.feature;
        if feature >= row.len() || levers.iter().take(at).any(|other| other.feature == feature) {
            return Err(CounterfactualError::Feature { feature, width: row.len() });
        }
        let bad = |what, value, allowed| Err(CounterfactualError::Lever { feature, what, value, allowed });
        if !(lever.effort.is_finite() && lever.effort >= 0.0) {
            return bad("the effort", lever.effort, "zero or a positive number");
        }
        if let Choice::Range { low, high, step } = &lever.choice {
            if !(low.is_finite() && high.is_finite() && low < high && (high - low).is_finite()) {
                return bad("a range that starts at", *low, "finite numbers, the lower one first");
            }
            if let Some(step) = step
                && !(*step > 0.0 && *step <= high - low)
            {
                return bad("the step", *step, "a positive number within the range");
            }
        }
    }
    Ok(())
}
