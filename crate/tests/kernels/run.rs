//! Runs a case through the core as the door does. The only file that knows the core's methods and buffers.

use crate::case::{Case, ROWS};
use segloss_core::entries::Kind;
pub use segloss_core::pass::Fault;
use segloss_core::pass::Stages;
use segloss_core::workspace::{
    self, Activation, Input, MASS, TERMS, VALID, Weights, Workspace, chunk_pixels, tile_pixels,
};

/// All planar, like the case.
#[derive(Default)]
pub struct Outcome {
    /// Elements of each channel that are neither masked nor ignored.
    pub valid: Vec<f64>,
    /// Σ w of each channel; softmax: Σ w g.
    pub mass: Vec<f64>,
    /// The sum of each term.
    pub values: Vec<f64>,
    /// The same where nothing else is asked for, and where the gradient is.
    pub values_alone: Vec<f64>,
    pub values_with_gradient: Vec<f64>,
    /// The same with a region loss's sums.
    pub values_with_sums: Vec<f64>,
    /// The losses of the first term: of elements, or (softmax) pixels.
    pub each: Vec<f32>,
    /// Row by row.
    pub sums: Vec<f64>,
    /// The same where not all are asked for.
    pub few_sums: Vec<f64>,
    pub few_stored: Vec<f32>,
    /// What pass 1 stores: probabilities, or (sigmoid) signed tails.
    pub stored: Vec<f32>,
    pub gradient: Vec<f32>,
    /// The gradient from what pass 1 stored.
    pub restored: Vec<f32>,
    /// The same from what it stored where not all sums were asked for; empty unless c, d and e are 0.
    pub few_restored: Vec<f32>,
}

/// One workspace for many cases, so that what a case leaves behind is seen by the next.
pub struct Runner(Workspace);

/// The part of a case in hand.
#[derive(Clone, Copy)]
struct Part {
    start: usize,
    length: usize,
}

impl Runner {
    pub fn new() -> Self {
        Self(Workspace::new())
    }

    pub fn run(&mut self, case: &Case) -> Result<Outcome, Fault> {
        let Case { pixels, channels, .. } = *case;
        let planes = if case.activation == Activation::Softmax { 1 } else { channels };
        let mut outcome = Outcome {
            valid: vec![0.0; channels],
            mass: vec![0.0; channels],
            values: vec![0.0; case.terms.len()],
            values_alone: vec![0.0; case.terms.len()],
            values_with_gradient: vec![0.0; case.terms.len()],
            values_with_sums: vec![0.0; case.terms.len()],
            each: vec![0.0; planes * pixels],
            sums: vec![0.0; ROWS * channels],
            few_sums: vec![0.0; ROWS * channels],
            few_stored: vec![0.0; channels * pixels],
            stored: vec![0.0; channels * pixels],
            gradient: vec![0.0; channels * pixels],
            restored: vec![0.0; channels * pixels],
            few_restored: Vec::new(),
        };
        self.prepare(case);
        for start in (0..pixels).step_by(chunk_pixels(channels)) {
            let part = Part { start, length: chunk_pixels(channels).min(pixels - start) };
            self.truth(case, part);
            self.part(case, part, &mut outcome)?;
        }
        Ok(outcome)
    }

    /// What the parts hold, and the terms.
    fn prepare(&mut self, case: &Case) {
        let ws = &mut self.0;
        ws.reserve(case.channels, case.terms.len(), 0);
        ws.chunk.run = usize::from(case.interleaved);
        ws.input = Input {
            channels: case.channels,
            activation: case.activation,
            kind: case.kind,
            dense: case.dense,
            masked: case.mask.is_some(),
            weights: case.given,
            ignore: case.ignore,
            stored: false,
            segment: 0,
        };
        let row = ROWS * case.channels;
        ws.table[..case.affine.len()].copy_from_slice(&case.affine);
        for (i, term) in case.terms.iter().enumerate() {
            ws.table[(1 + i) * row..][..term.rows.len()].copy_from_slice(&term.rows);
            ws.terms[i] = workspace::Term { loss: term.loss, exponent: term.exponent, scale: term.scale };
        }
    }

