//! The direct way of softmax over two to four classes, from the chunk's logits to its `out`, for label maps without
//! weights: all classes of four pixels at once, in registers. In stages `many_classes` takes any number.
//!
//! The largest logit's exponential is 1, so only C − 1 are computed: those of the logits that lose against the largest
//! one before them, in the order of the classes. Which class lost is found again by the same comparisons.

use crate::chunk::{BLOCK, blank_of, direct_planes};
use crate::lanes::LabelQuad;
use crate::math::exp_of_negatives;
use crate::pixel::categorical::{Own, entropy_factors, own_losses};
use crate::simd::{F32x4, I32x4, LANES, Mask, Quad};
use crate::sums::{LogProduct, Sum, UnitSum};
use crate::workspace::{Tile, Workspace, planes_mut};
use core::array::from_fn;
use core::ops::Range;

/// The blocks of so many vectors.
fn blocks(vectors: usize) -> impl Iterator<Item = Range<usize>> {
    (0..vectors).step_by(BLOCK).map(move |from| from..(from + BLOCK).min(vectors))
}

/// exp(−(how far each loser is below the largest logit)); plane 0 of `lost` gets the largest logit itself.
#[inline(always)]
fn exponentials<const C: usize>(z: [&[Quad]; C], lost: &mut [&mut [Quad]; C]) {
    for i in 0..z[0].len() {
        let z: [F32x4; C] = from_fn(|k| F32x4::load(&z[k][i]).finite());
        let (mut losers, mut highest) = (z, z[0]);
        for k in 1..C {
            losers[k] = z[k].at_most(highest);
            highest = highest.at_least(z[k]);
        }
        highest.store(&mut lost[0][i]);
        for k in 1..C {
            (highest - losers[k]).store(&mut lost[k][i]);
        }
    }
    for lost in &mut lost[1..] {
        exp_of_negatives(lost);
    }
}

