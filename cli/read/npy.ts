/**
 * NumPy's `.npy`, versions 1 to 3. Own code since the libraries for it read the other byte order wrongly and make a
 * JavaScript array of booleans.
 */
import { CaseError } from '../errors.js';
import { elementsOf, type Kind } from './elements.js';
import { sizeOf, type Volume } from './volume.js';

const KINDS: Readonly<Record<string, Kind>> = { b1: 'u1', u1: 'u1', i1: 'i1' };
const KIND = /^[uif][248]$/;

/** Magic, version, length of the header's text; then the text, a Python dictionary. */
function headerOf(bytes: Buffer): { text: string; end: number } {
  if (bytes.length < 12 || bytes.toString('latin1', 0, 6) !== '\x93NUMPY') {
    throw new CaseError('expected an .npy header, found none; the file is damaged or of another format');
  }
  const [start, length] = bytes[6] === 1 ? [10, bytes.readUInt16LE(8)] : [12, bytes.readUInt32LE(8)];
  return { text: bytes.toString('latin1', start, start + length), end: start + length };
}

export function readNpy(path: string, bytes: Buffer): Volume {
  const { text, end } = headerOf(bytes);
  const descr = /'descr'\s*:\s*'([<>|=]?)(\w+)'/.exec(text);
  const fortran = /'fortran_order'\s*:\s*(True|False)/.exec(text)?.[1];
  const dims = /'shape'\s*:\s*\(([\d,\s]*)\)/.exec(text)?.[1];
  if (dims === undefined || fortran === undefined || !/'descr'/.test(text)) {
    throw new CaseError(`its .npy header cannot be read: ${text.trim()}`);
  }
  const [, byteOrder, type = ''] = descr ?? [];
  const kind = KINDS[type] ?? (KIND.test(type) ? (type as Kind) : undefined);
  if (kind === undefined) {
    const dtype = /'descr'\s*:\s*(.*?),\s*'fortran_order'/.exec(text)?.[1] ?? text.trim();
    throw new CaseError(`it holds numbers of the dtype ${dtype}; expected integers, booleans or floats`);
  }
  const shape = dims
    .split(',')
    .filter((n) => n.trim() !== '')
    .map(Number);
  const data = elementsOf(kind, bytes, end, sizeOf(shape), byteOrder !== '>');
  return { path, data, shape, order: fortran === 'True' ? 'F' : 'C' };
}
