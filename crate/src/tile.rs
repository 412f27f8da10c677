//! The canonical form of a tile, so that every kernel exists once: label maps become `i32` (softmax) or one-hot planes,
//! dense targets planes of f32; mask, ignored labels and weights become one weight. `chunk` reads the entries, whatever
//! their type and layout.
//!
//! Bad data is reported by its position in the tile, never by panic. Where a pixel is out (masked or ignored) neither
//! prediction nor target is looked at: both are set to 0, and whatever stood there cannot reach a sum.

use crate::chunk::read_floats;
use crate::entries::{Kind, read_bytes, read_entries};
use crate::lanes::{Lanes, OneHot};
use crate::simd::{F32x4, LANES, Quad};
use crate::workspace::{Activation, Target, Tile, VALID, Weights, Workspace};
use alloc::vec::Vec;

/// Position of the first bad entry, or none.
pub type Checked = Result<(), usize>;

/// Keeps the lanes of `plane` where `keep` is not 0; elsewhere +0, even for NaN.
#[inline(never)]
pub fn keep_where(plane: &mut [Quad], keep: &[Quad]) {
    let zero = F32x4::splat(0.0);
    for (value, keep) in plane.iter_mut().zip(keep) {
        F32x4::load(value).drop(F32x4::load(keep).equals(zero)).store(value);
    }
}

/// The same as floats; whether all are 0 or 1.
#[inline(never)]
fn to_floats(entries: &[i32], plane: &mut [f32]) -> bool {
    let mut bits = 0;
    for (g, &entry) in plane.iter_mut().zip(entries) {
        bits |= entry;
        *g = entry as f32;
    }
    bits & !1 == 0
}

impl Workspace {
    /// Reads the mask, if there is one (0 leaves out, anything else keeps). Error: a NaN.
    pub fn read_mask(&mut self) -> Checked {
        let Self { tile, mask, chunk, input, .. } = self;
        if !input.masked {
            return Ok(());
        }
        tile.masked = true;
        let floats = mask[..tile.vectors].as_flattened_mut();
        let given = &chunk.mask[tile.start..tile.start + tile.pixels];
        floats[tile.pixels..].fill(0.0);
        let mut sum = 0.0;
        for (m, &given) in floats.iter_mut().zip(given) {
            *m = f32::from(given != 0.0);
            sum += given * 0.0;
        }
        // Infinities keep a pixel too.
        if sum.is_nan()
            && let Some(at) = given.iter().position(|m| m.is_nan())
        {
            return Err(at);
        }
        Ok(())
    }

    pub fn read_target(&mut self) -> Checked {
        if self.input.dense { self.read_dense() } else { self.read_labels() }
    }

    /// Reads a label map. Error: a label outside 0…C−1 that is not ignored.
    fn read_labels(&mut self) -> Checked {
        let Tile { start, pixels, vectors, channels, activation, .. } = self.tile;
        let kind = self.input.kind;
        let bytes = &self.chunk.target[start * kind.bytes()..(start + pixels) * kind.bytes()];
        let labels = self.labels[..vectors].as_flattened_mut();
        read_entries(kind, bytes, 1, &mut labels[..pixels]);
        labels[pixels..].fill(0);
        if let Some(ignore) = self.input.ignore {
            if !self.tile.masked {
                self.mask_all_but_padding();
            }
            let ignore = ignore as i64 as i32;
            let floats = self.mask[..vectors].as_flattened_mut();
            for (m, &label) in floats.iter_mut().zip(self.labels.as_flattened()) {
                *m = if label == ignore { 0.0 } else { *m };
            }
        }
        let labels = self.labels[..vectors].as_flattened_mut();
        if self.tile.masked {
            for (label, &m) in labels.iter_mut().zip(self.mask.as_flattened()) {
                *label = if m == 0.0 { 0 } else { *label };
            }
        }
        let largest = labels.iter().fold(0, |largest: u32, &label| largest.max(label.cast_unsigned()));
        if largest as usize >= channels {
            let bad = labels.iter().position(|&label| label.cast_unsigned() as usize >= channels);
            return Err(bad.unwrap_or(0));
        }
        if activation == Activation::Softmax {
            self.tile.target = Target::Labels;
        } else {
            self.expand_labels();
        }
        Ok(())
    }

    /// One-hot planes from labels: what a channel by itself wants. The tile is small; the volume never is one-hot.
    fn expand_labels(&mut self) {
        self.tile.hard = true;
        let tile = self.tile;
        for k in 0..tile.channels {
            let class = OneHot { labels: &self.labels[..tile.vectors], class: k as i32 };
            let plane = &mut self.target[tile.plane(k)];
            for (i, g) in plane.iter_mut().enumerate() {
                class.at(i).store(g);
            }
            plane.as_flattened_mut()[tile.pixels..].fill(0.0);
        }
    }

