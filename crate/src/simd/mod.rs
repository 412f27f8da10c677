//! Four lanes of `f32`, and the few operations the kernels use.
//!
//! `wasm.rs`, `scalar.rs` and `x86.rs` hold the same functions; the scalar body lets `cargo test` and miri run every
//! kernel natively, the last tells what the hardware could do. Where a fused multiply-add exists (the `relaxed` build,
//! or a native build with `fma`) `mul_add` rounds once, elsewhere twice: every error bound in this crate holds for both.

#[cfg(not(any(target_arch = "wasm32", feature = "native")))]
mod scalar;
#[cfg(target_arch = "wasm32")]
mod wasm;
#[cfg(all(not(target_arch = "wasm32"), feature = "native"))]
mod x86;

#[cfg(not(any(target_arch = "wasm32", feature = "native")))]
pub use scalar::{F32x4, F64x4, I32x4, Mask};
#[cfg(target_arch = "wasm32")]
pub use wasm::{F32x4, F64x4, I32x4, Mask};
#[cfg(all(not(target_arch = "wasm32"), feature = "native"))]
pub use x86::{F32x4, F64x4, I32x4, Mask};

/// Lanes in a vector.
pub const LANES: usize = 4;

/// Four floats of a plane, as they lie in memory.
pub type Quad = [f32; LANES];
