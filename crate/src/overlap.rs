//! The overlap of soft targets as Σ w min(p, g), not Σ w p g: the latter is largest where p is 0 or 1, not at p = g.
//!
//! A target of 0 and 1 has the same overlap either way, so the common passes stay as they are.

use crate::lanes::{FromTail, Lanes, Plane};
use crate::simd::{F32x4, Quad};
use crate::sums::Sum;
use crate::workspace::{Activation, Target, Tile, Workspace};

/// Σ w (min(p, g) − p g): what is added to Σ w p g.
#[inline(always)]
fn excess(vectors: usize, p: impl Lanes, g: Plane, w: Plane) -> f64 {
    let (p, g, w) = (p.part(0..vectors), g.part(0..vectors), w.part(0..vectors));
    let mut sum = Sum::new();
    for i in 0..vectors {
        let (p, g) = (p.at(i), g.at(i));
        sum.add(w.at(i) * (p.at_most(g) - p * g));
    }
    sum.total()
}

/// The derivative of min(p, g) with respect to p in the place of g: 1, 0, or a half where they are equal.
#[inline(always)]
fn derive(p: impl Lanes, g: &mut [Quad]) {
    let p = p.part(0..g.len());
    for (i, g) in g.iter_mut().enumerate() {
        let (p, truth) = (p.at(i), F32x4::load(g));
        let below = F32x4::splat(1.0).keep(p.less(truth));
        (below + F32x4::splat(0.5).keep(p.equals(truth))).store(g);
    }
}

impl Workspace {
    /// Whether the overlap of the tile's target depends on how it is counted.
    pub fn soft(&self) -> bool {
        self.tile.target == Target::Dense && !self.tile.hard
    }

    /// Turns the sums' Σ w p g into Σ w min(p, g).
    pub fn add_overlap(&mut self) {
        self.with_weight_plane();
        let Self { tile, act, target, weight, element, totals, .. } = self;
        let tile: &Tile = tile;
        for k in 0..tile.channels {
            let (p, g) = (&act[tile.plane(k)], Plane(&target[tile.plane(k)]));
            let w = Plane(Self::weight_plane(tile, weight, element, k));
            totals[k] += if tile.activation == Activation::Sigmoid {
                excess(tile.vectors, FromTail(p), g, w)
            } else {
                excess(tile.vectors, Plane(p), g, w)
            };
        }
    }

    /// Makes the target what the affine gradient a + b g takes for g.
    pub fn derive_overlap(&mut self) {
        let Self { tile, act, target, .. } = self;
        for k in 0..tile.channels {
            let (p, g) = (&act[tile.plane(k)], &mut target[tile.plane(k)]);
            if tile.activation == Activation::Sigmoid {
                derive(FromTail(p), g);
            } else {
                derive(Plane(p), g);
            }
        }
    }
}
