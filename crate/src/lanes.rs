//! Where a kernel's vectors come from: a plane in memory, or a label map seen as one-hot.
//!
//! Kernels are generic over these, so each is written once for label maps and dense targets, with and without
//! weights.

use crate::simd::{F32x4, I32x4, Mask, Quad};
use crate::workspace::Tile;
use core::array::from_fn;
use core::ops::Range;

/// Four labels as they lie in memory.
pub type LabelQuad = [i32; 4];

/// Which of four labels are of a class.
#[inline(always)]
pub fn is_class(labels: &LabelQuad, class: i32) -> Mask {
    I32x4::load(labels).equals(I32x4::splat(class))
}

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
        F32x4::splat(1.0).keep(is_class(&self.labels[i], self.class))
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

/// Vectors that go through the classes at once: enough that one need not wait for the other.
const GROUP: usize = 4;

/// Planes of one buffer.
#[derive(Clone, Copy)]
pub struct Planes<'a> {
    pub quads: &'a [Quad],
    pub stride: usize,
    pub classes: usize,
}

impl<'a> Planes<'a> {
    pub fn of(quads: &'a [Quad], tile: &Tile) -> Self {
        Self { quads, stride: tile.stride, classes: tile.channels }
    }

    /// Plane `k`, and what follows it.
    pub fn plane(self, k: usize) -> &'a [Quad] {
        &self.quads[k * self.stride..]
    }

    /// Vector `i` of every plane.
    #[inline(always)]
    pub fn at(self, i: usize) -> impl Iterator<Item = F32x4> {
        (0..self.classes).map(move |k| F32x4::load(&self.quads[k * self.stride + i]))
    }

    /// Folds `step(state, class, vector)` over the classes, for every vector.
    #[inline(always)]
    pub fn fold<S: Copy>(
        self,
        vectors: usize,
        first: impl Fn(usize, F32x4) -> S,
        step: impl Fn(S, usize, F32x4) -> S,
        mut end: impl FnMut(usize, S),
    ) {
        let mut i = 0;
        while i + GROUP <= vectors {
            let mut states: [S; GROUP] = from_fn(|j| first(i + j, F32x4::load(&self.quads[i + j])));
            for k in 1..self.classes {
                let group = &self.quads[k * self.stride + i..][..GROUP];
                states = from_fn(|j| step(states[j], k, F32x4::load(&group[j])));
            }
            for (j, state) in states.into_iter().enumerate() {
                end(i + j, state);
            }
            i += GROUP;
        }
        for i in i..vectors {
            let first = first(i, F32x4::load(&self.quads[i]));
            let fold = |state, k| step(state, k, F32x4::load(&self.quads[k * self.stride + i]));
            end(i, (1..self.classes).fold(first, fold));
        }
    }
}
