import * as v from 'valibot';
import type { Reason } from '../cache/bus.ts';
import { EVERYTHING, type Match } from '../cache/match.ts';
import { isVersion, type Version } from '../cache/version.ts';
import { TYPES, typeIndex } from '../key.ts';

/**
 * A message on the invalidation channel. Other programs publish the keys that replicas must drop, in one or more of
 * these members, or as a bare key:
 *
 *   {"keys": ["borrow_rate:AAPL"]}      {"types": ["volatility"]}      {"pattern": "volatility:*"}
 *   borrow_rate:AAPL                    (a bare key)
 *
 * Replicas publish their own changes in the same form, with their origin, the reason and the version of each change:
 *
 *   {"origin": "5f0c2a17", "reason": "set", "keys": ["borrow_rate:AAPL"], "versions": ["01a2…"]}
 *   {"origin": "5f0c2a17", "reason": "delete", "types": ["volatility"], "version": "01a2…"}
 *
 * Keys are without the prefix that they have in Redis. A channel does not belong to a database. So replicas add `"db":
 * 1` where their database is not 0, and replicas of other databases ignore the message.
 */
export interface Announcement {
  readonly origin: string | undefined;
  /** The database of the replica that announces. */
  readonly db: number;
  readonly reason: Reason;
  readonly keys: readonly string[];
  /** For changes of a replica: the version of each of `keys`. */
  readonly versions: readonly Version[] | undefined;
  readonly matches: readonly Match[];
  /** For a deletion by match of a replica: values with a greater version stay. */
  readonly version: Version | undefined;
  /** The progress of such a deletion. */
  readonly deletion: Deletion;
}

/** Which replica announces. */
export interface Announcer {
  readonly origin: string;
  readonly db: number;
}

/** `begun`: the deletion runs; repeated at least every five seconds. `failed`: it failed, perhaps in part. `done`. */
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

/** Parses a message. Returns undefined where it is malformed. */
export function parseAnnouncement(text: string, maxKeyBytes: number): Announcement | undefined {
  if (!text.startsWith('{')) {
    // A bare key. Text with quotes or brackets was probably meant to be JSON, and is malformed.
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

/** Returns whether a replica announces a write. Tracking then reports the same write right after. */
export function isSetByReplica({ origin, reason, versions }: Announcement): boolean {
  return origin !== undefined && reason === 'set' && versions !== undefined;
}

/** Returns the announcement of own changes. `versions` has one version for each of `keys`. */
export function announceChanges(
  announcer: Announcer,
  reason: 'set' | 'delete',
  keys: readonly string[],
  versions: readonly Version[],
): string {
  return JSON.stringify({ ...named(announcer), reason, keys, versions });
}

/** Returns the message that makes every replica drop the matching entries that are older than `version`. */
export function announceMatch(
  announcer: Announcer,
  match: Match,
  version: Version,
  deletion: Deletion,
): string {
  const reason: Reason = 'delete';
  const target = 'type' in match ? { types: [TYPES[match.type]] } : { pattern: match.pattern };
  const progress = deletion === 'done' ? {} : { deletion };
  return JSON.stringify({ ...named(announcer), reason, ...target, version, ...progress });
}

function named({ origin, db }: Announcer) {
  return db === 0 ? { origin } : { origin, db };
}
