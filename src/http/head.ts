import type { Encoding, Entry } from '../cache/entry.ts';
import { hitStatus } from './cache-status.ts';
import { type Headers, headText, JSON_TYPE, MSGPACK_TYPE } from './exchange.ts';

/**
 * The status and all header lines of an L1 hit with JSON, for `writeStatus`. No line contains bytes from a client. `Age` and
 * `ttl` change once a second, so the text is built at most once a second and stored in the entry.
 * @param now in milliseconds
 */
export function headOf(entry: Entry, now: number): string {
  const second = Math.floor(now / 1000);
  const { head } = entry;
  if (head !== undefined && head.second === second) return head.lines;
  const status = hitStatus(Math.floor((entry.freshUntil - now) / 1000));
  const lines = headText(200, describe(entry, 'json', status, now));
  entry.head = { second, lines };
  return lines;
}

/** The header lines of any answer with an entry. */
export function describe(entry: Entry, encoding: Encoding, cacheStatus: string, now: number): Headers {
  return [
    ['ETag', `"${entry.version}"`],
    ['Age', String(Math.max(0, Math.floor((now - entry.storedAt) / 1000)))],
    ['Cache-Control', `max-age=${Math.max(0, Math.floor((entry.expiresAt - entry.storedAt) / 1000))}`],
    ['Cache-Status', cacheStatus],
    ['Content-Type', encoding === 'json' ? JSON_TYPE : MSGPACK_TYPE],
    ['Vary', 'Accept'],
  ];
}
