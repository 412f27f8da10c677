/** A forward and gradient graph in ONNX, since onnxruntime's JavaScript packages only infer. */
import { lossOf } from './formulas.mjs';

const OPSET = 13;
const FLOAT = 1;
const INT64 = 7;

// Protocol buffers: a field is its number and wire type, then a varint (0), a 32-bit number (5) or bytes (2).
function varint(value) {
  const bytes = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  while (rest > 127n) {
    bytes.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  return Buffer.from([...bytes, Number(rest)]);
}
const integer = (field, value) => Buffer.concat([varint(field << 3), varint(value)]);
function bytes(field, ...parts) {
  const content = Buffer.concat(parts.map((part) => Buffer.from(part)));
  return Buffer.concat([varint((field << 3) | 2), varint(content.length), content]);
}

const attribute = (name, value) =>
  Array.isArray(value)
    ? bytes(5, bytes(1, name), ...value.map((v) => integer(8, v)), integer(20, 7))
    : bytes(5, bytes(1, name), integer(3, value), integer(20, 2));

const tensor = (name, dims, type, data) =>
  bytes(5, ...dims.map((d) => integer(1, d)), integer(2, type), bytes(8, name), bytes(9, data));

const valueInfo = (field, name, dims) =>
  bytes(
    field,
    bytes(1, name),
    bytes(2, bytes(1, integer(1, FLOAT), bytes(2, ...dims.map((d) => bytes(1, integer(1, d)))))),
  );

/** The bytes of a model from `z` and `g` to `value` and `grad`. */
export function modelOf(formula, dims) {
  const [nodes, initializers] = [[], []];
  const op = (type, inputs, attributes = {}, output = `t${nodes.length}`) => {
    const edges = [...inputs.map((input) => bytes(1, input)), bytes(2, output), bytes(4, type)];
    const listed = Object.entries(attributes).map(([name, value]) => attribute(name, value));
    nodes.push(bytes(1, ...edges, ...listed));
    return output;
  };
  const constant = (shape, type, data) => {
    const name = `c${initializers.length}`;
    initializers.push(tensor(name, shape, type, Buffer.from(data.buffer)));
    return name;
  };
  const unary = (type) => (x) => op(type, [x]);
  const binary = (type) => (x, y) => op(type, [x, y]);
  const alongChannels = (type) => (x) => op(type, [x], { axis: 1 });
  const o = {
    add: binary('Add'),
    sub: binary('Sub'),
    mul: binary('Mul'),
    div: binary('Div'),
    neg: unary('Neg'),
    exp: unary('Exp'),
    log: unary('Log'),
    abs: unary('Abs'),
    relu: unary('Relu'),
    sigmoid: unary('Sigmoid'),
    softmax: alongChannels('Softmax'),
    logSoftmax: alongChannels('LogSoftmax'),
    sum: (x, axis) =>
      axis === undefined
        ? op('ReduceSum', [x], { keepdims: 0 })
        : op('ReduceSum', [x, constant([1], INT64, new BigInt64Array([BigInt(axis)]))], { keepdims: 1 }),
    scalar: (x) => constant([], FLOAT, new Float32Array([x])),
    channel: 1,
    pixel: 2,
  };
  const { value, grad } = lossOf(o, formula, 'z', 'g', dims);
  op('Identity', [value], {}, 'value');
  op('Identity', [grad()], {}, 'grad');
  const ends = [
    valueInfo(11, 'z', dims),
    valueInfo(11, 'g', dims),
    valueInfo(12, 'value', []),
    valueInfo(12, 'grad', dims),
  ];
  const graph = bytes(7, ...nodes, bytes(2, formula), ...initializers, ...ends);
  return Buffer.concat([integer(1, 8), graph, bytes(8, bytes(1, ''), integer(2, OPSET))]);
}
