//! Drives losses of a pixel's whole distribution under softmax: Σ_k t_k·f(p_k).
//!
//! t is the target with every weight in it: t_k = w·(r0_k g_k + r2_k·Σ_j r1_j g_j), rows of the loss's table: r0 the
//! weight of class k's own label, r1 and r2 the share that label smoothing spreads. With a label map and no smoothing
//! only one t_k of a pixel is not 0; that path reads one class a pixel and touches no dense target.
//!
//! Every derivative has the form Σ_k a_k (p_j − δ_jk) = (Σ_k a_k − a_j)·p_j − a_j·(1 − p_j).

use crate::lanes::{LabelQuad, Lanes, OneHot, Plane, is_class};
use crate::math::Log;
use crate::pixel::cross_entropy::CrossEntropy;
use crate::pixel::focal::SquareFocal;
use crate::pixel::rare::Rare;
use crate::simd::{F32x4, LANES, Quad};
use crate::sums::Sum;
use crate::workspace::{Target, Tile, Weights, Workspace};

/// A function of the probability of one class.
pub trait Categorical {
    /// Whether `of` reads `q` and `slope` reads anything at all.
    const NEEDS_PROBABILITY: bool;
    /// f, from −ln p and q = 1 − p.
    fn of(&self, negative_log: F32x4, q: F32x4) -> F32x4;
    /// −p·df/dp: what the derivative of −ln p is multiplied by.
    fn slope(&self, negative_log: F32x4, p: F32x4, q: F32x4) -> F32x4;
}

/// 1 − p without cancellation, from the largest p of the pixel and the sum of the others.
#[inline(always)]
pub fn complement(p: F32x4, peak: F32x4, rest: F32x4) -> F32x4 {
    p.equals(peak).select(rest, F32x4::splat(1.0) - p)
}

/// −ln p, from the same; the logit itself is gone in the second pass.
#[inline(always)]
fn negative_log(log: &Log, p: F32x4, peak: F32x4, rest: F32x4) -> F32x4 {
    let of_peak = log.log1p(rest / peak);
    p.equals(peak).select(of_peak, -log.ln(p))
}

/// What a direct way adds up of each pixel's own class.
#[derive(Clone, Copy)]
pub enum Own<'a> {
    Nothing,
    /// Cross-entropy, of which every pixel has weight 1.
    Entropy,
    /// Any loss; the weights of the pixels are in `factor`, which takes the factors of its gradient.
    Loss(&'a Rare),
}

/// −ln p, p and 1 − p of so many pixels' own classes.
pub type OwnPlanes<'a> = [&'a mut [Quad]; 3];

/// The losses of so many pixels' own classes, for the direct ways: adds them up, and turns the pixels' weights in `factor`
/// into weight · scale · `peak` · slope, what exponentials are multiplied by.
pub fn own_losses(loss: &Rare, own: &OwnPlanes, peak: &[Quad], scale: f32, factor: &mut [Quad]) -> f64 {
    match loss {
        // The most used have instances of their own, without a call in their loop.
        Rare::BinaryCrossEntropy(_) => each_own(&CrossEntropy, own, peak, scale, factor),
        Rare::Focal(focal) if focal.is_square() => each_own(&SquareFocal, own, peak, scale, factor),
        _ => each_own(loss, own, peak, scale, factor),
    }
}

#[inline(never)]
fn each_own<L: Categorical>(loss: &L, own: &OwnPlanes, peak: &[Quad], scale: f32, factor: &mut [Quad]) -> f64 {
    let scale = F32x4::splat(scale);
    let mut sum = Sum::new();
    for (i, factor) in factor.iter_mut().enumerate() {
        let [negative_log, p, q] = own.each_ref().map(|plane| F32x4::load(&plane[i]));
        let weight = F32x4::load(factor);
        sum.add(weight * loss.of(negative_log, q));
        (scale * F32x4::load(&peak[i]) * weight * loss.slope(negative_log, p, q)).store(factor);
    }
    sum.total()
}

impl Workspace {
    /// Whether each pixel has one class, with one weight.
    pub fn one_hot(&self, slot: usize) -> bool {
        let channels = self.tile.channels;
        let smoothing = &Self::slot(&self.table, channels, slot)[2 * channels..3 * channels];
        self.tile.target == Target::Labels
            && self.tile.weights != Weights::Element
            && smoothing.iter().all(|&r| r == 0.0)
    }

    /// Whether each pixel has one class, and no class a weight.
    pub fn plain_labels(&self, slot: usize) -> bool {
        let channels = self.tile.channels;
        let row = &Self::slot(&self.table, channels, slot)[..channels];
        self.one_hot(slot) && row.iter().all(|&r| r == 1.0)
    }

