//! Compares what came with what should have.

use crate::case::Case;
use crate::naive::Number;

/// Below the cut of the exponential the core has 0, where the twin has something up to this small.
const VANISHING: f64 = 1e-36;

/// Every number within `tolerance` of the magnitudes that it was added up from.
pub fn near<T: Copy + Into<f64>>(what: &str, got: &[T], want: &[Number], tolerance: f64, case: &Case) {
    assert_eq!(got.len(), want.len(), "{what} of {}", case.name());
    for (at, (&got, want)) in got.iter().zip(want).enumerate() {
        let got: f64 = got.into();
        let allowed = tolerance * want.size + VANISHING;
        // Written so that a NaN fails.
        let close = (got - want.value).abs() <= allowed;
        assert!(close, "{what}[{at}] of {}: {got:e}, not {:e} ± {allowed:e}", case.name(), want.value);
    }
}

/// +0 wherever nothing counts.
pub fn nothing_where_unweighted(what: &str, got: &[f32], weight: &[f64], case: &Case) {
    let softmax = case.activation == segloss_core::workspace::Activation::Softmax;
    for (at, got) in got.iter().enumerate() {
        let i = at % case.pixels;
        let out =
            if softmax { (0..case.channels).all(|k| weight[k * case.pixels + i] == 0.0) } else { weight[at] == 0.0 };
        assert!(!out || got.to_bits() == 0, "{what}[{at}] of {}: {got:e}, not +0", case.name());
    }
}
