//! Generalized cross-entropy: (1 − p_y^q)/q, between −ln p_y (q → 0) and 1 − p_y (q = 1).

use crate::pixel::SMALLEST;
use crate::pixel::categorical::Categorical;
use crate::pixel::elementwise::{Elementwise, Logit};
use crate::pixel::rare::{Exp, Log};
use crate::simd::F32x4;

pub struct GeneralizedCrossEntropy {
    q: F32x4,
    inverse: F32x4,
    exp: Exp,
    log: Log,
}

impl GeneralizedCrossEntropy {
    pub fn new(q: f32) -> Self {
        let (inverse, q) = (F32x4::splat(1.0 / q), F32x4::splat(q));
        Self { q, inverse, exp: Exp::new(), log: Log::new() }
    }

    /// p^q.
    #[inline(always)]
    fn power(&self, negative_log: F32x4) -> F32x4 {
        self.exp.negative(self.q * negative_log)
    }

    /// (1 − e^−x)/q with x = −q ln p; where that cancels, the series of 1 − e^−x, whose rest is 2e-9 at 0.4.
    #[inline(always)]
    fn loss(&self, negative_log: F32x4) -> F32x4 {
        let x = self.q * negative_log;
        let one = F32x4::splat(1.0);
        let mut series = one;
        for n in [8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0] {
            series = (x * F32x4::splat(1.0 / n)).neg_mul_add(series, one);
        }
        let large = F32x4::splat(0.4).less(x);
        self.inverse * large.select(one - self.exp.negative(x), x * series)
    }

    /// −ln p and −ln(1 − p), of nothing below the smallest divisor.
    #[inline(always)]
    fn logs(&self, p: F32x4) -> (F32x4, F32x4) {
        let smallest = F32x4::splat(SMALLEST);
        let lowest = self.log.ln(smallest);
        (-self.log.ln(p).at_least(lowest), -self.log.log1p(-p).at_least(lowest))
    }
}

impl Elementwise for GeneralizedCrossEntropy {
    #[inline(always)]
    fn of_logit(&self, x: &Logit, near: F32x4, far: F32x4) -> F32x4 {
        let near_log = self.log.log1p_unit(x.e);
        near.mul_add(self.loss(near_log), far * self.loss(x.size + near_log))
    }
    /// d/d|z|: far·q^s(1−q) − near·(1−q)^s·q, s the exponent.
    #[inline(always)]
    fn logit_slope(&self, x: &Logit, near: F32x4, far: F32x4) -> F32x4 {
        let near_log = self.log.log1p_unit(x.e);
        let near_slope = self.power(near_log) * x.q;
        let far_slope = self.power(x.size + near_log) * (F32x4::splat(1.0) - x.q);
        near.neg_mul_add(near_slope, far * far_slope)
    }
    #[inline(always)]
    fn of_probability(&self, p: F32x4, positive: F32x4, negative: F32x4) -> F32x4 {
        let (yes, no) = self.logs(p);
        positive.mul_add(self.loss(yes), negative * self.loss(no))
    }
    #[inline(always)]
    fn probability_slope(&self, p: F32x4, positive: F32x4, negative: F32x4) -> F32x4 {
        let (yes, no) = self.logs(p);
        let smallest = F32x4::splat(SMALLEST);
        let yes_slope = self.power(yes) / p.at_least(smallest);
        let no_slope = self.power(no) / (F32x4::splat(1.0) - p).at_least(smallest);
        positive.neg_mul_add(yes_slope, negative * no_slope)
    }
}

impl Categorical for GeneralizedCrossEntropy {
    const NEEDS_PROBABILITY: bool = true;

    #[inline(always)]
    fn of(&self, negative_log: F32x4, _: F32x4) -> F32x4 {
        self.loss(negative_log)
    }
    #[inline(always)]
    fn slope(&self, negative_log: F32x4, _: F32x4, _: F32x4) -> F32x4 {
        self.power(negative_log)
    }
}
