//! Summation: every vector goes on in f64, or with what f32 lost, in fixed order.
//!
//! Numerics: a sum of f32 terms is exact to 1e-15 of its size, so that any split of the pixels gives the same sum to
//! 1e-9 however few there are. Blocks of 64 f32 additions, which cost a tenth less, are only that good on average over
//! thousands of pixels; a running f32 sum is 0.5 % off at 4 million.

use crate::simd::{F32x4, F64x4, Quad};

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

/// Σ x of 0 ≤ x ≤ 1, in f32 with what each addition lost (T. J. Dekker, A floating-point technique for extending the
/// available precision, 1971): four instructions where `Sum` takes seven.
///
/// The sum begins at 2, so that it is never the smaller of what is added, and then nothing of the loss is lost.
#[derive(Clone, Copy)]
pub struct UnitSum {
    sum: F32x4,
    lost: F32x4,
}

impl UnitSum {
    #[inline(always)]
    pub fn new() -> Self {
        Self { sum: F32x4::splat(2.0), lost: F32x4::splat(0.0) }
    }
    #[inline(always)]
    pub fn add(&mut self, x: F32x4) {
        let sum = self.sum + x;
        self.lost = self.lost + (x - (sum - self.sum));
        self.sum = sum;
    }
    #[inline(always)]
    pub fn total(self) -> f64 {
        let (sum, lost) = (self.sum.to_array(), self.lost.to_array());
        sum.into_iter().zip(lost).map(|(sum, lost)| f64::from(sum) - 2.0 + f64::from(lost)).sum()
    }
}

/// Σ ln(1 + x) for x ≥ 0, as the logarithm of one product: faster by a third than a logarithm a vector, and exact.
///
/// The product is kept as q, where 1 + q is the product: q ← q + x·(1 + q) does not lose a tiny x.
#[derive(Clone, Copy)]
pub struct LogProduct {
    product: F64x4,
    settled: f64,
}

/// 2^500: four factors of 2^126 more are still no infinity.
const LARGE: f64 = f64::from_bits((1023 + 500) << 52);

impl LogProduct {
    #[inline(always)]
    pub fn new() -> Self {
        Self { product: F64x4::splat(0.0), settled: 0.0 }
    }
    /// It must not overflow: 2^1024 is out of reach of a tile's factors of at most 2, 256 a lane.
    #[inline(always)]
    pub fn multiply(&mut self, x: F64x4) {
        self.product = x.mul_add(self.product, self.product + x);
    }
    /// Any number of factors below 2^126, two vectors at a time, so that only every other step waits for the product.
    #[inline(never)]
    pub fn multiply_all(&mut self, all: &[Quad]) {
        let load = |x: &Quad| F64x4::from(F32x4::load(x));
        let (fours, rest) = all.as_chunks::<4>();
        for four in fours {
            for [x, y] in four.as_chunks::<2>().0 {
                let [x, y] = [load(x), load(y)];
                self.multiply(x.mul_add(y, x + y));
            }
            let [a, b, c, d] = self.product.to_array();
            if (a + c) + (b + d) > LARGE {
                self.settle();
            }
        }
        for x in rest {
            self.multiply(load(x));
        }
    }
    #[cold]
    #[inline(never)]
    fn settle(&mut self) {
        self.settled = self.total();
        self.product = F64x4::splat(0.0);
    }
    #[inline(never)]
    pub fn total(self) -> f64 {
        self.settled + self.product.to_array().into_iter().map(libm::log1p).sum::<f64>()
    }
}
