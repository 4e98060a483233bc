//! A multinomial logistic model over sparse features that are hashes and over a dense context, fitted by AdaGrad (Duchi et
//! al. 2011).
//!
//! Guarantees: equal examples and settings give equal weights; a class that an example cannot be of gets no gradient from it;
//! a tied feature speaks for one class of an example, with one weight for all classes; the numbers of contexts are brought to
//! one scale while they are learned, and the weights are for the numbers as they came. Non-goals: what the hashes mean;
//! calibration.

use std::collections::BTreeMap;
use std::sync::Arc;

use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha8Rng;

/// Where the row of a tied feature has its weight.
pub const TIED: usize = 0;

/// One labelled example.
#[derive(Debug, Clone)]
pub struct Example {
    /// Features, each with a weight for every class.
    pub features: Vec<u32>,
    /// Features of one class each.
    pub tied: Vec<(usize, u32)>,
    /// Numbers that describe where it stands, as many for each example that has them.
    pub context: Option<Arc<[f32]>>,
    /// Classes that it may be of.
    pub classes: Vec<usize>,
    /// The class that it is of.
    pub label: usize,
    /// How much it counts.
    pub weight: f32,
}

/// Settings of [`fit`].
#[derive(Debug, Clone)]
pub struct Options {
    /// Passes over the examples.
    pub epochs: usize,
    /// Length of a step.
    pub rate: f32,
    /// Length of a step of a context's weights.
    pub context_rate: f32,
    /// Shrinks weights at every step.
    pub l2: f32,
    /// Shrinks a context's weights at every step.
    pub context_l2: f32,
    /// Features of fewer examples are left out.
    pub examples_min: u32,
    /// Orders the examples.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { epochs: 8, rate: 0.03, context_rate: 0.3, l2: 3e-4, context_l2: 1e-5, examples_min: 8, seed: 7 }
    }
}

/// What was learned.
#[derive(Debug, Clone, PartialEq)]
pub struct Fitted {
    /// By feature, a weight for each class.
    pub features: BTreeMap<u32, Vec<f32>>,
    /// What every context adds to each class, then what each of its numbers does; empty where no example has a context.
    pub contexts: Vec<Vec<f32>>,
}

/// Added to deviations, so that a number that never changes is not blown up.
const DEVIATION_MIN: f64 = 1e-3;

/// Gradients below this move nothing.
const GRADIENT_MIN: f32 = 1e-3;

/// Rows of an example's features, and of its tied features with their classes.
type Placed = (Vec<usize>, Vec<(usize, usize)>);

/// Weights under fit, `classes` in a row for each feature or number.
struct Table {
    classes: usize,
    weights: Vec<f32>,
    squares: Vec<f32>,
    rate: f32,
    l2: f32,
}

impl Table {
    fn new(rows: usize, classes: usize, rate: f32, l2: f32) -> Self {
        Self { classes, weights: vec![0.0; rows * classes], squares: vec![1e-6; rows * classes], rate, l2 }
    }

    fn at(&self, row: usize, class: usize) -> f32 {
        self.weights[row * self.classes + class]
    }

    fn step(&mut self, row: usize, class: usize, gradient: f32) {
        let at = row * self.classes + class;
        let gradient = gradient + self.l2 * self.weights[at];
        self.squares[at] += gradient * gradient;
        self.weights[at] -= self.rate * gradient / self.squares[at].sqrt();
    }

    fn rows(&self) -> impl Iterator<Item = Vec<f32>> + '_ {
        self.weights.chunks(self.classes).map(<[f32]>::to_vec)
    }
}

/// Both tables, and the scale of contexts.
struct Fit {
    features: Table,
    contexts: Table,
    scale: Scale,
}

impl Fit {
    fn learn(&mut self, (features, tied): &Placed, example: &Example) {
        let context = example.context.as_deref().map(|context| self.scale.of(context));
        let mut odds = vec![f32::NEG_INFINITY; self.features.classes];
        for &class in &example.classes {
            let by_features: f32 = features.iter().map(|&feature| self.features.at(feature, class)).sum();
            let numbers = context.iter().flatten().enumerate();
            let by_context: f32 = numbers.map(|(row, number)| number * self.contexts.at(row, class)).sum();
            odds[class] = by_features + by_context;
        }
        for &(class, feature) in tied {
            odds[class] += self.features.at(feature, TIED);
        }
        let most = odds.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let total: f32 = example.classes.iter().map(|&class| (odds[class] - most).exp()).sum();
        for &class in &example.classes {
            let wanted = f32::from(u8::from(class == example.label));
            let gradient = example.weight * ((odds[class] - most).exp() / total - wanted);
            if gradient.abs() < GRADIENT_MIN {
                continue;
            }
            for &feature in features {
                self.features.step(feature, class, gradient);
            }
            for &(_, feature) in tied.iter().filter(|(of, _)| *of == class) {
                self.features.step(feature, TIED, gradient);
            }
            for (row, number) in context.iter().flatten().enumerate() {
                self.contexts.step(row, class, gradient * number);
            }
        }
    }
}

