/** NIfTI-1 and NIfTI-2, `.nii` and `.nii.gz`. */
import { isNIFTI1, isNIFTI2, NIFTI1, type NIFTI2, readHeader } from 'nifti-reader-js';
import { CaseError } from '../errors.js';
import { elementsOf, type Kind } from './elements.js';
import { type Affine, type Elements, sizeOf, type Volume } from './volume.js';

const KINDS: Readonly<Record<number, Kind>> = {
  [NIFTI1.TYPE_UINT8]: 'u1',
  [NIFTI1.TYPE_INT8]: 'i1',
  [NIFTI1.TYPE_UINT16]: 'u2',
  [NIFTI1.TYPE_INT16]: 'i2',
  [NIFTI1.TYPE_UINT32]: 'u4',
  [NIFTI1.TYPE_INT32]: 'i4',
  [NIFTI1.TYPE_UINT64]: 'u8',
  [NIFTI1.TYPE_INT64]: 'i8',
  [NIFTI1.TYPE_FLOAT32]: 'f4',
  [NIFTI1.TYPE_FLOAT64]: 'f8',
};

const NIFTI1_BYTES = 352;
const NIFTI2_BYTES = 540;
const NIFTI1_SFORM_OFFSET = 280;
const NIFTI2_SFORM_OFFSET = 400;

/**
 * sform, else qform, as nibabel takes them (nifti-reader-js prefers the one with the larger code); undefined where the
 * header has neither.
 */
function affineOf(header: NIFTI1 | NIFTI2, bytes: Buffer): Affine | undefined {
  if (header.sform_code > 0) {
    const one = header instanceof NIFTI1;
    const { littleEndian } = header;
    const row = (r: number): number[] =>
      [0, 1, 2, 3].map((c) => {
        const at = one ? NIFTI1_SFORM_OFFSET + 4 * (4 * r + c) : NIFTI2_SFORM_OFFSET + 8 * (4 * r + c);
        if (one) return littleEndian ? bytes.readFloatLE(at) : bytes.readFloatBE(at);
        return littleEndian ? bytes.readDoubleLE(at) : bytes.readDoubleBE(at);
      });
    return [row(0), row(1), row(2), [0, 0, 0, 1]];
  }
  if (header.qform_code <= 0) return undefined;
  const [qfac = 1, dx = 1, dy = 1, dz = 1] = header.pixDims;
  return header.convertNiftiQFormToNiftiSForm(
    header.quatern_b,
    header.quatern_c,
    header.quatern_d,
    header.qoffset_x,
    header.qoffset_y,
    header.qoffset_z,
    dx,
    dy,
    dz,
    qfac,
  );
}

/** The length of each of the affine's columns: how far apart neighbours along that axis lie. */
function spacingOf(affine: Affine, rank: number): number[] {
  return Array.from({ length: rank }, (_, axis) =>
    axis < 3 ? Math.hypot(...[0, 1, 2].map((row) => affine[row]![axis]!)) : 1,
  );
}

/** stored·slope + intercept, where the header has a scale. */
function scaled(stored: Elements, slope: number, intercept: number): Elements {
  if (!Number.isFinite(slope) || slope === 0 || (slope === 1 && intercept === 0)) return stored;
  const result = stored instanceof Float64Array ? stored : new Float32Array(stored.length);
  for (let i = 0; i < result.length; i++) result[i] = stored[i]! * slope + intercept;
  return result;
}

/** Short of the extensions, which nobody needs and the header's reader would want whole. */
function headerOf(bytes: Buffer): NIFTI1 | NIFTI2 {
  const start = new Uint8Array(bytes.subarray(0, NIFTI2_BYTES)).buffer;
  if (isNIFTI1(start)) return readHeader(start.slice(0, NIFTI1_BYTES));
  if (isNIFTI2(start)) return readHeader(start);
  throw new CaseError(
    isNIFTI1(start, true) || isNIFTI2(start, true)
      ? 'it is the header of a .hdr/.img pair; save the volume as one .nii or .nii.gz file'
      : 'expected a NIfTI header, found none; the file is damaged or of another format',
  );
}

export function readNifti(path: string, bytes: Buffer): Volume {
  const header = headerOf(bytes);
  const [rank = 0, ...dims] = header.dims;
  const shape = dims.slice(0, rank);
  if (!(rank >= 1 && rank <= 7) || shape.some((n) => !(n >= 1))) {
    throw new CaseError(`its header has the dimensions [${header.dims.join(', ')}]; the file is damaged`);
  }
  // Classes may be the fifth axis, behind one moment of time; programs also write axes of length 1 behind a volume.
  if (shape.length === 5 && shape[3] === 1) shape.splice(3, 1);
  while (shape.length > 2 && shape.at(-1) === 1) shape.pop();
  const kind = KINDS[header.datatypeCode];
  if (kind === undefined) {
    const name = header.getDatatypeCodeString(header.datatypeCode).trim();
    throw new CaseError(
      `it holds numbers of the kind ${name} (${header.datatypeCode}); expected integers or floats`,
    );
  }
  const stored = elementsOf(kind, bytes, header.vox_offset, sizeOf(shape), header.littleEndian);
  const affine = affineOf(header, bytes);
  const spacing = affine
    ? spacingOf(affine, shape.length)
    : shape.map((_, axis) => Math.abs(header.pixDims[axis + 1] ?? 0) || 1);
  const data = scaled(stored, header.scl_slope, header.scl_inter);
  return { path, data, shape, order: 'F', spacing, ...(affine && { affine }) };
}
