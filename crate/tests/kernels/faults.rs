//! Bad data is reported by its position, and leaves the core usable.

use crate::case::{ACTIVATIONS, Case, KINDS, Random};
use crate::run::{Fault, Runner};
use segloss_core::entries::Kind;
use segloss_core::pixel::PixelLoss;
use segloss_core::workspace::{Activation, Weights};

const CHANNELS: usize = 3;

/// A dense float target, in either layout.
fn good(pixels: usize, activation: Activation, interleaved: bool) -> Case {
    let mut random = Random(5);
    let plain = Case::plain(pixels, CHANNELS, activation, &mut random);
    let target = (0..pixels * CHANNELS).map(|_| f64::from(random.unit())).collect();
    Case { interleaved, kind: Kind::F32, dense: true, target, ..plain }
}

/// Spoils position `at` and expects that fault, then runs the case as it was.
fn refuse(runner: &mut Runner, case: &Case, at: usize, spoil: impl Fn(&mut Case, usize), fault: fn(usize) -> Fault) {
    let mut bad = case.clone();
    spoil(&mut bad, at);
    assert_eq!(runner.run(&bad).err(), Some(fault(at)), "{}", bad.name());
    assert_eq!(runner.run(case).err(), None, "afterwards, {}", case.name());
}

/// Each layout, activation and position of an array of the prediction's shape; one case longer than a tile.
fn everywhere(each: impl Fn(&mut Runner, Case, usize)) {
    let mut runner = Runner::new();
    for activation in ACTIVATIONS {
        for interleaved in [false, true] {
            for at in 0..13 * CHANNELS {
                each(&mut runner, good(13, activation, interleaved), at);
            }
            for at in [1364, 1365, 4097, 4098, 3 * 4099 - 1] {
                each(&mut runner, good(4099, activation, interleaved), at);
            }
        }
    }
}

#[test]
fn dense_targets_outside_0_to_1() {
    everywhere(|runner, case, at| {
        for wrong in [1.000_001, -1e-6, 2.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            refuse(runner, &case, at, |case, at| case.target[at] = wrong, Fault::Target);
        }
    });
}

#[test]
fn dense_integers_other_than_0_and_1() {
    everywhere(|runner, mut case, at| {
        case.target.iter_mut().for_each(|g| *g = g.round());
        for kind in KINDS {
            case.kind = kind;
            refuse(runner, &case, at, |case, at| case.target[at] = 2.0, Fault::Target);
        }
    });
}

#[test]
fn labels_that_are_no_class() {
    everywhere(|runner, mut case, at| {
        let at = at % case.pixels;
        case.dense = false;
        case.target = vec![2.0; case.pixels];
        for (kind, wrong) in [
            (Kind::U8, 3.0),
            (Kind::U8, 255.0),
            (Kind::I8, -1.0),
            (Kind::U16, 65_535.0),
            (Kind::I16, -32_768.0),
            (Kind::U32, 4_294_967_295.0),
            (Kind::I32, -2_147_483_648.0),
            (Kind::F32, 1.5),
            (Kind::F32, -1.0),
            (Kind::F32, f64::NAN),
            (Kind::F32, f64::INFINITY),
            (Kind::F32, 3e9),
        ] {
            case.kind = kind;
            refuse(runner, &case, at, |case, at| case.target[at] = wrong, Fault::Target);
        }
    });
}

#[test]
fn weights_that_are_negative_or_not_finite() {
    everywhere(|runner, mut case, at| {
        for wrong in [-1.0, -1e-30, f32::NAN, f32::INFINITY] {
            case.given = Weights::Element;
            case.weights = vec![0.5; case.pixels * CHANNELS];
            refuse(runner, &case, at, |case, at| case.weights[at] = wrong, Fault::Weights);
            case.given = Weights::Pixel;
            case.weights.truncate(case.pixels);
            refuse(runner, &case, at % case.pixels, |case, at| case.weights[at] = wrong, Fault::Weights);
        }
    });
}

#[test]
fn masks_that_are_no_number() {
    everywhere(|runner, mut case, at| {
        case.mask = Some(vec![1.0; case.pixels]);
        let spoil = |case: &mut Case, at: usize| case.mask.as_mut().expect("a mask")[at] = f32::NAN;
        refuse(runner, &case, at % case.pixels, spoil, Fault::Mask);
    });
}

#[test]
fn probabilities_outside_0_to_1_by_more_than_1e6() {
    everywhere(|runner, case, at| {
        if case.activation != Activation::None {
            return;
        }
        for wrong in [1.000_002, -1.1e-6, 5.0, -3.0, f32::INFINITY, f32::NEG_INFINITY] {
            refuse(runner, &case, at, |case, at| case.prediction[at] = wrong, Fault::Prediction);
        }
        // A NaN is no error, nor does it hide one beside it.
        let mut with_nan = case.clone();
        with_nan.prediction.fill(f32::NAN);
        refuse(runner, &with_nan, at, |case, at| case.prediction[at] = 2.0, Fault::Prediction);
    });
}

#[test]
fn a_masked_pixel_may_hold_anything() {
    everywhere(|runner, mut case, at| {
        let i = at % case.pixels;
        case.mask = Some((0..case.pixels).map(|j| f32::from(i != j)).collect());
        case.target[at] = f64::NAN;
        case.prediction[at] = f32::INFINITY;
        assert_eq!(runner.run(&case).err(), None, "{}", case.name());
    });
}

#[test]
fn a_code_beyond_the_last_is_none() {
    let codes = |known: &dyn Fn(u32) -> bool| (0..100).map(known).collect::<Vec<_>>();
    for known in [codes(&|code| Kind::from_code(code).is_some()), codes(&|code| PixelLoss::from_code(code).is_some())] {
        let first = known.iter().position(|known| !known).expect("fewer codes");
        assert!(first > 0 && known[first..].iter().all(|known| !known));
    }
    assert_eq!(Kind::from_code(u32::MAX), None);
    assert_eq!(PixelLoss::from_code(u32::MAX), None);
}
