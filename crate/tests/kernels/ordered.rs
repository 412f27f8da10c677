//! Ranking: the Lovász extension and the selection of the largest, against a sort.

use crate::case::Random;
use segloss_core::ordered::{OUT, Order, SOFT};

const LENGTHS: [usize; 9] = [0, 1, 2, 3, 17, 64, 255, 1000, 5000];

/// Errors with many ties, some of them out; the sign bit is the target.
fn errors(length: usize, random: &mut Random) -> Vec<f32> {
    let error = |random: &mut Random| match random.below(8) {
        0 => OUT,
        1 => 0.0,
        2 => 0.5,
        3 => random.unit() * 1e-30,
        4 => random.unit() * 1e30,
        _ => random.unit(),
    };
    let signed = |e: f32, random: &mut Random| if e != OUT && random.below(3) == 0 { -e } else { e };
    (0..length)
        .map(|_| {
            let e = error(random);
            signed(e, random)
        })
        .collect()
}

/// The loss and its slopes, as the paper has them.
fn lovasz(errors: &[f32], weights: &[f32]) -> (f64, Vec<f64>) {
    let mut ranks: Vec<usize> = (0..errors.len()).filter(|&i| errors[i] != OUT).collect();
    ranks.sort_by(|&a, &b| errors[b].abs().total_cmp(&errors[a].abs()));
    let target = |i: usize| errors[i].is_sign_negative();
    let weight = |i: usize| f64::from(weights[i]);
    let all: f64 = ranks.iter().filter(|&&i| target(i)).map(|&i| weight(i)).sum();
    let (mut inside, mut union, mut before, mut loss) = (all, all, 0.0, 0.0);
    let mut slopes = vec![0.0; errors.len()];
    for i in ranks {
        if target(i) {
            inside -= weight(i)
        } else {
            union += weight(i)
        }
        let jaccard = 1.0 - inside / union;
        let e = f64::from(errors[i].abs());
        loss += e * (jaccard - before);
        if e != 0.0 {
            slopes[i] = if target(i) { before - jaccard } else { jaccard - before };
        }
        before = jaccard;
    }
    (loss, slopes)
}

#[test]
fn lovasz_is_what_a_sort_gives() {
    let mut order = Order::default();
    let mut random = Random(3);
    for length in LENGTHS {
        for weighted in [false, true] {
            let errors = errors(length, &mut random);
            let weights: Vec<f32> = (0..length).map(|_| if weighted { 0.25 + random.unit() } else { 1.0 }).collect();
            let (want, slopes) = lovasz(&errors, &weights);
            order.reserve(length, weighted);
            order.errors[..length].copy_from_slice(&errors);
            if weighted {
                order.weights[..length].copy_from_slice(&weights);
            }
            let got = order.lovasz(length, weighted).expect("hard targets");
            assert!((got - want).abs() <= 1e-12 * want.abs(), "{length}: {got}, not {want}");
            for (i, slope) in slopes.iter().enumerate() {
                assert_eq!(order.errors[i], *slope as f32, "slope {i} of {length}");
            }
        }
    }
}

#[test]
fn a_soft_target_is_an_error_and_a_nan_reaches_its_group() {
    let mut order = Order::default();
    order.reserve(3, false);
    order.errors[..3].copy_from_slice(&[0.5, -0.25, SOFT]);
    assert_eq!(order.lovasz(3, false), Err(2));
    order.errors[..3].copy_from_slice(&[0.5, f32::NAN, OUT]);
    assert!(order.lovasz(3, false).is_ok_and(f64::is_nan));
    assert!(order.errors[0].is_nan() && order.errors[1].is_nan() && order.errors[2] == 0.0);
}

#[test]
fn the_largest_are_selected_and_ties_go_to_the_first() {
    let mut order = Order::default();
    let mut random = Random(4);
    for length in LENGTHS {
        let errors: Vec<f32> = errors(length, &mut random).iter().map(|e| e.abs()).collect();
        for above in [f32::INFINITY, 0.5, 0.0] {
            for least in [0, 1, length / 3, length, length + 5] {
                let mut ranks: Vec<usize> = (0..length).collect();
                ranks.sort_by(|&a, &b| errors[b].total_cmp(&errors[a]));
                let harder = errors.iter().filter(|&&e| e > above).count();
                let count = harder.max(least.min(length));
                order.reserve(length, false);
                order.errors[..length].copy_from_slice(&errors);
                assert_eq!(order.select(length, least, above), count);
                let mut want = vec![0.0; length];
                ranks[..count].iter().for_each(|&i| want[i] = 1.0);
                assert_eq!(order.errors[..length], want, "{least} of {length} above {above}");
            }
        }
    }
}
