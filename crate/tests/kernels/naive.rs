//! The twin: the formulas as they are written, in `f64`, element by element.

use crate::case::{Case, ROWS, Term};
use segloss_core::pixel::PixelLoss;
use segloss_core::pixel::rare::Kind;
use segloss_core::workspace::{Activation, Weights};
use std::iter::Sum;
use std::ops::{Add, Mul, Sub};

/// A number together with the sum of the magnitudes it was added up from: what rounding is relative to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Number {
    pub value: f64,
    pub size: f64,
}

pub fn number(value: f64) -> Number {
    Number { value, size: value.abs() }
}

impl Add for Number {
    type Output = Self;
    fn add(self, b: Self) -> Self {
        Self { value: self.value + b.value, size: self.size + b.size }
    }
}

impl Sub for Number {
    type Output = Self;
    fn sub(self, b: Self) -> Self {
        Self { value: self.value - b.value, size: self.size + b.size }
    }
}

impl Mul for Number {
    type Output = Self;
    fn mul(self, b: Self) -> Self {
        Self { value: self.value * b.value, size: self.size * b.size }
    }
}

impl Sum for Number {
    fn sum<I: Iterator<Item = Self>>(numbers: I) -> Self {
        numbers.fold(Self::default(), Self::add)
    }
}

/// Target and weight of every element, and what counts.
pub struct Truth {
    pub target: Vec<f64>,
    pub weight: Vec<f64>,
    pub valid: Vec<bool>,
}

impl Truth {
    pub fn of(case: &Case) -> Self {
        let Case { pixels, channels, .. } = *case;
        let entry = |k: usize, i: usize| case.target[if case.dense { k * pixels + i } else { i }];
        let ignored = |k: usize, i: usize| case.ignore == Some(entry(k, i));
        let whole = !case.dense || case.activation == Activation::Softmax;
        let mut truth = Self { target: Vec::new(), weight: Vec::new(), valid: Vec::new() };
        for k in 0..channels {
            for i in 0..pixels {
                let masked = case.mask.as_ref().is_some_and(|mask| mask[i] == 0.0);
                let ignored = if whole { (0..channels).any(|k| ignored(k, i)) } else { ignored(k, i) };
                let valid = !masked && !ignored;
                let g = if case.dense { entry(k, i) } else { f64::from(entry(k, i) == k as f64) };
                let w = match case.given {
                    Weights::None => 1.0,
                    Weights::Pixel => f64::from(case.weights[i]),
                    Weights::Element => f64::from(case.weights[k * pixels + i]),
                };
                truth.target.push(if valid { g } else { 0.0 });
                truth.weight.push(if valid { w } else { 0.0 });
                truth.valid.push(valid);
            }
        }
        truth
    }
}

/// p, 1 − p and their negative logarithms, each from the form that does not cancel.
#[derive(Clone, Copy)]
pub struct Probability {
    pub p: f64,
    pub q: f64,
    pub log_p: f64,
    pub log_q: f64,
}

fn softplus(z: f64) -> f64 {
    z.max(0.0) + (-z.abs()).exp().ln_1p()
}

/// The probabilities of one pixel.
pub fn probabilities(activation: Activation, values: &[f64]) -> Vec<Probability> {
    match activation {
        Activation::None => {
            let each = values.iter().map(|p| p.clamp(0.0, 1.0));
            each.map(|p| {
                let q = 1.0 - p;
                Probability { p, q, log_p: -p.ln().max(-100.0), log_q: -(-p).ln_1p().max(-100.0) }
            })
            .collect()
        }
        Activation::Sigmoid => {
            let part = |z: f64| 1.0 / (1.0 + z.exp());
            let each = values.iter();
            each.map(|&z| Probability { p: part(-z), q: part(z), log_p: softplus(-z), log_q: softplus(z) }).collect()
        }
        Activation::Softmax => {
            let largest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let top = values.iter().position(|&z| z == largest).unwrap_or(0);
            let others: f64 = (0..values.len()).filter(|&j| j != top).map(|j| (values[j] - largest).exp()).sum();
            let p: Vec<f64> = values.iter().map(|z| (z - largest).exp() / (1.0 + others)).collect();
            let rest = |k: usize| (0..p.len()).filter(|&j| j != k).map(|j| p[j]).sum::<f64>();
            let each = (0..p.len()).map(|k| (k, largest - values[k] + others.ln_1p()));
            each.map(|(k, log_p)| Probability { p: p[k], q: rest(k), log_p, log_q: -rest(k).ln() }).collect()
        }
    }
}

