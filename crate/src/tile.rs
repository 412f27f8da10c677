//! The canonical form of a tile, so that every kernel exists once: labels of any integer type become `i32`, dense
//! targets become planes of f32, mask and ignored labels become weight 0, channels-last becomes planar.
//!
//! Bad data is reported by its position in the tile, never by panic. Where a pixel is out (masked or ignored) neither
//! prediction nor target is looked at: both are set to 0, and whatever stood there cannot reach a sum.

use crate::lanes::{LabelQuad, Lanes, OneHot};
use crate::simd::{F32x4, LANES, Quad};
use crate::workspace::{Activation, Target, Weights, Workspace};

/// Position of the first bad entry, or none.
pub type Checked = Result<(), usize>;

/// A number as it lies in the caller's array.
trait Entry<const BYTES: usize>: Copy {
    fn read(bytes: [u8; BYTES]) -> Self;
    fn to_f32(self) -> f32;
    /// The label; a float that is no integer becomes `i32::MIN`, which is never in range.
    fn to_label(self) -> i32;
}

/// The conversion of signed integers: one instruction, where V8's unsigned one is eight.
#[inline(always)]
fn signed(x: i32) -> f32 {
    x as f32
}

macro_rules! integer_entry {
    ($type:ty, $bytes:literal, $to_f32:expr) => {
        impl Entry<$bytes> for $type {
            #[inline(always)]
            fn read(bytes: [u8; $bytes]) -> Self {
                <$type>::from_le_bytes(bytes)
            }
            #[inline(always)]
            fn to_f32(self) -> f32 {
                $to_f32(self)
            }
            #[inline(always)]
            fn to_label(self) -> i32 {
                self as i32
            }
        }
    };
}
integer_entry!(u8, 1, |x: u8| signed(x as i32));
integer_entry!(i8, 1, |x: i8| signed(x as i32));
integer_entry!(u16, 2, |x: u16| signed(x as i32));
integer_entry!(i16, 2, |x: i16| signed(x as i32));
integer_entry!(u32, 4, |x: u32| x as f32);
integer_entry!(i32, 4, |x: i32| signed(x as i32));

impl Entry<4> for f32 {
    #[inline(always)]
    fn read(bytes: [u8; 4]) -> Self {
        Self::from_le_bytes(bytes)
    }
    #[inline(always)]
    fn to_f32(self) -> f32 {
        self
    }
    #[inline(always)]
    fn to_label(self) -> i32 {
        let label = self as i32;
        if label as f32 == self { label } else { i32::MIN }
    }
}

/// The type of the entries in `staging`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    F32,
}

impl Kind {
    pub fn from_code(code: u32) -> Self {
        match code {
            0 => Self::U8,
            1 => Self::I8,
            2 => Self::U16,
            3 => Self::I16,
            4 => Self::U32,
            5 => Self::I32,
            _ => Self::F32,
        }
    }
}

macro_rules! with_kind {
    ($kind:expr, $function:ident($($argument:expr),*)) => {
        match $kind {
            Kind::U8 => $function::<u8, 1>($($argument),*),
            Kind::I8 => $function::<i8, 1>($($argument),*),
            Kind::U16 => $function::<u16, 2>($($argument),*),
            Kind::I16 => $function::<i16, 2>($($argument),*),
            Kind::U32 => $function::<u32, 4>($($argument),*),
            Kind::I32 => $function::<i32, 4>($($argument),*),
            Kind::F32 => $function::<f32, 4>($($argument),*),
        }
    };
}

fn read_labels<T: Entry<B>, const B: usize>(staging: &[u8], labels: &mut [LabelQuad]) {
    let (entries, _) = staging.as_chunks::<B>();
    for (label, &bytes) in labels.as_flattened_mut().iter_mut().zip(entries) {
        *label = T::read(bytes).to_label();
    }
}

/// One plane of floats out of interleaved ones.
#[inline(never)]
fn deinterleave(staging: &[u8], plane: &mut [f32], channel: usize, channels: usize) {
    read_plane::<f32, 4>(staging, plane, channel, channels);
}

/// One plane out of `channels` interleaved ones (channels = 1: the entries in order).
#[inline(always)]
fn read_plane<T: Entry<B>, const B: usize>(staging: &[u8], plane: &mut [f32], channel: usize, channels: usize) {
    let (entries, _) = staging.as_chunks::<B>();
    for (value, &bytes) in plane.iter_mut().zip(entries[channel..].iter().step_by(channels)) {
        *value = T::read(bytes).to_f32();
    }
}

