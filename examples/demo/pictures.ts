/** Two pictures in SVG: the training curves, and one slice with every loss's prediction beside the truth. */
import { encode } from 'fast-png';
import * as vega from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';
import type { Brain } from './features.js';
import type { Outcome } from './training.js';

const FONT = 'DejaVu Sans, Helvetica, Arial, sans-serif';
/** Of the palette of Okabe and Ito, told apart by every kind of colour vision, and by lightness too. */
const [SKY, VERMILLION, YELLOW, BLUE] = ['#56B4E9', '#D55E00', '#F0E442', '#0072B2'];

/** One small chart a loss, all with the same axes. */
export async function curves(outcomes: readonly Outcome[]): Promise<string> {
  const text = {
    labelFont: FONT,
    titleFont: FONT,
    labelFontSize: 11,
    titleFontSize: 12,
    titleFontWeight: 'normal',
  } as const;
  const spec: TopLevelSpec = {
    background: 'white',
    padding: 12,
    title: {
      text: 'Lesion Dice of patients not trained on, at threshold 0.5, while training',
      font: FONT,
      fontSize: 15,
      anchor: 'start',
      offset: 12,
    },
    data: { values: outcomes.flatMap(({ title, curve }) => curve.map((point) => ({ title, ...point }))) },
    width: 190,
    height: 120,
    mark: { type: 'line', strokeWidth: 2, point: { size: 14 } },
    encoding: {
      facet: {
        field: 'title',
        type: 'nominal',
        columns: 4,
        sort: outcomes.map(({ title }) => title),
        header: { title: null, labelFont: FONT, labelFontSize: 12, labelFontWeight: 'bold' },
      },
      x: { field: 'step', type: 'quantitative', axis: { ...text, title: 'step', tickCount: 4, grid: false } },
      y: { field: 'dice', type: 'quantitative', axis: { ...text, title: 'lesion Dice', tickCount: 4 } },
      color: {
        field: 'patient',
        type: 'nominal',
        scale: { range: [VERMILLION, BLUE] },
        legend: { ...text, title: null, orient: 'top', symbolSize: 120, labelFontSize: 12 },
      },
    },
  };
  return new vega.View(vega.parse(compile(spec).spec), { renderer: 'none' }).toSVG();
}

interface Slice {
  readonly z: number;
  readonly from: readonly [number, number];
  readonly size: readonly [number, number];
}

/** The axial slice with the most lesion, cut to the brain. */
function chooseSlice({ dims: [nx, ny], voxels, lesion }: Brain): Slice {
  const counts = new Map<number, number>();
  voxels.forEach((voxel, i) => {
    const z = Math.floor(voxel / (nx * ny));
    counts.set(z, (counts.get(z) ?? 0) + lesion[i]!);
  });
  const [z] = [...counts].reduce((a, b) => (b[1] > a[1] ? b : a));
  let [left, right, low, high] = [nx, 0, ny, 0];
  for (const voxel of voxels) {
    if (Math.floor(voxel / (nx * ny)) !== z) continue;
    const [x, y] = [voxel % nx, Math.floor(voxel / nx) % ny];
    [left, right] = [Math.min(left, x), Math.max(right, x)];
    [low, high] = [Math.min(low, y), Math.max(high, y)];
  }
  return { z, from: [left, low], size: [right - left + 1, high - low + 1] };
}

const rgb = (hex: string): number[] => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));

/** Draws the slice in grey, with the voxels that `colourOf` names in their colour. */
function painter(brain: Brain, slice: Slice): (colourOf: (row: number) => string | undefined) => Uint8Array {
  const { dims, voxels, flair } = brain;
  const [nx, ny] = dims;
  const [width, height] = slice.size;
  const rows = [...voxels.keys()].filter((row) => Math.floor(voxels[row]! / (nx * ny)) === slice.z);
  const sorted = Float32Array.from(rows, (row) => flair[voxels[row]!]!).sort();
  const white = sorted[Math.floor(0.998 * (sorted.length - 1))] ?? 1;
  return (colourOf) => {
    const data = new Uint8Array(width * height * 3);
    for (const row of rows) {
      const voxel = voxels[row]!;
      const [x, y] = [(voxel % nx) - slice.from[0], (Math.floor(voxel / nx) % ny) - slice.from[1]];
      const grey = Math.max(0, Math.min(255, (220 * flair[voxel]!) / white));
      const colour = colourOf(row);
      // The front of the head, at large y, is drawn on top.
      data.set(colour ? rgb(colour) : [grey, grey, grey], 3 * ((height - 1 - y) * width + x));
    }
    return encode({ width, height, data, channels: 3, depth: 8 });
  };
}

/** FLAIR, truth, and what each loss's network says of one slice. */
export function slices(brain: Brain, patient: number, outcomes: readonly Outcome[]): string {
  const slice = chooseSlice(brain);
  const paint = painter(brain, slice);
  const panels: { title: string; note: string; png: Uint8Array }[] = [
    { title: 'FLAIR', note: `${brain.name}, z = ${slice.z}`, png: paint(() => undefined) },
    {
      title: 'truth',
      note: 'lesion by consensus of raters',
      png: paint((row) => (brain.lesion[row] ? YELLOW : undefined)),
    },
    ...outcomes.map(({ title, heldOut }) => {
      const { found, dice } = heldOut[patient]!;
      const colourOf = (row: number): string | undefined =>
        found[row] ? (brain.lesion[row] ? YELLOW : VERMILLION) : brain.lesion[row] ? SKY : undefined;
      return { title, note: `Dice ${dice.toFixed(3)} (whole brain)`, png: paint(colourOf) };
    }),
  ];
  const columns = 5;
  const width = 200;
  const height = Math.round((width * slice.size[1]) / slice.size[0]);
  const [cellWidth, cellHeight, top] = [width + 14, height + 50, 74];
  const cells = panels.map(({ title, note, png }, i) => {
    const [x, y] = [14 + (i % columns) * cellWidth, top + Math.floor(i / columns) * cellHeight];
    const data = Buffer.from(png).toString('base64');
    return `<text x="${x}" y="${y + 14}" font-size="14" font-weight="bold">${title}</text>
<text x="${x}" y="${y + 31}" font-size="12" fill="#444">${note}</text>
<image x="${x}" y="${y + 38}" width="${width}" height="${height}" style="image-rendering:pixelated" href="data:image/png;base64,${data}"/>`;
  });
  const keys = [
    [YELLOW, 'lesion, found'],
    [SKY, 'lesion, missed'],
    [VERMILLION, 'false alarm'],
  ].map(
    ([colour, label], i) =>
      `<rect x="${14 + i * 150}" y="44" width="16" height="16" fill="${colour}" stroke="#444"/><text x="${36 + i * 150}" y="57" font-size="13">${label}</text>`,
  );
  const all = [14 + columns * cellWidth, top + Math.ceil(panels.length / columns) * cellHeight];
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${all[0]}" height="${all[1]}" viewBox="0 0 ${all.join(' ')}" font-family="${FONT}">
<rect width="100%" height="100%" fill="white"/>
<text x="14" y="28" font-size="17" font-weight="bold">One slice of a patient not trained on: the truth and each loss's prediction</text>
${[...keys, ...cells].join('\n')}
</svg>
`;
}
