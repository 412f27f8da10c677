//! Huge, infinite and missing numbers, and confident pixels.

use crate::case::{ACTIVATIONS, Case, Forms, Random, case};
use crate::check::near;
use crate::naive::expected;
use crate::pixel::term;
use crate::run::Runner;
use segloss_core::pixel::PixelLoss;
use segloss_core::workspace::{Activation, Weights};

const LOGITS: [Activation; 2] = [Activation::Sigmoid, Activation::Softmax];
const EXPONENTS: [f32; 5] = [0.0, 0.5, 1.0, 2.0, 2.5];

/// Cases of one term and a region gradient whose predictions are drawn from `choices`.
fn drawn(choices: &[f32], mut each: impl FnMut(&mut Runner, Case)) {
    let mut runner = Runner::new();
    let mut random = Random(17);
    for activation in LOGITS {
        for round in 0..400 {
            let channels = random.of(&[2, 3]);
            let given = random.of(&[Weights::None, Weights::Pixel, Weights::Element]);
            let dense = random.below(2) == 0;
            let forms = Forms { dense, masked: false, ignores: false, given, interleaved: false };
            let mut case = case(9, channels, activation, forms, &mut random);
            case.prediction.iter_mut().for_each(|z| *z = random.of(choices));
            case.terms = vec![term(activation, channels, &EXPONENTS, &mut random)];
            if round % 2 == 0 {
                case.affine = random.rows(5, channels);
            }
            each(&mut runner, case);
        }
    }
}

#[test]
fn infinite_logits_give_finite_gradients() {
    drawn(&[f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN, 1e4, -1e4, 0.0], |runner, case| {
        let got = runner.run(&case).expect("a good case");
        assert!(!got.values[0].is_nan() && !got.values_alone[0].is_nan(), "value of {}", case.name());
        assert!(got.sums.iter().all(|sum| sum.is_finite()), "sums of {}", case.name());
        for gradient in [&got.gradient, &got.restored] {
            assert!(gradient.iter().all(|x| x.is_finite()), "gradient of {}: {gradient:?}", case.name());
        }
    });
}

#[test]
fn huge_logits_give_exact_limits() {
    drawn(&[1e4, -1e4, 2e3, -2e3, 100.0, -100.0, 0.0], |runner, case| {
        let want = expected(&case);
        let got = runner.run(&case).expect("a good case");
        near("value", &got.values, &want.values, 4e-6, &case);
        near("value alone", &got.values_alone, &want.values, 4e-6, &case);
        near("gradient", &got.gradient, &want.gradient, 2e-5, &case);
        near("gradient from what was stored", &got.restored, &want.gradient, 2e-5, &case);
    });
}

/// The margins at which log(Σe) and 1 − p fail.
#[test]
fn confident_pixels_keep_their_precision() {
    let mut runner = Runner::new();
    let mut random = Random(23);
    for activation in LOGITS {
        for margin in [8.0, 18.0, 40.0] {
            for label in 0..2 {
                for exponent in EXPONENTS {
                    let mut case = Case::plain(4, 2, activation, &mut random);
                    case.target = vec![f64::from(label); 4];
                    case.prediction = [[margin; 4], [0.0; 4]].concat();
                    case.terms = vec![term(activation, 2, &[exponent], &mut random)];
                    let want = expected(&case);
                    let got = runner.run(&case).expect("a good case");
                    near("value", &got.values, &want.values, 2e-5, &case);
                    near("gradient", &got.gradient, &want.gradient, 2e-5, &case);
                    near("gradient from what was stored", &got.restored, &want.gradient, 2e-5, &case);
                }
            }
        }
    }
}

#[test]
fn infinite_channels_share_the_probability() {
    let mut case = Case::plain(1, 4, Activation::Softmax, &mut Random(1));
    case.prediction = vec![f32::INFINITY, 3.0, f32::INFINITY, f32::NEG_INFINITY];
    let got = Runner::new().run(&case).expect("a good case");
    assert_eq!(got.stored, [0.5, 0.0, 0.5, 0.0]);
}

/// The value is NaN, and the gradient there and nowhere else.
#[test]
fn a_nan_prediction_shows() {
    let mut runner = Runner::new();
    let mut random = Random(29);
    for activation in ACTIVATIONS {
        for round in 0..300 {
            let (pixels, channels) = (9, random.of(&[2, 3]));
            let given = random.of(&[Weights::None, Weights::Pixel, Weights::Element]);
            let (dense, interleaved) = (round % 2 == 0, round % 3 == 0);
            let forms = Forms { dense, masked: false, ignores: false, given, interleaved };
            let mut case = case(pixels, channels, activation, forms, &mut random);
            case.weights.iter_mut().for_each(|w| *w += 0.5);
            case.prediction.iter_mut().for_each(|p| *p = random.unit());
            case.terms = vec![term(activation, channels, &EXPONENTS, &mut random)];
            case.terms[0].rows.iter_mut().for_each(|c| *c = c.max(0.25));
            let bad = random.below(pixels * channels);
            case.prediction[bad] = f32::NAN;
            let got = runner.run(&case).expect("a good case");
            let what = format!("term {} of {}", case.terms[0].exponent, case.name());
            assert!(got.values[0].is_nan() && got.values_alone[0].is_nan(), "value, {what}");
            let k = bad / pixels;
            assert!(got.sums[k].is_nan() || case.target.iter().all(|&g| g == 0.0), "tp, {what}");
            assert!(got.sums[channels + k].is_nan(), "p, {what}");
            for (at, (x, y)) in got.gradient.iter().zip(&got.restored).enumerate() {
                let there = if activation == Activation::Softmax { at % pixels == bad % pixels } else { at == bad };
                assert_eq!((x.is_nan(), y.is_nan()), (there, there), "gradient[{at}], bad {bad}, {what}");
            }
        }
    }
}

#[test]
fn a_nan_shows_in_every_region_sum_and_only_in_its_class() {
    for activation in [Activation::None, Activation::Sigmoid] {
        let mut case = Case::plain(5, 3, activation, &mut Random(1));
        case.prediction.fill(0.25);
        case.prediction[7] = f32::NAN;
        let sums = Runner::new().run(&case).expect("a good case").sums;
        for r in [0, 1, 3, 5, 6] {
            let row = sums[r * 3..r * 3 + 3].iter().map(|sum| sum.is_nan()).collect::<Vec<_>>();
            assert_eq!(row, [false, true, false], "sum {r}");
        }
    }
}

#[test]
fn nothing_at_all_is_zero() {
    let mut case = Case::plain(6, 2, Activation::Softmax, &mut Random(1));
    case.mask = Some(vec![0.0; 6]);
    case.prediction.fill(f32::NAN);
    let rows = [1.0, 1.0, 1.0, 1.0, 0.0, 0.0].to_vec();
    case.terms = vec![crate::case::Term { loss: PixelLoss::CrossEntropy, exponent: 0.0, scale: 1.0, rows }];
    let got = Runner::new().run(&case).expect("a good case");
    assert_eq!((got.values[0], got.sums), (0.0, vec![0.0; 16]));
    assert!(got.gradient.iter().chain(&got.restored).all(|x| x.to_bits() == 0));
}
