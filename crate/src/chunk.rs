//! The chunk: what the door copies in and out, as it lies in the caller's arrays, channels first or last. What is read here
//! is a plane of the tile in hand; only the direct loops work on a chunk's own planes.

use crate::lanes::Planes;
use crate::simd::{F32x4, LANES, Quad};
use crate::workspace::{Activation, Tile, Workspace};
use alloc::vec::Vec;
use core::array::from_fn;
use core::ops::Range;

/// What the door copies in and out.
pub struct Chunk {
    /// Pixels of a plane that lie together: 1 where channels are last, a sample's where many samples lie end to end;
    /// 0: all, in planes `stride` apart.
    pub run: usize,
    /// Floats from plane to plane.
    pub stride: usize,
    /// The prediction, or what pass 1 stored; planar or interleaved as the caller has it.
    pub values: Vec<f32>,
    /// The target, entries as the caller has them.
    pub target: Vec<u8>,
    pub mask: Vec<f32>,
    /// Pixel weights, of either shape.
    pub weight: Vec<f32>,
    /// The gradient, or what pass 2 shall find again.
    pub out: Vec<f32>,
    /// What pass 1 leaves of the first chunks of a call, so that it need not be copied out and in again.
    pub held: Vec<f32>,
    pub place: Place,
}

/// Where a pass reads its values and leaves its results.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// From `values`, into `out`.
    Copied,
    /// Into `held` from there on.
    IntoHeld(usize),
    /// From `held` from there on.
    FromHeld(usize),
}

/// Floats that lie `step` apart.
#[inline(never)]
pub fn read_floats(floats: impl Iterator<Item = f32>, plane: &mut [f32]) {
    for (value, entry) in plane.iter_mut().zip(floats) {
        *value = entry;
    }
}

/// Vectors that sigmoid's direct loops take at a time, one short loop after another. In one long loop the processor's window
/// holds less than two rounds, so that it waits for their chains of additions and multiplications.
pub const BLOCK: usize = 64;

/// Plane `k` of the prediction and of the gradient, for loops that go straight from one to the other: in the chunk
/// itself, or, where no whole planes lie there, in the tile.
pub fn direct<'a>(
    chunk: &'a mut Chunk,
    tile: &Tile,
    values: &'a mut [Quad],
    grad: &'a mut [Quad],
    k: usize,
) -> (&'a [Quad], &'a mut [Quad]) {
    let (values, grad) = if chunk.run > 0 {
        (values[tile.plane(k)].as_flattened_mut(), grad[tile.plane(k)].as_flattened_mut())
    } else {
        let from = k * chunk.stride + tile.start;
        let range = from..from + tile.vectors * LANES;
        let (source, results) = chunk.sides();
        (&mut source[range.clone()], &mut results[range])
    };
    (values.as_chunks().0, grad.as_chunks_mut().0)
}

/// Part of a plane of the tile: which pixels, where in the chunk the first lies, and how far apart they lie there.
type Piece = (Range<usize>, usize, usize);

impl Chunk {
    /// Where values are read, and where results go.
    #[inline]
    pub fn sides(&mut self) -> (&mut [f32], &mut [f32]) {
        let Self { values, out, held, place, .. } = self;
        match *place {
            Place::Copied => (values, out),
            Place::IntoHeld(from) => (values, &mut held[from..]),
            Place::FromHeld(from) => (&mut held[from..], out),
        }
    }

    /// Where values are read.
    pub fn source(&self) -> &[f32] {
        match self.place {
            Place::FromHeld(from) => &self.held[from..],
            _ => &self.values,
        }
    }

