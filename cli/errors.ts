/** What can go wrong, and the exit codes. */

/** Documented in docs/command-line.md. */
export const EXIT = { ok: 0, below: 1, usage: 2, caseFailed: 3, fault: 4 } as const;

/** A mistake in how the command was called: nothing has been computed. */
export class UsageError extends Error {}

/** A mistake in the files of one case: the others go on. */
export class CaseError extends Error {}

/** The text of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
