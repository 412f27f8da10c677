//! Many small samples in one tile, end to end: sums of each, and a gradient with coefficients of its own for each.
//!
//! The stages before and after see pixels, whosever they are. A sample's first pixel may be any lane of a vector, so sums
//! go lane by lane, and coefficients are spread over the pixels first.

use crate::lanes::{FromTail, LabelQuad, Lanes, OneHot, Plane};
use crate::region::{Affine, chain, slopes, summands};
use crate::simd::{F32x4, LANES, Quad};
use crate::workspace::{Activation, COEFFICIENTS, TABLE_ROWS, TERMS, Target, Tile, Workspace};

#[inline(always)]
fn fill(plane: &mut [Quad], from: impl Lanes) {
    let from = from.part(0..plane.len());
    for (i, to) in plane.iter_mut().enumerate() {
        from.at(i).store(to);
    }
}

/// p of one class.
#[inline(never)]
pub fn fill_probabilities(plane: &mut [Quad], tile: &Tile, act: &[Quad]) {
    match tile.activation {
        Activation::Sigmoid => fill(plane, FromTail(act)),
        _ => fill(plane, Plane(act)),
    }
}

/// g of class k, from either form of target.
#[inline(never)]
pub fn fill_target(plane: &mut [Quad], tile: &Tile, target: &[Quad], labels: &[LabelQuad], k: usize) {
    match tile.target {
        Target::Labels => fill(plane, OneHot { labels, class: k as i32 }),
        Target::Dense => fill(plane, Plane(&target[tile.plane(k)])),
    }
}

/// The sums of one class from p, g and w: row r of sample s at (s · `TABLE_ROWS` + r) · channels of `rows`.
#[inline(never)]
fn sums(tile: &Tile, segment: usize, [p, g, w]: [&[Quad]; 3], rows: &mut [f64]) {
    let vectors = 0..tile.vectors;
    let [p, g, w] = [p, g, w].map(|plane| Plane(plane).part(vectors.clone()));
    let mut rows = rows.chunks_mut(TABLE_ROWS * tile.channels);
    let (mut sums, mut left) = ([0.0; TABLE_ROWS], segment);
    for i in vectors {
        let all = summands(p.at(i), g.at(i), w.at(i)).map(F32x4::to_array);
        for lane in 0..LANES {
            for (sum, all) in sums.iter_mut().zip(&all) {
                *sum += f64::from(all[lane]);
            }
            left -= 1;
            if left > 0 {
                continue;
            }
            // A row of padding is read by nobody.
            let Some(row) = rows.next() else { return };
            for (to, sum) in row.iter_mut().step_by(tile.channels).zip(sums) {
                *to = sum;
            }
            (sums, left) = ([0.0; TABLE_ROWS], segment);
        }
    }
}

/// Spreads coefficient `r` of class `k` over the pixels of each sample. `slots`: the tables of the samples.
#[inline(never)]
fn spread(slots: &[f32], tile: &Tile, segment: usize, r: usize, k: usize, plane: &mut [Quad]) {
    let mut coefficients = slots[r * tile.channels + k..].iter().step_by(TABLE_ROWS * tile.channels);
    let (mut left, mut x) = (0, 0.0);
    for pixel in &mut plane.as_flattened_mut()[..tile.pixels] {
        if left == 0 {
            left = segment;
            x = coefficients.next().copied().unwrap_or_default();
        }
        left -= 1;
        *pixel = x;
    }
}

impl Workspace {
    pub fn segment_sums(&mut self) {
        let Self { tile, input, terms, act, target, element, labels, weight, totals, spread, .. } = self;
        let (tile, n): (&Tile, _) = (tile, tile.vectors);
        let rows = &mut totals[TERMS * tile.channels + terms.len()..];
        let [p, g, ..] = spread;
        for k in 0..tile.channels {
            // In planes first, so that the loop over samples exists once.
            fill_probabilities(&mut p[..n], tile, &act[tile.plane(k)]);
            fill_target(&mut g[..n], tile, target, labels, k);
            let planes = [&p[..n], &g[..n], Self::weight_plane(tile, weight, element, k)];
            sums(tile, input.segment, planes, &mut rows[k..]);
        }
    }

    pub fn segment_gradient(&mut self, curved: bool) {
        self.with_weight_plane();
        let Self { tile, input, terms, act, aux, target, element, labels, weight, grad, .. } = self;
        let Self { top, others, peak, factor, mean, table, spread: planes, .. } = self;
        let softmax = tile.activation == Activation::Softmax;
        let (tile, n): (&Tile, _) = (tile, tile.vectors);
        let slots = &table[TABLE_ROWS * tile.channels * (1 + terms.len())..];
        let used = if curved { COEFFICIENTS } else { 2 };
        for plane in &mut planes[used..] {
            plane.fill([0.0; LANES]);
        }
        for k in 0..tile.channels {
            for (r, plane) in planes[..used].iter_mut().enumerate() {
                spread(slots, tile, input.segment, r, k, plane);
            }
            let affine = |i: usize| Affine(planes.each_ref().map(|plane| F32x4::load(&plane[i])));
            let w = Plane(Self::weight_plane(tile, weight, element, k));
            // Room that is only written once all slopes are there.
            fill_target(&mut mean[..n], tile, target, labels, k);
            let g = Plane(&mean[..n]);
            let act = &act[tile.plane(k)];
            let (u, p) = if softmax {
                (&mut aux[tile.plane(k)], act)
            } else {
                fill_probabilities(&mut top[..n], tile, act);
                (&mut others[..n], &top[..n])
            };
            slopes(u, p, affine, g, w, peak, factor);
            if softmax {
                continue;
            }
            for ((grad, u), tail) in grad[tile.plane(k)].iter_mut().zip(u).zip(act) {
                let q = F32x4::load(tail).abs();
                let one = F32x4::splat(1.0);
                let chained = if tile.activation == Activation::Sigmoid { q * (one - q) } else { one };
                F32x4::load(u).mul_add(chained, F32x4::load(grad)).store(grad);
            }
        }
        if softmax {
            chain(tile, act, aux, grad, factor, mean);
        }
    }
}
