//! Labels as they lie in the caller's arrays.
#![forbid(unsafe_code)]

/// The type of the entries in a staging buffer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    F32,
    F64,
}

impl Kind {
    pub fn from_code(code: u32) -> Self {
        match code {
            0 => Self::U8,
            1 => Self::I8,
            2 => Self::U16,
            3 => Self::I16,
            4 => Self::U32,
            5 => Self::I32,
            6 => Self::F32,
            _ => Self::F64,
        }
    }

    /// Whether an entry is one byte.
    pub fn is_byte(self) -> bool {
        matches!(self, Self::U8 | Self::I8)
    }

    /// The label a byte stands for.
    pub fn of_byte(self, byte: u8) -> i64 {
        if self == Self::I8 { i64::from(byte as i8) } else { i64::from(byte) }
    }
}

/// A number as it lies in the caller's array.
pub trait Entry<const BYTES: usize>: Copy + PartialEq {
    fn read(bytes: [u8; BYTES]) -> Self;
    /// The label; `NO_LABEL` for a float that is no integer.
    fn to_label(self) -> i64;
    /// The entry of that label, if the type has one.
    fn from_label(label: i64) -> Option<Self>;
}

macro_rules! integer_entry {
    ($type:ty, $bytes:literal) => {
        impl Entry<$bytes> for $type {
            #[inline(always)]
            fn read(bytes: [u8; $bytes]) -> Self {
                <$type>::from_le_bytes(bytes)
            }
            #[inline(always)]
            fn to_label(self) -> i64 {
                i64::from(self)
            }
            fn from_label(label: i64) -> Option<Self> {
                Self::try_from(label).ok()
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

/// Stands for an entry that is no integer: beyond every label.
pub const NO_LABEL: i64 = i64::MIN;

/// Beyond it a float64 does not hold every integer.
const LARGEST: f64 = 9_007_199_254_740_992.0;

macro_rules! float_entry {
    ($type:ty, $bytes:literal) => {
        impl Entry<$bytes> for $type {
            #[inline(always)]
            fn read(bytes: [u8; $bytes]) -> Self {
                <$type>::from_le_bytes(bytes)
            }
            #[inline(always)]
            fn to_label(self) -> i64 {
                let label = self as i64;
                if label as $type == self && f64::from(self).abs() <= LARGEST { label } else { NO_LABEL }
            }
            fn from_label(label: i64) -> Option<Self> {
                let entry = label as $type;
                (entry as i64 == label).then_some(entry)
            }
        }
    };
}
float_entry!(f32, 4);
float_entry!(f64, 8);

/// Calls a function that is generic over the entry type.
macro_rules! with_kind {
    ($kind:expr, $function:ident($($argument:expr),*)) => {
        match $kind {
            $crate::entry::Kind::U8 => $function::<u8, 1>($($argument),*),
            $crate::entry::Kind::I8 => $function::<i8, 1>($($argument),*),
            $crate::entry::Kind::U16 => $function::<u16, 2>($($argument),*),
            $crate::entry::Kind::I16 => $function::<i16, 2>($($argument),*),
            $crate::entry::Kind::U32 => $function::<u32, 4>($($argument),*),
            $crate::entry::Kind::I32 => $function::<i32, 4>($($argument),*),
            $crate::entry::Kind::F32 => $function::<f32, 4>($($argument),*),
            $crate::entry::Kind::F64 => $function::<f64, 8>($($argument),*),
        }
    };
}
pub(crate) use with_kind;

fn widen<T: Entry<B>, const B: usize>(staging: &[u8], labels: &mut [i64]) {
    let (entries, _) = staging.as_chunks::<B>();
    for (label, &bytes) in labels.iter_mut().zip(entries) {
        *label = T::read(bytes).to_label();
    }
}

/// The labels of a tile.
pub fn read_labels(kind: Kind, staging: &[u8], labels: &mut [i64]) {
    with_kind!(kind, widen(staging, labels));
}

/// Room for the entries of a tile, aligned for every type of entry.
pub struct Staging {
    bytes: Vec<u8>,
    start: usize,
}

impl Staging {
    pub fn new(entries: usize) -> Self {
        let bytes = vec![0; (entries + 1) * size_of::<f64>()];
        let start = bytes.as_ptr().align_offset(size_of::<f64>());
        Self { bytes, start }
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[self.start..]
    }
}
