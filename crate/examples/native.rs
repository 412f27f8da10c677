//! The kernels compiled for the host, streamed through a workspace as the door does it: what WebAssembly is held
//! against, and what the regression guard counts the instructions of.
//!
//! `native FORMULA SAMPLES CHANNELS PIXELS first|last|far value|gradient MILLISECONDS` prints a line of JSON. It makes the
//! same inputs as `bench/cases.ts`, so that value and gradient can be compared; `far` rules the last class out, by logits
//! of −10^4.

use rustix::time::{ClockId, clock_gettime};
use segloss_core::entries::Kind;
use segloss_core::pass::Stages;
use segloss_core::pixel::PixelLoss;
use segloss_core::workspace::{
    Activation, Input, TABLE_ROWS, TERMS, Term, Weights, Workspace, chunk_pixels, chunk_stride,
};
use std::hint::black_box;
use std::ops::Range;

const SMOOTH: f64 = 1e-5;
const FEWEST_ROUNDS: usize = 3;
const PARTS: usize = 4;
/// Shorter samples are repeated, since the clock has a grain.
const SHORTEST_MS: f64 = 0.2;
const LONG_MS: f64 = 2.0;

/// Mulberry32, as in `bench/cases.ts`.
struct Random(u32);

impl Random {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x6d2b_79f5);
        let mut t = (self.0 ^ (self.0 >> 15)).wrapping_mul(1 | self.0);
        t = t.wrapping_add((t ^ (t >> 7)).wrapping_mul(61 | t)) ^ t;
        f64::from(t ^ (t >> 14)) / 4_294_967_296.0
    }
}

struct Problem {
    activation: Activation,
    pixel: Option<PixelLoss>,
    dice: bool,
    samples: usize,
    channels: usize,
    pixels: usize,
    interleaved: bool,
    pred: Vec<f32>,
    target: Vec<u8>,
}

impl Problem {
    fn new(formula: &str, [samples, channels, pixels]: [usize; 3], layout: &str) -> Self {
        let (pixel, dice) = match formula {
            "binaryCrossEntropy" => (Some(PixelLoss::BinaryCrossEntropy), false),
            "sigmoidFocal" | "softmaxFocal" => (Some(PixelLoss::Focal), false),
            "crossEntropy" => (Some(PixelLoss::CrossEntropy), false),
            "sigmoidDice" | "softmaxDice" => (None, true),
            "diceCrossEntropy" => (Some(PixelLoss::CrossEntropy), true),
            _ => panic!("no formula {formula}"),
        };
        let mut random = Random(1);
        let mut pred: Vec<f32> = (0..samples * channels * pixels)
            .map(|_| {
                let radius = (-2.0 * (1.0 - random.next()).ln()).sqrt();
                (3.0 * radius * (std::f64::consts::TAU * random.next()).cos()) as f32
            })
            .collect();
        if layout == "far" {
            let last = |sample: &mut [f32]| sample[(channels - 1) * pixels..].fill(-1e4);
            pred.chunks_mut(channels * pixels).for_each(last);
        }
        let mut target = Vec::with_capacity(samples * pixels);
        while target.len() < samples * pixels {
            let run = (64.0 * random.next()).ceil() as usize;
            let classes = channels.max(2) as f64;
            let label = if random.next() < 0.9 { 0 } else { 1 + ((classes - 1.0) * random.next()) as u8 };
            target.resize((target.len() + run).min(samples * pixels), label);
        }
        let activation = if channels == 1 { Activation::Sigmoid } else { Activation::Softmax };
        let interleaved = layout == "last";
        Self { activation, pixel, dice, samples, channels, pixels, interleaved, pred, target }
    }