/// Keeps the lanes of `plane` where `keep` is not 0; elsewhere +0, even for NaN.
#[inline(never)]
fn keep_where(plane: &mut [Quad], keep: &[Quad]) {
    let zero = F32x4::splat(0.0);
    for (value, keep) in plane.iter_mut().zip(keep) {
        F32x4::load(value).drop(F32x4::load(keep).equals(zero)).store(value);
    }
}

impl Workspace {
    /// Reads `mask` (0 leaves out, anything else keeps). Error: a NaN.
    pub fn read_mask(&mut self) -> Checked {
        let tile = &mut self.tile;
        tile.masked = true;
        let floats = self.mask[..tile.vectors].as_flattened_mut();
        floats[tile.pixels..].fill(0.0);
        if let Some(at) = floats.iter().position(|m| m.is_nan()) {
            return Err(at);
        }
        for m in floats {
            *m = f32::from(*m != 0.0);
        }
        Ok(())
    }

    /// Reads a label map from `staging`. Error: a label outside 0…C−1 that is not ignored.
    pub fn read_labels(&mut self, kind: Kind, ignore: Option<i32>) -> Checked {
        let (pixels, vectors, channels) = (self.tile.pixels, self.tile.vectors, self.tile.channels);
        let labels = &mut self.labels[..vectors];
        with_kind!(kind, read_labels(&self.staging, labels));
        labels.as_flattened_mut()[pixels..].fill(0);
        if let Some(ignore) = ignore {
            if !self.tile.masked {
                self.mask_all_but_padding();
            }
            let floats = self.mask[..vectors].as_flattened_mut();
            for (m, &label) in floats.iter_mut().zip(self.labels.as_flattened()) {
                *m = if label == ignore { 0.0 } else { *m };
            }
        }
        let flat = self.labels[..vectors].as_flattened_mut();
        if self.tile.masked {
            for (label, &m) in flat.iter_mut().zip(self.mask.as_flattened()) {
                *label = if m == 0.0 { 0 } else { *label };
            }
        }
        let largest = flat.iter().fold(0, |largest: u32, &label| largest.max(label.cast_unsigned()));
        if largest as usize >= channels {
            let bad = flat.iter().position(|&label| label.cast_unsigned() as usize >= channels);
            return Err(bad.unwrap_or(0));
        }
        if self.tile.activation == Activation::Softmax {
            self.tile.target = Target::Labels;
        } else {
            self.expand_labels();
        }
        Ok(())
    }

    /// One-hot planes from labels: what a channel by itself wants. The tile is small; the volume never is one-hot.
    fn expand_labels(&mut self) {
        let tile = self.tile;
        for k in 0..tile.channels {
            let class = OneHot { labels: &self.labels[..tile.vectors], class: k as i32 };
            for (i, g) in self.target[tile.plane(k)].iter_mut().enumerate() {
                class.at(i).store(g);
            }
        }
    }

    /// Reads a dense target: from `staging`, or, planar floats, already in `target`.
    ///
    /// An entry equal to `ignore` takes out its pixel (`whole_pixel`) or itself. Error: an entry outside [0, 1];
    /// integers other than 0 and 1 are that too.
    pub fn read_dense(
        &mut self,
        kind: Kind,
        staged: bool,
        interleaved: bool,
        ignore: Option<f32>,
        whole_pixel: bool,
    ) -> Checked {
        let tile = self.tile;
        for k in 0..tile.channels {
            let plane = self.target[tile.plane(k)].as_flattened_mut();
            if staged {
                let from = if interleaved { 0 } else { k * tile.pixels };
                let (channel, channels) = if interleaved { (k, tile.channels) } else { (0, 1) };
                let pixels = &mut plane[..tile.pixels];
                let bytes = match kind {
                    Kind::U8 | Kind::I8 => 1,
                    Kind::U16 | Kind::I16 => 2,
                    _ => 4,
                };
                let entries = &self.staging[from * bytes..];
                with_kind!(kind, read_plane(entries, pixels, channel, channels));
            }
            plane[tile.pixels..].fill(0.0);
        }
        if let Some(ignore) = ignore {
            self.take_out(ignore, whole_pixel);
        }
        let tile = self.tile;
        for k in 0..tile.channels {
            let plane = &mut self.target[tile.plane(k)];
            if tile.masked {
                keep_where(plane, &self.mask);
            }
            if tile.element_masked {
                keep_where(plane, &self.element[tile.plane(k)]);
            }
            let (zero, one) = (F32x4::splat(0.0), F32x4::splat(1.0));
            let mut clamped_changes = zero;
            for g in plane.iter() {
                let g = F32x4::load(g);
                // NaN, or a clamp that changes the value, gives something other than 0.
                let changed = g.at_most(one).at_least(zero) - g;
                clamped_changes = clamped_changes + changed.abs();
            }
            if clamped_changes.sum_f64() != 0.0 {
                let bad = plane.as_flattened().iter().position(|g| !(0.0..=1.0).contains(g));
                return Err(bad.unwrap_or(0) + k * tile.pixels);
            }
        }
        self.tile.target = Target::Dense;
        Ok(())
    }

