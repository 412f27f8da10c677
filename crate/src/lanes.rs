//! Where a kernel's vectors come from: a plane in memory, or a label map seen as one-hot.
//!
//! Kernels are generic over these, so each is written once for label maps and dense targets, with and without
//! weights.

use crate::simd::{F32x4, I32x4, Quad};
use core::ops::Range;

/// Four labels as they lie in memory.
pub type LabelQuad = [i32; 4];

/// A source of vectors.
pub trait Lanes: Copy {
    /// The vectors of `range`. Taking the part before the loop lets the compiler drop the bounds check inside it.
    fn part(self, range: Range<usize>) -> Self;
    fn at(self, i: usize) -> F32x4;
}

/// A plane of floats.
#[derive(Clone, Copy)]
pub struct Plane<'a>(pub &'a [Quad]);

impl Lanes for Plane<'_> {
    #[inline(always)]
    fn part(self, range: Range<usize>) -> Self {
        Self(&self.0[range])
    }
    #[inline(always)]
    fn at(self, i: usize) -> F32x4 {
        F32x4::load(&self.0[i])
    }
}

/// 1 where the label is `class`, else 0.
#[derive(Clone, Copy)]
pub struct OneHot<'a> {
    pub labels: &'a [LabelQuad],
    pub class: i32,
}

impl Lanes for OneHot<'_> {
    #[inline(always)]
    fn part(self, range: Range<usize>) -> Self {
        Self { labels: &self.labels[range], class: self.class }
    }
    #[inline(always)]
    fn at(self, i: usize) -> F32x4 {
        F32x4::splat(1.0).keep(I32x4::load(&self.labels[i]).equals(I32x4::splat(self.class)))
    }
}

/// p from the signed tail q = min(p, 1 − p), whose sign bit says that p is the smaller one.
#[derive(Clone, Copy)]
pub struct FromTail<'a>(pub &'a [Quad]);

impl Lanes for FromTail<'_> {
    #[inline(always)]
    fn part(self, range: Range<usize>) -> Self {
        Self(&self.0[range])
    }
    #[inline(always)]
    fn at(self, i: usize) -> F32x4 {
        let tail = F32x4::load(&self.0[i]);
        let q = tail.abs();
        // The sign of −0 must count, so the bits are compared, not the value.
        tail.to_bits().is_negative().select(q, F32x4::splat(1.0) - q)
    }
}