    /// As `direct`, all planes: those of the prediction, those of the gradient and their stride.
    pub fn direct_classes<'a>(
        &'a mut self,
        tile: &Tile,
        values: &'a [Quad],
        grad: &'a mut [Quad],
    ) -> (Planes<'a>, &'a mut [Quad], usize) {
        if self.run > 0 {
            return (Planes::of(values, tile), grad, tile.stride);
        }
        let (start, stride) = (tile.start / LANES, self.stride / LANES);
        let (source, results) = self.sides();
        let quads = &source.as_chunks().0[start..];
        (Planes { quads, stride, classes: tile.channels }, &mut results.as_chunks_mut().0[start..], stride)
    }

    /// The pieces that plane `k` of the tile is made of.
    pub fn pieces(&self, tile: &Tile, k: usize) -> impl Iterator<Item = Piece> + use<> {
        let Tile { start, pixels, channels, .. } = *tile;
        let run = self.run;
        // What lies together at first, where, how far apart, and what lies between two pieces.
        let (mut length, mut from, step, between) = match run {
            0 => (pixels, k * self.stride + start, 1, 0),
            1 => (pixels, start * channels + k, channels, 0),
            _ => (run - start % run, (start / run * channels + k) * run + start % run, 1, (channels - 1) * run),
        };
        let mut next = 0;
        core::iter::from_fn(move || {
            let piece = (next..(next + length).min(pixels), from, step);
            next += length;
            from += length + between;
            length = run;
            (!piece.0.is_empty()).then_some(piece)
        })
    }

    /// Copies the planes of the tile out of one of the chunk's buffers, or what the first pass stored there; padding is 0.
    pub fn read(&self, from: &[f32], stored: bool, tile: &Tile, planes: &mut [Quad]) {
        let read = match self.run {
            run if run > 0 && stored => {
                for k in 0..tile.channels {
                    let plane = planes[tile.plane(k)].as_flattened_mut();
                    plane[..tile.pixels].copy_from_slice(&from[stored_plane(tile, k)]);
                }
                tile.channels
            }
            1 => LANES * read_pixels(&from[tile.start * tile.channels..], tile, planes),
            run if run > 0 && run.is_multiple_of(LANES) => {
                each_vector(run, tile, |to, at| planes[to] = from.as_chunks().0[at]);
                tile.channels
            }
            _ => 0,
        };
        for k in read..tile.channels {
            let plane = planes[tile.plane(k)].as_flattened_mut();
            for (pixels, start, step) in self.pieces(tile, k) {
                let plane = &mut plane[pixels];
                if self.run == 0 {
                    plane.copy_from_slice(&from[start..start + plane.len()]);
                } else {
                    read_floats(from[start..].iter().step_by(step).copied(), plane);
                }
            }
        }
        for k in 0..tile.channels {
            planes[tile.plane(k)].as_flattened_mut()[tile.pixels..].fill(0.0);
        }
    }
}

/// How planes go to the chunk's `out`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Writing {
    New,
    /// To what is there.
    Added,
    /// For the second pass alone.
    Stored,
}

/// Where a stored plane lies: planes of a tile end to end, in a chunk that has none of its own.
fn stored_plane(tile: &Tile, k: usize) -> Range<usize> {
    let start = tile.start * tile.channels + k * tile.pixels;
    start..start + tile.pixels
}

/// Calls `each` with where a vector lies in the tile and in a chunk of whole samples of `run` pixels, whole vectors. Classes
/// within: copies of what lies together would be calls, of a few vectors each.
#[inline(always)]
fn each_vector(run: usize, tile: &Tile, mut each: impl FnMut(usize, usize)) {
    let quads = run / LANES;
    let start = tile.start / LANES;
    let (mut within, mut at) = (start % quads, start / quads * quads * tile.channels + start % quads);
    for i in 0..tile.vectors {
        (0..tile.channels).for_each(|k| each(k * tile.stride + i, at + k * quads));
        (within, at) = (within + 1, at + 1);
        if within == quads {
            (within, at) = (0, at + (tile.channels - 1) * quads);
        }
    }
}

/// Channels last to planes, four pixels of four channels at a time, and so many quads of channels.
fn read_pixels(from: &[f32], tile: &Tile, planes: &mut [Quad]) -> usize {
    let quads = tile.channels / LANES;
    for (i, pixels) in from[..tile.pixels * tile.channels].chunks(LANES * tile.channels).enumerate() {
        for quad in 0..quads {
            let row = |j: usize| pixels.get(j * tile.channels + LANES * quad..).and_then(|row| row.first_chunk());
            let columns = F32x4::transpose(from_fn(|j| F32x4::load(row(j).unwrap_or(&[0.0; LANES]))));
            for (k, column) in columns.into_iter().enumerate() {
                column.store(&mut planes[(LANES * quad + k) * tile.stride + i]);
            }
        }
    }
    quads
}

/// Planes to channels last, likewise; `add` adds to what is there.
fn write_pixels(planes: &[Quad], tile: &Tile, out: &mut [f32], add: bool) -> usize {
    let quads = tile.channels / LANES;
    for (i, pixels) in out[..tile.pixels * tile.channels].chunks_mut(LANES * tile.channels).enumerate() {
        for quad in 0..quads {
            let column = |k: usize| F32x4::load(&planes[(LANES * quad + k) * tile.stride + i]);
            for (j, row) in F32x4::transpose(from_fn(column)).into_iter().enumerate() {
                let at = j * tile.channels + LANES * quad;
                let Some(to) = pixels.get_mut(at..).and_then(|to| to.first_chunk_mut()) else { continue };
                (if add { row + F32x4::load(to) } else { row }).store(to);
            }
        }
    }
    quads
}