/// What brings contexts to mean 0 and a length near 1, after a first number that is 1.
struct Scale {
    means: Vec<f32>,
    factors: Vec<f32>,
}

impl Scale {
    fn of_all(examples: &[Example]) -> Self {
        let contexts: Vec<&[f32]> = examples.iter().filter_map(|example| example.context.as_deref()).collect();
        let (width, count) = (contexts.first().map_or(0, |context| context.len()), contexts.len().max(1) as f64);
        let (mut sums, mut squares) = (vec![0.0; width], vec![0.0; width]);
        for context in &contexts {
            for ((sum, square), &number) in sums.iter_mut().zip(&mut squares).zip(*context) {
                *sum += f64::from(number);
                *square += f64::from(number).powi(2);
            }
        }
        let mean = |sum: &f64| (sum / count) as f32;
        let factor = |(sum, square): (&f64, &f64)| {
            let deviation = (square / count - (sum / count).powi(2)).max(0.0).sqrt() + DEVIATION_MIN;
            (1.0 / (deviation * (width as f64).sqrt())) as f32
        };
        Self { means: sums.iter().map(mean).collect(), factors: sums.iter().zip(&squares).map(factor).collect() }
    }

    fn of(&self, context: &[f32]) -> Vec<f32> {
        let numbers = context.iter().zip(self.means.iter().zip(&self.factors));
        std::iter::once(1.0).chain(numbers.map(|(number, (mean, factor))| (number - mean) * factor)).collect()
    }

    /// Weights of scaled numbers as weights of the numbers as they came.
    fn undone(&self, mut rows: Vec<Vec<f32>>) -> Vec<Vec<f32>> {
        let Some((always, numbers)) = rows.split_first_mut() else { return rows };
        for (row, (mean, factor)) in numbers.iter_mut().zip(self.means.iter().zip(&self.factors)) {
            for (weight, always) in row.iter_mut().zip(always.iter_mut()) {
                *weight *= factor;
                *always -= *weight * mean;
            }
        }
        rows
    }
}

/// Weights of `classes` classes. Every context must have as many numbers.
#[must_use]
pub fn fit(examples: &[Example], classes: usize, options: &Options) -> Fitted {
    let mut counts: BTreeMap<u32, u32> = BTreeMap::new();
    for example in examples {
        let tied = example.tied.iter().map(|(_, feature)| feature);
        example.features.iter().chain(tied).for_each(|feature| *counts.entry(*feature).or_default() += 1);
    }
    counts.retain(|_, count| *count >= options.examples_min);
    let names: Vec<u32> = counts.into_keys().collect();
    let place = |feature: &u32| names.binary_search(feature).ok();
    let placed: Vec<Placed> = examples
        .iter()
        .map(|example| {
            let tied = example.tied.iter().filter_map(|(class, feature)| Some((*class, place(feature)?)));
            (example.features.iter().filter_map(place).collect(), tied.collect())
        })
        .collect();
    let scale = Scale::of_all(examples);
    let numbers = if scale.means.is_empty() { 0 } else { scale.means.len() + 1 };
    let mut fit = Fit {
        features: Table::new(names.len(), classes, options.rate, options.l2),
        contexts: Table::new(numbers, classes, options.context_rate, options.context_l2),
        scale,
    };
    let mut order: Vec<usize> = (0..examples.len()).collect();
    let mut rng = ChaCha8Rng::seed_from_u64(options.seed);
    for _ in 0..options.epochs {
        order.shuffle(&mut rng);
        for &index in &order {
            fit.learn(&placed[index], &examples[index]);
        }
    }
    let contexts = fit.scale.undone(fit.contexts.rows().collect());
    Fitted { features: names.into_iter().zip(fit.features.rows()).collect(), contexts }
}
