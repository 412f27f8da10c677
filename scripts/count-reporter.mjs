/** A vitest reporter that writes what scripts/test.mjs adds up to the file COUNTS_FILE. */
import { writeFileSync } from 'node:fs';

export default class CountReporter {
  counts = { passed: 0, failed: 0, skipped: [] };

  onTestCaseResult(test) {
    const { state, note } = test.result();
    if (state === 'skipped') this.counts.skipped.push({ name: test.fullName, reason: note });
    else this.counts[state]++;
  }

  onTestRunEnd(modules, unhandledErrors) {
    // What fails outside of a test: a file that does not load, a hook, a rejection nobody awaited.
    this.counts.failed += unhandledErrors.length;
    for (const module of modules) this.counts.failed += module.errors().length;
    this.counts.files = modules.length;
    writeFileSync(process.env.COUNTS_FILE, JSON.stringify(this.counts));
  }
}
