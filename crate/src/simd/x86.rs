//! `F32x4` on the host's 128-bit vectors, with `--features native`: what the WebAssembly builds are measured against.
//! The compiler makes vectors of `scalar.rs` in some kernels only.

use super::Quad;
use safe_arch as x;

/// Four `f32` lanes.
#[derive(Clone, Copy)]
pub struct F32x4(x::m128);

/// Four `f64` lanes.
#[derive(Clone, Copy)]
pub struct F64x4(x::m128d, x::m128d);

/// Four `i32` lanes.
#[derive(Clone, Copy)]
pub struct I32x4(x::m128i);

/// Four lanes of all ones or all zeros.
#[derive(Clone, Copy)]
pub struct Mask(x::m128);

impl F32x4 {
    #[inline(always)]
    pub fn splat(x: f32) -> Self {
        Self(x::set_splat_m128(x))
    }
    #[inline(always)]
    pub fn load(q: &Quad) -> Self {
        Self(x::load_unaligned_m128(q))
    }
    #[inline(always)]
    pub fn to_array(self) -> Quad {
        self.0.to_array()
    }
    #[inline(always)]
    pub fn store(self, q: &mut Quad) {
        x::store_unaligned_m128(q, self.0);
    }
    #[inline(always)]
    pub fn abs(self) -> Self {
        Self(x::bitandnot_m128(x::set_splat_m128(-0.0), self.0))
    }
    /// `self·b + c`.
    #[inline(always)]
    pub fn mul_add(self, b: Self, c: Self) -> Self {
        #[cfg(target_feature = "fma")]
        return Self(x::fused_mul_add_m128(self.0, b.0, c.0));
        #[cfg(not(target_feature = "fma"))]
        return Self(x::add_m128(x::mul_m128(self.0, b.0), c.0));
    }
    /// `c − self·b`.
    #[inline(always)]
    pub fn neg_mul_add(self, b: Self, c: Self) -> Self {
        #[cfg(target_feature = "fma")]
        return Self(x::fused_mul_neg_add_m128(self.0, b.0, c.0));
        #[cfg(not(target_feature = "fma"))]
        return Self(x::sub_m128(c.0, x::mul_m128(self.0, b.0)));
    }
    /// The smaller of `self` and `bound`; NaN in `self` stays: the instruction gives its second operand then.
    #[inline(always)]
    pub fn at_most(self, bound: Self) -> Self {
        Self(x::min_m128(bound.0, self.0))
    }
    /// The larger of `self` and `bound`; NaN in `self` stays.
    #[inline(always)]
    pub fn at_least(self, bound: Self) -> Self {
        Self(x::max_m128(bound.0, self.0))
    }
    #[inline(always)]
    pub fn less(self, b: Self) -> Mask {
        Mask(x::cmp_lt_mask_m128(self.0, b.0))
    }
    #[inline(always)]
    pub fn equals(self, b: Self) -> Mask {
        Mask(x::cmp_eq_mask_m128(self.0, b.0))
    }
    /// Lanes where the mask is set, +0 elsewhere.
    #[inline(always)]
    pub fn keep(self, m: Mask) -> Self {
        Self(x::bitand_m128(self.0, m.0))
    }
    /// +0 where the mask is set.
    #[inline(always)]
    pub fn drop(self, m: Mask) -> Self {
        Self(x::bitandnot_m128(m.0, self.0))
    }
    /// The bits that both have.
    #[inline(always)]
    pub fn and(self, bits: Self) -> Self {
        Self(x::bitand_m128(self.0, bits.0))
    }
    /// The sign bits of `self`, to be given to `xor_sign`.
    #[inline(always)]
    pub fn sign(self) -> Self {
        Self(x::bitand_m128(self.0, x::set_splat_m128(-0.0)))
    }
    /// Flips the sign of lanes whose `sign` bit is set.
    #[inline(always)]
    pub fn xor_sign(self, sign: Self) -> Self {
        Self(x::bitxor_m128(self.0, sign.0))
    }
    #[inline(always)]
    pub fn to_bits(self) -> I32x4 {
        I32x4(x::cast_to_m128i_from_m128(self.0))
    }
    /// Lane i of row k becomes lane k of row i.
    #[inline(always)]
    pub fn transpose([mut a, mut b, mut c, mut d]: [Self; 4]) -> [Self; 4] {
        x::transpose_four_m128(&mut a.0, &mut b.0, &mut c.0, &mut d.0);
        [a, b, c, d]
    }
}

impl F64x4 {
    #[inline(always)]
    pub fn splat(x: f64) -> Self {
        Self(x::set_splat_m128d(x), x::set_splat_m128d(x))
    }
    #[inline(always)]
    pub fn to_array(self) -> [f64; 4] {
        let ([a, b], [c, d]) = (self.0.to_array(), self.1.to_array());
        [a, b, c, d]
    }
    /// `self·b + c`.
    #[inline(always)]
    pub fn mul_add(self, b: Self, c: Self) -> Self {
        #[cfg(target_feature = "fma")]
        return Self(x::fused_mul_add_m128d(self.0, b.0, c.0), x::fused_mul_add_m128d(self.1, b.1, c.1));
        #[cfg(not(target_feature = "fma"))]
        return Self(x::add_m128d(x::mul_m128d(self.0, b.0), c.0), x::add_m128d(x::mul_m128d(self.1, b.1), c.1));
    }
}

