/** JSON lines: what is undefined (NaN) is null, an infinite distance the text "Infinity". */

export function toJson(value: unknown): string {
  return JSON.stringify(value, (_, entry: unknown) =>
    typeof entry !== 'number' || Number.isFinite(entry) ? entry : Number.isNaN(entry) ? null : String(entry),
  );
}

export function fromJson(text: string): unknown {
  return JSON.parse(text, (_, entry: unknown) =>
    entry === null ? NaN : entry === 'Infinity' ? Infinity : entry === '-Infinity' ? -Infinity : entry,
  );
}
