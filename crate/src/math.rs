//! Exponential and logarithm on four lanes, with stated error bounds.
//!
//! Every bound is measured in units of the last place against `f64`, with and without fused multiply-add, by
//! `tests/ulp.rs`: a sample of the domain in `cargo test`, every `f32` of it in `.ci/run`.
//!
//! Coefficients: Sollya `fpminimax` in single precision. The tables are read once per call through `black_box`:
//! newer V8 otherwise re-creates every vector constant inside the loop (40 % slower, measured on V8 14.6).

use crate::simd::{F32x4, I32x4, LANES, Quad};
use core::hint::black_box;

const fn rows<const N: usize>(bits: [u32; N]) -> [Quad; N] {
    let mut table = [[0.0; LANES]; N];
    let mut i = 0;
    while i < N {
        table[i] = [f32::from_bits(bits[i]); LANES];
        i += 1;
    }
    table
}

static EXP: [Quad; 11] = rows([
    0x42B0_0000, // 88: n is −127 from there on, whose power of two is stored as 0
    0x3FB8_AA3B, // log2 e
    0x4B40_007F, // 1.5·2^23 + 127: adding it rounds to an integer and bakes the exponent bias in
    0x3F31_7200, // ln 2, upper 12 bits: times an 8-bit integer it is exact
    0x35BF_BE8E, // ln 2, the rest
    0x3AB6_A8AB,
    0x3C09_0735,
    0x3D2A_AA73,
    0x3E2A_AA6D,
    0x3F00_0000,
    0x7FFF_FFFF, // all bits but the sign
]);

/// e^x near 0, and e^−a for any a ≥ 0.
///
/// Formula: 2^n·(1 + t + t²·P(t)), x = n ln 2 + t, |t| ≤ ln 2 / 2, P of degree 4.
/// Range of e^−a: [0, 1]; exactly 0 for a > 87.69, so that 0·(a huge logit) stays 0. NaN stays NaN.
/// Numerics: ≤ 1.1 ULP for |x| ≤ 87.33.
/// Source: method of W. J. Cody and W. Waite, Software Manual for the Elementary Functions, 1980.
pub struct Exp {
    cut: F32x4,
    log2e: F32x4,
    round: F32x4,
    ln2_high: F32x4,
    ln2_low: F32x4,
    p: [F32x4; 5],
    size: F32x4,
}

impl Exp {
    #[inline(always)]
    pub fn new() -> Self {
        let t = black_box(&EXP);
        let at = |i: usize| F32x4::load(&t[i]);
        Self {
            cut: at(0),
            log2e: at(1),
            round: at(2),
            ln2_high: at(3),
            ln2_low: at(4),
            p: [at(5), at(6), at(7), at(8), at(9)],
            size: at(10),
        }
    }

    /// e^−a for a ≥ −87.33.
    #[inline(always)]
    pub fn negative(&self, a: F32x4) -> F32x4 {
        self.near::<true>(a.at_most(self.cut))
    }

    /// e^x, or with `NEGATIVE` e^−x, for |x| ≤ 87.33; beyond it anything.
    #[inline(always)]
    pub fn near<const NEGATIVE: bool>(&self, x: F32x4) -> F32x4 {
        let plus = |a: F32x4, b, c| if NEGATIVE { a.neg_mul_add(b, c) } else { a.mul_add(b, c) };
        let minus = |a: F32x4, b, c| if NEGATIVE { a.mul_add(b, c) } else { a.neg_mul_add(b, c) };
        let biased = plus(x, self.log2e, self.round);
        let scale = biased.to_bits().shift_left(23).as_f32_bits();
        let n = biased - self.round;
        // With `NEGATIVE` it is −t.
        let t = minus(n, self.ln2_low, minus(n, self.ln2_high, x));
        let t2 = t * t;
        let [p4, p3, p2, p1, p0] = self.p;
        let p = p4.mul_add(t2, plus(p3, t, p2)).mul_add(t2, plus(p1, t, p0));
        plus(scale, plus(p, t2, t), scale)
    }
}

/// e^−|z|. Out of line: as a loop of its own it pays for the call, and its code stands once.
#[inline(never)]
pub fn exp_of_sizes(z: &[Quad], out: &mut [Quad]) {
    let exp = Exp::new();
    for (z, out) in z.iter().zip(out) {
        exp.negative(F32x4::load(z).and(exp.size)).store(out);
    }
}

