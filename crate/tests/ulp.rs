//! The error bounds stated in `math.rs`, in units of the last place of the exact result, against `f64`.
//!
//! `cargo test` looks at every 1021st float of each domain; the ignored tests at every one:
//! `cargo test --release --test ulp -- --ignored --nocapture`, and again with `RUSTFLAGS='-C target-feature=+fma'`,
//! since every bound holds for both roundings of a multiply-add.

use segloss_core::math::{Exp, Log, Power, sigmoid_tail};
use segloss_core::simd::{F32x4, LANES, Quad};
use segloss_core::sums::LogProduct;
use std::ops::RangeInclusive;
use std::thread;

/// The last before exp(−a) falls below the normal floats.
const CUT: f32 = 87.33;
/// Beyond it exp(−a) is exactly 0.
const ZERO: f32 = 87.69;

/// Floats a thread takes at a time.
const CHUNK: u64 = 1 << 16;

/// The distance between floats at `exact`.
fn ulp(exact: f64) -> f64 {
    let exponent = ((exact.to_bits() >> 52) & 0x7ff) as i64 - 1023;
    f64::from_bits(((exponent.max(-126) - 23 + 1023) as u64) << 52)
}

#[derive(Clone, Copy, Default)]
struct Worst {
    error: f64,
    /// The error over its bound there.
    share: f64,
    at: f32,
}

impl Worst {
    fn or(self, other: Self) -> Self {
        if other.share > self.share { other } else { self }
    }
}

/// The worst error of `of` over every `step`th float of the domain, whose ends have the same sign.
fn worst(
    domain: &RangeInclusive<f32>,
    step: u64,
    bound: &(impl Fn(f64) -> f64 + Sync),
    of: &(impl Fn(F32x4) -> F32x4 + Sync),
    exact: &(impl Fn(f64) -> f64 + Sync),
) -> Worst {
    let (a, b) = (domain.start().to_bits(), domain.end().to_bits());
    let (first, last) = (u64::from(a.min(b)), u64::from(a.max(b)));
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let part = |thread: usize| {
        let mut found = Worst::default();
        let mut start = first + thread as u64 * CHUNK * step;
        while start <= last {
            for quad in (0..CHUNK).step_by(LANES) {
                let lane = |i: usize| (start + (quad + i as u64) * step).min(last);
                let x: Quad = std::array::from_fn(|i| f32::from_bits(lane(i) as u32));
                let y = of(F32x4::load(&x)).to_array();
                for (&x, y) in x.iter().zip(y) {
                    let right = exact(f64::from(x));
                    let error = (f64::from(y) - right).abs() / ulp(right);
                    // A NaN is the worst of all errors.
                    let error = if error.is_nan() { f64::INFINITY } else { error };
                    found = found.or(Worst { error, share: error / bound(f64::from(x)), at: x });
                }
                if lane(LANES - 1) == last {
                    break;
                }
            }
            start += threads as u64 * CHUNK * step;
        }
        found
    };
    thread::scope(|scope| {
        let parts: Vec<_> = (0..threads).map(|thread| scope.spawn(move || part(thread))).collect();
        parts.into_iter().map(|part| part.join().expect("a sweep")).fold(Worst::default(), Worst::or)
    })
}

fn check(
    name: &str,
    bound: impl Fn(f64) -> f64 + Sync,
    domains: &[RangeInclusive<f32>],
    step: u64,
    of: impl Fn(F32x4) -> F32x4 + Sync,
    exact: impl Fn(f64) -> f64 + Sync,
) {
    let found = domains.iter().map(|domain| worst(domain, step, &bound, &of, &exact)).fold(Worst::default(), Worst::or);
    let Worst { error, share, at } = found;
    let fused = if cfg!(target_feature = "fma") { "fused" } else { "not fused" };
    let line = format!("{name}, {fused}, every {step}: {error:.3} ULP at {at:e}, {:.0} % of the bound", 100.0 * share);
    println!("{line}");
    assert!(share <= 1.0, "{line}");
}

