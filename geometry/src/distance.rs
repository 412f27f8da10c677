//! The exact Euclidean distance transform: one pass an axis, each O(voxels).
//!
//! Along the last axis two scans find the nearest feature of a row. Along each other axis a voxel's squared distance is
//! the least of (squared distance of a voxel of its line) + (squared distance to that voxel): the lower envelope of
//! parabolas, found as in C. R. Maurer, R. Qi, V. Raghavan, "A Linear Time Algorithm for Computing Exact Euclidean
//! Distance Transforms of Binary Images in Arbitrary Dimensions", 2003, whose test for a parabola that lies above its
//! neighbours needs no division.
#![forbid(unsafe_code)]

/// Lines of a strided axis taken together. Neighbours along it lie a page or more apart: four cache lines of each are
/// taken at a time.
const TOGETHER: usize = 32;

/// Extent along each axis, the last varying fastest; a picture has 1 plane.
pub type Dims = [usize; 3];
pub type Spacing = [f64; 3];

/// Squared distance of every voxel to the nearest one with any of these bits; infinite where there is none.
pub fn squared_distances(features: &[u8], bits: u8, dims: Dims, spacing: Spacing, distances: &mut [f64]) {
    let [depth, height, width] = dims;
    if features.is_empty() {
        return;
    }
    for (row, out) in features.chunks_exact(width).zip(distances.chunks_exact_mut(width)) {
        along_row(row, bits, spacing[2], out);
    }
    let mut envelope = Envelope::new(height.max(depth));
    if height > 1 {
        for plane in distances.chunks_exact_mut(height * width) {
            along_axis(plane, height, spacing[1], &mut envelope);
        }
    }
    if depth > 1 {
        along_axis(distances, depth, spacing[0], &mut envelope);
    }
}

fn along_row(row: &[u8], bits: u8, spacing: f64, out: &mut [f64]) {
    let mut last = None;
    for (i, (&entry, out)) in row.iter().zip(&mut *out).enumerate() {
        if entry & bits != 0 {
            last = Some(i);
        }
        *out = last.map_or(f64::INFINITY, |at| (i - at) as f64 * spacing);
    }
    let Some(mut next) = last else { return };
    // From the last feature back: the nearer of the one before, found above, and the one after.
    for (i, (&entry, out)) in row.iter().zip(&mut *out).enumerate().rev() {
        if entry & bits != 0 {
            next = i;
        }
        if i < next {
            *out = out.min((next - i) as f64 * spacing);
        }
        *out *= *out;
    }
}

/// Every line of the axis of `length` entries that lies `data.len() / length` apart.
fn along_axis(data: &mut [f64], length: usize, spacing: f64, envelope: &mut Envelope) {
    let stride = data.len() / length;
    for first in (0..stride).step_by(TOGETHER) {
        let lines = TOGETHER.min(stride - first);
        for (i, row) in data.chunks_exact(stride).enumerate() {
            for (line, &value) in row[first..first + lines].iter().enumerate() {
                envelope.lines[line * envelope.longest + i] = value;
            }
        }
        for line in 0..lines {
            envelope.replace(line, length, spacing);
        }
        for (i, row) in data.chunks_exact_mut(stride).enumerate() {
            for (line, value) in row[first..first + lines].iter_mut().enumerate() {
                *value = envelope.lines[line * envelope.longest + i];
            }
        }
    }
}

/// A parabola: the voxel of its apex, and its height there.
#[derive(Clone, Copy)]
struct Parabola {
    at: f64,
    height: f64,
}

struct Envelope {
    longest: usize,
    lines: Vec<f64>,
    parabolas: Vec<Parabola>,
}

impl Envelope {
    fn new(longest: usize) -> Self {
        Self { longest, lines: vec![0.0; longest * TOGETHER], parabolas: Vec::with_capacity(longest) }
    }

    /// Replaces the heights of a line by the lower envelope of their parabolas.
    fn replace(&mut self, line: usize, length: usize, spacing: f64) {
        let values = &mut self.lines[line * self.longest..][..length];
        let kept = &mut self.parabolas;
        kept.clear();
        for (i, &height) in values.iter().enumerate() {
            if height == f64::INFINITY {
                continue;
            }
            let new = Parabola { at: i as f64, height };
            while let [.., before, last] = kept[..]
                && hidden(before, last, new, spacing * spacing)
            {
                kept.pop();
            }
            kept.push(new);
        }
        let Some((&first, mut rest)) = kept.split_first() else { return };
        let mut lowest = first;
        for (i, value) in values.iter_mut().enumerate() {
            let mut least = height_at(lowest, i as f64, spacing);
            while let [next, others @ ..] = rest {
                let height = height_at(*next, i as f64, spacing);
                if height > least {
                    break;
                }
                (lowest, least, rest) = (*next, height, others);
            }
            *value = least;
        }
    }
}

/// A difference of voxels is exact, so a distance along one axis is exactly that many spacings.
fn height_at(parabola: Parabola, i: f64, spacing: f64) -> f64 {
    let offset = (i - parabola.at) * spacing;
    offset * offset + parabola.height
}

/// Whether `middle` is nowhere the lowest of the three.
fn hidden(left: Parabola, middle: Parabola, right: Parabola, spacing2: f64) -> bool {
    let (a, b) = (middle.at - left.at, right.at - middle.at);
    let c = a + b;
    c * middle.height - b * left.height - a * right.height - a * b * c * spacing2 > 0.0
}
