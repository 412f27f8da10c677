//! Two masks over one grid, a bit each of one byte a voxel, and the box around what they mark.
#![forbid(unsafe_code)]

use crate::distance::Dims;
use crate::entry::{Entry, Kind, NO_LABEL, with_kind};

/// The bit of each mask.
pub const PRED: u8 = 1;
pub const TARGET: u8 = 2;

#[derive(Default)]
pub struct Volume {
    pub voxels: Vec<u8>,
    pub dims: Dims,
}

impl Volume {
    /// An unmarked volume; none where memory does not suffice.
    pub fn new(dims: Dims) -> Option<Self> {
        let voxels = zeros(dims.iter().product())?;
        Some(Self { voxels, dims })
    }

    /// Sets `bit` where an entry, staged for the voxels from `at`, is `label`. The position of the first entry that is
    /// no integer, if one is.
    pub fn mark(
        &mut self,
        kind: Kind,
        staging: &[u8],
        at: usize,
        count: usize,
        label: i64,
        bit: u8,
    ) -> Result<(), usize> {
        let voxels = &mut self.voxels[at..at + count];
        with_kind!(kind, mark(staging, voxels, label, bit))
    }

    /// The box around all marked voxels with one unmarked layer around it (`flat`: none along the first axis), or
    /// nothing where none is marked. None where memory does not suffice.
    pub fn cropped(&self, flat: bool) -> Option<Self> {
        let Some([planes, rows, columns]) = self.bounds() else { return Some(Self::default()) };
        let around = usize::from(!flat);
        let dims = [planes.len() + 2 * around, rows.len() + 2, columns.len() + 2];
        let mut crop = Self::new(dims)?;
        for (z, plane) in planes.enumerate() {
            for (y, row) in rows.clone().enumerate() {
                let from = (plane * self.dims[1] + row) * self.dims[2] + columns.start;
                let to = ((z + around) * dims[1] + y + 1) * dims[2] + 1;
                crop.voxels[to..to + columns.len()].copy_from_slice(&self.voxels[from..from + columns.len()]);
            }
        }
        Some(crop)
    }

    fn bounds(&self) -> Option<[core::ops::Range<usize>; 3]> {
        let [_, height, width] = self.dims;
        let mut bounds: Option<[usize; 4]> = None;
        let mut columns = vec![0u8; width];
        for (index, row) in self.voxels.chunks_exact(width.max(1)).enumerate() {
            if row.iter().fold(0, |all, &v| all | v) == 0 {
                continue;
            }
            let (z, y) = (index / height, index % height);
            let [first_z, _, low_y, high_y] = bounds.unwrap_or([z, z, y, y]);
            bounds = Some([first_z, z, low_y.min(y), high_y.max(y)]);
            columns.iter_mut().zip(row).for_each(|(all, &v)| *all |= v);
        }
        let [first_z, last_z, low_y, high_y] = bounds?;
        let marked = |v: &u8| *v != 0;
        let (low_x, high_x) = (columns.iter().position(marked)?, columns.iter().rposition(marked)?);
        Some([first_z..last_z + 1, low_y..high_y + 1, low_x..high_x + 1])
    }
}

/// So many zeros; none where memory does not suffice, which would abort otherwise.
pub fn zeros<T: Clone + Default>(length: usize) -> Option<Vec<T>> {
    let mut entries = Vec::new();
    entries.try_reserve_exact(length).ok()?;
    entries.resize(length, T::default());
    Some(entries)
}

fn mark<T: Entry<B>, const B: usize>(staging: &[u8], voxels: &mut [u8], label: i64, bit: u8) -> Result<(), usize> {
    let (entries, _) = staging.as_chunks::<B>();
    let entries = &entries[..voxels.len()];
    // Nothing for integer types: the compiler sees that it always holds.
    if let Some(at) = entries.iter().position(|&bytes| T::read(bytes).to_label() == NO_LABEL) {
        return Err(at);
    }
    let Some(label) = T::from_label(label) else { return Ok(()) };
    for (voxel, &bytes) in voxels.iter_mut().zip(entries) {
        *voxel |= if T::read(bytes) == label { bit } else { 0 };
    }
    Ok(())
}
