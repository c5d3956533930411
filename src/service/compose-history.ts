/** What the live page shows of this service and of the other replicas. */
import type { Principal } from '../access/principal.ts';
import type { CoherenceState } from '../cache/bus.ts';
import { isoTime } from '../cache/key-view.ts';
import type { Config } from '../config/config.ts';
import type { Ops } from '../http/ops.ts';
import { History, INTERVAL_MS } from '../metrics/history.ts';
import { intervalOf, type Reading, readingOf } from '../metrics/interval.ts';
import type { Sample, ServerState } from '../metrics/sample.ts';
import type { ReplicaView } from '../redis/inquiry-messages.ts';
import type { Core } from './compose.ts';
import { ask, type OtherReplicas } from './explain.ts';
import type { HistorySamples } from './supervisor/questions.ts';

/** The body of `GET /v1/history`. */
export interface HistoryBody {
  /** The id of the process, or of the supervisor of several. Numbers of samples with two ids are not comparable. */
  readonly replica: string;
  readonly interval_seconds: number;
  /** Who asks, and what it may do; null in a service without tokens. */
  readonly client: ClientBody | null;
  /** The body of `/health`. */
  readonly health: unknown;
  readonly samples: readonly Sample[];
}

interface ClientBody {
  readonly name: string;
  readonly scopes: readonly string[];
  /** The first characters of the keys that the client may use; null allows every key. */
  readonly prefixes: readonly string[] | null;
}

/** The body of `GET /v1/replicas`. */
export interface ReplicasBody {
  /** In ISO 8601. */
  readonly at: string;
  /** The replica that received the request comes first. */
  readonly replicas: readonly ReplicaState[];
  readonly others: OtherReplicas;
}

interface ReplicaState extends Pick<ReplicaView, 'replica' | 'host' | 'pid' | 'release'> {
  readonly coherence: CoherenceState;
  /** The latest time from a change in Redis to its invalidation in the replica; null before the first one. */
  readonly lag_ms: number | null;
}

/** Several open pages cost one question to the other replicas in this time. */
const REPLICAS_AGE_MS = 1000;

/** Others are asked about this key, because each question is about one. */
const ASKED_KEY = 'other:replicas';

/** The history of all processes of the service, from its supervisor. */
type Whole = (after: number) => Promise<HistorySamples>;

/** @param whole absent in a service of one process, which keeps its history itself */
export function composeHistory(config: Config, core: Core, ops: Pick<Ops, 'health'>, whole?: Whole) {
  const own = whole === undefined ? ownHistory(core) : undefined;
  let asked: Promise<ReplicasBody> | undefined;
  let askedAt = Number.NEGATIVE_INFINITY;
  return {
    history: async (after: number, principal: Principal | undefined): Promise<HistoryBody> => {
      const [{ replica, samples }, health] = await Promise.all([
        own === undefined ? whole!(after) : { replica: core.replica, samples: own.history.after(after) },
        ops.health(),
      ]);
      return {
        replica,
        interval_seconds: INTERVAL_MS / 1000,
        client: clientBody(principal),
        health: health.body,
        samples,
      };
    },
    replicas: (): Promise<ReplicasBody> => {
      const now = performance.now();
      if (asked === undefined || now - askedAt > REPLICAS_AGE_MS) {
        askedAt = now;
        asked = replicasOf(config, core);
      }
      return asked;
    },
    stop: () => clearInterval(own?.timer),
  };
}

function ownHistory(core: Core) {
  const history = new History();
  let before = readingOfCore(core);
  const record = () => {
    const now = readingOfCore(core);
    history.add(intervalOf(before, now));
    before = now;
  };
  return { history, timer: setInterval(record, INTERVAL_MS).unref() };
}

/** The counters and the state of this process now. It is called once an interval. */
export function readingOfCore({ cache, counters, loopDelay, redis }: Core): Reading {
  return readingOf({
    counters,
    coherence: () => cache.coherence,
    servers: () => redis?.servers().map(serverState) ?? [],
    pendingWrites: () => cache.pendingWrites?.size,
    l1: () => cache.memory,
    loopDelayMs: () => loopDelay.takeLongestMs(),
  });
}

function clientBody(principal: Principal | undefined): ClientBody | null {
  if (principal === undefined) return null;
  const { name, scopes, prefixes } = principal;
  return { name, scopes: [...scopes], prefixes: prefixes === undefined ? null : [...prefixes] };
}

function serverState({
  name,
  server,
}: ReturnType<NonNullable<Core['redis']>['servers']>[number]): ServerState {
  return {
    ...(name !== undefined && { name }),
    coherence: server.state,
    connected: server.redis.data.status === 'ready',
    breaker: server.breaker.open ? 'open' : 'closed',
  };
}

async function replicasOf(config: Config, core: Core): Promise<ReplicasBody> {
  const { reason, replicas, silent, missing } = await ask(config, core, ASKED_KEY);
  const own = core.view(ASKED_KEY);
  return {
    at: isoTime(core.clock.now),
    replicas: [{ ...own, coherence: core.cache.coherence }, ...replicas].map(stateOf),
    others: {
      asked: reason === undefined,
      ...(reason !== undefined && { reason }),
      silent,
      missing: missing.map(({ replica, host, seenAt }) => ({ replica, host, seen_at: isoTime(seenAt) })),
    },
  };
}

function stateOf({ replica, host, pid, release, coherence, lag_ms }: ReplicaView): ReplicaState {
  return { replica, host, pid, release, coherence, lag_ms: lag_ms ?? null };
}
