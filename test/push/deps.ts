/** What tests of `src/push` build with. */
import { Entry, type Value } from '../../src/cache/entry.ts';
import { Counters } from '../../src/metrics/counters.ts';
import type { Codec } from '../../src/push/codec.ts';
import { Consumer, type ConsumerLimits } from '../../src/push/consumer.ts';
import { jsonCodec } from '../../src/push/json-codec.ts';
import type { WebSocket } from '../../src/uws.ts';
import { json, NOW, TYPE_TTL_MS } from '../support/replica.ts';

/** The version with this number, for reading and for comparing. */
export const versionOf = (number: number) => `${number.toString(16).padStart(16, '0')}0000000a`;

export function entryOf(key: string, number: number, value: Value = json(String(number))): Entry {
  return new Entry(key, value, versionOf(number), NOW, NOW + TYPE_TTL_MS);
}

/**
 * A socket as uWS has it, whose peer reads or does not: while `blocked`, all that is sent stays in its buffer.
 */
export class FakeSocket {
  /** Every frame that was sent, decoded if it is text. */
  // biome-ignore lint/suspicious/noExplicitAny: what a test looks into, it asserts
  readonly sent: any[] = [];
  /** As they were given to `send`. */
  readonly frames: (string | Uint8Array)[] = [];
  ended: { code: number; reason: string } | undefined;
  blocked = false;
  buffered = 0;
  onEnd: (() => void) | undefined;

  get endCode(): number | undefined {
    return this.ended?.code;
  }

  getBufferedAmount(): number {
    return this.buffered;
  }

  send(frame: string | Uint8Array): number {
    if (this.ended) throw new Error('sent to a socket that has ended');
    this.frames.push(frame);
    this.sent.push(isJson(frame) ? JSON.parse(frame.toString()) : frame);
    if (!this.blocked) return 1;
    this.buffered += frame.length;
    return 0;
  }

  cork(act: () => void): void {
    if (this.ended) throw new Error('corked a socket that has ended');
    act();
  }

  end(code: number, reason: string): void {
    this.ended = { code, reason };
    this.onEnd?.();
  }
}

export const LIMITS: ConsumerLimits = { maxPendingKeys: 1000, stallMs: 30_000 };

/** A consumer with its socket in the test's hands. */
export function consumerOf({ codec = jsonCodec, limits = {} }: Partial<ConsumerDeps> = {}) {
  const socket = new FakeSocket();
  const counters = new Counters();
  const consumer = new Consumer(
    socket as unknown as WebSocket<unknown>,
    codec,
    { ...LIMITS, ...limits },
    counters,
  );
  socket.onEnd = () => consumer.onClose();
  /** The peer reads again, and all of it at once. */
  const drain = (now = performance.now()) => {
    socket.blocked = false;
    socket.buffered = 0;
    consumer.onDrain(now);
  };
  return { consumer, socket, counters, drain };
}

interface ConsumerDeps {
  readonly codec: Codec;
  readonly limits: Partial<ConsumerLimits>;
}

const OPENING_BRACE = 0x7b;

/** A pushed frame is bytes in either subprotocol. */
function isJson(frame: string | Uint8Array): boolean {
  return typeof frame === 'string' || (Buffer.isBuffer(frame) && frame[0] === OPENING_BRACE);
}
