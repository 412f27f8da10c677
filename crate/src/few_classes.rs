//! Softmax over two to four classes: as a stage, and of label maps without weights as the direct way from the chunk's
//! logits to its `out`, all classes of four pixels at once, in registers. `many_classes` takes any number.
//!
//! Exponentials are of the logits as they are: nobody looks for the largest, and no difference is rounded. A far pixel,
//! with a logit beyond `REACH`, where the ratio of two exponentials may be no f32, is shifted by its largest, alone, so that
//! no pixel's p depends on its neighbours. −ln p of a pixel's own class is ln(1 + Σ of the others / its own): like p − g of it, which is minus that
//! Σ, it does not cancel.

use crate::chunk::blank_of;
use crate::lanes::{LabelQuad, Planes, is_class};
use crate::many_classes::with_another;
use crate::math::{Exp, Log, exp_of_logits};
use crate::pixel::categorical::{Own, OwnPlanes, own_losses};
use crate::simd::{F32x4, I32x4, LANES, Mask, Quad};
use crate::sums::{LogProduct, Sum, UnitSum};
use crate::workspace::{Tile, Workspace};
use core::array::from_fn;

/// The most classes that have loops of their own.
pub const MOST_FEW: usize = 4;

/// So far from 0 logits may be: then four exponentials over one are at most 2^126, and no p is below 2^-126.
const REACH: f32 = 43.0;

/// exp z of every class, of a far pixel exp(z − `top`), `top` being its largest logit. `false`: there are some, where `far`
/// is not 0. NaN passes.
#[inline(never)]
fn exponentials(z: Planes, tile: &Tile, e: &mut [Quad], top: &mut [Quad], far: &mut [Quad]) -> bool {
    let furthest = (0..tile.channels)
        .fold(F32x4::splat(0.0), |furthest, k| exp_of_logits(z.plane(k), &mut e[tile.plane(k)], furthest));
    if furthest.to_array().iter().all(|&z| z <= REACH) {
        return true;
    }
    let exp = Exp::new();
    for i in 0..tile.vectors {
        let size = z.at(i).fold(F32x4::splat(0.0), |size, z| size.at_least(z.abs()));
        let is_far = F32x4::splat(REACH).less(size);
        F32x4::splat(1.0).keep(is_far).store(&mut far[i]);
        if far[i] == [0.0; LANES] {
            continue;
        }
        let highest = z.at(i).fold(F32x4::splat(-f32::MAX), |top, z| top.at_least(z.finite())).keep(is_far);
        highest.store(&mut top[i]);
        for (k, z) in z.at(i).enumerate() {
            exp.negative(highest - z.finite()).store(&mut e[k * tile.stride + i]);
        }
    }
    false
}

#[inline(always)]
fn hot<const C: usize>(label: &LabelQuad) -> [Mask; C] {
    from_fn(|k| is_class(label, k as i32))
}

/// The value of each pixel's own class.
#[inline(always)]
fn picked<const C: usize>(values: [F32x4; C], hot: [Mask; C]) -> F32x4 {
    (1..C).fold(values[0].keep(hot[0]), |picked, k| picked + values[k].keep(hot[k]))
}

#[inline(always)]
fn total<const C: usize>(values: [F32x4; C]) -> F32x4 {
    values[1..].iter().fold(values[0], |sum, &x| sum + x)
}

/// p_k − g_k from anything proportional to p, and the sum of the other classes than each pixel's own. That class's is minus
/// it, which does not cancel.
#[inline(always)]
fn errors<const C: usize>(p: [F32x4; C], hot: [Mask; C]) -> ([F32x4; C], F32x4) {
    let others: [F32x4; C] = from_fn(|k| p[k].drop(hot[k]));
    let rest = total(others);
    (from_fn(|k| others[k] - rest.keep(hot[k])), rest)
}

/// The probabilities of one class, of exponentials, and their sums: tp, p and g.
#[inline(never)]
fn probabilities(e: &[Quad], inverse: &[Quad], labels: &[LabelQuad], class: i32, out: &mut [Quad]) -> [f64; 3] {
    let [mut tp, mut all] = [UnitSum::new(); 2];
    let mut count = I32x4::splat(0);
    for (((e, inverse), label), out) in e.iter().zip(inverse).zip(labels).zip(out) {
        let p = F32x4::load(e) * F32x4::load(inverse);
        p.store(out);
        let hot = is_class(label, class);
        tp.add(p.keep(hot));
        all.add(p);
        count = count - hot.to_bits();
    }
    [tp.total(), all.total(), count.to_array().iter().map(|&count| f64::from(count)).sum()]
}

/// So many vectors of each of the first planes, to be written.
#[inline(always)]
fn planes_mut<const C: usize>(buffer: &mut [Quad], stride: usize, vectors: usize) -> [&mut [Quad]; C] {
    let mut parts = buffer.chunks_mut(stride.max(1));
    from_fn(|_| &mut parts.next().unwrap_or_default()[..vectors])
}

