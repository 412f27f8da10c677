//! Losses that need every error of a group at once, and so do not fit sums: the door gathers the errors of a pass, an
//! `Order` ranks them, and another pass turns the slopes that come of it into a gradient.

mod order;

pub use order::Order;

use crate::chunk::Writing;
use crate::lanes::{Lanes, OneHot, Plane};
use crate::region::chain;
use crate::simd::{F32x4, LANES};
use crate::workspace::{Activation, Target, Tile, Workspace};

/// What stands for an element that does not count, and for one whose target is neither 0 nor 1.
pub const OUT: f32 = f32::INFINITY;
pub const SOFT: f32 = f32::NEG_INFINITY;

/// What a pass leaves of every element.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Errors {
    /// |g − p|; the sign bit is g.
    Absolute,
    /// max(1 − z(2g − 1), 0); the sign bit is g.
    Hinge,
    /// p − g, for any g.
    Signed,
    /// p.
    Probability,
}

impl Workspace {
    /// The error of every element in `out`, or what else is asked for.
    pub fn write_errors(&mut self, kind: Errors) {
        let Self { tile, values, act, grad, target, labels, weight, element, peak, rest, .. } = self;
        let tile: &Tile = tile;
        let (zero, one) = (F32x4::splat(0.0), F32x4::splat(1.0));
        let (out, soft, flip) = (F32x4::splat(OUT), F32x4::splat(SOFT), F32x4::splat(-0.0));
        for k in 0..tile.channels {
            let range = tile.plane(k);
            let hot = OneHot { labels: &labels[..tile.vectors], class: k as i32 };
            let (z, p) = (Plane(&values[range.clone()]), Plane(&act[range.clone()]));
            let dense = Plane(&target[range.clone()]);
            let weights = Self::weights_of(tile, weight, element, k);
            for (i, error) in grad[range].iter_mut().enumerate() {
                let (no, yes) = match tile.activation {
                    _ if kind == Errors::Hinge => ((one + z.at(i)).at_least(zero), (one - z.at(i)).at_least(zero)),
                    Activation::None => (p.at(i).abs(), one - p.at(i)),
                    Activation::Sigmoid => {
                        let (tail, q) = (p.at(i), p.at(i).abs());
                        let below = tail.to_bits().is_negative();
                        (below.select(q, one - q), below.select(one - q, q))
                    }
                    Activation::Softmax => {
                        let top = p.at(i).equals(F32x4::load(&peak[i]));
                        (p.at(i), top.select(F32x4::load(&rest[i]), one - p.at(i)))
                    }
                };
                let g = if tile.target == Target::Labels { hot.at(i) } else { dense.at(i) };
                let is_one = g.equals(one);
                let marked = yes.abs().xor_sign(flip);
                let mut e = match kind {
                    Errors::Absolute | Errors::Hinge => is_one.select(marked, g.equals(zero).select(no, soft)),
                    Errors::Signed => is_one.select(marked, no - g),
                    Errors::Probability => no,
                };
                if let Some(weights) = weights {
                    e = F32x4::load(&weights[i]).equals(zero).select(out, e);
                }
                e.store(error);
            }
        }
        let channels = tile.channels;
        self.write_out(|workspace| &workspace.grad, channels, Writing::New);
    }

    /// Adds to `grad` the gradient of a loss whose slopes the chunk has where weights are otherwise: ∂L/∂p, or, for
    /// `raw`, the gradient itself; times row 0 of the table. Where every slope of a pixel is 0 its prediction may be anything.
    pub fn add_slopes(&mut self, raw: bool) {
        let Self { tile, chunk, act, aux, table, .. } = self;
        let tile: &Tile = tile;
        let zero = F32x4::splat(0.0);
        let scales = Self::slot(table, tile.channels, 0);
        chunk.read(&chunk.weight, false, tile, aux);
        for k in 0..tile.channels {
            let scale = F32x4::splat(scales[k]);
            // A class that does not count may hold anything.
            for slope in &mut aux[tile.plane(k)] {
                (scale * F32x4::load(slope)).drop(scale.equals(zero)).store(slope);
            }
        }
        if tile.activation == Activation::Softmax && !raw {
            for i in 0..tile.vectors {
                let at = |k: usize| k * tile.stride + i;
                let any = (0..tile.channels).fold(zero, |any, k| any + F32x4::load(&aux[at(k)]).abs());
                for k in 0..tile.channels {
                    F32x4::load(&act[at(k)]).drop(any.equals(zero)).store(&mut act[at(k)]);
                }
            }
            return self.chain_slopes();
        }
        let Self { tile, act, aux, grad, .. } = self;
        for k in 0..tile.channels {
            let planes = aux[tile.plane(k)].iter().zip(&act[tile.plane(k)]);
            for ((slope, p), grad) in planes.zip(&mut grad[tile.plane(k)]) {
                let slope = F32x4::load(slope);
                let q = F32x4::load(p).abs();
                let chained = match tile.activation {
                    Activation::Sigmoid if !raw => slope * (q * (F32x4::splat(1.0) - q)),
                    _ => slope,
                };
                (F32x4::load(grad) + chained.drop(slope.equals(zero))).store(grad);
            }
        }
    }

    /// Softmax: adds the gradient of ∂L/∂p in `aux` to `grad`.
    pub fn chain_slopes(&mut self) {
        let Self { tile, act, aux, grad, factor, mean, .. } = self;
        let tile: &Tile = tile;
        let at_peak = &mut factor[..tile.vectors];
        at_peak.fill([0.0; LANES]);
        for i in 0..tile.vectors {
            let at = |k: usize| k * tile.stride + i;
            let peak = (1..tile.channels).fold(F32x4::load(&act[i]), |peak, k| F32x4::load(&act[at(k)]).at_least(peak));
            for k in 0..tile.channels {
                let mine = F32x4::load(&act[at(k)]).equals(peak);
                mine.select(F32x4::load(&aux[at(k)]), F32x4::load(&at_peak[i])).store(&mut at_peak[i]);
            }
        }
        chain(tile, act, aux, grad, at_peak, mean);
    }
}
