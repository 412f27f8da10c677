//! Region losses: the eight sums of a class, and the one gradient that fits every function of them.
//!
//! ∂L/∂p = w·(a + b g + c p + d p g + e g²), with a…e from the partial derivatives of the loss with respect to the
//! sums (rows 0…4 of the table); then the chain of the activation. A region loss therefore needs no Rust.

use crate::lanes::{FromTail, Lanes, OneHot, Ones, Plane};
use crate::simd::{F32x4, LANES, Quad};
use crate::sums::blocks;
use crate::workspace::{Activation, TABLE_ROWS, Target, Tile, Workspace};

/// tp, p, g; then p², g², (g−p)²g, (g−p)²(1−g), 1: each times w.
const SUMS: usize = TABLE_ROWS;

/// `ALL` = false leaves out the last five.
#[inline(always)]
fn sums<const ALL: bool>(vectors: usize, p: impl Lanes, g: impl Lanes, w: impl Lanes) -> [f64; SUMS] {
    let mut totals = [0.0; SUMS];
    for block in blocks(vectors) {
        let (p, g, w) = (p.part(block.clone()), g.part(block.clone()), w.part(block.clone()));
        let mut lanes = [F32x4::splat(0.0); SUMS];
        for i in 0..block.len() {
            let (p, g, w) = (p.at(i), g.at(i), w.at(i));
            let (wp, wg) = (w * p, w * g);
            lanes[0] = wp.mul_add(g, lanes[0]);
            lanes[1] = lanes[1] + wp;
            lanes[2] = lanes[2] + wg;
            if ALL {
                let error = g - p;
                let squared = error * error;
                lanes[3] = wp.mul_add(p, lanes[3]);
                lanes[4] = wg.mul_add(g, lanes[4]);
                lanes[5] = squared.mul_add(wg, lanes[5]);
                lanes[6] = squared.mul_add(w - wg, lanes[6]);
                lanes[7] = lanes[7] + w;
            }
        }
        for (total, lanes) in totals.iter_mut().zip(lanes) {
            *total += lanes.sum_f64();
        }
    }
    totals
}

/// a…e of one class.
#[derive(Clone, Copy)]
struct Affine([F32x4; 5]);

impl Affine {
    fn of(slot: &[f32], channels: usize, k: usize) -> Self {
        Self(core::array::from_fn(|r| F32x4::splat(slot[r * channels + k])))
    }

    /// `CURVED` = false: c = d = e = 0.
    #[inline(always)]
    fn at<const CURVED: bool>(&self, p: F32x4, g: F32x4) -> F32x4 {
        let [a, b, c, d, e] = self.0;
        let flat = b.mul_add(g, a);
        if CURVED { flat + p * d.mul_add(g, c) + e * (g * g) } else { flat }
    }
}

impl Workspace {
    /// The sums of every class over the tile, into `totals` (row = sum, column = class).
    ///
    /// Only the common forms have loops of their own; the others take the loop that does everything.
    pub fn region_sums(&mut self, all: bool) {
        self.with_weight_plane();
        let Self { tile, act, target, element, labels, weight, totals, .. } = self;
        let tile: &Tile = tile;
        let n = tile.vectors;
        for k in 0..tile.channels {
            let p = &act[tile.plane(k)];
            let hot = OneHot { labels: &labels[..n], class: k as i32 };
            let dense = Plane(&target[tile.plane(k)]);
            let weights = Self::weights_of(tile, weight, element, k);
            let w = Plane(weights.unwrap_or(&weight[..n]));
            let found = match (tile.activation, tile.target, all, weights.is_some()) {
                (Activation::Sigmoid, _, true, _) | (Activation::Sigmoid, _, _, true) => {
                    sums::<true>(n, FromTail(p), dense, w)
                }
                (Activation::Sigmoid, ..) => sums::<false>(n, FromTail(p), dense, Ones),
                (_, Target::Labels, true, _) | (_, Target::Labels, _, true) => sums::<true>(n, Plane(p), hot, w),
                (_, Target::Labels, ..) => sums::<false>(n, Plane(p), hot, Ones),
                (_, Target::Dense, ..) => sums::<true>(n, Plane(p), dense, w),
            };
            for (r, sum) in found.into_iter().enumerate() {
                totals[r * tile.channels + k] = sum;
            }
            if weights.is_none() {
                totals[7 * tile.channels + k] = tile.pixels as f64;
            }
        }
    }

    /// Σ w g of every class, into `totals`: what the mean by weights divides by.
    pub fn class_mass(&mut self) {
        self.with_weight_plane();
        let Self { tile, target, element, labels, weight, totals, .. } = self;
        let tile: &Tile = tile;
        for k in 0..tile.channels {
            let w = Plane(Self::weight_plane(tile, weight, element, k));
            let hot = OneHot { labels: &labels[..tile.vectors], class: k as i32 };
            totals[k] = match tile.target {
                Target::Labels => sums::<false>(tile.vectors, Ones, hot, w)[2],
                Target::Dense => sums::<false>(tile.vectors, Ones, Plane(&target[tile.plane(k)]), w)[2],
            };
        }
    }

    /// Σ w of every class, into `totals`.
    pub fn weight_mass(&mut self) {
        let Self { tile, element, weight, totals, .. } = self;
        let tile: &Tile = tile;
        for k in 0..tile.channels {
            totals[k] = match Self::weights_of(tile, weight, element, k) {
                Some(w) => sums::<false>(tile.vectors, Ones, Plane(w), Ones)[2],
                None => tile.pixels as f64,
            };
        }
    }

