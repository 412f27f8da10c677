//! Softmax over any number of classes: class by class over the tile where classes do not meet, and where they do, a few
//! vectors through all classes, with what meets in registers.
//!
//! It is the stage of softmax, but for what `few_classes` serves, and of five classes and more the direct way of label maps
//! without weights.

use crate::chunk::blank_of;
use crate::lanes::{LabelQuad, Planes};
use crate::math::{Exp, Log};
use crate::pixel::categorical::{Own, OwnPlanes, complement, own_losses};
use crate::simd::{F32x4, LANES, Quad};
use crate::sums::{LogProduct, Sum, UnitSum};
use crate::workspace::{Tile, Workspace};

/// The largest value so far and the sum of the others, with one value more.
#[inline(always)]
pub fn with_another((largest, others): (F32x4, F32x4), x: F32x4) -> (F32x4, F32x4) {
    (largest.at_least(x), others + x.at_most(largest))
}

/// The largest value of each pixel, and the sum of the others.
pub fn largest_and_others(planes: Planes, largest: &mut [Quad], others: &mut [Quad]) {
    planes.fold(
        others.len(),
        |_, x| (x, F32x4::splat(0.0)),
        |state, _, x| with_another(state, x),
        |i, (most, sum)| {
            most.store(&mut largest[i]);
            sum.store(&mut others[i]);
        },
    );
}

/// exp(logit − largest logit) of every class, from `top`; Σ over all but the largest; 1 / (1 + Σ).
fn exponentials(z: Planes, tile: &Tile, top: &[Quad], act: &mut [Quad], others: &mut [Quad], peak: &mut [Quad]) {
    let (exp, one) = (Exp::new(), F32x4::splat(1.0));
    for k in 0..tile.channels {
        for ((z, top), act) in z.plane(k).iter().zip(top).zip(&mut act[tile.plane(k)]) {
            exp.negative(F32x4::load(top) - F32x4::load(z)).store(act);
        }
    }
    largest_and_others(Planes::of(act, tile), peak, others);
    for (others, peak) in others.iter().zip(peak) {
        (one / (one + F32x4::load(others))).store(peak);
    }
}

/// The largest logit of each pixel.
fn highest(z: Planes, top: &mut [Quad]) {
    z.fold(top.len(), |_, z| z, |top, _, z| top.at_least(z), |i, highest| highest.store(&mut top[i]));
}

/// One float a pixel out of the plane its label names.
pub fn gather(tile: &Tile, labels: &[LabelQuad], planes: Planes, picked: &mut [Quad]) {
    let (floats, stride) = (planes.quads.as_flattened(), planes.stride * LANES);
    let labels = labels[..tile.vectors].as_flattened();
    for (i, (picked, &label)) in picked.as_flattened_mut().iter_mut().zip(labels).enumerate() {
        *picked = floats[label.cast_unsigned() as usize * stride + i];
    }
}

/// Adds to tp and g of each pixel's own class, one pixel after another: the additions of every way of many classes.
#[inline(never)]
pub fn add_own(tile: &Tile, labels: &[LabelQuad], p: Planes, weights: Option<&[Quad]>, totals: &mut [f64]) {
    let (floats, stride) = (p.quads.as_flattened(), p.stride * LANES);
    for (i, label) in labels[..tile.vectors].as_flattened().iter().enumerate() {
        let label = label.cast_unsigned() as usize;
        let w = weights.map_or(1.0, |weights| weights.as_flattened()[i]);
        totals[label] += f64::from(w * floats[label * stride + i]);
        totals[2 * p.classes + label] += f64::from(w);
    }
}

/// How far the logits in `own` are below the largest of their pixels, in place.
#[inline(never)]
fn below_top(top: &[Quad], own: &mut [Quad]) {
    for (own, top) in own.iter_mut().zip(top) {
        F32x4::load(own).below(F32x4::load(top)).store(own);
    }
}

/// What makes p − g of the exponentials, less that of the largest logit, and the gradient of cross-entropy of that.
#[inline(never)]
fn entropy_factors(scale: f32, peak: &[Quad], factor: &mut [Quad]) {
    let scale = F32x4::splat(scale);
    for (factor, peak) in factor.iter_mut().zip(peak) {
        (scale * F32x4::load(peak)).store(factor);
    }
}

