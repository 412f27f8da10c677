//! The only door to JavaScript: numbers in, numbers out; addresses of buffers for the caller to read and write, valid
//! until the next call.

use crate::boundary::{Directed, Surface, surface_distances};
use crate::components::{Component, Connectivity, components};
use crate::confusion::{self, Bad, Kinds};
use crate::distance::{Dims, squared_distances};
use crate::entry::{Kind, Staging};
use crate::loss::{Grid, Leave, Plane};
use crate::volume::{self, PRED, TARGET, zeros};
use wasm_bindgen::prelude::wasm_bindgen;

fn address<T>(buffer: &[T]) -> u32 {
    buffer.as_ptr() as u32
}

/// Counts of pairs of labels; data streams through in tiles.
#[wasm_bindgen]
#[derive(Default)]
pub struct PairCounts(confusion::Confusion);

fn kinds(target: u32, pred: u32) -> Kinds {
    Kinds { target: Kind::from_code(target), pred: Kind::from_code(pred) }
}

#[wasm_bindgen]
impl PairCounts {
    #[wasm_bindgen(constructor)]
    pub fn new() -> Self {
        Self::default()
    }
    pub fn tile() -> usize {
        confusion::TILE
    }
    pub fn target(&self) -> u32 {
        address(self.0.target.bytes())
    }
    pub fn pred(&self) -> u32 {
        address(self.0.pred.bytes())
    }
    pub fn mask(&self) -> u32 {
        address(&self.0.mask)
    }
    pub fn clear(&mut self) {
        self.0.clear();
    }
    /// −1, or twice the position of the first entry that is no integer, plus 1 where it is the prediction's.
    pub fn count(&mut self, target: u32, pred: u32, pixels: usize, masked: bool, ignores: bool, ignore: f64) -> i32 {
        match self.0.count(kinds(target, pred), pixels, masked, ignores.then_some(ignore as i64)) {
            Ok(()) => -1,
            Err(Bad::Target(at)) => 2 * at as i32,
            Err(Bad::Pred(at)) => 2 * at as i32 + 1,
        }
    }
    /// Lists what was counted; how many numbers the list has.
    pub fn finish(&mut self, target: u32, pred: u32, ignores: bool, ignore: f64) -> usize {
        self.0.finish(kinds(target, pred), ignores.then_some(ignore as i64));
        self.0.triples.len()
    }
    pub fn triples(&self) -> u32 {
        address(&self.0.triples)
    }
}

/// Two masks over one grid and what was last measured of them.
#[wasm_bindgen]
pub struct MaskPair {
    volume: volume::Volume,
    staging: Staging,
    directed: [Directed; 2],
    components: Vec<Component>,
    squared: Vec<f64>,
}

/// Entries staged at once.
const STAGED: usize = 65_536;

