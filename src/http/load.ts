import type { SlowRequests } from '../access/slow-requests.ts';
import type { TraceSpan } from '../tracing/tracing.ts';
import type { HttpResponse } from '../uws.ts';
import { CHECKED_EVERY_BYTES, CLOSED_EVERY_ANSWERS, UnreadDraw } from './unread.ts';

/** Bytes of answers that wait for their clients to read, over all connections. */
export const MOST_UNSENT_BYTES = 256 * 1024 * 1024;

/** What the requests without a complete answer use, over the whole server. */
export class Load {
  /** Requests whose answer is not complete. */
  open = 0;
  /** Bytes of bodies received and not yet used. */
  bodyBytes = 0;
  /**
   * Bytes of answers that their sockets did not take at once. Answers to L1 hits are not counted, because L1 stores
   * them anyway.
   */
  unsentBytes = 0;
  /** Undefined without SLOW_REQUEST_MS. SIGHUP may replace it. */
  slow: SlowRequests | undefined;
  /** Set at shutdown: every answer then closes its connection. */
  draining = false;
  /** How many of the next answers close their connections, so that clients connect again, perhaps to another process. */
  closing = 0;
  /** How many answers have closed their connections because of `closing`. */
  closed = 0;
  /** Responses whose connections close after them, because the end of their requests is uncertain (framing.ts). */
  readonly last = new WeakSet<HttpResponse>();
  /** The spans of sampled requests, for their `Exchange`. Undefined without traces. */
  spans: WeakMap<HttpResponse, TraceSpan> | undefined;
  /** Draws the answers that are checked: their sockets must take them whole. */
  readonly checks = new UnreadDraw(CHECKED_EVERY_BYTES);
  /** Draws the answers without a body that close their connection. */
  readonly closes = new UnreadDraw(CLOSED_EVERY_ANSWERS);

  /** Whether the answer that is about to be sent closes its connection. */
  closesNext(): boolean {
    if (this.draining) return true;
    if (this.closing === 0) return false;
    this.closing--;
    this.closed++;
    return true;
  }
}
