//! Poly-1 cross-entropy: −ln p_y + ε(1 − p_y).

use crate::pixel::categorical::Categorical;
use crate::pixel::elementwise::{Elementwise, Logit};
use crate::pixel::rare::Log;
use crate::pixel::{LOWEST_LOG, SMALLEST};
use crate::simd::F32x4;

pub struct PolyCrossEntropy {
    epsilon: F32x4,
    log: Log,
}

impl PolyCrossEntropy {
    pub fn new(epsilon: f32) -> Self {
        Self { epsilon: F32x4::splat(epsilon), log: Log::new() }
    }
}

impl Elementwise for PolyCrossEntropy {
    #[inline(always)]
    fn of_logit(&self, x: &Logit, near: F32x4, far: F32x4) -> F32x4 {
        let near_log = self.log.log1p_unit(x.e);
        let near_loss = self.epsilon.mul_add(x.q, near_log);
        let far_loss = self.epsilon.mul_add(F32x4::splat(1.0) - x.q, x.size + near_log);
        near.mul_add(near_loss, far * far_loss)
    }
    /// d/d|z|: far·(p + ε q p) − near·(q + ε q p).
    #[inline(always)]
    fn logit_slope(&self, x: &Logit, near: F32x4, far: F32x4) -> F32x4 {
        let p = F32x4::splat(1.0) - x.q;
        let bend = self.epsilon * (x.q * p);
        near.neg_mul_add(x.q + bend, far * (p + bend))
    }
    #[inline(always)]
    fn of_probability(&self, p: F32x4, positive: F32x4, negative: F32x4) -> F32x4 {
        let (lowest, rest) = (F32x4::splat(LOWEST_LOG), F32x4::splat(1.0) - p);
        let yes = self.epsilon.mul_add(rest, -self.log.ln(p).at_least(lowest));
        let no = self.epsilon.mul_add(p, -self.log.log1p(-p).at_least(lowest));
        positive.mul_add(yes, negative * no)
    }
    #[inline(always)]
    fn probability_slope(&self, p: F32x4, positive: F32x4, negative: F32x4) -> F32x4 {
        let rest = F32x4::splat(1.0) - p;
        let slope = (negative * p - positive * rest) / (p * rest).at_least(F32x4::splat(SMALLEST));
        self.epsilon.mul_add(negative - positive, slope)
    }
}

impl Categorical for PolyCrossEntropy {
    const NEEDS_PROBABILITY: bool = true;

    #[inline(always)]
    fn of(&self, negative_log: F32x4, q: F32x4) -> F32x4 {
        self.epsilon.mul_add(q, negative_log)
    }
    #[inline(always)]
    fn slope(&self, _: F32x4, p: F32x4, _: F32x4) -> F32x4 {
        self.epsilon.mul_add(p, F32x4::splat(1.0))
    }
}
