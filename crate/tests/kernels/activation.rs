//! Probabilities as pass 1 leaves them.

use crate::case::{ACTIVATIONS, Case, Random, case, forms, lengths};
use crate::check::near;
use crate::naive::{Truth, expected, number};
use crate::run::Runner;
use segloss_core::workspace::Activation;

/// Sigmoid: the smaller of p and 1 − p, its sign bit set where that is p.
#[test]
fn stored_probabilities_to_4e6() {
    let mut runner = Runner::new();
    let mut random = Random(3);
    for activation in ACTIVATIONS {
        for pixels in lengths() {
            for forms in forms(pixels).take(16) {
                let channels =
                    random.of(if activation == Activation::Softmax { &[2, 3, 5, 17] } else { &[1, 2, 3, 5] });
                let case = case(pixels, channels, activation, forms, &mut random);
                compare(&mut runner, &case);
            }
        }
    }
}

fn compare(runner: &mut Runner, case: &Case) {
    let want = expected(case);
    let got = runner.run(case).expect("a good case");
    // What is stored of a pixel that is out is nobody's.
    let valid = Truth::of(case).valid;
    let kept = |stored: &[f32]| stored.iter().zip(&valid).filter(|(_, v)| **v).map(|(x, _)| *x).collect::<Vec<_>>();
    // Of a sigmoid the bit of 2 may hold the target.
    let few: Vec<_> = got.few_stored.iter().map(|x| f32::from_bits(x.to_bits() & !2_f32.to_bits())).collect();
    assert_eq!(kept(&few), kept(&got.stored), "with fewer sums, {}", case.name());
    if case.activation != Activation::Sigmoid {
        let p: Vec<_> = want.probabilities.iter().map(|x| number(x.p)).collect();
        return near("p", &got.stored, &p, 4e-6, case);
    }
    let tails: Vec<_> = want.probabilities.iter().map(|x| number(x.p.min(x.q))).collect();
    let sizes: Vec<_> = got.stored.iter().map(|tail| tail.abs()).collect();
    near("tail", &sizes, &tails, 4e-6, case);
    for (tail, want) in got.stored.iter().zip(&want.probabilities) {
        assert!(want.p == want.q || tail.is_sign_negative() == (want.p < want.q), "side of a tail of {}", case.name());
    }
}
