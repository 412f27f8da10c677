/** The hash of everything the core is built from. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';

function files(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? files(join(folder, entry.name)) : [join(folder, entry.name)],
  );
}

export const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

/** Hash of the Rust sources, manifests and lock file below `root`. */
export function sourceHash(root) {
  const sources = ['Cargo.toml', 'Cargo.lock'].map((name) => join(root, name));
  for (const crate of ['crate', 'geometry']) {
    sources.push(join(root, crate, 'Cargo.toml'), ...files(join(root, crate, 'src')));
  }
  const hash = createHash('sha256');
  for (const path of sources.sort()) {
    hash
      .update(relative(root, path).split(sep).join('/'))
      .update('\0')
      .update(readFileSync(path))
      .update('\0');
  }
  return hash.digest('hex');
}
