import type { Version } from '../../cache/version.ts';

const REMEMBERED = 100;

/**
 * The end of a deletion by match is announced on every master, so that one lost link does not hide it. Returns a function
 * that returns true for the first announcement of each deletion. Deletions of other programs have no version.
 */
export function matchOnce(): (version: Version | undefined) => boolean {
  const seen = new Set<Version>();
  return (version) => {
    if (version === undefined) return true;
    if (seen.has(version)) return false;
    seen.add(version);
    if (seen.size > REMEMBERED) seen.delete(seen.values().next().value!);
    return true;
  };
}
