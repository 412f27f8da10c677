//! `F32x4` on WebAssembly SIMD. The arithmetic intrinsics are safe functions; loads and stores go through arrays,
//! which compile to one `v128.load` or `v128.store`.

use super::Quad;
use core::arch::wasm32 as w;

/// Four `f32` lanes.
#[derive(Clone, Copy)]
pub struct F32x4(w::v128);

/// Four `f64` lanes.
#[derive(Clone, Copy)]
pub struct F64x4(w::v128, w::v128);

/// Four `i32` lanes.
#[derive(Clone, Copy)]
pub struct I32x4(w::v128);

/// Four lanes of all ones or all zeros.
#[derive(Clone, Copy)]
pub struct Mask(w::v128);

impl F32x4 {
    #[inline(always)]
    pub fn splat(x: f32) -> Self {
        Self(w::f32x4_splat(x))
    }
    #[inline(always)]
    pub fn load(q: &Quad) -> Self {
        Self(w::f32x4(q[0], q[1], q[2], q[3]))
    }
    #[inline(always)]
    pub fn to_array(self) -> Quad {
        [
            w::f32x4_extract_lane::<0>(self.0),
            w::f32x4_extract_lane::<1>(self.0),
            w::f32x4_extract_lane::<2>(self.0),
            w::f32x4_extract_lane::<3>(self.0),
        ]
    }
    #[inline(always)]
    pub fn store(self, q: &mut Quad) {
        *q = self.to_array();
    }
    #[inline(always)]
    pub fn abs(self) -> Self {
        Self(w::f32x4_abs(self.0))
    }
    /// `self·b + c`.
    #[inline(always)]
    pub fn mul_add(self, b: Self, c: Self) -> Self {
        #[cfg(target_feature = "relaxed-simd")]
        return Self(w::f32x4_relaxed_madd(self.0, b.0, c.0));
        #[cfg(not(target_feature = "relaxed-simd"))]
        return Self(w::f32x4_add(w::f32x4_mul(self.0, b.0), c.0));
    }
    /// `c − self·b`.
    #[inline(always)]
    pub fn neg_mul_add(self, b: Self, c: Self) -> Self {
        #[cfg(target_feature = "relaxed-simd")]
        return Self(w::f32x4_relaxed_nmadd(self.0, b.0, c.0));
        #[cfg(not(target_feature = "relaxed-simd"))]
        return Self(w::f32x4_sub(c.0, w::f32x4_mul(self.0, b.0)));
    }
    /// The smaller of `self` and `bound`; NaN in `self` stays. `pmin` is one instruction on x64, `min` seven. So is the
    /// relaxed minimum, which LLVM would make of `pmin`, with its operands the other way round; that it keeps a NaN that
    /// comes second is asked of the engine before this build is chosen (`ts/backend.ts`).
    #[inline(always)]
    pub fn at_most(self, bound: Self) -> Self {
        #[cfg(target_feature = "relaxed-simd")]
        return Self(w::f32x4_relaxed_min(bound.0, self.0));
        #[cfg(not(target_feature = "relaxed-simd"))]
        return Self(w::f32x4_pmin(self.0, bound.0));
    }
    /// The larger of `self` and `bound`; NaN in `self` stays.
    #[inline(always)]
    pub fn at_least(self, bound: Self) -> Self {
        #[cfg(target_feature = "relaxed-simd")]
        return Self(w::f32x4_relaxed_max(bound.0, self.0));
        #[cfg(not(target_feature = "relaxed-simd"))]
        return Self(w::f32x4_pmax(self.0, bound.0));
    }
    #[inline(always)]
    pub fn less(self, b: Self) -> Mask {
        Mask(w::f32x4_lt(self.0, b.0))
    }
    #[inline(always)]
    pub fn equals(self, b: Self) -> Mask {
        Mask(w::f32x4_eq(self.0, b.0))
    }
    /// Lanes where the mask is set, +0 elsewhere.
    #[inline(always)]
    pub fn keep(self, m: Mask) -> Self {
        Self(w::v128_and(self.0, m.0))
    }
    /// +0 where the mask is set.
    #[inline(always)]
    pub fn drop(self, m: Mask) -> Self {
        Self(w::v128_andnot(self.0, m.0))
    }
    /// The sign bits of `self`, to be given to `xor_sign`.
    #[inline(always)]
    pub fn sign(self) -> Self {
        Self(w::v128_and(self.0, w::f32x4_splat(-0.0)))
    }
    /// Flips the sign of lanes whose `sign` bit is set.
    #[inline(always)]
    pub fn xor_sign(self, sign: Self) -> Self {
        Self(w::v128_xor(self.0, sign.0))
    }
    /// The bits that both have.
    #[inline(always)]
    pub fn and(self, bits: Self) -> Self {
        Self(w::v128_and(self.0, bits.0))
    }
    #[inline(always)]
    pub fn to_bits(self) -> I32x4 {
        I32x4(self.0)
    }
    /// Lane i of row k becomes lane k of row i.
    #[inline(always)]
    pub fn transpose([a, b, c, d]: [Self; 4]) -> [Self; 4] {
        let (ab, cd) = (w::i32x4_shuffle::<0, 4, 1, 5>(a.0, b.0), w::i32x4_shuffle::<0, 4, 1, 5>(c.0, d.0));
        let (high_ab, high_cd) = (w::i32x4_shuffle::<2, 6, 3, 7>(a.0, b.0), w::i32x4_shuffle::<2, 6, 3, 7>(c.0, d.0));
        [
            Self(w::i64x2_shuffle::<0, 2>(ab, cd)),
            Self(w::i64x2_shuffle::<1, 3>(ab, cd)),
            Self(w::i64x2_shuffle::<0, 2>(high_ab, high_cd)),
            Self(w::i64x2_shuffle::<1, 3>(high_ab, high_cd)),
        ]
    }
}

