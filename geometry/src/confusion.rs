//! How often each pair (label in the target, label in the prediction) occurs.
//!
//! Two arrays of bytes go straight into a table of all 65,536 pairs: no label is looked up, whatever the classes are.
//! Every other combination of types goes through a hash table of the pairs met, with the current run of equal pairs
//! kept out of it, so that labels may be any integers at all. Counts are u64: no total a machine can reach overflows.
#![forbid(unsafe_code)]

use crate::entry::{Kind, Staging, read_labels};

/// Pixels of a tile: as bytes, both labels and the mask fit the first-level cache beside the counters in use.
pub const TILE: usize = 8_192;
/// Pixels looked at together: where they are all alike, as nearly everywhere in a label map, one addition counts them.
const BLOCK: usize = 16;
/// Counters of a pair. Neighbouring pixels use different ones: an addition would otherwise wait for the store of the
/// one before. They share a cache line.
const WAYS: usize = 4;
/// Every pair of bytes.
const PAIRS: usize = 65_536;

/// Which of the two arrays holds an entry that is no integer, and where in the tile.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bad {
    Target(usize),
    Pred(usize),
}

/// The types of the two arrays.
#[derive(Clone, Copy)]
pub struct Kinds {
    pub target: Kind,
    pub pred: Kind,
}

pub struct Confusion {
    /// The tile's labels, as they lie in the caller's arrays.
    pub target: Staging,
    pub pred: Staging,
    /// 0 leaves the pixel out.
    pub mask: Vec<u8>,
    /// After `finish`: triples of target label, predicted label, count.
    pub triples: Vec<f64>,
    table: Vec<[u64; WAYS]>,
    /// All bits of the bytes met: bounds the part of the table in use.
    seen: (u8, u8),
    pairs: PairTable,
    labels: (Vec<Option<i64>>, Vec<Option<i64>>),
}

impl Default for Confusion {
    fn default() -> Self {
        Self {
            target: Staging::new(TILE),
            pred: Staging::new(TILE),
            mask: vec![1; TILE],
            triples: Vec::new(),
            table: vec![[0; WAYS]; PAIRS],
            seen: (0, 0),
            pairs: PairTable::default(),
            labels: (vec![None; TILE], vec![None; TILE]),
        }
    }
}

impl Confusion {
    /// Forgets what was counted.
    pub fn clear(&mut self) {
        for target in 0..=usize::from(self.seen.0) {
            self.table[target * 256..][..=usize::from(self.seen.1)].fill([0; WAYS]);
        }
        self.seen = (0, 0);
        self.pairs = PairTable::default();
        self.triples.clear();
    }

    /// Counts the first `pixels` of the staged tile. Where the mask is 0 neither label is looked at; where the target
    /// is `ignore` the predicted one is not.
    pub fn count(&mut self, kinds: Kinds, pixels: usize, masked: bool, ignore: Option<i64>) -> Result<(), Bad> {
        let mask = masked.then(|| &self.mask[..pixels]);
        if kinds.target.is_byte() && kinds.pred.is_byte() {
            let (target, pred) = (&self.target.bytes()[..pixels], &self.pred.bytes()[..pixels]);
            let seen = match mask {
                None => count_bytes(&mut self.table, target, pred),
                Some(mask) => count_masked_bytes(&mut self.table, target, pred, mask),
            };
            self.seen = (self.seen.0 | seen.0, self.seen.1 | seen.1);
            return Ok(());
        }
        let (target, pred) = (&mut self.labels.0[..pixels], &mut self.labels.1[..pixels]);
        read_labels(kinds.target, self.target.bytes(), target);
        read_labels(kinds.pred, self.pred.bytes(), pred);
        count_labels(&mut self.pairs, target, pred, mask, ignore)
    }

    /// Lists what was counted, without pairs of `ignore` in the target.
    pub fn finish(&mut self, kinds: Kinds, ignore: Option<i64>) {
        self.triples.clear();
        for (target, row) in (0..=self.seen.0).zip(self.table.chunks_exact(256)) {
            for (pred, ways) in (0..=self.seen.1).zip(row) {
                let pair = (kinds.target.of_byte(target), kinds.pred.of_byte(pred));
                push(&mut self.triples, pair, ways.iter().sum(), ignore);
            }
        }
        for &(pair, count) in &self.pairs.slots {
            push(&mut self.triples, pair, count, ignore);
        }
    }
}

fn push(triples: &mut Vec<f64>, (target, pred): (i64, i64), count: u64, ignore: Option<i64>) {
    if count > 0 && ignore != Some(target) {
        triples.extend([target as f64, pred as f64, count as f64]);
    }
}

