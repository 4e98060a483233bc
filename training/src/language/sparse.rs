//! A multinomial logistic model over sparse features that are hashes, fitted by AdaGrad (Duchi et al. 2011).
//!
//! Guarantees: equal examples and settings give equal weights; a class that an example cannot be of gets no gradient from it;
//! a tied feature speaks for one class of an example, with one weight for all classes. Non-goals: what the hashes mean;
//! calibration.

use std::collections::BTreeMap;

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
    /// Shrinks weights at every step.
    pub l2: f32,
    /// Features of fewer examples are left out.
    pub examples_min: u32,
    /// Orders the examples.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { epochs: 8, rate: 0.03, l2: 3e-4, examples_min: 8, seed: 7 }
    }
}

/// Gradients below this move nothing.
const GRADIENT_MIN: f32 = 1e-3;

/// Rows of an example's features, and of its tied features with their classes.
type Placed = (Vec<usize>, Vec<(usize, usize)>);

/// Weights under fit, `classes` in a row for each feature.
struct Fit {
    classes: usize,
    weights: Vec<f32>,
    squares: Vec<f32>,
}

impl Fit {
    fn step(&mut self, at: usize, gradient: f32, options: &Options) {
        let gradient = gradient + options.l2 * self.weights[at];
        self.squares[at] += gradient * gradient;
        self.weights[at] -= options.rate * gradient / self.squares[at].sqrt();
    }

    fn learn(&mut self, features: &[usize], tied: &[(usize, usize)], example: &Example, options: &Options) {
        let mut odds = vec![f32::NEG_INFINITY; self.classes];
        for &class in &example.classes {
            odds[class] = features.iter().map(|feature| self.weights[feature * self.classes + class]).sum();
        }
        for (class, feature) in tied {
            odds[*class] += self.weights[feature * self.classes + TIED];
        }
        let most = odds.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let total: f32 = example.classes.iter().map(|&class| (odds[class] - most).exp()).sum();
        for &class in &example.classes {
            let wanted = f32::from(u8::from(class == example.label));
            let gradient = example.weight * ((odds[class] - most).exp() / total - wanted);
            if gradient.abs() < GRADIENT_MIN {
                continue;
            }
            for feature in features {
                self.step(feature * self.classes + class, gradient, options);
            }
            for (_, feature) in tied.iter().filter(|(of, _)| *of == class) {
                self.step(feature * self.classes + TIED, gradient, options);
            }
        }
    }
}

/// Weights by feature, `classes` of them each.
#[must_use]
pub fn fit(examples: &[Example], classes: usize, options: &Options) -> BTreeMap<u32, Vec<f32>> {
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
    let cells = names.len() * classes;
    let mut fit = Fit { classes, weights: vec![0.0; cells], squares: vec![1e-6; cells] };
    let mut order: Vec<usize> = (0..examples.len()).collect();
    let mut rng = ChaCha8Rng::seed_from_u64(options.seed);
    for _ in 0..options.epochs {
        order.shuffle(&mut rng);
        for &index in &order {
            let (features, tied) = &placed[index];
            fit.learn(features, tied, &examples[index], options);
        }
    }
    names.into_iter().zip(fit.weights.chunks(classes).map(<[f32]>::to_vec)).collect()
}
