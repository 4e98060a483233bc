//! Steps that look at one row at a time: the layer norm and the mean over a sequence.
//!
//! Guarantees: a row's result depends on that row alone; a normed row's columns beyond its width are zero.

use crate::buffer::Buffer;
use crate::lanes::Lanes;

/// A layer norm's parameters.
pub(crate) struct Norm {
    pub(crate) scale: Buffer<f32>,
    pub(crate) shift: Buffer<f32>,
    pub(crate) width: usize,
    pub(crate) eps: f32,
}

impl Norm {
    /// `width` is a multiple of sixteen.
    #[inline(always)]
    pub(crate) fn row<L: Lanes>(&self, l: L, from: &[f32], to: &mut [f32]) {
        let columns = (0..self.width).step_by(L::WIDTH);
        let count = self.width as f32;
        let mut sum = l.splat(0.0);
        for at in columns.clone() {
            sum = l.add(sum, l.load(&from[at..]));
        }
        let mean = l.splat(l.sum(sum) / count);
        let mut squares = l.splat(0.0);
        for at in columns.clone() {
            let apart = l.sub(l.load(&from[at..]), mean);
            squares = l.fma(apart, apart, squares);
        }
        let factor = l.splat(1.0 / (l.sum(squares) / count + self.eps).sqrt());
        let (scale, shift) = (self.scale.all(), self.shift.all());
        for at in columns {
            let apart = l.mul(l.sub(l.load(&from[at..]), mean), factor);
            l.store(l.fma(apart, l.load(&scale[at..]), l.load(&shift[at..])), &mut to[at..]);
        }
        to[self.width..].fill(0.0);
    }
}

/// The unit vector along the mean of `rows`, whose stride is `stride` and whose width is `to`'s, a multiple of sixteen.
///
/// The mean's length drops out, so the sum serves.
#[inline(always)]
pub(crate) fn pool<L: Lanes>(l: L, rows: &[f32], stride: usize, to: &mut [f32]) {
    let mut squares = l.splat(0.0);
    for at in (0..to.len()).step_by(L::WIDTH) {
        let mut sum = l.splat(0.0);
        for row in rows.chunks_exact(stride) {
            sum = l.add(sum, l.load(&row[at..]));
        }
        squares = l.fma(sum, sum, squares);
        l.store(sum, &mut to[at..]);
    }
    let factor = l.splat(1.0 / l.sum(squares).sqrt());
    for at in (0..to.len()).step_by(L::WIDTH) {
        let v = l.mul(l.load(&to[at..]), factor);
        l.store(v, &mut to[at..]);
    }
}
