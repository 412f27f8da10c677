//! The pixel losses that no hot path waits for: all of them share one instance of the drivers, as do the others where
//! they cannot take the direct way.
//!
//! An instance is about 6 KB of code. Which loss it is, is asked once a vector, which the branch predictor makes free
//! beside the logarithms these losses take.

use crate::math;
use crate::pixel::binary_cross_entropy::BinaryCrossEntropy;
use crate::pixel::categorical::Categorical;
use crate::pixel::cross_entropy::CrossEntropy;
use crate::pixel::elementwise::{Elementwise, Logit};
use crate::pixel::exponential_logarithmic::ExponentialLogarithmic;
use crate::pixel::focal::Focal;
use crate::pixel::generalized_cross_entropy::GeneralizedCrossEntropy;
use crate::pixel::poly_cross_entropy::PolyCrossEntropy;
use crate::pixel::quality_focal::QualityFocal;
use crate::pixel::reduced_focal::ReducedFocal;
use crate::simd::F32x4;

/// The functions of `math`, out of line: inlined, they would stand thirty times in the binary.
pub struct Log(math::Log);

impl Log {
    pub fn new() -> Self {
        Self(math::Log::new())
    }
    #[inline(never)]
    pub fn ln(&self, x: F32x4) -> F32x4 {
        self.0.ln(x)
    }
    #[inline(never)]
    pub fn log1p(&self, x: F32x4) -> F32x4 {
        self.0.log1p(x)
    }
    #[inline(never)]
    pub fn log1p_unit(&self, e: F32x4) -> F32x4 {
        self.0.log1p_unit(e)
    }
}

pub struct Exp(math::Exp);

impl Exp {
    pub fn new() -> Self {
        Self(math::Exp::new())
    }
    #[inline(never)]
    pub fn negative(&self, a: F32x4) -> F32x4 {
        self.0.negative(a)
    }
}

/// Which of them it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    BinaryCrossEntropy,
    Focal,
    QualityFocal,
    GeneralizedCrossEntropy,
    PolyCrossEntropy,
    ExponentialLogarithmic,
    /// Focal with a threshold.
    ReducedFocal,
    /// What multiplies the logarithm in it, alone: the normaliser of a normalised focal loss.
    FocalFactor,
}

pub enum Rare {
    BinaryCrossEntropy(BinaryCrossEntropy),
    Focal(Focal),
    QualityFocal(QualityFocal),
    GeneralizedCrossEntropy(GeneralizedCrossEntropy),
    PolyCrossEntropy(PolyCrossEntropy),
    ExponentialLogarithmic(ExponentialLogarithmic),
    ReducedFocal(ReducedFocal),
}

impl Rare {
    /// `exponent` is the loss's one parameter; the reduced focal loss has two more.
    pub fn new(kind: Kind, exponent: f32, more: [f32; 2]) -> Self {
        match kind {
            Kind::BinaryCrossEntropy => Self::BinaryCrossEntropy(BinaryCrossEntropy::new()),
            Kind::Focal => Self::Focal(Focal::new(exponent)),
            Kind::QualityFocal => Self::QualityFocal(QualityFocal::new(exponent)),
            Kind::GeneralizedCrossEntropy => Self::GeneralizedCrossEntropy(GeneralizedCrossEntropy::new(exponent)),
            Kind::PolyCrossEntropy => Self::PolyCrossEntropy(PolyCrossEntropy::new(exponent)),
            Kind::ExponentialLogarithmic => Self::ExponentialLogarithmic(ExponentialLogarithmic::new(exponent)),
            Kind::ReducedFocal => Self::ReducedFocal(ReducedFocal::new(exponent, more, true)),
            Kind::FocalFactor => Self::ReducedFocal(ReducedFocal::new(exponent, more, false)),
        }
    }
}

macro_rules! each {
    ($self:ident, $loss:ident => $call:expr) => {
        match $self {
            Rare::BinaryCrossEntropy($loss) => $call,
            Rare::Focal($loss) => $call,
            Rare::QualityFocal($loss) => $call,
            Rare::GeneralizedCrossEntropy($loss) => $call,
            Rare::PolyCrossEntropy($loss) => $call,
            Rare::ExponentialLogarithmic($loss) => $call,
            Rare::ReducedFocal($loss) => $call,
        }
    };
}

impl Elementwise for Rare {
    #[inline(never)]
    fn of_logit(&self, x: &Logit, near: F32x4, far: F32x4) -> F32x4 {
        each!(self, loss => loss.of_logit(x, near, far))
    }
    #[inline(never)]
    fn logit_slope(&self, x: &Logit, near: F32x4, far: F32x4) -> F32x4 {
        each!(self, loss => loss.logit_slope(x, near, far))
    }
    #[inline(never)]
    fn of_probability(&self, p: F32x4, positive: F32x4, negative: F32x4) -> F32x4 {
        each!(self, loss => loss.of_probability(p, positive, negative))
    }
    #[inline(never)]
    fn probability_slope(&self, p: F32x4, positive: F32x4, negative: F32x4) -> F32x4 {
        each!(self, loss => loss.probability_slope(p, positive, negative))
    }
}

impl Categorical for Rare {
    const NEEDS_PROBABILITY: bool = true;

    #[inline(never)]
    fn of(&self, negative_log: F32x4, q: F32x4) -> F32x4 {
        match self {
            // Cross-entropy; losses of one yes-or-no the door refuses.
            Self::BinaryCrossEntropy(_) | Self::QualityFocal(_) => CrossEntropy.of(negative_log, q),
            Self::Focal(loss) => loss.of(negative_log, q),
            Self::GeneralizedCrossEntropy(loss) => loss.of(negative_log, q),
            Self::PolyCrossEntropy(loss) => loss.of(negative_log, q),
            Self::ExponentialLogarithmic(loss) => loss.of(negative_log, q),
            Self::ReducedFocal(loss) => loss.of(negative_log, q),
        }
    }
    #[inline(never)]
    fn slope(&self, negative_log: F32x4, p: F32x4, q: F32x4) -> F32x4 {
        match self {
            Self::BinaryCrossEntropy(_) | Self::QualityFocal(_) => CrossEntropy.slope(negative_log, p, q),
            Self::Focal(loss) => loss.slope(negative_log, p, q),
            Self::GeneralizedCrossEntropy(loss) => loss.slope(negative_log, p, q),
            Self::PolyCrossEntropy(loss) => loss.slope(negative_log, p, q),
            Self::ExponentialLogarithmic(loss) => loss.slope(negative_log, p, q),
            Self::ReducedFocal(loss) => loss.slope(negative_log, p, q),
        }
    }
}
