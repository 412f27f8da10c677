//! Quality focal loss: |p − g|^β·BCE(p, g), g a soft label; of one element.

use crate::math::Power;
use crate::pixel::elementwise::{Elementwise, Logit};
use crate::pixel::rare::Log;
use crate::pixel::{LOWEST_LOG, SMALLEST};
use crate::simd::F32x4;

pub struct QualityFocal {
    beta: F32x4,
    power: Power,
    log: Log,
}

impl QualityFocal {
    pub fn new(beta: f32) -> Self {
        Self { beta: F32x4::splat(beta), power: Power::new(beta), log: Log::new() }
    }

    /// m^β and m^β/m, of the distance m of p and g; the ratio is taken as 0 where they agree.
    #[inline(always)]
    fn factors(&self, m: F32x4) -> (F32x4, F32x4) {
        let negative_log = if self.power.has_fraction() { -self.log.ln(m) } else { m };
        let factor = self.power.of(m, negative_log);
        let zero = F32x4::splat(0.0);
        (factor, (factor / m.at_least(F32x4::splat(1e-30))).drop(m.equals(zero)))
    }

    /// The cross-entropy of a logit.
    #[inline(always)]
    fn entropy(&self, x: &Logit, near: F32x4, far: F32x4) -> F32x4 {
        far.mul_add(x.size, (near + far) * self.log.log1p_unit(x.e))
    }

    /// And of a probability.
    #[inline(always)]
    fn entropy_of(&self, p: F32x4, positive: F32x4, negative: F32x4) -> F32x4 {
        let lowest = F32x4::splat(LOWEST_LOG);
        -(positive * self.log.ln(p).at_least(lowest) + negative * self.log.log1p(-p).at_least(lowest))
    }
}

/// The share of the far label, far/(near + far), is the g of the far side, as q is its p.
impl Elementwise for QualityFocal {
    #[inline(always)]
    fn of_logit(&self, x: &Logit, near: F32x4, far: F32x4) -> F32x4 {
        let (factor, _) = self.factors((far / (near + far) - x.q).abs());
        factor * self.entropy(x, near, far)
    }
    /// d/d|z|: with d = share − q, sign(d)·β m^(β−1)·q(1−q)·BCE + m^β·(near + far)·d.
    #[inline(always)]
    fn logit_slope(&self, x: &Logit, near: F32x4, far: F32x4) -> F32x4 {
        let d = far / (near + far) - x.q;
        let (factor, ratio) = self.factors(d.abs());
        let bend = self.beta * ratio * (x.q * (F32x4::splat(1.0) - x.q)) * self.entropy(x, near, far);
        bend.xor_sign(d.sign()) + factor * (near + far) * d
    }
    #[inline(always)]
    fn of_probability(&self, p: F32x4, positive: F32x4, negative: F32x4) -> F32x4 {
        let (factor, _) = self.factors((p - positive / (positive + negative)).abs());
        factor * self.entropy_of(p, positive, negative)
    }
    #[inline(always)]
    fn probability_slope(&self, p: F32x4, positive: F32x4, negative: F32x4) -> F32x4 {
        let d = p - positive / (positive + negative);
        let (factor, ratio) = self.factors(d.abs());
        let bend = self.beta * ratio * self.entropy_of(p, positive, negative);
        let rest = F32x4::splat(1.0) - p;
        let slope = (negative * p - positive * rest) / (p * rest).at_least(F32x4::splat(SMALLEST));
        bend.xor_sign(d.sign()) + factor * slope
    }
}