/// What the core should give.
pub struct Expected {
    pub valid: Vec<f64>,
    pub mass: Vec<Number>,
    pub values: Vec<Number>,
    pub each: Vec<Number>,
    pub sums: Vec<Number>,
    pub probabilities: Vec<Probability>,
    pub weight: Vec<f64>,
    pub gradient: Vec<Number>,
}

pub fn expected(case: &Case) -> Expected {
    let Case { pixels, channels, activation, .. } = *case;
    let Truth { target, weight, valid } = Truth::of(case);
    let softmax = activation == Activation::Softmax;
    let total = |k: usize, of: &dyn Fn(usize) -> Number| (0..pixels).map(|i| of(k * pixels + i)).sum::<Number>();
    let mut all = vec![Probability { p: 0.0, q: 0.0, log_p: 0.0, log_q: 0.0 }; pixels * channels];
    let mut gradient = vec![Number::default(); pixels * channels];
    let mut values = vec![Number::default(); case.terms.len()];
    let planes = if softmax { 1 } else { channels };
    let mut each = vec![Number::default(); planes * pixels];
    for i in 0..pixels {
        let at = |k: usize| k * pixels + i;
        let counts = (0..channels).any(|k| weight[at(k)] != 0.0);
        let read = |k: usize| counts && (softmax || weight[at(k)] != 0.0);
        let z = |k: usize| if read(k) { f64::from(case.prediction[at(k)].clamp(f32::MIN, f32::MAX)) } else { 0.0 };
        let p = probabilities(activation, &(0..channels).map(z).collect::<Vec<_>>());
        let of = |plane: &[f64]| (0..channels).map(|k| plane[at(k)]).collect::<Vec<_>>();
        let pixel = Pixel { activation, p: &p, g: of(&target), w: of(&weight) };
        for (t, term) in case.terms.iter().enumerate() {
            let (losses, slopes) = pixel.term(term);
            for k in 0..channels {
                values[t] = values[t] + losses[k];
                gradient[at(k)] = gradient[at(k)] + slopes[k] * number(f64::from(term.scale));
                if t == 0 {
                    let to = if softmax { i } else { at(k) };
                    each[to] = each[to] + losses[k];
                }
            }
        }
        if !case.affine.is_empty() {
            for (k, slope) in pixel.region(&case.affine).into_iter().enumerate() {
                gradient[at(k)] = gradient[at(k)] + slope;
            }
        }
        (0..channels).for_each(|k| all[at(k)] = p[k]);
    }
    let mut sums = Vec::new();
    for r in 0..ROWS {
        for k in 0..channels {
            sums.push(total(k, &|at| {
                let (p, g, w) = (number(all[at].p), number(target[at]), number(weight[at]));
                let error = g - p;
                // The core takes w − w g, which is exact for a hard label.
                let rest = if g.value == 1.0 { number(0.0) } else { number(1.0) - g };
                match r {
                    0 => w * p * g,
                    1 => w * p,
                    2 => w * g,
                    3 => w * p * p,
                    4 => w * g * g,
                    5 => w * error * error * g,
                    6 => w * error * error * rest,
                    _ => w,
                }
            }));
        }
    }
    let mass = |k| total(k, &|at| number(weight[at] * if softmax { target[at] } else { 1.0 }));
    Expected {
        valid: (0..channels).map(|k| (0..pixels).filter(|i| valid[k * pixels + i]).count() as f64).collect(),
        mass: (0..channels).map(mass).collect(),
        values,
        each,
        sums,
        probabilities: all,
        weight,
        gradient,
    }
}

/// One pixel, all channels.
struct Pixel<'a> {
    activation: Activation,
    p: &'a [Probability],
    g: Vec<f64>,
    w: Vec<f64>,
}

