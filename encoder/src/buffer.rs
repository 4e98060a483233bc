//! A growing buffer whose first element lies on a cache line.
//!
//! Guarantees: no load or store of a whole vector at a multiple of its width straddles two lines; memory is kept for the
//! next use and never shrinks. Non-goals: clearing what an earlier use left, except where the buffer grew.

/// Bytes of a cache line, which is also the widest vector.
const LINE_BYTES: usize = 64;

/// Numbers that begin on a cache line.
#[derive(Debug)]
pub(crate) struct Buffer<T> {
    held: Vec<T>,
    start: usize,
    len: usize,
}

impl<T: Copy + Default> Buffer<T> {
    pub(crate) fn new() -> Self {
        Self { held: Vec::new(), start: 0, len: 0 }
    }

    /// All `len` elements are zero.
    pub(crate) fn zeroed(len: usize) -> Self {
        let mut buffer = Self::new();
        buffer.grow(len);
        buffer
    }

    /// Makes room for `len` elements; the contents are unspecified afterwards.
    pub(crate) fn grow(&mut self, len: usize) {
        if len > self.len {
            let slack = LINE_BYTES / size_of::<T>().max(1);
            self.held = vec![T::default(); len + slack];
            // `align_offset` may decline in theory; then the buffer is merely not aligned, which costs time only.
            self.start = self.held.as_ptr().align_offset(LINE_BYTES).min(slack);
            self.len = len;
        }
    }

    pub(crate) fn all(&self) -> &[T] {
        &self.held[self.start..self.start + self.len]
    }

    pub(crate) fn all_mut(&mut self) -> &mut [T] {
        &mut self.held[self.start..self.start + self.len]
    }
}
