//! How often each pair (label in the target, label in the prediction) occurs.
//!
//! Two arrays of bytes go straight into a table of all pairs: no label is looked up, whatever the classes are.
//! So do labels 0…255 of every other type. Pairs with a label beyond those go into a hash table, a run of equal pairs
//! at a time, so that labels may be any integers at all. The table's counters are u32, half the memory in the caches; they are added to the hash table's u64 before they could overflow.
#![forbid(unsafe_code)]

use crate::entry::{Kind, NO_LABEL, Staging, read_labels};

/// Pixels of a tile: as bytes, both labels and the mask fit the first-level cache beside the counters in use.
pub const TILE: usize = 8_192;
/// Pixels looked at together: where they are all alike, as nearly everywhere in a label map, one addition counts them.
const BLOCK: usize = 16;
/// Bits that are 0 where all bytes are 0 or 1: such a block is counted by its bits.
const BEYOND_ONE: u64 = 0xFEFE_FEFE_FEFE_FEFE;
/// Counters of a pair. Neighbouring pixels use different ones: an addition would otherwise wait for the store of the
/// one before. They share a cache line.
const WAYS: usize = 4;
type Ways = [u32; WAYS];
/// Counters between two rows of the table. With 256, all pairs of one predicted label would lie 4 KiB apart, where
/// loads wait for stores to other rows.
const ROW: usize = 257;
/// Every pair of bytes.
const PAIRS: usize = 256 * ROW;

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
    table: Vec<Ways>,
    /// All bits of the bytes met: bounds the part of the table in use.
    seen: (u8, u8),
    /// At most how many pixels a counter of the table holds.
    held: usize,
    pairs: PairTable,
    labels: (Vec<i64>, Vec<i64>),
}

impl Default for Confusion {
    fn default() -> Self {
        Self {
            target: Staging::new(TILE),
            pred: Staging::new(TILE),
            mask: vec![1; TILE],
            triples: Vec::new(),
            table: vec![Ways::default(); PAIRS],
            seen: (0, 0),
            held: 0,
            pairs: PairTable::default(),
            labels: (vec![0; TILE], vec![0; TILE]),
        }
    }
}

impl Confusion {
    /// Forgets what was counted.
    pub fn clear(&mut self) {
        self.for_each_pair(|_, _, _| ());
        self.pairs = PairTable::default();
        self.triples.clear();
    }

    /// Hands over the counters of the table, and sets them to 0.
    fn for_each_pair(&mut self, mut use_count: impl FnMut(u8, u8, u64)) {
        for (target, row) in (0..=self.seen.0).zip(self.table.chunks_exact_mut(ROW)) {
            for (pred, ways) in (0..=self.seen.1).zip(row) {
                let count = core::mem::take(ways).iter().map(|&way| u64::from(way)).sum();
                use_count(target, pred, count);
            }
        }
        (self.seen, self.held) = ((0, 0), 0);
    }

    /// Adds the counters of the table to the hash table.
    fn drain(&mut self, kinds: Kinds) {
        let mut pairs = core::mem::take(&mut self.pairs);
        self.for_each_pair(|t, p, count| pairs.add((kinds.target.of_byte(t), kinds.pred.of_byte(p)), count));
        self.pairs = pairs;
    }

    /// Counts the first `pixels` of the staged tile. Where the mask is 0 neither label is looked at; where the target
    /// is `ignore` the predicted one is not.
    pub fn count(&mut self, kinds: Kinds, pixels: usize, masked: bool, ignore: Option<i64>) -> Result<(), Bad> {
        if self.held > u32::MAX as usize - pixels {
            self.drain(kinds);
        }
        self.held += pixels;
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
        count_labels(&mut self.table, &mut self.seen, &mut self.pairs, (target, pred), mask, ignore)
    }

    /// Lists what was counted, without pairs of `ignore` in the target.
    pub fn finish(&mut self, kinds: Kinds, ignore: Option<i64>) {
        self.drain(kinds);
        let counted = self.pairs.slots.iter().filter(|((target, _), count)| *count > 0 && ignore != Some(*target));
        self.triples.clear();
        self.triples.extend(counted.flat_map(|&((target, pred), count)| [target as f64, pred as f64, count as f64]));
    }
}

