//! The per-pixel half of segloss: activations, pixel losses, region sums and gradients over one tile of data.
//!
//! A tile passes through stages, each a method of [`workspace::Workspace`] and one exported call (`wasm.rs`):
//!
//! 1. `begin`, `read_mask`, `read_labels` or `read_dense`, `read_weights`, `read_values`: the canonical form (`tile`).
//! 2. `activate_*`: logits to probabilities (`activation`), or `restore_*` in the second pass.
//! 3. `pixel_value`, `region_sums`: f64 sums; `pixel_gradient`, `region_gradient`: added to the gradient plane.
//! 4. `clear_unweighted`, `interleave`: on the way out.
//!
//! Nothing here knows of batches, means or options: that is the TypeScript door's work, on a few numbers a class.

#![cfg_attr(not(test), deny(missing_docs))]
#![allow(missing_docs, clippy::missing_docs_in_private_items)]

pub mod activation;
pub mod lanes;
pub mod math;
pub mod pixel;
pub mod region;
pub mod simd;
pub mod sums;
pub mod tile;
#[cfg(target_arch = "wasm32")]
mod wasm;
pub mod workspace;
