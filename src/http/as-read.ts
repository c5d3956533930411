import type { Body } from '../cache/entry.ts';
import type { HttpResponse } from '../uws.ts';

/** Answers from this size on are always sent as they are read. */
export const LARGE_BYTES = 16 * 1024;

/**
 * Ends an answer with its body and sends what the socket takes. The rest waits as a reference, not as a copy, until the
 * socket takes more. A client that does not read costs no more than that: uWS closes its connection when it sends
 * the next request. `end` would keep copies of all answers that the client does not read.
 * @param done called when all is sent; not called when the client goes away, which the caller must listen for
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

/**
 * Sends an answer as the client reads it. uWS does not see its end, so it closes the connection when it reads another
 * request.
 * @param head the status and the header lines, except the length
 * @param body at least two bytes
 * @param done called when the socket has taken all; the caller closes the connection then
 * @returns whether the socket took all at once
 */
export function sendWithoutEnd(res: HttpResponse, head: string, body: Body, done: () => void): boolean {
  const bytes = Buffer.from(body as string);
  // uWS announces the length of the first call, and ends the response at the length of the last one.
  const send = (offset: number) => {
    const [taken] = res.tryEnd(bytes.subarray(offset), bytes.length + 1);
    if (taken) done();
    return taken;
  };
  res.writeStatus(head);
  // Not an empty part: the newer addon ends the response after it.
  const [begun] = res.tryEnd(bytes.subarray(0, 1), bytes.length);
  if (begun && send(1)) return true;
  res.onWritable(send);
  return false;
}
