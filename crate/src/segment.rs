//! Many small samples in one tile, end to end: sums of each, and a gradient with coefficients of its own for each. And
//! what scores samples in the core, also one that has a tile for itself.
//!
//! The stages before and after see pixels, whosever they are. A sample's first pixel may be any lane of a vector, so sums
//! go lane by lane, and coefficients are spread over the pixels first.

use crate::lanes::{FromTail, LabelQuad, Lanes, OneHot, Plane};
use crate::region::{Affine, chain, slopes, summands};
use crate::simd::{F32x4, F64x4, LANES, Quad};
use crate::workspace::{Activation, COEFFICIENTS, TABLE_ROWS, TERMS, Target, Tile, Workspace};
use core::array::from_fn;

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

/// A region loss that is 1 − one ratio a class, over samples of which nothing is left out or weighed: the core scores
/// them itself. Operations and their order are those of the door's `ratioScore` and `Scorer`, so that the bits are too.
#[derive(Clone, Copy, Default)]
pub struct Ratio {
    /// The first class that counts.
    pub first: usize,
    /// The share of a class in its sample, of a sample in the value, and what multiplies a sample's gradient.
    pub share: f64,
    pub row: f64,
    pub scale: f64,
    /// `top`·tp + `numerator` over `tp`·tp + `p`·p + `g`·g + `denominator`.
    pub top: f64,
    pub tp: f64,
    pub p: f64,
    pub g: f64,
    pub numerator: f64,
    pub denominator: f64,
    /// Of the samples so far.
    pub value: f64,
}

impl Ratio {
    /// Of four samples the losses, and what multiplies 1 and g in the gradients by p.
    #[inline(always)]
    fn score(self, [tp, p, g]: [F64x4; 3]) -> [F64x4; 3] {
        let of = F64x4::splat;
        // No fused multiply-add: the door has none.
        let below = of(self.tp) * tp + of(self.p) * p + of(self.g) * g + of(self.denominator);
        let s = (of(self.top) * tp + of(self.numerator)) / below;
        let inverse = of(1.0) / below;
        let scaled = |x: F64x4| of(self.scale) * (of(self.share) * x);
        // 0 and what may be −0 are 0.
        let a = of(0.0) + scaled(inverse * s * of(self.p));
        let b = of(0.0) - scaled(inverse * (of(self.top) - s * of(self.tp)));
        [of(1.0) - s, a, b].map(|x| x.unless_zero(below))
    }

    /// Scores one class of every sample: adds to the losses of the samples, and leaves the gradient by each p in `u`. `b`: room.
    #[inline(never)]
    fn scores(self, segment: usize, [p, g]: [&[Quad]; 2], losses: &mut [f64], [u, b]: [&mut [Quad]; 2]) {
        let losses = losses.as_chunks_mut::<LANES>().0;
        let add = |losses: &mut [f64; LANES], own: F64x4| {
            *losses = (F64x4::load(losses) + F64x4::splat(self.share) * own).to_array();
        };
        if segment == 1 {
            for (((p, g), losses), u) in p.iter().zip(g).zip(losses).zip(u) {
                let [p, g] = [p, g].map(F32x4::load);
                let [own, of_1, of_g] = self.score([p * g, p, g].map(F64x4::from));
                add(losses, own);
                of_g.to_f32().mul_add(g, of_1.to_f32()).store(u);
            }
            return;
        }
        // `segment` vectors hold four samples.
        let fours = p.chunks(segment).zip(g.chunks(segment)).zip(u.chunks_mut(segment).zip(b.chunks_mut(segment)));
        for (((p, g), (u, b)), losses) in fours.zip(losses) {
            let [own, of_1, of_g] = self.score(sums_of_four(segment, [p, g]));
            add(losses, own);
            let [of_1, of_g] = [of_1, of_g].map(|x| x.to_f32().to_array());
            if segment.is_multiple_of(LANES) {
                let own = u.chunks_mut(segment / LANES).zip(g.chunks(segment / LANES));
                for ((u, g), (of_1, of_g)) in own.zip(of_1.into_iter().zip(of_g)) {
                    for (u, g) in u.iter_mut().zip(g) {
                        F32x4::splat(of_g).mul_add(F32x4::load(g), F32x4::splat(of_1)).store(u);
                    }
                }
                continue;
            }
            for (plane, of) in [&mut *u, &mut *b].into_iter().zip([of_1, of_g]) {
                plane.as_flattened_mut().chunks_mut(segment).zip(of).for_each(|(own, of)| own.fill(of));
            }
            for ((u, b), g) in u.iter_mut().zip(b).zip(g) {
                F32x4::load(b).mul_add(F32x4::load(g), F32x4::load(u)).store(u);
            }
        }
    }
}

