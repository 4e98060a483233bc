//! AdamW (Loshchilov and Hutter 2019) with a rate of its own for every weight, and rows of a table that move only when
//! they occur.
//!
//! Guarantees: equal gradients give equal bits. Non-goals: other optimisers.

const BETA_1: f32 = 0.9;
const BETA_2: f32 = 0.98;
const EPSILON: f32 = 1e-6;

/// First and second moments of one group of numbers.
#[derive(Clone, Debug)]
pub(super) struct Moments {
    first: Vec<f32>,
    second: Vec<f32>,
    steps: Vec<i32>,
    width: usize,
}

/// One step's size for a group.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) rate: f32,
    pub(super) decay: f32,
    /// Multiplies every gradient: clipping, and the mean over texts.
    pub(super) gradient_scale: f32,
}

impl Moments {
    /// For `count` numbers in rows of `width` that step on their own.
    pub(super) fn new(count: usize, width: usize) -> Moments {
        let rows = count.div_ceil(width.max(1));
        Moments { first: vec![0.0; count], second: vec![0.0; count], steps: vec![0; rows], width: width.max(1) }
    }

    /// Moves one row of `numbers` against its gradient.
    pub(super) fn step(&mut self, row: usize, numbers: &mut [f32], gradient: &[f32], step: Step) {
        let at = row * self.width..(row * self.width + numbers.len());
        self.steps[row] += 1;
        let bias_1 = 1.0 - BETA_1.powi(self.steps[row]);
        let bias_2 = 1.0 - BETA_2.powi(self.steps[row]);
        let moments = self.first[at.clone()].iter_mut().zip(&mut self.second[at]);
        for ((number, gradient), (first, second)) in numbers.iter_mut().zip(gradient).zip(moments) {
            let gradient = gradient * step.gradient_scale;
            *first = BETA_1 * *first + (1.0 - BETA_1) * gradient;
            *second = BETA_2 * *second + (1.0 - BETA_2) * gradient * gradient;
            let moved = (*first / bias_1) / ((*second / bias_2).sqrt() + EPSILON);
            *number -= step.rate * (moved + step.decay * *number);
        }
    }
}
