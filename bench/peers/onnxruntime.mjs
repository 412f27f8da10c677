/** onnxruntime on the WebAssembly of onnxruntime-web, or the native library of onnxruntime-node; one thread. */
import { oneHot } from './formulas.mjs';
import { modelOf } from './onnx.mjs';

export async function prepare(problem, [build]) {
  const ort = await import(`onnxruntime-${build}`);
  if (build === 'web') ort.env.wasm.numThreads = 1;
  const { formula, samples, channels, pixels, pred } = problem;
  const dims = [samples, channels, pixels];
  const session = await ort.InferenceSession.create(new Uint8Array(modelOf(formula, dims)), {
    executionProviders: [build === 'web' ? 'wasm' : 'cpu'],
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
  });
  const feeds = {
    z: new ort.Tensor('float32', pred, dims),
    g: new ort.Tensor('float32', oneHot(problem), dims),
  };
  let latest;
  return {
    async call() {
      const { value, grad } = await session.run(feeds);
      latest = grad.data;
      return value.data[0];
    },
    gradient: () => latest,
  };
}
