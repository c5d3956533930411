/** Classifies error replies of Redis 6.2 to 8. */
import { StoreError } from '../cache/store.ts';

/**
 * Errors that pass: Redis is out of memory, loads its data, is a replica, requires another password, has a stricter
 * ACL, runs a long script, or cannot save; or the slot of a key is at another master of the Cluster. A change that was refused with one of them becomes pending. Each is counted
 * by its name.
 */
const PASSING = new Set([
  'OOM',
  'LOADING',
  'READONLY',
  'NOAUTH',
  'WRONGPASS',
  'NOPERM',
  'BUSY',
  'MISCONF',
  'MASTERDOWN',
  'NOREPLICAS',
  'MOVED',
  'ASK',
  'TRYAGAIN',
  'CLUSTERDOWN',
]);

/** Redis 6.2 puts the position in the script before an error: once where `redis.pcall` returns it, otherwise twice. */
const PLACE = /^(?:ERR Error running script \([^)]*\): )?(?:@user_script: ?\d+: ){1,2}/;

/**
 * A permission error inside a script has no error name. The first text is of Redis 7.2 and newer, the second of 7.0 and
 * older.
 */
const FORBIDDEN_IN_SCRIPT = /^(?:ERR )?(?:ACL failure in script: |The user executing the script )/;

/** Converts an error reply, or an error text that a script returned, into a `StoreError`. */
export function refusal(message: string, cause?: unknown): StoreError {
  const name = nameOf(message);
  const passing = PASSING.has(name);
  const kind = passing ? name.toLowerCase() : 'rejected';
  return new StoreError('rejected', message, { cause, kind, passing });
}

/** Whether a Cluster sends the command to another master. */
export function isRedirect(error: unknown): error is StoreError {
  return error instanceof StoreError && (error.kind === 'moved' || error.kind === 'ask');
}

function nameOf(message: string): string {
  const text = message.replace(PLACE, '');
  if (FORBIDDEN_IN_SCRIPT.test(text)) return 'NOPERM';
  return /^-?([A-Z]+)\b/.exec(text)?.[1] ?? '';
}
