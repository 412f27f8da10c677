//! A pass over a chunk: the stages that the door asks for, tile by tile.
//!
//! Sums start at zero with every chunk, so that a chunk's sums do not depend on who computed the others.

use crate::chunk::Writing;
use crate::entries::Kind;
use crate::ordered::Errors;
use crate::pixel::PixelLoss;
use crate::pixel::categorical::Own;
use crate::pixel::rare;
use crate::simd::LANES;
use crate::workspace::{Activation, Input, TERMS, Target, Term, Tile, Workspace, tile_pixels};

/// What a pass does, as bits: the codes of the door.
#[derive(Clone, Copy)]
pub struct Stages(pub u32);

impl Stages {
    /// Count what is neither masked nor ignored.
    pub const VALID: u32 = 1;
    /// Sum the weights.
    pub const MASS: u32 = 2;
    /// Read the prediction; without it only target, mask and weights are looked at.
    pub const VALUES: u32 = 4;
    /// Sum the pixel losses.
    pub const TERMS: u32 = 8;
    /// Sum tp, p, g and n at least: what the direct ways give.
    pub const SUMS: u32 = 16;
    /// Sum all eight.
    pub const ALL_SUMS: u32 = 32;
    /// Leave `act` in `out` for the second pass: probabilities, of sigmoid their signed tails.
    pub const STORE: u32 = 64;
    /// Leave the loss of every element (softmax: pixel) in `out`.
    pub const EACH: u32 = 128;
    /// Leave the gradient of the pixel losses in `out`.
    pub const GRADIENT: u32 = 256;
    /// With the region losses' gradient a + b g in it.
    pub const AFFINE: u32 = 512;
    /// With the rest of the affine gradient too.
    pub const CURVED: u32 = 1024;
    /// Added to what is in `out`, not instead of it.
    pub const ADD: u32 = 2048;
    /// Sum what balances classes: the target alone.
    pub const COUNTS: u32 = 4096;
    /// Leave the errors of an ordered loss in `out`.
    pub const ERRORS: u32 = 8192;
    /// The hinge's errors, and slopes that are the gradient itself.
    pub const HINGE: u32 = 16_384;
    /// With an ordered loss's slopes in the gradient.
    pub const SLOPES: u32 = 32_768;
    /// The sums of the generalized Wasserstein Dice loss, or with `GRADIENT` its gradient.
    pub const WASSERSTEIN: u32 = 65_536;
    /// With `ERRORS`: p − g instead, signed.
    pub const RESIDUALS: u32 = 131_072;
    /// With `ERRORS`: p itself instead.
    pub const PROBABILITIES: u32 = 262_144;
    /// Leave the one tile as it is for a pass that has `KEPT`.
    pub const KEEP: u32 = 524_288;
    /// The one tile is as the pass before left it: nothing is read.
    pub const KEPT: u32 = 1_048_576;
    /// The overlap of a soft target is the smaller of p and g.
    pub const MINIMUM: u32 = 2_097_152;
    /// Of a second pass: the first had `SUMS`.
    pub const SUMMED: u32 = 4_194_304;
    /// Scores samples by the ratio of the workspace, with `GRADIENT` for that too; the value so far takes the place of the first
    /// sum, and the sums of the terms are those so far too. Every sample lies in one tile.
    pub const RATIO: u32 = 8_388_608;

    fn has(self, stage: u32) -> bool {
        self.0 & stage != 0
    }
}

/// What was found wanting, and where: pixel + plane · pixels of the chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Mask(usize),
    Target(usize),
    Weights(usize),
    Prediction(usize),
}

impl Workspace {
    /// Runs the stages over the first `pixels` of the chunk; results are in `totals` and `chunk.out`.
    pub fn run(&mut self, pixels: usize, stages: Stages) -> Result<(), Fault> {
        let channels = self.input.channels;
        // Whole samples of many.
        let segment = self.input.segment.max(1);
        let length = tile_pixels(channels) / segment * segment;
        let labelled = !self.reads_truth(stages);
        let cleared = if stages.has(Stages::RATIO) { 0 } else { self.terms.len() };
        self.totals[..TERMS * channels + cleared].fill(0.0);
        for start in (0..pixels).step_by(length) {
            if !stages.has(Stages::KEPT) {
                self.begin(start, length.min(pixels - start));
                if labelled {
                    self.direct_gradient(true, self.terms.first().map(|term| term.scale));
                    continue;
                }
                self.read_truth(pixels, stages)?;
                if !stages.has(Stages::VALUES) || !stages.has(Stages::KEEP) && self.direct(stages) {
                    continue;
                }
                self.read_prediction(pixels)?;
            }
            self.compute(stages);
        }
        Ok(())
    }

