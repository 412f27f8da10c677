//! The chunk: what the door copies in and out, as it lies in the caller's arrays: a target's entries of any type, channels
//! first or last. What is read here is a plane of the tile in hand; only the direct loops work on a chunk's own planes.

use crate::simd::{F32x4, LANES, Quad};
use crate::workspace::{Tile, Workspace, planes, planes_mut};
use alloc::vec::Vec;
use core::array::from_fn;

/// What the door copies in and out.
pub struct Chunk {
    /// Whether channels are last.
    pub interleaved: bool,
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
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
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
    /// The kind of a code of the door, if it is one.
    pub fn from_code(code: u32) -> Option<Self> {
        const KINDS: [Kind; 7] = [Kind::U8, Kind::I8, Kind::U16, Kind::I16, Kind::U32, Kind::I32, Kind::F32];
        KINDS.get(code as usize).copied()
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

/// Vectors that the direct loops take at a time, one short loop after another. In one long loop the processor's window
/// holds less than two rounds, so that it waits for their chains of additions and multiplications.
pub const BLOCK: usize = 64;

/// Plane `k` of the prediction and of the gradient, for loops that go straight from one to the other: in the chunk
/// itself, or, where its channels are last, in the tile. Padding is a certain negative, which no sum notices.
pub fn direct<'a>(
    chunk: &'a mut Chunk,
    tile: &Tile,
    values: &'a mut [Quad],
    grad: &'a mut [Quad],
    k: usize,
) -> (&'a [Quad], &'a mut [Quad]) {
    let (values, grad) = if chunk.interleaved {
        (values[tile.plane(k)].as_flattened_mut(), grad[tile.plane(k)].as_flattened_mut())
    } else {
        let from = k * chunk.stride + tile.start;
        let range = from..from + tile.vectors * LANES;
        (&mut chunk.values[range.clone()], &mut chunk.out[range])
    };
    values[tile.pixels..].fill(-f32::MAX);
    (values.as_chunks().0, grad.as_chunks_mut().0)
}

/// The same for all planes of so many channels, where no lane is padding.
pub fn direct_planes<'a, const C: usize>(
    chunk: &'a mut Chunk,
    tile: &Tile,
    values: &'a mut [Quad],
    grad: &'a mut [Quad],
) -> ([&'a [Quad]; C], [&'a mut [Quad]; C]) {
    if chunk.interleaved {
        return (planes::<C>(values, tile), planes_mut::<C>(grad, tile));
    }
    let mut out = chunk.out.chunks_mut(chunk.stride);
    let range = tile.start..tile.start + tile.pixels;
    let values = from_fn(|k| chunk.values[k * chunk.stride..][range.clone()].as_chunks().0);
    (values, from_fn(|_| out.next().unwrap_or_default()[range.clone()].as_chunks_mut().0))
}

impl Chunk {
    /// Where plane `k` of the tile starts, and how far apart its entries lie.
    pub fn place(&self, tile: &Tile, k: usize) -> (usize, usize) {
        if self.interleaved {
            (tile.start * tile.channels + k, tile.channels)
        } else {
            (k * self.stride + tile.start, 1)
        }
    }

    /// Copies the planes of the tile out of one of the chunk's buffers; padding is 0.
    pub fn read(&self, from: &[f32], tile: &Tile, planes: &mut [Quad]) {
        let quads = if self.interleaved { read_pixels(&from[tile.start * tile.channels..], tile, planes) } else { 0 };
        for k in LANES * quads..tile.channels {
            let (start, step) = self.place(tile, k);
            let plane = &mut planes[tile.plane(k)].as_flattened_mut()[..tile.pixels];
            if step == 1 {
                plane.copy_from_slice(&from[start..start + tile.pixels]);
            } else {
                read_floats(from[start..].iter().step_by(step).copied(), plane);
            }
        }
        for k in 0..tile.channels {
            planes[tile.plane(k)].as_flattened_mut()[tile.pixels..].fill(0.0);
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

impl Workspace {
    /// Writes `planes` planes of a buffer to the chunk's `out`, or adds them to what is there.
    #[inline(never)]
    pub fn write_out(&mut self, buffer: fn(&Self) -> &Vec<Quad>, planes: usize, add: bool) {
        let mut out = core::mem::take(&mut self.chunk.out);
        let interleaved = self.chunk.interleaved && planes > 1;
        let Tile { start, pixels, .. } = self.tile;
        let quads =
            if interleaved { write_pixels(buffer(self), &self.tile, &mut out[start * planes..], add) } else { 0 };
        for k in LANES * quads..planes {
            let plane = &buffer(self)[self.tile.plane(k)].as_flattened()[..pixels];
            if interleaved {
                let entries = out[start * planes + k..].iter_mut().step_by(planes);
                for (to, value) in entries.zip(plane) {
                    *to = if add { *to + value } else { *value };
                }
                continue;
            }
            let from = k * self.chunk.stride + start;
            let to = &mut out[from..from + pixels];
            if add {
                for (to, value) in to.iter_mut().zip(plane) {
                    *to += value;
                }
            } else {
                to.copy_from_slice(plane);
            }
        }
        self.chunk.out = out;
    }
}
