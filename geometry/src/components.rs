//! Connected components of a mask, as runs along the last axis joined by a union of sets.
#![forbid(unsafe_code)]

use crate::volume::Volume;
use core::ops::Range;

/// Which neighbours are connected.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Connectivity {
    /// 6; 4 in a picture.
    Faces,
    /// 18.
    Edges,
    /// 26; 8 in a picture.
    Corners,
}

/// Marked voxels in a row, by their places in it; and how many the other mask marks too.
struct Run {
    columns: Range<usize>,
    covered: usize,
}

/// A component: its voxels, and how many the other mask marks too.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Component {
    pub voxels: usize,
    pub covered: usize,
}

/// The components of the mask of `bit`, in the order of their first voxels.
pub fn components(volume: &Volume, bit: u8, connectivity: Connectivity) -> Vec<Component> {
    let [_, height, width] = volume.dims;
    let mut runs: Vec<Run> = Vec::new();
    let mut rows = vec![0..0; volume.dims[0] * height];
    let mut sets = Sets::default();
    for (index, row) in volume.voxels.chunks_exact(width.max(1)).enumerate() {
        let first = runs.len();
        find_runs(row, bit, &mut runs);
        rows[index] = first..runs.len();
        sets.grow_to(runs.len());
        let (z, y) = (index / height, index % height);
        for (dz, dy) in [(1, 1), (1, 0), (1, -1), (0, 1)] {
            let Some(reach) = reach(connectivity, dz == 1 && dy != 0) else { continue };
            let (Some(z), Some(y)) = (z.checked_sub(dz), y.checked_add_signed(-dy)) else { continue };
            if y < height {
                join(&runs, rows[index].clone(), rows[z * height + y].clone(), reach, &mut sets);
            }
        }
    }
    let mut found: Vec<Component> = vec![Component::default(); runs.len()];
    for (i, run) in runs.iter().enumerate() {
        let component = &mut found[sets.root(i)];
        component.voxels += run.columns.len();
        component.covered += run.covered;
    }
    found.retain(|component| component.voxels > 0);
    found
}

/// How far apart, along the row, voxels of two neighbouring rows may be; none where such rows are not connected.
fn reach(connectivity: Connectivity, diagonal: bool) -> Option<usize> {
    match (connectivity, diagonal) {
        (Connectivity::Faces, false) | (Connectivity::Edges, true) => Some(0),
        (Connectivity::Faces, true) => None,
        (Connectivity::Edges, false) | (Connectivity::Corners, _) => Some(1),
    }
}

fn find_runs(row: &[u8], bit: u8, runs: &mut Vec<Run>) {
    let mut at = 0;
    while let Some(skipped) = row[at..].iter().position(|v| v & bit != 0) {
        let start = at + skipped;
        at = row[start..].iter().position(|v| v & bit == 0).map_or(row.len(), |length| start + length);
        let covered = row[start..at].iter().filter(|&&v| v & !bit != 0).count();
        runs.push(Run { columns: start..at, covered });
    }
}

/// Joins the runs of two rows that touch.
fn join(runs: &[Run], row: Range<usize>, other: Range<usize>, reach: usize, sets: &mut Sets) {
    let (mut i, mut j) = (row.start, other.start);
    while i < row.end && j < other.end {
        let (a, b) = (&runs[i].columns, &runs[j].columns);
        if a.start < b.end + reach && b.start < a.end + reach {
            sets.join(i, j);
        }
        if a.end < b.end {
            i += 1;
        } else {
            j += 1;
        }
    }
}

/// Disjoint sets; the root of a set is its lowest member.
#[derive(Default)]
struct Sets {
    parents: Vec<usize>,
}

impl Sets {
    fn grow_to(&mut self, members: usize) {
        self.parents.extend(self.parents.len()..members);
    }

    fn root(&mut self, mut member: usize) -> usize {
        while self.parents[member] != member {
            self.parents[member] = self.parents[self.parents[member]];
            member = self.parents[member];
        }
        member
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        self.parents[a.max(b)] = a.min(b);
    }
}
