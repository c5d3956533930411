/** A log, replayed against a service, as a result like any other run's. */
import { assemble } from '../assemble.ts';
import { flood } from '../pacer/flood.ts';
import { HttpLane } from '../pacer/http-lane.ts';
import { pace } from '../pacer/pacer.ts';
import type { RunResult } from '../result.ts';
import type { SecondSent } from '../support/recorder.ts';
import { fillRedis } from '../target/fill-redis.ts';
import { machineOf } from '../target/machine.ts';
import { Sampler, type ServerSecond } from '../target/sampler.ts';
import { startConstantServer } from '../target/start-constant-server.ts';
import type { Target } from '../target/target.ts';
import type { Operation } from './operation.ts';
import { expectedData, requestsOf } from './requests.ts';
import { timeline, withLead } from './timeline.ts';

export interface ReplayOptions {
  /** Of the log, for the report. */
  readonly name: string;
  /** 1 as logged, up to 100. */
  readonly speed: number;
  readonly connections: number;
  /** What is due later is left out. */
  readonly mostSeconds: number;
  /** All has been started, and the machine been looked at. */
  readonly beforeSending?: () => void;
  readonly onSecond?: (second: SecondSent) => void;
}

const CEILING_MS = 1_000;
/** The pacer's thread starts in it; without, what is due first would be sent late. */
const LEAD_MS = 1_000;

/** Writes into Redis what the log expects to find there; L1 stays cold. */
export async function fillTarget({ redis }: Target, operations: readonly Operation[]): Promise<void> {
  if (redis !== undefined) await fillRedis(redis, expectedData(operations));
}

/** Sends the operations from this process, each when it is due, and judges the answers. */
export async function replay(
  target: Target,
  operations: readonly Operation[],
  options: ReplayOptions,
): Promise<RunResult> {
  const { name, connections, speed, mostSeconds } = options;
  const schedule = timeline(operations, speed, mostSeconds * 1_000);
  if (schedule.count < 2) throw new Error('the log has no two operations within the time');
  const request = requestsOf(operations.slice(0, schedule.count));
  const machine = await machineOf(target);
  options.beforeSending?.();
  const ceilingPerSecond = await ceilingOf((n) => request(n % schedule.count), connections);

  const startedAt = new Date().toISOString();
  const sampler = new Sampler(target);
  await sampler.begin();
  const samples: Promise<ServerSecond>[] = [];
  const generated = await pace({
    schedule: withLead(schedule, LEAD_MS),
    request,
    open: () => new HttpLane(target.port, target.host),
    connections,
    // Nothing is due in it: every request of the log counts, its beginning too.
    warmupMs: LEAD_MS,
    measuredMs: Math.max(1, schedule.lastsMs),
    onSecond: (second) => {
      samples.push(sampler.next());
      options.onSecond?.(second);
    },
  });
  const server = await Promise.all(samples);
  const lastsSeconds = schedule.lastsMs / 1_000;
  const ratePerSecond = schedule.count / lastsSeconds;
  const rhythm = speed === 1 ? 'as fast as they came' : `${speed} times as fast`;
  const about = {
    profile: `replay-${name}`,
    question: `How long do the requests of ${name} wait, in their own order and rhythm, ${rhythm}?`,
    startedAt,
    // Nothing in it is drawn by chance.
    seed: 0,
    machine,
    load: { kind: 'open', connections, ratePerSecond, warmupSeconds: 0, seconds: lastsSeconds },
  } as const;
  // No gate on hits: how often a log hits is its own affair.
  return assemble(about, generated, { ceilingPerSecond, server, redisReadShare: null }, [
    'latency',
    'errors',
  ]);
}

/** What this process reaches, with these requests, against a server that does nothing. */
async function ceilingOf(request: Parameters<typeof flood>[1], connections: number): Promise<number> {
  const shape = {
    data: { symbols: 1, types: [] },
    traffic: { kind: 'mix', over: 'http', parts: [{ op: 'get', share: 1, draw: 'uniform' }] },
  } as const;
  const constantServer = await startConstantServer(shape);
  try {
    return await flood(() => new HttpLane(constantServer.port), request, connections, CEILING_MS);
  } finally {
    constantServer.stop();
  }
}
