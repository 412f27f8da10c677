//! Cross-entropy: Σ_k t_k·(−ln p_k).

use crate::math::Log;
use crate::pixel::binary_cross_entropy::{LOWEST_LOG, SMALLEST};
use crate::pixel::categorical::Categorical;
use crate::simd::F32x4;
use crate::sums::blocks;
use crate::workspace::Workspace;

pub struct CrossEntropy;

impl Categorical for CrossEntropy {
    const NEEDS_PROBABILITY: bool = false;

    #[inline(always)]
    fn of(&self, negative_log: F32x4, _: F32x4) -> F32x4 {
        negative_log
    }
    #[inline(always)]
    fn slope(&self, _: F32x4, _: F32x4, _: F32x4) -> F32x4 {
        F32x4::splat(1.0)
    }
}

impl Workspace {
    /// On given probabilities: logarithms no lower than −100.
    pub fn probability_cross_entropy_value(&mut self, slot: usize) {
        self.weighted_targets(slot);
        let Self { tile, act, aux, grad, totals, .. } = self;
        let log = Log::new();
        for k in 0..tile.channels {
            let plane = tile.plane(k);
            let (act, aux, grad) = (&act[plane.clone()], &aux[plane.clone()], &mut grad[plane]);
            let mut total = 0.0;
            for block in blocks(tile.vectors) {
                let mut lanes = F32x4::splat(0.0);
                for i in block {
                    let negative_log = -log.ln(F32x4::load(&act[i])).at_least(F32x4::splat(LOWEST_LOG));
                    let term = F32x4::load(&aux[i]) * negative_log;
                    lanes = lanes + term;
                    term.store(&mut grad[i]);
                }
                total += lanes.sum_f64();
            }
            totals[k] = total;
        }
    }

    pub fn probability_cross_entropy_gradient(&mut self, slot: usize, scale: f32) {
        self.weighted_targets(slot);
        let Self { tile, act, aux, grad, .. } = self;
        for k in 0..tile.channels {
            let planes = act[tile.plane(k)].iter().zip(&aux[tile.plane(k)]);
            for ((p, t), grad) in planes.zip(&mut grad[tile.plane(k)]) {
                let slope = F32x4::load(t) / F32x4::load(p).at_least(F32x4::splat(SMALLEST));
                slope.neg_mul_add(F32x4::splat(scale), F32x4::load(grad)).store(grad);
            }
        }
    }
}
