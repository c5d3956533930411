import type { Encoding, Entry } from '../cache/entry.ts';
import { hitStatus } from './cache-status.ts';
import { type Headers, JSON_TYPE, linesOf, MSGPACK_TYPE } from './exchange.ts';

/**
 * The header lines of an L1 hit as the *value* of one header, `ETag`: uWS writes a value as it is, line ends
 * included, and one call that writes five lines costs what one line costs. Nothing in here comes from a
 * client. `Age` and `ttl` change once a second, so the lines are made once a second and kept in the entry.
 */
export const HEAD_NAME = 'ETag';

/** The lines for this entry as JSON at `now` (ms), prepared or made. */
export function headOf(entry: Entry, now: number): string {
  const second = Math.floor(now / 1000);
  const { head } = entry;
  if (head !== undefined && head.second === second) return head.lines;
  const status = hitStatus(Math.floor((entry.freshUntil - now) / 1000));
  const lines = linesOf(describe(entry, 'json', status, now));
  entry.head = { second, lines };
  return lines;
}

/** The header lines of any answer that carries an entry; the first is `ETag`. */
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