impl Pixel<'_> {
    /// Losses and derivatives with respect to the prediction, of each channel.
    fn term(&self, term: &Term) -> (Vec<Number>, Vec<Number>) {
        let channels = self.p.len();
        let row = |r: usize, k: usize| f64::from(term.rows[r * channels + k]);
        let gamma = f64::from(term.exponent);
        if self.activation != Activation::Softmax && term.loss != PixelLoss::CrossEntropy {
            let each = (0..channels).map(|k| {
                let (w, g) = (number(self.w[k]), number(self.g[k]));
                let line = |at: usize| w * (number(row(at, k)) + number(row(at + 1, k)) * g);
                match term.loss {
                    PixelLoss::Rare(kind) => self.rare_element(kind, gamma, row(4, 0), k, line(0), line(2)),
                    loss => self.element(loss, gamma, k, line(0), line(2)),
                }
            });
            return each.unzip();
        }
        let mass: f64 = (0..channels).map(|j| row(1, j) * self.g[j]).sum();
        let t: Vec<f64> = (0..channels).map(|k| self.w[k] * (row(0, k) * self.g[k] + row(2, k) * mass)).collect();
        let gamma = if term.loss == PixelLoss::Focal { gamma } else { 0.0 };
        let rare = |k: usize| match term.loss {
            PixelLoss::Rare(kind) => Some(rare(kind, f64::from(term.exponent), row(4, 0), self.p[k])),
            _ => None,
        };
        let plain = |k: usize| power(self.p[k].q, gamma) * self.p[k].log_p;
        let loss = |k: usize| number(t[k] * rare(k).map_or_else(|| plain(k), |(loss, _)| loss));
        let losses = (0..channels).map(|k| if t[k] == 0.0 { Number::default() } else { loss(k) }).collect();
        if self.activation == Activation::None {
            return (losses, (0..channels).map(|k| number(-t[k] / self.p[k].p.max(1e-12))).collect());
        }
        // −p df/dp of f = (1 − p)^γ (−ln p), times t.
        let a: Vec<f64> = (0..channels)
            .map(|k| {
                if let Some((_, slope)) = rare(k) {
                    return t[k] * slope;
                }
                let Probability { p, q, log_p, .. } = self.p[k];
                let bend = if p * log_p == 0.0 { 0.0 } else { gamma * power(q, gamma - 1.0) * p * log_p };
                t[k] * (bend + power(q, gamma))
            })
            .collect();
        let slope = |j: usize| {
            let mut others: Number = (0..channels).filter(|&k| k != j).map(|k| number(a[k])).sum();
            // The core takes it as Σ_k a_k − a_j: exact where nothing is left.
            if others.size > 0.0 {
                others.size += a[j].abs();
            }
            others * number(self.p[j].p) - number(a[j] * self.p[j].q)
        };
        (losses, (0..channels).map(slope).collect())
    }

    fn element(&self, loss: PixelLoss, gamma: f64, k: usize, positive: Number, negative: Number) -> (Number, Number) {
        let Probability { p, q, log_p, log_q } = self.p[k];
        let gamma = if loss == PixelLoss::Focal { gamma } else { 0.0 };
        let value = positive * number(power(q, gamma) * log_p) + negative * number(power(p, gamma) * log_q);
        let (yes, no) = if self.activation == Activation::Sigmoid {
            (power(q, gamma) * (gamma * p * log_p + q), power(p, gamma) * (gamma * q * log_q + p))
        } else if loss == PixelLoss::BinaryCrossEntropy {
            let divisor = (p * q).max(1e-12);
            (q / divisor, p / divisor)
        } else {
            let yes = power(q, gamma) * (gamma * log_p / q.max(1e-12) + 1.0 / p.max(1e-12));
            (yes, power(p, gamma) * (gamma * log_q / p.max(1e-12) + 1.0 / q.max(1e-12)))
        };
        (value, negative * number(no) - positive * number(yes))
    }

    /// Under sigmoid: the probability of one side changes by pq.
    fn rare_element(
        &self,
        kind: Kind,
        parameter: f64,
        threshold: f64,
        k: usize,
        positive: Number,
        negative: Number,
    ) -> (Number, Number) {
        let Probability { p, q, log_p, log_q } = self.p[k];
        if kind == Kind::QualityFocal {
            let g = positive.value / (positive.value + negative.value);
            let (d, both) = (if p > q { (1.0 - g) - q } else { p - g }, positive.value + negative.value);
            let entropy = positive.value * log_p + negative.value * log_q;
            let factor = power(d.abs(), parameter);
            let bend = if d == 0.0 { 0.0 } else { parameter * factor / d * p * q * entropy };
            // p − g cancels: what is rounded off it is relative to them.
            let size = |value: f64| Number { value, size: value.abs() + parameter.max(1.0) * entropy.abs() };
            if both == 0.0 {
                return (Number::default(), Number::default());
            }
            return (size(factor * entropy), size(bend + factor * both * d));
        }
        let (yes, yes_slope) = rare(kind, parameter, threshold, Probability { p, q, log_p, log_q });
        let (no, no_slope) = rare(kind, parameter, threshold, Probability { p: q, q: p, log_p: log_q, log_q: log_p });
        let value = positive * number(yes) + negative * number(no);
        (value, negative * number(no_slope * p) - positive * number(yes_slope * q))
    }

    /// Derivatives of a region loss: ∂L/∂p = a + b g + c p + (p − g)(d g + e (1 − g)).
    fn region(&self, affine: &[f32]) -> Vec<Number> {
        let channels = self.p.len();
        let u: Vec<Number> = (0..channels)
            .map(|k| {
                let [a, b, c, d, e] = [0, 1, 2, 3, 4].map(|r| number(f64::from(affine[r * channels + k])));
                let (p, g, w) = (number(self.p[k].p), number(self.g[k]), number(self.w[k]));
                w * (a + b * g + c * p + (p - g) * (d * g + e * number(1.0 - g.value)))
            })
            .collect();
        match self.activation {
            Activation::None => u,
            Activation::Sigmoid => (0..channels).map(|k| u[k] * number(self.p[k].p * self.p[k].q)).collect(),
            // Σ_j p_j (u_k − u_j)
            Activation::Softmax => {
                let difference = |k: usize, j: usize| number(self.p[k].p * self.p[j].p) * (u[k] - u[j]);
                (0..channels).map(|k| (0..channels).filter(|&j| j != k).map(|j| difference(k, j)).sum()).collect()
            }
        }
    }
}

