//! Softmax over two to four classes: as a stage, and of label maps without weights as the direct way from the chunk's
//! logits to its `out`, all classes of four pixels at once, in registers. `many_classes` takes any number.
//!
//! Exponentials are of the logits as they are: nobody looks for the largest, and no difference is rounded. A pixel of which
//! an f32 does not hold the ratio of any two is shifted by its largest, in the stage alone, so that no pixel's p depends on
//! its neighbours. −ln p of a pixel's own class is ln(1 + Σ of the others / its own): like p − g of it, which is minus that
//! Σ, it does not cancel.

use crate::chunk::{blank_of, direct_planes};
use crate::lanes::LabelQuad;
use crate::many_classes::{Planes, with_another};
use crate::math::{exp_below, exp_of_logits};
use crate::pixel::categorical::{Own, own_from_odds, own_losses};
use crate::simd::{F32x4, I32x4, LANES, Mask, Quad};
use crate::sums::{LogProduct, UnitSum};
use crate::workspace::{Tile, Workspace, planes_mut};
use core::array::from_fn;

/// The most classes that have loops of their own.
pub const MOST_FEW: usize = 4;

/// So far from 0 logits may be: then four exponentials over one are at most 2^126, and no p is below 2^-126.
const REACH: f32 = 43.0;

/// exp z of every class. `false`: a logit is too far from 0. NaN passes.
fn exponentials(z: Planes, tile: &Tile, e: &mut [Quad]) -> bool {
    let furthest = (0..tile.channels)
        .fold(F32x4::splat(0.0), |furthest, k| exp_of_logits(z.plane(k), &mut e[tile.plane(k)], furthest));
    furthest.to_array().iter().all(|&z| z <= REACH)
}

#[inline(always)]
fn hot<const C: usize>(label: &[i32; LANES]) -> [Mask; C] {
    let label = I32x4::load(label);
    from_fn(|k| label.equals(I32x4::splat(k as i32)))
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
    let class = I32x4::splat(class);
    let [mut tp, mut all] = [UnitSum::new(); 2];
    let mut count = I32x4::splat(0);
    for (((e, inverse), label), out) in e.iter().zip(inverse).zip(labels).zip(out) {
        let p = F32x4::load(e) * F32x4::load(inverse);
        p.store(out);
        let hot = I32x4::load(label).equals(class);
        tp.add(p.keep(hot));
        all.add(p);
        count = count - hot.to_bits();
    }
    [tp.total(), all.total(), count.to_array().iter().map(|&count| f64::from(count)).sum()]
}

impl Workspace {
    /// Logits in `values` to probabilities in `act`; fills `peak` and `rest`, and with `picks`, for losses of each pixel's
    /// own class, `own`, `miss`, `others` with the ratio of the two, and `below` with 0. Values and probabilities have the
    /// bits of `direct_few`.
    pub fn activate_few(&mut self, picks: bool) {
        let near = exponentials(Planes::of(&self.values, &self.tile), &self.tile, &mut self.act);
        if !near {
            self.shifted_exponentials();
        }
        let Self { tile, act, labels, others, peak, rest, below, own, miss, factor, .. } = self;
        let (tile, n): (&Tile, usize) = (tile, tile.vectors);
        let (labels, inverses) = (&labels[..n], &mut factor[..n]);
        let e = Planes::of(act, tile);
        e.fold(
            n,
            |_, e| (e, (e, F32x4::splat(0.0))),
            |(sum, state), _, e| (sum + e, with_another(state, e)),
            |i, (sum, (largest, others))| {
                let inverse = F32x4::splat(1.0) / sum;
                inverse.store(&mut inverses[i]);
                (largest * inverse).store(&mut peak[i]);
                (others * inverse).store(&mut rest[i]);
            },
        );
        if picks {
            let is_hot = |label: I32x4, k: usize| label.equals(I32x4::splat(k as i32));
            e.fold(
                n,
                |i, e| {
                    let label = I32x4::load(&labels[i]);
                    (label, e.drop(is_hot(label, 0)), e.keep(is_hot(label, 0)))
                },
                |(label, missed, own), k, e| (label, missed + e.drop(is_hot(label, k)), own + e.keep(is_hot(label, k))),
                |i, (_, missed, e)| {
                    let (odds, p) = (missed / e, e * F32x4::load(&inverses[i]));
                    odds.store(&mut others[i]);
                    p.store(&mut own[i]);
                    (odds * p).store(&mut miss[i]);
                },
            );
            below[..n].fill([0.0; LANES]);
        }
        for k in 0..tile.channels {
            for (act, inverse) in act[tile.plane(k)].iter_mut().zip(&*inverses) {
                (F32x4::load(act) * F32x4::load(inverse)).store(act);
            }
        }
        if picks && !near {
            self.far_own();
        }
    }