/// Of far pixels what a ratio may not hold: into `below` how far the own class is below the largest, elsewhere 0, and where it
/// is not 0 into `odds` the ratio of the others to that largest, whose exponential is 1.
#[inline(never)]
fn far_odds(
    z: Planes,
    e: Planes,
    labels: &[LabelQuad],
    top: &[Quad],
    far: &[Quad],
    odds: &mut [Quad],
    below: &mut [Quad],
) {
    let zero = F32x4::splat(0.0);
    for (i, label) in labels.iter().enumerate() {
        below[i] = [0.0; LANES];
        if far[i] == [0.0; LANES] {
            continue;
        }
        let own = z.at(i).enumerate().fold(zero, |own, (k, z)| own + z.keep(is_class(label, k as i32)));
        let (_, others) = e.at(i).fold((zero, zero), with_another);
        let distance = own.below(F32x4::load(&top[i])).drop(F32x4::load(&far[i]).equals(zero));
        distance.store(&mut below[i]);
        distance.equals(zero).select(F32x4::load(&odds[i]), others).store(&mut odds[i]);
    }
}

/// 1 − p where the own class is below the largest.
#[inline(never)]
fn far_misses(below: &[Quad], p: &[Quad], miss: &mut [Quad]) {
    for ((below, p), miss) in below.iter().zip(p).zip(miss) {
        let is_largest = F32x4::load(below).equals(F32x4::splat(0.0));
        is_largest.select(F32x4::load(miss), F32x4::splat(1.0) - F32x4::load(p)).store(miss);
    }
}

/// From p in its place and (1 − p)/p in the last.
#[inline(never)]
fn own_from_odds([negative_log, p, q]: &mut OwnPlanes) {
    let log = Log::new();
    for ((negative_log, p), q) in negative_log.iter_mut().zip(p.iter()).zip(q.iter_mut()) {
        let odds = F32x4::load(q);
        log.log1p(odds).store(negative_log);
        (odds * F32x4::load(p)).store(q);
    }
}

impl Workspace {
    /// Logits in `values` to probabilities in `act`; fills `peak` and `rest`, and for losses of each pixel's own class, with
    /// `picks`, `own`, `miss`, `others` with the ratio of the two, and `below`: without, the first three hold anything. Values
    /// and probabilities have the bits of `direct_few`.
    pub fn activate_few(&mut self, picks: bool) {
        let Self { tile, values, act, labels, top, others, peak, rest, below, own, miss, factor, mean, .. } = self;
        let (tile, n): (&Tile, usize) = (tile, tile.vectors);
        let (labels, inverses) = (&labels[..n], &mut factor[..n]);
        let z = Planes::of(values, tile);
        let near = exponentials(z, tile, act, top, mean);
        let e = Planes::of(act, tile);
        let zero = F32x4::splat(0.0);
        for i in 0..n {
            let (mut sum, mut largest, [mut missed, mut of_own]) = (zero, (zero, zero), [zero; 2]);
            for (k, e) in e.at(i).enumerate() {
                let is_own = is_class(&labels[i], k as i32);
                (sum, largest) = (sum + e, with_another(largest, e));
                (missed, of_own) = (missed + e.drop(is_own), of_own + e.keep(is_own));
            }
            let inverse = F32x4::splat(1.0) / sum;
            let (odds, p) = (missed / of_own, of_own * inverse);
            inverse.store(&mut inverses[i]);
            (largest.0 * inverse).store(&mut peak[i]);
            (largest.1 * inverse).store(&mut rest[i]);
            odds.store(&mut others[i]);
            p.store(&mut own[i]);
            (odds * p).store(&mut miss[i]);
        }
        if picks && near {
            below[..n].fill([0.0; LANES]);
        } else if picks {
            far_odds(z, e, labels, top, mean, others, below);
            far_misses(&below[..n], own, miss);
        }
        for k in 0..tile.channels {
            for (act, inverse) in act[tile.plane(k)].iter_mut().zip(&*inverses) {
                (F32x4::load(act) * F32x4::load(inverse)).store(act);
            }
        }
    }