/// e^z, and the largest |z| beside `furthest`. Of what is beyond 87 it is anything.
#[inline(never)]
pub fn exp_of_logits(z: &[Quad], out: &mut [Quad], mut furthest: F32x4) -> F32x4 {
    let exp = Exp::new();
    for (z, out) in z.iter().zip(out) {
        let z = F32x4::load(z);
        furthest = furthest.at_least(z.and(exp.size));
        exp.near::<false>(z).store(out);
    }
    furthest
}

impl F32x4 {
    /// Infinities read as the largest floats; NaN stays.
    #[inline(always)]
    pub fn finite(self) -> Self {
        self.at_most(Self::splat(f32::MAX)).at_least(Self::splat(-f32::MAX))
    }

    /// How far it is below a finite `top`, as a finite float.
    #[inline(always)]
    pub fn below(self, top: Self) -> Self {
        (top - self.finite()).at_most(Self::splat(f32::MAX))
    }
}

static SIGNS: [Quad; 4] = rows([
    0x8000_0000,
    0xFFFF_FFFF, // −1 as an integer
    0x3F80_0000, // 1
    0x3FFF_FFFF, // all bits but the upper two
]);

/// What the sign of a logit decides, by constants in registers: engines make the mask of an absolute value anew each
/// time, and "not negative" out of three instructions.
pub struct Signs {
    sign: F32x4,
    minus_one: F32x4,
    one: F32x4,
    low: F32x4,
}

impl Signs {
    #[inline(always)]
    pub fn new() -> Self {
        let t = black_box(&SIGNS);
        let at = |i: usize| F32x4::load(&t[i]);
        Self { sign: at(0), minus_one: at(1), one: at(2), low: at(3) }
    }
    /// The sign bits, to be given to `xor_sign`.
    #[inline(always)]
    pub fn of(&self, z: F32x4) -> F32x4 {
        z.and(self.sign)
    }
    /// 1 where the sign bit is clear, else 0.
    #[inline(always)]
    pub fn above(&self, z: F32x4) -> F32x4 {
        self.one.keep(z.to_bits().greater(self.minus_one.to_bits()))
    }
    /// 1 where the bit of 2 is set, else 0.
    #[inline(always)]
    pub fn one_if_two(&self, x: F32x4) -> F32x4 {
        self.one.keep(x.to_bits().shift_left(1).is_negative())
    }
    /// The size of what is below 2, whatever the sign and the bit of 2 hold.
    #[inline(always)]
    pub fn below_two(&self, x: F32x4) -> F32x4 {
        x.and(self.low)
    }
}

static LOG: [Quad; 10] = rows([
    0x3F2A_AAA6,
    0x3ECC_D703,
    0x3E90_8B1B,
    0x3E89_A5E3, // (log(1+f) − f + s f)/(s s²) in s², s = f/(2+f)
    0x3F31_8000, // 0.693359375: ln 2, upper bits
    0xB95E_8083, // −2.12194440e-4: ln 2, the rest
    0x0080_0000, // the smallest normal float
    0x4B80_0000, // 2^24
    0x3F80_0000, // 1
    0x4000_0000, // 2
]);

/// Natural logarithms.
///
/// Formula: ln(1+f) = f − s·(f − s²R(s²)), s = f/(2+f), R of degree 3; ln x = e ln 2 + ln(1+f), x = 2^e(1+f).
/// Source: atanh series, as in K. C. Ng's `log` (Sun Microsystems fdlibm, 1993); own coefficients.
pub struct Log {
    r: [F32x4; 4],
    ln2_high: F32x4,
    ln2_low: F32x4,
    smallest: F32x4,
    two24: F32x4,
    one: F32x4,
    two: F32x4,
}

impl Log {
    #[inline(always)]
    pub fn new() -> Self {
        let t = black_box(&LOG);
        let at = |i: usize| F32x4::load(&t[i]);
        Self {
            r: [at(0), at(1), at(2), at(3)],
            ln2_high: at(4),
            ln2_low: at(5),
            smallest: at(6),
            two24: at(7),
            one: at(8),
            two: at(9),
        }
    }