    /// exp(z − `top`) of every class, `top` being the largest logit of pixels that are far from 0, in `mean`, and else 0.
    fn shifted_exponentials(&mut self) {
        self.clamp_values();
        let Self { tile, values, act, top, mean, .. } = self;
        let (tile, n): (&Tile, usize) = (tile, tile.vectors);
        let z = values.as_flattened();
        let (shifts, sizes) = (top[..n].as_flattened_mut(), mean[..n].as_flattened_mut());
        for (i, (shift, size)) in shifts.iter_mut().zip(sizes).enumerate() {
            (*shift, *size) = (-f32::MAX, 0.0);
            for &z in z[i..].iter().step_by(tile.stride * LANES).take(tile.channels) {
                *shift = if z > *shift { z } else { *shift };
                *size = if z.abs() > *size { z.abs() } else { *size };
            }
            *shift = if *size > REACH { *shift } else { 0.0 };
        }
        for k in 0..tile.channels {
            exp_below(&top[..n], &values[tile.plane(k)], &mut act[tile.plane(k)]);
        }
    }

    /// Of the pixels that are far from 0 what a ratio may not hold: how far the own class is below the largest, and the ratio
    /// of the others to that.
    fn far_own(&mut self) {
        let Self { tile, values, labels, top, others, peak, rest, below, own, miss, mean, .. } = self;
        let (top, mean, own) = (top.as_flattened(), mean.as_flattened(), own.as_flattened());
        let (peak, rest, below) = (peak.as_flattened(), rest.as_flattened(), below.as_flattened_mut());
        let (others, miss) = (others.as_flattened_mut(), miss.as_flattened_mut());
        for (i, &label) in labels[..tile.vectors].as_flattened().iter().enumerate() {
            if mean[i] > REACH {
                let z = values.as_flattened()[label.cast_unsigned() as usize * tile.stride * LANES + i];
                below[i] = (top[i] - z).min(f32::MAX);
                others[i] = rest[i] / peak[i];
                miss[i] = if own[i] == peak[i] { rest[i] } else { 1.0 - own[i] };
            }
        }
    }

    /// Of unweighted labels: the value of cross-entropy, with `sums` those of the region losses. Leaves in `out` the
    /// gradient times `scale`, or with `sums` the probabilities. `None`: a logit is too far from 0,
    /// which is for the stages.
    pub fn direct_few<const C: usize>(&mut self, own: Own, sums: bool, scale: Option<f32>) -> Option<f64> {
        let Self { tile, chunk, values, act, grad, labels, mask, others, peak, below, own: p, factor, .. } = self;
        let (tile, n): (&Tile, usize) = (tile, tile.vectors);
        let (z, to, stride) = chunk.direct_classes(tile, values, grad);
        if !exponentials(z, tile, act) {
            return None;
        }
        let one = F32x4::splat(1.0);
        let (e, out): ([&[Quad]; C], _) = (from_fn(|k| &act[tile.plane(k)]), planes_mut::<C>(to, stride, n));
        // Cut again where the compiler sees it, who then leaves the checks of bounds out.
        let (e, out) = (e.map(|e| &e[..n]), out.map(|out| &mut out[..n]));
        let (labels, others, peak, p) = (&labels[..n], &mut others[..n], &mut peak[..n], &mut p[..n]);
        let at = |i: usize| -> [F32x4; C] { from_fn(|k| F32x4::load(&e[k][i])) };
        if let Own::Nothing = own {
            for (i, peak) in peak.iter_mut().enumerate() {
                (one / total(at(i))).store(peak);
            }
        } else {
            let entropy = scale.filter(|_| matches!(own, Own::Entropy)).map(F32x4::splat);
            for i in 0..n {
                let e = at(i);
                let hot: [Mask; C] = hot(&labels[i]);
                let (errors, rest) = errors(e, hot);
                let e_own = picked(e, hot);
                let inverse = one / total(e);
                (rest / e_own).store(&mut others[i]);
                inverse.store(&mut peak[i]);
                if let Some(scale) = entropy {
                    let factor = scale * inverse;
                    for k in 0..C {
                        (factor * errors[k]).store(&mut out[k][i]);
                    }
                } else if let Own::Loss(_) = own {
                    (e_own * inverse).store(&mut p[i]);
                }
            }
        }
        for i in blank_of(tile, mask) {
            peak.as_flattened_mut()[i] = 0.0;
            others.as_flattened_mut()[i] = 0.0;
        }
        let value = match own {
            Own::Nothing => 0.0,
            Own::Entropy => {
                let mut product = LogProduct::new();
                product.multiply_all(others);
                product.total()
            }
            Own::Loss(loss) => {
                let (mut own, factor) = ([&mut below[..n], p, others], &mut factor[..n]);
                own_from_odds(&mut own);
                let value = own_losses(loss, &own, peak, scale.unwrap_or(0.0), factor);
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
            let sums = probabilities(e[k], peak, labels, k as i32, out[k]);
            for (r, sum) in sums.into_iter().enumerate() {
                self.totals[r * C + k] += sum;
            }
            self.totals[7 * C + k] += (n * LANES - tile.blank) as f64;
        }
        Some(value)
    }

    /// The gradient a + b g of the region losses from stored probabilities, and with `scale` that of cross-entropy.
    pub fn direct_few_gradient<const C: usize>(&mut self, scale: Option<f32>) {
        let Self { tile, chunk, values, grad, labels, table, .. } = self;
        let (tile, n): (&Tile, usize) = (tile, tile.vectors);
        let constants = Self::slot(table, C, 0);
        let [a, b]: [[F32x4; C]; 2] = from_fn(|r| from_fn(|k| F32x4::splat(constants[r * C + k])));
        let (p, out) = direct_planes::<C>(chunk, tile, values, grad);
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