    /// The gradient of every class, added to `grad`. `scale` is already in the table.
    pub fn region_gradient(&mut self, slot: usize, curved: bool) {
        match (self.tile.activation, curved) {
            (Activation::Softmax, false) => self.softmax_gradient::<false>(slot),
            (Activation::Softmax, true) => self.softmax_gradient::<true>(slot),
            (_, false) => self.channel_gradient::<false>(slot),
            (_, true) => self.channel_gradient::<true>(slot),
        }
    }

    /// Sigmoid and none: every channel by itself.
    fn channel_gradient<const CURVED: bool>(&mut self, slot: usize) {
        self.with_weight_plane();
        let Self { tile, act, target, element, weight, grad, table, .. } = self;
        let tile: &Tile = tile;
        let constants = Self::slot(table, tile.channels, slot);
        for k in 0..tile.channels {
            let affine = Affine::of(constants, tile.channels, k);
            let (plane, grad) = (&act[tile.plane(k)], &mut grad[tile.plane(k)]);
            let (g, w) = (Plane(&target[tile.plane(k)]), Plane(Self::weight_plane(tile, weight, element, k)));
            if tile.activation == Activation::Sigmoid {
                add_chained::<CURVED>(grad, affine, FromTail(plane), g, w);
            } else {
                add_chained::<true>(grad, affine, Plane(plane), g, w);
            }
        }
    }

    /// Softmax: p_k (v_k − Σ_j p_j v_j), with v = u less the u of the largest p, so that a confident pixel's small
    /// gradient is not the difference of two large numbers.
    fn softmax_gradient<const CURVED: bool>(&mut self, slot: usize) {
        self.with_weight_plane();
        let Self { tile, act, aux, target, element, labels, weight, grad, peak, factor, picked, table, .. } = self;
        let tile: &Tile = tile;
        let constants = Self::slot(table, tile.channels, slot);
        for block in blocks(tile.vectors) {
            let plane = |k: usize| k * tile.stride + block.start..k * tile.stride + block.end;
            let (peak, at_peak) = (&peak[block.clone()], &mut factor[block.clone()]);
            let mean = &mut picked[block.clone()];
            for k in 0..tile.channels {
                let affine = Affine::of(constants, tile.channels, k);
                let w = Plane(Self::weight_plane(tile, weight, element, k)).part(block.clone());
                let hot = OneHot { labels: &labels[block.clone()], class: k as i32 };
                let (u, p) = (&mut aux[plane(k)], &act[plane(k)]);
                match tile.target {
                    Target::Labels => slopes::<CURVED>(u, p, affine, hot, w, peak, at_peak),
                    Target::Dense => slopes::<true>(u, p, affine, Plane(&target[plane(k)]), w, peak, at_peak),
                }
            }
            mean.fill([0.0; LANES]);
            for k in 0..tile.channels {
                let planes = aux[plane(k)].iter_mut().zip(&act[plane(k)]);
                for (((u, p), at_peak), mean) in planes.zip(at_peak.iter()).zip(mean.iter_mut()) {
                    let v = F32x4::load(u) - F32x4::load(at_peak);
                    v.store(u);
                    v.mul_add(F32x4::load(p), F32x4::load(mean)).store(mean);
                }
            }
            for k in 0..tile.channels {
                let planes = grad[plane(k)].iter_mut().zip(&act[plane(k)]).zip(&aux[plane(k)]);
                for (((grad, p), v), mean) in planes.zip(mean.iter()) {
                    let slope = F32x4::load(v) - F32x4::load(mean);
                    slope.mul_add(F32x4::load(p), F32x4::load(grad)).store(grad);
                }
            }
        }
    }
}

/// p together with its derivative with respect to the prediction.
trait Chained: Lanes {
    fn with_slope(self, i: usize) -> (F32x4, F32x4);
}

impl Chained for Plane<'_> {
    #[inline(always)]
    fn with_slope(self, i: usize) -> (F32x4, F32x4) {
        (self.at(i), F32x4::splat(1.0))
    }
}

impl Chained for FromTail<'_> {
    /// p(1 − p) = q(1 − q) from the tail q: from a rounded p it is 100 % wrong at a logit of 18.
    #[inline(always)]
    fn with_slope(self, i: usize) -> (F32x4, F32x4) {
        let q = F32x4::load(&self.0[i]).abs();
        (self.at(i), q * (F32x4::splat(1.0) - q))
    }
}

/// u of one class, and the u of the class with the largest p.
#[inline(always)]
fn slopes<const CURVED: bool>(
    u: &mut [Quad],
    p: &[Quad],
    affine: Affine,
    g: impl Lanes,
    w: Plane,
    peak: &[Quad],
    at_peak: &mut [Quad],
) {
    let state = u.iter_mut().zip(p).zip(peak.iter().zip(at_peak));
    for (i, ((u, p), (peak, at_peak))) in state.enumerate() {
        let p = F32x4::load(p);
        let slope = w.at(i) * affine.at::<CURVED>(p, g.at(i));
        slope.store(u);
        p.equals(F32x4::load(peak)).select(slope, F32x4::load(at_peak)).store(at_peak);
    }
}

#[inline(always)]
fn add_chained<const CURVED: bool>(grad: &mut [Quad], affine: Affine, p: impl Chained, g: Plane, w: Plane) {
    for block in blocks(grad.len()) {
        let (p, g, w) = (p.part(block.clone()), g.part(block.clone()), w.part(block.clone()));
        for (i, grad) in grad[block].iter_mut().enumerate() {
            let (p, slope) = p.with_slope(i);
            let u = w.at(i) * affine.at::<CURVED>(p, g.at(i));
            u.mul_add(slope, F32x4::load(grad)).store(grad);
        }
    }
}
