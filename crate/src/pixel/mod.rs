//! Pixel losses: a sum over pixels of a function of that pixel alone.
//!
//! `elementwise.rs` drives the losses of one channel at a time (sigmoid and none), `categorical.rs` those of a pixel's
//! whole distribution (softmax). A loss is one file beside them: the function of one vector and its derivative.

pub mod binary_cross_entropy;
pub mod categorical;
pub mod cross_entropy;
pub mod elementwise;
pub mod focal;

use crate::workspace::{Activation, Workspace};
use binary_cross_entropy::BinaryCrossEntropy;
use cross_entropy::CrossEntropy;
use focal::Focal;

/// The list of pixel losses. The codes are those of the door.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum PixelLoss {
    BinaryCrossEntropy,
    CrossEntropy,
    Focal,
}

impl PixelLoss {
    pub fn from_code(code: u32) -> Self {
        match code {
            0 => Self::BinaryCrossEntropy,
            1 => Self::CrossEntropy,
            _ => Self::Focal,
        }
    }
}

impl Workspace {
    /// The weighted sum of the loss over the tile, into `totals`: one a channel (elementwise), or `totals[0]`.
    /// `exponent` is focal's gamma. With `each`, the weighted loss of every element is left in `grad` (softmax: of
    /// every pixel, in plane 0); without, `grad` is scratch.
    pub fn pixel_value(&mut self, loss: PixelLoss, slot: usize, exponent: f32, each: bool) {
        match (loss, self.tile.activation) {
            (PixelLoss::BinaryCrossEntropy, Activation::Sigmoid) => self.binary_cross_entropy_value(slot, each),
            (PixelLoss::Focal, Activation::Softmax) => self.categorical_value(&Focal::new(exponent), slot),
            (PixelLoss::Focal, _) => self.elementwise_value(&Focal::new(exponent), slot),
            (_, Activation::Softmax) => self.categorical_value(&CrossEntropy, slot),
            (PixelLoss::CrossEntropy, _) => self.probability_cross_entropy_value(slot),
            (PixelLoss::BinaryCrossEntropy, _) => self.elementwise_value(&BinaryCrossEntropy::new(), slot),
        }
    }

    /// Adds `scale` times the loss's gradient to `grad`.
    pub fn pixel_gradient(&mut self, loss: PixelLoss, slot: usize, exponent: f32, scale: f32) {
        match (loss, self.tile.activation) {
            (PixelLoss::BinaryCrossEntropy, Activation::Sigmoid) => self.binary_cross_entropy_gradient(slot, scale),
            (PixelLoss::Focal, Activation::Softmax) => {
                self.categorical_gradient(&Focal::new(exponent), slot, scale);
            }
            (PixelLoss::Focal, _) => self.elementwise_gradient(&Focal::new(exponent), slot, scale),
            (_, Activation::Softmax) => self.categorical_gradient(&CrossEntropy, slot, scale),
            (PixelLoss::CrossEntropy, _) => self.probability_cross_entropy_gradient(slot, scale),
            (PixelLoss::BinaryCrossEntropy, _) => {
                self.elementwise_gradient(&BinaryCrossEntropy::new(), slot, scale);
            }
        }
    }
}
