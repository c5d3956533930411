import type { Encoded } from './codec.ts';

/** The connection of a consumer. A WebSocket of uWS is one, and `EventStream` is the other. */
export interface Transport {
  /** Returns 0 if bytes remain in the buffer of the connection. Inside a cork, this may become known only afterwards. */
  send(frame: Encoded, isBinary: boolean): number;
  /** Sends what `act` sends in as few pieces as possible. */
  cork(act: () => void): unknown;
  /** Bytes that the client has not read, as far as known. */
  getBufferedAmount(): number;
  /** Tells the client why the connection ends, and ends it. */
  end(code: number, reason: string): void;
}