    /// Of unweighted labels: the value of cross-entropy, with `sums` those of the region losses. Leaves in `out` the
    /// gradient times `scale`, or with `sums` the probabilities.
    pub fn direct_few<const C: usize>(&mut self, own: Own, sums: bool, scale: Option<f32>) -> f64 {
        let Self { tile, chunk, values, act, grad, labels, mask, others: odds, peak: inverse, own: p, factor, .. } =
            self;
        let Self { top, mean: far, below, rest: negative_log, .. } = self;
        let (tile, n): (&Tile, usize) = (tile, tile.vectors);
        let (z, to, stride) = chunk.direct_classes(tile, values, grad);
        let near = exponentials(z, tile, act, top, far);
        let one = F32x4::splat(1.0);
        let (e, out): ([&[Quad]; C], _) = (from_fn(|k| &act[tile.plane(k)]), planes_mut::<C>(to, stride, n));
        // Cut again where the compiler sees it, who then leaves the checks of bounds out.
        let (e, out) = (e.map(|e| &e[..n]), out.map(|out| &mut out[..n]));
        let (labels, odds, inverse) = (&labels[..n], &mut odds[..n], &mut inverse[..n]);
        let (p, below) = (&mut p[..n], &mut below[..n]);
        let at = |i: usize| -> [F32x4; C] { from_fn(|k| F32x4::load(&e[k][i])) };
        if let Own::Nothing = own {
            for (i, inverse) in inverse.iter_mut().enumerate() {
                (one / total(at(i))).store(inverse);
            }
        } else {
            let entropy = scale.filter(|_| matches!(own, Own::Entropy)).map(F32x4::splat);
            for i in 0..n {
                let e = at(i);
                let hot: [Mask; C] = hot(&labels[i]);
                let (errors, rest) = errors(e, hot);
                let e_own = picked(e, hot);
                let inverse_total = one / total(e);
                (rest / e_own).store(&mut odds[i]);
                inverse_total.store(&mut inverse[i]);
                if let Some(scale) = entropy {
                    let factor = scale * inverse_total;
                    for k in 0..C {
                        (factor * errors[k]).store(&mut out[k][i]);
                    }
                } else if let Own::Loss(_) = own {
                    (e_own * inverse_total).store(&mut p[i]);
                }
            }
            if !near {
                far_odds(z, Planes::of(act, tile), labels, top, far, odds, below);
            }
        }
        for i in blank_of(tile, mask) {
            inverse.as_flattened_mut()[i] = 0.0;
            odds.as_flattened_mut()[i] = 0.0;
        }
        let value = match own {
            Own::Nothing => 0.0,
            Own::Entropy => {
                let mut product = LogProduct::new();
                product.multiply_all(odds);
                let mut distances = Sum::new();
                if !near {
                    below.iter().for_each(|below| distances.add(F32x4::load(below)));
                }
                distances.total() + product.total()
            }
            Own::Loss(loss) => {
                let (mut own, factor) = ([&mut negative_log[..n], p, odds], &mut factor[..n]);
                own_from_odds(&mut own);
                if !near {
                    let [negative_log, p, miss] = &mut own;
                    far_misses(below, p, miss);
                    for (negative_log, below) in negative_log.iter_mut().zip(&*below) {
                        // Beside one near the largest float the logarithm is nothing.
                        (F32x4::load(below) + F32x4::load(negative_log)).store(negative_log);
                    }
                }
                let value = own_losses(loss, &own, inverse, scale.unwrap_or(0.0), factor);
                if scale.is_some() {
                    for i in 0..n {
                        let factor = F32x4::load(&factor[i]);
                        let (errors, _) = errors::<C>(at(i), hot(&labels[i]));
                        for k in 0..C {
                            (factor * errors[k]).store(&mut out[k][i]);
                        }
                    }
                }
                value
            }
        };
        for k in (0..C).filter(|_| sums) {
            let sums = probabilities(e[k], inverse, labels, k as i32, out[k]);
            for (r, sum) in sums.into_iter().enumerate() {
                self.totals[r * C + k] += sum;
            }
            self.totals[7 * C + k] += (n * LANES - tile.blank) as f64;
        }
        value
    }

    /// The gradient a + b g of the region losses from stored probabilities, and with `scale` that of cross-entropy.
    pub fn direct_few_gradient<const C: usize>(&mut self, scale: Option<f32>) {
        let Self { tile, chunk, values, grad, labels, table, .. } = self;
        let (tile, n): (&Tile, usize) = (tile, tile.vectors);
        let constants = Self::slot(table, C, 0);
        let [a, b]: [[F32x4; C]; 2] = from_fn(|r| from_fn(|k| F32x4::splat(constants[r * C + k])));
        let (p, to, stride) = chunk.direct_classes(tile, values, grad);
        let (p, out): ([&[Quad]; C], _) = (from_fn(|k| &p.plane(k)[..n]), planes_mut::<C>(to, stride, n));
        // Cut again, as in `direct_few`.
        let (p, out, labels) = (p.map(|p| &p[..n]), out.map(|out| &mut out[..n]), &labels[..n]);
        let at = |i: usize| -> [F32x4; C] { from_fn(|k| F32x4::load(&p[k][i])) };
        for i in 0..n {
            let (p, hot): (_, [Mask; C]) = (at(i), hot(&labels[i]));
            let u: [F32x4; C] = from_fn(|k| a[k] + b[k].keep(hot[k]));
            // Less the u of the largest p, so that a confident pixel's small gradient does not cancel.
            let (mut peak, mut at_peak) = (p[0], u[0]);
            for k in 1..C {
                at_peak = peak.less(p[k]).select(u[k], at_peak);
                peak = peak.at_least(p[k]);
            }
            let v = u.map(|u| u - at_peak);
            let mean = (1..C).fold(v[0] * p[0], |mean, k| v[k].mul_add(p[k], mean));
            for k in 0..C {
                ((v[k] - mean) * p[k]).store(&mut out[k][i]);
            }
        }
        if let Some(scale) = scale {
            let scale = F32x4::splat(scale);
            for i in 0..n {
                let (errors, _) = errors::<C>(at(i), hot(&labels[i]));
                for k in 0..C {
                    scale.mul_add(errors[k], F32x4::load(&out[k][i])).store(&mut out[k][i]);
                }
            }
        }
    }
}
