//! The one block of memory a tile lives in, and the geometry of the tile in hand.
//!
//! Data streams through in tiles, so memory is constant: a caller's volume never enters it whole. Planes hold a tile
//! channel by channel; plane k of a buffer starts at `k·stride`.

use crate::lanes::LabelQuad;
use crate::simd::{LANES, Quad};
use crate::sums::BLOCK;

/// Floats of one buffer for ordinary channel counts (256 KiB).
const CAPACITY: usize = 65_536;
/// The longest tile: one channel's planes then fit the first- and second-level caches together.
const LONGEST: usize = 4_096;
/// Rows of a table slot: a kernel's constants per channel.
pub const TABLE_ROWS: usize = 8;

/// Pixels of a tile of so many channels: fixed by the channels alone, so that results do not depend on who computes.
pub fn tile_pixels(channels: usize) -> usize {
    let fit = (CAPACITY / channels.max(1)).min(LONGEST);
    let whole = if fit >= BLOCK * LANES { BLOCK * LANES } else { LANES };
    (fit / whole * whole).max(LANES)
}

/// Vectors between two planes. Long planes are kept off a power of two, which would put every plane's same pixel in
/// the same cache set.
pub fn stride(channels: usize) -> usize {
    let vectors = tile_pixels(channels) / LANES;
    if vectors >= BLOCK && channels > 1 { vectors + 4 } else { vectors }
}

/// How a tile's target is held.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// Class index per pixel, in `labels`.
    Labels,
    /// One plane a channel, in `target`.
    Dense,
}

/// How a tile's weights are held.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Weights {
    /// All 1.
    None,
    /// In `weight`, one a pixel; 0 where masked or ignored.
    Pixel,
    /// In `element`, one a pixel and channel.
    Element,
}

/// What the prediction is read as.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    None,
    Sigmoid,
    Softmax,
}

/// Geometry and form of the tile in hand.
#[derive(Clone, Copy)]
pub struct Tile {
    pub pixels: usize,
    pub channels: usize,
    /// Vectors of a plane in use; the last may be partly padding, which then has weight 0.
    pub vectors: usize,
    pub stride: usize,
    pub target: Target,
    pub weights: Weights,
    pub activation: Activation,
    /// Whether `mask` holds 0 and 1 (else every pixel counts).
    pub masked: bool,
    /// Whether `element` holds 0 and 1 for elements taken out one by one.
    pub element_masked: bool,
}

impl Tile {
    /// Vector range of plane `k`.
    #[inline(always)]
    pub fn plane(&self, k: usize) -> core::ops::Range<usize> {
        k * self.stride..k * self.stride + self.vectors
    }

    /// Position of pixel 0 of plane `k` among the floats of a buffer.
    #[inline(always)]
    pub fn offset(&self, k: usize) -> usize {
        k * self.stride * LANES
    }
}

/// All buffers. Those with one plane a channel: `values`, `act`, `aux`, `grad`, `merged`, `target`,
/// `element`.
pub struct Workspace {
    pub tile: Tile,
    /// Logits or probabilities as they came.
    pub values: Vec<Quad>,
    /// Sigmoid: the signed tail of p. Softmax and none: p.
    pub act: Vec<Quad>,
    /// Sigmoid: exp(−|z|). Elsewhere scratch.
    pub aux: Vec<Quad>,
    pub grad: Vec<Quad>,
    /// The gradients of the groups done so far, where a compound has several.
    pub merged: Vec<Quad>,
    pub target: Vec<Quad>,
    pub element: Vec<Quad>,
    pub labels: Vec<LabelQuad>,
    pub mask: Vec<Quad>,
    pub weight: Vec<Quad>,
    /// Softmax: the largest logit; Σ exp(z − largest) over the others; the largest p; the sum of the other p.
    pub top: Vec<Quad>,
    pub others: Vec<Quad>,
    pub peak: Vec<Quad>,
    pub rest: Vec<Quad>,
    /// Per-pixel scratch.
    pub factor: Vec<Quad>,
    pub picked: Vec<Quad>,
    /// Bytes in the caller's own type or layout.
    pub staging: Vec<u8>,
    /// `TABLE_ROWS` rows of one float a channel, for each slot.
    pub table: Vec<f32>,
    /// Results: `TABLE_ROWS` rows of one f64 a channel.
    pub totals: Vec<f64>,
}

