import type { Encoding, Entry } from '../cache/entry.ts';
import { hitStatus } from './cache-status.ts';
import { type Headers, JSON_TYPE, linesOf, MSGPACK_TYPE } from './exchange.ts';

/**
 * An L1 hit writes all its header lines as the *value* of one header, `ETag`: uWS writes a value unchanged, including
 * line ends, and one call costs the same for one line or five. No line contains bytes from a client. `Age` and `ttl`
 * change once a second, so the lines are built at most once a second and stored in the entry.
 */
export const HEAD_NAME = 'ETag';

/** The header lines for the entry as JSON. @param now in milliseconds */
export function headOf(entry: Entry, now: number): string {
  const second = Math.floor(now / 1000);
  const { head } = entry;
  if (head !== undefined && head.second === second) return head.lines;
  const status = hitStatus(Math.floor((entry.freshUntil - now) / 1000));
  const lines = linesOf(describe(entry, 'json', status, now));
  entry.head = { second, lines };
  return lines;
}

/** The header lines of any answer with an entry; the first is `ETag`. */
export function describe(entry: Entry, encoding: Encoding, cacheStatus: string, now: number): Headers {
  return [
    [HEAD_NAME, `"${entry.version}"`],
    ['Age', String(Math.max(0, Math.floor((now - entry.storedAt) / 1000)))],
    ['Cache-Control', `max-age=${Math.max(0, Math.floor((entry.expiresAt - entry.storedAt) / 1000))}`],
    ['Cache-Status', cacheStatus],
    ['Content-Type', encoding === 'json' ? JSON_TYPE : MSGPACK_TYPE],
    ['Vary', 'Accept'],
  ];
}
