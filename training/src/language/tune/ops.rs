//! Operations of the encoder with their gradients, over texts that are packed one after another without padding.
//!
//! Purpose: candle differentiates neither its fused layer norm nor attention over ragged texts, and pays for its generic
//! operations with a copy each; these four are what a BERT layer is made of. Guarantees: single precision, on the CPU;
//! equal input gives equal bits; gradients are checked against differences (`tests/it/tune.rs`). Non-goals: other devices.

use std::sync::Arc;

use candle_core::backend::BackendStorage as _;
use candle_core::{CpuStorage, CustomOp1, CustomOp3, Device, Layout, Result, Shape, Tensor};
use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayView2, ArrayViewMut2, s};

/// `x · wᵀ + b` for rows `x` and weights of outputs × inputs.
pub(super) struct Affine;

/// Layer normalisation of rows with scale and shift (Ba et al. 2016).
pub(super) struct Normalize {
    pub(super) epsilon: f32,
}

/// x · Φ(x), the error function by Abramowitz and Stegun 7.1.26 (error below 1.5e-7).
pub(super) struct Gelu;

/// Attention (Vaswani et al. 2017) of every text to itself; queries, keys and values are tokens × width.
pub(super) struct Attend {
    /// Tokens of each text, in order; they sum to the rows.
    pub(super) lengths: Arc<[usize]>,
    pub(super) heads: usize,
}

/// The numbers of a contiguous storage.
fn numbers<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let Some((start, end)) = layout.contiguous_offsets() else {
        candle_core::bail!("the operation needs rows that lie one after another")
    };
    Ok(&storage.as_slice::<f32>()?[start..end])
}

/// The numbers of a tensor, row by row.
fn vector(tensor: &Tensor) -> Result<Vec<f32>> {
    tensor.flatten_all()?.to_vec1()
}

impl CustomOp3 for Affine {
    fn name(&self) -> &'static str {
        "affine"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let ((rows, inputs), (outputs, _)) = (x_layout.shape().dims2()?, weight_layout.shape().dims2()?);
        let transposed = weight_layout.transpose(0, 1)?;
        let mut product = x.matmul(weight, (1, rows, outputs, inputs), x_layout, &transposed)?;
        let bias = numbers(bias, bias_layout)?;
        if let CpuStorage::F32(product) = &mut product {
            for row in product.chunks_exact_mut(outputs) {
                row.iter_mut().zip(bias).for_each(|(sum, bias)| *sum += bias);
            }
        }
        Ok((product, Shape::from((rows, outputs))))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        _: &Tensor,
        _: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (rows, outputs) = gradient.dims2()?;
        let ones = Tensor::ones((1, rows), gradient.dtype(), gradient.device())?;
        let bias = ones.matmul(gradient)?.reshape(outputs)?;
        Ok((Some(gradient.matmul(weight)?), Some(gradient.t()?.matmul(x)?), Some(bias)))
    }
}

/// Mean and inverse deviation of a row.
fn moments(row: &[f32], epsilon: f32) -> (f32, f32) {
    let count = row.len() as f32;
    let mean = row.iter().sum::<f32>() / count;
    let variance = row.iter().map(|x| (x - mean) * (x - mean)).sum::<f32>() / count;
    (mean, 1.0 / (variance + epsilon).sqrt())
}

