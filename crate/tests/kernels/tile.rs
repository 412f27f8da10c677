//! The canonical form, in small cases written out: where labels of each type go, and what is counted.

use crate::case::{ACTIVATIONS, Case, KINDS, Random};
use crate::run::Runner;
use segloss_core::entries::Kind;
use segloss_core::workspace::Activation;

fn labelled(activation: Activation, channels: usize, kind: Kind, target: &[f64]) -> Case {
    let plain = Case::plain(target.len(), channels, activation, &mut Random(1));
    Case { kind, target: target.to_vec(), ..plain }
}

/// Σ w g of each class: where the labels went.
fn found(case: &Case) -> Vec<f64> {
    let sums = Runner::new().run(case).expect("a good case").sums;
    sums[2 * case.channels..3 * case.channels].to_vec()
}

#[test]
fn labels_of_every_type_find_their_class() {
    for activation in ACTIVATIONS {
        for kind in KINDS {
            let case = labelled(activation, 4, kind, &[0.0, 3.0, 1.0, 3.0, 3.0, 1.0, 0.0]);
            assert_eq!(found(&case), [2.0, 2.0, 0.0, 3.0]);
        }
    }
}

#[test]
fn labels_beyond_a_byte_find_their_class() {
    for kind in [Kind::U16, Kind::I16, Kind::U32, Kind::I32, Kind::F32] {
        let case = labelled(Activation::Softmax, 300, kind, &[299.0, 256.0, 0.0, 299.0]);
        let found = found(&case);
        assert_eq!((found[299], found[256], found[0], found[44]), (2.0, 1.0, 1.0, 0.0));
    }
}

#[test]
fn the_largest_label_of_each_type_can_be_ignored() {
    let largest = [255.0, 127.0, 65_535.0, 32_767.0, 4_294_967_295.0, 2_147_483_647.0];
    for (kind, largest) in KINDS.into_iter().zip(largest) {
        let mut case = labelled(Activation::Softmax, 2, kind, &[1.0, largest, 0.0, 1.0, largest]);
        case.ignore = Some(largest);
        let outcome = Runner::new().run(&case).expect("a good case");
        assert_eq!(outcome.valid, [3.0, 3.0]);
        assert_eq!(outcome.sums[4..6], [1.0, 2.0]);
    }
}

#[test]
fn an_ignored_class_of_a_label_map_keeps_its_channel() {
    for activation in ACTIVATIONS {
        let mut case = labelled(activation, 3, Kind::I8, &[0.0, 1.0, 2.0, 1.0, 0.0]);
        case.ignore = Some(1.0);
        let outcome = Runner::new().run(&case).expect("a good case");
        assert_eq!(outcome.valid, [3.0; 3]);
        assert_eq!(outcome.sums[6..9], [2.0, 0.0, 1.0]);
    }
}

#[test]
fn an_ignored_entry_takes_out_its_pixel_only_under_softmax() {
    for activation in ACTIVATIONS {
        let plain = labelled(activation, 2, Kind::U8, &[1.0, 0.0, 255.0, 0.0, 1.0, 1.0]);
        let case = Case { pixels: 3, dense: true, ignore: Some(255.0), ..plain };
        let expected = if activation == Activation::Softmax { [2.0, 2.0] } else { [2.0, 3.0] };
        assert_eq!(Runner::new().run(&case).expect("a good case").valid, expected);
    }
}

#[test]
fn any_mask_but_zero_keeps_a_pixel() {
    let mut case = labelled(Activation::Sigmoid, 1, Kind::U8, &[0.0; 6]);
    case.mask = Some(vec![0.0, -0.0, 1e-45, -3.0, f32::INFINITY, 1.0]);
    assert_eq!(Runner::new().run(&case).expect("a good case").valid, [4.0]);
}