impl F64x4 {
    #[inline(always)]
    pub fn splat(x: f64) -> Self {
        Self(w::f64x2_splat(x), w::f64x2_splat(x))
    }
    #[inline(always)]
    pub fn to_array(self) -> [f64; 4] {
        [
            w::f64x2_extract_lane::<0>(self.0),
            w::f64x2_extract_lane::<1>(self.0),
            w::f64x2_extract_lane::<0>(self.1),
            w::f64x2_extract_lane::<1>(self.1),
        ]
    }
    /// `self·b + c`.
    #[inline(always)]
    pub fn mul_add(self, b: Self, c: Self) -> Self {
        #[cfg(target_feature = "relaxed-simd")]
        return Self(w::f64x2_relaxed_madd(self.0, b.0, c.0), w::f64x2_relaxed_madd(self.1, b.1, c.1));
        #[cfg(not(target_feature = "relaxed-simd"))]
        return Self(w::f64x2_add(w::f64x2_mul(self.0, b.0), c.0), w::f64x2_add(w::f64x2_mul(self.1, b.1), c.1));
    }
}

impl F64x4 {
    #[inline(always)]
    pub fn load(q: &[f64; 4]) -> Self {
        Self(w::f64x2(q[0], q[1]), w::f64x2(q[2], q[3]))
    }
    /// Rounded to nearest.
    #[inline(always)]
    pub fn to_f32(self) -> F32x4 {
        // Joined by a shuffle of both, LLVM would convert lane by lane.
        let [lower, upper] = [self.0, self.1].map(|x| w::f32x4_demote_f64x2_zero(x));
        F32x4(w::v128_or(lower, w::i64x2_shuffle::<1, 0>(upper, upper)))
    }
    /// +0 where the other is 0.
    #[inline(always)]
    pub fn unless_zero(self, of: Self) -> Self {
        let zero = w::f64x2_splat(0.0);
        Self(w::v128_andnot(self.0, w::f64x2_eq(of.0, zero)), w::v128_andnot(self.1, w::f64x2_eq(of.1, zero)))
    }
}

