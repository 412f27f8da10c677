//! Pair counts against a map filled pixel by pixel, for every combination of entry types.
#![forbid(unsafe_code)]

use segloss_geometry::confusion::{Bad, Confusion, Kinds, TILE};
use segloss_geometry::entry::Kind;
use std::collections::BTreeMap;

const KINDS: [Kind; 8] = [Kind::U8, Kind::I8, Kind::U16, Kind::I16, Kind::U32, Kind::I32, Kind::F32, Kind::F64];

fn entry(kind: Kind, label: i64) -> Vec<u8> {
    match kind {
        Kind::U8 => vec![label as u8],
        Kind::I8 => (label as i8).to_le_bytes().into(),
        Kind::U16 => (label as u16).to_le_bytes().into(),
        Kind::I16 => (label as i16).to_le_bytes().into(),
        Kind::U32 => (label as u32).to_le_bytes().into(),
        Kind::I32 => (label as i32).to_le_bytes().into(),
        Kind::F32 => (label as f32).to_le_bytes().into(),
        Kind::F64 => (label as f64).to_le_bytes().into(),
    }
}

fn stage(buffer: &mut [u8], kind: Kind, labels: &[i64]) {
    let bytes: Vec<u8> = labels.iter().flat_map(|&label| entry(kind, label)).collect();
    buffer[..bytes.len()].copy_from_slice(&bytes);
}

/// Labels in runs of 1 to 40, so that blocks of every kind occur.
fn labels(count: usize, classes: u64, seed: u64) -> Vec<i64> {
    let (mut state, mut left, mut label) = (seed, 0, 0);
    let mut next = move |end: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) % end
    };
    let mut run = || {
        if left == 0 {
            (left, label) = (1 + next(40), next(classes) as i64);
        }
        left -= 1;
        label
    };
    (0..count).map(|_| run()).collect()
}

fn counted(confusion: &Confusion) -> BTreeMap<(i64, i64), u64> {
    confusion.triples.chunks_exact(3).map(|c| ((c[0] as i64, c[1] as i64), c[2] as u64)).collect()
}

#[test]
fn counts_are_those_of_a_map() {
    let mut confusion = Confusion::default();
    for length in (0..68).chain([TILE - 1, TILE]) {
        for target_kind in KINDS {
            for pred_kind in KINDS {
                let (target, pred) = (labels(length, 5, 1 + length as u64), labels(length, 3, 7));
                let mask = labels(length, 2, 99);
                for (masked, ignore) in [(false, None), (true, None), (false, Some(2)), (true, Some(0))] {
                    confusion.clear();
                    stage(confusion.target.bytes_mut(), target_kind, &target);
                    stage(confusion.pred.bytes_mut(), pred_kind, &pred);
                    mask.iter().zip(&mut confusion.mask).for_each(|(m, byte)| *byte = *m as u8 * 255);
                    let kinds = Kinds { target: target_kind, pred: pred_kind };
                    // Twice: counts add up over tiles.
                    for _ in 0..2 {
                        assert_eq!(confusion.count(kinds, length, masked, ignore), Ok(()));
                    }
                    confusion.finish(kinds, ignore);
                    let mut want = BTreeMap::new();
                    for i in (0..length).filter(|&i| (!masked || mask[i] != 0) && ignore != Some(target[i])) {
                        *want.entry((target[i], pred[i])).or_insert(0) += 2;
                    }
                    assert_eq!(counted(&confusion), want, "length {length} masked {masked} ignore {ignore:?}");
                }
            }
        }
    }
}

#[test]
fn counts_beyond_32_bits_are_exact() {
    let mut confusion = Confusion::default();
    let kinds = Kinds { target: Kind::I8, pred: Kind::U8 };
    stage(confusion.target.bytes_mut(), Kind::I8, &[-1; TILE]);
    stage(confusion.pred.bytes_mut(), Kind::U8, &[200; TILE]);
    let tiles = (1u64 << 32) / TILE as u64 + 1;
    for _ in 0..tiles {
        assert_eq!(confusion.count(kinds, TILE, false, None), Ok(()));
    }
    confusion.finish(kinds, None);
    assert_eq!(counted(&confusion), [((-1, 200), tiles * TILE as u64)].into());
}

#[test]
fn negative_and_huge_labels_are_told_apart() {
    let mut confusion = Confusion::default();
    let kinds = Kinds { target: Kind::I8, pred: Kind::F64 };
    stage(confusion.target.bytes_mut(), Kind::I8, &[-1, -128, 127]);
    stage(confusion.pred.bytes_mut(), Kind::F64, &[1 << 53, -(1 << 53), 614_454_277]);
    assert_eq!(confusion.count(kinds, 3, false, None), Ok(()));
    confusion.finish(kinds, None);
    let want = [((-128, -(1 << 53)), 1), ((-1, 1 << 53), 1), ((127, 614_454_277), 1)];
    assert_eq!(counted(&confusion), want.into());
}

#[test]
fn more_pairs_than_the_table_starts_with() {
    let mut confusion = Confusion::default();
    let kinds = Kinds { target: Kind::I32, pred: Kind::I32 };
    let many: Vec<i64> = (0..TILE as i64).map(|i| i * 1_000).collect();
    stage(confusion.target.bytes_mut(), Kind::I32, &many);
    stage(confusion.pred.bytes_mut(), Kind::I32, &many);
    assert_eq!(confusion.count(kinds, TILE, false, None), Ok(()));
    confusion.finish(kinds, None);
    assert_eq!(counted(&confusion), many.iter().map(|&label| ((label, label), 1)).collect());
}

#[test]
fn an_entry_that_is_no_integer_is_named_unless_it_is_left_out() {
    let mut confusion = Confusion::default();
    let kinds = Kinds { target: Kind::F32, pred: Kind::F32 };
    let mut put = |target: [f32; 2], pred: [f32; 2], ignore| {
        confusion.clear();
        for i in 0..2 {
            confusion.target.bytes_mut()[4 * i..][..4].copy_from_slice(&target[i].to_le_bytes());
            confusion.pred.bytes_mut()[4 * i..][..4].copy_from_slice(&pred[i].to_le_bytes());
            confusion.mask[i] = i as u8;
        }
        confusion.count(kinds, 2, true, ignore)
    };
    assert_eq!(put([f32::NAN, 1.0], [0.5, 1.0], None), Ok(()));
    assert_eq!(put([0.0, 0.5], [0.0, 1.0], None), Err(Bad::Target(1)));
    assert_eq!(put([0.0, 1.0], [0.0, f32::INFINITY], None), Err(Bad::Pred(1)));
    assert_eq!(put([0.0, 1.0], [0.0, f32::NAN], Some(1)), Ok(()));
}