/// The lanes that a mask leaves out.
fn out_of(mask: &[Quad]) -> impl Iterator<Item = usize> {
    mask.as_flattened().iter().enumerate().filter(|&(_, &kept)| kept == 0.0).map(|(i, _)| i)
}

/// The blank lanes of a tile, of the part of its mask that is given.
pub fn blank_of<'a>(tile: &Tile, mask: &'a [Quad]) -> impl Iterator<Item = usize> + 'a {
    out_of(&mask[..if tile.blank > 0 { mask.len().min(tile.vectors) } else { 0 }])
}

impl Workspace {
    /// Makes lanes that are no pixel, masked or ignored harmless to kernels without weights: certain hits, a negative of
    /// every channel, or stored probabilities of the first class; of softmax logits any, which `blank_of` takes out later.
    pub fn blank(&mut self) {
        let Self { tile, chunk, values, target, mask, input, .. } = self;
        if !tile.masked {
            return;
        }
        let (channels, softmax) = (tile.channels, tile.activation == Activation::Softmax);
        let (values, stride) = if chunk.run > 0 {
            (values.as_flattened_mut(), tile.stride * LANES)
        } else {
            let stride = chunk.stride;
            (&mut chunk.sides().0[tile.start..], stride)
        };
        let lowest = if softmax || input.stored { 0.0 } else { -f32::MAX };
        let first = if softmax && input.stored { 1.0 } else { lowest };
        let target = target.as_flattened_mut();
        for i in out_of(&mask[..tile.vectors]) {
            tile.blank += 1;
            values[i] = first;
            (1..channels).for_each(|k| values[k * stride + i] = lowest);
            if !softmax {
                (0..channels).for_each(|k| target[k * tile.stride * LANES + i] = 0.0);
            }
        }
    }

    /// Their gradient is +0.
    pub fn clear_blank(&mut self) {
        let Self { tile, chunk, grad, mask, .. } = self;
        let (out, stride) = if chunk.run > 0 {
            (grad.as_flattened_mut(), tile.stride * LANES)
        } else {
            let stride = chunk.stride;
            (&mut chunk.sides().1[tile.start..], stride)
        };
        for i in blank_of(tile, mask) {
            (0..tile.channels).for_each(|k| out[k * stride + i] = 0.0);
        }
    }

    /// Writes `planes` planes of a buffer to the chunk's `out`.
    #[inline(never)]
    pub fn write_out(&mut self, buffer: fn(&Self) -> &Vec<Quad>, planes: usize, writing: Writing) {
        let add = writing == Writing::Added;
        let (mut out, from) = match self.chunk.place {
            Place::IntoHeld(from) => (core::mem::take(&mut self.chunk.held), from),
            _ => (core::mem::take(&mut self.chunk.out), 0),
        };
        let results = &mut out[from..];
        let tile = Tile { channels: planes, ..self.tile };
        let written = match self.chunk.run {
            run if run > 0 && writing == Writing::Stored => {
                for k in 0..planes {
                    let plane = buffer(self)[tile.plane(k)].as_flattened();
                    results[stored_plane(&tile, k)].copy_from_slice(&plane[..tile.pixels]);
                }
                planes
            }
            1 => LANES * write_pixels(buffer(self), &tile, &mut results[tile.start * planes..], add),
            run if run > 0 && run.is_multiple_of(LANES) => {
                let (buffer, results) = (buffer(self), results.as_chunks_mut().0);
                each_vector(run, &tile, |from, at| {
                    let value = F32x4::load(&buffer[from]);
                    (if add { value + F32x4::load(&results[at]) } else { value }).store(&mut results[at]);
                });
                planes
            }
            _ => 0,
        };
        for k in written..planes {
            let plane = buffer(self)[tile.plane(k)].as_flattened();
            for (pixels, start, step) in self.chunk.pieces(&tile, k) {
                let plane = &plane[pixels];
                if self.chunk.run > 0 || add {
                    for (to, value) in results[start..].iter_mut().step_by(step).zip(plane) {
                        *to = if add { *to + value } else { *value };
                    }
                } else {
                    results[start..start + plane.len()].copy_from_slice(plane);
                }
            }
        }
        match self.chunk.place {
            Place::IntoHeld(_) => self.chunk.held = out,
            _ => self.chunk.out = out,
        }
    }
}
