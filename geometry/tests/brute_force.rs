//! Every algorithm against its slow, obvious twin, on small random masks.
#![forbid(unsafe_code)]

use segloss_geometry::boundary::{Surface, surface_distances};
use segloss_geometry::components::{Component, Connectivity, components};
use segloss_geometry::distance::{Dims, Spacing, squared_distances};
use segloss_geometry::volume::{PRED, TARGET, Volume};

/// Xorshift: the same masks on every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: u64) -> u64 {
        (self.next() >> 11) % end
    }

    /// Blobs of both masks, rather than noise, of which every voxel is a boundary.
    fn volume(&mut self, dims: Dims) -> Volume {
        let mut voxels = vec![0; dims.iter().product()];
        for _ in 0..self.below(5) {
            let corner: Dims = core::array::from_fn(|k| self.below(dims[k] as u64) as usize);
            let size: Dims = core::array::from_fn(|_| 1 + self.below(4) as usize);
            let bits = 1 + self.below(3) as u8;
            for (i, voxel) in voxels.iter_mut().enumerate() {
                let at = place(i, dims);
                if (0..3).all(|k| at[k] >= corner[k] && at[k] < corner[k] + size[k]) {
                    *voxel ^= bits;
                }
            }
        }
        Volume { voxels, dims }
    }

    fn dims(&mut self, flat: bool) -> Dims {
        core::array::from_fn(|k| if k == 0 && flat { 1 } else { 1 + self.below(9) as usize })
    }

    fn spacing(&mut self) -> Spacing {
        core::array::from_fn(|_| [1.0, 0.5, 0.7, 3.0][self.below(4) as usize])
    }
}

fn place(i: usize, [_, height, width]: Dims) -> Dims {
    [i / (height * width), i / width % height, i % width]
}

fn squared(a: Dims, b: Dims, spacing: Spacing) -> f64 {
    (0..3).map(|k| ((a[k] as f64 - b[k] as f64) * spacing[k]).powi(2)).sum()
}

/// Whether the mask marks the voxel at signed coordinates; the outside is unmarked.
fn marked(volume: &Volume, at: [isize; 3], bit: u8) -> bool {
    if (0..3).any(|k| at[k] < 0 || at[k] >= volume.dims[k] as isize) {
        return false;
    }
    let [z, y, x] = at.map(|c| c as usize);
    volume.voxels[(z * volume.dims[1] + y) * volume.dims[2] + x] & bit != 0
}

fn close(a: f64, b: f64) -> bool {
    a == b || (a - b).abs() <= 1e-12 * b.abs()
}

#[test]
fn distances_are_those_to_the_nearest_of_all_features() {
    let mut random = Random(1);
    for round in 0..400 {
        let dims = random.dims(round % 2 == 0);
        let (volume, spacing) = (random.volume(dims), random.spacing());
        let mut out = vec![-1.0; volume.voxels.len()];
        squared_distances(&volume.voxels, TARGET, dims, spacing, &mut out);
        for (i, &got) in out.iter().enumerate() {
            let features = (0..out.len()).filter(|&j| volume.voxels[j] & TARGET != 0);
            let want = features.map(|j| squared(place(i, dims), place(j, dims), spacing)).fold(f64::INFINITY, f64::min);
            assert!(close(got, want), "{dims:?} {spacing:?} voxel {i}: {got}, not {want}");
        }
    }
}

#[test]
fn a_distance_along_one_axis_is_that_many_spacings_to_the_bit() {
    for k in 0..3 {
        let mut dims = [1; 3];
        dims[k] = 200;
        let mut features = vec![0; 200];
        features[0] = 1;
        let mut out = vec![0.0; 200];
        squared_distances(&features, 1, dims, [0.7, 0.7, 0.7], &mut out);
        for (i, d2) in out.iter().enumerate() {
            assert_eq!(d2.sqrt(), i as f64 * 0.7);
        }
    }
}

fn is_boundary(volume: &Volume, at: [isize; 3], bit: u8, flat: bool) -> bool {
    let axes = if flat { 1..3 } else { 0..3 };
    let neighbours = axes.flat_map(|k| {
        [-1, 1].map(|step| {
            let mut other = at;
            other[k] += step;
            other
        })
    });
    marked(volume, at, bit) && neighbours.into_iter().any(|other| !marked(volume, other, bit))
}

fn sorted(mut distances: Vec<f64>) -> Vec<f64> {
    distances.sort_by(f64::total_cmp);
    distances
}

#[test]
fn voxel_surfaces_are_what_erosion_takes_away() {
    let mut random = Random(2);
    for round in 0..300 {
        let flat = round % 2 == 0;
        let dims = random.dims(flat);
        let (volume, spacing) = (random.volume(dims), random.spacing());
        let surface = |bit: u8| -> Vec<Dims> {
            let places = (0..volume.voxels.len()).map(|i| place(i, dims));
            places.filter(|at| is_boundary(&volume, at.map(|c| c as isize), bit, flat)).collect()
        };
        let sides = [surface(PRED), surface(TARGET)];
        let Some(measured) = surface_distances(&volume, flat, spacing, Surface::Voxels) else { panic!("no memory") };
        for side in 0..2 {
            let (from, to) = (&sides[side], &sides[1 - side]);
            let nearest = |a: &Dims| to.iter().map(|b| squared(*a, *b, spacing)).fold(f64::INFINITY, f64::min).sqrt();
            let (want, got) = (sorted(from.iter().map(nearest).collect()), sorted(measured[side].distances.clone()));
            assert_eq!(want.len(), got.len(), "{dims:?} flat {flat} side {side}");
            assert!(want.iter().zip(&got).all(|(w, g)| close(*g, *w)), "{dims:?}: {got:?}, not {want:?}");
            assert!(measured[side].weights.is_empty());
        }
    }
}

