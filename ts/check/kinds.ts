/** The types of a target's entries, as the modules know them: a type's code is its place in `ARRAYS`. */

/** The array that entries of each code are copied through. The core of the losses knows all but the last. */
export const ARRAYS = [
  Uint8Array,
  Int8Array,
  Uint16Array,
  Int16Array,
  Uint32Array,
  Int32Array,
  Float32Array,
  Float64Array,
] as const;

/** Smallest and largest label that the core reads of each code; one outside can never be ignored by that array. */
export const SMALLEST = [0, -128, 0, -32_768, 0, -2_147_483_648, -2_147_483_648];
export const LARGEST = [255, 127, 65_535, 32_767, 4_294_967_295, 2_147_483_647, 2_147_483_647];

type Codes = Readonly<Record<string, number>>;

/** The code of floats, the only entries that may lie between labels. */
export const FLOAT = 6;
const COMMON = {
  Uint8Array: 0,
  Uint8ClampedArray: 0,
  Int8Array: 1,
  Uint16Array: 2,
  Int16Array: 3,
  Uint32Array: 4,
  Int32Array: 5,
  Float32Array: FLOAT,
};

/** What a target may come in. */
export const KINDS: Codes = { ...COMMON, Float64Array: FLOAT };

/** What a label map of the metrics may come in; half floats are staged as floats. */
export const LABEL_KINDS: Codes = { ...COMMON, Float16Array: FLOAT, Float64Array: 7 };
