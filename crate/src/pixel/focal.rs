//! Focal loss: (1 − p_t)^γ·(−ln p_t), any real γ ≥ 0.

use crate::math::{Log, Power};
use crate::pixel::categorical::Categorical;
use crate::pixel::elementwise::{Elementwise, Logit};
use crate::pixel::{LOWEST_LOG, SMALLEST};
use crate::simd::F32x4;

pub struct Focal {
    gamma: F32x4,
    power: Power,
    log: Log,
}

impl Focal {
    pub fn new(gamma: f32) -> Self {
        Self { gamma: F32x4::splat(gamma), power: Power::new(gamma), log: Log::new() }
    }

    pub fn is_square(&self) -> bool {
        self.power.square
    }
}

/// With q = σ(−|z|) = 1 − p, −ln p = ln(1 + e) and −ln q = |z| + ln(1 + e): no power and no cancellation.
impl Elementwise for Focal {
    #[inline(always)]
    fn of_logit(&self, x: &Logit, near: F32x4, far: F32x4) -> F32x4 {
        let near_log = self.log.log1p_unit(x.e);
        let far_log = x.size + near_log;
        let p = F32x4::splat(1.0) - x.q;
        let near_loss = self.power.of(x.q, far_log) * near_log;
        let far_loss = self.power.of(p, near_log) * far_log;
        near.mul_add(near_loss, far * far_loss)
    }
    /// d/d|z|: far·p^γ(γ q(−ln q) + p) − near·q^γ(γ p(−ln p) + q).
    #[inline(always)]
    fn logit_slope(&self, x: &Logit, near: F32x4, far: F32x4) -> F32x4 {
        let near_log = self.log.log1p_unit(x.e);
        let far_log = x.size + near_log;
        let (q, p) = (x.q, F32x4::splat(1.0) - x.q);
        let near_slope = self.power.of(q, far_log) * (self.gamma * p).mul_add(near_log, q);
        let far_slope = self.power.of(p, near_log) * (self.gamma * q).mul_add(far_log, p);
        near.neg_mul_add(near_slope, far * far_slope)
    }
    #[inline(always)]
    fn of_probability(&self, p: F32x4, positive: F32x4, negative: F32x4) -> F32x4 {
        let (yes, no, q) = self.logs(p);
        positive.mul_add(self.power.of(q, no) * yes, negative * (self.power.of(p, yes) * no))
    }
    /// d/dp of q^γ(−ln p) is −γ q^γ(−ln p)/q − q^γ/p, and the mirror of it for the negatives.
    #[inline(always)]
    fn probability_slope(&self, p: F32x4, positive: F32x4, negative: F32x4) -> F32x4 {
        let (yes, no, q) = self.logs(p);
        let smallest = F32x4::splat(SMALLEST);
        let (over_q, over_p) = (q.at_least(smallest), p.at_least(smallest));
        let one = F32x4::splat(1.0);
        let yes_slope = self.power.of(q, no) * (self.gamma * (yes / over_q) + one / over_p);
        let no_slope = self.power.of(p, yes) * (self.gamma * (no / over_p) + one / over_q);
        negative.mul_add(no_slope, -(positive * yes_slope))
    }
}

impl Focal {
    /// −ln p, −ln(1 − p) and 1 − p.
    #[inline(always)]
    fn logs(&self, p: F32x4) -> (F32x4, F32x4, F32x4) {
        let lowest = F32x4::splat(LOWEST_LOG);
        (-self.log.ln(p).at_least(lowest), -self.log.log1p(-p).at_least(lowest), F32x4::splat(1.0) - p)
    }
}

impl Categorical for Focal {
    const NEEDS_PROBABILITY: bool = true;

    #[inline(always)]
    fn of(&self, negative_log: F32x4, q: F32x4) -> F32x4 {
        self.power.of(q, self.far_log(q)) * negative_log
    }
    /// q^γ·(γ p·(−ln p)/q + 1); the ratio tends to 1 at q = 0, where q^γ decides.
    #[inline(always)]
    fn slope(&self, negative_log: F32x4, p: F32x4, q: F32x4) -> F32x4 {
        let ratio = p * negative_log / q.at_least(F32x4::splat(f32::MIN_POSITIVE));
        self.power.of(q, self.far_log(q)) * self.gamma.mul_add(ratio, F32x4::splat(1.0))
    }
}

impl Focal {
    /// −ln q, only where the power asks for it.
    #[inline(always)]
    fn far_log(&self, q: F32x4) -> F32x4 {
        if self.power.has_fraction() { -self.log.ln(q) } else { q }
    }
}

/// That of γ = 2 under softmax.
pub struct SquareFocal;

impl Categorical for SquareFocal {
    const NEEDS_PROBABILITY: bool = true;

    #[inline(always)]
    fn of(&self, negative_log: F32x4, q: F32x4) -> F32x4 {
        q * q * negative_log
    }
    #[inline(always)]
    fn slope(&self, negative_log: F32x4, p: F32x4, q: F32x4) -> F32x4 {
        q * F32x4::splat(2.0).mul_add(p * negative_log, q)
    }
}
