//! The direct way of region losses on sigmoid channels, from the chunk to its `out`, for hard targets without weights;
//! alone or with plain binary cross-entropy.
//!
//! What the first pass leaves is a tail q ≤ 1/2 with the sign of the logit, so that the bit of 2 is free: it takes the
//! target where every tile of the call goes this way, and the second pass reads nothing else.

use crate::chunk::{BLOCK, direct};
use crate::math::{Signs, exp_of_sizes, sigmoid_tail};
use crate::pixel::binary_cross_entropy::entropies;
use crate::region::Affine;
use crate::simd::{F32x4, LANES};
use crate::sums::{LogProduct, Sum, UnitSum};
use crate::workspace::{Tile, Workspace};

impl Workspace {
    /// tp, p, g and n; leaves the signed tails in `out`, `labelled`: with the target in the bit of 2. `entropy`: gives the
    /// value of binary cross-entropy, else 0.
    pub fn direct_sums(&mut self, labelled: bool, entropy: bool) -> f64 {
        let target = F32x4::splat(if labelled { 2.0 } else { 0.0 });
        let (mut linear, mut logarithms) = (Sum::new(), 0.0);
        let Self { tile, chunk, values, grad, target: truth, totals, .. } = self;
        let tile: &Tile = tile;
        let signs = Signs::new();
        for k in 0..tile.channels {
            let (z, out) = direct(chunk, tile, values, grad, k);
            let mut product = LogProduct::new();
            let (mut tp, mut sum, mut positives) = (UnitSum::new(), UnitSum::new(), F32x4::splat(0.0));
            let g = &truth[tile.plane(k)];
            for ((z, g), out) in z.chunks(BLOCK).zip(g.chunks(BLOCK)).zip(out.chunks_mut(BLOCK)) {
                exp_of_sizes(z, out);
                if entropy {
                    entropies(&signs, z, g, out, &mut linear, &mut product);
                }
                for ((z, g), out) in z.iter().zip(g).zip(out) {
                    let (z, g) = (F32x4::load(z), F32x4::load(g));
                    let tail = sigmoid_tail(F32x4::load(out)).xor_sign(signs.of(z));
                    tail.xor_sign(g * target).store(out);
                    let p = signs.above(z) - tail;
                    tp.add(p * g);
                    sum.add(p);
                    // Whole numbers: exact in f32.
                    positives = positives + g;
                }
            }
            let mut g = Sum::new();
            g.add(positives);
            let sums = [tp.total(), sum.total(), g.total()];
            for (r, sum) in sums.into_iter().enumerate() {
                totals[r * tile.channels + k] += sum;
            }
            totals[7 * tile.channels + k] += (tile.vectors * LANES - tile.blank) as f64;
            logarithms += if entropy { product.total() } else { 0.0 };
        }
        linear.total() + logarithms
    }

    /// The gradient a + b g from stored tails, and `scale` times that of binary cross-entropy.
    pub fn direct_gradient(&mut self, labelled: bool, scale: Option<f32>) {
        let a = scale.unwrap_or(0.0);
        match (labelled, scale) {
            (true, None) => self.gradient_from_tails::<true, false>(a),
            (true, Some(_)) => self.gradient_from_tails::<true, true>(a),
            // One instance for both, since it is the rarer way.
            (false, _) => self.gradient_from_tails::<false, true>(a),
        }
    }

    fn gradient_from_tails<const LABELLED: bool, const ENTROPY: bool>(&mut self, scale: f32) {
        let Self { tile, chunk, values, grad, target, table, .. } = self;
        let tile: &Tile = tile;
        let (constants, signs) = (Self::slot(table, tile.channels, 0), Signs::new());
        let (one, scale) = (F32x4::splat(1.0), F32x4::splat(scale));
        for k in 0..tile.channels {
            let affine = Affine::of(constants, tile.channels, k);
            let (tails, out) = direct(chunk, tile, values, grad, k);
            for ((tail, g), out) in tails.iter().zip(&target[tile.plane(k)]).zip(out) {
                let stored = F32x4::load(tail);
                let q = signs.below_two(stored);
                let g = if LABELLED { signs.one_if_two(stored) } else { F32x4::load(g) };
                let region = affine.at::<false>(q, g) * (q * (one - q));
                let error = signs.above(stored) - g - q.xor_sign(signs.of(stored));
                (if ENTROPY { scale.mul_add(error, region) } else { region }).store(out);
            }
        }
    }
}
