//! Binary cross-entropy (log loss): positive·softplus(−z) + negative·softplus(z).

use crate::chunk::{BLOCK, direct};
use crate::math::{Log, Signs, exp_of_sizes, sigmoid_tail};
use crate::pixel::elementwise::{Constants, Elementwise, Logit};
use crate::pixel::{LOWEST_LOG, SMALLEST};
use crate::simd::{F32x4, F64x4, Quad};
use crate::sums::{LogProduct, Sum};
use crate::tile::keep_where;
use crate::workspace::{Tile, Workspace};

pub struct BinaryCrossEntropy {
    log: Log,
}

impl BinaryCrossEntropy {
    pub fn new() -> Self {
        Self { log: Log::new() }
    }
}

impl Elementwise for BinaryCrossEntropy {
    #[inline(always)]
    fn of_logit(&self, x: &Logit, near: F32x4, far: F32x4) -> F32x4 {
        far.mul_add(x.size, (near + far) * self.log.log1p_unit(x.e))
    }
    #[inline(always)]
    fn logit_slope(&self, x: &Logit, near: F32x4, far: F32x4) -> F32x4 {
        near.neg_mul_add(x.q, far * (F32x4::splat(1.0) - x.q))
    }
    #[inline(always)]
    fn of_probability(&self, p: F32x4, positive: F32x4, negative: F32x4) -> F32x4 {
        let lowest = F32x4::splat(LOWEST_LOG);
        let no = self.log.log1p(-p).at_least(lowest);
        -(positive * self.log.ln(p).at_least(lowest) + negative * no)
    }
    #[inline(always)]
    fn probability_slope(&self, p: F32x4, positive: F32x4, negative: F32x4) -> F32x4 {
        let rest = F32x4::splat(1.0) - p;
        (negative * p - positive * rest) / (p * rest).at_least(F32x4::splat(SMALLEST))
    }
}

/// Values of so many logits, from e = exp(−|z|): max(z, 0) − z g, and 1 + e, whose logarithm is to be added.
#[inline(never)]
pub fn entropies(signs: &Signs, z: &[Quad], g: &[Quad], e: &[Quad], linear: &mut Sum, product: &mut LogProduct) {
    for ((z, g), e) in z.iter().zip(g).zip(e) {
        let (z, g) = (F32x4::load(z), F32x4::load(g));
        linear.add(z.finite() * (signs.above(z) - g));
        product.multiply(F64x4::from(F32x4::load(e)));
    }
}

impl Workspace {
    /// The plain loss alone on unweighted logits.
    ///
    /// The weight of the label on the other side of 0, and q, have the logit's sign: their difference is σ(z) − g, and
    /// does not cancel.
    pub fn binary_cross_entropy_direct(&mut self, scale: Option<f32>) -> f64 {
        let Self { tile, chunk, values, grad, target, .. } = self;
        let tile: &Tile = tile;
        let signs = Signs::new();
        let (mut linear, mut logarithms) = (Sum::new(), 0.0);
        for k in 0..tile.channels {
            let (z, out) = direct(chunk, tile, values, grad, k);
            let g = &target[tile.plane(k)];
            let mut product = LogProduct::new();
            for ((z, g), out) in z.chunks(BLOCK).zip(g.chunks(BLOCK)).zip(out.chunks_mut(BLOCK)) {
                exp_of_sizes(z, out);
                entropies(&signs, z, g, out, &mut linear, &mut product);
                if let Some(scale) = scale {
                    let scale = F32x4::splat(scale);
                    for ((z, g), out) in z.iter().zip(g).zip(out) {
                        let (z, g) = (F32x4::load(z), F32x4::load(g));
                        let q = sigmoid_tail(F32x4::load(out)).xor_sign(signs.of(z));
                        (scale * (signs.above(z) - g - q)).store(out);
                    }
                }
            }
            logarithms += product.total();
        }
        linear.total() + logarithms
    }

    /// The plain loss of logits without weights, masked or not: the very additions of the direct ways.
    pub fn binary_cross_entropy_value(&mut self) -> f64 {
        let Self { tile, values, aux, target, mask, .. } = self;
        let signs = Signs::new();
        let (mut linear, mut logarithms) = (Sum::new(), 0.0);
        for k in 0..tile.channels {
            let plane = tile.plane(k);
            if tile.masked {
                keep_where(&mut aux[plane.clone()], mask);
            }
            let mut product = LogProduct::new();
            entropies(&signs, &values[plane.clone()], &target[plane.clone()], &aux[plane], &mut linear, &mut product);
            logarithms += product.total();
        }
        linear.total() + logarithms
    }

    /// Whether no channel has constants of its own.
    pub fn plain_channels(&self, slot: usize) -> bool {
        // The pass's: it is also asked before there is a tile.
        let channels = self.input.channels;
        let constants = Self::slot(&self.table, channels, slot);
        (0..channels).all(|k| Constants::plain(constants, channels, k))
    }
}
