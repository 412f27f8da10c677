//! The pixel part of the exponential logarithmic loss: (−ln p_y)^b.

use crate::pixel::categorical::Categorical;
use crate::pixel::elementwise::{Elementwise, Logit};
use crate::pixel::rare::{Exp, Log};
use crate::pixel::{LOWEST_LOG, SMALLEST};
use crate::simd::F32x4;

pub struct ExponentialLogarithmic {
    exponent: F32x4,
    exp: Exp,
    log: Log,
}

impl ExponentialLogarithmic {
    pub fn new(exponent: f32) -> Self {
        Self { exponent: F32x4::splat(exponent), exp: Exp::new(), log: Log::new() }
    }

    /// L^b of L = −ln p ≥ 0, as e^(b ln L); 0 at L = 0.
    #[inline(always)]
    fn power(&self, l: F32x4) -> F32x4 {
        let (zero, one) = (F32x4::splat(0.0), F32x4::splat(1.0));
        let x = self.exponent * self.log.ln(l);
        let e = self.exp.negative(x.abs());
        zero.less(x).select(one / e, e).drop(l.equals(zero))
    }

    /// Its derivative b·L^(b−1); at L = 0, where it is infinite for b < 1, taken as 0.
    #[inline(always)]
    fn slope_of(&self, l: F32x4) -> F32x4 {
        self.exponent * (self.power(l) / l.at_least(F32x4::splat(f32::MIN_POSITIVE)))
    }

    /// −ln p and −ln(1 − p).
    #[inline(always)]
    fn logs(&self, p: F32x4) -> (F32x4, F32x4) {
        let lowest = F32x4::splat(LOWEST_LOG);
        // +0: a power of −0 would be taken of its bits.
        let zero = F32x4::splat(0.0);
        (zero - self.log.ln(p).at_least(lowest), zero - self.log.log1p(-p).at_least(lowest))
    }
}

impl Elementwise for ExponentialLogarithmic {
    #[inline(always)]
    fn of_logit(&self, x: &Logit, near: F32x4, far: F32x4) -> F32x4 {
        let near_log = self.log.log1p_unit(x.e);
        near.mul_add(self.power(near_log), far * self.power(x.size + near_log))
    }
    /// d/d|z|: far·b(−ln q)^(b−1)·(1−q) − near·b(−ln(1−q))^(b−1)·q.
    #[inline(always)]
    fn logit_slope(&self, x: &Logit, near: F32x4, far: F32x4) -> F32x4 {
        let near_log = self.log.log1p_unit(x.e);
        let near_slope = self.slope_of(near_log) * x.q;
        near.neg_mul_add(near_slope, far * (self.slope_of(x.size + near_log) * (F32x4::splat(1.0) - x.q)))
    }
    #[inline(always)]
    fn of_probability(&self, p: F32x4, positive: F32x4, negative: F32x4) -> F32x4 {
        let (yes, no) = self.logs(p);
        positive.mul_add(self.power(yes), negative * self.power(no))
    }
    #[inline(always)]
    fn probability_slope(&self, p: F32x4, positive: F32x4, negative: F32x4) -> F32x4 {
        let (yes, no) = self.logs(p);
        let smallest = F32x4::splat(SMALLEST);
        let yes_slope = self.slope_of(yes) / p.at_least(smallest);
        let no_slope = self.slope_of(no) / (F32x4::splat(1.0) - p).at_least(smallest);
        positive.neg_mul_add(yes_slope, negative * no_slope)
    }
}

impl Categorical for ExponentialLogarithmic {
    const NEEDS_PROBABILITY: bool = true;

    #[inline(always)]
    fn of(&self, negative_log: F32x4, _: F32x4) -> F32x4 {
        self.power(negative_log)
    }
    #[inline(always)]
    fn slope(&self, negative_log: F32x4, _: F32x4, _: F32x4) -> F32x4 {
        self.slope_of(negative_log)
    }
}
