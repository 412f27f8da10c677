//! Four lanes of `f32`, and the few operations the kernels use.
//!
//! `wasm.rs` and `scalar.rs` hold the same functions; the scalar body lets `cargo test` and miri run every kernel
//! natively. Where a fused multiply-add exists (the `relaxed` build, or a native build with `fma`) `mul_add` rounds
//! once, elsewhere twice: every error bound in this crate holds for both.

#[cfg(not(target_arch = "wasm32"))]
mod scalar;
#[cfg(target_arch = "wasm32")]
mod wasm;

#[cfg(not(target_arch = "wasm32"))]
pub use scalar::{F32x4, I32x4, Mask};
#[cfg(target_arch = "wasm32")]
pub use wasm::{F32x4, I32x4, Mask};

/// Lanes in a vector.
pub const LANES: usize = 4;

/// Four floats of a plane, as they lie in memory.
pub type Quad = [f32; LANES];

impl F32x4 {
    /// Sum of the four lanes in `f64`, always in the same order.
    #[inline(always)]
    pub fn sum_f64(self) -> f64 {
        let [a, b, c, d] = self.to_array().map(f64::from);
        (a + b) + (c + d)
    }
}