/// The value all bytes of a block have, if they have one.
#[inline(always)]
fn uniform(block: &[u8; BLOCK]) -> Option<u8> {
    let (halves, _) = block.as_chunks::<8>();
    let (low, high) = (u64::from_le_bytes(halves[0]), u64::from_le_bytes(halves[1]));
    (low == high && low == low.rotate_left(8)).then_some(block[0])
}

#[inline(always)]
fn index(target: u8, pred: u8) -> usize {
    usize::from(target) << 8 | usize::from(pred)
}

#[inline(never)]
fn count_bytes(table: &mut [[u64; WAYS]], target: &[u8], pred: &[u8]) -> (u8, u8) {
    // Known to the compiler as covering every index: no bounds check in the loops.
    let Some(table) = table.first_chunk_mut::<PAIRS>() else { return (0, 0) };
    let mut seen = (0, 0);
    let (target_blocks, target_rest) = target.as_chunks::<BLOCK>();
    let (pred_blocks, pred_rest) = pred.as_chunks::<BLOCK>();
    for (t, p) in target_blocks.iter().zip(pred_blocks) {
        if let (Some(t), Some(p)) = (uniform(t), uniform(p)) {
            table[index(t, p)][0] += BLOCK as u64;
            seen = (seen.0 | t, seen.1 | p);
            continue;
        }
        for i in 0..BLOCK {
            table[index(t[i], p[i])][i % WAYS] += 1;
            seen = (seen.0 | t[i], seen.1 | p[i]);
        }
    }
    for (&t, &p) in target_rest.iter().zip(pred_rest) {
        table[index(t, p)][0] += 1;
        seen = (seen.0 | t, seen.1 | p);
    }
    seen
}

#[inline(never)]
fn count_masked_bytes(table: &mut [[u64; WAYS]], target: &[u8], pred: &[u8], mask: &[u8]) -> (u8, u8) {
    let Some(table) = table.first_chunk_mut::<PAIRS>() else { return (0, 0) };
    let mut seen = (0, 0);
    for (i, ((&t, &p), &m)) in target.iter().zip(pred).zip(mask).enumerate() {
        // Added without a branch, which masks with ragged edges would mispredict.
        table[index(t, p)][i % WAYS] += u64::from(m != 0);
        seen = (seen.0 | t, seen.1 | p);
    }
    seen
}

#[inline(never)]
fn count_labels(
    pairs: &mut PairTable,
    target: &[Option<i64>],
    pred: &[Option<i64>],
    mask: Option<&[u8]>,
    ignore: Option<i64>,
) -> Result<(), Bad> {
    let (mut current, mut run) = ((0, 0), 0);
    for (i, (t, p)) in target.iter().zip(pred).enumerate() {
        if mask.is_some_and(|mask| mask[i] == 0) {
            continue;
        }
        let t = t.ok_or(Bad::Target(i))?;
        if ignore == Some(t) {
            continue;
        }
        let pair = (t, p.ok_or(Bad::Pred(i))?);
        if pair != current {
            pairs.add(current, run);
            (current, run) = (pair, 0);
        }
        run += 1;
    }
    pairs.add(current, run);
    Ok(())
}

type Pair = (i64, i64);

/// Counts by pair: open addressing, at most half full. A slot with count 0 is free.
#[derive(Default)]
struct PairTable {
    slots: Vec<(Pair, u64)>,
    used: usize,
}

impl PairTable {
    fn add(&mut self, pair: Pair, count: u64) {
        if count == 0 {
            return;
        }
        if self.used * 2 >= self.slots.len() {
            self.grow();
        }
        let at = self.slot(pair);
        if self.slots[at].1 == 0 {
            self.used += 1;
        }
        self.slots[at] = (pair, self.slots[at].1 + count);
    }

    /// Where the pair is, or belongs.
    fn slot(&self, (target, pred): Pair) -> usize {
        let last = self.slots.len() - 1;
        let mixed =
            ((target as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ pred as u64).wrapping_mul(0xff51_afd7_ed55_8ccd);
        let mut at = (mixed >> 32) as usize & last;
        while self.slots[at].1 != 0 && self.slots[at].0 != (target, pred) {
            at = (at + 1) & last;
        }
        at
    }

    fn grow(&mut self) {
        let room = (self.slots.len() * 2).max(64);
        let old = core::mem::replace(&mut self.slots, vec![((0, 0), 0); room]);
        for (pair, count) in old.into_iter().filter(|slot| slot.1 != 0) {
            let at = self.slot(pair);
            self.slots[at] = (pair, count);
        }
    }
}
