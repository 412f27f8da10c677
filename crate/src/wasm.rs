//! The only door to JavaScript: numbers in, numbers out; addresses of planes for the caller to read and write.
//!
//! Checks return the position of the first bad entry, or −1.

use crate::pixel::PixelLoss;
use crate::simd::{LANES, Quad};
use crate::tile::{Checked, Kind};
use crate::workspace::{self, Activation, Weights};
use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen]
pub struct Workspace(workspace::Workspace);

fn address<T>(buffer: &[T]) -> u32 {
    buffer.as_ptr() as u32
}

fn position(checked: Checked) -> i32 {
    checked.map_or_else(|at| at as i32, |()| -1)
}

fn activation(code: u32) -> Activation {
    match code {
        0 => Activation::None,
        1 => Activation::Sigmoid,
        _ => Activation::Softmax,
    }
}

macro_rules! addresses {
    ($($name:ident),*) => {
        #[wasm_bindgen]
        impl Workspace {
            $(pub fn $name(&self) -> u32 { address(&self.0.$name) })*
        }
    };
}
addresses!(values, act, aux, grad, target, mask, weight, staging, table, totals);

#[wasm_bindgen]
impl Workspace {
    #[wasm_bindgen(constructor)]
    #[expect(clippy::new_without_default, reason = "only JavaScript makes one")]
    pub fn new() -> Self {
        Self(workspace::Workspace::new())
    }

    pub fn reserve(&mut self, channels: usize, slots: usize) {
        self.0.reserve(channels, slots);
    }

    /// Floats between two planes.
    pub fn stride(channels: usize) -> usize {
        workspace::stride(channels) * LANES
    }

    pub fn tile_pixels(channels: usize) -> usize {
        workspace::tile_pixels(channels)
    }

    /// `to`: 0 none, 1 sigmoid, 2 softmax.
    pub fn begin(&mut self, pixels: usize, channels: usize, to: u32) {
        self.0.begin(pixels, channels, activation(to));
    }

    pub fn read_mask(&mut self) -> i32 {
        position(self.0.read_mask())
    }

    pub fn read_labels(&mut self, kind: u32, ignores: bool, ignore: i32) -> i32 {
        position(self.0.read_labels(Kind::from_code(kind), ignores.then_some(ignore)))
    }

    pub fn read_dense(
        &mut self,
        kind: u32,
        staged: bool,
        interleaved: bool,
        ignores: bool,
        ignore: f32,
        whole_pixel: bool,
    ) -> i32 {
        let ignore = ignores.then_some(ignore);
        position(self.0.read_dense(Kind::from_code(kind), staged, interleaved, ignore, whole_pixel))
    }

    pub fn count_valid(&mut self) {
        self.0.count_valid();
    }

    /// `given`: 0 none, 1 a pixel, 2 an element.
    pub fn read_weights(&mut self, given: u32, interleaved: bool) -> i32 {
        let given = match given {
            0 => Weights::None,
            1 => Weights::Pixel,
            _ => Weights::Element,
        };
        position(self.0.read_weights(given, interleaved))
    }

    /// Reads the prediction and turns it into probabilities.
    pub fn activate(&mut self, interleaved: bool) -> i32 {
        self.0.read_values(interleaved);
        match self.0.tile.activation {
            Activation::None => return position(self.0.activate_none()),
            Activation::Sigmoid => self.0.activate_sigmoid(),
            Activation::Softmax => self.0.activate_softmax(),
        }
        -1
    }

    /// The second pass: probabilities (sigmoid: tails) stored by the first are in `act`, or interleaved in `staging`.
    pub fn restore(&mut self, interleaved: bool, logits: bool) {
        self.0.read_stored(interleaved, logits);
    }

    pub fn pixel_value(&mut self, loss: u32, slot: usize, exponent: f32, each: bool) {
        self.0.pixel_value(PixelLoss::from_code(loss), slot, exponent, each);
    }

    pub fn pixel_gradient(&mut self, loss: u32, slot: usize, exponent: f32, scale: f32) {
        self.0.pixel_gradient(PixelLoss::from_code(loss), slot, exponent, scale);
    }

    pub fn region_sums(&mut self, all: bool) {
        self.0.region_sums(all);
    }

    pub fn class_mass(&mut self) {
        self.0.class_mass();
    }

    pub fn weight_mass(&mut self) {
        self.0.weight_mass();
    }

    pub fn region_gradient(&mut self, slot: usize, curved: bool) {
        self.0.region_gradient(slot, curved);
    }

    pub fn clear_gradient(&mut self) {
        self.0.clear_gradient();
    }

    /// Several groups: adds this group's gradient to those before it.
    pub fn merge_gradient(&mut self, first: bool) {
        self.0.merge_gradient(first);
    }

    /// +0 where the weight is 0 (`merged`: of each group, done before); channels last into `staging` when asked.
    pub fn finish_gradient(&mut self, merged: bool, interleaved: bool) {
        if merged {
            self.0.take_merged();
        } else {
            self.0.clear_unweighted(grad);
        }
        if interleaved {
            self.0.interleave(grad);
        }
    }

    /// Probabilities, channels last, into `staging`.
    pub fn interleave_probabilities(&mut self) {
        self.0.interleave(act);
    }
}

fn grad(workspace: &mut workspace::Workspace) -> &mut Vec<Quad> {
    &mut workspace.grad
}

fn act(workspace: &mut workspace::Workspace) -> &mut Vec<Quad> {
    &mut workspace.act
}