    fn prepare(&self, workspace: &mut Workspace, stored: bool) {
        let channels = self.channels;
        workspace.reserve(channels, usize::from(self.pixel.is_some()), 0);
        workspace.chunk.run = usize::from(self.interleaved);
        workspace.input = Input {
            channels,
            activation: self.activation,
            kind: Kind::U8,
            dense: channels == 1,
            masked: false,
            weights: Weights::None,
            ignore: None,
            stored,
            segment: 0,
        };
        let Some(loss) = self.pixel else { return };
        let scale = (1.0 / self.target.len() as f64) as f32;
        workspace.terms[0] = Term { loss, exponent: 2.0, scale };
        let slot = &mut workspace.table[TABLE_ROWS * channels..2 * TABLE_ROWS * channels];
        slot.fill(0.0);
        let rows: &[(usize, f32)] = match self.activation {
            Activation::Softmax => &[(0, 1.0), (1, 1.0)],
            // The weights of a positive and of a negative: 0 + g and 1 − g.
            _ => &[(1, 1.0), (2, 1.0), (3, -1.0)],
        };
        for &(row, constant) in rows {
            slot[row * channels..(row + 1) * channels].fill(constant);
        }
    }

    /// Calls `visit` with every run of entries that lies together in the caller's array and in the chunk.
    fn runs(&self, sample: usize, part: &Range<usize>, mut visit: impl FnMut(Range<usize>, Range<usize>)) {
        let (channels, length) = (self.channels, part.len());
        if self.interleaved {
            let from = (sample * self.pixels + part.start) * channels;
            return visit(0..length * channels, from..from + length * channels);
        }
        for k in 0..channels {
            let at = k * chunk_stride(channels);
            let from = (sample * channels + k) * self.pixels + part.start;
            visit(at..at + length, from..from + length);
        }
    }

    /// One pass over a sample. `out`: where `chunk.out` goes, and what was stored is read; the first `held` chunks stay in
    /// the workspace from the first pass to the second.
    fn pass(
        &self,
        workspace: &mut Workspace,
        sample: usize,
        stages: u32,
        mut out: Option<&mut [f32]>,
        totals: &mut [f64],
        held: usize,
    ) {
        let stored = workspace.input.stored;
        for (at, start) in (0..self.pixels).step_by(chunk_pixels(self.channels)).enumerate() {
            let held = at < held;
            workspace.hold(held.then_some(at));
            let part = start..(start + chunk_pixels(self.channels)).min(self.pixels);
            let first = sample * self.pixels;
            workspace.chunk.target[..part.len()].copy_from_slice(&self.target[first + part.start..first + part.end]);
            if !(stored && held) {
                self.runs(sample, &part, |at, from| {
                    let source = if stored { out.as_deref().unwrap_or_default() } else { &self.pred };
                    workspace.chunk.values[at].copy_from_slice(&source[from]);
                });
            }
            if let Err(fault) = workspace.run(part.len(), Stages(stages)) {
                panic!("{fault:?}");
            }
            for (total, sum) in totals.iter_mut().zip(&workspace.totals) {
                *total += sum;
            }
            if let Some(out) = out.as_deref_mut()
                && (stored || !held)
            {
                self.runs(sample, &part, |at, to| out[to].copy_from_slice(&workspace.chunk.out[at]));
            }
        }
    }

    /// The value; with `out`, the gradient into it. Never inlined: the guard counts by this name.
    #[inline(never)]
    fn loss_call(&self, workspace: &mut Workspace, mut out: Option<&mut [f32]>) -> f64 {
        let channels = self.channels;
        let term = if self.pixel.is_some() { Stages::TERMS } else { 0 };
        let mut value = 0.0;
        let mut totals = vec![0.0; TERMS * channels + 1];
        for sample in 0..self.samples {
            totals.fill(0.0);
            self.prepare(workspace, false);
            if !self.dice {
                let gradient = if out.is_some() { Stages::GRADIENT } else { 0 };
                self.pass(workspace, sample, Stages::VALUES | term | gradient, out.as_deref_mut(), &mut totals, 0);
                value += totals[TERMS * channels] / self.target.len() as f64;
                continue;
            }
            let store = if out.is_some() { Stages::STORE } else { 0 };
            let chunks = self.pixels.div_ceil(chunk_pixels(channels));
            let held = if out.is_some() { workspace.reserve_held(chunks) } else { 0 };
            let stages = Stages::VALUES | Stages::SUMS | term | store;
            self.pass(workspace, sample, stages, out.as_deref_mut(), &mut totals, held);
            value += totals[TERMS * channels] / self.target.len() as f64;
            self.prepare(workspace, true);
            let parts = (self.samples * channels) as f64;
            for k in 0..channels {
                let [overlap, predicted, foreground] = [0, 1, 2].map(|row| totals[row * channels + k]);
                let numerator = 2.0 * overlap + SMOOTH;
                let denominator = predicted + foreground + SMOOTH;
                value += (1.0 - numerator / denominator) / parts;
                workspace.table[k] = (numerator / (denominator * denominator) / parts) as f32;
                workspace.table[channels + k] = (-2.0 / denominator / parts) as f32;
            }
            if let Some(out) = out.as_deref_mut() {
                let stages = Stages::VALUES | Stages::GRADIENT | Stages::AFFINE | Stages::SUMMED;
                self.pass(workspace, sample, stages, Some(out), &mut totals, held);
            }
        }
        value
    }

