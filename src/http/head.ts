import type { Entry } from '../cache/entry.ts';
import { hitStatus } from './cache-status.ts';
import { etagOf, type Form } from './etag.ts';
import { type Headers, headText } from './exchange.ts';
import { COMPRESSIBLE_BYTES } from './gzip.ts';
import { mediaTypeOf } from './negotiate.ts';
import { originHeaders } from './origin.ts';

/** How long HTTP caches may use an answer: `none` makes them ask each time, `ttl` allows the lifetime of the value. */
export type MaxAge = 'none' | 'ttl';

const PLAIN_JSON: Form = { encoding: 'json', gzipped: false };

/**
 * The status and all header lines of an L1 hit with JSON, for `writeStatus`. No line contains bytes from a client. `Age` and
 * `ttl` change once a second, so the text is built at most once a second and stored in the entry.
 * @param bytes the size of the value
 * @param now in milliseconds
 */
export function headOf(entry: Entry, bytes: number, maxAge: MaxAge, now: number): string {
  const second = Math.floor(now / 1000);
  const { head } = entry;
  if (head !== undefined && head.second === second) return head.lines;
  const status = hitStatus(Math.floor((entry.freshUntil - now) / 1000));
  const lines = headText(200, describe(entry, PLAIN_JSON, bytes, maxAge, status, now));
  entry.head = { second, lines };
  return lines;
}

/**
 * The header lines of any answer with an entry, except `Content-Encoding`. By default no HTTP cache may use the answer
 * without a question to the service: it would not notice an invalidation.
 * @param bytes the size of the value, before compression
 * @param now in milliseconds
 */
export function describe(
  entry: Entry,
  form: Form,
  bytes: number,
  maxAge: MaxAge,
  cacheStatus: string,
  now: number,
): Headers {
  const { from } = entry;
  // HTTP caches subtract `Age`, so both count from the same time.
  const lifetime = Math.max(0, Math.floor((entry.expiresAt - from) / 1000));
  return [
    ['ETag', etagOf(entry.version, form.encoding, form.gzipped)],
    ['Age', String(Math.max(0, Math.floor((now - from) / 1000)))],
    ['Cache-Control', maxAge === 'ttl' ? `max-age=${lifetime}` : 'no-cache'],
    ['Cache-Status', cacheStatus],
    ['Content-Type', mediaTypeOf(form.encoding)],
    ['Vary', bytes < COMPRESSIBLE_BYTES ? 'Accept' : 'Accept, Accept-Encoding'],
    ...originHeaders(entry),
  ];
}