/// tp, p and g of four samples, a lane each; of the last ones there may be fewer. Additions go from pixel to pixel.
#[inline(never)]
fn sums_of_four(segment: usize, planes: [&[Quad]; 2]) -> [F64x4; 3] {
    if planes[0].len() == segment && segment.is_multiple_of(LANES) {
        let length = segment / LANES;
        let mut sums = [F64x4::splat(0.0); 3];
        for i in 0..length {
            let [p, g] = planes.map(|plane| F32x4::transpose(from_fn(|lane| F32x4::load(&plane[lane * length + i]))));
            for (p, g) in p.into_iter().zip(g) {
                let all = [p * g, p, g].map(F64x4::from);
                sums = from_fn(|r| sums[r] + all[r]);
            }
        }
        return sums;
    }
    let [p, g] = planes.map(|plane| plane.as_flattened().chunks(segment));
    let mut sums = [[0.0; 3]; LANES];
    for ((p, g), sums) in p.zip(g).zip(&mut sums) {
        for (p, g) in p.iter().zip(g) {
            let all = [p * g, *p, *g].map(f64::from);
            *sums = from_fn(|r| sums[r] + all[r]);
        }
    }
    from_fn(|r| F64x4::load(&sums.map(|sums| sums[r])))
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

    /// The gradient of every class from the tables of the samples.
    pub fn segment_gradient(&mut self, curved: bool) {
        self.with_weight_plane();
        let Self { tile, input, terms, act, aux, target, element, labels, weight, grad, .. } = self;
        let Self { top, others, peak, factor, mean, table, spread: planes, .. } = self;
        let softmax = tile.activation == Activation::Softmax;
        let (tile, n): (&Tile, _) = (tile, tile.vectors);
        let slots = &table[TABLE_ROWS * tile.channels * (1 + terms.len())..];
        let used = if curved { COEFFICIENTS } else { 2 };
        for plane in &mut planes[used..] {
            plane[..n].fill([0.0; LANES]);
        }
        for k in 0..tile.channels {
            // Room that is only written once all slopes are there.
            fill_target(&mut mean[..n], tile, target, labels, k);
            let (u, p) = planes_of(tile, k, act, [aux, others, top]);
            for (r, plane) in planes[..used].iter_mut().enumerate() {
                spread(slots, tile, input.segment, r, k, plane);
            }
            let affine = |i: usize| Affine(planes.each_ref().map(|plane| F32x4::load(&plane[i])));
            let w = Plane(Self::weight_plane(tile, weight, element, k));
            slopes(u, p, affine, Plane(&mean[..n]), w, peak, factor);
            if !softmax {
                chain_channel(&mut grad[tile.plane(k)], u, &act[tile.plane(k)], tile.activation);
            }
        }
        if softmax {
            chain(tile, act, aux, grad, factor, mean);
        }
    }

    /// Begins to score: nothing is in the value nor in the sums of the terms.
    pub fn score_by(&mut self, ratio: Ratio) {
        self.ratio = ratio;
        self.totals[TERMS * self.input.channels..][..self.terms.len()].fill(0.0);
    }

    /// Scores the one sample of the tile by `ratio` from its sums, into the table; the value so far takes the place of
    /// the first sum.
    fn score_sample(&mut self) {
        let Self { tile, totals, table, ratio, .. } = self;
        let channels = tile.channels;
        table[..TABLE_ROWS * channels].fill(0.0);
        let mut loss = 0.0;
        for k in ratio.first..channels {
            let sums = [0, 1, 2].map(|r| F64x4::splat(totals[r * channels + k]));
            let [own, a, b] = ratio.score(sums).map(|x| x.to_array()[0]);
            loss += ratio.share * own;
            (table[k], table[channels + k]) = (a as f32, b as f32);
        }
        ratio.value += ratio.row * loss;
        totals[0] = ratio.value;
    }

    /// Adds the samples to the value of `ratio`, and with `gradient` their gradient to that of the tile.
    pub fn score_samples(&mut self, gradient: bool) {
        if self.input.segment == 0 {
            self.region_sums();
            self.score_sample();
            if gradient {
                self.region_gradient(false);
            }
            return;
        }
        let Self { tile, input, terms, act, aux, target, labels, grad, top, others, peak, factor, mean, .. } = self;
        let Self { totals, ratio, spread: [room, ..], .. } = self;
        let softmax = tile.activation == Activation::Softmax;
        let (tile, n): (&Tile, _) = (tile, tile.vectors);
        let samples = tile.pixels / input.segment.max(1);
        // Room for the sums of samples, which are not there now.
        let losses = &mut totals[TERMS * tile.channels + terms.len()..][..samples.next_multiple_of(LANES)];
        losses.fill(0.0);
        for k in 0..tile.channels {
            let (u, p) = planes_of(tile, k, act, [aux, others, top]);
            if k < ratio.first {
                u.fill([0.0; LANES]);
            } else {
                fill_target(&mut mean[..n], tile, target, labels, k);
                ratio.scores(input.segment, [p, &mean[..n]], losses, [u, &mut room[..n]]);
            }
            if !gradient {
                continue;
            }
            if softmax {
                for (((u, p), peak), at_peak) in u.iter().zip(p).zip(&*peak).zip(&mut *factor) {
                    let mine = F32x4::load(p).equals(F32x4::load(peak));
                    mine.select(F32x4::load(u), F32x4::load(at_peak)).store(at_peak);
                }
            } else {
                chain_channel(&mut grad[tile.plane(k)], u, &act[tile.plane(k)], tile.activation);
            }
        }
        if softmax && gradient {
            chain(tile, act, aux, grad, factor, mean);
        }
        for loss in &losses[..samples] {
            ratio.value += ratio.row * *loss;
        }
        totals[0] = ratio.value;
    }
}

/// Where u and p of a class are: under softmax in planes of its own, else in one that all classes take in turn, p made anew.
fn planes_of<'a>(
    tile: &Tile,
    k: usize,
    act: &'a [Quad],
    [aux, others, top]: [&'a mut [Quad]; 3],
) -> (&'a mut [Quad], &'a [Quad]) {
    if tile.activation == Activation::Softmax {
        return (&mut aux[tile.plane(k)], &act[tile.plane(k)]);
    }
    fill_probabilities(&mut top[..tile.vectors], tile, &act[tile.plane(k)]);
    (&mut others[..tile.vectors], &top[..tile.vectors])
}

/// Adds u times the slope of the activation to the gradient of one class.
#[inline(never)]
fn chain_channel(grad: &mut [Quad], u: &[Quad], act: &[Quad], activation: Activation) {
    for ((grad, u), tail) in grad.iter_mut().zip(u).zip(act) {
        let q = F32x4::load(tail).abs();
        let one = F32x4::splat(1.0);
        let chained = if activation == Activation::Sigmoid { q * (one - q) } else { one };
        F32x4::load(u).mul_add(chained, F32x4::load(grad)).store(grad);
    }
}
