/**
 * A reverse-mode autograd of one's own: tensors that remember how they were made, and walk back.
 *
 * segloss is its loss: `lossNode` takes value and gradient from one call and passes the gradient on. That is all an
 * engine needs to train with any loss of the package.
 */
import type { Loss, LossCall, Target } from 'segloss';

/** Adds to the gradients of a node's inputs, from the node's own gradient. */
type Pull = (grad: Float32Array) => void;

export class Tensor {
  /** d(the scalar `backward` was called on) / d(this); only for what is trained or depends on it. */
  readonly grad: Float32Array | undefined;

  constructor(
    readonly data: Float32Array,
    readonly shape: readonly number[],
    private readonly inputs: readonly Tensor[] = [],
    private readonly pull?: Pull,
    trained = false,
  ) {
    if (trained || inputs.some(({ grad }) => grad)) this.grad = new Float32Array(data.length);
  }

  /** Fills `grad` of everything this scalar depends on. */
  backward(): void {
    if (!this.grad || this.data.length !== 1)
      throw new Error('backward expected a scalar that depends on a parameter');
    const order: Tensor[] = [];
    const seen = new Set<Tensor>();
    const visit = (node: Tensor): void => {
      if (!node.grad || seen.has(node)) return;
      seen.add(node);
      node.inputs.forEach(visit);
      order.push(node);
    };
    visit(this);
    this.grad.fill(1);
    for (const node of order.reverse()) if (node.grad) node.pull?.(node.grad);
  }
}

/** Data that is not trained. */
export const constant = (data: Float32Array, shape: readonly number[]): Tensor => new Tensor(data, shape);

/** What an optimiser changes. */
export const parameter = (data: Float32Array, shape: readonly number[]): Tensor =>
  new Tensor(data, shape, [], undefined, true);

/** x W + b for x `[rows, inputs]`, W `[inputs, outputs]`, b `[outputs]`. */
export function linear(x: Tensor, w: Tensor, b: Tensor): Tensor {
  const [inputs = 0, outputs = 0] = w.shape;
  const rows = x.data.length / inputs;
  const [xs, ws, bs, y] = [x.data, w.data, b.data, new Float32Array(rows * outputs)];
  for (let r = 0; r < rows; r++) {
    for (let o = 0; o < outputs; o++) {
      let sum = bs[o]!;
      for (let i = 0; i < inputs; i++) sum += xs[r * inputs + i]! * ws[i * outputs + o]!;
      y[r * outputs + o] = sum;
    }
  }
  return new Tensor(y, [rows, outputs], [x, w, b], (grad) => {
    // Sums over all rows are kept in f64: there may be a hundred thousand of them.
    const [toW, toB] = [new Float64Array(inputs * outputs), new Float64Array(outputs)];
    for (let r = 0; r < rows; r++) {
      for (let o = 0; o < outputs; o++) toB[o]! += grad[r * outputs + o]!;
      for (let i = 0; i < inputs; i++) {
        const value = xs[r * inputs + i]!;
        for (let o = 0; o < outputs; o++) toW[i * outputs + o]! += value * grad[r * outputs + o]!;
      }
    }
    add(w, toW);
    add(b, toB);
    for (let r = 0; x.grad && r < rows; r++) {
      for (let i = 0; i < inputs; i++) {
        let sum = 0;
        for (let o = 0; o < outputs; o++) sum += grad[r * outputs + o]! * ws[i * outputs + o]!;
        x.grad[r * inputs + i]! += sum;
      }
    }
  });
}

export function relu(x: Tensor): Tensor {
  const y = new Float32Array(x.data.length);
  for (let i = 0; i < y.length; i++) y[i] = Math.max(x.data[i]!, 0);
  return new Tensor(y, x.shape, [x], (grad) => {
    for (let i = 0; x.grad && i < y.length; i++) if (y[i]! > 0) x.grad[i]! += grad[i]!;
  });
}

/** The same numbers under another shape. */
export function reshape(x: Tensor, shape: readonly number[]): Tensor {
  return new Tensor(x.data, shape, [x], (grad) => add(x, grad));
}

/** The loss: one call gives the value and the gradient that `backward` needs. */
export function lossNode(loss: Loss, logits: Tensor, target: Target, call?: Omit<LossCall, 'shape'>): Tensor {
  const { value, grad } = loss.valueAndGrad(logits.data, target, { ...call, shape: logits.shape });
  return new Tensor(Float32Array.of(value), [], [logits], ([upstream = 1]) => add(logits, grad, upstream));
}

/** Adds `times · more` to the gradient of a tensor that has one. */
export function add({ grad }: Tensor, more: Float32Array | Float64Array, times = 1): void {
  if (grad) for (let i = 0; i < grad.length; i++) grad[i]! += times * more[i]!;
}

/** Adam (Kingma & Ba 2015, algorithm 1): `step` moves the parameters and clears their gradients. */
export class Adam {
  readonly #moments: { parameter: Tensor; first: Float64Array; second: Float64Array }[];
  #time = 0;

  constructor(
    parameters: readonly Tensor[],
    private readonly rate: number,
  ) {
    this.#moments = parameters.map((parameter) => ({
      parameter,
      first: new Float64Array(parameter.data.length),
      second: new Float64Array(parameter.data.length),
    }));
  }

  step(): void {
    this.#time++;
    const [keep1, keep2] = [0.9, 0.999];
    const [unbias1, unbias2] = [1 - keep1 ** this.#time, 1 - keep2 ** this.#time];
    for (const { parameter, first, second } of this.#moments) {
      const { data, grad } = parameter;
      data.forEach((_, i) => {
        const g = grad?.[i] ?? 0;
        first[i] = keep1 * first[i]! + (1 - keep1) * g;
        second[i] = keep2 * second[i]! + (1 - keep2) * g * g;
        data[i]! -= (this.rate * (first[i] / unbias1)) / (Math.sqrt(second[i] / unbias2) + 1e-8);
      });
      grad?.fill(0);
    }
  }
}