impl F64x4 {
    #[inline(always)]
    pub fn load(q: &[f64; 4]) -> Self {
        Self(x::set_m128d(q[1], q[0]), x::set_m128d(q[3], q[2]))
    }
    /// Rounded to nearest.
    #[inline(always)]
    pub fn to_f32(self) -> F32x4 {
        let [lower, upper] = [self.0, self.1].map(x::convert_to_m128_from_m128d);
        F32x4(x::move_low_high_m128(lower, upper))
    }
    /// +0 where the other is 0.
    #[inline(always)]
    pub fn unless_zero(self, of: Self) -> Self {
        let zero = x::set_splat_m128d(0.0);
        let [a, b] = [of.0, of.1].map(|of| x::cmp_eq_mask_m128d(of, zero));
        Self(x::bitandnot_m128d(a, self.0), x::bitandnot_m128d(b, self.1))
    }
}

impl From<F32x4> for F64x4 {
    #[inline(always)]
    fn from(x: F32x4) -> Self {
        let upper = x::move_high_low_m128(x.0, x.0);
        Self(x::convert_to_m128d_from_lower2_m128(x.0), x::convert_to_m128d_from_lower2_m128(upper))
    }
}

impl I32x4 {
    #[inline(always)]
    pub fn splat(x: i32) -> Self {
        Self(x::set_splat_i32_m128i(x))
    }
    #[inline(always)]
    pub fn load(q: &[i32; 4]) -> Self {
        Self(x::m128i::from(*q))
    }
    #[inline(always)]
    pub fn to_array(self) -> [i32; 4] {
        self.0.into()
    }
    #[inline(always)]
    pub fn equals(self, b: Self) -> Mask {
        Mask(x::cast_to_m128_from_m128i(x::cmp_eq_mask_i32_m128i(self.0, b.0)))
    }
    #[inline(always)]
    pub fn greater(self, b: Self) -> Mask {
        Mask(x::cast_to_m128_from_m128i(x::cmp_gt_mask_i32_m128i(self.0, b.0)))
    }
    #[inline(always)]
    pub fn shift_left(self, by: u32) -> Self {
        Self(x::shl_all_u32_m128i(self.0, x::set_i64_m128i_s(i64::from(by))))
    }
    /// Arithmetic shift.
    #[inline(always)]
    pub fn shift_right(self, by: u32) -> Self {
        Self(x::shr_all_i32_m128i(self.0, x::set_i64_m128i_s(i64::from(by))))
    }
    #[inline(always)]
    pub fn is_negative(self) -> Mask {
        Mask(x::cast_to_m128_from_m128i(x::shr_imm_i32_m128i::<31>(self.0)))
    }
    #[inline(always)]
    pub fn to_f32(self) -> F32x4 {
        F32x4(x::convert_to_m128_from_i32_m128i(self.0))
    }
    #[inline(always)]
    pub fn as_f32_bits(self) -> F32x4 {
        F32x4(x::cast_to_m128_from_m128i(self.0))
    }
}

impl Mask {
    /// −1 where set, else 0.
    #[inline(always)]
    pub fn to_bits(self) -> I32x4 {
        I32x4(x::cast_to_m128i_from_m128(self.0))
    }
    /// `a` where set, else `b`.
    #[inline(always)]
    pub fn select(self, a: F32x4, b: F32x4) -> F32x4 {
        #[cfg(target_feature = "sse4.1")]
        return F32x4(x::blend_varying_m128(b.0, a.0, self.0));
        #[cfg(not(target_feature = "sse4.1"))]
        return F32x4(x::bitor_m128(x::bitand_m128(self.0, a.0), x::bitandnot_m128(self.0, b.0)));
    }
}

macro_rules! operator {
    ($trait:ident, $method:ident, $single:ident, $double:ident) => {
        impl core::ops::$trait for F32x4 {
            type Output = Self;
            #[inline(always)]
            fn $method(self, b: Self) -> Self {
                Self(x::$single(self.0, b.0))
            }
        }
        impl core::ops::$trait for F64x4 {
            type Output = Self;
            #[inline(always)]
            fn $method(self, b: Self) -> Self {
                Self(x::$double(self.0, b.0), x::$double(self.1, b.1))
            }
        }
    };
}
operator!(Add, add, add_m128, add_m128d);
operator!(Sub, sub, sub_m128, sub_m128d);
operator!(Mul, mul, mul_m128, mul_m128d);
operator!(Div, div, div_m128, div_m128d);

impl core::ops::Neg for F32x4 {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        Self(x::bitxor_m128(self.0, x::set_splat_m128(-0.0)))
    }
}

/// Wraps around.
impl core::ops::Sub for I32x4 {
    type Output = Self;
    #[inline(always)]
    fn sub(self, b: Self) -> Self {
        Self(x::sub_i32_m128i(self.0, b.0))
    }
}
