//! All memory of the core, and the geometry of what is in hand.
//!
//! Data streams through in two steps, so memory is constant and a caller's volume never enters it whole: a *chunk* is
//! what the door copies in and out at once (second-level cache), a *tile* is the part of it that the stages work on
//! (first-level cache). A chunk lies as the caller's arrays do, channels first or last; a tile channel by channel.

use crate::chunk::{Chunk, Place};
use crate::entries::Kind;
use crate::lanes::LabelQuad;
use crate::pixel::PixelLoss;
use crate::segment::Ratio;
use crate::simd::{LANES, Quad};
use alloc::vec;
use alloc::vec::Vec;

/// Floats of one tile buffer for ordinary channel counts.
const TILE: usize = 2_048;
/// Floats of one chunk buffer for ordinary channel counts (256 KiB).
const CHUNK: usize = 65_536;
/// Most floats that are held, a little over 2^20 for the room between planes (4.1 MiB).
const HELD: usize = (1 << 20) + (1 << 15);
const LONGEST_TILE: usize = 1_024;
const LONGEST_CHUNK: usize = 16_384;
/// Shorter tiles cost more in starting a stage than they save; very many channels shorten them all the same.
const SHORTEST_TILE: usize = 64;
/// Rows of a table slot: a kernel's constants per channel.
pub const TABLE_ROWS: usize = 8;
/// Coefficients of the affine gradient.
pub const COEFFICIENTS: usize = 5;

/// Pixels of a tile of so many channels: fixed by the channels alone, so that results do not depend on who computes.
pub fn tile_pixels(channels: usize) -> usize {
    let channels = channels.max(1);
    let fit = (TILE / channels).min(LONGEST_TILE);
    if fit >= SHORTEST_TILE {
        fit / SHORTEST_TILE * SHORTEST_TILE
    } else {
        (CHUNK / channels / LANES * LANES).clamp(LANES, SHORTEST_TILE)
    }
}

/// Pixels of a chunk: whole tiles.
pub fn chunk_pixels(channels: usize) -> usize {
    let tile = tile_pixels(channels);
    ((CHUNK / channels.max(1)).min(LONGEST_CHUNK) / tile).max(1) * tile
}

/// Vectors from plane to plane, kept off a power of two, which would put every plane's same pixel in one cache set.
fn stride(pixels: usize, channels: usize) -> usize {
    let vectors = pixels / LANES;
    if channels > 1 && pixels >= SHORTEST_TILE { vectors + 4 } else { vectors }
}

/// Floats from plane to plane of a chunk.
pub fn chunk_stride(channels: usize) -> usize {
    stride(chunk_pixels(channels), channels) * LANES
}

/// How a tile's target is held.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// Class index per pixel, in `labels`.
    Labels,
    /// One plane a channel, in `target`.
    Dense,
}

/// How weights are given, or a tile's weights held.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Weights {
    /// All 1.
    None,
    /// One a pixel: in `weight`; 0 where masked or ignored.
    Pixel,
    /// One a pixel and channel: in `element`.
    Element,
}

/// What the prediction is read as.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    None,
    Sigmoid,
    Softmax,
}

/// What the chunks of a pass hold.
#[derive(Clone, Copy)]
pub struct Input {
    pub channels: usize,
    pub activation: Activation,
    /// Type of the target's entries.
    pub kind: Kind,
    /// Whether the target has an entry for each of the prediction's.
    pub dense: bool,
    pub masked: bool,
    pub weights: Weights,
    pub ignore: Option<f64>,
    /// Whether `values` hold what `act` was in an earlier pass, not the prediction.
    pub stored: bool,
    /// Pixels of each sample, where a chunk is one tile of many that have sums and coefficients of their own; else 0.
    pub segment: usize,
}

/// A pixel loss of the pass.
#[derive(Clone, Copy)]
pub struct Term {
    pub loss: PixelLoss,
    /// The loss's parameter, where it has one.
    pub exponent: f32,
    /// What its gradient is multiplied by.
    pub scale: f32,
}