impl From<F32x4> for F64x4 {
    #[inline(always)]
    fn from(x: F32x4) -> Self {
        let upper = w::i32x4_shuffle::<2, 3, 2, 3>(x.0, x.0);
        Self(w::f64x2_promote_low_f32x4(x.0), w::f64x2_promote_low_f32x4(upper))
    }
}

impl I32x4 {
    #[inline(always)]
    pub fn splat(x: i32) -> Self {
        Self(w::i32x4_splat(x))
    }
    #[inline(always)]
    pub fn load(q: &[i32; 4]) -> Self {
        Self(w::i32x4(q[0], q[1], q[2], q[3]))
    }
    #[inline(always)]
    pub fn to_array(self) -> [i32; 4] {
        [
            w::i32x4_extract_lane::<0>(self.0),
            w::i32x4_extract_lane::<1>(self.0),
            w::i32x4_extract_lane::<2>(self.0),
            w::i32x4_extract_lane::<3>(self.0),
        ]
    }
    #[inline(always)]
    pub fn equals(self, b: Self) -> Mask {
        Mask(w::i32x4_eq(self.0, b.0))
    }
    #[inline(always)]
    pub fn greater(self, b: Self) -> Mask {
        Mask(w::i32x4_gt(self.0, b.0))
    }
    #[inline(always)]
    pub fn shift_left(self, by: u32) -> Self {
        Self(w::i32x4_shl(self.0, by))
    }
    /// Arithmetic shift.
    #[inline(always)]
    pub fn shift_right(self, by: u32) -> Self {
        Self(w::i32x4_shr(self.0, by))
    }
    #[inline(always)]
    pub fn is_negative(self) -> Mask {
        Mask(w::i32x4_lt(self.0, w::i32x4_splat(0)))
    }
    #[inline(always)]
    pub fn to_f32(self) -> F32x4 {
        F32x4(w::f32x4_convert_i32x4(self.0))
    }
    #[inline(always)]
    pub fn as_f32_bits(self) -> F32x4 {
        F32x4(self.0)
    }
}

impl Mask {
    /// −1 where set, else 0.
    #[inline(always)]
    pub fn to_bits(self) -> I32x4 {
        I32x4(self.0)
    }
    /// `a` where set, else `b`.
    #[inline(always)]
    pub fn select(self, a: F32x4, b: F32x4) -> F32x4 {
        #[cfg(target_feature = "relaxed-simd")]
        return F32x4(w::i32x4_relaxed_laneselect(a.0, b.0, self.0));
        #[cfg(not(target_feature = "relaxed-simd"))]
        return F32x4(w::v128_bitselect(a.0, b.0, self.0));
    }
}

macro_rules! operator {
    ($trait:ident, $method:ident, $single:ident, $double:ident) => {
        impl core::ops::$trait for F32x4 {
            type Output = Self;
            #[inline(always)]
            fn $method(self, b: Self) -> Self {
                Self(w::$single(self.0, b.0))
            }
        }
        impl core::ops::$trait for F64x4 {
            type Output = Self;
            #[inline(always)]
            fn $method(self, b: Self) -> Self {
                Self(w::$double(self.0, b.0), w::$double(self.1, b.1))
            }
        }
    };
}
operator!(Add, add, f32x4_add, f64x2_add);
operator!(Sub, sub, f32x4_sub, f64x2_sub);
operator!(Mul, mul, f32x4_mul, f64x2_mul);
operator!(Div, div, f32x4_div, f64x2_div);

impl core::ops::Neg for F32x4 {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        Self(w::f32x4_neg(self.0))
    }
}

/// Wraps around.
impl core::ops::Sub for I32x4 {
    type Output = Self;
    #[inline(always)]
    fn sub(self, b: Self) -> Self {
        Self(w::i32x4_sub(self.0, b.0))
    }
}
