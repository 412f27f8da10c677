//! `F32x4` as an array: the body that native tests and miri run.

use super::Quad;

/// Four `f32` lanes.
#[derive(Clone, Copy)]
pub struct F32x4(Quad);

/// Four `f64` lanes.
#[derive(Clone, Copy)]
pub struct F64x4([f64; 4]);

/// Four `i32` lanes.
#[derive(Clone, Copy)]
pub struct I32x4([i32; 4]);

/// Four lanes of all ones or all zeros.
#[derive(Clone, Copy)]
pub struct Mask([bool; 4]);

#[inline(always)]
fn zip<A: Copy, B: Copy, R>(a: [A; 4], b: [B; 4], f: impl Fn(A, B) -> R) -> [R; 4] {
    [f(a[0], b[0]), f(a[1], b[1]), f(a[2], b[2]), f(a[3], b[3])]
}

#[inline(always)]
fn fused(a: f32, b: f32, c: f32) -> f32 {
    if cfg!(target_feature = "fma") { a.mul_add(b, c) } else { a * b + c }
}

impl F32x4 {
    #[inline(always)]
    pub fn splat(x: f32) -> Self {
        Self([x; 4])
    }
    #[inline(always)]
    pub fn load(q: &Quad) -> Self {
        Self(*q)
    }
    #[inline(always)]
    pub fn to_array(self) -> Quad {
        self.0
    }
    #[inline(always)]
    pub fn store(self, q: &mut Quad) {
        *q = self.0;
    }
    #[inline(always)]
    pub fn abs(self) -> Self {
        Self(self.0.map(f32::abs))
    }
    /// `self·b + c`.
    #[inline(always)]
    pub fn mul_add(self, b: Self, c: Self) -> Self {
        Self(core::array::from_fn(|i| fused(self.0[i], b.0[i], c.0[i])))
    }
    /// `c − self·b`.
    #[inline(always)]
    pub fn neg_mul_add(self, b: Self, c: Self) -> Self {
        Self(core::array::from_fn(|i| fused(-self.0[i], b.0[i], c.0[i])))
    }
    /// The smaller of `self` and `bound`; NaN in `self` stays.
    #[inline(always)]
    pub fn at_most(self, bound: Self) -> Self {
        Self(zip(self.0, bound.0, |a, b| if b < a { b } else { a }))
    }
    /// The larger of `self` and `bound`; NaN in `self` stays.
    #[inline(always)]
    pub fn at_least(self, bound: Self) -> Self {
        Self(zip(self.0, bound.0, |a, b| if a < b { b } else { a }))
    }
    #[inline(always)]
    pub fn less(self, b: Self) -> Mask {
        Mask(zip(self.0, b.0, |a, b| a < b))
    }
    #[inline(always)]
    pub fn equals(self, b: Self) -> Mask {
        Mask(zip(self.0, b.0, |a, b| a == b))
    }
    /// Lanes where the mask is set, +0 elsewhere.
    #[inline(always)]
    pub fn keep(self, m: Mask) -> Self {
        Self(zip(self.0, m.0, |a, keep| if keep { a } else { 0.0 }))
    }
    /// +0 where the mask is set.
    #[inline(always)]
    pub fn drop(self, m: Mask) -> Self {
        Self(zip(self.0, m.0, |a, drop| if drop { 0.0 } else { a }))
    }
    /// The bits that both have.
    #[inline(always)]
    pub fn and(self, bits: Self) -> Self {
        Self(zip(self.0, bits.0, |a, b| f32::from_bits(a.to_bits() & b.to_bits())))
    }
    /// The sign bits of `self`, to be given to `xor_sign`.
    #[inline(always)]
    pub fn sign(self) -> Self {
        Self(self.0.map(|a| f32::from_bits(a.to_bits() & 0x8000_0000)))
    }
    /// Flips the sign of lanes whose `sign` bit is set.
    #[inline(always)]
    pub fn xor_sign(self, sign: Self) -> Self {
        Self(zip(self.0, sign.0, |a, s| f32::from_bits(a.to_bits() ^ s.to_bits())))
    }
    #[inline(always)]
    pub fn to_bits(self) -> I32x4 {
        I32x4(self.0.map(|a| a.to_bits().cast_signed()))
    }
    /// Lane i of row k becomes lane k of row i.
    #[inline(always)]
    pub fn transpose(rows: [Self; 4]) -> [Self; 4] {
        core::array::from_fn(|i| Self(rows.map(|row| row.0[i])))
    }
}