fn power(x: f64, exponent: f64) -> f64 {
    if exponent == 0.0 { 1.0 } else { x.powf(exponent) }
}

/// The loss of a label of probability p, and −p times its derivative.
fn rare(kind: Kind, parameter: f64, threshold: f64, of: Probability) -> (f64, f64) {
    let Probability { p, q, log_p, .. } = of;
    match kind {
        Kind::BinaryCrossEntropy | Kind::Focal | Kind::QualityFocal => (f64::NAN, f64::NAN),
        Kind::GeneralizedCrossEntropy => (-(-parameter * log_p).exp_m1() / parameter, (-parameter * log_p).exp()),
        Kind::PolyCrossEntropy => (log_p + parameter * q, 1.0 + parameter * p),
        Kind::ExponentialLogarithmic if log_p == 0.0 => (0.0, 0.0),
        Kind::ExponentialLogarithmic => (log_p.powf(parameter), parameter * log_p.powf(parameter - 1.0)),
        Kind::ReducedFocal if p < threshold => (log_p, 1.0),
        Kind::FocalFactor if p < threshold => (1.0, 0.0),
        Kind::ReducedFocal | Kind::FocalFactor => {
            let scale = if threshold > 0.0 { threshold.powf(-parameter) } else { 1.0 };
            let (factor, over) = (scale * power(q, parameter), scale * power(q, parameter - 1.0));
            let over = if q == 0.0 { 0.0 } else { parameter * over * p };
            if kind == Kind::ReducedFocal { (factor * log_p, over * log_p + factor) } else { (factor, over) }
        }
    }
}
