//! The generalized Wasserstein Dice loss: W_i = Σ_c M[y, c] p_c, the distance of a pixel's distribution from its label.
//!
//! Its sums are per class of the target: Σ w g W in the place of Σ w p, Σ w g and Σ w. The gradient with respect to p_c
//! is Σ_y w g_y a_y M[y, c], a being row 0 of the table.

use crate::lanes::{Lanes, Plane};
use crate::simd::{F32x4, LANES};
use crate::sums::Sum;
use crate::workspace::{Activation, Target, Tile, Workspace};

impl Workspace {
    pub fn wasserstein_sums(&mut self) {
        self.with_weight_plane();
        let Self { tile, act, target, labels, weight, element, totals, matrix, .. } = self;
        let tile: &Tile = tile;
        let channels = tile.channels;
        if tile.target == Target::Labels {
            let (p, plane) = (act.as_flattened(), tile.stride * LANES);
            for (i, &label) in labels.as_flattened()[..tile.pixels].iter().enumerate() {
                let y = label.cast_unsigned() as usize;
                let w = f64::from(Self::weight_plane(tile, weight, element, y).as_flattened()[i]);
                if w == 0.0 {
                    continue;
                }
                let row = &matrix[y * channels..(y + 1) * channels];
                let distance: f64 = row.iter().enumerate().map(|(c, m)| f64::from(m * p[c * plane + i])).sum();
                totals[channels + y] += w * distance;
                totals[2 * channels + y] += w;
                totals[7 * channels + y] += w;
            }
            return;
        }
        for y in 0..channels {
            let g = Plane(&target[tile.plane(y)]);
            let w = Plane(Self::weight_plane(tile, weight, element, y));
            let mut sums = [Sum::new(); 3];
            for i in 0..tile.vectors {
                let distance = (0..channels).fold(F32x4::splat(0.0), |sum, c| {
                    F32x4::splat(matrix[y * channels + c]).mul_add(F32x4::load(&act[c * tile.stride + i]), sum)
                });
                let wg = w.at(i) * g.at(i);
                sums[0].add(wg * distance);
                sums[1].add(wg);
                sums[2].add(w.at(i));
            }
            for (r, sum) in [1, 2, 7].into_iter().zip(sums) {
                totals[r * channels + y] += sum.total();
            }
        }
    }

    /// Adds the gradient to `grad`.
    pub fn wasserstein_gradient(&mut self) {
        self.with_weight_plane();
        let Self { tile, aux, target, labels, weight, element, table, matrix, .. } = self;
        let tile: &Tile = tile;
        let channels = tile.channels;
        let slope = &Self::slot(table, channels, 0)[..channels];
        for c in 0..channels {
            let u = &mut aux[tile.plane(c)];
            u.fill([0.0; LANES]);
            if tile.target == Target::Labels {
                for (i, (u, &label)) in u.as_flattened_mut().iter_mut().zip(labels.as_flattened()).enumerate() {
                    let y = label.cast_unsigned() as usize;
                    let w = Self::weight_plane(tile, weight, element, y).as_flattened()[i];
                    *u = w * slope[y] * matrix[y * channels + c];
                }
                continue;
            }
            for y in 0..channels {
                let m = F32x4::splat(slope[y] * matrix[y * channels + c]);
                let g = Plane(&target[tile.plane(y)]);
                let w = Plane(Self::weight_plane(tile, weight, element, y));
                for (i, u) in u.iter_mut().enumerate() {
                    m.mul_add(w.at(i) * g.at(i), F32x4::load(u)).store(u);
                }
            }
        }
        if tile.activation == Activation::Softmax {
            return self.chain_slopes();
        }
        let Self { tile, aux, grad, .. } = self;
        for c in 0..channels {
            for (u, grad) in aux[tile.plane(c)].iter().zip(&mut grad[tile.plane(c)]) {
                (F32x4::load(u) + F32x4::load(grad)).store(grad);
            }
        }
    }

    /// Σ w g and Σ w of every class, of the target alone, where region sums have them.
    pub fn count_targets(&mut self) {
        self.with_weight_plane();
        let Self { tile, target, labels, weight, element, totals, .. } = self;
        let tile: &Tile = tile;
        for k in 0..tile.channels {
            let hot = crate::lanes::OneHot { labels: &labels[..tile.vectors], class: k as i32 };
            let (g, w) = (Plane(&target[tile.plane(k)]), Plane(Self::weight_plane(tile, weight, element, k)));
            let (mut count, mut all) = (Sum::new(), Sum::new());
            for i in 0..tile.vectors {
                let g = if tile.target == Target::Labels { hot.at(i) } else { g.at(i) };
                count.add(w.at(i) * g);
                all.add(w.at(i));
            }
            totals[2 * tile.channels + k] += count.total();
            totals[7 * tile.channels + k] += all.total();
        }
    }
}
