//! The overlap of soft targets as Σ w min(p, g), not Σ w p g: the latter is largest where p is 0 or 1, not at p = g.
//!
//! A target of 0 and 1 has the same overlap either way, so the common passes stay as they are.

use crate::simd::F32x4;
use crate::sums::Sum;
use crate::workspace::{Activation, Target, Tile, Workspace};

impl Workspace {
    /// Whether the overlap of the tile's target depends on how it is counted.
    pub fn soft(&self) -> bool {
        self.tile.target == Target::Dense && !self.tile.hard
    }

    /// Adds Σ w (min(p, g) − p g), which turns the sums' Σ w p g into Σ w min(p, g); then makes the target what the affine
    /// gradient a + b g takes for g, the derivative of min(p, g) by p: 1, 0, or a half where they are equal.
    ///
    /// One loop for both passes, value and gradient, since the core's size counts more here than time.
    pub fn overlap(&mut self) {
        self.with_weight_plane();
        let Self { tile, act, target, weight, element, totals, .. } = self;
        let tile: &Tile = tile;
        let (one, half) = (F32x4::splat(1.0), F32x4::splat(0.5));
        for k in 0..tile.channels {
            let mut sum = Sum::new();
            let planes = act[tile.plane(k)].iter().zip(&mut target[tile.plane(k)]);
            for ((p, g), w) in planes.zip(Self::weight_plane(tile, weight, element, k)) {
                let (mut p, truth) = (F32x4::load(p), F32x4::load(g));
                if tile.activation == Activation::Sigmoid {
                    // From the signed tail.
                    p = p.to_bits().is_negative().select(p.abs(), one - p.abs());
                }
                sum.add(F32x4::load(w) * (p.at_most(truth) - p * truth));
                (one.keep(p.less(truth)) + half.keep(p.equals(truth))).store(g);
            }
            totals[k] += sum.total();
        }
    }
}