/// Geometry and form of the tile in hand.
#[derive(Clone, Copy)]
pub struct Tile {
    /// First pixel, counted in the chunk.
    pub start: usize,
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
    /// Whether every g is known to be 0 or 1.
    pub hard: bool,
    /// Lanes that are no pixel or out, of which the direct ways make nothing (`blank`).
    pub blank: usize,
}

impl Tile {
    /// Vector range of plane `k`.
    #[inline(always)]
    pub fn plane(&self, k: usize) -> core::ops::Range<usize> {
        k * self.stride..k * self.stride + self.vectors
    }
}

/// All buffers. Those with one plane a channel: `values`, `act`, `aux`, `grad`, `target`, `element`.
pub struct Workspace {
    pub input: Input,
    pub terms: Vec<Term>,
    pub chunk: Chunk,
    pub tile: Tile,
    /// Logits or probabilities as they came.
    pub values: Vec<Quad>,
    /// Sigmoid: the signed tail of p. Softmax and none: p.
    pub act: Vec<Quad>,
    /// Sigmoid: exp(−|z|). Elsewhere scratch.
    pub aux: Vec<Quad>,
    pub grad: Vec<Quad>,
    pub target: Vec<Quad>,
    pub element: Vec<Quad>,
    pub labels: Vec<LabelQuad>,
    pub mask: Vec<Quad>,
    pub weight: Vec<Quad>,
    /// Softmax: the largest logit (of few classes, that of far pixels); Σ exp(z − largest) over the others, or where `below`
    /// is 0 of few classes (1 − p)/p of each pixel's own; the largest p; the sum of the other p.
    pub top: Vec<Quad>,
    pub others: Vec<Quad>,
    pub peak: Vec<Quad>,
    pub rest: Vec<Quad>,
    /// Of each pixel's own class, where targets are labels: what −ln p is beside ln(1 + `others`), how far its logit is below
    /// the largest; its p; 1 − p.
    pub below: Vec<Quad>,
    pub own: Vec<Quad>,
    pub miss: Vec<Quad>,
    /// Per-pixel scratch.
    pub factor: Vec<Quad>,
    pub mean: Vec<Quad>,
    /// Coefficients of one class, pixel by pixel.
    pub spread: [Vec<Quad>; COEFFICIENTS],
    /// `TABLE_ROWS` rows of one float a channel, for each slot: the coefficients of the affine gradient, the constants of
    /// each term, then coefficients of every sample of a chunk of many.
    pub table: Vec<f32>,
    /// Region sums: `TABLE_ROWS` rows of one f64 a channel; then the valid elements, and the weights, of each channel;
    /// then the sum of each term; then the region sums of every sample of a chunk of many.
    pub totals: Vec<f64>,
    /// What `Stages::RATIO` computes.
    pub ratio: Ratio,
    /// A matrix of one row and one column a class, for the losses that have one.
    pub matrix: Vec<f32>,
}

/// First total of the valid elements.
pub const VALID: usize = TABLE_ROWS;
/// First total of the weights.
pub const MASS: usize = TABLE_ROWS + 1;
/// First total of the terms.
pub const TERMS: usize = TABLE_ROWS + 2;

const ZERO: Quad = [0.0; LANES];

impl Workspace {
    pub fn new() -> Self {
        let input = Input {
            channels: 1,
            activation: Activation::None,
            kind: Kind::U8,
            dense: true,
            masked: false,
            weights: Weights::None,
            ignore: None,
            stored: false,
            segment: 0,
        };
        let tile = Tile {
            start: 0,
            pixels: 0,
            channels: 1,
            vectors: 0,
            stride: 0,
            target: Target::Dense,
            weights: Weights::None,
            activation: Activation::None,
            masked: false,
            element_masked: false,
            hard: false,
            blank: 0,
        };
        let chunk = Chunk {
            run: 0,
            stride: 0,
            values: Vec::new(),
            target: Vec::new(),
            mask: vec![0.0; LONGEST_CHUNK],
            weight: Vec::new(),
            out: Vec::new(),
            held: Vec::new(),
            place: Place::Copied,
        };
        let plane = || vec![ZERO; LONGEST_TILE / LANES];
        Self {
            input,
            terms: Vec::new(),
            chunk,
            tile,
            values: Vec::new(),
            act: Vec::new(),
            aux: Vec::new(),
            grad: Vec::new(),
            target: Vec::new(),
            element: Vec::new(),
            labels: vec![[0; LANES]; LONGEST_TILE / LANES],
            mask: plane(),
            weight: plane(),
            top: plane(),
            others: plane(),
            peak: plane(),
            rest: plane(),
            below: plane(),
            own: plane(),
            miss: plane(),
            factor: plane(),
            mean: plane(),
            spread: [(); COEFFICIENTS].map(|()| Vec::new()),
            table: Vec::new(),
            totals: Vec::new(),
            ratio: Ratio::default(),
            matrix: Vec::new(),
        }
    }

