//! The soft skeleton: what erosion after erosion takes away that an opening does not give back.
//!
//! I₀ is the image, I_{j+1} = erode(I_j), δ_j = max(I_j − dilate(I_{j+1}), 0) for j = 0…iterations, and the skeleton is
//! 1 − Π(1 − δ_j). Erosion is the least of a pixel and its neighbours along the axes, dilation the largest of the box of
//! 3 along each axis. All of them hold values of the image itself, so that a gradient goes to single pixels.

use super::OUT;
use crate::distance::Dims;
use crate::volume::zeros;

/// Extent along each axis, and how many of them, the last ones, the image has.
#[derive(Clone, Copy)]
pub struct Grid {
    pub dims: Dims,
    pub rank: usize,
}

impl Grid {
    /// Extent and stride of each axis of the image.
    fn axes(&self) -> impl DoubleEndedIterator<Item = (usize, usize)> + use<> {
        let [_, height, width] = self.dims;
        let strides = [height * width, width, 1];
        let dims = self.dims;
        (3 - self.rank..3).map(move |axis| (dims[axis], strides[axis]))
    }

    /// Offsets of the box of 3 around a pixel, in the order of memory, that lie in the image.
    fn around(&self, i: usize) -> impl Iterator<Item = usize> + use<> {
        let [depth, height, width] = self.dims;
        let [z, y, x] = [i / (height * width), i / width % height, i % width];
        let near = |at: usize, size: usize| at.saturating_sub(1)..(at + 2).min(size);
        near(z, depth).flat_map(move |z| {
            near(y, height).flat_map(move |y| near(x, width).map(move |x| (z * height + y) * width + x))
        })
    }
}

/// Replaces each entry by `best` of itself and what lies before and after it along an axis.
fn pool(from: &[f32], to: &mut [f32], (length, stride): (usize, usize), best: impl Fn(f32, f32) -> f32) {
    let line = length * stride;
    if length < 2 {
        return;
    }
    for (from, to) in from.chunks_exact(line).zip(to.chunks_exact_mut(line)) {
        for (to, &after) in to.iter_mut().zip(&from[stride..]) {
            *to = best(*to, after);
        }
        for (to, &before) in to[stride..].iter_mut().zip(from) {
            *to = best(*to, before);
        }
    }
}

// Not `f32::min`, which takes more instructions for the sake of NaN.
fn least(a: f32, b: f32) -> f32 {
    if b < a { b } else { a }
}
fn most(a: f32, b: f32) -> f32 {
    if b > a { b } else { a }
}

/// A skeleton, and what its gradient needs.
pub struct Skeleton {
    grid: Grid,
    /// I₀…; none where the gradient is not asked for.
    images: Vec<Vec<f32>>,
    /// 1 − Π(1 − δ), 0 where the pixel does not count.
    pub values: Vec<f32>,
    /// Π(1 − δ) of those that are not 1; its sign bit says that one is. At most one can be: what is 1 and opens to 0
    /// is eroded to 0.
    rest: Vec<f32>,
}

impl Skeleton {
    /// Of an image that is `OUT` where a pixel does not count. None where memory does not suffice.
    pub fn new(grid: Grid, image: Vec<f32>, iterations: usize, keep: bool) -> Option<Self> {
        let length = image.len();
        let mut made = Self { grid, images: Vec::new(), values: zeros(length)?, rest: zeros(length)? };
        made.rest.fill(1.0);
        let (mut opened, mut scratch) = (zeros(length)?, zeros(length)?);
        let mut current = image;
        for _ in 0..=iterations {
            let next = made.eroded(&current)?;
            made.dilated(&next, &mut opened, &mut scratch);
            for i in 0..length {
                let delta = current[i] - opened[i];
                if delta > 0.0 && current[i] != OUT {
                    made.values[i] += delta * (1.0 - made.values[i]);
                    made.rest[i] *= if delta == 1.0 { -1.0 } else { 1.0 - delta };
                }
            }
            let done = core::mem::replace(&mut current, next);
            if keep {
                made.images.push(done);
            }
        }
        if keep {
            made.images.push(current);
        }
        Some(made)
    }

    fn eroded(&self, image: &[f32]) -> Option<Vec<f32>> {
        let mut next = zeros(image.len())?;
        next.copy_from_slice(image);
        for axis in self.grid.axes() {
            pool(image, &mut next, axis, least);
        }
        for (next, &value) in next.iter_mut().zip(image) {
            *next = if value == OUT { OUT } else { *next };
        }
        Some(next)
    }

    fn dilated(&self, image: &[f32], opened: &mut [f32], scratch: &mut [f32]) {
        for (opened, &value) in opened.iter_mut().zip(image) {
            *opened = if value == OUT { f32::NEG_INFINITY } else { value };
        }
        for axis in self.grid.axes().rev() {
            scratch.copy_from_slice(opened);
            pool(scratch, opened, axis, most);
        }
    }

    /// The gradient of Σ upstream·skeleton, upstream 0 where a pixel does not count. Of equal values the first of a
    /// window has it all, and of windows along different axes with equal least values the last axis has half, the one
    /// before half of what is left, the first the rest: torch's max_pool and minimum.
    pub fn gradient(&self, upstream: &[f32]) -> Option<Vec<f32>> {
        let length = upstream.len();
        let (mut opened, mut scratch) = (zeros(length)?, zeros(length)?);
        let mut of_next: Vec<f32> = zeros(length)?;
        for pair in self.images.windows(2).rev() {
            let [image, next] = pair else { break };
            let mut of_image = zeros(length)?;
            self.dilated(next, &mut opened, &mut scratch);
            for i in 0..length {
                let delta = image[i] - opened[i];
                if delta > 0.0 && upstream[i] != 0.0 {
                    let slope = upstream[i] * self.others(i, delta);
                    of_image[i] += slope;
                    if let Some(largest) = self.grid.around(i).find(|&at| next[at] == opened[i]) {
                        of_next[largest] -= slope;
                    }
                }
            }
            for (i, &slope) in of_next.iter().enumerate().filter(|&(_, &slope)| slope != 0.0) {
                self.erode_back(image, i, slope, &mut of_image);
            }
            of_next = of_image;
        }
        Some(of_next)
    }

    /// Π(1 − δ) of all δ of a pixel but this one.
    fn others(&self, i: usize, delta: f32) -> f32 {
        let rest = self.rest[i];
        match (rest.is_sign_negative(), delta == 1.0) {
            (false, _) => rest / (1.0 - delta),
            (true, true) => -rest,
            (true, false) => 0.0,
        }
    }

    fn erode_back(&self, image: &[f32], i: usize, slope: f32, of_image: &mut [f32]) {
        // The least so far, and the pixels that share the slope.
        let mut lowest = f32::INFINITY;
        let mut shares = [(i, 0.0f32); 3];
        for (axis, (length, stride)) in self.grid.axes().enumerate() {
            let place = i / stride % length;
            let line = [(place > 0).then(|| i - stride), Some(i), (place + 1 < length).then(|| i + stride)];
            let mut best = (i, f32::INFINITY);
            for at in line.into_iter().flatten().filter(|&at| image[at] < OUT) {
                if image[at] < best.1 {
                    best = (at, image[at]);
                }
            }
            if best.1 > lowest {
                continue;
            }
            let kept = if best.1 == lowest { 0.5 } else { 0.0 };
            for (_, share) in &mut shares[..axis] {
                *share *= kept;
            }
            shares[axis] = (best.0, 1.0 - kept);
            lowest = best.1;
        }
        for (at, share) in shares {
            of_image[at] += slope * share;
        }
    }
}
