//! A target's entries, of any type, as they lie in the caller's array.

/// A label as it lies in the caller's array.
trait Entry<const BYTES: usize>: Copy {
    fn read(bytes: [u8; BYTES]) -> Self;
    /// A float that is no integer becomes `i32::MIN`, which is never in range.
    fn to_label(self) -> i32;
}

macro_rules! integer_entry {
    ($type:ty, $bytes:literal) => {
        impl Entry<$bytes> for $type {
            #[inline(always)]
            fn read(bytes: [u8; $bytes]) -> Self {
                <$type>::from_le_bytes(bytes)
            }
            #[inline(always)]
            fn to_label(self) -> i32 {
                self as i32
            }
        }
    };
}
integer_entry!(u8, 1);
integer_entry!(i8, 1);
integer_entry!(u16, 2);
integer_entry!(i16, 2);
integer_entry!(u32, 4);
integer_entry!(i32, 4);

impl Entry<4> for f32 {
    #[inline(always)]
    fn read(bytes: [u8; 4]) -> Self {
        Self::from_le_bytes(bytes)
    }
    #[inline(always)]
    fn to_label(self) -> i32 {
        let label = self as i32;
        if label as f32 == self { label } else { i32::MIN }
    }
}

/// The type of a target's entries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    F32,
}

impl Kind {
    /// The kind of a code of the door, if it is one.
    pub fn from_code(code: u32) -> Option<Self> {
        const KINDS: [Kind; 7] = [Kind::U8, Kind::I8, Kind::U16, Kind::I16, Kind::U32, Kind::I32, Kind::F32];
        KINDS.get(code as usize).copied()
    }

    pub fn bytes(self) -> usize {
        match self {
            Self::U8 | Self::I8 => 1,
            Self::U16 | Self::I16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
        }
    }
}

macro_rules! with_kind {
    ($kind:expr, $function:ident($($argument:expr),*)) => {
        match $kind {
            Kind::U8 => $function::<u8, 1>($($argument),*),
            Kind::I8 => $function::<i8, 1>($($argument),*),
            Kind::U16 => $function::<u16, 2>($($argument),*),
            Kind::I16 => $function::<i16, 2>($($argument),*),
            Kind::U32 => $function::<u32, 4>($($argument),*),
            Kind::I32 => $function::<i32, 4>($($argument),*),
            Kind::F32 => $function::<f32, 4>($($argument),*),
        }
    };
}

/// Entries that lie `step` apart.
#[inline(always)]
fn labels_of<T: Entry<B>, const B: usize>(bytes: &[u8], step: usize, labels: &mut [i32]) {
    let entries = bytes.as_chunks::<B>().0;
    for (label, &bytes) in labels.iter_mut().zip(entries.iter().step_by(step)) {
        *label = T::read(bytes).to_label();
    }
}

#[inline(never)]
pub fn read_entries(kind: Kind, bytes: &[u8], step: usize, labels: &mut [i32]) {
    if kind == Kind::U8 && step == 1 {
        // The commonest by far, and the only one worth a vector loop of its own.
        for (label, &byte) in labels.iter_mut().zip(bytes) {
            *label = i32::from(byte);
        }
    } else {
        with_kind!(kind, labels_of(bytes, step, labels));
    }
}

/// Bytes as floats; all bits that any of them has.
#[inline(never)]
pub fn read_bytes(bytes: &[u8], plane: &mut [f32]) -> u8 {
    let mut bits = 0;
    for (value, &byte) in plane.iter_mut().zip(bytes) {
        bits |= byte;
        *value = f32::from(byte);
    }
    bits
}