    /// Every stage, in as many passes as there are results.
    fn part(&mut self, case: &Case, part: Part, outcome: &mut Outcome) -> Result<(), Fault> {
        let channels = case.channels;
        let planes = outcome.each.len() / case.pixels;
        let affine = match &case.affine[..] {
            [] => 0,
            rows if rows[2 * channels..].iter().any(|&c| c != 0.0) => Stages::CURVED,
            _ => Stages::AFFINE,
        };
        self.load_values(self.places(case, part, channels), case, &case.prediction);
        let first = Stages::VALID | Stages::MASS | Stages::VALUES | Stages::TERMS | Stages::ALL_SUMS | Stages::STORE;
        self.stages(case, part, first)?;
        let totals = &self.0.totals;
        let add = |to: &mut [f64], from: &[f64]| to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
        add(&mut outcome.sums, &totals[..ROWS * channels]);
        add(&mut outcome.valid, &totals[VALID * channels..]);
        add(&mut outcome.mass, &totals[MASS * channels..]);
        add(&mut outcome.values, &totals[TERMS * channels..]);
        self.unload(self.stored_places(case, part), case, &mut outcome.stored);
        self.stages(case, part, Stages::VALUES | Stages::TERMS | Stages::SUMS | Stages::STORE)?;
        add(&mut outcome.few_sums, &self.0.totals[..ROWS * channels]);
        add(&mut outcome.values_with_sums, &self.0.totals[TERMS * channels..]);
        self.unload(self.stored_places(case, part), case, &mut outcome.few_stored);
        self.stages(case, part, Stages::VALUES | Stages::TERMS)?;
        add(&mut outcome.values_alone, &self.0.totals[TERMS * channels..]);
        if !case.terms.is_empty() {
            let more = self.0.terms.split_off(1);
            self.stages(case, part, Stages::VALUES | Stages::TERMS | Stages::EACH)?;
            self.0.terms.extend(more);
            self.unload(self.places(case, part, planes), case, &mut outcome.each);
        }
        self.stages(case, part, Stages::VALUES | Stages::TERMS | Stages::GRADIENT | affine)?;
        add(&mut outcome.values_with_gradient, &self.0.totals[TERMS * channels..]);
        self.unload(self.places(case, part, channels), case, &mut outcome.gradient);
        self.load_values(self.stored_places(case, part), case, &outcome.stored);
        self.0.input.stored = true;
        self.stages(case, part, Stages::VALUES | Stages::GRADIENT | affine)?;
        self.unload(self.places(case, part, channels), case, &mut outcome.restored);
        if affine == Stages::AFFINE {
            outcome.few_restored.resize(outcome.restored.len(), 0.0);
            self.load_values(self.stored_places(case, part), case, &outcome.few_stored);
            self.stages(case, part, Stages::VALUES | Stages::GRADIENT | affine | Stages::SUMMED)?;
            self.unload(self.places(case, part, channels), case, &mut outcome.few_restored);
        }
        self.0.input.stored = false;
        Ok(())
    }

    /// One pass; a fault's position becomes one in the planar array.
    fn stages(&mut self, case: &Case, part: Part, stages: u32) -> Result<(), Fault> {
        let place = |at: usize| at / part.length * case.pixels + part.start + at % part.length;
        self.0.run(part.length, Stages(stages)).map_err(|fault| match fault {
            Fault::Mask(at) => Fault::Mask(place(at)),
            Fault::Target(at) => Fault::Target(place(at)),
            Fault::Weights(at) => Fault::Weights(place(at)),
            Fault::Prediction(at) => Fault::Prediction(place(at)),
        })
    }

    /// Target, mask and weights.
    fn truth(&mut self, case: &Case, part: Part) {
        let Part { start, length } = part;
        if let Some(mask) = &case.mask {
            self.0.chunk.mask[..length].copy_from_slice(&mask[start..start + length]);
        }
        let channels = if case.dense { case.channels } else { 1 };
        for (k, i, at) in self.places(case, part, channels) {
            put(&mut self.0.chunk.target, case.kind, at, case.target[k * case.pixels + i]);
        }
        let channels = match case.given {
            Weights::None => 0,
            Weights::Pixel => 1,
            Weights::Element => case.channels,
        };
        for (k, i, at) in self.places(case, part, channels) {
            self.0.chunk.weight[at] = case.weights[k * case.pixels + i];
        }
    }

    fn load_values(&mut self, places: Vec<Place>, case: &Case, from: &[f32]) {
        for (k, i, at) in places {
            self.0.chunk.values[at] = from[k * case.pixels + i];
        }
    }

    fn unload(&self, places: Vec<Place>, case: &Case, to: &mut [f32]) {
        for (k, i, at) in places {
            to[k * case.pixels + i] = self.0.chunk.out[at];
        }
    }

    fn places(&self, case: &Case, part: Part, channels: usize) -> Vec<Place> {
        let stride = self.0.chunk.stride;
        places(part, channels, |k, i| if case.interleaved { i * channels + k } else { k * stride + i })
    }

    /// The same of what pass 1 stores: where channels are last, the planes of each tile end to end.
    fn stored_places(&self, case: &Case, part: Part) -> Vec<Place> {
        if !case.interleaved {
            return self.places(case, part, case.channels);
        }
        let tile = tile_pixels(case.channels);
        places(part, case.channels, |k, i| {
            let start = i / tile * tile;
            start * case.channels + k * tile.min(part.length - start) + i - start
        })
    }
}

/// Channel and pixel of an entry, and its place in a buffer of the chunk.
type Place = (usize, usize, usize);

fn places(part: Part, channels: usize, place: impl Fn(usize, usize) -> usize) -> Vec<Place> {
    let each = (0..channels).flat_map(|k| (0..part.length).map(move |i| (k, i)));
    each.map(|(k, i)| (k, part.start + i, place(k, i))).collect()
}

/// Writes one entry as its type has it.
fn put(bytes: &mut [u8], kind: Kind, at: usize, entry: f64) {
    match kind {
        Kind::U8 => bytes[at] = entry as u8,
        Kind::I8 => bytes[at..][..1].copy_from_slice(&(entry as i8).to_le_bytes()),
        Kind::U16 => bytes[at * 2..][..2].copy_from_slice(&(entry as u16).to_le_bytes()),
        Kind::I16 => bytes[at * 2..][..2].copy_from_slice(&(entry as i16).to_le_bytes()),
        Kind::U32 => bytes[at * 4..][..4].copy_from_slice(&(entry as u32).to_le_bytes()),
        Kind::I32 => bytes[at * 4..][..4].copy_from_slice(&(entry as i32).to_le_bytes()),
        Kind::F32 => bytes[at * 4..][..4].copy_from_slice(&(entry as f32).to_le_bytes()),
    }
}
