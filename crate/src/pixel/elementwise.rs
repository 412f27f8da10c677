//! Drives losses of one element: sigmoid channels, each a yes-or-no of its own, and given probabilities.
//!
//! An element's loss is `positive·(loss of saying no) + negative·(loss of saying yes)`, where positive = w·(a + b g)
//! and negative = w·(c + d g); the constants a…d hold class weight, positive weight, alpha and label smoothing, and are
//! rows 0…3 of the loss's table. A channel whose four constants are 0 does not count.
//!
//! A loss alone on unweighted logits takes the direct way, one loop from the chunk's logits to its `out`: a stage of
//! its own costs about ten instructions a vector in loads, stores and loop, a quarter of the exponential.

use crate::chunk::{BLOCK, direct};
use crate::lanes::{Lanes, Plane};
use crate::math::{exp_of_sizes, sigmoid_tail};
use crate::simd::{F32x4, LANES, Quad};
use crate::sums::Sum;
use crate::workspace::{Activation, Tile, Workspace};

/// A logit seen from its own side: `near` labels agree with its sign, `far` ones do not.
pub struct Logit {
    /// |z|.
    pub size: F32x4,
    /// exp(−|z|).
    pub e: F32x4,
    /// σ(−|z|), the probability of the far side.
    pub q: F32x4,
}

/// A loss of one element.
pub trait Elementwise {
    /// Loss of a logit whose near label has weight `near` and whose far label has weight `far`.
    fn of_logit(&self, x: &Logit, near: F32x4, far: F32x4) -> F32x4;
    /// Its derivative with respect to |z|.
    fn logit_slope(&self, x: &Logit, near: F32x4, far: F32x4) -> F32x4;
    /// Loss of a probability.
    fn of_probability(&self, p: F32x4, positive: F32x4, negative: F32x4) -> F32x4;
    /// Its derivative with respect to p.
    fn probability_slope(&self, p: F32x4, positive: F32x4, negative: F32x4) -> F32x4;
}

/// a, b, c, d of one channel.
#[derive(Clone, Copy)]
pub struct Constants([F32x4; 4]);

impl Constants {
    /// `None` when the channel does not count.
    pub fn of(slot: &[f32], channels: usize, k: usize) -> Option<Self> {
        let row = |r: usize| slot[r * channels + k];
        let constants = [row(0), row(1), row(2), row(3)];
        constants.iter().any(|&c| c != 0.0).then(|| Self(constants.map(F32x4::splat)))
    }

    /// Whether positive = g and negative = 1 − g.
    pub fn plain(slot: &[f32], channels: usize, k: usize) -> bool {
        [0.0, 1.0, 1.0, -1.0].iter().enumerate().all(|(r, &c)| slot[r * channels + k] == c)
    }

    #[inline(always)]
    fn weights(&self, g: F32x4) -> (F32x4, F32x4) {
        let [a, b, c, d] = self.0;
        (b.mul_add(g, a), d.mul_add(g, c))
    }
}

impl F32x4 {
    /// |z|, infinity read as the largest float; NaN stays.
    #[inline(always)]
    pub fn size(self) -> Self {
        self.abs().at_most(Self::splat(f32::MAX))
    }

    /// Near and far weight of a logit of this sign.
    #[inline(always)]
    fn sides(self, positive: Self, negative: Self) -> (Self, Self) {
        let below = self.to_bits().is_negative();
        (below.select(negative, positive), below.select(positive, negative))
    }
}

/// The planes of one channel.
#[derive(Clone, Copy)]
struct Channel<'a> {
    value: Plane<'a>,
    e: Plane<'a>,
    act: Plane<'a>,
}

impl<'a> Channel<'a> {
    fn new(range: core::ops::Range<usize>, values: &'a [Quad], aux: &'a [Quad], act: &'a [Quad]) -> Self {
        Self { value: Plane(&values[range.clone()]), e: Plane(&aux[range.clone()]), act: Plane(&act[range]) }
    }

    fn part(self, range: core::ops::Range<usize>) -> Self {
        Self { value: self.value.part(range.clone()), e: self.e.part(range.clone()), act: self.act.part(range) }
    }

    /// The logit, whether it is negative, and near and far weight from positive and negative.
    #[inline(always)]
    fn logit(&self, i: usize, positive: F32x4, negative: F32x4) -> (Logit, F32x4, F32x4, F32x4) {
        let tail = self.act.at(i);
        let logit = Logit { size: self.value.at(i).abs(), e: self.e.at(i), q: tail.abs() };
        let (near, far) = tail.sides(positive, negative);
        (logit, tail.sign(), near, far)
    }
}