    /// One-hot: t of each pixel's own class, into `factor`.
    pub fn label_weights(&mut self, slot: usize) {
        let Self { tile, labels, weight, factor, table, .. } = self;
        let row = &Self::slot(table, tile.channels, slot)[..tile.channels];
        let factor = &mut factor[..tile.vectors];
        if row.iter().all(|&r| r == 1.0) {
            factor.fill([1.0; LANES]);
        } else {
            for (factor, &label) in factor.as_flattened_mut().iter_mut().zip(labels.as_flattened()) {
                *factor = row[label.cast_unsigned() as usize];
            }
        }
        if tile.weights == Weights::Pixel {
            for (factor, weight) in factor.iter_mut().zip(weight) {
                (F32x4::load(factor) * F32x4::load(weight)).store(factor);
            }
        }
    }

    /// Any target: t of each pixel and class, into `aux`.
    pub fn weighted_targets(&mut self, slot: usize) {
        let Self { tile, labels, target, weight, element, aux, factor, table, .. } = self;
        let tile: &Tile = tile;
        let rows = Self::slot(table, tile.channels, slot);
        let row = |r: usize, k: usize| F32x4::splat(rows[r * tile.channels + k]);
        let zero = F32x4::splat(0.0);
        let mass = &mut factor[..tile.vectors];
        mass.fill([0.0; LANES]);
        let smoothed = (0..tile.channels).any(|k| rows[2 * tile.channels + k] != 0.0);
        for k in (0..tile.channels).filter(|_| smoothed) {
            let own = row(1, k);
            each_target(tile, labels, target, k, |i, g| own.mul_add(g, F32x4::load(&mass[i])).store(&mut mass[i]));
        }
        for k in 0..tile.channels {
            let (own, spread) = (row(0, k), row(2, k));
            let out = &mut aux[tile.plane(k)];
            each_target(tile, labels, target, k, |i, g| {
                own.mul_add(g, spread * F32x4::load(&mass[i])).store(&mut out[i]);
            });
            if let Some(weights) = Self::weights_of(tile, weight, element, k) {
                for (t, w) in out.iter_mut().zip(weights) {
                    (F32x4::load(t) * F32x4::load(w) + zero).store(t);
                }
            }
        }
    }

    pub fn categorical_value(&mut self, loss: &Rare, slot: usize) -> f64 {
        let (log, largest) = (Log::new(), F32x4::splat(f32::MAX));
        let mut sum = Sum::new();
        if self.one_hot(slot) {
            self.label_weights(slot);
            let Self { tile, grad, others, below, miss, factor, .. } = self;
            for i in 0..tile.vectors {
                let negative_log = F32x4::load(&below[i]) + log.log1p(F32x4::load(&others[i]));
                let negative_log = negative_log.at_most(largest);
                let term = F32x4::load(&factor[i]) * loss.of(negative_log, F32x4::load(&miss[i]));
                sum.add(term);
                term.store(&mut grad[i]);
            }
        } else {
            self.weighted_targets(slot);
            let Self { tile, values, act, aux, grad, top, others, peak, rest, factor, .. } = self;
            factor[..tile.vectors].fill([0.0; LANES]);
            for k in 0..tile.channels {
                let (z, p, t) = (&values[tile.plane(k)], &act[tile.plane(k)], &aux[tile.plane(k)]);
                for i in 0..tile.vectors {
                    let below = F32x4::load(&top[i]) - F32x4::load(&z[i]);
                    let negative_log = (below + log.log1p(F32x4::load(&others[i]))).at_most(largest);
                    let q = complement(F32x4::load(&p[i]), F32x4::load(&peak[i]), F32x4::load(&rest[i]));
                    let term = F32x4::load(&t[i]) * loss.of(negative_log, q);
                    sum.add(term);
                    (term + F32x4::load(&factor[i])).store(&mut factor[i]);
                }
            }
            grad[..tile.vectors].copy_from_slice(&factor[..tile.vectors]);
        }
        sum.total()
    }

    pub fn categorical_gradient<L: Categorical>(&mut self, loss: &L, slot: usize, scale: f32) {
        if self.one_hot(slot) {
            self.label_weights(slot);
            self.one_hot_gradient(loss, scale);
        } else {
            self.weighted_targets(slot);
            self.dense_gradient(loss, scale);
        }
    }

