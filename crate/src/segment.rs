//! Many small samples in one tile, end to end: sums of each, and a gradient with coefficients of its own for each.
//!
//! The stages before and after see pixels, whosever they are. A sample's first pixel may be any lane of a vector, so sums
//! go lane by lane, and coefficients are spread over the pixels first.

use crate::lanes::{FromTail, Lanes, OneHot, Plane};
use crate::region::{Affine, add_chained, chain, slopes, summands};
use crate::simd::{F32x4, LANES, Quad};
use crate::workspace::{Activation, COEFFICIENTS, TABLE_ROWS, TERMS, Target, Tile, Workspace};

/// The sums of one class: row r of sample s at (s · `TABLE_ROWS` + r) · channels of `rows`.
#[inline(never)]
fn sums<const ALL: bool>(
    tile: &Tile,
    segment: usize,
    p: impl Lanes,
    g: impl Lanes,
    w: impl Lanes,
    rows: &mut [f64],
) {
    let vectors = 0..tile.vectors;
    let (p, g, w) = (p.part(vectors.clone()), g.part(vectors.clone()), w.part(vectors.clone()));
    let mut rows = rows.chunks_mut(TABLE_ROWS * tile.channels);
    let (mut sums, mut left) = ([0.0; TABLE_ROWS], segment);
    for i in vectors {
        let all = summands::<ALL>(p.at(i), g.at(i), w.at(i)).map(F32x4::to_array);
        for lane in 0..LANES.min(tile.pixels - i * LANES) {
            for r in 0..TABLE_ROWS {
                if ALL || r < 3 || r == TABLE_ROWS - 1 {
                    sums[r] += f64::from(all[r][lane]);
                }
            }
            left -= 1;
            if left > 0 {
                continue;
            }
            if let Some(row) = rows.next() {
                for (to, sum) in row.iter_mut().step_by(tile.channels).zip(sums) {
                    *to = sum;
                }
            }
            (sums, left) = ([0.0; TABLE_ROWS], segment);
        }
    }
}

/// Spreads coefficient `r` of class `k` over the pixels of each sample. `slots`: the tables of the samples.
fn spread(slots: &[f32], tile: &Tile, segment: usize, r: usize, k: usize, plane: &mut [Quad]) {
    let pixels = plane.as_flattened_mut()[..tile.pixels].chunks_mut(segment);
    for (pixels, slot) in pixels.zip(slots.chunks(TABLE_ROWS * tile.channels)) {
        let x = slot[r * tile.channels + k];
        for pixel in pixels {
            *pixel = x;
        }
    }
}

impl Workspace {
    pub fn segment_sums(&mut self, all: bool) {
        let Self { tile, input, terms, act, target, element, labels, weight, totals, .. } = self;
        let (tile, segment): (&Tile, _) = (tile, input.segment);
        let rows = &mut totals[TERMS * tile.channels + terms.len()..];
        for k in 0..tile.channels {
            let rows = &mut rows[k..];
            let p = &act[tile.plane(k)];
            let hot = OneHot { labels: &labels[..tile.vectors], class: k as i32 };
            let dense = Plane(&target[tile.plane(k)]);
            let w = Plane(Self::weight_plane(tile, weight, element, k));
            match (tile.activation, tile.target, all) {
                (Activation::Sigmoid, _, true) => sums::<true>(tile, segment, FromTail(p), dense, w, rows),
                (Activation::Sigmoid, _, false) => sums::<false>(tile, segment, FromTail(p), dense, w, rows),
                (_, Target::Labels, true) => sums::<true>(tile, segment, Plane(p), hot, w, rows),
                (_, Target::Labels, false) => sums::<false>(tile, segment, Plane(p), hot, w, rows),
                (_, Target::Dense, _) => sums::<true>(tile, segment, Plane(p), dense, w, rows),
            }
        }
    }

    pub fn segment_gradient(&mut self, curved: bool) {
        self.with_weight_plane();
        let Self { tile, input, terms, act, aux, target, element, labels, weight, grad, .. } = self;
        let Self { peak, factor, mean, table, spread: planes, .. } = self;
        let (tile, segment): (&Tile, _) = (tile, input.segment);
        let slots = &table[TABLE_ROWS * tile.channels * (1 + terms.len())..];
        let used = if curved { COEFFICIENTS } else { 2 };
        for plane in &mut planes[used..] {
            plane.fill([0.0; LANES]);
        }
        for k in 0..tile.channels {
            for (r, plane) in planes[..used].iter_mut().enumerate() {
                spread(slots, tile, segment, r, k, plane);
            }
            let affine = |i: usize| Affine(planes.each_ref().map(|plane| F32x4::load(&plane[i])));
            let w = Plane(Self::weight_plane(tile, weight, element, k));
            let (u, p, g) = (&mut aux[tile.plane(k)], &act[tile.plane(k)], Plane(&target[tile.plane(k)]));
            match (tile.activation, tile.target) {
                (Activation::Sigmoid, _) => add_chained::<true>(&mut grad[tile.plane(k)], affine, FromTail(p), g, w),
                (Activation::None, _) => add_chained::<true>(&mut grad[tile.plane(k)], affine, Plane(p), g, w),
                (Activation::Softmax, Target::Labels) => {
                    let hot = OneHot { labels: &labels[..tile.vectors], class: k as i32 };
                    slopes::<true>(u, p, affine, hot, w, peak, factor);
                }
                (Activation::Softmax, Target::Dense) => slopes::<true>(u, p, affine, g, w, peak, factor),
            }
        }
        if tile.activation == Activation::Softmax {
            chain(tile, act, aux, grad, factor, mean);
        }
    }
}
