//! A BERT encoder's weights as plain numbers, in the order in which published checkpoints hold them.
//!
//! Guarantees: [`Weights::check`] finds every list that does not have the length its shape asks for. Non-goals: reading
//! files.

use crate::dense::{PAD, Plain};

/// Columns of an encoder and of a head must be a multiple of this for the vectors to be whole.
const COLUMNS: usize = 16;

/// A matrix (`outputs` rows of `inputs`) and what is added to its product.
#[derive(Clone, Debug, Default)]
pub struct Affine {
    /// Row by row.
    pub weights: Vec<f32>,
    /// One number for each output.
    pub bias: Vec<f32>,
}

/// A layer norm's parameters, one of each for a column.
#[derive(Clone, Debug, Default)]
pub struct NormWeights {
    /// What the normalised column is multiplied with.
    pub scale: Vec<f32>,
    /// What is added then.
    pub shift: Vec<f32>,
}

/// One layer.
#[derive(Clone, Debug, Default)]
pub struct LayerWeights {
    /// `attention.self.query`, width × width.
    pub query: Affine,
    /// `attention.self.key`, width × width.
    pub key: Affine,
    /// `attention.self.value`, width × width.
    pub value: Affine,
    /// `attention.output.dense`, width × width.
    pub attended: Affine,
    /// `attention.output.LayerNorm`.
    pub attended_norm: NormWeights,
    /// `intermediate.dense`, inner × width.
    pub widened: Affine,
    /// `output.dense`, width × inner.
    pub narrowed: Affine,
    /// `output.LayerNorm`.
    pub narrowed_norm: NormWeights,
}

/// A whole encoder.
#[derive(Clone, Debug, Default)]
pub struct Weights {
    /// Columns of a token's vector.
    pub width: usize,
    /// Columns between the two products of a feed-forward step.
    pub inner: usize,
    /// Attention heads.
    pub heads: usize,
    /// What the layer norms add to the variance.
    pub eps: f32,
    /// One row for each token of the vocabulary.
    pub words: Vec<f32>,
    /// One row for each position, the first token type's row added.
    pub positions: Vec<f32>,
    /// The norm of the sum of both.
    pub norm: NormWeights,
    /// The layers, first to last.
    pub layers: Vec<LayerWeights>,
}

/// Weights that the kernels cannot take.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnfitError {
    /// The shape is none of those that the kernels are made for.
    #[error("the width {width} must be a multiple of 16 and of the {heads} heads")]
    Shape {
        /// [`Weights::width`].
        width: usize,
        /// [`Weights::heads`].
        heads: usize,
    },
    /// A list has another length than the shape asks for.
    #[error("`{list}` has {found} numbers instead of {expected}")]
    Length {
        /// Which.
        list: &'static str,
        /// How many it has.
        found: usize,
        /// How many it should have.
        expected: usize,
    },
}

impl Weights {
    /// # Errors
    /// [`UnfitError`].
    pub fn check(&self) -> Result<(), UnfitError> {
        let (width, inner, heads) = (self.width, self.inner, self.heads);
        if width == 0 || heads == 0 || inner == 0 || !width.is_multiple_of(COLUMNS) || !width.is_multiple_of(heads) {
            return Err(UnfitError::Shape { width, heads });
        }
        let whole = |numbers: &[f32]| numbers.len().div_ceil(width).max(1) * width;
        length("words", &self.words, whole(&self.words))?;
        length("positions", &self.positions, whole(&self.positions))?;
        norm("norm", &self.norm, width)?;
        for layer in &self.layers {
            affine("query", &layer.query, width, width)?;
            affine("key", &layer.key, width, width)?;
            affine("value", &layer.value, width, width)?;
            affine("attended", &layer.attended, width, width)?;
            affine("widened", &layer.widened, inner, width)?;
            affine("narrowed", &layer.narrowed, width, inner)?;
            norm("attended_norm", &layer.attended_norm, width)?;
            norm("narrowed_norm", &layer.narrowed_norm, width)?;
        }
        Ok(())
    }
}

fn affine(list: &'static str, of: &Affine, outputs: usize, inputs: usize) -> Result<(), UnfitError> {
    length(list, &of.weights, outputs * inputs)?;
    length(list, &of.bias, outputs)
}

fn norm(list: &'static str, of: &NormWeights, width: usize) -> Result<(), UnfitError> {
    length(list, &of.scale, width)?;
    length(list, &of.shift, width)
}

fn length(list: &'static str, numbers: &[f32], expected: usize) -> Result<(), UnfitError> {
    let found = numbers.len();
    if found == expected { Ok(()) } else { Err(UnfitError::Length { list, found, expected }) }
}

/// Columns of one side of a matrix and where each comes to lie among the padded ones.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Side {
    /// Columns in a group.
    group: usize,
    /// Groups.
    count: usize,
    /// Padded columns of a group.
    padded: usize,
}

impl Side {
    /// One group.
    pub(crate) fn whole(columns: usize) -> Self {
        Self { group: columns, count: 1, padded: columns }
    }

    /// Heads, each padded to whole vectors.
    pub(crate) fn heads(width: usize, heads: usize) -> Self {
        let group = width / heads;
        Self { group, count: heads, padded: group.next_multiple_of(COLUMNS) }
    }

    /// Padded columns of a group.
    pub(crate) fn padded_group(self) -> usize {
        self.padded
    }

    pub(crate) fn padded(self) -> usize {
        (self.padded * self.count).next_multiple_of(PAD)
    }

    /// The place of each column.
    fn places(self) -> impl Iterator<Item = usize> {
        (0..self.count).flat_map(move |group| (0..self.group).map(move |column| group * self.padded + column))
    }
}

/// Lays `parts`, each times its factor, one below the other, padded.
pub(crate) fn lay(parts: &[(&Affine, f32)], outputs: Side, inputs: Side) -> Plain {
    let (rows, columns) = (outputs.padded(), inputs.padded());
    let mut plain = Plain {
        outputs: rows * parts.len(),
        inputs: columns,
        weights: vec![0.0; rows * parts.len() * columns],
        bias: vec![0.0; rows * parts.len()],
    };
    let width = inputs.group * inputs.count;
    for (number, (part, factor)) in parts.iter().enumerate() {
        for ((from, bias), place) in part.weights.chunks_exact(width).zip(&part.bias).zip(outputs.places()) {
            let row = number * rows + place;
            plain.bias[row] = bias * factor;
            let to = &mut plain.weights[row * columns..][..columns];
            from.iter().zip(inputs.places()).for_each(|(weight, place)| to[place] = weight * factor);
        }
    }
    plain
}
