//! The Hausdorff distance loss: squared errors weighed by the distances of target and prediction.

use super::{Leave, OUT, Plane, code_of, for_each_distance};
use crate::distance::Spacing;
use crate::volume::zeros;

/// |d|^alpha of d².
fn power(d2: f64, alpha: f64) -> f64 {
    if alpha == 2.0 { d2 } else { d2.powf(0.5 * alpha) }
}

impl Plane {
    /// Σ w (p − g)² of `values` p − g, times (|d_g|^alpha + |d_p|^alpha) each, with d_g in `distances`, which it overwrites; its slopes or terms are left
    /// in `values`. None where memory does not suffice.
    pub fn hausdorff(&mut self, spacing: Spacing, alpha: f64, leave: Leave) -> Option<f64> {
        let mut codes = zeros(self.values.len())?;
        for ((code, &value), &g) in codes.iter_mut().zip(&self.values).zip(&self.truths) {
            *code = code_of(value, value + g);
        }
        for d in &mut self.distances {
            *d = power(f64::from(*d) * f64::from(*d), alpha) as f32;
        }
        let distances = &mut self.distances;
        let sufficed = for_each_distance(&codes, self.grid.dims, spacing, |i, d2| {
            distances[i] += power(d2, alpha) as f32;
        });
        sufficed.then(|| self.weigh_errors(leave))
    }

    fn weigh_errors(&mut self, leave: Leave) -> f64 {
        let mut sum = 0.0;
        for i in 0..self.values.len() {
            if self.values[i] == OUT {
                self.values[i] = 0.0;
                continue;
            }
            let error = f64::from(self.values[i]);
            let slope = self.weight(i) * f64::from(self.distances[i]) * error;
            let term = slope * error;
            sum += term;
            self.values[i] = match leave {
                Leave::Terms => term,
                Leave::Slopes => 2.0 * slope,
            } as f32;
        }
        sum
    }
}
