import type { Socket } from 'node:net';
import { type Address, dial, readyEvent } from '../support/dial.ts';
import type { Prepared } from '../traffic/prepared.ts';
import { type Answer, hitsIn, type Lane, RECONNECT_MS } from './lane.ts';

const END_OF_HEAD = Buffer.from('\r\n\r\n');
const EMPTY = Buffer.alloc(0);
const CLOSES = /\r\nconnection: *close/i;
const TRANSFER_ENCODING = /\r\ntransfer-encoding:/i;
/** Statuses whose answers have no body, also without Content-Length. */
const BODILESS: readonly string[] = ['204', '304'];

/**
 * HTTP/1.1 with keep-alive on a bare socket. Parses only what this service sends: answers with Content-Length. The end of
 * any other answer is unknown, so its status names the fault (`200 chunked`), and the lane connects again.
 */
export class HttpLane implements Lane {
  onReady = () => {};
  onAnswer = (_answer: Answer) => {};
  onBroken = () => {};
  readonly #address: Address;
  #socket: Socket | undefined;
  #request: Prepared | undefined;
  #closed = false;
  /** `reset` closed the connection, so its end is not reported. */
  #dropped = false;
  /** The server closes the connection after this answer. */
  #closes = false;
  /** Received part of the current answer: the head, and the body if its items are counted. */
  #received: Buffer = EMPTY;
  #status = '';
  /** Bytes of the body still to receive; -1 until the head is complete. */
  #missing = -1;

  constructor(address: Address) {
    this.#address = address;
    this.#connect();
  }

  send(request: Prepared): void {
    this.#request = request;
    this.#socket!.write(request.bytes);
  }

  reset(): void {
    this.#dropped = true;
    this.#request = undefined;
    this.#socket?.destroy();
  }

  close(): void {
    this.#closed = true;
    this.#socket?.destroy();
  }

  #connect(): void {
    if (this.#closed) return;
    const socket = dial(this.#address);
    this.#socket = socket;
    this.#received = EMPTY;
    this.#missing = -1;
    this.#dropped = false;
    socket.on(readyEvent(this.#address), () => this.onReady());
    socket.on('data', (data) => this.#onData(data));
    socket.on('error', () => {});
    socket.on('close', () => {
      if (this.#closed || socket !== this.#socket) return;
      this.#request = undefined;
      if (!this.#dropped) this.onBroken();
      setTimeout(() => this.#connect(), RECONNECT_MS);
    });
  }

  #onData(data: Buffer): void {
    if (this.#missing >= 0) return this.#onBody(data);
    const all = this.#received.length === 0 ? data : Buffer.concat([this.#received, data]);
    const end = all.indexOf(END_OF_HEAD);
    if (end === -1) {
      this.#received = Buffer.from(all);
      return;
    }
    const head = all.toString('latin1', 0, end);
    this.#status = head.slice(9, 12);
    this.#missing = contentLength(head);
    this.#closes = CLOSES.test(head);
    this.#received = EMPTY;
    if (this.#missing === -1 && !BODILESS.includes(this.#status)) return this.#endless(head);
    this.#missing = Math.max(0, this.#missing);
    this.#onBody(all.subarray(end + END_OF_HEAD.length));
  }

  /** Ends the request with an error status: nobody knows where the next answer would begin. */
  #endless(head: string): void {
    const request = this.#request;
    const fault = TRANSFER_ENCODING.test(head) ? 'chunked' : 'without a length';
    this.#reconnect();
    if (request !== undefined)
      this.onAnswer({ status: `${this.#status} ${fault}`, hits: 0, misses: 0, last: true });
  }

  /** At once: the service has just answered, so a pause would only delay the next requests. */
  #reconnect(): void {
    this.#request = undefined;
    this.#socket!.destroy();
    this.#connect();
  }

  #onBody(data: Buffer): void {
    this.#missing -= data.length;
    const whole = this.#missing <= 0;
    if (this.#request?.hits === 'items') {
      this.#received = whole && this.#received.length === 0 ? data : Buffer.concat([this.#received, data]);
    }
    if (!whole) return;
    const body = this.#received;
    const request = this.#request;
    this.#received = EMPTY;
    this.#missing = -1;
    this.#request = undefined;
    if (this.#closes) this.#reconnect();
    if (request === undefined) return;
    const answer = answerOf(request, this.#status, body);
    this.onAnswer(this.#closes ? { ...answer, last: true } : answer);
  }
}

/** -1 if the head does not have it. */
function contentLength(head: string): number {
  const at = head.search(/\r\ncontent-length:/i);
  return at === -1 ? -1 : Number.parseInt(head.slice(at + '\r\ncontent-length:'.length), 10);
}

function answerOf({ hits: where, keys }: Prepared, status: string, body: Buffer): Answer {
  if (where === 'none' || (status !== '200' && status !== '404')) return { status, hits: 0, misses: 0 };
  const hits = where === 'items' ? hitsIn(body, keys) : status === '200' ? 1 : 0;
  return { status, hits, misses: keys - hits };
}