/// From what `below_top` left in the first place.
#[inline(never)]
fn own_from_top(others: &[Quad], peak: &[Quad], [negative_log, p, q]: &mut OwnPlanes) {
    let (exp, log) = (Exp::new(), Log::new());
    for i in 0..others.len() {
        let (below, others, peak) = (F32x4::load(&negative_log[i]), F32x4::load(&others[i]), F32x4::load(&peak[i]));
        let own = exp.negative(below) * peak;
        // `below` is finite, and beside the largest number the logarithm is nothing.
        (below + log.log1p(others)).store(&mut negative_log[i]);
        own.store(&mut p[i]);
        complement(own, peak, others * peak).store(&mut q[i]);
    }
}

impl Workspace {
    /// Logits in `values` to probabilities in `act`; fills `top`, `others`, `peak` and `rest` and, with `picks`, `below`
    /// and `own`.
    pub fn activate_many(&mut self, picks: bool) {
        let Self { tile, values, act, labels, top, others, peak, rest, below, own, miss, .. } = self;
        let (tile, n): (&Tile, usize) = (tile, tile.vectors);
        let z = Planes::of(values, tile);
        highest(z, &mut top[..n]);
        exponentials(z, tile, &top[..n], act, &mut others[..n], &mut peak[..n]);
        for ((others, peak), rest) in others[..n].iter().zip(peak.iter()).zip(rest.iter_mut()) {
            (F32x4::load(others) * F32x4::load(peak)).store(rest);
        }
        for k in 0..tile.channels {
            for (act, peak) in act[tile.plane(k)].iter_mut().zip(peak.iter()) {
                (F32x4::load(act) * F32x4::load(peak)).store(act);
            }
        }
        if picks {
            gather(tile, labels, z, below);
            gather(tile, labels, Planes::of(act, tile), own);
            for (below, top) in below[..n].iter_mut().zip(top.iter()) {
                (F32x4::load(top) - F32x4::load(below)).store(below);
            }
            for (i, miss) in miss[..n].iter_mut().enumerate() {
                let [p, peak, rest] = [&own[i], &peak[i], &rest[i]].map(F32x4::load);
                complement(p, peak, rest).store(miss);
            }
        }
    }

    /// As `direct_few`, of any number of classes. `None`: a largest logit is infinite, which this way does not
    /// know, or the largest float, which is to have the same bits.
    pub fn direct_many(&mut self, own: Own, sums: bool, scale: Option<f32>) -> Option<f64> {
        let Self { tile, chunk, values, act, grad, labels, mask, top, others, peak, factor, totals, .. } = self;
        let Self { below, own: own_p, miss, .. } = self;
        let (tile, n, classes): (&Tile, usize, usize) = (tile, tile.vectors, tile.channels);
        let (z, out, stride) = chunk.direct_classes(tile, values, grad);
        let (top, others, peak) = (&mut top[..n], &mut others[..n], &mut peak[..n]);
        highest(z, top);
        if top.as_flattened().iter().any(|z| z.abs() >= f32::MAX) {
            return None;
        }
        exponentials(z, tile, top, act, others, peak);
        // No loss, and no p: beside its 1 one below 1e-16 would be lost.
        for i in blank_of(tile, mask) {
            peak.as_flattened_mut()[i] = 0.0;
            others.as_flattened_mut()[i] = 0.0;
        }
        let labels_of = || labels[..n].as_flattened().iter().map(|&label| label.cast_unsigned() as usize).enumerate();
        let (mut linear, mut product) = (Sum::new(), LogProduct::new());
        let (below, factor) = (&mut below[..n], &mut factor[..n]);
        if !matches!(own, Own::Nothing) {
            gather(tile, labels, z, below);
            below_top(top, below);
        }
        let a = scale.unwrap_or(0.0);
        let value = match own {
            Own::Nothing => 0.0,
            Own::Entropy => {
                below.iter().for_each(|below| linear.add(F32x4::load(below)));
                product.multiply_all(others);
                linear.total() + product.total()
            }
            Own::Loss(loss) => {
                let mut own: OwnPlanes = [below, &mut own_p[..n], &mut miss[..n]];
                own_from_top(others, peak, &mut own);
                own_losses(loss, &own, peak, a, factor)
            }
        };
        if scale.is_some() && !matches!(own, Own::Loss(_)) {
            entropy_factors(a, peak, factor);
        }
        if scale.is_some() {
            for k in 0..classes {
                for ((e, factor), out) in act[tile.plane(k)].iter().zip(&*factor).zip(&mut out[k * stride..]) {
                    (F32x4::load(e) * F32x4::load(factor)).store(out);
                }
            }
            // Of the pixel's own class it is minus the sum of the others.
            let (e, out) = (act.as_flattened(), out.as_flattened_mut());
            let (others, factor) = (others.as_flattened(), factor.as_flattened());
            for (i, label) in labels_of() {
                let e = e[label * tile.stride * LANES + i];
                // No branch, which could not be predicted; where e is 1 nothing is lost.
                out[label * stride * LANES + i] = -factor[i] * (others[i] + (1.0 - e));
            }
        }
        if sums {
            for k in 0..classes {
                totals[7 * classes + k] += (n * LANES - tile.blank) as f64;
                let out = &mut out[k * stride..];
                let mut sum = UnitSum::new();
                for ((e, peak), out) in act[tile.plane(k)].iter().zip(&*peak).zip(out) {
                    let p = F32x4::load(e) * F32x4::load(peak);
                    p.store(out);
                    sum.add(p);
                }
                totals[classes + k] += sum.total();
            }
            add_own(tile, labels, Planes { quads: out, stride, classes }, None, totals);
        }
        Some(value)
    }

