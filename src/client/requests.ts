import { type Codec, encodedWith } from './codec.ts';
import { RatecacheError } from './errors.ts';
import { type Answer, errorOf, type Request } from './protocol.ts';
import { limit } from './wait.ts';

/** The service rejects more than 1,024 open requests of a socket. */
const MAX_OPEN = 1000;

export interface Call {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /**
   * Whether the request changes a value. With an idempotency key, it is sent again if its connection is lost. If no
   * answer arrives, it fails with `write_unknown`.
   */
  readonly writes?: boolean;
  /** Receives every part of an answer in parts. */
  readonly onPart?: (answer: Answer) => void;
  /** Whether it is sent although the limit of open requests is reached. */
  readonly isUrgent?: boolean;
}

export type Send = (frame: string | Uint8Array) => void;

interface Open extends Call {
  readonly frame: string | Uint8Array;
  /** Whether it has an idempotency key, so that it can be repeated. */
  readonly repeats: boolean;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: RatecacheError) => void;
  sent: boolean;
  /** Whether it was sent on a connection that was lost. */
  isRepeated: boolean;
  stop: () => void;
}

/**
 * The open requests of a client, by id. A request that is made without a connection waits for one, until its deadline.
 * When the connection is lost, a write with an idempotency key is sent again on the next one. Other requests that were
 * sent fail with `disconnected`.
 */
export class Requests {
  readonly #codec: Codec;
  readonly #open = new Map<number, Open>();
  #lastId = 0;
  #send: Send | undefined;
  /** What every request fails with since the client was closed. */
  #closed: RatecacheError | undefined;
  /** Called whenever a request ends. */
  onRoom: () => void = () => {};

  constructor(codec: Codec) {
    this.#codec = codec;
  }

  get size(): number {
    return this.#open.size;
  }

  get isFull(): boolean {
    return this.#open.size >= MAX_OPEN;
  }

  /** Reserves an id. A subscription is known by the id of its request. */
  nextId(): number {
    return ++this.#lastId;
  }

  /**
   * Sends a request, and resolves with its answer; for an answer in parts, with the last one.
   * @param via sends it before the waiting requests
   */
  send(request: Request, call: Call, id = this.nextId(), via = this.#send): Promise<Answer> {
    return new Promise((resolve, reject) => {
      // It would wait for a connection until its deadline, and keep the process running.
      if (this.#closed !== undefined) return reject(this.#closed);
      if (this.isFull && call.isUrgent !== true)
        return reject(new RatecacheError('too_many_requests', `at most ${MAX_OPEN} requests may be open`));
      const open: Open = {
        ...call,
        // An exception here is the error of this request alone. While others are sent it would stop them.
        frame: encodedWith(this.#codec, { id, ...request }),
        repeats: request.idempotencyKey !== undefined,
        resolve,
        reject,
        sent: false,
        isRepeated: false,
        stop: () => {},
      };
      this.#open.set(id, open);
      open.stop = limit(call.timeoutMs, call.signal, (error) => this.#fail(id, open, error));
      if (via !== undefined && this.#open.has(id)) sendOne(open, via);
    });
  }

  onAnswer(answer: Answer): void {
    const id = Number(answer.id);
    const open = this.#open.get(id);
    if (open === undefined) return;
    if (answer.ok) open.onPart?.(answer);
    if (answer.ok && answer.more === true) return;
    this.#remove(id, open);
    if (answer.ok) return open.resolve(answer);
    const error = errorOf(answer);
    open.reject(open.isRepeated && !isSettled(error) ? unknownOutcome(error) : error);
  }

  /** A connection is up: sends the waiting requests. */
  connected(send: Send): void {
    this.#send = send;
    for (const open of this.#open.values()) if (!open.sent) sendOne(open, send);
  }

  disconnected(): void {
    this.#send = undefined;
    const lost = new RatecacheError('disconnected', 'the connection was lost before the answer');
    for (const [id, open] of [...this.#open]) {
      if (!open.sent) continue;
      if (open.repeats) {
        open.sent = false;
        open.isRepeated = true;
      } else this.#fail(id, open, lost);
    }
  }

  /** Ends all requests, and refuses later ones. */
  close(error: RatecacheError): void {
    this.#send = undefined;
    this.#closed = error;
    for (const [id, open] of [...this.#open]) this.#fail(id, open, error);
  }

  #fail(id: number, open: Open, error: RatecacheError): void {
    this.#remove(id, open);
    const unknown = open.writes === true && (open.sent || open.isRepeated);
    open.reject(unknown ? unknownOutcome(error) : error);
  }

  #remove(id: number, open: Open): void {
    open.stop();
    this.#open.delete(id);
    this.onRoom();
  }
}

function sendOne(open: Open, send: Send): void {
  open.sent = true;
  send(open.frame);
}

/** Whether this answer to the repetition of a write says what became of the first attempt. */
export function isSettled({ code }: RatecacheError): boolean {
  return code === 'precondition_failed' || code === 'write_unknown';
}

/** The write was sent, and its answer will not come. */
export function unknownOutcome(cause: RatecacheError): RatecacheError {
  const message = `the write was sent, and its outcome is unknown (${cause.message}); read the key before you write again`;
  return new RatecacheError('write_unknown', message, { cause });
}
