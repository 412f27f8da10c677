//! Losses of one class of one sample, that need it whole: a loss gives its sums, and the slopes ∂L/∂p of its gradient.
#![forbid(unsafe_code)]

mod boundary;
mod cl_dice;
mod hausdorff;
mod skeleton;

pub use skeleton::{Grid, Skeleton};

use crate::distance::{Dims, Spacing, squared_distances};
use crate::volume::zeros;

/// What stands for a pixel that does not count: neither target nor background, and outside the image to its
/// neighbours.
pub const OUT: f32 = f32::INFINITY;
/// From which on a value marks a pixel of the class; MONAI's.
const THRESHOLD: f32 = 0.5;

const BACKGROUND: u8 = 1;
const CLASS: u8 = 2;

/// The elements of one class of one sample.
pub struct Plane {
    pub grid: Grid,
    /// p, or p − g (as the loss says), `OUT` where the pixel does not count; then what the loss left there.
    pub values: Vec<f32>,
    /// g; what it is where the pixel does not count is never looked at.
    pub truths: Vec<f32>,
    /// Empty: all 1.
    pub weights: Vec<f32>,
    /// Signed distances to the target's border: see [`Plane::measure`].
    pub distances: Vec<f32>,
}

/// What a loss leaves in `values`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Leave {
    /// The derivative with respect to p.
    Slopes,
    /// The summands of the loss.
    Terms,
}

impl Plane {
    /// None where memory does not suffice.
    pub fn new(grid: Grid, weighted: bool) -> Option<Self> {
        let length = grid.dims.iter().product();
        Some(Self {
            grid,
            values: zeros(length)?,
            truths: zeros(length)?,
            weights: zeros(if weighted { length } else { 0 })?,
            distances: Vec::new(),
        })
    }

    /// Room for distances; whether memory sufficed.
    pub fn reserve_distances(&mut self) -> bool {
        if self.distances.is_empty() {
            let Some(distances) = zeros(self.values.len()) else { return false };
            self.distances = distances;
        }
        true
    }

    /// The signed distances of the target: of a pixel beyond it that to the nearest pixel of it, of one in it minus that to
    /// the nearest one that is not. 0 where the pixel does not count, and everywhere if either kind is missing. Whether
    /// memory sufficed.
    pub fn measure(&mut self, spacing: Spacing) -> bool {
        let Some(mut codes) = zeros(self.values.len()) else { return false };
        for ((code, &value), &g) in codes.iter_mut().zip(&self.values).zip(&self.truths) {
            *code = code_of(value, g);
        }
        if !self.reserve_distances() {
            return false;
        }
        let distances = &mut self.distances;
        // Where a pixel does not count nothing is handed over.
        distances.fill(0.0);
        for_each_distance(&codes, self.grid.dims, spacing, |i, d2| {
            let d = d2.sqrt() as f32;
            distances[i] = if codes[i] == CLASS { 0.0 - d } else { d };
        })
    }

    fn weight(&self, i: usize) -> f64 {
        self.weights.get(i).map_or(1.0, |&w| f64::from(w))
    }
}

fn code_of(value: f32, x: f32) -> u8 {
    match value == OUT {
        true => 0,
        false if x > THRESHOLD => CLASS,
        false => BACKGROUND,
    }
}

/// Hands over the squared distance of every pixel of one kind to the nearest of the other; 0 of all if either is missing.
/// Whether memory sufficed.
fn for_each_distance(codes: &[u8], dims: Dims, spacing: Spacing, mut found: impl FnMut(usize, f64)) -> bool {
    if !codes.contains(&CLASS) || !codes.contains(&BACKGROUND) {
        (0..codes.len()).for_each(|i| found(i, 0.0));
        return true;
    }
    let Some(mut squared) = zeros(codes.len()) else { return false };
    for (from, to) in [(BACKGROUND, CLASS), (CLASS, BACKGROUND)] {
        squared_distances(codes, to, dims, spacing, &mut squared);
        for (i, &d2) in squared.iter().enumerate().filter(|&(i, _)| codes[i] == from) {
            found(i, d2);
        }
    }
    true
}
