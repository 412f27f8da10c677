//! Focal loss with a threshold τ: ((1 − p_t)/τ)^γ·(−ln p_t), where p_t < τ without its factor; and that factor alone,
//! whose sum a normalised focal loss divides by. τ = 0: the plain focal loss.

use crate::math::Power;
use crate::pixel::categorical::Categorical;
use crate::pixel::elementwise::{Elementwise, Logit};
use crate::pixel::rare::Log;
use crate::pixel::{LOWEST_LOG, SMALLEST};
use crate::simd::F32x4;

pub struct ReducedFocal {
    gamma: F32x4,
    power: Power,
    threshold: F32x4,
    /// τ^−γ.
    scale: F32x4,
    log: Log,
    logarithm: bool,
}

impl ReducedFocal {
    /// `scale`: τ^−γ, or 1 without a threshold; `logarithm` = false: the factor alone.
    pub fn new(gamma: f32, [threshold, scale]: [f32; 2], logarithm: bool) -> Self {
        Self {
            gamma: F32x4::splat(gamma),
            power: Power::new(gamma),
            threshold: F32x4::splat(threshold),
            scale: F32x4::splat(scale),
            log: Log::new(),
            logarithm,
        }
    }

    /// The loss, from p_t, 1 − p_t and their negative logarithms.
    #[inline(always)]
    fn loss(&self, p: F32x4, q: F32x4, p_log: F32x4, q_log: F32x4) -> F32x4 {
        let one = F32x4::splat(1.0);
        let factor = p.less(self.threshold).select(one, self.scale * self.power.of(q, q_log));
        if self.logarithm { factor * p_log } else { factor }
    }

    /// −p·d/dp of it, divided by p: c q^γ (γ(−ln p)/q + 1/p), below the threshold 1/p. `p_over`, `q_over`: p and q
    /// as divisors.
    #[inline(always)]
    fn parts(&self, p: F32x4, q: F32x4, p_log: F32x4, q_log: F32x4) -> (F32x4, F32x4) {
        let (zero, one) = (F32x4::splat(0.0), F32x4::splat(1.0));
        let below = p.less(self.threshold);
        let factor = self.scale * self.power.of(q, q_log);
        let bend = (self.gamma * factor * if self.logarithm { p_log } else { one }).drop(below);
        let level = if self.logarithm { below.select(one, factor) } else { zero };
        (bend, level)
    }

    /// −ln q, only where the power asks for it.
    #[inline(always)]
    fn far_log(&self, q: F32x4) -> F32x4 {
        if self.power.has_fraction() { -self.log.ln(q) } else { q }
    }
}

impl Elementwise for ReducedFocal {
    #[inline(always)]
    fn of_logit(&self, x: &Logit, near: F32x4, far: F32x4) -> F32x4 {
        let near_log = self.log.log1p_unit(x.e);
        let (p, far_log) = (F32x4::splat(1.0) - x.q, x.size + near_log);
        near.mul_add(self.loss(p, x.q, near_log, far_log), far * self.loss(x.q, p, far_log, near_log))
    }
    /// d/d|z|, in which p changes by pq: far·(bend·q + level·p) − near·(bend·p + level·q).
    #[inline(always)]
    fn logit_slope(&self, x: &Logit, near: F32x4, far: F32x4) -> F32x4 {
        let near_log = self.log.log1p_unit(x.e);
        let (p, q, far_log) = (F32x4::splat(1.0) - x.q, x.q, x.size + near_log);
        let (near_bend, near_level) = self.parts(p, q, near_log, far_log);
        let (far_bend, far_level) = self.parts(q, p, far_log, near_log);
        let near_slope = near_bend.mul_add(p, near_level * q);
        near.neg_mul_add(near_slope, far * far_bend.mul_add(q, far_level * p))
    }
    #[inline(always)]
    fn of_probability(&self, p: F32x4, positive: F32x4, negative: F32x4) -> F32x4 {
        let (yes, no, q) = self.logs(p);
        positive.mul_add(self.loss(p, q, yes, no), negative * self.loss(q, p, no, yes))
    }
    #[inline(always)]
    fn probability_slope(&self, p: F32x4, positive: F32x4, negative: F32x4) -> F32x4 {
        let (yes, no, q) = self.logs(p);
        let smallest = F32x4::splat(SMALLEST);
        let (over_p, over_q) = (p.at_least(smallest), q.at_least(smallest));
        let (yes_bend, yes_level) = self.parts(p, q, yes, no);
        let (no_bend, no_level) = self.parts(q, p, no, yes);
        let yes_slope = yes_bend / over_q + yes_level / over_p;
        positive.neg_mul_add(yes_slope, negative * (no_bend / over_p + no_level / over_q))
    }
}

impl ReducedFocal {
    /// −ln p, −ln(1 − p) and 1 − p.
    #[inline(always)]
    fn logs(&self, p: F32x4) -> (F32x4, F32x4, F32x4) {
        let lowest = F32x4::splat(LOWEST_LOG);
        (-self.log.ln(p).at_least(lowest), -self.log.log1p(-p).at_least(lowest), F32x4::splat(1.0) - p)
    }
}

impl Categorical for ReducedFocal {
    const NEEDS_PROBABILITY: bool = true;

    #[inline(always)]
    fn of(&self, negative_log: F32x4, q: F32x4) -> F32x4 {
        self.loss(F32x4::splat(1.0) - q, q, negative_log, self.far_log(q))
    }
    #[inline(always)]
    fn slope(&self, negative_log: F32x4, p: F32x4, q: F32x4) -> F32x4 {
        let (bend, level) = self.parts(p, q, negative_log, self.far_log(q));
        // So small a q, at which any power of it is 0, keeps the ratio finite.
        bend * (p / q.at_least(F32x4::splat(1e-30))) + level
    }
}
