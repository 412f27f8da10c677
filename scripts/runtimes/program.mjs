/**
 * What each runtime runs: the first case of every fixture, value and gradient, and a call of everything else. Gives how
 * many checks passed and what failed; imports nothing, so that it goes into any bundle.
 */
export function program({ segloss, article, geometric, metrics, fixtures }) {
  const failed = [];
  let passed = 0;
  const check = (title, run) => {
    try {
      const wrong = run();
      if (wrong === undefined || wrong === true) passed++;
      else failed.push(`${title}: ${wrong}`);
    } catch (error) {
      failed.push(`${title}: ${error}`);
    }
  };

  for (const { door, loss, tolerance, first } of fixtures) {
    check(`${door} ${loss}, ${first.title}`, () => {
      const { options, terms, call, pred, target, value, grad } = first;
      const doors = { segloss, article, geometric };
      const made = terms
        ? segloss.lossFromJSON({ name: loss, options, terms }, { losses: geometric })
        : doors[door][loss](options);
      const pixelWeights = call.pixelWeights && Float32Array.from(call.pixelWeights);
      const given = { ...call, ...(pixelWeights && { pixelWeights }) };
      const targetArray = globalThis[target.type].from(target.data);
      const found = made.valueAndGrad(Float32Array.from(pred), targetArray, given);
      const off = Math.abs(found.value - value);
      if (!(off <= tolerance.value * (Math.abs(value) || 1))) return `value ${found.value}, not ${value}`;
      const largest = Math.max(...grad.map(Math.abs)) || 1;
      const worst = Math.max(...grad.map((g, i) => Math.abs(found.grad[i] - g)));
      if (!(worst <= tolerance.gradient * largest)) return `gradient off by ${worst}`;
    });
  }

  const labels = new Uint8Array([0, 1, 2, 1, 0, 2]);
  const logits = Float32Array.from({ length: 18 }, (_, i) => Math.sin(i));
  const call = { shape: [1, 3, 2, 3] };
  check('sums, merged by way of JSON', () => {
    const loss = segloss.diceLoss({ aggregate: 'batch' });
    const sums = loss.accumulate(logits, labels, call);
    const back = segloss.Sums.from(JSON.parse(JSON.stringify(sums)));
    return loss.valueFrom(back) === loss.value(logits, labels, call);
  });
  check('a gradient against differences', () => {
    return segloss.checkGradient(segloss.focalLoss(), logits, labels, call).passed;
  });
  check('an error that names the argument', () => {
    try {
      segloss.diceLoss().value(logits, labels.subarray(1), call);
    } catch (error) {
      return error instanceof segloss.ShapeError && error.argument === 'target';
    }
    return 'nothing was thrown';
  });
  check('confusion matrix', () => metrics.confusionMatrix(labels, labels).dice() === 1);
  check('surface distances', () => {
    const shifted = new Uint8Array([1, 0, 0, 0]);
    const found = metrics.surfaceDistances(shifted, new Uint8Array([0, 0, 1, 0]), { shape: [1, 4] });
    return found.hausdorff() === 2;
  });
  return { passed, failed, simd: segloss.backend().simd };
}
