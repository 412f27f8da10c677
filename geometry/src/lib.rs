//! Label maps as geometry: pair counts, boundaries, distance transforms, surface elements, connected components.
//!
//! Apart from the tile core, whose size every user of a loss pays. Pair counts stream through in tiles; the rest
//! needs a volume whole, held as one byte a voxel ([`volume`]) and cropped to what is marked before anything wider
//! than a byte is allocated.

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
