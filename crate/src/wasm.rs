//! The only door to JavaScript: numbers in, numbers out; addresses of buffers for the caller to read and write.

use crate::entries::Kind;
use crate::ordered::Order;
use crate::pass::{Fault, Stages};
use crate::pixel::PixelLoss;
use crate::segment::Ratio;
use crate::workspace::{self, Activation, Input, Term, Weights};
use core::mem::ManuallyDrop;
use lol_alloc::{FreeListAllocator, LockedAllocator};
use wasm_bindgen::prelude::wasm_bindgen;

/// A free list: memory is taken a few times in the life of a module.
#[global_allocator]
static MEMORY: LockedAllocator<FreeListAllocator> = LockedAllocator::new(FreeListAllocator::new());

/// Without the standard library no text of a panic is in the module; none is meant to happen.
#[panic_handler]
fn stop(_: &core::panic::PanicInfo) -> ! {
    core::arch::wasm32::unreachable()
}

#[wasm_bindgen]
pub struct Workspace {
    /// Lives as long as the module: to free thirty buffers is 10 kB of code.
    inner: ManuallyDrop<workspace::Workspace>,
    order: ManuallyDrop<Order>,
    fault: u32,
}

fn address<T>(buffer: &[T]) -> u32 {
    buffer.as_ptr() as u32
}

macro_rules! addresses {
    ($($name:ident: $($field:ident).+),*) => {
        #[wasm_bindgen]
        impl Workspace {
            $(pub fn $name(&self) -> u32 { address(&self.inner.$($field).+) })*
        }
    };
}
addresses!(
    values: chunk.values,
    target: chunk.target,
    mask: chunk.mask,
    weight: chunk.weight,
    out: chunk.out,
    table: table,
    totals: totals,
    matrix: matrix
);

#[wasm_bindgen]
impl Workspace {
    #[wasm_bindgen(constructor)]
    pub fn new() -> Self {
        let order = ManuallyDrop::new(Order::default());
        Self { inner: ManuallyDrop::new(workspace::Workspace::new()), order, fault: 0 }
    }

    pub fn reserve(&mut self, channels: usize, terms: usize, samples: usize) {
        self.inner.reserve(channels, terms, samples);
    }

    pub fn tile_pixels(channels: usize) -> usize {
        workspace::tile_pixels(channels)
    }

    /// After `input`: makes room to hold so many chunks, or as many as may be; how many there is room for.
    pub fn reserve_held(&mut self, chunks: usize) -> usize {
        self.inner.reserve_held(chunks)
    }

    /// Floats from plane to plane of a chunk.
    pub fn chunk_stride(channels: usize) -> usize {
        workspace::chunk_stride(channels)
    }

    pub fn chunk_pixels(channels: usize) -> usize {
        workspace::chunk_pixels(channels)
    }

    /// What the chunks to come hold. `activation`: 0 none, 1 sigmoid, 2 softmax; `weights`: 0 none, 1 a pixel,
    /// 2 an element; `ignore`: NaN for none; `run`, `stride`, `segment`: see `Chunk` and `Input`. False: a code that is none, and
    /// nothing is changed.
    #[expect(clippy::too_many_arguments, reason = "numbers are all that crosses this door")]
    pub fn input(
        &mut self,
        channels: usize,
        activation: u32,
        kind: u32,
        dense: bool,
        run: usize,
        stride: usize,
        segment: usize,
        masked: bool,
        weights: u32,
        ignore: f64,
        stored: bool,
    ) -> bool {
        let activation = match activation {
            0 => Activation::None,
            1 => Activation::Sigmoid,
            2 => Activation::Softmax,
            _ => return false,
        };
        let weights = match weights {
            0 => Weights::None,
            1 => Weights::Pixel,
            2 => Weights::Element,
            _ => return false,
        };
        let Some(kind) = Kind::from_code(kind) else { return false };
        let ignore = (!ignore.is_nan()).then_some(ignore);
        (self.inner.chunk.run, self.inner.chunk.stride) = (run, stride);
        self.inner.input = Input { channels, activation, kind, dense, masked, weights, ignore, stored, segment };
        true
    }

    /// Pixel loss `at` of the pass; its constants are in table slot `at` + 1. False: no such loss, or no such place.
    pub fn term(&mut self, at: usize, loss: u32, exponent: f32, scale: f32) -> bool {
        let (Some(term), Some(loss)) = (self.inner.terms.get_mut(at), PixelLoss::from_code(loss)) else {
            return false;
        };
        *term = Term { loss, exponent, scale };
        true
    }

    /// What scores samples in runs of that stage; the value and the sums of the terms begin at 0.
    #[expect(clippy::too_many_arguments, reason = "numbers are all that crosses this door")]
    pub fn ratio(
        &mut self,
        first: usize,
        share: f64,
        row: f64,
        scale: f64,
        top: f64,
        tp: f64,
        p: f64,
        g: f64,
        numerator: f64,
        denominator: f64,
    ) {
        self.inner.score_by(Ratio { first, share, row, scale, top, tp, p, g, numerator, denominator, value: 0.0 });
    }

    /// Whether runs of the pass need the chunk's target, mask and weights.
    pub fn reads_truth(&self, stages: u32) -> bool {
        self.inner.reads_truth(Stages(stages))
    }

    /// Runs stages (see `pass.rs`) over the chunk. Position of the first bad entry, or −1; `fault` tells of what.
    /// `held`: which of the held chunks it is, or −1.
    pub fn run(&mut self, pixels: usize, stages: u32, held: i32) -> i32 {
        self.inner.hold(usize::try_from(held).ok());
        let (kind, at) = match self.inner.run(pixels, Stages(stages)) {
            Ok(()) => return -1,
            Err(Fault::Mask(at)) => (0, at),
            Err(Fault::Target(at)) => (1, at),
            Err(Fault::Weights(at)) => (2, at),
            Err(Fault::Prediction(at)) => (3, at),
        };
        self.fault = kind;
        at as i32
    }

    /// What the last failed run found wanting: 0 the mask, 1 the target, 2 the weights, 3 the prediction.
    pub fn fault(&self) -> u32 {
        self.fault
    }

    /// Makes room for a matrix of the classes.
    pub fn reserve_matrix(&mut self, channels: usize) {
        self.inner.matrix.resize(channels * channels, 0.0);
    }

    /// Makes room for so many errors of an ordered loss.
    pub fn reserve_order(&mut self, errors: usize, weighted: bool) {
        self.order.reserve(errors, weighted);
    }

    pub fn order_errors(&self) -> u32 {
        address(&self.order.errors)
    }

    pub fn order_weights(&self) -> u32 {
        address(&self.order.weights)
    }

    /// The weighted number of elements whose target is 1, of the group last ranked.
    pub fn order_mass(&self) -> f64 {
        self.order.mass
    }

    /// The Lovász loss of the errors, which become its slopes. Below 0: −1 − the position of a soft target.
    pub fn lovasz(&mut self, errors: usize, weighted: bool) -> f64 {
        self.order.lovasz(errors, weighted).unwrap_or_else(|at| -1.0 - at as f64)
    }

    /// Selects what is above `above`, and the largest until there are `least`: 1 in its place, else 0. How many.
    pub fn select(&mut self, errors: usize, least: usize, above: f32) -> usize {
        self.order.select(errors, least, above)
    }
}
