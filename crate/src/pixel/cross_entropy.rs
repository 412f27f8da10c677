//! Cross-entropy: Σ_k t_k·(−ln p_k).

use crate::math::Log;
use crate::pixel::categorical::Categorical;
use crate::pixel::{LOWEST_LOG, SMALLEST};
use crate::simd::{F32x4, LANES};
use crate::sums::{LogProduct, Sum};
use crate::tile::keep_where;
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
    /// Of a label map without weights, masked or not: the very additions of the direct ways.
    pub fn label_cross_entropy_value(&mut self) -> f64 {
        let Self { tile, others, below, mask, .. } = self;
        let (below, others) = (&mut below[..tile.vectors], &mut others[..tile.vectors]);
        if tile.masked {
            // A certain hit.
            keep_where(below, mask);
            keep_where(others, mask);
        }
        let largest = F32x4::splat(f32::MAX);
        let (mut linear, mut product) = (Sum::new(), LogProduct::new());
        for below in below {
            linear.add(F32x4::load(below).at_most(largest));
        }
        product.multiply_all(others);
        linear.total() + product.total()
    }

    /// On given probabilities: logarithms no lower than −100.
    pub fn probability_cross_entropy_value(&mut self, slot: usize) -> f64 {
        self.weighted_targets(slot);
        let Self { tile, act, aux, grad, table, .. } = self;
        let log = Log::new();
        let rows = Self::slot(table, tile.channels, slot);
        let mut sum = Sum::new();
        for k in 0..tile.channels {
            let plane = tile.plane(k);
            // A class that does not count may hold anything.
            if rows[k] == 0.0 && rows[2 * tile.channels + k] == 0.0 {
                grad[plane].fill([0.0; LANES]);
                continue;
            }
            let planes = act[plane.clone()].iter().zip(&aux[plane.clone()]).zip(&mut grad[plane]);
            for ((p, t), grad) in planes {
                let negative_log = -log.ln(F32x4::load(p)).at_least(F32x4::splat(LOWEST_LOG));
                let term = F32x4::load(t) * negative_log;
                sum.add(term);
                term.store(grad);
            }
        }
        sum.total()
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