    /// As `direct_few_gradient`, of any number of classes.
    ///
    /// v is a less the a of the largest p, and of the pixel's own class b more; where that is the largest, b less of
    /// the others. Its share of the mean of v is then −b·(1 − p).
    pub fn direct_many_gradient(&mut self, scale: Option<f32>) {
        let Self { tile, chunk, values, grad, labels, table, peak, rest, factor, mean, below, .. } = self;
        let (tile, n, classes): (&Tile, usize, usize) = (tile, tile.vectors, tile.channels);
        let (a, b) = Self::slot(table, classes, 0).split_at(classes);
        let scale = scale.unwrap_or(0.0);
        let (p, out, stride) = chunk.direct_classes(tile, values, grad);
        let (peak, rest, at_peak, mean) = (&mut peak[..n], &mut rest[..n], &mut factor[..n], &mut mean[..n]);
        let at = |k: usize| F32x4::splat(a[k]);
        p.fold(
            n,
            |_, p| ((p, F32x4::splat(0.0)), at(0)),
            |(state, at_peak), k, p| (with_another(state, p), state.0.less(p).select(at(k), at_peak)),
            |i, ((most, others), a)| {
                most.store(&mut peak[i]);
                others.store(&mut rest[i]);
                a.store(&mut at_peak[i]);
            },
        );
        p.fold(
            n,
            |i, p| {
                let at_peak = F32x4::load(&at_peak[i]);
                (at_peak, (at(0) - at_peak) * p)
            },
            |(at_peak, mean), k, p| (at_peak, (at(k) - at_peak).mul_add(p, mean)),
            |i, (_, sum)| sum.store(&mut mean[i]),
        );
        let floats = p.quads.as_flattened();
        let (peaks, rests) = (peak.as_flattened(), rest.as_flattened());
        let (means, references) = (mean.as_flattened_mut(), at_peak.as_flattened_mut());
        let own = below.as_flattened_mut();
        for (i, label) in labels[..n].as_flattened().iter().enumerate() {
            let label = label.cast_unsigned() as usize;
            let p = floats[label * stride * LANES + i];
            let largest = p == peaks[i];
            let q = if largest { rests[i] } else { 1.0 - p };
            if largest {
                means[i] -= b[label] * q;
                references[i] += b[label];
            } else {
                means[i] += b[label] * p;
            }
            own[i] = p * (a[label] + b[label] - references[i] - means[i]) - scale * q;
        }
        let scale = F32x4::splat(scale);
        for mean in mean.iter_mut() {
            (F32x4::load(mean) - scale).store(mean);
        }
        for k in 0..classes {
            let state = p.plane(k).iter().zip(&*at_peak).zip(&*mean).zip(&mut out[k * stride..]);
            for (((p, at_peak), mean), out) in state {
                (F32x4::load(p) * (at(k) - F32x4::load(at_peak) - F32x4::load(mean))).store(out);
            }
        }
        let out = out.as_flattened_mut();
        for (i, label) in labels[..n].as_flattened().iter().enumerate() {
            out[label.cast_unsigned() as usize * stride * LANES + i] = own[i];
        }
    }
}
