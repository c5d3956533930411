import * as v from 'valibot';
import type { Reason } from '../cache/bus.ts';
import { EVERYTHING, type Match } from '../cache/match.ts';
import { isVersion, type Version } from '../cache/version.ts';
import { TYPES, typeIndex } from '../key.ts';

/**
 * A message on the invalidation channel. Other programs publish what they want forgotten, and may leave out
 * all but one of the first three:
 *
 *   {"keys": ["borrow_rate:AAPL"]}      {"types": ["volatility"]}      {"pattern": "volatility:*"}
 *   borrow_rate:AAPL                    (a bare key)
 *
 * Replicas publish the same form, with who they are, why, and the version of each change:
 *
 *   {"origin": "5f0c2a17", "reason": "set", "keys": ["borrow_rate:AAPL"], "versions": ["01a2…"]}
 *   {"origin": "5f0c2a17", "reason": "delete", "types": ["volatility"], "version": "01a2…"}
 *
 * Keys are without the prefix that they have in Redis. A channel belongs to no database, so replicas add `"db": 1` where
 * their database is not 0, and replicas of other databases ignore the message.
 */
export interface Announcement {
  readonly origin: string | undefined;
  /** The database of the replica that announces. */
  readonly db: number;
  readonly reason: Reason;
  readonly keys: readonly string[];
  /** For a replica's changes, one for each of `keys`. */
  readonly versions: readonly Version[] | undefined;
  readonly matches: readonly Match[];
  /** For a replica's deletion of all that matches: values of a greater version stay. */
  readonly version: Version | undefined;
  /** How far such a deletion is. */
  readonly deletion: Deletion;
}

/** Which replica announces. */
export interface Announcer {
  readonly origin: string;
  readonly db: number;
}

/** `begun`, and announced again before five seconds are over; `failed`, perhaps in part; or `done`. */
export type Deletion = 'begun' | 'failed' | 'done';

const VERSION = v.pipe(v.string(), v.check(isVersion));

const MESSAGE = v.pipe(
  v.looseObject({
    origin: v.optional(v.string()),
    db: v.optional(v.number()),
    reason: v.optional(v.picklist(['set', 'delete', 'flush', 'remote'])),
    keys: v.optional(v.array(v.string())),
    versions: v.optional(v.array(VERSION)),
    version: v.optional(VERSION),
    deletion: v.optional(v.picklist(['begun', 'failed', 'done'])),
    types: v.optional(v.array(v.picklist(TYPES))),
    pattern: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(1024))),
  }),
  v.check(({ keys, types, pattern }) => keys !== undefined || types !== undefined || pattern !== undefined),
);

/** Reads a message, or says undefined to one that is malformed. */
export function parseAnnouncement(text: string, maxKeyBytes: number): Announcement | undefined {
  if (!text.startsWith('{')) {
    // A bare key. What begins like JSON was meant to be JSON.
    const bare = text.length > 0 && Buffer.byteLength(text) <= maxKeyBytes && !/[\s"[\]]/.test(text);
    return bare
      ? {
          origin: undefined,
          db: 0,
          reason: 'remote',
          keys: [text],
          versions: undefined,
          matches: [],
          version: undefined,
          deletion: 'done',
        }
      : undefined;
  }
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    return undefined;
  }
  const parsed = v.safeParse(MESSAGE, data);
  if (!parsed.success) return undefined;
  const {
    origin,
    db = 0,
    reason = 'remote',
    keys = [],
    versions,
    version,
    deletion = 'done',
  } = parsed.output;
  const { types = [], pattern } = parsed.output;
  const matches: Match[] = types.map((name) => ({ type: typeIndex(name)! }));
  if (pattern !== undefined) matches.push(pattern === '*' ? EVERYTHING : { pattern });
  return {
    origin,
    db,
    reason,
    keys,
    versions,
    matches,
    version,
    deletion: version === undefined ? 'done' : deletion,
  };
}

/** What a replica announces of its own changes: `versions` are those of `keys`. */
export function announceChanges(
  announcer: Announcer,
  reason: 'set' | 'delete',
  keys: readonly string[],
  versions: readonly Version[],
): string {
  return JSON.stringify({ ...named(announcer), reason, keys, versions });
}

/** The message that makes every replica, and every other listener, drop what matches and is older than `version`. */
export function announceMatch(
  announcer: Announcer,
  match: Match,
  version: Version,
  deletion: Deletion,
): string {
  const reason: Reason = 'delete';
  const meant = 'type' in match ? { types: [TYPES[match.type]] } : { pattern: match.pattern };
  const progress = deletion === 'done' ? {} : { deletion };
  return JSON.stringify({ ...named(announcer), reason, ...meant, version, ...progress });
}

function named({ origin, db }: Announcer) {
  return db === 0 ? { origin } : { origin, db };
}
