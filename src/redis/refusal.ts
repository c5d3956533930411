/** What an error reply of Redis means, on every server version from 6.2 to 8. */
import { StoreError } from '../cache/store.ts';

/**
 * What Redis may refuse commands with for a while: it is full, loads its data, has become a replica, wants
 * another password, allows less than before, runs a script that does not end, cannot save. A change that was
 * refused with one of these can be made later. Each is counted by its name.
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
]);

/** Redis 6.2 puts the place in the script before an error, once where `redis.pcall` returns it and twice else. */
const PLACE = /^(?:ERR Error running script \([^)]*\): )?(?:@user_script: ?\d+: ){1,2}/;

/**
 * What a user may not do inside a script has no name of its own: the first text is from Redis 7.2 and newer, the
 * second from 7.0 and older.
 */
const FORBIDDEN_IN_SCRIPT = /^(?:ERR )?(?:ACL failure in script: |The user executing the script )/;

/** The error that an error reply becomes, whether Redis replied with it or a script returned its text. */
export function refusal(message: string, cause?: unknown): StoreError {
  const name = nameOf(message);
  const passing = PASSING.has(name);
  const kind = passing ? name.toLowerCase() : 'rejected';
  return new StoreError('rejected', message, { cause, kind, passing });
}

function nameOf(message: string): string {
  const text = message.replace(PLACE, '');
  if (FORBIDDEN_IN_SCRIPT.test(text)) return 'NOPERM';
  return /^-?([A-Z]+)\b/.exec(text)?.[1] ?? '';
}
