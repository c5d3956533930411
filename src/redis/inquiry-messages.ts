/**
 * The messages with which a replica asks all others about one key:
 *
 *   question  {"origin": "5f0c2a17", "host": "pod-1", "keys": [], "question": {"id": "…", "key": "…", "to": "…"}}
 *   answer    {"keys": [], "id": "…", "replica": {…}}
 *
 * A question is published on the invalidation channel. Both messages are also announcements without keys, which change
 * nothing, also in releases that do not know questions. Each replica answers on the channel `to` of the replica that asks.
 */
import * as v from 'valibot';
import type { KeyView } from '../cache/key-view.ts';
import { isVersion } from '../cache/version.ts';
import { keyFault } from '../key.ts';

/** A replica with its view of one key. */
export interface ReplicaView extends KeyView {
  /** The id of the process: the last eight digits of the versions that it makes. */
  readonly replica: string;
  readonly host: string;
  readonly pid: number;
  /** The number of the process; only with PROCESSES. */
  readonly process?: number | undefined;
  /** The version of ratecache. */
  readonly release: string;
  /** The latest time from a change in Redis to its invalidation in this process; absent before the first one. */
  readonly lag_ms?: number | undefined;
}

/** Who a replica is. */
export type Identity = Pick<ReplicaView, 'replica' | 'host' | 'pid' | 'process' | 'release'>;

export interface Question {
  readonly origin: string;
  readonly host: string;
  readonly id: string;
  readonly key: string;
  /** The channel of the answers. */
  readonly to: string;
}

/** Longer messages are not parsed. */
const MOST_BYTES = 16_384;

const NAME = v.pipe(v.string(), v.maxLength(256));
const ID = v.pipe(v.string(), v.minLength(1), v.maxLength(64));
const TIME = v.pipe(v.string(), v.maxLength(32), v.isoTimestamp());
const VERSION = v.pipe(v.string(), v.check(isVersion));

/** Replicas publish answers on channels with these names only, whatever a message asks for. */
const ANSWERS = /^__ratecache__:canary:[^{}\s]{1,64}:answers(\{\d{1,16}\})?$/;

const QUESTION = v.object({
  origin: ID,
  host: NAME,
  db: v.optional(v.number(), 0),
  question: v.object({ id: ID, key: v.string(), to: v.pipe(v.string(), v.regex(ANSWERS)) }),
});

const FACTS = {
  version: VERSION,
  stored_at: TIME,
  expires_at: TIME,
  as_of: v.optional(TIME),
  source: v.optional(NAME),
  encoding: v.picklist(['json', 'msgpack']),
  bytes: v.pipe(v.number(), v.minValue(0)),
};

const ANSWER = v.object({
  id: ID,
  replica: v.object({
    replica: ID,
    host: NAME,
    pid: v.number(),
    process: v.optional(v.number()),
    release: NAME,
    coherence: v.picklist(['coherent', 'degraded', 'blind', 'off']),
    lag_ms: v.optional(v.pipe(v.number(), v.minValue(0))),
    l1: v.object({
      state: v.picklist(['fresh', 'stale', 'untrusted', 'expired', 'absent', 'off']),
      ...v.partial(v.object({ ...FACTS, fresh_until: TIME })).entries,
    }),
    pending: v.nullable(
      v.object({
        ...v.partial(v.object(FACTS)).entries,
        operation: v.picklist(['set', 'delete']),
        version: VERSION,
      }),
    ),
    last_change: v.nullable(
      v.object({
        reason: v.picklist(['set', 'delete', 'expire', 'evict', 'flush', 'remote', 'rearmed']),
        at: TIME,
        version: v.optional(VERSION),
        writer: v.optional(ID),
      }),
    ),
    quality: v.optional(
      v.object({
        state: v.picklist(['good', 'suspect', 'halted']),
        reason: v.optional(v.pipe(v.string(), v.maxLength(1000))),
      }),
    ),
    input_change: v.optional(v.object({ key: v.string(), version: v.string() })),
  }),
});

/** The channel on which a replica receives answers. @param tag the hash tag of a slot in a Cluster, else '' */
export function answersChannel(origin: string, tag: string): string {
  return `__ratecache__:canary:${origin}:answers${tag}`;
}

export function questionText({ origin, host, ...question }: Question, db: number): string {
  return JSON.stringify({ origin, host, ...(db !== 0 && { db }), keys: [], question });
}

/** Returns undefined for any message that is not a question for this database, and for a malformed one. */
export function parseQuestion(message: Buffer, db: number, maxKeyBytes: number): Question | undefined {
  if (!message.includes('"question"')) return undefined;
  const parsed = parse(QUESTION, message);
  if (parsed === undefined || parsed.db !== db) return undefined;
  const { origin, host, question } = parsed;
  return keyFault(question.key, maxKeyBytes) === undefined ? { origin, host, ...question } : undefined;
}

export function answerText(id: string, replica: ReplicaView): string {
  return JSON.stringify({ keys: [], id, replica });
}

/** Returns undefined for a malformed message. */
export function parseAnswer(message: Buffer): { id: string; replica: ReplicaView } | undefined {
  return parse(ANSWER, message) as { id: string; replica: ReplicaView } | undefined;
}

function parse<T extends v.GenericSchema>(schema: T, message: Buffer): v.InferOutput<T> | undefined {
  if (message.length > MOST_BYTES) return undefined;
  try {
    const parsed = v.safeParse(schema, JSON.parse(message.toString()));
    return parsed.success ? parsed.output : undefined;
  } catch {
    return undefined;
  }
}