    /// From a position in the tile to one in the chunk.
    fn place(&self, at: usize, pixels: usize) -> usize {
        let Tile { start, pixels: length, .. } = self.tile;
        at / length * pixels + start + at % length
    }

    /// Whether a pass looks at target, mask and weights at all.
    pub fn reads_truth(&self, stages: Stages) -> bool {
        !(stages.has(Stages::SUMMED) && self.labelled())
    }

    /// Brings target, mask and weights into their canonical form.
    fn read_truth(&mut self, pixels: usize, stages: Stages) -> Result<(), Fault> {
        self.read_mask().map_err(|at| Fault::Mask(self.place(at, pixels)))?;
        self.read_target().map_err(|at| Fault::Target(self.place(at, pixels)))?;
        if stages.has(Stages::VALID) {
            self.count_valid();
        }
        self.read_weights().map_err(|at| Fault::Weights(self.place(at, pixels)))?;
        if stages.has(Stages::MASS) {
            self.sum_weights();
        }
        if stages.has(Stages::COUNTS) {
            self.count_targets();
        }
        Ok(())
    }

    /// Turns the prediction into probabilities, or reads those that were stored.
    fn read_prediction(&mut self, pixels: usize) -> Result<(), Fault> {
        if self.input.stored {
            self.read_stored();
            return Ok(());
        }
        self.read_values();
        match self.tile.activation {
            Activation::None => self.activate_none().map_err(|at| Fault::Prediction(self.place(at, pixels)))?,
            Activation::Sigmoid => self.activate_sigmoid(),
            Activation::Softmax => self.activate_softmax(),
        }
        Ok(())
    }

    /// The commonest jobs on logits without weights, masked or not, straight from the chunk to its `out`. `false`: it
    /// was none of them.
    fn direct(&mut self, stages: Stages) -> bool {
        let Tile { channels, activation, .. } = self.tile;
        let minimum = stages.has(Stages::MINIMUM) && self.soft();
        if activation == Activation::None || minimum || self.weighted() || self.input.segment > 0 {
            return false;
        }
        if self.chunk.run > 0 {
            let Self { tile, input, chunk, values, .. } = self;
            chunk.read(chunk.source(), input.stored, tile, values);
        }
        self.blank();
        let work = stages.0 & !(Stages::VALUES | Stages::VALID | Stages::MASS | Stages::MINIMUM | Stages::SUMMED);
        let done = match activation {
            Activation::Sigmoid => self.direct_channels(Stages(work)),
            _ => channels > 1 && self.direct_classes(Stages(work)),
        };
        if done && stages.has(Stages::GRADIENT) {
            self.clear_blank();
        }
        if done && self.chunk.run > 0 && stages.has(Stages::GRADIENT | Stages::STORE) {
            let writing = if stages.has(Stages::STORE) { Writing::Stored } else { Writing::New };
            self.write_out(|workspace| &workspace.grad, channels, writing);
        }
        done
    }

    /// Whether there is no pixel loss but plain binary cross-entropy.
    fn plain_entropy(&self) -> bool {
        match self.terms[..] {
            [] => true,
            [Term { loss: PixelLoss::BinaryCrossEntropy, .. }] => self.plain_channels(1),
            _ => false,
        }
    }

    /// Whether a first pass that is direct leaves the target in what it stores, so that the second need not read it.
    #[inline(never)]
    fn labelled(&self) -> bool {
        let Input { activation, dense, kind, segment, .. } = self.input;
        let whole = self.chunk.run == 0 && segment == 0;
        let hard = !dense || kind != Kind::F32;
        activation == Activation::Sigmoid && whole && hard && self.unweighted() && self.plain_entropy()
    }

    fn direct_channels(&mut self, Stages(work): Stages) -> bool {
        let (channels, terms, stored) = (self.tile.channels, self.terms.len(), self.input.stored);
        if work & !Stages::GRADIENT == Stages::TERMS && terms == 1 && !stored {
            match self.pixel_direct(0, work & Stages::GRADIENT != 0) {
                Some(sum) => self.totals[TERMS * channels] += sum,
                None => return false,
            }
        } else if work & !(Stages::STORE | Stages::TERMS) == Stages::SUMS && self.tile.hard && self.plain_entropy() {
            let entropy = self.direct_sums(self.labelled(), terms > 0);
            if terms > 0 {
                self.totals[TERMS * channels] += entropy;
            }
        } else if work == Stages::GRADIENT | Stages::AFFINE && stored && self.plain_entropy() {
            self.direct_gradient(false, self.terms.first().map(|term| term.scale));
        } else {
            return false;
        }
        true
    }