impl F64x4 {
    #[inline(always)]
    pub fn splat(x: f64) -> Self {
        Self([x; 4])
    }
    #[inline(always)]
    pub fn to_array(self) -> [f64; 4] {
        self.0
    }
    /// `self·b + c`.
    #[inline(always)]
    pub fn mul_add(self, b: Self, c: Self) -> Self {
        let product = zip(self.0, b.0, |a, b| a * b);
        Self(zip(product, c.0, |ab, c| ab + c))
    }
}

impl F64x4 {
    #[inline(always)]
    pub fn load(q: &[f64; 4]) -> Self {
        Self(*q)
    }
    /// Rounded to nearest.
    #[inline(always)]
    pub fn to_f32(self) -> F32x4 {
        F32x4(self.0.map(|a| a as f32))
    }
    /// +0 where the other is 0.
    #[inline(always)]
    pub fn unless_zero(self, of: Self) -> Self {
        Self(zip(self.0, of.0, |a, of| if of == 0.0 { 0.0 } else { a }))
    }
}

impl From<F32x4> for F64x4 {
    #[inline(always)]
    fn from(x: F32x4) -> Self {
        Self(x.0.map(f64::from))
    }
}

impl I32x4 {
    #[inline(always)]
    pub fn splat(x: i32) -> Self {
        Self([x; 4])
    }
    #[inline(always)]
    pub fn load(q: &[i32; 4]) -> Self {
        Self(*q)
    }
    #[inline(always)]
    pub fn to_array(self) -> [i32; 4] {
        self.0
    }
    #[inline(always)]
    pub fn equals(self, b: Self) -> Mask {
        Mask(zip(self.0, b.0, |a, b| a == b))
    }
    #[inline(always)]
    pub fn greater(self, b: Self) -> Mask {
        Mask(zip(self.0, b.0, |a, b| a > b))
    }
    #[inline(always)]
    pub fn shift_left(self, by: u32) -> Self {
        Self(self.0.map(|a| a << by))
    }
    /// Arithmetic shift.
    #[inline(always)]
    pub fn shift_right(self, by: u32) -> Self {
        Self(self.0.map(|a| a >> by))
    }
    #[inline(always)]
    pub fn is_negative(self) -> Mask {
        Mask(self.0.map(|a| a < 0))
    }
    #[inline(always)]
    pub fn to_f32(self) -> F32x4 {
        F32x4(self.0.map(|a| a as f32))
    }
    #[inline(always)]
    pub fn as_f32_bits(self) -> F32x4 {
        F32x4(self.0.map(|a| f32::from_bits(a.cast_unsigned())))
    }
}

impl Mask {
    /// −1 where set, else 0.
    #[inline(always)]
    pub fn to_bits(self) -> I32x4 {
        I32x4(self.0.map(|set| -i32::from(set)))
    }
    /// `a` where set, else `b`.
    #[inline(always)]
    pub fn select(self, a: F32x4, b: F32x4) -> F32x4 {
        F32x4(core::array::from_fn(|i| if self.0[i] { a.0[i] } else { b.0[i] }))
    }
}

macro_rules! operator {
    ($trait:ident, $method:ident, $op:tt) => {
        operator!($trait, $method, $op, F32x4);
        operator!($trait, $method, $op, F64x4);
    };
    ($trait:ident, $method:ident, $op:tt, $type:ident) => {
        impl core::ops::$trait for $type {
            type Output = Self;
            #[inline(always)]
            fn $method(self, b: Self) -> Self {
                Self(zip(self.0, b.0, |a, b| a $op b))
            }
        }
    };
}
operator!(Add, add, +);
operator!(Sub, sub, -);
operator!(Mul, mul, *);
operator!(Div, div, /);

impl core::ops::Neg for F32x4 {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        Self(self.0.map(|a| -a))
    }
}

/// Wraps around.
impl core::ops::Sub for I32x4 {
    type Output = Self;
    #[inline(always)]
    fn sub(self, b: Self) -> Self {
        Self(zip(self.0, b.0, i32::wrapping_sub))
    }
}
