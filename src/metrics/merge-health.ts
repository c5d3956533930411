/** `/health` of several processes of one service: the worst state. */
import type { CoherenceState } from '../cache/bus.ts';
import type { Health, HealthBody } from './health.ts';
import { mergePendingWrites } from './pending-writes-body.ts';

/** The health of one process; undefined if it did not answer. */
export interface ProcessHealth {
  readonly process: number;
  /** Undefined while no such process runs. */
  readonly pid: number | undefined;
  /** False until the process accepts connections. */
  readonly listens: boolean;
  readonly health: Health | undefined;
}

type State = HealthBody['status'];

const STATES: readonly State[] = ['healthy', 'degraded', 'unhealthy'];
const COHERENCE: readonly CoherenceState[] = ['off', 'coherent', 'degraded', 'blind'];

/** Returns undefined if no process has answered. */
export function mergeHealth(reports: readonly ProcessHealth[]): Health | undefined {
  const answers = reports.flatMap(({ health }) => (health === undefined ? [] : [health]));
  const [first] = answers;
  if (first === undefined) return undefined;
  const bodies = answers.map(({ body }) => body);
  const missing = reports
    .filter(({ health }) => health === undefined)
    .map(({ process, pid, listens }) => {
      if (pid === undefined) return `Process ${process} is restarting`;
      return `Process ${process} ${listens ? 'does not answer' : 'is starting'}`;
    });
  const states: State[] = [
    ...bodies.map(({ status }) => status),
    missing.length > 0 ? 'degraded' : 'healthy',
  ];
  const redis = bodies.map((body) => body.redis);
  const caches = bodies.map((body) => body.local_cache);
  const pendingWrites = mergePendingWrites(bodies);
  const tls = earliestExpiry(bodies);
  return {
    serving: answers.every(({ serving }) => serving),
    body: {
      ...first.body,
      status: worst(STATES, states),
      reasons: [...missing, ...sentencesOf(reports, ({ reasons }) => reasons)],
      warnings: sentencesOf(reports, ({ warnings }) => warnings),
      coherence: worst(
        COHERENCE,
        bodies.map(({ coherence }) => coherence),
      ),
      // The process with the greatest trouble describes Redis.
      redis: redis.reduce((a, b) => (trouble(b) > trouble(a) ? b : a)),
      local_cache: {
        status: caches.some(({ status }) => status === 'healthy') ? 'healthy' : 'disabled',
        items: sum(caches.map(({ items }) => items)),
        memory_bytes: sum(caches.map(({ memory_bytes }) => memory_bytes)),
      },
      ...(pendingWrites && { pending_writes: pendingWrites }),
      ...(tls && { tls }),
      processes: reports.map(({ process, pid, health }) => ({
        process,
        pid: pid ?? null,
        status: health?.body.status ?? 'no answer',
      })),
    },
  };
}

function trouble({ connected, breaker, response_time_ms: ms }: HealthBody['redis']): number {
  return (connected ? 0 : 2e9) + (breaker === 'open' ? 1e9 : 0) + (ms ?? 0);
}

/** During a replacement, the processes may have different certificates. Dates in ISO 8601 have the order of their text. */
function earliestExpiry(bodies: readonly HealthBody[]): HealthBody['tls'] {
  const all = bodies.flatMap(({ tls }) => tls ?? []);
  return all.reduce<HealthBody['tls']>(
    (a, b) => (a !== undefined && a.certificate_expires_at <= b.certificate_expires_at ? a : b),
    undefined,
  );
}

/** A sentence that not all processes have names the process. */
function sentencesOf(
  reports: readonly ProcessHealth[],
  of: (body: HealthBody) => readonly string[],
): string[] {
  const having = new Map<string, number[]>();
  const answered = reports.flatMap(({ process, health }) =>
    health === undefined ? [] : { process, health },
  );
  for (const { process, health } of answered)
    for (const sentence of of(health.body)) having.set(sentence, [...(having.get(sentence) ?? []), process]);
  return [...having].map(([sentence, processes]) =>
    processes.length === answered.length ? sentence : `Process ${processes.join(', ')}: ${sentence}`,
  );
}

function worst<T>(order: readonly T[], states: readonly T[]): T {
  return order[Math.max(...states.map((state) => order.indexOf(state)))]!;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0);
}