    /// s and f − s²R(s²), of which ln(1+f) = f − s·(…).
    #[inline(always)]
    fn parts(&self, f: F32x4) -> (F32x4, F32x4) {
        let s = f / (f + self.two);
        let q = s * s;
        let r = self.r[3].mul_add(q, self.r[2]).mul_add(q, self.r[1]).mul_add(q, self.r[0]);
        (s, q.neg_mul_add(r, f))
    }

    /// ln(1 + e) for e in [0, 1]. Numerics: ≤ 1.5 ULP; max(z, 0) + ln(1 + exp(−|z|)), the softplus of z, ≤ 2.5 ULP.
    #[inline(always)]
    pub fn log1p_unit(&self, e: F32x4) -> F32x4 {
        let (s, w) = self.parts(e);
        s.neg_mul_add(w, e)
    }

    /// ln x for x > 0, denormals too; ±0 gives about −105, NaN stays NaN. Numerics: ≤ 1 ULP.
    #[inline(always)]
    pub fn ln(&self, x: F32x4) -> F32x4 {
        let zero = F32x4::splat(0.0);
        let tiny = x.less(self.smallest);
        // −0 must become +0, since the rest works on bits.
        let scaled = tiny.select(x.mul_add(self.two24, zero), x);
        let bits = scaled.to_bits();
        let e = (bits - I32x4::splat(0x3f35_04f3)).shift_right(23);
        let f = (bits - e.shift_left(23)).as_f32_bits() - self.one;
        // x·0 carries a NaN on, which the bits have lost.
        let exponent = e.to_f32() - tiny.select(F32x4::splat(24.0), x * zero);
        let (s, w) = self.parts(f);
        exponent.mul_add(self.ln2_high, f + s.neg_mul_add(w, exponent * self.ln2_low))
    }

    /// ln(1 + x) for x ≥ −1, where −1 gives about −105. Numerics: ≤ 1.5 ULP.
    ///
    /// 1 + x is rounded; what it lost, c, comes back as c/(1+x).
    #[inline(always)]
    pub fn log1p(&self, x: F32x4) -> F32x4 {
        let u = x + self.one;
        let lost = x - (u - self.one);
        self.ln(u) + lost / u.at_least(self.smallest)
    }
}

/// σ(−|z|) from e = exp(−|z|): the smaller of p and 1 − p. Numerics: ≤ 2.5 ULP of σ.
#[inline(always)]
pub fn sigmoid_tail(e: F32x4) -> F32x4 {
    e / (e + F32x4::splat(1.0))
}

/// x^exponent for x in [0, 1], any real exponent ≥ 0; 0^0 = 1.
///
/// The integer part goes by multiplication and the fraction by exp(fraction·ln x), whose argument is then as small as
/// it can be: what is rounded off it is a relative error of the result.
/// Range: a power below the smallest normal float may be 0.
/// Numerics: ≤ 1.5 + ⌊exponent⌋/2 + 2·fraction·|ln x| ULP.
pub struct Power {
    pub square: bool,
    whole: u32,
    fraction: f32,
}

impl Power {
    pub fn new(exponent: f32) -> Self {
        let whole = libm::floorf(exponent).min(65_536.0);
        Self { square: exponent == 2.0, whole: whole as u32, fraction: exponent - libm::floorf(exponent) }
    }

    /// Whether `of` reads its logarithm.
    pub fn has_fraction(&self) -> bool {
        self.fraction > 0.0
    }

    /// `negative_log` is −ln x; it is read only when the exponent has a fraction.
    #[inline(always)]
    pub fn of(&self, x: F32x4, negative_log: F32x4) -> F32x4 {
        if self.square { x * x } else { self.any(x, negative_log) }
    }

    /// Out of line: inlined, it would stand a dozen times in the binary for the sake of rare exponents.
    #[inline(never)]
    fn any(&self, x: F32x4, negative_log: F32x4) -> F32x4 {
        let mut result = F32x4::splat(1.0);
        let mut square = x;
        let mut n = self.whole;
        while n > 0 {
            if n & 1 == 1 {
                result = result * square;
            }
            square = square * square;
            n >>= 1;
        }
        if self.fraction > 0.0 {
            // −ln 0 is finite here, so that 0^fraction would be a little above 0.
            let power = Exp::new().negative(F32x4::splat(self.fraction) * negative_log);
            result = result * power.drop(x.equals(F32x4::splat(0.0)));
        }
        result
    }
}
