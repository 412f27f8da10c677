/** The figure of a page: a loss and its gradient on one small lesion, as the lesion is found. */
import * as vega from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';
import type { Loss } from '../../ts/index.js';

const SIDE = 32;
/** The lesion: a square of 4 × 4, 1.6 % of the picture. */
const isLesion = (i: number): boolean => {
  const [row, column] = [Math.floor(i / SIDE), i % SIDE];
  return row >= 14 && row < 18 && column >= 14 && column < 18;
};
const BACKGROUND_LOGIT = -4;
const LOGITS = Array.from({ length: 33 }, (_, i) => i / 2 - 8);

export const CAPTION =
  `A picture of ${SIDE} × ${SIDE} pixels, 16 of them lesion. The logits of the background are −${-BACKGROUND_LOGIT} (p = 0.018), ` +
  'those of the lesion go from −8 (missed) to 8 (found). Left: the loss, with its default options. Right: the sum of ' +
  '|∂L/∂z| over the lesion and over the background.';

const FONT = 'DejaVu Sans, Helvetica, Arial, sans-serif';
/** Of the palette of Okabe and Ito. */
const COLOURS = { lesion: '#D55E00', background: '#0072B2', loss: '#000000' };

interface Point {
  readonly z: number;
  readonly value: number;
  readonly lesion: number;
  readonly background: number;
}

/** Digits that no engine's last bit changes. */
const rounded = (x: number): number => Number(x.toPrecision(5));

/** With one channel, or with two where the loss is of classes; undefined for a loss that cannot be had without options. */
function pointsOf(make: () => Loss): Point[] | undefined {
  const pixels = Array.from({ length: SIDE * SIDE }, (_, i) => i);
  const target = Uint8Array.from(pixels, (i) => (isLesion(i) ? 1 : 0));
  const at = (channels: 1 | 2, z: number): Point => {
    const foreground = Float32Array.from(pixels, (i) => (isLesion(i) ? z : BACKGROUND_LOGIT));
    const logits =
      channels === 1 ? foreground : Float32Array.of(...new Float32Array(SIDE * SIDE), ...foreground);
    const { value, grad } = make().valueAndGrad(logits, target, { shape: [1, channels, SIDE, SIDE] });
    const own = grad.subarray(-SIDE * SIDE);
    const over = (inside: boolean): number =>
      rounded(own.reduce((sum, g, i) => (isLesion(i) === inside ? sum + Math.abs(g) : sum), 0));
    return { z, value: rounded(value), lesion: over(true), background: over(false) };
  };
  for (const channels of [1, 2] as const) {
    try {
      return LOGITS.map((z) => at(channels, z));
    } catch (error) {
      if (!(error instanceof RangeError || error instanceof TypeError)) throw error;
    }
  }
  return undefined;
}

/** SVG, or undefined where the loss needs more than its defaults. */
export async function figureOf(make: () => Loss): Promise<string | undefined> {
  const points = pointsOf(make);
  if (points === undefined) return undefined;
  const text = { labelFont: FONT, titleFont: FONT, titleFontWeight: 'normal', grid: false } as const;
  const x = {
    field: 'z',
    type: 'quantitative',
    axis: { ...text, title: 'logit of the lesion', tickCount: 5 },
  } as const;
  const panel = { width: 230, height: 150 };
  const series = ['lesion', 'background'] as const;
  const spec: TopLevelSpec = {
    background: 'white',
    padding: 8,
    hconcat: [
      {
        ...panel,
        data: { values: points.map(({ z, value }) => ({ z, value })) },
        mark: { type: 'line', strokeWidth: 2, color: COLOURS.loss },
        encoding: { x, y: { field: 'value', type: 'quantitative', axis: { ...text, title: 'loss' } } },
      },
      {
        ...panel,
        data: {
          values: series.flatMap((where) =>
            points.map((point) => ({ z: point.z, where, sum: point[where] })),
          ),
        },
        mark: { type: 'line', strokeWidth: 2 },
        encoding: {
          x,
          y: { field: 'sum', type: 'quantitative', axis: { ...text, title: 'sum of |gradient|' } },
          color: {
            field: 'where',
            type: 'nominal',
            scale: { domain: [...series], range: series.map((where) => COLOURS[where]) },
            legend: { title: null, orient: 'top', labelFont: FONT },
          },
        },
      },
    ],
  };
  return `${await new vega.View(vega.parse(compile(spec).spec), { renderer: 'none' }).toSVG()}\n`;
}
