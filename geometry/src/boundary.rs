//! The surfaces of two masks, and how far each part of one lies from the other.
#![forbid(unsafe_code)]

use crate::distance::{Dims, Spacing, squared_distances};
use crate::surfels::{CODES, contour_lengths, surface_areas};
use crate::volume::{PRED, TARGET, Volume, zeros};

/// What a surface is made of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Surface {
    /// Marked voxels with an unmarked one, or the outside, across a face; each of weight 1.
    Voxels,
    /// Corners between marked and unmarked voxels, weighted by the area of the surface that passes there.
    Surfels,
}

/// Distance of every surface element of one mask to the nearest one of the other, and its weight.
#[derive(Default)]
pub struct Directed {
    pub distances: Vec<f64>,
    /// Empty where every weight is 1.
    pub weights: Vec<f64>,
}

/// From the prediction to the target, and back; none where memory does not suffice. `flat`: a picture, whose voxels
/// have no neighbours along the first axis.
pub fn surface_distances(volume: &Volume, flat: bool, spacing: Spacing, surface: Surface) -> Option<[Directed; 2]> {
    let crop = volume.cropped(flat)?;
    if crop.voxels.is_empty() {
        return Some(Default::default());
    }
    let measure = if flat { contour_lengths(spacing) } else { surface_areas(spacing) };
    let (edges, dims, codes) = match surface {
        Surface::Voxels => (boundary(&crop, flat)?, crop.dims, None),
        Surface::Surfels => {
            let (codes, dims) = neighbour_codes(&crop, flat)?;
            (crossed(&codes, flat), dims, Some(codes))
        }
    };
    let mut squared = zeros(edges.len())?;
    let mut directed = |from: u8, to: u8, side: usize| {
        squared_distances(&edges, to, dims, spacing, &mut squared);
        let of = |i: &usize| edges[*i] & from != 0;
        Directed {
            distances: (0..edges.len()).filter(of).map(|i| squared[i].sqrt()).collect(),
            weights: codes.as_ref().map_or_else(Vec::new, |codes| {
                (0..edges.len()).filter(of).map(|i| measure[usize::from(codes[side][i])]).collect()
            }),
        }
    };
    Some([directed(PRED, TARGET, 0), directed(TARGET, PRED, 1)])
}

/// Of both masks at once, a bit each.
fn boundary(crop: &Volume, flat: bool) -> Option<Vec<u8>> {
    let [_, height, width] = crop.dims;
    let plane = height * width;
    let voxels = &crop.voxels;
    let mut edges = zeros(voxels.len())?;
    // The unmarked layer around the crop stands for the outside: nothing in it is a boundary.
    let inner = if flat { width..voxels.len() - width } else { plane..voxels.len() - plane };
    for i in inner {
        let mut inside = voxels[i - 1] & voxels[i + 1] & voxels[i - width] & voxels[i + width];
        if !flat {
            inside &= voxels[i - plane] & voxels[i + plane];
        }
        edges[i] = voxels[i] & !inside;
    }
    Some(edges)
}

/// For every corner between voxels, which of the voxels around it each mask marks: the last one is the lowest bit.
fn neighbour_codes(crop: &Volume, flat: bool) -> Option<([Vec<u8>; 2], Dims)> {
    let [depth, height, width] = crop.dims;
    let dims = [if flat { 1 } else { depth - 1 }, height - 1, width - 1];
    let corners = dims.iter().product();
    let mut codes: [Vec<u8>; 2] = [zeros(corners)?, zeros(corners)?];
    // Offsets of the voxels around a corner, the last first: its bit is the lowest.
    let planes = if flat { 0..1 } else { 0..2 };
    let around = planes.rev().flat_map(|z| [1, 0].map(|y| (z * height + y) * width)).flat_map(|row| [row + 1, row]);
    for (bit, offset) in around.enumerate() {
        for (mask, codes) in codes.iter_mut().enumerate() {
            for (row, codes) in codes.chunks_exact_mut(dims[2]).enumerate() {
                let first = (row / dims[1] * height + row % dims[1]) * width + offset;
                for (code, voxel) in codes.iter_mut().zip(&crop.voxels[first..]) {
                    *code |= (voxel >> mask & 1) << bit;
                }
            }
        }
    }
    Some((codes, dims))
}

fn crossed(codes: &[Vec<u8>; 2], flat: bool) -> Vec<u8> {
    let full = if flat { 0b1111 } else { (CODES - 1) as u8 };
    let crossed = |code: u8, bit: u8| if code != 0 && code != full { bit } else { 0 };
    codes[0].iter().zip(&codes[1]).map(|(&p, &t)| crossed(p, PRED) | crossed(t, TARGET)).collect()
}