    fn take_out(&mut self, ignore: f32, whole_pixel: bool) {
        let tile = self.tile;
        if whole_pixel && !tile.masked {
            self.mask_all_but_padding();
        }
        for k in 0..tile.channels {
            let entries = self.target[tile.plane(k)].as_flattened();
            if whole_pixel {
                for (m, &g) in self.mask.as_flattened_mut().iter_mut().zip(entries) {
                    *m = if g == ignore { 0.0 } else { *m };
                }
            } else {
                let kept = self.element[tile.plane(k)].as_flattened_mut();
                for (kept, &g) in kept.iter_mut().zip(entries) {
                    *kept = f32::from(g != ignore);
                }
            }
        }
        self.tile.element_masked = !whole_pixel;
    }

    /// Counts what is neither masked nor ignored: `totals[k]` elements of channel k.
    pub fn count_valid(&mut self) {
        let tile = self.tile;
        let ones = |plane: &[Quad]| plane.as_flattened().iter().filter(|&&m| m != 0.0).count();
        let pixels = if tile.masked { ones(&self.mask[..tile.vectors]) } else { tile.pixels };
        for k in 0..tile.channels {
            self.totals[k] = if tile.element_masked {
                let kept = self.element[tile.plane(k)].as_flattened();
                let valid = self.mask.as_flattened();
                let both = |i: usize| kept[i] != 0.0 && (!tile.masked || valid[i] != 0.0);
                (0..tile.pixels).filter(|&i| both(i)).count() as f64
            } else {
                pixels as f64
            };
        }
    }

    /// Joins mask, ignored entries and pixel weights into the weights kernels use.
    ///
    /// Pixel weights are in `weight`; weights of the prediction's own shape are in `aux`, or interleaved in
    /// `staging`. Error: a negative, infinite or NaN weight.
    pub fn read_weights(&mut self, given: Weights, interleaved: bool) -> Checked {
        let tile = self.tile;
        let bad = |plane: &[f32]| plane.iter().position(|w| !(0.0..f32::INFINITY).contains(w));
        if given == Weights::Pixel {
            let plane = self.weight[..tile.vectors].as_flattened_mut();
            plane[tile.pixels..].fill(0.0);
            if let Some(at) = bad(plane) {
                return Err(at);
            }
            if tile.masked {
                keep_where(&mut self.weight[..tile.vectors], &self.mask);
            }
        } else if tile.masked {
            self.weight[..tile.vectors].copy_from_slice(&self.mask[..tile.vectors]);
        }
        let pixel_weights = tile.masked || given == Weights::Pixel;
        if given != Weights::Element && !tile.element_masked {
            self.tile.weights = if pixel_weights { Weights::Pixel } else { Weights::None };
            return Ok(());
        }
        for k in 0..tile.channels {
            if given == Weights::Element {
                let plane = self.aux[tile.plane(k)].as_flattened_mut();
                if interleaved {
                    deinterleave(&self.staging, &mut plane[..tile.pixels], k, tile.channels);
                }
                plane[tile.pixels..].fill(0.0);
                if let Some(at) = bad(plane) {
                    return Err(at + k * tile.pixels);
                }
            }
            let element = &mut self.element[tile.plane(k)];
            let (factor, own): (&[Quad], bool) = match (given, tile.element_masked) {
                (Weights::Element, false) => {
                    element.copy_from_slice(&self.aux[tile.plane(k)]);
                    (&self.weight, pixel_weights)
                }
                (Weights::Element, true) => (&self.aux[tile.plane(k)], true),
                _ => (&self.weight, pixel_weights),
            };
            if own {
                for (element, factor) in element.iter_mut().zip(factor) {
                    (F32x4::load(element) * F32x4::load(factor)).store(element);
                }
            }
            if given == Weights::Element && tile.element_masked && pixel_weights {
                keep_where(element, &self.weight);
            }
            element.as_flattened_mut()[tile.pixels..].fill(0.0);
        }
        self.tile.weights = Weights::Element;
        Ok(())
    }

    /// Reads the prediction (planar: already in `values`; else from `staging`), 0 where the weight is 0.
    pub fn read_values(&mut self, interleaved: bool) {
        let tile = self.tile;
        for k in 0..tile.channels {
            let plane = self.values[tile.plane(k)].as_flattened_mut();
            if interleaved {
                deinterleave(&self.staging, &mut plane[..tile.pixels], k, tile.channels);
            }
            plane[tile.pixels..].fill(0.0);
        }
        self.clear_unweighted(values);
        self.make_finite();
    }

