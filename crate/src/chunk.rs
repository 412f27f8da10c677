//! The chunk: what the door copies in and out, as it lies in the caller's arrays. Entries of any integer type, channels
//! first or last, one sample or many; everything behind this file sees planes.

use crate::simd::{LANES, Quad};
use crate::workspace::{Tile, Workspace};
use alloc::vec::Vec;
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
}

/// A label as it lies in the caller's array.
trait Entry<const BYTES: usize>: Copy {
    fn read(bytes: [u8; BYTES]) -> Self;
    /// A float that is no integer becomes `i32::MIN`, which is never in range.
    fn to_label(self) -> i32;
}

macro_rules! integer_entry {
    ($type:ty, $bytes:literal) => {
        impl Entry<$bytes> for $type {
            #[inline(always)]
            fn read(bytes: [u8; $bytes]) -> Self {
                <$type>::from_le_bytes(bytes)
            }
            #[inline(always)]
            fn to_label(self) -> i32 {
                self as i32
            }
        }
    };
}
integer_entry!(u8, 1);
integer_entry!(i8, 1);
integer_entry!(u16, 2);
integer_entry!(i16, 2);
integer_entry!(u32, 4);
integer_entry!(i32, 4);

impl Entry<4> for f32 {
    #[inline(always)]
    fn read(bytes: [u8; 4]) -> Self {
        Self::from_le_bytes(bytes)
    }
    #[inline(always)]
    fn to_label(self) -> i32 {
        let label = self as i32;
        if label as f32 == self { label } else { i32::MIN }
    }
}

/// The type of a target's entries.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    F32,
}

impl Kind {
    pub fn from_code(code: u32) -> Self {
        match code {
            0 => Self::U8,
            1 => Self::I8,
            2 => Self::U16,
            3 => Self::I16,
            4 => Self::U32,
            5 => Self::I32,
            _ => Self::F32,
        }
    }

    pub fn bytes(self) -> usize {
        match self {
            Self::U8 | Self::I8 => 1,
            Self::U16 | Self::I16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
        }
    }
}

macro_rules! with_kind {
    ($kind:expr, $function:ident($($argument:expr),*)) => {
        match $kind {
            Kind::U8 => $function::<u8, 1>($($argument),*),
            Kind::I8 => $function::<i8, 1>($($argument),*),
            Kind::U16 => $function::<u16, 2>($($argument),*),
            Kind::I16 => $function::<i16, 2>($($argument),*),
            Kind::U32 => $function::<u32, 4>($($argument),*),
            Kind::I32 => $function::<i32, 4>($($argument),*),
            Kind::F32 => $function::<f32, 4>($($argument),*),
        }
    };
}

/// Entries that lie `step` apart.
#[inline(always)]
fn labels_of<T: Entry<B>, const B: usize>(bytes: &[u8], step: usize, labels: &mut [i32]) {
    let entries = bytes.as_chunks::<B>().0;
    for (label, &bytes) in labels.iter_mut().zip(entries.iter().step_by(step)) {
        *label = T::read(bytes).to_label();
    }
}

#[inline(never)]
pub fn read_entries(kind: Kind, bytes: &[u8], step: usize, labels: &mut [i32]) {
    if kind == Kind::U8 && step == 1 {
        // The commonest by far, and the only one worth a vector loop of its own.
        for (label, &byte) in labels.iter_mut().zip(bytes) {
            *label = i32::from(byte);
        }
    } else {
        with_kind!(kind, labels_of(bytes, step, labels));
    }
}

/// Floats that lie `step` apart.
#[inline(never)]
pub fn read_floats(floats: impl Iterator<Item = f32>, plane: &mut [f32]) {
    for (value, entry) in plane.iter_mut().zip(floats) {
        *value = entry;
    }
}

/// Plane `k` of the prediction and of the gradient, for loops that go straight from one to the other: in the chunk
/// itself, or, where no whole planes lie there, in the tile. Padding is a certain negative, which no sum notices.
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
        (&mut chunk.values[range.clone()], &mut chunk.out[range])
    };
    values[tile.pixels..].fill(-f32::MAX);
    (values.as_chunks().0, grad.as_chunks_mut().0)
}

/// Part of a plane of the tile: which pixels, where in the chunk the first lies, and how far apart they lie there.
type Piece = (Range<usize>, usize, usize);

impl Chunk {
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

    /// Copies plane `k` of the tile out of one of the chunk's buffers; padding is 0.
    #[inline(never)]
    pub fn read(&self, from: &[f32], tile: &Tile, k: usize, plane: &mut [f32]) {
        plane[tile.pixels..].fill(0.0);
        for (pixels, start, step) in self.pieces(tile, k) {
            let plane = &mut plane[pixels];
            if self.run == 0 {
                plane.copy_from_slice(&from[start..start + plane.len()]);
            } else {
                read_floats(from[start..].iter().step_by(step).copied(), plane);
            }
        }
    }
}

impl Workspace {
    /// Writes `planes` planes of a buffer to the chunk's `out`, or adds them to what is there.
    #[inline(never)]
    pub fn write_out(&mut self, buffer: fn(&Self) -> &Vec<Quad>, planes: usize, add: bool) {
        let mut out = core::mem::take(&mut self.chunk.out);
        let tile = Tile { channels: planes, ..self.tile };
        for k in 0..planes {
            let plane = buffer(self)[tile.plane(k)].as_flattened();
            for (pixels, start, step) in self.chunk.pieces(&tile, k) {
                let plane = &plane[pixels];
                if self.chunk.run > 0 || add {
                    for (to, value) in out[start..].iter_mut().step_by(step).zip(plane) {
                        *to = if add { *to + value } else { *value };
                    }
                } else {
                    out[start..start + plane.len()].copy_from_slice(plane);
                }
            }
        }
        self.chunk.out = out;
    }
}