#[test]
fn surfels_cover_the_surface_of_a_box_but_for_its_edges() {
    // A box of a×b×c voxels has faces of (a−1)(b−1) whole elements each, 4 (a−1) edges a direction cut at 45°, and 8
    // corners cut off by a triangle.
    let (size, spacing) = ([3usize, 4, 5], [2.0, 0.5, 0.7]);
    let dims = [6, 7, 8];
    let voxels = (0..dims.iter().product()).map(|i| {
        let at = place(i, dims);
        u8::from((0..3).all(|k| at[k] >= 1 && at[k] <= size[k])) * TARGET
    });
    let volume = Volume { voxels: voxels.collect(), dims };
    let Some([_, target]) = surface_distances(&volume, false, spacing, Surface::Surfels) else { panic!("no memory") };
    let mut want = 0.0;
    for k in 0..3 {
        let (u, v) = ((k + 1) % 3, (k + 2) % 3);
        want += 2.0 * ((size[u] - 1) * (size[v] - 1)) as f64 * spacing[u] * spacing[v];
        want += 4.0 * (size[k] - 1) as f64 * spacing[k] * 0.5 * spacing[u].hypot(spacing[v]);
    }
    let [a, b, c] = spacing;
    want += 8.0 * 0.125 * ((b * c).powi(2) + (a * c).powi(2) + (a * b).powi(2)).sqrt();
    let got: f64 = target.weights.iter().sum();
    assert!(close(got, want), "{got}, not {want}");
    assert!(target.distances.iter().all(|d| *d == f64::INFINITY));
}

#[test]
fn surfel_distances_are_between_crossed_corners() {
    let mut random = Random(3);
    for round in 0..200 {
        let flat = round % 2 == 0;
        let dims = random.dims(flat);
        let (volume, spacing) = (random.volume(dims), random.spacing());
        // The corner before voxel (z, y, x) lies between it and its predecessors along each axis.
        let corners: Dims = core::array::from_fn(|k| if k == 0 && flat { 1 } else { dims[k] + 1 });
        let crossed = |bit: u8| -> Vec<Dims> {
            let places = (0..corners.iter().product()).map(|i| place(i, corners));
            let around = |at: &Dims| {
                let mut states = Vec::new();
                for back in if flat { 0..4 } else { 0..8 } {
                    let offset = [back >> 2 & 1, back >> 1 & 1, back & 1];
                    states.push(marked(&volume, core::array::from_fn(|k| at[k] as isize - offset[k]), bit));
                }
                states.contains(&true) && states.contains(&false)
            };
            places.filter(around).collect()
        };
        let sides = [crossed(PRED), crossed(TARGET)];
        let Some(measured) = surface_distances(&volume, flat, spacing, Surface::Surfels) else { panic!("no memory") };
        for side in 0..2 {
            let (from, to) = (&sides[side], &sides[1 - side]);
            let nearest = |a: &Dims| to.iter().map(|b| squared(*a, *b, spacing)).fold(f64::INFINITY, f64::min).sqrt();
            let (want, got) = (sorted(from.iter().map(nearest).collect()), sorted(measured[side].distances.clone()));
            assert_eq!(want.len(), got.len(), "{dims:?} flat {flat}");
            assert!(want.iter().zip(&got).all(|(w, g)| close(*g, *w)));
            assert_eq!(measured[side].weights.len(), got.len());
        }
    }
}

/// Flood fill.
fn flooded(volume: &Volume, bit: u8, steps: usize) -> Vec<Component> {
    let mut seen = vec![false; volume.voxels.len()];
    let mut found = Vec::new();
    for first in 0..seen.len() {
        let mut stack = vec![first];
        let mut component = Component::default();
        while let Some(i) = stack.pop() {
            if seen[i] || volume.voxels[i] & bit == 0 {
                continue;
            }
            seen[i] = true;
            component.voxels += 1;
            component.covered += usize::from(volume.voxels[i] & !bit != 0);
            let at = place(i, volume.dims).map(|c| c as isize);
            for code in 0..27 {
                let step = [code / 9 - 1, code / 3 % 3 - 1, code % 3 - 1];
                let other: [isize; 3] = core::array::from_fn(|k| at[k] + step[k]);
                if step.iter().map(|s| s.unsigned_abs()).sum::<usize>() <= steps && marked(volume, other, bit) {
                    let [z, y, x] = other.map(|c| c as usize);
                    stack.push((z * volume.dims[1] + y) * volume.dims[2] + x);
                }
            }
        }
        if component.voxels > 0 {
            found.push(component);
        }
    }
    found
}

#[test]
fn components_are_those_of_a_flood_fill() {
    let mut random = Random(4);
    let kinds = [(Connectivity::Faces, 1), (Connectivity::Edges, 2), (Connectivity::Corners, 3)];
    for round in 0..600 {
        let dims = random.dims(round % 3 == 0);
        // Noise of every density: many small components that touch in every way.
        let density = 1 + random.below(9);
        let mut voxels = vec![0; dims.iter().product()];
        for bit in [PRED, TARGET] {
            voxels.iter_mut().for_each(|v| *v |= if random.below(10) < density { bit } else { 0 });
        }
        let volume = Volume { voxels, dims };
        for (connectivity, steps) in kinds {
            assert_eq!(components(&volume, TARGET, connectivity), flooded(&volume, TARGET, steps), "{dims:?} {steps}");
        }
    }
}