fn exp(step: u64) {
    let exp = Exp::new();
    check("exp(−a)", |_| 1.1, &[0.0..=CUT], step, |a| exp.negative(a), |a| (-a).exp());
    check("exp(x)", |_| 1.1, &[0.0..=CUT, -0.0..=-CUT], step, |x| exp.near::<false>(x), f64::exp);
}

fn sigmoid(step: u64) {
    let exp = Exp::new();
    check("σ(−a)", |_| 2.5, &[0.0..=CUT], step, |a| sigmoid_tail(exp.negative(a)), |a| 1.0 / (1.0 + a.exp()));
}

fn log1p_unit(step: u64) {
    let log = Log::new();
    check("ln(1 + e), e in [0, 1]", |_| 1.5, &[0.0..=1.0], step, |e| log.log1p_unit(e), f64::ln_1p);
}

fn ln(step: u64) {
    let log = Log::new();
    check("ln x", |_| 1.0, &[f32::from_bits(1)..=f32::MAX], step, |x| log.ln(x), f64::ln);
}

fn log1p(step: u64) {
    let log = Log::new();
    // Beyond 2^25, 1 + x is x.
    let domains = [-0.999_999_94..=-0.0, 0.0..=33_554_432.0];
    check("ln(1 + x)", |_| 1.5, &domains, step, |x| log.log1p(x), f64::ln_1p);
}

/// ln(1 + e^z) as the losses form it: max(z, 0) + ln(1 + e^−|z|).
fn softplus(step: u64) {
    let (exp, log, zero) = (Exp::new(), Log::new(), F32x4::splat(0.0));
    let of = |z: F32x4| z.at_least(zero) + log.log1p_unit(exp.negative(z.abs()));
    let exact = |z: f64| z.max(0.0) + (-z.abs()).exp().ln_1p();
    check("softplus", |_| 2.5, &[-CUT..=-0.0, 0.0..=CUT], step, of, exact);
}

/// x^γ where the result is a normal float. The bound grows with the argument of the exponential.
fn power(step: u64) {
    for exponent in [0.0, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 2.5, 3.0, 5.0, 7.9_f32] {
        let (power, log) = (Power::new(exponent), Log::new());
        let exponent = f64::from(exponent);
        let bound = |x: f64| 1.5 + exponent.floor() / 2.0 + 2.0 * exponent.fract() * -x.ln();
        // From the smallest x whose power is normal, a little inside.
        let least = f64::from(f32::MIN_POSITIVE).powf(1.0 / exponent.max(1.0)) * 1.001;
        let of = |x: F32x4| power.of(x, -log.ln(x));
        check(&format!("x^{exponent:.2}"), bound, &[least as f32..=1.0], step, of, |x| x.powf(exponent));
    }
}