const ZERO: Quad = [0.0; LANES];

impl Workspace {
    pub fn new() -> Self {
        let tile = Tile {
            pixels: 0,
            channels: 1,
            vectors: 0,
            stride: 0,
            target: Target::Dense,
            weights: Weights::None,
            activation: Activation::None,
            masked: false,
            element_masked: false,
        };
        let plane = || vec![ZERO; LONGEST / LANES];
        let mut workspace = Self {
            tile,
            values: Vec::new(),
            act: Vec::new(),
            aux: Vec::new(),
            grad: Vec::new(),
            merged: Vec::new(),
            target: Vec::new(),
            element: Vec::new(),
            labels: vec![[0; LANES]; LONGEST / LANES],
            mask: plane(),
            weight: plane(),
            top: plane(),
            others: plane(),
            peak: plane(),
            rest: plane(),
            factor: plane(),
            picked: plane(),
            staging: Vec::new(),
            table: Vec::new(),
            totals: Vec::new(),
        };
        workspace.reserve(1, 1);
        workspace
    }

    /// Makes room for tiles of `channels` and for `slots` tables. Never shrinks.
    pub fn reserve(&mut self, channels: usize, slots: usize) {
        let vectors = channels * stride(channels);
        if self.values.len() < vectors {
            for buffer in [
                &mut self.values,
                &mut self.act,
                &mut self.aux,
                &mut self.grad,
                &mut self.merged,
                &mut self.target,
                &mut self.element,
            ] {
                *buffer = vec![ZERO; vectors];
            }
            self.staging = vec![0; vectors * size_of::<Quad>()];
        }
        let row = TABLE_ROWS * channels;
        if self.table.len() < row * slots {
            self.table = vec![0.0; row * slots];
        }
        if self.totals.len() < row {
            self.totals = vec![0.0; row];
        }
    }

    /// Starts a tile: every pixel counts until `mask`, `labels`, `dense` or `weights` say otherwise.
    pub fn begin(&mut self, pixels: usize, channels: usize, activation: Activation) {
        let vectors = pixels.div_ceil(LANES);
        self.tile = Tile {
            pixels,
            channels,
            vectors,
            stride: stride(channels),
            target: Target::Dense,
            weights: Weights::None,
            activation,
            masked: false,
            element_masked: false,
        };
        // Padding lanes get weight 0, so kernels need no tails.
        if pixels < vectors * LANES {
            self.mask_all_but_padding();
        }
    }

    /// Turns the mask on: 1 for every pixel, 0 for padding.
    pub fn mask_all_but_padding(&mut self) {
        let tile = &mut self.tile;
        let floats = self.mask[..tile.vectors].as_flattened_mut();
        floats[..tile.pixels].fill(1.0);
        floats[tile.pixels..].fill(0.0);
        tile.masked = true;
    }

    /// Gives a tile without weights a plane of ones, for kernels that exist only with weights.
    pub fn with_weight_plane(&mut self) {
        if self.tile.weights == Weights::None {
            self.weight[..self.tile.vectors].fill([1.0; LANES]);
        }
    }

    /// The constants of table slot `slot`: row r, channel k is at `r·channels + k`.
    pub fn slot(table: &[f32], channels: usize, slot: usize) -> &[f32] {
        let row = TABLE_ROWS * channels;
        &table[slot * row..(slot + 1) * row]
    }

    /// The weights of plane `k`, after `with_weight_plane`.
    #[inline(always)]
    pub fn weight_plane<'a>(tile: &Tile, weight: &'a [Quad], element: &'a [Quad], k: usize) -> &'a [Quad] {
        Self::weights_of(tile, weight, element, k).unwrap_or(&weight[..tile.vectors])
    }

    /// The weights of plane `k`, or `None` where all are 1.
    #[inline(always)]
    pub fn weights_of<'a>(tile: &Tile, weight: &'a [Quad], element: &'a [Quad], k: usize) -> Option<&'a [Quad]> {
        match tile.weights {
            Weights::None => None,
            Weights::Pixel => Some(&weight[..tile.vectors]),
            Weights::Element => Some(&element[tile.plane(k)]),
        }
    }
}

impl Default for Workspace {
    fn default() -> Self {
        Self::new()
    }
}
