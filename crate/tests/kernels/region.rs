//! Region sums, the counts, and the affine gradient through each activation.

use crate::case::{ACTIVATIONS, ROWS, Random, case, forms, lengths};
use crate::check::{near, nothing_where_unweighted};
use crate::naive::expected;
use crate::run::Runner;
use segloss_core::workspace::Activation;

fn sweep(each: impl Fn(&mut Runner, &mut crate::case::Case, &mut Random)) {
    let mut runner = Runner::new();
    let mut random = Random(11);
    for activation in ACTIVATIONS {
        for pixels in lengths() {
            for forms in forms(pixels) {
                let channels =
                    random.of(if activation == Activation::Softmax { &[2, 3, 5, 17] } else { &[1, 2, 3, 5] });
                each(&mut runner, &mut case(pixels, channels, activation, forms, &mut random), &mut random);
            }
        }
    }
}

#[test]
fn sums_to_4e6() {
    sweep(|runner, case, _| {
        let want = expected(case);
        let got = runner.run(case).expect("a good case");
        near("sum", &got.sums, &want.sums, 4e-6, case);
        // Where only tp, p, g and n are asked for, the others may be anything.
        for r in [0, 1, 2, 7] {
            let row = r * case.channels..(r + 1) * case.channels;
            near("sum of few", &got.few_sums[row.clone()], &want.sums[row], 4e-6, case);
        }
        assert_eq!(want.sums.len(), ROWS * case.channels);
    });
}

#[test]
fn counts_are_exact_and_masses_to_1e6() {
    sweep(|runner, case, _| {
        let want = expected(case);
        let got = runner.run(case).expect("a good case");
        assert_eq!(got.valid, want.valid, "valid elements of {}", case.name());
        near("mass", &got.mass, &want.mass, 1e-6, case);
    });
}

#[test]
fn gradients_to_4e6() {
    sweep(|runner, case, random| {
        case.affine = random.rows(5, case.channels);
        if random.below(2) == 0 {
            case.affine[2 * case.channels..].fill(0.0);
        }
        let want = expected(case);
        let got = runner.run(case).expect("a good case");
        near("gradient", &got.gradient, &want.gradient, 4e-6, case);
        near("gradient from what was stored", &got.restored, &want.gradient, 4e-6, case);
        if !got.few_restored.is_empty() {
            near("gradient from what was stored with fewer sums", &got.few_restored, &want.gradient, 4e-6, case);
        }
        nothing_where_unweighted("gradient", &got.gradient, &want.weight, case);
        nothing_where_unweighted("gradient from what was stored", &got.restored, &want.weight, case);
    });
}
