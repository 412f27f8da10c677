//! Ranks the errors of one group, largest first, in time proportional to their number; ties by position.

use super::{OUT, SOFT};
use alloc::vec;
use alloc::vec::Vec;

const DIGIT: u32 = 11;
const BUCKETS: usize = 1 << DIGIT;
const PASSES: usize = 3;
const SIZE: u32 = 0x7fff_ffff;

/// Room for the errors of a group. The sign bit of an error is its element's target.
#[derive(Default)]
pub struct Order {
    pub errors: Vec<f32>,
    pub weights: Vec<f32>,
    /// The weighted number of elements whose target is 1, of the last group ranked.
    pub mass: f64,
    /// From the high bits: rank of the error, target, position.
    keys: Vec<u64>,
    spare: Vec<u64>,
}

impl Order {
    /// Makes room for so many errors. Never shrinks.
    pub fn reserve(&mut self, errors: usize, weighted: bool) {
        if self.errors.len() < errors {
            self.errors = vec![0.0; errors];
        }
        if weighted && self.weights.len() < errors {
            self.weights = vec![0.0; errors];
        }
    }

    /// The Lovász extension of the Jaccard loss of `errors`, and its slopes in their place.
    ///
    /// Formula: Σ e·Δ over the errors, largest first; Δ is what the element adds to 1 − I/U, where I is the weight of the
    /// targets not yet met, U that of all targets and of the others met.
    /// Error: the position of an element whose target is neither 0 nor 1.
    pub fn lovasz(&mut self, errors: usize, weighted: bool) -> Result<f64, usize> {
        self.rank(errors, weighted)?;
        let (mut inside, mut union, mut before, mut loss) = (self.mass, self.mass, 0.0, 0.0);
        for &key in &self.keys {
            let at = (key as u32 & SIZE) as usize;
            let target = key & (1 << 31) != 0;
            let error = f32::from_bits(!((key >> 32) as u32) & SIZE);
            let w = if weighted { f64::from(self.weights[at]) } else { 1.0 };
            if target {
                inside -= w;
            } else {
                union += w;
            }
            let jaccard = 1.0 - inside / union;
            let delta = jaccard - before;
            before = jaccard;
            loss += f64::from(error) * delta;
            if error > 0.0 {
                self.errors[at] = if target { -delta as f32 } else { delta as f32 };
            }
        }
        if loss.is_nan() {
            for &key in &self.keys {
                self.errors[(key as u32 & SIZE) as usize] = f32::NAN;
            }
        }
        Ok(loss)
    }

    /// Fills `keys`, sorted by falling error, and sets every error to 0.
    ///
    /// Least digit first; the first pass takes the keys from the errors themselves, and a digit that all have in common
    /// is passed over.
    fn rank(&mut self, errors: usize, weighted: bool) -> Result<(), usize> {
        let Self { errors: all, weights, mass, keys, spare } = self;
        let all = &mut all[..errors];
        let mut counts = vec![[0_u32; BUCKETS]; PASSES];
        let mut length = 0;
        *mass = 0.0;
        for (at, &e) in all.iter().enumerate() {
            let bits = e.to_bits();
            if e.is_infinite() {
                if e == SOFT {
                    return Err(at);
                }
                continue;
            }
            length += 1;
            if bits > SIZE {
                *mass += if weighted { f64::from(weights[at]) } else { 1.0 };
            }
            let rank = !bits & SIZE;
            for (pass, counts) in counts.iter_mut().enumerate() {
                counts[digit(rank, pass)] += 1;
            }
        }
        keys.resize(length, 0);
        spare.resize(length, 0);
        for (pass, starts) in counts.iter_mut().enumerate() {
            if pass > 0 && starts.iter().any(|&count| count as usize == length) {
                continue;
            }
            let mut next = 0;
            for start in starts.iter_mut() {
                next += core::mem::replace(start, next);
            }
            let mut place = |key: u64| {
                let start = &mut starts[digit((key >> 32) as u32, pass)];
                spare[*start as usize] = key;
                *start += 1;
            };
            if pass == 0 {
                for (at, e) in all.iter_mut().enumerate() {
                    let bits = core::mem::replace(e, 0.0).to_bits();
                    if bits != OUT.to_bits() {
                        place(u64::from(!bits & SIZE) << 32 | u64::from(bits & !SIZE) | at as u64);
                    }
                }
            } else {
                keys.iter().copied().for_each(&mut place);
            }
            core::mem::swap(keys, spare);
        }
        Ok(())
    }

    /// Selects what is above `above`, and of the rest the largest until there are `least`: 1 in its place, else 0.
    /// Returns how many.
    pub fn select(&mut self, errors: usize, least: usize, above: f32) -> usize {
        let errors = &mut self.errors[..errors];
        let size = |e: f32| e.to_bits() & SIZE;
        let above = size(above);
        let harder = errors.iter().filter(|e| size(**e) > above).count();
        let (floor, mut ties) = if harder >= least { (above, 0) } else { kth_largest(errors, least.min(errors.len())) };
        let mut selected = 0;
        for e in errors {
            let tie = size(*e) == floor && ties > 0;
            ties -= usize::from(tie);
            let taken = tie || size(*e) > floor;
            selected += usize::from(taken);
            *e = f32::from(u8::from(taken));
        }
        selected
    }
}

#[inline(always)]
fn digit(rank: u32, pass: usize) -> usize {
    (rank >> (DIGIT * pass as u32)) as usize & (BUCKETS - 1)
}

/// The size of the k-th largest error, and how many of that size are among the k largest. k ≥ 1.
fn kth_largest(errors: &[f32], k: usize) -> (u32, usize) {
    let (mut prefix, mut left) = (0, k);
    // Below this bit the prefix is not yet known.
    let mut shift = PASSES as u32 * DIGIT;
    while shift > 0 {
        shift -= DIGIT;
        let mut counts = vec![0_usize; BUCKETS];
        for e in errors {
            let bits = u64::from(e.to_bits() & SIZE);
            if bits >> (shift + DIGIT) == prefix {
                counts[(bits >> shift) as usize & (BUCKETS - 1)] += 1;
            }
        }
        let mut digit = BUCKETS - 1;
        while counts[digit] < left && digit > 0 {
            left -= counts[digit];
            digit -= 1;
        }
        prefix = prefix << DIGIT | digit as u64;
    }
    (prefix as u32, left)
}
