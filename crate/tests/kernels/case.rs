//! One call of the core as plain data, and a source of such.

use segloss_core::entries::Kind;
use segloss_core::pixel::PixelLoss;
use segloss_core::workspace::{Activation, Weights};

/// Rows of a table.
pub const ROWS: usize = 8;

pub const ACTIVATIONS: [Activation; 3] = [Activation::None, Activation::Sigmoid, Activation::Softmax];
pub const KINDS: [Kind; 7] = [Kind::U8, Kind::I8, Kind::U16, Kind::I16, Kind::U32, Kind::I32, Kind::F32];

/// A pixel loss with its constants, row by row.
#[derive(Clone, Debug)]
pub struct Term {
    pub loss: PixelLoss,
    pub exponent: f32,
    pub scale: f32,
    pub rows: Vec<f32>,
}

/// All arrays are planar here: entry i of channel k is at k·pixels + i. `interleaved` is how the core gets them.
#[derive(Clone)]
pub struct Case {
    pub pixels: usize,
    pub channels: usize,
    pub activation: Activation,
    pub interleaved: bool,
    pub prediction: Vec<f32>,
    pub kind: Kind,
    pub dense: bool,
    pub target: Vec<f64>,
    pub ignore: Option<f64>,
    pub mask: Option<Vec<f32>>,
    pub given: Weights,
    pub weights: Vec<f32>,
    pub terms: Vec<Term>,
    /// Rows a…e of the region losses' gradient; empty: none.
    pub affine: Vec<f32>,
}

impl Case {
    /// Logits, labels and nothing else.
    pub fn plain(pixels: usize, channels: usize, activation: Activation, random: &mut Random) -> Self {
        Self {
            pixels,
            channels,
            activation,
            interleaved: false,
            prediction: (0..pixels * channels).map(|_| random.prediction(activation)).collect(),
            kind: Kind::U8,
            dense: false,
            target: (0..pixels).map(|_| random.label(channels)).collect(),
            ignore: None,
            mask: None,
            given: Weights::None,
            weights: Vec::new(),
            terms: Vec::new(),
            affine: Vec::new(),
        }
    }

    /// How this case is called in a failure.
    pub fn name(&self) -> String {
        let activation = match self.activation {
            Activation::None => "none",
            Activation::Sigmoid => "sigmoid",
            Activation::Softmax => "softmax",
        };
        let given = match self.given {
            Weights::None => "no weights",
            Weights::Pixel => "pixel weights",
            Weights::Element => "element weights",
        };
        format!(
            "{} px, {} channels, {activation}, dense {}, ignore {:?}, mask {}, {given}, channels last {}, terms {:?}",
            self.pixels,
            self.channels,
            self.dense,
            self.ignore,
            self.mask.is_some(),
            self.interleaved,
            self.terms
        )
    }
}

/// SplitMix64: the same cases on every machine.
pub struct Random(pub u64);

impl Random {
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let a = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let b = (a ^ (a >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        b ^ (b >> 31)
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.bits() % n as u64) as usize
    }

    pub fn unit(&mut self) -> f32 {
        (self.bits() >> 40) as f32 / (1 << 24) as f32
    }

    pub fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    pub fn label(&mut self, channels: usize) -> f64 {
        self.below(channels) as f64
    }

    pub fn prediction(&mut self, activation: Activation) -> f32 {
        if activation == Activation::None {
            let end = self.below(12);
            return match end {
                0 => 0.0,
                1 => 1.0,
                2 => -0.0,
                3 => 1e-7,
                4 => 1.0 - f32::EPSILON / 2.0,
                5 => 1.0 + 5e-7,
                6 => -5e-7,
                _ => self.unit(),
            };
        }
        let spread = self.of(&[1.0, 1.0, 6.0, 20.0]);
        if self.below(16) == 0 { self.of(&[0.0, -0.0, spread, -spread]) } else { (self.unit() * 2.0 - 1.0) * spread }
    }

