//! From logits to probabilities, kept in the form the gradients need.
//!
//! A rounded p cannot give 1 − p: at a logit of 18 it is 100 % wrong. So the sigmoid keeps its tail
//! q = min(p, 1 − p) with the sign of the logit, and softmax keeps, beside p, the largest p of a pixel and the sum of
//! the others.

use crate::lanes::LabelQuad;
use crate::math::{ExpNegative, Log, sigmoid_tail};
use crate::simd::{F32x4, LANES, Quad};
use crate::tile::Checked;
use crate::workspace::{Target, Tile, Workspace};

/// How far outside [0, 1] a probability may be through rounding; it is clamped.
const SLACK: f32 = 1e-6;

impl Workspace {
    /// `values` are probabilities. Error: one outside [0, 1] by more than 1e-6. NaN passes.
    pub fn activate_none(&mut self) -> Checked {
        let tile = self.tile;
        let (zero, one) = (F32x4::splat(0.0), F32x4::splat(1.0));
        for k in 0..tile.channels {
            let plane = &self.values[tile.plane(k)];
            let mut furthest = zero;
            for (p, act) in plane.iter().zip(&mut self.act[tile.plane(k)]) {
                let p = F32x4::load(p);
                let clamped = p.at_most(one).at_least(zero);
                // A NaN must not hide a bad neighbour of its lane.
                furthest = furthest.at_least((p - clamped).abs());
                clamped.store(act);
            }
            if furthest.to_array().iter().any(|&d| d > SLACK) {
                let outside = |p: &f32| *p < -SLACK || *p > 1.0 + SLACK;
                if let Some(at) = plane.as_flattened().iter().position(outside) {
                    return Err(at + k * tile.pixels);
                }
            }
        }
        Ok(())
    }

    /// Logits in `values` to signed tails in `act` and exp(−|z|) in `aux`.
    pub fn activate_sigmoid(&mut self) {
        let tile = self.tile;
        let exp = ExpNegative::new();
        for k in 0..tile.channels {
            let planes = self.values[tile.plane(k)].iter().zip(&mut self.act[tile.plane(k)]);
            for ((z, act), aux) in planes.zip(&mut self.aux[tile.plane(k)]) {
                let z = F32x4::load(z);
                let e = exp.of(z.abs());
                sigmoid_tail(e).xor_sign(z.sign()).store(act);
                e.store(aux);
            }
        }
    }

    /// The reverse: logits and exp(−|z|) from stored signed tails, for losses that need the logit in pass 2.
    ///
    /// A tail that underflowed gives |z| = 88; it only ever multiplies that tail, which is 0.
    pub fn restore_sigmoid(&mut self) {
        let tile = self.tile;
        let log = Log::new();
        let (one, smallest) = (F32x4::splat(1.0), F32x4::splat(f32::MIN_POSITIVE));
        for k in 0..tile.channels {
            let planes = self.act[tile.plane(k)].iter().zip(&mut self.values[tile.plane(k)]);
            for ((act, z), aux) in planes.zip(&mut self.aux[tile.plane(k)]) {
                let tail = F32x4::load(act);
                let q = tail.abs();
                let e = q / (one - q);
                (-log.ln(e.at_least(smallest))).at_least(F32x4::splat(0.0)).xor_sign(tail.sign()).store(z);
                e.store(aux);
            }
        }
    }

    /// Logits in `values` to probabilities in `act`; fills `top`, `others`, `peak` and `rest` and, where a pixel loss
    /// reads a label map, `below` and `own`.
    pub fn activate_softmax(&mut self) {
        let picks = self.picks();
        match self.tile.channels {
            2 => self.activate_few::<2>(picks),
            3 => self.activate_few::<3>(picks),
            4 => self.activate_few::<4>(picks),
            _ => self.many_classes(picks),
        }
    }

    fn restore_peak(&mut self) {
        let Self { tile, act, peak, .. } = self;
        peak[..tile.vectors].copy_from_slice(&act[tile.plane(0)]);
        for k in 1..tile.channels {
            for (peak, p) in peak.iter_mut().zip(&act[tile.plane(k)]) {
                F32x4::load(p).at_least(F32x4::load(peak)).store(peak);
            }
        }
    }

