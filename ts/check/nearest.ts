/** Suggestions for misspelt names. */

function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

/** The name among `known` that `name` was most likely meant to be. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const wanted = name.toLowerCase().replace(/[^a-z0-9]/g, '');
  let best: string | undefined;
  let least = Infinity;
  for (const candidate of known) {
    const d = distance(wanted, candidate.toLowerCase());
    if (d < least) [best, least] = [candidate, d];
  }
  return least <= Math.max(2, wanted.length / 2) ? best : undefined;
}

/** Throws a TypeError for the first own key of `object` that is not known. */
export function checkNames(object: object, known: readonly string[], where: string): void {
  for (const name of Object.keys(object)) {
    if (known.includes(name)) continue;
    const suggestion = nearest(name, known);
    const hint = suggestion ? `did you mean "${suggestion}"?` : `known: ${known.join(', ')}`;
    throw new TypeError(`${where} has no "${name}"; ${hint}`);
  }
}
