//! Label maps as geometry: pair counts, boundaries, distance transforms, surface elements, connected components; and the
//! losses of distances and skeletons ([`loss`]).
//!
//! Apart from the tile core, whose size every user of a loss pays. Pair counts stream through in tiles; the rest
//! needs a volume whole: for metrics one byte a voxel ([`volume`]), cropped to what is marked before anything wider
//! than a byte is allocated; for losses the floats of one class.

pub mod boundary;
pub mod components;
pub mod confusion;
pub mod distance;
pub mod entry;
pub mod loss;
pub mod surfels;
pub mod volume;
#[cfg(target_arch = "wasm32")]
mod wasm;