impl CustomOp3 for Normalize {
    fn name(&self) -> &'static str {
        "normalize"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        scale: &CpuStorage,
        scale_layout: &Layout,
        shift: &CpuStorage,
        shift_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (scale, shift) = (numbers(scale, scale_layout)?, numbers(shift, shift_layout)?);
        let mut result = numbers(x, x_layout)?.to_vec();
        for row in result.chunks_exact_mut(scale.len()) {
            let (mean, inverse) = moments(row, self.epsilon);
            for ((x, scale), shift) in row.iter_mut().zip(scale).zip(shift) {
                *x = (*x - mean) * inverse * scale + shift;
            }
        }
        Ok((CpuStorage::F32(result), x_layout.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        scale: &Tensor,
        _: &Tensor,
        _: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (mut result, scale_numbers, gradient) = (vector(x)?, vector(scale)?, vector(gradient)?);
        let width = scale_numbers.len();
        let (mut to_scale, mut to_shift) = (vec![0.0; width], vec![0.0; width]);
        for (row, gradient) in result.chunks_exact_mut(width).zip(gradient.chunks_exact(width)) {
            let (mean, inverse) = moments(row, self.epsilon);
            let (mut sum, mut along) = (0.0, 0.0);
            for column in 0..width {
                let normal = (row[column] - mean) * inverse;
                row[column] = normal;
                to_scale[column] += gradient[column] * normal;
                to_shift[column] += gradient[column];
                let scaled = gradient[column] * scale_numbers[column];
                sum += scaled;
                along += scaled * normal;
            }
            let (sum, along) = (sum / width as f32, along / width as f32);
            for column in 0..width {
                let scaled = gradient[column] * scale_numbers[column];
                row[column] = inverse * (scaled - sum - row[column] * along);
            }
        }
        let to = |numbers: Vec<f32>| Tensor::from_vec(numbers, width, &Device::Cpu);
        Ok((Some(Tensor::from_vec(result, x.shape(), &Device::Cpu)?), Some(to(to_scale)?), Some(to(to_shift)?)))
    }
}

/// eˣ for x ≤ 0 to 2e-7, in a form that compilers turn into vector code: 2ⁿ from the exponent's bits, the rest by its
/// series.
#[inline]
fn exp(x: f32) -> f32 {
    /// Adding it leaves the nearest integer in the lowest bits of the mantissa.
    const TO_INTEGER: f32 = 12_582_912.0;
    let x = x.max(-87.0);
    let shifted = x * std::f32::consts::LOG2_E + TO_INTEGER;
    let n = shifted - TO_INTEGER;
    let r = (x - n * 0.693_359_4) + n * 2.121_944_4e-4;
    let series = 1.0 / 5040.0;
    let series = series * r + 1.0 / 720.0;
    let series = series * r + 1.0 / 120.0;
    let series = series * r + 1.0 / 24.0;
    let series = series * r + 1.0 / 6.0;
    let series = series * r + 0.5;
    let series = series * r * r + r + 1.0;
    series * f32::from_bits(shifted.to_bits().wrapping_add(127) << 23)
}

/// Φ(x), and e^(−x²/2).
#[inline]
fn normal(x: f32) -> (f32, f32) {
    let t = 1.0 / (1.0 + 0.327_591_1 * std::f32::consts::FRAC_1_SQRT_2 * x.abs());
    let bell = exp(-0.5 * x * x);
    let series = 1.061_405_4 * t - 1.453_152_1;
    let series = series * t + 1.421_413_7;
    let series = series * t - 0.284_496_74;
    let series = series * t + 0.254_829_6;
    let tail = 0.5 * series * t * bell;
    (if x < 0.0 { tail } else { 1.0 - tail }, bell)
}

impl CustomOp1 for Gelu {
    fn name(&self) -> &'static str {
        "gelu"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let result = numbers(x, layout)?.iter().map(|&x| x * normal(x).0).collect();
        Ok((CpuStorage::F32(result), layout.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        /// 1/√(2π).
        const DENSITY: f32 = 0.398_942_3;
        let (mut result, gradient) = (vector(x)?, vector(gradient)?);
        for (x, gradient) in result.iter_mut().zip(gradient) {
            let (share, bell) = normal(*x);
            *x = gradient * (share + *x * DENSITY * bell);
        }
        Ok(Some(Tensor::from_vec(result, x.shape(), &Device::Cpu)?))
    }
}

impl Attend {
    /// Calls `visit` with the rows and columns of each text and head.
    fn each(&self, width: usize, mut visit: impl FnMut(std::ops::Range<usize>, std::ops::Range<usize>)) {
        let head = width / self.heads;
        let mut start = 0;
        for &length in self.lengths.iter() {
            for at in 0..self.heads {
                visit(start..start + length, at * head..(at + 1) * head);
            }
            start += length;
        }
    }
}

/// Shares of attention of one text and head: softmax over keys.
fn shares(query: ArrayView2<'_, f32>, key: ArrayView2<'_, f32>) -> Array2<f32> {
    let scale = 1.0 / (query.ncols() as f32).sqrt();
    let mut result = Array2::zeros((query.nrows(), key.nrows()));
    general_mat_mul(scale, &query, &key.t(), 0.0, &mut result);
    for mut row in result.rows_mut() {
        let max = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        row.iter_mut().for_each(|score| *score = exp(*score - max));
        let inverse = 1.0 / row.sum();
        row.iter_mut().for_each(|score| *score *= inverse);
    }
    result
}

fn view<'a>(numbers: &'a [f32], shape: (usize, usize)) -> Result<ArrayView2<'a, f32>> {
    ArrayView2::from_shape(shape, numbers).map_err(|error| candle_core::Error::Msg(error.to_string()))
}

