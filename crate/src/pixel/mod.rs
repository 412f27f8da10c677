//! Pixel losses: a sum over pixels of a function of that pixel alone.
//!
//! `elementwise.rs` drives the losses of one channel at a time (sigmoid and none), `categorical.rs` those of a pixel's
//! whole distribution (softmax). A loss is one file beside them: the function of one vector and its derivative.

pub mod binary_cross_entropy;
pub mod categorical;
pub mod cross_entropy;
pub mod elementwise;
pub mod exponential_logarithmic;
pub mod focal;
pub mod generalized_cross_entropy;
pub mod poly_cross_entropy;
pub mod quality_focal;
pub mod rare;
pub mod reduced_focal;

use crate::workspace::{Activation, Term, Tile, Workspace};
use binary_cross_entropy::BinaryCrossEntropy;
use cross_entropy::CrossEntropy;
use focal::Focal;
use rare::{Kind, Rare};

/// The smallest divisor of a gradient with respect to a probability, as torch has it.
pub const SMALLEST: f32 = 1e-12;
/// The smallest logarithm of a probability, as torch has it.
pub const LOWEST_LOG: f32 = -100.0;

/// The pixel losses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PixelLoss {
    BinaryCrossEntropy,
    CrossEntropy,
    Focal,
    Rare(Kind),
}

impl PixelLoss {
    /// The loss of a code of the door (`KERNEL` in `ts/loss/x.ts`), if it is one.
    pub fn from_code(code: u32) -> Option<Self> {
        const LOSSES: [PixelLoss; 9] = [
            PixelLoss::BinaryCrossEntropy,
            PixelLoss::CrossEntropy,
            PixelLoss::Focal,
            PixelLoss::Rare(Kind::QualityFocal),
            PixelLoss::Rare(Kind::GeneralizedCrossEntropy),
            PixelLoss::Rare(Kind::PolyCrossEntropy),
            PixelLoss::Rare(Kind::ExponentialLogarithmic),
            PixelLoss::Rare(Kind::ReducedFocal),
            PixelLoss::Rare(Kind::FocalFactor),
        ];
        LOSSES.get(code as usize).copied()
    }

    /// Which loss of the shared instance it is, which has no cross-entropy of classes.
    fn kind(self) -> Kind {
        match self {
            Self::BinaryCrossEntropy | Self::CrossEntropy => Kind::BinaryCrossEntropy,
            Self::Focal => Kind::Focal,
            Self::Rare(kind) => kind,
        }
    }

    /// Whether the gradient reads the logit itself.
    pub fn reads_logits(self) -> bool {
        matches!(self, Self::Focal | Self::Rare(_))
    }
}

impl Workspace {
    /// Loss `at`, alone on logits without weights, from the chunk to its `out`, which without `gradient` is scratch; `None`
    /// where it has no direct way.
    pub fn pixel_direct(&mut self, at: usize, gradient: bool) -> Option<f64> {
        let Term { loss, exponent, scale } = self.terms[at];
        let slot = 1 + at;
        // With label smoothing nothing is certain, so blank lanes would count.
        let Tile { blank, channels, .. } = self.tile;
        let smoothed = Self::slot(&self.table, channels, slot)[..channels].iter().any(|&a| a != 0.0);
        if smoothed && blank > 0 {
            return None;
        }
        match loss {
            PixelLoss::BinaryCrossEntropy if !self.plain_channels(slot) => {
                Some(self.elementwise_direct(&BinaryCrossEntropy::new(), slot, scale))
            }
            PixelLoss::BinaryCrossEntropy => Some(self.binary_cross_entropy_direct(gradient.then_some(scale))),
            PixelLoss::Focal => Some(self.elementwise_direct(&Focal::new(exponent), slot, scale)),
            PixelLoss::CrossEntropy | PixelLoss::Rare(_) => None,
        }
    }

    /// The weighted sum of loss `at` over the tile. The weighted loss of every element is left in `grad` (softmax: of
    /// every pixel, in plane 0).
    pub fn pixel_value(&mut self, at: usize, each: bool) -> f64 {
        let Term { loss, .. } = self.terms[at];
        let slot = 1 + at;
        let direct = !each && !self.weighted();
        match (loss, self.tile.activation) {
            (PixelLoss::CrossEntropy, Activation::Softmax) if direct && self.plain_labels(slot) => {
                self.label_cross_entropy_value()
            }
            (PixelLoss::BinaryCrossEntropy, Activation::Sigmoid) if direct && self.plain_channels(slot) => {
                self.binary_cross_entropy_value()
            }
            (_, Activation::Softmax) => self.categorical_value(&self.any(at), slot),
            (PixelLoss::CrossEntropy, _) => self.probability_cross_entropy_value(slot),
            _ => self.elementwise_value(&self.any(at), slot),
        }
    }

    /// Adds the gradient of loss `at` to `grad`.
    pub fn pixel_gradient(&mut self, at: usize) {
        let Term { loss, scale, .. } = self.terms[at];
        let slot = 1 + at;
        if scale == 0.0 {
            return;
        }
        match (loss, self.tile.activation) {
            (PixelLoss::CrossEntropy, Activation::Softmax) => self.categorical_gradient(&CrossEntropy, slot, scale),
            (PixelLoss::CrossEntropy, _) => self.probability_cross_entropy_gradient(slot, scale),
            (_, Activation::Softmax) => self.categorical_gradient(&self.any(at), slot, scale),
            _ => self.elementwise_gradient(&self.any(at), slot, scale),
        }
    }

    /// Loss `at` in the shared instance. Further parameters are the first constants of rows 4 and 5.
    pub fn any(&self, at: usize) -> Rare {
        let channels = self.tile.channels;
        let constants = Self::slot(&self.table, channels, 1 + at);
        let Term { loss, exponent, .. } = self.terms[at];
        Rare::new(loss.kind(), exponent, [constants[4 * channels], constants[5 * channels]])
    }
}