    /// Makes room for `channels`, so many terms and so many samples of a chunk of many. Never shrinks.
    pub fn reserve(&mut self, channels: usize, terms: usize, samples: usize) {
        let floats = channels * chunk_stride(channels);
        self.chunk.stride = chunk_stride(channels);
        if self.chunk.values.len() < floats {
            for buffer in [&mut self.chunk.values, &mut self.chunk.weight, &mut self.chunk.out] {
                grow(buffer, floats);
            }
            grow(&mut self.chunk.target, floats * size_of::<f32>());
        }
        let vectors = channels * stride(tile_pixels(channels), channels);
        for buffer in
            [&mut self.values, &mut self.act, &mut self.aux, &mut self.grad, &mut self.target, &mut self.element]
        {
            grow(buffer, vectors);
        }
        for plane in &mut self.spread {
            grow(plane, if samples > 0 { LONGEST_TILE / LANES } else { 0 });
        }
        let slots = TABLE_ROWS * channels * (terms + 1 + samples);
        grow(&mut self.table, slots);
        grow(&mut self.totals, TERMS * channels + terms + TABLE_ROWS * channels * samples);
        self.terms.resize(terms, Term { loss: PixelLoss::BinaryCrossEntropy, exponent: 0.0, scale: 0.0 });
    }

    /// Makes room to hold so many chunks, or as many as may be; how many there is room for.
    pub fn reserve_held(&mut self, chunks: usize) -> usize {
        let floats = (self.input.channels * self.chunk.stride).max(1);
        grow(&mut self.chunk.held, (chunks * floats).min(HELD));
        (self.chunk.held.len() / floats).min(chunks)
    }

    /// Of the run to come: which of the held chunks it leaves its results in, or finds there as the pass before left them.
    pub fn hold(&mut self, at: Option<usize>) {
        let from = at.map(|at| at * self.input.channels * self.chunk.stride);
        self.chunk.place = match from {
            None => Place::Copied,
            Some(from) if self.input.stored => Place::FromHeld(from),
            Some(from) => Place::IntoHeld(from),
        };
    }

    /// Starts a tile: every pixel counts until mask, target or weights say otherwise.
    pub fn begin(&mut self, start: usize, pixels: usize) {
        let Input { channels, activation, .. } = self.input;
        let vectors = pixels.div_ceil(LANES);
        self.tile = Tile {
            start,
            pixels,
            channels,
            vectors,
            stride: stride(tile_pixels(channels), channels),
            target: Target::Dense,
            weights: Weights::None,
            activation,
            masked: false,
            element_masked: false,
            hard: false,
            blank: 0,
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

    /// Whether every pixel counts as one, padding aside.
    pub fn unweighted(&self) -> bool {
        !self.input.masked && self.input.weights == Weights::None && self.input.ignore.is_none()
    }

    /// Whether more than a mask tells pixels apart.
    pub fn weighted(&self) -> bool {
        self.input.weights != Weights::None || self.tile.element_masked
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

/// Makes a buffer at least so long; what it held is lost.
#[inline(never)]
fn grow<T: Copy + Default>(buffer: &mut Vec<T>, length: usize) {
    if buffer.len() < length {
        *buffer = vec![T::default(); length];
    }
}
