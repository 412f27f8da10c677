//! Region losses: the eight sums of a class, and the one gradient that fits every function of them.
//!
//! ∂L/∂p = w·(a + b g + c p + (p − g)(d g + e (1 − g))), with a…e from the partial derivatives of the loss with respect
//! to the sums (rows 0…4 of table slot 0, those of a pixel loss being behind it); then the chain of the activation. A
//! region loss therefore needs no Rust.

use crate::few_classes::MOST_FEW;
use crate::lanes::{FromTail, Lanes, OneHot, Plane, Planes};
use crate::many_classes::add_own;
use crate::segment::{fill_probabilities, fill_target};
use crate::simd::{F32x4, LANES, Quad};
use crate::sums::{Sum, UnitSum};
use crate::workspace::{Activation, COEFFICIENTS, MASS, TABLE_ROWS, Target, Tile, Weights, Workspace};

/// tp, p, g; then p², g², (g−p)²g, (g−p)²(1−g), 1: each times w.
const SUMS: usize = TABLE_ROWS;

#[inline(always)]
pub fn summands(p: F32x4, g: F32x4, w: F32x4) -> [F32x4; SUMS] {
    let (wp, wg, error) = (w * p, w * g, g - p);
    let squared = error * error;
    [wp * g, wp, wg, wp * p, wg * g, squared * wg, squared * (w - wg), w]
}

/// `units`: no w is above 1, so that tp and p take the very additions of the direct ways; of many classes `add_own` is to give tp.
fn sums([p, g, w]: [&[Quad]; 3], units: bool) -> [f64; SUMS] {
    let (mut sums, mut unit) = ([Sum::new(); SUMS], [UnitSum::new(); 2]);
    for ((p, g), w) in p.iter().zip(g).zip(w) {
        let summands = summands(F32x4::load(p), F32x4::load(g), F32x4::load(w));
        for (sum, x) in sums.iter_mut().zip(summands) {
            sum.add(x);
        }
        for (sum, x) in unit.iter_mut().zip(summands) {
            sum.add(x);
        }
    }
    let mut sums = sums.map(Sum::total);
    if units {
        sums[..2].copy_from_slice(&unit.map(UnitSum::total));
    }
    sums
}

/// a…e of one class.
#[derive(Clone, Copy)]
pub struct Affine(pub [F32x4; COEFFICIENTS]);

impl Affine {
    pub fn of(slot: &[f32], channels: usize, k: usize) -> Self {
        Self(core::array::from_fn(|r| F32x4::splat(slot[r * channels + k])))
    }

    /// `CURVED` = false: c = d = e = 0.
    #[inline(always)]
    pub fn at<const CURVED: bool>(&self, p: F32x4, g: F32x4) -> F32x4 {
        let [a, b, c, d, e] = self.0;
        let flat = b.mul_add(g, a);
        if CURVED {
            // The errors are not multiplied out: their terms would cancel where one class fills a sample.
            let error = d.mul_add(g, e * (F32x4::splat(1.0) - g));
            (p - g).mul_add(error, c.mul_add(p, flat))
        } else {
            flat
        }
    }
}

impl Workspace {
    /// The sums of every class over the tile, into `totals` (row = sum, column = class).
    pub fn region_sums(&mut self) {
        self.with_weight_plane();
        if self.input.segment > 0 {
            return self.segment_sums();
        }
        let Self { tile, input, act, target, element, labels, weight, factor, mean, totals, .. } = self;
        let tile: &Tile = tile;
        let (n, units) = (tile.vectors, input.weights == Weights::None);
        let (p, g) = (&mut mean[..n], &mut factor[..n]);
        let labelled = units && tile.target == Target::Labels && tile.channels > MOST_FEW;
        for k in 0..tile.channels {
            fill_probabilities(p, tile, &act[tile.plane(k)]);
            fill_target(g, tile, target, labels, k);
            let weights = Self::weights_of(tile, weight, element, k);
            let mut found = sums([p, g, weights.unwrap_or(&weight[..n])], units);
            if weights.is_none() {
                found[7] = tile.pixels as f64;
            }
            if labelled {
                (found[0], found[2]) = (0.0, 0.0);
            }
            for (r, sum) in found.into_iter().enumerate() {
                totals[r * tile.channels + k] += sum;
            }
        }
        if labelled {
            add_own(tile, labels, Planes::of(act, tile), Some(&weight[..n]), totals);
        }
    }

    /// What the mean by weights divides by: Σ w g of every class (softmax), or Σ w of every channel.
    pub fn sum_weights(&mut self) {
        self.with_weight_plane();
        let Self { tile, target, element, labels, weight, factor, totals, .. } = self;
        let tile: &Tile = tile;
        let g = &mut factor[..tile.vectors];
        g.fill([1.0; LANES]);
        for k in 0..tile.channels {
            if tile.activation == Activation::Softmax {
                fill_target(g, tile, target, labels, k);
            }
            let mut sum = Sum::new();
            for (w, g) in Self::weight_plane(tile, weight, element, k).iter().zip(&*g) {
                sum.add(F32x4::load(w) * F32x4::load(g));
            }
            totals[MASS * tile.channels + k] += sum.total();
        }
    }