macro_rules! sweeps {
    ($($function:ident)*) => {
        mod sampled { $(#[test] fn $function() { super::$function(1021); })* }
        mod every { $(#[test] #[ignore = "minutes in a debug build; CI runs it"] fn $function() { super::$function(1); })* }
    };
}
sweeps!(exp sigmoid log1p_unit ln log1p softplus);

/// Every float for eleven exponents would take as long as all else together, and the pieces are swept above.
#[test]
fn power_sampled() {
    power(1021);
}

#[test]
#[ignore = "belongs to the long sweep"]
fn power_every_31st() {
    power(31);
}

fn each(of: impl Fn(F32x4) -> F32x4, x: f32) -> f32 {
    let [a, b, c, d] = of(F32x4::splat(x)).to_array();
    let same = |other: f32| other.to_bits() == a.to_bits() || (other.is_nan() && a.is_nan());
    assert!([b, c, d].into_iter().all(same), "lanes differ at {x:e}");
    a
}

#[test]
fn exp_is_exactly_zero_beyond_the_cut() {
    let exp = Exp::new();
    for a in [ZERO, 87.7, 87.99, 88.0, 88.01, 88.4, 103.97, 104.0, 1e3, 1e4, 3e9, 1e38, f32::MAX, f32::INFINITY] {
        assert_eq!(each(|a| exp.negative(a), a).to_bits(), 0, "exp(−{a:e})");
    }
    assert!(each(|a| exp.negative(a), CUT) >= f32::MIN_POSITIVE);
}

#[test]
fn exp_of_nothing_is_exactly_one() {
    let exp = Exp::new();
    for a in [0.0, -0.0, f32::from_bits(1), f32::MIN_POSITIVE, 1e-30] {
        assert_eq!(each(|a| exp.negative(a), a), 1.0, "exp(−{a:e})");
    }
}

#[test]
fn nan_stays_nan() {
    let (exp, log, x) = (Exp::new(), Log::new(), f32::NAN);
    assert!(each(|a| exp.negative(a), x).is_nan());
    assert!(each(|e| log.log1p_unit(e), x).is_nan());
    assert!(each(|x| log.ln(x), x).is_nan());
    assert!(each(|x| log.log1p(x), x).is_nan());
    assert!(each(sigmoid_tail, x).is_nan());
    for exponent in [0.5, 1.0, 2.0, 2.5] {
        assert!(each(|x| Power::new(exponent).of(x, -log.ln(x)), x).is_nan(), "NaN^{exponent}");
    }
}

#[test]
fn logarithms_at_the_ends() {
    let log = Log::new();
    assert_eq!(each(|x| log.ln(x), 1.0).to_bits(), 0);
    for zero in [0.0, -0.0] {
        assert_eq!(each(|e| log.log1p_unit(e), zero), 0.0);
        assert_eq!(each(|x| log.log1p(x), zero), 0.0);
        assert!(each(|x| log.ln(x), zero) < -100.0, "ln 0 lies below the clamp of the losses");
    }
    assert!(each(|x| log.log1p(x), -1.0) < -100.0, "ln(1 − 1) lies below the clamp of the losses");
    for tiny in [f32::from_bits(1), -f32::from_bits(1), 1e-40, -1e-40] {
        assert_eq!(each(|x| log.log1p(x), tiny), tiny);
    }
    assert_eq!(each(|e| log.log1p_unit(e), f32::from_bits(1)), f32::from_bits(1));
}

#[test]
fn powers_at_the_ends() {
    let log = Log::new();
    let of = |exponent: f32, x: f32| each(|x| Power::new(exponent).of(x, -log.ln(x)), x);
    for exponent in [0.0, 0.3, 1.0, 2.0, 2.5, 7.0, 1e3, 1e6] {
        assert_eq!(of(exponent, 1.0), 1.0, "1^{exponent}");
    }
    assert_eq!(of(0.0, 0.0), 1.0);
    for exponent in [0.01, 0.5, 1.0, 1.5, 2.0, 3.0, 1e6] {
        assert_eq!(of(exponent, 0.0), 0.0, "0^{exponent}");
    }
    assert_eq!(of(1e6, 0.5), 0.0);
    assert_eq!(of(0.5, 0.25), 0.5);
}

#[test]
fn a_product_of_any_factors_is_settled_before_it_overflows() {
    for size in [1e-30, 1.0, 3.0, 1e10, 2f32.powi(125)] {
        for vectors in [1, 3, 4, 257] {
            let factors: Vec<Quad> =
                (0..vectors).map(|i| [size, 0.0, size / 3.0, if i == 2 { size } else { 0.0 }]).collect();
            let mut product = LogProduct::new();
            product.multiply_all(&factors);
            let right: f64 = factors.as_flattened().iter().map(|&x| f64::from(x).ln_1p()).sum();
            assert!(
                (product.total() - right).abs() <= 1e-12 * right,
                "{vectors} of {size}: {} {right}",
                product.total()
            );
        }
    }
}
