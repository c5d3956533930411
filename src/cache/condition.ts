import { isForeign, type Version } from './version.ts';

/**
 * A precondition of a write or a delete on the current value of the key:
 * - `if-version`: the value has one of these versions;
 * - `if-exists`: the key has a value;
 * - `if-absent`: the key has no value;
 * - `unless-version`: the key has no value, or a value with another version;
 * - `if-older`: the key has no value, or a value with a lower version. With `unlessForeign` a value of another program
 *   also refuses the change, because its version does not show its age.
 */
export type Condition =
  | { readonly is: 'if-version' | 'unless-version'; readonly versions: readonly Version[] }
  | { readonly is: 'if-exists' | 'if-absent' }
  | { readonly is: 'if-older'; readonly version: Version; readonly unlessForeign?: boolean };

/** Returns whether the condition holds for the current version; `present` is undefined where the key has no value. */
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

/** Returns why a client's condition failed, as a sentence. `present` is the current version, if the key has one. */
export function whyRefused(condition: Condition | undefined, present: Version | undefined): string {
  if (present !== undefined) return `the entry has version ${present}`;
  if (condition?.is === 'if-absent') return 'the key exists in Redis, but is not a string';
  return 'the key has no value';
}
