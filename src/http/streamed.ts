import type { HttpResponse } from '../uws.ts';
import { CORK_BUFFER_BYTES, type Exchange, type Headers, headText } from './exchange.ts';

/** The most that one write leaves in the buffer of a cork: uWS adds a length and two line ends. */
const MOST_BYTES = CORK_BUFFER_BYTES - 32;

export interface StreamListener {
  /** The socket has taken some of what waits, perhaps all. */
  readonly onDrain: () => void;
  /** The answer has ended, or the client has disconnected. Called once. */
  readonly onClose: () => void;
}

/**
 * An answer that is sent in pieces, for as long as the client stays.
 *
 * What does not fit into the buffer of a cork is lost if the socket is full: uWS keeps only what the buffer has. So every
 * write has its own cork, and fits into it.
 *
 * uWS copies what a socket does not take. Inside a cork it reports this only at the next write, which first sends what was
 * copied. So one piece may be copied before a write returns false.
 */
export class StreamedAnswer {
  readonly #res: HttpResponse;
  readonly #exchange: Exchange;
  readonly #headers: Headers;
  readonly #filler: string;
  #listener: StreamListener | undefined;
  #unread = 0;
  /** What waits for the end of `cork`. */
  #gathered: string | undefined;
  #ended = false;
  /** Whether uWS has closed the connection: it throws when its response is used then. */
  #gone = false;

  /** @param filler a piece that clients ignore */
  constructor(res: HttpResponse, exchange: Exchange, headers: Headers, filler: string) {
    this.#res = res;
    this.#exchange = exchange;
    this.#headers = headers;
    this.#filler = filler;
  }

  /** Sends the head and the first piece. Until then, the exchange may send another answer. */
  start(piece: string, listener: StreamListener): void {
    const res = this.#res;
    this.#listener = listener;
    this.#exchange.handOver(200);
    res.onAborted(() => {
      this.#gone = true;
      this.#finish();
    });
    res.onWritable(() => {
      if (this.#ended) return true;
      // Not every addon sends its copy without a write.
      const taken = this.write(this.#filler);
      this.#listener!.onDrain();
      return taken;
    });
    res.cork(() => {
      res.writeStatus(headText(200, this.#headers));
      res.write(piece);
    });
  }

  /** Returns false if the socket has not taken all earlier pieces. */
  write(piece: string | Buffer): boolean {
    if (this.#ended) return true;
    if (this.#gathered === undefined) return this.#send(piece);
    const text = piece.toString();
    const fits = Buffer.byteLength(this.#gathered) + Buffer.byteLength(text) <= MOST_BYTES;
    const taken = fits || this.#flush();
    this.#gathered += text;
    return taken;
  }

  /** Sends what `act` writes in as few pieces as fit. */
  cork(act: () => void): void {
    if (this.#ended || this.#gathered !== undefined) return act();
    this.#gathered = '';
    try {
      act();
    } finally {
      this.#flush();
      this.#gathered = undefined;
    }
  }

  /** Bytes that wait since a write returned false. */
  get unread(): number {
    return this.#unread;
  }

  /** Ends the answer after what was written. */
  end(): void {
    if (this.#ended) return;
    // uWS would write the header `Connection` into the body, so it cannot close the connection together with the answer.
    if (this.#exchange.isLast) return this.close();
    this.#flush();
    this.#finish();
    this.#res.cork(() => this.#res.end());
  }

  /** Closes the connection in a later turn, because a callback of the connection may be running. */
  close(): void {
    this.#finish();
    setImmediate(() => {
      if (!this.#gone) this.#res.close();
    });
  }

  /** Returns whether the socket has taken all earlier pieces. */
  #flush(): boolean {
    const text = this.#gathered;
    if (this.#ended || text === undefined || text === '') return true;
    this.#gathered = '';
    return this.#send(text);
  }

  #send(piece: string | Buffer): boolean {
    if (Buffer.byteLength(piece) <= MOST_BYTES) return this.#sendPart(piece);
    const bytes = Buffer.from(piece as string);
    let taken = true;
    for (let at = 0; at < bytes.length; at += MOST_BYTES)
      taken = this.#sendPart(bytes.subarray(at, at + MOST_BYTES));
    return taken;
  }

  #sendPart(part: string | Buffer): boolean {
    let taken = true;
    this.#res.cork(() => {
      taken = this.#res.write(part as string);
    });
    this.#unread = taken ? 0 : this.#unread + part.length;
    return taken;
  }

  #finish(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#unread = 0;
    this.#listener!.onClose();
  }
}
