import type { Encoded } from './codec.ts';
import { event } from './event-codec.ts';
import type { Transport } from './transport.ts';

/** An answer that HTTP sends in pieces. */
export interface StreamedBody {
  /** Returns false if the socket has not taken all earlier pieces. The pieces then wait. */
  write(piece: Encoded): boolean;
  cork(act: () => void): void;
  /** Bytes that wait since a write returned false. */
  readonly unread: number;
  /** Ends the answer after what was written. */
  end(): void;
  /** Ends the connection, without what waits. */
  close(): void;
}

/** A line that clients ignore. */
const COMMENT = ':\n';

/** An event stream (server-sent events) as the connection of a consumer. */
export class EventStream implements Transport {
  readonly #body: StreamedBody;

  constructor(body: StreamedBody) {
    this.#body = body;
  }

  send(frame: Encoded): number {
    return this.#body.write(frame) ? 1 : 0;
  }

  cork(act: () => void): void {
    this.#body.cork(act);
  }

  getBufferedAmount(): number {
    return this.#body.unread;
  }

  /** Shows that the connection is in use, unless the client does not read. */
  comment(): void {
    if (this.#body.unread === 0) this.#body.write(COMMENT);
  }

  /** A client that does not read would not read the reason either. */
  end(code: number, reason: string): void {
    if (this.#body.unread > 0) return this.#body.close();
    this.#body.write(event('close', JSON.stringify({ event: 'close', code, reason })));
    this.#body.end();
  }
}
