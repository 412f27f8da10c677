//! The sums of clDice: what of each skeleton lies in the other's mask.

use super::{OUT, Plane, Skeleton};
use crate::volume::zeros;

/// Σw of S_p g, S_p, g, S_g p and S_g, then Σw: S is the skeleton.
pub const SUMS: usize = 6;

impl Plane {
    /// The skeletons of prediction, p in `values`, and target; none where memory does not suffice.
    fn skeletons(&self, iterations: usize, keep: bool) -> Option<[Skeleton; 2]> {
        let image = |of: &[f32]| {
            let mut image = zeros(of.len())?;
            for ((image, &value), &p) in image.iter_mut().zip(of).zip(&self.values) {
                *image = if p == OUT { OUT } else { value };
            }
            Some(image)
        };
        let of_truth = Skeleton::new(self.grid, image(&self.truths)?, iterations, false)?;
        Some([Skeleton::new(self.grid, image(&self.values)?, iterations, keep)?, of_truth])
    }

    /// The sums; none where memory does not suffice.
    pub fn cl_dice_sums(&self, iterations: usize) -> Option<[f64; SUMS]> {
        let [of_pred, of_truth] = self.skeletons(iterations, false)?;
        let mut sums = [0.0; SUMS];
        for i in (0..self.values.len()).filter(|&i| self.values[i] != OUT) {
            let (w, g) = (self.weight(i), f64::from(self.truths[i]));
            let p = f64::from(self.values[i]);
            // Comparisons drop what is no number; a sum must not.
            let (s, t) = (f64::from(of_pred.values[i]) + 0.0 * p, f64::from(of_truth.values[i]));
            for (sum, term) in sums.iter_mut().zip([s * g, s, g, t * p, t, 1.0]) {
                *sum += w * term;
            }
        }
        Some(sums)
    }

    /// Leaves in `values` the gradient of `tp`, `p` and `other` times the first, second and fourth sum. Whether memory
    /// sufficed.
    pub fn cl_dice_slopes(&mut self, iterations: usize, tp: f64, p: f64, other: f64) -> bool {
        self.cl_dice_gradient(iterations, [tp, p, other]).is_some()
    }

    fn cl_dice_gradient(&mut self, iterations: usize, [tp, p, other]: [f64; 3]) -> Option<()> {
        let [of_pred, of_truth] = self.skeletons(iterations, true)?;
        let mut upstream = zeros(self.values.len())?;
        for i in (0..self.values.len()).filter(|&i| self.values[i] != OUT) {
            upstream[i] = (self.weight(i) * (tp * f64::from(self.truths[i]) + p)) as f32;
        }
        let gradient = of_pred.gradient(&upstream)?;
        for (i, &through) in gradient.iter().enumerate() {
            let direct = self.weight(i) * other * f64::from(of_truth.values[i]);
            // What is no number reaches every pixel that counts.
            let slope = f64::from(through) + direct + 0.0 * (tp + p);
            self.values[i] = if self.values[i] == OUT { 0.0 } else { slope as f32 };
        }
        Some(())
    }
}