    /// a·p_k, and −a·(1 − p_y) for the pixel's own class.
    fn one_hot_gradient<L: Categorical>(&mut self, loss: &L, scale: f32) {
        let Self { tile, input, act, grad, labels, peak, rest, others, below, own, miss, mean, factor, .. } = self;
        let (log, scale) = (Log::new(), F32x4::splat(scale));
        let replacement = mean;
        for i in 0..tile.vectors {
            let (p, peak, rest) = (F32x4::load(&own[i]), F32x4::load(&peak[i]), F32x4::load(&rest[i]));
            let q = if input.stored { complement(p, peak, rest) } else { F32x4::load(&miss[i]) };
            let mut a = scale * F32x4::load(&factor[i]);
            if L::NEEDS_PROBABILITY {
                let far = if !input.stored {
                    (F32x4::load(&below[i]) + log.log1p(F32x4::load(&others[i]))).at_most(F32x4::splat(f32::MAX))
                } else {
                    negative_log(&log, p, peak, rest)
                };
                a = a * loss.slope(far, p, q);
            }
            a.store(&mut factor[i]);
            (-q).store(&mut replacement[i]);
        }
        scatter(tile, labels, act, grad, factor, replacement);
    }

    fn dense_gradient<L: Categorical>(&mut self, loss: &L, scale: f32) {
        let Self { tile, input, values, act, aux, grad, top, others, peak, rest, factor, .. } = self;
        let log = Log::new();
        let sum = &mut factor[..tile.vectors];
        sum.fill([0.0; LANES]);
        for k in 0..tile.channels {
            let z = &values[tile.plane(k)];
            let planes = aux[tile.plane(k)].iter_mut().zip(&act[tile.plane(k)]);
            let state = planes.zip(sum.iter_mut()).zip(peak.iter().zip(rest.iter()));
            for (i, (((a, p), sum), (peak, rest))) in state.enumerate() {
                let mut weighted = F32x4::splat(scale) * F32x4::load(a);
                if L::NEEDS_PROBABILITY {
                    let (p, peak, rest) = (F32x4::load(p), F32x4::load(peak), F32x4::load(rest));
                    let far = if !input.stored {
                        let below = F32x4::load(&top[i]) - F32x4::load(&z[i]);
                        (below + log.log1p(F32x4::load(&others[i]))).at_most(F32x4::splat(f32::MAX))
                    } else {
                        negative_log(&log, p, peak, rest)
                    };
                    weighted = weighted * loss.slope(far, p, complement(p, peak, rest));
                }
                weighted.store(a);
                (F32x4::load(sum) + weighted).store(sum);
            }
        }
        for k in 0..tile.channels {
            let planes = grad[tile.plane(k)].iter_mut().zip(&act[tile.plane(k)]).zip(&aux[tile.plane(k)]);
            for (((grad, p), a), (sum, (peak, rest))) in planes.zip(sum.iter().zip(peak.iter().zip(rest.iter()))) {
                let (p, a) = (F32x4::load(p), F32x4::load(a));
                let q = complement(p, F32x4::load(peak), F32x4::load(rest));
                let others = (F32x4::load(sum) - a).mul_add(p, F32x4::load(grad));
                a.neg_mul_add(q, others).store(grad);
            }
        }
    }
}

/// Adds a·p_k to the gradient of every class, or a·replacement to that of the pixel's own.
fn scatter(tile: &Tile, labels: &[LabelQuad], act: &[Quad], grad: &mut [Quad], a: &[Quad], replacement: &[Quad]) {
    for k in 0..tile.channels {
        let planes = grad[tile.plane(k)].iter_mut().zip(&act[tile.plane(k)]);
        for (((grad, p), label), (a, replacement)) in planes.zip(labels).zip(a.iter().zip(replacement)) {
            let mine = is_class(label, k as i32);
            let factor = mine.select(F32x4::load(replacement), F32x4::load(p));
            F32x4::load(a).mul_add(factor, F32x4::load(grad)).store(grad);
        }
    }
}

/// Calls `each(i, g)` with the target of class `k`.
#[inline(always)]
fn each_target(tile: &Tile, labels: &[LabelQuad], target: &[Quad], k: usize, mut each: impl FnMut(usize, F32x4)) {
    match tile.target {
        Target::Labels => {
            let class = i32::try_from(k).unwrap_or(i32::MAX);
            let g = OneHot { labels: &labels[..tile.vectors], class };
            (0..tile.vectors).for_each(|i| each(i, g.at(i)));
        }
        Target::Dense => {
            let g = Plane(&target[tile.plane(k)]);
            (0..tile.vectors).for_each(|i| each(i, g.at(i)));
        }
    }
}