    fn picks(&self) -> bool {
        self.tile.target == Target::Labels && !self.terms.is_empty()
    }

    /// Class by class over the tile, whose sums stay in the first-level cache.
    fn many_classes(&mut self, picks: bool) {
        let Self { tile, values, act, labels, top, others, peak, rest, below, own, factor, .. } = self;
        let tile: &Tile = tile;
        let exp = ExpNegative::new();
        let one = F32x4::splat(1.0);
        top[..tile.vectors].copy_from_slice(&values[tile.plane(0)]);
        for k in 1..tile.channels {
            for (top, z) in top.iter_mut().zip(&values[tile.plane(k)]) {
                F32x4::load(z).at_least(F32x4::load(top)).store(top);
            }
        }
        // Σ of the e below 1, and how many are 1: the largest one is left out exactly, with ties or without.
        let ones = factor;
        others[..tile.vectors].fill([0.0; LANES]);
        ones[..tile.vectors].fill([-1.0; LANES]);
        for k in 0..tile.channels {
            let sums = others.iter_mut().zip(ones.iter_mut()).zip(top.iter());
            let planes = values[tile.plane(k)].iter().zip(&mut act[tile.plane(k)]);
            for (((others, ones), top), (z, act)) in sums.zip(planes) {
                let e = exp.of(F32x4::load(top) - F32x4::load(z));
                let largest = e.equals(one);
                (F32x4::load(others) + e.drop(largest)).store(others);
                (F32x4::load(ones) + one.keep(largest)).store(ones);
                e.store(act);
            }
        }
        let sums = others[..tile.vectors].iter_mut().zip(ones.iter());
        for ((others, ones), (peak, rest)) in sums.zip(peak.iter_mut().zip(rest.iter_mut())) {
            let sum = F32x4::load(others) + F32x4::load(ones);
            let inverse = one / (one + sum);
            sum.store(others);
            inverse.store(peak);
            (sum * inverse).store(rest);
        }
        for k in 0..tile.channels {
            for (act, peak) in act[tile.plane(k)].iter_mut().zip(peak.iter()) {
                (F32x4::load(act) * F32x4::load(peak)).store(act);
            }
        }
        if picks {
            gather(tile, labels, values, below);
            gather(tile, labels, act, own);
            for (below, top) in below[..tile.vectors].iter_mut().zip(top.iter()) {
                (F32x4::load(top) - F32x4::load(below)).store(below);
            }
        }
    }

    /// `peak`, and for pixel losses `rest` and `own`, from probabilities stored in `act`.
    pub fn restore_softmax(&mut self) {
        self.restore_peak();
        if self.terms.is_empty() {
            return;
        }
        let picks = self.picks();
        let Self { tile, act, labels, peak, rest, own, factor, .. } = self;
        let tile: &Tile = tile;
        let one = F32x4::splat(1.0);
        let (lower, ties) = (rest, factor);
        lower[..tile.vectors].fill([0.0; LANES]);
        ties[..tile.vectors].fill([-1.0; LANES]);
        for k in 0..tile.channels {
            let sums = lower.iter_mut().zip(ties.iter_mut()).zip(peak.iter());
            for (((lower, ties), peak), p) in sums.zip(&act[tile.plane(k)]) {
                let p = F32x4::load(p);
                let peaks = p.equals(F32x4::load(peak));
                (F32x4::load(lower) + p.drop(peaks)).store(lower);
                (F32x4::load(ties) + one.keep(peaks)).store(ties);
            }
        }
        for ((rest, ties), peak) in lower[..tile.vectors].iter_mut().zip(ties.iter()).zip(peak.iter()) {
            F32x4::load(ties).mul_add(F32x4::load(peak), F32x4::load(rest)).store(rest);
        }
        if picks {
            gather(tile, labels, act, own);
        }
    }
}

/// One float a pixel out of the plane its label names.
fn gather(tile: &Tile, labels: &[LabelQuad], planes: &[Quad], picked: &mut [Quad]) {
    let floats = planes.as_flattened();
    let plane = tile.stride * LANES;
    let labels = labels[..tile.vectors].as_flattened();
    for (i, (picked, &label)) in picked.as_flattened_mut().iter_mut().zip(labels).enumerate() {
        *picked = floats[label.cast_unsigned() as usize * plane + i];
    }
}
