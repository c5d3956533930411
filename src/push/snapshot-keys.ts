/** The keys of a snapshot: the named keys, and the keys of the types and prefixes. */
import { literally } from '../cache/glob.ts';
import type { Match } from '../cache/match.ts';
import { turns } from '../cache/turns.ts';
import type { TwoLevel } from '../cache/two-level.ts';
import { TYPES } from '../key.ts';
import type { Gate } from './gate.ts';
import { coverage, type Interest } from './subscriptions.ts';

/** Keys of a page, and keys listed from Redis at a time. */
const PAGE = 500;
/** Entries of L1 that are visited in one turn of the event loop. */
const VISITED = 2000;
/** Up to this number, types and prefixes are listed one after the other. More are listed together, by one scan. */
const MOST_SCANS = 4;

export interface ScanGates {
  /** Lists of keys that all sockets request from Redis at a time. */
  readonly all: Gate;
  /** Snapshots of this socket that scan at a time. The others wait until it has read them. */
  readonly socket: Gate;
}

/**
 * Yields the named keys and the keys of the types and prefixes in pages, each key once.
 * @param changed returns the keys that have changed since the call. A key may have moved to a server that was listed
 *   before, so no list has it
 */
export async function* keysOf(
  cache: TwoLevel,
  interest: Interest,
  gates: ScanGates,
  changed: () => Iterable<string>,
): AsyncGenerator<string[]> {
  const { keys, types, prefixes } = interest;
  const seen = new Set(keys);
  for (const named = [...seen]; named.length > 0; ) yield named.splice(0, PAGE);
  if (types.length + prefixes.length === 0) return;
  await gates.socket.enter();
  try {
    const covers = coverage(interest);
    const isNew = (key: string) => !seen.has(key) && covers(key);
    if (cache.store === undefined) {
      yield* pagesOf(await keysInL1(cache, isNew), seen);
      return;
    }
    // Redis does not have the keys of pending writes yet.
    yield* pagesOf(cache.pendingKeys(isNew), seen);
    for (const match of scansOf(interest)) {
      let cursor: string | undefined;
      do {
        const listing = await gates.all.run(() => cache.store!.list(match, cursor, PAGE));
        cursor = listing.cursor;
        const page = [...new Set(listing.keys.map(({ key }) => key).filter(isNew))];
        for (const key of page) seen.add(key);
        yield page;
      } while (cursor !== undefined);
    }
    yield* pagesOf([...changed()].filter(isNew), seen);
  } finally {
    gates.socket.leave();
  }
}

/** Yields the changed keys that the interest covers, in pages. */
export function* changedKeys(changed: ReadonlySet<string>, interest: Interest): Generator<string[]> {
  const named = new Set(interest.keys);
  const covers = coverage(interest);
  const keys = [...changed].filter((key) => named.has(key) || covers(key));
  while (keys.length > 0) yield keys.splice(0, PAGE);
}

function* pagesOf(keys: string[], seen: Set<string>): Generator<string[]> {
  for (const key of keys) seen.add(key);
  while (keys.length > 0) yield keys.splice(-PAGE);
}

async function keysInL1(cache: TwoLevel, isNew: (key: string) => boolean): Promise<string[]> {
  const found = new Set<string>();
  let visited = 0;
  for (const { key } of cache.memory!.entries()) {
    if (++visited % VISITED === 0) await turns.next();
    if (isNew(key)) found.add(key);
  }
  return [...found];
}

/** The scans of Redis that find all keys of the types and prefixes. */
function scansOf({ types, prefixes }: Interest): Match[] {
  const matches = [
    ...[...new Set(types)].map((type): Match => ({ type })),
    ...[...new Set(prefixes)].map((prefix): Match => ({ pattern: `${literally(prefix)}*` })),
  ];
  if (matches.length <= MOST_SCANS) return matches;
  const heads = [...prefixes, ...types.map((type) => (TYPES[type] === 'other' ? '' : `${TYPES[type]}:`))];
  return [{ pattern: `${literally(commonHead(heads))}*` }];
}

function commonHead(texts: readonly string[]): string {
  let head = texts[0]!;
  for (const text of texts) while (!text.startsWith(head)) head = head.slice(0, -1);
  // Half a surrogate pair would match no bytes of UTF-8.
  return head.isWellFormed() ? head : head.slice(0, -1);
}