    /// Reads a dense target.
    ///
    /// An ignored entry takes out its pixel (softmax) or itself. Error: an entry outside [0, 1]; integers other than 0
    /// and 1 are that too.
    fn read_dense(&mut self) -> Checked {
        let Self { tile, input, chunk, target, labels, .. } = self;
        let mut zeros_and_ones = input.kind != Kind::F32;
        for k in 0..tile.channels {
            let plane = target[tile.plane(k)].as_flattened_mut();
            let (pixels, padding) = plane.split_at_mut(tile.pixels);
            padding.fill(0.0);
            let entries = &mut labels[..tile.vectors].as_flattened_mut()[..tile.pixels];
            for (piece, from, step) in chunk.pieces(tile, k) {
                let bytes = &chunk.target[from * input.kind.bytes()..];
                if input.kind == Kind::U8 && step == 1 {
                    zeros_and_ones &= read_bytes(bytes, &mut pixels[piece]) <= 1;
                    continue;
                }
                if input.kind != Kind::F32 {
                    read_entries(input.kind, bytes, step, &mut entries[piece.clone()]);
                    zeros_and_ones &= to_floats(&entries[piece.clone()], &mut pixels[piece]);
                    continue;
                }
                let floats = bytes.as_chunks::<4>().0;
                if step == 1 {
                    read_floats(floats.iter().map(|&bytes| f32::from_le_bytes(bytes)), &mut pixels[piece]);
                } else {
                    let floats = floats.iter().step_by(step);
                    read_floats(floats.map(|&bytes| f32::from_le_bytes(bytes)), &mut pixels[piece]);
                }
            }
        }
        if let Some(ignore) = self.input.ignore {
            // Integers went through i32, which wraps.
            let ignore = if self.input.kind == Kind::F32 { ignore as f32 } else { ignore as i64 as i32 as f32 };
            // Of one channel, an entry is its pixel.
            self.take_out(ignore, self.tile.activation == Activation::Softmax || self.tile.channels == 1);
        }
        let tile = self.tile;
        let (zero, one) = (F32x4::splat(0.0), F32x4::splat(1.0));
        let mut soft = zero;
        for k in 0..tile.channels {
            let plane = &mut self.target[tile.plane(k)];
            if tile.masked {
                keep_where(plane, &self.mask);
            }
            if tile.element_masked {
                keep_where(plane, &self.element[tile.plane(k)]);
            }
            if zeros_and_ones {
                continue;
            }
            let mut clamped_changes = zero;
            for g in plane.iter() {
                let g = F32x4::load(g);
                // NaN, or a clamp that changes the value, gives something other than 0.
                let changed = g.at_most(one).at_least(zero) - g;
                clamped_changes = clamped_changes + changed.abs();
                soft = soft + g * (one - g);
            }
            if clamped_changes.to_array().iter().any(|&change| change != 0.0) {
                let bad = plane.as_flattened().iter().position(|g| !(0.0..=1.0).contains(g));
                return Err(bad.unwrap_or(0) + k * tile.pixels);
            }
        }
        self.tile.hard = soft.to_array() == [0.0; LANES];
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

    /// Counts what is neither masked nor ignored, of each channel.
    pub fn count_valid(&mut self) {
        let tile = self.tile;
        let ones = |plane: &[Quad]| plane.as_flattened().iter().filter(|&&m| m != 0.0).count();
        let pixels = if tile.masked { ones(&self.mask[..tile.vectors]) } else { tile.pixels };
        for k in 0..tile.channels {
            self.totals[VALID * tile.channels + k] += if tile.element_masked {
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
    /// Error: a negative, infinite or NaN weight.
    pub fn read_weights(&mut self) -> Checked {
        let (tile, given) = (self.tile, self.input.weights);
        let bad = |plane: &[f32]| plane.iter().position(|w| !(0.0..f32::INFINITY).contains(w));
        if given == Weights::Pixel {
            let plane = self.weight[..tile.vectors].as_flattened_mut();
            plane[..tile.pixels].copy_from_slice(&self.chunk.weight[tile.start..tile.start + tile.pixels]);
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
        if given == Weights::Element {
            let Self { chunk, aux, .. } = self;
            chunk.read(&chunk.weight, false, &tile, aux);
        }
        for k in 0..tile.channels {
            if given == Weights::Element
                && let Some(at) = bad(self.aux[tile.plane(k)].as_flattened())
            {
                return Err(at + k * tile.pixels);
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

    /// Reads the prediction: 0 where the weight is 0.
    pub fn read_values(&mut self) {
        let Self { tile, chunk, values, .. } = self;
        chunk.read(chunk.source(), false, tile, values);
        self.clear_unweighted(|workspace| &mut workspace.values);
    }

    /// Reads what the first pass stored.
    pub fn read_stored(&mut self) {
        let Self { tile, chunk, act, .. } = self;
        chunk.read(chunk.source(), true, tile, act);
        match tile.activation {
            Activation::Softmax => self.restore_softmax(),
            Activation::Sigmoid if self.terms.iter().any(|term| term.loss.reads_logits()) => self.restore_sigmoid(),
            _ => {}
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
}