/// The exponentials in the order of the classes.
#[inline(always)]
fn by_class<const C: usize>(z: [F32x4; C], lost: [F32x4; C]) -> [F32x4; C] {
    let mut won = [z[0].less(z[0]); C];
    let mut highest = z[0];
    for k in 1..C {
        won[k] = highest.less(z[k]);
        highest = highest.at_least(z[k]);
    }
    let mut e = lost;
    let mut champion = F32x4::splat(1.0);
    for k in (1..C).rev() {
        e[k] = won[k].select(champion, lost[k]);
        champion = won[k].select(lost[k], champion);
    }
    e[0] = champion;
    e
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

/// How far the logit of each pixel's own class is below the largest.
#[inline(always)]
fn each_below_top<const C: usize>(
    z: [&[Quad]; C],
    top: &[Quad],
    labels: &[LabelQuad],
    mut each: impl FnMut(usize, F32x4),
) {
    for i in 0..labels.len() {
        let own = picked::<C>(from_fn(|k| F32x4::load(&z[k][i])), hot(&labels[i])).finite();
        each(i, (F32x4::load(&top[i]) - own).at_most(F32x4::splat(f32::MAX)));
    }
}

/// p_k − g_k from anything proportional to p. Of the pixel's own class it is minus the sum of the others, which does not
/// cancel.
#[inline(always)]
fn errors<const C: usize>(p: [F32x4; C], hot: [Mask; C]) -> [F32x4; C] {
    let others: [F32x4; C] = from_fn(|k| p[k].drop(hot[k]));
    let rest = others[1..].iter().fold(others[0], |rest, &p| rest + p);
    from_fn(|k| others[k] - rest.keep(hot[k]))
}

/// The most classes that have loops of their own.
pub const MOST_FEW: usize = 4;

impl Workspace {
    /// Of unweighted labels: the value of cross-entropy, with `sums` those of the region losses. Leaves in `out` the
    /// gradient times `scale`, or with `sums` the probabilities.
    pub fn direct_few<const C: usize>(&mut self, own: Own, sums: bool, scale: Option<f32>) -> f64 {
        let Self { tile, chunk, values, act, grad, labels, mask, others, peak, below, factor, totals, .. } = self;
        let a = scale.unwrap_or(0.0);
        let tile: &Tile = tile;
        let one = F32x4::splat(1.0);
        let (z, mut out) = direct_planes::<C>(chunk, tile, values, grad);
        let mut act = planes_mut::<C>(act, tile.stride, tile.vectors);
        let (mut linear, mut product, mut value) = (Sum::new(), LogProduct::new(), 0.0);
        let mut found = [[UnitSum::new(); 2]; C];
        let mut counts = [F32x4::splat(0.0); C];
        for block in blocks(tile.vectors) {
            let z = z.map(|z| &z[block.clone()]);
            let mut act = act.each_mut().map(|act| &mut act[block.clone()]);
            let out = out.each_mut().map(|out| &mut out[block.clone()]);
            let (labels, others, peak) = (&labels[block.clone()], &mut others[block.clone()], &mut peak[block.clone()]);
            let (below, factor) = (&mut below[block.clone()], &mut factor[block.clone()]);
            exponentials(z, &mut act);
            match own {
                Own::Nothing => {}
                Own::Entropy => each_below_top::<C>(z, act[0], labels, |_, x| linear.add(x)),
                Own::Loss(_) => each_below_top::<C>(z, act[0], labels, |i, x| x.store(&mut below[i])),
            }
            for i in 0..labels.len() {
                let z: [F32x4; C] = from_fn(|k| F32x4::load(&z[k][i]));
                let lost: [F32x4; C] = from_fn(|k| F32x4::load(&act[k][i]));
                let sum = lost[2..].iter().fold(lost[1], |sum, &e| sum + e);
                sum.store(&mut others[i]);
                (one / (one + sum)).store(&mut peak[i]);
                let e = by_class(z, lost);
                for k in 0..C {
                    e[k].store(&mut act[k][i]);
                }
            }
            for i in blank_of(tile, &mask[block.clone()]) {
                peak.as_flattened_mut()[i] = 0.0;
            }
            match own {
                Own::Nothing => {}
                Own::Entropy => product.multiply_all(others),
                Own::Loss(loss) => value += own_losses(loss, [below, others, peak], a, factor),
            }
            if scale.is_some() && !matches!(own, Own::Loss(_)) {
                entropy_factors(a, peak, factor);
            }
            if scale.is_some() {
                for i in 0..labels.len() {
                    let factor = F32x4::load(&factor[i]);
                    let errors = errors::<C>(from_fn(|k| F32x4::load(&act[k][i])), hot(&labels[i]));
                    for k in 0..C {
                        (factor * errors[k]).store(&mut out[k][i]);
                    }
                }
            }
            for k in (0..C).filter(|_| sums) {
                let class = I32x4::splat(k as i32);
                let [tp, all] = &mut found[k];
                let state = act[k].iter().zip(&*peak).zip(labels).zip(out[k].iter_mut());
                for (((e, peak), label), out) in state {
                    let p = F32x4::load(e) * F32x4::load(peak);
                    p.store(out);
                    let hot = I32x4::load(label).equals(class);
                    tp.add(p.keep(hot));
                    all.add(p);
                    // Whole numbers: exact in f32.
                    counts[k] = counts[k] + one.keep(hot);
                }
            }
        }
        if sums {
            for k in 0..C {
                let mut g = Sum::new();
                g.add(counts[k]);
                let sums = [found[k][0].total(), found[k][1].total(), g.total()];
                for (r, sum) in sums.into_iter().enumerate() {
                    totals[r * C + k] += sum;
                }
                totals[7 * C + k] += (tile.vectors * LANES - tile.blank) as f64;
            }
        }
        value + linear.total() + product.total()
    }

    /// The gradient a + b g of the region losses from stored probabilities, and with `scale` that of cross-entropy.
    pub fn direct_few_gradient<const C: usize>(&mut self, scale: Option<f32>) {
        let Self { tile, chunk, values, grad, labels, table, .. } = self;
        let tile: &Tile = tile;
        let constants = Self::slot(table, C, 0);
        let [a, b]: [[F32x4; C]; 2] = from_fn(|r| from_fn(|k| F32x4::splat(constants[r * C + k])));
        let (p, mut out) = direct_planes::<C>(chunk, tile, values, grad);
        for block in blocks(tile.vectors) {
            let p = p.map(|p| &p[block.clone()]);
            let out = out.each_mut().map(|out| &mut out[block.clone()]);
            let labels = &labels[block];
            for i in 0..labels.len() {
                let hot: [Mask; C] = hot(&labels[i]);
                let p: [F32x4; C] = from_fn(|k| F32x4::load(&p[k][i]));
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
                for i in 0..labels.len() {
                    let errors = errors::<C>(from_fn(|k| F32x4::load(&p[k][i])), hot(&labels[i]));
                    for k in 0..C {
                        scale.mul_add(errors[k], F32x4::load(&out[k][i])).store(&mut out[k][i]);
                    }
                }
            }
        }
    }
}