    /// Reads ±∞ as ±`f32::MAX`. Infinities are rare and the look is cheap, so that kernels need no clamps.
    fn make_finite(&mut self) {
        let tile = self.tile;
        let (most, least) = (F32x4::splat(f32::MAX), F32x4::splat(-f32::MAX));
        for k in 0..tile.channels {
            let plane = &mut self.values[tile.plane(k)];
            let mut furthest = F32x4::splat(0.0);
            for z in plane.iter() {
                furthest = furthest.at_least(F32x4::load(z).abs());
            }
            if furthest.to_array().contains(&f32::INFINITY) {
                for z in plane {
                    F32x4::load(z).at_most(most).at_least(least).store(z);
                }
            }
        }
    }

    /// Reads what the first pass stored (planar: already in `act`; else from `staging`); `logits` asks for those too.
    pub fn read_stored(&mut self, interleaved: bool, logits: bool) {
        let tile = self.tile;
        for k in 0..tile.channels {
            let plane = self.act[tile.plane(k)].as_flattened_mut();
            if interleaved {
                deinterleave(&self.staging, &mut plane[..tile.pixels], k, tile.channels);
            }
            plane[tile.pixels..].fill(0.0);
        }
        match tile.activation {
            Activation::Softmax => self.restore_softmax(),
            Activation::Sigmoid if logits => self.restore_sigmoid(),
            _ => {}
        }
    }

    /// Zeroes the gradient plane, to which every loss adds.
    pub fn clear_gradient(&mut self) {
        let tile = self.tile;
        for k in 0..tile.channels {
            self.grad[tile.plane(k)].fill([0.0; LANES]);
        }
    }

    /// Adds the gradient of one group of losses, whose masked entries are its own, to those before it.
    pub fn merge_gradient(&mut self, first: bool) {
        self.clear_unweighted(|workspace| &mut workspace.grad);
        let tile = self.tile;
        for k in 0..tile.channels {
            let grad = &self.grad[tile.plane(k)];
            let merged = &mut self.merged[tile.plane(k)];
            if first {
                merged.copy_from_slice(grad);
            } else {
                for (merged, grad) in merged.iter_mut().zip(grad) {
                    (F32x4::load(merged) + F32x4::load(grad)).store(merged);
                }
            }
        }
    }

    /// Moves the merged gradient to `grad`, where it is read from.
    pub fn take_merged(&mut self) {
        let tile = self.tile;
        for k in 0..tile.channels {
            self.grad[tile.plane(k)].copy_from_slice(&self.merged[tile.plane(k)]);
        }
    }

    /// Sets the entries of weight 0 to +0. Under softmax a pixel goes only when no class of it has weight.
    #[inline(never)]
    pub fn clear_unweighted(&mut self, buffer: fn(&mut Self) -> &mut Vec<Quad>) {
        let tile = self.tile;
        if tile.weights == Weights::None {
            return;
        }
        if tile.weights == Weights::Element && tile.activation == Activation::Softmax {
            let zero = F32x4::splat(0.0);
            self.factor[..tile.vectors].fill([0.0; LANES]);
            for k in 0..tile.channels {
                for (any, w) in self.factor.iter_mut().zip(&self.element[tile.plane(k)]) {
                    F32x4::load(w).at_least(F32x4::load(any)).at_least(zero).store(any);
                }
            }
        }
        for k in 0..tile.channels {
            let mut taken = core::mem::take(buffer(self));
            let weights = match tile.weights {
                Weights::Element if tile.activation == Activation::Softmax => &self.factor[..tile.vectors],
                Weights::Element => &self.element[tile.plane(k)],
                _ => &self.weight[..tile.vectors],
            };
            keep_where(&mut taken[tile.plane(k)], weights);
            *buffer(self) = taken;
        }
    }

    /// Writes a buffer's planes to `staging`, channels last.
    #[inline(never)]
    pub fn interleave(&mut self, buffer: fn(&mut Self) -> &mut Vec<Quad>) {
        let tile = self.tile;
        let mut staging = core::mem::take(&mut self.staging);
        let buffer = buffer(self);
        let (entries, _) = staging.as_chunks_mut::<4>();
        for k in 0..tile.channels {
            let plane = buffer[tile.plane(k)].as_flattened();
            for (bytes, value) in entries[k..].iter_mut().step_by(tile.channels).zip(&plane[..tile.pixels]) {
                *bytes = value.to_le_bytes();
            }
        }
        self.staging = staging;
    }
}

/// The prediction's buffer, for `clear_unweighted`.
fn values(workspace: &mut Workspace) -> &mut Vec<Quad> {
    &mut workspace.values
}
