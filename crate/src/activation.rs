//! From logits to probabilities, kept in the form the gradients need.
//!
//! A rounded p cannot give 1 − p: at a logit of 18 it is 100 % wrong. So the sigmoid keeps its tail
//! q = min(p, 1 − p) with the sign of the logit, and softmax keeps, beside p, the largest p of a pixel and the sum of
//! the others.

use crate::few_classes::MOST_FEW;
use crate::lanes::Planes;
use crate::many_classes::{gather, largest_and_others};
use crate::math::{Log, exp_of_sizes, sigmoid_tail};
use crate::simd::F32x4;
use crate::tile::Checked;
use crate::workspace::{Target, Workspace};

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

    /// Makes ±∞ ±`f32::MAX`. Infinities are rare and the look is cheap, so that kernels need no clamps; few classes clamp far
    /// pixels themselves.
    fn clamp_values(&mut self) {
        let Self { tile, values, .. } = self;
        let mut furthest = F32x4::splat(0.0);
        for k in 0..tile.channels {
            for z in &values[tile.plane(k)] {
                furthest = furthest.at_least(F32x4::load(z).abs());
            }
        }
        if furthest.to_array().contains(&f32::INFINITY) {
            for k in 0..tile.channels {
                values[tile.plane(k)].iter_mut().for_each(|z| F32x4::load(z).finite().store(z));
            }
        }
    }

    /// Logits in `values` to signed tails in `act` and exp(−|z|) in `aux`.
    pub fn activate_sigmoid(&mut self) {
        self.clamp_values();
        let tile = self.tile;
        for k in 0..tile.channels {
            exp_of_sizes(&self.values[tile.plane(k)], &mut self.aux[tile.plane(k)]);
            let planes = self.values[tile.plane(k)].iter().zip(&self.aux[tile.plane(k)]);
            for ((z, e), act) in planes.zip(&mut self.act[tile.plane(k)]) {
                sigmoid_tail(F32x4::load(e)).xor_sign(F32x4::load(z).sign()).store(act);
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

    /// Logits in `values` to probabilities in `act`; fills `peak` and `rest` and, where a pixel loss reads a label map,
    /// `below`, `others`, `own` and `miss`; where it reads more, `top` and `others`.
    pub fn activate_softmax(&mut self) {
        let picks = self.picks();
        let few = (2..=MOST_FEW).contains(&self.tile.channels);
        if few && (1..=self.terms.len()).all(|slot| self.one_hot(slot)) {
            self.activate_few(picks);
        } else {
            self.clamp_values();
            self.activate_many(picks);
        }
    }

    fn picks(&self) -> bool {
        self.tile.target == Target::Labels && !self.terms.is_empty()
    }

    /// `peak` and `rest`, and for pixel losses `own`, from probabilities stored in `act`.
    pub fn restore_softmax(&mut self) {
        let picks = self.picks();
        let Self { tile, act, labels, peak, rest, own, .. } = self;
        let p = Planes::of(act, tile);
        largest_and_others(p, &mut peak[..tile.vectors], &mut rest[..tile.vectors]);
        if picks {
            gather(tile, labels, p, own);
        }
    }
}