    pub fn rows(&mut self, rows: usize, channels: usize) -> Vec<f32> {
        (0..rows * channels).map(|_| self.unit() * 2.0 - 0.5).collect()
    }
}

/// What a case may have beside logits and labels.
#[derive(Clone, Copy)]
pub struct Forms {
    pub dense: bool,
    pub masked: bool,
    pub ignores: bool,
    pub given: Weights,
    pub interleaved: bool,
}

/// Every combination of forms; of long cases a fifth, in which each form still occurs.
pub fn forms(pixels: usize) -> impl Iterator<Item = Forms> {
    (0..48).step_by(if pixels < 68 { 1 } else { 5 }).map(|code: usize| Forms {
        dense: code & 1 != 0,
        masked: code & 2 != 0,
        ignores: code & 4 != 0,
        interleaved: code & 8 != 0,
        given: [Weights::None, Weights::Pixel, Weights::Element][code / 16],
    })
}

/// Lengths at which loops begin, end and turn over.
pub fn lengths() -> impl Iterator<Item = usize> {
    (0..=67).chain([255, 256, 257, 1023, 1025, 4096, 4099])
}

/// A random case of these forms. Where a pixel is out, its data is garbage.
pub fn case(pixels: usize, channels: usize, activation: Activation, forms: Forms, random: &mut Random) -> Case {
    let mut case = Case::plain(pixels, channels, activation, random);
    case.kind = random.of(&KINDS);
    case.interleaved = forms.interleaved;
    let signed = matches!(case.kind, Kind::I8 | Kind::I16 | Kind::I32 | Kind::F32);
    if forms.ignores {
        let outside = if signed { -1.0 } else { 255.0 };
        // A label map may ignore one of its classes; a dense target may not ignore 0 or 1.
        case.ignore = Some(if forms.dense || random.below(2) == 0 { outside } else { random.label(channels) });
    }
    if forms.dense {
        case.dense = true;
        let soft = case.kind == Kind::F32;
        let entry = |random: &mut Random| if soft { f64::from(random.unit()) } else { random.below(2) as f64 };
        case.target = (0..pixels * channels).map(|_| entry(random)).collect();
    }
    if let Some(ignore) = case.ignore {
        for entry in &mut case.target {
            if random.below(5) == 0 {
                *entry = ignore;
            }
        }
    }
    if forms.masked {
        case.mask = Some((0..pixels).map(|_| random.of(&[0.0, -0.0, 1.0, 1.0, 0.5, -2.0, 7.0])).collect());
    }
    case.given = forms.given;
    let count = match forms.given {
        Weights::None => 0,
        Weights::Pixel => pixels,
        Weights::Element => pixels * channels,
    };
    case.weights = (0..count).map(|_| random.of(&[0.0, 1.0, 0.25, 3.0]) * (0.5 + random.unit())).collect();
    spoil(&mut case, random);
    case
}

/// Puts what must not matter where a pixel is masked, ignored or (the prediction) of weight 0.
fn spoil(case: &mut Case, random: &mut Random) {
    let truth = crate::naive::Truth::of(case);
    let garbage = if case.kind == Kind::F32 { f64::NAN } else { 77.0 };
    for i in 0..case.pixels {
        let entries = if case.dense { case.channels } else { 1 };
        for at in (0..entries).map(|k| k * case.pixels + i) {
            if !truth.valid[at] && case.ignore != Some(case.target[at]) {
                case.target[at] = garbage;
            }
        }
        let whole = (0..case.channels).all(|k| truth.weight[k * case.pixels + i] == 0.0);
        for k in 0..case.channels {
            let out = truth.weight[k * case.pixels + i] == 0.0 && (whole || case.activation != Activation::Softmax);
            if out {
                case.prediction[k * case.pixels + i] = random.of(&[f32::NAN, f32::INFINITY, 5.0, -9.0]);
            }
        }
    }
}
