import type { HttpResponse } from '../uws.ts';
import { type Exchange, type Headers, headText } from './exchange.ts';

export interface StreamListener {
  /** The socket has taken some of what waits, perhaps all. */
  readonly onDrain: () => void;
  /** The answer has ended, or the client has disconnected. Called once. */
  readonly onClose: () => void;
}

/**
 * An answer that is sent in pieces, for as long as the client stays.
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
  write(piece: string | Uint8Array): boolean {
    if (this.#ended) return true;
    let taken = true;
    this.#res.cork(() => {
      taken = this.#res.write(piece as string);
    });
    this.#unread = taken ? 0 : this.#unread + piece.length;
    return taken;
  }

  cork(act: () => void): void {
    if (!this.#ended) this.#res.cork(act);
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

  #finish(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#unread = 0;
    this.#listener!.onClose();
  }
}
