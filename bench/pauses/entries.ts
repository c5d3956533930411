/** The entries of a large L1, made as the service makes them: from bytes, so that every string is its own. */
import { type Encoding, Entry, keep } from '../../src/cache/entry.ts';
import { VersionClock } from '../../src/cache/version.ts';
import { jsonToMsgpack } from '../../src/codec/json-to-msgpack.ts';
import { headOf } from '../../src/http/head.ts';
import { pack, unpack } from '../../src/redis/envelope.ts';
import { LIFE_MS } from '../support/cache.ts';
import type { Origin } from './figures.ts';

const FILLER = 'x'.repeat(150);
const LIMITS = { compressionThresholdBytes: 4096, maxValueBytes: 1024 * 1024 };

/** Once nobody has asked for this long, a sweep drops the header lines. */
export const IDLE_MS = 11_000;

export const ORIGINS: readonly Origin[] = ['read', 'written', 'standalone'];
export const ENCODINGS: readonly Encoding[] = ['json', 'msgpack'];

/** The key of the i-th entry, as it comes from a socket: V8 keeps a concatenation as its parts until it is read. */
export function keyOf(i: number): string {
  return Buffer.from(`borrow_rate:S${i}`).toString('latin1');
}

/** What makes the i-th entry at `now`, in milliseconds since the epoch. */
export function entryMaker(origin: Origin, encoding: Encoding): (i: number, now: number) => Entry {
  const versions = new VersionClock('be4c4000');
  return (i, now) => {
    const key = keyOf(i);
    const json = `{"ticker":"S${i}","rate":0.0525,"filler":"${FILLER}"}`;
    const bytes = encoding === 'json' ? Buffer.from(json) : jsonToMsgpack(json);
    const value = { encoding, body: keep(encoding, bytes) };
    const version = versions.next();
    const expiresAt = now + LIFE_MS;
    switch (origin) {
      case 'standalone':
        return new Entry(key, value, version, now, expiresAt);
      case 'written':
        // Redis answers with the version that it holds now.
        return new Entry(key, value, Buffer.from(version, 'hex').toString('hex'), now, expiresAt);
      case 'read':
        return unpack(key, pack(value, version, now, expiresAt, LIMITS), LIMITS)!;
    }
  };
}

const sent = Buffer.alloc(1024);

/** Prepares the header lines of an answer, and reads them as sending does, which makes one string of their parts. */
export function answer(entry: Entry, now: number): void {
  sent.write(headOf(entry, now), 'latin1');
}