    /// The gradient of every class, added to `grad`. What multiplies it is in the table already. Only samples of their own
    /// gain by knowing that c, d and e are 0: `curved` = false.
    pub fn region_gradient(&mut self, curved: bool) {
        if self.input.segment > 0 {
            return self.segment_gradient(curved);
        }
        match self.tile.activation {
            Activation::Softmax => self.softmax_gradient(),
            _ => self.channel_gradient(),
        }
    }

    /// Sigmoid and none: every channel by itself.
    fn channel_gradient(&mut self) {
        self.with_weight_plane();
        let Self { tile, act, target, element, weight, grad, table, .. } = self;
        let tile: &Tile = tile;
        let constants = Self::slot(table, tile.channels, 0);
        for k in 0..tile.channels {
            let affine = Affine::of(constants, tile.channels, k);
            let (plane, grad) = (&act[tile.plane(k)], &mut grad[tile.plane(k)]);
            let (g, w) = (Plane(&target[tile.plane(k)]), Plane(Self::weight_plane(tile, weight, element, k)));
            if tile.activation == Activation::Sigmoid {
                add_chained(grad, affine, FromTail(plane), g, w);
            } else {
                add_chained(grad, affine, Plane(plane), g, w);
            }
        }
    }

    /// Softmax: p_k (v_k − Σ_j p_j v_j), with v = u less the u of the largest p, so that a confident pixel's small
    /// gradient is not the difference of two large numbers.
    fn softmax_gradient(&mut self) {
        self.with_weight_plane();
        let Self { tile, act, aux, target, element, labels, weight, grad, peak, factor, mean, table, .. } = self;
        let tile: &Tile = tile;
        let constants = Self::slot(table, tile.channels, 0);
        for k in 0..tile.channels {
            let affine = Affine::of(constants, tile.channels, k);
            let w = Plane(Self::weight_plane(tile, weight, element, k));
            let (u, p) = (&mut aux[tile.plane(k)], &act[tile.plane(k)]);
            match tile.target {
                Target::Labels => {
                    let hot = OneHot { labels: &labels[..tile.vectors], class: k as i32 };
                    slopes(u, p, |_| affine, hot, w, peak, factor);
                }
                Target::Dense => slopes(u, p, |_| affine, Plane(&target[tile.plane(k)]), w, peak, factor),
            }
        }
        chain(tile, act, aux, grad, factor, mean);
    }
}

/// u of one class, and the u of the class with the largest p.
#[inline(always)]
pub fn slopes(
    u: &mut [Quad],
    p: &[Quad],
    affine: impl Fn(usize) -> Affine,
    g: impl Lanes,
    w: impl Lanes,
    peak: &[Quad],
    at_peak: &mut [Quad],
) {
    let state = u.iter_mut().zip(p).zip(peak.iter().zip(at_peak));
    for (i, ((u, p), (peak, at_peak))) in state.enumerate() {
        let p = F32x4::load(p);
        let slope = w.at(i) * affine(i).at::<true>(p, g.at(i));
        slope.store(u);
        p.equals(F32x4::load(peak)).select(slope, F32x4::load(at_peak)).store(at_peak);
    }
}

/// Adds p_k (v_k − Σ_j p_j v_j) to `grad`, from the u of every class and that at the peak.
#[inline(never)]
pub fn chain(tile: &Tile, act: &[Quad], u: &mut [Quad], grad: &mut [Quad], at_peak: &[Quad], mean: &mut [Quad]) {
    mean[..tile.vectors].fill([0.0; LANES]);
    for k in 0..tile.channels {
        let planes = u[tile.plane(k)].iter_mut().zip(&act[tile.plane(k)]);
        for (((u, p), at_peak), mean) in planes.zip(at_peak).zip(mean.iter_mut()) {
            let v = F32x4::load(u) - F32x4::load(at_peak);
            v.store(u);
            v.mul_add(F32x4::load(p), F32x4::load(mean)).store(mean);
        }
    }
    for k in 0..tile.channels {
        let planes = grad[tile.plane(k)].iter_mut().zip(&act[tile.plane(k)]).zip(&u[tile.plane(k)]);
        for (((grad, p), v), mean) in planes.zip(mean.iter()) {
            (F32x4::load(v) - F32x4::load(mean)).mul_add(F32x4::load(p), F32x4::load(grad)).store(grad);
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

#[inline(always)]
fn add_chained(grad: &mut [Quad], affine: Affine, p: impl Chained, g: Plane, w: Plane) {
    let (p, g, w) = (p.part(0..grad.len()), g.part(0..grad.len()), w.part(0..grad.len()));
    for (i, grad) in grad.iter_mut().enumerate() {
        let (p, slope) = p.with_slope(i);
        let u = w.at(i) * affine.at::<true>(p, g.at(i));
        u.mul_add(slope, F32x4::load(grad)).store(grad);
    }
}
