//! The boundary loss: predictions weighed by their signed distance to the target's border.

use super::{Leave, OUT, Plane};

impl Plane {
    /// Σ w φ p of `values` p, with φ the distance, within the target `inner` more; its slopes or terms are left in `values`.
    pub fn boundary(&mut self, inner: f64, leave: Leave) -> f64 {
        let mut sum = 0.0;
        for i in 0..self.values.len() {
            if self.values[i] == OUT {
                self.values[i] = 0.0;
                continue;
            }
            let p = f64::from(self.values[i]);
            let d = f64::from(self.distances[i]);
            let slope = self.weight(i) * if d < 0.0 { d + inner } else { d };
            // 0 times what is no number is none either: a NaN prediction is to be seen.
            let term = slope * p;
            sum += term;
            self.values[i] = match leave {
                Leave::Terms => term,
                Leave::Slopes => slope + 0.0 * p,
            } as f32;
        }
        sum
    }
}