impl Workspace {
    /// Value, and the gradient times `scale` in `out`, of a loss alone on unweighted logits.
    pub fn elementwise_direct(&mut self, loss: &impl Elementwise, slot: usize, scale: f32) -> f64 {
        let Self { tile, chunk, values, grad, target, table, .. } = self;
        let tile: &Tile = tile;
        let table = Self::slot(table, tile.channels, slot);
        let scale = F32x4::splat(scale);
        let mut sum = Sum::new();
        for k in 0..tile.channels {
            let (z, out) = direct(chunk, tile, values, grad, k);
            let Some(constants) = Constants::of(table, tile.channels, k) else {
                out.fill([0.0; LANES]);
                continue;
            };
            let g = &target[tile.plane(k)];
            for ((z, g), out) in z.chunks(BLOCK).zip(g.chunks(BLOCK)).zip(out.chunks_mut(BLOCK)) {
                exp_of_sizes(z, out);
                for ((z, g), out) in z.iter().zip(g).zip(out) {
                    let (positive, negative) = constants.weights(F32x4::load(g));
                    let (z, e) = (F32x4::load(z), F32x4::load(out));
                    let logit = Logit { size: z.size(), e, q: sigmoid_tail(e) };
                    let (near, far) = z.sides(positive, negative);
                    sum.add(loss.of_logit(&logit, near, far));
                    (scale * loss.logit_slope(&logit, near, far).xor_sign(z.sign())).store(out);
                }
            }
        }
        sum.total()
    }

    pub fn elementwise_value(&mut self, loss: &impl Elementwise, slot: usize) -> f64 {
        self.with_weight_plane();
        let Self { tile, values, act, aux, grad, target, element, weight, table, .. } = self;
        let tile: &Tile = tile;
        let table = Self::slot(table, tile.channels, slot);
        let mut total = 0.0;
        for k in 0..tile.channels {
            let range = tile.plane(k);
            let out = &mut grad[range.clone()];
            let Some(constants) = Constants::of(table, tile.channels, k) else {
                out.fill([0.0; LANES]);
                continue;
            };
            let channel = Channel::new(range.clone(), values, aux, act);
            let (g, w) = (Plane(&target[range]), Plane(Self::weight_plane(tile, weight, element, k)));
            total += if tile.activation == Activation::Sigmoid {
                sum(channel, g, w, out, |x, i, g| {
                    let (positive, negative) = constants.weights(g);
                    let (logit, _, near, far) = x.logit(i, positive, negative);
                    loss.of_logit(&logit, near, far)
                })
            } else {
                sum(channel, g, w, out, |x, i, g| {
                    let (positive, negative) = constants.weights(g);
                    loss.of_probability(x.act.at(i), positive, negative)
                })
            };
        }
        total
    }

    pub fn elementwise_gradient(&mut self, loss: &impl Elementwise, slot: usize, scale: f32) {
        self.with_weight_plane();
        let Self { tile, values, act, aux, grad, target, element, weight, table, .. } = self;
        let tile: &Tile = tile;
        let table = Self::slot(table, tile.channels, slot);
        let scale = F32x4::splat(scale);
        for k in 0..tile.channels {
            let Some(constants) = Constants::of(table, tile.channels, k) else { continue };
            let range = tile.plane(k);
            let channel = Channel::new(range.clone(), values, aux, act);
            let (g, w) = (Plane(&target[range.clone()]), Plane(Self::weight_plane(tile, weight, element, k)));
            let grad = &mut grad[range];
            if tile.activation == Activation::Sigmoid {
                add(grad, channel, g, w, |x, i, g| {
                    let (positive, negative) = constants.weights(g);
                    let (logit, sign, near, far) = x.logit(i, positive, negative);
                    scale * loss.logit_slope(&logit, near, far).xor_sign(sign)
                });
            } else {
                add(grad, channel, g, w, |x, i, g| {
                    let (positive, negative) = constants.weights(g);
                    scale * loss.probability_slope(x.act.at(i), positive, negative)
                });
            }
        }
    }
}

#[inline(always)]
fn sum(channel: Channel, g: Plane, w: Plane, out: &mut [Quad], term: impl Fn(&Channel, usize, F32x4) -> F32x4) -> f64 {
    let mut sum = Sum::new();
    let (x, g, w) = (channel.part(0..out.len()), g.part(0..out.len()), w.part(0..out.len()));
    for (i, out) in out.iter_mut().enumerate() {
        let term = w.at(i) * term(&x, i, g.at(i));
        sum.add(term);
        term.store(out);
    }
    sum.total()
}

#[inline(always)]
fn add(grad: &mut [Quad], channel: Channel, g: Plane, w: Plane, term: impl Fn(&Channel, usize, F32x4) -> F32x4) {
    let (x, g, w) = (channel.part(0..grad.len()), g.part(0..grad.len()), w.part(0..grad.len()));
    for (i, grad) in grad.iter_mut().enumerate() {
        w.at(i).mul_add(term(&x, i, g.at(i)), F32x4::load(grad)).store(grad);
    }
}
