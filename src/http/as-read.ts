import type { Body } from '../cache/entry.ts';
import type { HttpResponse } from '../uws.ts';

/** Larger answers are always sent as they are read. */
export const LARGE_BYTES = 16 * 1024;

/**
 * Ends an answer with its body, of which the client is sent what it takes: what is left waits where it is, in no copy,
 * until there is room. So a client that does not read costs a reference, and uWS closes the connection of one that asks
 * for more meanwhile, where `end` would keep copies of all answers that nobody takes.
 * @param done called when all is sent; not when the client goes away, so the caller listens for that
 * @returns whether all is sent already
 */
export function endAsRead(res: HttpResponse, body: Body, done: () => void): boolean {
  const total = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
  const [, sent] = res.tryEnd(body, total);
  if (sent) return true;
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  res.onWritable((offset) => {
    const [ok, sent] = res.tryEnd(bytes.subarray(offset), total);
    if (sent) done();
    return ok;
  });
  return false;
}
