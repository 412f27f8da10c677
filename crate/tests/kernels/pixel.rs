//! Values and gradients of the pixel losses.

use crate::case::{ACTIVATIONS, Case, Random, Term, case, forms, lengths};
use crate::check::{near, nothing_where_unweighted};
use crate::naive::expected;
use crate::run::Runner;
use segloss_core::pixel::PixelLoss;
use segloss_core::pixel::rare::Kind;
use segloss_core::workspace::Activation;

/// A pixel loss that the activation admits, with constants as the door makes them.
pub fn term(activation: Activation, channels: usize, exponents: &[f32], random: &mut Random) -> Term {
    let loss = match activation {
        Activation::None => random.of(&[PixelLoss::BinaryCrossEntropy, PixelLoss::CrossEntropy, PixelLoss::Focal]),
        Activation::Sigmoid => random.of(&[PixelLoss::BinaryCrossEntropy, PixelLoss::Focal]),
        Activation::Softmax => random.of(&[PixelLoss::CrossEntropy, PixelLoss::Focal]),
    };
    let exponent = if loss == PixelLoss::Focal { random.of(exponents) } else { 0.0 };
    let categorical = activation == Activation::Softmax || loss == PixelLoss::CrossEntropy;
    let simplest = if categorical { [1.0, 1.0, 0.0, 0.0] } else { [0.0, 1.0, 1.0, -1.0] };
    let mut rows: Vec<f32> = simplest.iter().flat_map(|&c| std::iter::repeat_n(c, channels)).collect();
    let form = random.below(3);
    if form > 0 {
        // Two rows: class weights; all four: smoothing too.
        let changed = if form == 1 && categorical { 2 * channels } else { 4 * channels };
        rows[..changed].iter_mut().for_each(|c| *c = 0.25 + 2.0 * random.unit());
        if !categorical {
            // From the weights at g = 0 and g = 1 to lines.
            for at in (channels..2 * channels).chain(3 * channels..4 * channels) {
                rows[at] -= rows[at - channels];
            }
        }
        if random.below(2) == 0 {
            let left_out = random.below(channels);
            (0..4).for_each(|r| rows[r * channels + left_out] = 0.0);
        }
    }
    Term { loss, exponent, scale: 0.125 + random.unit(), rows }
}

fn compare(runner: &mut Runner, case: &Case, tolerance: f64) {
    let want = expected(case);
    let got = runner.run(case).expect("a good case");
    near("value", &got.values, &want.values, tolerance, case);
    near("value alone", &got.values_alone, &want.values, tolerance, case);
    if case.affine.is_empty() {
        assert_eq!(got.values_alone, got.values_with_gradient, "value with the gradient of {}", case.name());
    }
    near("value with the gradient", &got.values_with_gradient, &want.values, tolerance, case);
    near("value with sums", &got.values_with_sums, &want.values, tolerance, case);
    near("loss", &got.each, &want.each, tolerance, case);
    near("gradient", &got.gradient, &want.gradient, tolerance, case);
    near("gradient from what was stored", &got.restored, &want.gradient, tolerance, case);
    if !got.few_restored.is_empty() {
        near("gradient from what was stored with sums", &got.few_restored, &want.gradient, tolerance, case);
    }
    nothing_where_unweighted("gradient", &got.gradient, &want.weight, case);
    nothing_where_unweighted("gradient from what was stored", &got.restored, &want.weight, case);
}

/// Every form, length and activation with one term of these exponents.
fn sweep(exponents: &[f32], tolerance: f64) {
    let mut runner = Runner::new();
    let mut random = Random(exponents.len() as u64);
    for activation in ACTIVATIONS {
        for pixels in lengths() {
            for forms in forms(pixels) {
                let channels =
                    random.of(if activation == Activation::Softmax { &[2, 3, 5, 17] } else { &[1, 2, 3, 5] });
                let mut case = case(pixels, channels, activation, forms, &mut random);
                case.terms = vec![term(activation, channels, exponents, &mut random)];
                if random.below(2) == 0 {
                    // With a region loss of a and b.
                    case.affine = random.rows(5, channels);
                    case.affine[2 * channels..].fill(0.0);
                }
                compare(&mut runner, &case, tolerance);
            }
        }
    }
}

const RARE: [Kind; 6] = [
    Kind::QualityFocal,
    Kind::GeneralizedCrossEntropy,
    Kind::PolyCrossEntropy,
    Kind::ExponentialLogarithmic,
    Kind::ReducedFocal,
    Kind::FocalFactor,
];

/// A rarer loss, of logits. Without smoothing: constants of the door for weights alone.
fn rare(activation: Activation, channels: usize, random: &mut Random) -> Term {
    let softmax = activation == Activation::Softmax;
    let kind = random.of(if softmax { &RARE[1..] } else { &RARE });
    let exponent = match kind {
        Kind::GeneralizedCrossEntropy => random.of(&[0.1, 0.5, 1.0]),
        Kind::PolyCrossEntropy => random.of(&[-0.5, 0.5, 2.0]),
        Kind::ExponentialLogarithmic => random.of(&[0.3, 1.0, 1.5]),
        _ => random.of(&[0.0, 1.0, 1.5, 2.0]),
    };
    let mut rows = vec![0.0; 6 * channels];
    for k in 0..channels {
        let w = random.of(&[0.0, 1.0, 2.5]);
        let constants = if softmax { [w, 1.0, 0.0, 0.0] } else { [0.0, w, w, -w] };
        (0..4).for_each(|r| rows[r * channels + k] = constants[r]);
    }
    let threshold: f32 = random.of(&[0.0, 0.3, 0.6]);
    rows[4 * channels] = threshold;
    rows[5 * channels] = if threshold > 0.0 { threshold.powf(-exponent) } else { 1.0 };
    Term { loss: PixelLoss::Rare(kind), exponent, scale: 0.125 + random.unit(), rows }
}

#[test]
fn rarer_losses_to_2e5() {
    let mut runner = Runner::new();
    let mut random = Random(9);
    for activation in [Activation::Sigmoid, Activation::Softmax] {
        for pixels in lengths() {
            for forms in forms(pixels) {
                let channels = random.of(if activation == Activation::Softmax { &[2, 3, 5] } else { &[1, 2, 3] });
                let mut case = case(pixels, channels, activation, forms, &mut random);
                case.terms = vec![rare(activation, channels, &mut random)];
                compare(&mut runner, &case, 2e-5);
            }
        }
    }
}

#[test]
fn cross_entropies_to_4e6() {
    sweep(&[0.0, 1.0], 4e-6);
}

/// exp rounds its argument, a power multiplies that error.
#[test]
fn higher_exponents_to_2e5() {
    sweep(&[0.3, 0.5, 1.5, 2.0, 2.7, 3.0, 5.0], 2e-5);
}

/// Several terms and a region gradient in one pass add up.
#[test]
fn compounds_add_up() {
    let mut runner = Runner::new();
    let mut random = Random(7);
    for activation in ACTIVATIONS {
        for pixels in [1, 4, 7, 66, 257] {
            for forms in forms(pixels) {
                let channels = random.of(&[2, 4]);
                let mut case = case(pixels, channels, activation, forms, &mut random);
                case.terms = (0..3).map(|_| term(activation, channels, &[0.0, 1.0], &mut random)).collect();
                case.affine = random.rows(5, channels);
                compare(&mut runner, &case, 4e-6);
            }
        }
    }
}