#[wasm_bindgen]
impl MaskPair {
    /// Nothing where memory does not suffice.
    pub fn of(depth: usize, height: usize, width: usize) -> Option<MaskPair> {
        let dims: Dims = [depth, height, width];
        Some(Self {
            volume: volume::Volume::new(dims)?,
            staging: Staging::new(STAGED),
            directed: Default::default(),
            components: Vec::new(),
            squared: Vec::new(),
        })
    }
    pub fn staged() -> usize {
        STAGED
    }
    pub fn staging(&self) -> u32 {
        address(self.staging.bytes())
    }
    /// −1, or the position in the staged entries of the first that is no integer.
    pub fn mark(&mut self, kind: u32, at: usize, count: usize, label: f64, target: bool) -> i32 {
        let bit = if target { TARGET } else { PRED };
        let marked = self.volume.mark(Kind::from_code(kind), self.staging.bytes(), at, count, label as i64, bit);
        marked.map_or_else(|at| at as i32, |()| -1)
    }
    /// Whether memory sufficed. Spacing along each axis, the last varying fastest.
    pub fn measure_surfaces(&mut self, flat: bool, surfels: bool, z: f64, y: f64, x: f64) -> bool {
        let surface = if surfels { Surface::Surfels } else { Surface::Voxels };
        let measured = surface_distances(&self.volume, flat, [z, y, x], surface);
        let sufficed = measured.is_some();
        self.directed = measured.unwrap_or_default();
        sufficed
    }
    /// `side`: 0 from the prediction, 1 from the target.
    pub fn elements(&self, side: usize) -> usize {
        self.directed[side].distances.len()
    }
    pub fn distances(&self, side: usize) -> u32 {
        address(&self.directed[side].distances)
    }
    pub fn weights(&self, side: usize) -> u32 {
        address(&self.directed[side].weights)
    }
    /// Finds the components of a mask and tells how many there are. `connectivity`: 0 faces, 1 edges, 2 corners.
    pub fn find_components(&mut self, target: bool, connectivity: u32) -> usize {
        let connectivity = match connectivity {
            0 => Connectivity::Faces,
            1 => Connectivity::Edges,
            _ => Connectivity::Corners,
        };
        self.components = components(&self.volume, if target { TARGET } else { PRED }, connectivity);
        self.components.len()
    }
    /// How many of the components found the other mask covers: by a voxel, and by that fraction of theirs.
    pub fn covered_components(&self, fraction: f64) -> usize {
        let enough = |c: &&Component| c.covered > 0 && c.covered as f64 / c.voxels as f64 >= fraction;
        self.components.iter().filter(enough).count()
    }
    /// Squared distance of every voxel to the target's mask; the address, 0 where memory does not suffice.
    pub fn distance_transform(&mut self, z: f64, y: f64, x: f64) -> u32 {
        let Some(squared) = zeros(self.volume.voxels.len()) else { return 0 };
        self.squared = squared;
        squared_distances(&self.volume.voxels, TARGET, self.volume.dims, [z, y, x], &mut self.squared);
        address(&self.squared)
    }
}

/// One class of one sample for a loss. Whoever writes to its buffers asks for their addresses again after each call.
#[wasm_bindgen]
pub struct LossPlane {
    plane: Plane,
    sums: Vec<f64>,
}

fn leave(terms: bool) -> Leave {
    if terms { Leave::Terms } else { Leave::Slopes }
}

#[wasm_bindgen]
impl LossPlane {
    /// Nothing where memory does not suffice.
    pub fn of(rank: usize, depth: usize, height: usize, width: usize, weighted: bool) -> Option<LossPlane> {
        let plane = Plane::new(Grid { dims: [depth, height, width], rank }, weighted)?;
        Some(Self { plane, sums: Vec::new() })
    }
    pub fn values(&self) -> u32 {
        address(&self.plane.values)
    }
    pub fn truths(&self) -> u32 {
        address(&self.plane.truths)
    }
    pub fn weights(&self) -> u32 {
        address(&self.plane.weights)
    }
    /// 0 where memory does not suffice.
    pub fn distances(&mut self) -> u32 {
        if self.plane.reserve_distances() { address(&self.plane.distances) } else { 0 }
    }
    /// Finds the distances; whether memory sufficed.
    pub fn measure(&mut self, z: f64, y: f64, x: f64) -> bool {
        self.plane.measure([z, y, x])
    }
    pub fn boundary(&mut self, inner: f64, terms: bool) -> f64 {
        self.plane.boundary(inner, leave(terms))
    }
    /// Nothing where memory does not suffice.
    pub fn hausdorff(&mut self, z: f64, y: f64, x: f64, alpha: f64, terms: bool) -> Option<f64> {
        self.plane.hausdorff([z, y, x], alpha, leave(terms))
    }
    /// The address of the sums; 0 where memory does not suffice.
    pub fn cl_dice_sums(&mut self, iterations: usize) -> u32 {
        let Some(sums) = self.plane.cl_dice_sums(iterations) else { return 0 };
        self.sums = sums.to_vec();
        address(&self.sums)
    }
    /// Whether memory sufficed.
    pub fn cl_dice_slopes(&mut self, iterations: usize, tp: f64, p: f64, other: f64) -> bool {
        self.plane.cl_dice_slopes(iterations, tp, p, other)
    }
}
