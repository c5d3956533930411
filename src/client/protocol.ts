/** The frames of `docs/websocket.md`, as far as the client uses them. */
import { RatecacheError } from './errors.ts';

/** What the service knows about the coherence of its L1. */
export type Coherence = 'coherent' | 'degraded' | 'blind' | 'off';

/** A request without its `id`. */
export interface Request {
  readonly op: string;
  readonly [member: string]: unknown;
}

/** One key of an answer to `get`, `mget` or `subscribe`. */
export interface Item {
  readonly key: string;
  /** Absent in snapshots. */
  readonly status?: 'hit' | 'miss' | 'error';
  readonly value?: unknown;
  readonly version?: string;
  /** When the data is from, in ms since 1970. */
  readonly asOf?: number;
  /** Who supplied the data. */
  readonly source?: string;
  /** Absent for a good value. */
  readonly quality?: 'suspect' | 'halted';
  /** Why the value is not good. */
  readonly qualityReason?: string;
  /** The key whose value takes the place of the requested one. */
  readonly fallback?: string;
  /** Seconds until the value expires. */
  readonly ttl?: number;
  readonly code?: string;
  readonly detail?: string;
  /** For `terms_not_met`: how old the data is, in seconds. */
  readonly age?: number;
}

export interface Answer extends Partial<Omit<Item, 'status'>> {
  readonly status?: string;
  readonly warning?: string;
  readonly id: number | string | null;
  readonly ok: boolean;
  readonly coherence?: Coherence;
  readonly results?: readonly Item[];
  readonly snapshot?: readonly Item[];
  readonly more?: boolean;
  /** Whether the snapshot has only what changed since a position. */
  readonly resumed?: boolean;
  readonly field?: string;
  readonly retryAfterMs?: number;
}

export interface UpdateEvent {
  readonly event: 'update';
  readonly key: string;
  readonly version: string;
  readonly asOf?: number;
  readonly source?: string;
  readonly ttl: number;
  readonly value: unknown;
  /** Absent for a good value. */
  readonly quality?: 'suspect' | 'halted';
  /** Why the value is not good. */
  readonly qualityReason?: string;
  readonly merged?: number;
  /** Set if the value is pending: Redis does not have it yet. */
  readonly code?: string;
}

export interface InvalidateEvent {
  readonly event: 'invalidate';
  readonly key?: string;
  readonly type?: string;
  readonly pattern?: string;
  readonly reason: string;
  /** Absent for a good value. */
  readonly quality?: 'suspect' | 'halted';
  /** Why the value is not good. */
  readonly qualityReason?: string;
  readonly merged?: number;
}

export interface ResetEvent {
  readonly event: 'reset';
  readonly reason: 'degraded' | 'blind' | 'rearmed' | 'flush';
}

export interface HeartbeatEvent {
  readonly event: 'heartbeat';
  readonly coherence: Coherence;
  /** The time of the service, in ms since the epoch. */
  readonly time: number;
  readonly epoch: string;
  readonly offset: number;
}

/** How far this client has received the changes of one process of the service. */
export type Position = Pick<HeartbeatEvent, 'epoch' | 'offset'>;

export type PushEvent = UpdateEvent | InvalidateEvent | ResetEvent | HeartbeatEvent;

export type Message = Answer | PushEvent;

export function isEvent(message: Message): message is PushEvent {
  return 'event' in message;
}

/** The error of an answer or item that is not `ok`. */
export function errorOf({
  code = 'internal',
  detail,
  field,
  retryAfterMs,
  age,
}: Partial<Answer>): RatecacheError {
  const ageMs = age === undefined ? undefined : age * 1000;
  return new RatecacheError(code, detail ?? code, { field, retryAfterMs, ageMs });
}

const MS_DIGITS = 12;
const FOREIGN = '0'.repeat(16);

/** When a version was stamped, in ms since the epoch; undefined for a value that another program wrote. */
export function stampOf(version: string): number | undefined {
  return version.startsWith(FOREIGN) ? undefined : Number.parseInt(version.slice(0, MS_DIGITS), 16);
}

/** The part of a key before the first `:`; `other` for a type that the service does not know. */
export function typeOf(key: string): string {
  const type = key.slice(0, Math.max(0, key.indexOf(':')));
  return TYPES.has(type) ? type : 'other';
}

const TYPES: ReadonlySet<string> = new Set([
  'borrow_rate',
  'volatility',
  'event_risk',
  'broker_config',
  'calculation',
  'min_rate',
]);
