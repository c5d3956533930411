/** Builders for the tests of `src/push`. */

import { Audit } from '../../src/access/audit.ts';
import { RateLimits } from '../../src/access/rate-limit.ts';
import { Entry, type Value } from '../../src/cache/entry.ts';
import type { Origin } from '../../src/cache/origin.ts';
import type { AnswerLimit } from '../../src/cache/results.ts';
import { createLog } from '../../src/log.ts';
import { Counters } from '../../src/metrics/counters.ts';
import type { Codec } from '../../src/push/codec.ts';
import { Consumer, type ConsumerLimits } from '../../src/push/consumer.ts';
import type { RequestLimits } from '../../src/push/deps.ts';
import { jsonCodec } from '../../src/push/json-codec.ts';
import type { Owner } from '../../src/push/owner.ts';
import type { WebSocket } from '../../src/uws.ts';
import { json, NOW, TYPE_TTL_MS } from '../support/replica.ts';

/** The version with this number. */
export const versionOf = (number: number) => `${number.toString(16).padStart(16, '0')}0000000a`;

export function entryOf(
  key: string,
  number: number,
  value: Value = json(String(number)),
  origin?: Origin,
): Entry {
  return new Entry(key, value, versionOf(number), NOW, NOW + TYPE_TTL_MS, origin);
}

/** A socket like a socket of uWS. While it is `blocked`, the peer reads nothing, and sent frames stay in the buffer. */
export class FakeSocket {
  /** Every frame that was sent, decoded if it is text. */
  // biome-ignore lint/suspicious/noExplicitAny: a test asserts the shape of the frames that it reads
  readonly sent: any[] = [];
  /** Every frame as passed to `send`. */
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
    if (this.ended) throw new Error('sent to a closed socket');
    this.frames.push(frame);
    this.sent.push(isJson(frame) ? JSON.parse(frame.toString()) : frame);
    if (!this.blocked) return 1;
    this.buffered += frame.length;
    return 0;
  }

  cork(act: () => void): void {
    if (this.ended) throw new Error('corked a closed socket');
    act();
  }

  end(code: number, reason: string): void {
    this.ended = { code, reason };
    this.onEnd?.();
  }
}

export const NOBODY: Owner = {
  principal: undefined,
  address: '127.0.0.1',
  network: '127.0.0.1',
  requestId: undefined,
  since: 0,
};

/** The access of a service without tokens. */
export const OPEN = {
  authenticator: undefined,
  audit: new Audit(createLog('silent'), { writes: false }),
  rates: new RateLimits({}, new Counters()),
};

export const UNLIMITED: AnswerLimit = { maxBytes: Number.POSITIVE_INFINITY, onRefused: () => {} };

export const LIMITS: ConsumerLimits = { maxPendingKeys: 1000, stallMs: 30_000 };

export const REQUEST_LIMITS: RequestLimits = {
  maxKeyBytes: 512,
  maxValueBytes: 1 << 20,
  maxBatchKeys: 1000,
  maxAnswerBytes: 1 << 20,
  maxSubscriptions: 10,
  maxNames: 1000,
  maxNameBytes: 1 << 20,
  maxTotalNames: 1000,
  maxTotalNameBytes: 1 << 20,
};

/** A consumer whose socket the test controls. */
export function consumerOf({ codec = jsonCodec, limits = {}, owner = NOBODY }: Partial<ConsumerDeps> = {}) {
  const socket = new FakeSocket();
  const counters = new Counters();
  const clock = { now: NOW };
  const consumer = new Consumer(
    socket as unknown as WebSocket<unknown>,
    codec,
    owner,
    { ...LIMITS, ...limits },
    counters,
    clock,
  );
  socket.onEnd = () => consumer.onClose();
  /** The peer reads the whole buffer. */
  const drain = (now = performance.now()) => {
    socket.blocked = false;
    socket.buffered = 0;
    consumer.onDrain(now);
  };
  return { consumer, socket, counters, clock, drain };
}

interface ConsumerDeps {
  readonly codec: Codec;
  readonly owner: Owner;
  readonly limits: Partial<ConsumerLimits>;
}

const OPENING_BRACE = 0x7b;

/** Whether the frame is JSON. A pushed frame is bytes in both subprotocols. */
function isJson(frame: string | Uint8Array): boolean {
  return typeof frame === 'string' || (Buffer.isBuffer(frame) && frame[0] === OPENING_BRACE);
}
