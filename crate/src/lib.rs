//! The per-pixel half of segloss: activations, pixel losses, region sums and gradients.
//!
//! A chunk passes through stages, tile by tile (`pass`):
//!
//! 1. `read_*`: the canonical form of a tile (`tile`, from `chunk` and `entries`).
//! 2. `activate_*`: logits to probabilities, or `restore_*` in the second pass (`activation`).
//! 3. f64 sums: `pixel_value` (`pixel`), `region_sums` (`region`; of many small samples `segment`, of soft targets with
//!    `overlap` after it), `wasserstein_sums`; or `write_errors` (`ordered`).
//! 4. `pixel_gradient`, `region_gradient`, `wasserstein_gradient`, `add_slopes`: added to the gradient planes.
//! 5. `clear_unweighted`, `write_out`: on the way out.
//!
//! The commonest jobs go from the chunk to its `out` in one loop instead (`direct` in `pass`; `channels` under sigmoid,
//! `few_classes` and `many_classes` under softmax). Apart from all passes, `ordered` ranks the errors of a whole group.
//!
//! Nothing here knows of batches, means or options: that is the TypeScript door's work, on a few numbers a class.

#![no_std]
#![forbid(unsafe_code)]
#![allow(clippy::needless_range_loop, reason = "one index reads several planes and writes one")]
#![allow(clippy::new_without_default, reason = "`new` reads tables or allocates: no call should hide it")]

extern crate alloc;
#[cfg(not(target_arch = "wasm32"))]
extern crate std;

pub mod activation;
pub mod channels;
pub mod chunk;
pub mod entries;
pub mod few_classes;
pub mod lanes;
pub mod many_classes;
pub mod math;
pub mod ordered;
pub mod overlap;
pub mod pass;
pub mod pixel;
pub mod region;
pub mod segment;
pub mod simd;
pub mod sums;
pub mod tile;
#[cfg(target_arch = "wasm32")]
mod wasm;
pub mod wasserstein;
pub mod workspace;