    /// The floor: every prediction and label read and every gradient written once, and hardly a computation.
    #[inline(never)]
    fn copy_call(&self, out: &mut [f32]) {
        for (n, (out, pred)) in out.chunks_mut(self.pixels).zip(self.pred.chunks(self.pixels)).enumerate() {
            let sample = n / self.channels;
            let target = &self.target[sample * self.pixels..(sample + 1) * self.pixels];
            for ((out, &pred), &label) in out.iter_mut().zip(pred).zip(target) {
                *out = pred + f32::from(label);
            }
        }
    }
}

fn milliseconds_of(clock: ClockId) -> f64 {
    let time = clock_gettime(clock);
    time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
}

/// By the clock, or for a long sample by the processor's time where that is less, as `bench/measure.ts` does.
fn passed(work: impl FnOnce()) -> f64 {
    let now = || [ClockId::Monotonic, ClockId::ProcessCPUTime].map(milliseconds_of);
    let start = now();
    work();
    let end = now();
    let (elapsed, cpu) = (end[0] - start[0], end[1] - start[1]);
    if cpu > LONG_MS { elapsed.min(cpu) } else { elapsed }
}

/// Milliseconds of a call: every sample, in order.
fn measure(milliseconds: f64, mut call: impl FnMut()) -> Vec<f64> {
    let mut timed = |repeat: usize| passed(|| (0..repeat).for_each(|_| call())) / repeat as f64;
    let repeat = (SHORTEST_MS / timed(1)).ceil() as usize;
    let (mut times, mut spent) = (Vec::new(), 0.0);
    while times.len() < FEWEST_ROUNDS || spent < milliseconds {
        let time = timed(repeat);
        spent += time * repeat as f64;
        times.push(time);
    }
    times
}

/// The fields of bench/measure.ts's `Timing`.
fn timing(times: &[f64]) -> String {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    let minima =
        times.chunks(times.len().div_ceil(PARTS)).map(|part| part.iter().fold(f64::INFINITY, |a, &b| a.min(b)));
    let minima: Vec<_> = minima.collect();
    format!(r#""min":{},"median":{},"minima":{minima:?},"rounds":{}"#, sorted[0], sorted[times.len() / 2], times.len())
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [formula, samples, channels, pixels, layout, mode, milliseconds] = &arguments[..] else {
        panic!("native FORMULA SAMPLES CHANNELS PIXELS first|last|far value|gradient MILLISECONDS");
    };
    let number = |text: &String| text.parse().unwrap_or_else(|_| panic!("no number: {text}"));
    let problem = Problem::new(formula, [samples, channels, pixels].map(number), layout);
    let milliseconds: f64 = milliseconds.parse().unwrap_or(0.0);
    let mut workspace = Workspace::new();
    let mut out = vec![0.0; problem.pred.len()];
    let value = problem.loss_call(&mut workspace, (mode == "gradient").then_some(&mut out[..]));
    let gradient: f64 = out.iter().map(|&g| f64::from(g.abs())).sum();
    print!(r#"{{"value":{value},"gradient":{gradient}"#);
    if milliseconds > 0.0 {
        let times = measure(milliseconds, || {
            let out = (mode == "gradient").then_some(&mut out[..]);
            black_box(problem.loss_call(&mut workspace, out));
        });
        let copies = measure(milliseconds / 4.0, || problem.copy_call(black_box(&mut out)));
        print!(r#","kernel":{{{}}},"copy":{{{}}}"#, timing(&times), timing(&copies));
    }
    println!("}}");
}
