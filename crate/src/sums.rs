//! Summation: every vector goes on in f64, in fixed order.
//!
//! Numerics: a sum of f32 terms is exact to 1e-15 of its size, so that any split of the pixels gives the same sum to
//! 1e-9 however few there are. Blocks of 64 f32 additions, which cost a tenth less, are only that good on average over
//! thousands of pixels; a running f32 sum is 0.5 % off at 4 million.

use crate::simd::{F32x4, F64x4};

/// Σ x.
#[derive(Clone, Copy)]
pub struct Sum(F64x4);

impl Sum {
    #[inline(always)]
    pub fn new() -> Self {
        Self(F64x4::splat(0.0))
    }
    #[inline(always)]
    pub fn add(&mut self, x: F32x4) {
        self.0 = self.0 + F64x4::from(x);
    }
    #[inline(always)]
    pub fn total(self) -> f64 {
        let [a, b, c, d] = self.0.to_array();
        (a + b) + (c + d)
    }
}

/// Σ ln(1 + x) for x ≥ 0, as the logarithm of one product: faster by a third than a logarithm a vector, and exact.
///
/// The product is kept as q, where 1 + q is the product: q ← q + x·(1 + q) does not lose a tiny x. It must not overflow:
/// 2^1024 is out of reach of a tile, which has at most 256 factors a lane of at most 2, or 160 of 3, 128 of 4, and so on.
#[derive(Clone, Copy)]
pub struct LogProduct(F64x4);

impl LogProduct {
    #[inline(always)]
    pub fn new() -> Self {
        Self(F64x4::splat(0.0))
    }
    #[inline(always)]
    pub fn multiply(&mut self, x: F32x4) {
        let x = F64x4::from(x);
        self.0 = x.mul_add(self.0, self.0 + x);
    }
    #[inline(never)]
    pub fn total(self) -> f64 {
        self.0.to_array().into_iter().map(libm::log1p).sum()
    }
}
