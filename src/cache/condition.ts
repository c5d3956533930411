import { isForeign, type Version } from './version.ts';

/**
 * What a write asks of the entry it replaces, or a delete of the one it deletes:
 * - `if-version`: it has one of these versions;
 * - `if-exists`: there is one;
 * - `if-absent`: there is none;
 * - `unless-version`: there is none, or one with another version;
 * - `if-older`: there is none, or one with a lesser version; `unlessForeign`: and not one of another program, whose
 *   version says nothing about its time.
 */
export type Condition =
  | { readonly is: 'if-version' | 'unless-version'; readonly versions: readonly Version[] }
  | { readonly is: 'if-exists' | 'if-absent' }
  | { readonly is: 'if-older'; readonly version: Version; readonly unlessForeign?: boolean };

/** Whether a condition holds of what is stored. */
export function holds(condition: Condition | undefined, present: Version | undefined): boolean {
  switch (condition?.is) {
    case undefined:
      return true;
    case 'if-absent':
      return present === undefined;
    case 'if-exists':
      return present !== undefined;
    case 'if-older':
      if (present === undefined) return true;
      return isForeign(present) ? !condition.unlessForeign : present < condition.version;
    case 'if-version':
      return present !== undefined && condition.versions.includes(present);
    case 'unless-version':
      return present === undefined || !condition.versions.includes(present);
  }
}

/** Why a condition of a client does not hold, as a sentence. `present` is undefined where the entry has no version. */
export function whyRefused(condition: Condition | undefined, present: Version | undefined): string {
  if (present !== undefined) return `the entry has version ${present}`;
  if (condition?.is === 'if-absent') return 'the key exists in Redis, but is not a string';
  return 'the key has no value';
}
