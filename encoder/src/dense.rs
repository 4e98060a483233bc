//! Products of rows with packed single-precision weights, with the layer's next step applied while the sums are still in
//! registers.
//!
//! Guarantees: a row's result depends on that row alone, to the bit, whatever rows stand beside it. Non-goals: widths
//! that are no multiple of [`PAD`]; who packs pads.

use crate::buffer::Buffer;
use crate::lanes::Lanes;
use crate::math;

/// Inputs and outputs of packed weights are padded with zeros to a multiple of this.
pub(crate) const PAD: usize = 64;

/// Weights as they are read from a model: `outputs` rows of `inputs`, both padded.
pub(crate) struct Plain {
    pub(crate) outputs: usize,
    pub(crate) inputs: usize,
    pub(crate) weights: Vec<f32>,
    pub(crate) bias: Vec<f32>,
}

/// What happens to a vector of results before it is stored at `at` of the output.
pub(crate) trait Finish: Copy {
    fn finish<L: Lanes>(self, l: L, v: L::V, at: usize) -> L::V;
}

/// Nothing happens.
#[derive(Clone, Copy)]
pub(crate) struct AsIs;

/// The activation by the error function.
#[derive(Clone, Copy)]
pub(crate) struct Gelu;

/// The activation by a polynomial.
#[derive(Clone, Copy)]
pub(crate) struct RoughGelu;

/// What is given is added: the residual connection.
#[derive(Clone, Copy)]
pub(crate) struct Plus<'a>(pub(crate) &'a [f32]);

impl Finish for AsIs {
    #[inline(always)]
    fn finish<L: Lanes>(self, _: L, v: L::V, _: usize) -> L::V {
        v
    }
}

impl Finish for Gelu {
    #[inline(always)]
    fn finish<L: Lanes>(self, l: L, v: L::V, _: usize) -> L::V {
        math::gelu(l, v)
    }
}

impl Finish for RoughGelu {
    #[inline(always)]
    fn finish<L: Lanes>(self, l: L, v: L::V, _: usize) -> L::V {
        math::gelu_rough(l, v)
    }
}

impl Finish for Plus<'_> {
    #[inline(always)]
    fn finish<L: Lanes>(self, l: L, v: L::V, at: usize) -> L::V {
        l.add(v, l.load(&self.0[at..]))
    }
}

/// Weights in panels: of a few vectors of neighbouring outputs, one input after the other.
pub(crate) struct Dense {
    outputs: usize,
    inputs: usize,
    /// Outputs in a panel.
    panel: usize,
    weights: Buffer<f32>,
    bias: Buffer<f32>,
}

impl Dense {
    /// Packs for kernels of `L`.
    pub(crate) fn pack<L: Lanes>(_: L, plain: &Plain) -> Self {
        let (panel, inputs) = (L::WIDTH * VECTORS, plain.inputs);
        let mut weights = Buffer::zeroed(plain.weights.len());
        for (at, to) in weights.all_mut().iter_mut().enumerate() {
            let (number, rest) = (at / (panel * inputs), at % (panel * inputs));
            *to = plain.weights[(number * panel + rest % panel) * inputs + rest / panel];
        }
        let mut bias = Buffer::zeroed(plain.outputs);
        bias.all_mut().copy_from_slice(&plain.bias);
        Self { outputs: plain.outputs, inputs, panel, weights, bias }
    }

    /// `out = finish(x · weightsᵀ + bias)` for `rows` rows.
    #[inline(always)]
    pub(crate) fn apply<L: Lanes, F: Finish>(&self, l: L, rows: usize, x: &[f32], finish: F, out: &mut [f32]) {
        let panels = self.weights.all().chunks_exact(self.panel * self.inputs);
        for (number, panel) in panels.enumerate() {
            let at = number * self.panel;
            let mut row = 0;
            while row < rows {
                let tile = Tile { dense: self, panel, column: at, row };
                let left = rows - row;
                // Sixteen-wide registers are thirty-two, eight-wide ones sixteen.
                row += match left {
                    12.. if L::WIDTH == 16 => tile.run::<L, F, 12>(l, x, finish, out),
                    6.. => tile.run::<L, F, 6>(l, x, finish, out),
                    4 | 5 => tile.run::<L, F, 4>(l, x, finish, out),
                    2 | 3 => tile.run::<L, F, 2>(l, x, finish, out),
                    _ => tile.run::<L, F, 1>(l, x, finish, out),
                };
            }
        }
    }
}

/// Vectors in a panel: few, so that a panel stays in the first cache while all rows pass.
const VECTORS: usize = 2;

struct Tile<'a> {
    dense: &'a Dense,
    panel: &'a [f32],
    column: usize,
    row: usize,
}

impl Tile<'_> {
    /// `R` rows by [`VECTORS`]; gives `R`.
    #[inline(always)]
    fn run<L: Lanes, F: Finish, const R: usize>(self, l: L, x: &[f32], finish: F, out: &mut [f32]) -> usize {
        let (inputs, outputs) = (self.dense.inputs, self.dense.outputs);
        // Cut to one length, the rows need no further check in the loop.
        let mut rows = [x; R];
        for (i, row) in rows.iter_mut().enumerate() {
            *row = &x[(self.row + i) * inputs..][..inputs];
        }
        let mut sums = [[l.splat(0.0); VECTORS]; R];
        for input in 0..inputs {
            let weights = &self.panel[input * VECTORS * L::WIDTH..][..VECTORS * L::WIDTH];
            let loaded = [l.load(weights), l.load(&weights[L::WIDTH..])];
            for (row, sums) in rows.iter().zip(&mut sums) {
                let a = l.splat(row[input]);
                for (sum, &weight) in sums.iter_mut().zip(&loaded) {
                    *sum = l.fma(a, weight, *sum);
                }
            }
        }
        for (i, sums) in sums.iter().enumerate() {
            for (j, &sum) in sums.iter().enumerate() {
                let column = self.column + j * L::WIDTH;
                let at = (self.row + i) * outputs + column;
                let v = l.add(sum, l.load(&self.dense.bias.all()[column..]));
                l.store(finish.finish(l, v, at), &mut out[at..]);
            }
        }
        R
    }
}
