//! The area of the surface that passes between the eight voxels of a 2×2×2 neighbourhood (four in a picture: the length
//! of the contour), by which of them are marked.
//!
//! The surface is that of marching cubes (W. E. Lorensen, H. E. Cline, 1987) through the midpoints of the cut edges.
//! Two choices make it DeepMind's `surface-distance` (S. Nikolov et al., "Deep learning to achieve clinically
//! applicable segmentation of head and neck anatomy for radiotherapy", 2018), whose 256 codes it gives: the corners in
//! the minority are the ones cut off, which settles faces with two opposite corners marked; and a polygon is divided
//! into the triangles of the largest total area, measured with spacing 1.
#![forbid(unsafe_code)]

use crate::distance::Spacing;

/// Corner `b` of a cube lies at 1 − (bit of b) along each axis, the first axis having the highest bit, so that a code
/// has its lowest bit for the neighbourhood's last voxel.
const CORNERS: usize = 8;
pub const CODES: usize = 1 << CORNERS;
/// Axis as the bit of a corner's number.
const AXIS: [usize; 3] = [4, 2, 1];

type Vector = [f64; 3];
/// A cut edge by its two corners, lower first.
type Edge = (usize, usize);

/// Contour length by code, of the four bits of a picture's neighbourhood.
pub fn contour_lengths(spacing: Spacing) -> [f64; CODES] {
    let [_, along_rows, along_columns] = spacing;
    let cut = 0.5 * along_rows.hypot(along_columns);
    core::array::from_fn(|code| match code {
        0b0011 | 0b1100 => along_columns,
        0b0101 | 0b1010 => along_rows,
        0b0110 | 0b1001 => 2.0 * cut,
        0b0001..0b1111 => cut,
        _ => 0.0,
    })
}

/// Surface area by code.
pub fn surface_areas(spacing: Spacing) -> [f64; CODES] {
    let [a, b, c] = spacing;
    let scale = [b * c, a * c, a * b];
    core::array::from_fn(|code| {
        let minority = if code.count_ones() > 4 { code ^ (CODES - 1) } else { code };
        let normals = polygons(minority).into_iter().flat_map(|polygon| triangulate(&polygon).1);
        normals.map(|n| length(core::array::from_fn(|k| n[k] * scale[k]))).sum()
    })
}

/// The closed polygons that part the marked corners from the others.
fn polygons(code: usize) -> Vec<Vec<Vector>> {
    let mut segments: Vec<(Edge, Edge)> = (0..3)
        .flat_map(|axis| [0, AXIS[axis]].map(|side| face(axis, side)))
        .flat_map(|corners| segments_of(code, corners))
        .collect();
    let mut found = Vec::new();
    while let Some((start, mut end)) = segments.pop() {
        let mut polygon = vec![midpoint(start)];
        while end != start {
            polygon.push(midpoint(end));
            let Some(next) = segments.iter().position(|s| s.0 == end || s.1 == end) else { break };
            let (from, to) = segments.swap_remove(next);
            end = if from == end { to } else { from };
        }
        found.push(polygon);
    }
    found
}

/// The corners of a face in order around it.
fn face(axis: usize, side: usize) -> [usize; 4] {
    let (u, v) = (AXIS[(axis + 1) % 3], AXIS[(axis + 2) % 3]);
    [side, side | u, side | u | v, side | v]
}

/// The lines in which the surface meets a face. Two opposite marked corners are cut off one by one.
fn segments_of(code: usize, corners: [usize; 4]) -> Vec<(Edge, Edge)> {
    let marked = corners.map(|corner| code >> corner & 1 == 1);
    let edge = |i: usize| {
        let (a, b) = (corners[i % 4], corners[(i + 1) % 4]);
        (a.min(b), a.max(b))
    };
    let cut: Vec<usize> = (0..4).filter(|&i| marked[i] != marked[(i + 1) % 4]).collect();
    match cut[..] {
        [a, b] => vec![(edge(a), edge(b))],
        [_, _, _, _] => (0..4).filter(|&i| marked[i]).map(|i| (edge(i + 3), edge(i))).collect(),
        _ => Vec::new(),
    }
}

fn midpoint((a, b): Edge) -> Vector {
    AXIS.map(|bit| 1.0 - 0.5 * f64::from(u8::from(a & bit != 0) + u8::from(b & bit != 0)))
}

/// The largest total area of triangles that make up the polygon, and their normals, as long as their areas.
fn triangulate(polygon: &[Vector]) -> (f64, Vec<Vector>) {
    let [first, middle @ .., last] = polygon else { return (0.0, Vec::new()) };
    let mut best = (0.0, Vec::new());
    // The triangle on the side from last to first, and what is left on either side of it.
    for (i, &apex) in middle.iter().enumerate() {
        let normal = normal([*first, apex, *last]);
        let (before, after) = (triangulate(&polygon[..=i + 1]), triangulate(&polygon[i + 1..]));
        let area = length(normal) + before.0 + after.0;
        // Equal areas, but for rounding, are mirror images of each other or flat.
        if area > best.0 + 1e-9 {
            best = (area, [vec![normal], before.1, after.1].concat());
        }
    }
    best
}

fn normal([a, b, c]: [Vector; 3]) -> Vector {
    let (u, v): (Vector, Vector) = (core::array::from_fn(|k| b[k] - a[k]), core::array::from_fn(|k| c[k] - a[k]));
    core::array::from_fn(|k| {
        let (i, j) = ((k + 1) % 3, (k + 2) % 3);
        0.5 * (u[i] * v[j] - u[j] * v[i])
    })
}

fn length([x, y, z]: Vector) -> f64 {
    (x * x + y * y + z * z).sqrt()
}