fn view_mut<'a>(numbers: &'a mut [f32], shape: (usize, usize)) -> Result<ArrayViewMut2<'a, f32>> {
    ArrayViewMut2::from_shape(shape, numbers).map_err(|error| candle_core::Error::Msg(error.to_string()))
}

impl CustomOp3 for Attend {
    fn name(&self) -> &'static str {
        "attend"
    }

    fn cpu_fwd(
        &self,
        query: &CpuStorage,
        query_layout: &Layout,
        key: &CpuStorage,
        key_layout: &Layout,
        value: &CpuStorage,
        value_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let shape = query_layout.shape().dims2()?;
        let query = view(numbers(query, query_layout)?, shape)?;
        let key = view(numbers(key, key_layout)?, shape)?;
        let value = view(numbers(value, value_layout)?, shape)?;
        let mut result = vec![0.0; shape.0 * shape.1];
        let mut mixed = view_mut(&mut result, shape)?;
        self.each(shape.1, |rows, columns| {
            let at = s![rows, columns];
            let shares = shares(query.slice(at), key.slice(at));
            general_mat_mul(1.0, &shares, &value.slice(at), 0.0, &mut mixed.slice_mut(at));
        });
        Ok((CpuStorage::F32(result), Shape::from(shape)))
    }

    fn bwd(
        &self,
        query: &Tensor,
        key: &Tensor,
        value: &Tensor,
        _: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let shape = query.dims2()?;
        let inputs = [vector(query)?, vector(key)?, vector(value)?, vector(gradient)?];
        let mut outputs = [(); 3].map(|()| vec![0.0; shape.0 * shape.1]);
        let scale = 1.0 / ((shape.1 / self.heads) as f32).sqrt();
        {
            let [query, key, value, gradient] = &inputs;
            let (query, key) = (view(query, shape)?, view(key, shape)?);
            let (value, gradient) = (view(value, shape)?, view(gradient, shape)?);
            let [to_query, to_key, to_value] = &mut outputs;
            let (mut to_query, mut to_key) = (view_mut(to_query, shape)?, view_mut(to_key, shape)?);
            let mut to_value = view_mut(to_value, shape)?;
            self.each(shape.1, |rows, columns| {
                let at = s![rows, columns];
                let (query, key) = (query.slice(at), key.slice(at));
                let (value, gradient) = (value.slice(at), gradient.slice(at));
                let shares = shares(query, key);
                general_mat_mul(1.0, &shares.t(), &gradient, 0.0, &mut to_value.slice_mut(at));
                let mut scores = gradient.dot(&value.t());
                for (mut row, shares) in scores.rows_mut().into_iter().zip(shares.rows()) {
                    let mean = row.dot(&shares);
                    row.iter_mut().zip(shares).for_each(|(score, share)| *score = share * (*score - mean));
                }
                general_mat_mul(scale, &scores, &key, 0.0, &mut to_query.slice_mut(at));
                general_mat_mul(scale, &scores.t(), &query, 0.0, &mut to_key.slice_mut(at));
            });
        }
        let [to_query, to_key, to_value] = outputs;
        let to = |numbers: Vec<f32>| Tensor::from_vec(numbers, shape, &Device::Cpu);
        Ok((Some(to(to_query)?), Some(to(to_key)?), Some(to(to_value)?)))
    }
}