    fn direct_classes(&mut self, stages: Stages) -> bool {
        let (entropy, sums) = (stages.has(Stages::TERMS), stages.has(Stages::SUMS));
        let classes = self.tile.channels;
        if self.tile.target != Target::Labels || self.terms.len() > 1 || entropy && self.terms.is_empty() {
            return false;
        }
        let term = self.terms.first().copied();
        let plain = term.is_none_or(|term| term.loss == PixelLoss::CrossEntropy && self.plain_labels(1));
        let scale = term.map(|term| term.scale);
        if self.input.stored {
            if stages.0 != Stages::GRADIENT | Stages::AFFINE || !plain {
                return false;
            }
            match classes {
                2 => self.direct_few_gradient::<2>(scale),
                3 => self.direct_few_gradient::<3>(scale),
                4 => self.direct_few_gradient::<4>(scale),
                _ => self.direct_many_gradient(scale),
            }
            return true;
        }
        let alone = stages.0 & !Stages::GRADIENT == Stages::TERMS;
        if !alone && (!plain || stages.0 & !(Stages::TERMS | Stages::STORE) != Stages::SUMS) {
            return false;
        }
        // A count of pixels would count those that are out too.
        if !plain
            && (!self.one_hot(1) || term.is_some_and(|term| term.loss == PixelLoss::Rare(rare::Kind::FocalFactor)))
        {
            return false;
        }
        let loss = (!plain).then(|| self.any(0));
        let own = match (entropy, plain) {
            (false, _) => Own::Nothing,
            (true, _) => loss.as_ref().map_or(Own::Entropy, Own::Loss),
        };
        if let Own::Loss(_) = own {
            self.label_weights(1);
        }
        let scale = scale.filter(|_| stages.has(Stages::GRADIENT));
        let value = match classes {
            2 => Some(self.direct_few::<2>(own, sums, scale)),
            3 => Some(self.direct_few::<3>(own, sums, scale)),
            4 => Some(self.direct_few::<4>(own, sums, scale)),
            _ => self.direct_many(own, sums, scale),
        };
        let Some(value) = value else { return false };
        if entropy {
            self.totals[TERMS * classes] += value;
        }
        if sums {
            // Blank lanes are labelled with the first class.
            self.totals[2 * classes] -= self.tile.blank as f64;
        }
        true
    }

    fn compute(&mut self, stages: Stages) {
        let Tile { channels, .. } = self.tile;
        let minimum = stages.has(Stages::MINIMUM) && self.soft();
        if stages.has(Stages::TERMS) {
            for i in 0..self.terms.len() {
                let sum = self.pixel_value(i, stages.has(Stages::EACH));
                self.totals[TERMS * channels + i] += sum;
            }
        }
        if stages.has(Stages::EACH) {
            self.clear_unweighted(|workspace| &mut workspace.grad);
            let planes = if self.tile.activation == Activation::Softmax { 1 } else { channels };
            self.write_out(|workspace| &workspace.grad, planes, Writing::New);
            return;
        }
        if stages.has(Stages::ERRORS) {
            let kind = match stages.0 & (Stages::HINGE | Stages::RESIDUALS | Stages::PROBABILITIES) {
                0 => Errors::Absolute,
                Stages::HINGE => Errors::Hinge,
                Stages::RESIDUALS => Errors::Signed,
                _ => Errors::Probability,
            };
            return self.write_errors(kind);
        }
        if stages.has(Stages::WASSERSTEIN) && !stages.has(Stages::GRADIENT) {
            self.wasserstein_sums();
        }
        if stages.has(Stages::SUMS | Stages::ALL_SUMS) {
            self.region_sums();
        }
        // After the sums, which read the target itself.
        if minimum {
            self.overlap();
        }
        if stages.has(Stages::STORE) {
            self.write_out(|workspace| &workspace.act, channels, Writing::Stored);
        }
        if stages.has(Stages::GRADIENT) {
            for k in 0..channels {
                let plane = self.tile.plane(k);
                self.grad[plane].fill([0.0; LANES]);
            }
            if stages.has(Stages::AFFINE | Stages::CURVED) {
                self.region_gradient(stages.has(Stages::CURVED));
            }
            if stages.has(Stages::RATIO) {
                self.score_samples(true);
            }
            if stages.has(Stages::WASSERSTEIN) {
                self.wasserstein_gradient();
            }
            if stages.has(Stages::SLOPES) {
                self.add_slopes(stages.has(Stages::HINGE));
            }
            for i in 0..self.terms.len() {
                self.pixel_gradient(i);
            }
            self.clear_unweighted(|workspace| &mut workspace.grad);
            let writing = if stages.has(Stages::ADD) { Writing::Added } else { Writing::New };
            self.write_out(|workspace| &workspace.grad, channels, writing);
        } else if stages.has(Stages::RATIO) {
            self.score_samples(false);
        }
    }
}