/// A block as two words.
#[inline(always)]
fn words(block: &[u8; BLOCK]) -> [u64; 2] {
    let (halves, _) = block.as_chunks::<8>();
    [u64::from_le_bytes(halves[0]), u64::from_le_bytes(halves[1])]
}

/// Whether all bytes of a block are the same.
#[inline(always)]
fn uniform([low, high]: [u64; 2]) -> bool {
    low == high && low == low.rotate_left(8)
}

/// All bits of the eight bytes together.
fn folded(word: u64) -> u8 {
    word.to_le_bytes().into_iter().fold(0, |all, byte| all | byte)
}

#[inline(always)]
fn index(target: u8, pred: u8) -> usize {
    usize::from(target) * ROW + usize::from(pred)
}

#[inline(never)]
fn count_bytes(table: &mut [Ways], target: &[u8], pred: &[u8]) -> (u8, u8) {
    // Known to the compiler as covering every index: no bounds check in the loops.
    let Some(table) = table.first_chunk_mut::<PAIRS>() else { return (0, 0) };
    let mut seen = (0, 0);
    // Of blocks that hold nothing but 0 and 1.
    let (mut binary, mut trues, mut predicted, mut both) = (0, 0, 0, 0);
    let (target_blocks, target_rest) = target.as_chunks::<BLOCK>();
    let (pred_blocks, pred_rest) = pred.as_chunks::<BLOCK>();
    for (t, p) in target_blocks.iter().zip(pred_blocks) {
        let (target_words, pred_words) = (words(t), words(p));
        seen = (seen.0 | target_words[0] | target_words[1], seen.1 | pred_words[0] | pred_words[1]);
        if uniform(target_words) && uniform(pred_words) {
            table[index(t[0], p[0])][0] += BLOCK as u32;
            continue;
        }
        if (target_words[0] | target_words[1] | pred_words[0] | pred_words[1]) & BEYOND_ONE == 0 {
            for (t, p) in target_words.into_iter().zip(pred_words) {
                trues += t.count_ones();
                predicted += p.count_ones();
                both += (t & p).count_ones();
            }
            binary += BLOCK as u32;
            continue;
        }
        for i in 0..BLOCK {
            table[index(t[i], p[i])][i % WAYS] += 1;
        }
    }
    table[index(1, 1)][0] += both;
    table[index(1, 0)][0] += trues - both;
    table[index(0, 1)][0] += predicted - both;
    table[index(0, 0)][0] += binary + both - trues - predicted;
    let mut seen = (folded(seen.0), folded(seen.1));
    for (&t, &p) in target_rest.iter().zip(pred_rest) {
        table[index(t, p)][0] += 1;
        seen = (seen.0 | t, seen.1 | p);
    }
    seen
}

#[inline(never)]
fn count_masked_bytes(table: &mut [Ways], target: &[u8], pred: &[u8], mask: &[u8]) -> (u8, u8) {
    let Some(table) = table.first_chunk_mut::<PAIRS>() else { return (0, 0) };
    let mut seen = (0, 0);
    for (i, ((&t, &p), &m)) in target.iter().zip(pred).zip(mask).enumerate() {
        // Added without a branch, which masks with ragged edges would mispredict.
        table[index(t, p)][i % WAYS] += u32::from(m != 0);
        seen = (seen.0 | t, seen.1 | p);
    }
    seen
}

#[inline(never)]
fn count_labels(
    table: &mut [Ways],
    seen: &mut (u8, u8),
    pairs: &mut PairTable,
    (target, pred): (&[i64], &[i64]),
    mask: Option<&[u8]>,
    ignore: Option<i64>,
) -> Result<(), Bad> {
    let (mut current, mut run) = ((0, 0), 0);
    for (i, (&t, &p)) in target.iter().zip(pred).enumerate() {
        if mask.is_some_and(|mask| mask[i] == 0) || ignore == Some(t) {
            continue;
        }
        if let (Ok(t), Ok(p)) = (u8::try_from(t), u8::try_from(p)) {
            table[index(t, p)][i % WAYS] += 1;
            *seen = (seen.0 | t, seen.1 | p);
            continue;
        }
        if t == NO_LABEL {
            return Err(Bad::Target(i));
        }
        if p == NO_LABEL {
            return Err(Bad::Pred(i));
        }
        if (t, p) != current {
            pairs.add(current, run);
            (current, run) = ((t, p), 0);
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
